//! What a compiled file says of itself, whatever the target: read from its bytes, judged by nobody yet.
//!
//! Every fact may be unreadable, so every fact is a [`Fact`]: known with evidence, or unknown with the reason.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;

mod code;
mod symbols;

pub use code::{CodeFacts, CodeSightings, ImportCalls};
pub use symbols::{
    CallSites, DocumentedLevel, Hazard, HazardConcern, ImportOrigin, LimitedApi, PortingKind,
    PortingSign, Replacement, StableAbiAudit, StableSymbol, WritableData,
};

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
        Fact::Unknown {
            why: why.into(),
            evidence: Vec::new(),
        }
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
pub enum ImageFormat {
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
    pub format: ImageFormat,
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
    /// What the module that it makes says of itself.
    #[serde(flatten)]
    pub facts: InitFacts,
}

/// What is known of the module that an init function makes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitFacts {
    /// How the module is initialised.
    pub init: Fact<InitKind>,
    /// What the module says of the GIL.
    pub gil: Fact<GilDeclaration>,
    /// `Py_mod_abi`; the value is `None` when the definition has no such slot.
    pub abi_info: Fact<Option<AbiInfo>>,
    /// Slot ids in the order of the definition, as stored; empty for a module without slots.
    pub slots: Fact<Vec<u32>>,
    /// `Py_mod_multiple_interpreters`; the value is `None` when the definition has no such slot.
    #[serde(default)]
    pub interpreters: Fact<Option<Interpreters>>,
}

impl InitFacts {
    /// Nothing is known, for this reason.
    pub fn unknown(why: impl Into<String>) -> InitFacts {
        let why = why.into();
        InitFacts {
            init: Fact::unknown(why.clone()),
            gil: Fact::unknown(why.clone()),
            abi_info: Fact::unknown(why.clone()),
            slots: Fact::unknown(why.clone()),
            interpreters: Fact::unknown(why),
        }
    }
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
pub enum GilDeclaration {
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
    /// The function in the slot `Py_mod_create` gives something other than a module, which CPython takes as using the
    /// GIL, whatever the slot `Py_mod_gil` says.
    NotAModule,
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

/// How `Py_INCREF` and `Py_DECREF` were compiled, as far as symbols tell, and the code where it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refcounts {
    /// Inline and not atomic: the GIL protects them (imports `_Py_Dealloc`, or does it in its code).
    InlineNonAtomic,
    /// Inline and biased, for the free-threaded build (imports `_Py_DecRefShared`, `_Py_MergeZeroLocalRefcount`).
    InlineBiased,
    /// By function calls (imports `_Py_IncRef`, `Py_IncRef` and the like).
    Calls,
    /// Nothing tells of any.
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
