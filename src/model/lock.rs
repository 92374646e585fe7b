//! What a lock file pins: an exact set of packages and who requires whom, as the file itself has it.
//!
//! A lock is not resolved: for a target its set is what its markers leave, nothing is added and nothing replaced.

use super::digest::Digest;
use super::name::{ExtraName, MarkerTree, PackageName, Requirement, Version, pinned};
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
    /// What projects say of versions, as far as the file tells: bounds that other versions than these have to keep.
    pub bounds: Vec<LockedBound>,
    /// What stands in for whatever packages require of these.
    pub overrides: Vec<LockedBound>,
    /// Words that its tool has to be told again, so that it makes the file as it made it before.
    pub options: Vec<String>,
    /// Everything that the file pins, for all targets.
    pub packages: Vec<LockedPackage>,
}

/// What a project of a lock file, or a setting, says of a package's versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedBound {
    /// The package with the versions that are let in, and the condition.
    pub requirement: Requirement,
    /// The line that says so.
    pub place: Place,
    /// Where its tool has it from.
    pub origin: BoundOrigin,
}

/// Where a bound of a lock file comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundOrigin {
    /// The project's own dependencies.
    Project,
    /// A group, an extra, a condition, another project, or a setting.
    Elsewhere,
}

impl LockedBound {
    /// Whether it pins a version, so that it is there to be changed, and its tool can be told to.
    pub fn can_be_changed(&self) -> bool {
        self.origin == BoundOrigin::Project && pinned(&self.requirement).is_some()
    }
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

impl LockTool {
    /// The tool that writes a file of this name; `None` where several do.
    pub fn of(file: &str) -> Option<LockTool> {
        match file.rsplit(['/', '\\']).next().unwrap_or(file) {
            "uv.lock" => Some(LockTool::Uv),
            "poetry.lock" => Some(LockTool::Poetry),
            "pdm.lock" => Some(LockTool::Pdm),
            "Pipfile.lock" => Some(LockTool::Pipenv),
            name if name.ends_with(".py.lock") => Some(LockTool::UvScript),
            // PDM lets users name their locks.
            name if name.starts_with("pdm.") && name.ends_with(".lock") => Some(LockTool::Pdm),
            _ => None,
        }
    }

    /// Whether it takes the newest version of what it is told to change, and cannot be told another one.
    pub fn takes_newest(self) -> bool {
        match self {
            LockTool::Poetry | LockTool::Pdm => true,
            LockTool::Uv | LockTool::UvScript | LockTool::Pipenv => false,
        }
    }
}
