//! From a path to a module's name and place.

use crate::cpython::file_name::{ExtensionFileName, ExtensionSuffix, FileTag, PACKAGE};
use crate::cpython::platform::NamedPlatform;

/// Where the import system looks for a module: its folder, and the last component of its name. Of two packages that start at
/// folders with a dot, the dotted names may be the same and the places are not.
pub(super) type ModulePlace = (String, String);

/// A compiled file as the import system sees it once it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct InstalledName {
    /// Dotted name.
    pub(super) module: String,
    /// Where the import system looks for the module.
    pub(super) place: ModulePlace,
    /// The place of the module for which a debug build on Windows looks for the file.
    pub(super) debug_place: Option<ModulePlace>,
    /// File name before the suffix.
    pub(super) stem: String,
    /// The suffix, as interpreters write it.
    pub(super) suffix: String,
    /// What the suffix says.
    pub(super) tag: FileTag,
    /// What it ends in.
    pub(super) extension: ExtensionSuffix,
    /// The platform that the suffix names.
    pub(super) platform: Option<NamedPlatform>,
    /// Whether the file is a package's `__init__`.
    pub(super) is_package: bool,
}

/// Takes an artifact's path apart; `None` for a name that no importer could ask for.
pub(super) fn installed(path: &str) -> Option<InstalledName> {
    let mut folders: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let name = ExtensionFileName::parse(folders.pop()?).filter(ExtensionFileName::is_importable)?;
    let folders = laid_out(&folders);
    let is_package = name.stem == PACKAGE && !folders.is_empty();
    let last = (!is_package).then_some(name.stem);
    let module = site_folders(folders)
        .iter()
        .copied()
        .chain(last)
        .collect::<Vec<_>>()
        .join(".");
    let place = match folders.split_last() {
        Some((package, above)) if is_package => (above.join("/"), (*package).to_owned()),
        _ => (folders.join("/"), name.stem.to_owned()),
    };
    let debug_place = name
        .debug_stem()
        .map(|stem| (folders.join("/"), stem.to_owned()));
    Some(InstalledName {
        module,
        place,
        debug_place,
        stem: name.stem.to_owned(),
        platform: name.platform().cloned(),
        extension: name.extension,
        suffix: name.suffix,
        tag: name.tag,
        is_package,
    })
}

/// The folders below `site-packages`: without a wheel's `….data/platlib`.
///
/// <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-data-directory>
fn laid_out<'a, 'b>(folders: &'a [&'b str]) -> &'a [&'b str] {
    match folders {
        [data, "purelib" | "platlib", rest @ ..] if data.ends_with(".data") => rest,
        [data, "data", rest @ ..] if data.ends_with(".data") => {
            let start = rest
                .iter()
                .position(|folder| *folder == "site-packages")
                .map_or(0, |site| site + 1);
            rest.get(start..).unwrap_or_default()
        }
        folders => folders,
    }
}

/// The folders of the dotted name: from the last one on whose name has a dot, since no dotted name leads into that one.
fn site_folders<'a, 'b>(folders: &'a [&'b str]) -> &'a [&'b str] {
    let start = folders
        .iter()
        .rposition(|folder| folder.contains('.'))
        .map_or(0, |dotted| dotted + 1);
    folders.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gives_a_dotted_name() {
        let table = [
            (
                "a/b/_c.cpython-314t-x86_64-linux-gnu.so",
                "a.b._c",
                ".cpython-314t-x86_64-linux-gnu.so",
            ),
            ("a-1.0.data/platlib/a/_b.abi3.so", "a._b", ".abi3.so"),
            ("a-1.0.data/purelib/_b.so", "_b", ".so"),
            (
                "a-1.0.data/data/lib/python3.14t/site-packages/a/_b.so",
                "a._b",
                ".so",
            ),
            (
                "mypy/__init__.cpython-314t-darwin.so",
                "mypy",
                ".cpython-314t-darwin.so",
            ),
            ("__init__.so", "__init__", ".so"),
            ("a.libs/b.so", "b", ".so"),
            ("a/my-mod.abi3.so", "a.my-mod", ".abi3.so"),
            ("a/b.CP314T-WIN_AMD64.PYD", "a.b", ".cp314t-win_amd64.pyd"),
            ("//a//b.pyd", "a.b", ".pyd"),
        ];
        for (path, module, suffix) in table {
            let installed = installed(path).unwrap();
            assert_eq!(
                (installed.module.as_str(), installed.suffix.as_str()),
                (module, suffix),
                "{path}"
            );
        }
        for path in ["", "a/", "a/b", "a/.so", "a/b.so.1", "a/b.1.so"] {
            assert_eq!(installed(path), None, "{path}");
        }
    }

    #[test]
    fn a_path_gives_a_place() {
        let place = |path: &str| {
            let (folder, name) = installed(path).unwrap().place;
            format!("{folder}:{name}")
        };
        let table = [
            ("a/b.so", "a:b"),
            ("a-1.0.data/platlib/a/b.abi3.so", "a:b"),
            ("a/b/__init__.so", "a:b"),
            ("b/__init__.so", ":b"),
            ("__init__.so", ":__init__"),
            ("v.1/b.so", "v.1:b"),
            ("v.2/b.so", "v.2:b"),
        ];
        for (path, expected) in table {
            assert_eq!(place(path), expected, "{path}");
        }
    }
}
