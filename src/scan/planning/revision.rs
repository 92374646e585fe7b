//! The input with other versions: lines that pin a package get another version, and packages that no line pins are
//! bounded from below.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::name::{Bound, PackageName, Version, bounded_by, of_name, pinned};
use crate::model::place::Place;
use crate::model::request::{Request, Requests, Wanted};

use super::super::obstacles::named;

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Revision {
    /// Packages, and the versions that they are to have.
    pub(super) changes: BTreeMap<PackageName, (Bound, Version)>,
    /// Lines whose pins only bound from below, so that they can move with the changes.
    pub(super) loosened: BTreeSet<Place>,
}

impl Revision {
    /// The input as it would be.
    pub(super) fn of(&self, requests: &Requests) -> Requests {
        let mut revised = requests.clone();
        let mut lines: Vec<&mut Request> = revised.requests.iter_mut().chain(&mut revised.constraints).collect();
        let mut pins: BTreeSet<PackageName> = BTreeSet::new();
        for line in &mut lines {
            pins.extend(self.revise(line));
        }
        let unpinned = self.changes.iter().filter(|(name, _)| !pins.contains(*name));
        let bounds: Vec<Request> = unpinned
            .map(|(name, (_, version))| Request {
                wanted: Wanted::Named(bounded_by(&of_name(name), Bound::AtLeast, version)),
                hashes: Vec::new(),
                place: Place { file: "the plan".to_owned(), line: None, column: None },
            })
            .collect();
        revised.constraints.extend(bounds);
        revised
    }

    /// Gives a line that pins a package its new version, and the package's name when it was one to be changed.
    fn revise(&self, line: &mut Request) -> Option<PackageName> {
        let requirement = named(line)?.clone();
        let version = pinned(&requirement)?.clone();
        let change = self.changes.get(&requirement.name).cloned();
        let (bound, to) = match &change {
            Some(change) => change.clone(),
            None if self.loosened.contains(&line.place) => (Bound::AtLeast, version),
            None => return None,
        };
        line.wanted = Wanted::Named(bounded_by(&requirement, bound, &to));
        // They are those of the version that it pinned.
        line.hashes.clear();
        change.map(|_| requirement.name)
    }

    /// Packages to be changed to one version exactly that lines among these pin.
    pub(super) fn exact(&self, requests: &Requests, places: &[Place]) -> BTreeSet<PackageName> {
        let lines = requests.requests.iter().chain(&requests.constraints).filter(|line| places.contains(&line.place));
        let names = lines.filter_map(named).filter(|requirement| pinned(requirement).is_some());
        let names = names.map(|requirement| requirement.name.clone());
        names.filter(|name| self.changes.get(name).is_some_and(|(bound, _)| *bound == Bound::Exactly)).collect()
    }

    /// Lets these packages have newer versions than those that they are to be changed to.
    pub(super) fn allow_newer(&mut self, names: &[PackageName]) {
        for (name, (bound, _)) in &mut self.changes {
            if names.contains(name) {
                *bound = Bound::AtLeast;
            }
        }
    }

    /// Lines among these that pin a package which is not to be changed, and are not loosened yet.
    pub(super) fn loosenable(&self, requests: &Requests, places: &[Place]) -> BTreeSet<Place> {
        let lines = requests.requests.iter().chain(&requests.constraints);
        let pins = lines.filter(|line| {
            let requirement = named(line).filter(|requirement| pinned(requirement).is_some());
            requirement.is_some_and(|requirement| !self.changes.contains_key(&requirement.name))
        });
        let places = pins.map(|line| line.place.clone()).filter(|place| places.contains(place));
        places.filter(|place| !self.loosened.contains(place)).collect()
    }
}
