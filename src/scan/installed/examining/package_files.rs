//! The files of one installed package, as those that lie beside each other, for modules that need their siblings.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::archive::beside::{self, LibraryNameLookup, OnDisk};
use crate::examine::BinaryError;
use crate::installed::{ContainerImage, InstalledFile};
use crate::model::problem::{Problem, ProblemKind};

use super::super::super::siblings::{DistributionFiles, OpenedFile};
use super::super::InstalledPackage;
use super::InstalledExaminer;

/// The only library of this name that lies beside files of the package.
fn library_beside(
    part: &InstalledPackage,
    name: &str,
    image: Option<&ContainerImage>,
) -> Option<InstalledFile> {
    let names: &dyn LibraryNameLookup = image.map_or(&OnDisk as &dyn LibraryNameLookup, |image| {
        image as &dyn LibraryNameLookup
    });
    let mut folders: Vec<&Path> = part
        .files
        .iter()
        .filter_map(|file| file.location.parent())
        .collect();
    folders.sort_unstable();
    folders.dedup();
    let found = folders
        .into_iter()
        .filter_map(|folder| beside::library(names, &folder.join(name), name));
    let found: BTreeSet<PathBuf> = found.collect();
    let mut found = found.into_iter();
    let location = found.next().filter(|_| found.next().is_none())?;
    let size = match image {
        Some(image) => image.size(&location)?,
        None => location.metadata().ok()?.len(),
    };
    let path = location.display().to_string();
    Some(InstalledFile {
        path,
        location,
        size,
        recorded: None,
        passed_over: None,
    })
}

/// The files of a distribution, as those that lie beside each.
pub(super) struct PartBeside<'a> {
    pub(super) examiner: &'a InstalledExaminer<'a>,
    pub(super) part: &'a InstalledPackage,
    pub(super) image: Option<&'a ContainerImage>,
}

impl PartBeside<'_> {
    pub(super) fn problem(&self, place: &str, kind: ProblemKind, message: String) -> Problem {
        Problem {
            kind,
            package: Some(self.part.artifact.name.clone()),
            place: place.to_owned(),
            message,
        }
    }

    pub(super) fn read(&self, file: &InstalledFile) -> OpenedFile {
        let read = self.examiner.read_whole(file, self.image);
        read.map_err(|error| self.problem(&file.path, ProblemKind::File, error.to_string()))
    }
}

impl DistributionFiles for PartBeside<'_> {
    fn paths(&self) -> Vec<&str> {
        self.part
            .files
            .iter()
            .map(|file| file.path.as_str())
            .collect()
    }

    fn open(&self, path: &str) -> OpenedFile {
        match self.part.files.iter().find(|file| file.path == path) {
            Some(file) => self.read(file),
            None => Err(self.problem(path, ProblemKind::File, "is not listed".to_owned())),
        }
    }

    /// Libraries that nobody imports are not listed.
    fn beside(&self, name: &str) -> Option<(String, OpenedFile)> {
        let file = library_beside(self.part, name, self.image)?;
        let opened = self.read(&file);
        Some((file.path, opened))
    }

    fn broken(&self, path: &str, error: &BinaryError) -> Problem {
        self.problem(path, ProblemKind::Binary, error.to_string())
    }
}
