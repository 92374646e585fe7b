//! Reads back what `ungil plan --format json` wrote: version 1, with types of its own, as [`super::saved`] does for reports.
//!
//! Names and targets stay texts, because they are compared with those of a report. What a search found becomes the model's
//! again, so that it is told in the same words everywhere. A course that is not known is an error: nobody could say what is
//! to be done.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer};

use crate::model::name::{PackageName, Version};
use crate::model::place;
use crate::model::plan;
use crate::model::verdict::Verdict;

use super::frame::{SavedProblem, check_frame};
use super::read_error::{ReadError, SavedKind, refused};

/// A plan that was read back.
#[derive(Debug)]
pub struct SavedPlan {
    /// The file as it was named.
    pub(in crate::report) file: String,
    /// What it holds.
    pub(in crate::report) content: SavedPlanContent,
}

/// Version 1 of a plan, as far as it is read.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedPlanContent {
    pub(in crate::report) generated: Option<String>,
    pub(in crate::report) targets: Vec<String>,
    pub(in crate::report) steps: Vec<SavedPlanStep>,
    pub(in crate::report) moves: Vec<SavedPlanMove>,
    pub(in crate::report) problems: Vec<SavedProblem>,
    pub(in crate::report) summary: SavedPlanSummary,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedPlanStep {
    pub(in crate::report) name: String,
    pub(in crate::report) version: Option<String>,
    pub(in crate::report) course: SavedPlanCourse,
    pub(in crate::report) to: Option<String>,
    #[serde(deserialize_with = "obstacles")]
    pub(in crate::report) held_by: Vec<plan::VersionObstacle>,
    pub(in crate::report) outlooks: Vec<SavedPlanOutlook>,
    pub(in crate::report) tracker: Option<String>,
    /// Earlier plans have none.
    #[serde(default)]
    pub(in crate::report) alternatives: Vec<SavedPlanAlternative>,
}

/// What to use instead.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedPlanAlternative {
    pub(in crate::report) rule: String,
    pub(in crate::report) what: String,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::report) enum SavedPlanCourse {
    Change,
    Follow,
    HeldBack,
    Build,
    Isolate,
    Accept,
    Unclear,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedPlanOutlook {
    pub(in crate::report) target: String,
    pub(in crate::report) verdict: Verdict,
    /// Earlier plans do not have it.
    #[serde(default)]
    pub(in crate::report) requires_python: Option<String>,
    #[serde(deserialize_with = "search")]
    pub(in crate::report) search: Option<plan::VersionSearch>,
    pub(in crate::report) after: SavedPlanAfter,
    pub(in crate::report) newer_build: Option<SavedPlanNewerBuild>,
}

/// What is foreseen of the newest version, where a build of the one that is left does not help.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedPlanNewerBuild {
    pub(in crate::report) version: String,
    pub(in crate::report) build: SavedPlanBuild,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedPlanAfter {
    pub(in crate::report) version: Option<String>,
    pub(in crate::report) verdict: Option<Verdict>,
    pub(in crate::report) reason: String,
    pub(in crate::report) build: Option<SavedPlanBuild>,
}

/// What is foreseen of a build.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedPlanBuild {
    pub(in crate::report) becomes: String,
    pub(in crate::report) reason: String,
}

impl SavedPlanBuild {
    /// Whether it would not keep the GIL off.
    pub(in crate::report) fn is_futile(&self) -> bool {
        matches!(self.becomes.as_str(), "switches-gil-on" | "fails")
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedPlanMove {
    pub(in crate::report) name: String,
    pub(in crate::report) from: Option<String>,
    pub(in crate::report) to: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedPlanSummary {
    pub(in crate::report) packages: usize,
    pub(in crate::report) good_before: usize,
    pub(in crate::report) packages_after: usize,
    pub(in crate::report) good_after: usize,
}

/// A search as it is written.
#[derive(Deserialize)]
struct SavedPlanWrittenSearch {
    oldest: Option<Version>,
    newest: Option<Version>,
    border: SavedPlanWrittenBorder,
    versions: usize,
    fitting: usize,
    /// Earlier plans do not have it.
    #[serde(default)]
    other_python: usize,
    probes: Vec<SavedPlanWrittenProbe>,
    prerelease: Option<Version>,
    /// Earlier plans have none.
    #[serde(default)]
    older: Option<Version>,
    requests: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedPlanWrittenBorder {
    Confirmed,
    Open,
}

#[derive(Deserialize)]
struct SavedPlanWrittenProbe {
    version: Version,
    verdict: Verdict,
    reason: String,
    seen: SavedPlanWrittenSeen,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedPlanWrittenSeen {
    Names,
    Bytes,
}

/// What keeps a version out, as it is written.
#[derive(Deserialize)]
struct SavedPlanWrittenObstacle {
    place: Option<SavedPlanWrittenPlace>,
    package: Option<PackageName>,
    version: Option<Version>,
    wants: String,
}

#[derive(Deserialize)]
struct SavedPlanWrittenPlace {
    file: String,
    line: Option<u32>,
    column: Option<u32>,
}

fn search<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<plan::VersionSearch>, D::Error> {
    let search = |search: SavedPlanWrittenSearch| plan::VersionSearch {
        oldest: search.oldest,
        newest: search.newest,
        border: match search.border {
            SavedPlanWrittenBorder::Confirmed => plan::SearchFrontier::Confirmed,
            SavedPlanWrittenBorder::Open => plan::SearchFrontier::Open,
        },
        versions: search.versions,
        fitting: search.fitting,
        other_python: search.other_python,
        probes: search.probes.into_iter().map(probe).collect(),
        prerelease: search.prerelease,
        older: search.older,
        requests: search.requests,
    };
    Ok(Option::<SavedPlanWrittenSearch>::deserialize(reader)?.map(search))
}

fn probe(probe: SavedPlanWrittenProbe) -> plan::VersionProbe {
    let SavedPlanWrittenProbe {
        version,
        verdict,
        reason,
        seen,
    } = probe;
    let seen = match seen {
        SavedPlanWrittenSeen::Names => plan::ProbeBasis::Names,
        SavedPlanWrittenSeen::Bytes => plan::ProbeBasis::Bytes,
    };
    plan::VersionProbe {
        version,
        verdict,
        reason,
        seen,
    }
}

fn obstacles<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<plan::VersionObstacle>, D::Error> {
    let obstacle = |SavedPlanWrittenObstacle {
                        place,
                        package,
                        version,
                        wants,
                    }| plan::VersionObstacle {
        place: place.map(
            |SavedPlanWrittenPlace { file, line, column }| place::Place { file, line, column },
        ),
        package: package.zip(version),
        wants,
    };
    Ok(Vec::<SavedPlanWrittenObstacle>::deserialize(reader)?
        .into_iter()
        .map(obstacle)
        .collect())
}

/// Reads a plan; `file` is what it is called in errors and on pages.
pub(super) fn read_plan(file: &str, bytes: &[u8]) -> Result<SavedPlan, ReadError> {
    let content =
        serde_json::from_slice(bytes).map_err(|error| refused(SavedKind::Plan, file, &error))?;
    let plan = SavedPlan {
        file: file.to_owned(),
        content,
    };
    check(&plan)?;
    Ok(plan)
}

/// What could not be told without a doubt is no plan.
fn check(plan: &SavedPlan) -> Result<(), ReadError> {
    let content = &plan.content;
    check_frame(&plan.file, content.generated.as_deref(), &content.targets)?;
    let mut told = BTreeSet::new();
    for step in &content.steps {
        let version = step.version.as_deref().unwrap_or_default();
        let wrong = |expected: &'static str, found: String| {
            let place = format!("steps: {} {version}", step.name);
            Err(ReadError::Contradiction {
                file: plan.file.clone(),
                place,
                expected,
                found,
            })
        };
        if matches!(
            step.course,
            SavedPlanCourse::Change | SavedPlanCourse::HeldBack
        ) && step.to.is_none()
        {
            return wrong("the version that it is about in `to`", "none".to_owned());
        }
        for target in step.outlooks.iter().map(|outlook| outlook.target.as_str()) {
            if !content.targets.iter().any(|known| known == target) {
                return wrong("a target that `targets` has", format!("`{target}`"));
            }
            if !told.insert((step.name.as_str(), version, target)) {
                return wrong(
                    "one outlook for each target",
                    format!("a second one for `{target}`"),
                );
            }
        }
    }
    Ok(())
}
