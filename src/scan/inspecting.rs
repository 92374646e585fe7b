//! Everything that files on this machine say of themselves, and what each target does with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use crate::archive::description;
use crate::archive::folder::{DiskFolder, FolderError};
use crate::archive::limits::ArchiveLimits;
use crate::archive::select::by_name;
use crate::archive::source::LocalFile;
use crate::archive::wheel::WheelArchive;
use crate::archive::{ArchiveContents, UnpackedMembers};
use crate::examine::{self, ExamineDepth, SiblingLibraries};
use crate::import::{self, claims};
use crate::model::facts::{ImageFormat, ModuleFacts};
use crate::model::inspection::{
    Explanation, InspectedArtifact, InspectedBuild, InspectedFile, InspectedOutcome,
    InspectedSources, Inspection,
};
use crate::model::member::MemberEntry;
use crate::model::metadata::WheelFile;
use crate::model::problem::Problem;
use crate::model::source::SourceFacts;
use crate::model::target::{Python, Target};

use super::describing;
use super::examination::{self, ContentsBeside, FileExamination};
use super::glance::ExamineOptions;
use super::memory_budget::MemoryBudget;
use super::siblings::FilesBeside;
use super::sources;

/// Pythons that are asked about when none is named.
const PYTHONS: [Python; 3] = [
    Python {
        minor: 13,
        free_threaded: true,
    },
    Python {
        minor: 14,
        free_threaded: true,
    },
    Python {
        minor: 15,
        free_threaded: true,
    },
];

/// How names of source distributions end.
const SOURCES: [&str; 3] = [".tar.gz", ".tgz", ".zip"];

/// Whether it is told how hooks were followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExplainMode {
    /// Only what came out is shown.
    #[default]
    Results,
    /// The path that decided is shown too, step by step.
    Paths,
}

/// Settled settings of an inspection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InspectSettings {
    /// What to judge for; when empty, the free-threaded Pythons on the platforms that the files are for.
    pub targets: Vec<Target>,
    /// What to foresee builds for when no target is named: sources are for all of them.
    pub source_targets: Vec<Target>,
    /// Whether it is told how hooks were followed.
    pub explain: ExplainMode,
    /// How much of an archive is read.
    pub limits: ArchiveLimits,
}

/// What ends an inspection before anything is shown.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A file that is not there or cannot be read.
    #[error("{path}: {message}")]
    Unreadable {
        /// The file as the user named it.
        path: String,
        /// What happened, what was expected.
        message: String,
    },
    /// The same of a folder, or of a file by itself.
    #[error(transparent)]
    Folder(#[from] FolderError),
}

/// Looks into wheels, source distributions and compiled files.
pub fn inspect(paths: &[PathBuf], settings: &InspectSettings) -> Result<Inspection, InspectError> {
    let mut inspection = Inspection {
        targets: settings.targets.clone(),
        ..Inspection::default()
    };
    let mut opened = Vec::new();
    for path in paths {
        let examined = examine(path, settings.limits)?;
        if settings.targets.is_empty() {
            add_targets(&mut inspection.targets, path, &examined.examination.modules);
            if examined.sources.is_some() {
                add(
                    &mut inspection.targets,
                    settings.source_targets.iter().copied(),
                );
            }
        }
        opened.push((path, examined));
    }
    for (
        path,
        ExaminedSubject {
            examination,
            wheel,
            sources,
            contents,
        },
    ) in opened
    {
        let files = examination.modules;
        let mut explanations = match settings.explain {
            ExplainMode::Results => BTreeMap::new(),
            ExplainMode::Paths => explain(&*contents, &files),
        };
        // A wheel whose `WHEEL` file cannot be read is one all the same.
        let is_wheel =
            path.extension().is_some_and(|extension| extension == "whl") && !path.is_dir();
        let distribution = (is_wheel || sources.is_some()).then_some(examination.distribution);
        let tags = distribution
            .as_ref()
            .and_then(|distribution| distribution.name_claims.value());
        let tags = tags.map(Vec::as_slice).unwrap_or_default();
        let outcomes: Vec<_> = inspection
            .targets
            .iter()
            .map(|target| (*target, import::outcomes(&files, *target)))
            .collect();
        let inspected = files.into_iter().map(|facts| {
            let outcomes = outcomes.iter().map(|(target, outcomes)| InspectedOutcome {
                target: *target,
                outcome: outcomes
                    .iter()
                    .find(|outcome| outcome.path == facts.path)
                    .cloned(),
            });
            let audit = |image| claims::audits(&facts.path, image, tags);
            InspectedFile {
                outcomes: outcomes.collect(),
                claim: claims::of_path(&facts.path),
                audits: facts.images.iter().map(audit).collect(),
                explanations: explanations.remove(&facts.path).unwrap_or_default(),
                facts,
            }
        });
        let files = inspected.collect();
        let sources = sources.map(|facts| foresee(facts, &inspection.targets));
        let name = path.display().to_string();
        inspection.artifacts.push(InspectedArtifact {
            name,
            files,
            wheel,
            distribution,
            sources,
        });
        inspection.problems.extend(examination.problems);
    }
    inspection.problems.sort();
    Ok(inspection)
}

/// A file that was looked into, and its members for whoever wants to look again.
struct ExaminedSubject {
    examination: FileExamination,
    wheel: Option<WheelFile>,
    sources: Option<SourceFacts>,
    contents: Box<dyn ArchiveContents>,
}

impl ExaminedSubject {
    fn of(
        examination: FileExamination,
        contents: impl ArchiveContents + 'static,
    ) -> ExaminedSubject {
        ExaminedSubject {
            examination,
            wheel: None,
            sources: None,
            contents: Box::new(contents),
        }
    }
}

fn examine(path: &Path, limits: ArchiveLimits) -> Result<ExaminedSubject, InspectError> {
    let unreadable = |message: String| InspectError::Unreadable {
        path: path.display().to_string(),
        message,
    };
    let filename = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let memory = MemoryBudget::new(limits.memory_bytes);
    let glance = ExamineOptions {
        package: None,
        filename: &filename,
        depth: ExamineDepth::Everything,
        limits,
        memory: &memory,
    };
    if path.is_dir() {
        let folder = DiskFolder::open(path, None, limits)?;
        let examination = examination::of_members(&folder, &candidates(&folder), glance);
        return Ok(ExaminedSubject::of(examination, folder));
    }
    if filename.ends_with(".whl") {
        let source = LocalFile::open(path).map_err(|error| unreadable(error.to_string()))?;
        let wheel = WheelArchive::open(&filename, Box::new(source), limits)
            .map_err(|error| unreadable(error.to_string()))?;
        return Ok(examine_wheel(wheel, filename, limits));
    }
    if SOURCES
        .iter()
        .any(|ending| filename.to_ascii_lowercase().ends_with(ending))
    {
        let source = LocalFile::open(path).map_err(|error| unreadable(error.to_string()))?;
        let read = sources::read(&filename, Box::new(source), limits);
        let (sdist, facts) = read.map_err(|error| unreadable(error.to_string()))?;
        let distribution = description::describe_sources(&sdist.metadata);
        let examination = FileExamination {
            distribution,
            ..FileExamination::default()
        };
        return Ok(ExaminedSubject {
            sources: Some(facts),
            ..ExaminedSubject::of(examination, NoMembers)
        });
    }
    let file = DiskFolder::single(path, limits)?;
    let members: Vec<&str> = file
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    let examination = examination::of_members(&file, &members, glance);
    if examination.modules.is_empty() && examination.problems.is_empty() {
        let expected = "expected a wheel (.whl), a source distribution (.tar.gz, .zip) or a compiled file \
                        (ELF, Mach-O or PE), found none of them";
        return Err(unreadable(expected.to_owned()));
    }
    Ok(ExaminedSubject::of(examination, file))
}

/// What is foreseen of a build on each target.
fn foresee(facts: SourceFacts, targets: &[Target]) -> InspectedSources {
    let build = |target: &Target| {
        Some(InspectedBuild {
            target: *target,
            forecast: sources::of_facts(&facts, *target)?,
        })
    };
    let builds = targets.iter().filter_map(build).collect();
    InspectedSources { facts, builds }
}

/// A file whose members nobody asks for again.
struct NoMembers;

impl ArchiveContents for NoMembers {
    fn entries(&self) -> &[MemberEntry] {
        &[]
    }

    fn read<'a>(&'a self, _: &[&str]) -> Box<dyn Iterator<Item = UnpackedMembers> + 'a> {
        Box::new(std::iter::empty())
    }

    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }
}

fn examine_wheel(wheel: WheelArchive, filename: String, limits: ArchiveLimits) -> ExaminedSubject {
    let memory = MemoryBudget::new(limits.memory_bytes);
    let glance = ExamineOptions {
        package: None,
        filename: &filename,
        depth: ExamineDepth::Everything,
        limits,
        memory: &memory,
    };
    let mut examination = examination::of_members(&wheel, &candidates(&wheel), glance);
    examination.distribution = describing::describe(&wheel, glance, &examination.modules);
    let described = wheel.wheel_file().map_err(|error| {
        let (kind, message) = (error.kind(), error.to_string());
        examination.problems.push(Problem {
            kind,
            package: None,
            place: filename,
            message,
        });
    });
    ExaminedSubject {
        wheel: described.ok(),
        ..ExaminedSubject::of(examination, wheel)
    }
}

/// How the hooks of each module were followed, by path. What cannot be read again is a problem already.
fn explain(
    contents: &dyn ArchiveContents,
    files: &[ModuleFacts],
) -> BTreeMap<String, Vec<Explanation>> {
    let paths: Vec<&str> = files.iter().map(|facts| facts.path.as_str()).collect();
    let mut explanations = BTreeMap::new();
    let limits = ArchiveLimits::default();
    let memory = MemoryBudget::new(limits.memory_bytes);
    let glance = ExamineOptions {
        package: None,
        filename: "",
        depth: ExamineDepth::Verdict,
        limits,
        memory: &memory,
    };
    let beside = FilesBeside::new(ContentsBeside {
        contents,
        glance,
        opened: AtomicU64::new(0),
    });
    let siblings = SiblingLibraries::new(&beside);
    for unpacked in contents.read(&paths) {
        if let (Ok(member), Some(facts)) = (
            unpacked.member,
            files.iter().find(|facts| facts.path == unpacked.path),
        ) {
            explanations.insert(
                unpacked.path,
                examine::explain(facts, &member.bytes, &siblings),
            );
        }
    }
    explanations
}

fn candidates(contents: &dyn ArchiveContents) -> Vec<&str> {
    by_name(contents)
        .candidates
        .into_iter()
        .map(|(_, entry)| entry.path.as_str())
        .collect()
}

/// The platforms that the images are for, with each Python; 3.13t only where the name speaks of it.
fn add_targets(targets: &mut Vec<Target>, path: &Path, files: &[ModuleFacts]) {
    let speaks_of_313 = path.to_string_lossy().contains("313t");
    for image in files.iter().flat_map(|facts| &facts.images) {
        let system = match image.format {
            ImageFormat::Elf => "linux",
            ImageFormat::MachO => "macos",
            ImageFormat::Pe => "windows",
        };
        let Ok(platform) = format!("{system}-{}", image.architecture).parse() else {
            continue;
        };
        let pythons = PYTHONS
            .into_iter()
            .filter(|python| python.minor > 13 || speaks_of_313);
        add(targets, pythons.map(|python| Target { python, platform }));
    }
}

fn add(targets: &mut Vec<Target>, further: impl Iterator<Item = Target>) {
    for target in further {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
}
