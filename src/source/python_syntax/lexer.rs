//! Python as tokens, with the ends of lines and the beginnings and ends of blocks among them; comments are gone.
//!
//! <https://docs.python.org/3/reference/lexical_analysis.html>

use std::ops::Range;

use super::DEEPEST_BLOCK;

/// How far a tab moves on, at most.
const TAB: usize = 8;
/// Punctuation of several characters, the longest first.
const LONG_MARKS: [&str; 25] = [
    "**=", "//=", ">>=", "<<=", "...", "!=", "==", "<=", ">=", "->", "+=", "-=", "*=", "/=", "%=",
    "@=", "&=", "|=", "^=", ":=", "**", "//", "<<", ">>", "<>",
];

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PythonTokenKind {
    Word,
    Number,
    Text,
    Mark,
    /// The end of a logical line.
    LineEnd,
    BlockStart,
    BlockEnd,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PythonToken {
    pub(super) kind: PythonTokenKind,
    pub(super) range: Range<usize>,
    /// From 1.
    pub(super) line: u32,
}

struct PythonLexer<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    /// Brackets that are open.
    open: usize,
    /// Columns at which the open blocks begin.
    blocks: Vec<usize>,
    is_line_start: bool,
    tokens: Vec<PythonToken>,
}

/// The tokens of a file.
pub(super) fn tokens(text: &str) -> Vec<PythonToken> {
    let at = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let (blocks, tokens) = (Vec::new(), Vec::new());
    let mut lexer = PythonLexer {
        text,
        at,
        line: 1,
        open: 0,
        blocks,
        is_line_start: true,
        tokens,
    };
    while lexer.step() {}
    lexer.end();
    lexer.tokens
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

impl PythonLexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, kind: PythonTokenKind, length: usize) {
        let range = self.at..self.at + length;
        let lines = self
            .text
            .get(range.clone())
            .unwrap_or_default()
            .bytes()
            .filter(|byte| *byte == b'\n')
            .count();
        self.tokens.push(PythonToken {
            kind,
            range,
            line: self.line,
        });
        self.line = self
            .line
            .saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.at += length;
    }

    fn step(&mut self) -> bool {
        if self.is_line_start && self.open == 0 {
            self.begin_line();
        }
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return false;
        };
        match first {
            '\n' => self.end_line(),
            '#' => self.at += rest.find('\n').unwrap_or(rest.len()),
            '\\' if rest.starts_with("\\\n") || rest.starts_with("\\\r\n") => {
                self.at += rest.find('\n').unwrap_or(0) + 1;
                self.line = self.line.saturating_add(1);
            }
            _ if first.is_whitespace() || first.is_control() => self.at += first.len_utf8(),
            _ => {
                let (kind, length) = lexeme(rest, first);
                match rest.as_bytes().first() {
                    Some(b'(' | b'[' | b'{') => self.open += 1,
                    Some(b')' | b']' | b'}') => self.open = self.open.saturating_sub(1),
                    _ => {}
                }
                self.push(kind, length);
            }
        }
        true
    }

    /// Compares where a line begins with where the open blocks do.
    fn begin_line(&mut self) {
        let (mut column, mut length) = (0, 0);
        for byte in self.rest().bytes() {
            column = match byte {
                b' ' => column + 1,
                b'\t' => (column / TAB + 1) * TAB,
                b'\x0c' => 0,
                _ => break,
            };
            length += 1;
        }
        self.at += length;
        let rest = self.rest();
        if rest.is_empty() || rest.starts_with(['\n', '#']) || rest.starts_with("\r\n") {
            return;
        }
        self.is_line_start = false;
        while self.blocks.last().is_some_and(|block| column < *block) {
            self.blocks.pop();
            self.push(PythonTokenKind::BlockEnd, 0);
        }
        let deepest = self.blocks.last().copied().unwrap_or(0);
        if column > deepest && self.blocks.len() < DEEPEST_BLOCK {
            self.blocks.push(column);
            self.push(PythonTokenKind::BlockStart, 0);
        }
    }

    fn end_line(&mut self) {
        if self.open == 0 && !self.is_line_start {
            self.push(PythonTokenKind::LineEnd, 1);
            self.is_line_start = true;
        } else {
            self.at += 1;
            self.line = self.line.saturating_add(1);
        }
    }

    fn end(&mut self) {
        self.push(PythonTokenKind::LineEnd, 0);
        for _ in 0..self.blocks.len() {
            self.push(PythonTokenKind::BlockEnd, 0);
        }
    }
}

/// What begins here, and how long it is.
fn lexeme(rest: &str, first: char) -> (PythonTokenKind, usize) {
    if first.is_ascii_digit()
        || (first == '.' && rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit))
    {
        let is_part = |letter: char| is_word(letter) || letter == '.';
        return (
            PythonTokenKind::Number,
            rest.find(|letter| !is_part(letter)).unwrap_or(rest.len()),
        );
    }
    if is_word(first) {
        let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let is_prefix = length <= 2 && word.bytes().all(|byte| b"rRbBuUfFtT".contains(&byte));
        if is_prefix && after.starts_with(['"', '\'']) {
            return (PythonTokenKind::Text, length + text_length(after, word));
        }
        return (PythonTokenKind::Word, length);
    }
    if matches!(first, '"' | '\'') {
        return (PythonTokenKind::Text, text_length(rest, ""));
    }
    let long = LONG_MARKS.iter().find(|mark| rest.starts_with(**mark));
    (
        PythonTokenKind::Mark,
        long.map_or(first.len_utf8(), |mark| mark.len()),
    )
}

/// The length of a text from its quotation mark on. Without an end it ends with its line, or, in three marks, with the file.
fn text_length(text: &str, prefix: &str) -> usize {
    let bytes = text.as_bytes();
    let Some(quote) = bytes.first().copied() else {
        return 0;
    };
    let is_mark = |at: usize| bytes.get(at) == Some(&quote);
    let is_long = is_mark(1) && is_mark(2);
    let is_formatted = prefix.bytes().any(|byte| b"fFtT".contains(&byte));
    let mut at = if is_long { 3 } else { 1 };
    let mut braces = 0_usize;
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'\\' => at += 1,
            b'\n' if !is_long => return at,
            b'{' if is_formatted && braces == 0 && bytes.get(at + 1) == Some(&b'{') => at += 1,
            b'{' if is_formatted => braces += 1,
            b'}' if is_formatted => braces = braces.saturating_sub(1),
            // Whatever the mark, a text begins in it: from 3.12 on it may be that of the text around.
            b'"' | b'\'' if braces > 0 => {
                at += inner_length(bytes.get(at..).unwrap_or_default(), byte)
            }
            _ if byte == quote && !is_long => return at + 1,
            _ if byte == quote && is_mark(at + 1) && is_mark(at + 2) => return at + 3,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// How far behind its first mark a text inside of another one ends: at its second mark, or before the end of the line.
fn inner_length(bytes: &[u8], quote: u8) -> usize {
    let mut inner = bytes.iter().enumerate().skip(1);
    match inner.find(|(_, byte)| **byte == quote || **byte == b'\n') {
        Some((end, b'\n')) => end - 1,
        Some((end, _)) => end,
        None => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let word = |token: &PythonToken| match token.kind {
            PythonTokenKind::LineEnd => ";".to_owned(),
            PythonTokenKind::BlockStart => "{".to_owned(),
            PythonTokenKind::BlockEnd => "}".to_owned(),
            PythonTokenKind::Word
            | PythonTokenKind::Number
            | PythonTokenKind::Text
            | PythonTokenKind::Mark => text.get(token.range.clone()).unwrap_or_default().to_owned(),
        };
        tokens(text).iter().map(word).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lines_blocks_and_texts_are_told_apart() {
        for (text, expected) in [
            ("a = 1 # b\n", "a = 1 ; ;"),
            ("if a:\n  b\n\n  # c\n  d\ne", "if a : ; { b ; d ; } e ;"),
            ("if a:\n\tb", "if a : ; { b ; }"),
            ("f(a,\n  b)\nc", "f ( a , b ) ; c ;"),
            ("a \\\n + b", "a + b ;"),
            ("a = 'b\\'c' \"d\" rb'e'", "a = 'b\\'c' \"d\" rb'e' ;"),
            ("'''a\n'b''' c", "'''a\n'b''' c ;"),
            ("f'{a[\"b\"]}' c", "f'{a[\"b\"]}' c ;"),
            ("f\"{a[\"b\"]}\" c", "f\"{a[\"b\"]}\" c ;"),
            ("f'{{' c", "f'{{' c ;"),
            ("'a\nb", "'a ; b ;"),
            ("a **= 1.5e3 != b", "a **= 1.5e3 != b ;"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }
}
