//! SPDX 2 bills of materials as JSON: the packages with a package URL of PyPI, in the versions that it gives.
//!
//! <https://spdx.github.io/spdx-spec/v2.3/package-information/#721-external-reference-field>

use serde::Deserialize;
use serde_json::value::RawValue;

use super::bill_of_materials::BillPackages;
use super::document::LinedDocument;
use super::error::InputError;
use super::{InputAdapter, InputContext, InputFile};
use crate::model::request::{PackageSources, Requests};

/// The adapter.
pub(super) struct SpdxAdapter;

impl InputAdapter for SpdxAdapter {
    fn kind(&self) -> &'static str {
        "spdx"
    }

    fn name(&self) -> &'static str {
        "the pypi packages of an SPDX 2 bill of materials (JSON)"
    }

    fn claims(&self, file_name: &str, head: &[u8]) -> bool {
        let name = file_name.to_ascii_lowercase();
        let head = String::from_utf8_lossy(head);
        [".spdx.json", ".spdx"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
            || head.contains("\"spdxVersion\"")
            || head.contains("spdx.org/rdf/3")
            || head.starts_with("SPDXVersion:")
    }

    fn read(
        &self,
        file: &InputFile,
        _: &InputContext,
        sources: PackageSources,
    ) -> Result<Requests, InputError> {
        let mut requests = Requests {
            sources,
            ..Requests::default()
        };
        let document = LinedDocument::new(file, "SPDX bill of materials")?;
        if !document.text().trim_start().starts_with('{') {
            return Err(document.wrong(
                document.line(1),
                "expected JSON, found another form; write the bill as JSON",
            ));
        }
        let raw: SpdxFile<'_> = document.json()?;
        let version = raw.version.unwrap_or_default();
        if !version.starts_with("SPDX-2.") {
            return Err(document.expected(
                "`\"spdxVersion\": \"SPDX-2.…\"`",
                &version,
                &document.line(1),
            ));
        }
        let mut bill = BillPackages::new(&document);
        let described = |id: &str| {
            raw.described.iter().any(|known| known == id)
                || raw
                    .relationships
                    .iter()
                    .any(|known| known.kind == "DESCRIBES" && known.to == id)
        };
        for raw in &raw.packages {
            let package: SpdxPackage = document.part(raw)?;
            let is_purl = |reference: &&RawReference| reference.kind == "purl";
            let purl = package
                .references
                .iter()
                .find(is_purl)
                .map(|reference| reference.locator.as_str());
            // What the bill is about is the project itself.
            if purl.is_some() || !described(&package.id) {
                bill.add(Some(&package.id), purl, None, raw)?;
            }
        }
        for relation in &raw.relationships {
            match relation.kind.as_str() {
                "DEPENDS_ON" => bill.relate(&relation.from, &relation.to)?,
                "DEPENDENCY_OF" => bill.relate(&relation.to, &relation.from)?,
                _ => {}
            }
        }
        bill.finish(&mut requests);
        Ok(requests)
    }
}

#[derive(Deserialize)]
struct SpdxFile<'a> {
    #[serde(rename = "spdxVersion")]
    version: Option<String>,
    #[serde(default, rename = "documentDescribes")]
    described: Vec<String>,
    #[serde(default, borrow)]
    packages: Vec<&'a RawValue>,
    #[serde(default)]
    relationships: Vec<SpdxRelation>,
}

#[derive(Deserialize)]
#[serde(expecting = "a package, which is an object")]
struct SpdxPackage {
    #[serde(rename = "SPDXID")]
    id: String,
    #[serde(default, rename = "externalRefs")]
    references: Vec<RawReference>,
}

#[derive(Deserialize)]
struct RawReference {
    #[serde(rename = "referenceType")]
    kind: String,
    #[serde(rename = "referenceLocator")]
    locator: String,
}

#[derive(Deserialize)]
struct SpdxRelation {
    #[serde(rename = "spdxElementId")]
    from: String,
    #[serde(rename = "relationshipType")]
    kind: String,
    #[serde(rename = "relatedSpdxElement")]
    to: String,
}
