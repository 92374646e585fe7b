//! Why a file that should hold what an earlier run wrote cannot be used, with the place in it.

use std::fmt;

/// The version of reports and plans that is read.
pub(super) const VERSION: u64 = 1;

/// What a file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedKind {
    /// What `ungil scan` found.
    Report,
    /// What `ungil plan` proposes.
    Plan,
}

impl SavedKind {
    fn command(self) -> &'static str {
        match self {
            SavedKind::Report => "scan",
            SavedKind::Plan => "plan",
        }
    }
}

impl fmt::Display for SavedKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            SavedKind::Report => "report",
            SavedKind::Plan => "plan",
        })
    }
}

/// Why a file is nothing that can be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Bytes that are no JSON.
    #[error("{file}:{line}:{column}: expected JSON as `ungil {} --format json` writes it, found {found}", kind.command())]
    NotJson {
        /// What it was taken for.
        kind: SavedKind,
        /// The file as it was named.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What the reader says of the place.
        found: String,
    },
    /// JSON that is something else.
    #[error("{file}:{line}:{column}: expected a {kind} of `ungil {} --format json`, found {found}", kind.command())]
    Other {
        /// What it was taken for.
        kind: SavedKind,
        /// The file as it was named.
        file: String,
        /// Line, from 1; 0 when the whole file is meant.
        line: usize,
        /// Column in bytes, from 1; 0 when the whole file is meant.
        column: usize,
        /// What is there instead.
        found: String,
    },
    /// A report or plan of a version that is not read.
    #[error("{file}: expected a {kind} of schema_version {VERSION}, found schema_version {found}")]
    OtherVersion {
        /// What it is.
        kind: SavedKind,
        /// The file as it was named.
        file: String,
        /// The version.
        found: String,
    },
    /// A report or plan whose parts do not belong together.
    #[error("{file}: {place}: expected {expected}, found {found}")]
    Contradiction {
        /// The file as it was named.
        file: String,
        /// The place in it, such as `packages: lxml 6.1.3`.
        place: String,
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
}

impl ReadError {
    /// What may help.
    pub fn hint(&self) -> Option<String> {
        match self {
            ReadError::NotJson { kind, .. } | ReadError::Other { kind, .. } => {
                let command = kind.command();
                Some(format!(
                    "`ungil {command} requirements.txt --format json --output {kind}.json` writes one"
                ))
            }
            ReadError::OtherVersion { kind, .. } => Some(format!(
                "read it with the ungil that wrote it, or {} again",
                kind.command()
            )),
            ReadError::Contradiction { .. } => {
                Some("was it edited after ungil wrote it?".to_owned())
            }
        }
    }
}

/// What the JSON reader says, as an error of ours.
pub(super) fn refused(kind: SavedKind, file: &str, error: &serde_json::Error) -> ReadError {
    let (file, line, column) = (file.to_owned(), error.line(), error.column());
    let text = error.to_string();
    // The place stands in front of the sentence already.
    let found = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(what, _)| what)
        .to_owned();
    if error.is_data() {
        ReadError::Other {
            kind,
            file,
            line,
            column,
            found,
        }
    } else {
        ReadError::NotJson {
            kind,
            file,
            line,
            column,
            found,
        }
    }
}
