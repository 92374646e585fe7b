//! Sources as words, texts and marks, with the line and the condition under which each stands; comments are gone.
//!
//! `tree-sitter` parses Python and Rust, so that nothing in a comment or a string is taken for code. What cannot be parsed still gives its
//! words: grammars of broken code end in nodes that say so. C and C++ have a lexer that knows the preprocessor.

use std::ops::ControlFlow;

use tree_sitter::{Language, Node, ParseOptions, Parser, Point, Tree};

use crate::model::source::Reach;

use super::{preprocessor, python};

/// The largest source that is parsed, in bytes; sources of this size are made by generators.
pub(super) const LARGEST: usize = 4 << 20;
/// How often a parser may report progress for each byte, and in any case: grammars are known to go astray on odd input.
const REPORTS_PER_BYTE: usize = 2;
const REPORTS: usize = 100_000;

/// Languages whose sources are parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    C,
    Cpp,
    Rust,
    Python,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier, keyword or number.
    Word,
    /// A string, with its quotation marks.
    Text,
    /// Punctuation.
    Mark,
}

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// From 1.
    pub(super) line: u32,
    /// Where it counts.
    pub(super) reach: Reach,
    /// Whether it stands in the body of a macro.
    pub(super) place: Stand,
}

/// What a token stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// Code.
    Code,
    /// The body of a macro.
    Macro,
    /// Python code behind a condition that asks the environment or the command line.
    Choice,
}

/// The tokens of a source; `None` when it is too large or its parser gives up.
pub(super) fn tokens(dialect: Dialect, text: &str) -> Option<Vec<Token<'_>>> {
    match dialect {
        Dialect::C | Dialect::Cpp => (text.len() <= LARGEST).then(|| preprocessor::tokens(dialect, text)),
        Dialect::Python => python::read(text).map(|python| python.tokens),
        Dialect::Rust => Some(rust(&parse(dialect, text)?, text)),
    }
}

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

/// Visits every node once, without recursion: trees of hostile sources are deep.
fn rust<'a>(tree: &Tree, text: &'a str) -> Vec<Token<'a>> {
    let mut tokens = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let is_text = matches!(node.kind(), "string_literal" | "raw_string_literal" | "char_literal");
        let is_comment = node.kind().contains("comment");
        if is_text || node.child_count() == 0 {
            let text = text.get(node.byte_range()).unwrap_or_default();
            let kind = match text.chars().next() {
                Some(_) if is_text => Kind::Text,
                Some(first) if first.is_alphanumeric() || first == '_' => Kind::Word,
                _ => Kind::Mark,
            };
            if !is_comment && !text.is_empty() {
                let (line, reach, place) = (line_of(node), Reach::ALWAYS, Stand::Code);
                tokens.push(Token { kind, text, line, reach, place });
            }
        } else if !is_comment && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return tokens;
            }
        }
    }
}

/// The line of a node, from 1.
pub(super) fn line_of(node: Node<'_>) -> u32 {
    u32::try_from(node.start_position().row).unwrap_or(u32::MAX - 1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(dialect: Dialect, text: &str) -> Vec<(String, u8, u8)> {
        let tokens = tokens(dialect, text).unwrap();
        let words = tokens.iter().filter(|token| token.kind == Kind::Word);
        words.map(|token| (token.text.to_owned(), token.reach.certain, token.reach.possible)).collect()
    }

    #[test]
    fn comments_strings_and_dead_branches_do_not_count() {
        let text = "/* a */ // b\nchar *s = \"c\";\n#if 0\nint d;\n#else\nint e;\n#endif\n";
        let found = words(Dialect::C, text);
        let live: Vec<&str> =
            found.iter().filter(|(_, certain, _)| *certain == 0b111).map(|(word, ..)| word.as_str()).collect();
        assert_eq!(live, ["char", "s", "int", "e"]);
        assert!(found.iter().any(|(word, _, possible)| word == "d" && *possible == 0), "{found:?}");
    }

    #[test]
    fn branches_of_conditions_have_their_reach() {
        let text = "#if PY_VERSION_HEX >= 0x030F0000\nint a;\n#elif defined(Py_GIL_DISABLED)\nint b;\n#else\nint c;\n\
                    #endif\n#ifndef Py_GIL_DISABLED\nint d;\n#endif\n#ifdef HAVE_X\nint e;\n#endif\n";
        let found = words(Dialect::Cpp, text);
        let reach = |name: &str| {
            found.iter().find(|(word, ..)| word == name).map(|(_, certain, possible)| (*certain, *possible))
        };
        assert_eq!(reach("a"), Some((0b100, 0b100)));
        assert_eq!(reach("b"), Some((0b011, 0b011)));
        assert_eq!(reach("c"), Some((0, 0)));
        assert_eq!(reach("d"), Some((0, 0)));
        assert_eq!(reach("e"), Some((0, 0b111)));
        assert_eq!(reach("HAVE_X"), None);
    }

    #[test]
    fn choices_of_python_are_seen() {
        let text = "import os\nif os.environ.get('X'):\n    a = 1\nif v >= 3:\n    b = 1\nc = 1\n";
        let tokens = tokens(Dialect::Python, text).unwrap();
        let stand = |name: &str| tokens.iter().find(|it| it.text == name).map(|it| (it.place, it.reach.certain));
        assert_eq!(stand("a"), Some((Stand::Choice, 0)));
        assert_eq!(stand("b"), Some((Stand::Code, 0)));
        assert_eq!(stand("c"), Some((Stand::Code, 0b111)));
    }

    #[test]
    fn deep_and_broken_sources_do_no_harm() {
        for text in ["(".repeat(50_000), "#if A\n".repeat(5_000), "{\"".repeat(20_000), "\u{1F600}#[".repeat(2_000)] {
            for dialect in [Dialect::C, Dialect::Cpp, Dialect::Rust, Dialect::Python] {
                let _ = tokens(dialect, &text);
            }
        }
    }
}
