//! A folder of wheels: each version of each project that lies there is scanned, and of its wheels, for each target, the one
//! that an installer would take from that folder.
//!
//! Nothing is added to what lies there and no index is asked, so that the answer is about these files alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::installed::InstalledError;
use crate::model::artifact::{Artifact, ArtifactKind, ArtifactListing, MetadataFile};
use crate::model::lock::{Lock, LockedPackage, Pin};
use crate::model::metadata::Metadata;
use crate::model::name::{MarkerTree, PackageName, Version};
use crate::model::place::{Location, Place};
use crate::model::request::{PackageSources, Requests};
use crate::model::wheel_name::WheelName;
use crate::resolve::{CatalogError, LocatedArtifact, PackageCatalog, PrefetchHint, ResolveError};

use super::sets::SetResolver;
use super::{OriginPackages, RunDistributions};

/// Endings of source distributions that can be read.
const SDISTS: [&str; 2] = [".tar.gz", ".zip"];
/// Most files of a folder.
const MOST_FILES: usize = 200_000;

/// A folder of wheels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelFolder {
    /// As the user named it.
    shown: String,
    /// Wheels by project.
    wheels: BTreeMap<PackageName, Vec<Artifact>>,
    /// Source distributions, by name and path.
    sdists: Vec<(PackageName, PathBuf)>,
}

impl WheelFolder {
    /// Lists the wheels in a folder, and the source distributions of projects that have no wheel there.
    pub fn open(folder: &Path, shown: &str) -> Result<WheelFolder, InstalledError> {
        let place = || shown.to_owned();
        let unreadable = |error: std::io::Error| InstalledError::Unreadable {
            place: place(),
            message: error.to_string(),
        };
        let mut paths: Vec<PathBuf> = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            if paths.len() >= MOST_FILES {
                return Err(unreadable(std::io::Error::other(format!(
                    "more than {MOST_FILES} files, the limit"
                ))));
            }
            paths.push(entry.map_err(unreadable)?.path());
        }
        paths.sort();
        let mut wheelhouse = WheelFolder {
            shown: place(),
            wheels: BTreeMap::new(),
            sdists: Vec::new(),
        };
        for path in paths.iter().filter(|path| path.is_file()) {
            wheelhouse.add(path);
        }
        let WheelFolder { wheels, sdists, .. } = &mut wheelhouse;
        sdists.retain(|(name, _)| !wheels.contains_key(name));
        if wheels.is_empty() && sdists.is_empty() {
            return Err(InstalledError::Nothing {
                place: place(),
                looked_for: "files named .whl".to_owned(),
            });
        }
        Ok(wheelhouse)
    }

    fn add(&mut self, path: &Path) {
        let filename = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if let Ok(name) = filename.parse::<WheelName>() {
            let project = name.name.clone();
            self.wheels
                .entry(project)
                .or_default()
                .push(artifact(name, filename, path));
            return;
        }
        let stem = SDISTS
            .iter()
            .find_map(|ending| filename.strip_suffix(ending))
            .and_then(|stem| stem.rsplit_once('-'));
        // Other archives may lie there too.
        let stem = stem.filter(|(_, version)| version.parse::<Version>().is_ok());
        if let Some(name) = stem.and_then(|(name, _)| name.parse().ok()) {
            self.sdists.push((name, path.to_path_buf()));
        }
    }

    /// Every version that lies there, as if a lock file pinned it.
    fn lock(&self) -> Lock {
        let place = Place {
            file: self.shown.clone(),
            line: None,
            column: None,
        };
        let package = |name: &PackageName, pin| LockedPackage {
            name: name.clone(),
            pin,
            listed: Some(MarkerTree::TRUE),
            hashes: Vec::new(),
            dependencies: Vec::new(),
            place: place.clone(),
        };
        let mut packages = Vec::new();
        for (name, files) in &self.wheels {
            let versions: BTreeSet<&Version> = files.iter().map(|file| &file.version).collect();
            packages.extend(
                versions
                    .into_iter()
                    .map(|version| package(name, Pin::Version(version.clone()))),
            );
        }
        let located = |(name, path): &(PackageName, PathBuf)| {
            package(name, Pin::Location(Location::Path(path.clone())))
        };
        packages.extend(self.sdists.iter().map(located));
        Lock {
            file: self.shown.clone(),
            packages,
            ..Lock::default()
        }
    }
}

fn artifact(name: WheelName, filename: String, path: &Path) -> Artifact {
    Artifact {
        name: name.name.clone(),
        version: name.version.clone(),
        filename,
        kind: ArtifactKind::Wheel(name),
        location: Location::Path(path.to_path_buf()),
        digests: Vec::new(),
        size: None,
        requires_python: None,
        yanked: None,
        metadata_file: MetadataFile::Unannounced,
    }
}

/// What the folder has for each target.
pub(super) fn resolve(
    wheelhouse: &WheelFolder,
    sources: &PackageSources,
    sets: &SetResolver<'_>,
) -> Result<OriginPackages, ResolveError> {
    let shelf = WheelFiles {
        wheelhouse,
        distributions: sets.distributions,
    };
    let requests = Requests {
        locks: vec![wheelhouse.lock()],
        sources: sources.clone(),
        ..Requests::default()
    };
    sets.resolve_with(&shelf, &sets.settings.targets, &requests)
}

/// The files of the folder, and nothing else.
struct WheelFiles<'a> {
    wheelhouse: &'a WheelFolder,
    distributions: &'a RunDistributions,
}

impl PackageCatalog for WheelFiles<'_> {
    fn listing(&self, name: &PackageName) -> Result<Arc<ArtifactListing>, CatalogError> {
        match self.wheelhouse.wheels.get(name) {
            Some(files) => Ok(Arc::new(ArtifactListing {
                files: files.clone(),
            })),
            None => Err(CatalogError::Absent {
                place: self.wheelhouse.shown.clone(),
            }),
        }
    }

    fn metadata(&self, artifact: &Artifact) -> Result<Arc<Metadata>, CatalogError> {
        self.distributions.metadata(artifact)
    }

    fn located(&self, location: &Location) -> Result<Arc<LocatedArtifact>, CatalogError> {
        self.distributions.located(location)
    }

    fn prefetch(&self, _: Vec<PrefetchHint>) {}
}
