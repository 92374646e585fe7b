//! Finds the environments in a container: virtual environments, conda prefixes, and what the system's own Pythons have.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::archive::limits::ArchiveLimits;
use crate::model::target::{Architecture, Platform, Python};

use super::python::{StatedPython, of_folder};
use super::tree::{EntryKind, FileTree};
use super::{InstalledEnvironment, InstalledError, conda, layout, listing};

/// How deep folders are followed.
const DEPTH: usize = 64;
/// Folders of a running system, which hold no files.
const NOT_FILES: [&str; 3] = ["proc", "sys", "dev"];
/// Folders in which the program is that loads others.
const LOADERS: [&str; 4] = ["lib", "lib64", "usr/lib", "usr/lib64"];

/// What was found on the way.
#[derive(Default)]
struct EnvironmentSearch {
    environments: Vec<InstalledEnvironment>,
    /// Folders of modules that belong to no environment of their own, by Python and by the folder's name: one Python of the
    /// system has some in `/usr` and some in `/usr/local`.
    sites: BTreeMap<(Option<Python>, String), Vec<PathBuf>>,
    problems: Vec<crate::model::problem::Problem>,
}

/// Every environment below the root of a tree.
pub(super) fn environments(
    tree: &FileTree,
    shown: &str,
    limits: &ArchiveLimits,
) -> Result<Vec<InstalledEnvironment>, InstalledError> {
    let mut search = EnvironmentSearch::default();
    search.walk(tree, shown, limits)?;
    let EnvironmentSearch {
        mut environments,
        sites,
        mut problems,
    } = search;
    for ((python, _), mut folders) in sites {
        folders.sort();
        let first = folders
            .first()
            .map(|folder| below(tree, folder))
            .unwrap_or_default();
        let told = StatedPython {
            python,
            ..StatedPython::default()
        };
        let name = format!("{shown}: {first}");
        environments.push(InstalledEnvironment {
            sites: folders,
            told,
            ..InstalledEnvironment::empty(&name, tree.clone())
        });
    }
    if environments.is_empty() {
        return Err(InstalledError::Nothing {
            place: shown.to_owned(),
            looked_for: layout::LOOKED_FOR.to_owned(),
        });
    }
    let platform = platform(tree);
    for environment in &mut environments {
        environment.told.platform = environment.told.platform.or(platform);
        environment.search = Some(shown.to_owned());
        environment.problems.append(&mut problems);
    }
    Ok(environments)
}

impl EnvironmentSearch {
    fn walk(
        &mut self,
        tree: &FileTree,
        shown: &str,
        limits: &ArchiveLimits,
    ) -> Result<(), InstalledError> {
        let mut left = vec![(tree.root().to_path_buf(), 0)];
        let mut seen = 0;
        while let Some((folder, depth)) = left.pop() {
            let entries = match tree.entries_of_real(&folder) {
                Ok(entries) => entries,
                Err(error) if depth == 0 => {
                    return Err(InstalledError::Unreadable {
                        place: shown.to_owned(),
                        message: error.to_string(),
                    });
                }
                // Folders that only the container's user may read are common, and environments in them are not.
                Err(error) => {
                    self.problems
                        .push(listing::problem(&folder, error.to_string()));
                    continue;
                }
            };
            seen += entries.len();
            if seen > limits.searched {
                let message = format!(
                    "more than {} names in it, the limit; the rest was not searched",
                    limits.searched
                );
                self.problems.push(listing::problem(tree.root(), message));
                break;
            }
            let has = |name: &str| entries.iter().any(|entry| entry.name == name);
            let name = format!("{shown}: {}", below(tree, &folder));
            if has("pyvenv.cfg") {
                self.environments
                    .push(layout::virtual_environment(tree, &folder, &name));
                continue;
            }
            let is_conda = has(conda::FOLDER);
            if is_conda {
                self.environments
                    .push(layout::conda_prefix(tree, &folder, &name, limits));
            }
            for entry in entries
                .iter()
                .filter(|entry| entry.kind == EntryKind::Folder)
            {
                let path = folder.join(&entry.name);
                // The other environments of a conda installation are all in one folder of it.
                let is_passed_by = (is_conda && entry.name != "envs")
                    || (depth == 0 && NOT_FILES.contains(&entry.name.as_str()));
                match layout::SITES.contains(&entry.name.as_str()) {
                    _ if is_passed_by => {}
                    true => self
                        .sites
                        .entry((python_of(tree, &path), entry.name.clone()))
                        .or_default()
                        .push(path),
                    false if depth < DEPTH => left.push((path, depth + 1)),
                    false => self.problems.push(listing::problem(
                        &path,
                        format!("lies more than {DEPTH} folders deep"),
                    )),
                }
            }
        }
        Ok(())
    }
}

/// The Python of a folder of modules: the folder above is named so, or, as in Debian, one beside it alone is.
fn python_of(tree: &FileTree, site: &Path) -> Option<Python> {
    let above = site.parent()?;
    let name = above.file_name()?.to_str()?;
    if let Some(python) = of_folder(name) {
        return Some(python);
    }
    if name != "python3" {
        return None;
    }
    let beside = tree.names(above.parent()?).ok()?;
    let mut pythons = beside.iter().filter_map(|name| of_folder(name));
    pythons.next().filter(|_| pythons.next().is_none())
}

/// A path as it is called inside of the container.
fn below(tree: &FileTree, path: &Path) -> String {
    let inside = path.strip_prefix(tree.root()).unwrap_or(path);
    format!("/{}", inside.display())
}

/// The platform, told by the name of the program that loads others; `None` when there are programs for several.
fn platform(tree: &FileTree) -> Option<Platform> {
    let names = LOADERS
        .iter()
        .flat_map(|folder| tree.names(&tree.root().join(folder)).unwrap_or_default());
    let mut found: Vec<Platform> = names.filter_map(|name| loader(&name)).collect();
    if let FileTree::Image(image) = tree
        && let Some(architecture) = image.architecture()
    {
        found.retain(|platform| platform.architecture == architecture);
    }
    found.dedup();
    // A system of musl may have glibc beside it, and the reverse.
    found.first().copied().filter(|_| found.len() == 1)
}

/// `ld-linux-x86-64.so.2`, `ld-musl-aarch64.so.1`.
fn loader(name: &str) -> Option<Platform> {
    let (system, rest) = match name.strip_prefix("ld-linux-") {
        Some(rest) => ("linux", rest),
        None => ("musllinux", name.strip_prefix("ld-musl-")?),
    };
    let architecture: Architecture = match rest.split('.').next()? {
        "x86-64" | "x86_64" => Architecture::X86_64,
        "aarch64" => Architecture::Aarch64,
        _ => return None,
    };
    let word = if architecture == Architecture::X86_64 {
        "x86_64"
    } else {
        "aarch64"
    };
    format!("{system}-{word}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loaders_tell_platforms() {
        for (name, expected) in [
            ("ld-linux-x86-64.so.2", Some("linux-x86_64")),
            ("ld-linux-aarch64.so.1", Some("linux-aarch64")),
            ("ld-musl-x86_64.so.1", Some("musllinux-x86_64")),
            ("ld-linux.so.2", None),
            ("ld-linux-armhf.so.3", None),
        ] {
            assert_eq!(
                loader(name).map(|platform| platform.to_string()).as_deref(),
                expected,
                "{name}"
            );
        }
    }
}
