//! Workflow commands of GitHub Actions: annotations at the lines that asked for the packages.
//!
//! The runner shows ten annotations of a kind for a step, so the worst are written, and a notice says what is left.
//! Every line starts with a command of ours, and nothing inside a line can start another:
//! <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>.

use crate::model::report::Report;

use super::alert::{AlertScope, AlertWeight, RuleAlert, alerts};
use super::sanitize::harmless;
use super::text::count;
use super::{RenderError, RenderOptions, place, words};

/// Most annotations.
const MOST: usize = 10;

/// Renders the report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let alerts = alerts(report, AlertScope::Deciding);
    let problems = report.problems.iter().map(|problem| {
        let message = format!("could not look at everything: {}", words::problem(problem));
        (
            AlertWeight::Warning,
            command(AlertWeight::Warning, &[("title", "ungil")], &message),
        )
    });
    let mut commands: Vec<(AlertWeight, String)> = alerts
        .iter()
        .map(|alert| (alert.urgency(), annotation(report, alert, options)))
        .chain(problems)
        .collect();
    // What counts comes before what is waived, and each kind keeps its order.
    commands.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    let left = commands.split_off(commands.len().min(MOST));
    let mut text = String::new();
    for (_, line) in &commands {
        text.push_str(line);
    }
    if !left.is_empty() {
        text.push_str(&command(
            AlertWeight::Note,
            &[("title", "ungil")],
            &format!("and {}", left_out(&left)),
        ));
    }
    if let Some(gate) = &report.gate {
        let message = format!("the gate is {}", words::outcome_meaning(gate.outcome));
        text.push_str(&command(AlertWeight::Note, &[("title", "ungil")], &message));
    }
    if text.is_empty() {
        let message = if report.packages.is_empty() {
            "no package to judge"
        } else {
            "nothing speaks against it"
        };
        text.push_str(&command(AlertWeight::Note, &[("title", "ungil")], message));
    }
    Ok(text.into_bytes())
}

fn left_out(left: &[(AlertWeight, String)]) -> String {
    let number = |weight: AlertWeight| left.iter().filter(|(known, _)| *known == weight).count();
    let kinds = [
        (AlertWeight::Error, "error"),
        (AlertWeight::Warning, "warning"),
        (AlertWeight::Note, "notice"),
    ];
    let parts = kinds.iter().filter(|(weight, _)| number(*weight) > 0);
    let parts: Vec<String> = parts
        .map(|(weight, noun)| count(number(*weight), noun))
        .collect();
    format!("{} more: {}", left.len(), parts.join(", "))
}

fn annotation(report: &Report, alert: &RuleAlert<'_>, options: &RenderOptions) -> String {
    let mut properties = Vec::new();
    let place = alert
        .places
        .iter()
        .find_map(|named| Some((place::path(named, options)?, named.line)));
    let (file, line) = place.map_or((None, None), |(file, line)| (Some(harmless(&file)), line));
    let line = line.map(|line| line.to_string());
    properties.extend(file.as_deref().map(|file| ("file", file)));
    properties.extend(line.as_deref().map(|line| ("line", line)));
    let title = format!("{} [{}]", alert.title(), harmless(&alert.rule));
    properties.push(("title", &title));
    let help = if alert.help.is_empty() {
        String::new()
    } else {
        format!(" {}", harmless(alert.help))
    };
    command(
        alert.urgency(),
        &properties,
        &format!("{}.{help}", alert.full_sentence(report)),
    )
}

/// One command on a line of its own.
fn command(weight: AlertWeight, properties: &[(&str, &str)], message: &str) -> String {
    let name = match weight {
        AlertWeight::Note => "notice",
        AlertWeight::Warning => "warning",
        AlertWeight::Error => "error",
    };
    let properties: Vec<String> = properties
        .iter()
        .map(|(key, value)| format!("{key}={}", escaped_property(value)))
        .collect();
    let space = if properties.is_empty() { "" } else { " " };
    format!(
        "::{name}{space}{}::{}\n",
        properties.join(","),
        escaped_message(message)
    )
}

/// As the runner undoes it in messages.
fn escaped_message(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// As the runner undoes it in properties.
fn escaped_property(text: &str) -> String {
    escaped_message(text)
        .replace(':', "%3A")
        .replace(',', "%2C")
}
