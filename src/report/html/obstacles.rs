//! What stands in the way, what is left open, and what runs slower, gathered for each package out of findings and verdicts.
//!
//! The same thing in many modules, or on many targets, is said once. What does not decide a verdict is in the details.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::finding::{Certainty, FindingLevel};
use crate::model::verdict::{DecisionSide, Verdict};

use super::super::json::{EvidenceV1, SavedFinding, SavedPackage, SavedReport, SavedTargetResult};

/// What kind of obstacle a package is at its worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObstacleKind {
    /// It stands in the way.
    InTheWay,
    /// Not known, or decided elsewhere.
    Open,
    /// It works without its compiled modules.
    Slower,
}

impl ObstacleKind {
    fn of(verdict: Verdict) -> Option<ObstacleKind> {
        match DecisionSide::from(verdict) {
            DecisionSide::Against => Some(ObstacleKind::InTheWay),
            DecisionSide::Open => Some(ObstacleKind::Open),
            DecisionSide::For if verdict == Verdict::PureFallback => Some(ObstacleKind::Slower),
            DecisionSide::For => None,
        }
    }
}

/// Everything that is said of one package.
pub(super) struct PackageObstacle<'a> {
    /// The package.
    pub(super) package: &'a SavedPackage,
    /// Its worst verdict.
    pub(super) verdict: Verdict,
    /// What is said, the worst first.
    pub(super) said: Vec<ObstacleReason<'a>>,
}

/// One thing that is said: what a rule found, or the verdict's own reason where no rule speaks.
pub(super) struct ObstacleReason<'a> {
    /// Rule's id, when a rule speaks.
    pub(super) rule: Option<&'a str>,
    /// What it leads to.
    pub(super) verdict: Verdict,
    /// What was found.
    pub(super) message: &'a str,
    /// What to do.
    pub(super) help: &'a str,
    /// Where it is so.
    pub(super) targets: Vec<&'a str>,
    /// Modules concerned.
    pub(super) modules: Vec<&'a str>,
    /// What was seen in the first of them.
    pub(super) evidence: &'a [EvidenceV1],
    /// Files that it was seen in.
    pub(super) files: Vec<&'a str>,
}

type FindingsOf<'a> = BTreeMap<(&'a str, Option<&'a str>, &'a str), Vec<&'a SavedFinding>>;

/// Everything that is not simply fine, the worst first.
pub(super) fn gather(report: &SavedReport) -> Vec<PackageObstacle<'_>> {
    let mut findings = FindingsOf::new();
    for finding in report
        .content
        .findings
        .iter()
        .filter(|finding| finding.level == FindingLevel::Decides)
    {
        let key = (
            finding.package.as_str(),
            finding.version.as_deref(),
            finding.target.as_str(),
        );
        findings.entry(key).or_default().push(finding);
    }
    let packages = report.content.packages.iter();
    let mut obstacles: Vec<PackageObstacle<'_>> = packages
        .filter_map(|package| obstacle(package, &findings))
        .collect();
    obstacles.sort_by_key(|obstacle| (Reverse(obstacle.verdict), obstacle.package.name.as_str()));
    obstacles
}

/// Those of one kind.
pub(super) fn of_kind<'a, 'b>(
    obstacles: &'b [PackageObstacle<'a>],
    kind: ObstacleKind,
) -> Vec<&'b PackageObstacle<'a>> {
    obstacles
        .iter()
        .filter(|obstacle| ObstacleKind::of(obstacle.verdict) == Some(kind))
        .collect()
}

fn obstacle<'a>(
    package: &'a SavedPackage,
    findings: &FindingsOf<'a>,
) -> Option<PackageObstacle<'a>> {
    let verdict = package.results.iter().map(|result| result.verdict).max()?;
    ObstacleKind::of(verdict)?;
    let mut said: Vec<ObstacleReason<'a>> = Vec::new();
    for result in &package.results {
        let key = (
            package.name.as_str(),
            package.version.as_deref(),
            result.target.as_str(),
        );
        let findings = findings.get(&key).map_or(&[][..], Vec::as_slice);
        for new in said_on(result, findings) {
            match said.iter_mut().find(|known| known.is_same(&new)) {
                Some(known) => known.also(new),
                None => said.push(new),
            }
        }
    }
    said.sort_by_key(|said| Reverse(said.verdict));
    Some(PackageObstacle {
        package,
        verdict,
        said,
    })
}

fn said_on<'a>(
    result: &'a SavedTargetResult,
    findings: &[&'a SavedFinding],
) -> Vec<ObstacleReason<'a>> {
    let modules: BTreeMap<&str, &str> = result
        .modules
        .iter()
        .map(|module| (module.path.as_str(), module.module.as_str()))
        .collect();
    let name = |finding: &'a SavedFinding| {
        let path = finding.module.as_deref()?;
        Some(modules.get(path).copied().unwrap_or(path))
    };
    let mut said: Vec<ObstacleReason<'a>> = Vec::new();
    for &finding in findings {
        let verdict = leads_to(finding, result);
        // A verdict is the worst that is found: something worse was found in another environment that holds the same version.
        if verdict > result.verdict {
            continue;
        }
        let module = name(finding);
        let known = said.iter_mut().find(|known| {
            let is_same_rule = known.rule == Some(finding.rule.as_str());
            // Of what several rules could not tell of a module, one says why.
            let is_doubted = finding.certainty == Certainty::Unknown
                && module.is_some_and(|name| known.modules.contains(&name));
            known.verdict == verdict && (is_same_rule || is_doubted)
        });
        match known {
            Some(known) => known
                .modules
                .extend(module.filter(|name| !known.modules.contains(name))),
            None if ObstacleKind::of(verdict).is_some() => said.push(ObstacleReason {
                rule: Some(&finding.rule),
                verdict,
                message: &finding.message,
                help: &finding.help,
                targets: vec![&result.target],
                modules: module.into_iter().collect(),
                evidence: &finding.evidence,
                files: file(result),
            }),
            None => {}
        }
    }
    if ObstacleKind::of(result.verdict).is_some()
        && !said.iter().any(|said| said.verdict == result.verdict)
    {
        said.push(unexplained(result));
    }
    said
}

/// What a deciding finding leads to.
fn leads_to(finding: &SavedFinding, result: &SavedTargetResult) -> Verdict {
    match finding.certainty {
        Certainty::Unknown => finding
            .verdict
            .unwrap_or(Verdict::Unknown)
            .min(Verdict::Unknown),
        Certainty::Holds => finding.verdict.unwrap_or(result.verdict),
    }
}

fn file(result: &SavedTargetResult) -> Vec<&str> {
    result
        .artifact
        .iter()
        .map(|artifact| artifact.filename.as_str())
        .collect()
}

fn unexplained(result: &SavedTargetResult) -> ObstacleReason<'_> {
    ObstacleReason {
        rule: None,
        verdict: result.verdict,
        message: &result.reason,
        help: "",
        targets: vec![&result.target],
        modules: Vec::new(),
        evidence: &[],
        files: file(result),
    }
}

impl<'a> ObstacleReason<'a> {
    /// Whether the other is the same on another target.
    fn is_same(&self, other: &ObstacleReason<'a>) -> bool {
        let words = self.rule.is_some() || self.message == other.message;
        words
            && self.rule == other.rule
            && self.verdict == other.verdict
            && self.modules == other.modules
    }

    fn also(&mut self, other: ObstacleReason<'a>) {
        self.targets.extend(other.targets);
        for file in other.files {
            if !self.files.contains(&file) {
                self.files.push(file);
            }
        }
    }
}
