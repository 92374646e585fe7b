//! Where packages come from, as uv's and Poetry's tables say: repositories, URLs, paths, indexes.
//!
//! <https://docs.astral.sh/uv/concepts/projects/dependencies/#dependency-sources>

use std::collections::BTreeMap;

use pep508_rs::VersionOrUrl;
use serde::Deserialize;
use toml::Spanned;

use super::PyprojectReader;
use crate::input::error::InputError;
use crate::input::locking::{LockedSource, index};
use crate::model::name::{MarkerTree, PackageName, Requirement};
use crate::model::place::{Location, Place};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::{Request, Requests, WantedPackage};

/// `[tool.uv]`, as far as it says what is chosen.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct UvTable {
    #[serde(default)]
    sources: BTreeMap<String, Spanned<SourceOrSources>>,
    #[serde(default)]
    index: Vec<UvIndex>,
    #[serde(default)]
    constraint_dependencies: Vec<Spanned<String>>,
    #[serde(default)]
    override_dependencies: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) dev_dependencies: Vec<Spanned<String>>,
    prerelease: Option<String>,
}

#[derive(Deserialize)]
struct UvIndex {
    url: Spanned<String>,
    #[serde(default)]
    default: bool,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a source, or a list of sources")]
enum SourceOrSources {
    One(UvSource),
    More(Vec<UvSource>),
}

#[derive(Deserialize)]
struct UvSource {
    git: Option<String>,
    rev: Option<String>,
    tag: Option<String>,
    branch: Option<String>,
    url: Option<String>,
    path: Option<String>,
    subdirectory: Option<String>,
    #[serde(default)]
    workspace: bool,
    marker: Option<String>,
}

/// Where packages come from instead of an index.
#[derive(Default)]
pub(super) struct PackageOrigins {
    known: BTreeMap<PackageName, Vec<PackageOrigin>>,
}

/// One such place.
pub(super) struct PackageOrigin {
    /// When it counts.
    pub(super) marker: MarkerTree,
    /// Where it is; `None` for another project of the workspace, wherever that is.
    pub(super) location: Option<Location>,
    /// The line that says so.
    pub(super) place: Place,
}

impl PackageOrigins {
    pub(super) fn add(&mut self, name: PackageName, origin: PackageOrigin) {
        self.known.entry(name).or_default().push(origin);
    }

    /// Adds the request as it stands, or once for each place that the package comes from.
    pub(super) fn apply(&self, request: Request, requests: &mut Requests) {
        let WantedPackage::Named(wanted) = &request.wanted else {
            requests.requests.push(request);
            return;
        };
        let origins = self
            .known
            .get(&wanted.name)
            .filter(|_| !matches!(wanted.version_or_url, Some(VersionOrUrl::Url(_))));
        let mut elsewhere = wanted.marker.clone();
        for origin in origins.into_iter().flatten() {
            let mut marker = wanted.marker.clone();
            marker.and(origin.marker.clone());
            elsewhere.and(origin.marker.negate());
            let wanted = match &origin.location {
                Some(Location::Path(path)) => WantedPackage::Unnamed {
                    location: Location::Path(path.clone()),
                    extras: wanted.extras.clone(),
                    marker,
                },
                Some(Location::Url(url)) => {
                    let version_or_url = Some(VersionOrUrl::Url(url.clone()));
                    WantedPackage::Named(Requirement {
                        version_or_url,
                        marker,
                        ..wanted.clone()
                    })
                }
                None => {
                    requests.problems.push(member(&wanted.name, origin));
                    continue;
                }
            };
            requests.requests.push(Request {
                wanted,
                ..request.clone()
            });
        }
        if !elsewhere.is_false() {
            let wanted = WantedPackage::Named(Requirement {
                marker: elsewhere,
                ..wanted.clone()
            });
            requests.requests.push(Request { wanted, ..request });
        }
    }
}

fn member(name: &PackageName, origin: &PackageOrigin) -> Problem {
    let message = "it is another project of the workspace, which is not looked for; scan the workspace's uv.lock, or \
                   name that project's folder too";
    let (kind, place) = (ProblemKind::Metadata, origin.place.to_string());
    Problem {
        kind,
        package: Some(name.clone()),
        place,
        message: message.to_owned(),
    }
}

impl PyprojectReader<'_, '_> {
    /// uv's sources, indexes and bounds.
    pub(super) fn uv(&mut self, uv: &UvTable) -> Result<(), InputError> {
        for UvIndex { url, default } in &uv.index {
            let place = self.document.place(url.span().start);
            let sources = &mut self.requests.sources;
            let known = sources.extra_index_urls.len();
            index(url.get_ref(), self.document, &place, self.file, sources)?;
            if *default && sources.index_url.is_none() && sources.extra_index_urls.len() > known {
                sources.index_url = sources.extra_index_urls.pop();
            }
        }
        self.requests.sources.pre |= uv.prerelease.as_deref() == Some("allow");
        for (name, sources) in &uv.sources {
            let place = self.document.spot(sources.span().start);
            let name = self.document.name(name, &place)?;
            let each = match sources.get_ref() {
                SourceOrSources::One(source) => std::slice::from_ref(source),
                SourceOrSources::More(sources) => sources,
            };
            for source in each {
                self.source(&name, source, &place)?;
            }
        }
        for line in &uv.constraint_dependencies {
            let request = self.requirement(&self.document.string(line.get_ref(), line.span()))?;
            self.requests.constraints.push(request);
        }
        if let Some(first) = uv.override_dependencies.first() {
            let place = self.document.spot(first.span().start);
            let message =
                "uv's override-dependencies are not applied; scan uv.lock, which has them in it";
            self.problem(None, &place, message.to_owned());
        }
        Ok(())
    }

    fn source(
        &mut self,
        name: &PackageName,
        source: &UvSource,
        place: &Place,
    ) -> Result<(), InputError> {
        let marker = match &source.marker {
            Some(marker) => self.document.marker(marker, place)?,
            None => MarkerTree::TRUE,
        };
        let from = LockedSource {
            system: source.git.as_ref().map(|_| "git"),
            url: source.git.as_deref().or(source.url.as_deref()),
            path: source.path.as_deref(),
            revision: source
                .rev
                .as_deref()
                .or(source.tag.as_deref())
                .or(source.branch.as_deref()),
            subdirectory: source.subdirectory.as_deref(),
        };
        let location = match (from.url.or(from.path), source.workspace) {
            (Some(_), _) => Some(from.location(
                &[],
                self.document,
                place,
                self.file,
                &mut self.requests.sources,
            )?),
            (None, true) => None,
            // An index, which is asked like the others.
            (None, false) => return Ok(()),
        };
        self.origins.add(
            name.clone(),
            PackageOrigin {
                marker,
                location,
                place: place.clone(),
            },
        );
        Ok(())
    }
}
