//! Asks package indexes: which files there are under a name, what their metadata is, and for parts of them.
//!
//! The only user of the network. Settings come in as data; what is worth keeping goes to a cache folder that the caller
//! names. Answers are shared: whoever asks for what is being fetched waits for it.

mod blob;
mod cache;
mod client;
mod compact;
pub mod credentials;
pub mod error;
pub mod file;
mod find_links;
mod host;
pub mod http;
mod listing;
pub mod observer;
mod pool;
pub mod settings;
mod simple;
pub mod store;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use url::Url;

pub use self::client::NetworkTraffic;
pub use self::error::IndexError;
pub use self::file::{RemoteFile, TailSize};
pub use self::observer::{FetchEvent, FetchObserver, FetchSubject, NoFetchObserver};
pub use self::settings::IndexSettings;
pub use self::store::{CacheStore, StoreError};

use self::cache::PageGetter;
use self::client::{HttpReply, IndexClient, IndexQuery, ReplyRefusal, read_all};
use self::error::shown;
use self::http::{HttpTransport, RequestTransport};
use self::listing::ListingPlaces;
use self::pool::ThreadPool;
use self::settings::CacheFreshness;
use crate::memo::OnceMap;
use crate::model::artifact::{Artifact, ArtifactListing, MetadataFile};
use crate::model::digest::Digest;
use crate::model::name::PackageName;
use crate::model::place::Location;
use crate::model::problem::Problem;

/// Bucket of the store for metadata files: they never change.
const METADATA: &str = "metadata-1";

type MetadataAnswer = Result<Option<Arc<Vec<u8>>>, IndexError>;

/// The indexes, folders and pages of one run.
pub struct PackageIndex {
    inner: Arc<IndexInner>,
    pool: ThreadPool,
}

struct IndexInner {
    client: Arc<IndexClient>,
    pages: PageGetter,
    places: ListingPlaces,
    store: CacheStore,
    /// Links that are kept of all pages.
    links: AtomicUsize,
    listings: OnceMap<PackageName, Result<Arc<ArtifactListing>, IndexError>>,
    metadata: OnceMap<String, MetadataAnswer>,
}

impl PackageIndex {
    /// An index client over HTTP.
    pub fn new(
        settings: IndexSettings,
        observer: Arc<dyn FetchObserver>,
    ) -> Result<PackageIndex, IndexError> {
        let transport = HttpTransport::new(&settings.trust, &settings.proxy, settings.pace)?;
        PackageIndex::with_transport(settings, Arc::new(transport), observer)
    }

    /// An index client over another transport.
    pub fn with_transport(
        settings: IndexSettings,
        transport: Arc<dyn RequestTransport>,
        observer: Arc<dyn FetchObserver>,
    ) -> Result<PackageIndex, IndexError> {
        let store = settings
            .cache
            .as_deref()
            .map_or_else(CacheStore::disabled, CacheStore::new);
        let places = ListingPlaces::new(&settings)?;
        let pool = ThreadPool::new(settings.concurrency);
        let client = Arc::new(IndexClient::new(settings, transport, observer));
        let pages = PageGetter {
            client: Arc::clone(&client),
            store: store.clone(),
            large: Mutex::new(()),
        };
        let (links, listings, metadata) = (AtomicUsize::new(0), OnceMap::new(), OnceMap::new());
        let inner = IndexInner {
            client,
            pages,
            places,
            store,
            links,
            listings,
            metadata,
        };
        Ok(PackageIndex {
            inner: Arc::new(inner),
            pool,
        })
    }

    /// Every file of a project, from all places. `IndexError::NotFound` when no place knows the project.
    pub fn listing(&self, name: &PackageName) -> Result<Arc<ArtifactListing>, IndexError> {
        self.inner.listing(name)
    }

    /// The files of a project, when somebody asked for them already. A project that was named by a file or URL is none
    /// that an index should hear of.
    pub fn known_listing(&self, name: &PackageName) -> Option<Arc<ArtifactListing>> {
        self.inner.listings.known(name)?.ok()
    }

    /// Does something in the background, on one of the threads that wait for the network; `false` when too much is
    /// waiting already. It is a hint: whoever needs the result asks for it, and gets it sooner.
    pub fn prefetch(&self, job: impl FnOnce() + Send + 'static) -> bool {
        self.pool.submit(Box::new(job))
    }

    /// The METADATA file that the index serves beside a wheel (PEP 658); `None` when it serves none.
    pub fn metadata_file(&self, artifact: &Artifact) -> Result<Option<Vec<u8>>, IndexError> {
        let (MetadataFile::Announced(digest), Location::Url(url)) =
            (&artifact.metadata_file, &artifact.location)
        else {
            return Ok(None);
        };
        let make = || self.inner.metadata(artifact, url, digest.as_ref());
        let found = self.inner.metadata.get(&url.to_string(), make)?;
        Ok(found.map(|bytes| bytes.to_vec()))
    }

    /// The file itself, to read parts of it.
    pub fn open(&self, artifact: &Artifact) -> Result<RemoteFile, IndexError> {
        self.open_with(artifact, TailSize::Usual)
    }

    /// The file itself, to read parts of it, with so much of its end at once.
    pub fn open_with(&self, artifact: &Artifact, tail: TailSize) -> Result<RemoteFile, IndexError> {
        self.inner
            .watched(FetchSubject::File(artifact.filename.clone()), || {
                RemoteFile::open(artifact, tail, &self.inner.client, &self.inner.store)
            })
    }

    /// Where things are kept between runs.
    pub fn store(&self) -> &CacheStore {
        &self.inner.store
    }

    /// What was fetched so far.
    pub fn traffic(&self) -> NetworkTraffic {
        self.inner.client.counters.snapshot()
    }

    /// Requests that were sent so far for a package's listings and files, repetitions and redirects included.
    pub fn requests_for(&self, package: &PackageName) -> u64 {
        self.inner.client.counters.requests_for(package)
    }

    /// Hosts that do not answer, each told once.
    pub fn outages(&self) -> Vec<IndexError> {
        self.inner.client.outages().0
    }

    /// The host that does not answer, where none does: whatever the run asked for, it was told nothing.
    pub fn blackout(&self) -> Option<IndexError> {
        match self.inner.client.outages() {
            (dead, false) => dead.into_iter().next(),
            (_, true) => None,
        }
    }

    /// What could not be looked at so far, without being an error of a listing.
    pub fn problems(&self) -> Vec<Problem> {
        self.inner.places.problems()
    }
}

impl IndexInner {
    fn listing(&self, name: &PackageName) -> Result<Arc<ArtifactListing>, IndexError> {
        self.listings.get(name, || {
            let listing = || self.places.listing(name, &self.pages);
            let listing = self.watched(FetchSubject::Listing(name.clone()), listing)?;
            let limit = self.client.settings().limits.all_links;
            let found = listing.files.len();
            if self
                .links
                .fetch_add(found, Ordering::Relaxed)
                .saturating_add(found)
                > limit
            {
                self.links.fetch_sub(found, Ordering::Relaxed);
                let (place, what) = (
                    name.to_string(),
                    "the links of all packages of a run".to_owned(),
                );
                return Err(IndexError::TooMany {
                    place,
                    what,
                    found,
                    limit,
                });
            }
            Ok(Arc::new(listing))
        })
    }

    fn metadata(
        &self,
        artifact: &Artifact,
        url: &Url,
        digest: Option<&Digest>,
    ) -> Result<Option<Arc<Vec<u8>>>, IndexError> {
        let key = match (artifact.digests.first(), artifact.size) {
            (Some(digest), _) => Some(digest.to_string()),
            (None, Some(size)) => Some(format!("{url} {size}")),
            (None, None) => None,
        };
        let kept = key.as_ref().and_then(|key| self.store.get(METADATA, key));
        let intact =
            |bytes: &Vec<u8>| digest.is_none_or(|digest| blob::compare(bytes, digest, "").is_ok());
        if let Some(bytes) = kept.filter(intact) {
            return Ok(Some(Arc::new(bytes)));
        }
        let mut beside = url.clone();
        beside.set_path(&format!("{}.metadata", url.path()));
        if self.client.settings().freshness == CacheFreshness::Offline {
            return Err(IndexError::Offline {
                url: shown(&beside),
            });
        }
        let fetched = self.watched(FetchSubject::Metadata(artifact.filename.clone()), || {
            self.client.ask(
                &IndexQuery::page(Some(&artifact.name), &beside),
                &mut |reply| self.take_metadata(reply, digest),
            )
        })?;
        if let (Some(key), Some(bytes)) = (&key, &fetched) {
            // A cache that cannot be written costs time, nothing else.
            let _ = self.store.put(METADATA, key, bytes);
        }
        Ok(fetched.map(Arc::new))
    }

    fn take_metadata(
        &self,
        mut reply: HttpReply<'_>,
        digest: Option<&Digest>,
    ) -> Result<Option<Vec<u8>>, ReplyRefusal> {
        let url = shown(&reply.url);
        match reply.status.as_u16() {
            200 => {
                let bytes = read_all(
                    &mut reply,
                    "a metadata file",
                    self.client.settings().limits.metadata,
                    0,
                )?;
                if let Some(digest) = digest {
                    blob::compare(&bytes, digest, &url)?;
                }
                Ok(Some(bytes))
            }
            // Announced but absent: the wheel itself has it.
            404 | 410 => Ok(None),
            status => Err(IndexError::Status {
                url,
                expected: "a metadata file (200)".to_owned(),
                status,
            }
            .into()),
        }
    }

    fn watched<T>(&self, subject: FetchSubject, work: impl FnOnce() -> T) -> T {
        self.client
            .observer()
            .event(FetchEvent::Started(subject.clone()));
        let result = work();
        self.client.observer().event(FetchEvent::Finished(subject));
        result
    }
}
