//! What a policy made of the report: its word, what counts, what is different from the baseline, and every waiver, so that
//! nothing that is waived is hidden.

use std::collections::BTreeMap;

use super::super::compare::gate_changes;
use super::super::json::{SavedChanges, SavedGate, SavedReport, SavedWaiver};
use super::changes;
use super::markup::{HtmlMarkup, element};
use super::table::table;
use super::words::count;

/// The section; nothing when no policy was asked for.
pub(super) fn section(report: &SavedReport) -> HtmlMarkup {
    let Some(gate) = &report.content.gate else {
        return HtmlMarkup::nothing();
    };
    let mut section = element(
        "h2",
        &[("id", "gate-title")],
        format!("The gate is {}", gate.outcome),
    );
    section.add(element("p", &[("class", "lead")], counts(gate)));
    section.add(
        gate.changes
            .as_ref()
            .map_or_else(HtmlMarkup::nothing, compared),
    );
    if !gate.waivers.is_empty() {
        let rows = gate
            .waivers
            .iter()
            .map(|waiver| element("tr", &[], row(waiver)))
            .collect();
        let text = format!(
            "What became of the policy's {}:",
            count(gate.waivers.len(), "waiver")
        );
        section.add(element("p", &[], text));
        section.add(table(
            "Waivers",
            &["Waived", "Why", "Until", "State", "Written in"],
            rows,
        ));
    }
    element(
        "section",
        &[("id", "gate"), ("aria-labelledby", "gate-title")],
        section,
    )
}

/// What is different from the baseline.
fn compared(changes: &SavedChanges) -> HtmlMarkup {
    let found = gate_changes(changes);
    let text = format!("Compared with the baseline: {}.", changes::counts(&found));
    let mut compared = element("p", &[], text);
    if !changes.not_compared.is_empty() {
        let targets = changes.not_compared.join(", ");
        let text = format!("Not compared, because only one of the two reports has it: {targets}.");
        compared.add(element("p", &[], text));
    }
    compared.add(changes::rows("Changes since the baseline", &found));
    compared
}

/// How much of what the policy counts breaks it, is open, waived, or was known before.
fn counts(gate: &SavedGate) -> String {
    let violations = gate
        .violations
        .iter()
        .map(|violation| violation.standing.as_str());
    let problems = gate
        .problems
        .iter()
        .map(|problem| problem.standing.as_str());
    let mut tally: BTreeMap<&str, usize> = BTreeMap::new();
    for standing in violations.chain(problems) {
        *tally.entry(standing).or_default() += 1;
    }
    let words: Vec<String> = tally
        .iter()
        .map(|(standing, number)| format!("{number} {}", words(standing)))
        .collect();
    if words.is_empty() {
        "The policy counts nothing against it.".to_owned()
    } else {
        format!("What the policy counts: {}.", words.join(", "))
    }
}

fn words(standing: &str) -> &str {
    match standing {
        "breaks" => "breaking it",
        "known" => "known from the baseline",
        other => other,
    }
}

fn row(waiver: &SavedWaiver) -> HtmlMarkup {
    let versions = waiver
        .versions
        .as_ref()
        .map_or_else(String::new, |versions| format!(" {versions}"));
    let parts = [
        ("module", &waiver.module),
        ("rule", &waiver.rule),
        ("target", &waiver.target),
    ];
    let parts: String = parts
        .iter()
        .filter_map(|(word, part)| Some(format!(", {word} {}", part.as_ref()?)))
        .collect();
    let number = usize::try_from(waiver.violations).unwrap_or(usize::MAX);
    let state = match number {
        0 => waiver.state.clone(),
        _ => format!("{}: {}", waiver.state, count(number, "violation")),
    };
    let line = waiver
        .place
        .line
        .map_or_else(String::new, |line| format!(":{line}"));
    HtmlMarkup::from([
        element(
            "th",
            &[("scope", "row")],
            format!("{}{versions}{parts}", waiver.package),
        ),
        element("td", &[], waiver.reason.as_str()),
        element(
            "td",
            &[("class", "day")],
            waiver.until.as_deref().unwrap_or("no end"),
        ),
        element("td", &[], state),
        element("td", &[], format!("{}{line}", waiver.place.file)),
    ])
}
