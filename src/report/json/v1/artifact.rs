//! Distribution files, in version 1 of the report's JSON; as frozen as the rest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A distribution file.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::report::json) struct ArtifactV1 {
    /// File name without folders.
    pub(in crate::report::json) filename: String,
    /// Kind of file.
    pub(in crate::report::json) kind: ArtifactKindV1,
    /// SHA-256 in lower-case hexadecimal digits, computed of the whole file; null when the file was not read as a whole.
    pub(in crate::report::json) sha256: Option<String>,
    /// SHA-256 that the index, the URL or the lock states; null when nobody does. Nothing was computed to compare it with
    /// where `checked` is `ranges`.
    pub(in crate::report::json) sha256_stated: Option<String>,
    /// How the bytes that were read were checked; null when none were.
    pub(in crate::report::json) checked: Option<FileCheckV1>,
    /// Where it is: a URL without credentials, query or fragment.
    pub(in crate::report::json) url: Option<String>,
    /// Size in bytes; null when nobody states it.
    pub(in crate::report::json) size: Option<u64>,
    /// Why it was yanked, empty when no reason was given; null when it was not.
    pub(in crate::report::json) yanked: Option<String>,
}

/// How far the bytes of a distribution file were checked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::report::json) enum FileCheckV1 {
    /// All of it was read; its digests are those that are stated of it and demanded.
    Digest,
    /// Parts of it were read: members by their CRC-32 and by `RECORD`.
    Ranges,
}

/// Kinds of distribution files.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::report::json) enum ArtifactKindV1 {
    /// A wheel.
    Wheel,
    /// A source distribution.
    Sdist,
    /// An unpacked project folder.
    SourceTree,
    /// Installed already: the name is that of what describes it, or of a folder whose files nobody owns.
    Installed,
    /// The same, edited in place.
    Editable,
}

/// What an installer would choose on the same Python's build with the GIL.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::report) struct OtherBuildV1 {
    /// That build, such as `3.14`.
    pub(in crate::report) python: String,
    /// The version that it gets; null when the package is not in its set.
    pub(in crate::report) version: Option<String>,
    /// The file that it gets; null when there is none.
    pub(in crate::report) filename: Option<String>,
}
