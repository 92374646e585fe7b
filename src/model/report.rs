//! The whole run: what every output format renders.

use super::artifact::{Artifact, FileCheck};
use super::finding::Finding;
use super::gate::Gate;
use super::lock::ExcludedTarget;
use super::name::{PackageName, Version, VersionSpecifiers};
use super::outcome::ModuleOutcome;
use super::passed_over::PassedOver;
use super::problem::Problem;
use super::resolution::{OtherBuild, RequiredBy};
use super::source::Forecast;
use super::target::Target;
use super::verdict::{DeclaredBy, Verdict};

/// The whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Targets, in the order asked for.
    pub targets: Vec<Target>,
    /// Lock files that leave a target out, by file.
    pub excluded: Vec<ExcludedTarget>,
    /// One per name and version, sorted; a package whose version differs between targets stands here once per version,
    /// and one that several environments hold once for each of them.
    pub packages: Vec<PackageReport>,
    /// All that could not be looked at, sorted.
    pub problems: Vec<Problem>,
    /// Counts.
    pub summary: RunSummary,
    /// What a policy makes of it, when one was asked for.
    pub gate: Option<Gate>,
    /// The configuration file that was followed, as the user would name it.
    pub configuration: Option<String>,
}

/// One version of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageReport {
    /// Normalised name.
    pub name: PackageName,
    /// Version; `None` when it could not be found out.
    pub version: Option<Version>,
    /// How it came into the set.
    pub required_by: Vec<RequiredBy>,
    /// One for each target that gets this version, in the order of the targets.
    pub results: Vec<TargetResult>,
}

impl PackageReport {
    /// The environment, or the folder of wheels, that holds it; `None` where lines or words asked for it.
    pub fn found_in(&self) -> Option<&str> {
        let place = &self.required_by.first()?.place;
        (place.line.is_none() && place.column.is_none()).then_some(&place.file)
    }
}

/// What is said of a package on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetResult {
    /// The target.
    pub target: Target,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a few words; the findings tell the whole.
    pub reason: String,
    /// For `ready`: who declared it, each once.
    pub declared_by: Vec<DeclaredBy>,
    /// The file that an installer would choose.
    pub artifact: Option<Artifact>,
    /// How far that file's bytes were compared with what is said of them.
    pub file_check: FileCheck,
    /// Whether the lock file that pins it lacks the file: it leaves the target out, and has it once it is made for the target.
    pub not_in_lock: bool,
    /// For `blocked`: `Requires-Python` of the version, where that alone is the reason.
    pub requires_python: Option<VersionSpecifiers>,
    /// For `build`: what is foreseen of the build; `None` where nobody looked, or where the target always has the GIL.
    pub build: Option<Forecast>,
    /// What the same Python's build with the GIL would get; `None` when that is the same version, as the same kind of
    /// file, or when it was not compared.
    pub other_build: Option<OtherBuild>,
    /// Large libraries of the file that were not fetched, by path: their beginnings leave open whether they can be
    /// imported, and no Python file beside them imports them.
    pub left_out: Vec<String>,
    /// Compiled files that look like modules and do not count on this target, by path.
    pub passed_over: Vec<PassedOver>,
    /// Every compiled module that the target would load, by path.
    pub modules: Vec<ModuleOutcome>,
    /// What the rules say, worst first.
    pub findings: Vec<Finding>,
}

/// Counts of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunSummary {
    /// Packages (names).
    pub packages: usize,
    /// Distribution files looked into.
    pub files: usize,
    /// Compiled modules looked at.
    pub modules: usize,
    /// Bytes that came over the network for the distribution files (index pages not counted).
    pub bytes_fetched: u64,
    /// Bytes that those files have in all, those that the cache remembers among them.
    pub bytes_total: u64,
    /// Problems.
    pub problems: usize,
}
