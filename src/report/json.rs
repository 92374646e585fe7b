//! The format for programs: types of its own, frozen by version, so that a change inside cannot change what others
//! read by accident.
//!
//! Text is written exactly, but characters that a terminal would obey, or that a reader would not see, are written as
//! `\uXXXX`, which every JSON reader turns back.

mod build_v1;
mod convert;
mod facts;
mod facts_v1;
mod frame;
mod gate;
mod gate_v1;
mod inspection;
mod inspection_v1;
mod lines;
mod parts_v1;
mod plan;
mod plan_v1;
mod problem_v1;
mod read_error;
mod report;
mod saved;
mod saved_plan;
mod snapshot;
mod sources_v1;
mod v1;

use std::fmt::Write;

use serde::Serialize;

use crate::model::inspection::Inspection;
use crate::model::plan::Plan;
use crate::model::report::Report;
use crate::model::snapshot::ReportDifference;

use super::sanitize::is_dangerous;
use super::{RenderError, RenderOptions};

pub(super) use convert::address;
pub(super) use frame::SavedProblem;
pub(super) use parts_v1::EvidenceV1;
pub use read_error::{ReadError, SavedKind};
pub(super) use saved::{
    SavedChange, SavedChanges, SavedDeclaredBy, SavedExcludedTarget, SavedFinding, SavedGate,
    SavedModule, SavedPackage, SavedRelease, SavedTargetResult, SavedWaiver,
};
pub use saved::{SavedDocument, SavedReport, read_report, read_saved};
pub use saved_plan::SavedPlan;
pub(super) use saved_plan::{
    SavedPlanAlternative, SavedPlanBuild, SavedPlanCourse, SavedPlanMove, SavedPlanOutlook,
    SavedPlanStep,
};
pub(super) use v1::{OtherBuildV1, RequiredByV1};

/// Where the schema of a report is committed.
pub const REPORT_SCHEMA_FILE: &str = "docs/report.schema.json";
/// Where the schema of a line of the report as lines is committed.
pub const LINE_SCHEMA_FILE: &str = "docs/report-line.schema.json";
/// Where the schema of a difference is committed.
pub const DIFFERENCE_SCHEMA_FILE: &str = "docs/difference.schema.json";
/// Where the schema of an inspection is committed.
pub const INSPECTION_SCHEMA_FILE: &str = "docs/inspection.schema.json";

/// Where the schema of a plan is committed.
pub const PLAN_SCHEMA_FILE: &str = "docs/plan.schema.json";

/// Renders the report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let document = v1::ReportV1 {
        generated: options.generated.clone(),
        ..v1::ReportV1::from(report)
    };
    pretty(&document)
}

/// Renders the report as lines, one JSON object each.
pub(super) fn render_lines(
    report: &Report,
    options: &RenderOptions,
) -> Result<Vec<u8>, RenderError> {
    let mut bytes = Vec::new();
    for document in lines::lines(report, options) {
        bytes.extend(line(&document)?);
    }
    Ok(bytes)
}

/// Renders what is different between two reports.
pub(super) fn render_difference(
    difference: &ReportDifference,
    _options: &RenderOptions,
) -> Result<Vec<u8>, RenderError> {
    pretty(&gate::difference(difference))
}

/// Renders the inspection.
pub(super) fn render_inspection(
    inspection: &Inspection,
    _options: &RenderOptions,
) -> Result<Vec<u8>, RenderError> {
    pretty(&inspection_v1::InspectionV1::from(inspection))
}

/// Renders the plan.
pub(super) fn render_plan(plan: &Plan, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let mut document = plan_v1::PlanV1 {
        generated: options.generated.clone(),
        ..plan_v1::PlanV1::from(plan)
    };
    if document.generated.is_none() {
        document.summary.requests = None;
        document.summary.bytes_fetched = None;
    }
    pretty(&document)
}

/// The JSON Schema of a report.
pub fn report_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(v1::ReportV1))
}

/// The JSON Schema of a line of the report as lines.
pub fn line_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(lines::JsonLine))
}

/// The JSON Schema of a difference.
pub fn difference_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(gate_v1::DifferenceV1))
}

/// The JSON Schema of an inspection.
pub fn inspection_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(inspection_v1::InspectionV1))
}

/// The JSON Schema of a plan.
pub fn plan_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(plan_v1::PlanV1))
}

/// A schema, written. Types of the frozen format end in `V1`; a schema calls them what they are without it.
fn schema(schema: &schemars::Schema) -> Result<String, RenderError> {
    let named = serde_json::to_string(schema)?.replace("V1\"", "\"");
    // Parsed again, so that definitions stand in the order of their names.
    let sorted: schemars::Schema = serde_json::from_str(&named)?;
    Ok(serde_json::to_string_pretty(&sorted)? + "\n")
}

/// A document with line breaks and indents.
pub(super) fn pretty(document: &impl Serialize) -> Result<Vec<u8>, RenderError> {
    Ok(spelled_out(&serde_json::to_string_pretty(document)?).into_bytes())
}

/// A document on one line.
pub(super) fn line(document: &impl Serialize) -> Result<Vec<u8>, RenderError> {
    Ok(spelled_out(&serde_json::to_string(document)?).into_bytes())
}

/// JSON with what a terminal, or a log that is watched for commands, would obey written as `\uXXXX`.
fn spelled_out(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    let mut before = ['\0'; 2];
    for character in text.chars() {
        // Outside strings JSON is ASCII without `#`, and inside them its writer escapes the ASCII control characters.
        let command = character == '[' && before == ['#', '#'];
        if character != '\n' && (is_dangerous(character) || command) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
        before = [before[1], character];
    }
    safe.push('\n');
    safe
}
