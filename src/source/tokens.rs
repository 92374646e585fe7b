//! Sources as words, texts and marks, with the line and the condition under which each stands; comments are gone.
//!
//! `tree-sitter` parses, so that nothing in a comment or a string is taken for code, and so that each `#if` is known with
//! its branches. What cannot be parsed still gives its words: grammars of broken code end in nodes that say so.

use std::ops::ControlFlow;

use tree_sitter::{Language, Node, ParseOptions, Parser, Point, Tree, TreeCursor};

use crate::model::source::Reach;

use super::conditions;

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
    if text.len() > LARGEST {
        return None;
    }
    let tree = parse(dialect, text)?;
    let mut walk = Walk { dialect, text, tokens: Vec::new() };
    walk.run(tree.walk());
    Some(walk.tokens)
}

fn parse(dialect: Dialect, text: &str) -> Option<Tree> {
    let language: Language = match dialect {
        Dialect::C => tree_sitter_c::LANGUAGE.into(),
        Dialect::Cpp => tree_sitter_cpp::LANGUAGE.into(),
        Dialect::Rust => tree_sitter_rust::LANGUAGE.into(),
        Dialect::Python => tree_sitter_python::LANGUAGE.into(),
    };
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

/// What holds for the children of a node.
#[derive(Clone, Copy)]
struct Frame {
    /// For most of them.
    inner: Reach,
    /// For the branch that is taken instead.
    other: Reach,
    place: Stand,
    /// Whether the node is a condition of the preprocessor, whose question is no code.
    asks: bool,
}

struct Walk<'a> {
    dialect: Dialect,
    text: &'a str,
    tokens: Vec<Token<'a>>,
}

impl<'a> Walk<'a> {
    /// Visits every node once, without recursion: trees of hostile sources are deep.
    fn run(&mut self, mut cursor: TreeCursor<'_>) {
        let mut frames = vec![Frame { inner: Reach::ALWAYS, other: Reach::ALWAYS, place: Stand::Code, asks: false }];
        loop {
            let frame = frames.last().copied();
            let Some(frame) = frame else { return };
            if let Some(below) = self.visit(cursor.node(), cursor.field_name(), frame)
                && cursor.goto_first_child()
            {
                frames.push(below);
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
                frames.pop();
            }
        }
    }

    /// Takes a leaf; says what holds for the children of any other node, unless they do not count.
    fn visit(&mut self, node: Node<'_>, field: Option<&str>, frame: Frame) -> Option<Frame> {
        let outer = if field == Some("alternative") { frame.other } else { frame.inner };
        let kind = node.kind();
        if kind.contains("comment") {
            return None;
        }
        // The names that conditions ask for are not used there.
        if frame.asks && matches!(field, Some("name" | "condition")) {
            return None;
        }
        if kind == "preproc_arg" {
            self.split(node, outer);
            return None;
        }
        let is_text = kind.ends_with("string_literal") || kind == "char_literal" || kind == "string";
        if is_text || node.child_count() == 0 {
            self.take(node, outer, frame.place, is_text);
            return None;
        }
        Some(self.below(node, outer, frame.place))
    }

    fn is_c(&self) -> bool {
        matches!(self.dialect, Dialect::C | Dialect::Cpp)
    }

    fn below(&self, node: Node<'_>, outer: Reach, place: Stand) -> Frame {
        let same = Frame { inner: outer, other: outer, place, asks: false };
        if self.dialect == Dialect::Python {
            let asks = matches!(
                node.kind(),
                "if_statement" | "elif_clause" | "else_clause" | "conditional_expression" | "except_clause"
            );
            let inner = if asks { Reach { certain: 0, ..outer } } else { outer };
            let condition = if asks { self.words_of_condition(node) } else { "" };
            let is_choice = ["environ", "getenv", "argv"].iter().any(|word| condition.contains(word));
            return Frame { inner, other: inner, place: if is_choice { Stand::Choice } else { place }, asks: false };
        }
        if !self.is_c() {
            return same;
        }
        let field = |name: &str| node.child_by_field_name(name).map(|child| self.text_of(child)).unwrap_or_default();
        let answer = match node.kind() {
            "preproc_if" | "preproc_elif" => conditions::answer(field("condition")),
            "preproc_ifdef" | "preproc_elifdef" => {
                let answer = conditions::defined(field("name"));
                let is_negated =
                    node.child(0).is_some_and(|first| matches!(self.text_of(first), "#ifndef" | "#elifndef"));
                if is_negated { answer.negated() } else { answer }
            }
            _ => return same,
        };
        Frame { inner: answer.within(outer), other: answer.negated().within(outer), place, asks: true }
    }

    /// The text of a Python condition: of `a if b else c` all of it.
    fn words_of_condition(&self, node: Node<'_>) -> &'a str {
        self.text_of(node.child_by_field_name("condition").unwrap_or(node))
    }

    fn text_of(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn take(&mut self, node: Node<'_>, reach: Reach, place: Stand, is_text: bool) {
        let text = self.text_of(node);
        let kind = match text.chars().next() {
            None => return,
            Some(_) if is_text => Kind::Text,
            Some(first) if first.is_alphanumeric() || first == '_' => Kind::Word,
            Some(_) => Kind::Mark,
        };
        self.tokens.push(Token { kind, text, line: line_of(node), reach, place });
    }

    /// The body of a macro, which the grammar leaves as it is.
    fn split(&mut self, node: Node<'_>, reach: Reach) {
        let (text, line) = (self.text_of(node), line_of(node));
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|letter| !is_word(letter)).unwrap_or(rest.len())
            } else {
                first.len_utf8()
            };
            let (word, after) = rest.split_at(length);
            rest = after;
            if !first.is_whitespace() && first != '\\' {
                let kind = if is_word(first) { Kind::Word } else { Kind::Mark };
                self.tokens.push(Token { kind, text: word, line, reach, place: Stand::Macro });
            }
        }
    }
}

fn line_of(node: Node<'_>) -> u32 {
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
