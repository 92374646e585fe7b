//! A reply as its taker sees it: the body is counted while it is read, and may break.

use std::cell::Cell;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, StatusCode};
use url::Url;

use super::super::error::{IndexError, shown};

/// An answer whose body is still to be read.
pub(in crate::index) struct HttpReply<'a> {
    pub(in crate::index) status: StatusCode,
    pub(in crate::index) headers: HeaderMap,
    /// Where the answer came from, after redirects.
    pub(in crate::index) url: Url,
    pub(in crate::index) body: &'a mut dyn Read,
}

/// Why a reply was not taken.
pub(in crate::index) enum ReplyRefusal {
    /// The body broke: worth another request.
    Broken(String),
    /// It came too slowly.
    Slow(String),
    /// No repetition will help.
    Final(IndexError),
}

impl From<IndexError> for ReplyRefusal {
    fn from(error: IndexError) -> ReplyRefusal {
        ReplyRefusal::Final(error)
    }
}

impl From<io::Error> for ReplyRefusal {
    fn from(error: io::Error) -> ReplyRefusal {
        match error.kind() {
            io::ErrorKind::TimedOut => ReplyRefusal::Slow(error.to_string()),
            _ => ReplyRefusal::Broken(error.to_string()),
        }
    }
}

/// A body that counts what is read from it.
pub(super) struct CountedBody<'a> {
    pub(in crate::index) body: Box<dyn Read + Send>,
    pub(in crate::index) counter: &'a AtomicU64,
    /// What came for this query.
    pub(in crate::index) received: &'a Cell<u64>,
}

impl Read for CountedBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        self.counter.fetch_add(read as u64, Ordering::Relaxed);
        self.received
            .set(self.received.get().saturating_add(read as u64));
        Ok(read)
    }
}

/// Reads a body to its end, within a limit; so many bytes of it were read before.
pub(in crate::index) fn read_all(
    reply: &mut HttpReply<'_>,
    what: &str,
    limit: u64,
    before: u64,
) -> Result<Vec<u8>, ReplyRefusal> {
    let mut bytes = Vec::new();
    let left = limit.saturating_sub(before);
    (&mut *reply.body)
        .take(left.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > left {
        return Err(IndexError::TooLarge {
            place: shown(&reply.url),
            what: what.to_owned(),
            limit,
        }
        .into());
    }
    Ok(bytes)
}
