//! What a policy makes of the report: what breaks it, what is waived and why, and what changed since the baseline.

use std::collections::BTreeMap;

use crate::model::gate::{Gate, GateOutcome, VerdictChange, VerdictChanges, VersionVerdict};
use crate::model::report::Report;

use super::super::RenderOptions;
use super::super::alert::{AlertScope, RuleAlert, alerts};
use super::super::paint::{PaintRole, sign};
use super::super::sanitize::harmless;
use super::super::text::count;
use super::super::words;
use super::labelled;

/// The section; nothing without a policy.
pub(super) fn section(report: &Report, options: &RenderOptions) -> Vec<String> {
    let Some(gate) = &report.gate else {
        return Vec::new();
    };
    let role = role(gate);
    let title = format!(
        "{} The gate is {}",
        sign(role),
        words::outcome_meaning(gate.outcome)
    );
    let mut lines = vec![options.style.paint(role, &title)];
    for alert in alerts(report, AlertScope::Deciding) {
        let text = format!(
            "{} [{}]",
            alert.full_sentence(report),
            harmless(&alert.rule)
        );
        lines.extend(labelled(label(&alert), &text, options));
    }
    lines.extend(problem_lines(gate, options));
    lines.extend(
        gate.changes
            .iter()
            .flat_map(|changes| change_lines(changes, options)),
    );
    lines
}

fn role(gate: &Gate) -> PaintRole {
    match gate.outcome {
        GateOutcome::Passed => PaintRole::Good,
        GateOutcome::Open => PaintRole::Open,
        GateOutcome::Broken => PaintRole::Bad,
    }
}

fn label(alert: &RuleAlert<'_>) -> &'static str {
    alert.standing.map_or("waiver", words::standing)
}

/// How many problems the policy counts; what they are stands above.
fn problem_lines(gate: &Gate, options: &RenderOptions) -> Vec<String> {
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    for standing in gate.problems.iter().flatten() {
        *tally.entry(words::standing(*standing)).or_default() += 1;
    }
    tally
        .iter()
        .flat_map(|(label, number)| labelled(label, &count(*number, "problem"), options))
        .collect()
}

/// A line for each change.
pub(in crate::report) fn change_lines(
    changes: &VerdictChanges,
    options: &RenderOptions,
) -> Vec<String> {
    let line = |word: &str, change: &VerdictChange| labelled(word, &sentence(change), options);
    let mut lines = Vec::new();
    for (word, some) in words::change_kinds(changes) {
        lines.extend(some.iter().flat_map(|change| line(word, change)));
    }
    if !changes.not_compared.is_empty() {
        lines.extend(labelled("targets", &words::not_compared(changes), options));
    }
    lines
}

/// `numpy on cp314t-linux-x86_64: 2.4.0 gil → 2.5.5 ready`.
fn sentence(change: &VerdictChange) -> String {
    let state = |state: &VersionVerdict| {
        let version = state
            .version
            .as_ref()
            .map_or_else(String::new, |version| format!("{version} "));
        format!("{version}{}", state.verdict.word())
    };
    let states: Vec<String> = [&change.before, &change.after]
        .into_iter()
        .flatten()
        .map(state)
        .collect();
    format!(
        "{} on {}: {}",
        change.package,
        harmless(&change.target),
        states.join(" → ")
    )
}
