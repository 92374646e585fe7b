//! Version 1 of the facts in an inspection's JSON that are about more than one hook. Frozen like the report's.

use schemars::JsonSchema;
use serde::Serialize;

use super::parts_v1::FactV1;
use super::v1;

/// What a wheel says of itself beside its modules.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DistributionV1 {
    /// Level of the classifier `Programming Language :: Python :: Free Threading`, 1 to 4; 0 when it has none.
    pub(super) free_threading: FactV1<u8>,
    /// `Requires-Python`; empty when it is missing.
    pub(super) requires_python: FactV1<String>,
    /// What the tags of the file's name claim.
    pub(super) name_claims: FactV1<Vec<TagClaimV1>>,
    /// What the tags in the `WHEEL` file claim.
    pub(super) wheel_claims: FactV1<Vec<TagClaimV1>>,
    /// Its compiled files, modules or not, by path.
    pub(super) natives: FactV1<Vec<NativeV1>>,
}

/// What a wheel's tag claims.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TagClaimV1 {
    /// The Python and ABI tag.
    pub(super) tag: String,
    /// What it stands for.
    pub(super) claim: ClaimV1,
}

/// What a name claims of the ABI that a compiled file needs.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ClaimV1 {
    /// The ABI of CPython; null when none is claimed, or another interpreter's.
    pub(super) abi: Option<v1::AbiV1>,
    /// The tag of another interpreter.
    pub(super) other: Option<String>,
}

/// A compiled file.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NativeV1 {
    /// Path inside the wheel.
    pub(super) path: String,
    /// What it is.
    pub(super) kind: NativeKindV1,
    /// What its name claims.
    pub(super) claim: ClaimV1,
    /// The ABI of each of its images; empty when it is no module or was not read.
    pub(super) abis: Vec<v1::AbiV1>,
}

/// What a compiled file is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NativeKindV1 {
    /// It has a hook by which an interpreter imports it under its name.
    Module,
    /// No hook for its name.
    Library,
    /// A program.
    Program,
    /// Not unpacked: its name says that no interpreter imports it.
    Unread,
}

/// What imports say of the stable ABI.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LimitedApiV1 {
    /// Imported symbols of CPython outside of the stable ABI.
    pub(super) outside: Vec<String>,
    /// Imported symbols that look like CPython's and are not, by any list.
    pub(super) foreign: Vec<String>,
    /// Imported symbols of the stable ABI that a version after 3.2 added.
    pub(super) added: Vec<StableSymbolV1>,
    /// Oldest minor version of CPython 3 that has all symbols of the stable ABI that are imported; null without any.
    pub(super) oldest: Option<u8>,
    /// The least `Py_LIMITED_API` (minor version) that makes headers produce these imports; null when none tells.
    pub(super) compiled_for: Option<u8>,
}

/// A symbol of the stable ABI.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StableSymbolV1 {
    /// Its name.
    pub(super) symbol: String,
    /// The minor version of CPython 3 that added it.
    pub(super) since: u8,
    /// Whether the file loads without it.
    pub(super) optional: bool,
}

/// What imports say of a claim to the stable ABI.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AuditV1 {
    /// The claim, as written.
    pub(super) claim: String,
    /// The oldest minor version that is claimed; null when the claim leaves it open.
    pub(super) oldest: Option<u8>,
    /// Imported symbols of CPython outside of the stable ABI.
    pub(super) outside: Vec<String>,
    /// Imported symbols of the stable ABI that the oldest claimed version does not have.
    pub(super) too_new: Vec<StableSymbolV1>,
}

/// An imported function of the C API that wants care where several threads run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct HazardV1 {
    /// The symbol.
    pub(super) symbol: String,
    /// The level that CPython's documentation gives it; null when it gives none.
    pub(super) level: Option<HazardLevelV1>,
    /// Why it is listed apart from its level; null when the level is all.
    pub(super) concern: Option<ConcernV1>,
    /// What to call instead; null when there is nothing.
    pub(super) replacement: Option<ReplacementV1>,
    /// Whose doing the import is.
    pub(super) origin: OriginV1,
    /// The places in the code that refer to it; null when they were not counted.
    pub(super) call_sites: Option<CallSitesV1>,
}

/// The levels of CPython's documentation.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Level")]
pub(super) enum HazardLevelV1 {
    /// Not to be called while other threads run.
    Incompatible,
    /// Only while nobody else works on the same objects.
    Compatible,
    /// Fine as long as each thread works on objects of its own.
    Distinct,
    /// Fine on shared objects; several calls are not one step.
    Shared,
}

/// What is to be thought of besides the documented level.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ConcernV1 {
    /// It returns a reference that somebody else owns, and that may end at any time.
    BorrowedReference,
    /// It returns a reference that its owner keeps for as long as it lives.
    OwnedByArgument,
    /// It takes or passes on a thread state, which excludes no other thread any more.
    ThreadState,
    /// It is left over from the GIL.
    Obsolete,
    /// It takes memory of the domain that is for Python objects only.
    ObjectMemory,
    /// It replaces allocators.
    AllocatorHook,
    /// It sets or tests a reference count.
    ReferenceCount,
}

/// What to call instead of a function.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReplacementV1 {
    /// The function or macro.
    pub(super) name: String,
    /// The minor version of CPython 3 that brought it; null when it was always there.
    pub(super) since: Option<u8>,
    /// The minor version that brought it to the limited API; null when it is not there.
    pub(super) limited_since: Option<u8>,
}

/// Whose doing an import is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OriginV1 {
    /// The author's.
    Author,
    /// The generator's run-time support imports it too.
    Generator,
    /// It is not known what the generator imports by itself.
    Unclear,
}

/// References of code to an import.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CallSitesV1 {
    /// How many were found.
    pub(super) count: u32,
    /// Address of one of them, in hexadecimal.
    pub(super) example: Option<String>,
    /// Names of functions that hold some.
    pub(super) functions: Vec<String>,
}

/// A sign that somebody has prepared the code for several threads.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PortingSignV1 {
    /// What kind of sign.
    pub(super) kind: PortingKindV1,
    /// The imported symbols that show it.
    pub(super) symbols: Vec<String>,
    /// Whose doing they are.
    pub(super) origin: OriginV1,
}

/// Kinds of signs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PortingKindV1 {
    /// `Py_BEGIN_CRITICAL_SECTION`
    CriticalSection,
    /// `PyMutex`
    PyMutex,
    /// `PyThread_acquire_lock` and the like
    PythonLock,
    /// `std::mutex` and its relatives
    StdMutex,
    /// Locks of POSIX threads
    Pthread,
    /// Locks of Windows
    WindowsLock,
    /// Functions that run once
    CallOnce,
    /// Variables of a C++ function that are made when first needed
    LocalStatic,
    /// Functions that return strong references
    StrongReference,
    /// Functions that ask whether an object is referenced once
    UniqueReference,
}

/// Memory that all threads share and that code may write to.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WritableDataV1 {
    /// Bytes that start with a value.
    pub(super) initialised: u64,
    /// Bytes that start as zero.
    pub(super) zeroed: u64,
    /// Pointer-sized globals that the loader points to something in the same image.
    pub(super) pointers: u64,
}

/// What the instructions show. Only what is certain was counted, so each number is a lower bound.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CodeV1 {
    /// Bytes of code that were read.
    pub(super) bytes: u64,
    /// Whether that is all of its code.
    pub(super) is_complete: bool,
    /// Inline reference counting that only the GIL protects.
    pub(super) non_atomic_counting: SightingsV1,
    /// Inline reference counting of the free-threaded build.
    pub(super) biased_counting: SightingsV1,
    /// Tests whether an object's reference count is exactly one.
    pub(super) sole_owner_tests: SightingsV1,
    /// Atomic instructions that have nothing to do with reference counting.
    pub(super) atomics: SightingsV1,
    /// Calls of imported functions of the C API, by name.
    pub(super) calls: Vec<ImportCallsV1>,
}

/// How often something was seen in code.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SightingsV1 {
    /// How often.
    pub(super) count: u32,
    /// Address of the first, in hexadecimal; null when there was none.
    pub(super) example: Option<String>,
}

/// Calls of one imported function.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ImportCallsV1 {
    /// The function's name.
    pub(super) function: String,
    /// Where it is called.
    pub(super) sites: CallSitesV1,
}

/// Value of the slot `Py_mod_multiple_interpreters`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum InterpretersV1 {
    /// There is no such slot.
    Absent,
    /// The main interpreter only.
    NotSupported,
    /// Sub-interpreters that share the main interpreter's GIL.
    Supported,
    /// Sub-interpreters with a GIL of their own.
    PerInterpreterGil,
    /// A value that no version defines.
    Undefined,
}
