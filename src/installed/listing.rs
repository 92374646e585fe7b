//! The compiled files of a folder in which modules are looked for, whoever owns them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::archive::candidates::{ModuleCandidate, is_out_of_reach};
use crate::archive::limits::ArchiveLimits;
use crate::cpython::file_name::{ExtensionFileName, PACKAGE, PACKAGE_FILES, lone_file};
use crate::model::digest::Digest;
use crate::model::passed_over::WhyPassedOver;
use crate::model::problem::{Problem, ProblemKind};

use super::InstalledFile;
use super::tree::{EntryKind, FileTree, FolderEntry, TreeNode};

/// How deep folders are followed.
const DEPTH: usize = 64;

/// A compiled file that an import system could load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundExtension {
    /// Path below the folder in which modules are looked for, with forward slashes.
    pub(super) path: String,
    /// The same on disk, as it was reached.
    pub(super) lexical: PathBuf,
    /// Where its bytes are.
    pub(super) location: PathBuf,
    /// Size in bytes.
    pub(super) size: u64,
    /// Why no import of its module leads to it, where none does.
    pub(super) passed_over: Option<WhyPassedOver>,
}

/// A file as others see it.
pub(super) fn installed(found: &FoundExtension, recorded: Option<Digest>) -> InstalledFile {
    let (path, location, passed_over) = (
        found.path.clone(),
        found.location.clone(),
        found.passed_over.clone(),
    );
    InstalledFile {
        path,
        location,
        size: found.size,
        recorded,
        passed_over,
    }
}

/// What a folder holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FolderListing {
    /// Compiled files, by path.
    pub(super) files: Vec<FoundExtension>,
    /// What could not be looked at.
    pub(super) problems: Vec<Problem>,
}

/// A folder that is still to be listed.
struct PendingFolder {
    lexical: PathBuf,
    /// Path below the first folder, ending in a slash unless empty.
    path: String,
    depth: usize,
}

/// Lists what can be imported from a folder, whose modules have names that start with `prefix` (`a/b/`, or nothing).
///
/// Folders whose names have a dot cannot be part of a module's name, and pip renames what it is about to remove to
/// start with `~`: neither is entered. Another environment inside is not entered either.
pub(super) fn list(
    tree: &FileTree,
    folder: &Path,
    prefix: &str,
    limits: &ArchiveLimits,
) -> FolderListing {
    let mut listing = FolderListing::default();
    let mut entered = HashSet::new();
    let mut left = vec![PendingFolder {
        lexical: folder.to_path_buf(),
        path: prefix.to_owned(),
        depth: 0,
    }];
    let mut seen = 0;
    while let Some(step) = left.pop() {
        let entries = match tree.real(&step.lexical) {
            // A link back to a folder that was entered leads in circles; a second link to one gives second names only.
            Ok(real) if !entered.insert(real.clone()) => continue,
            Ok(real) => tree.entries(&real),
            Err(error) => Err(error),
        };
        let entries = match entries {
            Ok(entries) if entries.iter().any(|entry| entry.name == "pyvenv.cfg") => continue,
            Ok(entries) => entries,
            Err(error) => {
                listing
                    .problems
                    .push(problem(&step.lexical, error.to_string()));
                continue;
            }
        };
        seen += entries.len();
        if seen > limits.members {
            let message = format!(
                "more than {} names below it, the limit; the rest was not looked at",
                limits.members
            );
            listing.problems.push(problem(folder, message));
            break;
        }
        for entry in entries {
            look(tree, &step, &entry, &mut listing, &mut left);
        }
    }
    listing
        .files
        .sort_by(|one, other| one.path.cmp(&other.path));
    listing
}

/// A compiled file by itself.
pub(super) fn one(tree: &FileTree, file: &Path) -> FolderListing {
    let mut listing = FolderListing::default();
    let folder = file.parent().unwrap_or(file).to_path_buf();
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let path = lone_file(file)
        .and_then(|path| Some(path.strip_suffix(&name)?.to_owned()))
        .unwrap_or_default();
    let step = PendingFolder {
        lexical: folder,
        path,
        depth: DEPTH,
    };
    look(
        tree,
        &step,
        &FolderEntry {
            name,
            kind: EntryKind::Other,
        },
        &mut listing,
        &mut Vec::new(),
    );
    // Whoever names it wants to know of it, whatever else lies there.
    listing
        .files
        .iter_mut()
        .for_each(|found| found.passed_over = None);
    listing
}

fn look(
    tree: &FileTree,
    step: &PendingFolder,
    entry: &FolderEntry,
    listing: &mut FolderListing,
    left: &mut Vec<PendingFolder>,
) {
    let name = &entry.name;
    let path = format!("{}{name}", step.path);
    let lexical = step.lexical.join(name);
    if !name.contains('.') {
        let is_folder = match entry.kind {
            EntryKind::Folder => true,
            EntryKind::Link => tree.has_folder(&lexical),
            EntryKind::Other => false,
        };
        if is_folder && name != "__pycache__" && !name.starts_with('~') {
            match step.depth < DEPTH {
                true => left.push(PendingFolder {
                    lexical,
                    path: format!("{path}/"),
                    depth: step.depth + 1,
                }),
                false => listing.problems.push(problem(
                    &lexical,
                    format!("lies more than {DEPTH} folders deep"),
                )),
            }
        }
        return;
    }
    let passed_over = match ModuleCandidate::of(&path) {
        Some(candidate) => hiding_package(tree, step, &candidate),
        None if is_out_of_reach(&path) => Some(WhyPassedOver::DottedName),
        None => return,
    };
    match tree.node(&lexical) {
        Ok(TreeNode::File(location, size)) => listing.files.push(FoundExtension {
            path,
            lexical,
            location,
            size,
            passed_over,
        }),
        Ok(TreeNode::Folder(_) | TreeNode::Other) => {}
        Err(error) => listing.problems.push(problem(&lexical, error.to_string())),
    }
}

/// The package beside a file that has the name of its module, and hides it.
fn hiding_package(
    tree: &FileTree,
    step: &PendingFolder,
    candidate: &ModuleCandidate,
) -> Option<WhyPassedOver> {
    let folder = step.lexical.join(&candidate.stem);
    if candidate.stem == PACKAGE || !tree.has_folder(&folder) {
        return None;
    }
    let file = PACKAGE_FILES
        .iter()
        .find(|name| tree.has_file(&folder.join(name)))?;
    Some(WhyPassedOver::BehindPackage(format!(
        "{}{}/{file}",
        step.path, candidate.stem
    )))
}

/// Something that could not be looked at, and concerns whoever it belongs to.
pub(super) fn problem(place: &Path, message: String) -> Problem {
    Problem {
        kind: ProblemKind::File,
        package: None,
        place: place.display().to_string(),
        message,
    }
}

/// The compiled files in a folder that give a module of this name, which is in these packages (`a/b/`, or nothing).
pub(super) fn named(tree: &FileTree, folder: &Path, stem: &str, packages: &str) -> FolderListing {
    let mut listing = FolderListing::default();
    let entries = tree.entries(folder).unwrap_or_else(|error| {
        listing.problems.push(problem(folder, error.to_string()));
        Vec::new()
    });
    let step = PendingFolder {
        lexical: folder.to_path_buf(),
        path: packages.to_owned(),
        depth: DEPTH,
    };
    for entry in entries
        .iter()
        .filter(|entry| ExtensionFileName::parse(&entry.name).is_some_and(|name| name.stem == stem))
    {
        look(tree, &step, entry, &mut listing, &mut Vec::new());
    }
    listing
}
