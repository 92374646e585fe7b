//! One distribution file, wherever it is: parts of it are read without fetching the rest.
//!
//! The first request asks for the end of the file, where a zip archive has its directory: one round trip gives the size
//! and most of what is needed. A server that ignores ranges sends the whole file; it is then taken once, kept, and its
//! digest compared. That it is still the same file is checked with every answer.

mod answer;

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use url::Url;

use self::answer::{Identity, content_range};
use super::blob::{Blob, Intake};
use super::client::{Client, Query, Refusal, Reply, read_all};
use super::error::{IndexError, shown};
use super::http::ByteRange;
use super::settings::{Freshness, SizeLimits};
use super::store::Store;
use crate::model::artifact::{Artifact, FileCheck};
use crate::model::digest::Digest;
use crate::model::name::PackageName;
use crate::model::place::Location;
use crate::regular_file::RegularFile;

/// Bytes asked for at the end of the file.
const TAIL: u64 = 64 << 10;
/// The same for a wheel for certain platforms: their directories, with `RECORD` and `METADATA` before them, are longer,
/// and a second request costs more than the difference.
const PLATFORM_TAIL: u64 = 256 << 10;
/// The same where every request counts: many wheels are not longer.
const LONG_TAIL: u64 = 4 << 20;

/// How much is asked for at the end of a file when it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tail {
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
    inner: Inner,
}

enum Inner {
    Local(RegularFile),
    Remote(Box<Remote>),
}

struct Remote {
    client: Arc<Client>,
    store: Store,
    package: PackageName,
    url: Url,
    promise: Promise,
    identity: Identity,
    held: Mutex<Held>,
    fetched: AtomicU64,
}

/// What the index says of the file.
#[derive(Clone)]
struct Promise {
    size: Option<u64>,
    digests: Vec<Digest>,
}

/// What is here already.
enum Held {
    /// The bytes from here to the end.
    Tail(u64, Arc<Vec<u8>>),
    /// Everything.
    Whole(Arc<Blob>),
}

/// What came back.
enum Taken {
    /// Part of a file of this size.
    Part { size: u64, start: u64, bytes: Vec<u8>, identity: Identity },
    /// All of it.
    Whole { blob: Blob, identity: Identity },
    /// The server wants no such range.
    NoRanges,
}

impl RemoteFile {
    /// Opens the artifact's file; for a remote one, this fetches its end.
    pub(super) fn open(
        artifact: &Artifact,
        tail: Tail,
        client: &Arc<Client>,
        store: &Store,
    ) -> Result<RemoteFile, IndexError> {
        match &artifact.location {
            Location::Path(path) => {
                let error = |why: std::io::Error| IndexError::File { path: path.clone(), why: why.to_string() };
                let file = RegularFile::open(path).map_err(error)?;
                Ok(RemoteFile { place: path.display().to_string(), size: file.size(), inner: Inner::Local(file) })
            }
            Location::Url(url) if url.scheme() == "file" => {
                let path = url.to_file_path().map_err(|()| IndexError::Setting {
                    setting: "file URL".to_owned(),
                    expected: "a path of this machine".to_owned(),
                    found: shown(url),
                })?;
                RemoteFile::open(&Artifact { location: Location::Path(path), ..artifact.clone() }, tail, client, store)
            }
            Location::Url(url) => {
                let promise = Promise { size: artifact.size, digests: artifact.digests.clone() };
                let tail = match (artifact.wheel(), tail) {
                    (Some(wheel), Tail::Usual) if !wheel.is_pure() => Some(PLATFORM_TAIL),
                    (_, Tail::Usual) => Some(TAIL),
                    (_, Tail::Long) => Some(LONG_TAIL),
                    (_, Tail::Whole) => None,
                };
                open_remote(url, Opening { package: &artifact.name, promise, tail }, client, store)
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
            Inner::Local(_) => 0,
            Inner::Remote(remote) => remote.fetched.load(Ordering::Relaxed),
        }
    }

    /// How far the bytes were compared with what is said of them: digests are known once the whole file is here, and
    /// those that the index states were then compared with them.
    pub fn check(&self) -> FileCheck {
        match &self.inner {
            Inner::Local(_) => FileCheck::Ranges,
            Inner::Remote(remote) => match &*remote.held() {
                Held::Whole(blob) => FileCheck::Digest(blob.digests().to_vec()),
                Held::Tail(..) => FileCheck::Ranges,
            },
        }
    }

    /// These bytes of the file, all of them or an error.
    pub fn read(&self, range: Range<u64>) -> Result<Vec<u8>, IndexError> {
        if range.start > range.end || range.end > self.size {
            let asked = format!("bytes {} to {}", range.start, range.end);
            return Err(IndexError::Range { url: self.place.clone(), asked, found: format!("{} bytes", self.size) });
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        match &self.inner {
            Inner::Local(file) => file.read(range).map_err(|why| self.unreadable(&why)),
            Inner::Remote(remote) => {
                let held = match &*remote.held() {
                    Held::Tail(start, tail) => Err((*start, Arc::clone(tail))),
                    Held::Whole(blob) => Ok(Arc::clone(blob)),
                };
                match held {
                    Ok(blob) => blob.read(range).map_err(|why| self.unreadable(&why)),
                    Err((start, tail)) => self.read_remote(remote, range, start, &tail),
                }
            }
        }
    }

    fn read_remote(&self, remote: &Remote, range: Range<u64>, start: u64, tail: &[u8]) -> Result<Vec<u8>, IndexError> {
        let in_tail = |position: u64| usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
        let known = tail.get(in_tail(range.start)..in_tail(range.end)).unwrap_or_default();
        if range.start >= start {
            return Ok(known.to_vec());
        }
        let missing = range.start..range.end.min(start);
        match remote.fetch(self.size, missing)? {
            Fetched::Part(mut bytes) => {
                bytes.extend_from_slice(known);
                Ok(bytes)
            }
            Fetched::Whole(blob) => blob.read(range).map_err(|why| self.unreadable(&why)),
        }
    }

    fn unreadable(&self, why: &std::io::Error) -> IndexError {
        IndexError::File { path: self.place.clone().into(), why: why.to_string() }
    }
}

/// What is known of a file before it is opened.
struct Opening<'a> {
    package: &'a PackageName,
    promise: Promise,
    /// Bytes asked for at its end; `None` for all of it.
    tail: Option<u64>,
}

fn open_remote(url: &Url, opening: Opening<'_>, client: &Arc<Client>, store: &Store) -> Result<RemoteFile, IndexError> {
    let Opening { package, promise, tail } = opening;
    if client.settings().freshness == Freshness::Offline {
        return Err(IndexError::Offline { url: shown(url) });
    }
    let ask = |range: Option<ByteRange>| {
        let taker = Taker { limits: client.settings().limits, promise: &promise, store, asked: range.as_ref() };
        client.ask(&Query::file(package, url, range.clone()), &mut |reply| taker.take(reply))
    };
    let mut taken = ask(tail.map(ByteRange::Suffix))?;
    if let (Taken::NoRanges, Some(tail)) = (&taken, tail) {
        // Some servers know ranges, but not those that count from the end.
        let range =
            size_by_head(package, url, client)?.filter(|size| *size > 0).map(|size| size.saturating_sub(tail)..size);
        taken = ask(range.map(ByteRange::Span))?;
    }
    if matches!(taken, Taken::NoRanges) && tail.is_some() {
        taken = ask(None)?;
    }
    let (size, held, identity, fetched) = match taken {
        Taken::Part { size, start, bytes, identity } => {
            let fetched = bytes.len() as u64;
            if start == 0 {
                let blob = Blob::from_memory(bytes, &promise.digests, url)?;
                (size, Held::Whole(Arc::new(blob)), identity, fetched)
            } else {
                (size, Held::Tail(start, Arc::new(bytes)), identity, fetched)
            }
        }
        Taken::Whole { blob, identity } => {
            let size = blob.size();
            (size, Held::Whole(Arc::new(blob)), identity, size)
        }
        Taken::NoRanges => {
            return Err(IndexError::Status { url: shown(url), expected: "the file".to_owned(), status: 416 });
        }
    };
    let (url, client, store) = (url.clone(), Arc::clone(client), store.clone());
    let (place, fetched, held) = (shown(&url), AtomicU64::new(fetched), Mutex::new(held));
    let package = package.clone();
    let remote = Remote { client, store, package, url, promise, identity, held, fetched };
    Ok(RemoteFile { place, size, inner: Inner::Remote(Box::new(remote)) })
}

fn size_by_head(package: &PackageName, url: &Url, client: &Client) -> Result<Option<u64>, IndexError> {
    let query = Query { method: Method::HEAD, ..Query::file(package, url, None) };
    client.ask(&query, &mut |reply| {
        let length = reply.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(length.filter(|_| reply.status == StatusCode::OK))
    })
}

/// What a range request brought after the file was opened.
enum Fetched {
    Part(Vec<u8>),
    Whole(Arc<Blob>),
}

impl Remote {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, size: u64, range: Range<u64>) -> Result<Fetched, IndexError> {
        let asked = ByteRange::Span(range);
        let mut query = Query::file(&self.package, &self.url, Some(asked.clone()));
        if let Some(etag) = &self.identity.etag {
            query.headers.insert(header::IF_RANGE, etag.clone());
        }
        let limits = self.client.settings().limits;
        let taker = Taker { limits, promise: &self.promise, store: &self.store, asked: Some(&asked) };
        let taken = self.client.ask(&query, &mut |reply| {
            self.same(&Identity::of(&reply.headers))?;
            taker.take(reply)
        })?;
        match taken {
            Taken::Part { size: now, .. } if now != size => Err(self.changed(size, now)),
            Taken::Part { bytes, .. } => {
                self.fetched.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Ok(Fetched::Part(bytes))
            }
            Taken::Whole { blob, .. } if blob.size() != size => Err(self.changed(size, blob.size())),
            Taken::Whole { blob, .. } => {
                self.fetched.fetch_add(blob.size(), Ordering::Relaxed);
                let blob = Arc::new(blob);
                *self.held() = Held::Whole(Arc::clone(&blob));
                Ok(Fetched::Whole(blob))
            }
            Taken::NoRanges => {
                let (asked, found) = (asked.header(), "a refusal (416), after it answered others".to_owned());
                Err(IndexError::Range { url: shown(&self.url), asked, found })
            }
        }
    }

    /// Only what both answers state is compared: a server's mirrors do not always state the same.
    fn same(&self, now: &Identity) -> Result<(), IndexError> {
        let text = |value: &HeaderValue| value.to_str().unwrap_or("unreadable").to_owned();
        let error = |before: &HeaderValue, after: &HeaderValue| {
            Err(IndexError::Changed { url: shown(&self.url), before: text(before), after: text(after) })
        };
        match (&self.identity.etag, &now.etag, &self.identity.modified, &now.modified) {
            (Some(before), Some(after), _, _) if before != after => error(before, after),
            (None, _, Some(before), Some(after)) if before != after => error(before, after),
            _ => Ok(()),
        }
    }

    fn changed(&self, before: u64, after: u64) -> IndexError {
        let bytes = |size: u64| format!("{size} bytes");
        IndexError::Changed { url: shown(&self.url), before: bytes(before), after: bytes(after) }
    }
}

/// Makes something of an answer to one query.
struct Taker<'a> {
    limits: SizeLimits,
    promise: &'a Promise,
    store: &'a Store,
    asked: Option<&'a ByteRange>,
}

impl Taker<'_> {
    fn take(&self, mut reply: Reply<'_>) -> Result<Taken, Refusal> {
        let url = shown(&reply.url);
        let identity = Identity::of(&reply.headers);
        match reply.status.as_u16() {
            206 => {
                let (range, size) = self.answered(&url, &reply.headers)?;
                let length = range.end - range.start;
                let bytes = read_all(&mut reply, "the bytes that were asked for", length, 0)?;
                if (bytes.len() as u64) < length {
                    return Err(Refusal::Broken(format!("{} of {length} bytes", bytes.len())));
                }
                Ok(Taken::Part { size, start: range.start, bytes, identity })
            }
            200 => {
                let intake = Intake::new(self.limits);
                let blob = intake.take(&mut reply, self.promise.size, &self.promise.digests, self.store)?;
                promised_size(&url, self.promise, blob.size())?;
                Ok(Taken::Whole { blob, identity })
            }
            400 | 405 | 416 | 501 => Ok(Taken::NoRanges),
            status @ (404 | 410) => Err(IndexError::Missing { url, status }.into()),
            status => {
                let expected = "bytes of the file (206 or 200)".to_owned();
                Err(IndexError::Status { url, expected, status }.into())
            }
        }
    }

    /// The range and the size that an answer states, if they are those that were asked for: nothing else is read.
    fn answered(&self, url: &str, headers: &HeaderMap) -> Result<(Range<u64>, u64), IndexError> {
        let error = |found: String| {
            let asked = self.asked.map_or_else(|| "the whole file".to_owned(), ByteRange::header);
            IndexError::Range { url: url.to_owned(), asked, found }
        };
        let (range, size) = content_range(headers).map_err(error)?;
        promised_size(url, self.promise, size)?;
        let fits = match self.asked {
            None => false,
            Some(ByteRange::Span(asked)) => *asked == range,
            Some(ByteRange::Suffix(length)) => range == (size.saturating_sub(*length)..size),
        };
        if fits { Ok((range, size)) } else { Err(error(format!("bytes {}-{}/{size}", range.start, range.end - 1))) }
    }
}

fn promised_size(url: &str, promise: &Promise, found: u64) -> Result<(), IndexError> {
    match promise.size {
        Some(expected) if expected != found => Err(IndexError::Size { place: url.to_owned(), expected, found }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
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
