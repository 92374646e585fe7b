//! What the rules look at: one package on one target, with all that was found out about it.

use std::collections::BTreeMap;

use super::distribution::{AbiClaim, DistributionFacts};
use super::facts::{ImageFacts, StableAbiAudit};
use super::outcome::{Gil, ModuleOutcome};
use super::source::Forecast;
use super::target::Target;

/// One package on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Normalised name.
    pub package: String,
    /// Version, as text; empty when it could not be found out.
    pub version: String,
    /// The target.
    pub target: Target,
    /// What an installer gets.
    pub offer: InstallChoice,
    /// What happens to the modules of the chosen file that the target finds.
    pub modules: Vec<ModuleOutcome>,
    /// Modules of the chosen file that the target does not find.
    pub hidden: Vec<HiddenModule>,
    /// What could not be looked at in this package, one line each.
    pub problems: Vec<String>,
    /// What the set has for each module that one of `modules` delegates to, by dotted name.
    pub delegates: BTreeMap<String, Delegate>,
    /// What the chosen file says of itself; all unknown when none was looked into.
    pub distribution: DistributionFacts,
    /// What each file of `modules` says of itself, by path.
    pub files: BTreeMap<String, SubjectFile>,
}

/// A compiled module's file, as the target loads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectFile {
    /// What its name claims.
    pub claim: AbiClaim,
    /// The image for the target's processor.
    pub image: ImageFacts,
    /// For each claim to the stable ABI, by its name or the wheel's tags, what the imports say of it.
    pub audits: Vec<StableAbiAudit>,
}

/// What an installer gets, as far as rules care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstallChoice {
    /// A wheel for certain interpreters or platforms.
    Wheel {
        /// Its file name.
        filename: String,
    },
    /// A wheel for every platform.
    Pure {
        /// Its file name.
        filename: String,
        /// File names of the same version's wheels with compiled modules, all of them for other platforms.
        elsewhere: Vec<String>,
    },
    /// A wheel for every platform, although the same version has wheels with compiled modules for this platform.
    PureFallback {
        /// Its file name.
        filename: String,
        /// File names of the wheels that do not fit, for this platform and for others.
        lost: Vec<String>,
    },
    /// Something that has to be built.
    Source {
        /// Its file name.
        filename: String,
        /// What is foreseen of the build; `None` where nobody looked, or where the target always has the GIL.
        build: Option<Forecast>,
    },
    /// Nothing.
    Nothing {
        /// What was looked at and why none of it fits.
        why: String,
        /// `Requires-Python`, where that alone is the reason.
        requires_python: Option<String>,
    },
    /// It could not be made out.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// A module that is in the package, but only in files whose names the target does not look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenModule {
    /// Path inside the artifact.
    pub path: String,
    /// Dotted name under which another interpreter would find it.
    pub module: String,
}

/// What the set has for a module that another one delegates to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delegate {
    /// A package of the set provides it.
    Provided {
        /// Name and version of that package, as a person writes them: `cffi 2.1.1`.
        package: String,
        /// What importing it does.
        gil: Gil,
        /// Why.
        reason: String,
    },
    /// No package of the set provides it, and every one of them was looked at.
    Missing,
    /// It could not be found out.
    Unknown {
        /// Why not.
        why: String,
    },
}
