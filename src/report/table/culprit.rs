//! What is wrong with the packages, gathered out of findings and verdicts.
//!
//! The same thing in many modules, or on many targets, is one culprit: it names the first and knows the rest. What does
//! not decide a verdict is in `notes`.

use std::cmp::Reverse;

use crate::model::evidence::Evidence;
use crate::model::finding::{Certainty, Finding, FindingLevel};
use crate::model::outcome::{Gil, ModuleOutcome};
use crate::model::report::{PackageReport, Report, TargetResult};
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::packages::worst_first;

/// One thing that is wrong with a package: what a rule found, or the verdict's own reason where no rule speaks.
pub(super) struct GridFinding<'a> {
    pub(super) package: &'a PackageReport,
    pub(super) targets: Vec<Target>,
    /// What it leads to.
    pub(super) verdict: Verdict,
    /// Rule's id, when a rule speaks.
    pub(super) rule: Option<&'a str>,
    /// In a few words; empty where no rule speaks.
    pub(super) summary: &'a str,
    pub(super) message: &'a str,
    /// The first module's own reason.
    pub(super) because: Option<&'a str>,
    pub(super) help: Option<&'a str>,
    /// Members concerned: path, and module where it is known.
    pub(super) members: Vec<(&'a str, Option<&'a str>)>,
    pub(super) evidence: &'a [Evidence],
    /// One for each target, each once.
    pub(super) filenames: Vec<&'a str>,
}

/// Whether a verdict is explained in a paragraph.
pub(super) fn has_paragraph(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Pure | Verdict::Ready)
}

/// Everything that is wrong with any package, the worst first.
pub(super) fn gather(report: &Report) -> Vec<GridFinding<'_>> {
    let mut culprits: Vec<GridFinding<'_>> = worst_first(report)
        .into_iter()
        .flat_map(culprits_of)
        .collect();
    culprits.sort_by_key(|culprit| Reverse(culprit.verdict));
    culprits
}

fn culprits_of(package: &PackageReport) -> Vec<GridFinding<'_>> {
    let mut all: Vec<GridFinding<'_>> = Vec::new();
    for result in &package.results {
        for culprit in culprits_on(package, result) {
            match all.iter_mut().find(|known| known.same_thing(&culprit)) {
                Some(known) => known.add(culprit),
                None => all.push(culprit),
            }
        }
    }
    all
}

fn culprits_on<'a>(package: &'a PackageReport, result: &'a TargetResult) -> Vec<GridFinding<'a>> {
    let mut culprits: Vec<GridFinding<'_>> = Vec::new();
    for finding in result
        .findings
        .iter()
        .filter(|finding| finding.level == FindingLevel::Decides)
    {
        let verdict = verdict_of(finding, result);
        if !has_paragraph(verdict) {
            continue;
        }
        // Of what several rules could not tell of a module, one paragraph says why.
        let is_doubted = |known: &GridFinding<'_>| {
            finding.certainty == Certainty::Unknown
                && known.rule != Some(&finding.rule)
                && known.verdict == verdict
                && known
                    .members
                    .iter()
                    .any(|(path, _)| Some(*path) == finding.module.as_deref())
        };
        if culprits.iter().any(is_doubted) {
            continue;
        }
        match culprits
            .iter_mut()
            .find(|known| known.rule == Some(&finding.rule) && known.verdict == verdict)
        {
            Some(known) => known.members.extend(member(finding, result)),
            None => culprits.push(GridFinding::found(package, result, finding)),
        }
    }
    let explained = culprits
        .iter()
        .any(|culprit| culprit.verdict == result.verdict);
    if !explained && has_paragraph(result.verdict) {
        culprits.push(GridFinding::unexplained(package, result));
    }
    culprits
}

/// What a deciding finding leads to.
fn verdict_of(finding: &Finding, result: &TargetResult) -> Verdict {
    match finding.certainty {
        Certainty::Unknown => finding
            .verdict
            .unwrap_or(Verdict::Unknown)
            .min(Verdict::Unknown),
        Certainty::Holds => finding.verdict.unwrap_or(result.verdict),
    }
}

fn outcome<'a>(finding: &Finding, result: &'a TargetResult) -> Option<&'a ModuleOutcome> {
    let path = finding.module.as_deref()?;
    result.modules.iter().find(|outcome| outcome.path == path)
}

fn member<'a>(
    finding: &'a Finding,
    result: &'a TargetResult,
) -> Option<(&'a str, Option<&'a str>)> {
    let module = outcome(finding, result).map(|outcome| outcome.module.as_str());
    Some((finding.module.as_deref()?, module))
}

impl<'a> GridFinding<'a> {
    fn found(
        package: &'a PackageReport,
        result: &'a TargetResult,
        finding: &'a Finding,
    ) -> GridFinding<'a> {
        GridFinding {
            package,
            targets: vec![result.target],
            verdict: verdict_of(finding, result),
            rule: Some(&finding.rule),
            summary: &finding.summary,
            message: &finding.message,
            because: outcome(finding, result).map(|outcome| outcome.reason.as_str()),
            help: Some(finding.help.as_str()).filter(|help| !help.is_empty()),
            members: member(finding, result).into_iter().collect(),
            evidence: &finding.evidence,
            filenames: result
                .artifact
                .iter()
                .map(|artifact| artifact.filename.as_str())
                .collect(),
        }
    }

    fn unexplained(package: &'a PackageReport, result: &'a TargetResult) -> GridFinding<'a> {
        let concerned: Vec<&ModuleOutcome> = result
            .modules
            .iter()
            .filter(|module| concerns(module, result))
            .collect();
        GridFinding {
            package,
            targets: vec![result.target],
            verdict: result.verdict,
            rule: None,
            summary: "",
            message: &result.reason,
            because: concerned.first().map(|module| module.reason.as_str()),
            help: None,
            members: concerned
                .iter()
                .map(|module| (module.path.as_str(), Some(module.module.as_str())))
                .collect(),
            evidence: concerned.first().map_or(&[], |module| &module.evidence),
            filenames: result
                .artifact
                .iter()
                .map(|artifact| artifact.filename.as_str())
                .collect(),
        }
    }

    /// Adds the same thing on another target.
    fn add(&mut self, other: GridFinding<'a>) {
        self.targets.extend(other.targets);
        for filename in other.filenames {
            if !self.filenames.contains(&filename) {
                self.filenames.push(filename);
            }
        }
    }

    /// Whether the other is the same thing on another target: the same rule in the same modules, whatever the files'
    /// names, which carry the target's tag.
    fn same_thing(&self, other: &GridFinding<'_>) -> bool {
        let modules = |culprit: &GridFinding<'_>| -> Vec<String> {
            culprit
                .members
                .iter()
                .map(|(path, module)| module.unwrap_or(path).to_owned())
                .collect()
        };
        let said = self.rule.is_some() || self.message == other.message;
        self.rule == other.rule
            && self.verdict == other.verdict
            && said
            && modules(self) == modules(other)
    }
}

fn concerns(module: &ModuleOutcome, result: &TargetResult) -> bool {
    match result.verdict {
        Verdict::Gil => module.gil == Gil::Used,
        Verdict::Crash => module.gil == Gil::NotLoadable,
        Verdict::Unknown => matches!(module.gil, Gil::Unknown | Gil::Delegated),
        _ => false,
    }
}
