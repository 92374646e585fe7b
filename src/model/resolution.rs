//! Which file an installer would choose for each package on one target.

use super::artifact::Artifact;
use super::lock::ExcludedTarget;
use super::name::{ExtraName, PackageName, Version, VersionSpecifiers};
use super::place::Place;
use super::problem::Problem;
use super::target::{Python, Target};

/// The whole set for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// For which target.
    pub target: Target,
    /// Every package of the set, by name.
    pub packages: Vec<Chosen>,
    /// Lock files that leave the target out.
    pub excluded: Vec<ExcludedTarget>,
    /// What could not be looked at on the way.
    pub problems: Vec<Problem>,
}

/// One package of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Normalised name.
    pub name: PackageName,
    /// Version; `None` when not even that could be found out.
    pub version: Option<Version>,
    /// Extras that the set asks of it.
    pub extras: Vec<ExtraName>,
    /// The shortest path from each request that leads to it.
    pub required_by: Vec<RequiredBy>,
    /// What the installer gets.
    pub choice: Choice,
    /// Whether the lock file that pins it lacks the chosen file, because the file leaves the target out.
    pub not_in_lock: bool,
}

/// A path of requirements that leads to a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequiredBy {
    /// The line that asked for the first package of the path; of a lock file, the line that pins the last one.
    pub place: Place,
    /// From the package that was asked for to the one that requires this one; empty when this one was asked for itself.
    pub path: Vec<PackageName>,
}

/// What an installer gets for a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A wheel that fits the target.
    Wheel {
        /// The file.
        artifact: Artifact,
        /// When the wheel is pure: the same version's platform wheels that do not fit, whose accelerators are lost.
        lost: Vec<Artifact>,
    },
    /// Only a source distribution (or a project folder) fits; it has to be built.
    Source {
        /// The file or folder.
        artifact: Artifact,
    },
    /// It is installed already: there is nothing to choose.
    Installed {
        /// What describes it on disk.
        artifact: Artifact,
    },
    /// Nothing of this version fits.
    Nothing {
        /// What was looked at and why none of it fits.
        why: String,
        /// `Requires-Python` of the version, where that alone is the reason: a build with the GIL is left out as well.
        requires_python: Option<VersionSpecifiers>,
    },
    /// The choice could not be made out.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// What an installer would choose for the same requirements on the same Python's build with the GIL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherBuild {
    /// That build.
    pub python: Python,
    /// The version that it gets; `None` when the package is not in its set.
    pub version: Option<Version>,
    /// The file that it gets; `None` when there is none.
    pub filename: Option<String>,
}
