//! Looks into one distribution file: unpacks what an import system could load and reads it into facts.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::archive::candidates::{Candidate, PREFIXES, SMALL_LIBRARY, Standing, Step, imports};
use crate::archive::peek::{Peek, peek};
use crate::archive::wheel::Wheel;
use crate::archive::{Contents, Unpacked};
use crate::binary;
use crate::model::facts::ModuleFacts;
use crate::model::member::{Entry, Member};
use crate::model::name::PackageName;
use crate::model::problem::{Problem, ProblemKind};

/// Unpacked bytes that are held at once while the processors work on them.
const BATCH: usize = 64 << 20;

/// What was found in one distribution file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Examination {
    /// Facts of each compiled file, by path; files that are no object files are left out.
    pub(super) modules: Vec<ModuleFacts>,
    /// What could not be looked at.
    pub(super) problems: Vec<Problem>,
    /// Large libraries that were not fetched: their beginnings leave open whether they can be imported, and no Python
    /// file of the same wheel imports them.
    pub(super) left_out: Vec<String>,
    /// Size of the file in bytes; 0 where it is not known.
    pub(super) size: u64,
}

impl Examination {
    /// The examination of a file that could not be opened.
    pub(super) fn failed(problem: Problem) -> Examination {
        Examination { problems: vec![problem], ..Examination::default() }
    }

    /// The problems as lines, for the rules.
    pub(super) fn problem_lines(&self) -> Vec<String> {
        self.problems.iter().map(|problem| format!("{}: {}", problem.place, problem.message)).collect()
    }

    /// Compiled modules: files with a hook.
    pub(super) fn module_count(&self) -> usize {
        let has_hook = |facts: &&ModuleFacts| {
            facts.images.iter().any(|image| image.hooks.value().is_none_or(|hooks| !hooks.is_empty()))
        };
        self.modules.iter().filter(has_hook).count()
    }

    /// Whether the same bytes would give the same again: what the network did does not count.
    pub(super) fn is_lasting(&self) -> bool {
        let passing = |problem: &Problem| {
            matches!(problem.kind, ProblemKind::Network | ProblemKind::Index | ProblemKind::Integrity | ProblemKind::File)
        };
        !self.problems.iter().any(passing)
    }
}

/// Looks into a wheel.
pub(super) fn of_wheel(wheel: &Wheel, package: &PackageName, filename: &str, size: u64) -> Examination {
    let selection = select(wheel);
    let mut examination = of_members(wheel, &selection.paths, Some(package), filename);
    examination.problems.extend(selection.problems);
    examination.left_out = selection.left_out;
    examination.size = size;
    examination
}

/// Reads these members into facts.
pub(super) fn of_members(
    contents: &dyn Contents,
    paths: &[String],
    package: Option<&PackageName>,
    filename: &str,
) -> Examination {
    let mut examination = Examination::default();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let mut unpacked = contents.read(&paths);
    loop {
        let batch = take_batch(&mut unpacked, &mut examination.problems);
        if batch.is_empty() {
            break;
        }
        let read: Vec<_> = batch.par_iter().map(|member| (binary::read(&member.path, &member.bytes), member)).collect();
        for (facts, member) in read {
            match facts {
                Ok(Some(facts)) => examination.modules.push(facts),
                Ok(None) => {}
                Err(error) => examination.problems.push(Problem {
                    kind: ProblemKind::Binary,
                    package: package.cloned(),
                    place: format!("{filename}: {}", member.path),
                    message: error.to_string(),
                }),
            }
        }
    }
    examination.problems.extend(contents.problems());
    examination.modules.sort_by(|left, right| left.path.cmp(&right.path));
    examination
}

fn take_batch(unpacked: &mut dyn Iterator<Item = Unpacked>, problems: &mut Vec<Problem>) -> Vec<Member> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while bytes < BATCH {
        match unpacked.next().map(|unpacked| unpacked.member) {
            Some(Ok(member)) => {
                bytes += member.bytes.len();
                batch.push(member);
            }
            Some(Err(problem)) => problems.push(problem),
            None => break,
        }
    }
    batch
}

/// Which members are unpacked.
#[derive(Default)]
struct Selection {
    paths: Vec<String>,
    left_out: Vec<String>,
    problems: Vec<Problem>,
}

/// Applies the policy of [`crate::archive::candidates`].
fn select(wheel: &Wheel) -> Selection {
    let mut selection = Selection::default();
    let mut unclear = Vec::new();
    for entry in wheel.entries() {
        let Some(candidate) = Candidate::of(&entry.path) else { continue };
        match candidate.first_step(entry.compressed_size) {
            Step::Read => selection.paths.push(candidate.path),
            Step::Peek => match look_at_beginning(wheel, &candidate, entry) {
                Ok(Peek::Hook) => selection.paths.push(candidate.path),
                Ok(Peek::NoHook) => {}
                Ok(Peek::Beyond | Peek::Unclear) if is_suspect(&candidate, entry) => unclear.push(candidate),
                Ok(Peek::Beyond | Peek::Unclear) => selection.paths.push(candidate.path),
                Err(problem) => selection.problems.push(problem),
            },
        }
    }
    if !unclear.is_empty() {
        ask_python_files(wheel, unclear, &mut selection);
    }
    selection
}

fn is_suspect(candidate: &Candidate, entry: &Entry) -> bool {
    candidate.standing == Standing::LibraryName && entry.compressed_size > SMALL_LIBRARY
}

fn look_at_beginning(wheel: &Wheel, candidate: &Candidate, entry: &Entry) -> Result<Peek, Problem> {
    let mut seen = Peek::Unclear;
    for packed in PREFIXES {
        let prefix = wheel.read_prefix(&candidate.path, packed.min(entry.compressed_size))?;
        seen = peek(&candidate.stem, &prefix.bytes);
        if seen != Peek::Beyond || packed >= entry.compressed_size {
            break;
        }
    }
    Ok(seen)
}

/// Reads those that a Python file of the wheel imports, and leaves out the others.
fn ask_python_files(wheel: &Wheel, unclear: Vec<Candidate>, selection: &mut Selection) {
    let sources: Vec<&str> =
        wheel.entries().iter().map(|entry| entry.path.as_str()).filter(|path| path.ends_with(".py")).collect();
    let mut open = unclear;
    for unpacked in wheel.read(&sources) {
        match unpacked.member {
            Ok(member) => {
                let source = String::from_utf8_lossy(&member.bytes);
                let (imported, rest) = open.into_iter().partition(|candidate| imports(&source, &candidate.stem));
                let imported: Vec<Candidate> = imported;
                selection.paths.extend(imported.into_iter().map(|candidate| candidate.path));
                open = rest;
            }
            Err(problem) => selection.problems.push(problem),
        }
        if open.is_empty() {
            break;
        }
    }
    selection.left_out.extend(open.into_iter().map(|candidate| candidate.path));
}
