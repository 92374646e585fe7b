//! Why an input could not be read: each case says where, what was expected and what was found.
//!
//! Quoted text shows variables by their names and URLs without credentials.

use crate::model::place::Place;

/// Why an input could not be read; it ends the run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// A file or folder that does not exist.
    #[error("{place}: no such file or folder: `{path}`")]
    NoSuchFile {
        /// Who named it.
        place: Place,
        /// The path, joined to the folder that it is relative to.
        path: String,
    },
    /// A file that exists but cannot be read.
    #[error("{place}: cannot read `{path}`: {why}")]
    Unreadable {
        /// Who named it.
        place: Place,
        /// The file.
        path: String,
        /// The system's words.
        why: String,
    },
    /// More text than an input may have.
    #[error("{place}: expected at most {limit} {unit}, found more in `{found}`")]
    TooMuch {
        /// Where the limit was passed.
        place: Place,
        /// What passed it.
        found: String,
        /// The limit.
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// A file whose format no adapter knows.
    #[error("{place}: nothing that ungil reads was found in `{path}`; looked for {expected}")]
    Unclaimed {
        /// Who named it.
        place: Place,
        /// The file.
        path: String,
        /// The formats that were looked for.
        expected: String,
    },
    /// A folder with lock files of several tools.
    #[error("{place}: expected one lock file in `{path}`, found {found}")]
    SeveralLocks {
        /// Who named it.
        place: Place,
        /// The folder.
        path: String,
        /// The lock files.
        found: String,
    },
    /// Bytes that are not text in the file's encoding.
    #[error("{place}: expected text in {encoding}, found bytes that are none")]
    Undecodable {
        /// The first such byte.
        place: Place,
        /// The encoding, from the byte order mark or the coding comment, else UTF-8.
        encoding: String,
    },
    /// A coding comment that names no known encoding.
    #[error("{place}: expected the name of an encoding, found `{found}`")]
    UnknownEncoding {
        /// The comment's line.
        place: Place,
        /// The name given.
        found: String,
    },
    /// A line or argument that is not a requirement.
    #[error("{place}: `{found}` is not a requirement: {why}")]
    NotARequirement {
        /// The first character that does not fit.
        place: Place,
        /// The requirement.
        found: String,
        /// What was expected and what was found there.
        why: String,
    },
    /// A text that should be a URL.
    #[error("{place}: expected a URL, found `{found}`: {why}")]
    NotAUrl {
        /// Its first character.
        place: Place,
        /// The text.
        found: String,
        /// What is wrong with it.
        why: String,
    },
    /// A path to something that is no distribution.
    #[error("{place}: expected a wheel, an sdist or a project folder, found `{found}`")]
    NotADistribution {
        /// Who named it.
        place: Place,
        /// The path.
        found: String,
    },
    /// A `--hash` that holds no digest.
    #[error("{place}: expected {expected}, found `{found}`")]
    NotAHash {
        /// The option's value.
        place: Place,
        /// The value.
        found: String,
        /// What a digest of that kind looks like.
        expected: String,
    },
    /// An option that requirements files do not have.
    #[error("{place}: expected an option of requirements files, found `{found}`")]
    UnknownOption {
        /// The option.
        place: Place,
        /// The option as written.
        found: String,
        /// The options that begin in this way, when there are several.
        candidates: Vec<&'static str>,
    },
    /// An option without its value, with a value that it does not take, or with a wrong one.
    #[error("{place}: expected {expected} for `{option}`, found {found}")]
    OptionValue {
        /// The option or its value.
        place: Place,
        /// The option.
        option: String,
        /// What it takes.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A quote or an escape that does not end.
    #[error("{place}: expected {expected}, found the end of the line")]
    Unfinished {
        /// Where it begins.
        place: Place,
        /// What would end it.
        expected: &'static str,
    },
    /// Something that pip drops without a word, so that less would be scanned than the file seems to ask for.
    #[error("{place}: expected {expected}, found `{found}`, which pip ignores here")]
    Dropped {
        /// What would be dropped.
        place: Place,
        /// Its text.
        found: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// An include over the network; adapters do not fetch.
    #[error("{place}: expected a file on this machine, found the URL `{found}`")]
    Remote {
        /// Who named it.
        place: Place,
        /// The URL, without credentials.
        found: String,
    },
    /// A file that includes itself, directly or through others.
    #[error(
        "{place}: expected a file that is not being read already, found `{found}` (included by {by})"
    )]
    Cycle {
        /// The include that closes the circle.
        place: Place,
        /// The file.
        found: String,
        /// The chain of files from it to the one that closes the circle.
        by: String,
    },
    /// A file that is not what its format asks for.
    #[error("{place}: not a valid {format}: {why}")]
    Malformed {
        /// The line.
        place: Place,
        /// The format's name.
        format: &'static str,
        /// What was expected and what was found.
        why: String,
    },
    /// A group or an extra that no file of the input has.
    #[error("{place}: expected a name that the input has for `{option}`, found `{found}`")]
    NotOffered {
        /// Who named it.
        place: Place,
        /// The option that selects it.
        option: &'static str,
        /// The name.
        found: String,
        /// The names that the input has.
        offered: Vec<String>,
    },
    /// Something that cannot be a constraint: extras, no name, editable.
    #[error("{place}: expected a name with versions as a constraint, found `{found}`, {why}")]
    NotAConstraint {
        /// The line.
        place: Place,
        /// The requirement.
        found: String,
        /// What keeps it from being one.
        why: &'static str,
    },
}

impl InputError {
    /// Where the error is.
    pub fn place(&self) -> &Place {
        match self {
            InputError::NoSuchFile { place, .. }
            | InputError::Unreadable { place, .. }
            | InputError::TooMuch { place, .. }
            | InputError::Unclaimed { place, .. }
            | InputError::SeveralLocks { place, .. }
            | InputError::Undecodable { place, .. }
            | InputError::UnknownEncoding { place, .. }
            | InputError::NotARequirement { place, .. }
            | InputError::NotAUrl { place, .. }
            | InputError::NotADistribution { place, .. }
            | InputError::NotAHash { place, .. }
            | InputError::UnknownOption { place, .. }
            | InputError::OptionValue { place, .. }
            | InputError::Unfinished { place, .. }
            | InputError::Dropped { place, .. }
            | InputError::Remote { place, .. }
            | InputError::Cycle { place, .. }
            | InputError::Malformed { place, .. }
            | InputError::NotOffered { place, .. }
            | InputError::NotAConstraint { place, .. } => place,
        }
    }

    /// What the user could do about it, where that can be told.
    pub fn hint(&self) -> Option<String> {
        match self {
            InputError::NotARequirement { found, .. } => requirement_hint(found).map(str::to_owned),
            InputError::Undecodable { .. } => Some(
                "save the file as UTF-8, or name its encoding in its first line: `# -*- coding: latin-1 -*-`".into(),
            ),
            InputError::UnknownOption { candidates, .. } if !candidates.is_empty() => {
                Some(format!("it could be any of {}", candidates.join(", ")))
            }
            InputError::NotADistribution { .. } => Some("if it is a requirements file, include it with `-r`".into()),
            InputError::NotAHash { .. } => Some("write it as `--hash=sha256:` and 64 hexadecimal digits".into()),
            InputError::Dropped { .. } => Some("put it on a line of its own, or remove it".into()),
            InputError::Remote { .. } => Some("download the file and give its path".into()),
            InputError::Cycle { .. } => Some("remove the include, or move the shared lines to a third file".into()),
            InputError::NotAConstraint { .. } => Some("put it in a requirements file, included with `-r`".into()),
            InputError::NotOffered { offered, .. } if offered.is_empty() => Some(
                "no file of the input has such names; groups and extras are those of projects and lock files".into(),
            ),
            InputError::NotOffered { offered, .. } => Some(format!("there are {}", offered.join(", "))),
            InputError::SeveralLocks { .. } => Some("name the one that is installed from".into()),
            InputError::Unclaimed { .. } => Some("if you know what it is, say so with `--from`".into()),
            InputError::NoSuchFile { .. }
            | InputError::Malformed { .. }
            | InputError::Unreadable { .. }
            | InputError::TooMuch { .. }
            | InputError::UnknownEncoding { .. }
            | InputError::NotAUrl { .. }
            | InputError::UnknownOption { .. }
            | InputError::OptionValue { .. }
            | InputError::Unfinished { .. } => None,
        }
    }
}

/// What people often mean when a requirement cannot be read.
fn requirement_hint(found: &str) -> Option<&'static str> {
    let operators = ["==", ">=", "<=", "!=", "~=", ">", "<"];
    if found.contains("${") {
        Some(
            "`${NAME}` stands for the variable's value, and for itself when the variable is not set",
        )
    } else if found.contains("://") {
        Some("a URL stands alone on its line, or after `name @ `")
    } else if found.contains('\t') && found.contains("--") {
        Some("a space must stand before an option; here is a tab")
    } else if found.contains('=') && !operators.iter().any(|operator| found.contains(operator)) {
        Some("`=` is no operator; for one version write `==`")
    } else {
        None
    }
}
