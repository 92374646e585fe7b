//! What all files of a source distribution come to: its modules, each with what is declared for it and whether the build makes it.

mod build_plan;
mod doubts;
mod limited_api_use;

use crate::model::facts::Generator;
use crate::model::source::{
    ModuleStanding, SourceDeclaration, SourceFacts, SourceModule, SourcePlace, SourceStop,
};

use super::naming::{WordIndex, stem};
use super::script::BuildScript;
use super::{SourceReader, backends, cython, is_aside};

use build_plan::BuildPlan;

use limited_api_use::{abi3_feature, left_out, limited_api};

/// How many modules of one source distribution are told apart, and how many doubts are kept.
const MOST_MODULES: usize = 5_000;
const MOST_DOUBTS: usize = 64;

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
