//! A report of any day, as far as a comparison with another one needs it.

use std::collections::{BTreeMap, BTreeSet};

use super::gate::{VerdictChanges, VersionVerdict};
use super::name::PackageName;

/// What a report said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Targets as reports write them, in the report's order.
    pub targets: Vec<String>,
    /// What was said of each package on each target, at worst.
    pub states: BTreeMap<(PackageName, String), VersionVerdict>,
    /// The rules that found something: package, target, id.
    pub findings: BTreeSet<(PackageName, String, String)>,
    /// Problems that concern a package: the package, and where it was.
    pub problems: BTreeSet<(PackageName, String)>,
}

impl Snapshot {
    /// What was said of each package on one target.
    pub fn on(&self, target: &str) -> BTreeMap<&PackageName, &VersionVerdict> {
        let on_target = self.states.iter().filter(|((_, on), _)| on == target);
        on_target
            .map(|((package, _), state)| (package, state))
            .collect()
    }

    /// Notes what is said of a package on a target. Where several versions or environments say something, the worst counts.
    pub fn add(&mut self, package: PackageName, target: String, state: VersionVerdict) {
        let known = self
            .states
            .entry((package, target))
            .or_insert_with(|| state.clone());
        if state.verdict > known.verdict {
            *known = state;
        }
    }
}

/// Two reports and what is different between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportDifference {
    /// The earlier report, as the user named it.
    pub before: String,
    /// The later report, as the user named it.
    pub after: String,
    /// What is different.
    pub changes: VerdictChanges,
}
