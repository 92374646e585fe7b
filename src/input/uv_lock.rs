//! `uv.lock`, which holds the project, its groups and extras, and who requires whom, for all targets at once.
//!
//! The set is what can be reached from the project. A workspace's other members are taken where something requires
//! them, and all of them where the workspace's root is no project itself. What `conflicts` keeps apart is told by
//! extras that uv makes up (`extra-8-demo-app-db`); they hold for what is selected.
//!
//! <https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile>

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::document::LinedDocument;
use super::error::InputError;
use super::locking::{LockedNames, LockedSource, WantedVersions, connect, index};
use super::{GroupSelection, InputAdapter, InputContext, InputFile};
use crate::model::lock::{BoundOrigin, Lock, LockedBound, LockedEdge, LockedPackage, Pin};
use crate::model::name::{ExtraName, MarkerTree, Requirement, of_versions};
use crate::model::place::Place;
use crate::model::request::{PackageSources, Requests};

/// The adapter.
pub(super) struct UvLock;

impl InputAdapter for UvLock {
    fn kind(&self) -> &'static str {
        "uv"
    }

    fn name(&self) -> &'static str {
        "uv's lock file (uv.lock)"
    }

    fn claims(&self, file_name: &str, _head: &[u8]) -> bool {
        file_name == "uv.lock"
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
        let document = LinedDocument::new(file, "uv.lock")?;
        let raw: UvLockFile = document.toml()?;
        if *raw.version.get_ref() != 1 {
            let place = document.place(raw.version.span().start);
            return Err(document.expected("version 1", &raw.version.get_ref().to_string(), &place));
        }
        let mut reader = UvLockReader {
            document: &document,
            file,
            raw: &raw,
            active: Vec::new(),
        };
        for package in reader.projects() {
            for (name, of) in [
                (&package.optional_dependencies, &mut requests.offered.extras),
                (&package.dev_dependencies, &mut requests.offered.groups),
            ] {
                for label in name.keys() {
                    of.insert(document.label(label, &reader.place(package))?);
                }
            }
        }
        reader.active = reader.active_extras(&context.selection)?;
        requests
            .locks
            .push(reader.lock(&context.selection, &mut requests.sources)?);
        Ok(requests)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UvLockFile {
    version: Spanned<u32>,
    requires_python: Option<Spanned<String>>,
    #[serde(default)]
    supported_markers: Vec<Spanned<String>>,
    #[serde(default)]
    package: Vec<UvLockPackage>,
    #[serde(default)]
    options: RawOptions,
    #[serde(default)]
    manifest: RawManifest,
}

/// Settings under which the file was made, where they are not uv's defaults. uv makes it anew, from the newest versions,
/// when it is not told them again.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawOptions {
    resolution_mode: Option<String>,
    prerelease_mode: Option<String>,
    fork_strategy: Option<String>,
    exclude_newer: Option<String>,
}

#[derive(Default, Deserialize)]
struct RawManifest {
    #[serde(default)]
    constraints: Vec<RawBound>,
    #[serde(default)]
    overrides: Vec<RawBound>,
}

/// What a project's metadata requires.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawMetadata {
    #[serde(default)]
    requires_dist: Vec<RawBound>,
    #[serde(default)]
    requires_dev: BTreeMap<String, Vec<RawBound>>,
}

#[derive(Deserialize)]
struct RawBound {
    name: Spanned<String>,
    #[serde(default)]
    extras: Vec<String>,
    specifier: Option<String>,
    marker: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct UvLockPackage {
    name: Spanned<String>,
    version: Option<Spanned<String>>,
    source: UvLockSource,
    #[serde(default)]
    dependencies: Vec<UvLockDependency>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<UvLockDependency>>,
    #[serde(default)]
    dev_dependencies: BTreeMap<String, Vec<UvLockDependency>>,
    sdist: Option<UvLockArtifact>,
    #[serde(default)]
    wheels: Vec<UvLockArtifact>,
    #[serde(default)]
    metadata: RawMetadata,
}

#[derive(Deserialize, PartialEq)]
struct UvLockSource {
    registry: Option<String>,
    git: Option<String>,
    url: Option<String>,
    path: Option<String>,
    directory: Option<String>,
    editable: Option<String>,
    #[serde(rename = "virtual")]
    not_built: Option<String>,
    subdirectory: Option<String>,
}

#[derive(Deserialize)]
struct UvLockDependency {
    name: Spanned<String>,
    version: Option<String>,
    source: Option<UvLockSource>,
    #[serde(default)]
    extra: Vec<String>,
    marker: Option<String>,
}

#[derive(Deserialize)]
struct UvLockArtifact {
    hash: Option<String>,
}

impl UvLockSource {
    /// The folder of a project that is not packed.
    fn folder(&self) -> Option<&str> {
        self.editable
            .as_deref()
            .or(self.not_built.as_deref())
            .or(self.directory.as_deref())
    }
}

struct UvLockReader<'a> {
    document: &'a LinedDocument,
    file: &'a InputFile,
    raw: &'a UvLockFile,
    /// Extras that hold in the markers of conflicting parts.
    active: Vec<ExtraName>,
}

impl<'a> UvLockReader<'a> {
    fn place(&self, package: &UvLockPackage) -> Place {
        self.document.place(package.name.span().start)
    }

    /// The project, or where the workspace's root is none, its members.
    fn projects(&self) -> Vec<&'a UvLockPackage> {
        let all = || self.raw.package.iter();
        let root: Vec<&UvLockPackage> = all()
            .filter(|package| package.source.folder() == Some("."))
            .collect();
        let is_member = |package: &&UvLockPackage| {
            package.source.editable.is_some() || package.source.not_built.is_some()
        };
        if root.is_empty() {
            all().filter(is_member).collect()
        } else {
            root
        }
    }

    fn active_extras(&self, selection: &GroupSelection) -> Result<Vec<ExtraName>, InputError> {
        let mut active = Vec::new();
        for package in self.projects() {
            let place = self.place(package);
            let project = package.name.get_ref();
            let parts = [
                ("extra", &package.optional_dependencies, &selection.extras),
                ("group", &package.dev_dependencies, &selection.groups),
            ];
            for (kind, tables, selected) in parts {
                for name in tables.keys() {
                    if selected.has(&self.document.label(name, &place)?) {
                        let made_up = format!("{kind}-{}-{project}-{name}", project.len());
                        active.push(self.document.label(&made_up, &place)?);
                    }
                }
            }
        }
        Ok(active)
    }

    fn lock(
        &self,
        selection: &GroupSelection,
        sources: &mut PackageSources,
    ) -> Result<Lock, InputError> {
        let document = self.document;
        let mut lock = Lock {
            file: document.shown().to_owned(),
            ..Lock::default()
        };
        if let Some(wanted) = &self.raw.requires_python {
            lock.requires_python =
                Some(document.pythons(wanted.get_ref(), document.place(wanted.span().start))?);
        }
        for marker in &self.raw.supported_markers {
            lock.environments
                .push(document.marker(marker.get_ref(), &document.place(marker.span().start))?);
        }
        for package in &self.raw.package {
            lock.packages.push(self.package(package, sources)?);
        }
        let mut names = connect(
            &mut lock.packages,
            &self.raw.package,
            |raw, names, packages| {
                let mut edges = self.edges(&raw.dependencies, None, names, packages)?;
                for (extra, dependencies) in &raw.optional_dependencies {
                    let extra = document.label(extra, &self.place(raw))?;
                    edges.extend(self.edges(dependencies, Some(extra), names, packages)?);
                }
                Ok(edges)
            },
        )?;
        lock.roots = self.roots(selection, &mut names, &lock.packages)?;
        self.terms(&mut lock)?;
        Ok(lock)
    }

    /// What the projects and the settings say of versions. All extras and groups are locked together, so that their
    /// bounds count whether they are selected or not.
    fn terms(&self, lock: &mut Lock) -> Result<(), InputError> {
        let root = self
            .raw
            .package
            .iter()
            .find(|package| package.source.folder() == Some("."));
        for package in &self.raw.package {
            let is_root = root.is_some_and(|root| std::ptr::eq(root, package));
            for bound in &package.metadata.requires_dist {
                let is_own = is_root && bound.marker.is_none();
                let origin = if is_own {
                    BoundOrigin::Project
                } else {
                    BoundOrigin::Elsewhere
                };
                lock.bounds.push(self.bound(bound, origin)?);
            }
            for bound in package.metadata.requires_dev.values().flatten() {
                lock.bounds.push(self.bound(bound, BoundOrigin::Elsewhere)?);
            }
        }
        for bound in &self.raw.manifest.constraints {
            lock.bounds.push(self.bound(bound, BoundOrigin::Elsewhere)?);
        }
        lock.bounds
            .retain(|bound| bound.requirement.version_or_url.is_some());
        for bound in &self.raw.manifest.overrides {
            lock.overrides
                .push(self.bound(bound, BoundOrigin::Elsewhere)?);
        }
        let RawOptions {
            resolution_mode,
            prerelease_mode,
            fork_strategy,
            exclude_newer,
        } = &self.raw.options;
        let options = [
            ("--resolution", resolution_mode),
            ("--prerelease", prerelease_mode),
            ("--fork-strategy", fork_strategy),
            ("--exclude-newer", exclude_newer),
        ];
        for (option, value) in options {
            lock.options.extend(
                value
                    .iter()
                    .flat_map(|value| [option.to_owned(), value.clone()]),
            );
        }
        Ok(())
    }

    fn bound(&self, raw: &RawBound, origin: BoundOrigin) -> Result<LockedBound, InputError> {
        let document = self.document;
        let place = document.place(raw.name.span().start);
        let name = document.name(raw.name.get_ref(), &place)?;
        let specifiers = raw
            .specifier
            .as_deref()
            .filter(|specifier| *specifier != "*");
        let specifiers = specifiers
            .map(|specifier| document.specifiers(specifier, &place))
            .transpose()?;
        let marker = match &raw.marker {
            Some(marker) => document
                .marker(marker, &place)?
                .simplify_extras_with(|_| true),
            None => MarkerTree::TRUE,
        };
        let extras = raw.extras.iter().map(|extra| document.label(extra, &place));
        let extras = extras.collect::<Result<Vec<ExtraName>, InputError>>()?;
        let requirement = Requirement {
            marker,
            extras,
            ..of_versions(&name, specifiers)
        };
        Ok(LockedBound {
            requirement,
            place,
            origin,
        })
    }

    /// The project with the selected extras, and what the selected groups require.
    fn roots(
        &self,
        selection: &GroupSelection,
        names: &mut LockedNames,
        packages: &[LockedPackage],
    ) -> Result<Vec<LockedEdge>, InputError> {
        let mut roots = Vec::new();
        for project in self.projects() {
            let place = self.place(project);
            let name = self.document.name(project.name.get_ref(), &place)?;
            let mut edges = names.edges_to(&name, &WantedVersions::Any, packages, &place)?;
            let mut extras = Vec::new();
            for extra in project.optional_dependencies.keys() {
                extras.push(self.document.label(extra, &place)?);
            }
            extras.retain(|extra| selection.extras.has(extra));
            edges
                .iter_mut()
                .for_each(|edge| edge.extras.clone_from(&extras));
            roots.extend(edges);
            for (group, dependencies) in &project.dev_dependencies {
                if selection.groups.has(&self.document.label(group, &place)?) {
                    roots.extend(self.edges(dependencies, None, names, packages)?);
                }
            }
        }
        Ok(roots)
    }

    fn package(
        &self,
        raw: &UvLockPackage,
        sources: &mut PackageSources,
    ) -> Result<LockedPackage, InputError> {
        let document = self.document;
        let place = self.place(raw);
        let mut hashes = Vec::new();
        for hash in raw
            .wheels
            .iter()
            .chain(&raw.sdist)
            .filter_map(|file| file.hash.as_deref())
        {
            hashes.extend(document.digest(hash, &place)?);
        }
        let source = &raw.source;
        let is_project = self
            .projects()
            .iter()
            .any(|project| std::ptr::eq(*project, raw));
        let pin = if is_project {
            Pin::Project
        } else if let Some(registry) = &source.registry {
            index(registry, document, &place, self.file, sources)?;
            let version = raw.version.as_ref();
            let version =
                version.ok_or_else(|| document.wrong(place.clone(), "expected a version"))?;
            Pin::Version(
                document.version(version.get_ref(), &document.place(version.span().start))?,
            )
        } else {
            let location = match &source.git {
                Some(git) => GitUrl::of(git).source(),
                None => LockedSource {
                    url: source.url.as_deref(),
                    path: source.path.as_deref().or(source.folder()),
                    subdirectory: source.subdirectory.as_deref(),
                    ..LockedSource::default()
                },
            };
            Pin::Location(location.location(&hashes, document, &place, self.file, sources)?)
        };
        let name = document.name(raw.name.get_ref(), &place)?;
        Ok(LockedPackage {
            name,
            pin,
            listed: None,
            hashes,
            dependencies: Vec::new(),
            place,
        })
    }

    fn edges(
        &self,
        dependencies: &[UvLockDependency],
        of_extra: Option<ExtraName>,
        names: &mut LockedNames,
        packages: &[LockedPackage],
    ) -> Result<Vec<LockedEdge>, InputError> {
        let mut found = Vec::new();
        for dependency in dependencies {
            let place = self.document.place(dependency.name.span().start);
            let name = self.document.name(dependency.name.get_ref(), &place)?;
            let wanted = match &dependency.version {
                Some(version) => WantedVersions::Version(self.document.version(version, &place)?),
                None => WantedVersions::Any,
            };
            let marker = match &dependency.marker {
                Some(marker) => self
                    .document
                    .marker(marker, &place)?
                    .simplify_extras(&self.active),
                None => MarkerTree::TRUE,
            };
            let extras = dependency
                .extra
                .iter()
                .map(|extra| self.document.label(extra, &place));
            let extras = extras.collect::<Result<Vec<ExtraName>, InputError>>()?;
            let edges = names.edges_to(&name, &wanted, packages, &place)?;
            let edges = edges
                .into_iter()
                .filter(|edge| self.is_from(edge.to, dependency));
            let complete = |edge| LockedEdge {
                extras: extras.clone(),
                marker: marker.clone(),
                of_extra: of_extra.clone(),
                ..edge
            };
            let before = found.len();
            found.extend(edges.map(complete));
            if found.len() == before {
                return Err(self.document.expected(
                    "a package of this file",
                    name.as_ref(),
                    &place,
                ));
            }
        }
        Ok(found)
    }

    /// Whether the package comes from where the dependency says, when it says so.
    fn is_from(&self, at: usize, dependency: &UvLockDependency) -> bool {
        let package = self.raw.package.get(at);
        dependency
            .source
            .as_ref()
            .is_none_or(|source| package.is_some_and(|package| package.source == *source))
    }
}

/// A repository as uv writes it: `https://host/a?subdirectory=b&rev=main#commit`.
struct GitUrl<'a> {
    url: &'a str,
    commit: Option<&'a str>,
    subdirectory: Option<&'a str>,
}

impl<'a> GitUrl<'a> {
    fn of(text: &'a str) -> GitUrl<'a> {
        let (text, commit) = text
            .split_once('#')
            .map_or((text, None), |(text, commit)| (text, Some(commit)));
        let (url, query) = text.split_once('?').unwrap_or((text, ""));
        let subdirectory = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("subdirectory="));
        GitUrl {
            url,
            commit,
            subdirectory,
        }
    }

    fn source(&self) -> LockedSource<'a> {
        LockedSource {
            system: Some("git"),
            url: Some(self.url),
            revision: self.commit,
            subdirectory: self.subdirectory,
            ..LockedSource::default()
        }
    }
}
