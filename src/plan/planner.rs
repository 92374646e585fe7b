//! The search for a plan: proposes sets, resolves each as the user would have it with the changes made, judges every
//! file of that, and keeps the best. What a set as a whole shows of a version goes into the next proposal.
//!
//! Best is, in this order: the fewest packages that are not fine; nothing that gets worse; the fewest that are slower;
//! the fewest changes. Among versions the nearest upward is tried first, and downward only after all of those.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::name::{PackageName, Version};
use crate::model::plan::{MoveReason, VersionObstacle, VersionSearch};
use crate::model::request::Requests;
use crate::model::resolution::Resolution;
use crate::model::target::Target;

use super::HeldBack;
use super::proposal::{SearchConcessions, SetProposer};
use super::readiness::{PackageStanding, ReadinessTable};
use super::revision::{InputRevision, PlanInput, VersionBound, VersionChange};
use super::score::SetScore;
use super::world::{JudgedSet, NotReady, PlanWorld, RequirementMode, TryOrders};

/// How many proposals are judged. Most are right at first; each further one has learned from the one before.
const PROPOSALS: usize = 8;
/// How often bounds are added until installers find the proposed versions.
const BOUNDS: usize = 4;
/// How many packages that come in and are not fine are let in by way of trial.
const LET_IN: usize = 3;

/// What was found.
#[derive(Clone, Debug)]
pub struct PlanSearchResult {
    /// The set with the changes; the set as it is, when there are none.
    pub after: JudgedSet,
    /// The changes.
    pub revision: InputRevision,
    /// What was found among the versions of each package that is not ready.
    pub searches: BTreeMap<(PackageName, Target), VersionSearch>,
    /// Packages of which a ready version is known that no set has.
    pub held: BTreeMap<PackageName, HeldBack>,
    /// Why packages have other versions.
    pub because: BTreeMap<PackageName, Vec<MoveReason>>,
}

/// Searches the best set.
pub fn find(
    world: &impl PlanWorld,
    requests: &Requests,
    before: &JudgedSet,
    requirements: RequirementMode,
) -> PlanSearchResult {
    let input = PlanInput {
        requests,
        before,
        requirements,
    };
    let mut planner = SetPlanner {
        world,
        input,
        targets: before
            .resolutions
            .iter()
            .filter(|set| !is_unsolved(set))
            .map(|set| set.target)
            .collect(),
        pinned: input.pinned(),
        table: ReadinessTable::default(),
        searches: BTreeMap::new(),
        reasons: BTreeMap::new(),
    };
    planner.search(before);
    planner.learn(before);
    planner.check_locks();
    let best = planner.best();
    let held = planner.held(&best.set);
    let because = planner.because(&best.set);
    PlanSearchResult {
        after: best.set,
        revision: best.revision,
        searches: planner.searches,
        held,
        because,
    }
}

struct SetPlanner<'a, W> {
    world: &'a W,
    input: PlanInput<'a>,
    targets: Vec<Target>,
    pinned: BTreeSet<PackageName>,
    table: ReadinessTable,
    searches: BTreeMap<(PackageName, Target), VersionSearch>,
    /// What stood in the way of packages that no proposal could make fine.
    reasons: BTreeMap<PackageName, String>,
}

/// A set as the user would have it.
#[derive(Clone)]
struct PlanCandidate {
    revision: InputRevision,
    set: JudgedSet,
    score: SetScore,
}

impl<W: PlanWorld> SetPlanner<'_, W> {
    /// Searches what is not ready in a set, each package once.
    fn search(&mut self, set: &JudgedSet) {
        let wanting = set.not_ready();
        let is_new = |it: &NotReady<'_>| {
            !self
                .searches
                .contains_key(&(it.chosen.name.clone(), it.result.target))
        };
        let wanting: Vec<NotReady<'_>> = wanting.into_iter().filter(is_new).collect();
        for (it, search) in wanting.iter().zip(self.world.search(&wanting)) {
            let (name, target) = (&it.chosen.name, it.result.target);
            if let Some(search) = search {
                self.table.learn_search(name, target, &search);
                self.searches.insert((name.clone(), target), search);
            }
        }
    }

    fn learn(&mut self, set: &JudgedSet) {
        for package in &set.report.packages {
            let Some(version) = &package.version else {
                continue;
            };
            for result in &package.results {
                self.table
                    .learn(&package.name, result.target, version, result.verdict);
            }
        }
    }

    /// Locks whose packages contradict each other by what they say themselves (their tool was told to overlook it) are
    /// not resolved: each package is looked at by itself.
    fn check_locks(&mut self) {
        if self.input.requests.locks.is_empty()
            || self.input.requirements == RequirementMode::Ignored
        {
            return;
        }
        let contradicts = |target: &Target| {
            let (requests, orders) =
                self.input
                    .revised(&InputRevision::default(), *target, self.world);
            self.world
                .resolve(&requests, &orders, RequirementMode::Followed, *target)
                .is_err()
        };
        if self.targets.iter().any(contradicts) {
            self.input.requirements = RequirementMode::Ignored;
        }
    }

    fn best(&mut self) -> PlanCandidate {
        let as_it_is = PlanCandidate {
            revision: InputRevision::default(),
            set: self.input.before.clone(),
            score: SetScore::of(self.input.before, self.input.before, 0),
        };
        let mut best = self.improve(as_it_is, &BTreeMap::new());
        for name in self.coming_in_bad() {
            let let_in = [(name, String::new())].into();
            best = self.improve(best, &let_in);
        }
        self.pruned(best)
    }

    /// The better one of this candidate and what proposals give.
    fn improve(
        &mut self,
        mut best: PlanCandidate,
        released: &BTreeMap<PackageName, String>,
    ) -> PlanCandidate {
        let mut tried: Vec<Vec<(PackageName, Option<Version>)>> = Vec::new();
        for _ in 0..PROPOSALS {
            let Some((sets, leave)) = self.propose(released) else {
                break;
            };
            let versions = sets
                .iter()
                .flat_map(|set| &set.packages)
                .map(|it| (it.name.clone(), it.version.clone()));
            let versions: Vec<_> = versions.collect();
            if tried.contains(&versions) {
                break;
            }
            tried.push(versions);
            let Some(candidate) = self.verify(&sets) else {
                break;
            };
            self.learn(&candidate.set);
            self.search(&candidate.set);
            let as_expected = self.is_as_expected(&candidate.set, &leave);
            self.reasons.extend(
                leave
                    .released
                    .into_iter()
                    .filter(|(_, why)| !why.is_empty()),
            );
            if candidate.score < best.score {
                best = candidate;
            }
            if as_expected {
                break;
            }
        }
        best
    }

    fn propose(
        &mut self,
        released: &BTreeMap<PackageName, String>,
    ) -> Option<(Vec<Resolution>, SearchConcessions)> {
        let mut proposer = SetProposer {
            world: self.world,
            input: self.input,
            targets: &self.targets,
            pinned: &self.pinned,
            searches: &self.searches,
            table: &mut self.table,
        };
        proposer.propose(released)
    }

    /// Whether every package that was to be fine is.
    fn is_as_expected(&self, set: &JudgedSet, leave: &SearchConcessions) -> bool {
        let names = set
            .names()
            .into_iter()
            .filter(|name| !leave.released.contains_key(*name));
        names.into_iter().all(|name| {
            set.of(name).all(|(target, _, result)| {
                let key = (name.clone(), target);
                let is_hopeless = self
                    .searches
                    .get(&key)
                    .is_none_or(|it| it.oldest.is_none() && it.older.is_none());
                let was_bad = self
                    .input
                    .before
                    .verdict(name, target)
                    .is_some_and(|it| PackageStanding::from(it) == PackageStanding::NotFine);
                PackageStanding::from(result.verdict) > PackageStanding::NotFine
                    || (was_bad && is_hopeless)
            })
        })
    }

    /// Packages that are not in the set as it is, and were found to be not fine.
    fn coming_in_bad(&self) -> Vec<PackageName> {
        let names: BTreeSet<&PackageName> = self.searches.keys().map(|(name, _)| name).collect();
        let before = self.input.before.names();
        names
            .into_iter()
            .filter(|name| !before.contains(name))
            .take(LET_IN)
            .cloned()
            .collect()
    }

    /// The set as the user would have it, with the changes that lead to these.
    fn verify(&mut self, proposed: &[Resolution]) -> Option<PlanCandidate> {
        let mut revision = self.revision_to(proposed);
        for _ in 0..BOUNDS {
            let sets = self.settle(&revision)?;
            let missing = self.missing_bounds(&sets, proposed);
            if missing.is_empty() {
                return Some(self.judged(revision, sets));
            }
            revision.bounds.extend(missing);
        }
        None
    }

    /// The versions of pinned packages that differ.
    fn revision_to(&self, proposed: &[Resolution]) -> InputRevision {
        let mut revision = InputRevision::default();
        for set in proposed {
            for chosen in set
                .packages
                .iter()
                .filter(|chosen| self.pinned.contains(&chosen.name))
            {
                let now = self.input.current(&chosen.name, set.target);
                if let Some(to) = chosen
                    .version
                    .clone()
                    .filter(|to| now.is_some_and(|now| now != *to))
                {
                    let floats = self.input.floats(&chosen.name);
                    let change = if floats {
                        VersionChange::Unpin
                    } else {
                        VersionChange::Pin(to)
                    };
                    revision.changes.insert(chosen.name.clone(), change);
                }
            }
        }
        revision
    }

    /// The sets for all targets with a revision; `None` when there are none.
    fn settle(&self, revision: &InputRevision) -> Option<Vec<Resolution>> {
        let settle = |before: &Resolution| {
            if is_unsolved(before) {
                return Some(before.clone());
            }
            let target = before.target;
            let (requests, orders): (Requests, TryOrders) =
                self.input.revised(revision, target, self.world);
            let mut set = self
                .world
                .resolve(&requests, &orders, self.input.requirements, target)
                .ok()?;
            self.keep_locked(before, &mut set);
            Some(set)
        };
        self.input.before.resolutions.iter().map(settle).collect()
    }

    /// What a lock pins and is not changed stays as it is, with the files that the lock has of it; so does what it takes
    /// from elsewhere than an index.
    fn keep_locked(&self, before: &Resolution, set: &mut Resolution) {
        if self.input.requests.locks.is_empty() {
            return;
        }
        let is_located = |name: &PackageName| !self.pinned.contains(name);
        let is_locked = |name: &PackageName| {
            let mut locked = self
                .input
                .requests
                .locks
                .iter()
                .flat_map(|lock| &lock.packages);
            locked.any(|package| package.name == *name)
        };
        for chosen in before.packages.iter().filter(|it| is_locked(&it.name)) {
            let same = set
                .packages
                .iter_mut()
                .find(|it| it.name == chosen.name && it.version == chosen.version);
            if let Some(same) = same {
                same.clone_from(chosen);
            }
        }
        for chosen in before
            .packages
            .iter()
            .filter(|it| is_located(&it.name) && is_locked(&it.name))
        {
            if !set.packages.iter().any(|other| other.name == chosen.name) {
                set.packages.push(chosen.clone());
            }
        }
        set.packages
            .sort_by(|left, right| (&left.name, &left.version).cmp(&(&right.name, &right.version)));
    }

    /// Bounds on packages of which installers take another version than was proposed, where that one is worse.
    fn missing_bounds(
        &mut self,
        sets: &[Resolution],
        proposed: &[Resolution],
    ) -> BTreeMap<PackageName, VersionBound> {
        let mut bounds: BTreeMap<PackageName, VersionBound> = BTreeMap::new();
        for (set, proposed) in sets.iter().zip(proposed) {
            for chosen in &proposed.packages {
                let (name, Some(wanted)) = (&chosen.name, &chosen.version) else {
                    continue;
                };
                let got = set
                    .packages
                    .iter()
                    .find(|other| other.name == *name)
                    .and_then(|it| it.version.as_ref());
                let Some(got) = got.filter(|got| *got != wanted) else {
                    continue;
                };
                let (world, target) = (self.world, set.target);
                self.table
                    .offer(name, target, || world.offered(name, target));
                if self.table.expected(name, target, got)
                    >= self.table.expected(name, target, wanted)
                {
                    continue;
                }
                let bound = if got < wanted {
                    VersionBound::AtLeast(wanted.clone())
                } else {
                    let newer = self
                        .table
                        .versions(name, target)
                        .filter(|it| !it.any_prerelease() && *it > wanted);
                    VersionBound::Below(newer.min().unwrap_or(got).clone())
                };
                bounds.insert(name.clone(), bound);
            }
        }
        bounds
    }

    fn judged(&self, revision: InputRevision, sets: Vec<Resolution>) -> PlanCandidate {
        let set = self.world.judge(self.input.requests, sets);
        let before = self.input.before;
        let differs = |name: &&PackageName| {
            let versions = |set: &JudgedSet| {
                set.of(name)
                    .map(|(on, version, _)| (on, version.cloned()))
                    .collect::<Vec<_>>()
            };
            before.names().contains(name) && versions(before) != versions(&set)
        };
        let moved = set.names().into_iter().filter(differs).count();
        let score = SetScore::of(before, &set, revision.len() + moved);
        PlanCandidate {
            revision,
            set,
            score,
        }
    }

    /// Without the changes that nothing needs.
    fn pruned(&mut self, mut best: PlanCandidate) -> PlanCandidate {
        let bounds: Vec<PackageName> = best.revision.bounds.keys().cloned().collect();
        let is_fine_now = |name: &&PackageName| {
            self.targets.iter().all(|on| {
                self.input
                    .before
                    .verdict(name, *on)
                    .is_none_or(|verdict| PackageStanding::from(verdict) > PackageStanding::NotFine)
            })
        };
        let changes: Vec<PackageName> = best
            .revision
            .changes
            .keys()
            .filter(is_fine_now)
            .cloned()
            .collect();
        for name in changes.into_iter().chain(bounds) {
            let mut revision = best.revision.clone();
            revision.changes.remove(&name);
            revision.bounds.remove(&name);
            if let Some(sets) = self.settle(&revision) {
                let candidate = self.judged(revision, sets);
                if candidate.score < best.score {
                    best = candidate;
                }
            }
        }
        best
    }

    /// What does not go together with the versions as they are: what packages of the new set require of them, and what
    /// they require of the new set.
    fn because(&self, after: &JudgedSet) -> BTreeMap<PackageName, Vec<MoveReason>> {
        let before = self.input.before;
        let mut because: BTreeMap<PackageName, BTreeSet<MoveReason>> = BTreeMap::new();
        let mut let_in: BTreeMap<PackageName, BTreeSet<MoveReason>> = BTreeMap::new();
        for set in &after.resolutions {
            for chosen in &set.packages {
                let (name, now) = (&chosen.name, before.version(&chosen.name, set.target));
                let (Some(now), Some(to)) = (now, &chosen.version) else {
                    continue;
                };
                if now == to {
                    continue;
                }
                let reason = |VersionObstacle { package, wants, .. }| {
                    Some(MoveReason {
                        package: package?,
                        required: name.clone(),
                        wants,
                    })
                };
                for reason in self
                    .world
                    .kept_out(after, name, now)
                    .into_iter()
                    .filter_map(reason)
                {
                    let_in
                        .entry(reason.package.0.clone())
                        .or_default()
                        .insert(reason.clone());
                    because.entry(name.clone()).or_default().insert(reason);
                }
                for reason in self
                    .world
                    .kept_out(before, name, to)
                    .into_iter()
                    .filter_map(reason)
                {
                    because
                        .entry(reason.package.0.clone())
                        .or_default()
                        .insert(reason);
                }
            }
        }
        // What nothing moves is new where it was kept out before.
        for (name, reasons) in let_in {
            because.entry(name).or_insert(reasons);
        }
        because
            .into_iter()
            .map(|(name, reasons)| (name, reasons.into_iter().collect()))
            .collect()
    }

    /// Packages of which a ready version is known that the set does not have, with what keeps it out.
    fn held(&self, after: &JudgedSet) -> BTreeMap<PackageName, HeldBack> {
        let mut held = BTreeMap::new();
        for not_ready in after.not_ready() {
            let name = &not_ready.chosen.name;
            let Some(search) = self.searches.get(&(name.clone(), not_ready.result.target)) else {
                continue;
            };
            let is_slower =
                PackageStanding::from(not_ready.result.verdict) == PackageStanding::Slower;
            let older = search.older.clone().filter(|_| !is_slower);
            let Some(to) = search.oldest.clone().or(older) else {
                continue;
            };
            let mut by = self.world.obstacles(self.input.before, name, &to);
            if by.is_empty() {
                let wants = self.reasons.get(name).cloned();
                let wants = wants.unwrap_or_else(|| "no better set of versions has it".to_owned());
                by.push(VersionObstacle {
                    place: None,
                    package: None,
                    wants,
                });
            }
            held.entry(name.clone()).or_insert(HeldBack { to, by });
        }
        held
    }
}

/// Whether there was no set for the target.
fn is_unsolved(resolution: &Resolution) -> bool {
    use crate::model::problem::ProblemKind;
    use crate::model::resolution::Choice;
    let is_open = |choice: &Choice| matches!(choice, Choice::Unknown { .. });
    let is_told = resolution
        .problems
        .iter()
        .any(|problem| problem.kind == ProblemKind::Resolution);
    is_told
        && resolution
            .packages
            .iter()
            .all(|chosen| chosen.version.is_none() && is_open(&chosen.choice))
}
