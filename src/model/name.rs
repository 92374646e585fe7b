//! Names and versions, as PEP 503, PEP 440 and PEP 508 define them.
//!
//! The types are those of the grammar crates; naming them here keeps the rest of the code free of their paths.

pub use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};
use pep508_rs::MarkerWarningKind;
pub use pep508_rs::{ExtraName, MarkerTree, PackageName};

/// A PEP 508 requirement whose URL, when it has one, is absolute.
pub type Requirement = pep508_rs::Requirement<url::Url>;

/// Why a text is not a requirement or a marker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidRequirement {
    /// Where in the text, in bytes from its start; always on the border of a character.
    pub start: usize,
    /// What was expected and what was found, in one line.
    pub why: String,
}

/// Longest requirement that is looked at, in bytes: hundreds of markers fit.
const LONGEST: usize = 16 * 1024;
/// Deepest nesting of brackets: the grammar crate calls itself once for each.
const DEEPEST: usize = 32;

/// Reads a PEP 508 requirement: the only way in, for requirement lines and for `Requires-Dist`.
///
/// The grammar crate panics on a name that ends in a separator (`a- >1`), follows brackets as deep as they go, and drops
/// conditions that it does not understand with a mere warning, as if they were true. Here all three are errors.
pub fn requirement(text: &str) -> Result<Requirement, InvalidRequirement> {
    bounded(text)?;
    separators_within_names(text)?;
    let mut dropped = None;
    let parsed = Requirement::parse_reporter(text, "", &mut |kind, message| note(&mut dropped, kind, message));
    let requirement = parsed.map_err(|error| invalid(text, error.start, &error.message))?;
    match dropped {
        None => Ok(requirement),
        Some(why) => Err(InvalidRequirement { start: text.find(';').map_or(0, |semicolon| semicolon + 1), why }),
    }
}

/// Reads the condition after a requirement's `;`, with the same care as [`requirement`].
pub fn marker(text: &str) -> Result<MarkerTree, InvalidRequirement> {
    bounded(text)?;
    let mut dropped = None;
    let parsed = MarkerTree::parse_reporter(text, &mut |kind, message| note(&mut dropped, kind, message));
    let marker = parsed.map_err(|error| invalid(text, error.start, &error.message))?;
    match dropped {
        None => Ok(marker),
        Some(why) => Err(InvalidRequirement { start: 0, why }),
    }
}

fn note(dropped: &mut Option<String>, kind: MarkerWarningKind, message: String) {
    if kind != MarkerWarningKind::DeprecatedMarkerName {
        dropped.get_or_insert(one_line(&message));
    }
}

fn invalid(text: &str, start: usize, message: &impl std::fmt::Display) -> InvalidRequirement {
    let start = (0..=start.min(text.len())).rev().find(|start| text.is_char_boundary(*start)).unwrap_or(0);
    InvalidRequirement { start, why: one_line(&message.to_string()) }
}

/// The crates' messages run over several lines, with the text and a line of carets below.
fn one_line(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().filter(|word| !word.bytes().all(|byte| byte == b'^')).collect();
    words.join(" ")
}

fn bounded(text: &str) -> Result<(), InvalidRequirement> {
    if text.len() > LONGEST {
        let why = format!("expected at most {LONGEST} bytes, found {}", text.len());
        return Err(InvalidRequirement { start: 0, why });
    }
    let mut depth = 0_usize;
    for (start, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(InvalidRequirement { start, why: format!("expected at most {DEEPEST} nested brackets") });
        }
    }
    Ok(())
}

/// Checks that no name and no extra ends in a separator.
fn separators_within_names(text: &str) -> Result<(), InvalidRequirement> {
    let names_end = text.find(['@', '(', '<', '=', '>', '~', '!', ';']).unwrap_or(text.len());
    let mut characters = text.char_indices().take_while(|(start, _)| *start < names_end).peekable();
    let mut within = false;
    while let Some((start, character)) = characters.next() {
        let separator = matches!(character, '-' | '_' | '.');
        let follows = characters.peek().is_some_and(|(_, next)| next.is_ascii_alphanumeric() || "-_.".contains(*next));
        if within && separator && !follows {
            let why = format!("expected a name that ends with a letter or a digit, found `{character}`");
            return Err(InvalidRequirement { start, why });
        }
        within = separator || character.is_ascii_alphanumeric();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_grammar_crate_would_panic_on_is_an_error() {
        let nested = format!("a; {}os_name == 'x'{}", "(".repeat(100_000), ")".repeat(100_000));
        for text in ["a- >1", "a-[x]", "a[x-]", "a[x.,y]", "a_;os_name=='x'", "a-", "-", "", &nested] {
            assert!(requirement(text).is_err(), "{}", text.chars().take(40).collect::<String>());
        }
    }

    #[test]
    fn a_condition_that_is_not_understood_is_an_error() {
        let error = requirement("a; python_version == os_name").unwrap_err();
        assert_eq!(error.start, 2);
        assert!(!error.why.contains('\n'), "{}", error.why);
        assert!(marker("'3.9' == '3.9'").is_err());
        assert!(marker("os.name == 'nt'").is_ok(), "an old name for os_name");
    }

    #[test]
    fn an_error_knows_its_place() {
        assert_eq!(requirement("numpy >> 1").unwrap_err().start, 6);
        assert_eq!(requirement("numpy[ä]").unwrap_err().start, 6);
    }
}
