//! Which file names a target's import system looks for: `importlib.machinery.EXTENSION_SUFFIXES`.

use crate::model::target::{Python, System, Target};

/// One row of the table of suffixes: `{tag}` is the interpreter's own tag, `{multiarch}` the platform's triplet.
struct SuffixRow {
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
const UNIX: &[SuffixRow] = &[
    SuffixRow {
        oldest: 0,
        free_threaded: None,
        patterns: &[".{tag}.so", ".abi3.so", ".so"],
    },
    SuffixRow {
        oldest: 14,
        free_threaded: None,
        patterns: &[".{tag}.so", ".abi3.so", ".abi3-{multiarch}.so", ".so"],
    },
    SuffixRow {
        oldest: 15,
        free_threaded: Some(false),
        patterns: &[
            ".{tag}.so",
            ".abi3-{multiarch}.so",
            ".abi3.so",
            ".abi3t-{multiarch}.so",
            ".abi3t.so",
            ".so",
        ],
    },
    SuffixRow {
        oldest: 15,
        free_threaded: Some(true),
        patterns: &[".{tag}.so", ".abi3t-{multiarch}.so", ".abi3t.so", ".so"],
    },
];

/// `Python/dynload_win.c`: the same for every version, and no suffix for the stable ABIs.
const WINDOWS: &[&str] = &[".{tag}.pyd", ".pyd"];

/// `importlib.machinery.EXTENSION_SUFFIXES` of the target, in order.
pub fn extension_suffixes(target: Target) -> Vec<String> {
    let Python {
        minor,
        free_threaded,
    } = target.python;
    let patterns = match target.platform.system {
        System::Windows => WINDOWS,
        _ => UNIX
            .iter()
            .filter(|row| {
                row.oldest <= minor && row.free_threaded.is_none_or(|build| build == free_threaded)
            })
            .max_by_key(|row| row.oldest)
            .map_or(&[][..], |row| row.patterns),
    };
    let (tag, multiarch) = tags(target);
    patterns
        .iter()
        .map(|pattern| {
            pattern
                .replace("{tag}", &tag)
                .replace("{multiarch}", &multiarch)
        })
        .collect()
}

/// The interpreter's own tag and the platform's triplet, as file names have them.
fn tags(target: Target) -> (String, String) {
    let Python {
        minor,
        free_threaded,
    } = target.python;
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
        Target {
            python: python.parse().unwrap(),
            platform: platform.parse().unwrap(),
        }
    }

    #[test]
    fn suffixes_are_those_of_the_interpreter() {
        let table: &[(&str, &str, &[&str])] = &[
            (
                "3.12",
                "linux-x86_64",
                &[".cpython-312-x86_64-linux-gnu.so", ".abi3.so", ".so"],
            ),
            (
                "3.13t",
                "linux-x86_64",
                &[".cpython-313t-x86_64-linux-gnu.so", ".abi3.so", ".so"],
            ),
            (
                "3.13t",
                "musllinux-aarch64",
                &[".cpython-313t-aarch64-linux-musl.so", ".abi3.so", ".so"],
            ),
            (
                "3.14t",
                "linux-x86_64",
                &[
                    ".cpython-314t-x86_64-linux-gnu.so",
                    ".abi3.so",
                    ".abi3-x86_64-linux-gnu.so",
                    ".so",
                ],
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
            (
                "3.15t",
                "macos-arm64",
                &[
                    ".cpython-315t-darwin.so",
                    ".abi3t-darwin.so",
                    ".abi3t.so",
                    ".so",
                ],
            ),
            ("3.15t", "windows-amd64", &[".cp315t-win_amd64.pyd", ".pyd"]),
            ("3.14t", "windows-arm64", &[".cp314t-win_arm64.pyd", ".pyd"]),
        ];
        for (python, platform, expected) in table {
            assert_eq!(
                extension_suffixes(target(python, platform)),
                *expected,
                "{python} {platform}"
            );
        }
    }
}
