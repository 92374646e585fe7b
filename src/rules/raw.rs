//! A rule as its TOML file writes it.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use crate::model::facts::InitKind;
use crate::model::finding::Level;
use crate::model::outcome::{Cause, Gil};
use crate::model::verdict::{DeclaredBy, Verdict};

use super::example::Expectation;
use super::predicate::{Condition, OfferKind, Scope};

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
