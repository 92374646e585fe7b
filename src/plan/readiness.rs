//! What is known of the versions of packages, and what is expected of those that were not looked at. Expectations only
//! guide the search: what a set gets in the end is judged.

use std::collections::BTreeMap;

use crate::model::name::{PackageName, Version};
use crate::model::plan::{ProbeBasis, VersionSearch};
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::world::OfferedVersion;

/// How well a package does, as far as plans care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PackageStanding {
    /// Something speaks against it, or nothing is known.
    NotFine,
    /// It works, slower.
    Slower,
    /// Nothing speaks against it.
    Ready,
}

impl From<Verdict> for PackageStanding {
    fn from(verdict: Verdict) -> PackageStanding {
        match verdict {
            Verdict::Pure | Verdict::Ready => PackageStanding::Ready,
            Verdict::PureFallback => PackageStanding::Slower,
            Verdict::Unknown
            | Verdict::Build
            | Verdict::Gil
            | Verdict::Crash
            | Verdict::Blocked => PackageStanding::NotFine,
        }
    }
}

/// Verdicts by package and target.
#[derive(Default)]
pub(super) struct ReadinessTable {
    offered: BTreeMap<(PackageName, Target), Vec<OfferedVersion>>,
    judged: BTreeMap<(PackageName, Target), BTreeMap<Version, Verdict>>,
}

impl ReadinessTable {
    /// Takes note of what is offered.
    pub(super) fn offer(
        &mut self,
        name: &PackageName,
        target: Target,
        offered: impl FnOnce() -> Vec<OfferedVersion>,
    ) {
        self.offered
            .entry((name.clone(), target))
            .or_insert_with(offered);
    }

    /// Takes note of what was found of a version.
    pub(super) fn learn(
        &mut self,
        name: &PackageName,
        target: Target,
        version: &Version,
        verdict: Verdict,
    ) {
        self.judged
            .entry((name.clone(), target))
            .or_default()
            .insert(version.clone(), verdict);
    }

    /// Takes note of what a search found. What a set as a whole made of a version counts more.
    pub(super) fn learn_search(
        &mut self,
        name: &PackageName,
        target: Target,
        search: &VersionSearch,
    ) {
        let known = self.judged.entry((name.clone(), target)).or_default();
        for probe in search
            .probes
            .iter()
            .filter(|probe| probe.seen == ProbeBasis::Bytes)
        {
            known.entry(probe.version.clone()).or_insert(probe.verdict);
        }
    }

    /// The versions that are offered, oldest first.
    pub(super) fn versions(
        &self,
        name: &PackageName,
        target: Target,
    ) -> impl Iterator<Item = &Version> {
        let offered = self
            .offered
            .get(&(name.clone(), target))
            .into_iter()
            .flatten();
        offered.map(|offered| &offered.version)
    }

    /// Whether any version was judged and found not fine.
    pub(super) fn knows_bad(&self, name: &PackageName, target: Target) -> bool {
        let judged = self
            .judged
            .get(&(name.clone(), target))
            .into_iter()
            .flatten();
        judged
            .into_iter()
            .any(|(_, verdict)| PackageStanding::from(*verdict) == PackageStanding::NotFine)
    }

    /// What is known of a version, or expected of it.
    pub(super) fn expected(
        &self,
        name: &PackageName,
        target: Target,
        version: &Version,
    ) -> PackageStanding {
        let key = (name.clone(), target);
        let empty = BTreeMap::new();
        let judged = self.judged.get(&key).unwrap_or(&empty);
        if let Some(verdict) = judged.get(version) {
            return PackageStanding::from(*verdict);
        }
        let offered = self
            .offered
            .get(&key)
            .into_iter()
            .flatten()
            .find(|offered| offered.version == *version);
        if let Some(verdict) = offered.and_then(|offered| offered.by_names) {
            return PackageStanding::from(verdict);
        }
        let is_ready = |(_, verdict): (&Version, &Verdict)| verdict.is_good();
        let below = judged.range(..version).next_back().map(is_ready);
        let above = judged.range(version..).next().map(is_ready);
        match (below, above) {
            (Some(true) | None, Some(true) | None) => PackageStanding::Ready,
            (Some(false), _) | (_, Some(false)) => PackageStanding::NotFine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_between_ready_ones_are_expected_to_be() {
        let (name, target): (PackageName, Target) = (
            "a".parse().unwrap(),
            Target {
                python: "3.14t".parse().unwrap(),
                platform: "linux-x86_64".parse().unwrap(),
            },
        );
        let mut table = ReadinessTable::default();
        let version = |text: &str| -> Version { text.parse().unwrap() };
        let expected =
            |table: &ReadinessTable, text: &str| table.expected(&name, target, &version(text));
        assert_eq!(
            expected(&table, "1"),
            PackageStanding::Ready,
            "what was never looked at is worth a look"
        );
        let by_names = |text: &str, by_names| OfferedVersion {
            version: version(text),
            by_names,
        };
        table.offer(&name, target, || {
            vec![by_names("3.5", Some(Verdict::Build)), by_names("4.5", None)]
        });
        for (text, verdict) in [
            ("2", Verdict::Gil),
            ("3", Verdict::Ready),
            ("4", Verdict::Pure),
            ("5", Verdict::Gil),
        ] {
            table.learn(&name, target, &version(text), verdict);
        }
        for (text, standing) in [
            ("1", PackageStanding::NotFine),
            ("2.5", PackageStanding::NotFine),
            ("3.2", PackageStanding::Ready),
            ("3.5", PackageStanding::NotFine),
            ("4.5", PackageStanding::NotFine),
            ("6", PackageStanding::NotFine),
        ] {
            assert_eq!(expected(&table, text), standing, "{text}");
        }
    }
}
