//! C and C++ as tokens, each with the conditions of the preprocessor under which it stands.
//!
//! A lexer and no parser: `#if` may cut a function's head or body in two, and no grammar of C knows what that gives. It reads every byte
//! once. Not followed: macros of the sources themselves, and what `#include` brings in.

use crate::model::source::VersionReach;

use super::conditions::{self, ConditionAnswer};
use super::token::{SourceDialect, SourceToken, TokenContext, TokenKind};

/// The tokens of a file in C or C++.
pub(super) fn tokens(dialect: SourceDialect, text: &str) -> Vec<SourceToken<'_>> {
    let mut lexer = PreprocessorLexer {
        dialect,
        text,
        at: 0,
        line: 1,
        is_line_start: true,
        branches: Vec::new(),
        tokens: Vec::new(),
    };
    while lexer.step() {}
    lexer.tokens
}

/// One `#if` with its branches.
#[derive(Clone, Copy)]
struct PreprocessorBranches {
    /// Where the branch counts that is being read.
    now: VersionReach,
    /// Where the branches count that follow.
    rest: VersionReach,
}

struct PreprocessorLexer<'a> {
    dialect: SourceDialect,
    text: &'a str,
    /// The next byte.
    at: usize,
    line: u32,
    /// Whether nothing but blanks stands before it on its line.
    is_line_start: bool,
    branches: Vec<PreprocessorBranches>,
    tokens: Vec<SourceToken<'a>>,
}

impl<'a> PreprocessorLexer<'a> {
    fn reach(&self) -> VersionReach {
        self.branches
            .last()
            .map_or(VersionReach::ALWAYS, |branches| branches.now)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn byte(&self, offset: usize) -> u8 {
        self.text
            .as_bytes()
            .get(self.at.saturating_add(offset))
            .copied()
            .unwrap_or(0)
    }

    /// Goes on by this many bytes, and counts the lines among them.
    fn skip(&mut self, length: usize) {
        let end = self.at.saturating_add(length).min(self.text.len());
        let lines = self
            .text
            .as_bytes()
            .get(self.at..end)
            .unwrap_or_default()
            .iter()
            .filter(|byte| **byte == b'\n');
        self.line = self
            .line
            .saturating_add(u32::try_from(lines.count()).unwrap_or(u32::MAX));
        self.at = end;
    }

    /// Reads one token, comment, blank or directive; says whether there was one.
    fn step(&mut self) -> bool {
        if self.at >= self.text.len() {
            return false;
        }
        if let Some(length) = self.blank() {
            self.skip(length);
        } else if self.byte(0) == b'\n' {
            self.is_line_start = true;
            self.skip(1);
        } else if self.byte(0) == b'#' && self.is_line_start {
            self.directive();
        } else {
            self.is_line_start = false;
            let length = self.token_length();
            self.push(length, TokenContext::Code);
        }
        true
    }

    /// The length of a blank, a comment or the end of a line that goes on in the next.
    fn blank(&self) -> Option<usize> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        match (self.byte(0), self.byte(1)) {
            (b' ' | b'\t' | b'\r' | 0x0b | 0x0c | 0, _) => Some(1),
            (b'\\', b'\n') => Some(2),
            (b'\\', b'\r') if self.byte(2) == b'\n' => Some(3),
            (b'/', b'*') => Some(
                rest.get(2..)
                    .and_then(|inner| inner.find("*/"))
                    .map_or(rest.len(), |end| end + 4),
            ),
            (b'/', b'/') => Some(line_length(rest)),
            _ => None,
        }
    }

    fn push(&mut self, length: usize, place: TokenContext) {
        let Some(text) = self.text.get(self.at..self.at.saturating_add(length)) else {
            return self.skip(length);
        };
        let kind = match text.bytes().next() {
            Some(b'"' | b'\'') => TokenKind::Text,
            Some(first) if is_word(first) => {
                if text.contains('"') {
                    TokenKind::Text
                } else {
                    TokenKind::Word
                }
            }
            _ => TokenKind::Mark,
        };
        self.tokens.push(SourceToken {
            kind,
            text,
            line: self.line,
            reach: self.reach(),
            place,
        });
        self.skip(length);
    }

    /// How long the token is that begins here; at least 1.
    fn token_length(&self) -> usize {
        let rest = self.rest();
        let first = self.byte(0);
        if first.is_ascii_digit() {
            return number_length(rest);
        }
        if is_word(first) {
            let length = rest
                .bytes()
                .position(|byte| !is_word(byte))
                .unwrap_or(rest.len());
            let is_prefix = matches!(
                rest.get(..length),
                Some("R" | "LR" | "uR" | "UR" | "u8R" | "L" | "u" | "U" | "u8")
            );
            let quote = self.byte(length);
            return match quote {
                b'"' if is_prefix
                    && self.byte(length - 1) == b'R'
                    && self.dialect == SourceDialect::Cpp =>
                {
                    length + raw_length(rest.get(length..).unwrap_or_default())
                }
                b'"' | b'\'' if is_prefix => {
                    length + text_length(rest.get(length..).unwrap_or_default(), quote)
                }
                _ => length,
            };
        }
        match first {
            b'"' | b'\'' => text_length(rest, first),
            b':' if self.byte(1) == b':' => 2,
            _ => 1,
        }
    }

    /// Reads a line that begins with `#`, with the lines that continue it.
    fn directive(&mut self) {
        let start = self.at;
        self.skip(1);
        self.blanks();
        let length = self
            .rest()
            .bytes()
            .position(|byte| !is_word(byte))
            .unwrap_or(self.text.len() - self.at);
        let name = self.rest().get(..length).unwrap_or_default();
        match name {
            "define" | "undef" | "error" => {
                let text = self.text.get(start..self.at + length).unwrap_or_default();
                self.tokens.push(SourceToken {
                    kind: TokenKind::Mark,
                    text,
                    line: self.line,
                    reach: self.reach(),
                    place: TokenContext::Code,
                });
                self.skip(length);
                self.definition(name);
            }
            "if" | "ifdef" | "ifndef" | "elif" | "elifdef" | "elifndef" | "else" | "endif" => {
                self.skip(length);
                let condition = self.line_without_comments();
                self.branch(name, condition.trim());
            }
            _ => drop(self.line_without_comments()),
        }
        self.is_line_start = true;
    }

    fn blanks(&mut self) {
        while let Some(length) = self.blank() {
            self.skip(length);
        }
    }

    /// The name that is defined stands in code, what it stands for in a macro.
    fn definition(&mut self, directive: &str) {
        let mut place = TokenContext::Code;
        loop {
            self.blanks();
            if self.at >= self.text.len() || self.byte(0) == b'\n' {
                return;
            }
            let length = self.token_length();
            if directive == "error" {
                self.skip(length)
            } else {
                self.push(length, place)
            }
            place = TokenContext::Macro;
        }
    }

    /// The rest of a directive's line.
    fn line_without_comments(&mut self) -> String {
        let mut line = String::new();
        while self.at < self.text.len() && self.byte(0) != b'\n' {
            if let Some(length) = self.blank() {
                line.push(' ');
                self.skip(length);
                continue;
            }
            let length = self.token_length();
            line.push_str(
                self.text
                    .get(self.at..self.at.saturating_add(length))
                    .unwrap_or_default(),
            );
            self.skip(length);
        }
        line
    }

    fn branch(&mut self, name: &str, condition: &str) {
        let answer = match name {
            "if" | "elif" => conditions::answer(condition),
            "ifdef" | "elifdef" => conditions::defined(condition),
            "ifndef" | "elifndef" => conditions::defined(condition).negated(),
            _ => ConditionAnswer::UNKNOWN,
        };
        match name {
            "if" | "ifdef" | "ifndef" => {
                let outer = self.reach();
                self.branches.push(PreprocessorBranches {
                    now: answer.within(outer),
                    rest: answer.negated().within(outer),
                });
            }
            "endif" => drop(self.branches.pop()),
            // Without an `#if` it is an error, and says nothing.
            _ => {
                let Some(branches) = self.branches.last_mut() else {
                    return;
                };
                let rest = branches.rest;
                *branches = if name == "else" {
                    PreprocessorBranches {
                        now: rest,
                        rest: VersionReach {
                            certain: 0,
                            possible: 0,
                        },
                    }
                } else {
                    PreprocessorBranches {
                        now: answer.within(rest),
                        rest: answer.negated().within(rest),
                    }
                };
            }
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Up to the end of the line, which a backslash moves to the next.
fn line_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_end = |at: &usize| {
        let before = text.get(..*at).unwrap_or_default().trim_end_matches('\r');
        bytes.get(*at) == Some(&b'\n') && !before.ends_with('\\')
    };
    text.match_indices('\n')
        .map(|(at, _)| at)
        .find(is_end)
        .unwrap_or(text.len())
}

/// A number, with the marks that may part its digits.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let next = bytes.get(length + 1).copied().unwrap_or(0);
        match byte {
            b'.' => length += 1,
            b'\'' if is_word(next) => length += 1,
            byte if is_word(*byte) => length += 1,
            _ => break,
        }
    }
    length
}

/// A string or character; without an end it ends with its line.
fn text_length(text: &str, quote: u8) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1 + usize::from(bytes.get(at + 1) == Some(&b'\r')),
            b'\n' => return at,
            byte if *byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// `"name(…)name"`
fn raw_length(text: &str) -> usize {
    // The name has at most 16 letters.
    let Some(length) = text.bytes().skip(1).take(17).position(|byte| byte == b'(') else {
        return 1;
    };
    let (Some(name), Some(rest)) = (text.get(1..=length), text.get(length + 2..)) else {
        return 1;
    };
    let end = format!("){name}\"");
    rest.find(&end)
        .map_or(text.len(), |at| length + 2 + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        let tokens = tokens(SourceDialect::Cpp, text);
        tokens
            .iter()
            .filter(|token| token.kind == TokenKind::Word && token.reach.possible != 0)
            .map(|it| it.text)
            .collect()
    }

    #[test]
    fn comments_and_strings_are_no_words() {
        let cases: [(&str, &[&str]); 12] = [
            ("#define", &[]),
            ("#if 1\na\n#else", &["a"]),
            ("a /* b */ c // d\ne", &["a", "c", "e"]),
            ("a // b \\\n c\nd", &["a", "d"]),
            ("\"a\\\"b\" c 'd' '\\'' e", &["c", "e"]),
            ("R\"x(a)\" b)x\" c", &["c"]),
            ("L\"a\" u8\"b\" c", &["c"]),
            ("1'000'000 a 0x1fu", &["1'000'000", "a", "0x1fu"]),
            ("don't\na", &["don", "a"]),
            ("#include <a.h>\nb", &["b"]),
            ("/* a", &[]),
            ("a\\\nb", &["a", "b"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text}");
        }
    }

    #[test]
    fn a_head_in_two_versions_has_one_body() {
        let head = "#if PY_MAJOR_VERSION >= 3\nPyMODINIT_FUNC PyInit_a(void)\n#else\nvoid inita(void)\n#endif\n{ b(); }";
        assert_eq!(words(head), ["PyMODINIT_FUNC", "PyInit_a", "void", "b"]);
        let two = "int f() {\n#if PY_MAJOR_VERSION < 3\n if (a) {\n#else\n if (b) {\n#endif\n c; }\n}\nint g;";
        assert_eq!(words(two), ["int", "f", "if", "b", "c", "int", "g"]);
        assert_eq!(
            words("#  if 0 /* x\n */\na\n# elif 1 // y\nb\n#else\nc\n#endif\n#endif\nd"),
            ["b", "d"]
        );
        assert_eq!(
            words("#if defined(Py_GIL_DISABLED) \\\n && PY_MAJOR_VERSION < 3\na\n#endif\nb"),
            ["b"]
        );
    }

    #[test]
    fn what_a_macro_stands_for_is_told_apart() {
        let found = tokens(
            SourceDialect::C,
            "#define A(x) b x\n#undef C\n# error \"d\" e\nf",
        );
        let words: Vec<(&str, TokenContext)> = found.iter().map(|it| (it.text, it.place)).collect();
        let (code, inner) = (TokenContext::Code, TokenContext::Macro);
        assert_eq!(
            words,
            [
                ("#define", code),
                ("A", code),
                ("(", inner),
                ("x", inner),
                (")", inner),
                ("b", inner),
                ("x", inner),
                ("#undef", code),
                ("C", code),
                ("# error", code),
                ("f", code),
            ]
        );
    }
}
