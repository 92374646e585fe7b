//! Which Python and which platform an environment is for: told by names of folders, files and suffixes.

use std::collections::BTreeSet;

use crate::cpython::file_name::{CpythonBuild, ExtensionFileName};
use crate::cpython::platform::NamedPlatform;
use crate::model::target::{Platform, Python};

/// What is said of an environment's Python.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct StatedPython {
    /// Its version and build.
    pub(super) python: Option<Python>,
    /// The 14 of 3.14, where only the version is told.
    pub(super) minor: Option<u8>,
    /// Its platform.
    pub(super) platform: Option<Platform>,
}

/// What the suffixes of compiled files say, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SuffixEvidence {
    pythons: BTreeSet<Python>,
    platforms: BTreeSet<Platform>,
}

/// The Python of a folder `python3.14t`.
pub(super) fn of_folder(name: &str) -> Option<Python> {
    name.strip_prefix("python")?.parse().ok()
}

/// The minor version of a text `3.14.1`, as `pyvenv.cfg` has it.
pub(super) fn minor_of(version: &str) -> Option<u8> {
    version
        .trim()
        .strip_prefix("3.")?
        .split('.')
        .next()?
        .parse()
        .ok()
}

impl SuffixEvidence {
    /// Takes the suffix of one file into account.
    pub(super) fn add(&mut self, path: &str) {
        if let Some((python, platform)) = tags(path) {
            self.pythons.insert(python);
            self.platforms.extend(platform);
        }
    }

    /// The Python, when files speak of one alone, among those of this minor version where it is told.
    pub(super) fn python(&self, minor: Option<u8>) -> Option<Python> {
        let mut fitting = self
            .pythons
            .iter()
            .filter(|python| minor.is_none_or(|minor| minor == python.minor));
        fitting.next().copied().filter(|_| fitting.next().is_none())
    }

    /// The platform, when files speak of one alone.
    pub(super) fn platform(&self) -> Option<Platform> {
        self.platforms
            .first()
            .copied()
            .filter(|_| self.platforms.len() == 1)
    }

    /// The Pythons that files speak of, in words.
    pub(super) fn seen(&self) -> String {
        match self.pythons.len() {
            0 => "no compiled file's name speaks of one".to_owned(),
            _ => {
                let pythons: Vec<String> = self.pythons.iter().map(ToString::to_string).collect();
                format!("its compiled files are for {}", pythons.join(", "))
            }
        }
    }
}

/// What a tagged file name says: `x.cpython-314t-x86_64-linux-gnu.so`, `x.cpython-314t-darwin.so`,
/// `x.cp314t-win_amd64.pyd`.
pub(super) fn tags(path: &str) -> Option<(Python, Option<Platform>)> {
    let name = ExtensionFileName::of_path(path)?;
    let CpythonBuild {
        minor,
        free_threaded,
        ..
    } = name.build()?;
    let flag = if free_threaded { "t" } else { "" };
    let python = format!("3.{minor}{flag}").parse().ok()?;
    let word = match name.platform()? {
        NamedPlatform::Gnu(architecture) => format!("linux-{architecture}"),
        NamedPlatform::Musl(architecture) => format!("musllinux-{architecture}"),
        NamedPlatform::Windows(tag) => tag.clone(),
        // What a macOS file is for stands in the file, not in its name.
        NamedPlatform::Darwin | NamedPlatform::Other(_) => return Some((python, None)),
    };
    Some((python, word.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tagged_name_tells_python_and_platform() {
        let check = |path: &str, expected: Option<(&str, Option<&str>)>| {
            let found = tags(path)
                .map(|(python, platform)| (python.to_string(), platform.map(|it| it.to_string())));
            let expected =
                expected.map(|(python, platform)| (python.to_owned(), platform.map(str::to_owned)));
            assert_eq!(found, expected, "{path}");
        };
        check(
            "a/b.cpython-313t-x86_64-linux-gnu.so",
            Some(("3.13t", Some("linux-x86_64"))),
        );
        check(
            "b.cpython-314-aarch64-linux-musl.so",
            Some(("3.14", Some("musllinux-aarch64"))),
        );
        check("b.cpython-314t-darwin.so", Some(("3.14t", None)));
        check(
            "a/b.cp314t-win_amd64.pyd",
            Some(("3.14t", Some("windows-amd64"))),
        );
        for path in [
            "a/b.abi3.so",
            "b.so",
            "b.pyd",
            "b.cpython-27-x.so",
            "b.pypy311-pp73-x86_64-linux-gnu.so",
            "a.b/c",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn several_pythons_tell_nothing_unless_the_version_is_known() {
        let mut suffixes = SuffixEvidence::default();
        for path in [
            "a.cpython-313t-x86_64-linux-gnu.so",
            "a.cpython-312-x86_64-linux-gnu.so",
        ] {
            suffixes.add(path);
        }
        assert_eq!(suffixes.python(None), None);
        assert_eq!(
            suffixes
                .python(Some(13))
                .map(|python| python.to_string())
                .as_deref(),
            Some("3.13t")
        );
        assert_eq!(suffixes.python(Some(14)), None);
        assert_eq!(
            suffixes.platform().map(|it| it.to_string()).as_deref(),
            Some("linux-x86_64")
        );
    }

    #[test]
    fn folders_and_versions_are_read() {
        assert_eq!(
            of_folder("python3.13t")
                .map(|python| python.to_string())
                .as_deref(),
            Some("3.13t")
        );
        assert_eq!(
            of_folder("python3.13").map(|python| python.free_threaded),
            Some(false)
        );
        assert_eq!(of_folder("python3"), None);
        assert_eq!(minor_of(" 3.14.0rc1 "), Some(14));
        assert_eq!(minor_of("2.7.18"), None);
    }
}
