//! What the target's import system would do with compiled files: which of them it finds, which hook it calls, whether
//! that loads, and what it does to the GIL.
//!
//! Pure: facts and a target in, outcomes out. What is known and bad wins over what is unknown (a file for the wrong build
//! fails, whatever it declares); what is unknown wins over what is good, so [`Gil::NotUsed`] means that every fact it
//! rests on was read.
//!
//! On a target with the GIL only loading matters: a module that loads gets [`Gil::NotUsed`] with
//! [`Cause::BuildWithGil`], whatever it declares.

pub mod claims;
pub mod delegates;
mod gil;
mod hook;
mod load;
mod name;
mod provenance;
mod search;

use std::collections::{BTreeMap, BTreeSet};

use crate::cpython::file_name::{ExtensionSuffix, FileTag};
use crate::cpython::init_function;
use crate::cpython::platform::image_is_meant_by;
use crate::model::evidence::Evidence;
use crate::model::facts::{Fact, Hook, HookKind, ImageFacts, ImageFormat, ModuleFacts};
use crate::model::outcome::{Cause, Gil, ModuleOutcome};
use crate::model::passed_over::PassedOver;
use crate::model::subject::HiddenModule;
use crate::model::target::{Architecture, Platform, System, Target};
use crate::model::verdict::DeclaredBy;

use gil::DeclarationMeaning;
use load::LoadCheck;
use name::{InstalledName, ModulePlace};
use search::{InPlaceOfModule, TakenFile};

/// What happens to each compiled module of an artifact that the target finds, by dotted name.
///
/// Of several files that would give the same module only the first counts, in the order in which the import system looks for
/// them. Files without any hook are no modules and are left out, unless one is taken in place of a module; so are those for
/// other systems when the same module is there for the target's.
pub fn outcomes(files: &[ModuleFacts], target: Target) -> Vec<ModuleOutcome> {
    let mut native = Vec::new();
    let mut foreign = Vec::new();
    for TakenFile {
        installed,
        facts,
        in_place_of_module,
    } in search::taken_files(files, target)
    {
        let images: Vec<&ImageFacts> = facts
            .images
            .iter()
            .filter(|image| runs_on(image, target.platform))
            .collect();
        if images.is_empty() {
            foreign.push((installed, facts));
            continue;
        }
        let worst = images
            .into_iter()
            .filter_map(|image| {
                image_outcome(image, &facts.path, &installed, in_place_of_module, target)
            })
            .max_by_key(|outcome| badness(outcome.gil));
        native.extend(worst);
    }
    let stems: BTreeSet<String> = native
        .iter()
        .map(|outcome| last(&outcome.module).to_owned())
        .collect();
    let foreign = foreign
        .into_iter()
        .filter(|(installed, _)| !stems.contains(last(&installed.module)))
        .filter_map(|(installed, facts)| foreign_outcome(facts, installed, target));
    let mut all: Vec<ModuleOutcome> = native.into_iter().chain(foreign).collect();
    all.sort_by(|left, right| left.module.cmp(&right.module));
    all
}

/// The image that the target would load from a file: the one for its system and processor.
pub fn image_for(facts: &ModuleFacts, target: Target) -> Option<&ImageFacts> {
    facts
        .images
        .iter()
        .find(|image| runs_on(image, target.platform))
}

/// Modules that are only there under names that the target does not look for: importing them raises `ModuleNotFoundError`.
///
/// A file for another platform is one of them, unless the artifact is for that platform too: `tags` are its platform tags,
/// none where nothing says which platforms it is for.
pub fn hidden(files: &[ModuleFacts], target: Target, tags: &[&str]) -> Vec<HiddenModule> {
    let visible: BTreeSet<ModulePlace> = search::by_place(files, target).into_keys().collect();
    let mut hidden = BTreeMap::new();
    for facts in files {
        let Some(installed) = name::installed(&facts.path) else {
            continue;
        };
        let place = search::wanted_place(facts, &installed);
        let is_elsewhere = is_for_another_interpreter(facts, &installed, target)
            || is_stray(facts, &installed, tags);
        if !visible.contains(place) && is_module(facts, &installed) && is_elsewhere {
            hidden.entry(place.clone()).or_insert_with(|| HiddenModule {
                path: facts.path.clone(),
                module: installed.module.clone(),
            });
        }
    }
    hidden.into_values().collect()
}

/// Whether some interpreter would import the file under its name.
fn is_module(facts: &ModuleFacts, installed: &InstalledName) -> bool {
    let has_hook = |image: &ImageFacts| match &image.hooks {
        Fact::Known { value, .. } => value.iter().any(|hook| hook.matches_file_name),
        Fact::Unknown { .. } => true,
    };
    search::is_debug_build(facts, installed) || facts.images.iter().any(has_hook)
}

/// Whether another interpreter on the target's system would look for the file.
fn is_for_another_interpreter(
    facts: &ModuleFacts,
    installed: &InstalledName,
    target: Target,
) -> bool {
    let extension = if target.platform.system == System::Windows {
        ExtensionSuffix::Pyd
    } else {
        ExtensionSuffix::So
    };
    let is_tagged = installed.tag != FileTag::Plain || search::is_debug_build(facts, installed);
    let is_named_so = installed.extension == extension && is_tagged;
    is_named_so
        && facts
            .images
            .iter()
            .any(|image| runs_on(image, target.platform))
}

/// Whether the file is for a platform that no tag of its artifact speaks of: by its name, or by its bytes where the name does
/// not say it.
fn is_stray(facts: &ModuleFacts, installed: &InstalledName, tags: &[&str]) -> bool {
    let is_meant_by = |tag: &&str| match &installed.platform {
        Some(platform) => platform.is_meant_by(tag),
        None => facts
            .images
            .iter()
            .any(|image| image_is_meant_by(image.format, &image.architecture, tag)),
    };
    !tags.iter().any(is_meant_by)
}

/// Files of modules that the target's import system passes over, because it takes another file, or is no debug build.
pub fn passed_over(files: &[ModuleFacts], target: Target) -> Vec<PassedOver> {
    search::passed_over(files, target)
}

/// Whether any image has a hook, or its hooks are unknown.
pub fn could_be_module(facts: &ModuleFacts) -> bool {
    facts.images.is_empty()
        || facts
            .images
            .iter()
            .any(|image| image.hooks.value().is_none_or(|hooks| !hooks.is_empty()))
}

fn last(module: &str) -> &str {
    module.rsplit('.').next().unwrap_or(module)
}

/// Whether the image is for the platform's system and processor.
fn runs_on(image: &ImageFacts, platform: Platform) -> bool {
    let format = match platform.system {
        System::Manylinux(..) | System::Musllinux(..) => ImageFormat::Elf,
        System::Macos(..) => ImageFormat::MachO,
        System::Windows => ImageFormat::Pe,
    };
    let words: &[&str] = match platform.architecture {
        Architecture::X86_64 => &["x86_64", "amd64"],
        Architecture::Aarch64 => &["aarch64", "arm64"],
    };
    image.format == format && words.contains(&image.architecture.as_str())
}

/// Of several slices of a file, the worst counts; known bad before unknown before good.
fn badness(gil: Gil) -> u8 {
    match gil {
        Gil::NotUsed => 0,
        Gil::Delegated => 1,
        Gil::Unknown => 2,
        Gil::Used => 3,
        Gil::NotLoadable => 4,
    }
}

/// What was decided about one image.
struct ImportDecision {
    gil: Gil,
    cause: Cause,
    reason: String,
    delegate: Option<String>,
    declared_by: Option<DeclaredBy>,
    evidence: Vec<Evidence>,
}

impl ImportDecision {
    fn new(
        gil: Gil,
        cause: Cause,
        reason: impl Into<String>,
        evidence: Vec<Evidence>,
    ) -> ImportDecision {
        ImportDecision {
            gil,
            cause,
            reason: reason.into(),
            delegate: None,
            declared_by: None,
            evidence,
        }
    }
}

/// What happens to the module of this image; `None` when it is none.
fn image_outcome(
    image: &ImageFacts,
    path: &str,
    installed: &InstalledName,
    in_place_of_module: InPlaceOfModule,
    target: Target,
) -> Option<ModuleOutcome> {
    let (decision, called) = match &image.hooks {
        Fact::Unknown { why, evidence } => {
            let reason = format!("which hooks the file has could not be read ({why})");
            (
                ImportDecision::new(Gil::Unknown, Cause::Unreadable, reason, evidence.clone()),
                None,
            )
        }
        Fact::Known { value: hooks, .. } => {
            match init_function::called(hooks, last(&installed.module), target.python) {
                Some(called) if hook::is_placeholder(image, called) => return None,
                Some(called) => (decide(image, called, target), Some(called)),
                None if in_place_of_module == InPlaceOfModule::No
                    && (hooks.is_empty() || is_library(installed)) =>
                {
                    return None;
                }
                None => (no_matching_hook(hooks, installed, target), None),
            }
        }
    };
    Some(ModuleOutcome {
        path: path.to_owned(),
        module: installed.module.clone(),
        gil: decision.gil,
        cause: decision.cause,
        reason: decision.reason,
        delegate: decision.delegate,
        declared_by: decision.declared_by,
        init: called.and_then(|hook| hook.facts.init.value().copied()),
        abi: image.abi.value().cloned(),
        toolchain: image.toolchain.value().cloned(),
        evidence: decision.evidence,
    })
}

/// Whether a file whose hooks are all for other names is a library that others link to, and no module by mistake.
fn is_library(installed: &InstalledName) -> bool {
    installed.suffix == ".so" && installed.stem.starts_with("lib")
}

fn no_matching_hook(hooks: &[Hook], installed: &InstalledName, target: Target) -> ImportDecision {
    let asks_for =
        |kind| target.python.minor >= init_function::FIRST_WITH_EXPORT || kind == HookKind::Init;
    let wanted = init_function::symbols(last(&installed.module))
        .into_iter()
        .filter(|(kind, _)| asks_for(*kind));
    // In the order in which they are asked for.
    let wanted: Vec<String> = wanted.map(|(_, symbol)| symbol).rev().collect();
    let wanted = wanted.join(" or ");
    let reason = format!(
        "has no hook {wanted}, so importing it on {} raises ImportError",
        target.python
    );
    let evidence = hooks.iter().take(8).map(hook::evidence).collect();
    ImportDecision::new(Gil::NotLoadable, Cause::NoMatchingHook, reason, evidence)
}

/// What calling the hook leads to. What decides comes first in the evidence, then the hook, then what else it rests on.
fn decide(image: &ImageFacts, called: &Hook, target: Target) -> ImportDecision {
    let python = target.python;
    let hook = hook::evidence(called);
    let mut unclear = Vec::new();
    for check in load::checks(image, called, python) {
        match check {
            LoadCheck::Accepted => {}
            LoadCheck::Refused(refusal) => {
                let evidence = [refusal.evidence, vec![hook]].concat();
                return ImportDecision::new(
                    Gil::NotLoadable,
                    refusal.cause,
                    refusal.reason,
                    evidence,
                );
            }
            LoadCheck::Unclear(why) => unclear.push(why),
        }
    }
    let meaning = gil::meaning(called, python);
    let declared = if python.free_threaded {
        called.facts.gil.evidence()
    } else {
        &[]
    };
    let mut evidence = [declared, &[hook]].concat();
    if python.free_threaded {
        match &meaning {
            DeclarationMeaning::Used { cause, words } => {
                return ImportDecision::new(Gil::Used, *cause, words.clone(), evidence);
            }
            DeclarationMeaning::Unclear(why) => unclear.insert(0, why.clone()),
            DeclarationMeaning::NotUsed { .. } => unclear.extend(unclear_init(called)),
            DeclarationMeaning::Delegated { .. } => {}
        }
    }
    // One reason is enough: what is missing of the declaration first.
    let unclear = unclear.into_iter().next();
    if !python.free_threaded {
        // Such a build has the GIL whatever the file is: what could not be read leaves open at most whether it loads.
        evidence.extend_from_slice(image.abi.evidence());
        let reason = match unclear {
            Some(why) => {
                format!("{python} always has the GIL; whether the file loads is not known ({why})")
            }
            None => format!("loads; {python} always has the GIL"),
        };
        return ImportDecision::new(Gil::NotUsed, Cause::BuildWithGil, reason, evidence);
    }
    if let Some(why) = unclear {
        return ImportDecision::new(Gil::Unknown, Cause::Unreadable, why, evidence);
    }
    evidence.extend_from_slice(image.abi.evidence());
    accepted(image, meaning, evidence)
}

/// A declaration is only believed when it is known how the module comes about.
fn unclear_init(called: &Hook) -> Option<String> {
    match &called.facts.init {
        Fact::Known { .. } => None,
        Fact::Unknown { why, .. } => Some(format!(
            "how the module is initialised could not be read ({why})"
        )),
    }
}

/// The decision about a file that loads on a free-threaded build and does not itself switch the GIL on.
fn accepted(
    image: &ImageFacts,
    meaning: DeclarationMeaning,
    evidence: Vec<Evidence>,
) -> ImportDecision {
    match meaning {
        DeclarationMeaning::NotUsed { words } => ImportDecision {
            declared_by: Some(provenance::declared_by(&image.toolchain)),
            ..ImportDecision::new(Gil::NotUsed, Cause::DeclaredNotUsed, words, evidence)
        },
        DeclarationMeaning::Delegated { to } => ImportDecision {
            declared_by: Some(DeclaredBy::Delegate(to.clone())),
            delegate: Some(to.clone()),
            ..ImportDecision::new(
                Gil::Delegated,
                Cause::Delegated,
                format!("{to} makes the module and declares for it"),
                evidence,
            )
        },
        DeclarationMeaning::Used { cause, words } => {
            ImportDecision::new(Gil::Used, cause, words, evidence)
        }
        DeclarationMeaning::Unclear(why) => {
            ImportDecision::new(Gil::Unknown, Cause::Unreadable, why, evidence)
        }
    }
}

/// The outcome of a file without an image for the target's platform.
fn foreign_outcome(
    facts: &ModuleFacts,
    installed: InstalledName,
    target: Target,
) -> Option<ModuleOutcome> {
    let has_hook = |image: &ImageFacts| {
        image
            .hooks
            .value()
            .is_none_or(|hooks| hooks.iter().any(|hook| hook.matches_file_name))
    };
    let (gil, cause, reason) = if facts.images.is_empty() {
        (
            Gil::Unknown,
            Cause::Unreadable,
            "no image could be read from the file".to_owned(),
        )
    } else if facts.images.iter().any(has_hook) {
        let built: Vec<String> = facts.images.iter().map(describe).collect();
        let reason = format!(
            "built for {}, so importing it on {} raises ImportError",
            built.join(", "),
            target.platform
        );
        (Gil::NotLoadable, Cause::ForeignPlatform, reason)
    } else {
        return None;
    };
    let evidence = facts
        .images
        .iter()
        .map(|image| Evidence::new("image").value(describe(image)))
        .collect();
    Some(ModuleOutcome {
        path: facts.path.clone(),
        module: installed.module,
        gil,
        cause,
        reason,
        delegate: None,
        declared_by: None,
        init: None,
        abi: None,
        toolchain: None,
        evidence,
    })
}

fn describe(image: &ImageFacts) -> String {
    let format = match image.format {
        ImageFormat::Elf => "ELF",
        ImageFormat::MachO => "Mach-O",
        ImageFormat::Pe => "PE",
    };
    format!("{format} {}", image.architecture)
}
