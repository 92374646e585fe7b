//! `conda-lock.yml`: the packages that pip installs, in the locked versions. Conda's own are named as not judged.
//!
//! The lock names one file for each package, which fits the Python that it was made for and no other. For another
//! Python the version's other files count, so its digests are not compared.
//!
//! <https://conda.github.io/conda-lock/output/#unified-lockfile>

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::conda::not_judged;
use super::document::LinedDocument;
use super::error::InputError;
use super::locking::{LockedSource, WantedVersions, connect};
use super::{GroupSelection, InputAdapter, InputContext, InputFile};
use crate::model::lock::{Lock, LockedPackage, Pin};
use crate::model::name::MarkerTree;
use crate::model::place::Place;
use crate::model::request::{PackageSources, Requests};

/// The category that always counts.
const MAIN: &str = "main";
/// Conda's names for platforms, and the markers that they come to.
const PLATFORMS: [(&str, &str); 6] = [
    (
        "linux-64",
        "sys_platform == 'linux' and platform_machine == 'x86_64'",
    ),
    (
        "linux-aarch64",
        "sys_platform == 'linux' and platform_machine == 'aarch64'",
    ),
    (
        "osx-64",
        "sys_platform == 'darwin' and platform_machine == 'x86_64'",
    ),
    (
        "osx-arm64",
        "sys_platform == 'darwin' and platform_machine == 'arm64'",
    ),
    (
        "win-64",
        "sys_platform == 'win32' and platform_machine == 'AMD64'",
    ),
    (
        "win-arm64",
        "sys_platform == 'win32' and platform_machine == 'ARM64'",
    ),
];

/// The adapter.
pub(super) struct CondaLock;

impl InputAdapter for CondaLock {
    fn kind(&self) -> &'static str {
        "conda-lock"
    }

    fn name(&self) -> &'static str {
        "the pip part of a conda lock file (conda-lock.yml)"
    }

    fn claims(&self, file_name: &str, _head: &[u8]) -> bool {
        let name = file_name.to_ascii_lowercase();
        ["conda-lock.yml", "conda-lock.yaml"]
            .iter()
            .any(|known| name.ends_with(known))
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
        let document = LinedDocument::new(file, "conda-lock.yml")?;
        let raw: CondaLockFile = document.yaml()?;
        if raw.version != Some(1) {
            let found = raw
                .version
                .map_or("none".to_owned(), |version| version.to_string());
            return Err(document.expected("version 1", &found, &document.line(1)));
        }
        let reader = CondaLockReader {
            document: &document,
            file,
            selection: &context.selection,
        };
        for package in raw
            .package
            .iter()
            .filter(|package| package.category() != MAIN)
        {
            requests
                .offered
                .groups
                .insert(document.label(package.category(), &reader.place(package))?);
        }
        let lock = reader.lock(&raw, &mut requests.sources)?;
        let own = raw
            .package
            .iter()
            .filter(|package| package.manager != "pip");
        requests.problems.extend(not_judged(
            document.shown(),
            own.map(|package| package.name.value.as_str()).collect(),
        ));
        requests.locks.push(lock);
        Ok(requests)
    }
}

#[derive(Deserialize)]
struct CondaLockFile {
    version: Option<u32>,
    #[serde(default)]
    metadata: CondaLockMetadata,
    #[serde(default)]
    package: Vec<CondaLockPackage>,
}

#[derive(Default, Deserialize)]
struct CondaLockMetadata {
    #[serde(default)]
    platforms: Vec<String>,
}

#[derive(Deserialize)]
struct CondaLockPackage {
    name: Spanned<String>,
    version: String,
    manager: String,
    platform: String,
    #[serde(default)]
    dependencies: BTreeMap<String, Option<String>>,
    url: Option<String>,
    category: Option<String>,
}

impl CondaLockPackage {
    fn category(&self) -> &str {
        self.category.as_deref().unwrap_or(MAIN)
    }
}

struct CondaLockReader<'a> {
    document: &'a LinedDocument,
    file: &'a InputFile,
    selection: &'a GroupSelection,
}

impl CondaLockReader<'_> {
    fn place(&self, package: &CondaLockPackage) -> Place {
        self.document
            .line(usize::try_from(package.name.defined.line()).unwrap_or(1))
    }

    fn lock(&self, raw: &CondaLockFile, sources: &mut PackageSources) -> Result<Lock, InputError> {
        let mut lock = Lock {
            file: self.document.shown().to_owned(),
            ..Lock::default()
        };
        for platform in &raw.metadata.platforms {
            lock.environments
                .push(self.platform(platform, &self.document.line(1))?);
        }
        let python = raw
            .package
            .iter()
            .find(|package| package.manager != "pip" && package.name.value == "python");
        if let Some((python, (major, rest))) =
            python.and_then(|python| Some((python, python.version.split_once('.')?)))
        {
            let minor = rest.split('.').next().unwrap_or_default();
            // Versions of conda's own kind say nothing.
            lock.requires_python = self
                .document
                .pythons(&format!("=={major}.{minor}.*"), self.place(python))
                .ok();
        }
        let pip: Vec<&CondaLockPackage> = raw
            .package
            .iter()
            .filter(|package| package.manager == "pip")
            .collect();
        for package in &pip {
            lock.packages.push(self.package(package, sources)?);
        }
        connect(&mut lock.packages, pip, |raw, names, packages| {
            let mut edges = Vec::new();
            for name in raw.dependencies.keys() {
                // Conda's packages have names of their own kind.
                let Ok(name) = self.document.name(name, &self.place(raw)) else {
                    continue;
                };
                edges.extend(names.edges_to(
                    &name,
                    &WantedVersions::Any,
                    packages,
                    &self.place(raw),
                )?);
            }
            Ok(edges)
        })?;
        Ok(lock)
    }

    fn package(
        &self,
        raw: &CondaLockPackage,
        sources: &mut PackageSources,
    ) -> Result<LockedPackage, InputError> {
        let place = self.place(raw);
        let name = self.document.name(&raw.name.value, &place)?;
        let url = raw.url.as_deref().filter(|url| {
            url.split_once("://")
                .is_some_and(|(scheme, _)| scheme.contains('+'))
        });
        let pin = match url {
            Some(url) => {
                let source = LockedSource {
                    url: Some(url),
                    ..LockedSource::default()
                };
                Pin::Location(source.location(&[], self.document, &place, self.file, sources)?)
            }
            None => Pin::Version(self.document.version(&raw.version, &place)?),
        };
        let counts = raw.category() == MAIN
            || self
                .selection
                .groups
                .has(&self.document.label(raw.category(), &place)?);
        let listed = if counts {
            self.platform(&raw.platform, &place)?
        } else {
            MarkerTree::FALSE
        };
        Ok(LockedPackage {
            name,
            pin,
            listed: Some(listed),
            hashes: Vec::new(),
            dependencies: Vec::new(),
            place,
        })
    }

    fn platform(&self, platform: &str, place: &Place) -> Result<MarkerTree, InputError> {
        match PLATFORMS.iter().find(|(name, _)| *name == platform) {
            Some((_, marker)) => self.document.marker(marker, place),
            // Nothing that is judged runs there.
            None => Ok(MarkerTree::FALSE),
        }
    }
}
