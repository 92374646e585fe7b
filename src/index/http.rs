//! The only place that speaks HTTP: one request, one answer. Redirects, retries and credentials are decided by the
//! client above it, so that a test or another transport can take its place.

use std::error::Error;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use http::header::{ACCEPT_ENCODING, AUTHORIZATION, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::blocking::Client;
use reqwest::{Certificate, NoProxy, redirect};
use url::Url;

use super::credentials::UserPassword;
use super::error::IndexError;
use super::settings::{ProxySettings, TlsTrust, TransferPace};

/// Most certificates and bytes that are read from a folder or file of trusted certificates.
const CERTIFICATE_FILES: usize = 4096;
const CERTIFICATE_BYTES: u64 = 32 << 20;

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// These bytes; never empty.
    Span(Range<u64>),
    /// That many bytes at the end.
    Suffix(u64),
}

impl ByteRange {
    /// The value of the `Range` header.
    pub fn header(&self) -> String {
        match self {
            ByteRange::Span(range) => {
                format!("bytes={}-{}", range.start, range.end.saturating_sub(1))
            }
            ByteRange::Suffix(length) => format!("bytes=-{length}"),
        }
    }
}

/// Whether the answer may be compressed on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEncoding {
    /// It may; what arrives is unpacked.
    Any,
    /// It may not: the bytes are wanted as they are stored, even if a server calls a `.tar.gz` an encoding.
    Identity,
}

/// One request; the URL carries no credentials.
#[derive(Clone, Debug)]
pub struct HttpRequest {
    /// `GET` or `HEAD`.
    pub method: Method,
    /// What is asked for.
    pub url: Url,
    /// Further headers.
    pub headers: HeaderMap,
    /// The part that is wanted; `None` for all.
    pub range: Option<ByteRange>,
    /// Whether the answer may be compressed.
    pub encoding: BodyEncoding,
    /// Who is asking.
    pub credential: Option<UserPassword>,
}

/// The answer to one request, redirects included.
pub struct HttpResponse {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, not read yet. A connection that breaks is an error of the reader.
    pub body: Box<dyn Read + Send>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransportError {
    /// It may work the next time: a connection that broke.
    Passing(String),
    /// There is no connection.
    Unreached(String),
    /// Nothing came for as long as is waited.
    Slow(String),
    /// It will not work the next time either: an untrusted certificate, a URL that cannot be asked for.
    Lasting(String),
}

/// Carries one request to a server and its answer back.
pub trait RequestTransport: Send + Sync {
    /// Sends one request. A redirect is an answer like any other.
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError>;

    /// Waits before a request is repeated.
    fn wait(&self, duration: Duration) {
        std::thread::sleep(duration);
    }

    /// Time that went by since some moment. For one that tells none, nothing is slow.
    fn clock(&self) -> Duration {
        Duration::ZERO
    }
}

/// The real one. Its clients are made when they are first needed: reading the system's certificates takes time, and a run
/// from the cache has no use for them.
pub struct HttpTransport {
    certificates: Option<Vec<Certificate>>,
    proxy: Option<reqwest::Proxy>,
    direct: bool,
    pace: TransferPace,
    started: Instant,
    pages: OnceLock<Result<Client, String>>,
    files: OnceLock<Result<Client, String>>,
}

impl HttpTransport {
    /// Checks the settings; connects nowhere yet.
    pub fn new(
        trust: &TlsTrust,
        proxy: &ProxySettings,
        pace: TransferPace,
    ) -> Result<HttpTransport, IndexError> {
        let certificates = match trust {
            TlsTrust::System => None,
            TlsTrust::Certificates(path) => Some(certificates(path)?),
        };
        let transport = HttpTransport {
            certificates,
            proxy: through(proxy)?,
            direct: *proxy == ProxySettings::Direct,
            pace,
            started: Instant::now(),
            pages: OnceLock::new(),
            files: OnceLock::new(),
        };
        if let TlsTrust::Certificates(path) = trust {
            // What the file holds may still be no certificates.
            transport
                .client(BodyEncoding::Any)
                .map_err(|why| IndexError::Certificates {
                    path: path.clone(),
                    why,
                })?;
        }
        Ok(transport)
    }

    fn client(&self, encoding: BodyEncoding) -> Result<&Client, String> {
        let cell = if encoding == BodyEncoding::Any {
            &self.pages
        } else {
            &self.files
        };
        cell.get_or_init(|| self.build(encoding))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn build(&self, encoding: BodyEncoding) -> Result<Client, String> {
        let mut builder = Client::builder()
            .user_agent(concat!("ungil/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.pace.timeout)
            .timeout(self.pace.timeout);
        if encoding == BodyEncoding::Identity {
            builder = builder.no_gzip();
        }
        if self.direct {
            builder = builder.no_proxy();
        }
        if let Some(proxy) = &self.proxy {
            builder = builder.proxy(proxy.clone());
        }
        if let Some(certificates) = &self.certificates {
            builder = builder.tls_certs_only(certificates.iter().cloned());
        }
        builder.build().map_err(|error| {
            let hint = "; SSL_CERT_FILE can name a file of certificates in PEM form";
            format!("the HTTP client cannot start: {}{hint}", causes(error))
        })
    }
}

impl RequestTransport for HttpTransport {
    fn send(&self, request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let client = self
            .client(request.encoding)
            .map_err(TransportError::Lasting)?;
        let mut builder = client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone());
        if request.encoding == BodyEncoding::Identity {
            builder = builder.header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if let Some(range) = &request.range {
            builder = builder.header(RANGE, range.header());
        }
        if let Some(credential) = &request.credential {
            builder = builder.basic_auth(&credential.user, Some(&credential.password));
        }
        let mut built = builder
            .build()
            .map_err(|error| TransportError::Lasting(causes(error)))?;
        if let Some(value) = built.headers_mut().get_mut(AUTHORIZATION) {
            value.set_sensitive(true);
        }
        let response = client.execute(built).map_err(failure)?;
        Ok(HttpResponse {
            status: response.status(),
            headers: response.headers().clone(),
            body: Box::new(HttpBody {
                response,
                pace: self.pace,
                begun: Instant::now(),
                meter: RateMeter::default(),
            }),
        })
    }

    fn clock(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A body whose errors carry their causes, and no URL.
struct HttpBody {
    response: reqwest::blocking::Response,
    pace: TransferPace,
    begun: Instant,
    meter: RateMeter,
}

impl Read for HttpBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.response.read(buffer).map_err(|error| {
            let kind = error.kind();
            io::Error::new(kind, chain(&error))
        })?;
        match self
            .meter
            .meet(read as u64, self.begun.elapsed(), self.pace)
        {
            // What has come to its end is not slow any more.
            Some(why) if read > 0 => Err(io::Error::new(io::ErrorKind::TimedOut, why)),
            Some(_) | None => Ok(read),
        }
    }
}

/// How fast an answer comes: looked at whenever half of the timeout went by.
#[derive(Default)]
struct RateMeter {
    /// When this stretch began, from the beginning of the answer on, and what came since.
    stretch: Duration,
    bytes: u64,
}

impl RateMeter {
    /// Notes what came, so long after the beginning of the answer; says why it is too slow, when it is.
    fn meet(&mut self, bytes: u64, whole: Duration, pace: TransferPace) -> Option<String> {
        self.bytes = self.bytes.saturating_add(bytes);
        if whole > pace.longest_answer {
            return Some(format!(
                "the answer takes more than {} s",
                pace.longest_answer.as_secs()
            ));
        }
        let stretch = whole.saturating_sub(self.stretch);
        if stretch < pace.timeout / 2 {
            return None;
        }
        let millis = u64::try_from(stretch.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let rate = self.bytes.saturating_mul(1000) / millis;
        (self.stretch, self.bytes) = (whole, 0);
        let least = pace.least_rate;
        (rate < least).then(|| {
            format!("the answer brings {rate} bytes per second; expected at least {least}")
        })
    }
}

fn failure(error: reqwest::Error) -> TransportError {
    let lasting = error.is_builder() || error.is_redirect();
    let (is_connect, is_timeout) = (error.is_connect(), error.is_timeout());
    let text = causes(error);
    // rustls has no public error to match here: a certificate refused once is refused each time.
    if lasting || text.contains("invalid peer certificate") {
        TransportError::Lasting(text)
    } else if is_connect {
        TransportError::Unreached(text)
    } else if is_timeout {
        TransportError::Slow(text)
    } else {
        TransportError::Passing(text)
    }
}

/// The error and its causes in one line, without the URL.
fn causes(error: reqwest::Error) -> String {
    chain(&error.without_url())
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = cause.source();
    }
    text
}

fn through(proxy: &ProxySettings) -> Result<Option<reqwest::Proxy>, IndexError> {
    let ProxySettings::Through { url, except } = proxy else {
        return Ok(None);
    };
    let through = reqwest::Proxy::all(url.clone()).map_err(|error| IndexError::Setting {
        setting: "proxy".to_owned(),
        expected: format!("the URL of a proxy ({})", causes(error)),
        found: super::error::shown(url),
    })?;
    Ok(Some(through.no_proxy(
        except.as_deref().and_then(NoProxy::from_string),
    )))
}

/// The certificates of a PEM file, or of all files of a folder that hold some.
fn certificates(path: &Path) -> Result<Vec<Certificate>, IndexError> {
    let error = |why: String| IndexError::Certificates {
        path: path.to_owned(),
        why,
    };
    let read_error = |problem: io::Error| error(format!("cannot be read: {problem}"));
    let files: Vec<PathBuf> = if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(read_error)?;
        entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|file| file.is_file())
            .take(CERTIFICATE_FILES)
            .collect()
    } else {
        vec![path.to_owned()]
    };
    let mut found = Vec::new();
    for file in files {
        let mut pem = Vec::new();
        std::fs::File::open(&file)
            .and_then(|open| open.take(CERTIFICATE_BYTES).read_to_end(&mut pem))
            .map_err(read_error)?;
        let bundle =
            Certificate::from_pem_bundle(&pem).map_err(|problem| error(causes(problem)))?;
        found.extend(bundle);
    }
    if found.is_empty() {
        return Err(error(
            "expected certificates in PEM form (-----BEGIN CERTIFICATE-----), found none"
                .to_owned(),
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_too_slowly_is_given_up() {
        let (pace, after) = (TransferPace::default(), Duration::from_secs);
        let mut meter = RateMeter::default();
        assert_eq!(meter.meet(1, after(1), pace), None);
        assert!(
            meter
                .meet(1, after(5), pace)
                .unwrap()
                .contains("0 bytes per second; expected at least 1024")
        );
        let mut meter = RateMeter::default();
        assert_eq!(meter.meet(1 << 20, after(5), pace), None);
        assert_eq!(meter.meet(1 << 20, after(10), pace), None);
        assert!(meter.meet(1, after(15), pace).is_some());
        assert!(
            RateMeter::default()
                .meet(1 << 40, after(1801), pace)
                .unwrap()
                .contains("more than 1800 s")
        );
    }

    #[test]
    fn ranges_are_written_inclusively() {
        assert_eq!(ByteRange::Span(0..10).header(), "bytes=0-9");
        assert_eq!(ByteRange::Suffix(5).header(), "bytes=-5");
    }

    #[test]
    fn a_bad_certificate_file_is_an_error_that_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent.pem");
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate here").unwrap();
        let garbage = folder.path().join("garbage.pem");
        std::fs::write(
            &garbage,
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        for (path, expected) in [
            (absent, "cannot be read"),
            (empty, "found none"),
            (garbage, ""),
        ] {
            let trust = TlsTrust::Certificates(path.clone());
            let error = HttpTransport::new(&trust, &ProxySettings::Direct, TransferPace::default())
                .err()
                .unwrap();
            let text = error.to_string();
            assert!(
                text.contains(&*path.to_string_lossy()) && text.contains(expected),
                "{text}"
            );
        }
    }
}
