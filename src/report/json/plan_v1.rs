//! Version 1 of the plan's JSON. Frozen: fields may be added, none removed, renamed or given another meaning.
//!
//! The doc lines are the descriptions in the JSON Schema.

use schemars::JsonSchema;
use serde::Serialize;

use super::build_v1::ForecastV1;
use super::v1::{ExcludedTargetV1, PlaceV1, ProblemV1, RequiredByV1, VerdictV1};

/// The number in `schema_version`.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// The way to a set that keeps the GIL off, as `ungil plan --format json` writes it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "ungil plan", extend("$id" = "https://github.com/ungil/ungil/blob/main/docs/plan.schema.json"))]
pub(super) struct PlanV1 {
    /// Version of this format: 1.
    pub(super) schema_version: u32,
    /// When the plan was made, in RFC 3339; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) generated: Option<String>,
    /// Targets, such as `cp314t-linux-x86_64`, in the order asked for.
    pub(super) targets: Vec<String>,
    /// Lock files that leave a target out, by target; not there when none does. They are made for it first, and `steps` are
    /// about what comes of that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) excluded: Vec<ExcludedTargetV1>,
    /// One for each package that is not ready, in the order in which to take them: what is required before what requires
    /// it.
    pub(super) steps: Vec<StepV1>,
    /// Packages that the steps move besides, by name.
    pub(super) moves: Vec<MoveV1>,
    /// What gets worse, by name; empty unless there is no better way.
    pub(super) worse: Vec<Worse>,
    /// Lines of requirements files to be edited, in the order of the files.
    pub(super) edits: Vec<EditV1>,
    /// Bounds to be set on packages that nothing pins, by name.
    pub(super) bounds: Vec<BoundLineV1>,
    /// What the tools that made lock files are to be told, or the installer of an environment.
    pub(super) commands: Vec<CommandV1>,
    /// What could not be looked at, sorted.
    pub(super) problems: Vec<ProblemV1>,
    /// Counts.
    pub(super) summary: PlanSummaryV1,
}

/// What to do about one version of a package.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StepV1 {
    /// Normalised name.
    pub(super) name: String,
    /// The version that the set has now; null when it could not be found out.
    pub(super) version: Option<String>,
    /// The paths of requirements that led to it.
    pub(super) required_by: Vec<RequiredByV1>,
    /// What to do.
    pub(super) course: CourseV1,
    /// The version to take for `change`, the one that is kept out for `held-back`; null otherwise.
    pub(super) to: Option<String>,
    /// For `held-back`: what keeps it out; empty otherwise.
    pub(super) held_by: Vec<ObstacleV1>,
    /// One for each target on which it is not ready.
    pub(super) outlooks: Vec<OutlookV1>,
    /// Where the project wants to hear of it, by its metadata: an `http` or `https` URL; null when it does not say.
    pub(super) tracker: Option<String>,
    /// What to use instead, where rules name something and the package does not become ready on all targets.
    pub(super) alternatives: Vec<AlternativeV1>,
}

/// What a rule names to be used instead of a package.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AlternativeV1 {
    /// The rule's id.
    pub(super) rule: String,
    /// What to use, in the rule's words.
    pub(super) what: String,
}

/// What to do about a package.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CourseV1 {
    /// Take another version.
    Change,
    /// Nothing: what other steps change decides for it too.
    Follow,
    /// A version is ready, but something else does not let it in.
    HeldBack,
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
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ObstacleV1 {
    /// The line that keeps it out, or that pins the package which does; null when no line does.
    pub(super) place: Option<PlaceV1>,
    /// The package whose requirement keeps it out; null when it is the line itself.
    pub(super) package: Option<String>,
    /// That package's version.
    pub(super) version: Option<String>,
    /// What is asked for, as written; or a sentence when no single requirement is to blame.
    pub(super) wants: String,
}

/// How a package stands on one target, and how it could.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OutlookV1 {
    /// The target.
    pub(super) target: String,
    /// Its verdict now.
    pub(super) verdict: VerdictV1,
    /// Why, in a few words.
    pub(super) reason: String,
    /// `Requires-Python` of it, where that alone keeps it from the target: the build with the GIL is left out as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requires_python: Option<String>,
    /// What was found among its newer versions; null when there was no listing to search.
    pub(super) search: Option<SearchV1>,
    /// What it gets when the plan is followed.
    pub(super) after: AfterV1,
    /// When it has to be built even then, and that does not keep the GIL off: what is foreseen of the newest version. Null
    /// when there is no newer one, or when that has not to be built.
    pub(super) newer_build: Option<NewerBuildV1>,
}

/// What is foreseen of the newest version of a package.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NewerBuildV1 {
    /// The version.
    pub(super) version: String,
    /// What a build of it would become.
    pub(super) build: ForecastV1,
}

/// What a package gets when the plan is followed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AfterV1 {
    /// Its version; null when it leaves the set, or when it could not be found out.
    pub(super) version: Option<String>,
    /// Its verdict; null when it leaves the set.
    pub(super) verdict: Option<VerdictV1>,
    /// Why, in a few words.
    pub(super) reason: String,
    /// For `build`: what is foreseen of it, as far as the sources were read. Null for a Python with the GIL, for a folder of
    /// sources, and where a newer version is ready but held back.
    pub(super) build: Option<ForecastV1>,
}

/// A search among the versions of a package, from the one in the set upwards.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SearchV1 {
    /// The oldest version that was found ready; null when none was.
    pub(super) oldest: Option<String>,
    /// The newest version that was found ready; null when none was.
    pub(super) newest: Option<String>,
    /// Whether the version right before `oldest` was looked at and is not ready, or there is none: `confirmed` or `open`.
    pub(super) border: BorderV1,
    /// Versions newer than the one in the set; without pre-releases unless that one is one.
    pub(super) versions: usize,
    /// Those of them that have a file which the target takes, with the compiled modules that its platform could have.
    pub(super) fitting: usize,
    /// Those of them that do not allow the target's Python (`Requires-Python`); not there when all do.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(default)]
    pub(super) other_python: usize,
    /// What was looked at, oldest first.
    pub(super) probes: Vec<ProbeV1>,
    /// The newest pre-release, when it is newer than all of them and was left out.
    pub(super) prerelease: Option<String>,
    /// Where no newer version was found ready: the newest one that works and is older than the one in the set; it may lack its
    /// compiled modules.
    pub(super) older: Option<String>,
    /// Requests that the looks may cost where nothing is cached, for the listing and the version in the set included.
    pub(super) requests: u64,
}

/// What is known of the versions before the oldest ready one.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BorderV1 {
    /// The version right before it is not ready, or there is none.
    Confirmed,
    /// The version right before it was not looked at, or could not be read.
    Open,
}

/// A look at one version.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProbeV1 {
    /// The version.
    pub(super) version: String,
    /// What was found, which may be the first thing that speaks against it.
    pub(super) verdict: VerdictV1,
    /// Why, in a few words.
    pub(super) reason: String,
    /// What was looked at.
    pub(super) seen: SeenV1,
}

/// What a probe rests on.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SeenV1 {
    /// The names of its files.
    Names,
    /// The bytes of its file.
    Bytes,
}

/// A package that the plan moves without being about it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MoveV1 {
    /// Normalised name.
    pub(super) name: String,
    /// The version now; null when it comes in.
    pub(super) from: Option<String>,
    /// The version after; null when it goes.
    pub(super) to: Option<String>,
    /// Packages that require it after the plan.
    pub(super) required_by: Vec<String>,
    /// Requirements that do not go together with the version now.
    pub(super) because: Vec<MoveReasonV1>,
}

/// A requirement that moves a package: its own, or one that it does not meet.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MoveReasonV1 {
    /// The package that requires.
    pub(super) package: String,
    /// Its version.
    pub(super) version: String,
    /// What it requires.
    pub(super) required: String,
    /// Which versions, as written.
    pub(super) wants: String,
}

/// A package that the plan makes worse.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Worse {
    /// Normalised name.
    pub(super) name: String,
    /// On which target.
    pub(super) target: String,
    /// The version now; null when it comes in.
    pub(super) from: Option<String>,
    /// The verdict now; null when it comes in.
    pub(super) before: Option<VerdictV1>,
    /// The version after.
    pub(super) to: Option<String>,
    /// The verdict after.
    pub(super) after: VerdictV1,
    /// Why, in a few words.
    pub(super) reason: String,
}

/// A bound on a package of which an installer takes a version that is not fine otherwise.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BoundLineV1 {
    /// The line that asks for the package; null where only other packages require it.
    pub(super) place: Option<PlaceV1>,
    /// The file in which a line is to be added, where `place` is null.
    pub(super) file: Option<String>,
    /// The package.
    pub(super) name: String,
    /// The bound, such as `<13`.
    pub(super) bound: String,
    /// The requirement with the bound.
    pub(super) requirement: String,
}

/// One line of a requirements file with another version.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EditV1 {
    /// The line.
    pub(super) place: PlaceV1,
    /// The package that it pins.
    pub(super) name: String,
    /// The version that it pins now.
    pub(super) from: String,
    /// The version that it is to pin.
    pub(super) to: String,
    /// SHA-256 of all files of that version, as the index states it; null when the line has no digests.
    pub(super) sha256: Option<Vec<String>>,
}

/// What to type, for a file that a tool writes itself or for an environment.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CommandV1 {
    /// The file, or the environment's folder.
    pub(super) file: String,
    /// The command; empty when the file does not tell which tool made it.
    pub(super) command: String,
    /// Packages with their new versions, `name==version`.
    pub(super) packages: Vec<String>,
}

/// Counts of a plan.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Summary")]
pub(super) struct PlanSummaryV1 {
    /// Packages (names) in the set now.
    pub(super) packages: usize,
    /// Those of which nothing speaks against every target now.
    pub(super) good_before: usize,
    /// Packages (names) in the set after the plan.
    pub(super) packages_after: usize,
    /// Those of which nothing speaks against every target then.
    pub(super) good_after: usize,
    /// Requests sent in all: what a run cost, which differs from run to run, and stands here only with `generated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requests: Option<u64>,
    /// Bytes of distribution files that came over the network; only with `generated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bytes_fetched: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
