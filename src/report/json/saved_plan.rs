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

use super::frame::{Problem, check_frame};
use super::read_error::{ReadError, SavedKind, refused};

/// A plan that was read back.
#[derive(Debug)]
pub struct SavedPlan {
    /// The file as it was named.
    pub(in crate::report) file: String,
    /// What it holds.
    pub(in crate::report) content: Content,
}

/// Version 1 of a plan, as far as it is read.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct Content {
    pub(in crate::report) generated: Option<String>,
    pub(in crate::report) targets: Vec<String>,
    pub(in crate::report) steps: Vec<Step>,
    pub(in crate::report) moves: Vec<Move>,
    pub(in crate::report) problems: Vec<Problem>,
    pub(in crate::report) summary: Summary,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Step {
    pub(in crate::report) name: String,
    pub(in crate::report) version: Option<String>,
    pub(in crate::report) course: Course,
    pub(in crate::report) to: Option<String>,
    #[serde(deserialize_with = "obstacles")]
    pub(in crate::report) held_by: Vec<plan::Obstacle>,
    pub(in crate::report) outlooks: Vec<Outlook>,
    pub(in crate::report) tracker: Option<String>,
    /// Earlier plans have none.
    #[serde(default)]
    pub(in crate::report) alternatives: Vec<Alternative>,
}

/// What to use instead.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct Alternative {
    pub(in crate::report) rule: String,
    pub(in crate::report) what: String,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::report) enum Course {
    Change,
    Follow,
    HeldBack,
    Build,
    Isolate,
    Accept,
    Unclear,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Outlook {
    pub(in crate::report) target: String,
    pub(in crate::report) verdict: Verdict,
    /// Earlier plans do not have it.
    #[serde(default)]
    pub(in crate::report) requires_python: Option<String>,
    #[serde(deserialize_with = "search")]
    pub(in crate::report) search: Option<plan::Search>,
    pub(in crate::report) after: After,
    pub(in crate::report) newer_build: Option<NewerBuild>,
}

/// What is foreseen of the newest version, where a build of the one that is left does not help.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct NewerBuild {
    pub(in crate::report) version: String,
    pub(in crate::report) build: Build,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct After {
    pub(in crate::report) version: Option<String>,
    pub(in crate::report) verdict: Option<Verdict>,
    pub(in crate::report) reason: String,
    pub(in crate::report) build: Option<Build>,
}

/// What is foreseen of a build.
#[derive(Debug, Deserialize)]
pub(in crate::report) struct Build {
    pub(in crate::report) becomes: String,
    pub(in crate::report) reason: String,
}

impl Build {
    /// Whether it would not keep the GIL off.
    pub(in crate::report) fn is_futile(&self) -> bool {
        matches!(self.becomes.as_str(), "switches-gil-on" | "fails")
    }
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Move {
    pub(in crate::report) name: String,
    pub(in crate::report) from: Option<String>,
    pub(in crate::report) to: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::report) struct Summary {
    pub(in crate::report) packages: usize,
    pub(in crate::report) good_before: usize,
    pub(in crate::report) packages_after: usize,
    pub(in crate::report) good_after: usize,
}

/// A search as it is written.
#[derive(Deserialize)]
struct WrittenSearch {
    oldest: Option<Version>,
    newest: Option<Version>,
    border: WrittenBorder,
    versions: usize,
    fitting: usize,
    /// Earlier plans do not have it.
    #[serde(default)]
    other_python: usize,
    probes: Vec<WrittenProbe>,
    prerelease: Option<Version>,
    requests: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenBorder {
    Confirmed,
    Open,
}

#[derive(Deserialize)]
struct WrittenProbe {
    version: Version,
    verdict: Verdict,
    reason: String,
    seen: WrittenSeen,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WrittenSeen {
    Names,
    Bytes,
}

/// What keeps a version out, as it is written.
#[derive(Deserialize)]
struct WrittenObstacle {
    place: Option<WrittenPlace>,
    package: Option<PackageName>,
    version: Option<Version>,
    wants: String,
}

#[derive(Deserialize)]
struct WrittenPlace {
    file: String,
    line: Option<u32>,
    column: Option<u32>,
}

fn search<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<plan::Search>, D::Error> {
    let search = |search: WrittenSearch| plan::Search {
        oldest: search.oldest,
        newest: search.newest,
        border: match search.border {
            WrittenBorder::Confirmed => plan::Border::Confirmed,
            WrittenBorder::Open => plan::Border::Open,
        },
        versions: search.versions,
        fitting: search.fitting,
        other_python: search.other_python,
        probes: search.probes.into_iter().map(probe).collect(),
        prerelease: search.prerelease,
        requests: search.requests,
    };
    Ok(Option::<WrittenSearch>::deserialize(reader)?.map(search))
}

fn probe(probe: WrittenProbe) -> plan::Probe {
    let WrittenProbe { version, verdict, reason, seen } = probe;
    let seen = match seen {
        WrittenSeen::Names => plan::Seen::Names,
        WrittenSeen::Bytes => plan::Seen::Bytes,
    };
    plan::Probe { version, verdict, reason, seen }
}

fn obstacles<'de, D: Deserializer<'de>>(reader: D) -> Result<Vec<plan::Obstacle>, D::Error> {
    let obstacle = |WrittenObstacle { place, package, version, wants }| plan::Obstacle {
        place: place.map(|WrittenPlace { file, line, column }| place::Place { file, line, column }),
        package: package.zip(version),
        wants,
    };
    Ok(Vec::<WrittenObstacle>::deserialize(reader)?.into_iter().map(obstacle).collect())
}

/// Reads a plan; `file` is what it is called in errors and on pages.
pub(super) fn read_plan(file: &str, bytes: &[u8]) -> Result<SavedPlan, ReadError> {
    let content = serde_json::from_slice(bytes).map_err(|error| refused(SavedKind::Plan, file, &error))?;
    let plan = SavedPlan { file: file.to_owned(), content };
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
            Err(ReadError::Contradiction { file: plan.file.clone(), place, expected, found })
        };
        if matches!(step.course, Course::Change | Course::HeldBack) && step.to.is_none() {
            return wrong("the version that it is about in `to`", "none".to_owned());
        }
        for target in step.outlooks.iter().map(|outlook| outlook.target.as_str()) {
            if !content.targets.iter().any(|known| known == target) {
                return wrong("a target that `targets` has", format!("`{target}`"));
            }
            if !told.insert((step.name.as_str(), version, target)) {
                return wrong("one outlook for each target", format!("a second one for `{target}`"));
            }
        }
    }
    Ok(())
}
