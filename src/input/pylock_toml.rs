//! `pylock.toml`, the lock file that every installer may read.
//!
//! Each package stands in the set where its marker holds; who requires it is told only by some writers. Markers may ask
//! for the file's own groups and extras (`'dev' in dependency_groups`), which is settled here: `default-groups` always
//! count, the others when they are selected. Attestations, `created-by` and `tool` tables say nothing about the set.
//!
//! <https://packaging.python.org/en/latest/specifications/pylock-toml/>

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::document::LinedDocument;
use super::error::InputError;
use super::locking::{
    ALWAYS, LockedSource, NEVER, WantedVersions, beside, connect, find_in, index,
};
use super::{InputAdapter, InputContext, InputFile};
use crate::model::digest::Digest;
use crate::model::lock::{Lock, LockedPackage, Pin};
use crate::model::name::{ExtraName, MarkerTree};
use crate::model::place::{Location, Place};
use crate::model::request::{PackageSources, Requests};

/// The adapter.
pub(super) struct PylockToml;

impl InputAdapter for PylockToml {
    fn kind(&self) -> &'static str {
        "pylock"
    }

    fn name(&self) -> &'static str {
        "a lock file of any installer's (pylock.toml, pylock.NAME.toml)"
    }

    fn claims(&self, file_name: &str, _head: &[u8]) -> bool {
        let name = file_name
            .strip_prefix("pylock.")
            .and_then(|rest| rest.strip_suffix("toml"));
        name.is_some_and(|middle| middle.is_empty() || middle.ends_with('.'))
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
        let document = LinedDocument::new(file, "pylock.toml")?;
        let raw: PylockFile = document.toml()?;
        let version = raw.lock_version.get_ref();
        if version.split('.').next() != Some("1") {
            let place = document.place(raw.lock_version.span().start);
            return Err(document.expected("lock-version 1", version, &place));
        }
        let reader = PylockReader {
            groups: raw.groups(&document, context)?,
            document: &document,
            file,
        };
        let lock = reader.lock(&raw, &mut requests.sources)?;
        let first = document.line(1);
        for (names, offered) in [
            (&raw.extras, &mut requests.offered.extras),
            (&raw.dependency_groups, &mut requests.offered.groups),
        ] {
            for name in names {
                offered.insert(document.label(name, &first)?);
            }
        }
        requests.locks.push(lock);
        Ok(requests)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PylockFile {
    lock_version: Spanned<String>,
    #[serde(default)]
    environments: Vec<Spanned<String>>,
    requires_python: Option<Spanned<String>>,
    #[serde(default)]
    extras: Vec<String>,
    #[serde(default)]
    dependency_groups: Vec<String>,
    #[serde(default)]
    default_groups: Vec<String>,
    #[serde(default)]
    packages: Vec<PylockPackage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PylockPackage {
    name: Spanned<String>,
    version: Option<Spanned<String>>,
    marker: Option<Spanned<String>>,
    index: Option<Spanned<String>>,
    #[serde(default)]
    dependencies: Vec<PylockDependency>,
    vcs: Option<PylockSource>,
    directory: Option<PylockSource>,
    archive: Option<PylockSource>,
    sdist: Option<PylockSource>,
    #[serde(default)]
    wheels: Vec<PylockSource>,
}

#[derive(Deserialize)]
struct PylockDependency {
    name: String,
    version: Option<String>,
}

/// A file, a folder or a repository.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PylockSource {
    #[serde(rename = "type")]
    system: Option<String>,
    url: Option<String>,
    path: Option<String>,
    commit_id: Option<String>,
    subdirectory: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// Groups and extras that count.
struct ActiveGroups {
    groups: BTreeSet<ExtraName>,
    extras: BTreeSet<ExtraName>,
}

impl PylockFile {
    fn groups(
        &self,
        document: &LinedDocument,
        context: &InputContext,
    ) -> Result<ActiveGroups, InputError> {
        let first = document.line(1);
        let labels = |names: &[String]| -> Result<BTreeSet<ExtraName>, InputError> {
            names
                .iter()
                .map(|name| document.label(name, &first))
                .collect()
        };
        let selection = &context.selection;
        let mut groups = labels(&self.dependency_groups)?;
        groups.retain(|name| selection.groups.has(name));
        groups.extend(labels(&self.default_groups)?);
        let mut extras = labels(&self.extras)?;
        extras.retain(|name| selection.extras.has(name));
        Ok(ActiveGroups { groups, extras })
    }
}

struct PylockReader<'a> {
    document: &'a LinedDocument,
    file: &'a InputFile,
    groups: ActiveGroups,
}

impl PylockReader<'_> {
    fn lock(&self, raw: &PylockFile, sources: &mut PackageSources) -> Result<Lock, InputError> {
        let document = self.document;
        let mut lock = Lock {
            file: document.shown().to_owned(),
            ..Lock::default()
        };
        if let Some(wanted) = &raw.requires_python {
            lock.requires_python =
                Some(document.pythons(wanted.get_ref(), document.place(wanted.span().start))?);
        }
        for marker in &raw.environments {
            lock.environments
                .push(document.marker(marker.get_ref(), &document.place(marker.span().start))?);
        }
        for package in &raw.packages {
            lock.packages.push(self.package(package, sources)?);
        }
        connect(&mut lock.packages, &raw.packages, |raw, names, packages| {
            let mut edges = Vec::new();
            for dependency in &raw.dependencies {
                let place = document.place(raw.name.span().start);
                let name = document.name(&dependency.name, &place)?;
                let wanted = dependency
                    .version
                    .as_ref()
                    .and_then(|version| version.parse().ok());
                let wanted = wanted.map_or(WantedVersions::Any, WantedVersions::Version);
                edges.extend(names.edges_to(&name, &wanted, packages, &place)?);
            }
            Ok(edges)
        })?;
        Ok(lock)
    }

    fn package(
        &self,
        raw: &PylockPackage,
        sources: &mut PackageSources,
    ) -> Result<LockedPackage, InputError> {
        let document = self.document;
        let place = document.place(raw.name.span().start);
        let name = document.name(raw.name.get_ref(), &place)?;
        let listed = match &raw.marker {
            Some(marker) => self.marker(marker.get_ref(), &document.place(marker.span().start))?,
            None => MarkerTree::TRUE,
        };
        if let Some(url) = &raw.index {
            index(
                url.get_ref(),
                document,
                &document.place(url.span().start),
                self.file,
                sources,
            )?;
        }
        let mut hashes = Vec::new();
        for file in raw.wheels.iter().chain(&raw.sdist).chain(&raw.archive) {
            for (algorithm, hex) in &file.hashes {
                hashes.extend(document.digest_of(algorithm, hex, &place)?);
            }
        }
        let pin = match self.location(raw, &hashes, &place, sources)? {
            Some(location) => Pin::Location(location),
            None => self.version(raw, &place, sources)?,
        };
        Ok(LockedPackage {
            name,
            pin,
            listed: Some(listed),
            hashes,
            dependencies: Vec::new(),
            place,
        })
    }

    /// Where the package is, when it does not come from an index.
    fn location(
        &self,
        raw: &PylockPackage,
        hashes: &[Digest],
        place: &Place,
        sources: &mut PackageSources,
    ) -> Result<Option<Location>, InputError> {
        let (source, system) = match (&raw.vcs, &raw.directory, &raw.archive) {
            (Some(vcs), ..) => (vcs, vcs.system.as_deref().or(Some("git"))),
            (None, Some(source), _) | (None, None, Some(source)) => (source, None),
            (None, None, None) => return Ok(None),
        };
        let source = LockedSource {
            system,
            url: source.url.as_deref(),
            path: source.path.as_deref(),
            revision: source.commit_id.as_deref(),
            subdirectory: source.subdirectory.as_deref(),
        };
        source
            .location(hashes, self.document, place, self.file, sources)
            .map(Some)
    }

    /// The version; where the files lie on this machine, their folders become places to look at.
    fn version(
        &self,
        raw: &PylockPackage,
        place: &Place,
        sources: &mut PackageSources,
    ) -> Result<Pin, InputError> {
        let files = || raw.wheels.iter().chain(&raw.sdist);
        if raw.index.is_none() {
            for path in files()
                .filter(|file| file.url.is_none())
                .filter_map(|file| file.path.as_deref())
            {
                let path = beside(path, self.file);
                find_in(
                    Location::Path(path.parent().unwrap_or(Path::new("")).to_owned()),
                    sources,
                );
            }
        }
        match &raw.version {
            Some(version) => {
                let place = self.document.place(version.span().start);
                Ok(Pin::Version(
                    self.document.version(version.get_ref(), &place)?,
                ))
            }
            None => Err(self.document.wrong(
                place.clone(),
                "expected a version, a directory, an archive or a repository",
            )),
        }
    }

    /// A marker, with what it says of groups and extras put into words that every marker has.
    fn marker(&self, text: &str, place: &Place) -> Result<MarkerTree, InputError> {
        let settled = settled(text, &|kind, name| {
            let active = if kind == "extras" {
                &self.groups.extras
            } else {
                &self.groups.groups
            };
            Ok(active.contains(&self.document.label(name, place)?))
        })?;
        self.document.marker(&settled, place)
    }
}

/// Replaces `'name' in extras` and `'name' not in dependency_groups` by what they come to.
fn settled(
    text: &str,
    is_active: &dyn Fn(&str, &str) -> Result<bool, InputError>,
) -> Result<String, InputError> {
    let mut settled = String::new();
    let mut rest = text;
    while let Some(open) = rest.find(['\'', '"']) {
        let (before, quoted) = rest.split_at_checked(open).unwrap_or((rest, ""));
        settled.push_str(before);
        let mark = quoted.chars().next().unwrap_or('"');
        let Some((content, after)) = quoted.get(1..).and_then(|inside| inside.split_once(mark))
        else {
            rest = quoted;
            break;
        };
        rest = match membership(after) {
            Some((kind, wanted, after)) => {
                settled.push_str(if is_active(kind, content)? == wanted {
                    ALWAYS
                } else {
                    NEVER
                });
                after
            }
            None => {
                settled.extend([mark.to_string(), content.to_owned(), mark.to_string()]);
                after
            }
        };
    }
    settled.push_str(rest);
    Ok(settled)
}

/// Reads ` in extras` or ` not in dependency_groups`: which of the two, whether it is `in`, and what follows.
fn membership(after: &str) -> Option<(&'static str, bool, &str)> {
    let word = |text: &'_ str, word: &str| text.trim_start().strip_prefix(word).map(str::len);
    let not = word(after, "not")
        .map(|rest| after.len() - rest)
        .unwrap_or(0);
    let tail = after.get(not..)?;
    let tail = tail.get(tail.len() - word(tail, "in")?..)?;
    ["extras", "dependency_groups"]
        .into_iter()
        .find_map(|kind| {
            let rest = tail.trim_start().strip_prefix(kind)?;
            let ends = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
            ends.then_some((kind, not == 0, rest))
        })
}
