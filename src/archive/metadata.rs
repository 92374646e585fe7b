//! Core metadata (`METADATA`, `PKG-INFO`) and the `WHEEL` file.
//!
//! As lenient as pip is: header names in any case, unknown headers skipped, the first line that is no header ends the
//! headers. As strict as pip is too: a requirement that the grammar does not allow is an error that names its line, since
//! leaving it out would resolve other packages than the installer does.
//!
//! <https://packaging.python.org/en/latest/specifications/core-metadata/>

use std::borrow::Cow;
use std::str::FromStr;

use crate::model::metadata::{Metadata, WheelFile};
use crate::model::name::{ExtraName, PackageName, Version, VersionSpecifiers};
use crate::pep508::requirement;

/// The first metadata version in which an sdist's `Requires-Dist` is what a build gives, unless it is listed as
/// dynamic ([PEP 643](https://peps.python.org/pep-0643/)).
const FIRST_RELIABLE: (u64, u64) = (2, 2);

/// The longest value that is given to a grammar.
const VALUE_BYTES: usize = 32 << 10;
/// How many headers a file may have, and how many tags a line of `WHEEL` may stand for.
const MOST_FIELDS: usize = 20_000;
const MOST_TAGS: usize = 1_000;
/// How much of a wrong value is shown.
const SHOWN: usize = 200;

/// Why metadata cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A field that must be there is not.
    #[error("has no {field}")]
    Missing {
        /// The field's name.
        field: &'static str,
    },
    /// There are more headers than are read.
    #[error("has more than {MOST_FIELDS} headers, the limit")]
    TooMany,
    /// A field's value makes no sense.
    #[error("line {line}: {field} is `{value}`: {why}")]
    Invalid {
        /// Line, from 1.
        line: usize,
        /// The field's name.
        field: &'static str,
        /// The value as written.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

/// One header.
struct MetadataField {
    line: usize,
    /// Lower case.
    name: String,
    value: String,
}

/// Reads `METADATA`, or `PKG-INFO` of an installed distribution.
pub fn parse(bytes: &[u8]) -> Result<Metadata, MetadataError> {
    from_fields(&fields(bytes)?)
}

/// Reads an sdist's `PKG-INFO`: before metadata 2.2 it promises nothing about requirements, so they are marked dynamic.
pub fn parse_sdist(bytes: &[u8]) -> Result<Metadata, MetadataError> {
    let fields = fields(bytes)?;
    let mut metadata = from_fields(&fields)?;
    let version = fields
        .iter()
        .find(|field| field.name == "metadata-version")
        .and_then(metadata_version);
    let reliable = version.is_some_and(|version| version >= FIRST_RELIABLE);
    let dynamic = "requires-dist".to_owned();
    if !reliable && !metadata.dynamic.contains(&dynamic) {
        metadata.dynamic.push(dynamic);
    }
    Ok(metadata)
}

/// Reads a `WHEEL` file.
pub fn parse_wheel_file(bytes: &[u8]) -> Result<WheelFile, MetadataError> {
    let mut file = WheelFile::default();
    for field in fields(bytes)? {
        match field.name.as_str() {
            "generator" => file.generator = Some(field.value),
            "tag" => file.tags.extend(expanded_tags(&field)?),
            "root-is-purelib" => {
                file.root_is_purelib = Some(field.value.eq_ignore_ascii_case("true"))
            }
            _ => {}
        }
    }
    Ok(file)
}

fn metadata_version(field: &MetadataField) -> Option<(u64, u64)> {
    let (major, minor) = field.value.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn from_fields(fields: &[MetadataField]) -> Result<Metadata, MetadataError> {
    let first = |name: &str| fields.iter().find(|field| field.name == name);
    let all = |name: &'static str| fields.iter().filter(move |field| field.name == name);
    let name = first("name").ok_or(MetadataError::Missing { field: "Name" })?;
    let version = first("version").ok_or(MetadataError::Missing { field: "Version" })?;
    let requires_python = first("requires-python").filter(|field| !field.value.is_empty());
    let project_url = |field: &MetadataField| match field.value.split_once(',') {
        Some((label, url)) => (label.trim().to_owned(), url.trim().to_owned()),
        None => (String::new(), field.value.clone()),
    };
    let home_page =
        first("home-page").filter(|field| !matches!(field.value.as_str(), "" | "UNKNOWN"));
    Ok(Metadata {
        name: parsed(name, "Name", PackageName::from_str)?,
        version: parsed(version, "Version", Version::from_str)?,
        requires_dist: all("requires-dist")
            .map(|field| parsed(field, "Requires-Dist", requirement))
            .collect::<Result<_, _>>()?,
        requires_python: requires_python
            .map(|field| parsed(field, "Requires-Python", VersionSpecifiers::from_str))
            .transpose()?,
        // A name that is no extra can be asked for by no requirement: leaving it out changes nothing.
        provides_extra: all("provides-extra")
            .filter_map(|field| ExtraName::from_str(&field.value).ok())
            .collect(),
        classifiers: all("classifier").map(|field| field.value.clone()).collect(),
        dynamic: all("dynamic")
            .map(|field| field.value.to_ascii_lowercase())
            .collect(),
        project_urls: home_page
            .map(|field| ("Home-page".to_owned(), field.value.clone()))
            .into_iter()
            .chain(all("project-url").map(project_url))
            .collect(),
    })
}

fn parsed<T, E: std::fmt::Display>(
    field: &MetadataField,
    name: &'static str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, MetadataError> {
    let invalid = |why: String| MetadataError::Invalid {
        line: field.line,
        field: name,
        value: field.value.chars().take(SHOWN).collect(),
        why,
    };
    if field.value.len() > VALUE_BYTES {
        return Err(invalid(format!(
            "it has {} bytes, more than the limit of {VALUE_BYTES}",
            field.value.len()
        )));
    }
    parse(&field.value).map_err(|error| invalid(error.to_string().chars().take(SHOWN).collect()))
}

/// `py2.py3-none-any` stands for two tags.
fn expanded_tags(field: &MetadataField) -> Result<Vec<String>, MetadataError> {
    let parts: Vec<&str> = field.value.split('-').collect();
    let [python, abi, platform] = parts.as_slice() else {
        return Err(MetadataError::Invalid {
            line: field.line,
            field: "Tag",
            value: field.value.clone(),
            why: format!("expected 3 parts between hyphens, found {}", parts.len()),
        });
    };
    let count = |part: &str| part.split('.').count();
    if count(python)
        .saturating_mul(count(abi))
        .saturating_mul(count(platform))
        > MOST_TAGS
    {
        return Err(MetadataError::Invalid {
            line: field.line,
            field: "Tag",
            value: field.value.chars().take(SHOWN).collect(),
            why: format!("it stands for more than {MOST_TAGS} tags, the limit"),
        });
    }
    let mut tags = Vec::new();
    for python in python.split('.') {
        for abi in abi.split('.') {
            for platform in platform.split('.') {
                tags.push(format!("{python}-{abi}-{platform}"));
            }
        }
    }
    Ok(tags)
}

/// The headers. Like Python's `email` parser, it stops at the first line that is none.
fn fields(bytes: &[u8]) -> Result<Vec<MetadataField>, MetadataError> {
    let text = decoded(bytes);
    let mut rest = text.as_bytes();
    let mut line = 1;
    let mut fields = Vec::new();
    while is_header(rest) {
        if fields.len() == MOST_FIELDS {
            return Err(MetadataError::TooMany);
        }
        let Ok((header, length)) = mailparse::parse_header(rest) else {
            break;
        };
        fields.push(MetadataField {
            line,
            name: header.get_key_ref().to_ascii_lowercase(),
            value: header.get_value().trim().to_owned(),
        });
        let Some((taken, after)) = rest.split_at_checked(length) else {
            break;
        };
        line += taken.iter().filter(|byte| **byte == b'\n').count();
        rest = after;
    }
    Ok(fields)
}

/// Whether a line starts with a header's name: printable characters without space, and a colon.
fn is_header(rest: &[u8]) -> bool {
    let name = rest
        .iter()
        .take_while(|byte| byte.is_ascii_graphic() && **byte != b':')
        .count();
    name > 0 && rest.get(name) == Some(&b':')
}

/// UTF-8, as the specification demands; what is not is taken for Windows-1252, in which every text has a meaning.
fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    let (text, _, damaged) = encoding_rs::UTF_8.decode(bytes);
    if damaged {
        encoding_rs::WINDOWS_1252
            .decode_without_bom_handling(bytes)
            .0
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[&str]) -> Vec<u8> {
        format!(
            "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\n{}\n",
            lines.join("\n")
        )
        .into_bytes()
    }

    #[test]
    fn the_fields_that_count_are_read() {
        let metadata = parse(&text(&[
            "Requires-Dist: a (>=1.0,<2) ; python_version < \"3.15\"",
            "requires-dist: b @ https://example.com/b.whl",
            "Requires-Python: >=3.9",
            "Provides-Extra: Test_All",
            "Provides-Extra: no extra!",
            "Classifier: Programming Language :: Python :: Free Threading :: 2 - Beta",
            "Home-page: https://example.com",
            "Project-URL: Source, https://example.com/source",
            "Dynamic: Requires-Dist",
            "License: first",
            "        second: line",
            "",
            "Requires-Dist: not-a-header",
        ]))
        .unwrap();
        assert_eq!(metadata.name.to_string(), "foo-bar");
        assert_eq!(metadata.requires_dist.len(), 2);
        assert_eq!(metadata.requires_dist[0].name.to_string(), "a");
        assert_eq!(metadata.provides_extra.len(), 1);
        assert_eq!(metadata.dynamic, ["requires-dist"]);
        assert_eq!(metadata.classifiers.len(), 1);
        assert_eq!(
            metadata.project_urls[1],
            ("Source".into(), "https://example.com/source".into())
        );
    }

    #[test]
    fn a_wrong_requirement_names_its_line() {
        let check = |line: &str| match parse(&text(&["Summary: a", "  b", line])) {
            Err(MetadataError::Invalid {
                line: 6,
                field,
                value,
                ..
            }) => {
                assert_eq!(line, format!("{field}: {value}"));
            }
            other => panic!("{line}: {other:?}"),
        };
        check("Requires-Dist: foo>=1.0<2");
        check("Requires-Dist: foo>=1.0 trailing");
        check("Requires-Dist: -foo");
        check("Requires-Python: >=3.x");
        check("Requires-Dist: a; unknown_marker == '1'");
    }

    #[test]
    fn hostile_values_end_in_an_error() {
        let values = [
            "(".repeat(1_000_000),
            "(".repeat(20_000),
            "(".repeat(200),
            "(')' and ".repeat(3000),
        ];
        for value in values
            .map(|value| format!("a; {value}"))
            .into_iter()
            .chain([format!("a{}", "[".repeat(30_000))])
        {
            assert!(matches!(
                parse(&text(&[&format!("Requires-Dist: {value}")])),
                Err(MetadataError::Invalid { .. })
            ));
        }
    }

    #[test]
    fn name_and_version_must_be_there() {
        assert_eq!(
            parse(b"Name: a\n").unwrap_err(),
            MetadataError::Missing { field: "Version" }
        );
        assert_eq!(
            parse(b"").unwrap_err(),
            MetadataError::Missing { field: "Name" }
        );
        assert!(matches!(
            parse(b"Name: a\nVersion: one\n"),
            Err(MetadataError::Invalid { line: 2, .. })
        ));
    }

    #[test]
    fn any_encoding_and_line_end_is_read() {
        for bytes in [
            &b"\xef\xbb\xbfName: a\r\nVersion: 1\r\nRequires-Dist: b\r\n\r\n"[..],
            b"Name: a\nVersion: 1\nAuthor: J\xf6rg\nRequires-Dist: b\n",
        ] {
            assert_eq!(parse(bytes).unwrap().requires_dist.len(), 1);
        }
    }

    #[test]
    fn an_old_sdist_promises_nothing() {
        let dynamic = |version: &str, more: &str| {
            let text = format!("Metadata-Version: {version}\nName: a\nVersion: 1\n{more}\n");
            parse_sdist(text.as_bytes()).unwrap().dynamic
        };
        assert_eq!(dynamic("2.1", ""), ["requires-dist"]);
        assert_eq!(dynamic("2.2", ""), [""; 0]);
        assert_eq!(dynamic("2.10", "Dynamic: License"), ["license"]);
        assert_eq!(dynamic("2.4", "Dynamic: Requires-Dist"), ["requires-dist"]);
        assert_eq!(dynamic("x", ""), ["requires-dist"]);
    }

    #[test]
    fn wheel_tags_are_expanded() {
        let file = parse_wheel_file(
            b"Wheel-Version: 1.0\nGenerator: x (1)\nRoot-Is-Purelib: True\nTag: py2.py3-none-any\n",
        );
        let file = file.unwrap();
        assert_eq!(file.tags, ["py2-none-any", "py3-none-any"]);
        assert_eq!(file.root_is_purelib, Some(true));
        assert_eq!(file.generator.as_deref(), Some("x (1)"));
        assert!(parse_wheel_file(b"Tag: py3-none\n").is_err());
    }
}
