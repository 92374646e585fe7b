//! `[tool.poetry]`: dependencies with Poetry's own operators, groups, extras and sources.
//!
//! <https://python-poetry.org/docs/dependency-specification/>

use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::VersionOrUrl;
use serde::Deserialize;
use toml::Spanned;

use super::PyprojectReader;
use super::sources::PackageOrigin;
use crate::input::error::InputError;
use crate::input::locking::{LockedSource, index, python_marker};
use crate::input::poetry_versions::PoetryVersions;
use crate::model::name::{ExtraName, MarkerTree, PackageName};
use crate::model::place::Place;
use crate::model::python_bound::PythonBound;
use crate::model::request::{Request, WantedPackage};

/// The dependency that bounds the interpreter.
const PYTHON: &str = "python";

/// Whether the project's own dependencies stand here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum MainDependencies {
    /// They do.
    Read,
    /// `[project]` has them; here stands only where some come from.
    Known,
}

/// The table.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct PoetryTable {
    #[serde(default)]
    dependencies: PoetryDependencies,
    #[serde(default)]
    dev_dependencies: PoetryDependencies,
    #[serde(default)]
    group: BTreeMap<String, PoetryGroup>,
    #[serde(default)]
    extras: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    source: Vec<PoetryRepository>,
}

type PoetryDependencies = BTreeMap<String, Spanned<PoetryDependency>>;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PoetryGroup {
    #[serde(default)]
    dependencies: PoetryDependencies,
    #[serde(default)]
    include_groups: Vec<String>,
}

#[derive(Deserialize)]
struct PoetryRepository {
    url: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a version, a table, or a list of tables")]
enum PoetryDependency {
    Version(String),
    One(Box<PoetryDependencyTable>),
    More(Vec<PoetryDependencyTable>),
}

#[derive(Default, Deserialize)]
struct PoetryDependencyTable {
    version: Option<String>,
    #[serde(default)]
    extras: Vec<String>,
    markers: Option<String>,
    python: Option<String>,
    platform: Option<String>,
    #[serde(default)]
    optional: bool,
    git: Option<String>,
    rev: Option<String>,
    tag: Option<String>,
    branch: Option<String>,
    url: Option<String>,
    path: Option<String>,
    file: Option<String>,
    subdirectory: Option<String>,
}

impl PyprojectReader<'_, '_> {
    pub(super) fn poetry(
        &mut self,
        poetry: &PoetryTable,
        main: MainDependencies,
    ) -> Result<(), InputError> {
        let asked = self.asked_by_extras(poetry)?;
        if main == MainDependencies::Read {
            poetry
                .dependencies
                .iter()
                .try_for_each(|(name, each)| self.dependency(name, each, Some(&asked)))?;
        }
        self.poetry_groups(poetry)
    }

    /// Where packages come from; has to be known before any dependency is read.
    pub(super) fn poetry_sources(
        &mut self,
        poetry: &PoetryTable,
        main: MainDependencies,
    ) -> Result<(), InputError> {
        for url in poetry
            .source
            .iter()
            .filter_map(|source| source.url.as_ref())
        {
            let place = self.document.place(url.span().start);
            index(
                url.get_ref(),
                self.document,
                &place,
                self.file,
                &mut self.requests.sources,
            )?;
        }
        if main == MainDependencies::Known {
            poetry
                .dependencies
                .iter()
                .try_for_each(|(name, each)| self.origin(name, each))?;
        }
        Ok(())
    }

    /// Packages that a selected extra names: others that are optional do not count.
    fn asked_by_extras(
        &mut self,
        poetry: &PoetryTable,
    ) -> Result<BTreeSet<PackageName>, InputError> {
        let first = self.document.line(1);
        let mut asked = BTreeSet::new();
        for (extra, names) in &poetry.extras {
            let label = self.document.label(extra, &first)?;
            if self.context.selection.extras.has(&label) {
                for name in names {
                    asked.insert(self.document.name(name, &first)?);
                }
            }
            self.requests.offered.extras.insert(label);
        }
        Ok(asked)
    }

    fn poetry_groups(&mut self, poetry: &PoetryTable) -> Result<(), InputError> {
        let mut selected: BTreeSet<ExtraName> = BTreeSet::new();
        let first = self.document.line(1);
        let old = (!poetry.dev_dependencies.is_empty()).then_some("dev");
        for group in poetry.group.keys().map(String::as_str).chain(old) {
            let label = self.document.label(group, &first)?;
            if self.context.selection.groups.has(&label) {
                selected.insert(label.clone());
            }
            self.requests.offered.groups.insert(label);
        }
        let labels = self.labels(poetry.group.keys().cloned())?;
        // Each round adds what the groups of the last one include; there are no more rounds than groups.
        for _ in 0..poetry.group.len() {
            for (group, raw) in &poetry.group {
                if selected.contains(&self.document.label(group, &first)?) {
                    selected.extend(self.labels(raw.include_groups.iter().cloned())?);
                }
            }
        }
        for wanted in selected.iter().filter(|wanted| labels.contains(*wanted)) {
            for (group, raw) in &poetry.group {
                if self.document.label(group, &first)? == *wanted {
                    raw.dependencies
                        .iter()
                        .try_for_each(|(name, each)| self.dependency(name, each, None))?;
                }
            }
        }
        if selected.iter().any(|label| label.as_ref() == "dev") {
            poetry
                .dev_dependencies
                .iter()
                .try_for_each(|(name, each)| self.dependency(name, each, None))?;
        }
        Ok(())
    }

    /// One dependency; `asked` are the optional ones that count, `None` where all do.
    fn dependency(
        &mut self,
        name: &str,
        raw: &Spanned<PoetryDependency>,
        asked: Option<&BTreeSet<PackageName>>,
    ) -> Result<(), InputError> {
        let place = self.document.spot(raw.span().start);
        let whole;
        let tables = match raw.get_ref() {
            PoetryDependency::Version(version) => {
                whole = PoetryDependencyTable {
                    version: Some(version.clone()),
                    ..PoetryDependencyTable::default()
                };
                std::slice::from_ref(&whole)
            }
            PoetryDependency::One(table) => std::slice::from_ref(&**table),
            PoetryDependency::More(tables) => tables,
        };
        if name == PYTHON {
            return tables
                .iter()
                .try_for_each(|table| self.python(table, &place));
        }
        let name = self.document.name(name, &place)?;
        for table in tables {
            if !table.optional || asked.is_none_or(|asked| asked.contains(&name)) {
                self.table(&name, table, &place)?;
            }
        }
        Ok(())
    }

    /// Where a dependency of `[project]` comes from.
    fn origin(&mut self, name: &str, raw: &Spanned<PoetryDependency>) -> Result<(), InputError> {
        let place = self.document.spot(raw.span().start);
        let tables = match raw.get_ref() {
            PoetryDependency::Version(_) => return Ok(()),
            PoetryDependency::One(table) => std::slice::from_ref(&**table),
            PoetryDependency::More(tables) => tables,
        };
        for table in tables {
            let from = table.from();
            if from.url.or(from.path).is_none() {
                continue;
            }
            let name = self.document.name(name, &place)?;
            let location = from.location(
                &[],
                self.document,
                &place,
                self.file,
                &mut self.requests.sources,
            )?;
            let marker = self.condition(table, &place)?;
            self.origins.add(
                name,
                PackageOrigin {
                    marker,
                    location: Some(location),
                    place: place.clone(),
                },
            );
        }
        Ok(())
    }

    fn python(&mut self, table: &PoetryDependencyTable, place: &Place) -> Result<(), InputError> {
        let Some(text) = &table.version else {
            return Ok(());
        };
        let versions = self.versions(text, place)?;
        let (shown, place) = (text.clone(), place.clone());
        self.requests.pythons.push(PythonBound {
            any_of: versions.any_of,
            shown,
            place,
        });
        Ok(())
    }

    fn versions(&self, text: &str, place: &Place) -> Result<PoetryVersions, InputError> {
        text.parse()
            .map_err(|why: String| self.document.wrong(place.clone(), &why))
    }

    /// The platform and Python for which the dependency is meant.
    fn condition(
        &self,
        table: &PoetryDependencyTable,
        place: &Place,
    ) -> Result<MarkerTree, InputError> {
        let mut condition = match &table.markers {
            Some(markers) => self.document.marker(markers, place)?,
            None => MarkerTree::TRUE,
        };
        if let Some(python) = &table.python {
            condition.and(
                self.document
                    .marker(&python_marker(&self.versions(python, place)?.any_of), place)?,
            );
        }
        if let Some(platform) = table
            .platform
            .as_ref()
            .filter(|platform| !platform.contains('\''))
        {
            condition.and(
                self.document
                    .marker(&format!("sys_platform == '{platform}'"), place)?,
            );
        }
        Ok(condition)
    }

    fn table(
        &mut self,
        name: &PackageName,
        table: &PoetryDependencyTable,
        place: &Place,
    ) -> Result<(), InputError> {
        let marker = self.condition(table, place)?;
        let mut extras = Vec::new();
        for extra in &table.extras {
            extras.push(self.document.label(extra, place)?);
        }
        let from = table.from();
        let location = match from.url.or(from.path) {
            Some(_) => Some(from.location(
                &[],
                self.document,
                place,
                self.file,
                &mut self.requests.sources,
            )?),
            None => None,
        };
        let version_or_url = match &table.version {
            Some(text) if location.is_none() => {
                let versions = self.versions(text, place)?;
                if versions.any_of.len() > 1 {
                    let message = format!("of `{text}` only the last alternative is looked at");
                    self.problem(Some(name), place, message);
                }
                let last = versions
                    .any_of
                    .into_iter()
                    .next_back()
                    .filter(|specifiers| !specifiers.is_empty());
                last.map(VersionOrUrl::VersionSpecifier)
            }
            _ => None,
        };
        let wanted = crate::model::name::Requirement {
            name: name.clone(),
            extras,
            version_or_url,
            marker,
            origin: None,
        };
        let request = Request {
            wanted: WantedPackage::Named(wanted),
            hashes: Vec::new(),
            place: place.clone(),
        };
        match location {
            None => self.push(request),
            Some(location) => {
                let mut origins = super::PackageOrigins::default();
                let origin = PackageOrigin {
                    marker: MarkerTree::TRUE,
                    location: Some(location),
                    place: place.clone(),
                };
                origins.add(name.clone(), origin);
                origins.apply(request, self.requests);
            }
        }
        Ok(())
    }
}

impl PoetryDependencyTable {
    fn from(&self) -> LockedSource<'_> {
        LockedSource {
            system: self.git.as_ref().map(|_| "git"),
            url: self.git.as_deref().or(self.url.as_deref()),
            path: self.path.as_deref().or(self.file.as_deref()),
            revision: self
                .rev
                .as_deref()
                .or(self.tag.as_deref())
                .or(self.branch.as_deref()),
            subdirectory: self.subdirectory.as_deref(),
        }
    }
}
