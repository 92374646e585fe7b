//! HTML that cannot be broken out of: text becomes markup only by being escaped, names of elements and attributes are
//! constants.

use super::super::sanitize::harmless;

/// A piece of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HtmlMarkup(String);

/// Attributes of an element.
pub(super) type HtmlAttributes<'a> = &'a [(&'static str, &'a str)];

/// Elements that have neither content nor an end tag.
const VOID: &[&str] = &["col", "input", "link", "meta"];

impl HtmlMarkup {
    /// Nothing.
    pub(super) fn nothing() -> HtmlMarkup {
        HtmlMarkup::default()
    }

    /// What ungil itself wrote as HTML, CSS or JavaScript.
    pub(super) fn constant(html: &'static str) -> HtmlMarkup {
        HtmlMarkup(html.to_owned())
    }

    /// JSON as the content of a script element: nothing in it can end the element or a line.
    pub(super) fn json(json: &str) -> HtmlMarkup {
        let mut safe = String::with_capacity(json.len());
        for character in json.chars() {
            match character {
                // Outside of strings JSON has none of these.
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    safe.push_str(&format!("\\u{:04x}", u32::from(character)))
                }
                _ => safe.push(character),
            }
        }
        HtmlMarkup(safe)
    }

    /// Adds another piece.
    pub(super) fn add(&mut self, other: impl Into<HtmlMarkup>) {
        self.0.push_str(&other.into().0);
    }

    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of the page.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Text of others: harmless, and escaped.
impl From<&str> for HtmlMarkup {
    fn from(text: &str) -> HtmlMarkup {
        HtmlMarkup(escaped(text))
    }
}

impl From<String> for HtmlMarkup {
    fn from(text: String) -> HtmlMarkup {
        HtmlMarkup(escaped(&text))
    }
}

impl<const COUNT: usize> From<[HtmlMarkup; COUNT]> for HtmlMarkup {
    fn from(parts: [HtmlMarkup; COUNT]) -> HtmlMarkup {
        parts.into_iter().collect()
    }
}

impl FromIterator<HtmlMarkup> for HtmlMarkup {
    fn from_iter<Parts: IntoIterator<Item = HtmlMarkup>>(parts: Parts) -> HtmlMarkup {
        HtmlMarkup(parts.into_iter().map(|part| part.0).collect())
    }
}

/// An element.
pub(super) fn element(
    name: &'static str,
    attributes: HtmlAttributes<'_>,
    content: impl Into<HtmlMarkup>,
) -> HtmlMarkup {
    let mut html = format!("<{name}");
    for (attribute, value) in attributes {
        html.push(' ');
        html.push_str(attribute);
        if !value.is_empty() {
            html.push_str(&format!("=\"{}\"", escaped(value)));
        }
    }
    html.push('>');
    if !VOID.contains(&name) {
        html.push_str(&content.into().0);
        html.push_str(&format!("</{name}>"));
    }
    HtmlMarkup(html)
}

/// Every part in an element of its own.
pub(super) fn each<Part: Into<HtmlMarkup>>(
    name: &'static str,
    parts: impl IntoIterator<Item = Part>,
) -> HtmlMarkup {
    parts
        .into_iter()
        .map(|part| element(name, &[], part))
        .collect()
}

fn escaped(text: &str) -> String {
    let text = harmless(text);
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(character),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        for (text, html) in [
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
            ),
            ("a & b", "a &amp; b"),
            ("\" onload='x'", "&quot; onload=&#39;x&#39;"),
            ("\u{202e}gpj.so\u{0}", "\\u{202e}gpj.so\\u{0}"),
            ("https://me:s3cret@host/", "https://****@host/"),
            ("naïve 数", "naïve 数"),
        ] {
            assert_eq!(HtmlMarkup::from(text).into_string(), html);
            let attribute = element("p", &[("title", text)], "").into_string();
            assert_eq!(attribute, format!("<p title=\"{html}\"></p>"));
        }
    }

    #[test]
    fn json_cannot_end_its_script() {
        let json = serde_json::to_string(&["</script><!--<script>", "a\u{2028}b", "&lt;"]).unwrap();
        let safe = HtmlMarkup::json(&json).into_string();
        assert!(!safe.contains(['<', '>', '&', '\u{2028}']), "{safe}");
        assert_eq!(
            serde_json::from_str::<Vec<String>>(&safe).unwrap(),
            ["</script><!--<script>", "a\u{2028}b", "&lt;"]
        );
    }

    #[test]
    fn void_elements_have_no_end() {
        assert_eq!(
            element("input", &[("hidden", "")], "").into_string(),
            "<input hidden>"
        );
        assert_eq!(
            each("li", ["a", "<"]).into_string(),
            "<li>a</li><li>&lt;</li>"
        );
    }
}
