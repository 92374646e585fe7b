//! Results of all targets become one report: a package whose version differs between targets stands there once for each.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::name::{PackageName, Version};
use crate::model::problem::Problem;
use crate::model::report::{PackageReport, Report, Summary, TargetResult};
use crate::model::resolution::{RequiredBy, Resolution};
use crate::model::target::Target;

use super::judging::Examinations;

/// One target's resolution and what was judged of each of its packages, in the same order.
pub(super) struct Judged {
    /// The set.
    pub(super) resolution: Resolution,
    /// One for each package of the set.
    pub(super) results: Vec<TargetResult>,
}

/// Bytes that came over the network and bytes that the files have in all.
#[derive(Clone, Copy)]
pub(super) struct Bytes {
    pub(super) fetched: u64,
    pub(super) total: u64,
}

/// What the targets say of one version of a package.
#[derive(Default)]
struct Gathered {
    required_by: BTreeSet<RequiredBy>,
    results: Vec<TargetResult>,
}

/// Puts the report together.
pub(super) fn assemble(targets: Vec<Target>, judged: Vec<Judged>, examinations: &Examinations, bytes: Bytes) -> Report {
    let mut problems: BTreeSet<Problem> = BTreeSet::new();
    problems.extend(examinations.values().flat_map(|found| found.problems.iter().cloned()));
    let mut packages: BTreeMap<(PackageName, Option<Version>), Gathered> = BTreeMap::new();
    for Judged { resolution, results } in judged {
        problems.extend(resolution.problems);
        for (chosen, result) in resolution.packages.into_iter().zip(results) {
            let gathered = packages.entry((chosen.name, chosen.version)).or_default();
            gathered.required_by.extend(chosen.required_by);
            gathered.results.push(result);
        }
    }
    let names: BTreeSet<&PackageName> = packages.keys().map(|(name, _)| name).collect();
    let summary = Summary {
        packages: names.len(),
        files: examinations.len(),
        modules: examinations.values().map(|found| found.module_count()).sum(),
        bytes_fetched: bytes.fetched,
        bytes_total: bytes.total,
        problems: problems.len(),
    };
    let package = |((name, version), gathered): (_, Gathered)| PackageReport {
        name,
        version,
        required_by: shortest_first(gathered.required_by),
        results: gathered.results,
    };
    Report {
        targets,
        packages: packages.into_iter().map(package).collect(),
        problems: problems.into_iter().collect(),
        summary,
        gate: None,
    }
}

fn shortest_first(paths: BTreeSet<RequiredBy>) -> Vec<RequiredBy> {
    let mut paths: Vec<RequiredBy> = paths.into_iter().collect();
    paths.sort_by_key(|required| required.path.len());
    paths
}
