//! Parts of a file at a server, asked for after it was opened.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::{self, HeaderValue};
use url::Url;

use crate::model::name::PackageName;

use super::super::blob::BodyBlob;
use super::super::client::{IndexClient, IndexQuery};
use super::super::error::{IndexError, shown};
use super::super::http::ByteRange;
use super::super::store::CacheStore;
use super::answer::FileIdentity;
use super::{AnswerTaker, HeldBytes, StatedFile, TakenAnswer};

pub(super) struct RemoteBytes {
    pub(super) client: Arc<IndexClient>,
    pub(super) store: CacheStore,
    pub(super) package: PackageName,
    pub(super) url: Url,
    pub(super) promise: StatedFile,
    pub(super) identity: FileIdentity,
    pub(super) held: Mutex<HeldBytes>,
    pub(super) fetched: AtomicU64,
}

impl RemoteBytes {
    pub(super) fn held(&self) -> MutexGuard<'_, HeldBytes> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn fetch(&self, size: u64, range: Range<u64>) -> Result<FetchedRanges, IndexError> {
        let asked = ByteRange::Span(range);
        let mut query = IndexQuery::file(&self.package, &self.url, Some(asked.clone()));
        if let Some(etag) = &self.identity.etag {
            query.headers.insert(header::IF_RANGE, etag.clone());
        }
        let limits = self.client.settings().limits;
        let taker = AnswerTaker {
            limits,
            promise: &self.promise,
            store: &self.store,
            asked: Some(&asked),
        };
        let taken = self.client.ask(&query, &mut |reply| {
            self.same(&FileIdentity::of(&reply.headers))?;
            taker.take(reply)
        })?;
        match taken {
            TakenAnswer::Part { size: now, .. } if now != size => Err(self.changed(size, now)),
            TakenAnswer::Part { bytes, .. } => {
                self.fetched
                    .fetch_add(bytes.len() as u64, Ordering::Relaxed);
                Ok(FetchedRanges::Part(bytes))
            }
            TakenAnswer::Whole { blob, .. } if blob.size() != size => {
                Err(self.changed(size, blob.size()))
            }
            TakenAnswer::Whole { blob, .. } => {
                self.fetched.fetch_add(blob.size(), Ordering::Relaxed);
                let blob = Arc::new(blob);
                *self.held() = HeldBytes::Whole(Arc::clone(&blob));
                Ok(FetchedRanges::Whole(blob))
            }
            TakenAnswer::NoRanges => {
                let (asked, found) = (
                    asked.header(),
                    "a refusal (416), after it answered others".to_owned(),
                );
                Err(IndexError::Range {
                    url: shown(&self.url),
                    asked,
                    found,
                })
            }
        }
    }

    /// Only what both answers state is compared: a server's mirrors do not always state the same.
    pub(super) fn same(&self, now: &FileIdentity) -> Result<(), IndexError> {
        let text = |value: &HeaderValue| value.to_str().unwrap_or("unreadable").to_owned();
        let error = |before: &HeaderValue, after: &HeaderValue| {
            Err(IndexError::Changed {
                url: shown(&self.url),
                before: text(before),
                after: text(after),
            })
        };
        match (
            &self.identity.etag,
            &now.etag,
            &self.identity.modified,
            &now.modified,
        ) {
            (Some(before), Some(after), _, _) if before != after => error(before, after),
            (None, _, Some(before), Some(after)) if before != after => error(before, after),
            _ => Ok(()),
        }
    }

    pub(super) fn changed(&self, before: u64, after: u64) -> IndexError {
        let bytes = |size: u64| format!("{size} bytes");
        IndexError::Changed {
            url: shown(&self.url),
            before: bytes(before),
            after: bytes(after),
        }
    }
}

/// What a range request brought after the file was opened.
pub(super) enum FetchedRanges {
    Part(Vec<u8>),
    Whole(Arc<BodyBlob>),
}
