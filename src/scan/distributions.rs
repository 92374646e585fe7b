//! Distribution files of one run: each opened at most once, its metadata read at most once and kept between runs.
//!
//! This is where index and archive meet, and what the resolver knows of the world.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::archive::ArchiveContents;
use crate::archive::limits::ArchiveLimits;
use crate::archive::source::{LocalFile, RangeSource, SourceError};
use crate::archive::wheel::WheelArchive;
use crate::archive::{metadata, record, sdist};
use crate::examine::ExamineDepth;
use crate::index::{PackageIndex, RemoteFile, TailSize};
use crate::memo::OnceMap;
use crate::model::artifact::{Artifact, ArtifactKind, ArtifactListing, FileCheck};
use crate::model::digest::Algorithm;
use crate::model::facts::Fact;
use crate::model::metadata::Metadata;
use crate::model::name::{PackageName, Version, VersionSpecifiers};
use crate::model::place::Location;
use crate::model::problem::{Problem, ProblemKind};
use crate::resolve::{CatalogError, LocatedArtifact, PackageCatalog, PrefetchHint};

use super::describing;
use super::examination::{self, ExaminedExtent, FileExamination, IsEnough};
use super::examinations::ExaminationIndex;
use super::glance::ExamineOptions;
use super::location;
use super::memory_budget::MemoryBudget;
use super::pinned_digests::PinnedDigests;
use super::sources;

/// Bucket of the store for metadata that was read out of files.
const METADATA: &str = "read-metadata-2";
/// Bucket of the store for what was found in files.
const EXAMINATIONS: &str = "examinations";
/// Bucket of the store for what was found in the part of a file that decided.
const GLIMPSES: &str = "glimpses";

/// Bytes that reading sources takes beside the file itself: the largest of them, and its tokens.
const SOURCES_COST: u64 = 192 << 20;
/// Members from which on a wheel's directory is not kept once it was looked into.
const LARGE_DIRECTORY: usize = 5_000;

/// A wheel that was opened, and its size in bytes.
struct OpenedWheel {
    wheel: WheelArchive,
    size: u64,
    file: OpenedBytes,
}

impl OpenedWheel {
    fn is_large(&self) -> bool {
        self.wheel.entries().len() > LARGE_DIRECTORY
    }
}

/// Where an opened file's bytes come from.
enum OpenedBytes {
    /// This machine; what was computed of them.
    Local(FileCheck),
    /// A server.
    Remote(Arc<RemoteFile>),
}

impl OpenedBytes {
    fn check(&self) -> FileCheck {
        match self {
            OpenedBytes::Local(check) => check.clone(),
            OpenedBytes::Remote(file) => file.check(),
        }
    }
}

/// Metadata as the store keeps it.
#[derive(Serialize, Deserialize)]
struct KeptMetadata {
    metadata: Metadata,
    /// Bytes of the file that had to be opened for it.
    size: Option<u64>,
}

/// Distribution files of one run.
#[derive(Clone)]
pub(super) struct RunDistributions {
    inner: Arc<DistributionInner>,
}

struct DistributionInner {
    index: PackageIndex,
    limits: ArchiveLimits,
    /// How much of each compiled file is looked at.
    depth: ExamineDepth,
    /// What workers hold of unpacked bytes.
    memory: MemoryBudget,
    /// Digests that the input demands of files.
    pinned: PinnedDigests,
    wheels: OnceMap<Location, Result<Arc<OpenedWheel>, CatalogError>>,
    sdists: OnceMap<Location, Result<Arc<dyn RangeSource>, CatalogError>>,
    metadata: OnceMap<Location, Result<Arc<Metadata>, CatalogError>>,
    located: OnceMap<Location, Result<Arc<LocatedArtifact>, CatalogError>>,
    /// Bytes of each file that was opened, by this run or by the one that filled the cache.
    sizes: Mutex<BTreeMap<Location, u64>>,
    /// What this run found, by bucket.
    examined: Mutex<BTreeMap<(&'static str, Location), FileExamination>>,
    /// What this run knows of versions by any of their files.
    described: Mutex<BTreeMap<(PackageName, Version), Arc<Metadata>>>,
}

impl RunDistributions {
    pub(super) fn new(
        index: PackageIndex,
        limits: ArchiveLimits,
        depth: ExamineDepth,
    ) -> RunDistributions {
        let (wheels, sdists, metadata, located) = (
            OnceMap::new(),
            OnceMap::new(),
            OnceMap::new(),
            OnceMap::new(),
        );
        let (sizes, examined, described) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (pinned, memory) = (
            PinnedDigests::default(),
            MemoryBudget::new(limits.memory_bytes),
        );
        let inner = DistributionInner {
            index,
            limits,
            depth,
            memory,
            pinned,
            wheels,
            sdists,
            metadata,
            located,
            sizes,
            examined,
            described,
        };
        RunDistributions {
            inner: Arc::new(inner),
        }
    }

    /// The same, before anything was asked of it, where the input demands these digests.
    pub(super) fn held_to(mut self, pinned: PinnedDigests) -> RunDistributions {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.pinned = pinned;
        }
        self
    }

    /// The index that the files come from.
    pub(super) fn index(&self) -> &PackageIndex {
        &self.inner.index
    }

    /// Bytes of all files that were opened, by this run or by the one that filled the cache.
    pub(super) fn total_bytes(&self, examinations: &ExaminationIndex) -> u64 {
        let mut sizes = self.inner.sizes().clone();
        for (location, examination) in examinations {
            sizes.entry(location.clone()).or_insert(examination.size);
        }
        sizes.values().sum()
    }

    /// The wheels that the index has of a version, as far as it was asked for them. They may change, and so are not kept
    /// with what a file says.
    pub(super) fn release(
        &self,
        name: &PackageName,
        version: Option<&Version>,
    ) -> Fact<Vec<String>> {
        match (self.inner.index.known_listing(name), version) {
            (Some(listing), Some(version)) => {
                Fact::known(describing::release(&listing, version), Vec::new())
            }
            (None, _) => Fact::unknown("no index was asked for the other files of this version"),
            (_, None) => Fact::unknown("no version was chosen"),
        }
    }

    /// The newest version that an index has and these specifiers admit, as far as it was asked.
    pub(super) fn newest(
        &self,
        name: &PackageName,
        admitted: &VersionSpecifiers,
    ) -> Option<Version> {
        let listing = self.inner.index.known_listing(name)?;
        let files = listing.files.iter().filter(|file| file.yanked.is_none());
        let admitted = |version: &&Version| !version.any_prerelease() && admitted.contains(version);
        files
            .map(|file| &file.version)
            .filter(admitted)
            .max()
            .cloned()
    }

    /// Looks into a wheel or an sdist, or recalls what was found when the same bytes were looked into before.
    pub(super) fn examine(&self, artifact: &Artifact) -> FileExamination {
        self.inner
            .pinned
            .hold_to(artifact, self.examine_up_to(artifact, None).0)
    }

    /// Looks into a wheel, but no further than until `is_enough` says so of the modules seen so far.
    pub(super) fn examine_until(
        &self,
        artifact: &Artifact,
        is_enough: &IsEnough<'_>,
    ) -> (FileExamination, ExaminedExtent) {
        let (examination, extent) = self.examine_up_to(artifact, Some(is_enough));
        (self.inner.pinned.hold_to(artifact, examination), extent)
    }

    fn examine_up_to(
        &self,
        artifact: &Artifact,
        is_enough: Option<&IsEnough<'_>>,
    ) -> (FileExamination, ExaminedExtent) {
        if let Some(known) = self.recall(artifact, EXAMINATIONS) {
            return (known, ExaminedExtent::Whole);
        }
        if artifact.kind.is_source() {
            let examination = self.examine_sources(artifact);
            self.keep(artifact, EXAMINATIONS, &examination);
            return (examination, ExaminedExtent::Whole);
        }
        if let Some(is_enough) = is_enough
            && let Some(known) = self
                .recall(artifact, GLIMPSES)
                .filter(|known| is_enough(&known.modules))
        {
            return (known, ExaminedExtent::Part);
        }
        let (examination, extent) = match self.inner.wheel(
            artifact,
            if is_enough.is_some() {
                TailSize::Long
            } else {
                TailSize::Usual
            },
        ) {
            Ok(opened) => {
                let (package, filename) = (Some(&artifact.name), artifact.filename.as_str());
                let (depth, limits, memory) =
                    (self.inner.depth, self.inner.limits, &self.inner.memory);
                let glance = ExamineOptions {
                    package,
                    filename,
                    depth,
                    limits,
                    memory,
                };
                let part = is_enough
                    .and_then(|it| examination::of_part(&opened.wheel, glance, opened.size, it));
                let (found, extent) = match part {
                    Some(part) => (part, ExaminedExtent::Part),
                    None => (
                        examination::of_wheel(&opened.wheel, glance, opened.size),
                        ExaminedExtent::Whole,
                    ),
                };
                (
                    FileExamination {
                        check: opened.file.check(),
                        ..found
                    },
                    extent,
                )
            }
            Err(error) => (
                FileExamination::failed(problem(artifact, error)),
                ExaminedExtent::Whole,
            ),
        };
        if self
            .inner
            .wheels
            .known(&artifact.location)
            .is_some_and(|known| known.is_ok_and(|it| it.is_large()))
        {
            self.inner.wheels.forget(&artifact.location);
        }
        let bucket = if extent == ExaminedExtent::Whole {
            EXAMINATIONS
        } else {
            GLIMPSES
        };
        self.keep(artifact, bucket, &examination);
        (examination, extent)
    }

    /// Sources that cannot be read leave open what they become; that they have to be built stands all the same.
    fn examine_sources(&self, artifact: &Artifact) -> FileExamination {
        if let (ArtifactKind::SourceTree, Location::Path(folder)) =
            (&artifact.kind, &artifact.location)
        {
            return sources::examine_folder(folder, self.inner.limits);
        }
        match self.inner.sdist(artifact) {
            Ok(source) => {
                let _held = self
                    .inner
                    .memory
                    .hold(source.size().saturating_add(SOURCES_COST));
                let mut algorithms = self.inner.pinned.algorithms(artifact);
                if algorithms.is_empty() {
                    algorithms.push(Algorithm::Sha256);
                }
                sources::examine(artifact, source, &algorithms, self.inner.limits)
            }
            Err(error) => {
                let source = Fact::unknown(problem(artifact, error).message);
                FileExamination {
                    source,
                    ..FileExamination::default()
                }
            }
        }
    }

    fn recall(&self, artifact: &Artifact, bucket: &'static str) -> Option<FileExamination> {
        let known = self
            .inner
            .examined()
            .get(&(bucket, artifact.location.clone()))
            .cloned();
        known.or_else(|| {
            let bytes = self
                .inner
                .index
                .store()
                .get(bucket, &self.examination_key(artifact)?)?;
            let kept: FileExamination = serde_json::from_slice(&bytes).ok()?;
            // What an earlier run found by ranges says nothing about a digest that is to be computed.
            let counts = matches!(kept.check, FileCheck::Digest(_))
                || !self.inner.pinned.want_whole(artifact);
            counts.then_some(kept)
        })
    }

    fn keep(&self, artifact: &Artifact, bucket: &'static str, examination: &FileExamination) {
        self.inner
            .examined()
            .insert((bucket, artifact.location.clone()), examination.clone());
        // Why sources could not be read may pass, too.
        let is_read = !artifact.kind.is_source() || examination.source.value().is_some();
        let key = self
            .examination_key(artifact)
            .filter(|_| is_read && examination.is_lasting());
        if let (Some(key), Ok(bytes)) = (key, serde_json::to_vec(examination)) {
            // A cache that cannot be written costs time, nothing else.
            let _ = self.inner.index.store().put(bucket, &key, &bytes);
        }
    }

    fn examination_key(&self, artifact: &Artifact) -> Option<String> {
        let depth = self.inner.depth;
        lasting_key(artifact).map(|key| format!("{} {depth:?} {key}", env!("UNGIL_SOURCE_DIGEST")))
    }

    /// What some file of this version says of itself, when one was read already.
    pub(super) fn known_metadata(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Option<Arc<Metadata>> {
        self.inner
            .described()
            .get(&(name.clone(), version.clone()))
            .cloned()
    }
}

impl PackageCatalog for RunDistributions {
    fn listing(&self, name: &PackageName) -> Result<Arc<ArtifactListing>, CatalogError> {
        self.inner.listing(name)
    }

    fn metadata(&self, artifact: &Artifact) -> Result<Arc<Metadata>, CatalogError> {
        self.inner.metadata(artifact)
    }

    fn located(&self, location: &Location) -> Result<Arc<LocatedArtifact>, CatalogError> {
        let sdist = |artifact: &Artifact| self.inner.sdist_metadata(artifact);
        self.inner.located.get(location, || {
            location::locate(location, &sdist).map(Arc::new)
        })
    }

    fn prefetch(&self, hints: Vec<PrefetchHint>) {
        for hint in hints {
            let inner = Arc::clone(&self.inner);
            self.inner.index.prefetch(move || {
                let Ok(listing) = inner.listing(hint.name()) else {
                    return;
                };
                for artifact in hint.likely(&listing) {
                    // Whoever asks for it gets the error too.
                    let _ = inner.metadata(&artifact);
                }
            });
        }
    }
}

impl DistributionInner {
    fn sizes(&self) -> MutexGuard<'_, BTreeMap<Location, u64>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn examined(&self) -> MutexGuard<'_, BTreeMap<(&'static str, Location), FileExamination>> {
        self.examined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn described(&self) -> MutexGuard<'_, BTreeMap<(PackageName, Version), Arc<Metadata>>> {
        self.described
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn listing(&self, name: &PackageName) -> Result<Arc<ArtifactListing>, CatalogError> {
        self.index.listing(name).map_err(|error| {
            let place = name.to_string();
            match error.is_not_found() {
                true => CatalogError::Absent { place },
                false => CatalogError::Unreadable {
                    kind: error.kind(),
                    place,
                    message: error.to_string(),
                },
            }
        })
    }

    fn metadata(&self, artifact: &Artifact) -> Result<Arc<Metadata>, CatalogError> {
        let metadata = self.metadata.get(&artifact.location, || {
            self.read_metadata(artifact).map(Arc::new)
        })?;
        let key = (artifact.name.clone(), artifact.version.clone());
        self.described()
            .entry(key)
            .or_insert_with(|| Arc::clone(&metadata));
        Ok(metadata)
    }

    fn read_metadata(&self, artifact: &Artifact) -> Result<Metadata, CatalogError> {
        let key = lasting_key(artifact);
        let kept = key
            .as_ref()
            .and_then(|key| self.index.store().get(METADATA, key));
        if let Some(KeptMetadata { metadata, size }) =
            kept.and_then(|bytes| serde_json::from_slice(&bytes).ok())
        {
            self.sizes()
                .extend(size.map(|size| (artifact.location.clone(), size)));
            return Ok(metadata);
        }
        let metadata = match &artifact.kind {
            ArtifactKind::Wheel(_) => self.wheel_metadata(artifact)?,
            ArtifactKind::Sdist => self.sdist_metadata(artifact)?,
            ArtifactKind::SourceTree => location::project_metadata(&artifact.location)?,
            ArtifactKind::Installed { .. } => {
                let message = "is installed, and no index has it".to_owned();
                return Err(unreadable(
                    ProblemKind::Metadata,
                    &artifact.filename,
                    message,
                ));
            }
        };
        let kept = KeptMetadata {
            metadata,
            size: self.sizes().get(&artifact.location).copied(),
        };
        if let (Some(key), Ok(bytes)) = (key, serde_json::to_vec(&kept)) {
            let _ = self.index.store().put(METADATA, &key, &bytes);
        }
        Ok(kept.metadata)
    }

    fn wheel_metadata(&self, artifact: &Artifact) -> Result<Metadata, CatalogError> {
        let place = &artifact.filename;
        if let Some(bytes) = self
            .index
            .metadata_file(artifact)
            .map_err(|error| unreadable(error.kind(), place, error.to_string()))?
        {
            return metadata::parse(&bytes)
                .map_err(|error| unreadable(ProblemKind::Metadata, place, error.to_string()));
        }
        let opened = self.wheel(artifact, TailSize::Usual)?;
        opened
            .wheel
            .metadata()
            .map_err(|error| unreadable(error.kind(), place, error.to_string()))
    }

    fn sdist_metadata(&self, artifact: &Artifact) -> Result<Metadata, CatalogError> {
        let source = Box::new(self.sdist(artifact)?);
        let read = sdist::read(
            &artifact.filename,
            source,
            sdist::SdistDepth::Metadata,
            self.limits,
        );
        read.map(|sdist| sdist.metadata)
            .map_err(|error| unreadable(error.kind(), &artifact.filename, error.to_string()))
    }

    fn sdist(&self, artifact: &Artifact) -> Result<Arc<dyn RangeSource>, CatalogError> {
        self.sdists.get(&artifact.location, || {
            Ok(Arc::from(self.source(artifact, TailSize::Usual)?.0))
        })
    }

    fn wheel(&self, artifact: &Artifact, tail: TailSize) -> Result<Arc<OpenedWheel>, CatalogError> {
        self.wheels.get(&artifact.location, || {
            let (source, file) = self.source(artifact, tail)?;
            let size = source.size();
            let wheel = WheelArchive::open(&artifact.filename, source, self.limits)
                .map_err(|error| unreadable(error.kind(), &artifact.filename, error.to_string()))?;
            Ok(Arc::new(OpenedWheel { wheel, size, file }))
        })
    }

    fn source(
        &self,
        artifact: &Artifact,
        tail: TailSize,
    ) -> Result<(Box<dyn RangeSource>, OpenedBytes), CatalogError> {
        let failed =
            |error: SourceError| unreadable(error.kind(), &artifact.filename, error.to_string());
        let (source, file): (Box<dyn RangeSource>, _) = match &artifact.location {
            Location::Path(path) => {
                let local = LocalFile::open(path).map_err(failed)?;
                let check = self.local_check(artifact, &local).map_err(failed)?;
                (Box::new(local), OpenedBytes::Local(check))
            }
            Location::Url(_) => {
                let tail = if self.pinned.want_whole(artifact) {
                    TailSize::Whole
                } else {
                    tail
                };
                let file = self.index.open_with(artifact, tail).map_err(|error| {
                    unreadable(error.kind(), &artifact.filename, error.to_string())
                })?;
                let file = Arc::new(file);
                (
                    Box::new(RangedFile(Arc::clone(&file))),
                    OpenedBytes::Remote(file),
                )
            }
        };
        self.sizes()
            .insert(artifact.location.clone(), source.size());
        Ok((source, file))
    }

    /// A file on this machine is digested where anybody says what its digest is.
    fn local_check(
        &self,
        artifact: &Artifact,
        file: &dyn RangeSource,
    ) -> Result<FileCheck, SourceError> {
        match self.pinned.algorithms(artifact) {
            algorithms if algorithms.is_empty() => Ok(FileCheck::Ranges),
            algorithms => record::digests(file, &algorithms).map(FileCheck::Digest),
        }
    }
}

/// A file at a server as the archive wants it.
struct RangedFile(Arc<RemoteFile>);

impl RangeSource for RangedFile {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        self.0.read(range).map_err(|error| SourceError::Remote {
            kind: error.kind(),
            message: error.to_string(),
        })
    }
}

/// What names the file's bytes for ever; files on this machine may change, and are quickly read.
fn lasting_key(artifact: &Artifact) -> Option<String> {
    match &artifact.location {
        Location::Url(url) => artifact
            .digests
            .first()
            .map(|digest| format!("{digest} {url}")),
        Location::Path(_) => None,
    }
}

fn unreadable(kind: ProblemKind, place: &str, message: String) -> CatalogError {
    CatalogError::Unreadable {
        kind,
        place: place.to_owned(),
        message,
    }
}

fn problem(artifact: &Artifact, error: CatalogError) -> Problem {
    let (kind, place, message) = match error {
        CatalogError::Absent { place } => (ProblemKind::Index, place, "no such file".to_owned()),
        CatalogError::Unreadable {
            kind,
            place,
            message,
        } => (kind, place, message),
    };
    Problem {
        kind,
        package: Some(artifact.name.clone()),
        place,
        message,
    }
}
