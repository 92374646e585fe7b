//! One distribution file, wherever it is: parts of it are read without fetching the rest.
//!
//! The first request asks for the end of the file, where a zip archive has its directory: one round trip gives the size
//! and most of what is needed. A server that ignores ranges sends the whole file; it is then taken once, kept, and its
//! digest compared. That it is still the same file is checked with every answer.

mod answer;
mod opening;
mod ranges;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::header::HeaderMap;

use self::answer::{FileIdentity, content_range};
use super::blob::{BodyBlob, BodyIntake};
use super::client::{HttpReply, IndexClient, ReplyRefusal, read_all};
use super::error::{IndexError, shown};
use super::http::ByteRange;
use super::settings::SizeLimits;
use super::store::CacheStore;
use crate::model::artifact::{Artifact, FileCheck};
use crate::model::digest::Digest;
use crate::model::place::Location;
use crate::regular_file::RegularFile;
use opening::{FileOpening, open_remote};
use ranges::{FetchedRanges, RemoteBytes};

/// Bytes asked for at the end of the file.
const TAIL: u64 = 64 << 10;
/// The same for a wheel for certain platforms: their directories, with `RECORD` and `METADATA` before them, are longer,
/// and a second request costs more than the difference.
const PLATFORM_TAIL: u64 = 256 << 10;
/// The same where every request counts: many wheels are not longer.
const LONG_TAIL: u64 = 4 << 20;

/// How much is asked for at the end of a file when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TailSize {
    /// A zip archive's directory, and little else.
    #[default]
    Usual,
    /// Many a wheel as a whole.
    Long,
    /// Every file as a whole: its digest is to be known.
    Whole,
}

/// A file of known size whose bytes can be asked for.
pub struct RemoteFile {
    place: String,
    size: u64,
    inner: RemoteInner,
}

enum RemoteInner {
    Local(RegularFile),
    Remote(Box<RemoteBytes>),
}

/// What the index says of the file.
#[derive(Clone)]
struct StatedFile {
    size: Option<u64>,
    digests: Vec<Digest>,
}

/// What is here already.
enum HeldBytes {
    /// The bytes from here to the end.
    Tail(u64, Arc<Vec<u8>>),
    /// Everything.
    Whole(Arc<BodyBlob>),
}

/// What came back.
enum TakenAnswer {
    /// Part of a file of this size.
    Part {
        size: u64,
        start: u64,
        bytes: Vec<u8>,
        identity: FileIdentity,
    },
    /// All of it.
    Whole {
        blob: BodyBlob,
        identity: FileIdentity,
    },
    /// The server wants no such range.
    NoRanges,
}

impl RemoteFile {
    /// Opens the artifact's file; for a remote one, this fetches its end.
    pub(super) fn open(
        artifact: &Artifact,
        tail: TailSize,
        client: &Arc<IndexClient>,
        store: &CacheStore,
    ) -> Result<RemoteFile, IndexError> {
        match &artifact.location {
            Location::Path(path) => {
                let error = |why: std::io::Error| IndexError::File {
                    path: path.clone(),
                    why: why.to_string(),
                };
                let file = RegularFile::open(path).map_err(error)?;
                Ok(RemoteFile {
                    place: path.display().to_string(),
                    size: file.size(),
                    inner: RemoteInner::Local(file),
                })
            }
            Location::Url(url) if url.scheme() == "file" => {
                let path = url.to_file_path().map_err(|()| IndexError::Setting {
                    setting: "file URL".to_owned(),
                    expected: "a path of this machine".to_owned(),
                    found: shown(url),
                })?;
                RemoteFile::open(
                    &Artifact {
                        location: Location::Path(path),
                        ..artifact.clone()
                    },
                    tail,
                    client,
                    store,
                )
            }
            Location::Url(url) => {
                let promise = StatedFile {
                    size: artifact.size,
                    digests: artifact.digests.clone(),
                };
                let tail = match (artifact.wheel(), tail) {
                    (Some(wheel), TailSize::Usual) if !wheel.is_pure() => Some(PLATFORM_TAIL),
                    (_, TailSize::Usual) => Some(TAIL),
                    (_, TailSize::Long) => Some(LONG_TAIL),
                    (_, TailSize::Whole) => None,
                };
                open_remote(
                    url,
                    FileOpening {
                        package: &artifact.name,
                        promise,
                        tail,
                    },
                    client,
                    store,
                )
            }
        }
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where it is: a path, or a URL without credentials.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Bytes that were fetched for it so far; none for a file on this machine.
    pub fn fetched(&self) -> u64 {
        match &self.inner {
            RemoteInner::Local(_) => 0,
            RemoteInner::Remote(remote) => remote.fetched.load(Ordering::Relaxed),
        }
    }

    /// How far the bytes were compared with what is said of them: digests are known once the whole file is here, and
    /// those that the index states were then compared with them.
    pub fn check(&self) -> FileCheck {
        match &self.inner {
            RemoteInner::Local(_) => FileCheck::Ranges,
            RemoteInner::Remote(remote) => match &*remote.held() {
                HeldBytes::Whole(blob) => FileCheck::Digest(blob.digests().to_vec()),
                HeldBytes::Tail(..) => FileCheck::Ranges,
            },
        }
    }

    /// These bytes of the file, all of them or an error.
    pub fn read(&self, range: Range<u64>) -> Result<Vec<u8>, IndexError> {
        if range.start > range.end || range.end > self.size {
            let asked = format!("bytes {} to {}", range.start, range.end);
            return Err(IndexError::Range {
                url: self.place.clone(),
                asked,
                found: format!("{} bytes", self.size),
            });
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        match &self.inner {
            RemoteInner::Local(file) => file.read(range).map_err(|why| self.unreadable(&why)),
            RemoteInner::Remote(remote) => {
                let held = match &*remote.held() {
                    HeldBytes::Tail(start, tail) => Err((*start, Arc::clone(tail))),
                    HeldBytes::Whole(blob) => Ok(Arc::clone(blob)),
                };
                match held {
                    Ok(blob) => blob.read(range).map_err(|why| self.unreadable(&why)),
                    Err((start, tail)) => self.read_remote(remote, range, start, &tail),
                }
            }
        }
    }

    fn read_remote(
        &self,
        remote: &RemoteBytes,
        range: Range<u64>,
        start: u64,
        tail: &[u8],
    ) -> Result<Vec<u8>, IndexError> {
        let in_tail =
            |position: u64| usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
        let known = tail
            .get(in_tail(range.start)..in_tail(range.end))
            .unwrap_or_default();
        if range.start >= start {
            return Ok(known.to_vec());
        }
        let missing = range.start..range.end.min(start);
        match remote.fetch(self.size, missing)? {
            FetchedRanges::Part(mut bytes) => {
                bytes.extend_from_slice(known);
                Ok(bytes)
            }
            FetchedRanges::Whole(blob) => blob.read(range).map_err(|why| self.unreadable(&why)),
        }
    }

    fn unreadable(&self, why: &std::io::Error) -> IndexError {
        IndexError::File {
            path: self.place.clone().into(),
            why: why.to_string(),
        }
    }
}

/// Makes something of an answer to one query.
struct AnswerTaker<'a> {
    limits: SizeLimits,
    promise: &'a StatedFile,
    store: &'a CacheStore,
    asked: Option<&'a ByteRange>,
}

impl AnswerTaker<'_> {
    fn take(&self, mut reply: HttpReply<'_>) -> Result<TakenAnswer, ReplyRefusal> {
        let url = shown(&reply.url);
        let identity = FileIdentity::of(&reply.headers);
        match reply.status.as_u16() {
            206 => {
                let (range, size) = self.answered(&url, &reply.headers)?;
                let length = range.end - range.start;
                let bytes = read_all(&mut reply, "the bytes that were asked for", length, 0)?;
                if (bytes.len() as u64) < length {
                    return Err(ReplyRefusal::Broken(format!(
                        "{} of {length} bytes",
                        bytes.len()
                    )));
                }
                Ok(TakenAnswer::Part {
                    size,
                    start: range.start,
                    bytes,
                    identity,
                })
            }
            200 => {
                let intake = BodyIntake::new(self.limits);
                let blob = intake.take(
                    &mut reply,
                    self.promise.size,
                    &self.promise.digests,
                    self.store,
                )?;
                promised_size(&url, self.promise, blob.size())?;
                Ok(TakenAnswer::Whole { blob, identity })
            }
            400 | 405 | 416 | 501 => Ok(TakenAnswer::NoRanges),
            status @ (404 | 410) => Err(IndexError::Missing { url, status }.into()),
            status => {
                let expected = "bytes of the file (206 or 200)".to_owned();
                Err(IndexError::Status {
                    url,
                    expected,
                    status,
                }
                .into())
            }
        }
    }

    /// The range and the size that an answer states, if they are those that were asked for: nothing else is read.
    fn answered(&self, url: &str, headers: &HeaderMap) -> Result<(Range<u64>, u64), IndexError> {
        let error = |found: String| {
            let asked = self
                .asked
                .map_or_else(|| "the whole file".to_owned(), ByteRange::header);
            IndexError::Range {
                url: url.to_owned(),
                asked,
                found,
            }
        };
        let (range, size) = content_range(headers).map_err(error)?;
        promised_size(url, self.promise, size)?;
        let fits = match self.asked {
            None => false,
            Some(ByteRange::Span(asked)) => *asked == range,
            Some(ByteRange::Suffix(length)) => range == (size.saturating_sub(*length)..size),
        };
        if fits {
            Ok((range, size))
        } else {
            Err(error(format!(
                "bytes {}-{}/{size}",
                range.start,
                range.end - 1
            )))
        }
    }
}

fn promised_size(url: &str, promise: &StatedFile, found: u64) -> Result<(), IndexError> {
    match promise.size {
        Some(expected) if expected != found => Err(IndexError::Size {
            place: url.to_owned(),
            expected,
            found,
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use http::header;

    use super::*;

    #[test]
    fn content_ranges_are_read() {
        let check = |text: &str, expected: Option<(Range<u64>, u64)>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_RANGE, text.parse().unwrap());
            assert_eq!(content_range(&headers).ok(), expected, "{text}");
        };
        check("bytes 0-9/100", Some((0..10, 100)));
        check("bytes 99-99/100", Some((99..100, 100)));
        for wrong in [
            "bytes 0-100/100",
            "bytes 9-0/100",
            "bytes */100",
            "bytes 0-9/*",
            "items 0-9/100",
            "",
            "bytes 0-18446744073709551615/18446744073709551615",
        ] {
            check(wrong, None);
        }
        assert!(content_range(&HeaderMap::new()).is_err());
    }
}
