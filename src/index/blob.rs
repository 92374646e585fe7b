//! A file that had to be taken whole: in memory while it is small, else in a temporary file; checked as it comes in.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::PathBuf;

use sha2::{Digest as _, Sha256, Sha384, Sha512};
use url::Url;

use super::client::{Refusal, Reply};
use super::error::{IndexError, shown};
use super::settings::SizeLimits;
use super::store::Store;
use crate::model::digest::{Algorithm, Digest};

/// The bytes.
pub(super) struct Blob {
    size: u64,
    bytes: Bytes,
}

enum Bytes {
    Memory(Vec<u8>),
    Disk(Temporary),
}

/// A file that is removed when it is no longer needed.
struct Temporary {
    path: PathBuf,
    file: Option<File>,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Closed first: Windows removes no open file. What cannot be removed stays in the cache folder.
        self.file = None;
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Blob {
    /// Bytes that turned out to be the whole file.
    pub(super) fn from_memory(bytes: Vec<u8>, expected: Option<&Digest>, url: &Url) -> Result<Blob, IndexError> {
        let mut hasher = Hasher::new(expected.map(|digest| digest.algorithm));
        hasher.update(&bytes);
        hasher.compare(expected, &shown(url))?;
        Ok(Blob { size: bytes.len() as u64, bytes: Bytes::Memory(bytes) })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        match &self.bytes {
            Bytes::Memory(bytes) => {
                let range = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
                let slice = range.and_then(|(start, end)| bytes.get(start..end));
                slice.map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
            }
            Bytes::Disk(Temporary { file: Some(file), .. }) => read_at(file, range),
            Bytes::Disk(Temporary { file: None, .. }) => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Takes a body in.
pub(super) struct Intake {
    limits: SizeLimits,
    hasher: Hasher,
}

impl Intake {
    pub(super) fn new(limits: SizeLimits, algorithm: Option<Algorithm>) -> Intake {
        Intake { limits, hasher: Hasher::new(algorithm) }
    }

    /// Reads the body to its end, within the limits, and compares size and digest with what the index states.
    pub(super) fn take(
        mut self,
        reply: &mut Reply<'_>,
        size: Option<u64>,
        digest: Option<&Digest>,
        store: &Store,
    ) -> Result<Blob, Refusal> {
        let place = shown(&reply.url);
        let too_large =
            |limit: u64, what: &str| IndexError::TooLarge { place: place.clone(), what: what.to_owned(), limit };
        let mut memory = Vec::new();
        let mut disk: Option<Temporary> = None;
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
                return Err(too_large(self.limits.file, "a file whose server ignores ranges").into());
            }
            self.hasher.update(piece);
            if disk.is_none() && total > self.limits.memory {
                let what = "a file whose server ignores ranges, without a cache folder";
                let temporary = spill(&memory, store)?.ok_or_else(|| too_large(self.limits.memory, what))?;
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
            return Err(Refusal::Broken(format!("{total} of {expected} bytes")));
        }
        self.hasher.compare(digest, &place)?;
        let bytes = disk.map_or(Bytes::Memory(memory), Bytes::Disk);
        Ok(Blob { size: total, bytes })
    }
}

impl Temporary {
    fn write(&mut self, bytes: &[u8]) -> Result<(), IndexError> {
        let result = self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes));
        result.map_err(|why| IndexError::File { path: self.path.clone(), why: why.to_string() })
    }
}

fn spill(memory: &[u8], store: &Store) -> Result<Option<Temporary>, IndexError> {
    let Some(created) = store.temporary_file() else { return Ok(None) };
    let (path, file) = created.map_err(|error| IndexError::Client { why: format!("no temporary file: {error}") })?;
    let mut temporary = Temporary { path, file: Some(file) };
    temporary.write(memory)?;
    Ok(Some(temporary))
}

/// One of the hash functions that an index may state, or none.
enum Hasher {
    None,
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Box<Sha512>),
}

impl Hasher {
    fn new(algorithm: Option<Algorithm>) -> Hasher {
        match algorithm {
            None => Hasher::None,
            Some(Algorithm::Sha256) => Hasher::Sha256(Sha256::new()),
            Some(Algorithm::Sha384) => Hasher::Sha384(Sha384::new()),
            Some(Algorithm::Sha512) => Hasher::Sha512(Box::default()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::None => {}
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha384(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    fn compare(self, expected: Option<&Digest>, place: &str) -> Result<(), IndexError> {
        let bytes = match self {
            Hasher::None => return Ok(()),
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha384(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha512(hasher) => hasher.finalize().to_vec(),
        };
        let Some(expected) = expected else { return Ok(()) };
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if hex == expected.hex {
            return Ok(());
        }
        let found = Digest { algorithm: expected.algorithm, hex };
        Err(IndexError::Digest { place: place.to_owned(), expected: expected.clone(), found })
    }
}

/// Compares the bytes of a small file with what is stated of it.
pub(super) fn compare(bytes: &[u8], expected: &Digest, place: &str) -> Result<(), IndexError> {
    let mut hasher = Hasher::new(Some(expected.algorithm));
    hasher.update(bytes);
    hasher.compare(Some(expected), place)
}

/// Bytes of a file on disk; the range lies within it.
pub(super) fn read_at(file: &File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let too_large = |_| io::Error::from(io::ErrorKind::OutOfMemory);
    let length = usize::try_from(range.end.saturating_sub(range.start)).map_err(too_large)?;
    let mut bytes = vec![0; length];
    fill(file, &mut bytes, range.start)?;
    Ok(bytes)
}

#[cfg(unix)]
fn fill(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(windows)]
fn fill(file: &File, mut bytes: &mut [u8], mut start: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !bytes.is_empty() {
        let read = file.seek_read(bytes, start)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        start += read as u64;
        bytes = bytes.get_mut(read..).unwrap_or_default();
    }
    Ok(())
}
