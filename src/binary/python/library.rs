//! Names of the interpreter's own libraries.

use crate::binary::image::BinaryImage;

/// What the name of an interpreter's library says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PythonLibrary {
    /// Minor version of CPython 3; `None` for the library of the stable ABI.
    pub(super) minor: Option<u8>,
    /// Whether it is of a free-threaded build.
    pub(super) free_threaded: bool,
}

/// The interpreter's libraries among those that an image needs.
pub(super) fn python_libraries(image: &BinaryImage<'_>) -> Vec<(String, PythonLibrary)> {
    let libraries = image.libraries().iter();
    libraries
        .filter_map(|name| Some((name.clone(), python_library(name)?)))
        .collect()
}

/// Reads `python314t.dll`, `python3.dll`, `libpython3.14t.so.1.0`, `…/PythonT.framework/Versions/3.14/PythonT`, ….
pub(super) fn python_library(path: &str) -> Option<PythonLibrary> {
    let path = path.to_ascii_lowercase();
    for (folder, free_threaded) in [
        ("python.framework/versions/3.", false),
        ("pythont.framework/versions/3.", true),
    ] {
        if let Some((before, rest)) = path.split_once(folder)
            && (before.is_empty() || before.ends_with('/'))
        {
            return Some(PythonLibrary {
                minor: Some(leading_number(rest)?.0),
                free_threaded,
            });
        }
    }
    let name = path.rsplit(['/', '\\']).next()?;
    let rest = name
        .strip_prefix("lib")
        .unwrap_or(name)
        .strip_prefix("python3")?;
    let (minor, rest) = match leading_number(rest.strip_prefix('.').unwrap_or(rest)) {
        Some((minor, rest)) => (Some(minor), rest),
        None => (None, rest),
    };
    let (free_threaded, rest) = rest
        .strip_prefix('t')
        .map_or((false, rest), |rest| (true, rest));
    let rest = rest
        .strip_prefix("_d")
        .or_else(|| rest.strip_prefix('d'))
        .unwrap_or(rest);
    let is_library = [".dll", ".so", ".dylib"]
        .iter()
        .any(|suffix| rest.starts_with(suffix));
    is_library.then_some(PythonLibrary {
        minor,
        free_threaded,
    })
}

fn leading_number(text: &str) -> Option<(u8, &str)> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_version_and_build() {
        let library = |minor, free_threaded| {
            Some(PythonLibrary {
                minor,
                free_threaded,
            })
        };
        let cases = [
            ("python314.dll", library(Some(14), false)),
            ("python314t.dll", library(Some(14), true)),
            ("PYTHON313t_d.dll", library(Some(13), true)),
            ("python3.dll", library(None, false)),
            ("python3t.dll", library(None, true)),
            ("libpython3.13.dll", library(Some(13), false)),
            ("libpython3.14t.so.1.0", library(Some(14), true)),
            ("libpython3.14.so.1.0", library(Some(14), false)),
            ("libpython3.so", library(None, false)),
            ("@rpath/libpython3.13t.dylib", library(Some(13), true)),
            (
                "/Library/Frameworks/Python.framework/Versions/3.13/Python",
                library(Some(13), false),
            ),
            (
                "/Library/Frameworks/PythonT.framework/Versions/3.14/PythonT",
                library(Some(14), true),
            ),
            ("libboost_python314.so.1.90", None),
            ("pythoncom314.dll", None),
            ("python27.dll", None),
            ("libc.so.6", None),
        ];
        for (name, expected) in cases {
            assert_eq!(python_library(name), expected, "{name}");
        }
    }
}
