//! Runs a rule's own examples: whether it says of each what the example expects.

use crate::model::finding::{Certainty, Finding};

use super::evaluate::findings;
use super::example::RuleExample;
use super::raw::ExampleExpectation;
use super::rule::CheckedRule;

/// An example of which the rule says something else than the example expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleMismatch {
    /// The line of the rule file on which the example starts.
    pub line: Option<u32>,
    /// What the example expects.
    pub expected: ExampleExpectation,
    /// What the rule says.
    pub found: ExampleExpectation,
    /// Its messages.
    pub said: Vec<String>,
}

/// Runs a rule's own examples; empty when the rule says of each what it expects.
pub fn check_examples(rule: &CheckedRule) -> Vec<ExampleMismatch> {
    let mismatch = |example: &RuleExample| {
        let findings = findings(rule, &example.subject);
        let found = says(&findings);
        let said = findings
            .into_iter()
            .map(|finding| finding.message)
            .collect();
        (found != example.expect).then_some(ExampleMismatch {
            line: example.line,
            expected: example.expect,
            found,
            said,
        })
    };
    rule.examples.iter().filter_map(mismatch).collect()
}

/// What findings of one rule amount to.
fn says(findings: &[Finding]) -> ExampleExpectation {
    let said = |finding: &Finding| match finding.certainty {
        Certainty::Holds => ExampleExpectation::Fires,
        Certainty::Unknown => ExampleExpectation::Unknown,
    };
    findings
        .iter()
        .map(said)
        .max()
        .unwrap_or(ExampleExpectation::Quiet)
}
