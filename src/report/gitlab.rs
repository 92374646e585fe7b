//! GitLab's code quality report, a small part of Code Climate's format:
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.

use serde::Serialize;

use crate::model::report::Report;

use super::alert::{Alert, Extent, Weight, alerts, fingerprints};
use super::sanitize::harmless;
use super::{RenderError, RenderOptions, json, place, words};

/// One entry of the list. Frozen.
#[derive(Debug, Serialize)]
struct Issue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: Severity,
    location: Location,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Severity {
    Info,
    Minor,
    Major,
}

#[derive(Debug, Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Debug, Serialize)]
struct Lines {
    begin: u32,
}

/// Renders the report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let alerts = alerts(report, Extent::Deciding);
    let found = alerts.iter().zip(fingerprints(&alerts));
    let mut issues: Vec<Issue> = found.map(|(alert, fingerprint)| issue(report, alert, fingerprint, options)).collect();
    for (number, problem) in report.problems.iter().enumerate() {
        let kind = words::problem_kind(problem.kind);
        issues.push(Issue {
            description: format!("could not look at everything: {}", words::problem(problem)),
            check_name: format!("problem-{kind}"),
            fingerprint: format!("problem-{kind}-{number}"),
            severity: Severity::Minor,
            location: Location { path: harmless(&problem.place), lines: Lines { begin: 1 } },
        });
    }
    json::pretty(&issues)
}

fn issue(report: &Report, alert: &Alert<'_>, fingerprint: String, options: &RenderOptions) -> Issue {
    // An entry must have a path; what was asked for on the command line has the words for that.
    let file = alert.places.iter().find_map(|named| Some((place::path(named, options)?, named.line)));
    let (path, line) = file.unwrap_or_else(|| {
        let first = alert.places.first();
        (first.map_or_else(|| alert.package.to_string(), |named| place::words(named)), None)
    });
    Issue {
        description: alert.full_sentence(report),
        check_name: harmless(&alert.rule),
        fingerprint,
        severity: match alert.urgency() {
            Weight::Note => Severity::Info,
            Weight::Warning => Severity::Minor,
            Weight::Error => Severity::Major,
        },
        location: Location { path: harmless(&path), lines: Lines { begin: line.unwrap_or(1) } },
    }
}
