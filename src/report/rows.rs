//! CSV (RFC 4180), for spreadsheets: a row for each package and target, then what could not be looked at, waivers and
//! the gate.
//!
//! A spreadsheet takes a cell that starts with `=`, `+`, `-` or `@` for a formula, so an apostrophe is put in front.

use csv::{Terminator, WriterBuilder};

use crate::model::digest::Algorithm;
use crate::model::gate::{Violation, WaiverState, WaiverUse};
use crate::model::report::{PackageReport, Report, TargetResult};

use super::alert::{places, waiver_words};
use super::counted::CountedViolations;
use super::sanitize::harmless;
use super::{RenderError, RenderOptions, place, words};

/// The first row. Frozen: columns are only added at the end.
const COLUMNS: [&str; 15] = [
    "kind",
    "package",
    "version",
    "target",
    "verdict",
    "reason",
    "rules",
    "file",
    "sha256",
    "required_by",
    "gate",
    "waiver",
    "until",
    "sha256_stated",
    "checked",
];

/// What starts a formula in some spreadsheet, the wide forms of East Asian keyboards among them.
const FORMULAS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Renders the report.
pub(super) fn render(report: &Report, _options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    written(&rows(report)).map_err(|error| RenderError::Csv(error.into()))
}

fn written(rows: &[ReportRow]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for row in rows {
        writer.write_record(row.cells().iter().map(|cell| inert(cell)))?;
    }
    Ok(writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?)
}

fn rows(report: &Report) -> Vec<ReportRow> {
    let counted = CountedViolations::new(report);
    let mut rows = Vec::new();
    for (entry, package) in report.packages.iter().enumerate() {
        rows.extend(package.results.iter().map(|result| {
            let mut row = row(package, result);
            if let Some(violations) = counted.of(entry, result) {
                judge(&mut row, &counted, &violations);
            }
            row
        }));
    }
    for problem in &report.problems {
        let place = harmless(&problem.place);
        let reason = format!(
            "{}: {}",
            words::problem_kind(problem.kind),
            harmless(&problem.message)
        );
        let package = problem
            .package
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        rows.push(ReportRow {
            kind: "problem",
            package,
            reason,
            required_by: place,
            ..ReportRow::default()
        });
    }
    if let Some(gate) = &report.gate {
        rows.extend(gate.waivers.iter().map(waiver_row));
        let outcome = words::outcome(gate.outcome).to_owned();
        rows.push(ReportRow {
            kind: "gate",
            reason: words::outcome_meaning(gate.outcome).to_owned(),
            gate: outcome,
            ..ReportRow::default()
        });
    }
    rows
}

/// One row, in the order of the columns.
#[derive(Default)]
struct ReportRow {
    kind: &'static str,
    package: String,
    version: String,
    target: String,
    verdict: &'static str,
    reason: String,
    rules: String,
    file: String,
    sha256: String,
    required_by: String,
    gate: String,
    waiver: String,
    until: String,
    sha256_stated: String,
    checked: &'static str,
}

impl ReportRow {
    fn cells(&self) -> [&str; COLUMNS.len()] {
        [
            self.kind,
            &self.package,
            &self.version,
            &self.target,
            self.verdict,
            &self.reason,
            &self.rules,
            &self.file,
            &self.sha256,
            &self.required_by,
            &self.gate,
            &self.waiver,
            &self.until,
            &self.sha256_stated,
            self.checked,
        ]
    }
}

fn row(package: &PackageReport, result: &TargetResult) -> ReportRow {
    let mut rules: Vec<String> = Vec::new();
    for finding in &result.findings {
        let id = harmless(&finding.rule);
        if !rules.contains(&id) {
            rules.push(id);
        }
    }
    let mut stated = result
        .artifact
        .iter()
        .flat_map(|artifact| &artifact.digests);
    let stated = stated.find(|digest| digest.algorithm == Algorithm::Sha256);
    let sha256 = result.file_check.digest(Algorithm::Sha256);
    ReportRow {
        kind: "package",
        package: package.name.to_string(),
        version: package
            .version
            .as_ref()
            .map_or_else(String::new, ToString::to_string),
        target: result.target.to_string(),
        verdict: result.verdict.word(),
        reason: harmless(&result.reason),
        rules: rules.join(" "),
        file: result
            .artifact
            .as_ref()
            .map_or_else(String::new, |artifact| harmless(&artifact.filename)),
        sha256: sha256.map(|digest| digest.hex.clone()).unwrap_or_default(),
        sha256_stated: stated.map(|digest| digest.hex.clone()).unwrap_or_default(),
        checked: words::file_check(&result.file_check),
        required_by: places(&package.required_by)
            .first()
            .map_or_else(String::new, |named| harmless(&place::words(named))),
        ..ReportRow::default()
    }
}

/// What the policy says of a row: the worst standing that one of its violations has, and the first waiver.
fn judge(row: &mut ReportRow, counted: &CountedViolations<'_>, violations: &[&Violation]) {
    row.gate = violations
        .first()
        .map_or("passes", |violation| words::standing(violation.standing))
        .to_owned();
    if let Some(waiver) = violations
        .iter()
        .find_map(|violation| counted.waiver(violation))
    {
        row.waiver = harmless(&waiver.reason);
        row.until = waiver.until.map_or_else(String::new, |day| day.to_string());
    }
}

fn waiver_row(used: &WaiverUse) -> ReportRow {
    let state = match used.state {
        WaiverState::Used(_) => "used",
        WaiverState::Expired(_) => "expired",
        WaiverState::Unused => "unused",
    };
    let waiver = &used.waiver;
    ReportRow {
        kind: "waiver",
        package: waiver.package.to_string(),
        version: waiver.versions.to_string(),
        target: waiver.target.as_deref().map_or_else(String::new, harmless),
        reason: waiver_words(used)
            .as_deref()
            .map_or_else(String::new, harmless),
        rules: waiver.rule.as_deref().map_or_else(String::new, harmless),
        required_by: harmless(&place::words(&waiver.place)),
        gate: state.to_owned(),
        waiver: harmless(&waiver.reason),
        until: waiver.until.map_or_else(String::new, |day| day.to_string()),
        ..ReportRow::default()
    }
}

/// The cell, such that no spreadsheet takes it for a formula.
fn inert(cell: &str) -> String {
    if cell.trim_start().starts_with(FORMULAS) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("  =1+1", "'  =1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(inert(text), cell);
        }
    }
}
