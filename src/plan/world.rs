//! What a plan has to know of the world: what is offered, which versions are ready, what goes together.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::lock::Lock;
use crate::model::name::{PackageName, Version};
use crate::model::plan::{VersionObstacle, VersionSearch};
use crate::model::report::{Report, TargetResult};
use crate::model::request::{Request, Requests};
use crate::model::resolution::{Chosen, Resolution};
use crate::model::target::Target;
use crate::model::verdict::Verdict;

/// Versions of packages in the order in which to try them; no others count.
pub type TryOrders = BTreeMap<PackageName, Vec<Version>>;

/// The world. Answers must not change during a run, whatever is in a cache.
pub trait PlanWorld: Sync {
    /// The versions that are offered under a name, oldest first, with what their files' names tell. Empty for a package
    /// that comes from elsewhere than an index.
    fn offered(&self, name: &PackageName, target: Target) -> Vec<OfferedVersion>;

    /// Searches ready versions of each of these; `None` where there is nothing to search.
    fn search(&self, wanting: &[NotReady<'_>]) -> Vec<Option<VersionSearch>>;

    /// What a lock leaves to be resolved when its versions may change.
    fn unlocked(&self, lock: &Lock, target: Target) -> Vec<Request>;

    /// The set for a target.
    fn resolve(
        &self,
        requests: &Requests,
        orders: &TryOrders,
        requirements: RequirementMode,
        target: Target,
    ) -> Result<Resolution, SetConflict>;

    /// Judges every file of these sets.
    fn judge(&self, requests: &Requests, resolutions: Vec<Resolution>) -> JudgedSet;

    /// Packages of a set whose requirements a version does not meet.
    fn kept_out(
        &self,
        set: &JudgedSet,
        name: &PackageName,
        version: &Version,
    ) -> Vec<VersionObstacle>;

    /// Lines of the input, or else packages of a set, that keep a version out.
    fn obstacles(
        &self,
        set: &JudgedSet,
        name: &PackageName,
        version: &Version,
    ) -> Vec<VersionObstacle>;
}

/// Whether what packages require counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequirementMode {
    /// It does.
    Followed,
    /// Each package is looked at by itself: what they require of each other contradicts itself as it is.
    Ignored,
}

/// A version that is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedVersion {
    /// The version.
    pub version: Version,
    /// What the names of its files tell; `None` when its bytes decide.
    pub by_names: Option<Verdict>,
}

/// Why there is no set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetConflict {
    /// The reasons, in one line.
    pub explanation: String,
    /// The packages that take part in it.
    pub packages: BTreeSet<PackageName>,
    /// Those of which no version was left.
    pub exhausted: BTreeSet<PackageName>,
}

/// The sets for all targets, and what is said of them.
#[derive(Clone, Debug)]
pub struct JudgedSet {
    /// One for each target.
    pub resolutions: Vec<Resolution>,
    /// What is said of their packages.
    pub report: Report,
}

/// A package that is not ready on a target.
#[derive(Clone, Copy)]
pub struct NotReady<'a> {
    /// The set in which it is.
    pub resolution: &'a Resolution,
    /// The package.
    pub chosen: &'a Chosen,
    /// What is said of it.
    pub result: &'a TargetResult,
}

impl JudgedSet {
    /// What each target gets of a package, with what is said of that.
    pub fn of<'a>(
        &'a self,
        name: &'a PackageName,
    ) -> impl Iterator<Item = (Target, Option<&'a Version>, &'a TargetResult)> {
        let packages = self
            .report
            .packages
            .iter()
            .filter(move |package| package.name == *name);
        packages.flat_map(|it| {
            it.results
                .iter()
                .map(move |result| (result.target, it.version.as_ref(), result))
        })
    }

    /// The version that a target gets of a package.
    pub fn version(&self, name: &PackageName, target: Target) -> Option<&Version> {
        let set = self.resolutions.iter().find(|set| set.target == target)?;
        set.packages
            .iter()
            .find(|chosen| chosen.name == *name)?
            .version
            .as_ref()
    }

    /// The worst verdict that a target has for a package; `None` when it is not in its set.
    pub fn verdict(&self, name: &PackageName, target: Target) -> Option<Verdict> {
        self.of(name)
            .filter(|(on, ..)| *on == target)
            .map(|(.., result)| result.verdict)
            .max()
    }

    /// Every name, once.
    pub fn names(&self) -> BTreeSet<&PackageName> {
        self.report
            .packages
            .iter()
            .map(|package| &package.name)
            .collect()
    }

    /// Packages that are not ready, on each target on which they are not, in the order of their names.
    pub fn not_ready(&self) -> Vec<NotReady<'_>> {
        let mut found = Vec::new();
        for package in &self.report.packages {
            for result in package
                .results
                .iter()
                .filter(|result| !result.verdict.is_good())
            {
                let set = self
                    .resolutions
                    .iter()
                    .find(|set| set.target == result.target);
                let is_it = |chosen: &&Chosen| {
                    chosen.name == package.name && chosen.version == package.version
                };
                if let Some(resolution) = set
                    && let Some(chosen) = resolution.packages.iter().find(is_it)
                {
                    found.push(NotReady {
                        resolution,
                        chosen,
                        result,
                    });
                }
            }
        }
        found.sort_by(|left, right| left.chosen.name.cmp(&right.chosen.name));
        found
    }
}
