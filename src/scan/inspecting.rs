//! Everything that files on this machine say of themselves, and what each target does with them.

use std::path::{Path, PathBuf};

use crate::archive::Contents;
use crate::archive::candidates::Candidate;
use crate::archive::folder::Folder;
use crate::archive::limits::Limits;
use crate::archive::source::MappedFile;
use crate::archive::wheel::Wheel;
use crate::import::{self, claims};
use crate::model::facts::{Format, ModuleFacts};
use crate::model::inspection::{InspectedArtifact, InspectedFile, InspectedOutcome, Inspection};
use crate::model::problem::Problem;
use crate::model::target::{Python, Target};

use super::describing;
use super::examination::{self, Examination};

/// Pythons that are asked about when none is named.
const PYTHONS: [Python; 3] = [
    Python { minor: 13, free_threaded: true },
    Python { minor: 14, free_threaded: true },
    Python { minor: 15, free_threaded: true },
];

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

/// Looks into wheels and compiled files. Without targets, the free-threaded Pythons on the platforms that the files are
/// for are taken.
pub fn inspect(paths: &[PathBuf], targets: &[Target], limits: Limits) -> Result<Inspection, InspectError> {
    let mut inspection = Inspection { targets: targets.to_vec(), ..Inspection::default() };
    let mut opened = Vec::new();
    for path in paths {
        let (examination, wheel) = examine(path, limits)?;
        if targets.is_empty() {
            add_targets(&mut inspection.targets, path, &examination.modules);
        }
        opened.push((path, examination, wheel));
    }
    for (path, examination, wheel) in opened {
        let files = examination.modules;
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

type Examined = (Examination, Option<crate::model::metadata::WheelFile>);

fn examine(path: &Path, limits: Limits) -> Result<Examined, InspectError> {
    let unreadable = |message: String| InspectError::Unreadable { path: path.display().to_string(), message };
    let filename = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if path.is_dir() {
        let folder = Folder::open(path, None, limits).map_err(|error| unreadable(error.to_string()))?;
        return Ok((examination::of_members(&folder, &candidates(&folder), None, &filename), None));
    }
    if filename.ends_with(".whl") {
        let source = MappedFile::open(path).map_err(|error| unreadable(error.to_string()))?;
        let wheel = Wheel::open(&filename, Box::new(source), limits).map_err(|error| unreadable(error.to_string()))?;
        let mut examination = examination::of_members(&wheel, &candidates(&wheel), None, &filename);
        examination.distribution = describing::describe(&wheel, &filename, &examination.modules);
        let described = wheel.wheel_file().map_err(|error| {
            examination.problems.push(Problem {
                kind: error.kind(),
                package: None,
                place: filename.clone(),
                message: error.to_string(),
            });
        });
        return Ok((examination, described.ok()));
    }
    let file = Folder::single(path, limits).map_err(|error| unreadable(error.to_string()))?;
    let members: Vec<&str> = file.entries().iter().map(|entry| entry.path.as_str()).collect();
    let examination = examination::of_members(&file, &members, None, &filename);
    if examination.modules.is_empty() && examination.problems.is_empty() {
        let found = "expected a wheel (.whl) or a compiled file (ELF, Mach-O or PE), found neither";
        return Err(unreadable(found.to_owned()));
    }
    Ok((examination, None))
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
