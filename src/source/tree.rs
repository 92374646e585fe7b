//! Sources in Python and Rust as trees, by `tree-sitter`. What cannot be parsed still gives its words: grammars of broken code end in nodes
//! that say so.

use std::ops::ControlFlow;

use tree_sitter::{Language, Node, ParseOptions, Parser, Point, Tree};

use super::token::{Dialect, LARGEST};

/// How often a parser may report progress for each byte, and in any case: grammars are known to go astray on odd input.
const REPORTS_PER_BYTE: usize = 2;
const REPORTS: usize = 100_000;

/// The tree of a source in Python or Rust; C needs a preprocessor and no tree.
pub(super) fn parse(dialect: Dialect, text: &str) -> Option<Tree> {
    let language: Language = match dialect {
        Dialect::Rust => tree_sitter_rust::LANGUAGE.into(),
        Dialect::Python => tree_sitter_python::LANGUAGE.into(),
        Dialect::C | Dialect::Cpp => return None,
    };
    if text.len() > LARGEST {
        return None;
    }
    let mut parser = Parser::new();
    parser.set_language(&language).ok()?;
    let mut left = text.len() * REPORTS_PER_BYTE + REPORTS;
    let mut count = |_: &tree_sitter::ParseState| {
        left = left.saturating_sub(1);
        if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut count);
    let mut read = |offset: usize, _: Point| text.as_bytes().get(offset..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options))
}

/// The line of a node, from 1.
pub(super) fn line_of(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row).unwrap_or(u32::MAX - 1) + 1
}
