//! The index client against a real server on loopback.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ungil::index::credentials::UserPassword;
use ungil::index::http::{HttpRequest, HttpResponse, RequestTransport, TransportError};
use ungil::index::settings::{CacheFreshness, ProxySettings, SizeLimits};
use ungil::index::{
    FetchEvent, FetchObserver, FetchSubject, IndexError, IndexSettings, NoFetchObserver,
    PackageIndex,
};
use ungil::model::artifact::{Artifact, ArtifactKind, ArtifactListing, FileCheck, MetadataFile};
use ungil::model::digest::{Algorithm, Digest};
use ungil::model::name::PackageName;
use ungil::model::place::Location;
use ungil::model::request::PackageSources;

use crate::server::{Reply, Routes, Server, ranged};

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

fn sources(index: &str) -> PackageSources {
    PackageSources {
        index_url: Some(index.parse().unwrap()),
        ..PackageSources::default()
    }
}

fn settings(sources: PackageSources) -> IndexSettings {
    let mut settings = IndexSettings::new(sources, now());
    settings.proxy = ProxySettings::Direct;
    settings.first_wait = Duration::from_millis(1);
    settings.retries = 2;
    settings.pace.timeout = Duration::from_secs(10);
    settings
}

fn open(settings: IndexSettings) -> PackageIndex {
    PackageIndex::new(settings, Arc::new(NoFetchObserver)).unwrap()
}

fn at(server: &Server) -> PackageIndex {
    open(settings(sources(&server.url("/simple/"))))
}

fn filenames(listing: &ArtifactListing) -> Vec<&str> {
    listing
        .files
        .iter()
        .map(|file| file.filename.as_str())
        .collect()
}

fn artifact(url: &str) -> Artifact {
    let filename = url.rsplit('/').next().unwrap().to_owned();
    Artifact {
        name: name("a"),
        version: "1.0".parse().unwrap(),
        kind: ArtifactKind::Sdist,
        filename,
        location: Location::Url(url.parse().unwrap()),
        digests: Vec::new(),
        size: None,
        requires_python: None,
        yanked: None,
        metadata_file: MetadataFile::Unannounced,
    }
}

fn sha256(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    let hex: String = sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Digest::new(Algorithm::Sha256, &hex).unwrap()
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|position| (position * 7 + position / 256) as u8)
        .collect()
}

const PAGE: &str = "<html><a href='/files/a-1.0.tar.gz'>a</a></html>";

// Pages

#[test]
fn one_project_reads_alike_in_both_forms() {
    let server = Server::start(
        Routes::new()
            .reply(
                "/html/numpy/",
                Reply::html(include_str!("../../fixtures/index/numpy.html")),
            )
            .reply(
                "/json/numpy/",
                Reply::json(include_str!("../../fixtures/index/numpy.json")),
            ),
    );
    let listing = |form: &str| {
        open(settings(sources(&server.url(form))))
            .listing(&name("numpy"))
            .unwrap()
    };
    let (html, json) = (listing("/html/"), listing("/json"));
    assert_eq!(html.files.len(), 6);
    let last = html
        .files
        .iter()
        .find(|file| file.filename.contains("2.5.5-cp314-cp314t"))
        .unwrap();
    assert_eq!(last.requires_python.as_ref().unwrap().to_string(), ">=3.12");
    assert_eq!(last.digests.len(), 1);
    let yanked: Vec<_> = html
        .files
        .iter()
        .filter_map(|file| file.yanked.as_deref())
        .collect();
    assert_eq!(yanked, ["Backward compatibility bug"]);
    let wheels = json.files.iter().filter(|file| file.wheel().is_some());
    assert!(
        wheels
            .clone()
            .all(|file| matches!(file.metadata_file, MetadataFile::Announced(Some(_))))
    );
    assert!(wheels.clone().all(|file| file.size == Some(12345)));
    let bare = |listing: &ArtifactListing| -> Vec<Artifact> {
        let strip = |file: &Artifact| Artifact {
            metadata_file: MetadataFile::Unannounced,
            size: None,
            ..file.clone()
        };
        listing.files.iter().map(strip).collect()
    };
    assert_eq!(bare(&html), bare(&json));
    let request = &server.requests()[0];
    assert_eq!(
        request.header("user-agent"),
        Some(concat!("ungil/", env!("CARGO_PKG_VERSION")))
    );
    assert!(
        request
            .header("accept")
            .unwrap()
            .starts_with("application/vnd.pypi.simple.v1+json")
    );
}

#[test]
fn an_index_that_misbehaves_is_an_error_that_names_the_page() {
    let check = |reply: Reply, expected: &str, attempts: usize| {
        let server = Server::start(Routes::new().reply("/simple/a/", reply.clone()));
        let error = at(&server).listing(&name("a")).unwrap_err().to_string();
        assert!(
            error.contains(expected),
            "expected {expected}, found {error}"
        );
        assert!(error.contains(&server.url("/simple/a/")), "{error}");
        assert_eq!(server.requests().len(), attempts, "{error}");
    };
    check(Reply::html(""), "an empty answer", 1);
    check(Reply::html("\u{0}\u{1}garbage"), "no HTML", 1);
    check(Reply::json("{]"), "expected a Simple API page in JSON", 1);
    check(
        Reply::bytes("image/png", "x"),
        "content type `image/png`",
        1,
    );
    check(Reply::status(418), "the server answers 418", 1);
    check(
        Reply::status(500),
        "after 3 attempts: the server answers 500",
        3,
    );
    check(Reply::html(PAGE).half(), "the answer broke off", 3);
    check(
        Reply::html(&PAGE[..20]).without_length(),
        "ends in the middle of a tag",
        1,
    );
    check(
        Reply::status(403),
        "127.0.0.1 answers 403 and was sent no credentials",
        1,
    );
    check(Reply::redirect("/simple/a/"), "more than 10 redirects", 11);
    check(
        Reply::status(429).with("Retry-After", "86400"),
        "come back in 86400 seconds",
        1,
    );
    check(Reply::status(304), "the server answers 304", 1);
}

#[test]
fn a_host_that_never_answers_is_not_asked_again() {
    let server = Server::start(
        Routes::new()
            .reply("/simple/a/", Reply::nothing())
            .page("/simple/b/", PAGE),
    );
    let index = at(&server);
    for project in ["a", "b"] {
        let error = index.listing(&name(project)).unwrap_err().to_string();
        assert!(error.contains(" does not answer: "), "{error}");
    }
    assert_eq!(server.requests().len(), 3);
    assert_eq!(
        (index.outages().len(), index.blackout().is_some()),
        (1, true)
    );
}

#[test]
fn what_passes_is_waited_for() {
    let replies = [
        Reply::status(503),
        Reply::status(429).with("Retry-After", "0"),
        Reply::nothing(),
        Reply::html(PAGE).half(),
        Reply::html(PAGE),
    ];
    let server = Server::start(Routes::new().replies("/simple/a/", replies));
    let mut settings = settings(sources(&server.url("/simple/")));
    settings.retries = 4;
    assert_eq!(
        filenames(&open(settings).listing(&name("a")).unwrap()),
        ["a-1.0.tar.gz"]
    );
    assert_eq!(server.requests().len(), 5);
}

/// Answers nothing, and writes down how long it was told to wait.
#[derive(Default)]
struct Unreachable {
    waits: Mutex<Vec<Duration>>,
}

impl RequestTransport for Unreachable {
    fn send(&self, _request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        Err(TransportError::Passing("nobody there".into()))
    }

    fn wait(&self, duration: Duration) {
        self.waits.lock().unwrap().push(duration);
    }
}

#[test]
fn waits_double_up_to_a_bound() {
    let transport = Arc::new(Unreachable::default());
    let mut settings = IndexSettings::new(PackageSources::default(), now());
    settings.retries = 7;
    let index =
        PackageIndex::with_transport(settings, transport.clone(), Arc::new(NoFetchObserver))
            .unwrap();
    let error = index.listing(&name("a")).unwrap_err();
    assert_eq!(error.to_string(), "pypi.org does not answer: nobody there");
    let waits: Vec<u128> = transport
        .waits
        .lock()
        .unwrap()
        .iter()
        .map(Duration::as_millis)
        .collect();
    assert_eq!(waits, [250, 500, 1000, 2000, 4000]);
}

#[test]
fn a_project_nobody_knows_is_not_found_everywhere() {
    let server = Server::start(Routes::new());
    let mut sources = sources(&server.url("/one"));
    sources
        .extra_index_urls
        .push(server.url("/two/").parse().unwrap());
    let error = open(settings(sources))
        .listing(&name("No_Such.Thing"))
        .unwrap_err();
    assert!(error.is_not_found());
    let expected = format!(
        "`no-such-thing` was not found at {}, {}",
        server.url("/one/"),
        server.url("/two/")
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(
        server.paths(),
        ["/one/no-such-thing/", "/two/no-such-thing/"]
    );
}

#[test]
fn all_places_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a-3.0.tar.gz"), "local").unwrap();
    std::fs::write(folder.path().join("b-1.0.tar.gz"), "other").unwrap();
    let same = format!("<a href='x/a-1.0.tar.gz#sha256={}'>a</a>", "1".repeat(64));
    let server = Server::start(
        Routes::new()
            .page(
                "/links.html",
                "<a href='f/a-2.0.tar.gz'>a</a><a href='f/c-1.0.tar.gz'>c</a>",
            )
            .page("/one/a/", &same)
            .page("/two/a/", &format!("{same}<a href='a-1.1.tar.gz'>a</a>")),
    );
    let sources = PackageSources {
        extra_index_urls: vec![
            server.url("/two/").parse().unwrap(),
            server.url("/absent/").parse().unwrap(),
        ],
        find_links: vec![
            Location::Url(server.url("/links.html").parse().unwrap()),
            Location::Path(folder.path().to_owned()),
            Location::Path(folder.path().join("absent")),
        ],
        ..sources(&server.url("/one/"))
    };
    let index = open(settings(sources.clone()));
    let listing = index.listing(&name("a")).unwrap();
    assert_eq!(
        filenames(&listing),
        [
            "a-3.0.tar.gz",
            "a-2.0.tar.gz",
            "a-1.0.tar.gz",
            "a-1.1.tar.gz"
        ]
    );
    assert_eq!(
        listing.files[2].location,
        Location::Url(server.url("/one/a/x/a-1.0.tar.gz").parse().unwrap())
    );
    assert_eq!(
        filenames(&index.listing(&name("c")).unwrap()),
        ["c-1.0.tar.gz"]
    );
    assert_eq!(
        server
            .paths()
            .iter()
            .filter(|path| *path == "/links.html")
            .count(),
        1
    );
    let problems = index.problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].place.ends_with("absent"));

    let local = open(settings(PackageSources {
        no_index: true,
        ..sources
    }));
    assert_eq!(
        filenames(&local.listing(&name("a")).unwrap()),
        ["a-3.0.tar.gz", "a-2.0.tar.gz"]
    );
    assert!(local.listing(&name("nothing")).unwrap_err().is_not_found());
}

#[test]
fn an_index_may_be_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("a")).unwrap();
    std::fs::write(folder.path().join("a/a-1.0.tar.gz"), "12345").unwrap();
    let index = open(settings(sources(
        url::Url::from_directory_path(folder.path())
            .unwrap()
            .as_str(),
    )));
    let listing = index.listing(&name("a")).unwrap();
    let file = index.open(&listing.files[0]).unwrap();
    assert_eq!(
        (file.size(), file.read(1..3).unwrap().as_slice()),
        (5, &b"23"[..])
    );
    assert_eq!(file.fetched(), 0);
    assert!(file.read(3..6).is_err());
    assert!(index.listing(&name("b")).unwrap_err().is_not_found());
}

// Credentials

fn basic(request: &crate::server::Request) -> Option<&str> {
    request.header("authorization")
}

#[test]
fn credentials_go_to_their_host_only() {
    // "me:p@ss" in Base64.
    const ME: &str = "Basic bWU6cEBzcw==";
    let elsewhere = Server::start(Routes::new().file("/real/a-1.0.tar.gz", "12345"));
    let target = elsewhere
        .other_url("/real/a-1.0.tar.gz")
        .replace("http://", "http://you:secret@");
    let server = Server::start(
        Routes::new()
            .route("/simple/a/", |request, _| match basic(request) {
                Some(ME) => Reply::html("<a href='../../files/a-1.0.tar.gz'>a</a>"),
                _ => Reply::status(401),
            })
            .reply("/files/a-1.0.tar.gz", Reply::redirect(&target)),
    );
    let url = server
        .url("/simple/")
        .replace("http://", "http://me:p%40ss@");
    let index = open(settings(sources(&url)));
    let listing = index.listing(&name("a")).unwrap();
    assert_eq!(
        listing.files[0].location,
        Location::Url(server.url("/files/a-1.0.tar.gz").parse().unwrap())
    );
    assert_eq!(
        index.open(&listing.files[0]).unwrap().read(0..5).unwrap(),
        b"12345"
    );
    assert_eq!(server.paths(), ["/simple/a/", "/files/a-1.0.tar.gz"]);
    assert!(
        server
            .requests()
            .iter()
            .all(|request| basic(request) == Some(ME))
    );
    assert_eq!(elsewhere.paths(), ["/real/a-1.0.tar.gz"]);
    assert!(
        elsewhere
            .requests()
            .iter()
            .all(|request| basic(request).is_none())
    );
}

#[test]
fn refused_credentials_are_an_error_without_them() {
    let server = Server::start(Routes::new().reply("/simple/a/", Reply::status(401)));
    let mut with_netrc = settings(sources(&server.url("/simple/")));
    with_netrc.credentials.add_netrc(
        Path::new("netrc"),
        "machine 127.0.0.1 login me password hunter2",
    );
    let error = open(with_netrc).listing(&name("a")).unwrap_err();
    assert!(matches!(
        &error,
        IndexError::Credentials {
            sent: true,
            status: 401,
            ..
        }
    ));
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("127.0.0.1 answers 401 to the credentials that it was sent")
            && !text.contains("hunter2"),
        "{text}"
    );
    assert!(text.contains("netrc"), "{text}");
    assert_eq!(basic(&server.requests()[0]), Some("Basic bWU6aHVudGVyMg=="));

    let mut added = settings(sources(&server.url("/simple/")));
    let credential = UserPassword {
        user: "me".into(),
        password: "hunter2".into(),
    };
    added.add_credential(&server.url("/simple/").parse().unwrap(), credential);
    assert!(!format!("{added:?}").contains("hunter2"));
    open(added).listing(&name("a")).unwrap_err();
    assert_eq!(basic(&server.requests()[1]), Some("Basic bWU6aHVudGVyMg=="));
}

// Ways

#[test]
fn a_proxy_is_used_and_told_who_we_are() {
    let proxy = Server::start(Routes::new().page("http://index.invalid/simple/a/", PAGE));
    let direct = Server::start(Routes::new().page("/simple/a/", PAGE));
    let through = |index: &str| {
        let mut settings = settings(sources(index));
        let url = proxy
            .url("/")
            .replace("http://", "http://me:hunter2@")
            .parse()
            .unwrap();
        settings.proxy = ProxySettings::Through {
            url,
            except: Some("127.0.0.1".into()),
        };
        open(settings).listing(&name("a")).unwrap()
    };
    assert_eq!(through("http://index.invalid/simple/").files.len(), 1);
    assert_eq!(
        proxy.requests()[0].header("proxy-authorization"),
        Some("Basic bWU6aHVudGVyMg==")
    );
    assert_eq!(through(&direct.url("/simple/")).files.len(), 1);
    assert_eq!((proxy.requests().len(), direct.requests().len()), (1, 1));
    assert_eq!(direct.requests()[0].header("proxy-authorization"), None);
}

#[test]
fn pages_may_be_compressed_and_files_may_not() {
    let zipped = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let archive = zipped(b"a tar archive");
    let server = Server::start(
        Routes::new()
            .reply(
                "/simple/a/",
                Reply::html(zipped(PAGE.as_bytes())).with("Content-Encoding", "gzip"),
            )
            // As some servers have it, who take `.gz` for an encoding.
            .reply(
                "/files/a-1.0.tar.gz",
                Reply::bytes("application/x-tar", archive.clone()).with("Content-Encoding", "gzip"),
            ),
    );
    let index = at(&server);
    let listing = index.listing(&name("a")).unwrap();
    assert_eq!(server.requests()[0].header("accept-encoding"), Some("gzip"));
    let file = index.open(&listing.files[0]).unwrap();
    assert_eq!(file.read(0..file.size()).unwrap(), archive);
}

// Cache

fn cached(
    server: &Server,
    cache: &Path,
    seconds: u64,
    freshness: CacheFreshness,
) -> Result<Arc<ArtifactListing>, IndexError> {
    let url = server
        .url("/simple/")
        .replace("http://", "http://me:hunter2@");
    let mut settings = settings(sources(&url));
    settings.cache = Some(cache.to_owned());
    settings.now = now() + Duration::from_secs(seconds);
    settings.freshness = freshness;
    open(settings).listing(&name("a"))
}

#[test]
fn a_fresh_page_is_not_asked_for_again() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(Routes::new().page("/simple/a/", PAGE));
    let first = cached(&server, cache.path(), 0, CacheFreshness::Revalidate).unwrap();
    let check = |seconds: u64, freshness: CacheFreshness, requests: usize| {
        assert_eq!(
            cached(&server, cache.path(), seconds, freshness).unwrap(),
            first
        );
        assert_eq!(server.requests().len(), requests, "after {seconds} s");
    };
    check(599, CacheFreshness::Revalidate, 1);
    check(600, CacheFreshness::Revalidate, 2);
    check(601, CacheFreshness::Refresh, 3);
    check(1_000_000, CacheFreshness::Offline, 3);
    for entry in walkdir::WalkDir::new(cache.path()) {
        let entry = entry.unwrap();
        let mut text = entry.path().to_string_lossy().into_owned();
        if entry.path().is_file() {
            text += &String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap());
        }
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_stale_page_is_revalidated() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(Routes::new().route("/simple/a/", |request, _| {
        match request.header("if-none-match") {
            Some("\"7\"") => Reply::status(304)
                .with("ETag", "\"7\"")
                .with("Cache-Control", "max-age=1000"),
            _ => Reply::html(PAGE)
                .with("ETag", "\"7\"")
                .with("Cache-Control", "max-age=100"),
        }
    }));
    let check = |seconds: u64, requests: usize| {
        assert_eq!(
            cached(&server, cache.path(), seconds, CacheFreshness::Revalidate)
                .unwrap()
                .files
                .len(),
            1
        );
        assert_eq!(server.requests().len(), requests, "after {seconds} s");
    };
    check(0, 1);
    check(99, 1);
    check(101, 2);
    check(1100, 2);
    check(1102, 3);
}

#[test]
fn offline_uses_what_is_there_and_says_what_is_not() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(Routes::new());
    let error = cached(&server, cache.path(), 0, CacheFreshness::Offline).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{}: offline and not in the cache", server.url("/simple/a/"))
    );
    assert!(
        cached(&server, cache.path(), 0, CacheFreshness::Revalidate)
            .unwrap_err()
            .is_not_found()
    );
    assert!(
        cached(&server, cache.path(), 1, CacheFreshness::Offline)
            .unwrap_err()
            .is_not_found()
    );
    assert!(
        cached(&server, cache.path(), 1, CacheFreshness::Revalidate)
            .unwrap_err()
            .is_not_found()
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_damaged_cache_is_fetched_anew() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start(Routes::new().page("/simple/a/", PAGE));
    cached(&server, cache.path(), 0, CacheFreshness::Revalidate).unwrap();
    for entry in walkdir::WalkDir::new(cache.path())
        .into_iter()
        .flatten()
        .filter(|entry| entry.path().is_file())
    {
        std::fs::write(entry.path(), "garbage").unwrap();
    }
    assert_eq!(
        cached(&server, cache.path(), 1, CacheFreshness::Revalidate)
            .unwrap()
            .files
            .len(),
        1
    );
    assert_eq!(server.requests().len(), 2);
}

// Metadata

#[test]
fn metadata_is_fetched_once_and_kept() {
    let metadata = b"Name: a\n";
    let server = Server::start(
        Routes::new()
            .reply(
                "/f/a-1.0-py3-none-any.whl.metadata",
                Reply::bytes("text/plain", *metadata),
            )
            .reply(
                "/f/bad.whl.metadata",
                Reply::bytes("text/plain", *b"Name: b\n"),
            ),
    );
    let cache = tempfile::tempdir().unwrap();
    let index = |freshness: CacheFreshness| {
        let mut settings = settings(PackageSources::default());
        settings.cache = Some(cache.path().to_owned());
        settings.freshness = freshness;
        open(settings)
    };
    let announced = |path: &str| Artifact {
        digests: vec![sha256(path.as_bytes())],
        metadata_file: MetadataFile::Announced(Some(sha256(metadata))),
        ..artifact(&server.url(path))
    };
    let good = announced("/f/a-1.0-py3-none-any.whl");
    let online = index(CacheFreshness::Revalidate);
    for _ in 0..2 {
        assert_eq!(
            online.metadata_file(&good).unwrap().as_deref(),
            Some(&metadata[..])
        );
    }
    assert_eq!(
        index(CacheFreshness::Offline)
            .metadata_file(&good)
            .unwrap()
            .as_deref(),
        Some(&metadata[..])
    );
    assert_eq!(server.requests().len(), 1);
    assert_eq!(
        online
            .metadata_file(&artifact(&server.url("/f/a-1.0.tar.gz")))
            .unwrap(),
        None
    );
    assert_eq!(
        online.metadata_file(&announced("/f/absent.whl")).unwrap(),
        None
    );
    assert!(matches!(
        online.metadata_file(&announced("/f/bad.whl")),
        Err(IndexError::Digest { .. })
    ));
    let offline = index(CacheFreshness::Offline).metadata_file(&announced("/f/other.whl"));
    assert!(matches!(offline, Err(IndexError::Offline { .. })));
}

// Files

const TAIL: u64 = 65_536;

#[test]
fn parts_of_a_file_are_fetched() {
    let whole = bytes(200_000);
    let server = Server::start(Routes::new().file("/f/a-1.0.tar.gz", whole.clone()));
    let index = at(&server);
    let file = index
        .open(&artifact(&server.url("/f/a-1.0.tar.gz")))
        .unwrap();
    assert_eq!(
        (file.size(), file.fetched(), file.check()),
        (200_000, TAIL, FileCheck::Ranges)
    );
    let check = |start: u64, end: u64, fetched: u64| {
        assert_eq!(
            file.read(start..end).unwrap(),
            whole[start as usize..end as usize],
            "{start}..{end}"
        );
        assert_eq!(file.fetched(), fetched, "{start}..{end}");
    };
    check(199_990, 200_000, TAIL);
    check(200_000 - TAIL, 200_000, TAIL);
    check(5, 5, TAIL);
    check(0, 10, TAIL + 10);
    check(200_000 - TAIL - 4, 200_000, TAIL + 14);
    let ranges: Vec<_> = server
        .requests()
        .iter()
        .map(|request| request.header("range").unwrap().to_owned())
        .collect();
    assert_eq!(ranges, ["bytes=-65536", "bytes=0-9", "bytes=134460-134463"]);
    assert_eq!(server.requests()[1].header("if-range"), Some("\"1\""));
    assert_eq!(
        server.requests()[1].header("accept-encoding"),
        Some("identity")
    );
    assert!(matches!(
        file.read(199_999..200_001),
        Err(IndexError::Range { .. })
    ));
    assert_eq!(index.traffic().file_bytes, TAIL + 14);
    assert_eq!(index.traffic().requests, 3);
}

#[test]
fn a_small_file_comes_whole_and_is_checked() {
    let whole = bytes(1000);
    let server = Server::start(Routes::new().file("/f/a-1.0.tar.gz", whole.clone()));
    let good = Artifact {
        digests: vec![sha256(&whole)],
        size: Some(1000),
        ..artifact(&server.url("/f/a-1.0.tar.gz"))
    };
    let file = at(&server).open(&good).unwrap();
    assert!(matches!(file.check(), FileCheck::Digest(_)));
    assert_eq!(file.read(0..1000).unwrap(), whole);
    assert_eq!(server.requests().len(), 1);
    let other_digest = Artifact {
        digests: vec![sha256(b"other")],
        ..good.clone()
    };
    assert!(matches!(
        at(&server).open(&other_digest),
        Err(IndexError::Digest { .. })
    ));
    let other_size = Artifact {
        size: Some(999),
        ..good
    };
    assert!(matches!(
        at(&server).open(&other_size),
        Err(IndexError::Size {
            expected: 999,
            found: 1000,
            ..
        })
    ));
    let missing = at(&server)
        .open(&artifact(&server.url("/absent.whl")))
        .err()
        .unwrap();
    assert!(missing.is_not_found(), "{missing}");
}

#[test]
fn a_server_that_ignores_ranges_is_asked_once() {
    let whole = bytes(200_000);
    let reply = Reply::bytes("application/gzip", whole.clone());
    let server = Server::start(Routes::new().reply("/f/a-1.0.tar.gz", reply));
    let good = Artifact {
        digests: vec![sha256(&whole)],
        ..artifact(&server.url("/f/a-1.0.tar.gz"))
    };
    let cache = tempfile::tempdir().unwrap();
    let index = |memory: u64, file: u64, cache: Option<&Path>| {
        let mut settings = settings(PackageSources::default());
        settings.limits = SizeLimits {
            memory,
            file,
            ..SizeLimits::default()
        };
        settings.cache = cache.map(Path::to_owned);
        open(settings)
    };
    for limit in [1 << 20, 1000] {
        let before = server.requests().len();
        let file = index(limit, 1 << 20, Some(cache.path()))
            .open(&good)
            .unwrap();
        assert!(matches!(file.check(), FileCheck::Digest(_)));
        assert_eq!(
            file.read(100_000..100_010).unwrap(),
            whole[100_000..100_010]
        );
        assert_eq!(file.read(0..200_000).unwrap(), whole);
        assert_eq!((file.size(), file.fetched()), (200_000, 200_000));
        assert_eq!(server.requests().len(), before + 1);
    }
    let left = walkdir::WalkDir::new(cache.path())
        .into_iter()
        .flatten()
        .filter(|entry| entry.path().is_file())
        .count();
    assert_eq!(left, 0, "temporary files are removed");
    assert!(matches!(
        index(1000, 1 << 20, None).open(&good),
        Err(IndexError::TooLarge { limit: 1000, .. })
    ));
    assert!(matches!(
        index(1000, 5000, Some(cache.path())).open(&good),
        Err(IndexError::TooLarge { limit: 5000, .. })
    ));
    let wrong = Artifact {
        digests: vec![sha256(b"other")],
        ..good
    };
    assert!(matches!(
        index(1000, 1 << 20, Some(cache.path())).open(&wrong),
        Err(IndexError::Digest { .. })
    ));
}

#[test]
fn a_server_without_suffix_ranges_is_asked_for_the_size() {
    let whole = bytes(200_000);
    let shared = whole.clone();
    let server = Server::start(Routes::new().route("/f/a-1.0.tar.gz", move |request, _| {
        match request.header("range") {
            Some(range) if range.starts_with("bytes=-") => Reply::status(416),
            _ => ranged(request, &shared, "\"1\""),
        }
    }));
    let file = at(&server)
        .open(&artifact(&server.url("/f/a-1.0.tar.gz")))
        .unwrap();
    assert_eq!((file.size(), file.fetched()), (200_000, TAIL));
    assert_eq!(file.read(0..10).unwrap(), whole[..10]);
    let methods: Vec<_> = server
        .requests()
        .into_iter()
        .map(|request| request.method)
        .collect();
    assert_eq!(methods, ["GET", "HEAD", "GET", "GET"]);
}

#[test]
fn an_empty_file_is_opened() {
    let server = Server::start(Routes::new().file("/f/a-1.0.tar.gz", ""));
    let file = at(&server)
        .open(&artifact(&server.url("/f/a-1.0.tar.gz")))
        .unwrap();
    assert_eq!((file.size(), file.read(0..0).unwrap().len()), (0, 0));
}

#[test]
fn a_file_that_changes_is_an_error() {
    let check = |second: Vec<u8>, etag: &'static str, expected: &str| {
        let server = Server::start(Routes::new().route(
            "/f/a-1.0.tar.gz",
            move |request, before| match before {
                0 => ranged(request, &bytes(200_000), "\"1\""),
                _ => ranged(request, &second, etag),
            },
        ));
        let file = at(&server)
            .open(&artifact(&server.url("/f/a-1.0.tar.gz")))
            .unwrap();
        let error = file.read(0..10).unwrap_err();
        assert!(matches!(error, IndexError::Changed { .. }), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    check(bytes(200_000), "\"2\"", "\"1\", then \"2\"");
    check(bytes(200_001), "\"1\"", "200000 bytes, then 200001 bytes");
}

#[test]
fn an_answer_to_another_range_is_an_error() {
    let server = Server::start(Routes::new().route("/f/a-1.0.tar.gz", |request, before| {
        match before {
            0 => ranged(request, &bytes(200_000), "\"1\""),
            _ => ranged(request, &bytes(200_000), "\"1\"")
                .replace_header("Content-Range", "bytes 10-19/200000"),
        }
    }));
    let file = at(&server)
        .open(&artifact(&server.url("/f/a-1.0.tar.gz")))
        .unwrap();
    let error = file.read(0..10).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("asked for bytes=0-9, found bytes 10-19/200000"),
        "{error}"
    );
}

#[test]
fn half_a_range_is_asked_for_again() {
    let whole = bytes(200_000);
    let server = Server::start(Routes::new().route("/f/a-1.0.tar.gz", {
        let whole = whole.clone();
        move |request, before| {
            let reply = ranged(request, &whole, "\"1\"");
            if before % 2 == 0 { reply.half() } else { reply }
        }
    }));
    let file = at(&server)
        .open(&artifact(&server.url("/f/a-1.0.tar.gz")))
        .unwrap();
    assert_eq!(file.read(0..1000).unwrap(), whole[..1000]);
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn offline_opens_no_remote_file() {
    let mut settings = settings(PackageSources::default());
    settings.freshness = CacheFreshness::Offline;
    let error = open(settings)
        .open(&artifact("https://host.invalid/a-1.0.tar.gz"))
        .err()
        .unwrap();
    assert!(matches!(error, IndexError::Offline { .. }));
}

// Threads

#[derive(Default)]
struct Diary {
    events: Mutex<Vec<FetchEvent>>,
}

impl FetchObserver for Diary {
    fn event(&self, event: FetchEvent) {
        self.events.lock().unwrap().push(event);
    }
}

#[test]
fn a_listing_is_fetched_once_whoever_asks() {
    let server = Server::start(
        Routes::new()
            .page("/simple/a/", PAGE)
            .page("/simple/b/", PAGE),
    );
    let diary = Arc::new(Diary::default());
    let index = Arc::new(
        PackageIndex::new(settings(sources(&server.url("/simple/"))), diary.clone()).unwrap(),
    );
    for project in ["a", "b", "a"] {
        let ahead = Arc::clone(&index);
        index.prefetch(move || drop(ahead.listing(&name(project))));
    }
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| index.listing(&name("a")).unwrap());
        }
    });
    index.listing(&name("b")).unwrap();
    assert_eq!(server.requests().len(), 2);
    let events = diary.events.lock().unwrap();
    assert_eq!(
        events
            .iter()
            .filter(|event| **event == FetchEvent::Started(FetchSubject::Listing(name("a"))))
            .count(),
        1
    );
    assert_eq!(
        events
            .iter()
            .filter(|event| **event == FetchEvent::Finished(FetchSubject::Listing(name("b"))))
            .count(),
        1
    );
}

#[test]
fn no_more_requests_at_a_time_than_allowed() {
    let running = Arc::new(Mutex::new((0, 0)));
    let routes = {
        let running = Arc::clone(&running);
        Routes::new().route("/f/a-1.0.tar.gz", move |request, _| {
            {
                let mut running = running.lock().unwrap();
                running.0 += 1;
                running.1 = running.1.max(running.0);
            }
            std::thread::sleep(Duration::from_millis(20));
            running.lock().unwrap().0 -= 1;
            ranged(request, &bytes(10), "\"1\"")
        })
    };
    let server = Server::start(routes);
    let mut settings = settings(PackageSources::default());
    settings.concurrency = 2;
    let index = open(settings);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                index
                    .open(&artifact(&server.url("/f/a-1.0.tar.gz")))
                    .unwrap()
            });
        }
    });
    assert_eq!(running.lock().unwrap().1, 2);
}

#[test]
fn a_body_is_read_only_as_far_as_allowed() {
    struct Endless;
    impl RequestTransport for Endless {
        fn send(&self, _request: &HttpRequest) -> Result<HttpResponse, TransportError> {
            let body = Box::new(std::io::repeat(b' ').take(1 << 40));
            Ok(HttpResponse {
                status: ::http::StatusCode::OK,
                headers: ::http::HeaderMap::new(),
                body,
            })
        }
    }
    let mut settings = settings(PackageSources::default());
    settings.limits.page = 1 << 20;
    let index =
        PackageIndex::with_transport(settings, Arc::new(Endless), Arc::new(NoFetchObserver))
            .unwrap();
    assert!(matches!(
        index.listing(&name("a")),
        Err(IndexError::TooLarge {
            limit: 1_048_576,
            ..
        })
    ));
}
