//! What predicates about packages mean.

use std::collections::BTreeMap;

use crate::model::distribution::FreeThreadingLevel;
use crate::model::evidence::Evidence;
use crate::model::facts::Fact;
use crate::model::subject::{InstallChoice, Subject};
use crate::model::wheel_name::WheelName;

use super::super::raw::{ClassifierKind, OfferKind, ReleaseKind, RuleCondition};
use super::{RuleView, TruthValue, claims};

/// How many files of a list become evidence.
const FILES_SHOWN: usize = 8;

/// The answer about the package.
pub(super) fn evaluate(condition: &RuleCondition, subject: &Subject) -> TruthValue {
    match condition {
        RuleCondition::AnyModule(condition) => any_module(condition, subject),
        RuleCondition::Package(names) => {
            TruthValue::of(names.iter().any(|name| *name.as_ref() == *subject.package))
        }
        RuleCondition::Offer(words) => offer(words, &subject.offer),
        RuleCondition::ModulesFound(wanted) => modules_found(*wanted, subject),
        RuleCondition::HiddenModules(wanted) => hidden_modules(*wanted, subject),
        RuleCondition::Problems(wanted) => TruthValue::of(subject.problems.is_empty() != *wanted),
        RuleCondition::Classifier(words) => classifier(words, subject),
        RuleCondition::Release(words) => release(words, subject),
        RuleCondition::Claims(words) => claims::evaluate(words, &subject.distribution),
        _ => TruthValue::No,
    }
}

/// That no module does is only known when nothing was out of sight.
fn any_module(condition: &RuleCondition, subject: &Subject) -> TruthValue {
    let unseen = match subject.problems.first() {
        Some(problem) => TruthValue::unknown(problem),
        None => TruthValue::No,
    };
    let of = |module| match condition.evaluate(RuleView {
        subject,
        module: Some(module),
    }) {
        TruthValue::Yes(mut seen) => {
            seen.found.insert(0, module.module.clone());
            TruthValue::Yes(seen)
        }
        other => other,
    };
    subject.modules.iter().map(of).fold(unseen, TruthValue::or)
}

fn offer(words: &[OfferKind], offer: &InstallChoice) -> TruthValue {
    let kind = match offer {
        InstallChoice::Wheel { .. } => OfferKind::Wheel,
        InstallChoice::Pure { .. } => OfferKind::Pure,
        InstallChoice::PureFallback { .. } => OfferKind::PureFallback,
        InstallChoice::Source { .. } => OfferKind::Source,
        InstallChoice::Nothing {
            requires_python: Some(_),
            ..
        } => OfferKind::OtherPython,
        InstallChoice::Nothing {
            requires_python: None,
            ..
        } => OfferKind::Nothing,
        InstallChoice::Unknown { .. } => OfferKind::Unknown,
    };
    match offer {
        InstallChoice::Unknown { why } if !words.contains(&kind) => TruthValue::unknown(why),
        InstallChoice::PureFallback { lost, .. } if words.contains(&kind) => {
            TruthValue::shown(listed("wheel that does not fit", lost), Vec::new())
        }
        InstallChoice::Source {
            build: Some(build), ..
        } if words.contains(&kind) => TruthValue::shown(build.evidence.clone(), Vec::new()),
        _ => TruthValue::of(words.contains(&kind)),
    }
}

/// That nothing was found is only known when nothing was out of sight.
fn modules_found(wanted: bool, subject: &Subject) -> TruthValue {
    match subject.problems.first() {
        Some(problem) if subject.modules.is_empty() => TruthValue::unknown(problem),
        _ => TruthValue::of(subject.modules.is_empty() != wanted),
    }
}

fn hidden_modules(wanted: bool, subject: &Subject) -> TruthValue {
    if subject.hidden.is_empty() == wanted {
        return TruthValue::No;
    }
    TruthValue::shown(
        listed(
            "file name",
            subject.hidden.iter().map(|hidden| &hidden.path),
        ),
        Vec::new(),
    )
}

fn classifier(words: &[ClassifierKind], subject: &Subject) -> TruthValue {
    let level = match &subject.distribution.free_threading {
        Fact::Known { value, .. } => value,
        Fact::Unknown { why, .. } => {
            return TruthValue::unknown(format!("its classifiers could not be read ({why})"));
        }
    };
    let kind = match level {
        None => ClassifierKind::Missing,
        Some(FreeThreadingLevel::Unstable) => ClassifierKind::Unstable,
        Some(FreeThreadingLevel::Beta) => ClassifierKind::Beta,
        Some(FreeThreadingLevel::Stable) => ClassifierKind::Stable,
        Some(FreeThreadingLevel::Resilient) => ClassifierKind::Resilient,
    };
    if !words.contains(&kind) {
        return TruthValue::No;
    }
    let evidence = level.map(|level| Evidence::new("classifier").value(classifier_words(level)));
    TruthValue::shown(evidence.into_iter().collect(), Vec::new())
}

/// The classifier as a project writes it.
pub(in crate::rules) fn classifier_words(level: FreeThreadingLevel) -> &'static str {
    match level {
        FreeThreadingLevel::Unstable => "Free Threading :: 1 - Unstable",
        FreeThreadingLevel::Beta => "Free Threading :: 2 - Beta",
        FreeThreadingLevel::Stable => "Free Threading :: 3 - Stable",
        FreeThreadingLevel::Resilient => "Free Threading :: 4 - Resilient",
    }
}

fn release(words: &[ReleaseKind], subject: &Subject) -> TruthValue {
    let wheels = match &subject.distribution.release {
        Fact::Known { value, .. } => value,
        Fact::Unknown { why, .. } => {
            return TruthValue::unknown(format!("which wheels it has is unknown ({why})"));
        }
    };
    let asked = |filename: &&String| {
        let name: Option<WheelName> = filename.parse().ok();
        name.is_some_and(|name| {
            name.abi
                .iter()
                .any(|tag| release_kind(tag).is_some_and(|kind| words.contains(&kind)))
        })
    };
    let found: Vec<String> = wheels.iter().filter(asked).cloned().collect();
    if found.is_empty() {
        TruthValue::No
    } else {
        TruthValue::shown(listed("wheel", &found), by_tag(&found))
    }
}

/// `cp38-abi3 (14 wheels)`: Python and ABI tag of wheels, with how many there are.
fn by_tag(wheels: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in wheels
        .iter()
        .filter_map(|filename| filename.parse::<WheelName>().ok())
    {
        *counts
            .entry(format!("{}-{}", name.python.join("."), name.abi.join(".")))
            .or_default() += 1;
    }
    let noun = |count| if count == 1 { "wheel" } else { "wheels" };
    counts
        .into_iter()
        .map(|(tag, count)| format!("{tag} ({count} {})", noun(count)))
        .collect()
}

fn release_kind(abi_tag: &str) -> Option<ReleaseKind> {
    match abi_tag {
        "abi3" => Some(ReleaseKind::Abi3),
        "abi3t" => Some(ReleaseKind::Abi3t),
        _ if !abi_tag.starts_with("cp") => None,
        _ if abi_tag.ends_with('t') => Some(ReleaseKind::FreeThreaded),
        _ => Some(ReleaseKind::Gil),
    }
}

fn listed<'a>(what: &str, files: impl IntoIterator<Item = &'a String>) -> Vec<Evidence> {
    files
        .into_iter()
        .take(FILES_SHOWN)
        .map(|file| Evidence::new(what).value(file.clone()))
        .collect()
}
