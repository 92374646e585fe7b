//! What the search knows of packages: what is offered, what versions say of themselves, what is not to be had.

use std::rc::Rc;
use std::sync::Arc;

use super::{SolverInterrupt, SolverSession};
use crate::model::name::{PackageName, Requirement, Version, VersionSpecifiers};
use crate::model::problem::{Problem, ProblemKind};
use crate::resolve::candidates::{CandidateSelector, FitLevel, PickedFile, VersionCatalog};
use crate::resolve::demands::{DirectRequirement, problem_of};
use crate::resolve::ranges::VersionRange;
use crate::resolve::{CatalogError, PrefetchHint};

/// After how many versions of a package, and then after how many more, the next ones are announced.
const FIRST_LOOK_AHEAD: usize = 5;
/// How many are announced at most.
const LONGEST_LOOK_AHEAD: usize = 40;

/// What a version requires.
#[derive(Debug)]
pub(super) struct VersionRequirements {
    pub(super) requirements: Vec<Requirement>,
    pub(super) requires_python: Option<VersionSpecifiers>,
    /// What kept the requirements from being read.
    pub(super) problem: Option<Problem>,
}

impl SolverSession<'_> {
    /// What is offered for a package; empty when no index knows it.
    pub(in crate::resolve) fn offer(
        &self,
        name: &PackageName,
    ) -> Result<Rc<VersionCatalog>, SolverInterrupt> {
        if let Some(offer) = self.offers.borrow().get(name) {
            return Ok(offer.clone());
        }
        let listing = match self.catalog.listing(name) {
            Ok(listing) => listing,
            Err(CatalogError::Absent { .. }) => Arc::default(),
            Err(error) => {
                self.drop_name(name, problem_of(&error, Some(name)));
                return Err(SolverInterrupt::Again);
            }
        };
        let offer = Rc::new(self.plan.selector.offer(name, listing));
        self.offers.borrow_mut().insert(name.clone(), offer.clone());
        Ok(offer)
    }

    /// The level at which files of this package count.
    pub(in crate::resolve) fn level(&self, name: &PackageName) -> FitLevel {
        self.levels
            .borrow()
            .get(name)
            .copied()
            .unwrap_or(FitLevel::Strict)
    }

    /// Why the package is not to be had.
    pub(in crate::resolve) fn dropped(&self, name: &PackageName) -> Option<Problem> {
        self.dropped.borrow().get(name).cloned()
    }

    /// The location that the package is taken from.
    pub(in crate::resolve) fn site(&self, name: &PackageName) -> Option<DirectRequirement> {
        self.sites.borrow().get(name).cloned()
    }

    pub(super) fn take_from(&self, name: &PackageName, site: DirectRequirement) {
        match &site.found {
            Ok(located) => {
                let offer = Rc::new(CandidateSelector::single(located.artifact.clone()));
                self.offers.borrow_mut().insert(name.clone(), offer);
            }
            Err(problem) => self.drop_name(name, problem.clone()),
        }
        self.sites.borrow_mut().insert(name.clone(), site);
    }

    pub(super) fn drop_name(&self, name: &PackageName, problem: Problem) {
        self.dropped.borrow_mut().insert(name.clone(), problem);
    }

    /// What a version says of itself, read once.
    pub(super) fn description(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Rc<VersionRequirements>, SolverInterrupt> {
        let key = (name.clone(), version.clone());
        if let Some(description) = self.descriptions.borrow().get(&key) {
            return Ok(description.clone());
        }
        let offer = self.offer(name)?;
        self.look_ahead(name, version);
        let description = Rc::new(match self.pick(&offer, name, version) {
            Some(pick) => self.read(name, &offer, pick),
            None => VersionRequirements {
                requirements: Vec::new(),
                requires_python: None,
                problem: None,
            },
        });
        self.descriptions
            .borrow_mut()
            .insert(key, description.clone());
        Ok(description)
    }

    /// What kept a chosen version's requirements from being read, when they were read at all.
    pub(in crate::resolve) fn known_problem(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Option<Problem> {
        self.descriptions
            .borrow()
            .get(&(name.clone(), version.clone()))?
            .problem
            .clone()
    }

    /// A package of which several versions were read is being gone through from the newest to the oldest: asking for
    /// the next ones together saves as many waits for the network.
    fn look_ahead(&self, name: &PackageName, version: &Version) {
        let count = {
            let mut read = self.read.borrow_mut();
            let count = read.entry(name.clone()).or_insert(0);
            *count += 1;
            *count
        };
        if !count.is_multiple_of(FIRST_LOOK_AHEAD) {
            return;
        }
        let range = self
            .plan
            .bound(name)
            .intersection(&VersionRange::strictly_lower_than(version.clone()));
        let selector = self.plan.selector.clone();
        let files = count.min(LONGEST_LOOK_AHEAD);
        self.catalog.prefetch(vec![PrefetchHint {
            name: name.clone(),
            range,
            selector,
            files,
        }]);
    }

    /// The file that was picked for a chosen version.
    pub(in crate::resolve) fn pick<'o>(
        &self,
        offer: &'o VersionCatalog,
        name: &PackageName,
        version: &Version,
    ) -> Option<PickedFile<'o>> {
        self.plan.selector.pick(
            offer,
            &VersionRange::singleton(version.clone()),
            self.level(name),
        )
    }

    /// The version that is tried first of those in the range.
    pub(super) fn first<'o>(
        &self,
        name: &PackageName,
        offer: &'o VersionCatalog,
        range: &VersionRange,
        level: FitLevel,
    ) -> Option<PickedFile<'o>> {
        let order = self
            .plan
            .orders
            .get(name)
            .filter(|_| !self.sites.borrow().contains_key(name));
        match order {
            Some(order) => self.plan.selector.pick_in_order(offer, order, range, level),
            None => self.plan.selector.pick(offer, range, level),
        }
    }

    fn read(
        &self,
        name: &PackageName,
        offer: &VersionCatalog,
        pick: PickedFile<'_>,
    ) -> VersionRequirements {
        let mut first_problem = None;
        for file in self.plan.selector.described_by(offer, pick) {
            let problem = match self.catalog.metadata(file) {
                Ok(metadata) if metadata.name != *name => {
                    let message =
                        format!("expected metadata of `{name}`, found `{}`", metadata.name);
                    metadata_problem(name, &file.filename, message)
                }
                Ok(metadata)
                    if file.wheel().is_none()
                        && metadata
                            .dynamic
                            .iter()
                            .any(|field| field == "requires-dist") =>
                {
                    let message = "leaves its dependencies to its build, which is not run; they are not looked at";
                    metadata_problem(name, &file.filename, message.to_owned())
                }
                Ok(metadata) => {
                    return VersionRequirements {
                        requirements: metadata.requires_dist.clone(),
                        requires_python: metadata.requires_python.clone(),
                        problem: None,
                    };
                }
                Err(error) => problem_of(&error, Some(name)),
            };
            first_problem.get_or_insert(problem);
        }
        VersionRequirements {
            requirements: Vec::new(),
            requires_python: None,
            problem: first_problem,
        }
    }
}

fn metadata_problem(name: &PackageName, file: &str, message: String) -> Problem {
    Problem {
        kind: ProblemKind::Metadata,
        package: Some(name.clone()),
        place: file.to_owned(),
        message,
    }
}
