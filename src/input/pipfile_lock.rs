//! `Pipfile.lock`: for each category of the Pipfile the whole set that it needs, without who requires whom.
//!
//! A package that pipenv did not need where it locked may stand there without a version; an installer is free to choose
//! one then, so it becomes a request. `default` always counts; the other categories are groups (`develop` answers to `dev` and `dev-packages` too, as in
//! the Pipfile). Variables in the URLs of sources are not expanded.
//!
//! <https://github.com/pypa/pipfile#pipfilelock>

use std::collections::BTreeMap;

use pep508_rs::VersionOrUrl;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::LinedDocument;
use super::error::InputError;
use super::locking::{LockedSource, index};
use super::{InputAdapter, InputContext, InputFile};
use crate::model::digest::Digest;
use crate::model::lock::{Lock, LockedPackage, Pin};
use crate::model::name::{ExtraName, MarkerTree, PackageName, Requirement, Version};
use crate::model::place::{Location, Place};
use crate::model::python_bound::PythonBound;
use crate::model::request::{PackageSources, Request, Requests, WantedPackage};

/// The category that always counts.
const DEFAULT: &str = "default";
/// What the lock says of itself.
const META: &str = "_meta";
/// The category of `[dev-packages]`, and its other names.
const DEVELOP: &str = "develop";
const DEVELOP_TOO: [&str; 2] = ["dev", "dev-packages"];

/// The adapter.
pub(super) struct PipfileLock;

impl InputAdapter for PipfileLock {
    fn kind(&self) -> &'static str {
        "pipenv"
    }

    fn name(&self) -> &'static str {
        "pipenv's lock file (Pipfile.lock)"
    }

    fn claims(&self, file_name: &str, _head: &[u8]) -> bool {
        file_name == "Pipfile.lock"
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
        let document = LinedDocument::new(file, "Pipfile.lock")?;
        let parts: BTreeMap<String, &RawValue> = document.json()?;
        let Some(meta) = parts.get(META) else {
            return Err(document.wrong(document.line(1), "missing field `_meta`"));
        };
        let reader = PipfileLockReader {
            document: &document,
            file,
        };
        let mut lock = Lock {
            file: document.shown().to_owned(),
            ..Lock::default()
        };
        lock.requires_python = reader.meta(meta, &mut requests.sources)?;
        for (category, raw) in parts.iter().filter(|(name, _)| *name != META) {
            let labels = reader.labels(category, raw)?;
            let counts = category == DEFAULT
                || labels
                    .iter()
                    .any(|label| context.selection.groups.has(label));
            if category != DEFAULT {
                requests.offered.groups.extend(labels);
            }
            if counts {
                reader.category(raw, &mut lock, &mut requests)?;
            }
        }
        requests.locks.push(lock);
        Ok(requests)
    }
}

#[derive(Deserialize)]
struct PipfileLockMeta {
    #[serde(default)]
    requires: RawRequires,
    #[serde(default)]
    sources: Vec<RawIndex>,
}

#[derive(Default, Deserialize)]
struct RawRequires {
    python_version: Option<String>,
    python_full_version: Option<String>,
}

#[derive(Deserialize)]
struct RawIndex {
    url: String,
}

#[derive(Deserialize)]
#[serde(expecting = "an object with a version")]
struct PipfileLockPackage {
    version: Option<String>,
    markers: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
    file: Option<String>,
    path: Option<String>,
    git: Option<String>,
    #[serde(rename = "ref")]
    revision: Option<String>,
    subdirectory: Option<String>,
}

struct PipfileLockReader<'a> {
    document: &'a LinedDocument,
    file: &'a InputFile,
}

impl PipfileLockReader<'_> {
    /// Takes note of the indexes; gives the Python that the file was made for.
    fn meta(
        &self,
        raw: &RawValue,
        sources: &mut PackageSources,
    ) -> Result<Option<PythonBound>, InputError> {
        let place = self.document.raw_place(raw);
        let meta: PipfileLockMeta = self.document.part(raw)?;
        for source in &meta.sources {
            index(&source.url, self.document, &place, self.file, sources)?;
        }
        let wanted = match (
            meta.requires.python_full_version,
            meta.requires.python_version,
        ) {
            (Some(full), _) => format!("=={full}"),
            (None, Some(version)) if !version.contains('*') => format!("=={version}.*"),
            (None, _) => return Ok(None),
        };
        self.document.pythons(&wanted, place).map(Some)
    }

    /// The names under which a category can be selected.
    fn labels(&self, category: &str, raw: &RawValue) -> Result<Vec<ExtraName>, InputError> {
        let place = self.document.raw_place(raw);
        let others = if category == DEVELOP {
            DEVELOP_TOO.as_slice()
        } else {
            &[]
        };
        let names = std::iter::once(category).chain(others.iter().copied());
        names
            .map(|name| self.document.label(name, &place))
            .collect()
    }

    fn category(
        &self,
        raw: &RawValue,
        lock: &mut Lock,
        requests: &mut Requests,
    ) -> Result<(), InputError> {
        let packages: BTreeMap<String, &RawValue> = self.document.part(raw)?;
        for (name, raw) in packages {
            let place = self.document.raw_place(raw);
            let name = self.document.name(&name, &place)?;
            let raw: PipfileLockPackage = self.document.part(raw)?;
            let mut hashes = Vec::new();
            for hash in &raw.hashes {
                hashes.extend(self.document.digest(hash, &place)?);
            }
            let marker = match &raw.markers {
                Some(marker) => self.document.marker(marker, &place)?,
                None => MarkerTree::TRUE,
            };
            let pin = match self.location(&raw, &hashes, &place, &mut requests.sources)? {
                Some(location) => Some(Pin::Location(location)),
                None => self.version(&raw, &place)?.map(Pin::Version),
            };
            match pin {
                Some(pin) => {
                    let (listed, dependencies) = (Some(marker), Vec::new());
                    lock.packages.push(LockedPackage {
                        name,
                        pin,
                        listed,
                        hashes,
                        dependencies,
                        place,
                    });
                }
                None => {
                    let wanted = self.requirement(name, &raw, marker, &place)?;
                    requests.requests.push(Request {
                        wanted: WantedPackage::Named(wanted),
                        hashes,
                        place,
                    });
                }
            }
        }
        Ok(())
    }

    /// Where the package is, when it does not come from an index.
    fn location(
        &self,
        raw: &PipfileLockPackage,
        hashes: &[Digest],
        place: &Place,
        sources: &mut PackageSources,
    ) -> Result<Option<Location>, InputError> {
        // `file` is a URL, or a path in older locks.
        let (url, file) = match raw.file.as_deref() {
            Some(file) if file.contains("://") => (Some(file), None),
            file => (None, file),
        };
        let source = LockedSource {
            system: raw.git.is_some().then_some("git"),
            url: raw.git.as_deref().or(url),
            path: raw.path.as_deref().or(file),
            revision: raw.revision.as_deref(),
            subdirectory: raw.subdirectory.as_deref(),
        };
        if source.url.is_none() && source.path.is_none() {
            return Ok(None);
        }
        source
            .location(hashes, self.document, place, self.file, sources)
            .map(Some)
    }

    /// The version after `==`; `None` when there is only a bound.
    fn version(
        &self,
        raw: &PipfileLockPackage,
        place: &Place,
    ) -> Result<Option<Version>, InputError> {
        let text = raw.version.as_deref().unwrap_or_default().trim();
        match text
            .strip_prefix("==")
            .map(|version| version.trim_start_matches('=').trim())
        {
            Some(version) if !version.contains([',', '*']) => {
                self.document.version(version, place).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn requirement(
        &self,
        name: PackageName,
        raw: &PipfileLockPackage,
        marker: MarkerTree,
        place: &Place,
    ) -> Result<Requirement, InputError> {
        let version_or_url = match raw.version.as_deref() {
            None => {
                return Err(self.document.wrong(
                    place.clone(),
                    "expected a version, a file, a path or a repository",
                ));
            }
            Some("*") => None,
            Some(text) => Some(VersionOrUrl::VersionSpecifier(
                self.document.specifiers(text, place)?,
            )),
        };
        Ok(Requirement {
            name,
            extras: Vec::new(),
            version_or_url,
            marker,
            origin: None,
        })
    }
}
