//! `PKG-INFO` of a source distribution, and `METADATA` of a wheel: what the built project says that it requires.
//!
//! Before version 2.2 of the metadata, that of a source distribution may leave the requirements to the build.
//!
//! <https://packaging.python.org/en/latest/specifications/core-metadata/>

use super::document::LinedDocument;
use super::error::InputError;
use super::text::InputText;
use super::{InputAdapter, InputContext, InputFile, names};
use crate::model::name::ExtraName;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::python_bound::PythonBound;
use crate::model::request::{PackageSources, Request, Requests, WantedPackage};

/// The adapter.
pub(super) struct PkgInfo;

impl InputAdapter for PkgInfo {
    fn kind(&self) -> &'static str {
        "pkg-info"
    }

    fn name(&self) -> &'static str {
        "what a built project requires (PKG-INFO, METADATA)"
    }

    fn claims(&self, file_name: &str, head: &[u8]) -> bool {
        matches!(file_name, "PKG-INFO" | "METADATA") || head.starts_with(b"Metadata-Version:")
    }

    fn read(
        &self,
        file: &InputFile,
        context: &InputContext,
        sources: PackageSources,
    ) -> Result<Requests, InputError> {
        let mut requests = Requests {
            sources,
            ..Requests::default()
        };
        let document = LinedDocument::new(file, "PKG-INFO")?;
        let fields = fields(&document)?;
        let all = |name: &str| -> Vec<&InputText> {
            let named = fields
                .iter()
                .filter(|(field, _)| field.eq_ignore_ascii_case(name));
            named.map(|(_, value)| value).collect()
        };
        let Some(version) = all("Metadata-Version")
            .first()
            .map(|version| version.as_str().to_owned())
        else {
            return Err(document.wrong(document.line(1), "expected `Metadata-Version:`"));
        };
        let mut selected: Vec<ExtraName> = Vec::new();
        for extra in all("Provides-Extra") {
            let label = document.label(extra.as_str(), &extra.place(0))?;
            if context.selection.extras.has(&label) {
                selected.push(label.clone());
            }
            requests.offered.extras.insert(label);
        }
        if let Some(python) = all("Requires-Python").first() {
            let any_of = vec![document.specifiers(python.as_str(), &python.place(0))?];
            requests.pythons.push(PythonBound {
                any_of,
                shown: python.shown(),
                place: python.place(0),
            });
        }
        let required = all("Requires-Dist");
        for text in &required {
            let (mut wanted, hashes) = names::wanted(text, context, &mut requests.sources)?;
            if let WantedPackage::Named(named) = &mut wanted {
                named.marker = named.marker.clone().simplify_extras(&selected);
            }
            requests.requests.push(Request {
                wanted,
                hashes,
                place: text.place(0),
            });
        }
        let is_dynamic = all("Dynamic")
            .iter()
            .any(|field| field.as_str().eq_ignore_ascii_case("Requires-Dist"));
        let is_old = version.starts_with("1.") || matches!(version.as_str(), "2.0" | "2.1");
        let is_wheel = file.path.file_name().is_some_and(|name| name == "METADATA");
        if is_dynamic || (is_old && required.is_empty() && !is_wheel) {
            let message = format!(
                "metadata {version} leaves the requirements to the build here; scan a lock file, or a wheel of the project"
            );
            let (kind, place) = (ProblemKind::Metadata, document.shown().to_owned());
            requests.problems.push(Problem {
                kind,
                package: None,
                place,
                message,
            });
        }
        Ok(requests)
    }
}

/// The fields before the description, which begins after an empty line.
fn fields(document: &LinedDocument) -> Result<Vec<(String, InputText)>, InputError> {
    let (mut fields, mut offset) = (Vec::new(), 0);
    for whole in document.text().split_inclusive('\n') {
        let (start, line) = (offset, whole.trim_end());
        offset += whole.len();
        if line.is_empty() {
            break;
        }
        // What goes on belongs to fields that are not read here.
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(document.wrong(
                document.spot(start),
                &format!("expected `Name: value`, found `{line}`"),
            ));
        };
        let from = start + line.len() - value.trim_start().len();
        fields.push((
            name.to_owned(),
            document.string(value.trim(), from..start + line.len()),
        ));
    }
    Ok(fields)
}
