//! One file out of an artifact.

use serde::{Deserialize, Serialize};

/// What the archive's directory says of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberEntry {
    /// Path inside the artifact, with forward slashes.
    pub path: String,
    /// Unpacked size in bytes.
    pub size: u64,
    /// Size in bytes inside the archive; equal to `size` in a folder.
    pub compressed_size: u64,
}

/// A member's bytes, complete and checked against what the archive says of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Path inside the artifact, with forward slashes.
    pub path: String,
    /// Unpacked bytes.
    pub bytes: Vec<u8>,
}
