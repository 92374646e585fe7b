//! What is installed: the environments in a folder or in a container, the distributions in an environment, and whose each
//! compiled file is.
//!
//! Nothing is resolved, fetched or run here: an environment's own records say what it holds.
//!
//! - an **environment** is one Python's installed packages, which is the folders in which it looks for modules: [`at`] a
//!   path (a virtual environment, a conda prefix, a `site-packages` folder, the images in an archive), [`below`] a
//!   container's root, or as an interpreter says itself ([`of_interpreter`])
//! - an **inventory** is what is in it ([`read`]): each `.dist-info` or `.egg-info` is one distribution, its `RECORD` says
//!   which files are its own, and compiled files that nobody owns are kept apart
//!
//! Only compiled files are listed, since nothing else decides a verdict. What a code line of a `.pth` file would do at
//! start-up is not known, because it is not run; the two kinds that setuptools writes for editable installs are read.

mod conda;
mod distribution;
mod editable;
mod edited;
mod image;
mod interpreter;
mod kind;
mod layout;
mod links;
mod listing;
mod ownership;
mod python;
mod search;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::archive::limits::ArchiveLimits;
use crate::model::digest::Digest;
use crate::model::metadata::{Metadata, WheelFile};
use crate::model::name::{PackageName, Version};
use crate::model::passed_over::WhyPassedOver;
use crate::model::place::Location;
use crate::model::problem::Problem;
use crate::model::target::{Platform, Python};

use tree::FileTree;

pub use image::{ContainerImage, TakeFile};
pub use interpreter::QUESTION;
pub use kind::{KINDS, PathKind, claim};

/// Why there is no environment to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InstalledError {
    /// It cannot be looked at.
    #[error("{place}: {message}")]
    Unreadable {
        /// As the user named it.
        place: String,
        /// What the system said.
        message: String,
    },
    /// It is no container image that can be read.
    #[error("{place}: the image cannot be read: {message}")]
    Image {
        /// As the user named it.
        place: String,
        /// What is wrong with it.
        message: String,
    },
    /// It does not answer as a Python would.
    #[error("{place} is no Python that ungil judges: {message}")]
    Interpreter {
        /// As the user named it.
        place: String,
        /// What it said.
        message: String,
    },
    /// Nothing is installed there.
    #[error("{place}: no environment was found; looked for {looked_for}")]
    Nothing {
        /// As the user named it.
        place: String,
        /// What would have been one.
        looked_for: String,
    },
}

/// One Python's installed packages: the folders in which it looks for modules.
#[derive(Clone, Debug)]
pub struct InstalledEnvironment {
    /// As the user named it, or where it was found below what the user named.
    pub shown: String,
    /// Where it was found, when the user named more than it alone: a container.
    pub search: Option<String>,
    /// Folders in which modules are looked for, in order, each once; or one module by itself.
    sites: Vec<PathBuf>,
    /// What the environment itself says of its Python, before its files are looked at.
    told: python::StatedPython,
    /// Where its paths are followed.
    tree: FileTree,
    /// The prefix, when it is one of conda's.
    conda: Option<PathBuf>,
    /// What could not be looked at on the way to it.
    problems: Vec<Problem>,
}

impl InstalledEnvironment {
    fn empty(shown: &str, tree: FileTree) -> InstalledEnvironment {
        let (sites, told, problems) = (Vec::new(), python::StatedPython::default(), Vec::new());
        InstalledEnvironment {
            shown: shown.to_owned(),
            search: None,
            sites,
            told,
            tree,
            conda: None,
            problems,
        }
    }

    /// The image that it is in: its files have no place on the disk.
    pub fn image(&self) -> Option<&ContainerImage> {
        match &self.tree {
            FileTree::Image(image) => Some(image),
            FileTree::Disk | FileTree::Below(_) => None,
        }
    }
}

/// What is in an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentInventory {
    /// Distributions, by name.
    pub distributions: Vec<InstalledDistribution>,
    /// Compiled files in the environment's folders that no distribution owns, by folder.
    pub unowned: Vec<UnownedFiles>,
    /// Its Python, where that is told, and told in one way.
    pub python: Option<Python>,
    /// The 14 of 3.14, where no more than that is told of its Python, or that too.
    pub minor: Option<u8>,
    /// Its platform, where a compiled file's name or the environment tells it.
    pub platform: Option<Platform>,
    /// What was seen of its Python, in words, for when there is none in `python`.
    pub seen: String,
    /// What could not be looked at, and what is not as the records say, without keeping a package from being judged.
    pub problems: Vec<Problem>,
}

impl EnvironmentInventory {
    /// Whether anything in it is compiled.
    pub fn has_compiled_files(&self) -> bool {
        !self.unowned.is_empty()
            || self
                .distributions
                .iter()
                .any(|distribution| !distribution.files.is_empty())
    }

    /// Whether there is nothing to judge.
    pub fn is_empty(&self) -> bool {
        self.distributions.is_empty() && self.unowned.is_empty()
    }
}

/// Compiled files of one folder that no distribution owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnownedFiles {
    /// The folder.
    pub folder: PathBuf,
    /// The files, by path.
    pub files: Vec<InstalledFile>,
}

/// One installed distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledDistribution {
    /// Normalised name.
    pub name: PackageName,
    /// Version; `None` where none can be read.
    pub version: Option<Version>,
    /// `METADATA` or `PKG-INFO`, where it can be read.
    pub metadata: Option<Metadata>,
    /// The `WHEEL` file of the wheel that it was installed from, where there is one that can be read.
    pub wheel: Option<WheelFile>,
    /// The folder or file that describes it.
    pub folder: PathBuf,
    /// Whether somebody asked for it by name.
    pub requested: RequestedMark,
    /// Where it came from, when that was no index and is still there.
    pub source: Option<Location>,
    /// Where its modules are, when it was installed to be edited in place: a path or URL, as recorded.
    pub editable: Option<String>,
    /// Its compiled files, by path.
    pub files: Vec<InstalledFile>,
    /// What keeps it from being judged.
    pub problems: Vec<Problem>,
}

/// Whether an installer was asked for a distribution by name, or took it because another one requires it.
///
/// <https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-requested-file>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestedMark {
    /// It was asked for.
    Yes,
    /// Nothing says so; not every installer records it.
    Unrecorded,
}

/// One compiled file that an import system could load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstalledFile {
    /// Path below the folder in which modules are looked for, with forward slashes.
    pub path: String,
    /// Where its bytes are: on the disk, or in the environment's image.
    pub location: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// The digest that the installer recorded, when it did.
    pub recorded: Option<Digest>,
    /// Why no import of the file's module leads to it, where none does.
    pub passed_over: Option<WhyPassedOver>,
}

/// The environments at a path of this kind; several in an archive of images.
pub fn at(
    kind: PathKind,
    path: &Path,
    shown: &str,
    limits: &ArchiveLimits,
) -> Result<Vec<InstalledEnvironment>, InstalledError> {
    let unreadable = |error: std::io::Error| InstalledError::Unreadable {
        place: shown.to_owned(),
        message: error.to_string(),
    };
    let tree = FileTree::Disk;
    let real = tree.real(path).map_err(unreadable)?;
    if kind == PathKind::Image {
        return in_images(&real, shown, limits);
    }
    if kind != PathKind::Module {
        tree.names(&real).map_err(unreadable)?;
    }
    Ok(match kind {
        PathKind::Venv => vec![layout::virtual_environment(&tree, &real, shown)],
        PathKind::Conda => vec![layout::conda_prefix(&tree, &real, shown, limits)],
        PathKind::SitePackages | PathKind::Module => vec![layout::site(&tree, &real, shown)],
        // Nothing of it is installed.
        PathKind::Wheels | PathKind::Image => Vec::new(),
    })
}

fn in_images(
    path: &Path,
    shown: &str,
    limits: &ArchiveLimits,
) -> Result<Vec<InstalledEnvironment>, InstalledError> {
    let (mut environments, mut empty) = (Vec::new(), None);
    for (image, name, problems) in image::open(path, shown, limits)? {
        match search::environments(&FileTree::Image(Arc::new(image)), &name, limits) {
            Ok(mut found) => {
                if let Some(first) = found.first_mut() {
                    first.problems.extend(problems);
                }
                environments.extend(found);
            }
            // Beside an image with Python there may be others without.
            Err(error @ InstalledError::Nothing { .. }) => empty = Some(error),
            Err(error) => return Err(error),
        }
    }
    match empty {
        Some(error) if environments.is_empty() => Err(error),
        _ => Ok(environments),
    }
}

/// Every environment below the root of a container, unpacked.
pub fn below(
    root: &Path,
    shown: &str,
    limits: &ArchiveLimits,
) -> Result<Vec<InstalledEnvironment>, InstalledError> {
    let root = root
        .canonicalize()
        .map_err(|error| InstalledError::Unreadable {
            place: shown.to_owned(),
            message: error.to_string(),
        })?;
    search::environments(&FileTree::Below(root), shown, limits)
}

/// The environment of an interpreter, by what it wrote when it was asked [`QUESTION`].
pub fn of_interpreter(answer: &[u8], shown: &str) -> Result<InstalledEnvironment, InstalledError> {
    interpreter::environment(answer, shown)
}

/// Lists what is in an environment. What cannot be read becomes a problem.
pub fn read(environment: &InstalledEnvironment, limits: &ArchiveLimits) -> EnvironmentInventory {
    ownership::read(environment, limits)
}
