//! What the documents of version 1 share. Frozen as the report is.
//!
//! The doc lines are the descriptions in the JSON Schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number in `schema_version`.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// What is said of a package on a target.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum VerdictV1 {
    /// No compiled module that an interpreter could import.
    Pure,
    /// Every module declares that it does not need the GIL: it stays off.
    Ready,
    /// Installs as a pure wheel although there are compiled modules for the platform.
    PureFallback,
    /// Something that matters could not be read.
    Unknown,
    /// Only a source distribution fits.
    Build,
    /// Importing it switches the GIL back on.
    Gil,
    /// Installs, but holds modules for another ABI that fail or crash when imported.
    Crash,
    /// Nothing fits: it cannot be installed.
    Blocked,
}

/// A place in the input.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::report) struct PlaceV1 {
    /// The file as it was named, or `command line`.
    pub(in crate::report) file: String,
    /// Line, from 1; null where the input has no lines.
    pub(in crate::report) line: Option<u32>,
    /// Column in characters, from 1; null when the whole line is meant.
    pub(in crate::report) column: Option<u32>,
}

/// One thing seen in a file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(in crate::report) struct EvidenceV1 {
    /// What was seen, in words.
    pub(in crate::report) what: String,
    /// The symbol, string or library concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) symbol: Option<String>,
    /// Virtual address in the image, in hexadecimal, as a disassembler shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) address: Option<String>,
    /// The value read there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) value: Option<String>,
    /// File and line in a source distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) place: Option<String>,
}

/// A fact, or the reason why it could not be read.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Fact")]
pub(super) struct FactV1<T> {
    /// What was read; null when it could not be read.
    pub(super) value: Option<T>,
    /// Why it could not be read; null when it was read.
    pub(super) unknown: Option<String>,
    /// Where it was seen, or what was seen on the way.
    pub(super) evidence: Vec<EvidenceV1>,
}
