//! One file that an installer could choose, and where it is.

use serde::{Deserialize, Serialize};

use super::digest::{Algorithm, Digest};
use super::name::{PackageName, Version, VersionSpecifiers};
use super::place::Location;
use super::wheel_name::WheelName;

/// What kind of file it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactKind {
    /// A wheel, with its name taken apart.
    Wheel(WheelName),
    /// A source distribution (`.tar.gz`, `.zip`).
    Sdist,
    /// An unpacked project folder.
    SourceTree,
    /// A distribution that is installed already: its `.dist-info` or `.egg-info`, or a folder whose files nobody owns.
    Installed {
        /// Tags of the wheel that it was installed from, as its `WHEEL` file has them; empty where nothing says.
        tags: Vec<String>,
        /// Where its modules are, when it was installed to be edited in place: a path or URL, as recorded.
        editable: Option<String>,
    },
}

impl ArtifactKind {
    /// Whether it has to be built before it can be installed.
    pub fn is_source(&self) -> bool {
        matches!(self, ArtifactKind::Sdist | ArtifactKind::SourceTree)
    }
}

/// One distribution file, as an index, a folder or a URL offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Normalised distribution name.
    pub name: PackageName,
    /// Version that the file name states.
    pub version: Version,
    /// File name without folders.
    pub filename: String,
    /// Kind of file.
    pub kind: ArtifactKind,
    /// Where it is.
    pub location: Location,
    /// Digests that the index or the requirement states; empty when none is stated. Whether the file has them: [`FileCheck`].
    pub digests: Vec<Digest>,
    /// Size in bytes where the index states it.
    pub size: Option<u64>,
    /// Python versions that the index says it accepts.
    pub requires_python: Option<VersionSpecifiers>,
    /// Reason for which the file was yanked; empty when no reason was given, `None` when it was not yanked.
    pub yanked: Option<String>,
    /// Whether the index serves the METADATA beside the file (PEP 658), and its digest where stated.
    pub metadata_file: MetadataFile,
}

/// How far the bytes of a distribution file were compared with what is said of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileCheck {
    /// Nothing of it was read, or it is no single file.
    #[default]
    Unread,
    /// Only what was needed of it was read: members by their CRC-32 and by `RECORD`. No digest of the file is known.
    Ranges,
    /// All of its bytes were read, and these digests are theirs.
    Digest(Vec<Digest>),
}

impl FileCheck {
    /// The digest of this kind that was computed.
    pub fn digest(&self, algorithm: Algorithm) -> Option<&Digest> {
        match self {
            FileCheck::Digest(digests) => {
                digests.iter().find(|digest| digest.algorithm == algorithm)
            }
            FileCheck::Unread | FileCheck::Ranges => None,
        }
    }
}

/// Whether `{url}.metadata` can be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetadataFile {
    /// The index does not say that there is one.
    Unannounced,
    /// There is one, with this digest where the index states it.
    Announced(Option<Digest>),
}

impl Artifact {
    /// The wheel's name taken apart, when it is a wheel.
    pub fn wheel(&self) -> Option<&WheelName> {
        match &self.kind {
            ArtifactKind::Wheel(wheel) => Some(wheel),
            ArtifactKind::Sdist | ArtifactKind::SourceTree | ArtifactKind::Installed { .. } => None,
        }
    }

    /// Platform tags of the wheel that it is, or was installed from; empty where nothing says which platforms it is for.
    pub fn platform_tags(&self) -> Vec<&str> {
        match &self.kind {
            ArtifactKind::Wheel(wheel) => wheel.platform.iter().map(String::as_str).collect(),
            ArtifactKind::Installed { tags, .. } => tags
                .iter()
                .filter_map(|tag| tag.splitn(3, '-').nth(2))
                .collect(),
            ArtifactKind::Sdist | ArtifactKind::SourceTree => Vec::new(),
        }
    }

    /// Whether it is, or was installed from, a wheel for every platform and every ABI.
    pub fn is_pure(&self) -> bool {
        match &self.kind {
            ArtifactKind::Wheel(wheel) => wheel.is_pure(),
            ArtifactKind::Installed { tags, .. } => {
                !tags.is_empty() && tags.iter().all(|tag| tag.ends_with("-none-any"))
            }
            ArtifactKind::Sdist | ArtifactKind::SourceTree => false,
        }
    }
}

/// Every file that the indexes and folders offer under one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArtifactListing {
    /// The files, in the order of the indexes.
    pub files: Vec<Artifact>,
}
