//! A project's folder: the file in it that says what is installed.
//!
//! A lock file is what gets installed, so it comes before what it was made from; two lock files of different tools are an
//! error, not a guess. The project itself is not judged.

use super::error::InputError;
use super::pyproject_toml::PyprojectToml;
use super::setup_cfg::SetupCfg;
use super::text::InputText;
use super::{FileKind, InputContext, InputFile};

/// Lock files.
const LOCKS: [&str; 6] = [
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "pylock.toml",
    "Pipfile.lock",
    "conda-lock.yml",
];
/// What is read where there is none, the first that says something.
const OTHERS: [&str; 6] = [
    "pyproject.toml",
    "setup.cfg",
    "PKG-INFO",
    "requirements.txt",
    "requirements.in",
    "environment.yml",
];

/// The file that is read for the folder.
pub(super) fn chosen(folder: &InputText, context: &InputContext) -> Result<InputFile, InputError> {
    let path = |name: &str| context.path(folder.as_str()).join(name);
    let there = |name: &&str| context.files.kind(&path(name)) == Some(FileKind::File);
    let locks: Vec<&str> = LOCKS.into_iter().filter(there).collect();
    if let [_, _, ..] = locks.as_slice() {
        let found = locks.join(", ");
        return Err(InputError::SeveralLocks {
            place: folder.place(0),
            path: folder.shown(),
            found,
        });
    }
    for name in locks.into_iter().chain(OTHERS.into_iter().filter(there)) {
        let file = context.open(&shown(folder.as_str(), name), path(name), &folder.place(0))?;
        if says_something(name, &file) {
            return Ok(file);
        }
    }
    let expected = LOCKS
        .into_iter()
        .chain(OTHERS)
        .collect::<Vec<_>>()
        .join(", ");
    Err(InputError::Unclaimed {
        place: folder.place(0),
        path: folder.shown(),
        expected,
    })
}

/// Whether the file asks for anything at all: many only configure tools.
fn says_something(name: &str, file: &InputFile) -> bool {
    match name {
        "pyproject.toml" => PyprojectToml::has_project(file),
        "setup.cfg" => SetupCfg::has_requirements(file),
        _ => true,
    }
}

/// The file as the user would name it.
fn shown(folder: &str, name: &str) -> String {
    match folder.trim_end_matches(['/', std::path::MAIN_SEPARATOR]) {
        "" => format!("/{name}"),
        "." => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}
