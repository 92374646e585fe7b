//! Opens a file at a server: the first request brings its end, or all of it.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use http::header::{self};
use http::{Method, StatusCode};
use url::Url;

use crate::model::name::PackageName;

use super::super::blob::BodyBlob;
use super::super::client::{IndexClient, IndexQuery};
use super::super::error::{IndexError, shown};
use super::super::http::ByteRange;
use super::super::settings::CacheFreshness;
use super::super::store::CacheStore;
use super::ranges::RemoteBytes;
use super::{AnswerTaker, HeldBytes, RemoteFile, RemoteInner, StatedFile, TakenAnswer};

/// What is known of a file before it is opened.
pub(super) struct FileOpening<'a> {
    pub(super) package: &'a PackageName,
    pub(super) promise: StatedFile,
    /// Bytes asked for at its end; `None` for all of it.
    pub(super) tail: Option<u64>,
}

pub(super) fn open_remote(
    url: &Url,
    opening: FileOpening<'_>,
    client: &Arc<IndexClient>,
    store: &CacheStore,
) -> Result<RemoteFile, IndexError> {
    let FileOpening {
        package,
        promise,
        tail,
    } = opening;
    if client.settings().freshness == CacheFreshness::Offline {
        return Err(IndexError::Offline { url: shown(url) });
    }
    let ask = |range: Option<ByteRange>| {
        let taker = AnswerTaker {
            limits: client.settings().limits,
            promise: &promise,
            store,
            asked: range.as_ref(),
        };
        client.ask(
            &IndexQuery::file(package, url, range.clone()),
            &mut |reply| taker.take(reply),
        )
    };
    let mut taken = ask(tail.map(ByteRange::Suffix))?;
    if let (TakenAnswer::NoRanges, Some(tail)) = (&taken, tail) {
        // Some servers know ranges, but not those that count from the end.
        let range = size_by_head(package, url, client)?
            .filter(|size| *size > 0)
            .map(|size| size.saturating_sub(tail)..size);
        taken = ask(range.map(ByteRange::Span))?;
    }
    if matches!(taken, TakenAnswer::NoRanges) && tail.is_some() {
        taken = ask(None)?;
    }
    let (size, held, identity, fetched) = match taken {
        TakenAnswer::Part {
            size,
            start,
            bytes,
            identity,
        } => {
            let fetched = bytes.len() as u64;
            if start == 0 {
                let blob = BodyBlob::from_memory(bytes, &promise.digests, url)?;
                (size, HeldBytes::Whole(Arc::new(blob)), identity, fetched)
            } else {
                (
                    size,
                    HeldBytes::Tail(start, Arc::new(bytes)),
                    identity,
                    fetched,
                )
            }
        }
        TakenAnswer::Whole { blob, identity } => {
            let size = blob.size();
            (size, HeldBytes::Whole(Arc::new(blob)), identity, size)
        }
        TakenAnswer::NoRanges => {
            return Err(IndexError::Status {
                url: shown(url),
                expected: "the file".to_owned(),
                status: 416,
            });
        }
    };
    let (url, client, store) = (url.clone(), Arc::clone(client), store.clone());
    let (place, fetched, held) = (shown(&url), AtomicU64::new(fetched), Mutex::new(held));
    let package = package.clone();
    let remote = RemoteBytes {
        client,
        store,
        package,
        url,
        promise,
        identity,
        held,
        fetched,
    };
    Ok(RemoteFile {
        place,
        size,
        inner: RemoteInner::Remote(Box::new(remote)),
    })
}

fn size_by_head(
    package: &PackageName,
    url: &Url,
    client: &IndexClient,
) -> Result<Option<u64>, IndexError> {
    let query = IndexQuery {
        method: Method::HEAD,
        ..IndexQuery::file(package, url, None)
    };
    client.ask(&query, &mut |reply| {
        let length = reply
            .headers
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(length.filter(|_| reply.status == StatusCode::OK))
    })
}
