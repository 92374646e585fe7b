//! The search for versions that go together: PubGrub, told in which order to try packages and versions.
//!
//! A session may run the solver several times: each time it learns that a package has to be let in at a lower level,
//! or is not to be had at all, or is taken from a location, it starts again with what it learned. What was fetched is
//! kept, so that starting again is cheap, and what was learned only grows, so that it ends.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use pep508_rs::{MarkerEnvironment, VersionOrUrl};
use pubgrub::{
    Dependencies as Known, DependencyProvider, PackageResolutionStatistics, PubGrubError,
};

use super::candidates::{FitLevel, VersionCatalog};
use super::demands::{DirectRequirement, ResolutionInput};
use super::node::SolverNode;
use super::ranges::{self, VersionRange};
use super::reasons::NoSolutionTree;
use super::{DependencyMode, PackageCatalog, PrefetchHint};
use crate::model::name::{ExtraName, PackageName, Version};
use crate::model::place::Location;
use crate::model::problem::Problem;

mod package_facts;
mod relaxation;

use package_facts::VersionRequirements;

/// Steps after which the search is given up. Real sets take some thousands at most.
const STEPS: u64 = 1_000_000;
/// Conflicts after which a package is tried before those that were heard of earlier.
const CONFLICTS: u32 = 5;

/// The chosen version of every node.
pub(super) type ChosenVersions = BTreeMap<SolverNode, Version>;

/// One search, and all that it has learned.
pub(super) struct SolverSession<'a> {
    pub(super) plan: &'a ResolutionInput,
    environment: &'a MarkerEnvironment,
    dependencies: DependencyMode,
    catalog: &'a dyn PackageCatalog,
    offers: RefCell<BTreeMap<PackageName, Rc<VersionCatalog>>>,
    descriptions: RefCell<BTreeMap<(PackageName, Version), Rc<VersionRequirements>>>,
    sites: RefCell<BTreeMap<PackageName, DirectRequirement>>,
    levels: RefCell<BTreeMap<PackageName, FitLevel>>,
    /// Packages that are not to be had, and why.
    dropped: RefCell<BTreeMap<PackageName, Problem>>,
    /// The order in which packages were heard of in this run of the solver.
    order: RefCell<HashMap<PackageName, usize>>,
    announced: RefCell<HashSet<PackageName>>,
    /// How many versions of each package were read.
    read: RefCell<HashMap<PackageName, usize>>,
    /// Packages that some package requires which was let in at a lower level.
    beneath: RefCell<HashSet<PackageName>>,
    /// Packages of which older versions were left aside because they do not say what they require.
    mute: RefCell<BTreeMap<PackageName, WithoutMetadata>>,
    steps: Cell<u64>,
}

/// What is done with older versions that do not say what they require.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WithoutMetadata {
    LeftAside,
    LetIn,
}

/// One requirement of a node, for the target.
#[derive(Clone, Debug)]
pub(super) struct SolverEdge {
    pub(super) to: SolverNode,
    range: VersionRange,
    location: Option<Location>,
}

/// Why no set was found.
pub(super) enum SolverFailure {
    /// There is none, for these reasons.
    Conflict(Box<NoSolutionTree>),
    /// The search took this many steps and was given up.
    TooHard { steps: u64 },
}

/// Why the solver was stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum SolverInterrupt {
    #[error("something was learned, start again")]
    Again,
    #[error("too many steps")]
    TooHard,
}

impl<'a> SolverSession<'a> {
    pub(super) fn new(
        plan: &'a ResolutionInput,
        environment: &'a MarkerEnvironment,
        dependencies: DependencyMode,
        catalog: &'a dyn PackageCatalog,
    ) -> SolverSession<'a> {
        let session = SolverSession {
            plan,
            environment,
            dependencies,
            catalog,
            offers: RefCell::default(),
            descriptions: RefCell::default(),
            sites: RefCell::default(),
            levels: RefCell::default(),
            dropped: RefCell::default(),
            order: RefCell::default(),
            announced: RefCell::default(),
            read: RefCell::default(),
            beneath: RefCell::default(),
            mute: RefCell::default(),
            steps: Cell::new(0),
        };
        for (name, site) in &plan.sites {
            session.take_from(name, site.clone());
        }
        session
    }

    /// Searches until a set is found or a conflict remains.
    pub(super) fn solve(&self) -> Result<ChosenVersions, SolverFailure> {
        loop {
            self.order.borrow_mut().clear();
            match pubgrub::resolve(self, SolverNode::Root, root_version()) {
                Ok(versions) => return Ok(versions.into_iter().collect()),
                Err(PubGrubError::NoSolution(reasons)) => {
                    if !self.relax(&reasons) {
                        return Err(SolverFailure::Conflict(Box::new(reasons)));
                    }
                }
                Err(
                    PubGrubError::ErrorChoosingVersion { source, .. }
                    | PubGrubError::ErrorRetrievingDependencies { source, .. }
                    | PubGrubError::ErrorInShouldCancel(source),
                ) => match source {
                    SolverInterrupt::Again => {}
                    SolverInterrupt::TooHard => {
                        return Err(SolverFailure::TooHard { steps: STEPS });
                    }
                },
            }
        }
    }

    /// What a node requires on this target, dropped packages included.
    pub(super) fn edges(
        &self,
        node: &SolverNode,
        version: &Version,
    ) -> Result<Vec<SolverEdge>, SolverInterrupt> {
        match node {
            SolverNode::Root => Ok(self.root_edges()),
            SolverNode::Name(_) if self.dependencies == DependencyMode::Ignore => Ok(Vec::new()),
            SolverNode::Name(name) => Ok(self.required(name, version, None)?),
            SolverNode::Extra(name, extra) => {
                let own = SolverEdge {
                    to: SolverNode::Name(name.clone()),
                    range: VersionRange::singleton(version.clone()),
                    location: None,
                };
                let required = match self.dependencies {
                    DependencyMode::Ignore => Vec::new(),
                    DependencyMode::Follow => self.required(name, version, Some(extra))?,
                };
                Ok(std::iter::once(own).chain(required).collect())
            }
        }
    }

    fn root_edges(&self) -> Vec<SolverEdge> {
        let demands = self.plan.demands.iter().flat_map(|demand| {
            let range = demand.range.intersection(&self.plan.bound(&demand.name));
            demand.nodes().into_iter().map(move |to| SolverEdge {
                to,
                range: range.clone(),
                location: None,
            })
        });
        joined(demands)
    }

    fn required(
        &self,
        name: &PackageName,
        version: &Version,
        extra: Option<&ExtraName>,
    ) -> Result<Vec<SolverEdge>, SolverInterrupt> {
        let description = self.description(name, version)?;
        let overridden = |name: &PackageName| self.plan.overrides.get(name);
        let active = description
            .requirements
            .iter()
            .filter(|requirement| match extra {
                None => requirement.marker.evaluate(self.environment, &[]),
                Some(extra) => {
                    requirement
                        .marker
                        .evaluate(self.environment, std::slice::from_ref(extra))
                        && !requirement.marker.evaluate(self.environment, &[])
                }
            });
        let active =
            active.filter(|it| overridden(&it.name).is_none_or(|ranges| !ranges.is_empty()));
        let edges = active.flat_map(|requirement| {
            let stated = overridden(&requirement.name).and_then(|ranges| ranges.first());
            let (range, location) = match (stated, &requirement.version_or_url) {
                (Some(range), _) => (range.clone(), None),
                (None, None) => (VersionRange::full(), None),
                (None, Some(VersionOrUrl::VersionSpecifier(specifiers))) => {
                    (ranges::of_all(specifiers), None)
                }
                (None, Some(VersionOrUrl::Url(url))) => {
                    (VersionRange::full(), Some(Location::Url(url.clone())))
                }
            };
            let range = range.intersection(&self.plan.bound(&requirement.name));
            let nodes = SolverNode::asked_for(&requirement.name, &requirement.extras);
            nodes.into_iter().map(move |to| SolverEdge {
                to,
                range: range.clone(),
                location: location.clone(),
            })
        });
        Ok(joined(
            edges.filter(|edge| edge.to != SolverNode::Name(name.clone())),
        ))
    }

    /// Why a version does not count although a file of it does: what it says of itself.
    fn unusable(
        &self,
        node: &SolverNode,
        version: &Version,
    ) -> Result<Option<String>, SolverInterrupt> {
        let Some(name) = node
            .name()
            .filter(|name| self.level(name) < FitLevel::Anything)
        else {
            return Ok(None);
        };
        if self.dependencies == DependencyMode::Ignore {
            return Ok(None);
        }
        let description = self.description(name, version)?;
        if let Some(wanted) = &description.requires_python
            && !wanted.contains(&self.plan.selector.python)
        {
            return Ok(Some(format!("requires Python {wanted}")));
        }
        if description.problem.is_none() || !self.is_second_choice(name, version)? {
            return Ok(None);
        }
        let mute = *self
            .mute
            .borrow_mut()
            .entry(name.clone())
            .or_insert(WithoutMetadata::LeftAside);
        Ok(
            (mute == WithoutMetadata::LeftAside)
                .then(|| "does not say what it requires".to_owned()),
        )
    }

    fn announce(&self, edges: &[SolverEdge]) {
        let mut hints = Vec::new();
        for SolverEdge { to, range, .. } in edges {
            let Some(name) = to.name() else { continue };
            let next = self.order.borrow().len();
            self.order.borrow_mut().entry(name.clone()).or_insert(next);
            if !self.offers.borrow().contains_key(name)
                && self.announced.borrow_mut().insert(name.clone())
            {
                let selector = self.plan.selector.clone();
                hints.push(PrefetchHint {
                    name: name.clone(),
                    range: range.clone(),
                    selector,
                    files: 1,
                });
            }
        }
        if !hints.is_empty() {
            self.catalog.prefetch(hints);
        }
    }

    /// Takes note of the locations that requirements name; what they contradict, when they do.
    fn place(&self, edges: &[SolverEdge]) -> Result<Option<String>, SolverInterrupt> {
        let mut learned = false;
        for SolverEdge { to, location, .. } in edges {
            let (Some(name), Some(location)) = (to.name(), location) else {
                continue;
            };
            match self.site(name) {
                Some(site) if site.location == *location => {}
                Some(_) => {
                    return Ok(Some(format!(
                        "takes `{name}` from another location than the rest"
                    )));
                }
                None => {
                    self.take_from(
                        name,
                        DirectRequirement::open(name, location.clone(), self.catalog),
                    );
                    learned = true;
                }
            }
        }
        if learned {
            Err(SolverInterrupt::Again)
        } else {
            Ok(None)
        }
    }
}

/// The version that the input itself has for the solver.
fn root_version() -> Version {
    Version::new([0])
}

/// Several requirements of one node for the same package are one requirement for the solver.
fn joined(edges: impl Iterator<Item = SolverEdge>) -> Vec<SolverEdge> {
    let mut joined: Vec<SolverEdge> = Vec::new();
    let mut positions: HashMap<SolverNode, usize> = HashMap::new();
    for edge in edges {
        let position = *positions.entry(edge.to.clone()).or_insert(joined.len());
        match joined.get_mut(position) {
            Some(known) => {
                known.range = known.range.intersection(&edge.range);
                known.location = known.location.take().or(edge.location);
            }
            None => joined.push(edge),
        }
    }
    joined
}

impl DependencyProvider for SolverSession<'_> {
    type P = SolverNode;
    type V = Version;
    type VS = VersionRange;
    type M = String;
    type Err = SolverInterrupt;
    /// What kind of package, then the order in which they were heard of, then extras before their distribution.
    type Priority = (u8, Reverse<usize>, bool);

    fn prioritize(
        &self,
        node: &SolverNode,
        range: &VersionRange,
        statistics: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let Some(name) = node.name() else {
            return (4, Reverse(0), false);
        };
        let kind = if self.sites.borrow().contains_key(name) {
            3
        } else if ranges::is_pinned(range) {
            2
        } else {
            u8::from(statistics.conflict_count() >= CONFLICTS)
        };
        let order = self.order.borrow().get(name).copied().unwrap_or(usize::MAX);
        (kind, Reverse(order), matches!(node, SolverNode::Extra(..)))
    }

    fn choose_version(
        &self,
        node: &SolverNode,
        range: &VersionRange,
    ) -> Result<Option<Version>, SolverInterrupt> {
        let Some(name) = node.name() else {
            return Ok(Some(root_version()));
        };
        let offer = self.offer(name)?;
        let pick = self.first(name, &offer, range, self.level(name));
        if pick.is_none()
            && self.beneath.borrow().contains(name)
            && self.let_in(name, &offer, range)
        {
            return Err(SolverInterrupt::Again);
        }
        Ok(pick.map(|pick| pick.candidate.version.clone()))
    }

    fn get_dependencies(
        &self,
        node: &SolverNode,
        version: &Version,
    ) -> Result<Known<SolverNode, VersionRange, String>, SolverInterrupt> {
        let mut edges = self.edges(node, version)?;
        if let Some(reason) = self.unusable(node, version)? {
            return Ok(Known::Unavailable(reason));
        }
        if let Some(contradiction) = self.place(&edges)? {
            return Ok(Known::Unavailable(contradiction));
        }
        if node
            .name()
            .is_some_and(|name| self.level(name) > FitLevel::Strict)
        {
            self.beneath
                .borrow_mut()
                .extend(edges.iter().filter_map(|edge| edge.to.name().cloned()));
        }
        edges.retain(|edge| {
            edge.to
                .name()
                .is_none_or(|name| !self.dropped.borrow().contains_key(name))
        });
        self.announce(&edges);
        Ok(Known::Available(
            edges
                .into_iter()
                .map(|edge| (edge.to, edge.range))
                .collect(),
        ))
    }

    fn should_cancel(&self) -> Result<(), SolverInterrupt> {
        self.steps.set(self.steps.get().saturating_add(1));
        if self.steps.get() > STEPS {
            Err(SolverInterrupt::TooHard)
        } else {
            Ok(())
        }
    }
}
