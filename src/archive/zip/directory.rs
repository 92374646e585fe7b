//! The central directory: what a zip file says it holds, and what in that is suspicious.
//!
//! The directory is what installers follow, so it is believed; everything that would let another reader see another
//! member under the same name is refused for that member. Which contradictions matter is known from
//! <https://blog.pypi.org/posts/2025-08-07-wheel-archive-confusion-attacks/>.

use std::collections::HashMap;
use std::io;

use rawzip::{
    CompressionMethod, ErrorKind, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchiveEntryWayfinder,
    ZipFileHeaderRecord, ZipLocator,
};

use crate::archive::error::{MemberError, ZipError, ZipOddity};
use crate::archive::limits::ArchiveLimits;
use crate::model::member::MemberEntry;

use super::window::{TailReader, unwrap_source};

/// Bytes of a local header before its name.
const LOCAL_HEADER: u64 = 30;
/// The longest extra field of a local header, and the longest data descriptor.
const LOCAL_REST: u64 = u16::MAX as u64 + 24;
/// How far from the end the end record may start: itself and the longest comment.
const SEARCH: u64 = 22 + u16::MAX as u64;

/// What the directory says of one member and [`MemberEntry`] does not.
#[derive(Debug)]
pub(super) struct DirectoryPart {
    pub(super) wayfinder: ZipArchiveEntryWayfinder,
    pub(super) method: CompressionMethod,
    pub(super) crc: u32,
    /// Where its local header starts.
    pub(super) header: u64,
    /// The latest byte after it: where the next member or the directory starts.
    pub(super) next: u64,
    /// How far a request must reach to hold all of it.
    pub(super) reach: u64,
    /// The path as written, when it is not the entry's.
    pub(super) raw_path: Option<Box<[u8]>>,
    /// Why it cannot be read, when the directory tells already.
    pub(super) defect: Option<MemberError>,
}

/// The directory, checked.
#[derive(Debug, Default)]
pub(super) struct ZipDirectory {
    /// Files, in order.
    pub(super) entries: Vec<MemberEntry>,
    /// One for each entry.
    pub(super) parts: Vec<DirectoryPart>,
    /// Index of each path.
    pub(super) paths: HashMap<String, usize>,
    /// What is wrong with the whole.
    pub(super) oddities: Vec<ZipOddity>,
}

/// Where a member stands; folders too.
struct MemberSpan {
    header: u64,
    end: u64,
    entry: Option<usize>,
}

/// A locator that looks as far as a comment can reach.
pub(super) fn locator() -> ZipLocator {
    ZipLocator::new().max_search_space(SEARCH)
}

impl ZipDirectory {
    pub(super) fn read(
        reader: &TailReader<'_>,
        size: u64,
        limits: &ArchiveLimits,
    ) -> Result<ZipDirectory, ZipError> {
        let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
        let archive = locator()
            .locate_in_reader(reader, &mut buffer, size)
            .map_err(|(_, error)| zip_error(error.into_kind(), size))?;
        let (start, end) = (archive.directory_offset(), archive.end_offset());
        let found = size.saturating_sub(start);
        if found > limits.directory_bytes {
            return Err(ZipError::DirectoryTooLarge {
                found,
                limit: limits.directory_bytes,
            });
        }
        let expected = archive.entries_hint();
        let mut directory = ZipDirectory::default();
        let mut spans = Vec::new();
        let mut records = archive.entries(&mut buffer);
        let mut cut = false;
        while let Some(record) = records
            .next_entry()
            .map_err(|error| zip_error(error.into_kind(), size))?
        {
            if spans.len() == limits.members {
                directory.oddities.push(ZipOddity::TooManyMembers {
                    limit: limits.members,
                });
                cut = true;
                break;
            }
            let span = directory.add(&record, limits);
            spans.push(span);
        }
        // Without the zip64 record, the count has 16 bits, and old tools let it overflow.
        let found = spans.len() as u64;
        if !cut
            && found != expected
            && (expected > u64::from(u16::MAX) || found & u64::from(u16::MAX) != expected)
        {
            directory
                .oddities
                .push(ZipOddity::Count { expected, found });
        }
        directory.place(spans, start);
        directory.refuse_duplicates();
        if size > end {
            directory
                .oddities
                .push(ZipOddity::Appended { found: size - end });
        }
        Ok(directory)
    }

    fn add(&mut self, record: &ZipFileHeaderRecord<'_>, limits: &ArchiveLimits) -> MemberSpan {
        let raw = record.file_path();
        let raw: &[u8] = raw.as_ref();
        let header = record.local_header_offset();
        let end = header
            .saturating_add(LOCAL_HEADER)
            .saturating_add(raw.len() as u64)
            .saturating_add(record.compressed_size_hint());
        if record.is_dir() {
            return MemberSpan {
                header,
                end,
                entry: None,
            };
        }
        let (path, mut defect) = checked_path(raw, limits);
        if record.flags().is_encrypted() {
            defect.get_or_insert(MemberError::Encrypted);
        }
        let method = record.compression_method();
        if method != CompressionMethod::STORE && method != CompressionMethod::DEFLATE {
            defect.get_or_insert(MemberError::Method {
                found: method.as_u16(),
            });
        }
        self.parts.push(DirectoryPart {
            wayfinder: record.wayfinder(),
            method,
            crc: record.crc32(),
            header,
            next: u64::MAX,
            reach: end.saturating_add(LOCAL_REST),
            raw_path: (raw != path.as_bytes()).then(|| raw.into()),
            defect,
        });
        self.entries.push(MemberEntry {
            path,
            size: record.uncompressed_size_hint(),
            compressed_size: record.compressed_size_hint(),
        });
        MemberSpan {
            header,
            end,
            entry: Some(self.entries.len() - 1),
        }
    }

    fn refuse(&mut self, entry: Option<usize>, defect: MemberError) {
        if let Some(part) = entry.and_then(|index| self.parts.get_mut(index)) {
            part.defect.get_or_insert(defect);
        }
    }

    /// Looks at where the members stand: none before the first, no two in the same bytes.
    fn place(&mut self, mut spans: Vec<MemberSpan>, directory: u64) {
        spans.sort_by_key(|span| span.header);
        let first = spans
            .first()
            .map_or(directory, |span| span.header.min(directory));
        if first > 0 {
            self.oddities.push(ZipOddity::Prepended { found: first });
        }
        let mut furthest: Option<&MemberSpan> = None;
        for (position, span) in spans.iter().enumerate() {
            if let Some(before) = furthest.filter(|before| span.header < before.end) {
                self.refuse(before.entry, MemberError::Overlap { other: span.header });
                self.refuse(
                    span.entry,
                    MemberError::Overlap {
                        other: before.header,
                    },
                );
            }
            if span.end > directory {
                self.refuse(span.entry, MemberError::Overlap { other: directory });
            }
            if furthest.is_none_or(|before| before.end < span.end) {
                furthest = Some(span);
            }
            let next = spans
                .get(position + 1)
                .map_or(directory, |next| next.header.min(directory));
            if let Some(part) = span.entry.and_then(|index| self.parts.get_mut(index)) {
                part.next = next;
                part.reach = part.reach.min(next);
            }
        }
    }

    fn refuse_duplicates(&mut self) {
        let mut counts: HashMap<&str, usize> = HashMap::with_capacity(self.entries.len());
        for entry in &self.entries {
            *counts.entry(&entry.path).or_default() += 1;
        }
        for (entry, part) in self.entries.iter().zip(&mut self.parts) {
            let count = counts.get(entry.path.as_str()).copied().unwrap_or_default();
            if count > 1 {
                part.defect.get_or_insert(MemberError::Duplicate { count });
            }
        }
        self.paths = self
            .entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.path.clone(), index))
            .collect();
    }
}

/// The path without empty and `.` components, and why it is unsafe, when it is.
fn checked_path(raw: &[u8], limits: &ArchiveLimits) -> (String, Option<MemberError>) {
    if raw.len() > limits.path_bytes {
        let start = raw.get(..limits.path_bytes).unwrap_or_default();
        let defect = MemberError::PathTooLong {
            found: raw.len(),
            limit: limits.path_bytes,
        };
        return (String::from_utf8_lossy(start).into_owned(), Some(defect));
    }
    let unsafe_path = |why| Some(MemberError::UnsafePath { why });
    let Ok(path) = std::str::from_utf8(raw) else {
        return (
            String::from_utf8_lossy(raw).into_owned(),
            unsafe_path("not UTF-8"),
        );
    };
    let defect = if path.starts_with('/') {
        unsafe_path("absolute")
    } else if path.contains('\\') {
        unsafe_path("has a backslash")
    } else if path.chars().any(char::is_control) {
        unsafe_path("has a control character")
    } else if path.as_bytes().get(1) == Some(&b':') {
        unsafe_path("has a drive letter")
    } else if path.split('/').any(|component| component == "..") {
        unsafe_path("leads upwards")
    } else {
        let normal = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect::<Vec<_>>()
            .join("/");
        let defect = if normal.is_empty() {
            unsafe_path("empty")
        } else {
            None
        };
        return (normal, defect);
    };
    (path.to_owned(), defect)
}

/// What `rawzip` says, as ours.
fn zip_error(kind: ErrorKind, size: u64) -> ZipError {
    match kind {
        ErrorKind::MissingEndOfCentralDirectory => ZipError::NotZip { size },
        ErrorKind::IO(error) => match unwrap_source(&error) {
            Some(error) => ZipError::Source(error),
            None if error.kind() == io::ErrorKind::UnexpectedEof => ZipError::Damaged {
                why: "it points behind the end of the file".into(),
            },
            None => ZipError::Damaged {
                why: error.to_string(),
            },
        },
        other => ZipError::Damaged {
            why: rawzip::Error::from(other).to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised_or_refused() {
        let limits = ArchiveLimits {
            path_bytes: 20,
            ..ArchiveLimits::default()
        };
        for (raw, expected) in [
            ("a/b.so", "a/b.so"),
            ("./a//b.so", "a/b.so"),
            ("a..b/..c", "a..b/..c"),
        ] {
            assert_eq!(
                checked_path(raw.as_bytes(), &limits),
                (expected.to_owned(), None)
            );
        }
        let refused = [
            "/a",
            "a/../b",
            "..",
            "a\\b",
            "C:/a",
            "a\nb",
            "a\0",
            "./",
            "aaaaaaaaaaaaaaaaaaaaa",
        ];
        for raw in refused {
            assert!(checked_path(raw.as_bytes(), &limits).1.is_some(), "{raw}");
        }
        assert!(checked_path(b"a\xff", &limits).1.is_some());
    }
}
