//! Rust as tokens. A lexer and no parser: it reads every byte once, whatever the source is. What macros make of their tokens is not
//! followed.
//!
//! <https://doc.rust-lang.org/reference/tokens.html>

use crate::model::source::VersionReach;

use super::token::{SourceToken, TokenContext, TokenKind};

/// The longest escape in a character: `\u{10FFFF}`.
const LONGEST_ESCAPE: usize = 12;
/// The most `#` around a raw string.
const MOST_HASHES: usize = 255;

/// The tokens of a source; comments are gone.
pub(super) fn tokens(text: &str) -> Vec<SourceToken<'_>> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1_u32);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (kind, length) = lexeme(rest);
        let length = length.clamp(1, rest.len());
        // Lengths are those of whole characters, but for text that is cut by its end.
        let length = (length..=rest.len())
            .find(|end| rest.is_char_boundary(*end))
            .unwrap_or(rest.len());
        let found = rest.get(..length).unwrap_or_default();
        if let Some(kind) = kind {
            tokens.push(SourceToken {
                kind,
                text: found,
                line,
                reach: VersionReach::ALWAYS,
                place: TokenContext::Code,
            });
        }
        let lines = found.bytes().filter(|byte| *byte == b'\n').count();
        line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        at += length;
    }
    tokens
}

/// What begins here, and how long it is; no kind for blanks and comments.
fn lexeme(rest: &str) -> (Option<TokenKind>, usize) {
    let first = rest.chars().next().unwrap_or_default();
    match first {
        _ if first.is_whitespace() => (None, first.len_utf8()),
        '/' if rest.starts_with("//") => (None, rest.find('\n').unwrap_or(rest.len())),
        '/' if rest.starts_with("/*") => (None, comment_length(rest)),
        '"' => (Some(TokenKind::Text), text_length(rest)),
        '\'' => match character_length(rest) {
            Some(length) => (Some(TokenKind::Text), length),
            None => (Some(TokenKind::Mark), 1),
        },
        _ if is_word(first) => word(rest),
        ':' if rest.starts_with("::") => (Some(TokenKind::Mark), 2),
        _ => (Some(TokenKind::Mark), first.len_utf8()),
    }
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// A word or number, or the text of which it is the prefix: `b"…"`, `r#"…"#`, `br"…"`, `c"…"`, `b'…'`.
fn word(rest: &str) -> (Option<TokenKind>, usize) {
    let length = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
    let after = rest.get(length..).unwrap_or_default();
    match rest.get(..length) {
        Some("r" | "br" | "cr") => match raw_length(after) {
            Some(more) => (Some(TokenKind::Text), length + more),
            // `r#type`
            None => (Some(TokenKind::Word), length),
        },
        Some("b" | "c") if after.starts_with('"') => {
            (Some(TokenKind::Text), length + text_length(after))
        }
        Some("b") if after.starts_with('\'') => match character_length(after) {
            Some(more) => (Some(TokenKind::Text), length + more),
            None => (Some(TokenKind::Word), length),
        },
        _ => (Some(TokenKind::Word), length),
    }
}

/// A comment with those inside of it; without an end it ends with the file.
fn comment_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (2, 1_usize);
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"/*" => (at, depth) = (at + 2, depth + 1),
            b"*/" if depth == 1 => return at + 2,
            b"*/" => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
    }
    text.len()
}

fn text_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// `"…"` or `#"…"#`, after the `r`.
fn raw_length(text: &str) -> Option<usize> {
    let hashes = text
        .bytes()
        .take_while(|byte| *byte == b'#')
        .take(MOST_HASHES + 1)
        .count();
    if hashes > MOST_HASHES || text.as_bytes().get(hashes) != Some(&b'"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let inner = text.get(hashes + 1..)?;
    Some(
        inner
            .find(&end)
            .map_or(text.len(), |at| hashes + 1 + at + end.len()),
    )
}

/// `'a'`, `'\n'`; `None` for a lifetime.
fn character_length(text: &str) -> Option<usize> {
    let mut letters = text.char_indices().skip(1);
    match letters.next()? {
        (_, '\\') => {
            letters.next()?;
            let (end, _) = letters
                .take(LONGEST_ESCAPE)
                .find(|(_, letter)| *letter == '\'')?;
            Some(end + 1)
        }
        (_, '\'') => None,
        _ => letters
            .next()
            .filter(|(_, letter)| *letter == '\'')
            .map(|(end, _)| end + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_texts_and_comments_are_told_apart() {
        let cases: [(&str, &[&str]); 12] = [
            ("a // b\nc", &["a", "c"]),
            ("a /* b /* c */ d */ e", &["a", "e"]),
            ("\"a\\\"b\" c", &["\"a\\\"b\"", "c"]),
            (
                "r#\"a\" b\"# c r\"\\\" d",
                &["r#\"a\" b\"#", "c", "r\"\\\"", "d"],
            ),
            (
                "b\"a\" c\"b\" b'c' 'd' '\\'' '\\u{1F600}'",
                &["b\"a\"", "c\"b\"", "b'c'", "'d'", "'\\''", "'\\u{1F600}'"],
            ),
            ("&'a str", &["&", "'", "a", "str"]),
            ("a::b->c", &["a", "::", "b", "-", ">", "c"]),
            ("r#type", &["r", "#", "type"]),
            ("1_000u8", &["1_000u8"]),
            ("/* a", &[]),
            ("\"a", &["\"a"]),
            ("ä \u{1F600}", &["ä", "\u{1F600}"]),
        ];
        for (text, expected) in cases {
            assert_eq!(
                tokens(text)
                    .iter()
                    .map(|token| token.text)
                    .collect::<Vec<_>>(),
                expected,
                "{text}"
            );
        }
        assert_eq!(
            tokens("a\n\"b\n\"\nc")
                .iter()
                .map(|token| token.line)
                .collect::<Vec<_>>(),
            [1, 2, 4]
        );
    }
}
