//! From a whole report to version 1 of its JSON.

use crate::model::report::Report;

use super::convert::{all, excluded, findings, package, problem, summary, text};
use super::{gate, v1};

impl From<&Report> for v1::ReportV1 {
    fn from(report: &Report) -> v1::ReportV1 {
        v1::ReportV1 {
            schema_version: v1::SCHEMA_VERSION,
            generated: None,
            configuration: report.configuration.as_deref().map(text),
            targets: all(&report.targets, ToString::to_string),
            excluded: all(&report.excluded, excluded),
            packages: all(&report.packages, package),
            findings: report.packages.iter().flat_map(findings).collect(),
            problems: all(&report.problems, problem),
            summary: summary(&report.summary),
            gate: report.gate.as_ref().map(|found| gate::gate(report, found)),
        }
    }
}
