//! The one grammar of extension modules' file names: `stem` + suffix, where the suffix is one that some interpreter's import
//! system looks for.
//!
//! ```text
//! name      = stem [ "." tag ] ( ".so" | ".pyd" )
//! tag       = "cpython-" version [ "-" platform ]        CPython on Linux and macOS   (PEP 3149)
//!           | "cp" version [ "-" platform ]              CPython on Windows
//!           | ( "abi3" | "abi3t" ) [ "-" platform ]      the stable ABIs              (PEP 384, PEP 803)
//!           | ( "pypy" | "graalpy" | … ) …               another interpreter
//! version   = "3" minor { "d" | "m" | "t" | "u" }        `d`: a debug build, `t`: the free-threaded one
//! ```
//!
//! The stem is the last component of a module's dotted name, so it is no module's where it has a dot itself. Nothing else is
//! asked of it: `import_module` takes hyphens, leading digits and spaces. On Windows the suffix may be written in any case
//! (`FileFinder._fill_cache`), and a debug build looks for `stem` + `_d` + suffix.
//!
//! <https://peps.python.org/pep-3149/>, <https://peps.python.org/pep-0803/#filename-tag>,
//! <https://github.com/python/cpython/blob/main/Python/dynload_win.c>

use std::path::Path;

use super::platform::NamedPlatform;

/// Files that make a folder a package which is no compiled module, in the order in which they are looked for. A package
/// hides every module of the same name beside it: `FileFinder.find_spec` in `Lib/importlib/_bootstrap_external.py`.
pub const PACKAGE_FILES: [&str; 2] = ["__init__.py", "__init__.pyc"];

/// The stem of the file that is a package's own module.
pub const PACKAGE: &str = "__init__";

/// A compiled file by itself as a path whose module can be told: a package's own module is named after its folder.
pub fn lone_file(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let is_package = ExtensionFileName::parse(&name).is_some_and(|name| name.stem == PACKAGE);
    let folder = path
        .parent()
        .and_then(Path::file_name)
        .filter(|_| is_package);
    Some(folder.map_or_else(
        || name.to_string(),
        |folder| format!("{}/{name}", folder.to_string_lossy()),
    ))
}

/// What a debug build on Windows puts between a module's name and the suffix.
const DEBUG_MARK: &str = "_d";

/// A file's name with a suffix that some interpreter's import system looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionFileName<'a> {
    /// What stands before the suffix.
    pub stem: &'a str,
    /// The suffix from its first dot on, in the case in which interpreters write it.
    pub suffix: String,
    /// What the suffix says.
    pub tag: FileTag,
    /// Whether it ends as files do on Windows.
    pub extension: ExtensionSuffix,
}

/// What ends an extension module's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtensionSuffix {
    /// `.so`, on Linux and macOS.
    So,
    /// `.pyd`, on Windows.
    Pyd,
}

/// The middle part of `x.TAG.so`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileTag {
    /// There is none: every interpreter of the system looks at the file.
    Plain,
    /// The stable ABI of builds with the GIL.
    Abi3(Option<NamedPlatform>),
    /// The stable ABI of both builds.
    Abi3t(Option<NamedPlatform>),
    /// One version and build of CPython.
    Cpython(CpythonBuild, Option<NamedPlatform>),
    /// Another interpreter, or a CPython that is not 3; in the name's own words.
    Other(String),
}

/// A version and build of CPython 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpythonBuild {
    /// The 14 of 3.14.
    pub minor: u8,
    /// Whether it is the free-threaded build.
    pub free_threaded: bool,
    /// Whether it is a debug build.
    pub debug: bool,
}

impl<'a> ExtensionFileName<'a> {
    /// Takes a path's last component apart; `None` for a name that no import system looks for, whatever it is asked.
    pub fn of_path(path: &'a str) -> Option<ExtensionFileName<'a>> {
        ExtensionFileName::parse(path.rsplit(['/', '\\']).next().unwrap_or(path))
    }

    /// Takes a file's name apart.
    pub fn parse(name: &'a str) -> Option<ExtensionFileName<'a>> {
        let (rest, extension) = match name.strip_suffix(".so") {
            Some(rest) => (rest, ExtensionSuffix::So),
            None => {
                let (rest, ending) = name.rsplit_once('.')?;
                (ending.eq_ignore_ascii_case("pyd")).then_some((rest, ExtensionSuffix::Pyd))?
            }
        };
        let ending = extension.text();
        let tagged = rest.rsplit_once('.').and_then(|(stem, tag)| {
            let tag = if extension == ExtensionSuffix::Pyd {
                tag.to_ascii_lowercase()
            } else {
                tag.to_owned()
            };
            Some((stem, FileTag::parse(&tag)?, format!(".{tag}{ending}")))
        });
        let (stem, tag, suffix) =
            tagged.unwrap_or_else(|| (rest, FileTag::Plain, ending.to_owned()));
        (!stem.is_empty()).then_some(ExtensionFileName {
            stem,
            suffix,
            tag,
            extension,
        })
    }

    /// Whether the stem can be the last component of a module's name.
    pub fn is_importable(&self) -> bool {
        !self.stem.contains('.')
    }

    /// The module's name for which a debug build on Windows looks for this file.
    pub fn debug_stem(&self) -> Option<&'a str> {
        let stem = self
            .stem
            .strip_suffix(DEBUG_MARK)
            .filter(|stem| !stem.is_empty())?;
        (self.extension == ExtensionSuffix::Pyd).then_some(stem)
    }

    /// The version and build of CPython that the name is for, where it is for one.
    pub fn build(&self) -> Option<CpythonBuild> {
        match &self.tag {
            FileTag::Cpython(build, _) => Some(*build),
            FileTag::Plain | FileTag::Abi3(_) | FileTag::Abi3t(_) | FileTag::Other(_) => None,
        }
    }

    /// The platform that the name is for, where it says so.
    pub fn platform(&self) -> Option<&NamedPlatform> {
        match &self.tag {
            FileTag::Cpython(_, platform) | FileTag::Abi3(platform) | FileTag::Abi3t(platform) => {
                platform.as_ref()
            }
            FileTag::Plain | FileTag::Other(_) => None,
        }
    }
}

impl ExtensionSuffix {
    /// As it is written.
    pub fn text(self) -> &'static str {
        match self {
            ExtensionSuffix::So => ".so",
            ExtensionSuffix::Pyd => ".pyd",
        }
    }
}

/// How other interpreters' tags begin.
const OTHERS: [&str; 4] = ["pypy", "graalpy", "ironpython", "jython"];

impl FileTag {
    /// The tag that this is; `None` for text that no interpreter writes.
    fn parse(tag: &str) -> Option<FileTag> {
        let (first, rest) = tag
            .split_once('-')
            .map_or((tag, None), |(first, rest)| (first, Some(rest)));
        let platform = |text: Option<&str>| text.map(NamedPlatform::parse);
        match first {
            "abi3" => return Some(FileTag::Abi3(platform(rest))),
            "abi3t" => return Some(FileTag::Abi3t(platform(rest))),
            "cpython" => {
                let (version, rest) = rest?
                    .split_once('-')
                    .map_or((rest?, None), |(it, rest)| (it, Some(rest)));
                return FileTag::of_version(tag, version, platform(rest));
            }
            _ => {}
        }
        if OTHERS.iter().any(|name| first.starts_with(name)) {
            return Some(FileTag::Other(tag.to_owned()));
        }
        FileTag::of_version(tag, first.strip_prefix("cp")?, platform(rest))
    }

    fn of_version(tag: &str, version: &str, platform: Option<NamedPlatform>) -> Option<FileTag> {
        version
            .starts_with(|first: char| first.is_ascii_digit())
            .then(|| match CpythonBuild::parse(version) {
                Some(build) => FileTag::Cpython(build, platform),
                None => FileTag::Other(tag.to_owned()),
            })
    }
}

impl CpythonBuild {
    /// `314`, `314t`, `38d`, `37m`: a version of CPython 3 and the flags of its build, as in file names and wheels' ABI tags.
    pub fn parse(version: &str) -> Option<CpythonBuild> {
        let digits = version
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(version.len());
        let (number, flags) = version.split_at_checked(digits)?;
        let minor = number.strip_prefix('3')?.parse().ok()?;
        Some(CpythonBuild {
            minor,
            free_threaded: flags.contains('t'),
            debug: flags.contains('d'),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(name: &str) -> Option<String> {
        let named = ExtensionFileName::parse(name)?;
        let platform = named
            .platform()
            .map_or_else(String::new, |platform| format!(" {platform}"));
        let words = match &named.tag {
            FileTag::Plain => "plain".to_owned(),
            FileTag::Abi3(_) => format!("abi3{platform}"),
            FileTag::Abi3t(_) => format!("abi3t{platform}"),
            FileTag::Cpython(
                CpythonBuild {
                    minor,
                    free_threaded,
                    debug,
                },
                _,
            ) => {
                let flags = [(*free_threaded, "t"), (*debug, "d")];
                let flags: String = flags
                    .iter()
                    .filter(|(is, _)| *is)
                    .map(|(_, flag)| *flag)
                    .collect();
                format!("3.{minor}{flags}{platform}")
            }
            FileTag::Other(words) => format!("other {words}"),
        };
        Some(format!("{} {words}", named.stem))
    }

    #[test]
    fn names_are_taken_apart() {
        let table = [
            (
                "_x.cpython-314t-x86_64-linux-gnu.so",
                Some("_x 3.14t x86_64-linux-gnu"),
            ),
            (
                "_x.cpython-314td-x86_64-linux-gnu.so",
                Some("_x 3.14td x86_64-linux-gnu"),
            ),
            (
                "_x.cpython-313-aarch64-linux-musl.so",
                Some("_x 3.13 aarch64-linux-musl"),
            ),
            ("_x.cpython-314t-darwin.so", Some("_x 3.14t darwin")),
            (
                "_x.cpython-37m-x86_64-linux-gnu.so",
                Some("_x 3.7 x86_64-linux-gnu"),
            ),
            ("_x.cpython-314.so", Some("_x 3.14")),
            ("_x.cp314t-win_amd64.pyd", Some("_x 3.14t win_amd64")),
            ("_x.CP314T-WIN_AMD64.PYD", Some("_x 3.14t win_amd64")),
            ("_x_d.cp314t-win_amd64.pyd", Some("_x_d 3.14t win_amd64")),
            ("_x.cp38-win32.pyd", Some("_x 3.8 win32")),
            ("_x.abi3.so", Some("_x abi3")),
            (
                "_x.abi3-x86_64-linux-gnu.so",
                Some("_x abi3 x86_64-linux-gnu"),
            ),
            ("_x.abi3t.so", Some("_x abi3t")),
            ("_x.abi3t-darwin.so", Some("_x abi3t darwin")),
            (
                "_x.pypy311-pp73-x86_64-linux-gnu.so",
                Some("_x other pypy311-pp73-x86_64-linux-gnu"),
            ),
            (
                "_x.graalpy240-311-native-x86_64-linux.so",
                Some("_x other graalpy240-311-native-x86_64-linux"),
            ),
            ("_x.cpython-27-x.so", Some("_x other cpython-27-x")),
            ("_x.so", Some("_x plain")),
            ("_x.PYD", Some("_x plain")),
            (
                "my-mod.cpython-313t-x86_64-linux-gnu.so",
                Some("my-mod 3.13t x86_64-linux-gnu"),
            ),
            (
                "30fcd__mypyc.cpython-313t-x86_64-linux-gnu.so",
                Some("30fcd__mypyc 3.13t x86_64-linux-gnu"),
            ),
            ("a b.abi3.so", Some("a b abi3")),
            ("lančmít.so", Some("lančmít plain")),
            ("libfoo.3.15.so", Some("libfoo.3.15 plain")),
            ("a.b.abi3.so", Some("a.b abi3")),
            ("_ext.hpy0.so", Some("_ext.hpy0 plain")),
            ("libfoo.so.3", None),
            ("libfoo.dylib", None),
            ("foo.dll", None),
            ("_x.SO", None),
            (".so", None),
            (".abi3.so", None),
            ("so", None),
            ("a.py", None),
        ];
        for (name, expected) in table {
            assert_eq!(tag(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_stem_with_a_dot_is_no_modules_name() {
        for (name, expected) in [
            ("_x.so", true),
            ("a-b.abi3.so", true),
            ("a.b.abi3.so", false),
            ("x.1.so", false),
        ] {
            assert_eq!(
                ExtensionFileName::parse(name).unwrap().is_importable(),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn a_package_by_itself_is_named_after_its_folder() {
        for (path, expected) in [
            (
                "/s/mypy/__init__.cpython-314t-darwin.so",
                "mypy/__init__.cpython-314t-darwin.so",
            ),
            ("/s/mypy/_x.so", "_x.so"),
            ("/__init__.so", "__init__.so"),
        ] {
            assert_eq!(
                lone_file(Path::new(path)).as_deref(),
                Some(expected),
                "{path}"
            );
        }
    }

    #[test]
    fn a_debug_build_on_windows_marks_the_stem() {
        let table = [
            ("_x_d.cp314t-win_amd64.pyd", Some("_x")),
            ("_x_d.pyd", Some("_x")),
            ("_x.pyd", None),
            ("_d.pyd", None),
            ("_x_d.so", None),
        ];
        for (name, expected) in table {
            assert_eq!(
                ExtensionFileName::parse(name).unwrap().debug_stem(),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn the_last_component_of_any_systems_path_counts() {
        for path in ["a/b/_x.so", "a\\b\\_x.so", "_x.so"] {
            assert_eq!(
                ExtensionFileName::of_path(path).unwrap().stem,
                "_x",
                "{path}"
            );
        }
        assert_eq!(ExtensionFileName::of_path("_x.so/b"), None);
    }
}
