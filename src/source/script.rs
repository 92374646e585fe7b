//! Build files: what `setup.py`, `meson.build`, `CMakeLists.txt` and their like say of Cython, SWIG, f2py, nanobind, CFFI, mypyc
//! and the limited API, and which sources they name.
//!
//! `setup.py` is parsed. The others are read line by line without their comments: only flags and names are looked for.

use std::collections::BTreeSet;

use crate::model::source::{
    DeclaredWord, LimitedApiUse, SourceDeclaration, SourcePlace, SourceStop, VersionReach,
};

use super::python::{self, BuildStop, PythonFile};
use super::token::{SourceToken, TokenContext, TokenKind};
use super::{cmake, limited, manifest};

/// How far behind a directive's name its value stands.
const NEAR: usize = 6;
/// The largest build file that is read, in bytes; those of real projects have some tens of kilobytes.
pub(super) const LARGEST: usize = 1 << 20;
/// How many flags, and how many ends of the build, are kept of one file.
const MOST_FLAGS: usize = 64;
const MOST_STOPS: usize = 64;
/// How many calls of one CMake function are looked at, and how many bytes of each.
const MOST_CALLS: usize = 1_000;
const LONGEST_CALL: usize = 4_096;
/// What commands of setuptools and hooks of hatchling are made from, and their methods that a build runs.
const COMMANDS: [&str; 4] = ["bdist_wheel", "build_ext", "build_py", "BuildHookInterface"];
const METHODS: [&str; 6] = [
    "initialize_options",
    "finalize_options",
    "run",
    "build_extensions",
    "build_extension",
    "initialize",
];
/// Functions of a build backend that every build of a wheel calls, or may call before it.
const HOOKS: [&str; 3] = [
    "build_wheel",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_wheel",
];

/// A build file without its comments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BuildScript {
    /// Path below the top folder.
    pub(super) path: String,
    /// Its code.
    pub(super) code: String,
    /// Words of its code, and what may be the last part of a path.
    parts: BTreeSet<String>,
    /// What it says of the GIL, for all modules that a generator makes.
    pub(super) flags: Vec<GeneratorFlag>,
    /// Whether it is Python that could not be parsed, so that its lines were read instead.
    pub(super) is_unparsed: bool,
    /// Uses of the limited API.
    pub(super) limited_api: Vec<LimitedApiUse>,
    /// Where running it ends with an error, and where a command of its own does.
    pub(super) stops: Vec<SourceStop>,
    /// The same of the hooks of a build backend, when it is one. <https://peps.python.org/pep-0517/#build-backend-interface>
    pub(super) hook_stops: Vec<SourceStop>,
}

/// Whose flag it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlagTool {
    Cython,
    Nanobind,
    Swig,
    F2py,
}

/// A flag that decides for all modules of a generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GeneratorFlag {
    pub(super) tool: FlagTool,
    pub(super) declaration: SourceDeclaration,
}

/// Whether the file steers the build: by its name.
pub(super) fn is_script(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_top_python = name.ends_with(".py") && path.matches('/').count() <= 1;
    let is_python = is_top_python
        && [
            "set", "build", "ext", "cython", "config", "conf", "hook", "backend",
        ]
        .iter()
        .any(|word| name.contains(word));
    is_python
        || matches!(
            name,
            "setup.cfg"
                | "pyproject.toml"
                | "meson.build"
                | "CMakeLists.txt"
                | "setup.py"
                | "build.py"
        )
        || name.ends_with(".cmake")
}

/// Reads a build file.
pub(super) fn read(path: &str, text: &str) -> BuildScript {
    let mut script = BuildScript {
        path: path.to_owned(),
        ..BuildScript::default()
    };
    let parsed = if path.ends_with(".py") {
        python::read(text)
    } else {
        None
    };
    match &parsed {
        Some(python) => script.read_python(python),
        None => {
            script.is_unparsed = path.ends_with(".py");
            script.read_lines(text);
        }
    }
    let is_part = |letter: char| letter.is_alphanumeric() || "_.+-*".contains(letter);
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let parts = script.code.split(|letter: char| !is_part(letter));
    let words = script.code.split(|letter: char| !is_word(letter));
    script.parts = parts
        .chain(words)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    script
}

impl BuildScript {
    /// Whether it has this text.
    pub(super) fn says(&self, text: &str) -> bool {
        self.code.contains(text)
    }

    /// Words of its code, and what may be the last part of a path.
    pub(super) fn parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(String::as_str)
    }

    /// Whether it has this word, or the name of this file, by itself.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.parts.contains(word)
    }

    fn place(&self, line: u32) -> SourcePlace {
        SourcePlace {
            path: self.path.clone(),
            line,
        }
    }

    fn flag(&mut self, tool: FlagTool, word: DeclaredWord, means: &str, line: u32) {
        let place = self.place(line);
        let declaration = SourceDeclaration {
            word,
            reach: VersionReach::ALWAYS,
            means: means.to_owned(),
            place,
        };
        if self.flags.len() < MOST_FLAGS {
            self.flags.push(GeneratorFlag { tool, declaration });
        }
    }

    fn read_python(&mut self, python: &PythonFile<'_>) {
        let tokens = &python.tokens;
        let mut line = 1;
        for token in tokens {
            self.code.push(if token.line == line { ' ' } else { '\n' });
            self.code.push_str(token.text);
            line = token.line;
        }
        for (index, token) in tokens.iter().enumerate() {
            let rest = tokens.get(index + 1..).unwrap_or_default();
            let text = token.text.trim_matches(['"', '\'']);
            if text.contains("freethreading_compatible") {
                let word = if token.place == TokenContext::Choice {
                    DeclaredWord::Unclear
                } else {
                    directive(text, rest)
                };
                self.flag(
                    FlagTool::Cython,
                    word,
                    "freethreading_compatible",
                    token.line,
                );
            }
            if token.kind == TokenKind::Text {
                self.flags_in(text, token.line);
            }
        }
        self.limited_api = limited::of_python(&self.path, python);
        self.note_stops(python);
    }

    fn note_stops(&mut self, python: &PythonFile<'_>) {
        let place = |stop: &BuildStop| SourceStop {
            reach: stop.reach,
            asks_for_build: stop.asks_for_build,
            place: SourcePlace {
                path: self.path.clone(),
                line: stop.line,
            },
        };
        let mut stops: Vec<SourceStop> = python.stops.iter().take(MOST_STOPS).map(place).collect();
        let mut hook_stops = Vec::new();
        for ((bases, name), found) in &python.functions {
            let is_command =
                COMMANDS.iter().any(|command| bases.contains(command)) && METHODS.contains(name);
            // What ends always is there for others to override.
            let about_the_build = found
                .iter()
                .filter(|stop| stop.asks_for_build || stop.reach.certain != 0b111);
            if is_command {
                stops.extend(about_the_build.take(MOST_STOPS).map(place));
            }
            if bases.is_empty() && HOOKS.contains(name) {
                hook_stops.extend(found.iter().take(MOST_STOPS).map(place));
            }
        }
        (self.stops, self.hook_stops) = (stops, hook_stops);
    }

    fn read_lines(&mut self, text: &str) {
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            self.code.push_str(line);
            self.code.push('\n');
            if let Some((_, after)) = line.split_once("freethreading_compatible") {
                self.flag(
                    FlagTool::Cython,
                    text_value(after),
                    "freethreading_compatible",
                    number,
                );
            }
            self.flags_in(line, number);
        }
        self.nanobind();
        let path = self.path.as_str();
        self.limited_api = match path.rsplit('/').next() {
            Some("setup.cfg") => limited::of_setup_cfg(path, text),
            Some("pyproject.toml") => manifest::limited_api(path, text),
            Some("meson.build") => limited::of_meson(path, &self.code),
            Some(name) if name == "CMakeLists.txt" || name.ends_with(".cmake") => {
                cmake::limited_api(path, &self.code)
            }
            _ => Vec::new(),
        };
    }

    fn flags_in(&mut self, text: &str, line: u32) {
        let has = |flag: &str| {
            text.split(|letter: char| letter.is_whitespace() || "'\",;[]()".contains(letter))
                .any(|word| word == flag)
        };
        if has("-nogil") {
            self.flag(FlagTool::Swig, DeclaredWord::NotUsed, "-nogil", line);
        }
        if has("--freethreading-compatible") {
            self.flag(
                FlagTool::F2py,
                DeclaredWord::NotUsed,
                "--freethreading-compatible",
                line,
            );
        }
        if text.contains("NB_FREE_THREADED") {
            self.flag(
                FlagTool::Nanobind,
                DeclaredWord::NotUsed,
                "NB_FREE_THREADED",
                line,
            );
        }
    }

    /// `nanobind_add_module(name FREE_THREADED …)`.
    fn nanobind(&mut self) {
        const CALL: &str = "nanobind_add_module";
        let mut found = Vec::new();
        // Lines are counted from one call to the next.
        let (mut line, mut counted) = (1, 0);
        for (start, _) in self.code.match_indices(CALL).take(MOST_CALLS) {
            line += self
                .code
                .get(counted..start)
                .map_or(0, |text| text.matches('\n').count());
            counted = start;
            let after = self.code.get(start + CALL.len()..).unwrap_or_default();
            let Some(inner) = after.trim_start().strip_prefix('(') else {
                continue;
            };
            let end = inner
                .bytes()
                .take(LONGEST_CALL)
                .position(|byte| byte == b')');
            let word = match end.map(|end| inner.get(..end).unwrap_or_default()) {
                None => Some(DeclaredWord::Unclear),
                Some(text) if text.split_whitespace().any(|word| word == "FREE_THREADED") => {
                    Some(DeclaredWord::NotUsed)
                }
                Some(text) if text.contains("${") => Some(DeclaredWord::Unclear),
                Some(_) => None,
            };
            found.extend(word.map(|word| (word, u32::try_from(line).unwrap_or(u32::MAX))));
        }
        for (word, line) in found {
            self.flag(FlagTool::Nanobind, word, "FREE_THREADED", line);
        }
    }
}

/// The value of a directive that is a key, a keyword, or part of a flag.
fn directive(text: &str, rest: &[SourceToken<'_>]) -> DeclaredWord {
    if let Some((_, after)) = text.split_once("freethreading_compatible")
        && after.contains('=')
    {
        return text_value(after);
    }
    let value = rest
        .iter()
        .take(NEAR)
        .find(|token| !matches!(token.text, ":" | "=" | "]" | ")" | ","));
    match value.map(|token| token.text) {
        Some("True") => DeclaredWord::NotUsed,
        Some("False") => DeclaredWord::Used,
        _ => DeclaredWord::Unclear,
    }
}

/// The value in `=True`, `: true`.
pub(super) fn text_value(after: &str) -> DeclaredWord {
    let value =
        after.trim_start_matches(|letter: char| letter.is_whitespace() || "=:'\"".contains(letter));
    match value.get(..4).map(str::to_ascii_lowercase).as_deref() {
        Some("true") => DeclaredWord::NotUsed,
        Some("fals") => DeclaredWord::Used,
        _ => DeclaredWord::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(path: &str, text: &str) -> Option<(FlagTool, DeclaredWord)> {
        read(path, text)
            .flags
            .first()
            .map(|flag| (flag.tool, flag.declaration.word))
    }

    #[test]
    fn directives_for_all_modules_are_found() {
        let cython = |word| Some((FlagTool::Cython, word));
        let cases = [
            (
                "setup.py",
                "cythonize(x, compiler_directives={'freethreading_compatible': True})",
                cython(DeclaredWord::NotUsed),
            ),
            (
                "setup.py",
                "d = dict(freethreading_compatible=True)",
                cython(DeclaredWord::NotUsed),
            ),
            (
                "setup.py",
                "if v >= '3.1':\n    d['freethreading_compatible'] = True",
                cython(DeclaredWord::NotUsed),
            ),
            (
                "setup.py",
                "if os.environ.get('X'):\n    d['freethreading_compatible'] = True",
                cython(DeclaredWord::Unclear),
            ),
            (
                "setup.py",
                "d = {'freethreading_compatible': False}",
                cython(DeclaredWord::Used),
            ),
            ("setup.py", "# freethreading_compatible = True", None),
            (
                "setup.py",
                "args = ['-X', 'freethreading_compatible=True']",
                cython(DeclaredWord::NotUsed),
            ),
            (
                "meson.build",
                "cython_args += ['-Xfreethreading_compatible=True']",
                cython(DeclaredWord::NotUsed),
            ),
            (
                "meson.build",
                "# cython_args += ['-Xfreethreading_compatible=True']",
                None,
            ),
            (
                "CMakeLists.txt",
                "nanobind_add_module(a\n  STABLE_ABI FREE_THREADED a.cpp)",
                Some((FlagTool::Nanobind, DeclaredWord::NotUsed)),
            ),
            ("CMakeLists.txt", "nanobind_add_module(a a.cpp)", None),
            (
                "CMakeLists.txt",
                "swig_flags(-python -nogil)",
                Some((FlagTool::Swig, DeclaredWord::NotUsed)),
            ),
            (
                "meson.build",
                "f2py = ['--freethreading-compatible']",
                Some((FlagTool::F2py, DeclaredWord::NotUsed)),
            ),
        ];
        for (path, text, expected) in cases {
            assert_eq!(flag(path, text), expected, "{text}");
        }
    }

    #[test]
    fn files_are_named_by_the_last_part_of_their_path() {
        let script = read(
            "setup.py",
            "Extension('a.b', ['src/b.c', 'src/foo_c.c', *glob('x/*.cc')]) # d.c",
        );
        for (word, expected) in [
            ("b.c", true),
            ("c.c", false),
            ("foo_c.c", true),
            ("*.cc", true),
            ("d.c", false),
            ("b", true),
        ] {
            assert_eq!(script.has_word(word), expected, "{word}");
        }
    }

    #[test]
    fn what_ends_commands_and_hooks_is_kept_apart() {
        let command = "class B(build_ext):\n    def run(self):\n        if get_config_var('Py_GIL_DISABLED'):\n            raise X\n\
                       class T(build_ext):\n    def run(self):\n        raise X\n";
        let found = read("setup.py", command);
        assert_eq!(
            found
                .stops
                .iter()
                .map(|stop| stop.place.line)
                .collect::<Vec<_>>(),
            [4]
        );
        let found = read(
            "backend.py",
            "def build_wheel(*a):\n    raise SystemExit('no')\ndef other():\n    raise X\n",
        );
        assert_eq!((found.stops.len(), found.hook_stops.len()), (0, 1));
    }
}
