//! Asks until there is an answer: credentials by host, redirects, repetitions with growing waits, and no more requests
//! to one host at a time than allowed.

mod reply;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::error::{IndexError, shown};
use super::host::IndexHost;
use super::http::{BodyEncoding, ByteRange, HttpRequest, RequestTransport, TransportError};
use super::observer::{FetchEvent, FetchObserver};
use super::settings::IndexSettings;
use crate::model::name::PackageName;
use reply::CountedBody;
pub(super) use reply::{HttpReply, ReplyRefusal, read_all};

/// Redirects that are followed for one request.
const REDIRECTS: usize = 10;

/// Longest single wait between repetitions, when the server does not name one.
const LONGEST_STEP: Duration = Duration::from_secs(8);

/// What went over the wire so far, as far as a client can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkTraffic {
    /// Requests sent, repetitions and redirects included.
    pub requests: u64,
    /// Bytes of index pages and metadata files, unpacked.
    pub page_bytes: u64,
    /// Bytes of wheels and sdists.
    pub file_bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct TrafficCounters {
    requests: AtomicU64,
    page_bytes: AtomicU64,
    file_bytes: AtomicU64,
    by_package: Mutex<BTreeMap<PackageName, u64>>,
}

impl TrafficCounters {
    /// Requests sent for this package, repetitions and redirects included.
    pub(super) fn requests_for(&self, package: &PackageName) -> u64 {
        self.by_package
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(package)
            .copied()
            .unwrap_or(0)
    }

    fn count(&self, query: &IndexQuery) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(package) = &query.package {
            let mut by_package = self
                .by_package
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *by_package.entry(package.clone()).or_default() += 1;
        }
    }

    pub(super) fn snapshot(&self) -> NetworkTraffic {
        NetworkTraffic {
            requests: self.requests.load(Ordering::Relaxed),
            page_bytes: self.page_bytes.load(Ordering::Relaxed),
            file_bytes: self.file_bytes.load(Ordering::Relaxed),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct IndexQuery {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) range: Option<ByteRange>,
    pub(super) encoding: BodyEncoding,
    /// The package for which it is asked; `None` for a page of links to files of several.
    pub(super) package: Option<PackageName>,
}

impl IndexQuery {
    /// A page or a metadata file.
    pub(super) fn page(package: Option<&PackageName>, url: &Url) -> IndexQuery {
        let (headers, package) = (HeaderMap::new(), package.cloned());
        IndexQuery {
            method: Method::GET,
            url: url.clone(),
            headers,
            range: None,
            encoding: BodyEncoding::Any,
            package,
        }
    }

    /// A distribution file or a part of it.
    pub(super) fn file(package: &PackageName, url: &Url, range: Option<ByteRange>) -> IndexQuery {
        IndexQuery {
            range,
            encoding: BodyEncoding::Identity,
            ..IndexQuery::page(Some(package), url)
        }
    }
}

enum RequestFailure {
    Passing { why: String, wait: Option<Duration> },
    Unreached { why: String },
    Slow { why: String },
    Final(IndexError),
}

impl RequestFailure {
    fn of(error: TransportError, url: &Url) -> RequestFailure {
        match error {
            TransportError::Passing(why) => RequestFailure::Passing { why, wait: None },
            TransportError::Unreached(why) => RequestFailure::Unreached { why },
            TransportError::Slow(why) => RequestFailure::Slow { why },
            TransportError::Lasting(why) => RequestFailure::Final(IndexError::Network {
                url: shown(url),
                attempts: 1,
                why,
            }),
        }
    }
}

/// Repetitions where there is no connection.
const UNREACHED_RETRIES: u32 = 2;
/// Hosts that do not answer after which no host is asked that did not answer before.
const MOST_DEAD: usize = 8;

/// The client of one run.
pub(super) struct IndexClient {
    transport: Arc<dyn RequestTransport>,
    settings: IndexSettings,
    observer: Arc<dyn FetchObserver>,
    hosts: Mutex<BTreeMap<String, Arc<IndexHost>>>,
    pub(super) counters: TrafficCounters,
}

impl IndexClient {
    pub(super) fn new(
        settings: IndexSettings,
        transport: Arc<dyn RequestTransport>,
        observer: Arc<dyn FetchObserver>,
    ) -> IndexClient {
        IndexClient {
            transport,
            settings,
            observer,
            hosts: Mutex::default(),
            counters: TrafficCounters::default(),
        }
    }

    pub(super) fn settings(&self) -> &IndexSettings {
        &self.settings
    }

    pub(super) fn observer(&self) -> &dyn FetchObserver {
        &*self.observer
    }

    /// Sends the query until `take` has made something of a reply. `take` sees every status but those that mean "try
    /// again", "who are you" and "ask over there"; it may be called again when a body breaks.
    pub(super) fn ask<T>(
        &self,
        query: &IndexQuery,
        take: &mut dyn FnMut(HttpReply<'_>) -> Result<T, ReplyRefusal>,
    ) -> Result<T, IndexError> {
        let started = self.transport.clock();
        let mut step = self.settings.first_wait;
        let (mut attempts, mut waited) = (0, Duration::ZERO);
        let (mut url, received) = (query.url.clone(), Cell::new(0));
        loop {
            attempts += 1;
            url.clone_from(&query.url);
            let (why, wait, retries) = match self.attempt(query, &mut url, &received, take) {
                Ok(taken) => return Ok(taken),
                Err(RequestFailure::Final(error)) => return Err(error),
                Err(RequestFailure::Slow { why }) => {
                    let slow = IndexError::Slow {
                        url: shown(&url),
                        why: why.clone(),
                    };
                    return Err(self.give_up(&url, &why, slow));
                }
                Err(RequestFailure::Passing { why, wait }) => (why, wait, self.settings.retries),
                Err(RequestFailure::Unreached { why }) => {
                    (why, None, self.settings.retries.min(UNREACHED_RETRIES))
                }
            };
            let next = wait.unwrap_or(step);
            let is_over = attempts > retries || self.is_too_slow(started, received.get());
            let in_vain = self.host(&url).in_vain(self.transport.clock());
            if is_over || (waited + next).max(in_vain + next) > self.settings.longest_wait {
                let come_back = wait
                    .filter(|_| !is_over)
                    .map(|wait| format!(", and to come back in {} seconds", wait.as_secs()));
                let why = format!("{why}{}", come_back.unwrap_or_default());
                let network = IndexError::Network {
                    url: shown(&query.url),
                    attempts,
                    why: why.clone(),
                };
                return Err(self.give_up(&url, &why, network));
            }
            self.observer.event(FetchEvent::Repeated {
                url: shown(&query.url),
                why,
            });
            self.transport.wait(next);
            waited += next;
            step = step.saturating_mul(2).min(LONGEST_STEP);
        }
    }

    /// Whether all that came so far took so long that it is not worth to be asked for again.
    fn is_too_slow(&self, started: Duration, received: u64) -> bool {
        let spent = self.transport.clock().saturating_sub(started);
        let pace = self.settings.pace;
        spent > pace.timeout && received / spent.as_secs().max(1) < pace.least_rate
    }

    /// Notes that a host does not answer; the error says so of the host where nobody asks it again.
    fn give_up(&self, url: &Url, why: &str, error: IndexError) -> IndexError {
        let host = self.host(url);
        host.fails(why);
        match host.dead() {
            Some(why) if !host.has_delivered() => IndexError::Unreachable {
                host: host.name.clone(),
                why,
            },
            Some(_) | None => error,
        }
    }

    /// Why nobody asks the host any more.
    fn refused(&self, host: &IndexHost) -> Option<IndexError> {
        if let Some(why) = host.dead() {
            return Some(IndexError::Unreachable {
                host: host.name.clone(),
                why,
            });
        }
        let is_dead = |host: &&Arc<IndexHost>| host.dead().is_some();
        let dead = self
            .hosts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .filter(is_dead)
            .count();
        let why = || format!("it was not asked, as {dead} other hosts do not answer");
        (dead >= MOST_DEAD && !host.has_answered()).then(|| IndexError::Unreachable {
            host: host.name.clone(),
            why: why(),
        })
    }

    /// Hosts that do not answer, each with the reason, and whether any host was of use.
    pub(super) fn outages(&self) -> (Vec<IndexError>, bool) {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let dead = hosts.values().filter_map(|host| {
            Some(IndexError::Unreachable {
                host: host.name.clone(),
                why: host.dead()?,
            })
        });
        (
            dead.collect(),
            hosts.values().any(|host| host.has_delivered()),
        )
    }

    fn attempt<T>(
        &self,
        query: &IndexQuery,
        url: &mut Url,
        received: &Cell<u64>,
        take: &mut dyn FnMut(HttpReply<'_>) -> Result<T, ReplyRefusal>,
    ) -> Result<T, RequestFailure> {
        let started = self.transport.clock();
        for _ in 0..=REDIRECTS {
            let host = self.host(url);
            let _permit = host.enter();
            if let Some(error) = self.refused(&host) {
                return Err(RequestFailure::Final(error));
            }
            // The next answer may take a whole timeout, too.
            let most = self.settings.pace.timeout / 2;
            if self.transport.clock().saturating_sub(started) > most {
                let why = format!("redirected for more than {} s", most.as_secs());
                host.is_slow(&why);
                return Err(RequestFailure::Slow { why });
            }
            let credential = self.settings.credentials.lookup(url).cloned();
            let sent = credential.is_some();
            let request = HttpRequest {
                method: query.method.clone(),
                url: url.clone(),
                headers: query.headers.clone(),
                range: query.range.clone(),
                encoding: query.encoding,
                credential,
            };
            host.is_asked(self.transport.clock());
            self.counters.count(query);
            let response = self
                .transport
                .send(&request)
                .map_err(|error| RequestFailure::of(error, url))?;
            host.answers();
            if let Some(next) = redirected(url, response.status, &response.headers)
                .map_err(RequestFailure::Final)?
            {
                *url = next;
                continue;
            }
            self.refuse(url, response.status, &response.headers, sent)?;
            let counter = match query.encoding {
                BodyEncoding::Any => &self.counters.page_bytes,
                BodyEncoding::Identity => &self.counters.file_bytes,
            };
            let mut body = CountedBody {
                body: response.body,
                counter,
                received,
            };
            let reply = HttpReply {
                status: response.status,
                headers: response.headers,
                url: url.clone(),
                body: &mut body,
            };
            let taken = take(reply).map_err(|refusal| match refusal {
                ReplyRefusal::Broken(why) => RequestFailure::Passing {
                    why: format!("the answer broke off: {why}"),
                    wait: None,
                },
                ReplyRefusal::Slow(why) => RequestFailure::Slow { why },
                ReplyRefusal::Final(error) => RequestFailure::Final(error),
            });
            match &taken {
                Ok(_) | Err(RequestFailure::Final(_)) => host.succeeds(),
                // Noted before anybody else is let through.
                Err(RequestFailure::Slow { why }) => {
                    host.fails(why);
                    host.is_slow(why);
                }
                Err(RequestFailure::Passing { .. } | RequestFailure::Unreached { .. }) => {}
            }
            return taken;
        }
        let why = format!("more than {REDIRECTS} redirects");
        Err(RequestFailure::Final(IndexError::Redirect {
            url: shown(&query.url),
            target: shown(url),
            why,
        }))
    }

    /// Statuses that mean the same for every query.
    fn refuse(
        &self,
        url: &Url,
        status: StatusCode,
        headers: &HeaderMap,
        sent: bool,
    ) -> Result<(), RequestFailure> {
        match status.as_u16() {
            429 | 500 | 502 | 503 | 504 => Err(RequestFailure::Passing {
                why: format!("the server answers {}", status.as_u16()),
                wait: retry_after(headers),
            }),
            401 | 403 => Err(RequestFailure::Final(IndexError::Credentials {
                url: shown(url),
                host: url.host_str().unwrap_or_default().to_owned(),
                status: status.as_u16(),
                sent,
                note: self.settings.credentials.note(),
            })),
            407 => Err(RequestFailure::Final(IndexError::Proxy { url: shown(url) })),
            _ => Ok(()),
        }
    }

    fn host(&self, url: &Url) -> Arc<IndexHost> {
        let name = match (url.host_str().unwrap_or_default(), url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_owned(),
        };
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = |name: &String| Arc::new(IndexHost::new(name.clone(), self.settings.concurrency));
        Arc::clone(hosts.entry(name.clone()).or_insert_with(|| new(&name)))
    }
}

/// Where a redirect leads, if it is one. From https it leads to https only: the rest of the way would be anybody's.
fn redirected(
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<Url>, IndexError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let error = |target: &str, why: &str| IndexError::Redirect {
        url: shown(url),
        target: target.to_owned(),
        why: why.to_owned(),
    };
    let target = headers
        .get(LOCATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut next = url
        .join(target)
        .map_err(|_| error("no URL", "the Location header holds none"))?;
    if target.is_empty() || !matches!(next.scheme(), "http" | "https") {
        return Err(error(&shown(&next), "expected an http or https URL"));
    }
    if url.scheme() == "https" && next.scheme() == "http" {
        return Err(error(&shown(&next), "it leads from https to http"));
    }
    // A server does not get to choose who we are elsewhere. Both fail only for URLs that cannot have a user.
    let _ = next.set_username("");
    let _ = next.set_password(None);
    Ok(Some(next))
}

/// `Retry-After` in seconds; its form as a date is left to the ordinary waits.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_followed_within_reason() {
        let check = |from: &str, status: u16, location: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, location.parse().unwrap());
            redirected(
                &Url::parse(from).unwrap(),
                StatusCode::from_u16(status).unwrap(),
                &headers,
            )
            .map(|next| next.map(|url| url.to_string()))
        };
        assert_eq!(check("https://a/x/", 200, "/y"), Ok(None));
        assert_eq!(
            check("https://a/x/", 301, "../y/").unwrap().unwrap(),
            "https://a/y/"
        );
        assert_eq!(
            check("http://a/x/", 302, "https://me:pw@b/y")
                .unwrap()
                .unwrap(),
            "https://b/y"
        );
        for (target, why) in [
            ("http://b/", "from https to http"),
            ("ftp://b/", "http or https"),
            ("", "http or https"),
        ] {
            assert!(
                check("https://a/x/", 302, target)
                    .unwrap_err()
                    .to_string()
                    .contains(why),
                "{target}"
            );
        }
    }
}
