//! What a compiled file says of itself, whatever the target: read from its bytes, judged by nobody yet.
//!
//! Every fact may be unreadable, so every fact is a [`Fact`]: known with evidence, or unknown with the reason.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;

/// Something read from a file, or the reason why it could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact<T> {
    /// It was read.
    Known {
        /// What was read.
        value: T,
        /// Where it was seen.
        evidence: Vec<Evidence>,
    },
    /// It could not be read.
    Unknown {
        /// Why, in words that end a sentence starting with "unknown because".
        why: String,
        /// What was seen on the way.
        evidence: Vec<Evidence>,
    },
}

impl<T> Default for Fact<T> {
    /// Unknown, because nobody looked.
    fn default() -> Fact<T> {
        Fact::unknown("it was not looked at")
    }
}

impl<T> Fact<T> {
    /// A known fact.
    pub fn known(value: T, evidence: Vec<Evidence>) -> Fact<T> {
        Fact::Known { value, evidence }
    }

    /// An unknown fact.
    pub fn unknown(why: impl Into<String>) -> Fact<T> {
        Fact::Unknown { why: why.into(), evidence: Vec::new() }
    }

    /// The value, when it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Fact::Known { value, .. } => Some(value),
            Fact::Unknown { .. } => None,
        }
    }

    /// Where it was seen, or what was seen on the way.
    pub fn evidence(&self) -> &[Evidence] {
        match self {
            Fact::Known { evidence, .. } | Fact::Unknown { evidence, .. } => evidence,
        }
    }
}

/// One compiled file: all that was read from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleFacts {
    /// Path inside the artifact, or as given.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// One for each architecture: a universal Mach-O file holds several.
    pub images: Vec<ImageFacts>,
}

/// Container formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Linux and other Unix systems.
    Elf,
    /// macOS.
    MachO,
    /// Windows.
    Pe,
}

/// One image: a file, or a slice of a universal file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Container format.
    pub format: Format,
    /// Architecture in the words of the wheel tags: `x86_64`, `aarch64`, `i686`, `armv7l`, …
    pub architecture: String,
    /// The functions by which an interpreter could import a module from this image, in the order of their names.
    pub hooks: Fact<Vec<Hook>>,
    /// Imported symbols that belong to the C API (`Py…`, `_Py…`), sorted, undecorated.
    pub python_imports: Fact<Vec<String>>,
    /// Exported symbols that look like the C API's, sorted, undecorated; hooks are not among them.
    pub python_exports: Fact<Vec<String>>,
    /// Libraries that the image names as needed, in the file's order.
    pub libraries: Fact<Vec<String>>,
    /// Which interpreters' memory layout the code was compiled for.
    pub abi: Fact<Abi>,
    /// How reference counts are changed.
    pub refcounts: Fact<Refcounts>,
    /// The tool that generated the module.
    pub toolchain: Fact<Toolchain>,
    /// What its imports say of the stable ABI.
    #[serde(default)]
    pub limited_api: Fact<LimitedApi>,
    /// Imported functions of the C API that want care where several threads run, by symbol.
    #[serde(default)]
    pub hazards: Fact<Vec<Hazard>>,
    /// Signs that somebody has prepared the code for several threads, by kind.
    #[serde(default)]
    pub porting: Fact<Vec<PortingSign>>,
    /// Memory that all threads of a process share, and that code may write to.
    #[serde(default)]
    pub writable_data: Fact<WritableData>,
    /// What its instructions show.
    #[serde(default)]
    pub code: Fact<CodeFacts>,
}

/// One importable function and what following it shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The exported symbol: `PyInit__speedups`, `PyModExport_x`, `PyInitU_…`.
    pub symbol: String,
    /// Which kind of hook.
    pub kind: HookKind,
    /// The last component of the module's name, decoded.
    pub module: String,
    /// Virtual address of the function.
    pub address: u64,
    /// Whether this file's name makes the import system look for this hook.
    pub matches_file_name: bool,
    /// How the module is initialised.
    pub init: Fact<InitKind>,
    /// What the module says of the GIL.
    pub gil: Fact<Declaration>,
    /// `Py_mod_abi`; the value is `None` when the definition has no such slot.
    pub abi_info: Fact<Option<AbiInfo>>,
    /// Slot ids in the order of the definition, as stored; empty for a module without slots.
    pub slots: Fact<Vec<u32>>,
    /// `Py_mod_multiple_interpreters`; the value is `None` when the definition has no such slot.
    #[serde(default)]
    pub interpreters: Fact<Option<Interpreters>>,
}

/// Value of the slot `Py_mod_multiple_interpreters`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpreters {
    /// 0: the main interpreter only.
    NotSupported,
    /// 1: sub-interpreters that share the main interpreter's GIL.
    Supported,
    /// 2: sub-interpreters with a GIL of their own.
    PerInterpreterGil,
    /// A value that no version defines.
    Other(u64),
}

/// The two kinds of hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HookKind {
    /// `PyInit_…`
    Init,
    /// `PyModExport_…`, called first by CPython 3.15 and newer (PEP 793).
    Export,
}

/// How a module is initialised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InitKind {
    /// The hook returns a module.
    SinglePhase,
    /// The hook returns a definition (PEP 489).
    MultiPhase,
    /// The hook returns slots (PEP 793).
    Export,
}

/// What a module says of the GIL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Declaration {
    /// A slot `Py_mod_gil` with this value. CPython 3.13 and 3.14 take anything but 0 for "not used", 3.15 only 1.
    Slot {
        /// The stored value.
        value: u64,
    },
    /// `PyUnstable_Module_SetGIL` was called with this value before the hook returned.
    SetGil {
        /// The argument.
        value: u64,
    },
    /// Nothing is said; CPython then takes the GIL as used.
    Absent,
    /// Another file says it on this module's behalf.
    Delegated {
        /// The importable module that does, such as `_cffi_backend`.
        to: String,
    },
}

/// `PyABIInfo`, as stored (CPython 3.15 and newer).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AbiInfo {
    /// `abiinfo_major_version`; 0 switches every check off.
    pub major: u8,
    /// `abiinfo_minor_version`.
    pub minor: u8,
    /// `flags`: 1 stable, 2 GIL, 4 free-threaded, 8 internal.
    pub flags: u16,
    /// `build_version`, as `PY_VERSION_HEX`.
    pub build_version: u32,
    /// `abi_version`, as `PY_VERSION_HEX`.
    pub abi_version: u32,
}

/// Which interpreters' memory layout the code was compiled for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Abi {
    /// The flavour.
    pub flavour: Flavour,
    /// Minor versions of CPython 3 that fit, as far as the bytes tell: (oldest, newest), each `None` when open.
    pub versions: (Option<u8>, Option<u8>),
}

/// ABI flavours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// One version's build with the GIL.
    Gil,
    /// One version's free-threaded build.
    FreeThreaded,
    /// The stable ABI of builds with the GIL.
    Abi3,
    /// The stable ABI of both builds (PEP 803).
    Abi3t,
    /// Compiled for builds with the GIL; whether for one version or for the stable ABI the bytes do not tell.
    GilOrAbi3,
}

/// How `Py_INCREF` and `Py_DECREF` were compiled, as far as symbols tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refcounts {
    /// Inline and not atomic: the GIL protects them (imports `_Py_Dealloc`).
    InlineNonAtomic,
    /// Inline and biased, for the free-threaded build (imports `_Py_DecRefShared`, `_Py_MergeZeroLocalRefcount`).
    InlineBiased,
    /// By function calls (imports `_Py_IncRef`, `Py_IncRef` and the like).
    Calls,
    /// No symbol tells of any.
    NoneSeen,
}

/// The generator, with its version where the bytes tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchain {
    /// Which generator.
    pub generator: Generator,
    /// Version as text, such as `3.2.9`.
    pub version: Option<String>,
}

/// Generators of extension modules that leave recognisable marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each name is the tool's own")]
pub enum Generator {
    Cython,
    Pybind11,
    Nanobind,
    Pyo3,
    Cffi,
    Swig,
    Mypyc,
    F2py,
    BoostPython,
    Hpy,
    Cppyy,
    Pythran,
    Zig,
    /// No generator's mark was found: written by hand, or by a tool that ungil does not know.
    CApi,
}

/// What an image's imports say of the stable ABI.
///
/// That nothing is outside does not prove that the code was compiled for the stable ABI: small modules for one version
/// look the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitedApi {
    /// Symbols of CPython that it imports and that are not in the stable ABI, sorted.
    pub outside: Vec<String>,
    /// Imported symbols that look like CPython's by name and are not: of another library, or of none known; sorted.
    pub foreign: Vec<String>,
    /// Imported symbols of the stable ABI that a version after 3.2 added, sorted.
    pub added: Vec<StableSymbol>,
    /// Oldest minor version of CPython 3 that has all symbols of the stable ABI that it imports and cannot do without;
    /// `None` when it imports none.
    pub oldest: Option<u8>,
    /// The least `Py_LIMITED_API` (minor version) that makes headers produce a symbol that it imports; `None` when none
    /// tells.
    pub compiled_for: Option<u8>,
}

/// A symbol of the stable ABI.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StableSymbol {
    /// Its name.
    pub symbol: String,
    /// The minor version of CPython 3 that added it.
    pub since: u8,
    /// Whether it loads without it: a weak import.
    pub optional: bool,
}

/// What a claim to the stable ABI turns out to be when the imports are compared with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StableAbiAudit {
    /// The claim, as written: `cp39-abi3`, `.abi3.so`.
    pub claim: String,
    /// The oldest minor version of CPython 3 that is claimed; `None` when the claim leaves it open.
    pub oldest: Option<u8>,
    /// Imported symbols of CPython outside of the stable ABI, sorted.
    pub outside: Vec<String>,
    /// Imported symbols of the stable ABI that the oldest claimed version does not have, sorted.
    pub too_new: Vec<StableSymbol>,
}

/// An imported function of the C API that wants care where several threads run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hazard {
    /// The symbol.
    pub symbol: String,
    /// The level that CPython's documentation gives it; `None` when it gives none.
    pub level: Option<DocumentedLevel>,
    /// Why it is listed apart from its level; `None` when the level is all.
    pub concern: Option<Concern>,
    /// What to call instead.
    pub replacement: Option<Replacement>,
    /// Whose doing the import is.
    pub origin: Origin,
    /// The places in the code that refer to it; `None` when they were not counted.
    #[serde(default)]
    pub call_sites: Option<CallSites>,
}

/// The levels of CPython's documentation, worst first: <https://docs.python.org/3.15/library/threadsafety.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentedLevel {
    /// Not to be called while other threads run.
    Incompatible,
    /// The caller has to see to it that nobody else works on the same objects.
    Compatible,
    /// Fine as long as each thread works on objects of its own.
    Distinct,
    /// Fine on shared objects; several calls are not one step.
    Shared,
}

/// What is to be thought of besides the documented level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Concern {
    /// It returns a reference that somebody else owns, and that may end at any time.
    BorrowedReference,
    /// It returns a reference that its owner keeps for as long as it lives; mostly harmless.
    OwnedByArgument,
    /// It takes or passes on a thread state, which excludes no other thread any more.
    ThreadState,
    /// It is left over from the GIL: it does nothing, or is about to go.
    Obsolete,
    /// It takes memory of the domain that is for Python objects only.
    ObjectMemory,
    /// It replaces allocators, which then must bear being called by several threads.
    AllocatorHook,
    /// It sets a reference count, or tests it, behind the interpreter's back.
    ReferenceCount,
}

/// What to call instead of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The function or macro.
    pub name: String,
    /// The minor version of CPython 3 that brought it; `None` when it was always there.
    pub since: Option<u8>,
    /// The minor version that brought it to the limited API; `None` when it is not there.
    pub limited_since: Option<u8>,
}

/// Whose doing an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The author's: no run-time support of the generator is known to import it, or there is no generator.
    Author,
    /// The generator's run-time support imports it too, so the import does not tell whether the author's code does.
    Generator,
    /// It is not known what the generator, or its version, imports by itself.
    Unclear,
}

/// References of code to an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSites {
    /// How many were found.
    pub count: u32,
    /// Address of one of them.
    pub example: Option<u64>,
    /// Names of functions that hold some, where symbols tell; bounded.
    pub functions: Vec<String>,
}

/// A sign that somebody has prepared the code for several threads. That one is missing says nothing: locks can be made
/// of instructions alone, and libraries can be linked in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortingSign {
    /// What kind of sign.
    pub kind: PortingKind,
    /// The imported symbols that show it, sorted.
    pub symbols: Vec<String>,
    /// Whose doing they are: the author's when one of them is.
    pub origin: Origin,
}

/// Kinds of signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortingKind {
    /// `Py_BEGIN_CRITICAL_SECTION`
    CriticalSection,
    /// `PyMutex`
    PyMutex,
    /// `PyThread_acquire_lock` and the like
    PythonLock,
    /// `std::mutex` and its relatives
    StdMutex,
    /// Locks of POSIX threads, which `std::mutex` of libstdc++ also becomes
    Pthread,
    /// Locks of Windows
    WindowsLock,
    /// `std::call_once`, `pthread_once`, `InitOnceExecuteOnce`
    CallOnce,
    /// Variables of a C++ function that are made when first needed, under a guard
    LocalStatic,
    /// Functions that return strong references where older ones lent them
    StrongReference,
    /// Functions that ask whether an object is referenced once, or take a reference if it still lives
    UniqueReference,
}

/// Memory that all threads share and that code may write to once the image is loaded: a weak sign of shared state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WritableData {
    /// Bytes that start with a value (`.data`), without what the loader seals and without its own tables.
    pub initialised: u64,
    /// Bytes that start as zero (`.bss`).
    pub zeroed: u64,
    /// Pointer-sized globals in it that the loader points to something in this image.
    pub pointers: u64,
}

/// How often something was seen in code, and where first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sightings {
    /// How often.
    pub count: u32,
    /// Virtual address of the first; `None` when there was none.
    pub example: Option<u64>,
}

impl Sightings {
    /// Counts one more.
    pub fn add(&mut self, address: u64) {
        self.count = self.count.saturating_add(1);
        self.example.get_or_insert(address);
    }
}

/// Calls of one imported function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCalls {
    /// The function's undecorated name.
    pub function: String,
    /// Where it is called.
    pub sites: CallSites,
}

/// What the instructions of an image show. Only what is certain was counted, so each number is a lower bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeFacts {
    /// Bytes of code that were read.
    pub bytes: u64,
    /// Whether that is all of its code.
    pub is_complete: bool,
    /// Inline reference counting that only the GIL protects.
    pub non_atomic_counting: Sightings,
    /// Inline reference counting of the free-threaded build.
    pub biased_counting: Sightings,
    /// Tests whether an object's reference count is exactly one.
    pub sole_owner_tests: Sightings,
    /// Atomic instructions that have nothing to do with reference counting.
    pub atomics: Sightings,
    /// Calls of imported functions of the C API, by name.
    pub calls: Vec<ImportCalls>,
}
