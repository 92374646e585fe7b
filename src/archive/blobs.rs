//! The files of a container image: a folder in the layout of OCI, or a tar file as `docker save` writes it.
//!
//! <https://github.com/opencontainers/image-spec/blob/main/image-layout.md>. Layers are tar files, plain or packed
//! by gzip or zstd.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::ops::{ControlFlow, Range};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;
use tar::Archive;

use super::limits::ArchiveLimits;
use super::source::{LocalFile, RangeSource};
use super::tarball::{self, TarEntry, TarEntryKind, TarEntryVisit, TarError, TarWalkEnd};
use super::zstd::ZstdDecoder;

/// First bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// First bytes of a zstd file.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What follows the first byte, `0x5?`, of a frame to be skipped.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// Files that only images have, in their top folder.
const MARKS: [&str; 2] = ["oci-layout", "manifest.json"];
/// How much tells what an archive is, in bytes.
const HEAD: u64 = 512;
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
        BlobError::Damaged {
            name: String::new(),
            why: error.to_string(),
        }
    }
}

impl BlobError {
    /// Names the file, where who met the error did not know it.
    fn of(self, file: &str) -> BlobError {
        match self {
            BlobError::Damaged { name, why } if name.is_empty() => BlobError::Damaged {
                name: file.to_owned(),
                why,
            },
            other => other,
        }
    }
}

/// The files of an image.
#[derive(Clone, Debug)]
pub struct ImageFiles {
    store: Arc<BlobStore>,
    /// What may still be unpacked of all layers of all images.
    budget: Arc<Mutex<UnpackBudget>>,
}

#[derive(Debug)]
enum BlobStore {
    /// A folder, as the system knows it.
    Folder(PathBuf),
    /// A tar file, and where the bytes of each file in it are.
    Tar(LocalFile, BTreeMap<String, Range<u64>>),
}

/// Bytes that may be unpacked: each layer brings some, once.
#[derive(Debug)]
struct UnpackBudget {
    left: u64,
    /// Entries that may still be met: a short one costs more time than its bytes tell.
    entries: usize,
    counted: BTreeSet<String>,
}

/// Whether a file or folder holds a container image, going by names in it.
pub fn claims(path: &Path) -> bool {
    if path.is_dir() {
        return path.join("oci-layout").is_file()
            || (path.join("manifest.json").is_file() && path.join("repositories").is_file());
    }
    let Ok(file) = LocalFile::open(path) else {
        return false;
    };
    let mut file = BufReader::new(file.stream(0..file.size()));
    match file.fill_buf() {
        Ok(head) if head.starts_with(&GZIP) => begins_as_image(MultiGzDecoder::new(file)),
        Ok(head) if is_zstd(head) => begins_as_image(ZstdDecoder::new(file)),
        Ok(head) if is_tar(head) => {
            ImageFiles::open(path, &ArchiveLimits::default()).is_ok_and(|blobs| blobs.is_image())
        }
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
    let Ok(entries) = tar.entries() else {
        return false;
    };
    let mut is_image = false;
    let mut visit = |entry: &TarEntry, _: &mut dyn Read| -> Result<ControlFlow<()>, BlobError> {
        is_image |= is_blobs_name(&entry.path);
        Ok(if is_image {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    };
    // The end of what is read is the end of no tar file.
    let _ = tarball::walk(entries, FIRST_NAMES, &mut visit);
    is_image
}

/// Whether an image's archive may begin with a file of this name.
fn is_blobs_name(name: &str) -> bool {
    let first = name
        .trim_start_matches("./")
        .split('/')
        .next()
        .unwrap_or_default();
    let is_digest = first.len() == 64 && first.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest || first == "blobs" || first == "index.json" || MARKS.contains(&first)
}

impl ImageFiles {
    /// Opens a folder or a tar file.
    pub fn open(path: &Path, limits: &ArchiveLimits) -> Result<ImageFiles, BlobError> {
        let name = path.display().to_string();
        let unreadable = |message| BlobError::Unreadable {
            name: name.clone(),
            message,
        };
        if path.is_dir() {
            let folder = path
                .canonicalize()
                .map_err(|error| unreadable(error.to_string()))?;
            return Ok(ImageFiles::of(BlobStore::Folder(folder), limits));
        }
        let file = LocalFile::open(path).map_err(|error| unreadable(error.to_string()))?;
        let head = file
            .read(0..file.size().min(HEAD))
            .map_err(|error| unreadable(error.to_string()))?;
        if head.starts_with(&GZIP) || is_zstd(&head) {
            return Err(BlobError::Packed { name });
        }
        let ranges = ranges(&file, limits).map_err(|error| error.of(&name))?;
        Ok(ImageFiles::of(BlobStore::Tar(file, ranges), limits))
    }

    fn of(store: BlobStore, limits: &ArchiveLimits) -> ImageFiles {
        let budget = UnpackBudget {
            left: limits.image_floor_bytes,
            entries: limits.image_entries,
            counted: BTreeSet::new(),
        };
        ImageFiles {
            store: Arc::new(store),
            budget: Arc::new(Mutex::new(budget)),
        }
    }

    /// Whether the files that tell an image are there.
    fn is_image(&self) -> bool {
        MARKS.iter().any(|mark| self.has(mark))
    }

    /// Whether there is a file of this name.
    pub fn has(&self, name: &str) -> bool {
        match &*self.store {
            BlobStore::Folder(folder) => below(folder, name).is_some_and(|path| path.is_file()),
            BlobStore::Tar(_, ranges) => ranges.contains_key(name),
        }
    }

    /// A whole file of at most so many bytes.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, BlobError> {
        let mut bytes = Vec::new();
        let (reader, _) = self.open_file(name)?;
        let read = reader.take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|error| BlobError::Unreadable {
            name: name.to_owned(),
            message: error.to_string(),
        })?;
        if bytes.len() as u64 > limit {
            return Err(BlobError::TooLarge {
                name: name.to_owned(),
                limit,
            });
        }
        Ok(bytes)
    }

    /// Visits the entries of a layer, whose bytes are unpacked as they are read.
    pub fn layer(
        &self,
        name: &str,
        limits: &ArchiveLimits,
        visit: &mut TarEntryVisit<'_, BlobError>,
    ) -> Result<(), BlobError> {
        let (mut packed, size) = self.open_file(name)?;
        let (allowed, most) = self.allowed(name, size, limits);
        let mut met = 0;
        let mut counted = |entry: &TarEntry, bytes: &mut dyn Read| {
            met += 1;
            visit(entry, bytes)
        };
        let head = packed.fill_buf().map_err(|error| BlobError::Unreadable {
            name: name.to_owned(),
            message: error.to_string(),
        })?;
        let reader: Box<dyn Read + '_> = match head {
            head if head.starts_with(&GZIP) => Box::new(MultiGzDecoder::new(packed)),
            head if is_zstd(head) => Box::new(ZstdDecoder::new(packed)),
            _ => packed,
        };
        let mut tar = Archive::new(reader.take(allowed));
        let entries = tar
            .entries()
            .map_err(|error| BlobError::from(TarError::Read(error)).of(name))?;
        let end = tarball::walk(entries, most, &mut counted);
        let left = tar.into_inner().limit();
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.left = budget.left.saturating_sub(allowed - left);
        budget.entries = budget.entries.saturating_sub(met);
        drop(budget);
        if left == 0 {
            return Err(BlobError::TooLarge {
                name: name.to_owned(),
                limit: allowed,
            });
        }
        match end.map_err(|error| error.of(name))? {
            TarWalkEnd::TooMany => Err(BlobError::TooMany {
                name: name.to_owned(),
                limit: limits.image_entries,
            }),
            TarWalkEnd::Complete | TarWalkEnd::Stopped => Ok(()),
        }
    }

    /// How many bytes and entries of a layer may be unpacked.
    fn allowed(&self, name: &str, packed: u64, limits: &ArchiveLimits) -> (u64, usize) {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        if budget.counted.insert(name.to_owned()) {
            budget.left = budget
                .left
                .saturating_add(packed.saturating_mul(limits.image_ratio));
        }
        (budget.left.min(limits.total_bytes), budget.entries)
    }

    /// A file's bytes, and how many there are.
    fn open_file(&self, name: &str) -> Result<(Box<dyn BufRead + '_>, u64), BlobError> {
        let missing = || BlobError::Missing {
            name: name.to_owned(),
        };
        match &*self.store {
            BlobStore::Folder(folder) => {
                let path = below(folder, name)
                    .filter(|path| path.is_file())
                    .ok_or_else(missing)?;
                let unreadable = |message| BlobError::Unreadable {
                    name: name.to_owned(),
                    message,
                };
                let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
                let size = file
                    .metadata()
                    .map_err(|error| unreadable(error.to_string()))?
                    .len();
                Ok((Box::new(BufReader::new(file)), size))
            }
            BlobStore::Tar(file, ranges) => {
                let range = ranges.get(name).ok_or_else(missing)?.clone();
                let size = range.end.saturating_sub(range.start);
                if range.end > file.size() {
                    let why = "it ends after the end of the archive".to_owned();
                    return Err(BlobError::Damaged {
                        name: name.to_owned(),
                        why,
                    });
                }
                Ok((Box::new(BufReader::new(file.stream(range))), size))
            }
        }
    }
}

/// Where each file's bytes are. Links to files are followed once, as old archives have them between equal layers.
fn ranges(
    file: &LocalFile,
    limits: &ArchiveLimits,
) -> Result<BTreeMap<String, Range<u64>>, BlobError> {
    let mut ranges = BTreeMap::new();
    let mut links = Vec::new();
    let mut tar = Archive::new(file.stream(0..file.size()));
    let entries = tar.entries_with_seek().map_err(TarError::Read)?;
    let mut visit = |entry: &TarEntry, _: &mut dyn Read| -> Result<ControlFlow<()>, BlobError> {
        let path = entry.path.trim_start_matches("./").to_owned();
        match entry.kind {
            TarEntryKind::File => {
                _ = ranges.insert(path, entry.offset..entry.offset.saturating_add(entry.size))
            }
            TarEntryKind::Symlink => links.push((path, entry.link.clone())),
            TarEntryKind::Folder | TarEntryKind::Hardlink | TarEntryKind::Other => {}
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

/// The real path of a name in a folder, when it stays there: by its letters, and with every link in it followed.
fn below(folder: &Path, name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    if !path
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return None;
    }
    folder
        .join(path)
        .canonicalize()
        .ok()
        .filter(|real| real.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_below() {
        assert_eq!(
            joined("a", "../b/layer.tar").as_deref(),
            Some("b/layer.tar")
        );
        assert_eq!(joined("a", "../../b"), None);
        let root = tempfile::tempdir().unwrap();
        let (folder, outside) = (
            root.path().canonicalize().unwrap().join("image"),
            root.path().join("outside"),
        );
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(&outside, "secret").unwrap();
        std::fs::write(folder.join("inside"), "").unwrap();
        assert_eq!(below(&folder, "inside"), Some(folder.join("inside")));
        for name in ["../outside", "/etc/passwd", "a/../../outside"] {
            assert_eq!(below(&folder, name), None, "{name}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outside, folder.join("index.json")).unwrap();
            std::os::unix::fs::symlink(folder.join("inside"), folder.join("link")).unwrap();
            let blobs = ImageFiles::open(&folder, &ArchiveLimits::default()).unwrap();
            assert!(!blobs.has("index.json") && blobs.read("index.json", 100).is_err());
            assert!(blobs.has("link"));
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
