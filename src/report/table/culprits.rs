//! The culprits: for each package that is not simply fine, one paragraph for each thing that is wrong with it.
//!
//! The same thing in many modules, or on many targets, is one paragraph: it names the first and counts the rest.

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

/// Width of the labels in front of a paragraph's lines, with the indent.
const LABEL: usize = 10;
/// How many pieces of evidence, and how many paths, a paragraph shows.
const MOST: usize = 2;

/// One thing that is wrong with a package: what a rule found, or the verdict's own reason where no rule speaks.
struct Culprit<'a> {
    package: &'a PackageReport,
    targets: Vec<Target>,
    role: Role,
    /// What it leads to: a verdict's word, `warning` or `hint`.
    word: &'static str,
    severity: (Level, Option<Verdict>),
    /// Rule's id, when a rule speaks.
    rule: Option<&'a str>,
    message: &'a str,
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
        culprits.sort_by_key(|culprit| Reverse(culprit.severity));
        for culprit in &culprits {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(paragraph(culprit, &report.targets, options));
        }
    }
    lines
}

fn culprits_of(package: &PackageReport) -> Vec<Culprit<'_>> {
    let mut all: Vec<Culprit<'_>> = Vec::new();
    for result in &package.results {
        let mut here: Vec<Culprit<'_>> = Vec::new();
        for finding in result.findings.iter().filter(|finding| speaks(finding)) {
            let certain = finding.certainty;
            match here.iter_mut().find(|known| known.rule == Some(&finding.rule) && known.same_certainty(certain)) {
                Some(known) => known.members.extend(member(finding, result)),
                None => here.push(Culprit::found(package, result, finding)),
            }
        }
        let explained = here.iter().any(|culprit| culprit.severity.0 == Level::Decides);
        if !explained && !matches!(result.verdict, Verdict::Pure | Verdict::Ready) {
            here.push(Culprit::unexplained(package, result));
        }
        for culprit in here {
            match all.iter_mut().find(|known| known.same_thing(&culprit)) {
                Some(known) => known.targets.extend(culprit.targets),
                None => all.push(culprit),
            }
        }
    }
    all
}

/// Whether the finding is worth a paragraph: not when it is the rule that makes a package fine.
fn speaks(finding: &Finding) -> bool {
    !matches!((finding.level, finding.verdict), (Level::Decides, Some(Verdict::Pure | Verdict::Ready)))
}

fn member<'a>(finding: &'a Finding, result: &'a TargetResult) -> Option<(&'a str, Option<&'a str>)> {
    let path = finding.module.as_deref()?;
    let outcome = result.modules.iter().find(|outcome| outcome.path == path);
    Some((path, outcome.map(|outcome| outcome.module.as_str())))
}

impl<'a> Culprit<'a> {
    fn found(package: &'a PackageReport, result: &'a TargetResult, finding: &'a Finding) -> Culprit<'a> {
        let unknown = finding.certainty == Certainty::Unknown;
        let (word, role) = match (finding.level, finding.verdict) {
            (Level::Hint, _) => ("hint", Role::Faint),
            (Level::Warning, _) => ("warning", Role::Caution),
            (Level::Decides, _) if unknown => (Verdict::Unknown.word(), Role::Open),
            (Level::Decides, Some(verdict)) => (verdict.word(), Role::of_verdict(verdict)),
            (Level::Decides, None) => (result.verdict.word(), Role::of_verdict(result.verdict)),
        };
        Culprit {
            package,
            targets: vec![result.target],
            role,
            word,
            severity: (finding.level, if unknown { Some(Verdict::Unknown) } else { finding.verdict }),
            rule: Some(&finding.rule),
            message: &finding.message,
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
            role: Role::of_verdict(result.verdict),
            word: result.verdict.word(),
            severity: (Level::Decides, Some(result.verdict)),
            rule: None,
            message: concerned.first().map_or(&result.reason, |module| &module.reason),
            help: None,
            members: concerned.iter().map(|module| (module.path.as_str(), Some(module.module.as_str()))).collect(),
            evidence: concerned.first().map_or(&[], |module| &module.evidence),
            filename: result.artifact.as_ref().map(|artifact| artifact.filename.as_str()),
        }
    }

    fn same_certainty(&self, certainty: Certainty) -> bool {
        (self.severity.1 == Some(Verdict::Unknown)) == (certainty == Certainty::Unknown)
    }

    /// Whether the other is the same thing on another target: the same rule in the same modules, whatever the files'
    /// names, which carry the target's tag.
    fn same_thing(&self, other: &Culprit<'_>) -> bool {
        let modules = |culprit: &Culprit<'_>| -> Vec<String> {
            culprit.members.iter().map(|(path, module)| module.unwrap_or(path).to_owned()).collect()
        };
        let said = self.rule.is_some() || self.message == other.message;
        self.rule == other.rule && self.word == other.word && said && modules(self) == modules(other)
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
    let verdict = format!("{} {}", sign(culprit.role), culprit.word);
    let rule = culprit.rule.map_or_else(String::new, |rule| format!("  [{}]", harmless(rule)));
    format!(
        "{}  {} on {}{}",
        style.paint(culprit.role, verdict.trim_start()),
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

fn labelled(label: &str, text: &str, options: &RenderOptions) -> Vec<String> {
    let lines = wrap(text, options.width - LABEL);
    let first = format!("  {}", options.style.paint(Role::Faint, &format!("{label:<8}")));
    let rest = " ".repeat(LABEL);
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| format!("{}{line}", if number == 0 { &first } else { &rest }))
        .collect()
}
