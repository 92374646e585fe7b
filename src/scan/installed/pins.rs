//! An environment's versions, as if a lock file pinned them: what somebody gets who installs them again elsewhere.

use std::collections::BTreeMap;

use crate::installed::{Distribution, Inventory};
use crate::model::lock::{Lock, LockedEdge, LockedPackage, Pin};
use crate::model::name::{MarkerTree, PackageName, Requirement};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::Place;

/// Pins every distribution that can be installed again; of the others a problem tells.
pub(super) fn lock(inventory: &Inventory, place: &Place, problems: &mut Vec<Problem>) -> Lock {
    let mut pinned: Vec<(&Distribution, Pin)> = Vec::new();
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
        let message = format!("{what} that no package owns, and so none that would be installed for another Python");
        let place = unowned.folder.display().to_string();
        problems.push(Problem { kind: ProblemKind::Resolution, package: None, place, message });
    }
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
    let package = |(distribution, pin): (&Distribution, Pin)| {
        let requires = distribution.metadata.iter().flat_map(|metadata| &metadata.requires_dist);
        let found = requires.filter_map(|it| Some(LockedEdge { to: *positions.get(&it.name)?, ..edge(it) }));
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
    let packages = pinned.iter().map(|(distribution, pin)| package((distribution, pin.clone()))).collect();
    Lock { file: place.file.clone(), packages, ..Lock::default() }
}

fn pin(distribution: &Distribution) -> Result<Pin, &'static str> {
    match (&distribution.source, &distribution.version) {
        (Some(location), _) => Ok(Pin::Location(location.clone())),
        (None, _) if distribution.editable.is_some() => Err("it is edited in place, and its project is not there"),
        // What only conda knows need not be what an index has under the name.
        (None, _) if distribution.metadata.is_none() => Err("it has no METADATA"),
        (None, Some(version)) => Ok(Pin::Version(version.clone())),
        (None, None) => Err("it states none"),
    }
}
