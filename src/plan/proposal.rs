//! Sets that could be: the search for versions that go together, with as many packages fine and as few changes as it
//! finds. Nothing is promised here: what is proposed is resolved again as the user would have it, and judged.
//!
//! At first every pinned package keeps its version, unless it is not fine and a version is known that is. Where no set
//! is left, the packages that take part in the conflict may move, those that are fine only to versions that are expected
//! to be; where that is not enough, a package that is not fine now may stay so.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::name::{PackageName, Version};
use crate::model::plan::VersionSearch;
use crate::model::resolution::Resolution;
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::downward::{line_before, release_line};
use super::readiness::{PackageStanding, ReadinessTable};
use super::revision::PlanInput;
use super::world::{PlanWorld, SetConflict, TryOrders};

/// How often sets are searched until they agree on the versions of what they share.
const AGREEMENTS: usize = 3;

/// What the search goes by.
pub(super) struct SetProposer<'a, W> {
    pub(super) world: &'a W,
    pub(super) input: PlanInput<'a>,
    pub(super) targets: &'a [Target],
    pub(super) pinned: &'a BTreeSet<PackageName>,
    pub(super) searches: &'a BTreeMap<(PackageName, Target), VersionSearch>,
    pub(super) table: &'a mut ReadinessTable,
}

/// What a search was allowed.
#[derive(Clone, Debug, Default)]
pub(super) struct SearchConcessions {
    /// Pinned packages that may move.
    pub(super) moving: BTreeSet<PackageName>,
    /// Packages that need not be fine, and what stood in the way of that.
    pub(super) released: BTreeMap<PackageName, String>,
}

impl<W: PlanWorld> SetProposer<'_, W> {
    /// Sets for all targets, and what they took. `released` is what need not be fine from the start.
    pub(super) fn propose(
        &mut self,
        released: &BTreeMap<PackageName, String>,
    ) -> Option<(Vec<Resolution>, SearchConcessions)> {
        let mut leave = SearchConcessions {
            released: released.clone(),
            ..SearchConcessions::default()
        };
        let mut sets = self.search(&mut leave, ReleasePolicy::Allowed).ok()?;
        // What was let go of first may be fine after all, now that others were let go of too.
        for name in leave
            .released
            .keys()
            .filter(|name| !released.contains_key(*name))
            .cloned()
            .collect::<Vec<_>>()
        {
            let mut tried = leave.clone();
            tried.released.remove(&name);
            match self.search(&mut tried, ReleasePolicy::Forbidden) {
                Ok(found) => (sets, leave) = (found, tried),
                Err(conflict) => _ = leave.released.insert(name, conflict.explanation),
            }
        }
        Some((sets, leave))
    }

    fn search(
        &mut self,
        leave: &mut SearchConcessions,
        release: ReleasePolicy,
    ) -> Result<Vec<Resolution>, SetConflict> {
        loop {
            let conflict = match self.agree(leave) {
                Ok(sets) => return Ok(sets),
                Err(conflict) => conflict,
            };
            let held = conflict
                .packages
                .intersection(self.pinned)
                .filter(|name| !leave.moving.contains(*name));
            let held: Vec<PackageName> = held.cloned().collect();
            if !held.is_empty() {
                leave.moving.extend(held);
                continue;
            }
            match self
                .releasable(&conflict, leave)
                .filter(|_| release == ReleasePolicy::Allowed)
            {
                Some(name) => _ = leave.released.insert(name, conflict.explanation),
                None => return Err(conflict),
            }
        }
    }

    /// A package of the conflict that need not be fine: one that is not now, if there is one; best one that ran out of
    /// versions.
    fn releasable(&self, conflict: &SetConflict, leave: &SearchConcessions) -> Option<PackageName> {
        let is_demanding = |name: &&PackageName| {
            !leave.released.contains_key(*name)
                && self
                    .targets
                    .iter()
                    .any(|target| self.demanded(name, *target, leave) > PackageStanding::NotFine)
        };
        let is_bad_now = |name: &&PackageName| {
            let verdicts = self
                .targets
                .iter()
                .filter_map(|target| self.input.before.verdict(name, *target));
            verdicts
                .into_iter()
                .any(|verdict| PackageStanding::from(verdict) == PackageStanding::NotFine)
        };
        let comes_in = |name: &&PackageName| {
            self.targets
                .iter()
                .all(|on| self.input.before.verdict(name, *on).is_none())
        };
        let among = |names: &BTreeSet<PackageName>, is_so: &dyn Fn(&&PackageName) -> bool| {
            names
                .iter()
                .filter(is_demanding)
                .find(|name| is_so(name))
                .cloned()
        };
        among(&conflict.exhausted, &is_bad_now)
            .or_else(|| among(&conflict.packages, &is_bad_now))
            .or_else(|| among(&conflict.packages, &comes_in))
    }

    /// Sets that have the same version of each pinned package.
    fn agree(&mut self, leave: &SearchConcessions) -> Result<Vec<Resolution>, SetConflict> {
        let mut preferred: BTreeMap<PackageName, Version> = BTreeMap::new();
        let mut sets = Vec::new();
        for _ in 0..AGREEMENTS {
            sets.clear();
            let (mut first, mut differs) = (preferred.clone(), false);
            for target in self.targets {
                let open = self.input.open(*target, self.world);
                let orders = self.orders(*target, leave, &first);
                let set = self
                    .world
                    .resolve(&open, &orders, self.input.requirements, *target)?;
                for chosen in set
                    .packages
                    .iter()
                    .filter(|chosen| self.pinned.contains(&chosen.name))
                {
                    let Some(version) = &chosen.version else {
                        continue;
                    };
                    let known = first
                        .entry(chosen.name.clone())
                        .or_insert_with(|| version.clone());
                    if known != version {
                        differs = true;
                        *known = version.clone();
                    }
                }
                sets.push(set);
            }
            if !differs {
                break;
            }
            preferred = first;
        }
        Ok(sets)
    }

    fn orders(
        &mut self,
        target: Target,
        leave: &SearchConcessions,
        first: &BTreeMap<PackageName, Version>,
    ) -> TryOrders {
        let names: BTreeSet<PackageName> = self.input.before.names().into_iter().cloned().collect();
        let found = self.searches.keys().map(|(name, _)| name.clone());
        let names: BTreeSet<PackageName> = names
            .into_iter()
            .chain(found)
            .chain(self.pinned.iter().cloned())
            .collect();
        let orders = names.into_iter().filter_map(|name| {
            let order = self.order(&name, target, leave, first.get(&name))?;
            Some((name, order))
        });
        orders.collect()
    }

    /// The versions of a package in the order in which to try them; `None` for an installer's order.
    fn order(
        &mut self,
        name: &PackageName,
        target: Target,
        leave: &SearchConcessions,
        first: Option<&Version>,
    ) -> Option<Vec<Version>> {
        let before = self.input.before;
        let current = self.input.current(name, target);
        let is_pinned = self.pinned.contains(name);
        let demands: Vec<(Target, PackageStanding)> = self
            .targets
            .iter()
            .filter(|on| **on == target || before.verdict(name, **on).is_some())
            .map(|on| (*on, self.demanded(name, *on, leave)))
            .collect();
        let wants_more = !leave.released.contains_key(name)
            && demands.iter().any(|(on, _)| self.is_slower(name, *on));
        if is_pinned
            && !wants_more
            && !leave.moving.contains(name)
            && first.is_none_or(|first| Some(first) == current.as_ref())
        {
            let current = current.clone()?;
            if self.is_allowed(name, &current, &demands) {
                return Some(vec![current]);
            }
        }
        let is_met = |(on, demand): &(Target, PackageStanding)| {
            before
                .verdict(name, *on)
                .map_or(PackageStanding::NotFine, PackageStanding::from)
                >= *demand
        };
        // What installers take is known to be fine, unless a set has shown otherwise.
        let is_known_bad = demands
            .iter()
            .any(|(on, _)| self.table.knows_bad(name, *on));
        if !is_pinned && !wants_more && !is_known_bad && demands.iter().all(is_met) {
            return None;
        }
        for (on, _) in &demands {
            let world = self.world;
            self.table.offer(name, *on, || world.offered(name, *on));
        }
        let is_early = current.as_ref().is_some_and(Version::any_prerelease)
            || self.input.requests.sources.pre;
        let versions: Vec<&Version> = self
            .table
            .versions(name, target)
            .filter(|it| is_early || !it.any_prerelease())
            .collect();
        if versions.is_empty() {
            return None;
        }
        let Some(current) = current else {
            let newest_first = versions
                .into_iter()
                .rev()
                .filter(|version| self.is_allowed(name, version, &demands));
            return Some(newest_first.cloned().collect());
        };
        let mut order = self.around(name, (&current, first), &versions, &demands);
        if wants_more {
            // It works, and still a version with its compiled modules is better.
            order.sort_by_key(|it| std::cmp::Reverse(self.table.expected(name, target, it)));
        }
        Some(order)
    }

    /// The versions that are allowed, from the one that other sets have and the one now upwards, then downwards.
    fn around(
        &self,
        name: &PackageName,
        (current, first): (&Version, Option<&Version>),
        versions: &[&Version],
        demands: &[(Target, PackageStanding)],
    ) -> Vec<Version> {
        let newer = versions
            .iter()
            .copied()
            .filter(|version| *version > current);
        let is_bad = demands.iter().any(|(on, _)| self.is_not_fine(name, *on));
        // What is fine goes back within its line of releases alone.
        let end = if is_bad {
            line_before(versions.iter().copied(), current)
        } else {
            release_line(current)
        };
        let older = versions.iter().copied().rev();
        let older = older.filter(|version| *version < current && release_line(version) >= end);
        let order = first.into_iter().chain([current]).chain(newer).chain(older);
        let mut order: Vec<Version> = order
            .filter(|it| self.is_allowed(name, it, demands))
            .cloned()
            .collect();
        order.dedup();
        order
    }

    fn is_not_fine(&self, name: &PackageName, target: Target) -> bool {
        let verdict = self.input.before.verdict(name, target);
        verdict.is_some_and(|verdict| PackageStanding::from(verdict) == PackageStanding::NotFine)
    }

    fn is_allowed(
        &self,
        name: &PackageName,
        version: &Version,
        demands: &[(Target, PackageStanding)],
    ) -> bool {
        demands.iter().all(|(on, demand)| {
            *demand == PackageStanding::NotFine
                || self.table.expected(name, *on, version) >= *demand
        })
    }

    /// Whether it works without its compiled modules, and a version is known that has them.
    fn is_slower(&self, name: &PackageName, target: Target) -> bool {
        self.input.before.verdict(name, target) == Some(Verdict::PureFallback)
            && self.known_best(name, target) == PackageStanding::Ready
    }

    /// How a package has to stand on a target.
    fn demanded(
        &self,
        name: &PackageName,
        target: Target,
        leave: &SearchConcessions,
    ) -> PackageStanding {
        let now = self
            .input
            .before
            .verdict(name, target)
            .map(PackageStanding::from);
        match now {
            Some(PackageStanding::Ready | PackageStanding::Slower) => {
                now.unwrap_or(PackageStanding::NotFine)
            }
            _ if leave.released.contains_key(name) => PackageStanding::NotFine,
            Some(PackageStanding::NotFine) => self.known_best(name, target),
            None if self.table.knows_bad(name, target) => PackageStanding::Slower,
            None => PackageStanding::NotFine,
        }
    }

    /// What a package that is not fine can become: upwards ready, downwards at least what works.
    fn known_best(&self, name: &PackageName, target: Target) -> PackageStanding {
        match self.searches.get(&(name.clone(), target)) {
            Some(search) if search.oldest.is_some() => PackageStanding::Ready,
            Some(search) if search.older.is_some() => PackageStanding::Slower,
            Some(_) | None => PackageStanding::NotFine,
        }
    }
}

/// Whether more packages may stay as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReleasePolicy {
    Allowed,
    Forbidden,
}
