//! Reads back what `ungil scan --format json` wrote: version 1. Where the written type says all, it is read; where the words of
//! a newer version have to pass, or less is needed than is written, the type is here. Plans are read by
//! [`super::saved_plan`]; which of the two a file holds, its content tells.
//!
//! Fields that are not known here pass, as docs/report.md promises. A verdict that is not known does not: nobody could say
//! whether it is good news.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::model::finding::{Certainty, FindingLevel};
use crate::model::verdict::Verdict;

use super::frame::{SavedProblem, check_frame};
use super::read_error::{ReadError, SavedKind, VERSION, refused};
use super::saved_plan::{SavedPlan, SavedPlanBuild, read_plan};
use super::v1::{EvidenceV1, OtherBuildV1, PassedOverV1, PlaceV1, RequiredByV1, ToolchainV1};

/// A report that was read back.
#[derive(Debug)]
pub struct SavedReport {
    /// The file as it was named.
    pub(in crate::report) file: String,
    /// What it holds.
    pub(in crate::report) content: SavedContent,
}

/// Version 1 of a report, as far as it is read.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedContent {
    pub(in crate::report) generated: Option<String>,
    pub(in crate::report) targets: Vec<String>,
    /// Earlier reports have none.
    #[serde(default)]
    pub(in crate::report) excluded: Vec<SavedExcludedTarget>,
    pub(in crate::report) packages: Vec<SavedPackage>,
    pub(in crate::report) findings: Vec<SavedFinding>,
    pub(in crate::report) problems: Vec<SavedProblem>,
    pub(in crate::report) summary: SavedSummary,
    pub(in crate::report) gate: Option<SavedGate>,
}

/// A target that a lock file leaves out.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedExcludedTarget {
    pub(in crate::report) target: String,
    pub(in crate::report) place: PlaceV1,
    pub(in crate::report) locked_for: String,
    pub(in crate::report) change: String,
    pub(in crate::report) command: String,
}

/// What a policy made of the report.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedGate {
    pub(in crate::report) outcome: String,
    pub(in crate::report) violations: Vec<SavedViolation>,
    pub(in crate::report) problems: Vec<SavedCountedProblem>,
    pub(in crate::report) waivers: Vec<SavedWaiver>,
    pub(in crate::report) changes: Option<SavedChanges>,
}

/// What is different from the baseline of a gate.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedChanges {
    pub(in crate::report) worse: Vec<SavedChange>,
    pub(in crate::report) better: Vec<SavedChange>,
    pub(in crate::report) different: Vec<SavedChange>,
    pub(in crate::report) added: Vec<SavedChange>,
    pub(in crate::report) removed: Vec<SavedChange>,
    pub(in crate::report) not_compared: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedChange {
    pub(in crate::report) package: String,
    pub(in crate::report) target: String,
    pub(in crate::report) before: Option<SavedRelease>,
    pub(in crate::report) after: Option<SavedRelease>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedRelease {
    pub(in crate::report) version: Option<String>,
    pub(in crate::report) verdict: Verdict,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedViolation {
    pub(in crate::report) standing: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedCountedProblem {
    pub(in crate::report) standing: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedWaiver {
    pub(in crate::report) package: String,
    pub(in crate::report) versions: Option<String>,
    pub(in crate::report) module: Option<String>,
    pub(in crate::report) rule: Option<String>,
    pub(in crate::report) target: Option<String>,
    pub(in crate::report) reason: String,
    pub(in crate::report) until: Option<String>,
    pub(in crate::report) place: PlaceV1,
    pub(in crate::report) state: String,
    pub(in crate::report) violations: u64,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedPackage {
    pub(in crate::report) name: String,
    pub(in crate::report) version: Option<String>,
    pub(in crate::report) required_by: Vec<RequiredByV1>,
    pub(in crate::report) results: Vec<SavedTargetResult>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedTargetResult {
    pub(in crate::report) target: String,
    pub(in crate::report) verdict: Verdict,
    pub(in crate::report) reason: String,
    pub(in crate::report) declared_by: Vec<SavedDeclaredBy>,
    pub(in crate::report) artifact: Option<SavedArtifact>,
    #[serde(default)]
    pub(in crate::report) build: Option<SavedPlanBuild>,
    pub(in crate::report) other_build: Option<OtherBuildV1>,
    pub(in crate::report) left_out: Vec<String>,
    #[serde(default)]
    pub(in crate::report) passed_over: Vec<PassedOverV1>,
    pub(in crate::report) modules: Vec<SavedModule>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(in crate::report) struct SavedDeclaredBy {
    pub(in crate::report) who: String,
    pub(in crate::report) name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedArtifact {
    pub(in crate::report) filename: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedModule {
    pub(in crate::report) path: String,
    pub(in crate::report) module: String,
    pub(in crate::report) gil: String,
    pub(in crate::report) reason: String,
    pub(in crate::report) toolchain: Option<ToolchainV1>,
    pub(in crate::report) evidence: Vec<EvidenceV1>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedFinding {
    pub(in crate::report) package: String,
    pub(in crate::report) version: Option<String>,
    pub(in crate::report) target: String,
    pub(in crate::report) rule: String,
    pub(in crate::report) level: FindingLevel,
    pub(in crate::report) certainty: Certainty,
    pub(in crate::report) verdict: Option<Verdict>,
    pub(in crate::report) module: Option<String>,
    pub(in crate::report) message: String,
    pub(in crate::report) help: String,
    pub(in crate::report) evidence: Vec<EvidenceV1>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedSummary {
    pub(in crate::report) packages: u64,
    pub(in crate::report) files: u64,
    pub(in crate::report) modules: u64,
}

/// What tells what it is, and which version of that.
#[derive(Deserialize)]
#[serde(expecting = "an object with `schema_version`")]
struct SavedHead {
    schema_version: Option<serde_json::Value>,
    packages: Option<IgnoredAny>,
    steps: Option<IgnoredAny>,
}

impl SavedHead {
    fn kind(&self) -> SavedKind {
        match (&self.packages, &self.steps) {
            (None, Some(_)) => SavedKind::Plan,
            _ => SavedKind::Report,
        }
    }
}

/// A report or a plan that was read back.
#[derive(Debug)]
pub enum SavedDocument {
    /// A report.
    Report(Box<SavedReport>),
    /// A plan.
    Plan(SavedPlan),
}

/// Reads a report or a plan; `file` is what it is called in errors and on pages.
pub fn read_saved(file: &str, bytes: &[u8]) -> Result<SavedDocument, ReadError> {
    match kind(file, bytes)? {
        SavedKind::Report => Ok(SavedDocument::Report(Box::new(content_of_report(
            file, bytes,
        )?))),
        SavedKind::Plan => Ok(SavedDocument::Plan(read_plan(file, bytes)?)),
    }
}

/// Reads a report; `file` is what it is called in errors and on pages.
pub fn read_report(file: &str, bytes: &[u8]) -> Result<SavedReport, ReadError> {
    match kind(file, bytes)? {
        SavedKind::Report => content_of_report(file, bytes),
        SavedKind::Plan => {
            let found = "a plan of `ungil plan --format json`".to_owned();
            Err(ReadError::Other {
                kind: SavedKind::Report,
                file: file.to_owned(),
                line: 1,
                column: 1,
                found,
            })
        }
    }
}

/// What it is, once it is known to be of the version that is read.
fn kind(file: &str, bytes: &[u8]) -> Result<SavedKind, ReadError> {
    let head: SavedHead =
        serde_json::from_slice(bytes).map_err(|error| refused(SavedKind::Report, file, &error))?;
    let (kind, file) = (head.kind(), file.to_owned());
    match head.schema_version {
        None => Err(ReadError::Other {
            kind,
            file,
            line: 1,
            column: 1,
            found: "no `schema_version`".to_owned(),
        }),
        Some(version) if version.as_u64() != Some(VERSION) => Err(ReadError::OtherVersion {
            kind,
            file,
            found: version.to_string(),
        }),
        Some(_) => Ok(kind),
    }
}

fn content_of_report(file: &str, bytes: &[u8]) -> Result<SavedReport, ReadError> {
    let content =
        serde_json::from_slice(bytes).map_err(|error| refused(SavedKind::Report, file, &error))?;
    let report = SavedReport {
        file: file.to_owned(),
        content,
    };
    check(&report)?;
    Ok(report)
}

/// What is in a report but would not be shown, because it belongs to nothing, must not be lost in silence.
fn check(report: &SavedReport) -> Result<(), ReadError> {
    let wrong = |place: String, expected: &'static str, found: String| {
        Err(ReadError::Contradiction {
            file: report.file.clone(),
            place,
            expected,
            found,
        })
    };
    let content = &report.content;
    check_frame(&report.file, content.generated.as_deref(), &content.targets)?;
    let targets: BTreeSet<&str> = content.targets.iter().map(String::as_str).collect();
    let mut judged = BTreeSet::new();
    for package in &content.packages {
        let place = || {
            format!(
                "packages: {} {}",
                package.name,
                package.version.as_deref().unwrap_or_default()
            )
        };
        // Where several environments hold a version, it stands here once for each.
        let mut results = BTreeSet::new();
        for target in package.results.iter().map(|result| result.target.as_str()) {
            if !targets.contains(target) {
                return wrong(
                    place(),
                    "a target that `targets` has",
                    format!("`{target}`"),
                );
            }
            judged.insert((package.name.as_str(), package.version.as_deref(), target));
            if !results.insert(target) {
                return wrong(
                    place(),
                    "one result for each target",
                    format!("a second one for `{target}`"),
                );
            }
        }
    }
    for finding in &content.findings {
        if !judged.contains(&(
            finding.package.as_str(),
            finding.version.as_deref(),
            finding.target.as_str(),
        )) {
            let found = format!("`{}` on `{}`", finding.package, finding.target);
            return wrong(
                format!("findings: {}", finding.rule),
                "a package and target that `packages` has",
                found,
            );
        }
    }
    Ok(())
}
