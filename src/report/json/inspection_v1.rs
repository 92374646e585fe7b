//! Version 1 of the inspection's JSON: the report's `modules[]` objects, with every fact. Frozen like the report's.

use schemars::JsonSchema;
use serde::Serialize;

pub(super) use super::facts_v1::{
    AuditV1, ClaimV1, CodeV1, DistributionV1, HazardV1, InterpretersV1, LimitedApiV1,
    PortingSignV1, WritableDataV1,
};
pub(super) use super::parts_v1::FactV1;
use super::v1;

/// What compiled files say of themselves, as `ungil inspect --format json` writes it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(
    title = "ungil inspection",
    extend("$id" = "https://github.com/ungil/ungil/blob/main/docs/inspection.schema.json")
)]
pub(super) struct InspectionV1 {
    /// Version of this format: 1.
    pub(super) schema_version: u32,
    /// Targets, in the order asked for.
    pub(super) targets: Vec<String>,
    /// The files that were named, in that order.
    pub(super) artifacts: Vec<InspectedArtifactV1>,
    /// One for each compiled file and target, in the order of the files, then of the targets.
    pub(super) modules: Vec<InspectedModuleV1>,
    /// What could not be looked at, sorted.
    pub(super) problems: Vec<v1::ProblemV1>,
}

/// A file that was named: a wheel, a source distribution, or a compiled file by itself.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Artifact")]
pub(super) struct InspectedArtifactV1 {
    /// The file as it was named.
    pub(super) name: String,
    /// The build backend that a wheel names; null when it is no wheel or names none.
    pub(super) generator: Option<String>,
    /// The tags that the wheel's `WHEEL` file states.
    pub(super) tags: Vec<String>,
    /// Whether it says that its root is pure Python; null when it says nothing.
    pub(super) root_is_purelib: Option<bool>,
    /// Number of compiled files in it.
    pub(super) compiled_files: usize,
    /// What a wheel or source distribution says of itself beside its modules; null for other files.
    pub(super) distribution: Option<DistributionV1>,
    /// What the sources say and what a build of them would become; null when it is no source distribution.
    pub(super) sources: Option<super::sources_v1::SourcesV1>,
}

/// A compiled file on one target, with every fact.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Module")]
pub(super) struct InspectedModuleV1 {
    /// The file that was named: an artifact's `name`.
    pub(super) artifact: String,
    /// The target.
    pub(super) target: String,
    /// What the report says of a module.
    #[serde(flatten)]
    pub(super) module: v1::ModuleV1,
    /// Size of the file in bytes.
    pub(super) size: u64,
    /// What the file's name claims.
    pub(super) claim: ClaimV1,
    /// One for each architecture: a universal Mach-O file holds several.
    pub(super) images: Vec<ImageV1>,
    /// How the hooks that the file's name asks for were followed; empty unless `--explain` asked for it.
    pub(super) explanations: Vec<ExplanationV1>,
}

/// How one hook was followed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ExplanationV1 {
    /// The hook's symbol.
    pub(super) hook: String,
    /// Architecture of its image.
    pub(super) architecture: String,
    /// The path that decided: calls in their order, branches on unknowns, what was read at the end.
    pub(super) steps: Vec<v1::EvidenceV1>,
    /// Instructions followed on all paths.
    pub(super) instructions: u64,
    /// Branches on unknowns on all paths.
    pub(super) branches: u64,
}

/// One image: a file, or a slice of a universal file.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ImageV1 {
    /// Container format.
    pub(super) format: FormatV1,
    /// Architecture in the words of the wheel tags.
    pub(super) architecture: String,
    /// The functions by which an interpreter could import a module from this image.
    pub(super) hooks: FactV1<Vec<HookV1>>,
    /// Imported symbols of the C API, sorted.
    pub(super) python_imports: FactV1<Vec<String>>,
    /// Exported symbols that look like the C API's, hooks left out, sorted.
    pub(super) python_exports: FactV1<Vec<String>>,
    /// Libraries that the image needs, in the file's order.
    pub(super) libraries: FactV1<Vec<String>>,
    /// What the code was compiled for.
    pub(super) abi: FactV1<v1::AbiV1>,
    /// How reference counts are changed.
    pub(super) refcounts: FactV1<RefcountsV1>,
    /// The tool that generated the module.
    pub(super) toolchain: FactV1<v1::ToolchainV1>,
    /// What the imports say of the stable ABI.
    pub(super) limited_api: FactV1<LimitedApiV1>,
    /// For each claim to the stable ABI, by the file's name or the wheel's tags: what the imports say of it.
    pub(super) audits: Vec<AuditV1>,
    /// Imported functions of the C API that want care where several threads run.
    pub(super) hazards: FactV1<Vec<HazardV1>>,
    /// Signs that somebody has prepared the code for several threads.
    pub(super) porting: FactV1<Vec<PortingSignV1>>,
    /// Memory that all threads share and that code may write to.
    pub(super) writable_data: FactV1<WritableDataV1>,
    /// What its instructions show.
    pub(super) code: FactV1<CodeV1>,
}

/// Container formats.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum FormatV1 {
    /// Linux and other Unix systems.
    Elf,
    /// macOS.
    MachO,
    /// Windows.
    Pe,
}

/// How reference counts are changed.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RefcountsV1 {
    /// Inline and not atomic: the GIL protects them.
    InlineNonAtomic,
    /// Inline and biased, for the free-threaded build.
    InlineBiased,
    /// By function calls.
    Calls,
    /// Nothing tells of any.
    NoneSeen,
}

/// One importable function and what following it shows.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct HookV1 {
    /// The exported symbol.
    pub(super) symbol: String,
    /// Which kind of hook.
    pub(super) kind: HookKindV1,
    /// The last component of the module's name.
    pub(super) module: String,
    /// Virtual address of the function, in hexadecimal.
    pub(super) address: String,
    /// Whether this file's name makes the import system look for this hook.
    pub(super) matches_file_name: bool,
    /// How the module is initialised.
    pub(super) init: FactV1<v1::InitV1>,
    /// What the module says of the GIL.
    pub(super) gil: FactV1<DeclarationV1>,
    /// `Py_mod_abi`; the value is null when it is unknown, and has `present: false` when there is no such slot.
    pub(super) abi_info: FactV1<AbiInfoV1>,
    /// Slot ids in the order of the definition, as stored.
    pub(super) slots: FactV1<Vec<u32>>,
    /// `Py_mod_multiple_interpreters`: `absent`, `not-supported`, `supported`, `per-interpreter-gil` or `undefined`.
    pub(super) interpreters: FactV1<InterpretersV1>,
}

/// The two kinds of hooks.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HookKindV1 {
    /// `PyInit_…`
    Init,
    /// `PyModExport_…` (PEP 793).
    Export,
}

/// What a module says of the GIL.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeclarationV1 {
    /// How it says it.
    pub(super) by: DeclaredHowV1,
    /// The stored value or the argument; null when nothing is said here.
    pub(super) value: Option<u64>,
    /// The module that says it on this one's behalf.
    pub(super) delegate: Option<String>,
}

/// How a module says whether it needs the GIL.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum DeclaredHowV1 {
    /// A slot `Py_mod_gil`.
    Slot,
    /// A call of `PyUnstable_Module_SetGIL`.
    SetGil,
    /// Nothing is said.
    Absent,
    /// What is imported is no module, which counts as using the GIL.
    NotAModule,
    /// Another file says it.
    Delegated,
}

/// `PyABIInfo`, as stored.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AbiInfoV1 {
    /// Whether the definition has a slot `Py_mod_abi`; the other fields are null when it has not.
    pub(super) present: bool,
    /// `abiinfo_major_version` and `abiinfo_minor_version`.
    pub(super) structure: Option<(u8, u8)>,
    /// `flags`: 1 stable, 2 GIL, 4 free-threaded, 8 internal.
    pub(super) flags: Option<u16>,
    /// `build_version`, in hexadecimal.
    pub(super) build_version: Option<String>,
    /// `abi_version`, in hexadecimal.
    pub(super) abi_version: Option<String>,
}
