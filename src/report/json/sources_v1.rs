//! What a source distribution says, in version 1 of the inspection's JSON. Frozen as the rest of it.
//!
//! The doc lines are the descriptions in the JSON Schema.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::inspection::{InspectedBuild, InspectedSources};
use crate::model::source::{self, ModuleStanding};

use super::build_v1::ForecastV1;
use super::convert::{all, forecast, generator};

/// The sources of a source distribution. Places are `file:line` below its top folder.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SourcesV1 {
    /// `build-backend` of `pyproject.toml`; null when there is none.
    pub(super) backend: Option<String>,
    /// Requirements of the build, in order.
    pub(super) requires: Vec<RequiredV1>,
    /// Languages of the sources that a build compiles.
    pub(super) languages: Vec<String>,
    /// Modules that a build would make.
    pub(super) modules: Vec<SourceModuleV1>,
    /// What leaves open whether these are all modules.
    pub(super) doubts: Vec<String>,
    /// What is foreseen of a build, one for each free-threaded target.
    pub(super) builds: Vec<SourceBuildV1>,
}

/// A requirement of the build.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RequiredV1 {
    /// As it stands there.
    pub(super) requirement: String,
    /// Where it stands.
    pub(super) place: String,
}

/// A module that a build would make.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SourceModuleV1 {
    /// The last component of its name.
    pub(super) name: String,
    /// The tool that generates it; `c-api` for C and C++ written by hand.
    pub(super) generator: String,
    /// Version of the tool, where the source tells it.
    pub(super) version: Option<String>,
    /// Where it is defined.
    pub(super) place: String,
    /// What is said of the GIL; empty when nothing is.
    pub(super) declarations: Vec<SourceDeclarationV1>,
    /// Why nothing certain can be said of it; null when that is not so.
    pub(super) doubt: Option<String>,
    /// The build file that names it; null when none does.
    pub(super) named_by: Option<String>,
}

/// A declaration in a source.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SourceDeclarationV1 {
    /// What it says.
    pub(super) word: SourceWordV1,
    /// The function, slot, macro, directive or flag.
    pub(super) means: String,
    /// Where it stands.
    pub(super) place: String,
}

/// What a declaration says of the GIL.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SourceWordV1 {
    /// The module does not need it.
    NotUsed,
    /// The module needs it.
    Used,
    /// Only the build knows what is said.
    Unclear,
}

/// What is foreseen on one target.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SourceBuildV1 {
    /// The target.
    pub(super) target: String,
    /// What a build becomes there.
    #[serde(flatten)]
    pub(super) forecast: ForecastV1,
}

/// The same sources.
pub(super) fn sources(sources: &InspectedSources) -> SourcesV1 {
    let facts = &sources.facts;
    let required = |it: &source::BuildRequirement| RequiredV1 {
        requirement: it.text.clone(),
        place: it.place.to_string(),
    };
    SourcesV1 {
        backend: facts.backend.clone(),
        requires: all(&facts.requires, required),
        languages: all(&facts.languages, ToString::to_string),
        modules: all(&facts.modules, module),
        doubts: facts.doubts.clone(),
        builds: all(
            &sources.builds,
            |InspectedBuild {
                 target,
                 forecast: it,
             }| SourceBuildV1 {
                target: target.to_string(),
                forecast: forecast(it),
            },
        ),
    }
}

fn module(module: &source::SourceModule) -> SourceModuleV1 {
    SourceModuleV1 {
        name: module.name.clone(),
        generator: generator(module.generator).to_owned(),
        version: module.version.clone(),
        place: module.place.to_string(),
        declarations: all(&module.declarations, declaration),
        doubt: module.doubt.clone(),
        named_by: match &module.standing {
            ModuleStanding::Named { by } => Some(by.clone()),
            ModuleStanding::Unnamed => None,
        },
    }
}

fn declaration(declaration: &source::SourceDeclaration) -> SourceDeclarationV1 {
    SourceDeclarationV1 {
        word: match declaration.word {
            source::DeclaredWord::NotUsed => SourceWordV1::NotUsed,
            source::DeclaredWord::Used => SourceWordV1::Used,
            source::DeclaredWord::Unclear => SourceWordV1::Unclear,
        },
        means: declaration.means.clone(),
        place: declaration.place.to_string(),
    }
}
