//! What sources are made of: words, texts and marks, with the line and the condition under which each stands.

use crate::model::source::VersionReach;

/// The largest source that is parsed, in bytes; sources of this size are made by generators.
pub(super) const LARGEST: usize = 4 << 20;

/// Languages whose sources are parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SourceDialect {
    C,
    Cpp,
    Rust,
    Python,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An identifier, keyword or number.
    Word,
    /// A string, with its quotation marks.
    Text,
    /// Punctuation.
    Mark,
}

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SourceToken<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    /// From 1.
    pub(super) line: u32,
    /// Where it counts.
    pub(super) reach: VersionReach,
    /// Whether it stands in the body of a macro.
    pub(super) place: TokenContext,
}

/// What a token stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenContext {
    /// Code.
    Code,
    /// The body of a macro.
    Macro,
    /// Python code behind a condition that asks the environment or the command line.
    Choice,
}
