//! What a distribution file says of itself beside its modules: classifiers, tags, and the native files that it brings.

use serde::{Deserialize, Serialize};

use super::facts::{Abi, Fact};

/// One distribution file. Everything is unknown until it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DistributionFacts {
    /// The classifier `Programming Language :: Python :: Free Threading :: …`; the value is `None` when it has none.
    pub free_threading: Fact<Option<FreeThreadingLevel>>,
    /// `Requires-Python`, as written; the value is `None` when it is missing.
    pub requires_python: Fact<Option<String>>,
    /// `Generator` of the `WHEEL` file, the build backend; the value is `None` when it is missing.
    pub generator: Fact<Option<String>>,
    /// What the tags of the file's name claim, each once.
    pub name_claims: Fact<Vec<TagClaim>>,
    /// What the tags in the `WHEEL` file claim, each once.
    pub wheel_claims: Fact<Vec<TagClaim>>,
    /// Names of all wheels of the same version that the index has, for any platform, sorted.
    pub release: Fact<Vec<String>>,
    /// Compiled files, modules or not, by path.
    pub natives: Fact<Vec<NativeFile>>,
}

/// What a project says of its support for free threading: <https://pypi.org/classifiers/>. A claim about the whole
/// project, which nothing checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FreeThreadingLevel {
    /// `1 - Unstable`
    Unstable,
    /// `2 - Beta`
    Beta,
    /// `3 - Stable`
    Stable,
    /// `4 - Resilient`
    Resilient,
}

/// What a wheel's tag claims: an interpreter's build, or any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TagClaim {
    /// The Python and ABI tag as written: `cp314-cp314t`, `cp39-abi3`, `py3-none`.
    pub tag: String,
    /// What it stands for.
    pub claim: AbiClaim,
}

/// What a name claims of the ABI that a compiled file needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbiClaim {
    /// Nothing: `x.so`, `py3-none-any`.
    #[default]
    Nothing,
    /// This ABI of CPython.
    Cpython(Abi),
    /// That of another interpreter, in the name's own words: `pypy311-pp73`.
    Other(String),
}

/// A compiled file in a distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeFile {
    /// Path inside the distribution.
    pub path: String,
    /// What it is.
    pub kind: NativeKind,
    /// What its name claims.
    pub claim: AbiClaim,
    /// The ABI that its bytes show, one for each image; empty when it was not read or has no module.
    pub abis: Vec<Abi>,
}

/// What a compiled file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NativeKind {
    /// It has a hook by which an interpreter imports it under its name.
    Module,
    /// No hook for its name: loaded by a linker or by `ctypes`.
    Library,
    /// A program.
    Program,
    /// Not unpacked: its name says that no interpreter imports it.
    Unread,
}
