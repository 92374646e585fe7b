//! What imported symbols tell: the stable ABI, functions that want care, preparation for threads; and writable data.

use serde::{Deserialize, Serialize};

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
    pub concern: Option<HazardConcern>,
    /// What to call instead.
    pub replacement: Option<Replacement>,
    /// Whose doing the import is.
    pub origin: ImportOrigin,
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
pub enum HazardConcern {
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
pub enum ImportOrigin {
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
    pub origin: ImportOrigin,
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
