//! What a loader binds an import of a module to: a function of a library that lies beside it.
//!
//! On Linux a dynamic linker asks the program and what it was linked with first (the interpreter, the C library), and then
//! the libraries that the module needs, breadth first, of which each is looked for in the folders that its user names
//! relative to itself. On macOS and Windows each import says which library it is of.
//! <https://man7.org/linux/man-pages/man8/ld.so.8.html>

use std::collections::VecDeque;

use super::siblings::{OpenedSibling, SiblingImage, SiblingLibraries, file_name};
use crate::binary::image::{BinaryImage, ImportedSymbol, c_library};
use crate::binary::python::{is_python, is_system_library};
use crate::evaluator;
use crate::model::facts::ImageFormat;

/// Most libraries that are looked into for one import.
const MOST_LIBRARIES: usize = 16;

/// Where a loader looks for a library.
#[derive(Clone, Debug, PartialEq, Eq)]
enum LibraryPlace {
    /// At one of these paths, relative to what the module's own path is relative to; they may begin with `..`.
    Paths(Vec<String>),
    /// In folders that are not named here: in any, when there is only one file of this name.
    Anywhere,
}

/// The libraries beside one image.
pub(super) struct LibrariesBeside<'a, 'data, 's> {
    image: &'a BinaryImage<'data>,
    path: &'a str,
    siblings: &'a SiblingLibraries<'s>,
}

impl<'a, 'data, 's> LibrariesBeside<'a, 'data, 's> {
    pub(super) fn new(
        image: &'a BinaryImage<'data>,
        path: &'a str,
        siblings: &'a SiblingLibraries<'s>,
    ) -> LibrariesBeside<'a, 'data, 's> {
        LibrariesBeside {
            image,
            path,
            siblings,
        }
    }

    /// Whether it needs a library that is neither the system's nor the interpreter's.
    pub(super) fn could_help(&self) -> bool {
        self.image
            .libraries()
            .iter()
            .any(|library| !is_system_library(file_name(library)))
    }

    /// Shows the image of a library that fits the module's, if it lies where its user looks for it.
    fn with<T>(
        &self,
        library: &str,
        user: &LibraryUser,
        see: impl FnOnce(&SiblingImage<'_>) -> T,
    ) -> Option<T> {
        let place = user.place(library, self.image.format)?;
        self.siblings.with(file_name(library), |sibling| {
            let OpenedSibling::Library(images) = sibling else {
                return None;
            };
            let fits = |it: &&SiblingImage<'_>| {
                let is_there = match &place {
                    LibraryPlace::Paths(paths) => paths.iter().any(|path| is_same(path, it.path)),
                    LibraryPlace::Anywhere => true,
                };
                is_there
                    && it.image.format == self.image.format
                    && it.image.architecture == self.image.architecture
            };
            images.iter().find(fits).map(see)
        })
    }

    /// The first library in the order of a dynamic linker that defines a symbol, and who needs it.
    fn in_scope(&self, symbol: &str) -> Option<(LibraryUser, String)> {
        let mut waiting: VecDeque<(LibraryUser, String)> = VecDeque::new();
        let mut met: Vec<String> = Vec::new();
        let add = |waiting: &mut VecDeque<_>, image: &BinaryImage<'_>, path: &str| {
            let user = LibraryUser::of(image, path);
            waiting.extend(
                image
                    .libraries()
                    .iter()
                    .map(|library| (user.clone(), library.clone())),
            );
        };
        add(&mut waiting, self.image, self.path);
        while let Some((user, library)) = waiting.pop_front() {
            if is_system_library(file_name(&library)) || met.contains(&library) {
                continue;
            }
            met.push(library.clone());
            if met.len() > MOST_LIBRARIES {
                return None;
            }
            // A library that is not there may be found elsewhere, and may define it.
            let defines = self.with(&library, &user, |it| {
                add(&mut waiting, &it.image, it.path);
                it.image.exports().contains_key(symbol)
            })?;
            if defines {
                return Some((user, library));
            }
        }
        None
    }
}

impl evaluator::ImportResolver for LibrariesBeside<'_, '_, '_> {
    fn define(&self, import: &ImportedSymbol, see: &mut dyn FnMut(&BinaryImage<'_>, u64)) {
        let found = match (&import.library, self.image.format) {
            _ if is_python(&import.name) => None,
            (None, ImageFormat::Elf) if c_library::exports(import.name.as_bytes()) => None,
            (None, ImageFormat::Elf) => self.in_scope(&import.name),
            (Some(library), _) if !is_system_library(file_name(library)) => {
                Some((LibraryUser::of(self.image, self.path), library.clone()))
            }
            (Some(_), _) | (None, ImageFormat::MachO | ImageFormat::Pe) => None,
        };
        let Some((user, library)) = found else { return };
        self.with(&library, &user, |it| {
            if let Some(&address) = it.image.exports().get(&import.name) {
                see(&it.image, address);
            }
        });
    }
}

/// Whether a path relative to what the module's is relative to may be that of a library. One that is not listed with the
/// module has an absolute path, with links followed, so that its name may be another one.
fn is_same(expected: &str, found: &str) -> bool {
    let folder = |path: &str| {
        path.rsplit_once('/')
            .map_or("", |(folder, _)| folder)
            .to_owned()
    };
    let below = folder(expected.trim_start_matches("../"));
    let found_in = folder(found);
    let is_bundle = [".libs", ".dylibs", "/lib"]
        .iter()
        .any(|kind| found_in.ends_with(kind));
    expected == found
        || (found.starts_with('/')
            && if below.is_empty() {
                !is_bundle
            } else {
                found_in.ends_with(&format!("/{below}"))
            })
}

/// Who needs a library.
#[derive(Clone, Debug)]
struct LibraryUser {
    path: String,
    search_paths: Vec<String>,
}

impl LibraryUser {
    fn of(image: &BinaryImage<'_>, path: &str) -> LibraryUser {
        LibraryUser {
            path: path.to_owned(),
            search_paths: image.search_paths().to_vec(),
        }
    }

    /// Where a loader looks for a library; `None` where that is not beside the module.
    fn place(&self, library: &str, format: ImageFormat) -> Option<LibraryPlace> {
        let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let paths: Vec<String> = match format {
            ImageFormat::Pe => return Some(LibraryPlace::Anywhere),
            ImageFormat::MachO => match library.split_once('/') {
                Some(("@loader_path", rest)) => join(folder, rest).into_iter().collect(),
                Some(("@rpath", _)) => return Some(LibraryPlace::Anywhere),
                _ => Vec::new(),
            },
            ImageFormat::Elf if library.contains('/') => Vec::new(),
            ImageFormat::Elf => {
                let own = self.search_paths.iter().filter_map(|path| {
                    path.strip_prefix("$ORIGIN")
                        .or_else(|| path.strip_prefix("${ORIGIN}"))
                });
                own.filter_map(|rest| join(folder, &format!("{rest}/{library}")))
                    .collect()
            }
        };
        (!paths.is_empty()).then_some(LibraryPlace::Paths(paths))
    }
}

/// A path below a folder, without `.` and, as far as the folder's own components go, without `..`.
fn join(folder: &str, rest: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(rest.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let is_absolute = folder.starts_with('/');
    let path = parts.join("/");
    (!path.is_empty()).then(|| {
        if is_absolute {
            format!("/{path}")
        } else {
            path
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_looked_for_where_their_user_says() {
        let user = |path: &str, search_paths: &[&str]| LibraryUser {
            path: path.to_owned(),
            search_paths: search_paths.iter().map(|path| (*path).to_owned()).collect(),
        };
        let at = |path: &str| Some(LibraryPlace::Paths(vec![path.to_owned()]));
        let cases = [
            (
                user("p/m.so", &["$ORIGIN/../p.libs"]),
                "libx.so.1",
                ImageFormat::Elf,
                at("p.libs/libx.so.1"),
            ),
            (
                user("m.so", &["${ORIGIN}/../../q"]),
                "libx.so",
                ImageFormat::Elf,
                at("../../q/libx.so"),
            ),
            (
                user("m.so", &["$ORIGIN"]),
                "libx.so",
                ImageFormat::Elf,
                at("libx.so"),
            ),
            (user("p/m.so", &[]), "libx.so", ImageFormat::Elf, None),
            (
                user("p/m.so", &["/usr/lib"]),
                "libx.so",
                ImageFormat::Elf,
                None,
            ),
            (
                user("p/m.so", &["$ORIGIN"]),
                "/usr/lib/libx.so",
                ImageFormat::Elf,
                None,
            ),
            (
                user("p/m.so", &[]),
                "@loader_path/../p.dylibs/libx.dylib",
                ImageFormat::MachO,
                at("p.dylibs/libx.dylib"),
            ),
            (
                user("p/m.so", &[]),
                "@rpath/libx.dylib",
                ImageFormat::MachO,
                Some(LibraryPlace::Anywhere),
            ),
            (
                user("p/m.so", &[]),
                "/usr/local/lib/libx.dylib",
                ImageFormat::MachO,
                None,
            ),
            (
                user("p/m.pyd", &[]),
                "x-0a1b.dll",
                ImageFormat::Pe,
                Some(LibraryPlace::Anywhere),
            ),
        ];
        for (user, library, format, expected) in cases {
            assert_eq!(user.place(library, format), expected, "{user:?} {library}");
        }
    }
}
