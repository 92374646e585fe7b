//! A rule as its TOML file writes it.

use std::collections::BTreeMap;

use serde::Deserialize;
pub(super) use toml::Spanned;

use crate::model::facts::InitKind;
use crate::model::finding::Level;
use crate::model::outcome::{Cause, Gil};
use crate::model::verdict::{DeclaredBy, Verdict};

use super::error::{RuleError, place};

/// Largest rule file in bytes: far above any real one, and low enough for every nesting to be read.
pub const LARGEST_FILE: usize = 64 * 1024;

/// A rule file's text.
pub(super) fn text<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, RuleError> {
    if bytes.len() > LARGEST_FILE {
        return Err(RuleError::TooLarge { file: file.to_owned(), size: bytes.len(), limit: LARGEST_FILE });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let end = valid.len();
        RuleError::Encoding { place: place(file, &String::from_utf8_lossy(valid), Some(end..end)) }
    })
}

/// Reads a rule file's text; what its values mean is not checked yet.
pub(super) fn parse(file: &str, text: &str) -> Result<RawRule, RuleError> {
    toml::from_str(text).map_err(|error| RuleError::Format {
        place: place(file, text, error.span()),
        message: error.message().replace('\n', ", "),
    })
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The package as a whole: at most one finding.
    Package,
    /// Each of its modules.
    Module,
}

/// What an installer gets, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names of the cases of `Offer`")]
pub enum OfferKind {
    Wheel,
    Pure,
    PureFallback,
    Source,
    Nothing,
    Unknown,
}

/// Who declared, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names of the cases of `DeclaredBy`")]
pub enum DeclaredByKind {
    Author,
    Framework,
    Delegate,
    Unclear,
}

/// What the set has for a module that is delegated to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DelegateState {
    /// It keeps the GIL off.
    NotUsed,
    /// It switches the GIL on.
    Used,
    /// It fails or crashes.
    NotLoadable,
    /// No package provides it.
    Missing,
}

/// A condition, as a rule's `when` writes it: a table with one key.
///
/// A predicate that lists the word `unknown` (or `unclear`, `unreadable`) asks for it, and gets yes or no; one that does not
/// gets "unknown" when that is what is there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Every one holds.
    All(Vec<Condition>),
    /// At least one holds.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// Module: why the outcome is what it is.
    Cause(Vec<Cause>),
    /// Module: what importing it does.
    Gil(Vec<Gil>),
    /// Module: how it is initialised.
    Init(Vec<InitKind>),
    /// Module: who declared that it does not need the GIL. A module without such a declaration: no.
    DeclaredBy(Vec<DeclaredByKind>),
    /// Module: what the set has for the module that it delegates to. A module that does not delegate: no.
    Delegate(Vec<DelegateState>),
    /// Package: what an installer gets.
    Offer(Vec<OfferKind>),
    /// Package: whether compiled modules were found that the target loads.
    ModulesFound(bool),
    /// Package: whether it has modules that the target does not look for.
    HiddenModules(bool),
    /// Package: whether part of it could not be looked at.
    Problems(bool),
}

/// What a rule says of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expectation {
    /// Nothing.
    Quiet,
    /// That it could not be told.
    Unknown,
    /// That the condition holds.
    Fires,
}

impl Expectation {
    /// The word for it in a rule file.
    pub fn word(self) -> &'static str {
        match self {
            Expectation::Quiet => "quiet",
            Expectation::Unknown => "unknown",
            Expectation::Fires => "fires",
        }
    }
}

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRule {
    pub(super) id: Spanned<String>,
    pub(super) title: Spanned<String>,
    pub(super) level: Level,
    pub(super) verdict: Option<Spanned<Verdict>>,
    pub(super) scope: Scope,
    pub(super) when: Spanned<Condition>,
    pub(super) message: Spanned<String>,
    pub(super) unknown: Option<Spanned<String>>,
    pub(super) help: Spanned<String>,
    #[serde(default, rename = "example")]
    pub(super) examples: Vec<Spanned<RawExample>>,
}

/// One `[[example]]`: a subject in a few words, and what the rule says of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawExample {
    pub(super) expect: Expectation,
    #[serde(default = "python")]
    pub(super) python: Spanned<String>,
    #[serde(default = "platform")]
    pub(super) platform: Spanned<String>,
    #[serde(default = "wheel")]
    pub(super) offer: OfferKind,
    #[serde(default)]
    pub(super) file: String,
    #[serde(default)]
    pub(super) why: String,
    #[serde(default)]
    pub(super) lost: Vec<String>,
    #[serde(default)]
    pub(super) hidden: Vec<String>,
    #[serde(default)]
    pub(super) problems: Vec<String>,
    #[serde(default, rename = "module")]
    pub(super) modules: Vec<RawModule>,
    #[serde(default)]
    pub(super) delegates: BTreeMap<String, RawDelegate>,
}

fn python() -> Spanned<String> {
    Spanned::new(0..0, "3.14t".to_owned())
}

fn platform() -> Spanned<String> {
    Spanned::new(0..0, "linux-x86_64".to_owned())
}

fn wheel() -> OfferKind {
    OfferKind::Wheel
}

/// A module of an example.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawModule {
    #[serde(default = "module")]
    pub(super) name: String,
    pub(super) gil: Gil,
    pub(super) cause: Cause,
    #[serde(default)]
    pub(super) reason: String,
    pub(super) delegate: Option<String>,
    pub(super) declared_by: Option<DeclaredBy>,
    pub(super) init: Option<InitKind>,
}

fn module() -> String {
    "example._speedups".to_owned()
}

/// What the set of an example has for a module.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) enum RawDelegate {
    Provided { package: String, gil: Gil, reason: String },
    Missing,
    Unknown { why: String },
}
