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
use crate::model::snapshot::Difference;

use super::sanitize::is_dangerous;
use super::{RenderError, RenderOptions};

pub(super) use convert::address;
pub(super) use frame::Problem;
pub(super) use parts_v1::Evidence;
pub use read_error::{ReadError, SavedKind};
pub(super) use saved::{
    Change, Changes, DeclaredBy, ExcludedTarget, Finding, Gate, Module, Package, Release, TargetResult, Waiver,
};
pub use saved::{Saved, SavedReport, read_report, read_saved};
pub use saved_plan::SavedPlan;
pub(super) use saved_plan::{Alternative, Build, Course, Move, Outlook, Step};
pub(super) use v1::{OtherBuild, RequiredBy};

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
    let document = v1::Report { generated: options.generated.clone(), ..v1::Report::from(report) };
    pretty(&document)
}

/// Renders the report as lines, one JSON object each.
pub(super) fn render_lines(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let mut bytes = Vec::new();
    for document in lines::lines(report, options) {
        bytes.extend(line(&document)?);
    }
    Ok(bytes)
}

/// Renders what is different between two reports.
pub(super) fn render_difference(difference: &Difference, _options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    pretty(&gate::difference(difference))
}

/// Renders the inspection.
pub(super) fn render_inspection(inspection: &Inspection, _options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    pretty(&inspection_v1::Inspection::from(inspection))
}

/// Renders the plan.
pub(super) fn render_plan(plan: &Plan, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let document = plan_v1::Plan { generated: options.generated.clone(), ..plan_v1::Plan::from(plan) };
    pretty(&document)
}

/// The JSON Schema of a report.
pub fn report_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(v1::Report))
}

/// The JSON Schema of a line of the report as lines.
pub fn line_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(lines::Line))
}

/// The JSON Schema of a difference.
pub fn difference_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(gate_v1::Difference))
}

/// The JSON Schema of an inspection.
pub fn inspection_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(inspection_v1::Inspection))
}

/// The JSON Schema of a plan.
pub fn plan_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(plan_v1::Plan))
}

fn schema(schema: &schemars::Schema) -> Result<String, RenderError> {
    Ok(serde_json::to_string_pretty(schema)? + "\n")
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
