//! Rules and a subject in, findings out. Pure.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::model::finding::{Certainty, Finding, FindingLevel};
use crate::model::subject::Subject;
use crate::model::verdict::Verdict;

use super::RuleSet;
use super::message::MessageWords;
use super::predicate::{RuleView, TruthValue};
use super::raw::RuleScope;
use super::rule::CheckedRule;

/// What the rules say of the subject, worst first.
///
/// Where a rule holds for a module (or for the package) and decides that it is unknown or worse, whatever could not be
/// told for the same module is left out, and so is what warnings and hints about the package could not tell: the verdict
/// stands already, and the doubt would only repeat why.
pub fn evaluate(rules: &RuleSet, subject: &Subject) -> Vec<Finding> {
    let mut found: Vec<Finding> = rules
        .rules()
        .iter()
        .flat_map(|rule| findings(rule, subject))
        .collect();
    let decided: BTreeSet<Option<String>> = found
        .iter()
        .filter(|finding| {
            finding.certainty == Certainty::Holds && finding.verdict >= Some(Verdict::Unknown)
        })
        .map(|finding| finding.module.clone())
        .collect();
    let repeats = |finding: &Finding| {
        let is_aside = finding.level < FindingLevel::Decides && finding.module.is_none();
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
pub(super) fn findings(rule: &CheckedRule, subject: &Subject) -> Vec<Finding> {
    match rule.scope {
        RuleScope::Package => finding(
            rule,
            RuleView {
                subject,
                module: None,
            },
        )
        .into_iter()
        .collect(),
        RuleScope::Module => subject
            .modules
            .iter()
            .filter_map(|module| {
                finding(
                    rule,
                    RuleView {
                        subject,
                        module: Some(module),
                    },
                )
            })
            .collect(),
    }
}

/// What to do where nobody knows. What helps against the thing itself would be a guess: it may not be there.
fn help_in_doubt(rule: &CheckedRule) -> &'static str {
    match (rule.level, rule.scope) {
        (FindingLevel::Decides, RuleScope::Module) => {
            "Get what could not be read into the scan, or import it on the target and look at `sys._is_gil_enabled()`."
        }
        (FindingLevel::Decides, RuleScope::Package) => {
            "Solve what stands in the way, and scan again."
        }
        (FindingLevel::Warning | FindingLevel::Hint, _) => "Nothing is known to be wrong here.",
    }
}

fn finding(rule: &CheckedRule, view: RuleView<'_>) -> Option<Finding> {
    let truth = rule.condition.evaluate(view);
    let words = match &truth {
        TruthValue::No => return None,
        TruthValue::Yes(seen) => MessageWords::Found(&seen.found),
        TruthValue::Unknown(whys) => MessageWords::Whys(whys),
    };
    let summary = rule.summary.fill(view, words);
    let (certainty, summary, message, evidence) = match &truth {
        TruthValue::Unknown(_) => {
            let template = rule.unknown.as_ref().unwrap_or(&rule.message);
            let evidence = view
                .module
                .map(|module| module.evidence.clone())
                .unwrap_or_default();
            (
                Certainty::Unknown,
                format!("perhaps {summary}"),
                template.fill(view, words),
                evidence,
            )
        }
        TruthValue::Yes(seen) => (
            Certainty::Holds,
            summary,
            rule.message.fill(view, words),
            seen.evidence.clone(),
        ),
        TruthValue::No => return None,
    };
    let (help, alternative) = match certainty {
        Certainty::Holds => (
            rule.help.fill(view, words),
            rule.alternative.as_ref().map(|it| it.fill(view, words)),
        ),
        Certainty::Unknown => (help_in_doubt(rule).to_owned(), None),
    };
    let verdict = match (rule.level, certainty) {
        (FindingLevel::Warning | FindingLevel::Hint, _) => None,
        (FindingLevel::Decides, Certainty::Holds) => rule.verdict,
        (FindingLevel::Decides, Certainty::Unknown) => rule.verdict.map(|_| Verdict::Unknown),
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
