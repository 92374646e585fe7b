//! A run, or an inspection, rendered as bytes: one file per format and a table of them all.
//!
//! What is rendered came from wheels, indexes and files, so every format makes text harmless before it lets it out
//! ([`sanitize`]).

mod alert;
mod compare;
mod counted;
mod cyclonedx;
mod difference;
mod excluded;
mod github;
mod gitlab;
mod html;
mod inspection_text;
mod json;
mod junit;
mod markdown;
mod paint;
mod place;
mod plan_text;
mod rows;
mod sanitize;
mod sarif;
mod table;
mod targets;
mod text;
mod unread;
mod words;

use std::path::PathBuf;

use crate::model::inspection::Inspection;
use crate::model::plan::Plan;
use crate::model::report::Report;
use crate::model::rule_page::RulePage;
use crate::model::snapshot::ReportDifference;

pub use html::dashboard;
pub use json::{
    DIFFERENCE_SCHEMA_FILE, INSPECTION_SCHEMA_FILE, LINE_SCHEMA_FILE, PLAN_SCHEMA_FILE,
    REPORT_SCHEMA_FILE, difference_schema, inspection_schema, line_schema, plan_schema,
    report_schema,
};
pub use json::{
    ReadError, SavedDocument, SavedKind, SavedPlan, SavedReport, read_report, read_saved,
};
pub use paint::PaintStyle;
pub use sanitize::harmless;

/// What a format may be told about how to render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderOptions {
    /// Columns that a line may take, for formats that people read.
    pub width: usize,
    /// Whether colours are used, for formats that people read.
    pub style: PaintStyle,
    /// The time to state, for formats that state one when asked; written as it is.
    pub generated: Option<String>,
    /// The pages of the rules, for formats that bring them along.
    pub rules: Vec<RulePage>,
    /// The folder to which formats for other tools name files relative, as an absolute path; `None` leaves every name as
    /// it is.
    pub folder: Option<PathBuf>,
    /// The folder at which relative names start, as an absolute path; `None` where it is the same one.
    pub directory: Option<PathBuf>,
}

impl Default for RenderOptions {
    fn default() -> RenderOptions {
        RenderOptions {
            width: 100,
            style: PaintStyle::Plain,
            generated: None,
            rules: Vec::new(),
            folder: None,
            directory: None,
        }
    }
}

/// Why something could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The JSON writer refused a value.
    #[error("the report could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The CSV writer refused a row.
    #[error("the report could not be written as CSV: {0}")]
    Csv(#[source] std::io::Error),
    /// The XML writer refused an element.
    #[error("the report could not be written as XML: {0}")]
    Xml(#[source] std::io::Error),
    /// The report's own JSON could not be read back for the page.
    #[error("the report could not be read back for the page: {0}")]
    ReadBack(#[from] ReadError),
    /// A plan that cannot be about the report: none of its targets is.
    #[error("{plan}: expected a plan for a target of {report} ({expected}), found one for {found}")]
    ForeignPlan {
        /// The plan's file.
        plan: String,
        /// The report's file.
        report: String,
        /// The report's targets.
        expected: String,
        /// The plan's targets.
        found: String,
    },
    /// Two plans for one target: they may propose different things.
    #[error(
        "{second}: expected a plan for other targets than those of {first}, found {target} in both"
    )]
    TwoPlans {
        /// The first plan's file.
        first: String,
        /// The second plan's file.
        second: String,
        /// The target.
        target: String,
    },
    /// A page of no report at all.
    #[error("there is no report to show")]
    Nothing,
}

/// What text of others could become in a format, if it were let through as it is. The tests render hostile text in every
/// format and look for the dangers that the format has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatDanger {
    /// A line that a CI system takes for a command.
    LogCommand,
    /// A property of such a command.
    CommandProperty,
    /// The end of a JSON string.
    JsonSyntax,
    /// The same where each line is a document.
    JsonLine,
    /// A link in a message that is shown as Markdown.
    MarkdownLink,
    /// Markup, a mention, or a cell of a table.
    MarkdownMarkup,
    /// An element or an attribute of XML.
    XmlMarkup,
    /// An element of HTML, or the end of a script.
    HtmlMarkup,
    /// A cell that a spreadsheet computes.
    Formula,
}

/// One output format for one kind of subject.
#[derive(Debug)]
pub struct OutputFormat<Subject> {
    /// The word for `--format`.
    pub name: &'static str,
    /// One line for people who choose.
    pub description: &'static str,
    /// What text of others must not become in it.
    pub dangers: &'static [FormatDanger],
    /// Makes the bytes.
    pub render: fn(&Subject, &RenderOptions) -> Result<Vec<u8>, RenderError>,
}

/// Formats of a scan's report, the default first.
pub const FORMATS: &[OutputFormat<Report>] = &[
    OutputFormat {
        name: "table",
        description: "for people",
        dangers: &[FormatDanger::LogCommand],
        render: table::render,
    },
    OutputFormat {
        name: "json",
        description: "for programs, as docs/report.schema.json says",
        dangers: &[FormatDanger::JsonSyntax],
        render: json::render,
    },
    OutputFormat {
        name: "jsonl",
        description: "the same as lines, one JSON object each",
        dangers: &[FormatDanger::JsonLine],
        render: json::render_lines,
    },
    OutputFormat {
        name: "markdown",
        description: "for pull requests and job summaries",
        dangers: &[FormatDanger::MarkdownMarkup],
        render: markdown::render,
    },
    OutputFormat {
        name: "sarif",
        description: "SARIF 2.1.0, for code scanning",
        dangers: &[FormatDanger::JsonSyntax, FormatDanger::MarkdownLink],
        render: sarif::render,
    },
    OutputFormat {
        name: "github",
        description: "annotations of GitHub Actions",
        dangers: &[FormatDanger::CommandProperty],
        render: github::render,
    },
    OutputFormat {
        name: "gitlab",
        description: "GitLab's code quality report",
        dangers: &[FormatDanger::JsonSyntax],
        render: gitlab::render,
    },
    OutputFormat {
        name: "junit",
        description: "JUnit's XML, for Jenkins and others",
        dangers: &[FormatDanger::XmlMarkup],
        render: junit::render,
    },
    OutputFormat {
        name: "cyclonedx",
        description: "CycloneDX 1.6, a bill of materials",
        dangers: &[FormatDanger::JsonSyntax],
        render: cyclonedx::render,
    },
    OutputFormat {
        name: "csv",
        description: "for spreadsheets",
        dangers: &[FormatDanger::Formula],
        render: rows::render,
    },
    OutputFormat {
        name: "html",
        description: "a page for those who decide, as docs/dashboard.md shows",
        dangers: &[FormatDanger::HtmlMarkup],
        render: html::render,
    },
];

/// Formats of an inspection, the default first.
pub const INSPECTION_FORMATS: &[OutputFormat<Inspection>] = &[
    OutputFormat {
        name: "text",
        description: "for people",
        dangers: &[FormatDanger::LogCommand],
        render: inspection_text::render,
    },
    OutputFormat {
        name: "json",
        description: "for programs, as docs/inspection.schema.json says",
        dangers: &[FormatDanger::JsonSyntax],
        render: json::render_inspection,
    },
];

/// Formats of what is different between two reports, the default first.
pub const DIFFERENCE_FORMATS: &[OutputFormat<ReportDifference>] = &[
    OutputFormat {
        name: "table",
        description: "for people",
        dangers: &[FormatDanger::LogCommand],
        render: difference::render,
    },
    OutputFormat {
        name: "markdown",
        description: "for a comment on a pull request, or the summary of a job",
        dangers: &[FormatDanger::MarkdownMarkup],
        render: markdown::render_difference,
    },
    OutputFormat {
        name: "json",
        description: "for programs, as docs/difference.schema.json says",
        dangers: &[FormatDanger::JsonSyntax],
        render: json::render_difference,
    },
];

/// Formats of a plan, the default first.
pub const PLAN_FORMATS: &[OutputFormat<Plan>] = &[
    OutputFormat {
        name: "text",
        description: "for people",
        dangers: &[FormatDanger::LogCommand],
        render: plan_text::render,
    },
    OutputFormat {
        name: "json",
        description: "for programs, as docs/plan.schema.json says",
        dangers: &[FormatDanger::JsonSyntax],
        render: json::render_plan,
    },
];
