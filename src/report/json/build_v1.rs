//! What is foreseen of a build, in version 1 of the report's JSON. Frozen as the rest of it.
//!
//! The doc lines are the descriptions in the JSON Schema.

use schemars::JsonSchema;
use serde::Serialize;

use super::parts_v1::EvidenceV1;

/// What a build of a source distribution would become.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ForecastV1 {
    /// What it becomes, for programs.
    pub(super) becomes: BecomesV1,
    /// The same with its reason, for people.
    pub(super) reason: String,
    /// Compilers that the build needs.
    pub(super) needs: Vec<String>,
    /// Requirements of the build that count on the target, as the source has them; installers fetch them. Reports of
    /// earlier versions lack it.
    #[serde(default)]
    pub(super) requires: Vec<String>,
    /// What a person can check.
    pub(super) evidence: Vec<EvidenceV1>,
}

/// What a build would become.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum BecomesV1 {
    /// A wheel without compiled modules.
    Pure,
    /// Every module declares that it does not need the GIL.
    KeepsGilOff,
    /// A module declares nothing, or that it needs the GIL.
    SwitchesGilOn,
    /// The build fails.
    Fails,
    /// It cannot be told without building.
    Unknown,
}
