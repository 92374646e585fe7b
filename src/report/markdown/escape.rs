//! Text in Markdown that stays text: no emphasis, link, image, table cell, HTML, mention or reference comes out of it.
//!
//! Characters that mean something become character references, which cannot stand for structure:
//! <https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references>. GitHub looks for mentions and
//! references in the finished page, where those are characters again; an invisible space keeps them from being found.

use super::super::sanitize::harmless;
use super::super::text::shorten;

/// Longest text in a cell or an item, in characters.
const LONGEST: usize = 400;

/// Running text, cut in the middle when it is long. It must not begin a line.
pub(super) fn prose(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for character in shorten(&harmless(text), LONGEST).chars() {
        match character {
            '@' | '#' => written.push_str(&format!("&#{};&#8203;", u32::from(character))),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '|' | '~' | '!' | '$'
            | '&' => {
                written.push_str(&format!("&#{};", u32::from(character)));
            }
            _ => written.push(character),
        }
    }
    // What GitHub makes a link of, though nothing asks it to.
    written
        .replace("://", "&#58;//")
        .replace("www.", "www&#46;")
        .replace("GH-", "GH&#45;&#8203;")
}

/// A name or a path, set in the type of code. Backticks would do for one line, but not inside a table.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", prose(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_text_has_a_meaning() {
        for (text, written) in [
            ("numpy 2.5.5", "numpy 2.5.5"),
            ("a*b*_c_", "a&#42;b&#42;&#95;c&#95;"),
            ("`code` | cell", "&#96;code&#96; &#124; cell"),
            ("[a](https://x)", "&#91;a&#93;(https&#58;//x)"),
            ("![a](x)", "&#33;&#91;a&#93;(x)"),
            ("<img src=x>", "&#60;img src=x&#62;"),
            (
                "@octocat #12 GH-7",
                "&#64;&#8203;octocat &#35;&#8203;12 GH&#45;&#8203;7",
            ),
            ("www.example.org", "www&#46;example.org"),
            ("&lt;\\", "&#38;lt;&#92;"),
            ("a\nb\u{1b}[2J", "a&#92;nb&#92;u&#123;1b&#125;&#91;2J"),
        ] {
            assert_eq!(prose(text), written);
        }
        assert_eq!(code("a|b"), "<code>a&#124;b</code>");
    }
}
