//! Opens a run's distribution files, each at most once, on this machine or at a server.

use std::ops::Range;
use std::sync::Arc;

use crate::archive::ArchiveContents;
use crate::archive::record;
use crate::archive::source::{LocalFile, RangeSource, SourceError};
use crate::archive::wheel::WheelArchive;
use crate::index::{RemoteFile, TailSize};
use crate::model::artifact::{Artifact, FileCheck};
use crate::model::place::Location;
use crate::resolve::CatalogError;

use super::{DistributionInner, unreadable};

/// A wheel that was opened, and its size in bytes.
pub(super) struct OpenedWheel {
    pub(super) wheel: WheelArchive,
    pub(super) size: u64,
    pub(super) file: OpenedBytes,
}

impl OpenedWheel {
    pub(super) fn is_large(&self) -> bool {
        self.wheel.entries().len() > LARGE_DIRECTORY
    }
}

/// Where an opened file's bytes come from.
pub(super) enum OpenedBytes {
    /// This machine; what was computed of them.
    Local(FileCheck),
    /// A server.
    Remote(Arc<RemoteFile>),
}

impl OpenedBytes {
    pub(super) fn check(&self) -> FileCheck {
        match self {
            OpenedBytes::Local(check) => check.clone(),
            OpenedBytes::Remote(file) => file.check(),
        }
    }
}

impl DistributionInner {
    pub(super) fn sdist(&self, artifact: &Artifact) -> Result<Arc<dyn RangeSource>, CatalogError> {
        self.sdists.get(&artifact.location, || {
            Ok(Arc::from(self.source(artifact, TailSize::Usual)?.0))
        })
    }

    pub(super) fn wheel(
        &self,
        artifact: &Artifact,
        tail: TailSize,
    ) -> Result<Arc<OpenedWheel>, CatalogError> {
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

/// Members from which on a wheel's directory is not kept once it was looked into.
const LARGE_DIRECTORY: usize = 5_000;
