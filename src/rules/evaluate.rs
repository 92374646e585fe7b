//! Rules and a subject in, findings out. Pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::model::finding::{Certainty, Finding, Level};
use crate::model::subject::Subject;
use crate::model::verdict::Verdict;

use super::RuleSet;
use super::message::Words;
use super::predicate::{Truth, View};
use super::raw::Scope;
use super::rule::Rule;

/// What the rules say of the subject, worst first.
///
/// Where a rule holds for a module (or for the package) and decides that it is unknown or worse, whatever could not be
/// told for the same module is left out, and so is what warnings and hints about the package could not tell: the verdict
/// stands already, and the doubt would only repeat why.
pub fn evaluate(rules: &RuleSet, subject: &Subject) -> Vec<Finding> {
    let mut found: Vec<Finding> = rules.rules().iter().flat_map(|rule| findings(rule, subject)).collect();
    let decided: BTreeSet<Option<String>> = found
        .iter()
        .filter(|finding| finding.certainty == Certainty::Holds && finding.verdict >= Some(Verdict::Unknown))
        .map(|finding| finding.module.clone())
        .collect();
    let repeats = |finding: &Finding| {
        let is_aside = finding.level < Level::Decides && finding.module.is_none();
        decided.contains(&finding.module) || (is_aside && !decided.is_empty())
    };
    found.retain(|finding| finding.certainty == Certainty::Holds || !repeats(finding));
    found.sort_by_cached_key(|finding| {
        (
            Reverse(finding.level),
            Reverse(finding.verdict),
            finding.certainty,
            finding.module.clone(),
            finding.rule.clone(),
        )
    });
    found
}

/// What one rule says.
pub(super) fn findings(rule: &Rule, subject: &Subject) -> Vec<Finding> {
    match rule.scope {
        Scope::Package => finding(rule, View { subject, module: None }).into_iter().collect(),
        Scope::Module => {
            subject.modules.iter().filter_map(|module| finding(rule, View { subject, module: Some(module) })).collect()
        }
    }
}

/// What to do where nobody knows. What helps against the thing itself would be a guess: it may not be there.
fn help_in_doubt(rule: &Rule) -> &'static str {
    match (rule.level, rule.scope) {
        (Level::Decides, Scope::Module) => {
            "Get what could not be read into the scan, or import it on the target and look at `sys._is_gil_enabled()`."
        }
        (Level::Decides, Scope::Package) => "Solve what stands in the way, and scan again.",
        (Level::Warning | Level::Hint, _) => "Nothing is known to be wrong here.",
    }
}

fn finding(rule: &Rule, view: View<'_>) -> Option<Finding> {
    let truth = rule.condition.evaluate(view);
    let words = match &truth {
        Truth::No => return None,
        Truth::Yes(seen) => Words::Found(&seen.found),
        Truth::Unknown(whys) => Words::Whys(whys),
    };
    let summary = rule.summary.fill(view, words);
    let (certainty, summary, message, evidence) = match &truth {
        Truth::Unknown(_) => {
            let template = rule.unknown.as_ref().unwrap_or(&rule.message);
            let evidence = view.module.map(|module| module.evidence.clone()).unwrap_or_default();
            (Certainty::Unknown, format!("perhaps {summary}"), template.fill(view, words), evidence)
        }
        Truth::Yes(seen) => (Certainty::Holds, summary, rule.message.fill(view, words), seen.evidence.clone()),
        Truth::No => return None,
    };
    let (help, alternative) = match certainty {
        Certainty::Holds => (rule.help.fill(view, words), rule.alternative.as_ref().map(|it| it.fill(view, words))),
        Certainty::Unknown => (help_in_doubt(rule).to_owned(), None),
    };
    let verdict = match (rule.level, certainty) {
        (Level::Warning | Level::Hint, _) => None,
        (Level::Decides, Certainty::Holds) => rule.verdict,
        (Level::Decides, Certainty::Unknown) => rule.verdict.map(|_| Verdict::Unknown),
    };
    Some(Finding {
        rule: rule.id.clone(),
        level: rule.level,
        certainty,
        verdict,
        module: view.module.map(|module| module.path.clone()),
        summary,
        message,
        help,
        alternative,
        evidence,
    })
}
