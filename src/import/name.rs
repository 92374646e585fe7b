//! From a path to a module's name, and which file names an interpreter looks for.

use crate::model::target::{Python, System, Target};

/// A compiled file as the import system sees it once it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installed {
    /// Dotted name.
    pub(super) module: String,
    /// File name up to the first dot.
    pub(super) stem: String,
    /// File name from the first dot on.
    pub(super) suffix: String,
    /// Whether the file is a package's `__init__`.
    pub(super) is_package: bool,
}

/// Takes an artifact's path apart; `None` for a name that no importer could ask for.
pub(super) fn installed(path: &str) -> Option<Installed> {
    let mut folders: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let file = folders.pop()?;
    let folders = site_folders(&folders);
    let (stem, _) = file.split_once('.').filter(|(stem, _)| !stem.is_empty())?;
    let is_package = stem == "__init__" && !folders.is_empty();
    let last = (!is_package).then_some(stem);
    let module = folders.iter().copied().chain(last).collect::<Vec<_>>().join(".");
    Some(Installed { module, stem: stem.to_owned(), suffix: file[stem.len()..].to_owned(), is_package })
}

/// The folders below `site-packages`: without a wheel's `….data/platlib`, and from the last folder on whose name has a
/// dot, since no dotted name leads into that one.
///
/// <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-data-directory>
fn site_folders<'a, 'b>(folders: &'a [&'b str]) -> &'a [&'b str] {
    let folders = match folders {
        [data, "purelib" | "platlib", rest @ ..] if data.ends_with(".data") => rest,
        _ => folders,
    };
    let start = folders.iter().rposition(|folder| folder.contains('.')).map_or(0, |dotted| dotted + 1);
    folders.get(start..).unwrap_or_default()
}

/// One row of the table of suffixes: `{tag}` is the interpreter's own tag, `{multiarch}` the platform's triplet.
struct Suffixes {
    /// Oldest minor version that the row is for; the row with the largest one that is not too new counts.
    oldest: u8,
    /// The build that the row is for; `None` for both.
    free_threaded: Option<bool>,
    /// The suffixes in the order in which they are tried.
    patterns: &'static [&'static str],
}

/// `_PyImport_DynLoadFiletab` of `Python/dynload_shlib.c`, the version's own suffix first.
///
/// Read from interpreters for 3.13, 3.13t, 3.14 and 3.15. Inferred from PEP 803 and CPython's commit 2452324: 3.14t,
/// 3.15t, everything after 3.15, and the multiarch forms on musl and macOS.
/// <https://peps.python.org/pep-0803/#filename-tag>
const UNIX: &[Suffixes] = &[
    Suffixes { oldest: 0, free_threaded: None, patterns: &[".{tag}.so", ".abi3.so", ".so"] },
    Suffixes { oldest: 14, free_threaded: None, patterns: &[".{tag}.so", ".abi3.so", ".abi3-{multiarch}.so", ".so"] },
    Suffixes {
        oldest: 15,
        free_threaded: Some(false),
        patterns: &[".{tag}.so", ".abi3-{multiarch}.so", ".abi3.so", ".abi3t-{multiarch}.so", ".abi3t.so", ".so"],
    },
    Suffixes {
        oldest: 15,
        free_threaded: Some(true),
        patterns: &[".{tag}.so", ".abi3t-{multiarch}.so", ".abi3t.so", ".so"],
    },
];

/// `Python/dynload_win.c`: the same for every version, and no suffix for the stable ABIs.
const WINDOWS: &[&str] = &[".{tag}.pyd", ".pyd"];

/// `importlib.machinery.EXTENSION_SUFFIXES` of the target, in order.
pub(super) fn suffixes(target: Target) -> Vec<String> {
    let Python { minor, free_threaded } = target.python;
    let patterns = match target.platform.system {
        System::Windows => WINDOWS,
        _ => UNIX
            .iter()
            .filter(|row| row.oldest <= minor && row.free_threaded.is_none_or(|build| build == free_threaded))
            .max_by_key(|row| row.oldest)
            .map_or(&[][..], |row| row.patterns),
    };
    let (tag, multiarch) = tags(target);
    patterns.iter().map(|pattern| pattern.replace("{tag}", &tag).replace("{multiarch}", &multiarch)).collect()
}

/// The interpreter's own tag and the platform's triplet, as file names have them.
fn tags(target: Target) -> (String, String) {
    let Python { minor, free_threaded } = target.python;
    let flag = if free_threaded { "t" } else { "" };
    let architecture = target.platform.architecture.name_on(target.platform.system);
    let multiarch = match target.platform.system {
        System::Manylinux(..) => format!("{architecture}-linux-gnu"),
        System::Musllinux(..) => format!("{architecture}-linux-musl"),
        System::Macos(..) => "darwin".to_owned(),
        System::Windows => format!("win_{architecture}"),
    };
    match target.platform.system {
        System::Windows => (format!("cp3{minor}{flag}-{multiarch}"), multiarch),
        _ => (format!("cpython-3{minor}{flag}-{multiarch}"), multiarch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(python: &str, platform: &str) -> Target {
        Target { python: python.parse().unwrap(), platform: platform.parse().unwrap() }
    }

    #[test]
    fn suffixes_are_those_of_the_interpreter() {
        let table: &[(&str, &str, &[&str])] = &[
            ("3.12", "linux-x86_64", &[".cpython-312-x86_64-linux-gnu.so", ".abi3.so", ".so"]),
            ("3.13t", "linux-x86_64", &[".cpython-313t-x86_64-linux-gnu.so", ".abi3.so", ".so"]),
            ("3.13t", "musllinux-aarch64", &[".cpython-313t-aarch64-linux-musl.so", ".abi3.so", ".so"]),
            (
                "3.14t",
                "linux-x86_64",
                &[".cpython-314t-x86_64-linux-gnu.so", ".abi3.so", ".abi3-x86_64-linux-gnu.so", ".so"],
            ),
            (
                "3.15",
                "linux-x86_64",
                &[
                    ".cpython-315-x86_64-linux-gnu.so",
                    ".abi3-x86_64-linux-gnu.so",
                    ".abi3.so",
                    ".abi3t-x86_64-linux-gnu.so",
                    ".abi3t.so",
                    ".so",
                ],
            ),
            ("3.15t", "macos-arm64", &[".cpython-315t-darwin.so", ".abi3t-darwin.so", ".abi3t.so", ".so"]),
            ("3.15t", "windows-amd64", &[".cp315t-win_amd64.pyd", ".pyd"]),
            ("3.14t", "windows-arm64", &[".cp314t-win_arm64.pyd", ".pyd"]),
        ];
        for (python, platform, expected) in table {
            assert_eq!(suffixes(target(python, platform)), *expected, "{python} {platform}");
        }
    }

    #[test]
    fn a_path_gives_a_dotted_name() {
        let table = [
            ("a/b/_c.cpython-314t-x86_64-linux-gnu.so", "a.b._c", ".cpython-314t-x86_64-linux-gnu.so"),
            ("a-1.0.data/platlib/a/_b.abi3.so", "a._b", ".abi3.so"),
            ("a-1.0.data/purelib/_b.so", "_b", ".so"),
            ("mypy/__init__.cpython-314t-darwin.so", "mypy", ".cpython-314t-darwin.so"),
            ("__init__.so", "__init__", ".so"),
            ("a.libs/b.so", "b", ".so"),
            ("a.libs/c/b.so.1", "c.b", ".so.1"),
            ("//a//b.pyd", "a.b", ".pyd"),
        ];
        for (path, module, suffix) in table {
            let installed = installed(path).unwrap();
            assert_eq!((installed.module.as_str(), installed.suffix.as_str()), (module, suffix), "{path}");
        }
        for path in ["", "a/", "a/b", "a/.so"] {
            assert_eq!(installed(path).filter(|installed| installed.suffix.ends_with(".so")), None, "{path}");
        }
    }
}
