//! Looks into one distribution file: unpacks what an import system could load and reads it into facts.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::archive::candidates::{ModuleCandidate, NameStanding};
use crate::archive::limits::ArchiveLimits;
use crate::archive::record::digest;
use crate::archive::select::{SkipReason, by_name, select};
use crate::archive::wheel::WheelArchive;
use crate::archive::{ArchiveContents, UnpackedMembers};
use crate::binary::image::ImageError;
use crate::examine::{BinaryError, SiblingLibraries, examine};
use crate::model::artifact::FileCheck;
use crate::model::digest::{Algorithm, Digest};
use crate::model::distribution::DistributionFacts;
use crate::model::facts::{Fact, ModuleFacts};
use crate::model::member::Member;
use crate::model::passed_over::PassedOver;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::source::SourceFacts;

use super::describing;
use super::glance::ExamineOptions;
use super::siblings::{DistributionFiles, FilesBeside, OpenedFile};

/// Unpacked bytes that are held at once while the processors work on them.
const BATCH: usize = 64 << 20;

/// Modules whose hooks are followed at the same time.
const AT_ONCE: usize = 16;
/// Instructions that are followed of a hook once its archive has used up what it may.
const RESTRICTED_STEPS: u64 = 500;
/// Bytes that a byte of `RECORD` takes once it is read.
const ROW_COST: u64 = 6;

/// Packed bytes of a module up to which it is worth looking at it alone first.
const SMALL: u64 = 1 << 20;

/// Whether these modules of a file are enough to decide.
pub(super) type IsEnough<'a> = dyn Fn(&[ModuleFacts]) -> bool + 'a;

/// How much of a distribution file was looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExaminedExtent {
    Whole,
    /// As much as decides.
    Part,
}

/// What was found in one distribution file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileExamination {
    /// Facts of each compiled file, by path; files that are no object files are left out.
    pub(super) modules: Vec<ModuleFacts>,
    /// What could not be looked at.
    pub(super) problems: Vec<Problem>,
    /// Large libraries that were not fetched: their beginnings leave open whether they can be imported, and no Python
    /// file of the same wheel imports them.
    pub(super) left_out: Vec<String>,
    /// Compiled files that no target counts, by path.
    #[serde(default)]
    pub(super) passed_over: Vec<PassedOver>,
    /// Size of the file in bytes; 0 where it is not known.
    pub(super) size: u64,
    /// How far the file's bytes were compared with what is said of them.
    #[serde(default)]
    pub(super) check: FileCheck,
    /// SHA-256 of a wheel's `METADATA`, where it could be read.
    #[serde(default)]
    pub(super) metadata: Option<Digest>,
    /// What the file says of itself beside its modules.
    pub(super) distribution: DistributionFacts,
    /// What an sdist's sources say; unknown of every other file.
    #[serde(default)]
    pub(super) source: Fact<SourceFacts>,
}

impl FileExamination {
    /// The examination of a file that could not be opened.
    pub(super) fn failed(problem: Problem) -> FileExamination {
        FileExamination {
            problems: vec![problem],
            ..FileExamination::default()
        }
    }

    /// The problems as lines, for the rules.
    pub(super) fn problem_lines(&self) -> Vec<String> {
        self.problems
            .iter()
            .map(|problem| format!("{}: {}", problem.place, problem.message))
            .collect()
    }

    /// Compiled modules: files with a hook.
    pub(super) fn module_count(&self) -> usize {
        let has_hook = |facts: &&ModuleFacts| {
            facts
                .images
                .iter()
                .any(|image| image.hooks.value().is_none_or(|hooks| !hooks.is_empty()))
        };
        self.modules.iter().filter(has_hook).count()
    }

    /// Whether the same bytes would give the same again: what the network did does not count.
    pub(super) fn is_lasting(&self) -> bool {
        let passing = |problem: &Problem| {
            matches!(
                problem.kind,
                ProblemKind::Network
                    | ProblemKind::Index
                    | ProblemKind::Integrity
                    | ProblemKind::File
            )
        };
        !self.problems.iter().any(passing)
    }
}

/// Looks into a wheel of some size in bytes.
pub(super) fn of_wheel(
    wheel: &WheelArchive,
    glance: ExamineOptions<'_>,
    size: u64,
) -> FileExamination {
    let selection = select(wheel);
    let paths: Vec<&str> = selection
        .modules
        .iter()
        .map(|candidate| candidate.path.as_str())
        .collect();
    let mut examination = of_members(wheel, &paths, glance);
    let not_imported = selection
        .left
        .into_iter()
        .filter(|left| left.why == SkipReason::NotImported);
    examination.left_out = not_imported.map(|left| left.path).collect();
    examination.passed_over = selection.passed_over;
    examination.size = size;
    examination.distribution = describing::describe(wheel, glance, &examination.modules);
    examination.metadata = wheel
        .metadata_bytes()
        .ok()
        .map(|bytes| digest(Algorithm::Sha256, bytes));
    examination
}

/// The last of a wheel's modules alone, where that is enough: it lies next to the directory, and so is there already more
/// often than not. Of a module with several files, one alone does not tell which of them is taken.
pub(super) fn of_part(
    wheel: &WheelArchive,
    glance: ExamineOptions<'_>,
    size: u64,
    is_enough: &IsEnough<'_>,
) -> Option<FileExamination> {
    let named = by_name(wheel);
    let (candidate, last) = named
        .candidates
        .last()
        .filter(|(_, entry)| entry.compressed_size <= SMALL)?;
    let of_module = named
        .candidates
        .iter()
        .filter(|(other, _)| other.place() == candidate.place())
        .count();
    if named.candidates.len() < 2 || of_module > 1 {
        return None;
    }
    let mut examination = of_members(wheel, &[&last.path], glance);
    if !is_enough(&examination.modules) {
        return None;
    }
    examination.size = size;
    examination.distribution = describing::describe(wheel, glance, &examination.modules);
    Some(examination)
}

/// Reads these members into facts.
pub(super) fn of_members(
    contents: &dyn ArchiveContents,
    paths: &[&str],
    glance: ExamineOptions<'_>,
) -> FileExamination {
    let mut examination = FileExamination::default();
    let _held = glance.memory.hold(need(contents, paths, glance.limits));
    let files = FilesBeside::new(ContentsBeside {
        contents,
        glance,
        opened: AtomicU64::new(0),
    });
    let siblings = SiblingLibraries::new(&files);
    let mut unpacked = contents.read(paths);
    loop {
        let batch = take_batch(&mut unpacked, &mut examination.problems);
        if batch.is_empty() {
            break;
        }
        let read = |member: &Member| match examine(
            glance.depth,
            &member.path,
            &member.bytes,
            &siblings,
        )? {
            Some(examined) => Ok(Some(examined.facts)),
            None => missing(&member.path).map_or(Ok(None), Err),
        };
        // Some at a time, always the same: so it does not depend on the machine which of them are followed all the way.
        let mut found = Vec::new();
        for some in batch.chunks(AT_ONCE) {
            if siblings.effort() > glance.limits.evaluation_steps {
                siblings.restrict(RESTRICTED_STEPS);
            }
            found.par_extend(some.par_iter().map(|member| (read(member), member)));
        }
        for (facts, member) in found {
            match facts {
                Ok(Some(facts)) => examination.modules.push(facts),
                Ok(None) => {}
                Err(error) => examination
                    .problems
                    .push(unreadable(&member.path, &error, glance)),
            }
        }
    }
    drop(siblings);
    examination.problems.extend(files.into_problems());
    examination.problems.extend(contents.problems());
    cap(&mut examination.problems, glance);
    examination
        .modules
        .sort_by(|left, right| left.path.cmp(&right.path));
    examination
}

/// How many bytes are held at once at most while these members are read, with the libraries beside them and the lines of
/// `RECORD`.
fn need(contents: &dyn ArchiveContents, paths: &[&str], limits: ArchiveLimits) -> u64 {
    let wanted: HashSet<&str> = paths.iter().copied().collect();
    let (mut batch, mut largest, mut beside, mut record) = (0_u64, 0, 0_u64, 0);
    for entry in contents.entries() {
        if wanted.contains(entry.path.as_str()) {
            batch = batch.saturating_add(entry.size);
            largest = largest.max(batch);
            batch = if batch >= BATCH as u64 { 0 } else { batch };
        } else if is_library(&entry.path) {
            beside = beside.saturating_add(entry.size);
        } else if entry.path.ends_with(".dist-info/RECORD") {
            record = entry.size.min(limits.record_bytes).saturating_mul(ROW_COST);
        }
    }
    largest.min(limits.member_bytes.saturating_add(BATCH as u64))
        + beside.min(limits.sibling_bytes)
        + record
}

/// Whether a file may be a library that modules need.
fn is_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    [".so", ".dll", ".dylib", ".pyd"]
        .iter()
        .any(|ending| name.ends_with(ending))
        || name.contains(".so.")
}

/// Leaves the first problems, and says how many others there are.
pub(super) fn cap(problems: &mut Vec<Problem>, glance: ExamineOptions<'_>) {
    let most = glance.limits.problems;
    let left_out = problems.len().saturating_sub(most);
    if left_out > 0 {
        problems.truncate(most);
        let message = format!("{left_out} more problems of this archive are not told");
        let (package, place) = (glance.package.cloned(), glance.filename.to_owned());
        problems.push(Problem {
            kind: ProblemKind::Archive,
            package,
            place,
            message,
        });
    }
}

/// What is wrong with a file that is none that a loader maps, when its name is made for an import.
pub(super) fn missing(path: &str) -> Option<BinaryError> {
    let is_tagged = ModuleCandidate::of(path)
        .is_some_and(|candidate| candidate.standing == NameStanding::Tagged);
    is_tagged.then(|| BinaryError::Image {
        path: path.to_owned(),
        source: ImageError::NotAnObject,
    })
}

/// The other files, as those that lie beside each.
pub(super) struct ContentsBeside<'a> {
    pub(super) contents: &'a dyn ArchiveContents,
    pub(super) glance: ExamineOptions<'a>,
    /// Bytes of those that were opened.
    pub(super) opened: AtomicU64,
}

impl DistributionFiles for ContentsBeside<'_> {
    fn paths(&self) -> Vec<&str> {
        self.contents
            .entries()
            .iter()
            .map(|entry| entry.path.as_str())
            .collect()
    }

    fn open(&self, path: &str) -> OpenedFile {
        let size = self
            .contents
            .entries()
            .iter()
            .find(|entry| entry.path == path)
            .map_or(0, |entry| entry.size);
        let limit = self.glance.limits.sibling_bytes;
        if self
            .opened
            .fetch_add(size, Ordering::Relaxed)
            .saturating_add(size)
            > limit
        {
            let message = format!(
                "with it, the libraries beside modules have more than {limit} bytes, the limit"
            );
            return Err(problem(path, message, self.glance));
        }
        match self
            .contents
            .read(&[path])
            .next()
            .map(|unpacked| unpacked.member)
        {
            Some(member) => member.map(|member| member.bytes),
            None => Err(problem(path, "was not unpacked".to_owned(), self.glance)),
        }
    }

    fn beside(&self, name: &str) -> Option<(String, OpenedFile)> {
        let UnpackedMembers { path, member } = self.contents.beside(name)?;
        Some((path, member.map(|member| member.bytes)))
    }

    fn broken(&self, path: &str, error: &BinaryError) -> Problem {
        unreadable(path, error, self.glance)
    }
}

fn unreadable(path: &str, error: &BinaryError, glance: ExamineOptions<'_>) -> Problem {
    problem(path, error.to_string(), glance)
}

fn problem(path: &str, message: String, glance: ExamineOptions<'_>) -> Problem {
    let place = format!("{}: {path}", glance.filename);
    Problem {
        kind: ProblemKind::Binary,
        package: glance.package.cloned(),
        place,
        message,
    }
}

fn take_batch(
    unpacked: &mut dyn Iterator<Item = UnpackedMembers>,
    problems: &mut Vec<Problem>,
) -> Vec<Member> {
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
