//! What the resolver asks of a run's distributions: lists of files, and metadata, read at most once.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::archive::{metadata, sdist};
use crate::index::TailSize;
use crate::model::artifact::{Artifact, ArtifactKind, ArtifactListing};
use crate::model::metadata::Metadata;
use crate::model::name::PackageName;
use crate::model::place::Location;
use crate::model::problem::ProblemKind;
use crate::resolve::{CatalogError, LocatedArtifact, PackageCatalog, PrefetchHint};

use super::super::location;
use super::{DistributionInner, RunDistributions, lasting_key, unreadable};

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
}

/// Metadata as the store keeps it.
#[derive(Serialize, Deserialize)]
struct KeptMetadata {
    metadata: Metadata,
    /// Bytes of the file that had to be opened for it.
    size: Option<u64>,
}

/// Bucket of the store for metadata that was read out of files.
const METADATA: &str = "read-metadata-2";
