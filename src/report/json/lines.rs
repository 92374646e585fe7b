//! Version 1 of the report as lines: one JSON object each, made of the same parts as the report's JSON and frozen with
//! them.
//!
//! The doc lines are the descriptions in the JSON Schema.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::gate::{VerdictChange, VerdictChanges};
use crate::model::report::{PackageReport, Report, TargetResult};

use super::super::RenderOptions;
use super::convert::{all, excluded, findings_on, problem, required_by, result, summary};
use super::{gate, gate_v1, v1};

/// A line of what `ungil scan --format jsonl` writes. The first is of type `run`, the last of type `summary`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[schemars(
    title = "ungil report line",
    extend("$id" = "https://github.com/ungil/ungil/blob/main/docs/report-line.schema.json")
)]
pub(super) enum JsonLine {
    /// What the lines are about.
    Run {
        /// Version of this format: 1.
        schema_version: u32,
        /// When the report was made, in RFC 3339; only when asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        generated: Option<String>,
        /// Targets, such as `cp314t-linux-x86_64`, in the order asked for.
        targets: Vec<String>,
        /// Lock files that leave a target out, by target; not there when none does.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        #[schemars(default)]
        excluded: Vec<v1::ExcludedTargetV1>,
        /// The configuration file that was followed; only when there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        configuration: Option<String>,
    },
    /// One version of a package on one target.
    Package(Box<JsonLinePackage>),
    /// One thing that could not be looked at.
    Problem(v1::ProblemV1),
    /// One thing that a policy counts.
    Violation(gate_v1::ViolationV1),
    /// A waiver of the policy. The first such line is the one with place 0.
    Waiver(gate_v1::WaiverV1),
    /// One difference from the baseline.
    Change {
        /// What it means.
        direction: JsonLineDirection,
        /// The difference.
        #[serde(flatten)]
        change: gate_v1::ChangeV1,
    },
    /// Counts, and the policy's word.
    Summary {
        /// Counts.
        #[serde(flatten)]
        counts: v1::SummaryV1,
        /// The policy's word; only when there is a policy.
        #[serde(skip_serializing_if = "Option::is_none")]
        outcome: Option<gate_v1::OutcomeV1>,
    },
}

/// One version of a package on one target.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Package")]
pub(super) struct JsonLinePackage {
    /// Normalised name.
    name: String,
    /// Version; null when it could not be found out.
    version: Option<String>,
    /// The paths of requirements that led to it.
    required_by: Vec<v1::RequiredByV1>,
    /// What is said of it on the target.
    #[serde(flatten)]
    result: v1::TargetResultV1,
    /// What rules say of it there, the worst first.
    findings: Vec<v1::FindingV1>,
}

/// What a difference from the baseline means.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Direction")]
pub(super) enum JsonLineDirection {
    /// For the worse.
    Worse,
    /// For the better.
    Better,
    /// Nobody can say: it was bad and is unknown now.
    Different,
    /// It was not there, and is not worse.
    Added,
    /// It is not there any more.
    Removed,
}

/// All lines of a report.
pub(super) fn lines(report: &Report, options: &RenderOptions) -> Vec<JsonLine> {
    let mut lines = vec![JsonLine::Run {
        schema_version: v1::SCHEMA_VERSION,
        generated: options.generated.clone(),
        targets: all(&report.targets, ToString::to_string),
        excluded: all(&report.excluded, excluded),
        configuration: report.configuration.clone(),
    }];
    for found in &report.packages {
        lines.extend(
            found
                .results
                .iter()
                .map(|on_target| JsonLine::Package(Box::new(package(found, on_target)))),
        );
    }
    lines.extend(
        report
            .problems
            .iter()
            .map(|found| JsonLine::Problem(problem(found))),
    );
    if let Some(found) = &report.gate {
        lines.extend(
            found
                .violations
                .iter()
                .map(|violation| JsonLine::Violation(gate::violation(report, violation))),
        );
        lines.extend(
            found
                .waivers
                .iter()
                .map(|waiver| JsonLine::Waiver(gate::waiver(waiver))),
        );
        lines.extend(found.changes.iter().flat_map(changes));
    }
    let outcome = report
        .gate
        .as_ref()
        .map(|found| gate::outcome(found.outcome));
    lines.push(JsonLine::Summary {
        counts: summary(&report.summary),
        outcome,
    });
    lines
}

fn package(package: &PackageReport, on_target: &TargetResult) -> JsonLinePackage {
    JsonLinePackage {
        name: package.name.to_string(),
        version: package.version.as_ref().map(ToString::to_string),
        required_by: all(&package.required_by, required_by),
        result: result(on_target),
        findings: findings_on(package, on_target),
    }
}

fn changes(changes: &VerdictChanges) -> Vec<JsonLine> {
    let kinds = [
        (JsonLineDirection::Worse, &changes.worse),
        (JsonLineDirection::Better, &changes.better),
        (JsonLineDirection::Different, &changes.different),
        (JsonLineDirection::Added, &changes.added),
        (JsonLineDirection::Removed, &changes.removed),
    ];
    let line = |direction: JsonLineDirection, change: &VerdictChange| JsonLine::Change {
        direction,
        change: gate::change(change),
    };
    kinds
        .iter()
        .flat_map(|(direction, some)| some.iter().map(move |change| line(*direction, change)))
        .collect()
}
