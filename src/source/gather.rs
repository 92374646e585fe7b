//! What all files of a source distribution come to: its modules, each with what is declared for it and whether the build makes it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cpython::file_name::{ExtensionFileName, FileTag};
use crate::model::facts::Generator;
use crate::model::source::{
    DeclaredWord, Language, LimitedApiUse, LimitedApiUser, ModuleStanding, SourceCrate,
    SourceDeclaration, SourceFacts, SourceModule, SourcePlace, SourceStop,
};

use super::naming::{WordIndex, stem};
use super::native::{DefinedModule, NativeSource};
use super::script::{BuildScript, FlagTool};
use super::{SourceKind, SourceReader, backends, cython, is_aside, rust, source_of};

/// Ends of files that a build expands into sources before it compiles them.
const TEMPLATES: [&str; 8] = [
    ".pyx.in",
    ".pyx.tp",
    ".c.src",
    ".c.in",
    ".pyx.tmpl",
    ".h.src",
    ".pxi.in",
    ".jinja",
];

/// How many modules of one source distribution are told apart, and how many doubts are kept.
const MOST_MODULES: usize = 5_000;
const MOST_DOUBTS: usize = 64;
/// How many declarations for all modules of a generator are kept.
const MOST_FLAGS: usize = 64;

/// A module that Cython makes of this source.
pub(super) fn of_cython(path: &str, text: &str) -> SourceModule {
    let declarations = cython::header(path, text).into_iter().collect();
    module(stem(path), Generator::Cython, path, 1, declarations)
}

/// A module of C that Cython generated.
pub(super) fn of_generated(path: &str, text: &str) -> SourceModule {
    let declarations = cython::generated_slot(path, text).into_iter().collect();
    let version = cython::generated_by(text).map(str::to_owned);
    SourceModule {
        version,
        ..module(stem(path), Generator::Cython, path, 1, declarations)
    }
}

fn module(
    name: &str,
    generator: Generator,
    path: &str,
    line: u32,
    declarations: Vec<SourceDeclaration>,
) -> SourceModule {
    let place = SourcePlace {
        path: path.to_owned(),
        line,
    };
    let standing = ModuleStanding::Unnamed;
    SourceModule {
        name: name.to_owned(),
        generator,
        version: None,
        place,
        declarations,
        doubt: None,
        standing,
    }
}

/// Whether a path has the name of a compiled module that a free-threaded build would look for, so that none has to be made.
/// Libraries for `ctypes` are called `lib…`.
fn is_compiled_module(path: &str) -> bool {
    let Some(name) = ExtensionFileName::of_path(path).filter(ExtensionFileName::is_importable)
    else {
        return false;
    };
    match name.tag {
        FileTag::Plain => !name.stem.starts_with("lib"),
        FileTag::Abi3(_) | FileTag::Abi3t(_) => true,
        FileTag::Cpython(build, _) => build.free_threaded && !build.debug,
        FileTag::Other(_) => false,
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

/// The facts of all files.
pub(super) fn facts(mut reader: SourceReader) -> SourceFacts {
    let build = BuildPlan::of(&reader);
    let mut modules = build.cython(&mut reader);
    modules.extend(build.native(&reader));
    modules.extend(build.generators(&reader));
    if modules.len() > MOST_MODULES {
        reader.doubts.push(format!(
            "it has {} modules, more than the limit of {MOST_MODULES}",
            modules.len()
        ));
        modules.truncate(MOST_MODULES);
    }
    let naming = WordIndex::of(&reader.scripts);
    for module in &mut modules {
        if let Some(by) = naming.first(module).and_then(|at| reader.scripts.get(at)) {
            module.standing = ModuleStanding::Named {
                by: by.path.clone(),
            };
        }
    }
    modules.retain(|module| is_own(&reader, &naming, module));
    modules.sort_by(|left, right| left.place.cmp(&right.place));
    let mut doubts = std::mem::take(&mut reader.doubts);
    if reader.further_doubts > 0 {
        doubts.push(format!(
            "{} more things were not read",
            reader.further_doubts
        ));
    }
    doubts.extend(build.doubts(&reader, &modules));
    doubts.truncate(MOST_DOUBTS);
    SourceFacts {
        backend: reader.system.backend.clone(),
        requires: reader.system.requires.clone(),
        languages: build.languages(&reader),
        rust_version: build.rust_version(&reader),
        pyo3: build.pyo3(&reader),
        limited_api: limited_api(&reader, &modules, build.has_rust),
        asks_for_build: asks_for_build(&reader),
        stops: stops(&reader, &modules),
        left_out: modules.iter().find_map(|module| left_out(&reader, module)),
        abi3_feature: if build.has_rust {
            abi3_feature(&reader)
        } else {
            None
        },
        requires_python: reader.system.requires_python.clone(),
        modules,
        doubts,
    }
}

/// Whether a module is the project's own: by its folder, or since a build file names it all the same.
fn is_own(reader: &SourceReader, naming: &WordIndex<'_>, module: &SourceModule) -> bool {
    let path = module.place.path.as_str();
    let is_other = path.match_indices('/').any(|(end, _)| {
        reader
            .projects
            .contains(path.get(..end).unwrap_or_default())
    });
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut named = naming.of_word(name).filter_map(|at| reader.scripts.get(at));
    !is_other && (!is_aside(path) || named.any(|script| script.says(two_last(path))))
}

/// `folder/file.c`, by which a build file would name what is not the project's own.
fn two_last(path: &str) -> &str {
    let mut slashes = path.rmatch_indices('/');
    let start = slashes.nth(1).map_or(0, |(slash, _)| slash + 1);
    path.get(start..).unwrap_or(path)
}

/// How the build goes, as far as that decides which sources count.
struct BuildPlan {
    /// Cython is a requirement, so sources in Cython are compiled and not what was generated from them.
    has_cython: bool,
    /// Rust is compiled.
    has_rust: bool,
    /// Nothing but Rust is.
    has_only_rust: bool,
}

impl BuildPlan {
    fn of(reader: &SourceReader) -> BuildPlan {
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
    fn cython(&self, reader: &mut SourceReader) -> Vec<SourceModule> {
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
    fn native(&self, reader: &SourceReader) -> Vec<SourceModule> {
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
    fn generators(&self, reader: &SourceReader) -> Vec<SourceModule> {
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

    /// What leaves open whether these are all modules.
    fn doubts(&self, reader: &SourceReader, modules: &[SourceModule]) -> Vec<String> {
        let mut doubts = Vec::new();
        let own = |path: &&String| !is_aside(path);
        if let Some(path) = reader
            .paths
            .iter()
            .filter(own)
            .find(|path| TEMPLATES.iter().any(|end| path.ends_with(end)))
        {
            doubts.push(format!("{path} is a template, which the build expands"));
        }
        for (path, native) in reader.native.iter().filter(|(path, _)| !is_aside(path)) {
            if let Some(line) = native.own_macro {
                doubts.push(format!(
                    "{path}:{line} defines modules by a macro of its own"
                ));
            }
            if let Some(line) = native.cut {
                doubts.push(format!(
                    "{path} defines more modules after line {line}, which were not looked at"
                ));
            }
        }
        if let Some(path) = reader
            .paths
            .iter()
            .filter(own)
            .find(|path| is_compiled_module(path))
        {
            doubts.push(format!("{path} is compiled already, and was not looked at"));
        }
        let says = |words: &[&str]| {
            reader
                .scripts
                .iter()
                .find(|script| words.iter().any(|word| script.has_word(word)))
                .map(|script| &script.path)
        };
        let has_cython = modules
            .iter()
            .any(|module| module.generator == Generator::Cython);
        if let (false, Some(path)) = (has_cython, says(&["cythonize", "Cython"])) {
            doubts.push(format!("{path} may compile Python files with Cython"));
        }
        let calls = [
            "ext_modules",
            "ext-modules",
            "cffi_modules",
            "extension_module",
            "RustExtension",
            "python_add_library",
        ];
        if let (true, Some(path)) = (modules.is_empty(), says(&calls)) {
            doubts.push(format!(
                "{path} speaks of compiled modules, and no source of one was found"
            ));
        }
        if modules.is_empty() && self.has_rust {
            doubts.push("Rust is compiled, and no module was found in its sources".to_owned());
        }
        doubts.extend(backends::doubt(
            &reader.system,
            &reader.scripts,
            !modules.is_empty(),
        ));
        if let (true, Some(script)) = (
            modules.is_empty(),
            backends::for_one_platform(&reader.scripts),
        ) {
            doubts.push(format!(
                "{} makes a wheel for one platform, and no source of a module was found",
                script.path
            ));
        }
        doubts
    }

    /// Whose compilers are needed.
    fn languages(&self, reader: &SourceReader) -> Vec<Language> {
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

    fn rust_version(&self, reader: &SourceReader) -> Option<String> {
        let own = reader
            .cargos
            .iter()
            .filter(|(path, _)| self.has_rust && !is_aside(path));
        own.min_by_key(|(path, _)| path.len())
            .and_then(|(_, cargo)| cargo.rust_version.clone())
    }

    /// The PyO3 that is built: that of the lock file, else the one that manifests ask for; `None` where they do not agree.
    fn pyo3(&self, reader: &SourceReader) -> Option<SourceCrate> {
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

/// The build file that asks which build of CPython it runs on, or goes without the limited API by itself.
fn asks_for_build(reader: &SourceReader) -> Option<String> {
    let asks =
        |script: &&BuildScript| script.says("GIL_DISABLED") || script.says("_CFFI_NO_LIMITED_API");
    reader
        .scripts
        .iter()
        .find(asks)
        .map(|script| script.path.clone())
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

/// What the source of a module needs and the limited API of free-threaded builds does not have.
fn left_out(reader: &SourceReader, module: &SourceModule) -> Option<(String, SourcePlace)> {
    let is_built = module.generator == Generator::CApi
        && matches!(module.standing, ModuleStanding::Named { .. });
    let path = &module.place.path;
    let (line, what) = reader
        .native
        .get(path)
        .filter(|_| is_built)?
        .left_out
        .clone()?;
    Some((
        what,
        SourcePlace {
            path: path.clone(),
            line,
        },
    ))
}

/// Where building ends with an error: in build files, and by `#error` in the source of a module.
fn stops(reader: &SourceReader, modules: &[SourceModule]) -> Vec<SourceStop> {
    let mut stops = backends::stops(&reader.system, &reader.scripts);
    for module in modules
        .iter()
        .filter(|module| matches!(module.standing, ModuleStanding::Named { .. }))
    {
        let path = &module.place.path;
        for (line, reach) in reader
            .native
            .get(path)
            .into_iter()
            .flat_map(|native| &native.errors)
        {
            let place = SourcePlace {
                path: path.clone(),
                line: *line,
            };
            stops.push(SourceStop {
                reach: *reach,
                asks_for_build: false,
                place,
            });
        }
    }
    stops
}

/// The feature that asks PyO3 for the limited API of builds with the GIL; none where the one of free-threaded builds is asked for too.
fn abi3_feature(reader: &SourceReader) -> Option<SourcePlace> {
    let own = || reader.cargos.iter().filter(|(path, _)| !is_aside(path));
    // A feature of the crate stands for others, and `default` is always on.
    let opened = |name: &str| -> Vec<String> {
        let found = own()
            .flat_map(|(_, cargo)| &cargo.own_features)
            .filter(|(own, _)| own == name);
        found
            .flat_map(|(_, inner)| inner.clone())
            .chain([name.to_owned()])
            .collect()
    };
    let mut on: Vec<(String, SourcePlace)> = Vec::new();
    for (path, cargo) in own() {
        let place = |line: u32| SourcePlace {
            path: path.clone(),
            line,
        };
        on.extend(
            cargo
                .features
                .iter()
                .map(|(feature, line)| (feature.clone(), place(*line))),
        );
        let default = cargo
            .own_features
            .iter()
            .filter(|(name, _)| name == "default")
            .flat_map(|(_, inner)| inner);
        on.extend(
            default
                .flat_map(|name| opened(name))
                .map(|feature| (feature, place(1))),
        );
    }
    for (feature, line) in &reader.system.features {
        let place = SourcePlace {
            path: "pyproject.toml".to_owned(),
            line: *line,
        };
        on.extend(
            opened(feature)
                .into_iter()
                .map(|feature| (feature, place.clone())),
        );
    }
    let last = |feature: &str| feature.rsplit('/').next().unwrap_or_default().to_owned();
    let is_of = |name: &str, feature: &str| {
        last(feature) == name || last(feature).starts_with(&format!("{name}-py"))
    };
    let has_both = on.iter().any(|(feature, _)| is_of("abi3t", feature));
    on.into_iter()
        .find(|(feature, _)| !has_both && is_of("abi3", feature))
        .map(|(_, place)| place)
}

/// Uses of the limited API in build files and in files that define modules.
fn limited_api(
    reader: &SourceReader,
    modules: &[SourceModule],
    has_rust: bool,
) -> Vec<LimitedApiUse> {
    let mut uses: Vec<LimitedApiUse> = reader
        .scripts
        .iter()
        .flat_map(|script| &script.limited_api)
        .filter(|it| counts(reader, it))
        .cloned()
        .collect();
    let is_told = reader
        .scripts
        .iter()
        .any(|script| script.has_word("_CFFI_NO_LIMITED_API"));
    let of: BTreeMap<&str, Generator> = modules
        .iter()
        .map(|module| (module.place.path.as_str(), module.generator))
        .collect();
    let counts = |path: &str| match of.get(path) {
        Some(Generator::Cffi) => !is_told,
        Some(_) => true,
        None => has_rust && rust::is_build_script(path) && !is_aside(path),
    };
    for (path, native) in reader.native.iter().filter(|(path, _)| counts(path)) {
        uses.extend(
            native
                .limited_api
                .iter()
                .map(|(line, reach)| LimitedApiUse {
                    user: LimitedApiUser::Headers,
                    means: "Py_LIMITED_API".to_owned(),
                    reach: *reach,
                    place: SourcePlace {
                        path: path.clone(),
                        line: *line,
                    },
                }),
        );
    }
    uses
}

/// Options of setuptools count where setuptools builds.
fn counts(reader: &SourceReader, found: &LimitedApiUse) -> bool {
    let backend = reader.system.backend.as_deref().unwrap_or("setuptools");
    let is_of_setuptools = matches!(found.place.path.as_str(), "setup.py" | "setup.cfg");
    let is_own = !reader.system.backend_path.is_empty();
    !is_of_setuptools || backend.contains("setuptools") || is_own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiled_module_among_sources_is_told_by_its_name() {
        for (path, expected) in [
            ("a/_x.cpython-314t-x86_64-linux-gnu.so", true),
            ("a/_x.abi3.so", true),
            ("a/my-mod.pyd", true),
            // Left over from a build for another interpreter.
            ("a/_x.cpython-311-x86_64-linux-gnu.so", false),
            ("a/libx.so", false),
            ("a/_x.c", false),
        ] {
            assert_eq!(is_compiled_module(path), expected, "{path}");
        }
    }
}
