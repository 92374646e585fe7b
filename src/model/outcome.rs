//! What the target's interpreter would do with one compiled file.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::facts::{Abi, InitKind, Toolchain};
use super::verdict::DeclaredBy;

/// What importing a module does to the GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gil {
    /// It stays as it was: off in a free-threaded build, on in a build with the GIL.
    NotUsed,
    /// It is switched back on.
    Used,
    /// Another file decides.
    Delegated,
    /// The import fails or crashes.
    NotLoadable,
    /// Could not be found out.
    Unknown,
}

/// Why the outcome is what it is; rules match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The module declares that it does not need the GIL.
    DeclaredNotUsed,
    /// The module declares that it needs the GIL.
    DeclaredUsed,
    /// The module declares nothing.
    Undeclared,
    /// Another module declares on its behalf.
    Delegated,
    /// The module loads, and the target's build always has the GIL: what the module says of it changes nothing.
    BuildWithGil,
    /// Compiled for the memory layout of another build.
    ForeignAbi,
    /// `Py_mod_abi` names another build or version, so the import is refused.
    AbiInfoMismatch,
    /// The definition has slots that this version does not know or does not accept, so the import is refused.
    UnknownSlot,
    /// The file has hooks, but none under the name that the import system looks for.
    NoMatchingHook,
    /// The image is for another processor or system.
    ForeignPlatform,
    /// Which of them it is could not be read.
    Unreadable,
}

/// One file that the target's import system would load, and what happens then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleOutcome {
    /// Path inside the artifact.
    pub path: String,
    /// Dotted name under which it is imported.
    pub module: String,
    /// What the import does to the GIL.
    pub gil: Gil,
    /// Why.
    pub cause: Cause,
    /// One sentence for people: what decided, or why it is unknown.
    pub reason: String,
    /// The module that decides when `gil` is `delegated`.
    pub delegate: Option<String>,
    /// Who made the declaration, when there is one that keeps the GIL off.
    pub declared_by: Option<DeclaredBy>,
    /// How the module is initialised, when known.
    pub init: Option<InitKind>,
    /// What it was compiled for, when known.
    pub abi: Option<Abi>,
    /// What generated it, when known.
    pub toolchain: Option<Toolchain>,
    /// What a person can check.
    pub evidence: Vec<Evidence>,
}
