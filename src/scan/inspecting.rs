//! Everything that files on this machine say of themselves, and what each target does with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::archive::Contents;
use crate::archive::candidates::Candidate;
use crate::archive::folder::Folder;
use crate::archive::limits::Limits;
use crate::archive::source::MappedFile;
use crate::archive::wheel::Wheel;
use crate::binary::{self, Depth};
use crate::import::{self, claims};
use crate::model::facts::{Format, ModuleFacts};
use crate::model::inspection::{Explanation, InspectedArtifact, InspectedFile, InspectedOutcome, Inspection};
use crate::model::metadata::WheelFile;
use crate::model::problem::Problem;
use crate::model::target::{Python, Target};

use super::describing;
use super::examination::{self, Examination, Glance};

/// Pythons that are asked about when none is named.
const PYTHONS: [Python; 3] = [
    Python { minor: 13, free_threaded: true },
    Python { minor: 14, free_threaded: true },
    Python { minor: 15, free_threaded: true },
];

/// Whether it is told how hooks were followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explain {
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
    /// Whether it is told how hooks were followed.
    pub explain: Explain,
    /// How much of an archive is read.
    pub limits: Limits,
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
}

/// Looks into wheels and compiled files.
pub fn inspect(paths: &[PathBuf], settings: &InspectSettings) -> Result<Inspection, InspectError> {
    let mut inspection = Inspection { targets: settings.targets.clone(), ..Inspection::default() };
    let mut opened = Vec::new();
    for path in paths {
        let examined = examine(path, settings.limits)?;
        if settings.targets.is_empty() {
            add_targets(&mut inspection.targets, path, &examined.examination.modules);
        }
        opened.push((path, examined));
    }
    for (path, Examined { examination, wheel, contents }) in opened {
        let files = examination.modules;
        let mut explanations = match settings.explain {
            Explain::Results => BTreeMap::new(),
            Explain::Paths => explain(&*contents, &files),
        };
        // A wheel whose `WHEEL` file cannot be read is one all the same.
        let is_wheel = path.extension().is_some_and(|extension| extension == "whl") && !path.is_dir();
        let distribution = is_wheel.then_some(examination.distribution);
        let tags = distribution.as_ref().and_then(|distribution| distribution.name_claims.value());
        let tags = tags.map(Vec::as_slice).unwrap_or_default();
        let outcomes: Vec<_> =
            inspection.targets.iter().map(|target| (*target, import::outcomes(&files, *target))).collect();
        let inspected = files.into_iter().map(|facts| {
            let outcomes = outcomes.iter().map(|(target, outcomes)| InspectedOutcome {
                target: *target,
                outcome: outcomes.iter().find(|outcome| outcome.path == facts.path).cloned(),
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
        inspection.artifacts.push(InspectedArtifact { name: path.display().to_string(), files, wheel, distribution });
        inspection.problems.extend(examination.problems);
    }
    inspection.problems.sort();
    Ok(inspection)
}

/// A file that was looked into, and its members for whoever wants to look again.
struct Examined {
    examination: Examination,
    wheel: Option<WheelFile>,
    contents: Box<dyn Contents>,
}

fn examine(path: &Path, limits: Limits) -> Result<Examined, InspectError> {
    let unreadable = |message: String| InspectError::Unreadable { path: path.display().to_string(), message };
    let filename = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let glance = Glance { package: None, filename: &filename, depth: Depth::Everything };
    if path.is_dir() {
        let folder = Folder::open(path, None, limits).map_err(|error| unreadable(error.to_string()))?;
        let examination = examination::of_members(&folder, &candidates(&folder), glance);
        return Ok(Examined { examination, wheel: None, contents: Box::new(folder) });
    }
    if filename.ends_with(".whl") {
        let source = MappedFile::open(path).map_err(|error| unreadable(error.to_string()))?;
        let wheel = Wheel::open(&filename, Box::new(source), limits).map_err(|error| unreadable(error.to_string()))?;
        return Ok(examine_wheel(wheel, filename));
    }
    let file = Folder::single(path, limits).map_err(|error| unreadable(error.to_string()))?;
    let members: Vec<&str> = file.entries().iter().map(|entry| entry.path.as_str()).collect();
    let examination = examination::of_members(&file, &members, glance);
    if examination.modules.is_empty() && examination.problems.is_empty() {
        let found = "expected a wheel (.whl) or a compiled file (ELF, Mach-O or PE), found neither";
        return Err(unreadable(found.to_owned()));
    }
    Ok(Examined { examination, wheel: None, contents: Box::new(file) })
}

fn examine_wheel(wheel: Wheel, filename: String) -> Examined {
    let glance = Glance { package: None, filename: &filename, depth: Depth::Everything };
    let mut examination = examination::of_members(&wheel, &candidates(&wheel), glance);
    examination.distribution = describing::describe(&wheel, glance, &examination.modules);
    let described = wheel.wheel_file().map_err(|error| {
        let (kind, message) = (error.kind(), error.to_string());
        examination.problems.push(Problem { kind, package: None, place: filename, message });
    });
    Examined { examination, wheel: described.ok(), contents: Box::new(wheel) }
}

/// How the hooks of each module were followed, by path. What cannot be read again is a problem already.
fn explain(contents: &dyn Contents, files: &[ModuleFacts]) -> BTreeMap<String, Vec<Explanation>> {
    let paths: Vec<&str> = files.iter().map(|facts| facts.path.as_str()).collect();
    let mut explanations = BTreeMap::new();
    for unpacked in contents.read(&paths) {
        if let (Ok(member), Some(facts)) = (unpacked.member, files.iter().find(|facts| facts.path == unpacked.path)) {
            explanations.insert(unpacked.path, binary::explain(facts, &member.bytes));
        }
    }
    explanations
}

fn candidates(contents: &dyn Contents) -> Vec<&str> {
    let paths = contents.entries().iter().map(|entry| entry.path.as_str());
    paths.filter(|path| Candidate::of(path).is_some()).collect()
}

/// The platforms that the images are for, with each Python; 3.13t only where the name speaks of it.
fn add_targets(targets: &mut Vec<Target>, path: &Path, files: &[ModuleFacts]) {
    let speaks_of_313 = path.to_string_lossy().contains("313t");
    for image in files.iter().flat_map(|facts| &facts.images) {
        let system = match image.format {
            Format::Elf => "linux",
            Format::MachO => "macos",
            Format::Pe => "windows",
        };
        let Ok(platform) = format!("{system}-{}", image.architecture).parse() else { continue };
        for python in PYTHONS.into_iter().filter(|python| python.minor > 13 || speaks_of_313) {
            let target = Target { python, platform };
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
}
