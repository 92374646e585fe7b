//! What is let in where the search finds no set: the least that lets it go on, found from the reasons of its failure.

use std::collections::BTreeMap;

use pubgrub::External;

use super::{NoSolutionTree, SolverInterrupt, SolverSession, WithoutMetadata};
use crate::model::name::{PackageName, Version};
use crate::model::problem::{Problem, ProblemKind};
use crate::resolve::candidates::{FitLevel, VersionCatalog};
use crate::resolve::ranges::VersionRange;
use crate::resolve::reasons::facts;

impl SolverSession<'_> {
    /// Lets in what stands in the way of every solution; false when nothing can be let in.
    pub(super) fn relax(&self, reasons: &NoSolutionTree) -> bool {
        let (mut relaxed, mut last_resort) = (false, Vec::new());
        for (name, range) in dead_ends(reasons) {
            let Ok(offer) = self.offer(&name) else {
                return true;
            };
            if self.dropped.borrow().contains_key(&name) {
                continue;
            }
            if offer.listing.files.is_empty() {
                let place = self
                    .plan
                    .places(&name)
                    .next()
                    .map_or_else(|| name.to_string(), ToString::to_string);
                let message = format!("no index knows a package named `{name}`");
                let package = Some(name.clone());
                self.drop_name(
                    &name,
                    Problem {
                        kind: ProblemKind::Index,
                        package,
                        place,
                        message,
                    },
                );
                relaxed = true;
            } else if self.mute.borrow_mut().get_mut(&name).is_some_and(|mute| {
                std::mem::replace(mute, WithoutMetadata::LetIn) == WithoutMetadata::LeftAside
            }) || self.raise(&name, &offer, &range, FitLevel::Twin)
            {
                relaxed = true;
            } else {
                last_resort.push((name, offer, range));
            }
        }
        if relaxed {
            return true;
        }
        last_resort
            .into_iter()
            .fold(false, |relaxed, (name, offer, range)| {
                self.raise(&name, &offer, &range, FitLevel::Anything) || relaxed
            })
    }

    /// Lets in what a package requires that cannot be installed either way. Otherwise the search would go back to ever
    /// older versions of that package, down to one that required less.
    pub(super) fn let_in(
        &self,
        name: &PackageName,
        offer: &VersionCatalog,
        range: &VersionRange,
    ) -> bool {
        self.raise(name, offer, range, FitLevel::Twin)
            || self.raise(name, offer, range, FitLevel::Anything)
    }

    pub(super) fn raise(
        &self,
        name: &PackageName,
        offer: &VersionCatalog,
        range: &VersionRange,
        level: FitLevel,
    ) -> bool {
        if self.level(name) >= level || self.first(name, offer, range, level).is_none() {
            return false;
        }
        self.levels.borrow_mut().insert(name.clone(), level);
        // The versions that are let in now may be described by other files.
        self.descriptions
            .borrow_mut()
            .retain(|(other, _), _| other != name);
        true
    }

    /// Whether another version goes first, and would do for the input. A version that does not say what it requires agrees with
    /// everything, so that a search that goes back far enough would always end at such a one.
    pub(super) fn is_second_choice(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<bool, SolverInterrupt> {
        let demands = self
            .plan
            .demands
            .iter()
            .filter(|demand| demand.name == *name);
        let range = demands.fold(self.plan.bound(name), |range, demand| {
            range.intersection(&demand.range)
        });
        let offer = self.offer(name)?;
        let first = self.first(name, &offer, &range, self.level(name));
        Ok(first.is_some_and(|first| first.candidate.version != *version))
    }
}

/// The packages of which the solver found no usable version, in the order of their names.
fn dead_ends(reasons: &NoSolutionTree) -> BTreeMap<PackageName, VersionRange> {
    let mut found: BTreeMap<PackageName, VersionRange> = BTreeMap::new();
    for reason in facts(reasons) {
        if let External::NoVersions(node, range) | External::Custom(node, range, _) = reason
            && let Some(name) = node.name()
        {
            let known = found
                .entry(name.clone())
                .or_insert_with(VersionRange::empty);
            *known = known.union(range);
        }
    }
    found
}
