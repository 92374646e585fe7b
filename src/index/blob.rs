//! A file that had to be taken whole: in memory while it is small, else in a temporary file; checked as it comes in.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use url::Url;

use super::client::{HttpReply, ReplyRefusal};
use super::error::{IndexError, shown};
use super::settings::SizeLimits;
use super::store::CacheStore;
use crate::model::digest::{Algorithm, Digest};
use crate::regular_file::read_at;

/// The bytes.
pub(super) struct BodyBlob {
    size: u64,
    bytes: BlobBytes,
    digests: Vec<Digest>,
}

/// What is computed of a file that was taken whole: whoever pins it may name any of them.
const ALGORITHMS: [Algorithm; 3] = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];

enum BlobBytes {
    Memory(Vec<u8>),
    Disk(TemporaryFile),
}

/// A file that is removed when it is no longer needed.
struct TemporaryFile {
    path: PathBuf,
    file: Option<File>,
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        // Closed first: Windows removes no open file. What cannot be removed stays in the cache folder.
        self.file = None;
        let _ = std::fs::remove_file(&self.path);
    }
}

impl BodyBlob {
    /// Bytes that turned out to be the whole file.
    pub(super) fn from_memory(
        bytes: Vec<u8>,
        expected: &[Digest],
        url: &Url,
    ) -> Result<BodyBlob, IndexError> {
        let mut hasher = StatedHasher::new(&ALGORITHMS);
        hasher.update(&bytes);
        let digests = hasher.finish();
        compare_digests(&digests, expected, &shown(url))?;
        Ok(BodyBlob {
            size: bytes.len() as u64,
            bytes: BlobBytes::Memory(bytes),
            digests,
        })
    }

    /// Digests of all of it, computed as it came in.
    pub(super) fn digests(&self) -> &[Digest] {
        &self.digests
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        match &self.bytes {
            BlobBytes::Memory(bytes) => {
                let range = usize::try_from(range.start)
                    .ok()
                    .zip(usize::try_from(range.end).ok());
                let slice = range.and_then(|(start, end)| bytes.get(start..end));
                slice
                    .map(<[u8]>::to_vec)
                    .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            BlobBytes::Disk(TemporaryFile {
                file: Some(file), ..
            }) => read_at(file, range),
            BlobBytes::Disk(TemporaryFile { file: None, .. }) => {
                Err(io::ErrorKind::NotFound.into())
            }
        }
    }
}

/// Takes a body in.
pub(super) struct BodyIntake {
    limits: SizeLimits,
    hasher: StatedHasher,
}

impl BodyIntake {
    pub(super) fn new(limits: SizeLimits) -> BodyIntake {
        BodyIntake {
            limits,
            hasher: StatedHasher::new(&ALGORITHMS),
        }
    }

    /// Reads the body to its end, within the limits, and compares size and digest with what the index states.
    pub(super) fn take(
        mut self,
        reply: &mut HttpReply<'_>,
        size: Option<u64>,
        stated: &[Digest],
        store: &CacheStore,
    ) -> Result<BodyBlob, ReplyRefusal> {
        let place = shown(&reply.url);
        let too_large = |limit: u64, what: &str| IndexError::TooLarge {
            place: place.clone(),
            what: what.to_owned(),
            limit,
        };
        let mut memory = Vec::new();
        let mut disk: Option<TemporaryFile> = None;
        let mut total: u64 = 0;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = reply.body.read(&mut buffer)?;
            let piece = buffer.get(..read).unwrap_or_default();
            if piece.is_empty() {
                break;
            }
            total += piece.len() as u64;
            if total > self.limits.file {
                return Err(
                    too_large(self.limits.file, "a file whose server ignores ranges").into(),
                );
            }
            self.hasher.update(piece);
            if disk.is_none() && total > self.limits.memory {
                let what = "a file whose server ignores ranges, without a cache folder";
                let temporary =
                    spill(&memory, store)?.ok_or_else(|| too_large(self.limits.memory, what))?;
                memory = Vec::new();
                disk = Some(temporary);
            }
            match disk.as_mut() {
                Some(temporary) => temporary.write(piece)?,
                None => memory.extend_from_slice(piece),
            }
        }
        if let Some(expected) = size.filter(|expected| total < *expected) {
            // The connection was closed too early, and nothing but the index knows.
            return Err(ReplyRefusal::Broken(format!("{total} of {expected} bytes")));
        }
        let digests = self.hasher.finish();
        compare_digests(&digests, stated, &place)?;
        let bytes = disk.map_or(BlobBytes::Memory(memory), BlobBytes::Disk);
        Ok(BodyBlob {
            size: total,
            bytes,
            digests,
        })
    }
}

impl TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        let result = self
            .file
            .as_mut()
            .map_or(Ok(()), |file| file.write_all(bytes));
        result.map_err(|why| IndexError::File {
            path: self.path.clone(),
            why: why.to_string(),
        })
    }
}

fn spill(memory: &[u8], store: &CacheStore) -> Result<Option<TemporaryFile>, IndexError> {
    let Some(created) = store.temporary_file() else {
        return Ok(None);
    };
    let (path, file) = created.map_err(|error| IndexError::Client {
        why: format!("no temporary file: {error}"),
    })?;
    let mut temporary = TemporaryFile {
        path,
        file: Some(file),
    };
    temporary.write(memory)?;
    Ok(Some(temporary))
}

/// Computes digests of bytes as they come.
struct StatedHasher {
    sha256: Sha256,
    sha384: Option<Sha384>,
    sha512: Option<Box<Sha512>>,
}

impl StatedHasher {
    /// SHA-256 is computed in any case: it is what reports name a file by.
    fn new(algorithms: &[Algorithm]) -> StatedHasher {
        StatedHasher {
            sha256: Sha256::new(),
            sha384: algorithms.contains(&Algorithm::Sha384).then(Sha384::new),
            sha512: algorithms.contains(&Algorithm::Sha512).then(Box::default),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(hasher) = &mut self.sha384 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sha512 {
            hasher.update(bytes);
        }
    }

    fn finish(self) -> Vec<Digest> {
        let digest = |algorithm, bytes: &[u8]| {
            let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Digest { algorithm, hex }
        };
        let sha384 = self
            .sha384
            .map(|hasher| digest(Algorithm::Sha384, &hasher.finalize()));
        let sha512 = self
            .sha512
            .map(|hasher| digest(Algorithm::Sha512, &hasher.finalize()));
        let sha256 = digest(Algorithm::Sha256, &self.sha256.finalize());
        [Some(sha256), sha384, sha512]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Whether what was computed is what is stated, as far as both are of one kind.
fn compare_digests(found: &[Digest], expected: &[Digest], place: &str) -> Result<(), IndexError> {
    let pairs = expected.iter().filter_map(|stated| {
        Some((
            stated,
            found
                .iter()
                .find(|found| found.algorithm == stated.algorithm)?,
        ))
    });
    match pairs
        .into_iter()
        .find(|(stated, found)| stated.hex != found.hex)
    {
        Some((expected, found)) => Err(IndexError::Digest {
            place: place.to_owned(),
            expected: expected.clone(),
            found: found.clone(),
        }),
        None => Ok(()),
    }
}

/// Compares the bytes of a small file with what is stated of it.
pub(super) fn compare(bytes: &[u8], expected: &Digest, place: &str) -> Result<(), IndexError> {
    let mut hasher = StatedHasher::new(&[expected.algorithm]);
    hasher.update(bytes);
    compare_digests(&hasher.finish(), std::slice::from_ref(expected), place)
}
