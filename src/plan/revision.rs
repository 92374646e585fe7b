//! The input with other versions: as it is left when versions may change, and as it is with the changes of a plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::lock::{Lock, LockTool, LockedBound, Pin};
use crate::model::name::{
    Bound, PackageName, Requirement, Version, bounded_by, of_name, of_versions, pinned,
};
use crate::model::place::Place;
use crate::model::request::{Request, Requests, WantedPackage};
use crate::model::target::Target;

use super::world::{JudgedSet, PlanWorld, RequirementMode, TryOrders};

/// What is to be changed about a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionChange {
    /// What pins it pins this version.
    Pin(Version),
    /// What pins it lets go of it, and its tool takes the newest version.
    Unpin,
}

/// All changes, and bounds on what nothing pins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputRevision {
    /// Packages that something pins.
    pub changes: BTreeMap<PackageName, VersionChange>,
    /// Bounds on packages of which installers take the newest version otherwise.
    pub bounds: BTreeMap<PackageName, VersionBound>,
}

/// A bound on the versions of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionBound {
    /// `>=`
    AtLeast(Version),
    /// `<`
    Below(Version),
}

/// The input of a plan.
#[derive(Clone, Copy)]
pub(super) struct PlanInput<'a> {
    pub(super) requests: &'a Requests,
    pub(super) before: &'a JudgedSet,
    pub(super) requirements: RequirementMode,
}

impl PlanInput<'_> {
    /// Packages that a line or a lock file pins to a version.
    pub(super) fn pinned(&self) -> BTreeSet<PackageName> {
        let lines = self
            .requests
            .requests
            .iter()
            .chain(&self.requests.constraints)
            .filter_map(Request::named);
        let lines = lines
            .filter(|requirement| pinned(requirement).is_some())
            .map(|requirement| &requirement.name);
        let locked = self.requests.locks.iter().flat_map(locked_names);
        lines.chain(locked).cloned().collect()
    }

    /// The version that a package has now: that of the target's set, of another target's, or the one that a lock holds ready
    /// for other Pythons.
    pub(super) fn current(&self, name: &PackageName, target: Target) -> Option<Version> {
        let targets = self.before.resolutions.iter().map(|set| set.target);
        let of_sets = std::iter::once(target)
            .chain(targets)
            .find_map(|on| self.before.version(name, on));
        of_sets.cloned().or_else(|| {
            let packages = self.requests.locks.iter().flat_map(|lock| &lock.packages);
            let pinned = packages
                .filter(|package| package.name == *name)
                .filter_map(|package| match &package.pin {
                    Pin::Version(version) => Some(version),
                    Pin::Location(_) | Pin::Project => None,
                });
            pinned.max().cloned()
        })
    }

    /// What is left when every version may change: no line pins anything, and of locks what their projects say.
    pub(super) fn open(&self, target: Target, world: &impl PlanWorld) -> Requests {
        let opened = |line: &Request| match &line.wanted {
            WantedPackage::Named(requirement) if pinned(requirement).is_some() => {
                let wanted = WantedPackage::Named(Requirement {
                    version_or_url: None,
                    ..requirement.clone()
                });
                Request {
                    wanted,
                    hashes: Vec::new(),
                    place: line.place.clone(),
                }
            }
            WantedPackage::Named(_) | WantedPackage::Unnamed { .. } => line.clone(),
        };
        let lines = self.requests.requests.iter().map(opened).collect();
        let constraints = self.requests.constraints.iter().map(opened).collect();
        let mut open = Requests {
            requests: lines,
            constraints,
            ..self.requests.clone()
        };
        for lock in &mut open.locks {
            lock.bounds.retain(|bound| !bound.can_be_changed());
        }
        self.without_locks(open, target, world)
    }

    /// The input as it is after a revision, with the versions that stay.
    pub(super) fn revised(
        &self,
        revision: &InputRevision,
        target: Target,
        world: &impl PlanWorld,
    ) -> (Requests, TryOrders) {
        let mut revised = self.requests.clone();
        for line in revised.requests.iter_mut().chain(&mut revised.constraints) {
            revision.revise(line);
        }
        for lock in &mut revised.locks {
            let is_changed =
                |bound: &LockedBound| revision.changes.contains_key(&bound.requirement.name);
            lock.bounds
                .retain(|bound| !(bound.can_be_changed() && is_changed(bound)));
        }
        revised.constraints.extend(
            revision
                .bounds
                .iter()
                .map(|(name, bound)| bound.constraint(name)),
        );
        let locked = self
            .requests
            .locks
            .iter()
            .flat_map(locked_names)
            .collect::<BTreeSet<_>>();
        let order = |name: &PackageName| match revision.changes.get(name) {
            Some(VersionChange::Pin(to)) => Some(vec![to.clone()]),
            Some(VersionChange::Unpin) => None,
            None => Some(vec![self.current(name, target)?]),
        };
        let orders = locked
            .into_iter()
            .filter_map(|name| Some((name.clone(), order(name)?)))
            .collect();
        (self.without_locks(revised, target, world), orders)
    }

    /// Lines instead of locks.
    fn without_locks(
        &self,
        mut requests: Requests,
        target: Target,
        world: &impl PlanWorld,
    ) -> Requests {
        for lock in std::mem::take(&mut requests.locks) {
            match self.requirements {
                RequirementMode::Followed => {
                    requests.requests.extend(world.unlocked(&lock, target));
                    requests
                        .constraints
                        .extend(lock.bounds.into_iter().map(bound_line));
                    requests
                        .overrides
                        .extend(lock.overrides.into_iter().map(bound_line));
                }
                // Each is there for itself.
                RequirementMode::Ignored => {
                    let is_there =
                        |name: &&PackageName| self.before.version(name, target).is_some();
                    let names: BTreeSet<&PackageName> =
                        locked_names(&lock).filter(is_there).collect();
                    let place = Place {
                        file: lock.file.clone(),
                        line: None,
                        column: None,
                    };
                    let line = |name: &PackageName| Request {
                        wanted: WantedPackage::Named(of_name(name)),
                        hashes: Vec::new(),
                        place: place.clone(),
                    };
                    requests.requests.extend(names.into_iter().map(line));
                }
            }
        }
        requests
    }

    /// Whether a tool that takes the newest versions of what it lets go of pins the package.
    pub(super) fn floats(&self, name: &PackageName) -> bool {
        let locks = self
            .requests
            .locks
            .iter()
            .filter(|lock| locked_names(lock).any(|locked| locked == name));
        locks
            .into_iter()
            .any(|lock| LockTool::of(&lock.file).is_some_and(LockTool::takes_newest))
    }
}

fn bound_line(bound: LockedBound) -> Request {
    Request {
        wanted: WantedPackage::Named(bound.requirement),
        hashes: Vec::new(),
        place: bound.place,
    }
}

fn locked_names(lock: &Lock) -> impl Iterator<Item = &PackageName> {
    let from_index = lock
        .packages
        .iter()
        .filter(|package| matches!(package.pin, Pin::Version(_)));
    from_index.map(|package| &package.name)
}

impl InputRevision {
    /// Gives a line that pins a package to be changed its new version. Its digests are those of the old one.
    fn revise(&self, line: &mut Request) {
        let WantedPackage::Named(requirement) = &line.wanted else {
            return;
        };
        if let Some(VersionChange::Pin(to)) = self.changes.get(&requirement.name)
            && pinned(requirement).is_some_and(|from| from != to)
        {
            line.wanted = WantedPackage::Named(bounded_by(requirement, Bound::Exactly, to));
            line.hashes.clear();
        }
    }

    /// How many changes it is.
    pub(super) fn len(&self) -> usize {
        self.changes.len() + self.bounds.len()
    }
}

impl VersionBound {
    fn constraint(&self, name: &PackageName) -> Request {
        let place = Place {
            file: "the plan".to_owned(),
            line: None,
            column: None,
        };
        let wanted = WantedPackage::Named(of_versions(name, self.to_string().parse().ok()));
        Request {
            wanted,
            hashes: Vec::new(),
            place,
        }
    }
}

impl std::fmt::Display for VersionBound {
    /// As a person writes it: `>=2.3.2`, `<13`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            VersionBound::AtLeast(version) => write!(formatter, ">={version}"),
            VersionBound::Below(version) => write!(formatter, "<{}", short(version)),
        }
    }
}

/// A final release without zeros at its end: `<13` is what `<13.0.0` is.
fn short(version: &Version) -> Version {
    let release = version.release();
    let is_plain = *version == Version::new(release.iter().copied()).with_epoch(version.epoch());
    let length = release
        .iter()
        .rposition(|number| *number != 0)
        .map_or(1, |last| last + 1);
    match release.get(..length) {
        Some(shortened) if is_plain => {
            Version::new(shortened.iter().copied()).with_epoch(version.epoch())
        }
        _ => version.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_written_short() {
        for (version, shown) in [
            ("13.0.0", "<13"),
            ("2.5.5", "<2.5.5"),
            ("1!2.0", "<1!2"),
            ("2.0rc1", "<2.0rc1"),
        ] {
            assert_eq!(
                VersionBound::Below(version.parse().unwrap()).to_string(),
                shown
            );
        }
    }
}
