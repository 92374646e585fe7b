//! The examples of a rule, as its TOML file writes them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::distribution::FreeThreadingLevel;
use crate::model::facts::{
    DocumentedLevel, Generator, HazardConcern, ImportOrigin, InitKind, PortingKind,
};
use crate::model::name::PackageName;
use crate::model::outcome::{Cause, Gil};
use crate::model::verdict::DeclaredBy;

use super::{CodeSign, ExampleExpectation, InterpretersKind, OfferKind, Spanned};

/// One `[[example]]`: a subject in a few words, and what the rule says of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::rules) struct RawExample {
    pub(in crate::rules) expect: ExampleExpectation,
    #[serde(default = "python")]
    pub(in crate::rules) python: Spanned<String>,
    #[serde(default = "platform")]
    pub(in crate::rules) platform: Spanned<String>,
    pub(in crate::rules) package: Option<PackageName>,
    #[serde(default = "wheel")]
    pub(in crate::rules) offer: OfferKind,
    #[serde(default)]
    pub(in crate::rules) file: String,
    #[serde(default)]
    pub(in crate::rules) why: String,
    #[serde(default)]
    pub(in crate::rules) lost: Vec<String>,
    #[serde(default)]
    pub(in crate::rules) hidden: Vec<String>,
    #[serde(default)]
    pub(in crate::rules) problems: Vec<String>,
    #[serde(default, rename = "module")]
    pub(in crate::rules) modules: Vec<RawModule>,
    #[serde(default)]
    pub(in crate::rules) delegates: BTreeMap<String, RawDelegate>,
    pub(in crate::rules) classifier: Option<FreeThreadingLevel>,
    #[serde(default)]
    pub(in crate::rules) release: Vec<String>,
    #[serde(default)]
    pub(in crate::rules) tags: Vec<String>,
    pub(in crate::rules) wheel_file_tags: Option<Vec<String>>,
    #[serde(default, rename = "native")]
    pub(in crate::rules) natives: Vec<RawNative>,
    #[serde(default)]
    pub(in crate::rules) unread: Vec<UnreadFact>,
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
pub(in crate::rules) struct RawModule {
    #[serde(default = "module")]
    pub(in crate::rules) name: String,
    pub(in crate::rules) gil: Gil,
    pub(in crate::rules) cause: Cause,
    #[serde(default)]
    pub(in crate::rules) reason: String,
    pub(in crate::rules) delegate: Option<String>,
    pub(in crate::rules) declared_by: Option<DeclaredBy>,
    pub(in crate::rules) init: Option<InitKind>,
    pub(in crate::rules) generator: Option<Generator>,
    pub(in crate::rules) gil_value: Option<u64>,
    pub(in crate::rules) interpreters: Option<InterpretersKind>,
    #[serde(default, rename = "hazard")]
    pub(in crate::rules) hazards: Vec<RawHazard>,
    #[serde(default)]
    pub(in crate::rules) porting: Vec<PortingKind>,
    #[serde(default = "author")]
    pub(in crate::rules) porting_origin: ImportOrigin,
    #[serde(default)]
    pub(in crate::rules) code: Vec<CodeSign>,
    #[serde(default)]
    pub(in crate::rules) writable_data: u64,
    #[serde(default)]
    pub(in crate::rules) outside: Vec<String>,
    #[serde(default)]
    pub(in crate::rules) too_new: Vec<String>,
    #[serde(default)]
    pub(in crate::rules) unread: Vec<UnreadFact>,
}

/// An imported function of an example's module.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::rules) struct RawHazard {
    pub(in crate::rules) symbol: String,
    pub(in crate::rules) concern: Option<HazardConcern>,
    pub(in crate::rules) level: Option<DocumentedLevel>,
    pub(in crate::rules) replacement: Option<String>,
    #[serde(default = "author")]
    pub(in crate::rules) origin: ImportOrigin,
}

fn author() -> ImportOrigin {
    ImportOrigin::Author
}

/// A compiled file of an example's wheel.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::rules) struct RawNative {
    pub(in crate::rules) path: String,
    /// What its name claims.
    pub(in crate::rules) claim: Option<String>,
    /// What its bytes show.
    pub(in crate::rules) bytes: Option<String>,
}

/// A fact that could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::rules) enum UnreadFact {
    Hazards,
    Porting,
    Code,
    WritableData,
    GilValue,
    Interpreters,
    StableAbi,
    Classifier,
    Release,
    Natives,
}

fn module() -> String {
    "example._speedups".to_owned()
}

/// What the set of an example has for a module.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::rules) enum RawDelegate {
    Provided {
        package: String,
        gil: Gil,
        reason: String,
    },
    Missing,
    Unknown {
        why: String,
    },
}
