//! The real disk behind [`InputFiles`].

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::{FileKind, InputFiles};

/// The machine's disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct FilesOnDisk;

impl InputFiles for FilesOnDisk {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        let metadata = fs::metadata(path).ok()?;
        Some(if metadata.is_dir() {
            FileKind::Folder
        } else {
            FileKind::File
        })
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        File::open(path)?
            .take(u64::try_from(limit).unwrap_or(u64::MAX))
            .read_to_end(&mut content)?;
        Ok(content)
    }
}
