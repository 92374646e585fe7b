//! What a requirement names by its place: a wheel, an sdist or a project folder, with the name and version it gives itself.

use std::path::Path;
use std::str::FromStr;

use url::Url;

use crate::archive::project;
use crate::model::artifact::{Artifact, ArtifactKind, MetadataFile};
use crate::model::digest::{Algorithm, Digest};
use crate::model::metadata::Metadata;
use crate::model::name::{PackageName, Version};
use crate::model::place::Location;
use crate::model::problem::ProblemKind;
use crate::model::wheel_name::WheelName;
use crate::resolve::{CatalogError, LocatedArtifact, VersionStatement};

/// Reads an sdist's metadata.
pub(super) type SdistMetadata<'a> = dyn Fn(&Artifact) -> Result<Metadata, CatalogError> + 'a;

/// The file or folder at a location.
pub(super) fn locate(
    location: &Location,
    sdist_metadata: &SdistMetadata<'_>,
) -> Result<LocatedArtifact, CatalogError> {
    let filename = match location {
        Location::Path(path) if path.is_dir() => return locate_project(location),
        Location::Path(path) => path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        Location::Url(url) if url.scheme().contains('+') => {
            let message =
                "a version control URL is not cloned; name a wheel, an sdist or a version instead";
            return Err(unreadable(
                ProblemKind::Metadata,
                location,
                message.to_owned(),
            ));
        }
        Location::Url(url) => last_segment(url),
    };
    if let Ok(wheel) = WheelName::from_str(&filename) {
        let (name, version) = (wheel.name.clone(), wheel.version.clone());
        let artifact = artifact(
            name,
            version,
            filename,
            ArtifactKind::Wheel(wheel),
            location,
        );
        return Ok(LocatedArtifact {
            artifact,
            version: VersionStatement::Stated,
        });
    }
    if filename.ends_with(".whl") {
        let error = WheelName::from_str(&filename)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        return Err(unreadable(ProblemKind::Metadata, location, error));
    }
    // An sdist's file name does not say for sure where the project's name ends; its PKG-INFO does.
    let (name, version) = placeholder(location)?;
    let mut artifact = artifact(name, version, filename, ArtifactKind::Sdist, location);
    let metadata = sdist_metadata(&artifact).map_err(|error| match error {
        CatalogError::Unreadable { kind, message, .. } => unreadable(kind, location, message),
        CatalogError::Absent { .. } => error,
    })?;
    (artifact.name, artifact.version) = (metadata.name, metadata.version);
    Ok(LocatedArtifact {
        artifact,
        version: VersionStatement::Stated,
    })
}

fn locate_project(location: &Location) -> Result<LocatedArtifact, CatalogError> {
    let metadata = project_metadata(location)?;
    let left_to_build = metadata.dynamic.iter().any(|field| field == "version");
    let version = if left_to_build {
        VersionStatement::LeftToBuild
    } else {
        VersionStatement::Stated
    };
    let folder = match location {
        Location::Path(path) => path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned()),
        Location::Url(_) => None,
    };
    let filename = folder.unwrap_or_else(|| shown(location));
    let artifact = artifact(
        metadata.name,
        metadata.version,
        filename,
        ArtifactKind::SourceTree,
        location,
    );
    Ok(LocatedArtifact { artifact, version })
}

/// What a project folder's `pyproject.toml` promises.
pub(super) fn project_metadata(location: &Location) -> Result<Metadata, CatalogError> {
    let file = match location {
        Location::Path(folder) => folder.join("pyproject.toml"),
        Location::Url(_) => {
            return Err(unreadable(
                ProblemKind::File,
                location,
                "expected a folder".to_owned(),
            ));
        }
    };
    let text =
        read_text(&file).map_err(|message| unreadable(ProblemKind::File, location, message))?;
    project::parse(&text)
        .map_err(|error| unreadable(ProblemKind::Metadata, location, error.to_string()))
}

fn read_text(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("cannot read pyproject.toml: {error}"))
}

fn artifact(
    name: PackageName,
    version: Version,
    filename: String,
    kind: ArtifactKind,
    location: &Location,
) -> Artifact {
    Artifact {
        name,
        version,
        filename,
        kind,
        location: location.clone(),
        digests: stated_digest(location).into_iter().collect(),
        size: None,
        requires_python: None,
        yanked: None,
        metadata_file: MetadataFile::Unannounced,
    }
}

/// Name and version of a file that has not said them yet.
fn placeholder(location: &Location) -> Result<(PackageName, Version), CatalogError> {
    let name = PackageName::from_str("unnamed");
    let name =
        name.map_err(|error| unreadable(ProblemKind::Metadata, location, error.to_string()))?;
    Ok((name, Version::new([0])))
}

fn last_segment(url: &Url) -> String {
    let segment = url
        .path_segments()
        .and_then(|mut segments| segments.next_back())
        .unwrap_or_default();
    percent_decoded(segment)
}

/// Undoes `%2B`, which stands for the plus sign of local versions, and its like.
fn percent_decoded(text: &str) -> String {
    let escaped = text.replace('+', "%2B");
    let decoded = url::form_urlencoded::parse(escaped.as_bytes()).next();
    decoded.map(|(key, _)| key.into_owned()).unwrap_or_default()
}

/// The digest in a URL's fragment, `#sha256=…`.
fn stated_digest(location: &Location) -> Option<Digest> {
    let Location::Url(url) = location else {
        return None;
    };
    url.fragment()?.split('&').find_map(|part| {
        let (name, hex) = part.split_once('=')?;
        Digest::new(Algorithm::from_name(name)?, hex)
    })
}

fn shown(location: &Location) -> String {
    match location {
        Location::Path(path) => path.display().to_string(),
        Location::Url(url) => url.to_string(),
    }
}

fn unreadable(kind: ProblemKind, location: &Location, message: String) -> CatalogError {
    CatalogError::Unreadable {
        kind,
        place: shown(location),
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_sdist(_: &Artifact) -> Result<Metadata, CatalogError> {
        Err(CatalogError::Absent {
            place: "nowhere".to_owned(),
        })
    }

    #[test]
    fn a_wheel_at_a_url_has_the_name_of_its_file() {
        let digest = "0".repeat(64);
        let url = format!(
            "https://example.org/a/torch-2.9.0%2Bcpu-cp314-cp314t-win_amd64.whl#sha256={digest}"
        );
        let found = locate(&Location::Url(Url::parse(&url).unwrap()), &no_sdist).unwrap();
        assert_eq!(
            found.artifact.filename,
            "torch-2.9.0+cpu-cp314-cp314t-win_amd64.whl"
        );
        assert_eq!(found.artifact.version.to_string(), "2.9.0+cpu");
        assert_eq!(found.artifact.digests[0].hex, digest);
    }

    #[test]
    fn version_control_is_not_cloned() {
        let url = Url::parse("git+https://example.org/a.git").unwrap();
        let error = locate(&Location::Url(url), &no_sdist).unwrap_err();
        assert!(error.to_string().contains("is not cloned"), "{error}");
    }
}
