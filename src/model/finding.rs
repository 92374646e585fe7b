//! What a rule says of a package.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::verdict::Verdict;

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingLevel {
    /// For maintainers, off by default.
    Hint,
    /// A gate may be told to count it.
    Warning,
    /// Decides the verdict.
    Decides,
}

/// Whether a rule's condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// The condition holds.
    Holds,
    /// Whether it holds could not be found out; the message says why.
    Unknown,
}

/// One rule's word on one package, or on one module of it, for one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// How much it weighs.
    pub level: FindingLevel,
    /// Whether the condition holds or is unknown.
    pub certainty: Certainty,
    /// The verdict that it leads to by itself; `None` for warnings and hints.
    pub verdict: Option<Verdict>,
    /// The member concerned; `None` when the whole package is.
    pub module: Option<String>,
    /// What was found, in a few words for tables: of a package a clause, of a module its predicate without its name.
    pub summary: String,
    /// One sentence: what was found.
    pub message: String,
    /// One sentence: what to do about it.
    pub help: String,
    /// What to use instead of the package, where the rule names something.
    pub alternative: Option<String>,
    /// What a person can check.
    pub evidence: Vec<Evidence>,
}
