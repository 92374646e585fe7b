//! What the headers of an answer say: which part of the file it is, and of which file.

use std::ops::Range;

use http::header::{self, HeaderMap, HeaderValue};

/// By what an answer is known to be about the same file.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct FileIdentity {
    pub(super) etag: Option<HeaderValue>,
    pub(super) modified: Option<HeaderValue>,
}

impl FileIdentity {
    /// A weak ETag says that two answers mean the same, not that they are the same bytes: it is no use here.
    pub(super) fn of(headers: &HeaderMap) -> FileIdentity {
        let strong = |value: &&HeaderValue| !value.as_bytes().starts_with(b"W/");
        FileIdentity {
            etag: headers.get(header::ETAG).filter(strong).cloned(),
            modified: headers.get(header::LAST_MODIFIED).cloned(),
        }
    }
}

/// `bytes 0-9/100` as a range and the size; what it is instead, if it is not that.
pub(super) fn content_range(headers: &HeaderMap) -> Result<(Range<u64>, u64), String> {
    let Some(value) = headers.get(header::CONTENT_RANGE) else {
        return Err("an answer without Content-Range".to_owned());
    };
    let text = value.to_str().unwrap_or("unreadable");
    let parse = || {
        let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.trim().split_once('-')?;
        let (first, last, size): (u64, u64, u64) = (
            first.parse().ok()?,
            last.parse().ok()?,
            size.trim().parse().ok()?,
        );
        (first <= last && last < size).then(|| (first..last + 1, size))
    };
    parse().ok_or_else(|| format!("Content-Range `{}`", text.escape_debug()))
}
