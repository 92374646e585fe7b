//! A rule as its TOML file writes it.

mod example;
mod words;

use serde::Deserialize;
pub(super) use toml::Spanned;

use crate::model::facts::{Generator, InitKind, PortingKind};
use crate::model::finding::FindingLevel;
use crate::model::name::PackageName;
use crate::model::outcome::{Cause, Gil};
use crate::model::verdict::Verdict;

use super::error::{RuleError, place};

pub(super) use example::{RawDelegate, RawExample, RawHazard, RawModule, RawNative, UnreadFact};
pub use words::{
    ClaimKind, ClassifierKind, CodeSign, DeclaredByKind, DelegateState, GilValue, HazardKind,
    InterpretersKind, OfferKind, ReleaseKind, StableAbiBreach,
};

/// Largest rule file in bytes: far above any real one, and low enough for every nesting to be read.
pub const LARGEST_FILE: usize = 64 * 1024;

/// A rule file's text.
pub(super) fn text<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, RuleError> {
    if bytes.len() > LARGEST_FILE {
        return Err(RuleError::TooLarge {
            file: file.to_owned(),
            size: bytes.len(),
            limit: LARGEST_FILE,
        });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let end = valid.len();
        RuleError::Encoding {
            place: place(file, &String::from_utf8_lossy(valid), Some(end..end)),
        }
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
pub enum RuleScope {
    /// The package as a whole: at most one finding.
    Package,
    /// Each of its modules.
    Module,
}

/// A condition, as a rule's `when` writes it: a table with one key.
///
/// A predicate that lists the word `unknown` (or `unclear`, `unreadable`) asks for it, and gets yes or no; one that does not
/// gets "unknown" when that is what is there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleCondition {
    /// Every one holds.
    All(Vec<RuleCondition>),
    /// At least one holds.
    Any(Vec<RuleCondition>),
    /// It does not hold.
    Not(Box<RuleCondition>),
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
    /// Module: the tool that generated it.
    Generator(Vec<Generator>),
    /// Module: the value that it declares about the GIL. A module without a declaration: no.
    GilValue(Vec<GilValue>),
    /// Module: what its definition says of sub-interpreters.
    Interpreters(Vec<InterpretersKind>),
    /// Module: whether it imports functions of the C API that want care, other than by the generator's doing.
    Hazard(Vec<HazardKind>),
    /// Module: whether it shows signs of having been prepared for several threads, other than by the generator's doing.
    Porting(Vec<PortingKind>),
    /// Module: what its instructions show, whoever wrote them.
    Code(Vec<CodeSign>),
    /// Module: whether at least so many bytes of static data can be written to.
    WritableData(u64),
    /// Module: how its imports break a claim to the stable ABI. A module without the claim: no.
    StableAbi(Vec<StableAbiBreach>),
    /// Package: a condition about modules holds for at least one that the target loads.
    AnyModule(Box<RuleCondition>),
    /// Package: the classifier `Free Threading :: …`.
    Classifier(Vec<ClassifierKind>),
    /// Package: what wheels the same version has, for any platform.
    Release(Vec<ReleaseKind>),
    /// Package: how what names claim and what bytes show disagree.
    Claims(Vec<ClaimKind>),
    /// Package: its name.
    Package(Vec<PackageName>),
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
pub enum ExampleExpectation {
    /// Nothing.
    Quiet,
    /// That it could not be told.
    Unknown,
    /// That the condition holds.
    Fires,
}

impl ExampleExpectation {
    /// The word for it in a rule file.
    pub fn word(self) -> &'static str {
        match self {
            ExampleExpectation::Quiet => "quiet",
            ExampleExpectation::Unknown => "unknown",
            ExampleExpectation::Fires => "fires",
        }
    }
}

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRule {
    pub(super) id: Spanned<String>,
    pub(super) title: Spanned<String>,
    pub(super) level: FindingLevel,
    pub(super) verdict: Option<Spanned<Verdict>>,
    pub(super) scope: RuleScope,
    pub(super) when: Spanned<RuleCondition>,
    pub(super) summary: Option<Spanned<String>>,
    pub(super) message: Spanned<String>,
    pub(super) unknown: Option<Spanned<String>>,
    pub(super) help: Spanned<String>,
    pub(super) alternative: Option<Spanned<String>>,
    #[serde(default, rename = "example")]
    pub(super) examples: Vec<Spanned<RawExample>>,
}
