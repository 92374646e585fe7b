//! Files on this machine that may be anything: only regular ones are opened, so that a pipe keeps nobody waiting, and they are read by
//! position. A file is not mapped: what is cut short while it is read is an error then, and would be the end of the process otherwise.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

/// How much is read ahead, in bytes.
const AHEAD: u64 = 256 << 10;

/// A file of known size.
#[derive(Debug)]
pub(crate) struct RegularFile {
    file: File,
    size: u64,
}

impl RegularFile {
    /// Opens a file; whatever else lies there is an error, and is not waited for.
    pub(crate) fn open(path: &Path) -> io::Result<RegularFile> {
        let expected = || io::Error::other("expected a file");
        if !std::fs::metadata(path)?.is_file() {
            return Err(expected());
        }
        let file = File::open(path)?;
        let status = file.metadata()?;
        if status.is_file() {
            Ok(RegularFile {
                file,
                size: status.len(),
            })
        } else {
            Err(expected())
        }
    }

    /// Size in bytes when it was opened.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// These bytes, all of them.
    pub(crate) fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        read_at(&self.file, range)
    }

    /// A part of it as a stream.
    pub(crate) fn stream(&self, range: Range<u64>) -> FileStream<'_> {
        FileStream {
            file: self,
            at: range.start,
            end: range.end.min(self.size),
            ahead: (0, Vec::new()),
        }
    }
}

/// Bytes of a file on disk; the range lies within it.
pub(crate) fn read_at(file: &File, range: Range<u64>) -> io::Result<Vec<u8>> {
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

/// A part of a file, read from its beginning on. Positions are those of the whole file.
pub(crate) struct FileStream<'a> {
    file: &'a RegularFile,
    at: u64,
    end: u64,
    /// What was read ahead, and where it begins.
    ahead: (u64, Vec<u8>),
}

impl Read for FileStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.end || buffer.is_empty() {
            return Ok(0);
        }
        let (start, bytes) = &self.ahead;
        if self.at < *start || self.at >= start + bytes.len() as u64 {
            let end = self.at.saturating_add(AHEAD).min(self.end);
            self.ahead = (self.at, self.file.read(self.at..end)?);
        }
        let (start, bytes) = &self.ahead;
        let known = usize::try_from(self.at - start)
            .ok()
            .and_then(|at| bytes.get(at..))
            .unwrap_or_default();
        let length = known.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..length), known.get(..length)) {
            to.copy_from_slice(from);
        }
        self.at += length as u64;
        Ok(length)
    }
}

impl Seek for FileStream<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(distance) => self.end.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.at.checked_add_signed(distance),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_by_position_and_cut_ones_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "0123456789").unwrap();
        let file = RegularFile::open(&path).unwrap();
        assert_eq!(
            (file.size(), file.read(2..4).unwrap()),
            (10, b"23".to_vec())
        );
        let mut stream = file.stream(3..6);
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, "345");
        std::fs::write(&path, "01").unwrap();
        assert_eq!(
            file.read(2..4).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert!(RegularFile::open(folder.path()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_waits_for_a_pipe() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a-1.0-py3-none-any.whl");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        assert!(RegularFile::open(&path).is_err());
    }
}
