//! SARIF 2.1.0, for code scanning: a result for each alert, at the line that asked for the package.
//!
//! Results carry the pages of their rules. What is waived is suppressed with the waiver's reason, what the baseline had
//! is unchanged, and what could not be looked at is a notification: then the run was not successful.

mod v2_1_0;

use std::collections::BTreeMap;

use crate::model::finding;
use crate::model::gate::ViolationStanding;
use crate::model::place::Place;
use crate::model::problem::Problem;
use crate::model::report::Report;

use super::alert::{
    AlertScope, AlertWeight, RuleAlert, WAIVER_EXPIRED, WAIVER_UNUSED, alerts, fingerprints,
};
use super::sanitize::harmless;
use super::{RenderError, RenderOptions, json, place, words};
use v2_1_0::{
    SCHEMA, SarifArtifactLocation, SarifConfiguration, SarifDriver, SarifHelp, SarifInvocation,
    SarifLevel, SarifLocation, SarifLog, SarifLogicalLocation, SarifNotification,
    SarifPhysicalLocation, SarifReference, SarifRegion, SarifResult, SarifResultProperties,
    SarifRule, SarifRun, SarifRunProperties, SarifSuppression, SarifText, SarifTool,
};

/// The name under which the fingerprint stands; the number changes with the way it is made.
const FINGERPRINT: &str = "ungil/v1";
/// Most places that are told of one result beside the first, and most modules.
const MOST: usize = 20;

/// Renders the report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let alerts = alerts(report, AlertScope::Everything);
    let rules = rules(&alerts, options);
    let numbers: BTreeMap<&str, usize> = rules
        .iter()
        .enumerate()
        .map(|(number, rule)| (rule.id.as_str(), number))
        .collect();
    let results = alerts
        .iter()
        .zip(fingerprints(&alerts))
        .map(|(alert, fingerprint)| {
            let id = harmless(&alert.rule);
            let rule_index = numbers.get(id.as_str()).copied().unwrap_or_default();
            SarifResult {
                rule_id: id,
                rule_index,
                ..result(report, alert, fingerprint, options)
            }
        });
    let results = results.collect();
    let driver = SarifDriver {
        name: "ungil",
        semantic_version: env!("CARGO_PKG_VERSION"),
        information_uri: env!("CARGO_PKG_REPOSITORY"),
        rules,
    };
    let run = SarifRun {
        tool: SarifTool { driver },
        invocations: vec![SarifInvocation {
            execution_successful: report.problems.is_empty(),
            end_time_utc: options.generated.clone(),
            tool_execution_notifications: report.problems.iter().map(notification).collect(),
        }],
        results,
        column_kind: "unicodeCodePoints",
        properties: SarifRunProperties {
            targets: report.targets.iter().map(ToString::to_string).collect(),
            gate: report
                .gate
                .as_ref()
                .map(|gate| words::outcome(gate.outcome)),
        },
    };
    json::pretty(&SarifLog {
        schema: SCHEMA,
        version: "2.1.0",
        runs: vec![run],
    })
}

/// The rules that the alerts name, each once, in their order.
fn rules(alerts: &[RuleAlert<'_>], options: &RenderOptions) -> Vec<SarifRule> {
    let mut rules: Vec<SarifRule> = Vec::new();
    for alert in alerts {
        let id = harmless(&alert.rule);
        if !rules.iter().any(|rule| rule.id == id) {
            rules.push(rule(id, alert, options));
        }
    }
    rules
}

fn rule(id: String, alert: &RuleAlert<'_>, options: &RenderOptions) -> SarifRule {
    let page = options.rules.iter().find(|page| page.id == alert.rule);
    let title = match (page, id.as_str()) {
        (Some(page), _) => harmless(&page.title),
        (None, WAIVER_EXPIRED) => "A waiver's last day is over".to_owned(),
        (None, WAIVER_UNUSED) => "A waiver covers nothing".to_owned(),
        (None, _) => alert.verdict.map_or_else(
            || id.clone(),
            |verdict| format!("The verdict is {}", verdict.word()),
        ),
    };
    let level = match page.map(|page| page.level) {
        Some(finding::FindingLevel::Hint) => SarifLevel::Note,
        Some(finding::FindingLevel::Warning) => SarifLevel::Warning,
        Some(finding::FindingLevel::Decides) | None => level(alert.weight),
    };
    SarifRule {
        id,
        short_description: SarifText { text: title },
        help: page.map(|page| SarifHelp {
            text: page.markdown.clone(),
            markdown: page.markdown.clone(),
        }),
        default_configuration: SarifConfiguration { level },
    }
}

fn level(weight: AlertWeight) -> SarifLevel {
    match weight {
        AlertWeight::Note => SarifLevel::Note,
        AlertWeight::Warning => SarifLevel::Warning,
        AlertWeight::Error => SarifLevel::Error,
    }
}

fn result(
    report: &Report,
    alert: &RuleAlert<'_>,
    fingerprint: String,
    options: &RenderOptions,
) -> SarifResult {
    let mut places = alert
        .places
        .iter()
        .filter_map(|place| physical(place, options));
    let first = SarifLocation {
        physical_location: places.next(),
        logical_locations: logical(alert),
        message: None,
    };
    let related = places.take(MOST).map(|place| SarifLocation {
        physical_location: Some(place),
        logical_locations: Vec::new(),
        message: Some(SarifText {
            text: "asks for it too".to_owned(),
        }),
    });
    SarifResult {
        rule_id: String::new(),
        rule_index: 0,
        // A suppressed result keeps the weight that it would have.
        level: level(if alert.is_settled() {
            alert.weight
        } else {
            alert.urgency()
        }),
        message: SarifText {
            text: message(&alert.full_sentence(report), alert.help),
        },
        locations: vec![first],
        related_locations: related.collect(),
        partial_fingerprints: BTreeMap::from([(FINGERPRINT, fingerprint)]),
        baseline_state: (alert.standing == Some(ViolationStanding::Known)).then_some("unchanged"),
        suppressions: suppressions(alert),
        properties: SarifResultProperties {
            package: alert.package.to_string(),
            version: alert.version.map(ToString::to_string),
            verdict: alert.verdict.map(|verdict| verdict.word()),
            targets: alert.targets.iter().map(ToString::to_string).collect(),
            standing: alert.standing.map(words::standing),
        },
    }
}

/// What was found and what to do about it. `[text](target)` would be a link: the brackets are kept apart.
fn message(found: &str, help: &str) -> String {
    let end = if help.is_empty() {
        String::new()
    } else {
        format!(" {}", harmless(help))
    };
    format!("{found}.{end}").replace("](", "] (")
}

fn suppressions(alert: &RuleAlert<'_>) -> Vec<SarifSuppression> {
    let waiver = alert
        .waiver
        .filter(|_| matches!(alert.standing, Some(ViolationStanding::Waived(_))));
    let suppression = |reason: &str| SarifSuppression {
        kind: "external",
        status: "accepted",
        justification: harmless(reason).replace("](", "] ("),
    };
    waiver
        .map(|waiver| suppression(&waiver.reason))
        .into_iter()
        .collect()
}

fn physical(named: &Place, options: &RenderOptions) -> Option<SarifPhysicalLocation> {
    Some(SarifPhysicalLocation {
        artifact_location: SarifArtifactLocation {
            uri: place::uri(named, options)?,
        },
        region: named.line.map(|start_line| SarifRegion { start_line }),
    })
}

/// The package and the modules.
fn logical(alert: &RuleAlert<'_>) -> Vec<SarifLogicalLocation> {
    let mut named = vec![SarifLogicalLocation {
        fully_qualified_name: alert.subject(),
        kind: "package",
    }];
    named.extend(
        alert
            .modules
            .iter()
            .take(MOST)
            .map(|path| SarifLogicalLocation {
                fully_qualified_name: harmless(path),
                kind: "module",
            }),
    );
    named
}

fn notification(problem: &Problem) -> SarifNotification {
    SarifNotification {
        level: SarifLevel::Error,
        message: SarifText {
            text: words::problem(problem).replace("](", "] ("),
        },
        descriptor: SarifReference {
            id: format!("problem-{}", words::problem_kind(problem.kind)),
        },
    }
}
