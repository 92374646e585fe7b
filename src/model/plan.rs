//! The way from a set of packages to one that keeps the GIL off: what to change, and what stays in the way.

use super::digest::Digest;
use super::lock::ExcludedTarget;
use super::name::{PackageName, Version, VersionSpecifiers};
use super::place::Place;
use super::problem::Problem;
use super::resolution::RequiredBy;
use super::source::Forecast;
use super::target::Target;
use super::verdict::Verdict;

/// The whole plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Targets, in the order asked for.
    pub targets: Vec<Target>,
    /// Lock files that leave a target out: they are made for it first, and `steps` are about what comes of that.
    pub excluded: Vec<ExcludedTarget>,
    /// One for each package that is not ready on a target, in the order in which to take them: what is required before
    /// what requires it.
    pub steps: Vec<PlanStep>,
    /// What changes its version because of the steps, or comes in, or goes; by name.
    pub moves: Vec<PlannedMove>,
    /// What gets worse, by name; empty unless there is no better way.
    pub worse: Vec<WorsePackage>,
    /// Lines of requirements files to be edited, in the order of the files.
    pub edits: Vec<LineEdit>,
    /// Bounds on packages that nothing pins, by name.
    pub bounds: Vec<BoundLine>,
    /// What the tools that made lock files are to be told.
    pub commands: Vec<PlanCommand>,
    /// All that could not be looked at, sorted.
    pub problems: Vec<Problem>,
    /// Counts.
    pub summary: PlanSummary,
}

/// What to do about one version of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanStep {
    /// Normalised name.
    pub name: PackageName,
    /// The version that the set has now; `None` when it could not be found out.
    pub version: Option<Version>,
    /// How it came into the set.
    pub required_by: Vec<RequiredBy>,
    /// One for each target on which it is not ready.
    pub outlooks: Vec<TargetOutlook>,
    /// What to do.
    pub course: PlanAction,
    /// Where its project wants to hear of it: an address from its metadata, with whatever it says there.
    pub tracker: Option<String>,
    /// What to use instead, where rules name something and it does not become ready on all targets; each once.
    pub alternatives: Vec<NamedAlternative>,
}

/// What a rule names to be used instead of a package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedAlternative {
    /// The rule's id.
    pub rule: String,
    /// What to use, in the rule's words.
    pub what: String,
}

/// How a package stands on one target, and how it could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetOutlook {
    /// The target.
    pub target: Target,
    /// Its verdict now.
    pub verdict: Verdict,
    /// Why, in a few words.
    pub reason: String,
    /// `Requires-Python` of it, where that alone keeps it from the target: the build with the GIL is left out as well.
    pub requires_python: Option<VersionSpecifiers>,
    /// What was found among its newer versions; `None` when there was no listing to search.
    pub search: Option<VersionSearch>,
    /// What it gets when the plan is followed.
    pub after: PlannedOutcome,
    /// When it has to be built even then, and that does not help: what is foreseen of the newest version, where that has
    /// to be built too.
    pub newer_build: Option<NewerBuild>,
}

/// What is foreseen of a package that has to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeseenBuild {
    /// Of the version in the set.
    pub now: Forecast,
    /// Of the newest version, when `now` does not keep the GIL off.
    pub newer: Option<NewerBuild>,
}

/// What is foreseen of the newest version of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewerBuild {
    /// The version.
    pub version: Version,
    /// What a build of it would become.
    pub forecast: Forecast,
}

/// What a package gets when the plan is followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedOutcome {
    /// Its version; `None` when it leaves the set, or when it could not be found out.
    pub version: Option<Version>,
    /// Its verdict; `None` when it leaves the set.
    pub verdict: Option<Verdict>,
    /// Why, in a few words.
    pub reason: String,
    /// For `build`: what is foreseen of it; `None` for a folder of sources, for a target that always has the GIL, and where a
    /// newer version is ready but held back.
    pub build: Option<Forecast>,
}

/// A search among the versions of a package, from the one in the set upwards, and downwards where nothing is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionSearch {
    /// The oldest version that was found ready.
    pub oldest: Option<Version>,
    /// The newest version that was found ready.
    pub newest: Option<Version>,
    /// Where no newer version was found ready: the newest one that works and is older than the one in the set; it may lack its
    /// compiled modules.
    pub older: Option<Version>,
    /// How sure it is that no version between the one in the set and the oldest one is ready.
    pub border: SearchFrontier,
    /// Versions newer than the one in the set; without pre-releases unless that one is one.
    pub versions: usize,
    /// Those of them that have a file which the target takes, with the compiled modules that its platform could have; the
    /// names of the files tell.
    pub fitting: usize,
    /// Those of them that do not allow the target's Python (`Requires-Python`).
    pub other_python: usize,
    /// What was looked at, oldest first: the evidence.
    pub probes: Vec<VersionProbe>,
    /// The newest pre-release, when it is newer than all that was searched and was left out.
    pub prerelease: Option<Version>,
    /// Requests that the looks may cost where nothing is cached, for the listing and the version in the set included. What
    /// was sent may be less.
    pub requests: u64,
}

/// What is known of the versions before the oldest ready one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchFrontier {
    /// The version right before it was looked at and is not ready, or there is none.
    Confirmed,
    /// The version right before it was not looked at, or could not be read.
    #[default]
    Open,
}

/// A look at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionProbe {
    /// The version.
    pub version: Version,
    /// What was found, which may be the first thing that speaks against it.
    pub verdict: Verdict,
    /// Why, in a few words.
    pub reason: String,
    /// What was looked at.
    pub seen: ProbeBasis,
}

/// What a probe rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeBasis {
    /// The names of its files: none fits, or only one without its compiled modules.
    Names,
    /// The bytes of its file.
    Bytes,
}

/// What to do about a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanAction {
    /// Take another version.
    Change {
        /// The version that the whole set gets by the plan.
        to: Version,
    },
    /// Nothing: what other steps change decides for it too.
    Follow,
    /// A version is ready, but something else does not let it in.
    HeldBack {
        /// The oldest ready version.
        to: Version,
        /// What stands in the way; not empty.
        by: Vec<VersionObstacle>,
    },
    /// No version is ready: build it where it runs, and look at what that gives.
    Build,
    /// No version is ready: import it in a process with the GIL, or accept that it switches the GIL on.
    Isolate,
    /// No version is ready, and it works without its compiled modules.
    Accept,
    /// It could not be judged.
    Unclear,
}

/// What keeps a version out of the set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VersionObstacle {
    /// The line that keeps it out, or that pins the package which does; `None` when no line does.
    pub place: Option<Place>,
    /// The package whose requirement keeps it out, with its version; `None` when it is the line itself.
    pub package: Option<(PackageName, Version)>,
    /// What it asks for, as written: `<3`, `==2.41.5`; or a sentence when no single requirement is to blame.
    pub wants: String,
}

/// A package that the plan moves without being about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlannedMove {
    /// Normalised name.
    pub name: PackageName,
    /// The version now; `None` when it comes in.
    pub from: Option<Version>,
    /// The version after; `None` when it goes.
    pub to: Option<Version>,
    /// Packages that require it in the set after the plan; empty when it goes.
    pub required_by: Vec<PackageName>,
    /// What does not go together with the version now.
    pub because: Vec<MoveReason>,
}

/// A requirement that moves a package: its own, or one that it does not meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MoveReason {
    /// The package that requires, with its version.
    pub package: (PackageName, Version),
    /// What it requires.
    pub required: PackageName,
    /// Which versions, as written: `>=2.3.3`.
    pub wants: String,
}

/// A package that the plan makes worse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorsePackage {
    /// Normalised name.
    pub name: PackageName,
    /// On which target.
    pub target: Target,
    /// The version now; `None` when it comes in.
    pub from: Option<Version>,
    /// The verdict now; `None` when it comes in.
    pub before: Option<Verdict>,
    /// The version after.
    pub to: Option<Version>,
    /// The verdict after.
    pub after: Verdict,
    /// Why, in a few words.
    pub reason: String,
}

/// A bound to be set on a package, of which an installer takes a version that is not fine otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundLine {
    /// The line that asks for the package; `None` where only other packages require it.
    pub place: Option<Place>,
    /// The file in which a line is to be added, where `place` is `None`.
    pub file: Option<String>,
    /// The package.
    pub name: PackageName,
    /// The bound: `<13`.
    pub bound: String,
    /// The requirement with it: `pillow>=10,<13`.
    pub requirement: String,
}

/// One line of a requirements file with another version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineEdit {
    /// The line.
    pub place: Place,
    /// The package that it pins.
    pub name: PackageName,
    /// The version that it pins now.
    pub from: Version,
    /// The version that it is to pin.
    pub to: Version,
    /// SHA-256 of all files of that version, sorted, when the line has digests; none are made up where the index states
    /// none.
    pub digests: Option<Vec<Digest>>,
}

/// What to type, for a file that a tool writes itself or for an environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PlanCommand {
    /// What the file is.
    pub place: CommandPlace,
    /// The file, or the environment.
    pub file: String,
    /// The command; empty when the file does not tell which tool made it.
    pub command: String,
    /// Packages with their new versions, `name==version`.
    pub packages: Vec<String>,
}

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CommandPlace {
    /// A lock file: the tool that wrote it reads it again.
    LockFile,
    /// An environment: where the target's Python runs, it gets these versions beside the rest.
    Environment,
}

/// Counts of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanSummary {
    /// Packages (names) in the set now.
    pub packages: usize,
    /// Those of which nothing speaks against every target now.
    pub good_before: usize,
    /// Packages (names) in the set after the plan.
    pub packages_after: usize,
    /// Those of which nothing speaks against every target then.
    pub good_after: usize,
    /// Requests sent in all.
    pub requests: u64,
    /// Bytes of distribution files that came over the network.
    pub bytes_fetched: u64,
}
