//! GitLab's code quality report, a small part of Code Climate's format:
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.

use serde::Serialize;

use crate::model::report::Report;

use super::alert::{AlertScope, AlertWeight, RuleAlert, alerts, fingerprints};
use super::sanitize::harmless;
use super::{RenderError, RenderOptions, json, place, words};

/// One entry of the list. Frozen.
#[derive(Debug, Serialize)]
struct GitlabIssue {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: GitlabSeverity,
    location: GitlabLocation,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum GitlabSeverity {
    Info,
    Minor,
    Major,
}

#[derive(Debug, Serialize)]
struct GitlabLocation {
    path: String,
    lines: GitlabLines,
}

#[derive(Debug, Serialize)]
struct GitlabLines {
    begin: u32,
}

/// Renders the report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let alerts = alerts(report, AlertScope::Deciding);
    let found = alerts.iter().zip(fingerprints(&alerts));
    let mut issues: Vec<GitlabIssue> = found
        .map(|(alert, fingerprint)| issue(report, alert, fingerprint, options))
        .collect();
    for (number, problem) in report.problems.iter().enumerate() {
        let kind = words::problem_kind(problem.kind);
        issues.push(GitlabIssue {
            description: format!("could not look at everything: {}", words::problem(problem)),
            check_name: format!("problem-{kind}"),
            fingerprint: format!("problem-{kind}-{number}"),
            severity: GitlabSeverity::Minor,
            location: GitlabLocation {
                path: harmless(&problem.place),
                lines: GitlabLines { begin: 1 },
            },
        });
    }
    json::pretty(&issues)
}

fn issue(
    report: &Report,
    alert: &RuleAlert<'_>,
    fingerprint: String,
    options: &RenderOptions,
) -> GitlabIssue {
    // An entry must have a path; what was asked for on the command line has the words for that.
    let file = alert
        .places
        .iter()
        .find_map(|named| Some((place::path(named, options)?, named.line)));
    let (path, line) = file.unwrap_or_else(|| {
        let first = alert.places.first();
        (
            first.map_or_else(|| alert.package.to_string(), |named| place::words(named)),
            None,
        )
    });
    GitlabIssue {
        description: alert.full_sentence(report),
        check_name: harmless(&alert.rule),
        fingerprint,
        severity: match alert.urgency() {
            AlertWeight::Note => GitlabSeverity::Info,
            AlertWeight::Warning => GitlabSeverity::Minor,
            AlertWeight::Error => GitlabSeverity::Major,
        },
        location: GitlabLocation {
            path: harmless(&path),
            lines: GitlabLines {
                begin: line.unwrap_or(1),
            },
        },
    }
}
