//! Places in the user's input as other tools name files: relative to the folder of the project, with forward slashes.

use std::path::{Path, is_separator};

use super::RenderOptions;
use super::sanitize::without_credentials;
use crate::lexical::normalised;
use crate::model::place::Place;

/// Inputs that are no files.
const NO_FILES: [&str; 2] = ["command line", "standard input"];

/// The file's path, relative to the options' folder where it lies below it; `None` when the place is in no file of this
/// machine. Not harmless yet.
pub(super) fn path(place: &Place, options: &RenderOptions) -> Option<String> {
    let file = place.file.as_str();
    if file.is_empty() || NO_FILES.contains(&file) || file.contains("://") {
        return None;
    }
    let below = below(Path::new(file), options);
    let slashed: String = below
        .as_deref()
        .unwrap_or(file)
        .chars()
        .map(|character| {
            if is_separator(character) {
                '/'
            } else {
                character
            }
        })
        .collect();
    let absolute = if slashed.starts_with('/') { "/" } else { "" };
    let parts: Vec<&str> = slashed
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    Some(format!("{absolute}{}", parts.join("/")))
}

/// The path from the options' folder on; `None` for what is not below it.
fn below(file: &Path, options: &RenderOptions) -> Option<String> {
    let folder = options.folder.as_deref()?;
    let whole = normalised(&options.directory.as_deref().unwrap_or(folder).join(file));
    Some(whole.strip_prefix(folder).ok()?.to_str()?.to_owned())
}

/// The file as a URI reference (RFC 3986), relative where [`path`] is.
pub(super) fn uri(place: &Place, options: &RenderOptions) -> Option<String> {
    let path = path(place, options)?;
    // `C:/x` is absolute, though it starts with no slash.
    let drive = path.as_bytes().get(1) == Some(&b':')
        && path.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    let start = match (path.starts_with('/'), drive && cfg!(windows)) {
        (true, _) => "file://",
        (false, true) => "file:///",
        (false, false) => "",
    };
    Some(format!("{start}{}", encoded(&path)))
}

/// The text with every byte but letters, digits, `-._~` and `/` percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

/// File and line in words, without credentials, for formats that have no field for them; the column is for programs. Not
/// harmless yet.
pub(super) fn words(place: &Place) -> String {
    without_credentials(
        &Place {
            column: None,
            ..place.clone()
        }
        .to_string(),
    )
    .into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn files_are_named_relative_to_the_folder() {
        let options = RenderOptions {
            folder: Some(PathBuf::from("/work/project")),
            ..RenderOptions::default()
        };
        for (file, named, uri_named) in [
            (
                "requirements.txt",
                Some("requirements.txt"),
                Some("requirements.txt"),
            ),
            (
                "./sub//a b%.txt",
                Some("sub/a b%.txt"),
                Some("sub/a%20b%25.txt"),
            ),
            ("/work/project/uv.lock", Some("uv.lock"), Some("uv.lock")),
            (
                "/elsewhere/uv.lock",
                Some("/elsewhere/uv.lock"),
                Some("file:///elsewhere/uv.lock"),
            ),
            ("../base.txt", Some("../base.txt"), Some("../base.txt")),
            ("a:b.txt", Some("a:b.txt"), Some("a%3Ab.txt")),
            ("command line", None, None),
            ("standard input", None, None),
            ("https://example.org/requirements.txt", None, None),
        ] {
            let place = Place {
                file: file.to_owned(),
                line: Some(1),
                column: None,
            };
            assert_eq!(path(&place, &options).as_deref(), named);
            assert_eq!(uri(&place, &options).as_deref(), uri_named);
        }
    }
    #[test]
    fn relative_names_start_where_the_command_runs() {
        let options = RenderOptions {
            folder: Some(PathBuf::from("/work/project")),
            directory: Some(PathBuf::from("/work/project/api")),
            ..RenderOptions::default()
        };
        for (file, named) in [
            ("uv.lock", "api/uv.lock"),
            ("../base.txt", "base.txt"),
            ("../../base.txt", "../../base.txt"),
            ("/work/project/uv.lock", "uv.lock"),
            ("/elsewhere/uv.lock", "/elsewhere/uv.lock"),
        ] {
            let place = Place {
                file: file.to_owned(),
                line: Some(1),
                column: None,
            };
            assert_eq!(path(&place, &options).as_deref(), Some(named));
        }
    }
}
