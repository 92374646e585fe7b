//! The parts of CycloneDX 1.6 that are written, named as the specification names them:
//! <https://cyclonedx.org/docs/1.6/json/>.

use serde::Serialize;

/// A whole document.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BomDocument {
    pub(super) bom_format: &'static str,
    pub(super) spec_version: &'static str,
    pub(super) version: u32,
    pub(super) metadata: BomMetadata,
    pub(super) components: Vec<BomComponent>,
}

/// About the document.
#[derive(Debug, Serialize)]
pub(super) struct BomMetadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timestamp: Option<String>,
    pub(super) tools: BomTools,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<BomProperty>,
}

/// What made the document.
#[derive(Debug, Serialize)]
pub(super) struct BomTools {
    pub(super) components: Vec<BomTool>,
}

/// A tool.
#[derive(Debug, Serialize)]
pub(super) struct BomTool {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

/// A package.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BomComponent {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(rename = "bom-ref")]
    pub(super) bom_ref: String,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    pub(super) purl: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<BomHash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) external_references: Vec<ExternalReference>,
    pub(super) properties: Vec<BomProperty>,
}

/// A digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct BomHash {
    pub(super) alg: &'static str,
    pub(super) content: String,
}

/// A file that belongs to a package.
#[derive(Debug, Serialize)]
pub(super) struct ExternalReference {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) url: String,
    pub(super) comment: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<BomHash>,
}

/// A name and a value.
#[derive(Debug, Serialize)]
pub(super) struct BomProperty {
    pub(super) name: String,
    pub(super) value: String,
}
