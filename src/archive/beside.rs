//! A library that a compiled file by itself needs: looked for where a wheel would have put it.
//!
//! A loader goes by paths that the file names (`$ORIGIN/../lib`, `@loader_path`), which all lead to some folder of the same
//! distribution; inside of a wheel every file is looked at, and here there is no list of them. So the folder of the file is
//! looked at and a few above it, up to `site-packages`, and in each `lib` and the folders into which auditwheel, delvewheel and delocate
//! copy libraries. Two files of the name decide nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Most folders that are looked at: the file's own and those above it.
const MOST_FOLDERS: usize = 4;
/// Folders above which nothing belongs to the same distribution.
const SITES: [&str; 2] = ["site-packages", "dist-packages"];

/// How names are looked up: on a disk, or in an image.
pub trait LibraryNameLookup {
    /// The real path of the file at a path; `None` when there is none.
    fn file(&self, path: &Path) -> Option<PathBuf>;

    /// The names in a folder; none when it cannot be read.
    fn names(&self, folder: &Path) -> Vec<String>;
}

/// The only library of this name that lies beside a file.
pub fn library(names: &dyn LibraryNameLookup, file: &Path, name: &str) -> Option<PathBuf> {
    let mut found = BTreeSet::new();
    for folder in file
        .ancestors()
        .skip(1)
        .take(MOST_FOLDERS)
        .filter(|folder| folder.parent().is_some())
    {
        let is_bundle =
            |name: &String| name == "lib" || name.ends_with(".libs") || name.ends_with(".dylibs");
        let bundles = names.names(folder).into_iter().filter(is_bundle);
        let folders = bundles
            .map(|bundle| folder.join(bundle))
            .chain([folder.to_path_buf()]);
        found.extend(folders.filter_map(|folder| names.file(&folder.join(name))));
        if folder
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| SITES.contains(&name))
        {
            break;
        }
    }
    let mut found = found.into_iter();
    found.next().filter(|_| found.next().is_none())
}

/// Names on this machine's disk.
pub struct OnDisk;

impl LibraryNameLookup for OnDisk {
    fn file(&self, path: &Path) -> Option<PathBuf> {
        path.canonicalize().ok().filter(|path| path.is_file())
    }

    fn names(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files by their paths.
    struct Listed(&'static [&'static str]);

    impl LibraryNameLookup for Listed {
        fn file(&self, path: &Path) -> Option<PathBuf> {
            self.0
                .iter()
                .any(|file| Path::new(file) == path)
                .then(|| path.to_path_buf())
        }

        fn names(&self, folder: &Path) -> Vec<String> {
            let below = self
                .0
                .iter()
                .filter_map(|file| Path::new(file).strip_prefix(folder).ok());
            below
                .filter_map(|path| {
                    Some(
                        path.components()
                            .next()?
                            .as_os_str()
                            .to_string_lossy()
                            .into_owned(),
                    )
                })
                .collect()
        }
    }

    #[test]
    fn a_library_is_found_beside_the_file() {
        let check = |files: &'static [&'static str], expected: Option<&str>| {
            let found = library(
                &Listed(files),
                Path::new("/s/site-packages/a/b/_c.so"),
                "libx.so.1",
            );
            assert_eq!(found.as_deref(), expected.map(Path::new), "{files:?}");
        };
        check(
            &["/s/site-packages/a/b/libx.so.1"],
            Some("/s/site-packages/a/b/libx.so.1"),
        );
        check(
            &["/s/site-packages/a/libx.so.1"],
            Some("/s/site-packages/a/libx.so.1"),
        );
        check(
            &["/s/site-packages/a.libs/libx.so.1"],
            Some("/s/site-packages/a.libs/libx.so.1"),
        );
        check(
            &["/s/site-packages/a/.dylibs/libx.so.1"],
            Some("/s/site-packages/a/.dylibs/libx.so.1"),
        );
        check(&["/s/libx.so.1"], None);
        check(&["/s/site-packages/other/libx.so.1"], None);
        check(
            &[
                "/s/site-packages/a/libx.so.1",
                "/s/site-packages/a/b/libx.so.1",
            ],
            None,
        );
    }
}
