//! What lock files have in common: where a package comes from when it is not a version of an index, and who requires
//! whom.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pep508_rs::pep440_rs::{Version, VersionSpecifiers};
use url::Url;

use super::InputFile;
use super::credentials::take_out;
use super::document::LinedDocument;
use super::error::InputError;
use crate::lexical::normalised;
use crate::model::digest::Digest;
use crate::model::lock::{LockedEdge, LockedPackage, Pin};
use crate::model::name::{MarkerTree, PackageName};
use crate::model::place::{Location, Place};
use crate::model::request::PackageSources;

/// Main indexes of PyPI, which the user's own setting stands in for.
const PYPI: [&str; 3] = [
    "https://pypi.org/simple",
    "https://pypi.python.org/simple",
    "https://pypi.org/pypi",
];

/// A place other than an index, as a lock file has it.
#[derive(Clone, Copy, Default)]
pub(super) struct LockedSource<'a> {
    /// The version control system; `None` for a file or folder.
    pub(super) system: Option<&'a str>,
    pub(super) url: Option<&'a str>,
    /// Relative to the lock file.
    pub(super) path: Option<&'a str>,
    /// Commit, tag or branch.
    pub(super) revision: Option<&'a str>,
    /// The project's folder within the archive or repository.
    pub(super) subdirectory: Option<&'a str>,
}

impl LockedSource<'_> {
    /// The location. A file at a URL carries its digest in the fragment, as in a direct reference.
    pub(super) fn location(
        &self,
        hashes: &[Digest],
        document: &LinedDocument,
        place: &Place,
        file: &InputFile,
        sources: &mut PackageSources,
    ) -> Result<Location, InputError> {
        let Some(text) = self.url else {
            let Some(path) = self.path else {
                return Err(document.wrong(place.clone(), "expected a URL or a path"));
            };
            let path = beside(path, file);
            return Ok(Location::Path(
                self.subdirectory
                    .map_or(path.clone(), |folder| normalised(&path.join(folder))),
            ));
        };
        let prefixed = match self.system {
            Some(system) if !text.starts_with(&format!("{system}+")) => format!("{system}+{text}"),
            _ => text.to_owned(),
        };
        let mut url = url(&prefixed, document, place, sources)?;
        if let Some(revision) = self.revision {
            url.set_path(&format!("{}@{revision}", url.path()));
        }
        let mut fragment: Vec<String> = url.fragment().map(str::to_owned).into_iter().collect();
        if let Some(digest) = hashes
            .first()
            .filter(|_| self.system.is_none() && fragment.is_empty())
        {
            fragment.push(format!("{}={}", digest.algorithm.name(), digest.hex));
        }
        fragment.extend(
            self.subdirectory
                .map(|folder| format!("subdirectory={folder}")),
        );
        url.set_fragment(
            (!fragment.is_empty())
                .then(|| fragment.join("&"))
                .as_deref(),
        );
        match url.to_file_path() {
            Ok(path) if url.scheme() == "file" => Ok(Location::Path(path)),
            _ => Ok(Location::Url(url)),
        }
    }
}

/// The path, relative to the file that names it.
pub(super) fn beside(path: &str, file: &InputFile) -> PathBuf {
    normalised(&file.path.parent().unwrap_or(Path::new("")).join(path))
}

/// The same path as the user would name it.
pub(super) fn shown_beside(path: &str, file: &InputFile) -> String {
    let folder = Path::new(&file.shown).parent().unwrap_or(Path::new(""));
    normalised(&folder.join(path)).display().to_string()
}

/// Reads a URL; its credentials go into the sources.
pub(super) fn url(
    text: &str,
    document: &LinedDocument,
    place: &Place,
    sources: &mut PackageSources,
) -> Result<Url, InputError> {
    let parsed = Url::parse(text)
        .ok()
        .filter(|url| url.has_host() || url.scheme() == "file");
    let mut url = parsed.ok_or_else(|| document.expected("a URL", text, place))?;
    if let Some(credentials) = take_out(&mut url).filter(|new| !sources.credentials.contains(new)) {
        sources.credentials.push(credentials);
    }
    Ok(url)
}

/// Takes note of the index from which a package comes; it is asked beside the user's own. A path is a folder of files.
pub(super) fn index(
    text: &str,
    document: &LinedDocument,
    place: &Place,
    file: &InputFile,
    sources: &mut PackageSources,
) -> Result<(), InputError> {
    if !text.contains("://") {
        find_in(Location::Path(beside(text, file)), sources);
        return Ok(());
    }
    let url = url(text, document, place, sources)?;
    let known = sources
        .index_url
        .iter()
        .chain(&sources.extra_index_urls)
        .any(|known| same(known.as_str(), url.as_str()));
    if !known && !PYPI.iter().any(|known| same(known, url.as_str())) {
        sources.extra_index_urls.push(url);
    }
    Ok(())
}

fn same(left: &str, right: &str) -> bool {
    left.trim_end_matches('/') == right.trim_end_matches('/')
}

/// Adds a folder or page with links to files.
pub(super) fn find_in(place: Location, sources: &mut PackageSources) {
    if !sources.find_links.contains(&place) {
        sources.find_links.push(place);
    }
}

/// Which versions of a package another one requires.
pub(super) enum WantedVersions {
    Any,
    Version(Version),
    Specifiers(VersionSpecifiers),
}

/// Most requirements between a lock's packages that are followed: real ones have a few for each package.
const MOST_EDGES: usize = 200_000;

/// The packages of a lock by name, to say who requires whom.
pub(super) struct LockedNames {
    positions: BTreeMap<PackageName, Vec<usize>>,
    edges: usize,
}

impl LockedNames {
    fn of(packages: &[LockedPackage]) -> LockedNames {
        let mut positions: BTreeMap<PackageName, Vec<usize>> = BTreeMap::new();
        for (at, package) in packages.iter().enumerate() {
            positions.entry(package.name.clone()).or_default().push(at);
        }
        LockedNames {
            positions,
            edges: 0,
        }
    }

    /// Requirements for every package of that name whose version fits.
    pub(super) fn edges_to(
        &mut self,
        name: &PackageName,
        wanted: &WantedVersions,
        packages: &[LockedPackage],
        place: &Place,
    ) -> Result<Vec<LockedEdge>, InputError> {
        let fits = |at: &usize| match (packages.get(*at).map(|package| &package.pin), wanted) {
            (Some(Pin::Version(version)), WantedVersions::Version(wanted)) => version == wanted,
            (Some(Pin::Version(version)), WantedVersions::Specifiers(wanted)) => {
                wanted.contains(version)
            }
            _ => true,
        };
        let found = self
            .positions
            .get(name)
            .into_iter()
            .flatten()
            .copied()
            .filter(fits);
        let edge = |to| LockedEdge {
            to,
            extras: Vec::new(),
            marker: MarkerTree::TRUE,
            of_extra: None,
        };
        let edges: Vec<LockedEdge> = found.map(edge).collect();
        // Also counts what fits nothing, which took its time too.
        self.edges += edges.len().max(1);
        if self.edges > MOST_EDGES {
            let (place, found) = (place.clone(), name.to_string());
            return Err(InputError::TooMuch {
                place,
                found,
                limit: MOST_EDGES,
                unit: "requirements between packages",
            });
        }
        Ok(edges)
    }
}

/// Gives each package what it requires, as `edges` reads it from the package's part of the file; these are in the same order.
pub(super) fn connect<Raw>(
    packages: &mut [LockedPackage],
    parts: impl IntoIterator<Item = Raw>,
    mut edges: impl FnMut(
        Raw,
        &mut LockedNames,
        &[LockedPackage],
    ) -> Result<Vec<LockedEdge>, InputError>,
) -> Result<LockedNames, InputError> {
    let mut names = LockedNames::of(packages);
    let mut required = Vec::new();
    for part in parts {
        required.push(edges(part, &mut names, packages)?);
    }
    for (package, required) in packages.iter_mut().zip(required) {
        package.dependencies = required;
    }
    Ok(names)
}

/// Markers that always hold and never hold: no target's `os_name` is empty.
pub(super) const ALWAYS: &str = "os_name != ''";
pub(super) const NEVER: &str = "os_name == ''";

/// The marker that holds for Pythons of which one of these holds.
pub(super) fn python_marker(any_of: &[VersionSpecifiers]) -> String {
    let each = any_of.iter().map(|specifiers| {
        let conditions: Vec<String> = specifiers
            .iter()
            .map(|specifier| {
                let text = specifier.to_string();
                let end = text
                    .find(|c: char| c.is_ascii_digit())
                    .unwrap_or(text.len());
                let (operator, version) = text.split_at_checked(end).unwrap_or((&text, ""));
                format!("python_full_version {} '{version}'", operator.trim())
            })
            .collect();
        if conditions.is_empty() {
            ALWAYS.to_owned()
        } else {
            format!("({})", conditions.join(" and "))
        }
    });
    each.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pythons_become_a_marker() {
        let any_of = [">=3.8, <4", "==2.7.*"].map(|text| text.parse().unwrap());
        let expected = "(python_full_version >= '3.8' and python_full_version < '4') or (python_full_version == '2.7.*')";
        assert_eq!(python_marker(&any_of), expected);
        assert_eq!(python_marker(&["".parse().unwrap()]), ALWAYS);
    }
}
