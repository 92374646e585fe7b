//! Findings, and what could not be seen, become one verdict for a package on a target.
//!
//! The verdict is the worst of two: what the findings lead to, and what the package gets by itself. The second is a net
//! under the first. It is `ready` only when every module is known to keep the GIL off and nothing was out of sight, so a
//! rule that is missing or turned off makes a bad package `unknown`, never `ready`.

use std::collections::BTreeMap;

use crate::model::finding::{Finding, FindingLevel};
use crate::model::outcome::{Cause, Gil, ModuleOutcome};
use crate::model::subject::{Delegate, InstallChoice, Subject};
use crate::model::verdict::{DeclaredBy, Verdict};

/// The verdict, and what a report says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageJudgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in so few words that a table has room for them; the findings tell the whole.
    pub reason: String,
    /// For `ready`: who declared it, each once, in order.
    pub declared_by: Vec<DeclaredBy>,
}

/// Judges a package by the findings about it, which come worst first.
pub fn judge(subject: &Subject, findings: &[Finding]) -> PackageJudgement {
    let (own, own_reason) = by_itself(subject);
    let deciding = findings
        .iter()
        .filter(|finding| finding.level == FindingLevel::Decides);
    let worst = deciding.clone().filter_map(|finding| finding.verdict).max();
    // At equal verdicts the finding says more.
    if let Some(verdict) = worst.filter(|verdict| *verdict >= own) {
        let leading: Vec<&Finding> = deciding
            .filter(|finding| finding.verdict == Some(verdict))
            .collect();
        let reason = summary(subject, &leading);
        return PackageJudgement {
            verdict,
            reason,
            declared_by: Vec::new(),
        };
    }
    let declared_by = if own == Verdict::Ready {
        declarers(subject).into_keys().collect()
    } else {
        Vec::new()
    };
    PackageJudgement {
        verdict: own,
        reason: own_reason,
        declared_by,
    }
}

/// What the first finding says, the module that it says it of, and how many more there are.
fn summary(subject: &Subject, findings: &[&Finding]) -> String {
    let Some(first) = findings.first() else {
        return String::new();
    };
    let Some(path) = &first.module else {
        return first.summary.clone();
    };
    let module = subject.modules.iter().find(|module| module.path == *path);
    let name = module.map_or(path, |module| &module.module);
    let alike = findings
        .iter()
        .filter(|finding| finding.summary == first.summary)
        .count();
    let line = with_more(format!("{}: {name}", first.summary), alike);
    match findings
        .iter()
        .filter(|other| other.summary != first.summary && other.module != first.module)
        .count()
    {
        0 => line,
        others => format!("{line}; {others} for other reasons"),
    }
}

/// A line about the first of so many.
fn with_more(line: String, count: usize) -> String {
    if count > 1 {
        format!("{line} and {} more", count - 1)
    } else {
        line
    }
}

/// What the package gets without any finding.
fn by_itself(subject: &Subject) -> (Verdict, String) {
    if let InstallChoice::Unknown { why } = &subject.offer {
        return (
            Verdict::Unknown,
            format!("which file an installer gets is unknown: {why}"),
        );
    }
    if let InstallChoice::Nothing { why, .. } = &subject.offer {
        return (Verdict::Blocked, format!("nothing fits: {why}"));
    }
    if let InstallChoice::Source { filename, .. } = &subject.offer {
        return (Verdict::Build, format!("only {filename} fits"));
    }
    if let Some(problem) = subject.problems.first() {
        return (
            Verdict::Unknown,
            format!("part of it could not be looked at: {problem}"),
        );
    }
    let doubtful: Vec<&ModuleOutcome> = subject
        .modules
        .iter()
        .filter(|module| !is_good(subject, module))
        .collect();
    if let Some(module) = doubtful.first() {
        let line = format!("no rule decides on {}", module.module);
        return (Verdict::Unknown, with_more(line, doubtful.len()));
    }
    match &subject.offer {
        InstallChoice::PureFallback { .. } => (
            Verdict::PureFallback,
            "installs without its compiled modules".to_owned(),
        ),
        InstallChoice::Wheel { .. } if subject.modules.is_empty() && !subject.hidden.is_empty() => {
            (
                Verdict::Unknown,
                "no rule decides on compiled modules that the target does not look for".to_owned(),
            )
        }
        offer if subject.modules.is_empty() => (Verdict::Pure, pure_reason(offer).to_owned()),
        _ => (Verdict::Ready, ready_reason(subject)),
    }
}

/// Whether the module is known to leave the GIL as it is, by itself or through the module that it delegates to.
fn is_good(subject: &Subject, module: &ModuleOutcome) -> bool {
    match module.gil {
        Gil::NotUsed => true,
        Gil::Delegated => {
            let delegate = module
                .delegate
                .as_ref()
                .and_then(|name| subject.delegates.get(name));
            matches!(
                delegate,
                Some(Delegate::Provided {
                    gil: Gil::NotUsed,
                    ..
                })
            )
        }
        Gil::Used | Gil::NotLoadable | Gil::Unknown => false,
    }
}

/// A wheel for certain platforms may hold programs, and libraries for `ctypes`: they are nobody's modules.
fn pure_reason(offer: &InstallChoice) -> &'static str {
    match offer {
        InstallChoice::Pure { elsewhere, .. } if !elsewhere.is_empty() => {
            "no compiled modules on this platform"
        }
        InstallChoice::Wheel { .. } => "no compiled Python modules",
        _ => "no compiled modules",
    }
}

/// Who declared it, with the number of modules.
fn declarers(subject: &Subject) -> BTreeMap<DeclaredBy, usize> {
    let mut counts = BTreeMap::new();
    for declared_by in subject
        .modules
        .iter()
        .filter_map(|module| module.declared_by.clone())
    {
        *counts.entry(declared_by).or_default() += 1;
    }
    counts
}

fn ready_reason(subject: &Subject) -> String {
    if subject
        .modules
        .iter()
        .all(|module| module.cause == Cause::BuildWithGil)
    {
        let count = subject.modules.len();
        let verb = if count == 1 { "loads" } else { "load" };
        return format!(
            "{} {verb}; {} always has the GIL",
            modules(count),
            subject.target.python
        );
    }
    let declarers = declarers(subject);
    let told = modules(subject.modules.len());
    let mut parts: Vec<String> = declarers
        .iter()
        .map(|(declared_by, count)| format!("{count} {}", declared(subject, declared_by)))
        .collect();
    match (parts.pop(), declarers.keys().next()) {
        (Some(_), Some(declared_by)) if parts.is_empty() => {
            format!("{told}, {}", declared(subject, declared_by))
        }
        (Some(last), _) => format!("{told}: {}, {last}", parts.join(", ")),
        (None, _) => told,
    }
}

fn declared(subject: &Subject, declared_by: &DeclaredBy) -> String {
    match declared_by {
        DeclaredBy::Author => "by the author".to_owned(),
        DeclaredBy::Framework(framework) => format!("by {framework}'s default"),
        DeclaredBy::Delegate(module) => match subject.delegates.get(module) {
            Some(Delegate::Provided { package, .. }) => format!("by {module} ({package})"),
            _ => format!("by {module}"),
        },
        DeclaredBy::Unclear => "by the author or a framework".to_owned(),
    }
}

fn modules(count: usize) -> String {
    if count == 1 {
        "1 module".to_owned()
    } else {
        format!("{count} modules")
    }
}
