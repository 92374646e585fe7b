//! Runs a rule's own examples: whether it says of each what the example expects.

use crate::model::finding::{Certainty, Finding};

use super::evaluate::findings;
use super::example::Example;
use super::raw::Expectation;
use super::rule::Rule;

/// An example of which the rule says something else than the example expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The line of the rule file on which the example starts.
    pub line: Option<u32>,
    /// What the example expects.
    pub expected: Expectation,
    /// What the rule says.
    pub found: Expectation,
    /// Its messages.
    pub said: Vec<String>,
}

/// Runs a rule's own examples; empty when the rule says of each what it expects.
pub fn check_examples(rule: &Rule) -> Vec<Mismatch> {
    let mismatch = |example: &Example| {
        let findings = findings(rule, &example.subject);
        let found = says(&findings);
        let said = findings.into_iter().map(|finding| finding.message).collect();
        (found != example.expect).then_some(Mismatch { line: example.line, expected: example.expect, found, said })
    };
    rule.examples.iter().filter_map(mismatch).collect()
}

/// What findings of one rule amount to.
fn says(findings: &[Finding]) -> Expectation {
    let said = |finding: &Finding| match finding.certainty {
        Certainty::Holds => Expectation::Fires,
        Certainty::Unknown => Expectation::Unknown,
    };
    findings.iter().map(said).max().unwrap_or(Expectation::Quiet)
}
