//! What `inspect` shows: everything that compiled files say of themselves, and what each target does with them.

use super::distribution::{AbiClaim, DistributionFacts};
use super::evidence::Evidence;
use super::facts::{ModuleFacts, StableAbiAudit};
use super::metadata::WheelFile;
use super::outcome::ModuleOutcome;
use super::problem::Problem;
use super::source::{Forecast, SourceFacts};
use super::target::Target;

/// The whole inspection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Targets, in the order asked for.
    pub targets: Vec<Target>,
    /// One for each file that the user named, in that order.
    pub artifacts: Vec<InspectedArtifact>,
    /// All that could not be looked at, sorted.
    pub problems: Vec<Problem>,
}

/// One file that the user named: a wheel, a source distribution, or a compiled file by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedArtifact {
    /// The file as the user named it.
    pub name: String,
    /// The `WHEEL` file, when it is a wheel and has a readable one.
    pub wheel: Option<WheelFile>,
    /// What it says of itself beside its modules, when it is a wheel or a source distribution.
    pub distribution: Option<DistributionFacts>,
    /// What its sources say, when it is a source distribution.
    pub sources: Option<InspectedSources>,
    /// Its compiled files, by path.
    pub files: Vec<InspectedFile>,
}

/// The sources of a source distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedSources {
    /// What was read from them.
    pub facts: SourceFacts,
    /// What is foreseen of a build, for each free-threaded target.
    pub builds: Vec<InspectedBuild>,
}

/// What is foreseen of a build on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedBuild {
    /// The target.
    pub target: Target,
    /// What a build becomes there.
    pub forecast: Forecast,
}

/// One compiled file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedFile {
    /// What it says of itself.
    pub facts: ModuleFacts,
    /// What its name claims.
    pub claim: AbiClaim,
    /// For each image: what its imports say of each claim to the stable ABI.
    pub audits: Vec<Vec<StableAbiAudit>>,
    /// One for each target, in the order of the targets.
    pub outcomes: Vec<InspectedOutcome>,
    /// How the hooks that the file's name asks for were followed; empty unless that was asked for.
    pub explanations: Vec<Explanation>,
}

/// How one hook was followed, for a person with a disassembler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The hook's symbol.
    pub hook: String,
    /// Architecture of its image.
    pub architecture: String,
    /// The path that decided: calls in their order, branches on unknowns, what was read at the end.
    pub steps: Vec<Evidence>,
    /// Instructions followed on all paths.
    pub instructions: u64,
    /// Branches on unknowns on all paths.
    pub branches: u64,
}

/// What one target does with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedOutcome {
    /// The target.
    pub target: Target,
    /// What importing it does; `None` when the target's import system does not load this file.
    pub outcome: Option<ModuleOutcome>,
}
