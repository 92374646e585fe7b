//! Why a rule file is not a rule.

use std::fmt;
use std::ops::Range;

/// A position in a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Place {
    /// The position of a byte range in the text.
    pub(super) fn new(file: &str, text: &str, span: Option<Range<usize>>) -> Place {
        let start = span.map_or(0, |span| span.start);
        let before = text.get(..start).unwrap_or(text);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Place { file: file.to_owned(), line: before.matches('\n').count() + 1, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Why a rule file is not a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// It is not TOML, or a field is missing, unknown, or of the wrong type.
    #[error("{place}: {message}")]
    Format {
        /// Where.
        place: Place,
        /// What was found and what was expected.
        message: String,
    },
    /// A field's value makes no sense.
    #[error("{place}: `{field}` {found}; expected {expected}")]
    Value {
        /// Where.
        place: Place,
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// It is too large to be a rule.
    #[error("{file}: {size} bytes; expected a rule file of at most {limit} bytes")]
    TooLarge {
        /// The file.
        file: String,
        /// Its size in bytes.
        size: usize,
        /// The largest accepted size in bytes.
        limit: usize,
    },
    /// A rule of that id was loaded before.
    #[error("{file}: the id `{id}` is taken by another rule; expected an id of its own")]
    Duplicate {
        /// The file.
        file: String,
        /// The id.
        id: String,
    },
}
