//! Places: where in the input something is said, and where a file is.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

/// A place in the user's input, so that a finding can point at the line to change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The file as the user named it, or `command line`.
    pub file: String,
    /// Line, from 1; `None` where the input has no lines.
    pub line: Option<u32>,
    /// Column in characters, from 1; `None` when the whole line is meant.
    pub column: Option<u32>,
}

impl Place {
    /// What follows a text that its file begins with.
    pub fn after(file: impl Into<String>, before: &str) -> Place {
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        Place {
            file: file.into(),
            line: u32::try_from(line).ok(),
            column: u32::try_from(column).ok(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.file)?;
        if let (None, Some(column)) = (self.line, self.column) {
            // What was typed has no lines; a number alone would look like one.
            return write!(formatter, ", character {column}");
        }
        for number in [self.line, self.column].into_iter().flatten() {
            write!(formatter, ":{number}")?;
        }
        Ok(())
    }
}

/// Where a file is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// At a URL; it never carries credentials, those are looked up when it is fetched.
    Url(Url),
    /// On this machine's disk.
    Path(PathBuf),
}
