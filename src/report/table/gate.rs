//! What a policy makes of the report: what breaks it, what is waived and why, and what changed since the baseline.

use crate::model::gate::{Change, Changes, Gate, GateOutcome, Standing, State};
use crate::model::report::Report;

use super::super::RenderOptions;
use super::super::alert::{Alert, Extent, alerts};
use super::super::paint::{Role, sign};
use super::super::sanitize::harmless;
use super::super::words;
use super::labelled;

/// The section; nothing without a policy.
pub(super) fn section(report: &Report, options: &RenderOptions) -> Vec<String> {
    let Some(gate) = &report.gate else { return Vec::new() };
    let role = role(gate);
    let title = format!("{} The gate is {}", sign(role), words::outcome_meaning(gate.outcome));
    let mut lines = vec![options.style.paint(role, &title)];
    for alert in alerts(report, Extent::Deciding) {
        let text = format!("{} [{}]", alert.full_sentence(report), harmless(&alert.rule));
        lines.extend(labelled(label(&alert), &text, options));
    }
    lines.extend(gate.changes.iter().flat_map(|changes| change_lines(changes, options)));
    lines
}

fn role(gate: &Gate) -> Role {
    match gate.outcome {
        GateOutcome::Passed => Role::Good,
        GateOutcome::Open => Role::Open,
        GateOutcome::Broken => Role::Bad,
    }
}

fn label(alert: &Alert<'_>) -> &'static str {
    match alert.standing {
        Some(Standing::Breaks) => "breaks",
        Some(Standing::Open) => "open",
        Some(Standing::Waived(_)) => "waived",
        Some(Standing::Known) => "known",
        None => "waiver",
    }
}

fn change_lines(changes: &Changes, options: &RenderOptions) -> Vec<String> {
    let kinds =
        [("worse", &changes.worse), ("better", &changes.better), ("new", &changes.added), ("gone", &changes.removed)];
    let line = |word: &str, change: &Change| labelled(word, &sentence(change), options);
    kinds.iter().flat_map(|(word, some)| some.iter().flat_map(|change| line(word, change))).collect()
}

/// `numpy on cp314t-linux-x86_64: 2.4.0 gil → 2.5.5 ready`.
fn sentence(change: &Change) -> String {
    let state = |state: &State| {
        let version = state.version.as_ref().map_or_else(String::new, |version| format!("{version} "));
        format!("{version}{}", state.verdict.word())
    };
    let states: Vec<String> = [&change.before, &change.after].into_iter().flatten().map(state).collect();
    format!("{} on {}: {}", change.package, harmless(&change.target), states.join(" → "))
}
