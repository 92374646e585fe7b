//! Distributions given by where they are: wheels, sdists and project folders, by path or by URL.
//!
//! ```text
//! (path | file:path | https://… | git+https://…) [extras]? #fragment? (; marker)?
//! ```
//!
//! Paths are relative to the current directory, as for pip. A folder is only noted here; reading its `pyproject.toml` is
//! for later stages. Of a URL's fragment, `egg=` names the distribution and `sha256=` and its like must match it.

use std::path::Path;

use url::Url;

use super::credentials::{decoded, take_out};
use super::error::InputError;
use super::text::{InputText, is_space};
use super::{FileKind, InputContext};
use crate::model::digest::{Algorithm, Digest};
use crate::model::name::{ExtraName, MarkerTree, Requirement};
use crate::model::place::Location;
use crate::model::request::{PackageSources, WantedPackage};
use crate::pep508::{self, InvalidRequirement};

/// Suffixes of files that hold a distribution.
///
/// <https://github.com/pypa/pip/blob/main/src/pip/_internal/utils/filetypes.py>
const ARCHIVES: [&str; 11] = [
    ".whl",
    ".zip",
    ".tar.gz",
    ".tgz",
    ".tar",
    ".tar.bz2",
    ".tbz",
    ".tar.xz",
    ".txz",
    ".tlz",
    ".tar.lzma",
];
/// Suffixes of files that ask for distributions; no package's name on PyPI ends in these.
const LISTS: [&str; 4] = [".txt", ".in", ".toml", ".lock"];
/// Version control systems that may stand before the `+` of a scheme.
const VERSION_CONTROL: [&str; 4] = ["git", "hg", "svn", "bzr"];

/// A URL as the input has it, taken apart.
pub(super) struct UrlReference {
    /// The URL without credentials.
    pub(super) url: Url,
    /// Digests in its fragment.
    pub(super) hashes: Vec<Digest>,
    /// The value of `egg=` in its fragment.
    egg: Option<String>,
}

/// Whether the text is a path or a URL rather than a name. What is a path shows in its letters, as for pip: a separator,
/// a dot at its start, or an archive's suffix.
pub(super) fn claims(text: &InputText) -> bool {
    if direct_reference(text).is_some() {
        return false;
    }
    let (target, _) = split_extras(&split_marker(text).0);
    let target = target.as_str();
    let has_versions = before_versions(target).len() < target.len();
    is_url(target) || looks_like_path(target) || (is_archive(target) && !has_versions)
}

/// Whether the text is the URL of a list of requirements, which would have to be fetched.
pub(super) fn is_page(text: &InputText) -> bool {
    let url = text.as_str().split(['?', '#']).next().unwrap_or_default();
    matches!(scheme(url).as_deref(), Some("http" | "https")) && has_suffix(url, &LISTS)
}

/// Whether the text can only be meant as a file that lists requirements.
pub(super) fn looks_like_list(text: &InputText) -> bool {
    direct_reference(text).is_none() && has_suffix(split_marker(text).0.as_str(), &LISTS)
}

/// Reads a path or a URL with what may follow it.
pub(super) fn wanted(
    text: &InputText,
    context: &InputContext,
    sources: &mut PackageSources,
) -> Result<(WantedPackage, Vec<Digest>), InputError> {
    let (target, condition) = split_marker(text);
    let (target, bracketed) = split_extras(&target);
    let extras = match bracketed {
        Some(bracketed) => extras(&bracketed)?,
        None => Vec::new(),
    };
    let marker = match condition {
        Some(condition) => marker(&condition)?,
        None => MarkerTree::TRUE,
    };
    if !is_url(target.as_str()) {
        let location = Location::Path(distribution(&target, target.as_str(), context)?);
        return Ok((
            WantedPackage::Unnamed {
                location,
                extras,
                marker,
            },
            Vec::new(),
        ));
    }
    let reference = reference(&target, context, sources)?;
    let hashes = reference.hashes.clone();
    match &reference.egg {
        Some(egg) if !has_suffix(reference.url.path(), &[".whl"]) => Ok((
            WantedPackage::Named(named_by_egg(&target, egg, reference.url, marker)?),
            hashes,
        )),
        _ => Ok((
            WantedPackage::Unnamed {
                location: location(&target, reference.url, context)?,
                extras,
                marker,
            },
            hashes,
        )),
    }
}

/// The value of `-e` with a scheme that pip takes from people who leave out `git+`.
pub(super) fn editable(value: &InputText) -> InputText {
    let old_git = value
        .as_str()
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("git:"));
    if old_git {
        value.with(0..0, "git+")
    } else {
        value.clone()
    }
}

/// Where the URL's text stands when the text is `name @ URL`, up to the next white space.
pub(super) fn direct_reference(text: &InputText) -> Option<std::ops::Range<usize>> {
    let (before, _) = text.as_str().split_once('@')?;
    let name = before
        .split_once('[')
        .map_or(before, |(name, _)| name)
        .trim_matches(is_space);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(is_name) || name.starts_with('.') {
        return None;
    }
    let rest = text.as_str().get(before.len() + 1..)?;
    let start = text.as_str().len() - rest.trim_start_matches(is_space).len();
    let length = text
        .as_str()
        .get(start..)?
        .find(is_space)
        .unwrap_or(text.as_str().len() - start);
    Some(start..start + length)
}

/// Whether the text begins with a scheme and not with a drive's letter or a name.
pub(super) fn is_url(text: &str) -> bool {
    scheme(text).is_some_and(|scheme| {
        let system = scheme.split_once('+').map(|(system, _)| system);
        matches!(scheme.as_str(), "http" | "https" | "ftp" | "file")
            || system.is_some_and(|system| VERSION_CONTROL.contains(&system))
            || text
                .get(scheme.len()..)
                .is_some_and(|rest| rest.starts_with("://"))
    })
}

/// Reads a URL: takes its credentials out into the sources, and what its fragment says.
pub(super) fn reference(
    text: &InputText,
    context: &InputContext,
    sources: &mut PackageSources,
) -> Result<UrlReference, InputError> {
    let wrong = |why: String| InputError::NotAUrl {
        place: text.place(0),
        found: text.shown(),
        why,
    };
    if let Some((space, _, _)) = text
        .characters()
        .find(|(_, character, _)| is_space(*character))
    {
        let (place, found) = (text.place(space), text.shown());
        return Err(InputError::NotAUrl {
            place,
            found,
            why: "expected no space in it; write it as `%20`".into(),
        });
    }
    let absolute = match text.as_str().get(..5) {
        Some(start) if start.eq_ignore_ascii_case("file:") => {
            absolute_file_url(text.as_str(), context)
        }
        _ => text.as_str().to_owned(),
    };
    let mut url = Url::parse(&absolute).map_err(|error| wrong(error.to_string()))?;
    if url.scheme() != "file" && !url.has_host() {
        return Err(wrong(
            "expected the name of a server after the scheme".into(),
        ));
    }
    if let Some(credentials) = take_out(&mut url).filter(|new| !sources.credentials.contains(new)) {
        sources.credentials.push(credentials);
    }
    let mut reference = UrlReference {
        hashes: Vec::new(),
        egg: None,
        url,
    };
    for pair in reference.url.fragment().unwrap_or_default().split('&') {
        let Some((key, value)) = pair.split_once('=') else {
            continue;
        };
        if key == "egg" {
            reference.egg = Some(decoded(value));
        } else if let Some(algorithm) = Algorithm::from_name(key) {
            let digest =
                Digest::new(algorithm, value).ok_or_else(|| not_a_hash(text, value, algorithm))?;
            reference.hashes.push(digest);
        }
    }
    Ok(reference)
}

/// Where the URL's file is: on the disk for `file:`, where it must be.
pub(super) fn location(
    text: &InputText,
    url: Url,
    context: &InputContext,
) -> Result<Location, InputError> {
    if url.scheme() != "file" {
        return Ok(Location::Url(url));
    }
    let why = "expected a path on this machine";
    let path = url.to_file_path().map_err(|()| InputError::NotAUrl {
        place: text.place(0),
        found: text.shown(),
        why: why.into(),
    })?;
    let path = distribution(text, &path.to_string_lossy(), context)?;
    let pairs = url.fragment().unwrap_or_default().split('&');
    match pairs
        .filter_map(|pair| pair.strip_prefix("subdirectory="))
        .next()
    {
        None => Ok(Location::Path(path)),
        Some(folder) if context.files.kind(&path) == Some(FileKind::Folder) => {
            Ok(Location::Path(path.join(decoded(folder))))
        }
        // Only the URL can say that a part of the archive is meant.
        Some(_) => Ok(Location::Url(url)),
    }
}

/// The error for a digest that is none.
pub(super) fn not_a_hash(text: &InputText, value: &str, algorithm: Algorithm) -> InputError {
    InputError::NotAHash {
        place: text.place(text.as_str().find(value).unwrap_or(0)),
        found: text.part(0..text.as_str().len()).shown(),
        expected: format!(
            "{} hexadecimal digits after `{}`",
            algorithm.hex_length(),
            algorithm.name()
        ),
    }
}

/// The path, when there is a folder or an archive.
fn distribution(
    text: &InputText,
    path: &str,
    context: &InputContext,
) -> Result<std::path::PathBuf, InputError> {
    let absolute = context.path(Path::new(path));
    match context.files.kind(&absolute) {
        None => Err(InputError::NoSuchFile {
            place: text.place(0),
            path: text.shown(),
        }),
        Some(FileKind::File) if !is_archive(path) => Err(InputError::NotADistribution {
            place: text.place(0),
            found: text.shown(),
        }),
        Some(FileKind::File | FileKind::Folder) => Ok(absolute),
    }
}

fn named_by_egg(
    text: &InputText,
    egg: &str,
    url: Url,
    marker: MarkerTree,
) -> Result<Requirement, InputError> {
    let requirement = pep508::requirement(egg)
        .ok()
        .filter(|named| named.version_or_url.is_none());
    let mut requirement = requirement.ok_or_else(|| InputError::NotARequirement {
        place: text.place(
            text.as_str()
                .find("egg=")
                .map_or(0, |start| start + "egg=".len()),
        ),
        found: text.shown(),
        why: "expected a name after `egg=`".into(),
    })?;
    requirement.version_or_url = Some(pep508_rs::VersionOrUrl::Url(url));
    requirement.marker = marker;
    Ok(requirement)
}

/// Makes `file:folder/a.whl`, relative to the current directory, absolute; the parser would take it for `/folder/a.whl`.
fn absolute_file_url(text: &str, context: &InputContext) -> String {
    let rest = text.get("file:".len()..).unwrap_or_default();
    if rest.starts_with(['/', '\\']) {
        return text.to_owned();
    }
    let (path, fragment) = rest
        .split_once('#')
        .map_or((rest, None), |(path, fragment)| (path, Some(fragment)));
    match (Url::from_file_path(context.path(decoded(path))), fragment) {
        (Ok(url), Some(fragment)) => format!("{url}#{fragment}"),
        (Ok(url), None) => url.into(),
        (Err(()), _) => text.to_owned(),
    }
}

/// Splits off the condition. In a URL a `;` needs white space beside it.
fn split_marker(text: &InputText) -> (InputText, Option<InputText>) {
    let whole = text.as_str();
    let separator = if is_url(whole) {
        [whole.find("; "), whole.find(" ;").map(|space| space + 1)]
            .into_iter()
            .flatten()
            .min()
    } else {
        whole.find(';')
    };
    match separator {
        None => (text.trimmed(), None),
        Some(at) => {
            let condition = text.part(at + 1..whole.len()).trimmed();
            (
                text.part(0..at).trimmed(),
                (!condition.is_empty()).then_some(condition),
            )
        }
    }
}

/// Splits off `[extras]` at the end.
fn split_extras(target: &InputText) -> (InputText, Option<InputText>) {
    let whole = target.as_str();
    match whole.rfind('[') {
        Some(open) if open > 0 && whole.ends_with(']') && !whole.contains('#') => {
            (target.part(0..open), Some(target.part(open..whole.len())))
        }
        _ => (target.clone(), None),
    }
}

fn extras(bracketed: &InputText) -> Result<Vec<ExtraName>, InputError> {
    let named = bracketed.with(0..0, "x");
    let requirement =
        pep508::requirement(named.as_str()).map_err(|error| not_a_requirement(&named, &error))?;
    Ok(requirement.extras)
}

fn marker(condition: &InputText) -> Result<MarkerTree, InputError> {
    pep508::marker(condition.as_str()).map_err(|error| not_a_requirement(condition, &error))
}

/// The grammar's error, at its place in the file.
pub(super) fn not_a_requirement(text: &InputText, error: &InvalidRequirement) -> InputError {
    // The grammar's words may quote the text, and so the value of a variable.
    let why = if text.is_literal() {
        error.why.clone()
    } else {
        "expected a PEP 508 requirement".to_owned()
    };
    InputError::NotARequirement {
        place: text.place(error.start),
        found: text.shown(),
        why: super::text::printable(&why),
    }
}

fn scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once(':')?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(fits);
    is_scheme.then(|| scheme.to_ascii_lowercase())
}

/// Whether it begins with a dot or has a separator before any version.
fn looks_like_path(target: &str) -> bool {
    target.starts_with('.') || before_versions(target).contains(['/', std::path::MAIN_SEPARATOR])
}

/// The text up to the first operator of PEP 440.
fn before_versions(target: &str) -> &str {
    let operators = ["==", ">=", "<=", "!=", "~=", "<", ">", "("];
    let end = operators
        .iter()
        .filter_map(|operator| target.find(operator))
        .min();
    target
        .get(..end.unwrap_or(target.len()))
        .unwrap_or_default()
}

/// Whether the name is that of a file that holds a distribution.
pub(super) fn is_archive(target: &str) -> bool {
    has_suffix(target, &ARCHIVES)
}

fn has_suffix(text: &str, suffixes: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    suffixes.iter().any(|suffix| text.ends_with(suffix))
}
