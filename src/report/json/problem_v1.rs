//! Version 1 of what could not be looked at, frozen as the report is.
//!
//! The doc lines are the descriptions in the JSON Schema.

use schemars::JsonSchema;
use serde::Serialize;

/// One thing that could not be looked at.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProblemV1 {
    /// What kind of thing failed.
    pub(super) kind: ProblemKindV1,
    /// The package that it keeps from being judged; null when it concerns none in particular.
    pub(super) package: Option<String>,
    /// Where: a URL without credentials, a path, `wheel.whl: member.so`, `requirements.txt:3`.
    pub(super) place: String,
    /// What happened, what was expected and what was found.
    pub(super) message: String,
}

/// Kinds of problems.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProblemKindV1 {
    /// The network, an index or a server.
    Network,
    /// An index's answer that makes no sense.
    Index,
    /// No set of versions satisfies the requirements.
    Resolution,
    /// Missing, contradictory or unreadable metadata.
    Metadata,
    /// A damaged, hostile or oversized archive.
    Archive,
    /// A compiled file that could not be read.
    Binary,
    /// Bytes that are not those promised.
    Integrity,
    /// A file or folder on this machine.
    File,
}
