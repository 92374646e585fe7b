//! Text from wheels and indexes made harmless: a file name must not be able to clear the screen, recolour the verdict
//! or turn a line around.

use std::borrow::Cow;
use std::fmt::Write;

/// Longest text that is shown, in characters: more is not read by anybody, and may be there to bury the rest.
const LONGEST: usize = 2_000;

/// The text as it may be printed: what a terminal would obey, or a reader would not see, is spelled out; credentials in
/// URLs are masked; what is too long is cut.
pub fn harmless(text: &str) -> String {
    let text = without_credentials(text);
    let mut safe = String::with_capacity(text.len().min(LONGEST));
    for (count, character) in text.chars().enumerate() {
        if count == LONGEST {
            safe.push('…');
            break;
        }
        // GitHub's runner takes `##[…]` for a command, wherever in a line of the log it stands.
        if character == '[' && safe.ends_with("##") {
            safe.push_str("\\u{5b}");
        } else {
            push(&mut safe, character);
        }
    }
    safe
}

/// A line that may go to the log of a job: GitHub's runner takes a line that starts with `::` for a command.
pub(super) fn without_command(line: &str) -> Cow<'_, str> {
    let rest = line.trim_start();
    match rest.strip_prefix("::") {
        Some(rest_of_it) => {
            let indent = line.len() - rest.len();
            Cow::Owned(format!("{}\\u{{3a}}:{rest_of_it}", " ".repeat(indent)))
        }
        None => Cow::Borrowed(line),
    }
}

fn push(safe: &mut String, character: char) {
    match character {
        '\n' => safe.push_str("\\n"),
        '\r' => safe.push_str("\\r"),
        '\t' => safe.push_str("\\t"),
        _ if is_dangerous(character) => {
            // Writing to a String cannot fail.
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
        }
        _ => safe.push(character),
    }
}

/// Whether a terminal would obey the character, or a reader be misled by it.
pub(super) fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}'                       // soft hyphen
            | '\u{34f}'                    // combining grapheme joiner
            | '\u{61c}'                    // Arabic letter mark
            | '\u{115f}' | '\u{1160}'      // Hangul fillers
            | '\u{17b4}' | '\u{17b5}'      // invisible Khmer vowels
            | '\u{180b}'..='\u{180f}'      // Mongolian selectors
            | '\u{200b}'..='\u{200f}'      // zero width, left-to-right and right-to-left marks
            | '\u{2028}'..='\u{202e}'      // separators, embeddings and overrides
            | '\u{2060}'..='\u{206f}'      // invisible operators, isolates
            | '\u{3164}' | '\u{ffa0}'      // Hangul fillers
            | '\u{fe00}'..='\u{fe0f}'      // variation selectors
            | '\u{feff}'                   // byte order mark
            | '\u{fff0}'..='\u{fffb}'      // interlinear annotation
            | '\u{fffe}' | '\u{ffff}'      // no characters; XML forbids them
            | '\u{e0000}'..='\u{e0fff}') // tags, further variation selectors
}

/// The text with `user:password@` after each `://` masked.
pub(super) fn without_credentials(text: &str) -> Cow<'_, str> {
    if !text.contains("://") || !text.contains('@') {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        masked.push_str(before);
        masked.push_str("://");
        let ends = |character: char| {
            character.is_whitespace() || matches!(character, '/' | '?' | '#' | '"' | '\'' | '`')
        };
        let (authority, tail) = after.split_at(after.find(ends).unwrap_or(after.len()));
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                masked.push_str("****@");
                masked.push_str(host);
            }
            None => masked.push_str(authority),
        }
        rest = tail;
    }
    masked.push_str(rest);
    Cow::Owned(masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out() {
        for (hostile, shown) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\u{9b}31mb", "a\\u{9b}31mb"),
            ("bel\u{7}del\u{7f}", "bel\\u{7}del\\u{7f}"),
            ("line\r\nnext\tx", "line\\r\\nnext\\tx"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("##[group]x ##", "##\\u{5b}group]x ##"),
            ("naïve 数 ✓", "naïve 数 ✓"),
        ] {
            assert_eq!(harmless(hostile), shown);
        }
    }

    #[test]
    fn credentials_are_masked_wherever_a_url_stands() {
        for (told, shown) in [
            ("https://pypi.org/simple/", "https://pypi.org/simple/"),
            (
                "https://me:secret@pypi.org/simple/: 401",
                "https://****@pypi.org/simple/: 401",
            ),
            (
                "from http://t0ken@a.example to https://u:p@ss@b.example/x",
                "from http://****@a.example to https://****@b.example/x",
            ),
            ("a://b @ c", "a://b @ c"),
            ("user@example.org", "user@example.org"),
        ] {
            assert_eq!(without_credentials(told), shown);
        }
    }

    #[test]
    fn no_line_is_a_command() {
        for (line, shown) in [
            ("::error::x", "\\u{3a}:error::x"),
            ("  ::x", "  \\u{3a}:x"),
            ("std::move", "std::move"),
            ("", ""),
        ] {
            assert_eq!(without_command(line), shown);
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        assert_eq!(
            harmless(&"x".repeat(LONGEST + 50)).chars().count(),
            LONGEST + 1
        );
    }
}
