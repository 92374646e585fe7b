//! What a source distribution says of the modules that a build of it would make, and what that comes to on a target.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::facts::Generator;

/// A line of a file in the source distribution.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourcePlace {
    /// Path below the top folder.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
}

impl std::fmt::Display for SourcePlace {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.path, self.line)
    }
}

/// Minor versions of CPython 3 for which something in a source counts: conditions of the preprocessor decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionReach {
    /// Bit n stands for 3.(13 + n): it certainly counts.
    pub certain: u8,
    /// Bit n stands for 3.(13 + n): it may count.
    pub possible: u8,
}

/// The oldest minor version that a [`VersionReach`] knows, and the newest; later ones are taken to be like the newest.
const MINORS: (u8, u8) = (13, 15);

impl VersionReach {
    /// It counts always.
    pub const ALWAYS: VersionReach = VersionReach {
        certain: 0b111,
        possible: 0b111,
    };
    /// It may count.
    pub const PERHAPS: VersionReach = VersionReach {
        certain: 0,
        possible: 0b111,
    };

    /// The bit of a minor version.
    pub fn bit(minor: u8) -> u8 {
        1 << (minor.clamp(MINORS.0, MINORS.1) - MINORS.0)
    }

    /// Whether it certainly counts for this minor version.
    pub fn is_certain(self, minor: u8) -> bool {
        self.certain & VersionReach::bit(minor) != 0
    }

    /// Whether it may count for this minor version.
    pub fn is_possible(self, minor: u8) -> bool {
        self.possible & VersionReach::bit(minor) != 0
    }
}

/// What one declaration in a source says of the GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeclaredWord {
    /// The module does not need it.
    NotUsed,
    /// The module needs it.
    Used,
    /// What is said depends on a macro, a variable or a switch that only the build knows.
    Unclear,
}

/// One declaration in a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDeclaration {
    /// What it says.
    pub word: DeclaredWord,
    /// Where it counts.
    pub reach: VersionReach,
    /// The function, slot, macro, directive or flag.
    pub means: String,
    /// Where it stands.
    pub place: SourcePlace,
}

/// Whether the build makes the module, as far as its files tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleStanding {
    /// A build file names it, or all files of its kind.
    Named {
        /// The build file.
        by: String,
    },
    /// No build file names it, and nothing speaks against it.
    Unnamed,
}

/// A module that a build would make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceModule {
    /// The last component of its name.
    pub name: String,
    /// What generates it; [`Generator::CApi`] for C and C++ written by hand.
    pub generator: Generator,
    /// Version of the generator where the source itself tells it: that of Cython in C that it generated.
    pub version: Option<String>,
    /// Where it is defined.
    pub place: SourcePlace,
    /// What is said of the GIL; empty when nothing is.
    pub declarations: Vec<SourceDeclaration>,
    /// Why nothing certain can be said, where that is so whatever the declarations are.
    pub doubt: Option<String>,
    /// Whether the build makes it.
    pub standing: ModuleStanding,
}

/// A requirement of the build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildRequirement {
    /// The requirement as it stands there.
    pub text: String,
    /// Where it stands.
    pub place: SourcePlace,
}

/// A crate that Rust sources depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCrate {
    /// `pyo3` or `pyo3-ffi`.
    pub name: String,
    /// The second number of its version: the 27 of 0.27.1.
    pub minor: u32,
    /// Version or requirement as it stands there.
    pub text: String,
    /// Where it stands.
    pub place: SourcePlace,
}

/// Who acts on a use of the limited API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LimitedApiUser {
    /// The compiler: CPython's headers end the build before 3.15, and leave out much of what they have from then on.
    Headers,
    /// The build backend, which refuses it before 3.15.
    Backend,
    /// The installer: the wheel is tagged `abi3`, which no free-threaded build accepts.
    Installer,
}

/// Something that free-threaded builds refuse: the limited API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitedApiUse {
    /// Who acts on it.
    pub user: LimitedApiUser,
    /// The macro or option.
    pub means: String,
    /// Where it counts.
    pub reach: VersionReach,
    /// Where it stands.
    pub place: SourcePlace,
}

/// Languages whose compilers a build needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each name is the language's own")]
pub enum Language {
    C,
    Cpp,
    Fortran,
    Rust,
    Cuda,
    Go,
    Zig,
}

impl std::fmt::Display for Language {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Language::C => "C",
            Language::Cpp => "C++",
            Language::Fortran => "Fortran",
            Language::Rust => "Rust",
            Language::Cuda => "CUDA",
            Language::Go => "Go",
            Language::Zig => "Zig",
        })
    }
}

/// A statement that ends the build with an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceStop {
    /// Where it is run.
    pub reach: VersionReach,
    /// Whether a condition around it asks for the free-threaded build.
    pub asks_for_build: bool,
    /// Where it stands.
    pub place: SourcePlace,
}

/// All that was read from a source distribution, whatever the target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// `build-backend` of `pyproject.toml`.
    pub backend: Option<String>,
    /// Requirements of the build, in order.
    pub requires: Vec<BuildRequirement>,
    /// Languages of the sources, without those of tests, documentation and other projects' code.
    pub languages: Vec<Language>,
    /// `rust-version` of `Cargo.toml`.
    pub rust_version: Option<String>,
    /// PyO3, when the sources depend on it and on one version of it.
    pub pyo3: Option<SourceCrate>,
    /// Modules that a build would make, by place.
    pub modules: Vec<SourceModule>,
    /// Uses of the limited API.
    pub limited_api: Vec<LimitedApiUse>,
    /// The build file that asks which build of CPython it runs on, and so may do without what that build refuses.
    pub asks_for_build: Option<String>,
    /// Where build files end the build with an error.
    pub stops: Vec<SourceStop>,
    /// The first thing that a module's source needs and that the limited API of free-threaded builds, from 3.15 on, does not have.
    pub left_out: Option<(String, SourcePlace)>,
    /// The feature by which PyO3 is asked for the limited API of builds with the GIL alone.
    pub abi3_feature: Option<SourcePlace>,
    /// `requires-python`, as far as it is static.
    pub requires_python: Option<String>,
    /// What leaves open whether these are all modules, one sentence each.
    pub doubts: Vec<String>,
}

/// What a build would become on a free-threaded target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Becomes {
    /// A wheel without compiled modules.
    Pure,
    /// Every module declares that it does not need the GIL.
    KeepsGilOff,
    /// A module declares nothing, or that it needs the GIL.
    SwitchesGilOn,
    /// The build fails.
    Fails,
    /// It cannot be told without building.
    Unknown,
}

impl Becomes {
    /// Whether what comes out leaves the GIL off.
    pub fn helps(self) -> bool {
        matches!(self, Becomes::Pure | Becomes::KeepsGilOff)
    }
}

/// What is foreseen of a build on one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// What it becomes.
    pub becomes: Becomes,
    /// That with its reason, to stand after "built on the target it".
    pub reason: String,
    /// Compilers that the build needs, such as `a C compiler`.
    pub needs: Vec<String>,
    /// Requirements of the build that count on the target, as the source has them; installers fetch them.
    pub requires: Vec<String>,
    /// What a person can check.
    pub evidence: Vec<Evidence>,
}
