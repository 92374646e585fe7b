//! The format for programs: types of its own, frozen by version, so that a change inside cannot change what others
//! read by accident.
//!
//! Text is written exactly, but characters that a terminal would obey, or that a reader would not see, are written as
//! `\uXXXX`, which every JSON reader turns back.

mod build_v1;
mod convert;
mod facts;
mod facts_v1;
mod inspection;
mod inspection_v1;
mod plan;
mod plan_v1;
mod v1;

use std::fmt::Write;

use serde::Serialize;

use crate::model::inspection::Inspection;
use crate::model::plan::Plan;
use crate::model::report::Report;

use super::sanitize::is_dangerous;
use super::{RenderError, RenderOptions};

/// Where the schema of a report is committed.
pub const REPORT_SCHEMA_FILE: &str = "docs/report.schema.json";
/// Where the schema of an inspection is committed.
pub const INSPECTION_SCHEMA_FILE: &str = "docs/inspection.schema.json";

/// Where the schema of a plan is committed.
pub const PLAN_SCHEMA_FILE: &str = "docs/plan.schema.json";

/// Renders the report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let document = v1::Report { generated: options.generated.clone(), ..v1::Report::from(report) };
    written(&document)
}

/// Renders the inspection.
pub(super) fn render_inspection(inspection: &Inspection, _options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    written(&inspection_v1::Inspection::from(inspection))
}

/// Renders the plan.
pub(super) fn render_plan(plan: &Plan, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let document = plan_v1::Plan { generated: options.generated.clone(), ..plan_v1::Plan::from(plan) };
    written(&document)
}

/// The JSON Schema of a report.
pub fn report_schema() -> Result<String, RenderError> {
    schema(&schemars::schema_for!(v1::Report))
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

fn written(document: &impl Serialize) -> Result<Vec<u8>, RenderError> {
    let text = serde_json::to_string_pretty(document)?;
    let mut safe = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        // Outside strings JSON is ASCII, and inside them its writer escapes the ASCII control characters itself.
        if character != '\n' && is_dangerous(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe.push('\n');
    Ok(safe.into_bytes())
}
