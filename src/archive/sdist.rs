//! A source distribution: its `PKG-INFO` and `pyproject.toml`, and which compiled languages it holds.
//!
//! `.tar.gz` is what <https://peps.python.org/pep-0625/> demands, `.zip` was common before; everything else is a problem.
//! Nothing is built or run, so what the metadata calls dynamic stays unknown.

use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;

use flate2::bufread::MultiGzDecoder;
use tar::Archive;

use crate::model::metadata::Metadata;
use crate::model::problem::ProblemKind;

use super::error::{MemberError, ZipError};
use super::limits::ArchiveLimits;
use super::metadata::{self, MetadataError};
use super::source::{RangeSource, SourceError, read_exactly};
use super::tarball::{self, TarEntry, TarEntryKind, TarError};
use super::zip::ZipArchive;

/// Packed bytes per request, in the beginning; doubled with each one, since whoever reads on mostly reads to the end.
const FIRST_REQUEST: u64 = 256 << 10;
/// Names of sources that are kept.
const SOURCES: usize = 10_000;

/// Endings of files that a compiler or code generator turns into an extension module.
const COMPILED: [&str; 16] = [
    ".c", ".cc", ".cpp", ".cxx", ".cu", ".pyx", ".pxd", ".rs", ".f", ".f77", ".f90", ".f95", ".m",
    ".mm", ".zig", ".go",
];

/// How much of an sdist is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdistDepth {
    /// Stops as soon as the metadata is complete.
    Metadata,
    /// Reads to the end, to know all sources.
    Everything,
}

/// What an sdist says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SdistContents {
    /// `PKG-INFO`; `requires-dist` is in its `dynamic` unless the metadata promises otherwise.
    pub metadata: Metadata,
    /// `pyproject.toml`, as it is; `None` when there is none or it was not come across.
    pub pyproject: Option<Vec<u8>>,
    /// Paths of sources in compiled languages, below the top folder, as far as they were come across; at most 10,000.
    pub compiled_sources: Vec<String>,
}

/// Why an sdist cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdistError {
    /// The file's format is not one of source distributions.
    #[error("`{filename}` is not a source distribution that can be read; expected .tar.gz or .zip")]
    Format {
        /// The file's name.
        filename: String,
    },
    /// The bytes could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The zip file cannot be read.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// The tar file cannot be read.
    #[error("damaged .tar.gz: {why}")]
    Damaged {
        /// What the decoder said.
        why: String,
    },
    /// More would have to be unpacked than the limit allows.
    #[error("no PKG-INFO in the first {limit} bytes unpacked, the limit")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// A file is larger than the limit.
    #[error("{path} has {found} bytes, more than the limit of {limit}")]
    FileTooLarge {
        /// The file.
        path: String,
        /// Its size.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// A file in it cannot be read.
    #[error("{path}: {error}")]
    Member {
        /// The file.
        path: String,
        /// Why.
        error: MemberError,
    },
    /// There is no `PKG-INFO` in the top folder.
    #[error("has no PKG-INFO in its top folder")]
    NoMetadata,
    /// `PKG-INFO` cannot be understood.
    #[error("PKG-INFO: {0}")]
    Metadata(#[from] MetadataError),
}

impl SdistError {
    /// The kind of problem that this is.
    pub fn kind(&self) -> ProblemKind {
        match self {
            SdistError::Source(error) => error.kind(),
            SdistError::Zip(error) => error.kind(),
            SdistError::Member { error, .. } => error.kind(),
            SdistError::NoMetadata | SdistError::Metadata(_) => ProblemKind::Metadata,
            _ => ProblemKind::Archive,
        }
    }
}

/// Who looks at the files of an sdist beside its metadata. Paths are those below the top folder.
pub trait SdistVisitor {
    /// Takes note of a file; says whether its bytes are wanted.
    fn meet(&mut self, path: &str) -> bool;

    /// Takes the bytes of a file that is wanted.
    fn take(&mut self, path: &str, bytes: &[u8]);

    /// Hears that a file that is wanted, or the rest of the archive, is not read, and why.
    fn leave(&mut self, path: &str, why: &str);
}

/// Nobody.
struct NoVisitor;

impl SdistVisitor for NoVisitor {
    fn meet(&mut self, _: &str) -> bool {
        false
    }

    fn take(&mut self, _: &str, _: &[u8]) {}

    fn leave(&mut self, _: &str, _: &str) {}
}

/// Reads an sdist.
pub fn read(
    filename: &str,
    source: Box<dyn RangeSource>,
    depth: SdistDepth,
    limits: ArchiveLimits,
) -> Result<SdistContents, SdistError> {
    walk(filename, source, depth, limits, &mut NoVisitor)
}

/// Reads all of an sdist, and shows its files to a visitor.
pub fn visit(
    filename: &str,
    source: Box<dyn RangeSource>,
    limits: ArchiveLimits,
    visitor: &mut dyn SdistVisitor,
) -> Result<SdistContents, SdistError> {
    walk(filename, source, SdistDepth::Everything, limits, visitor)
}

fn walk(
    filename: &str,
    source: Box<dyn RangeSource>,
    depth: SdistDepth,
    limits: ArchiveLimits,
    visitor: &mut dyn SdistVisitor,
) -> Result<SdistContents, SdistError> {
    let lower = filename.to_ascii_lowercase();
    let mut found = SdistFindings {
        depth,
        limits,
        visitor,
        package_info: None,
        pyproject: None,
        compiled_sources: Vec::new(),
    };
    if lower.ends_with(".tar.gz") || lower.ends_with(".tgz") {
        found.read_tar(&*source)?;
    } else if lower.ends_with(".zip") {
        found.read_zip(source)?;
    } else {
        return Err(SdistError::Format {
            filename: filename.to_owned(),
        });
    }
    let package_info = found.package_info.ok_or(SdistError::NoMetadata)?;
    Ok(SdistContents {
        metadata: metadata::parse_sdist(&package_info)?,
        pyproject: found.pyproject,
        compiled_sources: found.compiled_sources,
    })
}

/// What has been come across so far.
struct SdistFindings<'a> {
    depth: SdistDepth,
    limits: ArchiveLimits,
    visitor: &'a mut dyn SdistVisitor,
    package_info: Option<Vec<u8>>,
    pyproject: Option<Vec<u8>>,
    compiled_sources: Vec<String>,
}

/// A file that is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WantedSdistFile {
    PackageInfo,
    Pyproject,
    /// By the visitor alone.
    Visited,
}

impl SdistFindings<'_> {
    /// Takes note of a file below the top folder; says whether its bytes are wanted.
    fn meet(&mut self, below: &str) -> Option<WantedSdistFile> {
        let compiled = COMPILED.iter().any(|ending| below.ends_with(ending));
        if compiled && self.compiled_sources.len() < SOURCES {
            self.compiled_sources.push(below.to_owned());
        }
        let is_visited = self.visitor.meet(below);
        match below {
            "PKG-INFO" if self.package_info.is_none() => Some(WantedSdistFile::PackageInfo),
            "pyproject.toml" if self.pyproject.is_none() => Some(WantedSdistFile::Pyproject),
            _ => is_visited.then_some(WantedSdistFile::Visited),
        }
    }

    fn keep(&mut self, below: &str, wanted: WantedSdistFile, bytes: Vec<u8>) {
        if wanted != WantedSdistFile::PackageInfo {
            self.visitor.take(below, &bytes);
        }
        match wanted {
            WantedSdistFile::PackageInfo => self.package_info = Some(bytes),
            WantedSdistFile::Pyproject => self.pyproject = Some(bytes),
            WantedSdistFile::Visited => {}
        }
    }

    /// Whether the file is small enough to be shown to the visitor; who is told when it is not.
    fn is_shown(&mut self, below: &str, wanted: WantedSdistFile, size: u64) -> bool {
        let limit = self.limits.source_bytes;
        let is_shown = wanted != WantedSdistFile::Visited || size <= limit;
        if !is_shown {
            self.visitor.leave(
                below,
                &format!("it has {size} bytes, more than the limit of {limit}"),
            );
        }
        is_shown
    }

    /// Whether nothing that follows can change the answer.
    fn is_complete(&self) -> bool {
        let Some(package_info) = &self.package_info else {
            return false;
        };
        let is_dynamic = || match metadata::parse_sdist(package_info) {
            Ok(metadata) => metadata
                .dynamic
                .iter()
                .any(|field| field == "requires-dist"),
            Err(_) => false,
        };
        self.depth == SdistDepth::Metadata && (self.pyproject.is_some() || !is_dynamic())
    }

    fn size_allowed(&self, path: &str, found: u64) -> Result<(), SdistError> {
        let limit = self.limits.metadata_bytes;
        if found <= limit {
            Ok(())
        } else {
            Err(SdistError::FileTooLarge {
                path: path.to_owned(),
                found,
                limit,
            })
        }
    }

    fn read_zip(&mut self, source: Box<dyn RangeSource>) -> Result<(), SdistError> {
        let zip = ZipArchive::open(source, self.limits)?;
        for entry in zip.entries() {
            let Some((_, below)) = entry.path.split_once('/') else {
                continue;
            };
            let Some(wanted) = self.meet(below) else {
                continue;
            };
            if self.is_shown(below, wanted, entry.size) {
                let path = entry.path.clone();
                let limit = self.limits.metadata_bytes.max(self.limits.source_bytes);
                let bytes = zip
                    .read_one(&path, limit)
                    .map_err(|error| SdistError::Member { path, error })?;
                self.keep(below, wanted, bytes);
            }
        }
        Ok(())
    }

    fn read_tar(&mut self, source: &dyn RangeSource) -> Result<(), SdistError> {
        let limit = self.limits.sdist_bytes;
        let packed = BufReader::new(SequentialSource::new(source));
        let mut tar = Archive::new(MultiGzDecoder::new(packed).take(limit));
        let outcome = self.read_entries(&mut tar);
        let is_cut = tar.into_inner().limit() == 0;
        match outcome {
            // What was found before the limit counts; without PKG-INFO, the limit is the reason.
            Ok(()) | Err(SdistError::Damaged { .. }) if is_cut && self.package_info.is_none() => {
                Err(SdistError::TooLarge { limit })
            }
            Ok(()) | Err(SdistError::Damaged { .. }) if is_cut => {
                self.visitor.leave(
                    "the rest of it",
                    &format!("more than {limit} bytes would be unpacked"),
                );
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn read_entries<R: Read>(&mut self, tar: &mut Archive<R>) -> Result<(), SdistError> {
        let entries = tar.entries().map_err(tar_error)?;
        tarball::walk(entries, self.limits.members, &mut |entry, bytes| {
            self.take(entry, bytes)
        })?;
        Ok(())
    }

    fn take(
        &mut self,
        entry: &TarEntry,
        reader: &mut dyn Read,
    ) -> Result<ControlFlow<()>, SdistError> {
        let name = entry.path.strip_prefix("./").unwrap_or(&entry.path);
        let below = name
            .split_once('/')
            .map(|(_, below)| below)
            .filter(|_| entry.kind == TarEntryKind::File);
        let Some((below, wanted)) = below.and_then(|below| Some((below, self.meet(below)?))) else {
            return Ok(ControlFlow::Continue(()));
        };
        if !self.is_shown(below, wanted, entry.size) {
            return Ok(ControlFlow::Continue(()));
        }
        if wanted != WantedSdistFile::Visited {
            self.size_allowed(name, entry.size)?;
        }
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).map_err(tar_error)?;
        if bytes.len() as u64 != entry.size {
            let why = format!("{name} ends after {} of {} bytes", bytes.len(), entry.size);
            return Err(SdistError::Damaged { why });
        }
        self.keep(below, wanted, bytes);
        Ok(if self.is_complete() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    }
}

impl From<TarError> for SdistError {
    fn from(error: TarError) -> SdistError {
        match error {
            TarError::Read(error) => tar_error(error),
            TarError::Name { .. } => SdistError::Damaged {
                why: error.to_string(),
            },
        }
    }
}

fn tar_error(error: io::Error) -> SdistError {
    // The crates below wrap errors; the source's own is at the bottom.
    let mut inner: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = inner {
        if let Some(source) = current.downcast_ref::<SourceError>() {
            return SdistError::Source(source.clone());
        }
        let wrapped = current
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        inner = wrapped
            .map(|error| error as &(dyn std::error::Error + 'static))
            .or(current.source());
    }
    SdistError::Damaged {
        why: error.to_string(),
    }
}

/// Reads a source from its start, in requests that grow.
struct SequentialSource<'a> {
    source: &'a dyn RangeSource,
    position: u64,
    request: u64,
    chunk: io::Cursor<Vec<u8>>,
}

impl<'a> SequentialSource<'a> {
    fn new(source: &'a dyn RangeSource) -> SequentialSource<'a> {
        SequentialSource {
            source,
            position: 0,
            request: FIRST_REQUEST,
            chunk: io::Cursor::default(),
        }
    }
}

impl Read for SequentialSource<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(whole) = self.source.whole() {
            let rest = usize::try_from(self.position)
                .ok()
                .and_then(|start| whole.get(start..))
                .unwrap_or_default();
            let length = io::Cursor::new(rest).read(buffer)?;
            self.position += length as u64;
            return Ok(length);
        }
        let length = self.chunk.read(buffer)?;
        if length > 0 || self.position >= self.source.size() {
            return Ok(length);
        }
        let end = (self.position + self.request).min(self.source.size());
        let chunk = read_exactly(self.source, self.position..end).map_err(io::Error::other)?;
        self.position = end;
        self.request = (self.request * 2).min(16 << 20);
        self.chunk = io::Cursor::new(chunk);
        self.chunk.read(buffer)
    }
}
