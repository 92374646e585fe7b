//! Everything the index client must be told; nothing is looked up behind the caller's back except what is said here.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use url::Url;

use super::credentials::{CredentialBook, UserPassword};
use crate::model::place::Location;
use crate::model::request::PackageSources;

/// The index used when the user names none.
pub const DEFAULT_INDEX: &str = "https://pypi.org/simple/";

/// How servers are reached.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum ProxySettings {
    /// As the system says: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, or the settings of macOS and Windows.
    #[default]
    System,
    /// Without a proxy.
    Direct,
    /// Through this one.
    Through {
        /// The proxy, perhaps with user and password.
        url: Url,
        /// Hosts that are reached without it, as `NO_PROXY` lists them.
        except: Option<String>,
    },
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxySettings::System => formatter.write_str("System"),
            ProxySettings::Direct => formatter.write_str("Direct"),
            ProxySettings::Through { url, except } => {
                write!(
                    formatter,
                    "Through({}, {except:?})",
                    super::error::shown(url)
                )
            }
        }
    }
}

/// What is trusted when a server shows its certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TlsTrust {
    /// The system's certificate store.
    #[default]
    System,
    /// The certificates of this PEM file, or of the files in this folder, and no others.
    Certificates(PathBuf),
}

/// How much of the cache counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheFreshness {
    /// Pages are used while they are fresh, and revalidated afterwards.
    #[default]
    Revalidate,
    /// Every page is revalidated (`--refresh`).
    Refresh,
    /// Whatever is in the cache is used, and nothing is fetched (`--offline`).
    Offline,
}

/// How long answers are waited for: whoever sends little or nothing holds up nobody for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferPace {
    /// Longest wait for a connection, for the head of an answer, and for each further piece of it.
    pub timeout: Duration,
    /// Bytes per second that an answer must bring at least, once it was read for half of `timeout`.
    pub least_rate: u64,
    /// Longest time of one answer.
    pub longest_answer: Duration,
}

impl Default for TransferPace {
    fn default() -> TransferPace {
        TransferPace {
            timeout: Duration::from_secs(8),
            least_rate: 1024,
            longest_answer: Duration::from_secs(1800),
        }
    }
}

/// Most links of one page; the largest projects have some ten thousand.
pub const MOST_LINKS: usize = 100_000;

/// Bounds on what is taken from a server, in bytes and in links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimits {
    /// One index page.
    pub page: u64,
    /// Links that are kept of all pages of a run.
    pub all_links: usize,
    /// One metadata file.
    pub metadata: u64,
    /// One file that has to be taken whole, because its server ignores ranges.
    pub file: u64,
    /// Part of that which may be held in memory; what is larger goes to the cache folder while it is used.
    pub memory: u64,
}

impl Default for SizeLimits {
    fn default() -> SizeLimits {
        SizeLimits {
            page: 64 << 20,
            all_links: 500_000,
            metadata: 4 << 20,
            file: 8 << 30,
            memory: 16 << 20,
        }
    }
}

/// Settings of the index client. URLs in it carry no credentials: those are apart, and cannot be printed.
#[derive(Clone, Debug)]
pub struct IndexSettings {
    sources: PackageSources,
    /// Who we are at which host.
    pub credentials: CredentialBook,
    /// Whose certificates are trusted.
    pub trust: TlsTrust,
    /// How servers are reached.
    pub proxy: ProxySettings,
    /// How long answers are waited for.
    pub pace: TransferPace,
    /// How often a request is repeated after a failure that may pass.
    pub retries: u32,
    /// Wait before the first repetition; it doubles each time.
    pub first_wait: Duration,
    /// Longest wait before all repetitions of one request together, a server's `Retry-After` among them.
    pub longest_wait: Duration,
    /// Requests under way at one host at the same time.
    pub concurrency: usize,
    /// Cache folder; without one, nothing is kept.
    pub cache: Option<PathBuf>,
    /// How much of the cache counts.
    pub freshness: CacheFreshness,
    /// Bounds on what is taken.
    pub limits: SizeLimits,
    /// When the run started: pages are fresh or stale as of then.
    pub now: SystemTime,
}

impl IndexSettings {
    /// The defaults (pip's where pip has one), with these sources. Credentials in the sources' URLs are taken out of
    /// them.
    pub fn new(sources: PackageSources, now: SystemTime) -> IndexSettings {
        let mut settings = IndexSettings {
            sources: PackageSources::default(),
            credentials: CredentialBook::new(),
            trust: TlsTrust::default(),
            proxy: ProxySettings::default(),
            pace: TransferPace::default(),
            retries: 5,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(8),
            concurrency: 16,
            cache: None,
            freshness: CacheFreshness::default(),
            limits: SizeLimits::default(),
            now,
        };
        settings.set_sources(sources);
        settings
    }

    /// Replaces the sources; credentials in their URLs are taken out of them and kept.
    pub fn set_sources(&mut self, mut sources: PackageSources) {
        let credentials = &mut self.credentials;
        for url in sources
            .index_url
            .iter_mut()
            .chain(sources.extra_index_urls.iter_mut())
        {
            *url = credentials.take_from(url);
        }
        for location in &mut sources.find_links {
            if let Location::Url(url) = location {
                *url = credentials.take_from(url);
            }
        }
        self.sources = sources;
    }

    /// Where distributions are looked for; the URLs carry no credentials.
    pub fn sources(&self) -> &PackageSources {
        &self.sources
    }

    /// Adds credentials for one host.
    pub fn add_credential(&mut self, url: &Url, credential: UserPassword) {
        self.credentials.add(url, credential);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_settings_have_no_secrets() {
        let sources = PackageSources {
            index_url: Some(Url::parse("https://me:hunter2@host/simple/").unwrap()),
            extra_index_urls: vec![Url::parse("https://you:hunter2@other/simple/").unwrap()],
            find_links: vec![Location::Url(
                Url::parse("https://us:hunter2@third/links.html").unwrap(),
            )],
            ..PackageSources::default()
        };
        let mut settings = IndexSettings::new(sources, SystemTime::UNIX_EPOCH);
        let url = Url::parse("http://them:hunter2@proxy:3128").unwrap();
        settings.proxy = ProxySettings::Through { url, except: None };
        let printed = format!("{settings:?}");
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(
            printed.contains("third") && printed.contains("proxy:3128"),
            "{printed}"
        );
    }
}
