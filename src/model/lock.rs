//! What a lock file pins: an exact set of packages and who requires whom, as the file itself has it.
//!
//! A lock is not resolved: for a target its set is what its markers leave, nothing is added and nothing replaced.

use super::digest::Digest;
use super::name::{ExtraName, MarkerTree, PackageName, Version};
use super::place::{Location, Place};
use super::python_bound::PythonBound;
use super::target::Target;

/// One lock file, as far as the user's groups and extras select it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// The file as the user named it.
    pub file: String,
    /// Pythons that the file was made for; `None` when it does not say.
    pub requires_python: Option<PythonBound>,
    /// Platforms and Pythons that the file was made for, one of which must hold; empty when it does not say.
    pub environments: Vec<MarkerTree>,
    /// What the user asks for, mostly the project itself. Empty when the file does not say; its packages are then listed, see
    /// [`LockedPackage::listed`].
    pub roots: Vec<LockedEdge>,
    /// Everything that the file pins, for all targets.
    pub packages: Vec<LockedPackage>,
}

/// One package that a lock file pins; the same name may stand there several times, for different targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedPackage {
    /// Normalised name.
    pub name: PackageName,
    /// What is pinned.
    pub pin: Pin,
    /// The condition under which the package is in the set whoever requires it; `None` when only the packages that
    /// require it decide.
    pub listed: Option<MarkerTree>,
    /// Digests of which the chosen file must have one; empty when none are given.
    pub hashes: Vec<Digest>,
    /// What it requires.
    pub dependencies: Vec<LockedEdge>,
    /// The line that pins it.
    pub place: Place,
}

/// What a lock file pins a package to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pin {
    /// A version, from an index.
    Version(Version),
    /// A file, a project folder, or a version control URL.
    Location(Location),
    /// Nothing: it is the project that the file was locked for, which is no part of the set and only leads to others.
    Project,
}

/// A requirement between two packages of a lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedEdge {
    /// Position of the required package in [`Lock::packages`].
    pub to: usize,
    /// Extras asked of it.
    pub extras: Vec<ExtraName>,
    /// Condition on the target.
    pub marker: MarkerTree,
    /// The extra of the requiring package to which this belongs; `None` when it always counts.
    pub of_extra: Option<ExtraName>,
}

/// A target that a lock file leaves out. Its tool refuses to install from it there, and may have dropped files and packages
/// that only the target needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExcludedTarget {
    /// The target.
    pub target: Target,
    /// The lock file as the user named it.
    pub file: String,
    /// The line that leaves the target out.
    pub place: Place,
    /// What the file is locked for instead: `Python >=3.11, <3.14`.
    pub locked_for: String,
    /// The tool that writes the file; `None` where several do.
    pub tool: Option<LockTool>,
    /// What to change before the file is made again, as an imperative: set `requires-python = ">=3.11"` in pyproject.toml.
    pub change: String,
    /// What to run then, where the file is; empty when the tool is not known.
    pub command: String,
}

/// A tool that writes lock files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockTool {
    /// uv, for a project.
    Uv,
    /// uv, for a script with its requirements in it.
    UvScript,
    /// Poetry.
    Poetry,
    /// PDM.
    Pdm,
    /// pipenv.
    Pipenv,
}
