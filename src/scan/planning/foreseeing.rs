//! What a build would become, and what it needs, of the packages for which a plan has nothing better than that. Their
//! sdists are read with the requests that the search of other versions has left. Where that does not help, the newest
//! version's sdist is read too.

use std::collections::BTreeMap;

use crate::model::artifact::{Artifact, ArtifactKind};
use crate::model::name::{PackageName, VersionSpecifiers};
use crate::model::place::Location;
use crate::model::plan::{ForeseenBuild, NewerBuild};
use crate::model::request::Requests;
use crate::model::resolution::{Choice, Chosen, Resolution};
use crate::model::source::{Becomes, Forecast};
use crate::model::target::Target;
use crate::resolve::editions::{TargetVersion, TargetVersions};

use super::super::examinations::ExaminationIndex;
use super::super::judging::{self, PackageFacts};
use super::super::obstacles;
use super::super::session::{ScanSession, each};
use super::first_ready;

/// A package that has to be built on a target.
#[derive(Clone, Copy)]
pub(super) struct ToBuild<'a> {
    /// The set that the package is in.
    pub(super) set: &'a Resolution,
    pub(super) chosen: &'a Chosen,
    /// How many sdists may be read for it.
    pub(super) sdists: u64,
}

/// What is foreseen of each build, with what is known of the set's files. Where nothing was read the forecast says so; there
/// is none for a target that always has the GIL, nor for a folder of sources.
pub(super) fn foresee(
    session: &ScanSession<'_>,
    requests: &Requests,
    known: &ExaminationIndex,
    builds: &[ToBuild<'_>],
) -> BTreeMap<(PackageName, Target), ForeseenBuild> {
    let builds: Vec<&ToBuild<'_>> = builds
        .iter()
        .filter(|build| build.set.target.python.free_threaded)
        .collect();
    let mut all = known.clone();
    all.extend(examine(
        session,
        builds
            .iter()
            .map(|build| (&build.chosen.choice, build.sdists)),
    ));
    let now: Vec<(&ToBuild<'_>, Forecast)> = builds
        .iter()
        .filter_map(|build| Some((*build, forecast(session, build.set, build.chosen, &all)?)))
        .collect();
    // Where there were no requests for the one, there are none for the other.
    let is_read = |choice: &Choice| {
        judging::readable(choice).is_some_and(|it| all.contains_key(&it.location))
    };
    let newest = |(build, forecast): &(&ToBuild<'_>, Forecast)| {
        if is_read(&build.chosen.choice) && !forecast.becomes.helps() {
            newest(session, requests, build)
        } else {
            None
        }
    };
    let newest: Vec<Option<TargetVersion>> = now.iter().map(newest).collect();
    let newer = now
        .iter()
        .zip(&newest)
        .filter_map(|((build, _), edition)| Some((build, edition.as_ref()?)));
    all.extend(examine(
        session,
        newer.map(|(build, edition)| (&edition.choice, build.sdists.saturating_sub(1))),
    ));
    let foreseen = now.into_iter().zip(newest).map(|((build, now), newest)| {
        let newer = newest.and_then(|edition| {
            let TargetVersion { version, choice } = edition;
            let chosen = Chosen {
                version: Some(version.clone()),
                choice,
                ..build.chosen.clone()
            };
            Some(NewerBuild {
                version,
                forecast: forecast(session, build.set, &chosen, &all)?,
            })
        });
        (
            (build.chosen.name.clone(), build.set.target),
            ForeseenBuild { now, newer },
        )
    });
    foreseen.collect()
}

/// Reads the sdists for which there are requests left; packages at the same time, those of one package in order.
fn examine<'a>(
    session: &ScanSession<'_>,
    choices: impl Iterator<Item = (&'a Choice, u64)>,
) -> ExaminationIndex {
    let mut packages: BTreeMap<&PackageName, BTreeMap<&Location, (&Artifact, u64)>> =
        BTreeMap::new();
    for (artifact, sdists) in
        choices.filter_map(|(choice, most)| Some((judging::readable(choice)?, most)))
    {
        let files = packages.entry(&artifact.name).or_default();
        files
            .entry(&artifact.location)
            .or_insert((artifact, sdists));
    }
    let packages: Vec<Vec<(&Artifact, u64)>> = packages
        .into_values()
        .map(|it| it.into_values().collect())
        .collect();
    let examined = each(&packages, |files| {
        let affordable = files
            .iter()
            .filter(|(artifact, sdists)| is_affordable(artifact, *sdists));
        let examine = |(artifact, _): &(&Artifact, u64)| {
            (
                artifact.location.clone(),
                session.distributions.examine(artifact),
            )
        };
        affordable.map(examine).collect::<Vec<_>>()
    });
    examined.into_iter().flatten().collect()
}

fn is_affordable(artifact: &Artifact, sdists: u64) -> bool {
    matches!(artifact.location, Location::Path(_)) || sdists > 0
}

/// What is foreseen of an sdist in a set, as a scan of the set has it; without a look at it nothing is known, and it is known
/// how to change that.
fn forecast(
    session: &ScanSession<'_>,
    set: &Resolution,
    chosen: &Chosen,
    examinations: &ExaminationIndex,
) -> Option<Forecast> {
    let artifact = judging::readable(&chosen.choice)?;
    if examinations.contains_key(&artifact.location) {
        let distributions = session.distributions;
        let release =
            |chosen: &Chosen| distributions.release(&chosen.name, chosen.version.as_ref());
        let newest =
            |name: &PackageName, admitted: &VersionSpecifiers| distributions.newest(name, admitted);
        let found = PackageFacts {
            examinations,
            other: None,
            release: &release,
            newest: &newest,
        };
        return judging::forecast(set, chosen, found);
    }
    let why =
        "the search among its versions left no requests for its sources, which `ungil scan` reads";
    Some(Forecast {
        becomes: Becomes::Unknown,
        reason: format!("what it becomes is unknown: {why}"),
        needs: Vec::new(),
        requires: Vec::new(),
        evidence: Vec::new(),
    })
}

/// The newest version that the lines of the input let in, where it is newer than the one in the set and has to be built
/// too.
fn newest(
    session: &ScanSession<'_>,
    requests: &Requests,
    build: &ToBuild<'_>,
) -> Option<TargetVersion> {
    let ToBuild { set, chosen, .. } = *build;
    let target = set.target;
    let from = chosen.version.as_ref()?;
    let listing = session.distributions.index().known_listing(&chosen.name)?;
    let editions = TargetVersions::of(&chosen.name, listing, &requests.sources, target);
    let newer = editions.versions().filter(|version| *version > from);
    let newer = newer.filter(|version| !first_ready::is_early(version, from, requests));
    let allowed = newer
        .filter(|version| obstacles::lines(requests, target, &chosen.name, version).is_empty());
    let edition = editions.edition(allowed.last()?)?;
    let is_sdist = |artifact: &Artifact| artifact.kind == ArtifactKind::Sdist;
    matches!(&edition.choice, Choice::Source { artifact } if is_sdist(artifact)).then_some(edition)
}
