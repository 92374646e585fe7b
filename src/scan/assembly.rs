//! Results of all targets become one report: a package whose version differs between targets stands there once for each,
//! and so does one that several environments hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::index::IndexError;
use crate::model::gate::Gate;
use crate::model::lock::ExcludedTarget;
use crate::model::name::{PackageName, Version};
use crate::model::problem::Problem;
use crate::model::report::{PackageReport, Report, RunSummary, TargetResult};
use crate::model::resolution::{RequiredBy, Resolution};
use crate::model::target::Target;

use super::examinations::ExaminationIndex;

/// One target's resolution and what was judged of each of its packages, in the same order.
pub(super) struct JudgedTarget {
    /// Number of what the set comes from: the requests, or one environment.
    pub(super) origin: usize,
    /// The set.
    pub(super) resolution: Resolution,
    /// One for each package of the set.
    pub(super) results: Vec<TargetResult>,
}

/// Bytes that came over the network and bytes that the files have in all.
#[derive(Clone, Copy)]
pub(super) struct ByteCounts {
    pub(super) fetched: u64,
    pub(super) total: u64,
}

/// A report in the making. What the packages do not bring with them comes in here; a [`Report`] is finished.
#[derive(Debug)]
pub struct ReportBuilder {
    report: Report,
}

impl ReportBuilder {
    /// Adds what could not be looked at.
    #[must_use]
    pub(super) fn problems(mut self, problems: impl IntoIterator<Item = Problem>) -> ReportBuilder {
        self.report.problems.extend(problems);
        self.report.summary.problems = self.report.problems.len();
        self
    }

    /// A host that does not answer is one problem, however many packages were to be asked of it.
    #[must_use]
    pub(super) fn outages(mut self, outages: &[IndexError]) -> ReportBuilder {
        let problems = &mut self.report.problems;
        for outage in outages {
            let message = outage.to_string();
            let before = problems.len();
            problems.retain(|problem| problem.message != message);
            let left_out = before - problems.len();
            if left_out > 0 {
                let place = match outage {
                    IndexError::Unreachable { host, .. } => host.clone(),
                    _ => String::new(),
                };
                let message =
                    format!("{message} ({left_out} packages or files were to be asked for)");
                problems.push(Problem {
                    kind: outage.kind(),
                    package: None,
                    place,
                    message,
                });
            }
        }
        problems.sort();
        self.report.summary.problems = self.report.problems.len();
        self
    }

    /// Names the configuration file that was followed.
    #[must_use]
    pub fn configuration(mut self, file: Option<String>) -> ReportBuilder {
        self.report.configuration = file;
        self
    }

    /// Holds the report to a policy; problems that come in later would not count.
    #[must_use]
    pub fn gate(mut self, decide: impl FnOnce(&Report) -> Gate) -> ReportBuilder {
        self.report.gate = Some(decide(&self.report));
        self
    }

    /// The report.
    pub fn finish(self) -> Report {
        self.report
    }
}

/// What the targets say of one version of a package.
#[derive(Default)]
struct GatheredVersion {
    required_by: BTreeSet<RequiredBy>,
    results: Vec<TargetResult>,
}

/// A version of a package, the number of the origin that it comes from, and how often the set had it before: folders in
/// which modules are looked for may each have one.
type VersionKey = (PackageName, Option<Version>, usize, usize);

/// Puts the report together.
pub(super) fn assemble(
    judged: Vec<JudgedTarget>,
    examinations: &ExaminationIndex,
    bytes: ByteCounts,
) -> ReportBuilder {
    let mut targets: Vec<Target> = Vec::new();
    let mut problems: BTreeSet<Problem> = BTreeSet::new();
    let mut excluded: BTreeSet<ExcludedTarget> = BTreeSet::new();
    problems.extend(
        examinations
            .values()
            .flat_map(|found| found.problems.iter().cloned()),
    );
    let mut packages: BTreeMap<VersionKey, GatheredVersion> = BTreeMap::new();
    for JudgedTarget {
        origin,
        resolution,
        results,
    } in judged
    {
        if !targets.contains(&resolution.target) {
            targets.push(resolution.target);
        }
        problems.extend(resolution.problems);
        excluded.extend(resolution.excluded);
        let mut had: BTreeMap<(PackageName, Option<Version>), usize> = BTreeMap::new();
        for (chosen, result) in resolution.packages.into_iter().zip(results) {
            let count = had
                .entry((chosen.name.clone(), chosen.version.clone()))
                .or_default();
            let gathered = packages
                .entry((chosen.name, chosen.version, origin, *count))
                .or_default();
            *count += 1;
            gathered.required_by.extend(chosen.required_by);
            gathered.results.push(result);
        }
    }
    let names: BTreeSet<&PackageName> = packages.keys().map(|(name, ..)| name).collect();
    let summary = RunSummary {
        packages: names.len(),
        files: examinations.len(),
        modules: examinations
            .values()
            .map(|found| found.module_count())
            .sum(),
        bytes_fetched: bytes.fetched,
        bytes_total: bytes.total,
        problems: problems.len(),
    };
    let package = |((name, version, ..), gathered): (VersionKey, GatheredVersion)| PackageReport {
        name,
        version,
        required_by: shortest_first(gathered.required_by),
        results: gathered.results,
    };
    let report = Report {
        targets,
        excluded: excluded.into_iter().collect(),
        packages: packages.into_iter().map(package).collect(),
        problems: problems.into_iter().collect(),
        summary,
        gate: None,
        configuration: None,
    };
    ReportBuilder { report }
}

fn shortest_first(paths: BTreeSet<RequiredBy>) -> Vec<RequiredBy> {
    let mut paths: Vec<RequiredBy> = paths.into_iter().collect();
    paths.sort_by_key(|required| required.path.len());
    paths
}
