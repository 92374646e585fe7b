//! Index pages: what links they hold, whichever of the two forms they come in, and which of the links are a project's.
//!
//! The form is told by the answer's content type, not by what was asked for: many indexes know HTML only.
//! <https://packaging.python.org/en/latest/specifications/simple-repository-api/>

pub(super) mod html;
pub(super) mod json;

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use url::Url;

use super::error::{IndexError, shown};
use crate::model::artifact::{Artifact, ArtifactKind, MetadataFile};
use crate::model::digest::{Algorithm, Digest};
use crate::model::name::{PackageName, Version, VersionSpecifiers};
use crate::model::place::Location;
use crate::model::wheel_name::WheelName;

/// Asks for JSON, and takes HTML.
pub(super) const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";

/// Endings of source distributions; `.tar.gz` is the only one that is still uploaded.
const SDIST_ENDINGS: [&str; 4] = [".tar.gz", ".zip", ".tgz", ".tar.bz2"];

/// One link of a page, as it stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageLink {
    pub(super) filename: String,
    pub(super) location: Location,
    pub(super) digests: Vec<Digest>,
    pub(super) size: Option<u64>,
    pub(super) requires_python: Option<Arc<str>>,
    pub(super) yanked: Option<String>,
    pub(super) metadata_file: MetadataFile,
}

impl PageLink {
    /// A link that says nothing about its file.
    pub(super) fn plain(filename: String, location: Location) -> PageLink {
        PageLink {
            filename,
            location,
            digests: Vec::new(),
            size: None,
            requires_python: None,
            yanked: None,
            metadata_file: MetadataFile::Unannounced,
        }
    }
}

/// The links of one page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SimplePage {
    /// Links that lead to files.
    pub(super) links: Vec<PageLink>,
    /// How many links were left out: nothing that can be fetched, or no distribution file of the project.
    pub(super) left_out: u64,
}

/// Reads a page. Links are resolved against `url`, which is where the page was found after redirects.
pub(super) fn read(
    url: &Url,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<SimplePage, IndexError> {
    let error = |found: String| IndexError::Page {
        url: shown(url),
        expected: "an index page in JSON or HTML".to_owned(),
        found,
    };
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(error("an empty answer".to_owned()));
    }
    match form(content_type, body) {
        PageForm::Json => json::read(url, body),
        PageForm::Html => html::read(url, body),
        PageForm::Unknown => Err(error(format!(
            "content type `{}`",
            content_type.unwrap_or_default().escape_debug()
        ))),
    }
}

enum PageForm {
    Json,
    Html,
    Unknown,
}

fn form(content_type: Option<&str>, body: &[u8]) -> PageForm {
    let Some(content_type) = content_type else {
        return match body.trim_ascii_start().first() {
            Some(b'{') => PageForm::Json,
            Some(b'<') => PageForm::Html,
            _ => PageForm::Unknown,
        };
    };
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    // A later version of the API says so in the page too, where it is refused with better words.
    let simple = kind.strip_prefix("application/vnd.pypi.simple.");
    match (kind.as_str(), simple) {
        ("application/json", _) => PageForm::Json,
        ("text/html" | "application/xhtml+xml", _) => PageForm::Html,
        (_, Some(rest)) if rest.ends_with("+json") => PageForm::Json,
        (_, Some(rest)) if rest.ends_with("+html") => PageForm::Html,
        _ => PageForm::Unknown,
    }
}

/// Refuses versions of the API that may mean something else: another major version.
pub(super) fn check_version(url: &Url, version: &str) -> Result<(), IndexError> {
    if version.split('.').next() == Some("1") {
        return Ok(());
    }
    Err(IndexError::Page {
        url: shown(url),
        expected: "version 1 of the Simple API".to_owned(),
        found: format!("version `{}`", version.escape_debug()),
    })
}

/// Digests of a URL's fragment (`sha256=…`); algorithms that are not compared are left out.
pub(super) fn digests_of_fragment(fragment: &str) -> Vec<Digest> {
    fragment
        .split('&')
        .filter_map(|part| {
            part.split_once('=')
                .and_then(|(name, hex)| digest(name, hex))
        })
        .collect()
}

pub(super) fn digest(name: &str, hex: &str) -> Option<Digest> {
    Digest::new(Algorithm::from_name(name)?, hex)
}

/// Turns the links of pages into one project's artifacts. Each `Requires-Python` is parsed once.
pub(super) struct LinkReader<'a> {
    project: &'a PackageName,
    requires_python: HashMap<Arc<str>, Option<VersionSpecifiers>>,
}

impl<'a> LinkReader<'a> {
    pub(super) fn new(project: &'a PackageName) -> LinkReader<'a> {
        LinkReader {
            project,
            requires_python: HashMap::new(),
        }
    }

    /// The artifact that the link leads to; `None` when it is none of the project's.
    pub(super) fn artifact(&mut self, link: PageLink) -> Option<Artifact> {
        let (version, kind) = identify(self.project, &link.filename)?;
        Some(Artifact {
            name: self.project.clone(),
            version,
            filename: link.filename,
            kind,
            location: link.location,
            digests: link.digests,
            size: link.size,
            requires_python: link
                .requires_python
                .and_then(|text| self.requires_python(text)),
            yanked: link.yanked,
            metadata_file: link.metadata_file,
        })
    }

    /// What cannot be parsed (`>=3.6.*` in old pages) restricts nothing, as with pip.
    fn requires_python(&mut self, text: Arc<str>) -> Option<VersionSpecifiers> {
        if let Some(known) = self.requires_python.get(&text) {
            return known.clone();
        }
        let parsed = VersionSpecifiers::from_str(&text).ok();
        self.requires_python.insert(text, parsed.clone());
        parsed
    }
}

/// Version and kind of a file with this name, if it is a wheel or an sdist of the project.
pub(super) fn identify(project: &PackageName, filename: &str) -> Option<(Version, ArtifactKind)> {
    if filename.ends_with(".whl") {
        let wheel = WheelName::from_str(filename).ok()?;
        return (wheel.name == *project)
            .then(|| (wheel.version.clone(), ArtifactKind::Wheel(wheel)));
    }
    let stem = SDIST_ENDINGS
        .iter()
        .find_map(|ending| filename.strip_suffix(ending))?;
    // Names may hold hyphens, versions too (`1.0-1`): the hyphen that ends the name is the one after which the name is
    // the project's.
    let (end, _) = stem
        .match_indices('-')
        .find(|(end, _)| is_name(project, stem.get(..*end).unwrap_or_default()))?;
    let version = Version::from_str(stem.get(end + 1..)?).ok()?;
    Some((version, ArtifactKind::Sdist))
}

/// Whether a name is the project's once it is normalised: lower case, runs of `-_.` are one hyphen.
fn is_name(project: &PackageName, name: &str) -> bool {
    let mut expected = project.as_ref().bytes();
    let mut bytes = name.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let separator = |byte: u8| matches!(byte, b'-' | b'_' | b'.');
        if separator(byte) && bytes.peek().is_some_and(|next| separator(*next)) {
            continue;
        }
        let normal = if separator(byte) {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        };
        if expected.next() != Some(normal) {
            return false;
        }
    }
    expected.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_names() {
        let check = |project: &str, filename: &str, expected: Option<&str>| {
            let project = PackageName::from_str(project).unwrap();
            let found = identify(&project, filename);
            let text = found.map(|(version, kind)| {
                format!(
                    "{} {version}",
                    if matches!(kind, ArtifactKind::Sdist) {
                        "sdist"
                    } else {
                        "wheel"
                    }
                )
            });
            assert_eq!(text.as_deref(), expected, "{filename}");
        };
        check(
            "numpy",
            "numpy-2.5.5-cp314-cp314t-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
            Some("wheel 2.5.5"),
        );
        check("numpy", "numpy-1.0.1.dev3460.win32-py2.4.exe", None);
        check("numpy", "numpy-1.0-py2.5.egg", None);
        check("numpy", "numpy_financial-1.0-py3-none-any.whl", None);
        check("numpy", "numpy-financial-1.0.tar.gz", None);
        check(
            "zope-interface",
            "zope.interface-5.0.tar.gz",
            Some("sdist 5.0"),
        );
        check(
            "zope-interface",
            "zope_interface-5.0.zip",
            Some("sdist 5.0"),
        );
        check("backports-ssl", "backports.-ssl-1.tar.bz2", Some("sdist 1"));
        check("a", "a-1.0-1.tar.gz", Some("sdist 1.0.post1"));
        check("a", "a-b-1.0.tar.gz", None);
        check("a", "a-1.0.orig.tar.gz", None);
        check("a", "a.tar.gz", None);
        check("a", "a-1.0.tar.xz", None);
        check("a", "", None);
        check("a", "../a-1.0.tar.gz", None);
    }

    #[test]
    fn requirements_on_python_that_make_no_sense_restrict_nothing() {
        let project = PackageName::from_str("a").unwrap();
        let mut reader = LinkReader::new(&project);
        assert_eq!(reader.requires_python(">=3.6.*".into()), None);
        assert!(reader.requires_python(">=3.6".into()).is_some());
        assert!(reader.requires_python(">=3.6".into()).is_some());
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let check = |content_type: Option<&str>, body: &str, expected: &str| {
            let url = Url::parse("https://host/simple/a/?token=secret").unwrap();
            let error = read(&url, content_type, body.as_bytes())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(expected) && error.contains("https://host/simple/a/"),
                "{error}"
            );
            assert!(!error.contains("secret"));
        };
        check(Some("text/html"), "", "an empty answer");
        check(None, " \n", "an empty answer");
        check(Some("text/plain"), "hello", "content type `text/plain`");
        check(None, "hello", "content type ``");
        check(Some("text/html"), "garbage", "no HTML");
        check(
            Some("text/html"),
            "<a href='a-1.0.tar.gz'>a</a><a href='b",
            "ends in the middle of a tag",
        );
        check(Some("application/json"), "{\"files\": [", "line 1");
        check(
            Some("application/vnd.pypi.simple.v2+json"),
            r#"{"meta":{"api-version":"2.0"},"files":[]}"#,
            "version `2.0`",
        );
        check(
            Some("text/html"),
            "<meta name='pypi:repository-version' content='2.1'><a href=x>x</a>",
            "version `2.1`",
        );
    }
}
