//! `poetry.lock`: each package with its groups, and with the markers under which they need it.
//!
//! The project's own requirements stand in `pyproject.toml`; what a lock of Poetry 2 says of groups, markers and extras
//! decides the set without it. Locks of Poetry 1 say none of that: every package counts that nobody requires, or that is
//! required under a condition that holds, and a problem says so.
//!
//! <https://python-poetry.org/docs/basic-usage/#installing-with-poetrylock>

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::document::LinedDocument;
use super::error::InputError;
use super::locking::{LockedNames, LockedSource, WantedVersions, connect, index};
use super::poetry_versions::PoetryVersions;
use super::text::printable;
use super::{GroupSelection, InputAdapter, InputContext, InputFile};
use crate::model::lock::{Lock, LockedEdge, LockedPackage, Pin};
use crate::model::name::{ExtraName, MarkerTree};
use crate::model::place::Place;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::python_bound::PythonBound;
use crate::model::request::{Offered, PackageSources, Requests};
use crate::pep508;

/// The group of the project's own requirements, which always counts.
const MAIN: &str = "main";

/// The adapter.
pub(super) struct PoetryLock;

impl InputAdapter for PoetryLock {
    fn kind(&self) -> &'static str {
        "poetry"
    }

    fn name(&self) -> &'static str {
        "Poetry's lock file (poetry.lock)"
    }

    fn claims(&self, file_name: &str, _head: &[u8]) -> bool {
        file_name == "poetry.lock"
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
        let document = LinedDocument::new(file, "poetry.lock")?;
        let raw: PoetryLockFile = document.toml()?;
        let reader = PoetryLockReader {
            document: &document,
            file,
            selection: &context.selection,
        };
        let format = reader.format(&raw)?;
        reader.offer(&raw, format, &mut requests.offered)?;
        let mut lock = reader.lock(&raw, &mut requests.sources)?;
        match raw
            .metadata
            .python_versions
            .as_ref()
            .map(|wanted| reader.pythons(wanted))
            .transpose()
        {
            Ok(bound) => lock.requires_python = bound,
            Err(problem) => requests.problems.push(problem),
        }
        if format == PoetryLockFormat::Poetry1 && !lock.packages.is_empty() {
            requests.problems.push(reader.list_all(&raw, &mut lock));
        }
        requests.locks.push(lock);
        Ok(requests)
    }
}

#[derive(Deserialize)]
struct PoetryLockFile {
    #[serde(default)]
    package: Vec<PoetryLockPackage>,
    #[serde(default)]
    extras: BTreeMap<String, Vec<String>>,
    metadata: PoetryLockMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PoetryLockMetadata {
    lock_version: Spanned<String>,
    python_versions: Option<Spanned<String>>,
    #[serde(default)]
    files: BTreeMap<String, Vec<PoetryLockArtifact>>,
}

/// What a lock says of groups and markers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PoetryLockFormat {
    /// All that is needed.
    Poetry2,
    /// Nothing.
    Poetry1,
}

#[derive(Deserialize)]
struct PoetryLockPackage {
    name: Spanned<String>,
    version: Spanned<String>,
    #[serde(default)]
    groups: Vec<String>,
    markers: Option<Spanned<RawMarkers>>,
    /// Only Poetry 1 before 1.5 keeps them elsewhere.
    #[serde(default)]
    files: Vec<PoetryLockArtifact>,
    #[serde(default)]
    dependencies: BTreeMap<String, PoetryDependencySpec<PoetryLockDependency>>,
    source: Option<PoetryLockSource>,
}

/// One marker, or one for each group.
#[derive(Deserialize)]
#[serde(untagged)]
enum RawMarkers {
    Same(String),
    EachGroup(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct PoetryLockArtifact {
    hash: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PoetryDependencySpec<T> {
    One(T),
    More(Vec<T>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PoetryLockDependency {
    Versions(String),
    Table {
        version: Option<String>,
        markers: Option<String>,
    },
}

#[derive(Deserialize)]
struct PoetryLockSource {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    reference: Option<String>,
    resolved_reference: Option<String>,
    subdirectory: Option<String>,
}

struct PoetryLockReader<'a> {
    document: &'a LinedDocument,
    file: &'a InputFile,
    selection: &'a GroupSelection,
}

impl PoetryLockReader<'_> {
    /// Groups and markers are there since 2.1.
    fn format(&self, raw: &PoetryLockFile) -> Result<PoetryLockFormat, InputError> {
        let version = raw.metadata.lock_version.get_ref();
        let mut numbers = version
            .split('.')
            .map(|number| number.parse::<u32>().unwrap_or(0));
        match (numbers.next(), numbers.next()) {
            (Some(2), Some(1..)) => Ok(PoetryLockFormat::Poetry2),
            (Some(1), _) | (Some(2), Some(0)) => Ok(PoetryLockFormat::Poetry1),
            _ => {
                let place = self.document.place(raw.metadata.lock_version.span().start);
                Err(self
                    .document
                    .expected("lock-version 1 or 2", version, &place))
            }
        }
    }

    /// Makes every package count that nobody requires, and the others where somebody does; says that this is all that
    /// can be told.
    fn list_all(&self, raw: &PoetryLockFile, lock: &mut Lock) -> Problem {
        let mut conditions: BTreeMap<usize, MarkerTree> = BTreeMap::new();
        for edge in lock
            .packages
            .iter()
            .flat_map(|package| &package.dependencies)
        {
            conditions
                .entry(edge.to)
                .or_insert(MarkerTree::FALSE)
                .or(edge.marker.clone());
        }
        for (at, package) in lock.packages.iter_mut().enumerate() {
            package.listed = Some(conditions.remove(&at).unwrap_or(MarkerTree::TRUE));
        }
        let version = raw.metadata.lock_version.get_ref();
        let message = format!(
            "lock-version {version}, of Poetry 1, does not say what belongs to which group: all {} packages are scanned, \
             whichever group they are for; lock again with Poetry 2 to select",
            lock.packages.len()
        );
        let place = self
            .document
            .place(raw.metadata.lock_version.span().start)
            .to_string();
        Problem {
            kind: ProblemKind::Metadata,
            package: None,
            place,
            message,
        }
    }

    fn offer(
        &self,
        raw: &PoetryLockFile,
        format: PoetryLockFormat,
        offered: &mut Offered,
    ) -> Result<(), InputError> {
        // Nothing can be selected of what the file does not say.
        if format == PoetryLockFormat::Poetry1 {
            return Ok(());
        }
        for package in &raw.package {
            for group in package.groups.iter().filter(|group| *group != MAIN) {
                offered
                    .groups
                    .insert(self.document.label(group, &self.place(package))?);
            }
        }
        for extra in raw.extras.keys() {
            offered
                .extras
                .insert(self.document.label(extra, &self.document.line(1))?);
        }
        Ok(())
    }

    fn place(&self, package: &PoetryLockPackage) -> Place {
        self.document.place(package.name.span().start)
    }

    fn lock(&self, raw: &PoetryLockFile, sources: &mut PackageSources) -> Result<Lock, InputError> {
        let mut extras = Vec::new();
        for extra in raw.extras.keys() {
            extras.push(self.document.label(extra, &self.document.line(1))?);
        }
        extras.retain(|extra| self.selection.extras.has(extra));
        let mut lock = Lock {
            file: self.document.shown().to_owned(),
            ..Lock::default()
        };
        for package in &raw.package {
            lock.packages
                .push(self.package(package, &raw.metadata, &extras, sources)?);
        }
        connect(&mut lock.packages, &raw.package, |raw, names, packages| {
            self.edges(raw, names, packages)
        })?;
        Ok(lock)
    }

    /// Pythons that the lock was made for. What Poetry takes there and nobody else does is no reason to read no further.
    fn pythons(&self, wanted: &Spanned<String>) -> Result<PythonBound, Problem> {
        let (shown, place) = (
            wanted.get_ref().clone(),
            self.document.place(wanted.span().start),
        );
        match shown.parse::<PoetryVersions>() {
            Ok(versions) => Ok(PythonBound {
                any_of: versions.any_of,
                shown,
                place,
            }),
            Err(why) => {
                let message = printable(&format!(
                    "which Pythons the lock was made for is unknown: {why}"
                ));
                Err(Problem {
                    kind: ProblemKind::Metadata,
                    package: None,
                    place: place.to_string(),
                    message,
                })
            }
        }
    }

    fn package(
        &self,
        raw: &PoetryLockPackage,
        metadata: &PoetryLockMetadata,
        extras: &[ExtraName],
        sources: &mut PackageSources,
    ) -> Result<LockedPackage, InputError> {
        let place = self.place(raw);
        let mut hashes = Vec::new();
        for file in raw
            .files
            .iter()
            .chain(metadata.files.get(raw.name.get_ref()).into_iter().flatten())
        {
            hashes.extend(self.document.digest(&file.hash, &place)?);
        }
        let version = self.document.version(
            raw.version.get_ref(),
            &self.document.place(raw.version.span().start),
        )?;
        let pin = match &raw.source {
            None => Pin::Version(version),
            Some(source) if matches!(source.kind.as_str(), "legacy" | "pypi") => {
                index(&source.url, self.document, &place, self.file, sources)?;
                Pin::Version(version)
            }
            Some(source) => {
                let location = source.location(&place, self.document)?;
                Pin::Location(location.location(
                    &hashes,
                    self.document,
                    &place,
                    self.file,
                    sources,
                )?)
            }
        };
        let name = self.document.name(raw.name.get_ref(), &place)?;
        let listed = Some(self.listed(raw, &place)?.simplify_extras(extras));
        Ok(LockedPackage {
            name,
            pin,
            listed,
            hashes,
            dependencies: Vec::new(),
            place,
        })
    }

    /// The condition under which one of the groups that count needs the package.
    fn listed(&self, raw: &PoetryLockPackage, place: &Place) -> Result<MarkerTree, InputError> {
        let mut listed = MarkerTree::FALSE;
        for group in &raw.groups {
            if group != MAIN
                && !self
                    .selection
                    .groups
                    .has(&self.document.label(group, place)?)
            {
                continue;
            }
            let text = raw
                .markers
                .as_ref()
                .and_then(|markers| match markers.get_ref() {
                    RawMarkers::Same(marker) => Some((marker, markers.span().start)),
                    RawMarkers::EachGroup(each) => {
                        each.get(group).map(|marker| (marker, markers.span().start))
                    }
                });
            listed.or(match text {
                None => MarkerTree::TRUE,
                Some((text, start)) => self.document.marker(text, &self.document.place(start))?,
            });
        }
        Ok(listed)
    }

    /// Who requires whom decides nothing here, so what cannot be read of it counts.
    fn edges(
        &self,
        raw: &PoetryLockPackage,
        names: &mut LockedNames,
        packages: &[LockedPackage],
    ) -> Result<Vec<LockedEdge>, InputError> {
        let place = self.place(raw);
        let mut found = Vec::new();
        for (name, dependencies) in &raw.dependencies {
            let name = self.document.name(name, &place)?;
            let each = match dependencies {
                PoetryDependencySpec::One(dependency) => std::slice::from_ref(dependency),
                PoetryDependencySpec::More(dependencies) => dependencies,
            };
            for dependency in each {
                let (version, marker) = match dependency {
                    PoetryLockDependency::Versions(version) => (Some(version), None),
                    PoetryLockDependency::Table { version, markers } => {
                        (version.as_ref(), markers.as_ref())
                    }
                };
                let wanted = version
                    .and_then(|version| version.parse().ok())
                    .map_or(WantedVersions::Any, WantedVersions::Specifiers);
                let marker = marker
                    .and_then(|marker| pep508::marker(marker).ok())
                    .unwrap_or(MarkerTree::TRUE);
                // Of an extra that nobody asked for, the lock has the packages only if something else requires them.
                let marker = marker.simplify_extras_with(|_| true);
                let edges = names.edges_to(&name, &wanted, packages, &place)?;
                found.extend(edges.into_iter().map(|edge| LockedEdge {
                    marker: marker.clone(),
                    ..edge
                }));
            }
        }
        Ok(found)
    }
}

impl PoetryLockSource {
    fn location<'a>(
        &'a self,
        place: &Place,
        document: &LinedDocument,
    ) -> Result<LockedSource<'a>, InputError> {
        let url = Some(self.url.as_str());
        let subdirectory = self.subdirectory.as_deref();
        let revision = self
            .resolved_reference
            .as_deref()
            .or(self.reference.as_deref());
        match self.kind.as_str() {
            "git" => Ok(LockedSource {
                system: Some("git"),
                url,
                revision,
                subdirectory,
                path: None,
            }),
            "url" => Ok(LockedSource {
                url,
                subdirectory,
                ..LockedSource::default()
            }),
            "file" | "directory" => Ok(LockedSource {
                path: url,
                subdirectory,
                ..LockedSource::default()
            }),
            kind => Err(document.expected("a source of a kind that Poetry 2.5 has", kind, place)),
        }
    }
}
