//! Requirements by name, as PEP 508 has them: `name[extras] >= 1 ; marker`, `name @ URL`.
//!
//! Beyond PEP 508, `name @ path` is read as `uv` reads it; the path is relative to the current directory.
//! <https://packaging.python.org/en/latest/specifications/dependency-specifiers/>

use pep508_rs::VersionOrUrl;
use url::Url;

use super::InputContext;
use super::error::InputError;
use super::files::{direct_reference, is_url, not_a_requirement, reference};
use super::text::{InputText, is_space};
use crate::model::digest::Digest;
use crate::model::request::{PackageSources, WantedPackage};
use crate::pep508;

/// Reads one requirement.
pub(super) fn wanted(
    text: &InputText,
    context: &InputContext,
    sources: &mut PackageSources,
) -> Result<(WantedPackage, Vec<Digest>), InputError> {
    let text = &with_space_before_marker(text);
    let Some(target) = direct_reference(text) else {
        let requirement =
            pep508::requirement(text.as_str()).map_err(|error| not_a_requirement(text, &error))?;
        return Ok((WantedPackage::Named(requirement), Vec::new()));
    };
    let after = text.part(target.end..text.as_str().len());
    if let Some((offset, found, _)) = after
        .characters()
        .find(|(_, c, _)| !is_space(*c))
        .filter(|(_, c, _)| *c != ';')
    {
        let why =
            format!("expected `;` or the end of the requirement after the URL, found `{found}`");
        let place = after.place(offset);
        return Err(InputError::NotARequirement {
            place,
            found: text.shown(),
            why,
        });
    }
    let given = text.part(target.clone());
    let text = if is_url(given.as_str()) || given.is_empty() {
        text.clone()
    } else {
        absolute(text, &given, target, context)?
    };
    let mut requirement =
        pep508::requirement(text.as_str()).map_err(|error| not_a_requirement(&text, &error))?;
    let again = direct_reference(&text).map_or_else(|| given.clone(), |target| text.part(target));
    let reference = reference(&again, context, sources)?;
    requirement.version_or_url = Some(VersionOrUrl::Url(reference.url));
    Ok((WantedPackage::Named(requirement), reference.hashes))
}

/// pip ends the URL at the first `;`, PEP 508 at white space: with a space between, both mean the same.
fn with_space_before_marker(text: &InputText) -> InputText {
    let target =
        direct_reference(text).and_then(|target| Some((target.start, text.as_str().get(target)?)));
    match target.and_then(|(start, target)| Some(start + target.find(';')?)) {
        Some(semicolon) => text.with(semicolon..semicolon, " "),
        None => text.clone(),
    }
}

/// The requirement with a `file:` URL instead of the path that it gives.
fn absolute(
    text: &InputText,
    given: &InputText,
    target: std::ops::Range<usize>,
    context: &InputContext,
) -> Result<InputText, InputError> {
    let path = context.path(given.as_str());
    if context.files.kind(&path).is_none() {
        return Err(InputError::NoSuchFile {
            place: given.place(0),
            path: given.shown(),
        });
    }
    match Url::from_file_path(&path) {
        Ok(url) => Ok(text.with(target, url.as_str())),
        Err(()) => {
            let why = "expected an absolute path".to_owned();
            Err(InputError::NotAUrl {
                place: given.place(0),
                found: given.shown(),
                why,
            })
        }
    }
}
