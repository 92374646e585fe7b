//! A project folder that was not built yet: what `pyproject.toml` promises statically (PEP 621), and its sources.
//!
//! Nothing is run: fields that the build would fill in are listed as dynamic and stay unknown.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;

use walkdir::{DirEntry, WalkDir};

use crate::model::metadata::Metadata;
use crate::model::name::{ExtraName, PackageName, Requirement, Version, VersionSpecifiers};
use crate::pep508;

use super::folder::slashed;
use super::limits::ArchiveLimits;
use super::sdist::SdistVisitor;

/// How deep folders are followed.
const DEPTH: usize = 64;

/// Files by which folders tell that they are an environment, or hold what can be made again
/// (<https://bford.info/cachedir/>).
const NOT_SOURCES: [&str; 3] = ["pyvenv.cfg", "conda-meta", "CACHEDIR.TAG"];

/// Why a `pyproject.toml` gives no metadata.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// It is not TOML, or a field has the wrong type.
    #[error("pyproject.toml: {0}")]
    Toml(#[from] toml::de::Error),
    /// There is no `[project]` table, so the name is only known to the build.
    #[error(
        "pyproject.toml has no [project] table: name and dependencies are only known to the build"
    )]
    NoProject,
    /// A field's value does not follow its grammar.
    #[error("pyproject.toml: [project] {field}: `{value}`: {why}")]
    Field {
        /// The key.
        field: &'static str,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Deserialize)]
struct PyProject {
    project: Option<ProjectFolder>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ProjectFolder {
    name: String,
    version: Option<String>,
    requires_python: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    optional_dependencies: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    classifiers: Vec<String>,
    #[serde(default)]
    dynamic: Vec<String>,
    #[serde(default)]
    urls: BTreeMap<String, String>,
}

/// Reads the `[project]` table. Without a static version, `version` is 0 and `dynamic` says so; without static
/// dependencies, `dynamic` contains `requires-dist`.
pub fn parse(text: &str) -> Result<Metadata, ProjectError> {
    let file: PyProject = toml::from_str(text)?;
    let project = file.project.ok_or(ProjectError::NoProject)?;
    let mut requires_dist = Vec::new();
    for line in &project.dependencies {
        requires_dist.push(requirement("dependencies", line)?);
    }
    let mut provides_extra = Vec::new();
    for (extra, lines) in &project.optional_dependencies {
        let extra = field("optional-dependencies", extra, ExtraName::from_str(extra))?;
        for line in lines {
            requires_dist
                .push(requirement("optional-dependencies", line)?.with_extra_marker(&extra));
        }
        provides_extra.push(extra);
    }
    let version = project.version.as_deref().unwrap_or("0");
    let requires_python = match &project.requires_python {
        Some(text) => Some(field(
            "requires-python",
            text,
            VersionSpecifiers::from_str(text),
        )?),
        None => None,
    };
    Ok(Metadata {
        name: field("name", &project.name, PackageName::from_str(&project.name))?,
        version: field("version", version, Version::from_str(version))?,
        requires_dist,
        requires_python,
        provides_extra,
        classifiers: project.classifiers,
        dynamic: project
            .dynamic
            .iter()
            .map(|name| core_field(name))
            .collect(),
        project_urls: project.urls.into_iter().collect(),
    })
}

/// Shows a project folder's files to a visitor, as if they were packed as an sdist. Links are not followed.
///
/// Hidden folders, environments, caches and what earlier builds left in `build` and `dist` are passed by: they hold other
/// projects' sources, or old ones.
pub fn visit(root: &Path, limits: ArchiveLimits, visitor: &mut dyn SdistVisitor) {
    let mut left = limits.sdist_bytes;
    let items = WalkDir::new(root)
        .max_depth(DEPTH)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(is_own);
    for (number, item) in items.enumerate() {
        if number >= limits.members {
            return visitor.leave(
                "the rest of it",
                &format!("more than {} files, the limit", limits.members),
            );
        }
        let item = match item {
            Ok(item) => item,
            Err(error) => {
                visitor.leave("a part of the folder", &error.to_string());
                continue;
            }
        };
        if item.file_type().is_dir() {
            if item.depth() == DEPTH {
                visitor.leave(
                    &item.path().display().to_string(),
                    &format!("it lies more than {DEPTH} folders deep"),
                );
            }
            continue;
        }
        let Some(path) = item.path().strip_prefix(root).ok().and_then(slashed) else {
            visitor.leave(&item.path().display().to_string(), "the path is not UTF-8");
            continue;
        };
        if item.path_is_symlink() && item.path().is_dir() {
            visitor.leave(&path, "it is a link to a folder; not followed");
            continue;
        }
        if !visitor.meet(&path) {
            continue;
        }
        if left == 0 {
            return visitor.leave(
                "the rest of it",
                &format!("more than {} bytes, the limit", limits.sdist_bytes),
            );
        }
        match read(&item, limits.source_bytes.min(left)) {
            Ok(bytes) => {
                left = left.saturating_sub(bytes.len() as u64);
                visitor.take(&path, &bytes);
            }
            Err(why) => visitor.leave(&path, &why),
        }
    }
}

/// Whether the project's own sources may lie here.
fn is_own(item: &DirEntry) -> bool {
    if item.depth() == 0 || !item.file_type().is_dir() {
        return true;
    }
    let name = item.file_name().to_string_lossy();
    let is_made = matches!(&*name, "node_modules" | "__pycache__")
        || (item.depth() == 1 && matches!(&*name, "build" | "dist"));
    !name.starts_with('.')
        && !is_made
        && !NOT_SOURCES
            .iter()
            .any(|file| item.path().join(file).exists())
}

/// The bytes of a file, or why they are not read.
fn read(item: &DirEntry, limit: u64) -> Result<Vec<u8>, String> {
    if !item.file_type().is_file() {
        return Err("it is a link or no file; not followed".to_owned());
    }
    let mut bytes = Vec::new();
    let file = File::open(item.path())
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes));
    file.map_err(|error| error.to_string())?;
    match bytes.len() as u64 > limit {
        true => Err(format!("it has more than {limit} bytes, the limit")),
        false => Ok(bytes),
    }
}

fn requirement(key: &'static str, line: &str) -> Result<Requirement, ProjectError> {
    field(key, line, pep508::requirement(line))
}

fn field<T, E: std::fmt::Display>(
    field: &'static str,
    value: &str,
    parsed: Result<T, E>,
) -> Result<T, ProjectError> {
    parsed.map_err(|error| ProjectError::Field {
        field,
        value: value.to_owned(),
        why: error.to_string(),
    })
}

/// The core metadata field that a `[project]` key becomes.
fn core_field(key: &str) -> String {
    match key {
        "dependencies" | "optional-dependencies" => "requires-dist".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_fields_become_metadata() {
        let text = "[project]\nname = 'My.Tool'\nversion = '1.2'\ndependencies = ['numpy>=2']\n[project.optional-dependencies]\nfast = ['lxml']\n";
        let metadata = parse(text).unwrap();
        assert_eq!(metadata.name.to_string(), "my-tool");
        let lines: Vec<String> = metadata
            .requires_dist
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(lines, ["numpy>=2", "lxml ; extra == 'fast'"]);
        assert!(metadata.dynamic.is_empty());
    }

    #[test]
    fn what_the_build_fills_in_is_dynamic() {
        let metadata =
            parse("[project]\nname = 'a'\ndynamic = ['version', 'dependencies']\n").unwrap();
        assert_eq!(metadata.dynamic, ["version", "requires-dist"]);
    }

    #[test]
    fn faults_name_the_field() {
        let error = parse("[project]\nname = 'a'\ndependencies = ['b>>1']\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("pyproject.toml: [project] dependencies: `b>>1`:"),
            "{error}"
        );
        assert!(matches!(
            parse("[tool.poetry]\nname = 'a'\n"),
            Err(ProjectError::NoProject)
        ));
    }
}
