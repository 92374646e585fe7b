//! What a `.dist-info` or `.egg-info` says of one installed distribution.
//!
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/>

use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use crate::archive::limits::ArchiveLimits;
use crate::archive::metadata;
use crate::archive::record::WheelRecord;
use crate::lexical::normalised;
use crate::model::digest::Digest;
use crate::model::metadata::{Metadata, WheelFile};
use crate::model::name::{PackageName, Version};
use crate::model::place::Location;
use crate::model::problem::Problem;

use super::listing::problem;
use super::tree::FileTree;
use super::{InstalledDistribution, RequestedMark};

/// A distribution before its files are known.
pub(super) struct DescribedDistribution {
    pub(super) distribution: InstalledDistribution,
    /// The folder in which modules are looked for that it lies in.
    pub(super) site: PathBuf,
    /// What it says of its files.
    pub(super) claim: FileClaim,
    /// Something about its description, which keeps nobody from judging it.
    pub(super) problems: Vec<Problem>,
}

/// What a distribution says of its files.
pub(super) enum FileClaim {
    /// It lists them: path on disk and digest.
    Listed(Vec<(PathBuf, Option<Digest>)>),
    /// It names what can be imported: files and folders whose names start so, on disk.
    TopLevel(Vec<PathBuf>),
    /// Nothing.
    None,
}

/// What `direct_url.json` says.
#[derive(Deserialize)]
struct DirectUrl {
    #[serde(default)]
    url: String,
    #[serde(default)]
    dir_info: DirectoryInfo,
    #[serde(default)]
    vcs_info: Option<VersionControl>,
}

#[derive(Default, Deserialize)]
struct DirectoryInfo {
    #[serde(default)]
    editable: bool,
}

#[derive(Deserialize)]
struct VersionControl {
    vcs: String,
    #[serde(default)]
    commit_id: String,
}

/// Whether a name in `site-packages` describes a distribution.
pub(super) fn is_description(name: &str) -> bool {
    // pip renames what it is about to remove to start with a tilde; importlib's own users skip it.
    (name.ends_with(".dist-info") || name.ends_with(".egg-info")) && !name.starts_with('~')
}

/// Reads the description of that name in a folder. `Err` when not even the name can be made out.
pub(super) fn read(
    tree: &FileTree,
    site: &Path,
    name: &str,
    limits: &ArchiveLimits,
) -> Result<DescribedDistribution, Problem> {
    let folder = site.join(name);
    let reader = DistributionReader {
        tree,
        folder: &folder,
        limits,
    };
    let mut problems = Vec::new();
    let metadata = reader.metadata(name).map_err(|message| {
        problems.push(problem(
            &folder,
            format!("its metadata cannot be read, so what it requires is unknown: {message}"),
        ));
    });
    let (package, version) = match &metadata {
        Ok(metadata) => (metadata.name.clone(), Some(metadata.version.clone())),
        Err(()) => name_and_version(name).ok_or_else(|| {
            problem(
                &folder,
                "neither its metadata nor its name tells which package it is".to_owned(),
            )
        })?,
    };
    let stated = reader.direct_url();
    let mut distribution = InstalledDistribution {
        name: package,
        version,
        metadata: metadata.ok(),
        wheel: reader.wheel(),
        folder: folder.clone(),
        requested: if tree.has_file(&folder.join("REQUESTED")) {
            RequestedMark::Yes
        } else {
            RequestedMark::Unrecorded
        },
        source: stated.as_ref().and_then(|stated| stated.source(tree)),
        editable: stated
            .filter(|stated| stated.dir_info.editable)
            .map(DirectUrl::place),
        files: Vec::new(),
        problems: Vec::new(),
    };
    let claim = reader.claim(site).unwrap_or_else(|message| {
        distribution
            .problems
            .push(reader.problem(&distribution.name, message));
        FileClaim::None
    });
    Ok(DescribedDistribution {
        distribution,
        site: site.to_path_buf(),
        claim,
        problems,
    })
}

/// Name and version as the folder's name has them: `name-1.0.dist-info`, `name-1.0-py3.13.egg-info`.
fn name_and_version(folder: &str) -> Option<(PackageName, Option<Version>)> {
    let stem = folder
        .strip_suffix(".dist-info")
        .or_else(|| folder.strip_suffix(".egg-info"))?;
    let mut parts = stem.split('-');
    let name = parts.next().filter(|name| !name.is_empty())?.parse().ok()?;
    Some((name, parts.next().and_then(|version| version.parse().ok())))
}

impl DirectUrl {
    /// A path where it is one, else the URL without what may be a password.
    fn place(self) -> String {
        match Url::parse(&self.url) {
            Ok(url) if url.scheme() == "file" => url
                .to_file_path()
                .map_or_else(|()| url.to_string(), |path| path.display().to_string()),
            Ok(url) => bare(url).to_string(),
            Err(_) => self.url,
        }
    }

    /// The file, folder or repository, unless it was on a disk and is gone, as are the folders in which conda builds.
    fn source(&self, tree: &FileTree) -> Option<Location> {
        let url = bare(Url::parse(&self.url).ok()?);
        if let Some(VersionControl { vcs, commit_id }) = &self.vcs_info {
            return Url::parse(&format!("{vcs}+{url}@{commit_id}"))
                .ok()
                .map(Location::Url);
        }
        match (url.scheme(), tree) {
            ("file", FileTree::Disk) => url
                .to_file_path()
                .ok()
                .filter(|path| path.exists())
                .map(Location::Path),
            ("http" | "https", _) => Some(Location::Url(url)),
            _ => None,
        }
    }
}

/// A URL without user name and password.
fn bare(mut url: Url) -> Url {
    // A URL that cannot have them has none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

struct DistributionReader<'a> {
    tree: &'a FileTree,
    folder: &'a Path,
    limits: &'a ArchiveLimits,
}

impl DistributionReader<'_> {
    fn file(&self, name: &str, limit: u64) -> Option<Result<Vec<u8>, String>> {
        let path = self.folder.join(name);
        self.tree.has_file(&path).then(|| {
            self.tree
                .read(&path, limit)
                .map_err(|error| format!("{name}: {error}"))
        })
    }

    fn metadata(&self, name: &str) -> Result<Metadata, String> {
        let bytes = if self.tree.has_file(self.folder) {
            // distutils wrote the metadata into a file `name-1.0.egg-info`.
            self.tree
                .read(self.folder, self.limits.metadata_bytes)
                .map_err(|error| error.to_string())?
        } else {
            let file = if name.ends_with(".dist-info") {
                "METADATA"
            } else {
                "PKG-INFO"
            };
            self.file(file, self.limits.metadata_bytes)
                .ok_or_else(|| format!("there is no {file}"))??
        };
        metadata::parse(&bytes).map_err(|error| error.to_string())
    }

    /// The `WHEEL` file; one that cannot be read says nothing.
    fn wheel(&self) -> Option<WheelFile> {
        let bytes = self.file("WHEEL", self.limits.metadata_bytes)?.ok()?;
        metadata::parse_wheel_file(&bytes).ok()
    }

    /// What `direct_url.json` says of where it came from, when that was no index.
    ///
    /// <https://packaging.python.org/en/latest/specifications/direct-url-data-structure/>
    fn direct_url(&self) -> Option<DirectUrl> {
        serde_json::from_slice(
            &self
                .file("direct_url.json", self.limits.metadata_bytes)?
                .ok()?,
        )
        .ok()
    }

    fn claim(&self, site: &Path) -> Result<FileClaim, String> {
        if let Some(bytes) = self.file("RECORD", self.limits.record_bytes) {
            let record = WheelRecord::parse(&bytes?).map_err(|error| format!("RECORD: {error}"))?;
            let row = |path: &str| normalised(&site.join(path.replace('\\', "/")));
            let rows = record
                .rows()
                .iter()
                .map(|each| (row(&each.path), each.digest.clone()));
            return Ok(FileClaim::Listed(rows.collect()));
        }
        // setuptools without pip: paths relative to the .egg-info folder.
        if let Some(bytes) = self.file("installed-files.txt", self.limits.record_bytes) {
            let text = String::from_utf8_lossy(&bytes?).replace('\\', "/");
            let paths = text.lines().filter(|line| !line.trim().is_empty());
            return Ok(FileClaim::Listed(
                paths
                    .map(|path| (normalised(&self.folder.join(path)), None))
                    .collect(),
            ));
        }
        match self.file("top_level.txt", self.limits.metadata_bytes) {
            Some(bytes) => {
                let text = String::from_utf8_lossy(&bytes?).into_owned();
                let names = text.lines().map(str::trim).filter(|name| !name.is_empty());
                Ok(FileClaim::TopLevel(
                    names.map(|name| site.join(name)).collect(),
                ))
            }
            None => Ok(FileClaim::None),
        }
    }

    fn problem(&self, package: &PackageName, message: String) -> Problem {
        Problem {
            package: Some(package.clone()),
            ..problem(self.folder, message)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folders_name_tells_name_and_version() {
        let check = |folder: &str, expected: Option<(&str, Option<&str>)>| {
            let found = name_and_version(folder);
            let found = found.map(|(name, version)| {
                (name.to_string(), version.map(|version| version.to_string()))
            });
            let expected =
                expected.map(|(name, version)| (name.to_owned(), version.map(str::to_owned)));
            assert_eq!(found, expected, "{folder}");
        };
        check(
            "scikit_learn-1.8.0.dist-info",
            Some(("scikit-learn", Some("1.8.0"))),
        );
        check("Foo-1.0-py3.13.egg-info", Some(("foo", Some("1.0"))));
        check("foo.egg-info", Some(("foo", None)));
        check("foo-not.a.version!.dist-info", Some(("foo", None)));
        check("-1.0.dist-info", None);
        check("foo", None);
    }

    #[test]
    fn what_pip_is_about_to_remove_describes_nothing() {
        assert!(is_description("a-1.0.dist-info") && is_description("a.egg-info"));
        assert!(!is_description("~-1.0.dist-info") && !is_description("a"));
    }
}
