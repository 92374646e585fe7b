//! CycloneDX bills of materials as JSON: the components whose package URL is of PyPI, in the versions that it gives.
//!
//! <https://cyclonedx.org/docs/1.6/json/>

use serde::Deserialize;
use serde_json::value::RawValue;

use super::bill_of_materials::BillPackages;
use super::document::LinedDocument;
use super::error::InputError;
use super::{InputAdapter, InputContext, InputFile};
use crate::model::request::{PackageSources, Requests};

/// Deepest nesting of components within each other.
const DEEPEST: usize = 16;

/// The property in which uv says on which targets a component is there; others list what they found on one machine.
const MARKER: &str = "uv:package:marker";

/// The adapter.
pub(super) struct CycloneDx;

impl InputAdapter for CycloneDx {
    fn kind(&self) -> &'static str {
        "cyclonedx"
    }

    fn name(&self) -> &'static str {
        "the pypi packages of a CycloneDX bill of materials (JSON)"
    }

    fn claims(&self, file_name: &str, head: &[u8]) -> bool {
        let name = file_name.to_ascii_lowercase();
        let head = String::from_utf8_lossy(head);
        let named = ["bom.json", ".cdx.json", "bom.xml", ".cdx.xml"]
            .iter()
            .any(|suffix| name.ends_with(suffix));
        (named && !head.contains("\"spdxVersion\""))
            || head.contains("\"bomFormat\"")
            || head.contains("http://cyclonedx.org/schema/bom")
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
        let document = LinedDocument::new(file, "CycloneDX bill of materials")?;
        if document.text().trim_start().starts_with('<') {
            return Err(document.wrong(
                document.line(1),
                "expected JSON, found XML; write the bill as JSON",
            ));
        }
        let raw: CycloneDxFile<'_> = document.json()?;
        if raw.format.as_deref() != Some("CycloneDX") {
            let found = raw.format.unwrap_or_default();
            return Err(document.expected(
                "`\"bomFormat\": \"CycloneDX\"`",
                &found,
                &document.line(1),
            ));
        }
        let mut bill = BillPackages::new(&document);
        for component in &raw.components {
            add(component, &document, &mut bill, 0)?;
        }
        for relation in &raw.dependencies {
            for required in &relation.required {
                bill.relate(&relation.of, required)?;
            }
        }
        bill.finish(&mut requests);
        Ok(requests)
    }
}

#[derive(Deserialize)]
struct CycloneDxFile<'a> {
    #[serde(rename = "bomFormat")]
    format: Option<String>,
    #[serde(default, borrow)]
    components: Vec<&'a RawValue>,
    #[serde(default)]
    dependencies: Vec<CycloneDxRelation>,
}

#[derive(Deserialize)]
#[serde(expecting = "a component, which is an object")]
struct RawComponent<'a> {
    #[serde(rename = "bom-ref")]
    reference: Option<String>,
    purl: Option<String>,
    #[serde(default, borrow)]
    components: Vec<&'a RawValue>,
    #[serde(default)]
    properties: Vec<RawProperty>,
}

#[derive(Deserialize)]
struct RawProperty {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
struct CycloneDxRelation {
    #[serde(rename = "ref")]
    of: String,
    #[serde(default, rename = "dependsOn")]
    required: Vec<String>,
}

fn add(
    raw: &RawValue,
    document: &LinedDocument,
    bill: &mut BillPackages<'_>,
    depth: usize,
) -> Result<(), InputError> {
    if depth >= DEEPEST {
        return Err(document.wrong(document.raw_place(raw), "components are nested too deeply"));
    }
    let component: RawComponent<'_> = document.part(raw)?;
    let marker = component
        .properties
        .iter()
        .find(|property| property.name.as_deref() == Some(MARKER));
    let marker = marker.and_then(|property| property.value.as_deref());
    bill.add(
        component.reference.as_deref(),
        component.purl.as_deref(),
        marker,
        raw,
    )?;
    component
        .components
        .iter()
        .try_for_each(|within| add(within, document, bill, depth + 1))
}
