//! What a source distribution says, in version 1 of the inspection's JSON. Frozen as the rest of it.
//!
//! The doc lines are the descriptions in the JSON Schema.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::inspection::{InspectedBuild, InspectedSources};
use crate::model::source::{self, Standing};

use super::build_v1::Forecast;
use super::convert::{all, forecast, generator};

/// The sources of a source distribution. Places are `file:line` below its top folder.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Sources {
    /// `build-backend` of `pyproject.toml`; null when there is none.
    pub(super) backend: Option<String>,
    /// Requirements of the build, in order.
    pub(super) requires: Vec<Required>,
    /// Languages of the sources that a build compiles.
    pub(super) languages: Vec<String>,
    /// Modules that a build would make.
    pub(super) modules: Vec<SourceModule>,
    /// What leaves open whether these are all modules.
    pub(super) doubts: Vec<String>,
    /// What is foreseen of a build, one for each free-threaded target.
    pub(super) builds: Vec<SourceBuild>,
}

/// A requirement of the build.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Required {
    /// As it stands there.
    pub(super) requirement: String,
    /// Where it stands.
    pub(super) place: String,
}

/// A module that a build would make.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SourceModule {
    /// The last component of its name.
    pub(super) name: String,
    /// The tool that generates it; `c-api` for C and C++ written by hand.
    pub(super) generator: String,
    /// Version of the tool, where the source tells it.
    pub(super) version: Option<String>,
    /// Where it is defined.
    pub(super) place: String,
    /// What is said of the GIL; empty when nothing is.
    pub(super) declarations: Vec<SourceDeclaration>,
    /// Why nothing certain can be said of it; null when that is not so.
    pub(super) doubt: Option<String>,
    /// The build file that names it; null when none does.
    pub(super) named_by: Option<String>,
}

/// A declaration in a source.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SourceDeclaration {
    /// What it says.
    pub(super) word: SourceWord,
    /// The function, slot, macro, directive or flag.
    pub(super) means: String,
    /// Where it stands.
    pub(super) place: String,
}

/// What a declaration says of the GIL.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SourceWord {
    /// The module does not need it.
    NotUsed,
    /// The module needs it.
    Used,
    /// Only the build knows what is said.
    Unclear,
}

/// What is foreseen on one target.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SourceBuild {
    /// The target.
    pub(super) target: String,
    /// What a build becomes there.
    #[serde(flatten)]
    pub(super) forecast: Forecast,
}

/// The same sources.
pub(super) fn sources(sources: &InspectedSources) -> Sources {
    let facts = &sources.facts;
    let required =
        |it: &source::BuildRequirement| Required { requirement: it.text.clone(), place: it.place.to_string() };
    Sources {
        backend: facts.backend.clone(),
        requires: all(&facts.requires, required),
        languages: all(&facts.languages, ToString::to_string),
        modules: all(&facts.modules, module),
        doubts: facts.doubts.clone(),
        builds: all(&sources.builds, |InspectedBuild { target, forecast: it }| SourceBuild {
            target: target.to_string(),
            forecast: forecast(it),
        }),
    }
}

fn module(module: &source::SourceModule) -> SourceModule {
    SourceModule {
        name: module.name.clone(),
        generator: generator(module.generator).to_owned(),
        version: module.version.clone(),
        place: module.place.to_string(),
        declarations: all(&module.declarations, declaration),
        doubt: module.doubt.clone(),
        named_by: match &module.standing {
            Standing::Named { by } => Some(by.clone()),
            Standing::Unnamed => None,
        },
    }
}

fn declaration(declaration: &source::SourceDeclaration) -> SourceDeclaration {
    SourceDeclaration {
        word: match declaration.word {
            source::Word::NotUsed => SourceWord::NotUsed,
            source::Word::Used => SourceWord::Used,
            source::Word::Unclear => SourceWord::Unclear,
        },
        means: declaration.means.clone(),
        place: declaration.place.to_string(),
    }
}
