//! An environment's versions, as if a lock file pinned them: what somebody gets who installs them again elsewhere. Or as
//! if lines of a requirements file did, which others than these may take the place of.

use std::collections::BTreeMap;

use crate::installed::{EnvironmentInventory, InstalledDistribution};
use crate::model::lock::{Lock, LockedEdge, LockedPackage, Pin};
use crate::model::name::{Bound, MarkerTree, PackageName, Requirement, bounded_by, of_name};
use crate::model::place::Place;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::{Request, WantedPackage};

/// Every distribution that can be installed again; of the others a problem tells.
fn pinned<'a>(
    inventory: &'a EnvironmentInventory,
    problems: &mut Vec<Problem>,
) -> Vec<(&'a InstalledDistribution, Pin)> {
    let mut pinned: Vec<(&InstalledDistribution, Pin)> = Vec::new();
    for distribution in &inventory.distributions {
        match pin(distribution) {
            Ok(pin) => pinned.push((distribution, pin)),
            Err(why) => problems.push(Problem {
                kind: ProblemKind::Resolution,
                package: Some(distribution.name.clone()),
                place: distribution.folder.display().to_string(),
                message: format!("cannot be installed elsewhere by its version alone: {why}"),
            }),
        }
    }
    for unowned in &inventory.unowned {
        let what = match unowned.files.len() {
            1 => "a compiled file".to_owned(),
            count => format!("{count} compiled files"),
        };
        let message = format!(
            "{what} that no package owns, and so none that would be installed for another Python"
        );
        let place = unowned.folder.display().to_string();
        problems.push(Problem {
            kind: ProblemKind::Resolution,
            package: None,
            place,
            message,
        });
    }
    pinned
}

/// One line for each distribution that can be installed again, each with a place of its own: `.venv (numpy 2.3.2)`.
pub(super) fn lines(
    inventory: &EnvironmentInventory,
    shown: &str,
    problems: &mut Vec<Problem>,
) -> Vec<Request> {
    let mut lines: BTreeMap<&PackageName, Request> = BTreeMap::new();
    for (distribution, pin) in pinned(inventory, problems) {
        let wanted = match pin {
            Pin::Version(version) => WantedPackage::Named(bounded_by(
                &of_name(&distribution.name),
                Bound::Exactly,
                &version,
            )),
            Pin::Location(location) => WantedPackage::Unnamed {
                location,
                extras: Vec::new(),
                marker: MarkerTree::TRUE,
            },
            Pin::Project => continue,
        };
        let version = distribution
            .version
            .as_ref()
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        let place = Place {
            file: format!("{shown} ({}{version})", distribution.name),
            line: None,
            column: None,
        };
        // Of two in different folders Python imports the first.
        lines.entry(&distribution.name).or_insert(Request {
            wanted,
            hashes: Vec::new(),
            place,
        });
    }
    lines.into_values().collect()
}

/// Pins every distribution that can be installed again; of the others a problem tells.
pub(super) fn lock(
    inventory: &EnvironmentInventory,
    place: &Place,
    problems: &mut Vec<Problem>,
) -> Lock {
    let pinned = pinned(inventory, problems);
    let mut positions: BTreeMap<&PackageName, usize> = BTreeMap::new();
    for (position, (distribution, _)) in pinned.iter().enumerate() {
        positions.entry(&distribution.name).or_insert(position);
    }
    let edge = |requirement: &Requirement| LockedEdge {
        to: 0,
        extras: requirement.extras.clone(),
        marker: requirement.marker.clone(),
        of_extra: None,
    };
    let package = |(distribution, pin): (&InstalledDistribution, Pin)| {
        let requires = distribution
            .metadata
            .iter()
            .flat_map(|metadata| &metadata.requires_dist);
        let found = requires.filter_map(|it| {
            Some(LockedEdge {
                to: *positions.get(&it.name)?,
                ..edge(it)
            })
        });
        LockedPackage {
            name: distribution.name.clone(),
            pin,
            // Whoever installs these versions gets all of them, whatever they require of each other.
            listed: Some(MarkerTree::TRUE),
            hashes: Vec::new(),
            dependencies: found.collect(),
            place: place.clone(),
        }
    };
    let packages = pinned
        .iter()
        .map(|(distribution, pin)| package((distribution, pin.clone())))
        .collect();
    Lock {
        file: place.file.clone(),
        packages,
        ..Lock::default()
    }
}

fn pin(distribution: &InstalledDistribution) -> Result<Pin, &'static str> {
    match (&distribution.source, &distribution.version) {
        (Some(location), _) => Ok(Pin::Location(location.clone())),
        (None, _) if distribution.editable.is_some() => {
            Err("it is edited in place, and its project is not there")
        }
        // What only conda knows need not be what an index has under the name.
        (None, _) if distribution.metadata.is_none() => Err("it has no METADATA"),
        (None, Some(version)) => Ok(Pin::Version(version.clone())),
        (None, None) => Err("it states none"),
    }
}
