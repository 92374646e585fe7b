//! Why a rule file is not a rule.

use std::ops::Range;

use crate::model::place::Place;

/// The start of a byte range of the text, as a place in its file.
pub(super) fn place(file: &str, text: &str, span: Option<Range<usize>>) -> Place {
    Place::after(
        file,
        span.and_then(|span| text.get(..span.start))
            .unwrap_or_default(),
    )
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
    /// It is not UTF-8.
    #[error("{place}: bytes that are not UTF-8; expected TOML, which is always UTF-8")]
    Encoding {
        /// Where the text ends that is.
        place: Place,
    },
    /// A rule of that id was loaded before.
    #[error("{place}: the id `{id}` is taken by {taken_by}; expected an id of its own")]
    Duplicate {
        /// Where the second rule gives its id.
        place: Place,
        /// The id.
        id: String,
        /// The file of the first rule.
        taken_by: String,
    },
}
