//! Which of several files the import system takes for a module: `FileFinder.find_spec` in
//! `Lib/importlib/_bootstrap_external.py`.
//!
//! In one folder it looks for the package of the module's name first, then for the module's files, each time by the suffixes
//! in their order. The first file that is there is taken, whatever is in it: an import of one that holds no module fails, and
//! no other is tried. A debug build on Windows looks for other names, `x_d.pyd`, and a release build never does.

use std::collections::BTreeMap;

use crate::cpython::file_name::FileTag;
use crate::cpython::init_function;
use crate::cpython::suffixes::extension_suffixes;
use crate::model::facts::{ImageFacts, ImageFormat, ModuleFacts};
use crate::model::passed_over::{PassedOver, WhyPassedOver};
use crate::model::target::Target;

use super::could_be_module;
use super::name::{self, InstalledName, ModulePlace};

/// A file that is taken for a module.
pub(super) struct TakenFile<'a> {
    pub(super) installed: InstalledName,
    pub(super) facts: &'a ModuleFacts,
    pub(super) in_place_of_module: InPlaceOfModule,
}

/// Whether a file without a hook is taken although another one has a hook for the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InPlaceOfModule {
    Yes,
    No,
}

/// A file that the target looks for; of one place, the smallest rank is taken.
pub(super) struct RankedFile<'a> {
    rank: (FinderStep, usize),
    installed: InstalledName,
    facts: &'a ModuleFacts,
}

/// A package wins over a module of the same name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum FinderStep {
    Package,
    Module,
}

/// The files that the target looks for, by place, the one that is taken first.
pub(super) fn by_place(
    files: &[ModuleFacts],
    target: Target,
) -> BTreeMap<ModulePlace, Vec<RankedFile<'_>>> {
    let suffixes = extension_suffixes(target);
    let mut places: BTreeMap<ModulePlace, Vec<RankedFile<'_>>> = BTreeMap::new();
    for facts in files {
        let Some(installed) = name::installed(&facts.path) else {
            continue;
        };
        let Some(position) = suffixes
            .iter()
            .position(|suffix| *suffix == installed.suffix)
        else {
            continue;
        };
        if is_debug_build(facts, &installed) {
            continue;
        }
        let kind = if installed.is_package {
            FinderStep::Package
        } else {
            FinderStep::Module
        };
        let ranked = RankedFile {
            rank: (kind, position),
            facts,
            installed,
        };
        places
            .entry(ranked.installed.place.clone())
            .or_default()
            .push(ranked);
    }
    places
        .values_mut()
        .for_each(|ranked| ranked.sort_by_key(|each| each.rank));
    places.retain(|_, ranked| ranked.iter().any(|each| could_be_module(each.facts)));
    places
}

/// The files that are taken. Two of one rank, which an installer lays over each other, are both.
pub(super) fn taken_files(files: &[ModuleFacts], target: Target) -> Vec<TakenFile<'_>> {
    by_place(files, target)
        .into_values()
        .flat_map(of_place)
        .collect()
}

fn of_place(ranked: Vec<RankedFile<'_>>) -> Vec<TakenFile<'_>> {
    let best = ranked.first().map(|first| first.rank);
    let (first, behind): (Vec<_>, Vec<_>) =
        ranked.into_iter().partition(|each| Some(each.rank) == best);
    let hides = behind.iter().any(|each| could_be_module(each.facts));
    let mut taken = Vec::new();
    for RankedFile {
        installed, facts, ..
    } in first
    {
        let is_module = could_be_module(facts);
        let in_place_of_module = if hides && !is_module {
            InPlaceOfModule::Yes
        } else {
            InPlaceOfModule::No
        };
        if is_module || hides {
            taken.push(TakenFile {
                installed,
                facts,
                in_place_of_module,
            });
        }
    }
    taken
}

/// Modules in files that are not taken, and those for debug builds of modules that are there.
pub(super) fn passed_over(files: &[ModuleFacts], target: Target) -> Vec<PassedOver> {
    let places = by_place(files, target);
    let mut passed_over = Vec::new();
    for ranked in places.values() {
        let Some(first) = ranked.first() else {
            continue;
        };
        let behind = ranked
            .iter()
            .filter(|each| each.rank != first.rank && could_be_module(each.facts));
        passed_over.extend(behind.map(|each| PassedOver {
            path: each.facts.path.clone(),
            why: WhyPassedOver::BehindFile(first.facts.path.clone()),
        }));
    }
    for facts in files {
        let Some(installed) = name::installed(&facts.path) else {
            continue;
        };
        let is_debug = is_debug_build(facts, &installed) || is_tagged_debug(&installed);
        if is_debug && places.contains_key(wanted_place(facts, &installed)) {
            passed_over.push(PassedOver {
                path: facts.path.clone(),
                why: WhyPassedOver::DebugBuild,
            });
        }
    }
    passed_over.sort();
    passed_over
}

/// The place of the module that the file was made for.
pub(super) fn wanted_place<'a>(
    facts: &ModuleFacts,
    installed: &'a InstalledName,
) -> &'a ModulePlace {
    installed
        .debug_place
        .as_ref()
        .filter(|_| is_debug_build(facts, installed))
        .unwrap_or(&installed.place)
}

/// Whether a debug build on Windows imports the file, and a release build cannot: its hook is for the name without `_d`.
pub(super) fn is_debug_build(facts: &ModuleFacts, installed: &InstalledName) -> bool {
    let Some((_, stem)) = &installed.debug_place else {
        return false;
    };
    let is_of_debug = |image: &ImageFacts| {
        image.format == ImageFormat::Pe
            && image.hooks.value().is_some_and(|hooks| {
                hooks.iter().all(|hook| !hook.matches_file_name)
                    && hooks
                        .iter()
                        .any(|hook| init_function::is_same_module(&hook.module, stem))
            })
    };
    !facts.images.is_empty() && facts.images.iter().all(is_of_debug)
}

fn is_tagged_debug(installed: &InstalledName) -> bool {
    match installed.tag {
        FileTag::Cpython(build, _) => build.debug,
        FileTag::Plain | FileTag::Abi3(_) | FileTag::Abi3t(_) | FileTag::Other(_) => false,
    }
}
