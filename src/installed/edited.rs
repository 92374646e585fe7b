//! The compiled files of distributions that are edited in place: they lie where `.pth` files and finders lead.

use std::path::{Path, PathBuf};

use crate::archive::limits::ArchiveLimits;
use crate::lexical::normalised;
use crate::model::problem::Problem;

use super::InstalledDistribution;
use super::editable;
use super::listing::{self, installed, problem};
use super::tree::FileTree;

/// Where the modules of a distribution that is edited in place are.
#[derive(Default)]
pub(super) struct EditableModules {
    /// Folders in which modules are looked for.
    pub(super) folders: Vec<PathBuf>,
    /// Files of code that is run at start-up.
    pub(super) code: Vec<PathBuf>,
}

impl EditableModules {
    /// Adds what is there to the distribution.
    pub(super) fn apply(
        self,
        distribution: &mut InstalledDistribution,
        tree: &FileTree,
        limits: &ArchiveLimits,
    ) {
        let finders: Vec<&PathBuf> = self
            .code
            .iter()
            .filter(|path| has_finder_name(path))
            .collect();
        if self.folders.is_empty() && finders.is_empty() && distribution.editable.is_none() {
            return;
        }
        let mut is_clear = !self.folders.is_empty();
        let mut listings: Vec<listing::FolderListing> = self
            .folders
            .iter()
            .map(|folder| listing::list(tree, folder, "", limits))
            .collect();
        for path in &self.code {
            let source = has_finder_name(path)
                .then(|| tree.read(path, limits.metadata_bytes).ok())
                .flatten();
            let Some(mapping) =
                source.and_then(|bytes| editable::mapping(&String::from_utf8_lossy(&bytes)))
            else {
                is_clear = false;
                break;
            };
            is_clear = true;
            let site = path.parent().unwrap_or(path);
            let mapped = mapping
                .iter()
                .map(|(name, place)| mapped(tree, name, &tree.path(site, place), limits));
            listings.extend(mapped);
        }
        let place = self
            .folders
            .first()
            .map(|folder| folder.display().to_string());
        let place = distribution
            .editable
            .take()
            .or(place)
            .unwrap_or_else(|| "elsewhere".to_owned());
        let package = Some(distribution.name.clone());
        for listing in listings {
            distribution
                .files
                .extend(listing.files.iter().map(|found| installed(found, None)));
            let concerns = |problem| Problem {
                package: package.clone(),
                ..problem
            };
            distribution
                .problems
                .extend(listing.problems.into_iter().map(concerns));
        }
        if !is_clear {
            let message = format!(
                "is edited in place in {place}, and code that is not run here finds its modules there"
            );
            distribution.problems.push(Problem {
                package,
                ..problem(&distribution.folder, message)
            });
        }
        distribution.editable = Some(place);
    }
}

fn has_finder_name(path: &Path) -> bool {
    path.file_stem()
        .and_then(|stem| stem.to_str())
        .is_some_and(editable::is_finder)
}

/// The compiled files of one module of a finder's table: those of a package's folder, or those beside the path.
fn mapped(
    tree: &FileTree,
    name: &str,
    path: &Path,
    limits: &ArchiveLimits,
) -> listing::FolderListing {
    let path = normalised(path);
    let dotted = name.replace('.', "/");
    if tree.has_folder(&path) {
        return listing::list(tree, &path, &format!("{dotted}/"), limits);
    }
    let (Some(folder), Some(stem)) = (
        path.parent(),
        path.file_name().and_then(|stem| stem.to_str()),
    ) else {
        return listing::FolderListing::default();
    };
    let packages = dotted
        .rsplit_once('/')
        .map_or_else(String::new, |(packages, _)| format!("{packages}/"));
    listing::named(tree, folder, stem, &packages)
}
