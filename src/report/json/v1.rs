//! Version 1 of the report's JSON. Frozen: fields may be added, none removed, renamed or given another meaning.
//! The doc lines are the descriptions in the JSON Schema.

mod artifact;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gate_v1::GateV1;
pub(super) use super::parts_v1::{EvidenceV1, PlaceV1, SCHEMA_VERSION, VerdictV1};
pub(super) use super::problem_v1::{ProblemKindV1, ProblemV1};
pub(in crate::report) use artifact::OtherBuildV1;
pub(super) use artifact::{ArtifactKindV1, ArtifactV1, FileCheckV1};

/// What a scan found, as `ungil scan --format json` writes it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "ungil report", extend("$id" = "https://github.com/ungil/ungil/blob/main/docs/report.schema.json"))]
pub(super) struct ReportV1 {
    /// Version of this format: 1.
    pub(super) schema_version: u32,
    /// When the report was made, in RFC 3339; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) generated: Option<String>,
    /// The configuration file that was followed, as it was found; only when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) configuration: Option<String>,
    /// Targets, such as `cp314t-linux-x86_64`, in the order asked for.
    pub(super) targets: Vec<String>,
    /// Lock files that leave a target out, by target; not there when none does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) excluded: Vec<ExcludedTargetV1>,
    /// One for each name and version, and for each environment that holds it; sorted.
    pub(super) packages: Vec<PackageV1>,
    /// What rules say of the packages, in the order of the packages, the worst first.
    pub(super) findings: Vec<FindingV1>,
    /// What could not be looked at, sorted.
    pub(super) problems: Vec<ProblemV1>,
    /// Counts.
    pub(super) summary: SummaryV1,
    /// What a policy makes of it; only when one was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gate: Option<GateV1>,
}

/// One version of a package.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PackageV1 {
    /// Normalised name.
    pub(super) name: String,
    /// Version; null when it could not be found out.
    pub(super) version: Option<String>,
    /// The paths of requirements that led to it.
    pub(super) required_by: Vec<RequiredByV1>,
    /// One for each target that gets this version, in the order of the targets.
    pub(super) results: Vec<TargetResultV1>,
}

/// A path of requirements.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::report) struct RequiredByV1 {
    /// The place in the input that asked for the first package of the path.
    pub(in crate::report) place: PlaceV1,
    /// From the package that was asked for to the one that requires this one; empty when this one was asked for itself.
    pub(in crate::report) path: Vec<String>,
}

/// What is said of a package on one target.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TargetResultV1 {
    /// The target.
    pub(super) target: String,
    /// The verdict.
    pub(super) verdict: VerdictV1,
    /// Why, in a few words; the findings tell the whole.
    pub(super) reason: String,
    /// For `ready`: who declared that the GIL is not needed, each once.
    pub(super) declared_by: Vec<DeclaredByV1>,
    /// The file that an installer would choose; null when there is none.
    pub(super) artifact: Option<ArtifactV1>,
    /// For `build` on a free-threaded target: what is foreseen of the build, read from the sources, which are never run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) build: Option<Box<super::build_v1::ForecastV1>>,
    /// Whether the lock file that pins it lacks the file, because it leaves the target out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(default)]
    pub(super) not_in_lock: bool,
    /// For `blocked`: `Requires-Python` of the version, where that alone is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) requires_python: Option<String>,
    /// What an installer would choose on the same Python's build with the GIL, when that is another version or another kind
    /// of file; null otherwise, and where it was not compared.
    pub(super) other_build: Option<OtherBuildV1>,
    /// Large libraries of the file that were not fetched, by path: their beginnings leave open whether they can be imported,
    /// and no Python file of the same wheel imports them.
    pub(super) left_out: Vec<String>,
    /// Compiled files that look like modules and that the verdict does not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) passed_over: Vec<PassedOverV1>,
    /// Every compiled module that the target would load, by path.
    pub(super) modules: Vec<ModuleV1>,
}

/// A target that a lock file leaves out. Its packages are judged by the files that the index has of the locked versions.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ExcludedTargetV1 {
    /// The target.
    pub(super) target: String,
    /// The line that leaves it out.
    pub(super) place: PlaceV1,
    /// What the file is locked for instead: `Python >=3.11, <3.14`.
    pub(super) locked_for: String,
    /// What to change before the file is made again, as an imperative.
    pub(super) change: String,
    /// What to run then, where the file is; empty when the tool that wrote it is not known.
    pub(super) command: String,
}

/// A compiled file that the verdict does not count.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::report) struct PassedOverV1 {
    /// Path inside the file.
    pub(in crate::report) path: String,
    /// `behind-package`, `behind-file`, `dotted-name` or `debug-build`.
    pub(in crate::report) why: String,
    /// The same in words, with the file that is taken instead.
    pub(in crate::report) because: String,
}

/// Who declared that a module does not need the GIL.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeclaredByV1 {
    /// Who.
    pub(super) who: DeclarerV1,
    /// The framework with its version, or the module that declares on behalf of this one; null otherwise.
    pub(super) name: Option<String>,
}

/// Kinds of declarers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DeclarerV1 {
    /// The author: the generator's default is to say nothing.
    Author,
    /// The framework, by default; the author may never have thought of it.
    Framework,
    /// Another module on its behalf.
    Delegate,
    /// It could not be made out which of them.
    Unclear,
}

/// A compiled module, and what importing it on the target does.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ModuleV1 {
    /// Path inside the artifact.
    pub(super) path: String,
    /// Dotted name under which it is imported.
    pub(super) module: String,
    /// What the import does to the GIL.
    pub(super) gil: GilV1,
    /// Why, for programs.
    pub(super) cause: CauseV1,
    /// Why, for people: what decided, or why it is unknown.
    pub(super) reason: String,
    /// The module that decides when `gil` is `delegated`.
    pub(super) delegate: Option<String>,
    /// Who made the declaration, when there is one that keeps the GIL off.
    pub(super) declared_by: Option<DeclaredByV1>,
    /// How the module is initialised; null when unknown.
    pub(super) init: Option<InitV1>,
    /// What it was compiled for; null when unknown.
    pub(super) abi: Option<AbiV1>,
    /// What generated it; null when unknown.
    pub(super) toolchain: Option<ToolchainV1>,
    /// What a person can check.
    pub(super) evidence: Vec<EvidenceV1>,
}

/// What importing a module does to the GIL.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GilV1 {
    /// It stays off.
    NotUsed,
    /// It is switched back on.
    Used,
    /// Another file decides.
    Delegated,
    /// The import fails or crashes, or the target never looks for this file.
    NotLoadable,
    /// It could not be found out.
    Unknown,
}

/// Why an import does what it does to the GIL.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CauseV1 {
    /// The module declares that it does not need the GIL.
    DeclaredNotUsed,
    /// The module declares that it needs the GIL.
    DeclaredUsed,
    /// The module declares nothing.
    Undeclared,
    /// Another module declares on its behalf.
    Delegated,
    /// Compiled for the memory layout of another build.
    ForeignAbi,
    /// `Py_mod_abi` names another build or version, so the import is refused.
    AbiInfoMismatch,
    /// The definition has slot ids that this version does not know, so the import is refused.
    UnknownSlot,
    /// The file has hooks, but none under the name that the import system looks for.
    NoMatchingHook,
    /// The image is for another processor or system.
    ForeignPlatform,
    /// What decides could not be read.
    Unreadable,
    /// The target is a build with the GIL, which is always on.
    BuildWithGil,
    /// The target's import system does not load a file of this name; only in inspections.
    NotLookedFor,
}

/// How a module is initialised.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum InitV1 {
    /// The hook returns a module.
    SinglePhase,
    /// The hook returns a definition (PEP 489).
    MultiPhase,
    /// The hook returns slots (PEP 793).
    Export,
}

/// What a module was compiled for.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AbiV1 {
    /// The flavour.
    pub(super) flavour: FlavourV1,
    /// Oldest minor version of CPython 3 that fits; null when open.
    pub(super) oldest: Option<u8>,
    /// Newest minor version of CPython 3 that fits; null when open.
    pub(super) newest: Option<u8>,
}

/// ABI flavours.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FlavourV1 {
    /// One version's build with the GIL.
    Gil,
    /// One version's free-threaded build.
    FreeThreaded,
    /// The stable ABI of builds with the GIL.
    Abi3,
    /// The stable ABI of both builds (PEP 803).
    Abi3t,
    /// For builds with the GIL; whether one version's or the stable ABI the bytes do not tell.
    GilOrAbi3,
}

/// What generated a module.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::report) struct ToolchainV1 {
    /// The generator: `cython`, `pyo3`, `pybind11`, …, or `c-api` when no generator's mark was found.
    pub(in crate::report) generator: String,
    /// Its version; null when the bytes do not tell.
    pub(in crate::report) version: Option<String>,
}

/// One rule's word on a package, or on one module of it, for one target.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FindingV1 {
    /// The package.
    pub(super) package: String,
    /// Its version; null when it could not be found out.
    pub(super) version: Option<String>,
    /// The environment, or the folder of wheels, that holds the package; only where one of these was scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) found_in: Option<String>,
    /// The target.
    pub(super) target: String,
    /// The rule's id.
    pub(super) rule: String,
    /// How much it weighs.
    pub(super) level: LevelV1,
    /// Whether the rule's condition holds, or could not be found out.
    pub(super) certainty: CertaintyV1,
    /// The verdict that it leads to by itself; null for warnings and hints.
    pub(super) verdict: Option<VerdictV1>,
    /// The member concerned; null when the whole package is.
    pub(super) module: Option<String>,
    /// A few words for tables: of a package a clause, of a module its predicate without its name.
    pub(super) summary: String,
    /// One sentence: what was found.
    pub(super) message: String,
    /// One sentence: what to do about it.
    pub(super) help: String,
    /// What to use instead of the package; only where the rule names something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alternative: Option<String>,
    /// What a person can check.
    pub(super) evidence: Vec<EvidenceV1>,
}

/// How much a finding weighs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LevelV1 {
    /// For maintainers.
    Hint,
    /// Worth a look.
    Warning,
    /// Decides the verdict.
    Decides,
}

/// Whether a rule's condition holds.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CertaintyV1 {
    /// It holds.
    Holds,
    /// Whether it holds could not be found out.
    Unknown,
}

/// Counts of the run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SummaryV1 {
    /// Packages (names).
    pub(super) packages: usize,
    /// Distribution files looked into.
    pub(super) files: usize,
    /// Compiled modules looked at.
    pub(super) modules: usize,
    /// Bytes of distribution files that came over the network.
    pub(super) bytes_fetched: u64,
    /// Bytes that those files have in all, those that the cache remembers among them.
    pub(super) bytes_total: u64,
    /// Problems.
    pub(super) problems: usize,
}
