//! Index pages, from the cache while they are fresh, else from the server, which is asked whether they changed.
//!
//! Freshness is what HTTP says (RFC 9111). Where a server says nothing at all, neither how long nor how to ask again, a
//! page counts as fresh for ten minutes, as pip and PyPI have it for theirs. That a project is unknown at an index is
//! kept in the same way: with several indexes it is the most frequent answer.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use http_cache_semantics::{BeforeRequest, CacheOptions, CachePolicy};
use url::Url;

use super::client::{HttpReply, IndexClient, IndexQuery, ReplyRefusal, read_all};
use super::compact::{CompactReader, CompactWriter, decode, encode};
use super::error::{IndexError, shown};
use super::settings::CacheFreshness;
use super::simple::{self, ACCEPT, PageLink, SimplePage};
use super::store::CacheStore;
use crate::model::name::PackageName;

/// How long a page is fresh of which the server says nothing.
const UNSTATED: Duration = Duration::from_secs(600);

/// Bucket of the store; its name changes with the form of its values.
const BUCKET: &str = "pages-1";

/// Headers that decide how long an answer may be used.
const KEPT: [HeaderName; 8] = [
    header::CACHE_CONTROL,
    header::EXPIRES,
    header::DATE,
    header::AGE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::PRAGMA,
    header::VARY,
];

/// Gets pages.
pub(super) struct PageGetter {
    pub(super) client: Arc<IndexClient>,
    pub(super) store: CacheStore,
    /// Held by whoever reads a large page: one at a time, as its links take several times its size.
    pub(super) large: Mutex<()>,
}

/// Bytes up to which any number of pages is read at the same time.
const SMALL_PAGE: u64 = 4 << 20;

impl PageGetter {
    /// The page's links, of which `keep` says which are worth keeping; `None` when the server knows no such page. One URL
    /// always goes with one `keep`. `package` is the one of which the page tells.
    pub(super) fn get(
        &self,
        package: Option<&PackageName>,
        url: &Url,
        keep: &dyn Fn(&PageLink) -> bool,
    ) -> Result<Option<SimplePage>, IndexError> {
        let settings = self.client.settings();
        let kept = self
            .store
            .get(BUCKET, url.as_str())
            .and_then(|bytes| KeptAnswer::decode(&bytes));
        if settings.freshness == CacheFreshness::Offline {
            return kept
                .map(|kept| kept.page)
                .ok_or_else(|| IndexError::Offline { url: shown(url) });
        }
        let mut query = IndexQuery::page(package, url);
        query
            .headers
            .insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
        if let Some(known) = &kept {
            match known.age(url, settings.now) {
                AnswerAge::Fresh if settings.freshness == CacheFreshness::Revalidate => {
                    return Ok(kept.and_then(|kept| kept.page));
                }
                AnswerAge::Fresh | AnswerAge::Stale => query.headers.extend(known.conditions()),
            }
        }
        let answer = self
            .client
            .ask(&query, &mut |reply| self.take(reply, keep))?;
        let kept = match (answer, kept) {
            (CachedAnswer::Unchanged(headers), Some(mut kept)) => {
                kept.renew(&headers, settings.now);
                kept
            }
            (CachedAnswer::Unchanged(_), None) => {
                return Err(IndexError::Status {
                    url: shown(url),
                    expected: "a page".to_owned(),
                    status: 304,
                });
            }
            (CachedAnswer::Changed(headers, page), _) => KeptAnswer {
                time: settings.now,
                headers: relevant(&headers),
                page,
            },
        };
        if kept.is_storable(url) {
            // A cache that cannot be written costs time, nothing else.
            let _ = self.store.put(BUCKET, url.as_str(), &kept.encode());
        }
        Ok(kept.page)
    }

    fn take(
        &self,
        mut reply: HttpReply<'_>,
        keep: &dyn Fn(&PageLink) -> bool,
    ) -> Result<CachedAnswer, ReplyRefusal> {
        match reply.status.as_u16() {
            200 => {
                let mut body = Vec::new();
                let limit = self.client.settings().limits.page;
                (&mut *reply.body)
                    .take(SMALL_PAGE.min(limit))
                    .read_to_end(&mut body)?;
                let is_large = body.len() as u64 == SMALL_PAGE;
                let _turn =
                    is_large.then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner));
                body.extend(read_all(
                    &mut reply,
                    "an index page",
                    limit,
                    body.len() as u64,
                )?);
                let content_type = reply
                    .headers
                    .get(header::CONTENT_TYPE)
                    .and_then(|value| value.to_str().ok());
                let mut page = simple::read(&reply.url, content_type, &body)?;
                let all = page.links.len();
                page.links.retain(keep);
                page.left_out += (all - page.links.len()) as u64;
                Ok(CachedAnswer::Changed(reply.headers, Some(page)))
            }
            304 => Ok(CachedAnswer::Unchanged(reply.headers)),
            404 | 410 => Ok(CachedAnswer::Changed(reply.headers, None)),
            status => {
                let url = shown(&reply.url);
                Err(IndexError::Status {
                    url,
                    expected: "an index page (200)".to_owned(),
                    status,
                }
                .into())
            }
        }
    }
}

enum CachedAnswer {
    Unchanged(HeaderMap),
    Changed(HeaderMap, Option<SimplePage>),
}

enum AnswerAge {
    Fresh,
    Stale,
}

/// What is kept of an answer.
struct KeptAnswer {
    time: SystemTime,
    headers: HeaderMap,
    page: Option<SimplePage>,
}

impl KeptAnswer {
    fn age(&self, url: &Url, now: SystemTime) -> AnswerAge {
        let Ok(age) = now.duration_since(self.time) else {
            // From the future: one of two clocks is wrong.
            return AnswerAge::Stale;
        };
        let says_nothing = !KEPT.iter().any(|name| {
            *name != header::DATE && *name != header::VARY && self.headers.contains_key(name)
        });
        let fresh = if says_nothing {
            age < UNSTATED
        } else {
            self.policy(url).is_some_and(|(policy, request)| {
                matches!(
                    policy.before_request(&request, now),
                    BeforeRequest::Fresh(_)
                )
            })
        };
        if fresh {
            AnswerAge::Fresh
        } else {
            AnswerAge::Stale
        }
    }

    fn is_storable(&self, url: &Url) -> bool {
        self.policy(url)
            .is_some_and(|(policy, _)| policy.is_storable())
    }

    fn policy(&self, url: &Url) -> Option<(CachePolicy, Request<()>)> {
        let request = Request::get(url.as_str())
            .header(header::ACCEPT, ACCEPT)
            .body(())
            .ok()?;
        let mut response = Response::builder()
            .status(if self.page.is_some() { 200 } else { 404 })
            .body(())
            .ok()?;
        *response.headers_mut() = self.headers.clone();
        // One user's cache; and an index page that has not changed for a year may change now, so its age says nothing.
        let options = CacheOptions {
            shared: false,
            cache_heuristic: 0.0,
            ..CacheOptions::default()
        };
        Some((
            CachePolicy::new_options(&request, &response, self.time, options),
            request,
        ))
    }

    /// Headers that ask the server whether the page has changed.
    fn conditions(&self) -> HeaderMap {
        let pairs = [
            (header::ETAG, header::IF_NONE_MATCH),
            (header::LAST_MODIFIED, header::IF_MODIFIED_SINCE),
        ];
        let values = pairs
            .into_iter()
            .filter_map(|(from, to)| Some((to, self.headers.get(from)?.clone())));
        values.collect()
    }

    fn renew(&mut self, headers: &HeaderMap, now: SystemTime) {
        self.time = now;
        self.headers.remove(header::AGE);
        for (name, value) in &relevant(headers) {
            self.headers.insert(name, value.clone());
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut writer = CompactWriter::default();
        let seconds = self
            .time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        writer.number(seconds);
        writer.number(self.headers.len() as u64);
        for (name, value) in &self.headers {
            writer.text(name.as_str());
            writer.text(value.to_str().unwrap_or_default());
        }
        writer.number(u64::from(self.page.is_some()));
        if let Some(page) = &self.page {
            encode(page, &mut writer);
        }
        writer.bytes
    }

    fn decode(bytes: &[u8]) -> Option<KeptAnswer> {
        let mut reader = CompactReader { rest: bytes };
        let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(reader.number()?))?;
        let mut headers = HeaderMap::new();
        for _ in 0..reader.number()? {
            let name = HeaderName::from_bytes(reader.text()?.as_bytes()).ok()?;
            headers
                .try_append(name, HeaderValue::from_str(reader.text()?).ok()?)
                .ok()?;
        }
        let page = match reader.number()? {
            0 => None,
            _ => Some(decode(reader.rest)?),
        };
        Some(KeptAnswer {
            time,
            headers,
            page,
        })
    }
}

fn relevant(headers: &HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::new();
    for name in KEPT {
        for value in headers.get_all(&name) {
            kept.append(&name, value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(headers: &[(&'static str, &str)]) -> KeptAnswer {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        KeptAnswer {
            time: at(1_000_000),
            headers: headers.collect(),
            page: Some(SimplePage::default()),
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_page_is_fresh_for_as_long_as_it_says() {
        let url = Url::parse("https://host/simple/a/").unwrap();
        let check = |headers: &[(&'static str, &str)], after: i64, fresh: bool| {
            let now = at(1_000_000_u64.saturating_add_signed(after));
            let kept = KeptAnswer::decode(&kept(headers).encode()).unwrap();
            assert_eq!(
                matches!(kept.age(&url, now), AnswerAge::Fresh),
                fresh,
                "{headers:?} after {after} s"
            );
        };
        check(&[], 599, true);
        check(&[], 600, false);
        check(&[], -1, false);
        check(&[("date", "Mon, 12 Jan 1970 13:46:40 GMT")], 599, true);
        check(&[("cache-control", "max-age=60")], 59, true);
        check(&[("cache-control", "max-age=60")], 61, false);
        check(&[("cache-control", "max-age=60"), ("age", "30")], 31, false);
        check(&[("cache-control", "no-cache")], 0, false);
        check(&[("etag", "\"1\"")], 1, false);
        check(
            &[("last-modified", "Mon, 12 Jan 1970 13:46:40 GMT")],
            1,
            false,
        );
        check(
            &[
                ("cache-control", "max-age=600, private"),
                ("vary", "accept, accept-encoding"),
            ],
            1,
            true,
        );
        check(&[("vary", "*"), ("cache-control", "max-age=600")], 1, false);
    }

    #[test]
    fn what_may_not_be_kept_is_not() {
        let url = Url::parse("https://host/simple/a/").unwrap();
        assert!(kept(&[]).is_storable(&url));
        assert!(!kept(&[("cache-control", "no-store")]).is_storable(&url));
    }
}
