//! How the build goes, as far as it decides which sources count and which modules they become.

use std::collections::BTreeSet;

use crate::model::facts::Generator;
use crate::model::source::{DeclaredWord, Language, SourceCrate, SourceDeclaration, SourceModule};

use super::super::naming::stem;
use super::super::native::{DefinedModule, NativeSource};
use super::super::script::FlagTool;
use super::super::{SourceKind, SourceReader, is_aside, source_of};
use super::module;

/// How the build goes, as far as that decides which sources count.
pub(super) struct BuildPlan {
    /// Cython is a requirement, so sources in Cython are compiled and not what was generated from them.
    pub(super) has_cython: bool,
    /// Rust is compiled.
    pub(super) has_rust: bool,
    /// Nothing but Rust is.
    pub(super) has_only_rust: bool,
}

impl BuildPlan {
    pub(super) fn of(reader: &SourceReader) -> BuildPlan {
        let requires = |project: &str| {
            let is = |text: &str| {
                let name: String = text
                    .chars()
                    .take_while(|it| it.is_alphanumeric() || "-_.".contains(*it))
                    .collect();
                name.to_ascii_lowercase().replace(['_', '.'], "-") == project
            };
            reader
                .system
                .requires
                .iter()
                .any(|required| is(&required.text))
        };
        let backend = reader.system.backend.as_deref().unwrap_or_default();
        let says = |word: &str| reader.scripts.iter().any(|script| script.has_word(word));
        let has_only_rust = backend.starts_with("maturin");
        let has_rust = has_only_rust
            || requires("maturin")
            || requires("setuptools-rust")
            || says("setuptools_rust");
        let has_none = reader.system.requires.is_empty() && reader.system.backend.is_none();
        let has_generated = !reader.generated.is_empty();
        BuildPlan {
            has_cython: requires("cython") || (has_none && !has_generated),
            has_rust,
            has_only_rust,
        }
    }

    /// Modules that Cython makes, or made.
    pub(super) fn cython(&self, reader: &mut SourceReader) -> Vec<SourceModule> {
        let flags: Vec<SourceDeclaration> = flags(reader, FlagTool::Cython);
        let generated = std::mem::take(&mut reader.generated);
        let sources = std::mem::take(&mut reader.cython);
        let has = |paths: &BTreeSet<&str>, path: &str| paths.contains(unsuffixed(path));
        let generated_paths: BTreeSet<&str> =
            generated.keys().map(|path| unsuffixed(path)).collect();
        let source_paths: BTreeSet<&str> = sources.keys().map(|path| unsuffixed(path)).collect();
        let python = reader
            .paths
            .iter()
            .filter_map(|path| path.strip_suffix(".py"));
        let python: BTreeSet<&str> = python.filter(|_| !generated.is_empty()).collect();
        let mut modules = Vec::new();
        for (path, module) in &sources {
            if self.has_cython || !has(&generated_paths, path) {
                let mut module = module.clone();
                if module.declarations.is_empty() {
                    module.declarations.clone_from(&flags);
                }
                modules.push(module);
            }
        }
        for (path, module) in &generated {
            if self.has_cython && has(&source_paths, path) {
                continue;
            }
            let mut module = module.clone();
            let is_again = self.has_cython && python.contains(unsuffixed(path));
            if is_again && module.declarations.is_empty() {
                module.doubt = Some("Cython generates it again".to_owned());
            }
            modules.push(module);
        }
        modules
    }

    /// Modules of C, C++ and Rust.
    pub(super) fn native(&self, reader: &SourceReader) -> Vec<SourceModule> {
        let is_rust = |path: &str| source_of(path) == Some(SourceKind::Rust);
        let counts = |path: &str| {
            if is_rust(path) {
                self.has_rust
            } else {
                !self.has_only_rust
            }
        };
        let files: Vec<(&String, &NativeSource)> = reader
            .native
            .iter()
            .filter(|(path, _)| counts(path))
            .collect();
        let elsewhere = files.iter().find(|(path, native)| {
            native.modules.is_empty() && !native.declarations.is_empty() && !is_aside(path)
        });
        let names = self.rust_names(reader);
        let is_named = files.iter().any(|(path, native)| {
            is_rust(path)
                && !is_aside(path)
                && native
                    .modules
                    .iter()
                    .any(|module| names.contains(&module.name))
        });
        let nanobind = NanobindBuild::of(reader);
        let mut modules = Vec::new();
        for (path, native) in &files {
            let defined = native
                .modules
                .iter()
                .filter(|it| !(is_rust(path) && is_named) || names.contains(&it.name));
            for defined in defined {
                let mut module = of_native(path, native, defined, &nanobind);
                let is_silent = module.declarations.is_empty() && module.doubt.is_none();
                if is_silent
                    && matches!(defined.generator, Generator::CApi | Generator::Pybind11)
                    && let Some((other, _)) = elsewhere
                    && is_rust(other) == is_rust(path)
                {
                    module.doubt = Some(format!(
                        "{other} declares something, and for which module is not clear"
                    ));
                }
                modules.push(module);
            }
        }
        modules
    }

    /// Names that the module of a Rust library may have.
    fn rust_names(&self, reader: &SourceReader) -> Vec<String> {
        let libraries = reader
            .cargos
            .iter()
            .filter(|(path, _)| !is_aside(path))
            .filter_map(|(_, cargo)| cargo.library.clone());
        libraries.chain(reader.system.module.clone()).collect()
    }

    /// Modules that other generators make of their own kinds of sources.
    pub(super) fn generators(&self, reader: &SourceReader) -> Vec<SourceModule> {
        let mut modules = Vec::new();
        let mut seen = BTreeSet::new();
        // One for each way to build it is one module all the same.
        for (path, line, name) in reader.cffi.iter().filter(|(_, _, name)| seen.insert(name)) {
            modules.push(module(name, Generator::Cffi, path, *line, Vec::new()));
        }
        let says = |text: &str| reader.scripts.iter().find(|script| script.says(text));
        if let Some(script) = says("mypycify").or(says("hatch-mypyc")) {
            modules.push(module(
                "what mypyc compiles",
                Generator::Mypyc,
                &script.path,
                1,
                Vec::new(),
            ));
        }
        for path in reader.paths.iter().filter(|path| !is_aside(path)) {
            let (generator, tool) = match path.rsplit_once('.') {
                Some((_, "i")) if says("swig").or(says("SWIG")).is_some() => {
                    (Generator::Swig, FlagTool::Swig)
                }
                Some((_, "pyf")) => (Generator::F2py, FlagTool::F2py),
                _ => continue,
            };
            modules.push(module(stem(path), generator, path, 1, flags(reader, tool)));
        }
        modules
    }

    /// Whose compilers are needed.
    pub(super) fn languages(&self, reader: &SourceReader) -> Vec<Language> {
        let mut languages: Vec<Language> = Vec::new();
        for path in reader.paths.iter().filter(|path| !is_aside(path)) {
            let language = match path.rsplit_once('.').map(|(_, ending)| ending) {
                Some("c" | "m" | "pyx") => Language::C,
                Some("cc" | "cpp" | "cxx" | "mm") => Language::Cpp,
                Some("f" | "f77" | "f90" | "f95" | "pyf") => Language::Fortran,
                Some("rs") if self.has_rust => Language::Rust,
                Some("cu") => Language::Cuda,
                Some("go") => Language::Go,
                Some("zig") => Language::Zig,
                _ => continue,
            };
            if !languages.contains(&language) {
                languages.push(language);
            }
        }
        if !reader.cffi.is_empty() && !languages.contains(&Language::C) {
            languages.push(Language::C);
        }
        languages.sort();
        languages
    }

    pub(super) fn rust_version(&self, reader: &SourceReader) -> Option<String> {
        let own = reader
            .cargos
            .iter()
            .filter(|(path, _)| self.has_rust && !is_aside(path));
        own.min_by_key(|(path, _)| path.len())
            .and_then(|(_, cargo)| cargo.rust_version.clone())
    }

    /// The PyO3 that is built: that of the lock file, else the one that manifests ask for; `None` where they do not agree.
    pub(super) fn pyo3(&self, reader: &SourceReader) -> Option<SourceCrate> {
        if !self.has_rust {
            return None;
        }
        let own = reader.cargos.iter().filter(|(path, _)| !is_aside(path));
        let asked: Vec<&SourceCrate> = own.flat_map(|(_, cargo)| &cargo.crates).collect();
        let found: Vec<&SourceCrate> = if reader.locked.is_empty() {
            asked
        } else {
            reader.locked.iter().collect()
        };
        let first = found
            .iter()
            .find(|it| it.name == "pyo3")
            .or(found.first())?;
        found
            .iter()
            .all(|other| other.minor == first.minor)
            .then(|| (*first).clone())
    }
}

/// The path without what comes after the file's first dot.
fn unsuffixed(path: &str) -> &str {
    let start = path.len() - path.rsplit('/').next().unwrap_or(path).len();
    let end = path
        .get(start..)
        .and_then(|name| name.find('.'))
        .map_or(path.len(), |dot| start + dot);
    path.get(..end).unwrap_or(path)
}

fn flags(reader: &SourceReader, tool: FlagTool) -> Vec<SourceDeclaration> {
    let flags = reader
        .scripts
        .iter()
        .flat_map(|script| &script.flags)
        .filter(|flag| flag.tool == tool);
    flags
        .take(MOST_FLAGS)
        .map(|flag| flag.declaration.clone())
        .collect()
}

/// What build files say of nanobind, for all its modules.
struct NanobindBuild {
    flags: Vec<SourceDeclaration>,
    is_built: bool,
}

impl NanobindBuild {
    fn of(reader: &SourceReader) -> NanobindBuild {
        let is_built = reader
            .scripts
            .iter()
            .any(|script| script.says("nanobind_add_module"));
        NanobindBuild {
            flags: flags(reader, FlagTool::Nanobind),
            is_built,
        }
    }
}

/// A module of a file, with what is declared for it there.
fn of_native(
    path: &str,
    native: &NativeSource,
    defined: &DefinedModule,
    nanobind: &NanobindBuild,
) -> SourceModule {
    let mut module = module(
        &defined.name,
        defined.generator,
        path,
        defined.line,
        defined.declarations.clone(),
    );
    match defined.generator {
        Generator::Nanobind => {
            module.declarations.clone_from(&nanobind.flags);
            if module.declarations.is_empty() && !nanobind.is_built {
                module.doubt = Some("how nanobind is built into it was not found".to_owned());
            }
        }
        Generator::CApi => {
            let declarations = native.declarations.iter().cloned();
            module
                .declarations
                .extend(declarations.map(|declaration| in_time(declaration, native)));
            let certain = native
                .declarations
                .iter()
                .filter(|it| it.word == DeclaredWord::NotUsed)
                .count();
            if certain > 0 && certain < native.modules.len() {
                module.doubt = Some(format!(
                    "{path} has {} modules and fewer declarations",
                    native.modules.len()
                ));
            }
        }
        // `create_extension_module` and the like are not told apart.
        Generator::Pybind11 | Generator::BoostPython if defined.declarations.is_empty() => {
            module
                .declarations
                .extend(native.declarations.iter().cloned());
        }
        _ => {}
    }
    module
}

/// `PyUnstable_Module_SetGIL` has no effect on a module that CPython makes from a definition: it is not there yet, or judged already.
fn in_time(declaration: SourceDeclaration, native: &NativeSource) -> SourceDeclaration {
    let is_late = native.phases.later && declaration.means == "PyUnstable_Module_SetGIL";
    let word = if is_late {
        DeclaredWord::Unclear
    } else {
        declaration.word
    };
    SourceDeclaration {
        word,
        ..declaration
    }
}

/// How many declarations for all modules of a generator are kept.
const MOST_FLAGS: usize = 64;
