//! What conda says of a prefix: `conda-meta` has a record for each package, Python's own among them.
//!
//! Most packages of Python projects bring a `.dist-info` of their own, which tells more. The records tell whose the files
//! without one are, and what came out of files that conda changed while it installed them.
//! <https://docs.conda.io/projects/conda/en/stable/dev-guide/api/conda/core/prefix_data/index.html>

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::archive::limits::ArchiveLimits;
use crate::cpython::file_name::ExtensionFileName;
use crate::lexical::normalised;
use crate::model::digest::{Algorithm, Digest};
use crate::model::problem::Problem;
use crate::model::target::{Platform, Python};

use super::listing::problem;
use super::python::StatedPython;
use super::tree::FileTree;
use super::{InstalledDistribution, RequestedMark};

/// The folder of the records.
pub(super) const FOLDER: &str = "conda-meta";
/// Most packages of a prefix.
const MOST_PACKAGES: usize = 20_000;

/// One record.
#[derive(Deserialize)]
struct CondaRecord {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    build: String,
    #[serde(default)]
    subdir: String,
    #[serde(default)]
    files: Vec<String>,
    #[serde(default)]
    paths_data: Option<CondaPaths>,
    /// What the user asked for, in words.
    #[serde(default)]
    requested_spec: Option<String>,
}

#[derive(Deserialize)]
struct CondaPaths {
    #[serde(default)]
    paths: Vec<OnePath>,
}

#[derive(Deserialize)]
struct OnePath {
    #[serde(rename = "_path")]
    path: String,
    #[serde(default)]
    sha256: Option<String>,
    /// After conda put the prefix into it.
    #[serde(default)]
    sha256_in_prefix: Option<String>,
}

/// A package of the prefix.
struct CondaPackage {
    /// Its record.
    path: PathBuf,
    name: String,
    version: String,
    requested: RequestedMark,
}

/// All records of a prefix, as far as they speak of compiled files and descriptions.
#[derive(Default)]
pub(super) struct CondaRecords {
    packages: Vec<CondaPackage>,
    owners: HashMap<PathBuf, usize>,
    digests: HashMap<PathBuf, Digest>,
}

impl CondaRecords {
    /// Reads all records. One that cannot be read becomes a problem.
    pub(super) fn read(
        tree: &FileTree,
        prefix: &Path,
        limits: &ArchiveLimits,
        problems: &mut Vec<Problem>,
    ) -> CondaRecords {
        let mut records = CondaRecords::default();
        let (found, unread) = each(tree, prefix, limits);
        problems.extend(unread);
        for (path, record) in found {
            records.add(prefix, path, record);
        }
        records
    }

    fn add(&mut self, prefix: &Path, path: PathBuf, record: CondaRecord) {
        let number = self.packages.len();
        let at = |path: &str| normalised(&prefix.join(path.replace('\\', "/")));
        for file in record.files.iter().filter(|file| matters(file)) {
            self.owners.insert(at(file), number);
        }
        for OnePath {
            path,
            sha256,
            sha256_in_prefix,
        } in record.paths_data.into_iter().flat_map(|data| data.paths)
        {
            let digest = sha256_in_prefix
                .or(sha256)
                .and_then(|hex| Digest::new(Algorithm::Sha256, &hex));
            if let Some(digest) = digest.filter(|_| matters(&path)) {
                self.owners.insert(at(&path), number);
                self.digests.insert(at(&path), digest);
            }
        }
        // conda writes `None` as a word where nobody asked.
        let is_asked = record
            .requested_spec
            .is_some_and(|spec| !matches!(spec.as_str(), "" | "None"));
        let requested = if is_asked {
            RequestedMark::Yes
        } else {
            RequestedMark::Unrecorded
        };
        self.packages.push(CondaPackage {
            path,
            name: record.name,
            version: record.version,
            requested,
        });
    }

    /// The package that a file is of, by number.
    pub(super) fn owner(&self, path: &Path) -> Option<usize> {
        self.owners.get(path).copied()
    }

    /// Whether somebody asked for a package.
    pub(super) fn requested(&self, number: usize) -> RequestedMark {
        self.packages
            .get(number)
            .map_or(RequestedMark::Unrecorded, |package| package.requested)
    }

    /// What a file was after conda installed it.
    pub(super) fn digest(&self, path: &Path) -> Option<&Digest> {
        self.digests.get(path)
    }

    /// The compiled files of a package.
    pub(super) fn files_of(&self, number: usize) -> Vec<(PathBuf, Option<Digest>)> {
        let own = self.owners.iter().filter(|(_, owner)| **owner == number);
        own.map(|(path, _)| (path.clone(), self.digests.get(path).cloned()))
            .collect()
    }

    /// A distribution that nothing but the record describes; `None` when its name is none that a project can have.
    pub(super) fn distribution(&self, number: usize) -> Option<InstalledDistribution> {
        let package = self.packages.get(number)?;
        Some(InstalledDistribution {
            name: package.name.parse().ok()?,
            version: package.version.parse().ok(),
            metadata: None,
            wheel: None,
            folder: package.path.clone(),
            requested: package.requested,
            source: None,
            editable: None,
            files: Vec::new(),
            problems: Vec::new(),
        })
    }
}

/// What the records say of the prefix's Python.
pub(super) fn told(tree: &FileTree, prefix: &Path, limits: &ArchiveLimits) -> StatedPython {
    let mut told = StatedPython::default();
    for (_, record) in each(tree, prefix, limits).0 {
        told.platform = told.platform.or_else(|| platform(&record.subdir));
        if record.name == "python" {
            told.minor = super::python::minor_of(&record.version);
        }
        if matches!(record.name.as_str(), "python" | "python_abi") {
            told.python = told.python.or_else(|| python(&record.build));
        }
    }
    told
}

/// Every record that can be read, with its file, and what keeps others from it.
fn each(
    tree: &FileTree,
    prefix: &Path,
    limits: &ArchiveLimits,
) -> (Vec<(PathBuf, CondaRecord)>, Vec<Problem>) {
    let folder = prefix.join(FOLDER);
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    let names = tree.names(&folder).unwrap_or_else(|error| {
        problems.push(problem(&folder, error.to_string()));
        Vec::new()
    });
    for name in names.iter().filter(|name| name.ends_with(".json")) {
        if records.len() >= MOST_PACKAGES {
            problems.push(problem(
                &folder,
                format!("more than {MOST_PACKAGES} records, the limit; the rest was not read"),
            ));
            break;
        }
        let path = folder.join(name);
        let bytes = tree
            .read(&path, limits.record_bytes)
            .map_err(|error| error.to_string());
        match bytes
            .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()))
        {
            Ok(record) => records.push((path, record)),
            Err(error) => problems.push(problem(&path, error)),
        }
    }
    (records, problems)
}

/// Whether a path is of a compiled file, or tells that a distribution is the package's.
fn matters(path: &str) -> bool {
    ExtensionFileName::of_path(path).is_some()
        || ["/METADATA", "/PKG-INFO", ".egg-info"]
            .iter()
            .any(|ending| path.ends_with(ending))
}

/// The Python in a build such as `h9a34b6e_5_cp313t` of `python`, or `8_cp313t` of `python_abi`.
fn python(build: &str) -> Option<Python> {
    let version = build.rsplit('_').next()?.strip_prefix("cp3")?;
    format!("3.{version}").parse().ok()
}

/// <https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html#platform-specific-packages>
fn platform(subdir: &str) -> Option<Platform> {
    let word = match subdir {
        "linux-64" => "linux-x86_64",
        "osx-64" => "macos-x86_64",
        "osx-arm64" => "macos-arm64",
        "win-64" => "windows-amd64",
        "win-arm64" => "windows-arm64",
        other => other,
    };
    word.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_and_folders_are_read() {
        for (build, expected) in [
            ("h9a34b6e_105_cp313t", Some("3.13t")),
            ("8_cp314", Some("3.14")),
            ("h2628c8c_0_cpython", None),
            ("py_0", None),
        ] {
            assert_eq!(
                python(build).map(|it| it.to_string()).as_deref(),
                expected,
                "{build}"
            );
        }
        for (subdir, expected) in [
            ("linux-64", Some("linux-x86_64")),
            ("linux-aarch64", Some("linux-aarch64")),
            ("noarch", None),
            ("linux-32", None),
        ] {
            assert_eq!(
                platform(subdir).map(|it| it.to_string()).as_deref(),
                expected,
                "{subdir}"
            );
        }
    }
}
