//! What predicates about modules mean.

use std::cmp::Reverse;

use crate::cpython::init_function;
use crate::model::distribution::{AbiClaim, DistributionFacts};
use crate::model::evidence::Evidence;
use crate::model::facts::{
    CallSites, DocumentedLevel, Fact, Flavour, GilDeclaration, Hazard, HazardConcern, Hook,
    ImageFacts, ImportOrigin, Interpreters, PortingKind, StableAbiAudit,
};
use crate::model::outcome::{Cause, Gil, ModuleOutcome};
use crate::model::subject::{Delegate, Subject, SubjectFile};
use crate::model::target::Python;
use crate::model::verdict::DeclaredBy;

use super::super::raw::{
    CodeSign, DeclaredByKind, DelegateState, GilValue, HazardKind, InterpretersKind, RuleCondition,
    StableAbiBreach,
};
use super::TruthValue;

/// How many things of a list become evidence.
const MOST_SHOWN: usize = 8;
/// How many functions that hold calls are named.
const FUNCTIONS_SHOWN: usize = 3;

/// The answer about one module.
pub(super) fn evaluate(
    condition: &RuleCondition,
    subject: &Subject,
    module: &ModuleOutcome,
) -> TruthValue {
    let view = (subject.target.python, module);
    let seen = |holds: bool| {
        if holds {
            TruthValue::shown(module.evidence.clone(), Vec::new())
        } else {
            TruthValue::No
        }
    };
    let image = || subject.files.get(&module.path).map(|file| &file.image);
    match condition {
        RuleCondition::Cause(words) if words.contains(&module.cause) => seen(true),
        RuleCondition::Cause(_) if module.cause == Cause::Unreadable => {
            TruthValue::unknown(&module.reason)
        }
        RuleCondition::Gil(words) if words.contains(&module.gil) => seen(true),
        RuleCondition::Gil(_) if module.gil == Gil::Unknown => TruthValue::unknown(&module.reason),
        RuleCondition::Init(words) => match module.init {
            Some(init) => seen(words.contains(&init)),
            None => TruthValue::unknown("how the module is initialised could not be read"),
        },
        RuleCondition::Generator(words) => match &module.toolchain {
            Some(toolchain) => seen(words.contains(&toolchain.generator)),
            None => TruthValue::unknown("which tool generated the module could not be read"),
        },
        RuleCondition::DeclaredBy(words) => declared_by(words, module),
        RuleCondition::Delegate(words) => delegate(words, subject, module),
        RuleCondition::GilValue(words) => of_image(image(), |image| {
            of_hook(image, view, |hook| gil_value(words, hook))
        }),
        RuleCondition::Interpreters(words) => of_image(image(), |image| {
            of_hook(image, view, |hook| interpreters(words, hook))
        }),
        RuleCondition::Hazard(words) => of_image(image(), |image| hazards(words, image)),
        RuleCondition::Porting(words) => of_image(image(), |image| porting(words, image)),
        RuleCondition::Code(words) => of_image(image(), |image| code(words, image)),
        RuleCondition::WritableData(least) => {
            of_image(image(), |image| writable_data(*least, image))
        }
        RuleCondition::StableAbi(words) => match subject.files.get(&module.path) {
            Some(file) => stable_abi(words, file, &subject.distribution),
            None => of_image(None, |_| TruthValue::No),
        },
        _ => TruthValue::No,
    }
}

fn unread(what: &str, why: &str) -> TruthValue {
    TruthValue::unknown(format!("{what} could not be read ({why})"))
}

fn of_image(image: Option<&ImageFacts>, ask: impl Fn(&ImageFacts) -> TruthValue) -> TruthValue {
    image.map_or_else(
        || TruthValue::unknown("no image of its file is for this target"),
        ask,
    )
}

fn declared_by(words: &[DeclaredByKind], module: &ModuleOutcome) -> TruthValue {
    let kind = match &module.declared_by {
        None => return TruthValue::No,
        Some(DeclaredBy::Author) => DeclaredByKind::Author,
        Some(DeclaredBy::Framework(_)) => DeclaredByKind::Framework,
        Some(DeclaredBy::Delegate(_)) => DeclaredByKind::Delegate,
        Some(DeclaredBy::Unclear) => DeclaredByKind::Unclear,
    };
    if words.contains(&kind) {
        return TruthValue::shown(module.evidence.clone(), Vec::new());
    }
    match kind {
        DeclaredByKind::Unclear => {
            TruthValue::unknown("which tool or version generated the module could not be read")
        }
        _ => TruthValue::No,
    }
}

fn delegate(words: &[DelegateState], subject: &Subject, module: &ModuleOutcome) -> TruthValue {
    let Some(name) = &module.delegate else {
        return TruthValue::No;
    };
    let only_asks_for_missing = words.iter().all(|word| *word == DelegateState::Missing);
    let state = match subject.delegates.get(name) {
        None => {
            return TruthValue::unknown(format!(
                "it was not looked up which package provides {name}"
            ));
        }
        Some(Delegate::Unknown { why }) => return TruthValue::unknown(why),
        Some(Delegate::Missing) => DelegateState::Missing,
        // Whatever it does, it is there.
        Some(Delegate::Provided { .. }) if only_asks_for_missing => return TruthValue::No,
        Some(Delegate::Provided {
            package,
            gil,
            reason,
        }) => match gil {
            Gil::NotUsed => DelegateState::NotUsed,
            Gil::Used => DelegateState::Used,
            Gil::NotLoadable => DelegateState::NotLoadable,
            Gil::Delegated => {
                return TruthValue::unknown(format!("{name} of {package} itself delegates"));
            }
            Gil::Unknown => {
                return TruthValue::unknown(format!(
                    "{name} of {package} is unknown itself: {reason}"
                ));
            }
        },
    };
    if !words.contains(&state) {
        return TruthValue::No;
    }
    let mut evidence = module.evidence.clone();
    if let Some(Delegate::Provided {
        package, reason, ..
    }) = subject.delegates.get(name)
    {
        evidence.insert(0, Evidence::new(format!("{name} of {package}: {reason}")));
    }
    TruthValue::shown(evidence, Vec::new())
}

/// The answer for the hook that the target calls. What another one would say, such as the one for newer versions, is not
/// asked: it would make the module doubtful on a target that never calls it.
fn of_hook(
    image: &ImageFacts,
    (python, module): (Python, &ModuleOutcome),
    ask: impl Fn(&Hook) -> TruthValue,
) -> TruthValue {
    let name = module.module.rsplit('.').next().unwrap_or(&module.module);
    match &image.hooks {
        Fact::Known { value: hooks, .. } => {
            init_function::called(hooks, name, python).map_or(TruthValue::No, ask)
        }
        Fact::Unknown { why, .. } => unread("which hooks it has", why),
    }
}

fn gil_value(words: &[GilValue], hook: &Hook) -> TruthValue {
    let (declaration, evidence) = match &hook.facts.gil {
        Fact::Known { value, evidence } => (value, evidence),
        Fact::Unknown { why, .. } => return unread("its declaration about the GIL", why),
    };
    let value = match declaration {
        GilDeclaration::Slot { value } | GilDeclaration::SetGil { value } => *value,
        GilDeclaration::Absent | GilDeclaration::NotAModule | GilDeclaration::Delegated { .. } => {
            return TruthValue::No;
        }
    };
    let kind = match value {
        0 => GilValue::Used,
        1 => GilValue::NotUsed,
        _ => GilValue::Other,
    };
    if words.contains(&kind) {
        TruthValue::shown(evidence.clone(), vec![value.to_string()])
    } else {
        TruthValue::No
    }
}

fn interpreters(words: &[InterpretersKind], hook: &Hook) -> TruthValue {
    let (value, evidence) = match &hook.facts.interpreters {
        Fact::Known { value, evidence } => (value, evidence),
        Fact::Unknown { why, .. } => return unread("what it says of sub-interpreters", why),
    };
    let kind = match value {
        None => InterpretersKind::Missing,
        Some(Interpreters::NotSupported) => InterpretersKind::NotSupported,
        Some(Interpreters::Supported) => InterpretersKind::Supported,
        Some(Interpreters::PerInterpreterGil) => InterpretersKind::PerInterpreterGil,
        Some(Interpreters::Other(_)) => InterpretersKind::Other,
    };
    if words.contains(&kind) {
        TruthValue::shown(evidence.clone(), Vec::new())
    } else {
        TruthValue::No
    }
}

/// Imports that the generator's own run-time support has are not the author's doing. The most called come first.
fn hazards(words: &[HazardKind], image: &ImageFacts) -> TruthValue {
    let hazards = match &image.hazards {
        Fact::Known { value, .. } => value,
        Fact::Unknown { why, .. } => return unread("which functions of the C API it uses", why),
    };
    let mut asked: Vec<&Hazard> = hazards
        .iter()
        .filter(|hazard| hazard.origin != ImportOrigin::Generator)
        .filter(|hazard| kind_of(hazard).is_some_and(|kind| words.contains(&kind)))
        .collect();
    asked.sort_by_key(|hazard| Reverse(hazard.call_sites.as_ref().map_or(0, |sites| sites.count)));
    if asked.is_empty() {
        return TruthValue::No;
    }
    let evidence = asked
        .iter()
        .take(MOST_SHOWN)
        .map(|hazard| hazard_evidence(hazard))
        .collect();
    TruthValue::shown(
        evidence,
        asked.iter().map(|hazard| hazard_words(hazard)).collect(),
    )
}

fn kind_of(hazard: &Hazard) -> Option<HazardKind> {
    let of_level = |level| match level {
        DocumentedLevel::Incompatible => HazardKind::Incompatible,
        DocumentedLevel::Compatible => HazardKind::Compatible,
        DocumentedLevel::Distinct => HazardKind::Distinct,
        DocumentedLevel::Shared => HazardKind::Shared,
    };
    let of_concern = |concern| match concern {
        HazardConcern::BorrowedReference => HazardKind::BorrowedReference,
        HazardConcern::OwnedByArgument => HazardKind::OwnedByArgument,
        HazardConcern::ThreadState => HazardKind::ThreadState,
        HazardConcern::Obsolete => HazardKind::Obsolete,
        HazardConcern::ObjectMemory => HazardKind::ObjectMemory,
        HazardConcern::AllocatorHook => HazardKind::AllocatorHook,
        HazardConcern::ReferenceCount => HazardKind::ReferenceCount,
    };
    hazard
        .concern
        .map(of_concern)
        .or_else(|| hazard.level.map(of_level))
}

/// The function, where it is called, and what to call instead: `PyList_GetItem in 3 places (PyList_GetItemRef, 3.13)`.
fn hazard_words(hazard: &Hazard) -> String {
    let symbol = &hazard.symbol;
    let sites = hazard
        .call_sites
        .as_ref()
        .map_or_else(String::new, |sites| format!(" in {}", called(sites)));
    let instead = hazard
        .replacement
        .as_ref()
        .map_or_else(String::new, |replacement| match replacement.since {
            Some(minor) => format!(" ({}, 3.{minor})", replacement.name),
            None => format!(" ({})", replacement.name),
        });
    format!("{symbol}{sites}{instead}")
}

/// In how many places; an import that no instruction names may be called through a table.
fn called(sites: &CallSites) -> String {
    if sites.count == 0 {
        "no place that was seen".to_owned()
    } else {
        places(sites.count)
    }
}

fn hazard_evidence(hazard: &Hazard) -> Evidence {
    let what = match hazard.origin {
        ImportOrigin::Author => "imported function",
        ImportOrigin::Generator | ImportOrigin::Unclear => {
            "imported function, perhaps by the generator's doing"
        }
    };
    let evidence = Evidence::new(what).symbol(&hazard.symbol);
    let Some(sites) = &hazard.call_sites else {
        return evidence;
    };
    let functions = sites
        .functions
        .iter()
        .take(FUNCTIONS_SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    let within = if functions.is_empty() {
        functions
    } else {
        format!(", as in {functions}")
    };
    let evidence = evidence.value(format!("{}{within}", called(sites)));
    match sites.example {
        Some(address) => evidence.address(address),
        None => evidence,
    }
}

fn porting(words: &[PortingKind], image: &ImageFacts) -> TruthValue {
    let signs = match &image.porting {
        Fact::Known { value, .. } => value,
        Fact::Unknown { why, .. } => {
            return unread("whether it was prepared for several threads", why);
        }
    };
    let asked: Vec<_> = signs
        .iter()
        .filter(|sign| sign.origin != ImportOrigin::Generator && words.contains(&sign.kind))
        .collect();
    if asked.is_empty() {
        return TruthValue::No;
    }
    let symbols: Vec<String> = asked
        .iter()
        .flat_map(|sign| sign.symbols.iter().cloned())
        .collect();
    let evidence = symbols
        .iter()
        .take(MOST_SHOWN)
        .map(|symbol| Evidence::new("imported symbol").symbol(symbol))
        .collect();
    TruthValue::shown(evidence, symbols)
}

/// What was not seen may still be there, but as a rule it is not; of code that was not all read nobody knows.
fn code(words: &[CodeSign], image: &ImageFacts) -> TruthValue {
    let code = match &image.code {
        Fact::Known { value, .. } => value,
        Fact::Unknown { why, .. } => return unread("what its instructions show", why),
    };
    let seen = words.iter().map(|word| match word {
        CodeSign::NonAtomicCounting => (code.non_atomic_counting, "counting that is not atomic"),
        CodeSign::BiasedCounting => (code.biased_counting, "biased counting"),
        CodeSign::SoleOwnerTest => (code.sole_owner_tests, "a test for a sole owner"),
        CodeSign::Atomic => (code.atomics, "an atomic operation"),
    });
    let seen: Vec<_> = seen.filter(|(sightings, _)| sightings.count > 0).collect();
    if seen.is_empty() {
        return if code.is_complete {
            TruthValue::No
        } else {
            unread("all its instructions", "it has too many")
        };
    }
    let found = seen
        .iter()
        .map(|(sightings, what)| format!("{what} in {}", places(sightings.count)))
        .collect();
    let evidence = seen.iter().map(|(sightings, what)| {
        let evidence = Evidence::new(format!("{what} in the code")).value(places(sightings.count));
        match sightings.example {
            Some(address) => evidence.address(address),
            None => evidence,
        }
    });
    TruthValue::shown(evidence.collect(), found)
}

fn places(count: u32) -> String {
    if count == 1 {
        "1 place".to_owned()
    } else {
        format!("{count} places")
    }
}

fn writable_data(least: u64, image: &ImageFacts) -> TruthValue {
    match &image.writable_data {
        Fact::Unknown { why, .. } => unread("how much static data it writes to", why),
        Fact::Known { value, evidence } => {
            let bytes = value.initialised.saturating_add(value.zeroed);
            if bytes < least {
                return TruthValue::No;
            }
            let mut evidence = evidence.clone();
            if evidence.is_empty() {
                evidence
                    .push(Evidence::new("writable static data").value(format!("{bytes} bytes")));
            }
            TruthValue::shown(evidence, vec![format!("{bytes} bytes")])
        }
    }
}

fn stable_abi(
    words: &[StableAbiBreach],
    file: &SubjectFile,
    distribution: &DistributionFacts,
) -> TruthValue {
    match &file.image.limited_api {
        Fact::Unknown { why, .. } if claims_stable_abi(file, distribution) => {
            unread("which symbols it imports", why)
        }
        _ => breaches(words, &file.audits),
    }
}

fn claims_stable_abi(file: &SubjectFile, distribution: &DistributionFacts) -> bool {
    let is_stable = |claim: &AbiClaim| matches!(claim, AbiClaim::Cpython(abi) if matches!(abi.flavour, Flavour::Abi3 | Flavour::Abi3t));
    let tags = distribution
        .name_claims
        .value()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let by_tag = || tags.iter().any(|tag| is_stable(&tag.claim));
    is_stable(&file.claim) || (file.claim == AbiClaim::Nothing && by_tag())
}

fn breaches(words: &[StableAbiBreach], audits: &[StableAbiAudit]) -> TruthValue {
    let mut evidence = Vec::new();
    let mut found = Vec::new();
    for audit in audits {
        let of_claim = |symbol: &String| {
            Evidence::new(format!("imported, not in {}", audit.claim)).symbol(symbol)
        };
        if words.contains(&StableAbiBreach::Outside) {
            evidence.extend(audit.outside.iter().map(of_claim));
            found.extend(
                audit
                    .outside
                    .iter()
                    .map(|symbol| format!("{symbol} (not in it)")),
            );
        }
        if words.contains(&StableAbiBreach::TooNew) {
            evidence.extend(audit.too_new.iter().map(|symbol| of_claim(&symbol.symbol)));
            let words = audit.too_new.iter();
            found.extend(words.map(|it| format!("{} (in it from 3.{} on)", it.symbol, it.since)));
        }
    }
    if found.is_empty() {
        return TruthValue::No;
    }
    evidence.truncate(MOST_SHOWN);
    found.dedup();
    TruthValue::shown(evidence, found)
}
