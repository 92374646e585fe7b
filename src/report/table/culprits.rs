//! The culprits: for each package that is not simply fine, one paragraph for each thing that is wrong with it.
//!
//! The same thing in many modules, or on many targets, is one paragraph: it names the first and counts the rest. What does
//! not decide a verdict is in `notes`.

use std::cmp::Reverse;

use crate::model::evidence::Evidence;
use crate::model::finding::{Certainty, Finding, Level};
use crate::model::outcome::{Gil, ModuleOutcome};
use crate::model::report::{PackageReport, Report, TargetResult};
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::super::RenderOptions;
use super::super::paint::{Role, sign};
use super::super::sanitize::harmless;
use super::super::text::{count, evidence_list, path_of, shorten_filename, targets, wrap};
use super::grid::worst_first;
use super::{LABEL, labelled};

/// How many pieces of evidence, and how many paths, a paragraph shows.
const MOST: usize = 2;

/// One thing that is wrong with a package: what a rule found, or the verdict's own reason where no rule speaks.
struct Culprit<'a> {
    package: &'a PackageReport,
    targets: Vec<Target>,
    /// What it leads to.
    verdict: Verdict,
    /// Rule's id, when a rule speaks.
    rule: Option<&'a str>,
    message: &'a str,
    /// The first module's own reason, where the message is the package's.
    because: Option<&'a str>,
    help: Option<&'a str>,
    /// Members concerned: path, and module where it is known.
    members: Vec<(&'a str, Option<&'a str>)>,
    evidence: &'a [Evidence],
    filename: Option<&'a str>,
}

/// The paragraphs, the worst package first.
pub(super) fn paragraphs(report: &Report, options: &RenderOptions) -> Vec<String> {
    let mut lines = Vec::new();
    for package in worst_first(report) {
        let mut culprits = culprits_of(package);
        culprits.sort_by_key(|culprit| Reverse(culprit.verdict));
        for culprit in &culprits {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(paragraph(culprit, &report.targets, options));
        }
    }
    lines
}

/// Whether a verdict is explained in a paragraph.
pub(super) fn has_paragraph(verdict: Verdict) -> bool {
    !matches!(verdict, Verdict::Pure | Verdict::Ready)
}

fn culprits_of(package: &PackageReport) -> Vec<Culprit<'_>> {
    let mut all: Vec<Culprit<'_>> = Vec::new();
    for result in &package.results {
        for culprit in culprits_on(package, result) {
            match all.iter_mut().find(|known| known.same_thing(&culprit)) {
                Some(known) => known.targets.extend(culprit.targets),
                None => all.push(culprit),
            }
        }
    }
    all
}

fn culprits_on<'a>(package: &'a PackageReport, result: &'a TargetResult) -> Vec<Culprit<'a>> {
    let mut culprits: Vec<Culprit<'_>> = Vec::new();
    for finding in result.findings.iter().filter(|finding| finding.level == Level::Decides) {
        let verdict = verdict_of(finding, result);
        if !has_paragraph(verdict) {
            continue;
        }
        match culprits.iter_mut().find(|known| known.rule == Some(&finding.rule) && known.verdict == verdict) {
            Some(known) => known.members.extend(member(finding, result)),
            None => culprits.push(Culprit::found(package, result, finding)),
        }
    }
    let explained = culprits.iter().any(|culprit| culprit.verdict == result.verdict);
    if !explained && has_paragraph(result.verdict) {
        culprits.push(Culprit::unexplained(package, result));
    }
    culprits
}

/// What a deciding finding leads to.
fn verdict_of(finding: &Finding, result: &TargetResult) -> Verdict {
    match finding.certainty {
        Certainty::Unknown => finding.verdict.unwrap_or(Verdict::Unknown).min(Verdict::Unknown),
        Certainty::Holds => finding.verdict.unwrap_or(result.verdict),
    }
}

fn member<'a>(finding: &'a Finding, result: &'a TargetResult) -> Option<(&'a str, Option<&'a str>)> {
    let path = finding.module.as_deref()?;
    let outcome = result.modules.iter().find(|outcome| outcome.path == path);
    Some((path, outcome.map(|outcome| outcome.module.as_str())))
}

impl<'a> Culprit<'a> {
    fn found(package: &'a PackageReport, result: &'a TargetResult, finding: &'a Finding) -> Culprit<'a> {
        Culprit {
            package,
            targets: vec![result.target],
            verdict: verdict_of(finding, result),
            rule: Some(&finding.rule),
            message: &finding.message,
            because: None,
            help: Some(finding.help.as_str()).filter(|help| !help.is_empty()),
            members: member(finding, result).into_iter().collect(),
            evidence: &finding.evidence,
            filename: result.artifact.as_ref().map(|artifact| artifact.filename.as_str()),
        }
    }

    fn unexplained(package: &'a PackageReport, result: &'a TargetResult) -> Culprit<'a> {
        let concerned: Vec<&ModuleOutcome> = result.modules.iter().filter(|module| concerns(module, result)).collect();
        Culprit {
            package,
            targets: vec![result.target],
            verdict: result.verdict,
            rule: None,
            message: &result.reason,
            because: concerned.first().map(|module| module.reason.as_str()),
            help: None,
            members: concerned.iter().map(|module| (module.path.as_str(), Some(module.module.as_str()))).collect(),
            evidence: concerned.first().map_or(&[], |module| &module.evidence),
            filename: result.artifact.as_ref().map(|artifact| artifact.filename.as_str()),
        }
    }

    /// Whether the other is the same thing on another target: the same rule in the same modules, whatever the files'
    /// names, which carry the target's tag.
    fn same_thing(&self, other: &Culprit<'_>) -> bool {
        let modules = |culprit: &Culprit<'_>| -> Vec<String> {
            culprit.members.iter().map(|(path, module)| module.unwrap_or(path).to_owned()).collect()
        };
        let said = self.rule.is_some() || self.message == other.message;
        self.rule == other.rule && self.verdict == other.verdict && said && modules(self) == modules(other)
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

fn paragraph(culprit: &Culprit<'_>, all: &[Target], options: &RenderOptions) -> Vec<String> {
    let mut lines = vec![title(culprit, all, options)];
    lines.extend(wrap(&harmless(culprit.message), options.width - 2).iter().map(|line| format!("  {line}")));
    if let Some((path, module)) = culprit.members.first() {
        let named = module.map_or_else(String::new, |module| format!("{} in ", harmless(module)));
        let more = match culprit.members.len() - 1 {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        lines.extend(labelled("module", &format!("{named}{}{more}", harmless(path)), options));
    }
    if let Some(because) = culprit.because.filter(|because| *because != culprit.message) {
        lines.extend(labelled("because", &harmless(because), options));
    }
    if let Some(filename) = culprit.filename {
        lines.extend(labelled("file", &shorten_filename(&harmless(filename), options.width - LABEL), options));
    }
    if !culprit.evidence.is_empty() {
        lines.extend(labelled("seen", &evidence_list(culprit.evidence, MOST), options));
    }
    lines.extend(paths(culprit.package, options));
    if let Some(help) = culprit.help {
        lines.extend(labelled("do", &harmless(help), options));
    }
    lines
}

fn title(culprit: &Culprit<'_>, all: &[Target], options: &RenderOptions) -> String {
    let style = options.style;
    let package = match &culprit.package.version {
        Some(version) => format!("{} {version}", culprit.package.name),
        None => culprit.package.name.to_string(),
    };
    let role = Role::of_verdict(culprit.verdict);
    let verdict = format!("{} {}", sign(role), culprit.verdict.word());
    let rule = culprit.rule.map_or_else(String::new, |rule| format!("  [{}]", harmless(rule)));
    format!(
        "{}  {} on {}{}",
        style.paint(role, &verdict),
        style.paint(Role::Heading, &package),
        targets(all, &culprit.targets),
        style.paint(Role::Faint, &rule),
    )
}

fn paths(package: &PackageReport, options: &RenderOptions) -> Vec<String> {
    let name = package.name.to_string();
    let mut shown: Vec<String> = package.required_by.iter().take(MOST).map(|path| path_of(path, &name)).collect();
    let more = package.required_by.len().saturating_sub(MOST);
    if let Some(last) = shown.last_mut().filter(|_| more > 0) {
        last.push_str(&format!("  (and {})", count(more, "other path")));
    }
    let mut lines = Vec::new();
    for (number, path) in shown.iter().enumerate() {
        lines.extend(labelled(if number == 0 { "from" } else { "" }, path, options));
    }
    lines
}
