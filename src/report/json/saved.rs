//! Reads back what `ungil scan --format json` wrote: version 1, with types of its own, so that a change of the writer cannot
//! change what is read by accident.
//!
//! Fields that are not known here pass, as docs/report.md promises. A verdict that is not known does not: nobody could say
//! whether it is good news.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::model::finding::{Certainty, Level};
use crate::model::verdict::Verdict;

/// The version that is read.
const VERSION: u64 = 1;
/// Most targets of a report: a table has a column for each.
const TARGETS: usize = 64;

/// Why a file is no report that can be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Bytes that are no JSON.
    #[error("{file}:{line}:{column}: expected JSON as `ungil scan --format json` writes it, found {found}")]
    NotJson {
        /// The file as it was named.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What the reader says of the place.
        found: String,
    },
    /// JSON that is something else.
    #[error("{file}:{line}:{column}: expected a report of `ungil scan --format json`, found {found}")]
    NotAReport {
        /// The file as it was named.
        file: String,
        /// Line, from 1; 0 when the whole file is meant.
        line: usize,
        /// Column in bytes, from 1; 0 when the whole file is meant.
        column: usize,
        /// What is there instead.
        found: String,
    },
    /// A report of a version that is not read.
    #[error("{file}: expected a report of schema_version {VERSION}, found schema_version {found}")]
    OtherVersion {
        /// The file as it was named.
        file: String,
        /// The version.
        found: String,
    },
    /// A report whose parts do not belong together.
    #[error("{file}: {place}: expected {expected}, found {found}")]
    Contradiction {
        /// The file as it was named.
        file: String,
        /// The place in it, such as `packages: lxml 6.1.3`.
        place: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}

impl ReadError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            ReadError::NotJson { .. } | ReadError::NotAReport { .. } => {
                Some("`ungil scan requirements.txt --format json --output report.json` writes one".to_owned())
            }
            ReadError::OtherVersion { .. } => Some("read it with the ungil that wrote it, or scan again".to_owned()),
            ReadError::Contradiction { .. } => Some("was it edited after ungil wrote it?".to_owned()),
        }
    }
}

/// A report that was read back.
#[derive(Debug)]
pub struct SavedReport {
    /// The file as it was named.
    pub(in crate::report) file: String,
    /// What it holds.
    pub(in crate::report) content: Content,
}

/// Version 1 of a report, as far as it is read.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct Content {
    pub(in crate::report) generated: Option<String>,
    pub(in crate::report) targets: Vec<String>,
    pub(in crate::report) packages: Vec<Package>,
    pub(in crate::report) findings: Vec<Finding>,
    pub(in crate::report) problems: Vec<Problem>,
    pub(in crate::report) summary: Summary,
    pub(in crate::report) gate: Option<Gate>,
}

/// What a policy made of the report.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct Gate {
    pub(in crate::report) outcome: String,
    pub(in crate::report) violations: Vec<Violation>,
    pub(in crate::report) problems: Vec<CountedProblem>,
    pub(in crate::report) waivers: Vec<Waiver>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Violation {
    pub(in crate::report) standing: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct CountedProblem {
    pub(in crate::report) standing: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Waiver {
    pub(in crate::report) package: String,
    pub(in crate::report) versions: Option<String>,
    pub(in crate::report) module: Option<String>,
    pub(in crate::report) rule: Option<String>,
    pub(in crate::report) target: Option<String>,
    pub(in crate::report) reason: String,
    pub(in crate::report) until: Option<String>,
    pub(in crate::report) place: Place,
    pub(in crate::report) state: String,
    pub(in crate::report) violations: u64,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Package {
    pub(in crate::report) name: String,
    pub(in crate::report) version: Option<String>,
    pub(in crate::report) required_by: Vec<RequiredBy>,
    pub(in crate::report) results: Vec<TargetResult>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct RequiredBy {
    pub(in crate::report) place: Place,
    pub(in crate::report) path: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Place {
    pub(in crate::report) file: String,
    pub(in crate::report) line: Option<u32>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct TargetResult {
    pub(in crate::report) target: String,
    pub(in crate::report) verdict: Verdict,
    pub(in crate::report) reason: String,
    pub(in crate::report) declared_by: Vec<DeclaredBy>,
    pub(in crate::report) artifact: Option<Artifact>,
    pub(in crate::report) left_out: Vec<String>,
    pub(in crate::report) modules: Vec<Module>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(in crate::report) struct DeclaredBy {
    pub(in crate::report) who: String,
    pub(in crate::report) name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Artifact {
    pub(in crate::report) filename: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Module {
    pub(in crate::report) path: String,
    pub(in crate::report) module: String,
    pub(in crate::report) gil: String,
    pub(in crate::report) reason: String,
    pub(in crate::report) toolchain: Option<Toolchain>,
    pub(in crate::report) evidence: Vec<Evidence>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Toolchain {
    pub(in crate::report) generator: String,
    pub(in crate::report) version: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(in crate::report) struct Evidence {
    pub(in crate::report) what: String,
    pub(in crate::report) symbol: Option<String>,
    pub(in crate::report) address: Option<String>,
    pub(in crate::report) value: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Finding {
    pub(in crate::report) package: String,
    pub(in crate::report) version: Option<String>,
    pub(in crate::report) target: String,
    pub(in crate::report) rule: String,
    pub(in crate::report) level: Level,
    pub(in crate::report) certainty: Certainty,
    pub(in crate::report) verdict: Option<Verdict>,
    pub(in crate::report) module: Option<String>,
    pub(in crate::report) message: String,
    pub(in crate::report) help: String,
    pub(in crate::report) evidence: Vec<Evidence>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Problem {
    pub(in crate::report) kind: String,
    pub(in crate::report) package: Option<String>,
    pub(in crate::report) place: String,
    pub(in crate::report) message: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Summary {
    pub(in crate::report) packages: u64,
    pub(in crate::report) files: u64,
    pub(in crate::report) modules: u64,
}

/// What tells which version it is.
#[derive(Deserialize)]
#[serde(expecting = "an object with `schema_version`")]
struct Head {
    schema_version: Option<serde_json::Value>,
}

/// Reads a report; `file` is what it is called in errors and on pages.
pub fn read_report(file: &str, bytes: &[u8]) -> Result<SavedReport, ReadError> {
    let head: Head = serde_json::from_slice(bytes).map_err(|error| refused(file, &error))?;
    match head.schema_version {
        None => {
            let found = "no `schema_version`".to_owned();
            return Err(ReadError::NotAReport { file: file.to_owned(), line: 1, column: 1, found });
        }
        Some(version) if version.as_u64() != Some(VERSION) => {
            return Err(ReadError::OtherVersion { file: file.to_owned(), found: version.to_string() });
        }
        Some(_) => {}
    }
    let content = serde_json::from_slice(bytes).map_err(|error| refused(file, &error))?;
    let report = SavedReport { file: file.to_owned(), content };
    check(&report)?;
    Ok(report)
}

fn refused(file: &str, error: &serde_json::Error) -> ReadError {
    let (file, line, column) = (file.to_owned(), error.line(), error.column());
    let text = error.to_string();
    // The place stands in front of the sentence already.
    let found = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what).to_owned();
    if error.is_data() {
        ReadError::NotAReport { file, line, column, found }
    } else {
        ReadError::NotJson { file, line, column, found }
    }
}

/// What is in a report but would not be shown, because it belongs to nothing, must not be lost in silence.
fn check(report: &SavedReport) -> Result<(), ReadError> {
    let wrong = |place: String, expected: &'static str, found: String| {
        Err(ReadError::Contradiction { file: report.file.clone(), place, expected, found })
    };
    let content = &report.content;
    if let Some(generated) = content.generated.as_ref().filter(|text| !is_time(text)) {
        return wrong("generated".into(), "a time such as 2026-11-21T12:00:00Z", format!("`{generated}`"));
    }
    let targets: BTreeSet<&str> = content.targets.iter().map(String::as_str).collect();
    if content.targets.len() > TARGETS || targets.len() < content.targets.len() {
        return wrong(
            "targets".into(),
            "at most 64 targets, each once",
            format!("{} with {} names", content.targets.len(), targets.len()),
        );
    }
    let mut judged = BTreeSet::new();
    for package in &content.packages {
        let place = || format!("packages: {} {}", package.name, package.version.as_deref().unwrap_or_default());
        // Where several environments hold a version, it stands here once for each.
        let mut results = BTreeSet::new();
        for target in package.results.iter().map(|result| result.target.as_str()) {
            if !targets.contains(target) {
                return wrong(place(), "a target that `targets` has", format!("`{target}`"));
            }
            judged.insert((package.name.as_str(), package.version.as_deref(), target));
            if !results.insert(target) {
                return wrong(place(), "one result for each target", format!("a second one for `{target}`"));
            }
        }
    }
    for finding in &content.findings {
        if !judged.contains(&(finding.package.as_str(), finding.version.as_deref(), finding.target.as_str())) {
            let found = format!("`{}` on `{}`", finding.package, finding.target);
            return wrong(format!("findings: {}", finding.rule), "a package and target that `packages` has", found);
        }
    }
    Ok(())
}

/// Whether this is a time as ungil writes it: RFC 3339 in UTC, in whole seconds.
fn is_time(text: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00Z";
    let fits =
        |(character, form): (char, char)| if form == '0' { character.is_ascii_digit() } else { character == form };
    text.len() == FORM.len() && text.chars().zip(FORM.chars()).all(fits)
}
