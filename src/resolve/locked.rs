//! Lock files: the set that a lock's own markers and edges leave on a target, and the file that an installer takes for
//! each pinned version. Nothing is solved, added or replaced; each lock is a set of its own.
//!
//! A lock that leaves the target out is judged as it will be once it is made for the target with the same versions: files
//! that it lacks count, and say so.

mod pinning;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pep508_rs::MarkerEnvironment;

use super::candidates::CandidateSelector;
use super::demands::{ChoiceRules, DirectRequirement};
use super::ranges::VersionRange;
use super::{PackageCatalog, PrefetchHint, widening};
use crate::model::lock::{ExcludedTarget, Lock, LockedEdge, LockedPackage, Pin};
use crate::model::name::{ExtraName, PackageName, Requirement, Version, of_name};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::{Request, WantedPackage};
use crate::model::resolution::{Chosen, RequiredBy};
use crate::model::target::Target;

use pinning::{is_lacking, located};

/// How many paths a package keeps, shortest first.
const PATHS: usize = 8;
/// Names that a path has at most; the rest of a longer one is left out. Real ones have some ten.
const LONGEST_PATH: usize = 64;

/// The packages of the lock that are meant for a target, by position, with the paths that lead to each.
pub(super) struct SelectedPackages<'a> {
    lock: &'a Lock,
    environment: &'a MarkerEnvironment,
    members: BTreeMap<usize, LockedMember>,
    /// Why the file leaves the target out; empty when it does not.
    excluded: Vec<ExcludedTarget>,
}

/// One package of the set.
#[derive(Default)]
struct LockedMember {
    extras: BTreeSet<ExtraName>,
    paths: Vec<Vec<PackageName>>,
    /// Positions of the packages at which the paths begin.
    tops: BTreeSet<usize>,
}

/// A package on the way, or one of its extras.
struct LockedStep {
    at: usize,
    extra: Option<ExtraName>,
    top: usize,
    path: Vec<PackageName>,
}

impl<'a> SelectedPackages<'a> {
    /// Follows the lock's edges from what the project requires, and from what is listed and required by nobody.
    pub(super) fn of(lock: &'a Lock, environment: &'a MarkerEnvironment) -> SelectedPackages<'a> {
        let mut selected = SelectedPackages {
            lock,
            environment,
            members: BTreeMap::new(),
            excluded: Vec::new(),
        };
        let listed: Vec<usize> = (0..lock.packages.len())
            .filter(|at| selected.is_listed(*at))
            .collect();
        let required: BTreeSet<usize> = listed
            .iter()
            .flat_map(|at| selected.edges(*at).filter(move |edge| edge.to != *at))
            .map(|edge| edge.to)
            .collect();
        let roots = lock.roots.iter().filter(|edge| selected.counts(edge));
        let mut start: Vec<LockedStep> = roots.flat_map(|edge| steps(edge, edge.to, &[])).collect();
        let begin = |at: usize| LockedStep {
            at,
            extra: None,
            top: at,
            path: Vec::new(),
        };
        start.extend(
            listed
                .iter()
                .filter(|at| !required.contains(at))
                .map(|at| begin(*at)),
        );
        selected.follow(start);
        for at in listed {
            // Packages that only require each other have no beginning.
            if !selected.members.contains_key(&at) {
                selected.follow(vec![begin(at)]);
            }
        }
        selected
    }

    /// The same, with the reasons for which the file leaves this target out.
    pub(super) fn on(mut self, target: Target, python: &Version) -> SelectedPackages<'a> {
        if let Some(bound) = self
            .lock
            .requires_python
            .as_ref()
            .filter(|bound| !bound.admits(python))
        {
            self.excluded
                .push(widening::of_python(self.lock, bound, target));
        }
        let environments = &self.lock.environments;
        if !environments.is_empty()
            && !environments
                .iter()
                .any(|marker| marker.evaluate(self.environment, &[]))
        {
            self.excluded
                .push(widening::of_environment(self.lock, target));
        }
        self
    }

    pub(super) fn into_excluded(self) -> Vec<ExcludedTarget> {
        self.excluded
    }

    fn is_listed(&self, at: usize) -> bool {
        let marker = self
            .lock
            .packages
            .get(at)
            .and_then(|package| package.listed.as_ref());
        marker.is_some_and(|marker| marker.evaluate(self.environment, &[]))
    }

    /// Whether the edge is there on the target: a listed package is only in the set where its own condition holds.
    fn counts(&self, edge: &LockedEdge) -> bool {
        let package = self.lock.packages.get(edge.to);
        package.is_some_and(|package| package.listed.is_none() || self.is_listed(edge.to))
            && edge.marker.evaluate(self.environment, &[])
    }

    fn edges(&self, at: usize) -> impl Iterator<Item = &'a LockedEdge> {
        let lock = self.lock;
        let edges = lock
            .packages
            .get(at)
            .into_iter()
            .flat_map(|package| &package.dependencies);
        edges.filter(|edge| self.counts(edge))
    }

    fn follow(&mut self, start: Vec<LockedStep>) {
        let mut seen: BTreeSet<(usize, Option<ExtraName>, usize)> = BTreeSet::new();
        let mut waiting: VecDeque<LockedStep> = start.into();
        while let Some(LockedStep {
            at,
            extra,
            top,
            path,
        }) = waiting.pop_front()
        {
            let Some(package) = self.lock.packages.get(at) else {
                continue;
            };
            let member = self.members.entry(at).or_default();
            let is_new_extra = extra
                .clone()
                .is_some_and(|extra| member.extras.insert(extra));
            if !member.tops.contains(&top) && member.tops.len() < PATHS {
                member.tops.insert(top);
                member.paths.push(path.clone());
            } else if !is_new_extra && !member.tops.contains(&top) {
                continue;
            }
            if !seen.insert((at, extra.clone(), top)) {
                continue;
            }
            let mut path = path;
            let is_project = package.pin == Pin::Project;
            if !is_project && path.len() < LONGEST_PATH {
                path.push(package.name.clone());
            }
            let edges = self.edges(at).filter(|edge| edge.of_extra == extra);
            waiting.extend(
                edges.flat_map(|edge| steps(edge, if is_project { edge.to } else { top }, &path)),
            );
        }
    }

    fn packages(&self) -> impl Iterator<Item = (&'a LockedPackage, &LockedMember)> {
        self.members
            .iter()
            .filter_map(|(at, member)| Some((self.lock.packages.get(*at)?, member)))
    }

    /// What the pins of the set say about the choice of files.
    pub(super) fn rules(&self) -> ChoiceRules {
        let mut rules = ChoiceRules::default();
        for (package, _) in self.packages() {
            match &package.pin {
                Pin::Version(version) => {
                    rules
                        .pins
                        .entry(package.name.clone())
                        .or_default()
                        .insert(version.clone());
                }
                Pin::Location(_) => _ = rules.located.insert(package.name.clone()),
                Pin::Project => {}
            }
            // Of a lock that leaves the target out, files count that it lacks.
            if !package.hashes.is_empty()
                && (self.excluded.is_empty() || !matches!(package.pin, Pin::Version(_)))
            {
                // Two versions of one name are compared with the digests of both: no file has one of each.
                let sets = rules.hashes.entry(package.name.clone()).or_default();
                match sets.first_mut() {
                    Some(hashes) => hashes.extend(package.hashes.iter().cloned()),
                    None => sets.push(package.hashes.clone()),
                }
            }
        }
        rules
    }

    /// What leads into the set, without versions: what projects and what is from elsewhere than an index require, and
    /// what is listed and required by nothing. That nothing else leads to the rest is for their metadata to say.
    pub(super) fn unlocked(&self) -> Vec<Request> {
        let is_from_index = |at: usize| {
            self.lock
                .packages
                .get(at)
                .filter(|package| matches!(package.pin, Pin::Version(_)))
        };
        let mut requests = Vec::new();
        let mut ask = |package: &LockedPackage, extras: &[ExtraName]| {
            let wanted = WantedPackage::Named(Requirement {
                extras: extras.to_vec(),
                ..of_name(&package.name)
            });
            let request = Request {
                wanted,
                hashes: Vec::new(),
                place: package.place.clone(),
            };
            if !requests.contains(&request) {
                requests.push(request);
            }
        };
        for (at, member) in &self.members {
            match (is_from_index(*at), self.lock.packages.get(*at)) {
                (Some(package), _) if member.paths.iter().any(Vec::is_empty) => {
                    ask(package, &member.extras.iter().cloned().collect::<Vec<_>>());
                }
                (Some(_), _) | (None, None) => {}
                (None, Some(_)) => {
                    let of_extra = |edge: &&LockedEdge| {
                        edge.of_extra
                            .as_ref()
                            .is_none_or(|extra| member.extras.contains(extra))
                    };
                    for edge in self.edges(*at).filter(of_extra) {
                        if let Some(package) = is_from_index(edge.to) {
                            ask(package, &edge.extras);
                        }
                    }
                }
            }
        }
        requests
    }

    /// The file that the target gets for each package.
    pub(super) fn resolve(
        &self,
        selector: &Arc<CandidateSelector>,
        catalog: &dyn PackageCatalog,
    ) -> (Vec<Chosen>, Vec<Problem>) {
        let from_index = self
            .packages()
            .filter(|(package, _)| matches!(package.pin, Pin::Version(_)));
        let hint = |package: &LockedPackage| PrefetchHint {
            name: package.name.clone(),
            range: VersionRange::full(),
            selector: Arc::clone(selector),
            files: 0,
        };
        catalog.prefetch(from_index.map(|(package, _)| hint(package)).collect());
        let mut problems = self.foreign_target(selector);
        let mut chosen = Vec::new();
        for (package, member) in self.packages() {
            let (version, choice) = match &package.pin {
                Pin::Version(version) => {
                    let choice = self.pinned(package, version, selector, catalog, &mut problems);
                    (Some(version.clone()), choice)
                }
                Pin::Location(location) => {
                    let site = DirectRequirement::open(&package.name, location.clone(), catalog);
                    located(site, selector, &mut problems)
                }
                Pin::Project => continue,
            };
            let path = |path: &Vec<PackageName>| RequiredBy {
                place: package.place.clone(),
                path: path.clone(),
            };
            chosen.push(Chosen {
                name: package.name.clone(),
                version,
                extras: member.extras.iter().cloned().collect(),
                required_by: member.paths.iter().map(path).collect(),
                not_in_lock: !self.excluded.is_empty() && is_lacking(package, &choice),
                choice,
            });
        }
        (chosen, problems)
    }

    /// Says that the lock was made for other Pythons or platforms than the target, so that markers may be missing in it.
    fn foreign_target(&self, selector: &CandidateSelector) -> Vec<Problem> {
        let problem = |excluded: &ExcludedTarget| {
            let ExcludedTarget {
                place,
                locked_for,
                target,
                ..
            } = excluded;
            let left_out = match place.line {
                Some(_) => target.python.to_string(),
                None => target.to_string(),
            };
            let message = format!(
                "{place} was locked for {locked_for}, not for {left_out} and may lack what that needs"
            );
            let place = selector.target.to_string();
            Problem {
                kind: ProblemKind::Resolution,
                package: None,
                place,
                message,
            }
        };
        self.excluded.iter().map(problem).collect()
    }
}

fn steps(edge: &LockedEdge, top: usize, path: &[PackageName]) -> Vec<LockedStep> {
    let extras = edge.extras.iter().cloned().map(Some);
    let step = |extra| LockedStep {
        at: edge.to,
        extra,
        top,
        path: path.to_vec(),
    };
    std::iter::once(None).chain(extras).map(step).collect()
}

/// Adds packages to a set. What is there already in the same version only gets the further paths.
pub(super) fn join(packages: &mut Vec<Chosen>, further: Vec<Chosen>) {
    for chosen in further {
        match packages
            .iter_mut()
            .find(|known| known.name == chosen.name && known.version == chosen.version)
        {
            Some(known) => {
                known.required_by.extend(chosen.required_by);
                known.extras.extend(chosen.extras);
                known.extras.sort();
                known.extras.dedup();
            }
            None => packages.push(chosen),
        }
    }
    packages.sort_by(|left, right| (&left.name, &left.version).cmp(&(&right.name, &right.version)));
}
