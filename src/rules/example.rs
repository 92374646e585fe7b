//! A rule's own examples: subjects in a few words, and what the rule says of them.

mod facts;

use crate::model::outcome::ModuleOutcome;
use crate::model::subject::{Delegate, HiddenModule, InstallChoice, Subject};
use crate::model::target::{InvalidTarget, Target};

use super::raw::{ExampleExpectation, OfferKind, RawDelegate, RawExample};

/// One example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleExample {
    /// The line of the rule file on which it starts.
    pub line: Option<u32>,
    /// What the rule is to say.
    pub expect: ExampleExpectation,
    /// What it is said of.
    pub subject: Subject,
}

/// The subject that an example describes; the error says which word is no target.
pub(super) fn subject(raw: &RawExample) -> Result<Subject, InvalidTarget> {
    let target = Target {
        python: raw.python.get_ref().parse()?,
        platform: raw.platform.get_ref().parse()?,
    };
    let hidden = |path: &String| HiddenModule {
        path: path.clone(),
        module: path.clone(),
    };
    let modules: Vec<ModuleOutcome> = raw.modules.iter().map(facts::outcome).collect();
    let files = modules
        .iter()
        .zip(&raw.modules)
        .map(|(module, raw)| (module.path.clone(), facts::file(raw)));
    Ok(Subject {
        package: raw
            .package
            .as_ref()
            .map_or_else(|| "example".to_owned(), ToString::to_string),
        version: "1.0".to_owned(),
        target,
        offer: offer(raw),
        files: files.collect(),
        modules,
        hidden: raw.hidden.iter().map(hidden).collect(),
        problems: raw.problems.clone(),
        delegates: raw
            .delegates
            .iter()
            .map(|(name, raw)| (name.clone(), delegate(raw)))
            .collect(),
        distribution: facts::distribution(raw),
    })
}

fn offer(raw: &RawExample) -> InstallChoice {
    let filename = raw.file.clone();
    let why = raw.why.clone();
    match raw.offer {
        OfferKind::Wheel => InstallChoice::Wheel { filename },
        OfferKind::Pure => InstallChoice::Pure {
            filename,
            elsewhere: raw.lost.clone(),
        },
        OfferKind::PureFallback => InstallChoice::PureFallback {
            filename,
            lost: raw.lost.clone(),
        },
        OfferKind::Source => InstallChoice::Source {
            filename,
            build: None,
        },
        OfferKind::Nothing => InstallChoice::Nothing {
            why,
            requires_python: None,
        },
        OfferKind::OtherPython => InstallChoice::Nothing {
            why: String::new(),
            requires_python: Some(why),
        },
        OfferKind::Unknown => InstallChoice::Unknown { why },
    }
}

fn delegate(raw: &RawDelegate) -> Delegate {
    match raw {
        RawDelegate::Provided {
            package,
            gil,
            reason,
        } => Delegate::Provided {
            package: package.clone(),
            gil: *gil,
            reason: reason.clone(),
        },
        RawDelegate::Missing => Delegate::Missing,
        RawDelegate::Unknown { why } => Delegate::Unknown { why: why.clone() },
    }
}
