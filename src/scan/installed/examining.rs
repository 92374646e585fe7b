//! Looks into installed files where they are: their bytes are compared with what the installer recorded, and read into
//! facts, which are kept under the digest of the bytes.

mod package_files;
mod reading;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::archive::limits::ArchiveLimits;
use crate::archive::record::digest;
use crate::examine::{ExamineDepth, SiblingLibraries, examine};
use crate::import;
use crate::index::CacheStore;
use crate::installed::{ContainerImage, InstalledFile};
use crate::model::digest::Algorithm;
use crate::model::facts::ModuleFacts;
use crate::model::passed_over::PassedOver;
use crate::model::place::Location;
use crate::model::problem::{Problem, ProblemKind};

use super::super::describing;
use super::super::examination::{self, FileExamination};
use super::super::examinations::ExaminationIndex;
use super::super::siblings::FilesBeside;
use super::super::{ScanEvent, ScanObserver};
use super::InstalledPackage;

use package_files::PartBeside;

/// Bucket of the store for what was found in single files.
const FACTS: &str = "facts";
/// Bytes of an image's files that are held at once while the processors work on them.
const BATCH: usize = 64 << 20;

/// How installed files are looked into.
pub(super) struct InstalledExaminer<'a> {
    pub(super) limits: &'a ArchiveLimits,
    /// How much of each compiled file is looked at.
    pub(super) depth: ExamineDepth,
    pub(super) store: &'a CacheStore,
    pub(super) observer: &'a dyn ScanObserver,
}

/// A file, and the number of the package that it is of.
#[derive(Clone, Copy)]
struct WantedFile<'a> {
    part: usize,
    file: &'a InstalledFile,
}

/// A file's bytes; `None` for a large library whose beginning says that it has no hook.
type FileBytes = io::Result<Option<Vec<u8>>>;

/// What looking into one file gave.
#[derive(Default)]
struct LookedFile {
    part: usize,
    facts: Option<ModuleFacts>,
    /// What kept it from being read.
    problem: Option<Problem>,
    /// What is not as recorded.
    difference: Option<Problem>,
    /// Where the file is, and whether it is as recorded; `None` where nothing is.
    as_recorded: Option<(PathBuf, bool)>,
}

/// Of each file that several packages list, the one whose record it agrees with: that was installed over the others.
fn owners(looked: &[LookedFile]) -> BTreeMap<PathBuf, usize> {
    let recorded = looked
        .iter()
        .filter_map(|it| Some((it.part, it.as_recorded.as_ref()?)));
    recorded
        .filter(|(_, (_, agrees))| *agrees)
        .map(|(part, (location, _))| (location.clone(), part))
        .collect()
}

/// Says that nothing is in a file which was named by itself: whoever named it takes it for a module.
fn no_module(part: &InstalledPackage, modules: &[ModuleFacts]) -> Option<Problem> {
    let is_named =
        |file: &InstalledFile| part.artifact.location == Location::Path(file.location.clone());
    if !part.files.iter().any(is_named) || modules.iter().any(import::could_be_module) {
        return None;
    }
    let message =
        "nothing in it makes a Python module of this name; `ungil inspect` shows what it holds"
            .to_owned();
    let package = Some(part.artifact.name.clone());
    Some(Problem {
        kind: ProblemKind::File,
        package,
        place: part.artifact.filename.clone(),
        message,
    })
}

/// Says that a file of a package is another's by now.
fn overwritten(part: &InstalledPackage, owner: &InstalledPackage, difference: &Problem) -> Problem {
    let version = owner
        .version
        .as_ref()
        .map(|version| format!(" {version}"))
        .unwrap_or_default();
    let message = format!(
        "{}{version} was installed over it: its record has this file",
        owner.artifact.name
    );
    Problem {
        package: Some(part.artifact.name.clone()),
        message,
        ..difference.clone()
    }
}

impl InstalledExaminer<'_> {
    /// Looks into all files of all packages. The second list tells what is not as recorded: the bytes that are there are
    /// those that an interpreter loads, so they are judged all the same.
    pub(super) fn examine(
        &self,
        parts: &[InstalledPackage],
        image: Option<&ContainerImage>,
    ) -> (ExaminationIndex, Vec<Problem>) {
        let wanted: Vec<WantedFile<'_>> = parts
            .iter()
            .enumerate()
            .flat_map(|(part, each)| each.files.iter().map(move |file| WantedFile { part, file }))
            .filter(|wanted| wanted.file.passed_over.is_none())
            .collect();
        let beside = |part| {
            FilesBeside::new(PartBeside {
                examiner: self,
                part,
                image,
            })
        };
        let files: Vec<FilesBeside<PartBeside<'_>>> = parts.iter().map(beside).collect();
        let siblings: Vec<SiblingLibraries<'_>> = files
            .iter()
            .map(|files| SiblingLibraries::new(files))
            .collect();
        let looked = match image {
            None => self.on_disk(&wanted, &siblings),
            Some(image) => self.in_image(&wanted, image, &siblings),
        };
        drop(siblings);
        let mut differences = Vec::new();
        let mut found: Vec<FileExamination> = parts.iter().map(begun).collect();
        let owners = owners(&looked);
        for LookedFile {
            part,
            facts,
            problem,
            difference,
            as_recorded,
        } in looked
        {
            let (Some(examination), Some(part)) = (found.get_mut(part), parts.get(part)) else {
                continue;
            };
            let owner = as_recorded
                .filter(|(_, agrees)| !agrees)
                .and_then(|(location, _)| owners.get(&location));
            if let (Some(owner), Some(difference)) =
                (owner.and_then(|owner| parts.get(*owner)), &difference)
            {
                // What the package brought is not there any more.
                examination
                    .problems
                    .push(overwritten(part, owner, difference));
                continue;
            }
            differences.extend(difference);
            examination.modules.extend(facts);
            let package = Some(part.artifact.name.clone());
            examination
                .problems
                .extend(problem.map(|problem| Problem { package, ..problem }));
        }
        let ended = |((part, mut examination), files): (
            (&InstalledPackage, FileExamination),
            FilesBeside<PartBeside<'_>>,
        )| {
            examination.problems.extend(files.into_problems());
            examination.distribution =
                describing::describe_installed(part.distribution.as_ref(), &examination.modules);
            examination
                .problems
                .extend(no_module(part, &examination.modules));
            (part.artifact.location.clone(), examination)
        };
        (
            parts.iter().zip(found).zip(files).map(ended).collect(),
            differences,
        )
    }

    fn on_disk(
        &self,
        wanted: &[WantedFile<'_>],
        siblings: &[SiblingLibraries<'_>],
    ) -> Vec<LookedFile> {
        let done = AtomicUsize::new(0);
        let look = |each: &WantedFile<'_>| {
            let place = each.file.location.display().to_string();
            let bytes = File::open(&each.file.location).and_then(|file| self.read(each.file, file));
            let looked = self.look(*each, bytes, &place, siblings);
            self.notice(
                each.file,
                done.fetch_add(1, Ordering::Relaxed) + 1,
                wanted.len(),
            );
            looked
        };
        wanted.par_iter().map(look).collect()
    }

    /// Layers are streams: files come one after the other, and are looked into by the batch.
    fn in_image(
        &self,
        wanted: &[WantedFile<'_>],
        image: &ContainerImage,
        siblings: &[SiblingLibraries<'_>],
    ) -> Vec<LookedFile> {
        let mut by_path: BTreeMap<&Path, Vec<WantedFile<'_>>> = BTreeMap::new();
        for each in wanted {
            by_path.entry(&each.file.location).or_default().push(*each);
        }
        let place = |path: &Path| image.place(path).display().to_string();
        let study = |(each, bytes): (WantedFile<'_>, FileBytes)| {
            self.look(each, bytes, &place(&each.file.location), siblings)
        };
        let mut looked = Vec::new();
        let (mut batch, mut held) = (Vec::new(), 0);
        let mut take = |path: &Path, reader: &mut dyn Read| {
            let Some(several) = by_path.get(path) else {
                return;
            };
            let Some(first) = several.first() else { return };
            let bytes = self.read(first.file, reader);
            for each in several {
                held += bytes
                    .as_ref()
                    .map_or(0, |bytes| bytes.as_ref().map_or(0, Vec::len));
                batch.push((*each, again(&bytes)));
            }
            if held >= BATCH {
                held = 0;
                looked.par_extend(std::mem::take(&mut batch).into_par_iter().map(study));
                self.notice(first.file, looked.len(), wanted.len());
            }
        };
        let paths: Vec<PathBuf> = by_path.keys().map(|path| path.to_path_buf()).collect();
        let unread = image.read_each(&paths, self.limits, &mut take);
        looked.par_extend(batch.into_par_iter().map(study));
        for (path, why) in unread {
            let several = by_path.get(path.as_path()).into_iter().flatten();
            let unread = || Err(io::Error::other(why.clone()));
            looked.extend(several.map(|each| self.look(*each, unread(), &place(&path), siblings)));
        }
        looked
    }

    fn notice(&self, file: &InstalledFile, done: usize, of: usize) {
        self.observer.notice(ScanEvent::Examined {
            filename: &file.path,
            done,
            of,
        });
    }

    fn look(
        &self,
        wanted: WantedFile<'_>,
        bytes: FileBytes,
        place: &str,
        siblings: &[SiblingLibraries<'_>],
    ) -> LookedFile {
        let WantedFile { part, file } = wanted;
        let problem = |kind, message| Problem {
            kind,
            package: None,
            place: place.to_owned(),
            message,
        };
        let bytes = match bytes {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                return LookedFile {
                    part,
                    ..LookedFile::default()
                };
            }
            Err(error) => {
                let problem = Some(problem(ProblemKind::File, error.to_string()));
                return LookedFile {
                    part,
                    problem,
                    ..LookedFile::default()
                };
            }
        };
        let own = digest(Algorithm::Sha256, &bytes);
        let difference = file.recorded.as_ref().and_then(|recorded| {
            let same = recorded.algorithm == own.algorithm;
            let found = if same { own.clone() } else { digest(recorded.algorithm, &bytes) };
            let message = format!(
                "was changed since it was installed, and is judged as it is: {recorded} is recorded, {found} found"
            );
            (found != *recorded).then(|| problem(ProblemKind::Integrity, message))
        });
        let as_recorded = file
            .recorded
            .as_ref()
            .map(|_| (file.location.clone(), difference.is_none()));
        let key = format!(
            "{} {:?} {own} {}",
            env!("UNGIL_SOURCE_DIGEST"),
            self.depth,
            file.path
        );
        let unusable = |facts: &Option<ModuleFacts>| {
            let error = if facts.is_none() {
                examination::missing(&file.path)
            } else {
                None
            };
            error.map(|error| problem(ProblemKind::Binary, error.to_string()))
        };
        let kept = self
            .store
            .get(FACTS, &key)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        if let Some(facts) = kept {
            return LookedFile {
                part,
                problem: unusable(&facts),
                facts,
                difference,
                as_recorded,
            };
        }
        let examined = match siblings.get(part) {
            Some(siblings) => examine(self.depth, &file.path, &bytes, siblings),
            None => examine(self.depth, &file.path, &bytes, &SiblingLibraries::none()),
        };
        match examined {
            Ok(examined) => {
                let is_lasting = examined
                    .as_ref()
                    .is_none_or(|examined| !examined.depends_on_siblings);
                let facts = examined.map(|examined| examined.facts);
                if is_lasting && let Ok(kept) = serde_json::to_vec(&facts) {
                    // A cache that cannot be written costs time, nothing else.
                    let _ = self.store.put(FACTS, &key, &kept);
                }
                LookedFile {
                    part,
                    problem: unusable(&facts),
                    facts,
                    difference,
                    as_recorded,
                }
            }
            Err(error) => {
                let problem = Some(problem(ProblemKind::Binary, error.to_string()));
                LookedFile {
                    part,
                    facts: None,
                    problem,
                    difference,
                    as_recorded,
                }
            }
        }
    }
}

/// The same once more.
fn again(bytes: &FileBytes) -> FileBytes {
    match bytes {
        Ok(bytes) => Ok(bytes.clone()),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

fn begun(part: &InstalledPackage) -> FileExamination {
    let size = part.files.iter().map(|file| file.size).sum();
    let passed_over = |file: &InstalledFile| {
        Some(PassedOver {
            path: file.path.clone(),
            why: file.passed_over.clone()?,
        })
    };
    let passed_over = part.files.iter().filter_map(passed_over).collect();
    FileExamination {
        problems: part.problems.clone(),
        passed_over,
        size,
        ..FileExamination::default()
    }
}
