//! A run, or an inspection, rendered as bytes: one file per format and a table of them all.
//!
//! What is rendered came from wheels, indexes and files, so every format makes text harmless before it lets it out
//! ([`sanitize`]).

mod inspection_text;
mod json;
mod paint;
mod plan_text;
mod sanitize;
mod table;
mod targets;
mod text;

use crate::model::inspection::Inspection;
use crate::model::plan::Plan;
use crate::model::report::Report;

pub use json::{
    INSPECTION_SCHEMA_FILE, PLAN_SCHEMA_FILE, REPORT_SCHEMA_FILE, inspection_schema, plan_schema, report_schema,
};
pub use paint::Style;
pub use sanitize::harmless;

/// What a format may be told about how to render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderOptions {
    /// Columns that a line may take, for formats that people read.
    pub width: usize,
    /// Whether colours are used, for formats that people read.
    pub style: Style,
    /// The time to state, for formats that state one when asked; written as it is.
    pub generated: Option<String>,
}

impl Default for RenderOptions {
    fn default() -> RenderOptions {
        RenderOptions { width: 100, style: Style::Plain, generated: None }
    }
}

/// Why something could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The JSON writer refused a value.
    #[error("the report could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// One output format for one kind of subject.
pub struct Format<Subject> {
    /// The word for `--format`.
    pub name: &'static str,
    /// One line for people who choose.
    pub description: &'static str,
    /// Makes the bytes.
    pub render: fn(&Subject, &RenderOptions) -> Result<Vec<u8>, RenderError>,
}

/// Formats of a scan's report, the default first.
pub const FORMATS: &[Format<Report>] = &[
    Format { name: "table", description: "for people", render: table::render },
    Format { name: "json", description: "for programs, as docs/report.schema.json says", render: json::render },
];

/// Formats of an inspection, the default first.
pub const INSPECTION_FORMATS: &[Format<Inspection>] = &[
    Format { name: "text", description: "for people", render: inspection_text::render },
    Format {
        name: "json",
        description: "for programs, as docs/inspection.schema.json says",
        render: json::render_inspection,
    },
];

/// Formats of a plan, the default first.
pub const PLAN_FORMATS: &[Format<Plan>] = &[
    Format { name: "text", description: "for people", render: plan_text::render },
    Format { name: "json", description: "for programs, as docs/plan.schema.json says", render: json::render_plan },
];
