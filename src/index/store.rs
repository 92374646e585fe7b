//! A folder of small values by key, for things worth keeping between runs.
//!
//! It only ever helps: a value that is absent, damaged or unreadable is simply not there. Each value is a file of its
//! own, written under another name first, so that any number of processes may share the folder.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};

/// Part of the folder's name: values written under another one are not read.
const SCHEMA: &str = "v1";
/// First bytes of every file.
const MAGIC: &[u8; 8] = b"ungil\x01\r\n";
/// Magic, CRC-32 and length of the value, length of the key.
const HEADER: usize = 8 + 4 + 8 + 4;
/// Largest value that is kept.
const LARGEST: u64 = 1 << 30;

static TEMPORARY: AtomicU64 = AtomicU64::new(0);

/// The store; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct CacheStore {
    root: Option<Arc<PathBuf>>,
}

/// Why a value was not kept.
#[derive(Debug, thiserror::Error)]
#[error("the cache at {} cannot be written: {why}", path.display())]
pub struct StoreError {
    /// File that could not be written.
    pub path: PathBuf,
    /// What happened.
    pub why: io::Error,
}

impl CacheStore {
    /// A store in this folder, which need not exist yet.
    pub fn new(folder: &Path) -> CacheStore {
        CacheStore {
            root: Some(Arc::new(folder.join(SCHEMA))),
        }
    }

    /// A store that keeps nothing.
    pub fn disabled() -> CacheStore {
        CacheStore::default()
    }

    /// The value under this key; `None` when it is not there, or not whole.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let file = fs::File::open(self.path(bucket, key)?).ok()?;
        let length = file.metadata().ok()?.len();
        if length > LARGEST + HEADER as u64 + key.len() as u64 {
            return None;
        }
        let mut bytes = Vec::with_capacity(usize::try_from(length).ok()?);
        file.take(length).read_to_end(&mut bytes).ok()?;
        let start = check(&bytes, key)?;
        bytes.drain(..start);
        Some(bytes)
    }

    /// Keeps a value under a key, instead of the one that may be there.
    pub fn put(&self, bucket: &str, key: &str, value: &[u8]) -> Result<(), StoreError> {
        let Some(path) = self.path(bucket, key) else {
            return Ok(());
        };
        if value.len() as u64 > LARGEST {
            return Ok(());
        }
        let temporary = temporary(&path);
        write(&temporary, &path, &header(value, key), value).map_err(|why| {
            // It may never have been made.
            let _ = fs::remove_file(&temporary);
            StoreError { path, why }
        })
    }

    /// A new file for bytes too large for memory; `None` without a folder. It is the caller's to remove.
    pub(super) fn temporary_file(&self) -> Option<io::Result<(PathBuf, fs::File)>> {
        let path = temporary(&self.root.as_ref()?.join("tmp").join("file"));
        Some(create(&path).map(|file| (path, file)))
    }

    fn path(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        let name: String = Sha256::digest(key.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let (folder, file) = name.split_at_checked(2)?;
        Some(self.root.as_ref()?.join(bucket).join(folder).join(file))
    }
}

fn header(value: &[u8], key: &str) -> Vec<u8> {
    let mut header = Vec::with_capacity(HEADER + key.len());
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(&crc32fast::hash(value).to_le_bytes());
    header.extend_from_slice(&(value.len() as u64).to_le_bytes());
    header.extend_from_slice(&(key.len() as u32).to_le_bytes());
    header.extend_from_slice(key.as_bytes());
    header
}

/// Where the value starts, when all of it is there and it is this key's.
fn check(bytes: &[u8], key: &str) -> Option<usize> {
    let start = HEADER + key.len();
    let value = bytes.get(start..)?;
    (bytes.get(..start)? == header(value, key)).then_some(start)
}

fn temporary(path: &Path) -> PathBuf {
    let number = TEMPORARY.fetch_add(1, Ordering::Relaxed);
    path.with_extension(format!("{}-{number}.tmp", std::process::id()))
}

fn create(path: &Path) -> io::Result<fs::File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}

fn write(temporary: &Path, path: &Path, header: &[u8], value: &[u8]) -> io::Result<()> {
    let mut file = create(temporary)?;
    file.write_all(header)?;
    file.write_all(value)?;
    drop(file);
    fs::rename(temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_got() {
        let folder = tempfile::tempdir().unwrap();
        let store = CacheStore::new(folder.path());
        assert_eq!(store.get("bucket", "key"), None);
        for value in [&b"first"[..], b"", b"second"] {
            store.put("bucket", "key", value).unwrap();
            assert_eq!(store.get("bucket", "key").as_deref(), Some(value));
        }
        assert_eq!(store.get("other", "key"), None);
        assert_eq!(store.get("bucket", "other"), None);
        assert_eq!(CacheStore::disabled().get("bucket", "key"), None);
        CacheStore::disabled()
            .put("bucket", "key", b"value")
            .unwrap();
    }

    #[test]
    fn a_damaged_value_is_absent() {
        let folder = tempfile::tempdir().unwrap();
        let store = CacheStore::new(folder.path());
        store.put("bucket", "key", b"some value").unwrap();
        let path = store.path("bucket", "key").unwrap();
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(store.get("bucket", "key"), None, "cut after {length} bytes");
        }
        for position in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[position] ^= 0x20;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(store.get("bucket", "key"), None, "damaged at {position}");
        }
        fs::write(&path, &whole).unwrap();
        assert_eq!(
            store.get("bucket", "key").as_deref(),
            Some(&b"some value"[..])
        );
    }

    #[test]
    fn writers_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = CacheStore::new(folder.path());
        let values: Vec<Vec<u8>> = (0..4_u8).map(|number| vec![number; 50_000]).collect();
        std::thread::scope(|scope| {
            for value in &values {
                scope.spawn(|| (0..30).for_each(|_| store.put("bucket", "key", value).unwrap()));
            }
            scope.spawn(|| {
                for _ in 0..100 {
                    assert!(
                        store
                            .get("bucket", "key")
                            .is_none_or(|value| values.contains(&value))
                    );
                }
            });
        });
        assert_eq!(
            walkdir::WalkDir::new(folder.path())
                .into_iter()
                .filter(|e| e.as_ref().unwrap().path().is_file())
                .count(),
            1
        );
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_of_put_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let store = CacheStore::new(&file);
        assert_eq!(store.get("bucket", "key"), None);
        assert!(
            store
                .put("bucket", "key", b"value")
                .unwrap_err()
                .to_string()
                .contains("cannot be written")
        );
    }
}
