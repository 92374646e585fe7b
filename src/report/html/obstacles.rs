//! What stands in the way, what is left open, and what runs slower, gathered for each package out of findings and verdicts.
//!
//! The same thing in many modules, or on many targets, is said once. What does not decide a verdict is in the details.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::finding::{Certainty, Level};
use crate::model::verdict::{Side, Verdict};

use super::super::json::{Evidence, Finding, Package, SavedReport, TargetResult};

/// What kind of obstacle a package is at its worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It stands in the way.
    InTheWay,
    /// Not known, or decided elsewhere.
    Open,
    /// It works without its compiled modules.
    Slower,
}

impl Kind {
    fn of(verdict: Verdict) -> Option<Kind> {
        match Side::from(verdict) {
            Side::Against => Some(Kind::InTheWay),
            Side::Open => Some(Kind::Open),
            Side::For if verdict == Verdict::PureFallback => Some(Kind::Slower),
            Side::For => None,
        }
    }
}

/// Everything that is said of one package.
pub(super) struct Obstacle<'a> {
    /// The package.
    pub(super) package: &'a Package,
    /// Its worst verdict.
    pub(super) verdict: Verdict,
    /// What is said, the worst first.
    pub(super) said: Vec<Said<'a>>,
}

/// One thing that is said: what a rule found, or the verdict's own reason where no rule speaks.
pub(super) struct Said<'a> {
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
    pub(super) evidence: &'a [Evidence],
    /// Files that it was seen in.
    pub(super) files: Vec<&'a str>,
}

type FindingsOf<'a> = BTreeMap<(&'a str, Option<&'a str>, &'a str), Vec<&'a Finding>>;

/// Everything that is not simply fine, the worst first.
pub(super) fn gather(report: &SavedReport) -> Vec<Obstacle<'_>> {
    let mut findings = FindingsOf::new();
    for finding in report.content.findings.iter().filter(|finding| finding.level == Level::Decides) {
        let key = (finding.package.as_str(), finding.version.as_deref(), finding.target.as_str());
        findings.entry(key).or_default().push(finding);
    }
    let packages = report.content.packages.iter();
    let mut obstacles: Vec<Obstacle<'_>> = packages.filter_map(|package| obstacle(package, &findings)).collect();
    obstacles.sort_by_key(|obstacle| (Reverse(obstacle.verdict), obstacle.package.name.as_str()));
    obstacles
}

/// Those of one kind.
pub(super) fn of_kind<'a, 'b>(obstacles: &'b [Obstacle<'a>], kind: Kind) -> Vec<&'b Obstacle<'a>> {
    obstacles.iter().filter(|obstacle| Kind::of(obstacle.verdict) == Some(kind)).collect()
}

fn obstacle<'a>(package: &'a Package, findings: &FindingsOf<'a>) -> Option<Obstacle<'a>> {
    let verdict = package.results.iter().map(|result| result.verdict).max()?;
    Kind::of(verdict)?;
    let mut said: Vec<Said<'a>> = Vec::new();
    for result in &package.results {
        let key = (package.name.as_str(), package.version.as_deref(), result.target.as_str());
        let findings = findings.get(&key).map_or(&[][..], Vec::as_slice);
        for new in said_on(result, findings) {
            match said.iter_mut().find(|known| known.is_same(&new)) {
                Some(known) => known.also(new),
                None => said.push(new),
            }
        }
    }
    said.sort_by_key(|said| Reverse(said.verdict));
    Some(Obstacle { package, verdict, said })
}

fn said_on<'a>(result: &'a TargetResult, findings: &[&'a Finding]) -> Vec<Said<'a>> {
    let modules: BTreeMap<&str, &str> =
        result.modules.iter().map(|module| (module.path.as_str(), module.module.as_str())).collect();
    let name = |finding: &'a Finding| {
        let path = finding.module.as_deref()?;
        Some(modules.get(path).copied().unwrap_or(path))
    };
    let mut said: Vec<Said<'a>> = Vec::new();
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
            let is_doubted =
                finding.certainty == Certainty::Unknown && module.is_some_and(|name| known.modules.contains(&name));
            known.verdict == verdict && (is_same_rule || is_doubted)
        });
        match known {
            Some(known) => known.modules.extend(module.filter(|name| !known.modules.contains(name))),
            None if Kind::of(verdict).is_some() => said.push(Said {
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
    if Kind::of(result.verdict).is_some() && !said.iter().any(|said| said.verdict == result.verdict) {
        said.push(unexplained(result));
    }
    said
}

/// What a deciding finding leads to.
fn leads_to(finding: &Finding, result: &TargetResult) -> Verdict {
    match finding.certainty {
        Certainty::Unknown => finding.verdict.unwrap_or(Verdict::Unknown).min(Verdict::Unknown),
        Certainty::Holds => finding.verdict.unwrap_or(result.verdict),
    }
}

fn file(result: &TargetResult) -> Vec<&str> {
    result.artifact.iter().map(|artifact| artifact.filename.as_str()).collect()
}

fn unexplained(result: &TargetResult) -> Said<'_> {
    Said {
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

impl<'a> Said<'a> {
    /// Whether the other is the same on another target.
    fn is_same(&self, other: &Said<'a>) -> bool {
        let words = self.rule.is_some() || self.message == other.message;
        words && self.rule == other.rule && self.verdict == other.verdict && self.modules == other.modules
    }

    fn also(&mut self, other: Said<'a>) {
        self.targets.extend(other.targets);
        for file in other.files {
            if !self.files.contains(&file) {
                self.files.push(file);
            }
        }
    }
}
