//! A container image without a container: what its layers come to, one laid over the other.
//!
//! Layers are streams, so the image is read twice: once for the tree of names and for the small files that describe what
//! is installed, and once more for the compiled files that turned out to matter. Nothing is unpacked to the disk.

mod manifest;
mod tree;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::archive::beside::LibraryNameLookup;
use crate::archive::blobs::{BlobError, ImageFiles};
use crate::archive::limits::ArchiveLimits;
use crate::archive::tarball::TarEntry;
use crate::model::problem::Problem;
use crate::model::target::Architecture;

use super::InstalledError;
use super::links::real_below;
use manifest::ImageManifest;
use tree::{LayerOverlay, TreeItem};

pub(super) use tree::FoundItem;

/// One image: its tree, and where the bytes are.
#[derive(Debug)]
pub struct ContainerImage {
    blobs: ImageFiles,
    overlay: LayerOverlay,
    /// Names of the layers, the lowest first.
    layers: Vec<String>,
    /// Processor that it is for, when it is one that ungil judges.
    architecture: Option<Architecture>,
    /// The archive or folder; with the image's name where there are several.
    place: PathBuf,
}

/// What to do with a file's bytes; they need not be read to the end.
pub type TakeFile<'a> = dyn FnMut(&Path, &mut dyn Read) + 'a;

/// Every image of an archive or a folder, with the name that tells it from the others.
pub(super) fn open(
    path: &Path,
    shown: &str,
    limits: &ArchiveLimits,
) -> Result<Vec<(ContainerImage, String, Vec<Problem>)>, InstalledError> {
    let unreadable = |error: BlobError| InstalledError::Image {
        place: shown.to_owned(),
        message: error.to_string(),
    };
    let blobs = ImageFiles::open(path, limits).map_err(unreadable)?;
    let manifests = manifest::read(&blobs, limits).map_err(|message| InstalledError::Image {
        place: shown.to_owned(),
        message,
    })?;
    let is_one = manifests.len() == 1;
    let mut images = Vec::new();
    for ImageManifest {
        name,
        layers,
        architecture,
    } in manifests
    {
        let (place, name) = match name {
            Some(name) if !is_one => (path.join(format!("[{name}]")), format!("{shown}[{name}]")),
            _ => (path.to_path_buf(), shown.to_owned()),
        };
        // All images of one archive share what may be unpacked.
        let blobs = blobs.clone();
        let mut overlay = LayerOverlay::default();
        for (number, layer) in layers.iter().enumerate() {
            overlay.begin_layer(number);
            let mut lay =
                |entry: &TarEntry, bytes: &mut dyn Read| -> Result<ControlFlow<()>, BlobError> {
                    overlay.take(entry, bytes, limits);
                    Ok(ControlFlow::Continue(()))
                };
            blobs.layer(layer, limits, &mut lay).map_err(unreadable)?;
        }
        let problems = overlay.end();
        images.push((
            ContainerImage {
                blobs,
                overlay,
                layers,
                architecture,
                place,
            },
            name,
            problems,
        ));
    }
    Ok(images)
}

impl ContainerImage {
    /// Processor that it is for, when it is one that ungil judges.
    pub(super) fn architecture(&self) -> Option<Architecture> {
        self.architecture
    }

    /// A path in the image as a path below the image itself, which no other file has.
    pub fn place(&self, path: &Path) -> PathBuf {
        self.place.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The tree of names.
    pub(super) fn overlay(&self) -> &LayerOverlay {
        &self.overlay
    }

    /// The path, with every link in it followed.
    pub(super) fn real(&self, path: &Path) -> io::Result<PathBuf> {
        real_below(
            Path::new("/"),
            path,
            &|path| match self.overlay.find(path)? {
                FoundItem::Link(target) => Ok(Some(PathBuf::from(target))),
                FoundItem::Folder | FoundItem::File(_) => Ok(None),
            },
        )
    }

    /// Size in bytes of a file at a real path.
    pub fn size(&self, path: &Path) -> Option<u64> {
        match self.overlay.find(path) {
            Ok(FoundItem::File(size)) => Some(size),
            Ok(FoundItem::Folder | FoundItem::Link(_)) | Err(_) => None,
        }
    }

    /// Hands over the bytes of these files, which are real paths in the image, in the order of the layers. What cannot be
    /// read comes back, with why.
    pub fn read_each(
        &self,
        wanted: &[PathBuf],
        limits: &ArchiveLimits,
        take: &mut TakeFile<'_>,
    ) -> Vec<(PathBuf, String)> {
        let mut unread = Vec::new();
        let mut by_layer: BTreeMap<usize, BTreeMap<usize, Vec<&Path>>> = BTreeMap::new();
        for path in wanted {
            match self.overlay.item(path) {
                Some(TreeItem::Packed { layer, entry, .. }) => {
                    by_layer
                        .entry(*layer)
                        .or_default()
                        .entry(*entry)
                        .or_default()
                        .push(path);
                }
                _ => unread.push((path.clone(), "is not in the image".to_owned())),
            }
        }
        for (number, mut entries) in by_layer {
            let Some(layer) = self.layers.get(number) else {
                continue;
            };
            let mut met = 0;
            let mut visit =
                |_: &TarEntry, bytes: &mut dyn Read| -> Result<ControlFlow<()>, BlobError> {
                    if let Some(paths) = entries.remove(&met) {
                        unread.extend(hand_over(&paths, bytes, limits, take));
                    }
                    met += 1;
                    Ok(if entries.is_empty() {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    })
                };
            let end = self.blobs.layer(layer, limits, &mut visit);
            let why = end.err().map_or_else(
                || format!("{layer} has it no more"),
                |error| error.to_string(),
            );
            unread.extend(
                entries
                    .into_values()
                    .flatten()
                    .map(|path| (path.to_path_buf(), why.clone())),
            );
        }
        unread
    }
}

impl LibraryNameLookup for ContainerImage {
    fn file(&self, path: &Path) -> Option<PathBuf> {
        let real = self.real(path).ok()?;
        self.size(&real).map(|_| real)
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        self.overlay.names(folder).unwrap_or_default()
    }
}

/// Hands over one file, which may have several names.
fn hand_over(
    paths: &[&Path],
    bytes: &mut dyn Read,
    limits: &ArchiveLimits,
    take: &mut TakeFile<'_>,
) -> Vec<(PathBuf, String)> {
    if let [path] = paths {
        take(path, bytes);
        return Vec::new();
    }
    let mut whole = Vec::new();
    match bytes.take(limits.member_bytes).read_to_end(&mut whole) {
        Ok(_) => {
            for path in paths {
                take(path, &mut whole.as_slice());
            }
            Vec::new()
        }
        Err(error) => paths
            .iter()
            .map(|path| (path.to_path_buf(), error.to_string()))
            .collect(),
    }
}
