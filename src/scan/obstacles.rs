//! What keeps a version of a package out of a set: lines of the input, and requirements of the set's other packages.

use crate::model::name::{PackageName, Requirement, Version, pinned, specifiers};
use crate::model::place::Place;
use crate::model::plan::VersionObstacle;
use crate::model::request::{Request, Requests};
use crate::model::resolution::{Chosen, Resolution};
use crate::model::target::Target;
use crate::resolve::{PackageCatalog, markers};

use super::distributions::RunDistributions;
use super::judging;

/// Whether a line pins the package to one version.
pub(super) fn is_pinned(requests: &Requests, name: &PackageName) -> bool {
    let lines = requests
        .requests
        .iter()
        .chain(&requests.constraints)
        .filter_map(Request::named);
    lines
        .filter(|requirement| requirement.name == *name)
        .any(|requirement| pinned(requirement).is_some())
}

/// Lines that keep the version out. A line that pins the package is there to be changed, and keeps nothing out.
pub(super) fn lines(
    requests: &Requests,
    target: Target,
    name: &PackageName,
    version: &Version,
) -> Vec<VersionObstacle> {
    let Ok(environment) = markers::environment(target, 0) else {
        return Vec::new();
    };
    let lines = requests.requests.iter().chain(&requests.constraints);
    let lines = lines.filter_map(|request| Some((&request.place, request.named()?)));
    let lines = lines.filter(|(_, requirement)| pinned(requirement).is_none());
    let locked = requests
        .locks
        .iter()
        .flat_map(|lock| &lock.bounds)
        .filter(|bound| !bound.can_be_changed());
    let about = lines
        .chain(locked.map(|bound| (&bound.place, &bound.requirement)))
        .filter(|(_, it)| it.name == *name);
    let against = about.filter_map(|(place, requirement)| {
        let wanted = specifiers(requirement)?;
        let counts = requirement.marker.evaluate(&environment, &[]) && !wanted.contains(version);
        counts.then(|| VersionObstacle {
            place: Some(place.clone()),
            package: None,
            wants: wanted.to_string(),
        })
    });
    against.collect()
}

/// Packages of the set whose requirements keep the version out, each with the line that pins it where there is one.
pub(super) fn packages(
    requests: &Requests,
    resolution: &Resolution,
    distributions: &RunDistributions,
    (name, version): (&PackageName, &Version),
) -> Vec<VersionObstacle> {
    let Ok(environment) = markers::environment(resolution.target, 0) else {
        return Vec::new();
    };
    let mut obstacles = Vec::new();
    for chosen in resolution
        .packages
        .iter()
        .filter(|chosen| chosen.name != *name)
    {
        let (Some(artifact), Some(its_version)) =
            (judging::artifact(&chosen.choice), &chosen.version)
        else {
            continue;
        };
        let Ok(metadata) = distributions.metadata(artifact) else {
            continue;
        };
        let counts = |requirement: &&Requirement| {
            requirement.name == *name && requirement.marker.evaluate(&environment, &chosen.extras)
        };
        for wanted in metadata
            .requires_dist
            .iter()
            .filter(counts)
            .filter_map(specifiers)
        {
            if !wanted.contains(version) {
                let package = Some((chosen.name.clone(), its_version.clone()));
                obstacles.push(VersionObstacle {
                    place: pin_of(requests, chosen),
                    package,
                    wants: wanted.to_string(),
                });
            }
        }
    }
    obstacles.sort();
    obstacles.dedup();
    obstacles
}

/// The line that pins a package.
fn pin_of(requests: &Requests, chosen: &Chosen) -> Option<Place> {
    let lines = requests.requests.iter().chain(&requests.constraints);
    let mut pins = lines.filter(|request| {
        request.named().is_some_and(|requirement| {
            requirement.name == chosen.name && pinned(requirement).is_some()
        })
    });
    pins.next().map(|request| request.place.clone())
}
