//! The files of a container image: a folder in the layout of OCI, or a tar file as `docker save` writes it.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>. Layers are tar files, plain or packed
//! by gzip or zstd.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::ops::{ControlFlow, Range};
use std::path::{Component, Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use tar::Archive;

use super::limits::Limits;
use super::source::{MappedFile, Source};
use super::tarball::{self, End, Kind, TarEntry, TarError, Visit};
use super::zstd::ZstdDecoder;

/// First bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// First bytes of a zstd file.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What follows the first byte, `0x5?`, of a frame to be skipped.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// Files that only images have, in their top folder.
const MARKS: [&str; 2] = ["oci-layout", "manifest.json"];
/// Where a tar file's header has the word `ustar`.
const USTAR: Range<usize> = 257..262;
/// How much of a packed archive is unpacked to see whether it is an image's, in bytes.
const PACKED_HEAD: u64 = 1 << 20;
/// How many names are looked at for the same.
const FIRST_NAMES: usize = 16;

/// Why something of an image cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// It cannot be looked at.
    #[error("{name}: {message}")]
    Unreadable {
        /// The file.
        name: String,
        /// What the system said.
        message: String,
    },
    /// The image names it and does not have it.
    #[error("{name} is named and not there")]
    Missing {
        /// The file.
        name: String,
    },
    /// It has more bytes than are read.
    #[error("{name} has more than {limit} bytes, the limit")]
    TooLarge {
        /// The file.
        name: String,
        /// The limit.
        limit: u64,
    },
    /// It holds more than is looked at.
    #[error("{name} has more than {limit} entries, the limit")]
    TooMany {
        /// The file.
        name: String,
        /// The limit.
        limit: usize,
    },
    /// The whole archive is packed, so that nothing in it can be found without unpacking all of it.
    #[error("{name} is packed as a whole; expected a plain tar file")]
    Packed {
        /// The archive.
        name: String,
    },
    /// It is not what it should be.
    #[error("{name} is damaged: {why}")]
    Damaged {
        /// The file.
        name: String,
        /// What the decoder said.
        why: String,
    },
}

impl From<TarError> for BlobError {
    fn from(error: TarError) -> BlobError {
        BlobError::Damaged { name: String::new(), why: error.to_string() }
    }
}

impl BlobError {
    /// Names the file, where who met the error did not know it.
    fn of(self, file: &str) -> BlobError {
        match self {
            BlobError::Damaged { name, why } if name.is_empty() => BlobError::Damaged { name: file.to_owned(), why },
            other => other,
        }
    }
}

/// The files of an image.
#[derive(Debug)]
pub struct Blobs {
    store: Store,
}

#[derive(Debug)]
enum Store {
    Folder(PathBuf),
    /// A tar file, and where the bytes of each file in it are.
    Tar(MappedFile, BTreeMap<String, Range<u64>>),
}

/// Whether a file or folder holds a container image, going by names in it.
pub fn claims(path: &Path) -> bool {
    if path.is_dir() {
        return path.join("oci-layout").is_file()
            || (path.join("manifest.json").is_file() && path.join("repositories").is_file());
    }
    let Ok(file) = File::open(path) else { return false };
    let mut file = BufReader::new(file);
    match file.fill_buf() {
        Ok(head) if head.starts_with(&GZIP) => begins_as_image(MultiGzDecoder::new(file)),
        Ok(head) if is_zstd(head) => begins_as_image(ZstdDecoder::new(file)),
        Ok(head) if is_tar(head) => Blobs::open(path, &Limits::default()).is_ok_and(|blobs| blobs.is_image()),
        _ => false,
    }
}

/// Whether this begins as a frame of zstd's does, or one that its readers skip (RFC 8878, 3.1).
fn is_zstd(head: &[u8]) -> bool {
    match head {
        [first, rest @ ..] if first & 0xf0 == 0x50 => rest.starts_with(&SKIPPABLE),
        head => head.starts_with(&ZSTD),
    }
}

fn is_tar(head: &[u8]) -> bool {
    head.get(USTAR) == Some(b"ustar")
}

/// Whether the first names of a packed tar file are those of an image: to find others, all of it would be unpacked.
fn begins_as_image(packed: impl Read) -> bool {
    let mut tar = Archive::new(packed.take(PACKED_HEAD));
    let Ok(entries) = tar.entries() else { return false };
    let mut is_image = false;
    let mut visit = |entry: &TarEntry, _: &mut dyn Read| -> Result<ControlFlow<()>, BlobError> {
        is_image |= is_blobs_name(&entry.path);
        Ok(if is_image { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    // The end of what is read is the end of no tar file.
    let _ = tarball::walk(entries, FIRST_NAMES, &mut visit);
    is_image
}

/// Whether an image's archive may begin with a file of this name.
fn is_blobs_name(name: &str) -> bool {
    let first = name.trim_start_matches("./").split('/').next().unwrap_or_default();
    let is_digest = first.len() == 64 && first.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest || first == "blobs" || first == "index.json" || MARKS.contains(&first)
}

impl Blobs {
    /// Opens a folder or a tar file.
    pub fn open(path: &Path, limits: &Limits) -> Result<Blobs, BlobError> {
        if path.is_dir() {
            return Ok(Blobs { store: Store::Folder(path.to_path_buf()) });
        }
        let name = path.display().to_string();
        let unreadable = |message| BlobError::Unreadable { name: name.clone(), message };
        let file = MappedFile::open(path).map_err(|error| unreadable(error.to_string()))?;
        let whole = file.whole().unwrap_or_default();
        if whole.starts_with(&GZIP) || is_zstd(whole) {
            return Err(BlobError::Packed { name });
        }
        let ranges = ranges(whole, limits).map_err(|error| error.of(&name))?;
        Ok(Blobs { store: Store::Tar(file, ranges) })
    }

    /// Whether the files that tell an image are there.
    fn is_image(&self) -> bool {
        MARKS.iter().any(|mark| self.has(mark))
    }

    /// Whether there is a file of this name.
    pub fn has(&self, name: &str) -> bool {
        match &self.store {
            Store::Folder(folder) => below(folder, name).is_some_and(|path| path.is_file()),
            Store::Tar(_, ranges) => ranges.contains_key(name),
        }
    }

    /// A whole file of at most so many bytes.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, BlobError> {
        let mut bytes = Vec::new();
        let reader = self.open_file(name)?;
        let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| BlobError::Unreadable { name: name.to_owned(), message: error.to_string() })?;
        if bytes.len() as u64 > limit {
            return Err(BlobError::TooLarge { name: name.to_owned(), limit });
        }
        Ok(bytes)
    }

    /// Visits the entries of a layer, whose bytes are unpacked as they are read.
    pub fn layer(&self, name: &str, limits: &Limits, visit: &mut Visit<'_, BlobError>) -> Result<(), BlobError> {
        let mut packed = self.open_file(name)?;
        let head = packed
            .fill_buf()
            .map_err(|error| BlobError::Unreadable { name: name.to_owned(), message: error.to_string() })?;
        let reader: Box<dyn Read + '_> = match head {
            head if head.starts_with(&GZIP) => Box::new(MultiGzDecoder::new(packed)),
            head if is_zstd(head) => Box::new(ZstdDecoder::new(packed)),
            _ => packed,
        };
        let mut tar = Archive::new(reader.take(limits.total_bytes));
        let entries = tar.entries().map_err(|error| BlobError::from(TarError::Read(error)).of(name))?;
        let end = tarball::walk(entries, limits.layer_entries, visit);
        if tar.into_inner().limit() == 0 {
            return Err(BlobError::TooLarge { name: name.to_owned(), limit: limits.total_bytes });
        }
        match end.map_err(|error| error.of(name))? {
            End::TooMany => Err(BlobError::TooMany { name: name.to_owned(), limit: limits.layer_entries }),
            End::Complete | End::Stopped => Ok(()),
        }
    }

    fn open_file(&self, name: &str) -> Result<Box<dyn BufRead + '_>, BlobError> {
        let missing = || BlobError::Missing { name: name.to_owned() };
        match &self.store {
            Store::Folder(folder) => {
                let path = below(folder, name).filter(|path| path.is_file()).ok_or_else(missing)?;
                let file = File::open(path)
                    .map_err(|error| BlobError::Unreadable { name: name.to_owned(), message: error.to_string() })?;
                Ok(Box::new(BufReader::new(file)))
            }
            Store::Tar(file, ranges) => {
                let Range { start, end } = ranges.get(name).ok_or_else(missing)?;
                let bounds = usize::try_from(*start).ok().zip(usize::try_from(*end).ok());
                let whole = file.whole().unwrap_or_default();
                let bytes = bounds.and_then(|(start, end)| whole.get(start..end));
                let bytes = bytes.ok_or_else(|| BlobError::Damaged {
                    name: name.to_owned(),
                    why: "it ends after the end of the archive".to_owned(),
                })?;
                Ok(Box::new(Cursor::new(bytes)))
            }
        }
    }
}

/// Where each file's bytes are. Links to files are followed once, as old archives have them between equal layers.
fn ranges(whole: &[u8], limits: &Limits) -> Result<BTreeMap<String, Range<u64>>, BlobError> {
    let mut ranges = BTreeMap::new();
    let mut links = Vec::new();
    let mut tar = Archive::new(Cursor::new(whole));
    let entries = tar.entries_with_seek().map_err(TarError::Read)?;
    let mut visit = |entry: &TarEntry, _: &mut dyn Read| -> Result<ControlFlow<()>, BlobError> {
        let path = entry.path.trim_start_matches("./").to_owned();
        match entry.kind {
            Kind::File => _ = ranges.insert(path, entry.offset..entry.offset.saturating_add(entry.size)),
            Kind::Symlink => links.push((path, entry.link.clone())),
            Kind::Folder | Kind::Hardlink | Kind::Other => {}
        }
        Ok(ControlFlow::Continue(()))
    };
    tarball::walk(entries, limits.members, &mut visit)?;
    for (path, link) in links {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if let Some(range) = joined(folder, &link).and_then(|target| ranges.get(&target).cloned()) {
            ranges.insert(path, range);
        }
    }
    Ok(ranges)
}

/// A relative path seen from a folder; `None` when it leads out of the archive.
fn joined(folder: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A path in a folder, when it stays there by its letters.
fn below(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    path.components().all(|part| matches!(part, Component::Normal(_))).then(|| folder.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below() {
        assert_eq!(joined("a", "../b/layer.tar").as_deref(), Some("b/layer.tar"));
        assert_eq!(joined("a", "../../b"), None);
        assert_eq!(below(Path::new("/x"), "blobs/sha256/0"), Some("/x/blobs/sha256/0".into()));
        for name in ["../y", "/etc/passwd", "a/../../y"] {
            assert_eq!(below(Path::new("/x"), name), None, "{name}");
        }
    }

    #[test]
    fn an_archive_is_told_by_its_first_name() {
        let digest = "0".repeat(64);
        for (name, expected) in [
            ("blobs/", true),
            ("./blobs/sha256/", true),
            ("oci-layout", true),
            (&format!("{digest}/VERSION"), true),
            ("numpy-2.0/PKG-INFO", false),
            ("", false),
        ] {
            assert_eq!(is_blobs_name(name), expected, "{name}");
        }
    }
}
