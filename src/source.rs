//! Sources -> what a build of them would become: a source distribution is read, never run.
//!
//! A [`SourceReader`] takes the files of a source distribution one by one, keeps what matters of each, and in the end says which
//! modules a build would make, what each declares about the GIL and where, and what leaves that open. [`forecast()`] then says
//! what that comes to on one target. The versions of build tools that decide are a table in `thresholds`.
//!
//! Nothing is followed that only a run could tell: what a script decides when it runs, what a template expands to, whether a
//! macro of the project's own is used. Where such a thing could change the answer, the answer is unknown and says why.

mod backends;
mod cmake;
mod conditions;
mod cython;
mod forecast;
mod gather;
mod limited;
mod manifest;
mod naming;
mod native;
mod preprocessor;
mod python;
mod python_syntax;
mod rust;
mod rust_lexer;
mod script;
mod thresholds;
mod token;
mod tokens;
mod values;

pub use forecast::forecast;

use std::collections::{BTreeMap, BTreeSet};

use crate::cpython::init_function;
use crate::model::facts::Generator;
use crate::model::source::{SourceCrate, SourceFacts, SourceModule};

use manifest::{BuildSystem, CargoManifest};
use native::{DefinedModule, NativeSource};
use script::BuildScript;
use token::{SourceDialect, TokenKind};
use tokens::tokens;

/// How many files of each kind are read, and how many paths are remembered.
const MOST_FILES: usize = 20_000;
/// How many bytes are parsed in all.
const MOST_PARSED: usize = 64 << 20;
/// How many bytes of build files are read in all: of each, words are kept.
const MOST_SCRIPT_BYTES: usize = 8 << 20;
const MOST_PATHS: usize = 50_000;
/// How long a path may be, in bytes, and how many folders deep it may lead.
const LONGEST_PATH: usize = 1_024;
const DEEPEST_PATH: usize = 64;
/// How many reasons are kept why something was not read; of the others only how many there are.
const MOST_DOUBTS: usize = 20;

/// Folders whose sources are not what the project itself builds, unless a build file names them.
const ASIDE: [&str; 30] = [
    "test",
    "tests",
    "testing",
    "testdata",
    "doc",
    "docs",
    "example",
    "examples",
    "demo",
    "demos",
    "sample",
    "samples",
    "bench",
    "benches",
    "benchmark",
    "benchmarks",
    "third_party",
    "third-party",
    "thirdparty",
    "vendor",
    "vendored",
    "extern",
    "external",
    "deps",
    "subprojects",
    "submodules",
    "contrib",
    "fuzz",
    "cargo",
    "fixtures",
];

/// What kind of source a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceKind {
    C,
    Cpp,
    Header,
    Rust,
    Cython,
}

/// Reads the files of one source distribution.
#[derive(Debug, Default)]
pub struct SourceReader {
    /// All paths below the top folder.
    paths: Vec<String>,
    system: BuildSystem,
    scripts: Vec<BuildScript>,
    /// C, C++ and Rust files that define modules or declare something, by path.
    native: BTreeMap<String, NativeSource>,
    /// C that Cython generated, by path.
    generated: BTreeMap<String, SourceModule>,
    /// Cython's sources, by path.
    cython: BTreeMap<String, SourceModule>,
    cargos: BTreeMap<String, CargoManifest>,
    locked: Vec<SourceCrate>,
    /// Folders that are projects of their own for Meson, which nothing but `subproject()` builds.
    projects: BTreeSet<String>,
    /// Python files that call CFFI.
    cffi: Vec<(String, u32, String)>,
    doubts: Vec<String>,
    /// Doubts that are not kept.
    further_doubts: usize,
    read: usize,
    parsed: usize,
    script_bytes: usize,
}

/// Whether a folder on the way is none of the project's own code.
fn is_aside(path: &str) -> bool {
    let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
    let is_named = |word: &str| ASIDE.contains(&word.to_ascii_lowercase().as_str());
    // No package has a name with a blank or a hyphen: of such a folder each word tells what is in it.
    folders
        .split('/')
        .any(|folder| is_named(folder) || folder.split([' ', '-']).any(is_named))
}

fn source_of(path: &str) -> Option<SourceKind> {
    match path.rsplit_once('.')?.1 {
        "c" | "m" => Some(SourceKind::C),
        "cc" | "cpp" | "cxx" | "mm" | "C" | "cu" => Some(SourceKind::Cpp),
        "h" | "hh" | "hpp" | "hxx" => Some(SourceKind::Header),
        "rs" => Some(SourceKind::Rust),
        "pyx" => Some(SourceKind::Cython),
        _ => None,
    }
}

impl SourceReader {
    /// Takes note of a file below the top folder; says whether its bytes are wanted.
    pub fn meet(&mut self, path: &str) -> bool {
        if self.paths.len() < MOST_PATHS {
            self.paths.push(path.to_owned());
        } else if self.paths.len() == MOST_PATHS {
            self.paths.push(path.to_owned());
            self.doubt(format!("it has more than {MOST_PATHS} files"));
        }
        if path.len() > LONGEST_PATH || path.matches('/').count() > DEEPEST_PATH {
            self.doubt("it has a path that is too long or too deep to be looked at".to_owned());
            return false;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_wanted = script::is_script(path)
            || matches!(name, "Cargo.toml" | "Cargo.lock")
            || source_of(path).is_some()
            || (path.ends_with(".py") && (name.contains("ffi") || name.contains("build")));
        if is_wanted && self.read >= MOST_FILES {
            if self.read == MOST_FILES {
                self.doubt(format!("only the first {MOST_FILES} sources were read"));
                self.read += 1;
            }
            return false;
        }
        is_wanted
    }

    /// Notes that a file that is wanted was not read.
    pub fn leave(&mut self, path: &str, why: &str) {
        self.doubt(format!("{path} was not read: {why}"));
    }

    fn doubt(&mut self, why: String) {
        if self.doubts.len() < MOST_DOUBTS {
            self.doubts.push(why);
        } else {
            self.further_doubts += 1;
        }
    }

    /// Reads a file that is wanted.
    pub fn take(&mut self, path: &str, bytes: &[u8]) {
        self.read += 1;
        let text = String::from_utf8_lossy(bytes);
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Some(why) = manifest::too_large(name, &text) {
            return self.leave(path, &why);
        }
        match name {
            "Cargo.toml" => {
                self.cargos
                    .insert(path.to_owned(), manifest::cargo(path, &text));
            }
            "Cargo.lock" if !is_aside(path) => self.locked.extend(manifest::lock(path, &text)),
            _ => {}
        }
        if path == "pyproject.toml" {
            self.system = manifest::build_system(path, &text);
        }
        if script::is_script(path) && !is_aside(path) {
            self.script_bytes = self.script_bytes.saturating_add(text.len());
            if text.len() > script::LARGEST || self.script_bytes > MOST_SCRIPT_BYTES {
                return self.leave(
                    path,
                    "it is too large for a build file, or there is too much before it",
                );
            }
            let script = script::read(path, &text);
            if script.is_unparsed {
                self.doubt(format!("{path} was not parsed: it is too odd"));
            }
            match path.strip_suffix("/meson.build") {
                Some(folder) if script.code.trim_start().starts_with("project(") => {
                    self.projects.insert(folder.to_owned());
                }
                _ => self.scripts.push(script),
            }
        }
        if path.ends_with(".py") && !is_aside(path) {
            self.take_cffi(path, &text);
        }
        if let Some(source) = source_of(path) {
            self.take_source(path, &text, source);
        }
    }

    /// The file's facts, once all files were taken.
    pub fn finish(self) -> SourceFacts {
        gather::facts(self)
    }

    /// `ffibuilder.set_source("package._module", …)`: with C, which a string or a variable says, not for `dlopen`.
    fn take_cffi(&mut self, path: &str, text: &str) {
        if !text.contains("set_source(") && !text.contains("set_source (") {
            return;
        }
        let Some(tokens) = tokens(SourceDialect::Python, text) else {
            return self.doubt(format!("{path} was not parsed: it is too large or too odd"));
        };
        for window in tokens.windows(5) {
            if let [name, opening, module, comma, source] = window
                && name.text == "set_source"
                && opening.text == "("
                && comma.text == ","
                && source.text != "None"
            {
                let written = module.text.trim_matches(['"', '\'']);
                let written = written.rsplit('.').next().unwrap_or(written);
                // A variable's value is not known.
                let module = if module.kind == TokenKind::Text {
                    written
                } else {
                    "what CFFI compiles"
                };
                self.cffi
                    .push((path.to_owned(), name.line, module.to_owned()));
            }
        }
    }

    fn take_source(&mut self, path: &str, text: &str, source: SourceKind) {
        if source == SourceKind::Cython {
            self.cython
                .insert(path.to_owned(), gather::of_cython(path, text));
            return;
        }
        let is_generated = source != SourceKind::Header && cython::generated_by(text).is_some();
        if is_generated {
            if init_function::may_name_one(text) {
                self.generated
                    .insert(path.to_owned(), gather::of_generated(path, text));
            }
            return;
        }
        let (dialect, is_telling) = match source {
            SourceKind::Rust => (SourceDialect::Rust, rust::is_telling(text)),
            SourceKind::C => (SourceDialect::C, native::is_telling(text)),
            _ => (SourceDialect::Cpp, native::is_telling(text)),
        };
        if !is_telling {
            return;
        }
        self.parsed = self.parsed.saturating_add(text.len());
        let tokens = if self.parsed > MOST_PARSED {
            None
        } else {
            tokens(dialect, text)
        };
        let Some(tokens) = tokens else {
            return self.doubt(format!(
                "{path} was not parsed: it is too large or too odd, or there is too much before it"
            ));
        };
        let mut found = if source == SourceKind::Rust {
            rust::read(path, &tokens)
        } else {
            native::read(path, tokens)
        };
        if native::is_of_cffi(text) {
            let of_cffi = |module| DefinedModule {
                generator: Generator::Cffi,
                declarations: Vec::new(),
                ..module
            };
            found.modules = found.modules.into_iter().map(of_cffi).collect();
            found.declarations.clear();
        }
        if source == SourceKind::Header {
            // A header is part of others: it defines nothing by itself.
            found.modules.clear();
            found.own_macro = None;
            found.cut = None;
        }
        self.native.insert(path.to_owned(), found);
    }
}
