//! Distribution files of one run: each opened at most once, its metadata read at most once and kept between runs.
//!
//! This is where index and archive meet, and what the resolver knows of the world.

mod catalog;
mod opening;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::archive::limits::ArchiveLimits;
use crate::archive::source::RangeSource;
use crate::examine::ExamineDepth;
use crate::index::{PackageIndex, TailSize};
use crate::memo::OnceMap;
use crate::model::artifact::{Artifact, ArtifactKind, FileCheck};
use crate::model::digest::Algorithm;
use crate::model::facts::Fact;
use crate::model::metadata::Metadata;
use crate::model::name::{PackageName, Version, VersionSpecifiers};
use crate::model::place::Location;
use crate::model::problem::{Problem, ProblemKind};
use crate::resolve::{CatalogError, LocatedArtifact};

use super::describing;
use super::examination::{self, ExaminedExtent, FileExamination, IsEnough};
use super::examinations::ExaminationIndex;
use super::glance::ExamineOptions;
use super::memory_budget::MemoryBudget;
use super::pinned_digests::PinnedDigests;
use super::sources;

use opening::OpenedWheel;

/// Bucket of the store for what was found in files.
const EXAMINATIONS: &str = "examinations";
/// Bucket of the store for what was found in the part of a file that decided.
const GLIMPSES: &str = "glimpses";

/// Bytes that reading sources takes beside the file itself: the largest of them, and its tokens.
const SOURCES_COST: u64 = 192 << 20;

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
