//! `pyproject.toml`: what a project asks for, before anybody has locked it.
//!
//! Read are `[project]` (PEP 621), `[dependency-groups]` (PEP 735), uv's sources, constraints and indexes, and the tables of
//! Poetry (`poetry`) and PDM. The project itself is not judged; its own extras lead on. What only a build would
//! know (`dynamic`) is looked for where setuptools looks, and else named as a problem (`dynamic`).
//!
//! <https://packaging.python.org/en/latest/specifications/pyproject-toml/>

mod dynamic;
mod poetry;
mod sources;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::document::LinedDocument;
use super::error::InputError;
use super::text::InputText;
use super::{InputAdapter, InputContext, InputFile, names};
use crate::model::name::{ExtraName, MarkerTree, PackageName};
use crate::model::place::Place;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::{PackageSources, Request, Requests, WantedPackage};
use dynamic::SetuptoolsTable;
use poetry::PoetryTable;
use sources::{PackageOrigins, UvTable};

/// Deepest nesting of groups and extras within each other.
const DEEPEST: usize = 32;
/// Most lines that groups and extras may bring in, counted each time.
const MOST_LINES: usize = 100_000;

/// The adapter.
pub(super) struct PyprojectToml;

impl PyprojectToml {
    /// Whether the file says anything of a project; many only configure tools. One that cannot be read is to be told of.
    pub(super) fn has_project(file: &InputFile) -> bool {
        let raw = LinedDocument::new(file, "pyproject.toml")
            .and_then(|document| document.toml::<PyprojectDocument>());
        raw.map_or(true, |raw| {
            raw.project.is_some() || raw.tool.poetry.is_some() || !raw.dependency_groups.is_empty()
        })
    }
}

impl InputAdapter for PyprojectToml {
    fn kind(&self) -> &'static str {
        "pyproject"
    }

    fn name(&self) -> &'static str {
        "a project's dependencies, PEP 621 or Poetry's (pyproject.toml)"
    }

    fn claims(&self, file_name: &str, _head: &[u8]) -> bool {
        file_name == "pyproject.toml"
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
        let document = LinedDocument::new(file, "pyproject.toml")?;
        let raw: PyprojectDocument = document.toml()?;
        let mut reader = PyprojectReader {
            document: &document,
            file,
            context,
            requests: &mut requests,
            own: None,
            origins: PackageOrigins::default(),
            open: Vec::new(),
            lines: 0,
        };
        reader.read(&raw)?;
        Ok(requests)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PyprojectDocument {
    project: Option<ProjectTable>,
    #[serde(default)]
    dependency_groups: BTreeMap<String, Vec<Spanned<GroupItem>>>,
    #[serde(default)]
    tool: ToolTable,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ProjectTable {
    name: Option<Spanned<String>>,
    requires_python: Option<Spanned<String>>,
    #[serde(default)]
    dependencies: Vec<Spanned<String>>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<Spanned<String>>>,
    #[serde(default)]
    dynamic: Vec<Spanned<String>>,
}

/// What stands in a dependency group.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a requirement, or a table with `include-group`")]
enum GroupItem {
    Requirement(String),
    Include {
        #[serde(rename = "include-group")]
        group: String,
    },
}

#[derive(Default, Deserialize)]
struct ToolTable {
    #[serde(default)]
    uv: UvTable,
    poetry: Option<PoetryTable>,
    #[serde(default)]
    pdm: PdmTable,
    #[serde(default)]
    setuptools: SetuptoolsTable,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct PdmTable {
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Vec<Spanned<String>>>,
    #[serde(default)]
    source: Vec<PdmSource>,
}

#[derive(Deserialize)]
struct PdmSource {
    url: Option<Spanned<String>>,
}

struct PyprojectReader<'a, 'context> {
    document: &'a LinedDocument,
    file: &'a InputFile,
    context: &'a InputContext<'context>,
    requests: &'a mut Requests,
    /// The project's own name.
    own: Option<PackageName>,
    /// Where tools' tables say that packages come from.
    origins: PackageOrigins,
    /// Groups and extras that are being read, each named by the one before.
    open: Vec<String>,
    lines: usize,
}

impl PyprojectReader<'_, '_> {
    fn read(&mut self, raw: &PyprojectDocument) -> Result<(), InputError> {
        let is_dynamic = |key: &str| {
            let named = raw.project.iter().flat_map(|project| &project.dynamic);
            named
                .clone()
                .find(|name| name.get_ref() == key)
                .map(|name| self.document.spot(name.span().start))
        };
        let (dependencies, optional) = (
            is_dynamic("dependencies"),
            is_dynamic("optional-dependencies"),
        );
        let has_main = raw.project.is_none() || dependencies.is_some();
        let main = if has_main {
            poetry::MainDependencies::Read
        } else {
            poetry::MainDependencies::Known
        };
        self.tables(raw, main)?;
        if let Some(project) = &raw.project {
            self.project(project, raw)?;
        }
        if let Some(poetry) = &raw.tool.poetry {
            self.poetry(poetry, main)?;
        }
        for (group, _) in raw.dependency_groups.iter() {
            let label = self.document.label(group, &self.document.line(1))?;
            if self.context.selection.groups.has(&label) {
                self.group(&label, raw)?;
            }
            self.requests.offered.groups.insert(label);
        }
        self.development(raw)?;
        if raw.tool.poetry.is_none()
            && (dependencies.is_some() || optional.is_some() || raw.project.is_none())
        {
            self.left_to_build(raw, dependencies, optional)?;
        }
        Ok(())
    }

    /// What tools' tables say of all of it.
    fn tables(
        &mut self,
        raw: &PyprojectDocument,
        main: poetry::MainDependencies,
    ) -> Result<(), InputError> {
        if let Some(name) = raw
            .project
            .as_ref()
            .and_then(|project| project.name.as_ref())
        {
            self.own = Some(
                self.document
                    .name(name.get_ref(), &self.document.spot(name.span().start))?,
            );
        }
        self.uv(&raw.tool.uv)?;
        if let Some(poetry) = &raw.tool.poetry {
            self.poetry_sources(poetry, main)?;
        }
        for url in raw
            .tool
            .pdm
            .source
            .iter()
            .filter_map(|source| source.url.as_ref())
        {
            let place = self.document.place(url.span().start);
            super::locking::index(
                url.get_ref(),
                self.document,
                &place,
                self.file,
                &mut self.requests.sources,
            )?;
        }
        Ok(())
    }

    fn project(
        &mut self,
        project: &ProjectTable,
        raw: &PyprojectDocument,
    ) -> Result<(), InputError> {
        if let Some(python) = &project.requires_python {
            let bound = self
                .document
                .pythons(python.get_ref(), self.document.spot(python.span().start))?;
            self.requests.pythons.push(bound);
        }
        for line in &project.dependencies {
            self.line(line.get_ref(), line.span(), &MarkerTree::TRUE, raw)?;
        }
        for extra in project.optional_dependencies.keys() {
            let label = self.document.label(extra, &self.document.line(1))?;
            if self.context.selection.extras.has(&label) {
                self.extra(&label, &MarkerTree::TRUE, raw)?;
            }
            self.requests.offered.extras.insert(label);
        }
        Ok(())
    }

    /// Groups that older tools keep under their own tables.
    fn development(&mut self, raw: &PyprojectDocument) -> Result<(), InputError> {
        let uv = (!raw.tool.uv.dev_dependencies.is_empty())
            .then_some(("dev", &raw.tool.uv.dev_dependencies));
        let pdm = raw
            .tool
            .pdm
            .dev_dependencies
            .iter()
            .map(|(group, lines)| (group.as_str(), lines));
        for (group, lines) in pdm.chain(uv) {
            let label = self.document.label(group, &self.document.line(1))?;
            if self.context.selection.groups.has(&label) {
                for line in lines {
                    self.line(line.get_ref(), line.span(), &MarkerTree::TRUE, raw)?;
                }
            }
            self.requests.offered.groups.insert(label);
        }
        Ok(())
    }

    /// Reads one of the project's extras, under the condition of the line that asks for it.
    fn extra(
        &mut self,
        wanted: &ExtraName,
        condition: &MarkerTree,
        raw: &PyprojectDocument,
    ) -> Result<(), InputError> {
        let extras = raw
            .project
            .iter()
            .flat_map(|project| &project.optional_dependencies);
        for (extra, lines) in extras {
            if self.document.label(extra, &self.document.line(1))? != *wanted {
                continue;
            }
            let shown = format!("[{wanted}]");
            // An extra that names itself adds nothing.
            if self.open.contains(&shown) {
                continue;
            }
            self.enter(shown, lines.first().map_or(0, |line| line.span().start))?;
            for line in lines {
                self.line(line.get_ref(), line.span(), condition, raw)?;
            }
            self.open.pop();
        }
        Ok(())
    }

    /// Reads a dependency group, with those that it includes.
    fn group(&mut self, wanted: &ExtraName, raw: &PyprojectDocument) -> Result<(), InputError> {
        for (group, items) in &raw.dependency_groups {
            if self.document.label(group, &self.document.line(1))? != *wanted {
                continue;
            }
            let at = items.first().map_or(0, |item| item.span().start);
            if self.open.iter().any(|open| open == wanted.as_ref()) {
                let (place, found) = (self.document.spot(at), wanted.to_string());
                return Err(InputError::Cycle {
                    place,
                    found,
                    by: self.open.join(" -> "),
                });
            }
            self.enter(wanted.to_string(), at)?;
            for item in items {
                match item.get_ref() {
                    GroupItem::Requirement(line) => {
                        self.line(line, item.span(), &MarkerTree::TRUE, raw)?
                    }
                    GroupItem::Include { group } => {
                        let place = self.document.spot(item.span().start);
                        let label = self.document.label(group, &place)?;
                        let known = raw.dependency_groups.keys().any(|known| {
                            self.document
                                .label(known, &place)
                                .is_ok_and(|known| known == label)
                        });
                        if !known {
                            return Err(self.document.expected(
                                "a group that the file has",
                                group,
                                &place,
                            ));
                        }
                        self.group(&label, raw)?;
                    }
                }
            }
            self.open.pop();
        }
        Ok(())
    }

    fn enter(&mut self, name: String, at: usize) -> Result<(), InputError> {
        if self.open.len() >= DEEPEST {
            let (place, limit) = (self.document.spot(at), DEEPEST);
            return Err(InputError::TooMuch {
                place,
                found: name,
                limit,
                unit: "groups or extras within each other",
            });
        }
        self.open.push(name);
        Ok(())
    }

    /// One requirement. That of the project's own extras leads to these.
    fn line(
        &mut self,
        line: &str,
        span: std::ops::Range<usize>,
        condition: &MarkerTree,
        raw: &PyprojectDocument,
    ) -> Result<(), InputError> {
        self.lines += 1;
        if self.lines > MOST_LINES {
            let (place, found) = (self.document.spot(span.start), line.to_owned());
            return Err(InputError::TooMuch {
                place,
                found,
                limit: MOST_LINES,
                unit: "requirements",
            });
        }
        let text = self.document.string(line, span);
        let mut request = self.requirement(&text)?;
        if let WantedPackage::Named(wanted) = &mut request.wanted {
            wanted.marker.and(condition.clone());
            if Some(&wanted.name) == self.own.as_ref() && wanted.version_or_url.is_none() {
                let (extras, marker) = (wanted.extras.clone(), wanted.marker.clone());
                return extras
                    .iter()
                    .try_for_each(|extra| self.extra(extra, &marker, raw));
            }
        }
        self.push(request);
        Ok(())
    }

    fn requirement(&mut self, text: &InputText) -> Result<Request, InputError> {
        let (wanted, hashes) = names::wanted(text, self.context, &mut self.requests.sources)?;
        Ok(Request {
            wanted,
            hashes,
            place: text.place(0),
        })
    }

    /// Adds a request; where a tool's table says where the package comes from, it comes from there.
    fn push(&mut self, request: Request) {
        let PyprojectReader {
            origins, requests, ..
        } = self;
        origins.apply(request, requests);
    }

    fn problem(&mut self, package: Option<&PackageName>, place: &Place, message: String) {
        let place = place.to_string();
        let problem = Problem {
            kind: ProblemKind::Metadata,
            package: package.cloned(),
            place,
            message,
        };
        self.requests.problems.push(problem);
    }

    fn labels(
        &self,
        names: impl Iterator<Item = String>,
    ) -> Result<BTreeSet<ExtraName>, InputError> {
        names
            .map(|name| self.document.label(&name, &self.document.line(1)))
            .collect()
    }
}
