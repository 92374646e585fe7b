//! Something that could not be looked at: about our eyesight, not about the package.

use serde::{Deserialize, Serialize};

use super::name::PackageName;

/// What kind of thing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemKind {
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
    /// Bytes that are not those promised: digest, CRC, size.
    Integrity,
    /// A file or folder on this machine.
    File,
}

/// One thing that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// What kind of thing failed.
    pub kind: ProblemKind,
    /// The package that it keeps from being judged, when it concerns one.
    pub package: Option<PackageName>,
    /// Where: a URL without credentials, a path, `wheel.whl: member.so`, `requirements.txt:3`.
    pub place: String,
    /// What happened, what was expected and what was found.
    pub message: String,
}
