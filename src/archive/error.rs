//! Why an archive, or one member of it, cannot be read.

use crate::model::digest::Digest;
use crate::model::name::PackageName;
use crate::model::problem::{Problem, ProblemKind};

use super::source::SourceError;

/// Why nothing in a zip file can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    /// The bytes could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// There is no end record where every zip file has one.
    #[error("is not a zip file, or is cut short: no zip directory at the end of its {size} bytes")]
    NotZip {
        /// Size of the file.
        size: u64,
    },
    /// The end record, or what it points to, makes no sense.
    #[error("damaged zip directory: {why}")]
    Damaged {
        /// What is wrong.
        why: String,
    },
    /// The directory is larger than the limit.
    #[error("the zip directory has {found} bytes, more than the limit of {limit}")]
    DirectoryTooLarge {
        /// Its size, with what stands after it.
        found: u64,
        /// The limit.
        limit: u64,
    },
}

impl ZipError {
    /// The kind of problem that this is.
    pub fn kind(&self) -> ProblemKind {
        match self {
            ZipError::Source(error) => error.kind(),
            _ => ProblemKind::Archive,
        }
    }
}

/// Something about a whole zip file over which readers disagree, so that installers may see other members than we do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZipOddity {
    /// The end record counts other members than the directory lists.
    #[error("the zip directory lists {found} members, its end record counts {expected}")]
    Count {
        /// What the end record says.
        expected: u64,
        /// What is listed.
        found: u64,
    },
    /// More members than the limit.
    #[error("more than {limit} members, the limit; those after them were not looked at")]
    TooManyMembers {
        /// The limit.
        limit: usize,
    },
    /// Bytes before the first member.
    #[error("{found} bytes stand before the first member; expected none")]
    Prepended {
        /// How many.
        found: u64,
    },
    /// Bytes after the end record.
    #[error("{found} bytes stand after the end of the zip file; expected none")]
    Appended {
        /// How many.
        found: u64,
    },
}

/// Why one member cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// The archive has no member of that path.
    #[error("no such member")]
    Missing,
    /// Several members have this path, so what gets installed depends on the installer.
    #[error("{count} members have this path")]
    Duplicate {
        /// How many.
        count: usize,
    },
    /// The member's bytes are also those of another one.
    #[error("overlaps the member at offset {other}")]
    Overlap {
        /// Where the other one starts.
        other: u64,
    },
    /// The path leads out of the archive or is no path.
    #[error("unsafe path: {why}")]
    UnsafePath {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The path is longer than the limit.
    #[error("the path has {found} bytes, more than the limit of {limit}")]
    PathTooLong {
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// A compression method that wheels do not use.
    #[error("compression method {found}; expected 0 (stored) or 8 (deflate)")]
    Method {
        /// The method's number.
        found: u16,
    },
    /// The member is encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// Unpacked, it is larger than the limit.
    #[error("{found} bytes unpacked, more than the limit of {limit}")]
    TooLarge {
        /// Its size as declared.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// It claims to unpack to far more than it is.
    #[error("{packed} bytes unpack to {unpacked}, more than {limit} times as many")]
    Ratio {
        /// Size in the archive.
        packed: u64,
        /// Size as declared.
        unpacked: u64,
        /// The limit.
        limit: u64,
    },
    /// Together with what was read before, it is more than the limit.
    #[error(
        "with it, {found} bytes would be unpacked from this archive, more than the limit of {limit}"
    )]
    Total {
        /// The sum.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// The member's own header cannot be read.
    #[error("damaged local header: {why}")]
    LocalHeader {
        /// What is wrong.
        why: String,
    },
    /// The member's own header contradicts the directory.
    #[error("its local header says {what} {found}, the directory {expected}")]
    Contradiction {
        /// The field.
        what: &'static str,
        /// The directory's value.
        expected: String,
        /// The local header's value.
        found: String,
    },
    /// The bytes could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The packed bytes cannot be unpacked.
    #[error("cannot be unpacked: {why}")]
    Inflate {
        /// What the decoder said.
        why: String,
    },
    /// It unpacks to another size than declared.
    #[error("unpacks to {found}, the directory says {expected} bytes")]
    Size {
        /// Size as declared.
        expected: u64,
        /// What came out, in words.
        found: String,
    },
    /// Packed bytes are left over.
    #[error("{found} of {expected} packed bytes hold all of it; the rest is unaccounted for")]
    Leftover {
        /// Packed size as declared.
        expected: u64,
        /// Packed bytes that were needed.
        found: u64,
    },
    /// The check sum is wrong.
    #[error("CRC-32 is {found:08x}, the directory says {expected:08x}")]
    Crc {
        /// As declared.
        expected: u32,
        /// Of the bytes.
        found: u32,
    },
    /// The digest is not the one in `RECORD`.
    #[error("digest is {found}, RECORD says {expected}")]
    Digest {
        /// As recorded.
        expected: Digest,
        /// Of the bytes.
        found: Digest,
    },
    /// The size is not the one in `RECORD`.
    #[error("has {found} bytes, RECORD says {expected}")]
    RecordedSize {
        /// As recorded.
        expected: u64,
        /// Of the bytes.
        found: u64,
    },
}

impl MemberError {
    /// The kind of problem that this is.
    pub fn kind(&self) -> ProblemKind {
        match self {
            MemberError::Source(error) => error.kind(),
            MemberError::Size { .. }
            | MemberError::Crc { .. }
            | MemberError::Digest { .. }
            | MemberError::RecordedSize { .. } => ProblemKind::Integrity,
            _ => ProblemKind::Archive,
        }
    }
}

/// Whose problems these are: goes into the place of each.
#[derive(Clone, Debug)]
pub(super) struct ProblemOwner {
    /// File name, path or URL.
    pub(super) place: String,
    /// The package, where the file name tells.
    pub(super) package: Option<PackageName>,
}

impl ProblemOwner {
    /// A problem with the whole.
    pub(super) fn problem(&self, kind: ProblemKind, message: impl ToString) -> Problem {
        Problem {
            kind,
            package: self.package.clone(),
            place: self.place.clone(),
            message: message.to_string(),
        }
    }

    /// A problem with one member.
    pub(super) fn member_problem(&self, path: &str, error: &MemberError) -> Problem {
        Problem {
            place: format!("{}: {path}", self.place),
            ..self.problem(error.kind(), error)
        }
    }
}
