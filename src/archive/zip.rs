//! A zip file by ranges: the directory in one or two requests, members in as few as possible.

mod directory;
mod unpack;
mod window;

use std::sync::atomic::{AtomicU64, Ordering};
use std::vec;

use crate::model::member::{Member, MemberEntry};

use super::error::{MemberError, ZipError, ZipOddity};
use super::limits::ArchiveLimits;
use super::source::RangeSource;
use directory::{DirectoryPart, ZipDirectory};
use window::{ByteWindow, FetchedStretch, StretchReader, TailReader};

/// A zip file whose directory has been read.
pub struct ZipArchive {
    source: Box<dyn RangeSource>,
    tail: ByteWindow,
    directory: ZipDirectory,
    limits: ArchiveLimits,
    /// Bytes promised to callers so far.
    unpacked: AtomicU64,
}

/// The beginning of a member; nothing of it could be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPrefix {
    /// Unpacked bytes from the member's start on.
    pub bytes: Vec<u8>,
    /// Unpacked size of the whole member.
    pub size: u64,
}

impl ZipArchive {
    /// Reads the directory.
    pub fn open(
        source: Box<dyn RangeSource>,
        limits: ArchiveLimits,
    ) -> Result<ZipArchive, ZipError> {
        let reader = TailReader::new(&*source, limits)?;
        let directory = ZipDirectory::read(&reader, source.size(), &limits)?;
        let tail = reader.into_tail();
        Ok(ZipArchive {
            source,
            tail,
            directory,
            limits,
            unpacked: AtomicU64::new(0),
        })
    }

    /// Files, in the directory's order.
    pub fn entries(&self) -> &[MemberEntry] {
        &self.directory.entries
    }

    /// The entry of that path; of several, the last.
    pub fn entry(&self, path: &str) -> Option<&MemberEntry> {
        self.find(path).map(|(_, entry, _)| entry)
    }

    /// What is wrong with the whole.
    pub fn oddities(&self) -> &[ZipOddity] {
        &self.directory.oddities
    }

    /// Unpacks these members, in the order of the file, one at a time. Every path is answered once.
    pub fn read<'a>(&'a self, paths: &[&str]) -> ZipMembers<'a> {
        let mut refused = Vec::new();
        let mut wanted = Vec::new();
        for path in paths {
            match self.admit(path) {
                Ok(index) => wanted.push(index),
                Err(error) => refused.push(((*path).to_owned(), error)),
            }
        }
        let ranges = |index: &usize| {
            let part = self.directory.parts.get(*index)?;
            Some((*index, part.header..part.reach))
        };
        let mut ranges: Vec<_> = wanted.iter().filter_map(ranges).collect();
        ranges.sort_by_key(|(index, range)| (range.start, *index));
        ranges.dedup();
        let stretches = window::join(ranges, &self.limits).into_iter();
        ZipMembers {
            zip: self,
            refused: refused.into_iter(),
            stretches,
            current: None,
        }
    }

    /// One member, which may not be larger than `limit`.
    pub fn read_one(&self, path: &str, limit: u64) -> Result<Vec<u8>, MemberError> {
        let (_, entry, _) = self.find(path).ok_or(MemberError::Missing)?;
        if entry.size > limit {
            return Err(MemberError::TooLarge {
                found: entry.size,
                limit,
            });
        }
        match self.read(&[path]).next() {
            Some((_, outcome)) => outcome.map(|member| member.bytes),
            None => Err(MemberError::Missing),
        }
    }

    /// The beginning of a member: what its first `packed` bytes unpack to.
    pub fn read_prefix(&self, path: &str, packed: u64) -> Result<MemberPrefix, MemberError> {
        let (_, entry, part) = self.find(path).ok_or(MemberError::Missing)?;
        if let Some(defect) = &part.defect {
            return Err(defect.clone());
        }
        // The local header comes on top; its extra field is rarely longer than this.
        let end = part
            .header
            .saturating_add(entry.path.len() as u64 + 128)
            .saturating_add(packed)
            .min(part.reach);
        let step = self.limits.request_bytes.min(self.source.longest_read());
        let reader = StretchReader::new(&*self.source, &self.tail, end, step);
        let limit = self.limits.prefix_bytes;
        let bytes =
            unpack::unpack_prefix(&reader, self.source.size(), (entry, part), packed, limit)?;
        Ok(MemberPrefix {
            bytes,
            size: entry.size,
        })
    }

    fn find(&self, path: &str) -> Option<(usize, &MemberEntry, &DirectoryPart)> {
        let index = *self.directory.paths.get(path)?;
        Some((
            index,
            self.directory.entries.get(index)?,
            self.directory.parts.get(index)?,
        ))
    }

    /// Whether the directory and the limits let a member be read; counts its size.
    fn admit(&self, path: &str) -> Result<usize, MemberError> {
        let (index, entry, part) = self.find(path).ok_or(MemberError::Missing)?;
        if let Some(defect) = &part.defect {
            return Err(defect.clone());
        }
        let limits = &self.limits;
        if entry.size > limits.member_bytes {
            return Err(MemberError::TooLarge {
                found: entry.size,
                limit: limits.member_bytes,
            });
        }
        if entry.size > limits.ratio_floor_bytes
            && entry.size / entry.compressed_size.max(1) > limits.ratio
        {
            let (packed, unpacked) = (entry.compressed_size, entry.size);
            return Err(MemberError::Ratio {
                packed,
                unpacked,
                limit: limits.ratio,
            });
        }
        let add = |sum: u64| {
            sum.checked_add(entry.size)
                .filter(|sum| *sum <= limits.total_bytes)
        };
        match self
            .unpacked
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
        {
            Ok(_) => Ok(index),
            Err(sum) => Err(MemberError::Total {
                found: sum.saturating_add(entry.size),
                limit: limits.total_bytes,
            }),
        }
    }
}

/// Members on their way out of a zip file.
pub struct ZipMembers<'a> {
    zip: &'a ZipArchive,
    refused: vec::IntoIter<(String, MemberError)>,
    stretches: vec::IntoIter<FetchedStretch>,
    current: Option<CurrentStretch<'a>>,
}

/// The stretch of the file that is being read.
struct CurrentStretch<'a> {
    reader: StretchReader<'a>,
    members: vec::IntoIter<usize>,
    /// Set once a request failed: the rest of the stretch is not asked for again.
    failed: Option<MemberError>,
}

impl CurrentStretch<'_> {
    fn unpack(
        &mut self,
        zip: &ZipArchive,
        entry: &MemberEntry,
        part: &DirectoryPart,
    ) -> Result<Member, MemberError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let outcome = unpack::unpack(&self.reader, zip.source.size(), entry, part);
        if let Err(error @ MemberError::Source(_)) = &outcome {
            self.failed = Some(error.clone());
        }
        Ok(Member {
            path: entry.path.clone(),
            bytes: outcome?,
        })
    }
}

impl Iterator for ZipMembers<'_> {
    type Item = (String, Result<Member, MemberError>);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((path, error)) = self.refused.next() {
            return Some((path, Err(error)));
        }
        loop {
            if let Some(current) = &mut self.current
                && let Some(index) = current.members.next()
            {
                let zip = self.zip;
                let (Some(entry), Some(part)) = (
                    zip.directory.entries.get(index),
                    zip.directory.parts.get(index),
                ) else {
                    continue;
                };
                return Some((entry.path.clone(), current.unpack(zip, entry, part)));
            }
            self.current = None;
            let FetchedStretch { range, members } = self.stretches.next()?;
            let step = self
                .zip
                .limits
                .request_bytes
                .min(self.zip.source.longest_read());
            let reader = StretchReader::new(&*self.zip.source, &self.zip.tail, range.end, step);
            self.current = Some(CurrentStretch {
                reader,
                members: members.into_iter(),
                failed: None,
            });
        }
    }
}
