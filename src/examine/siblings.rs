//! The libraries that lie beside a file: opened when a hook turns out to need one, and each read once, however many modules
//! do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::BinaryError;
use crate::binary::image::{BinaryImage, ImageError, images};
use crate::binary::python;
use crate::evaluator::{EvaluationLimits, HookEvaluation};
use crate::model::facts::{Abi, Fact};

/// What lies beside a file under a library's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiblingLibrary<'s> {
    /// No file of that name; or two, of which only a loader knows which it takes.
    Missing,
    /// One that cannot be read.
    Unreadable,
    /// Its path, and its bytes.
    Found {
        /// Path in the distribution.
        path: &'s str,
        /// All of it.
        bytes: &'s [u8],
    },
}

/// Who has the files that lie beside a file.
pub trait SiblingFiles: Sync {
    /// Opens the file of this name, which has no folders.
    fn open(&self, name: &str) -> SiblingLibrary<'_>;

    /// Is told of a file that is no library that can be read.
    fn is_broken(&self, path: &str, error: &BinaryError);
}

/// Nothing lies beside the file.
struct NoFiles;

impl SiblingFiles for NoFiles {
    fn open(&self, _: &str) -> SiblingLibrary<'_> {
        SiblingLibrary::Missing
    }

    fn is_broken(&self, _: &str, _: &BinaryError) {}
}

/// The libraries of one distribution that were asked for so far.
pub struct SiblingLibraries<'s> {
    files: &'s dyn SiblingFiles,
    opened: Mutex<BTreeMap<String, Arc<OnceLock<OpenedSibling<'s>>>>>,
    /// What following the hooks of the distribution's modules took so far, in instructions.
    effort: AtomicU64,
    /// How many instructions of one hook are followed.
    allowance: AtomicU64,
}

/// What there is under a name.
pub(super) enum OpenedSibling<'s> {
    /// No file.
    Missing,
    /// One that cannot be read.
    Unreadable,
    /// Its images; none when it is no object file.
    Library(Vec<SiblingImage<'s>>),
}

/// One image of a library.
pub(super) struct SiblingImage<'s> {
    pub(super) image: BinaryImage<'s>,
    /// The library's path.
    pub(super) path: &'s str,
    abi: OnceLock<Fact<Abi>>,
}

impl SiblingImage<'_> {
    /// Which interpreters' memory layout it was compiled for.
    pub(super) fn abi(&self) -> &Fact<Abi> {
        self.abi
            .get_or_init(|| python::read(&self.image, self.path).abi)
    }
}

impl<'s> SiblingLibraries<'s> {
    /// Those that somebody has.
    pub fn new(files: &'s dyn SiblingFiles) -> SiblingLibraries<'s> {
        let allowance = AtomicU64::new(EvaluationLimits::default().steps);
        SiblingLibraries {
            files,
            opened: Mutex::default(),
            effort: AtomicU64::new(0),
            allowance,
        }
    }

    /// What following the hooks of the distribution's modules took so far, in instructions.
    pub fn effort(&self) -> u64 {
        self.effort.load(Ordering::Relaxed)
    }

    /// Follows no more than so many instructions of each hook from now on: the distribution has had its share.
    pub fn restrict(&self, steps: u64) {
        self.allowance.fetch_min(steps, Ordering::Relaxed);
    }

    /// How far a hook is followed.
    pub(super) fn limits(&self) -> EvaluationLimits {
        let whole = EvaluationLimits::default();
        let steps = self.allowance.load(Ordering::Relaxed).min(whole.steps);
        EvaluationLimits {
            steps,
            forks: whole.forks * steps / whole.steps.max(1),
            ..whole
        }
    }

    /// Notes what following a hook took. A branch costs as much as the instructions that stand for it in the limits.
    pub(super) fn note_effort(&self, found: &HookEvaluation) {
        let whole = EvaluationLimits::default();
        let branches = found.forks.saturating_mul(whole.steps / whole.forks.max(1));
        self.effort
            .fetch_add(found.steps.max(branches), Ordering::Relaxed);
    }

    /// None at all.
    pub fn none() -> SiblingLibraries<'static> {
        SiblingLibraries::new(&NoFiles)
    }

    /// Looks for a library and hands it to somebody.
    pub(super) fn with<T>(&self, name: &str, take: impl FnOnce(&OpenedSibling<'s>) -> T) -> T {
        let cell = {
            let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(opened.entry(name.to_owned()).or_default())
        };
        take(cell.get_or_init(|| self.open(name)))
    }

    fn open(&self, name: &str) -> OpenedSibling<'s> {
        let (path, bytes) = match self.files.open(name) {
            SiblingLibrary::Missing => return OpenedSibling::Missing,
            SiblingLibrary::Unreadable => return OpenedSibling::Unreadable,
            SiblingLibrary::Found { path, bytes } => (path, bytes),
        };
        match images(bytes) {
            Ok(images) => OpenedSibling::Library(
                images
                    .into_iter()
                    .map(|image| SiblingImage {
                        image,
                        path,
                        abi: OnceLock::new(),
                    })
                    .collect(),
            ),
            Err(ImageError::NotAnObject) => OpenedSibling::Library(Vec::new()),
            Err(source) => {
                self.files.is_broken(
                    path,
                    &BinaryError::Image {
                        path: path.to_owned(),
                        source,
                    },
                );
                OpenedSibling::Unreadable
            }
        }
    }
}

/// The last component of a path of any system.
pub fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
