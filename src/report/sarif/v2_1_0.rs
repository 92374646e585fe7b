//! The parts of SARIF 2.1.0 that are written, named as the specification names them:
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html>.

use std::collections::BTreeMap;

use serde::Serialize;

/// Where the schema is, as documents state it.
pub(super) const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// A whole document.
#[derive(Debug, Serialize)]
pub(super) struct SarifLog {
    /// [`SCHEMA`].
    #[serde(rename = "$schema")]
    pub(super) schema: &'static str,
    /// `2.1.0`.
    pub(super) version: &'static str,
    /// One run.
    pub(super) runs: Vec<SarifRun>,
}

/// One run of a tool.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifRun {
    pub(super) tool: SarifTool,
    pub(super) invocations: Vec<SarifInvocation>,
    pub(super) results: Vec<SarifResult>,
    pub(super) column_kind: &'static str,
    pub(super) properties: SarifRunProperties,
}

/// The tool.
#[derive(Debug, Serialize)]
pub(super) struct SarifTool {
    pub(super) driver: SarifDriver,
}

/// The tool's main part.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifDriver {
    pub(super) name: &'static str,
    pub(super) semantic_version: &'static str,
    pub(super) information_uri: &'static str,
    pub(super) rules: Vec<SarifRule>,
}

/// A rule (`reportingDescriptor`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifRule {
    pub(super) id: String,
    pub(super) short_description: SarifText,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) help: Option<SarifHelp>,
    pub(super) default_configuration: SarifConfiguration,
}

/// A text for people.
#[derive(Debug, Serialize)]
pub(super) struct SarifText {
    pub(super) text: String,
}

/// A text for people, also in Markdown.
#[derive(Debug, Serialize)]
pub(super) struct SarifHelp {
    pub(super) text: String,
    pub(super) markdown: String,
}

/// How a rule is set up.
#[derive(Debug, Serialize)]
pub(super) struct SarifConfiguration {
    pub(super) level: SarifLevel,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SarifLevel {
    Note,
    Warning,
    Error,
}

/// How the run went.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifInvocation {
    pub(super) execution_successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) end_time_utc: Option<String>,
    pub(super) tool_execution_notifications: Vec<SarifNotification>,
}

/// Something that the tool met on its way.
#[derive(Debug, Serialize)]
pub(super) struct SarifNotification {
    pub(super) level: SarifLevel,
    pub(super) message: SarifText,
    pub(super) descriptor: SarifReference,
}

/// A reference to a descriptor.
#[derive(Debug, Serialize)]
pub(super) struct SarifReference {
    pub(super) id: String,
}

/// One result.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifResult {
    pub(super) rule_id: String,
    pub(super) rule_index: usize,
    pub(super) level: SarifLevel,
    pub(super) message: SarifText,
    pub(super) locations: Vec<SarifLocation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) related_locations: Vec<SarifLocation>,
    pub(super) partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) baseline_state: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) suppressions: Vec<SarifSuppression>,
    pub(super) properties: SarifResultProperties,
}

/// Where something is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifLocation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) physical_location: Option<SarifPhysicalLocation>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) logical_locations: Vec<SarifLogicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<SarifText>,
}

/// A place in a file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifPhysicalLocation {
    pub(super) artifact_location: SarifArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) region: Option<SarifRegion>,
}

/// A file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifArtifactLocation {
    pub(super) uri: String,
}

/// A line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifRegion {
    pub(super) start_line: u32,
}

/// A thing that has a name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifLogicalLocation {
    pub(super) fully_qualified_name: String,
    pub(super) kind: &'static str,
}

/// Why a result does not count.
#[derive(Debug, Serialize)]
pub(super) struct SarifSuppression {
    pub(super) kind: &'static str,
    pub(super) status: &'static str,
    pub(super) justification: String,
}

/// What ungil says of a result beside SARIF's own fields.
#[derive(Debug, Serialize)]
pub(super) struct SarifResultProperties {
    pub(super) package: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) verdict: Option<&'static str>,
    pub(super) targets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) standing: Option<&'static str>,
}

/// What ungil says of a run beside SARIF's own fields.
#[derive(Debug, Serialize)]
pub(super) struct SarifRunProperties {
    pub(super) targets: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gate: Option<&'static str>,
}
