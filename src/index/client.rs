//! Asks until there is an answer: credentials by host, redirects, repetitions with growing waits, and no more requests
//! to one host at a time than allowed.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::error::{IndexError, shown};
use super::http::{ByteRange, Encoding, Request, Transport, TransportError};
use super::observer::{Event, Observer};
use super::settings::IndexSettings;
use crate::model::name::PackageName;

/// Redirects that are followed for one request.
const REDIRECTS: usize = 10;

/// Longest single wait between repetitions, when the server does not name one.
const LONGEST_STEP: Duration = Duration::from_secs(8);

/// What went over the wire so far, as far as a client can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests sent, repetitions and redirects included.
    pub requests: u64,
    /// Bytes of index pages and metadata files, unpacked.
    pub page_bytes: u64,
    /// Bytes of wheels and sdists.
    pub file_bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    page_bytes: AtomicU64,
    file_bytes: AtomicU64,
    by_package: Mutex<BTreeMap<PackageName, u64>>,
}

impl Counters {
    /// Requests sent for this package, repetitions and redirects included.
    pub(super) fn requests_for(&self, package: &PackageName) -> u64 {
        self.by_package.lock().unwrap_or_else(PoisonError::into_inner).get(package).copied().unwrap_or(0)
    }

    fn count(&self, query: &Query) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if let Some(package) = &query.package {
            let mut by_package = self.by_package.lock().unwrap_or_else(PoisonError::into_inner);
            *by_package.entry(package.clone()).or_default() += 1;
        }
    }

    pub(super) fn snapshot(&self) -> Traffic {
        Traffic {
            requests: self.requests.load(Ordering::Relaxed),
            page_bytes: self.page_bytes.load(Ordering::Relaxed),
            file_bytes: self.file_bytes.load(Ordering::Relaxed),
        }
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) range: Option<ByteRange>,
    pub(super) encoding: Encoding,
    /// The package for which it is asked; `None` for a page of links to files of several.
    pub(super) package: Option<PackageName>,
}

impl Query {
    /// A page or a metadata file.
    pub(super) fn page(package: Option<&PackageName>, url: &Url) -> Query {
        let (headers, package) = (HeaderMap::new(), package.cloned());
        Query { method: Method::GET, url: url.clone(), headers, range: None, encoding: Encoding::Any, package }
    }

    /// A distribution file or a part of it.
    pub(super) fn file(package: &PackageName, url: &Url, range: Option<ByteRange>) -> Query {
        Query { range, encoding: Encoding::Identity, ..Query::page(Some(package), url) }
    }
}

/// An answer whose body is still to be read.
pub(super) struct Reply<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Where the answer came from, after redirects.
    pub(super) url: Url,
    pub(super) body: &'a mut dyn Read,
}

/// Why a reply was not taken.
pub(super) enum Refusal {
    /// The body broke: worth another request.
    Broken(String),
    /// No repetition will help.
    Final(IndexError),
}

impl From<IndexError> for Refusal {
    fn from(error: IndexError) -> Refusal {
        Refusal::Final(error)
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::Broken(error.to_string())
    }
}

enum Failure {
    Passing { why: String, wait: Option<Duration> },
    Final(IndexError),
}

/// The client of one run.
pub(super) struct Client {
    transport: Arc<dyn Transport>,
    settings: IndexSettings,
    observer: Arc<dyn Observer>,
    hosts: Mutex<HashMap<String, Arc<Gate>>>,
    pub(super) counters: Counters,
}

impl Client {
    pub(super) fn new(settings: IndexSettings, transport: Arc<dyn Transport>, observer: Arc<dyn Observer>) -> Client {
        Client { transport, settings, observer, hosts: Mutex::default(), counters: Counters::default() }
    }

    pub(super) fn settings(&self) -> &IndexSettings {
        &self.settings
    }

    pub(super) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    /// Sends the query until `take` has made something of a reply. `take` sees every status but those that mean "try
    /// again", "who are you" and "ask over there"; it may be called again when a body breaks.
    pub(super) fn ask<T>(
        &self,
        query: &Query,
        take: &mut dyn FnMut(Reply<'_>) -> Result<T, Refusal>,
    ) -> Result<T, IndexError> {
        let mut step = self.settings.first_wait;
        let mut attempts = 0;
        loop {
            attempts += 1;
            match self.attempt(query, take) {
                Ok(taken) => return Ok(taken),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing { why, wait }) => {
                    let too_long = wait.filter(|wait| *wait > self.settings.longest_wait);
                    if let Some(wait) = too_long {
                        let why = format!("{why}, and to come back in {} seconds", wait.as_secs());
                        return Err(IndexError::Network { url: shown(&query.url), attempts, why });
                    }
                    if attempts > self.settings.retries {
                        return Err(IndexError::Network { url: shown(&query.url), attempts, why });
                    }
                    self.observer.event(Event::Repeated { url: shown(&query.url), why });
                    self.transport.wait(wait.unwrap_or(step));
                    step = step.saturating_mul(2).min(LONGEST_STEP);
                }
            }
        }
    }

    fn attempt<T>(&self, query: &Query, take: &mut dyn FnMut(Reply<'_>) -> Result<T, Refusal>) -> Result<T, Failure> {
        let mut url = query.url.clone();
        for _ in 0..=REDIRECTS {
            let gate = self.gate(&url);
            let _permit = gate.enter();
            let credential = self.settings.credentials.lookup(&url).cloned();
            let sent = credential.is_some();
            let request = Request {
                method: query.method.clone(),
                url: url.clone(),
                headers: query.headers.clone(),
                range: query.range.clone(),
                encoding: query.encoding,
                credential,
            };
            self.counters.count(query);
            let response = self.transport.send(&request).map_err(|error| match error {
                TransportError::Passing(why) => Failure::Passing { why, wait: None },
                TransportError::Lasting(why) => {
                    Failure::Final(IndexError::Network { url: shown(&url), attempts: 1, why })
                }
            })?;
            if let Some(next) = redirected(&url, response.status, &response.headers).map_err(Failure::Final)? {
                url = next;
                continue;
            }
            self.refuse(&url, response.status, &response.headers, sent)?;
            let counter = match query.encoding {
                Encoding::Any => &self.counters.page_bytes,
                Encoding::Identity => &self.counters.file_bytes,
            };
            let mut body = Counted { body: response.body, counter };
            let reply = Reply { status: response.status, headers: response.headers, url, body: &mut body };
            return take(reply).map_err(|refusal| match refusal {
                Refusal::Broken(why) => Failure::Passing { why: format!("the answer broke off: {why}"), wait: None },
                Refusal::Final(error) => Failure::Final(error),
            });
        }
        let why = format!("more than {REDIRECTS} redirects");
        Err(Failure::Final(IndexError::Redirect { url: shown(&query.url), target: shown(&url), why }))
    }

    /// Statuses that mean the same for every query.
    fn refuse(&self, url: &Url, status: StatusCode, headers: &HeaderMap, sent: bool) -> Result<(), Failure> {
        match status.as_u16() {
            429 | 500 | 502 | 503 | 504 => Err(Failure::Passing {
                why: format!("the server answers {}", status.as_u16()),
                wait: retry_after(headers),
            }),
            401 | 403 => Err(Failure::Final(IndexError::Credentials {
                url: shown(url),
                host: url.host_str().unwrap_or_default().to_owned(),
                status: status.as_u16(),
                sent,
                note: self.settings.credentials.note(),
            })),
            407 => Err(Failure::Final(IndexError::Proxy { url: shown(url) })),
            _ => Ok(()),
        }
    }

    fn gate(&self, url: &Url) -> Arc<Gate> {
        let host = url.host_str().unwrap_or_default();
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = hosts.get(host) {
            return Arc::clone(gate);
        }
        let gate = Arc::new(Gate::new(self.settings.concurrency));
        hosts.insert(host.to_owned(), Arc::clone(&gate));
        gate
    }
}

/// Where a redirect leads, if it is one. From https it leads to https only: the rest of the way would be anybody's.
fn redirected(url: &Url, status: StatusCode, headers: &HeaderMap) -> Result<Option<Url>, IndexError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let error = |target: &str, why: &str| IndexError::Redirect {
        url: shown(url),
        target: target.to_owned(),
        why: why.to_owned(),
    };
    let target = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut next = url.join(target).map_err(|_| error("no URL", "the Location header holds none"))?;
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
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Reads a body to its end, within a limit.
pub(super) fn read_all(reply: &mut Reply<'_>, what: &str, limit: u64) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    (&mut *reply.body).take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(IndexError::TooLarge { place: shown(&reply.url), what: what.to_owned(), limit }.into());
    }
    Ok(bytes)
}

/// A body that counts what is read from it.
struct Counted<'a> {
    body: Box<dyn Read + Send>,
    counter: &'a AtomicU64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.body.read(buffer)?;
        self.counter.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Lets so many through at a time.
struct Gate {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Gate {
    fn new(permits: usize) -> Gate {
        Gate { free: Mutex::new(permits.max(1)), freed: Condvar::new() }
    }

    fn enter(&self) -> Permit<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Permit { gate: self }
    }
}

struct Permit<'a> {
    gate: &'a Gate,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        *self.gate.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.gate.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_followed_within_reason() {
        let check = |from: &str, status: u16, location: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, location.parse().unwrap());
            redirected(&Url::parse(from).unwrap(), StatusCode::from_u16(status).unwrap(), &headers)
                .map(|next| next.map(|url| url.to_string()))
        };
        assert_eq!(check("https://a/x/", 200, "/y"), Ok(None));
        assert_eq!(check("https://a/x/", 301, "../y/").unwrap().unwrap(), "https://a/y/");
        assert_eq!(check("http://a/x/", 302, "https://me:pw@b/y").unwrap().unwrap(), "https://b/y");
        for (target, why) in [("http://b/", "from https to http"), ("ftp://b/", "http or https"), ("", "http or https")]
        {
            assert!(check("https://a/x/", 302, target).unwrap_err().to_string().contains(why), "{target}");
        }
    }
}
