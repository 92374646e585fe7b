//! Where an archive's bytes come from: a trait for whoever can answer ranges, and two sources on this machine.

use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::model::problem::ProblemKind;
use crate::regular_file::{FileStream, RegularFile};

/// How much of a file on this machine is read at a time, in bytes.
const LOCAL_READ: u64 = 1 << 20;

/// Why bytes could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The other side did not deliver; the message comes from whoever asked it, without credentials.
    #[error("{message}")]
    Remote {
        /// Whether the network, the index or the bytes are to blame.
        kind: ProblemKind,
        /// What happened.
        message: String,
    },
    /// A file on this machine.
    #[error("{path}: {message}")]
    File {
        /// The file as it was named.
        path: String,
        /// What the system said.
        message: String,
    },
    /// The range does not lie inside the file.
    #[error("bytes {start}..{end} were asked for, but there are only {size}")]
    OutOfRange {
        /// First byte asked for.
        start: u64,
        /// First byte after the range.
        end: u64,
        /// Bytes that there are.
        size: u64,
    },
    /// Another number of bytes than asked for arrived.
    #[error("{expected} bytes from offset {start} were asked for, {found} arrived")]
    Short {
        /// First byte asked for.
        start: u64,
        /// Bytes asked for.
        expected: u64,
        /// Bytes that arrived.
        found: u64,
    },
}

impl SourceError {
    /// The kind of problem that this is.
    pub fn kind(&self) -> ProblemKind {
        match self {
            SourceError::Remote { kind, .. } => *kind,
            SourceError::File { .. } => ProblemKind::File,
            SourceError::OutOfRange { .. } => ProblemKind::Archive,
            SourceError::Short { .. } => ProblemKind::Integrity,
        }
    }
}

/// A file whose bytes can be had by range.
pub trait RangeSource: Send + Sync {
    /// Size of the whole file in bytes.
    fn size(&self) -> u64;

    /// The bytes of this range, all of them.
    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, SourceError>;

    /// How many bytes are worth asking for at a time: a disk does not mind to be asked often.
    fn longest_read(&self) -> u64 {
        u64::MAX
    }

    /// The whole file where it is at hand already, so that reading it costs no request.
    fn whole(&self) -> Option<&[u8]> {
        None
    }
}

impl<S: RangeSource + ?Sized> RangeSource for std::sync::Arc<S> {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        (**self).read(range)
    }

    fn longest_read(&self) -> u64 {
        (**self).longest_read()
    }

    fn whole(&self) -> Option<&[u8]> {
        (**self).whole()
    }
}

/// Reads a range and makes sure that all of it arrived.
pub(super) fn read_exactly(
    source: &dyn RangeSource,
    range: Range<u64>,
) -> Result<Vec<u8>, SourceError> {
    let size = source.size();
    if range.start > range.end || range.end > size {
        return Err(SourceError::OutOfRange {
            start: range.start,
            end: range.end,
            size,
        });
    }
    let expected = range.end - range.start;
    let bytes = source.read(range.clone())?;
    if bytes.len() as u64 == expected {
        Ok(bytes)
    } else {
        Err(SourceError::Short {
            start: range.start,
            expected,
            found: bytes.len() as u64,
        })
    }
}

/// The part of a slice that a range names.
fn slice_of(bytes: &[u8], range: &Range<u64>) -> Result<Vec<u8>, SourceError> {
    let bounds = usize::try_from(range.start)
        .ok()
        .zip(usize::try_from(range.end).ok());
    bounds
        .and_then(|(start, end)| bytes.get(start..end))
        .map(<[u8]>::to_vec)
        .ok_or(SourceError::OutOfRange {
            start: range.start,
            end: range.end,
            size: bytes.len() as u64,
        })
}

/// A file that is in memory, such as one that a server sent whole.
impl RangeSource for Vec<u8> {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        slice_of(self, &range)
    }

    fn whole(&self) -> Option<&[u8]> {
        Some(self)
    }
}

/// A file on this machine.
#[derive(Debug)]
pub struct LocalFile {
    path: PathBuf,
    file: RegularFile,
}

impl LocalFile {
    /// Opens a file.
    pub fn open(path: &Path) -> Result<LocalFile, SourceError> {
        let failed = |error: std::io::Error| file_error(path, &error);
        Ok(LocalFile {
            path: path.to_owned(),
            file: RegularFile::open(path).map_err(failed)?,
        })
    }

    /// A part of it as a stream.
    pub(super) fn stream(&self, range: Range<u64>) -> FileStream<'_> {
        self.file.stream(range)
    }
}

fn file_error(path: &Path, error: &std::io::Error) -> SourceError {
    SourceError::File {
        path: path.display().to_string(),
        message: error.to_string(),
    }
}

impl RangeSource for LocalFile {
    fn size(&self) -> u64 {
        self.file.size()
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        self.file
            .read(range)
            .map_err(|error| file_error(&self.path, &error))
    }

    fn longest_read(&self) -> u64 {
        LOCAL_READ
    }
}
