//! Python sources as trees: a lexer and a parser that read every byte once, whatever the file is.
//!
//! What no grammar has is kept as a flat node: its words still count. What CPython itself refuses, such as a hundred blocks inside
//! each other, is flat too. <https://docs.python.org/3/reference/grammar.html>

mod expressions;
mod lexer;
mod statements;
mod tree;

pub(super) use tree::{SyntaxNode, SyntaxTree};

/// The largest file that is parsed, in bytes: build files of real projects have some tens of kilobytes.
const LARGEST_PYTHON: usize = 256 << 10;
/// How deep blocks may lie inside each other, as in CPython.
const DEEPEST_BLOCK: usize = 100;
/// How deep expressions may lie inside each other.
const DEEPEST_EXPRESSION: usize = 64;

/// The tree of a file; `None` when it is too large.
pub(super) fn parse(text: &str) -> Option<SyntaxTree> {
    if text.len() > LARGEST_PYTHON {
        return None;
    }
    Some(statements::file(text, lexer::tokens(text)))
}
