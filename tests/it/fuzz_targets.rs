//! What is fuzzed: one function for each kind of bytes that strangers write. `fuzz/` hands them what a fuzzer makes up, and
//! `fuzzing.rs` what stands in the corpora.
//!
//! How to add one: a function here with a row in [`TARGETS`], a file of its name in `fuzz/fuzz_targets/`, a `[[bin]]` in
//! `fuzz/Cargo.toml`, and a folder of seeds in `fuzz/corpus/`. A test compares the four.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ungil::archive::ArchiveContents;
use ungil::archive::blobs::{BlobError, ImageFiles};
use ungil::archive::limits::ArchiveLimits;
use ungil::archive::metadata;
use ungil::archive::record::WheelRecord;
use ungil::archive::sdist::{self, SdistDepth};
use ungil::archive::tarball::TarEntry;
use ungil::archive::wheel::WheelArchive;
use ungil::examine;
use ungil::index::http::{HttpRequest, HttpResponse, RequestTransport, TransportError};
use ungil::index::{IndexSettings, NoFetchObserver, PackageIndex};
use ungil::input::{self, FileKind, GroupSelection, InputContext, InputFiles, TypedInput};
use ungil::model::request::PackageSources;
use ungil::report;
use ungil::rules::RuleSet;
use ungil::source::SourceReader;

/// A target by its name.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const TARGETS: [Target; 11] = [
    ("wheel", wheel),
    ("sdist", sdist_file),
    ("image_archive", image_archive),
    ("compiled", compiled),
    ("metadata", metadata_file),
    ("record", record),
    ("input", input_file),
    ("simple_page", simple_page),
    ("rules", rules),
    ("sources", sources),
    ("saved_report", saved_report),
];

/// A wheel, with all that it holds.
pub(crate) fn wheel(bytes: &[u8]) {
    let Ok(wheel) = WheelArchive::open(
        "a-1.0-cp314-cp314t-linux_x86_64.whl",
        Box::new(bytes.to_vec()),
        ArchiveLimits::default(),
    ) else {
        return;
    };
    let _ = (wheel.metadata(), wheel.wheel_file());
    let paths: Vec<&str> = wheel
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    for unpacked in wheel.read(&paths) {
        if let Ok(member) = unpacked.member {
            let _ = examine::read(&member.path, &member.bytes);
        }
    }
}

/// A source distribution, with its sources.
pub(crate) fn sdist_file(bytes: &[u8]) {
    for filename in ["a-1.0.tar.gz", "a-1.0.zip"] {
        let _ = sdist::read(
            filename,
            Box::new(bytes.to_vec()),
            SdistDepth::Everything,
            ArchiveLimits::default(),
        );
    }
}

/// A container image's archive, with each file in it as a layer.
pub(crate) fn image_archive(bytes: &[u8]) {
    let Ok(folder) = tempfile::tempdir() else {
        return;
    };
    let path = folder.path().join("image.tar");
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let Ok(blobs) = ImageFiles::open(&path, &ArchiveLimits::default()) else {
        return;
    };
    let mut visit = |_: &TarEntry, bytes: &mut dyn Read| -> Result<ControlFlow<()>, BlobError> {
        let _ = io::copy(bytes, &mut io::sink());
        Ok(ControlFlow::Continue(()))
    };
    for name in ["layer.tar", "blobs/sha256/0", "manifest.json"] {
        let _ = blobs.layer(name, &ArchiveLimits::default(), &mut visit);
    }
}

/// A compiled file in any format, with its hooks followed.
pub(crate) fn compiled(bytes: &[u8]) {
    let _ = examine::read("a/sample.cpython-314t-x86_64-linux-gnu.so", bytes);
}

/// `METADATA`, `PKG-INFO` and `WHEEL`.
pub(crate) fn metadata_file(bytes: &[u8]) {
    let _ = (
        metadata::parse(bytes),
        metadata::parse_sdist(bytes),
        metadata::parse_wheel_file(bytes),
    );
}

/// `RECORD`.
pub(crate) fn record(bytes: &[u8]) {
    let _ = WheelRecord::parse(bytes);
}

/// The file that somebody typed, and no other.
struct OneFile<'a> {
    path: PathBuf,
    content: &'a [u8],
}

impl InputFiles for OneFile<'_> {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        (path == self.path).then_some(FileKind::File)
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        if path != self.path {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(self.content.iter().take(limit).copied().collect())
    }
}

/// Names of the formats that are read, one of which the first byte chooses.
const INPUTS: [&str; 12] = [
    "requirements.txt",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pylock.toml",
    "pyproject.toml",
    "setup.cfg",
    "environment.yml",
    "conda-lock.yml",
    "bom.json",
    "constraints.txt",
];

/// Requirements, lock files and projects.
pub(crate) fn input_file(bytes: &[u8]) {
    let Some((first, content)) = bytes.split_first() else {
        return;
    };
    let name = INPUTS
        .get(usize::from(*first) % INPUTS.len())
        .copied()
        .unwrap_or_default();
    let files = OneFile {
        path: Path::new("/work").join(name),
        content,
    };
    let context = InputContext {
        current_directory: "/work".into(),
        variables: BTreeMap::new(),
        files: &files,
        standard_input: None,
        locale_encoding: None,
        selection: GroupSelection::default(),
    };
    let _ = input::read(
        &[TypedInput::Word(name.to_owned())],
        PackageSources::default(),
        &context,
    );
}

/// Answers every request with one page.
struct OnePage(Vec<u8>);

impl RequestTransport for OnePage {
    fn send(&self, _request: &HttpRequest) -> Result<HttpResponse, TransportError> {
        let body = Box::new(io::Cursor::new(self.0.clone()));
        Ok(HttpResponse {
            status: http::StatusCode::OK,
            headers: http::HeaderMap::new(),
            body,
        })
    }
}

/// A page of an index, in HTML or JSON.
pub(crate) fn simple_page(bytes: &[u8]) {
    let settings = IndexSettings::new(PackageSources::default(), SystemTime::UNIX_EPOCH);
    let transport = Arc::new(OnePage(bytes.to_vec()));
    let Ok(index) = PackageIndex::with_transport(settings, transport, Arc::new(NoFetchObserver))
    else {
        return;
    };
    if let Ok(name) = "a".parse() {
        let _ = index.listing(&name);
    }
}

/// A rule file.
pub(crate) fn rules(bytes: &[u8]) {
    let _ = RuleSet::default().load("rule.toml", bytes);
}

/// Names of sources, one of which the first byte chooses.
const SOURCES: [&str; 10] = [
    "setup.py",
    "src/lib.rs",
    "build.rs",
    "a.c",
    "a.cpp",
    "a.pyx",
    "CMakeLists.txt",
    "meson.build",
    "Cargo.lock",
    "pyproject.toml",
];

/// One file of a source distribution.
pub(crate) fn sources(bytes: &[u8]) {
    let Some((first, content)) = bytes.split_first() else {
        return;
    };
    let path = SOURCES
        .get(usize::from(*first) % SOURCES.len())
        .copied()
        .unwrap_or_default();
    let mut reader = SourceReader::default();
    if reader.meet(path) {
        reader.take(path, content);
    }
    let _ = reader.finish();
}

/// A report or a plan that an earlier run is said to have written.
pub(crate) fn saved_report(bytes: &[u8]) {
    let _ = report::read_saved("report.json", bytes);
}
