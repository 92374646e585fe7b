//! The only way from text to a requirement or a marker, for what users write and for what packages say of themselves.
//!
//! The grammar crate is guarded here against what it panics on, would never be done with, or would drop with a warning.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use pep508_rs::MarkerWarningKind;

use crate::model::name::{MarkerTree, Requirement};

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
/// Most conditions of a marker; the longest that `uv` writes for all platforms have some dozens.
const MOST_CONDITIONS: usize = 128;
/// How often a marker may double its decision diagram.
const MOST_DOUBLINGS: usize = 8;

/// Reads a PEP 508 requirement: the only way in, for requirement lines and for `Requires-Dist`.
///
/// The grammar crate panics on a name that ends in a separator (`a- >1`) and on some markers outside of ASCII, follows
/// brackets as deep as they go, and drops conditions that it does not understand with a mere warning, as if they were
/// true. Here all of these are errors.
pub fn requirement(text: &str) -> Result<Requirement, InvalidRequirement> {
    bounded(text)?;
    separators_within_names(text)?;
    let marker_start = text.find(';').unwrap_or(text.len());
    affordable(text.get(marker_start..).unwrap_or_default(), marker_start)?;
    match mask_for_parser(text, marker_start) {
        Cow::Borrowed(_) => parsed_requirement(text),
        Cow::Owned(harmless) => {
            parsed_requirement(&harmless).and_then(|_| parsed_requirement(text))
        }
    }
}

/// The text with other characters for what the grammar crate stumbles over when it finds an error: of a variable it would look
/// up the value in the process's environment, and in a marker it cuts through characters of several bytes.
/// What has no errors in it is safe.
fn mask_for_parser(text: &str, marker_start: usize) -> Cow<'_, str> {
    let (before, marker) = text.split_at_checked(marker_start).unwrap_or((text, ""));
    if !text.contains("${") && marker.is_ascii() {
        return Cow::Borrowed(text);
    }
    let letters = |character: char| {
        if character.is_ascii() {
            character.into()
        } else {
            "x".repeat(character.len_utf8())
        }
    };
    let marker: String = marker.chars().map(letters).collect();
    Cow::Owned(format!("{before}{marker}").replace("${", "$_"))
}

fn parsed_requirement(text: &str) -> Result<Requirement, InvalidRequirement> {
    let mut dropped = None;
    let parsed = Requirement::parse_reporter(text, "", &mut |kind, message| {
        note(&mut dropped, kind, message)
    });
    let requirement = parsed.map_err(|error| invalid(text, error.start, &error.message))?;
    match dropped {
        None => Ok(requirement),
        Some(why) => Err(InvalidRequirement {
            start: text.find(';').map_or(0, |semicolon| semicolon + 1),
            why,
        }),
    }
}

/// Reads the condition after a requirement's `;`, with the same care as [`requirement`].
pub fn marker(text: &str) -> Result<MarkerTree, InvalidRequirement> {
    bounded(text)?;
    affordable(text, 0)?;
    match mask_for_parser(text, 0) {
        Cow::Borrowed(_) => parsed_marker(text),
        Cow::Owned(harmless) => parsed_marker(&harmless).and_then(|_| parsed_marker(text)),
    }
}

fn parsed_marker(text: &str) -> Result<MarkerTree, InvalidRequirement> {
    let mut dropped = None;
    let parsed =
        MarkerTree::parse_reporter(text, &mut |kind, message| note(&mut dropped, kind, message));
    let marker = parsed.map_err(|error| invalid(text, error.start, &error.message))?;
    match dropped {
        None => Ok(marker),
        Some(why) => Err(InvalidRequirement { start: 0, why }),
    }
}

fn note(dropped: &mut Option<String>, kind: MarkerWarningKind, message: String) {
    if kind != MarkerWarningKind::DeprecatedMarkerName {
        dropped.get_or_insert_with(|| one_line(&message).replace(", will be ignored", ""));
    }
}

fn invalid(text: &str, start: usize, message: &impl std::fmt::Display) -> InvalidRequirement {
    let start = (0..=start.min(text.len()))
        .rev()
        .find(|start| text.is_char_boundary(*start))
        .unwrap_or(0);
    InvalidRequirement {
        start,
        why: one_line(&message.to_string()),
    }
}

/// The crates' messages run over several lines, with the text and a line of carets below.
fn one_line(message: &str) -> String {
    let words: Vec<&str> = message
        .split_whitespace()
        .filter(|word| !word.bytes().all(|byte| byte == b'^'))
        .collect();
    words.join(" ")
}

/// Refuses markers whose decision diagram could have more nodes than memory has room for.
///
/// The grammar crate gives each substring and each extra a variable of its own; mixed by `and` and `or` as in
/// `(a and b) or (c and d) or …`, each pair of them can double the diagram, and printing it takes far longer still.
fn affordable(marker: &str, start: usize) -> Result<(), InvalidRequirement> {
    let mut words = BTreeMap::new();
    let mut quote = None;
    let mut is_outside = |c: char| {
        match quote {
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            Some(_) => {}
            None => return c.is_ascii_alphanumeric() || c == '_',
        }
        false
    };
    for word in marker.split(|c| !is_outside(c)) {
        *words.entry(word).or_insert(0_usize) += 1;
    }
    let count = |word: &str| words.get(word).copied().unwrap_or(0);
    // uv repeats the extras of conflicting groups over and over: there are as many variables as there are names.
    let extras = count("extra").min(literals(marker).len());
    let doublings = count("and")
        .min(count("or"))
        .min((count("in") + extras) / 2);
    let conditions = count("and") + count("or") + 1;
    if doublings > MOST_DOUBLINGS || conditions > MOST_CONDITIONS {
        let why = format!(
            "expected a simpler marker, found {conditions} conditions that depend on each other"
        );
        return Err(InvalidRequirement { start, why });
    }
    Ok(())
}

/// What stands in quotes, each once.
fn literals(marker: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    let mut rest = marker;
    while let Some(start) = rest.find(['"', '\'']) {
        let (Some(quote), Some(after)) = (rest.get(start..=start), rest.get(start + 1..)) else {
            break;
        };
        let Some((literal, remaining)) = after.split_once(quote) else {
            break;
        };
        found.insert(literal);
        rest = remaining;
    }
    found
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
            return Err(InvalidRequirement {
                start,
                why: format!("expected at most {DEEPEST} nested brackets"),
            });
        }
    }
    Ok(())
}

/// Checks that no name and no extra ends in a separator.
fn separators_within_names(text: &str) -> Result<(), InvalidRequirement> {
    let names_end = text
        .find(['@', '(', '<', '=', '>', '~', '!', ';'])
        .unwrap_or(text.len());
    let mut characters = text
        .char_indices()
        .take_while(|(start, _)| *start < names_end)
        .peekable();
    let mut within = false;
    while let Some((start, character)) = characters.next() {
        let separator = matches!(character, '-' | '_' | '.');
        let follows = characters
            .peek()
            .is_some_and(|(_, next)| next.is_ascii_alphanumeric() || "-_.".contains(*next));
        if within && separator && !follows {
            let why =
                format!("expected a name that ends with a letter or a digit, found `{character}`");
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
        let nested = format!(
            "a; {}os_name == 'x'{}",
            "(".repeat(100_000),
            ")".repeat(100_000)
        );
        const MARKER: &str = "numpy ; python_version < \"3\" \"4%\"@ä";
        for text in [
            "a- >1",
            "a-[x]",
            "a[x-]",
            "a[x.,y]",
            "a_;os_name=='x'",
            "a-",
            "-",
            "",
            &nested,
            MARKER,
        ] {
            assert!(
                requirement(text).is_err(),
                "{}",
                text.chars().take(40).collect::<String>()
            );
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
    fn a_marker_that_would_never_be_done_is_an_error() {
        let pairs = |count: usize| {
            let pair =
                |i| format!("('and{i}' in platform_release and \"b'{i}\" in platform_version)");
            (0..count).map(pair).collect::<Vec<_>>().join(" or ")
        };
        assert!(marker(&pairs(8)).is_ok());
        assert!(marker(&pairs(10)).is_err());
        assert_eq!(
            requirement(&format!("a; {}", pairs(40))).unwrap_err().start,
            1
        );
        let any_extra = (0..100)
            .map(|i| format!("extra == 'e{i}'"))
            .collect::<Vec<_>>()
            .join(" or ");
        assert!(requirement(&format!("a; python_version > '3' and ({any_extra})")).is_ok());
    }

    #[test]
    fn conditions_on_the_same_few_extras_are_read() {
        // As uv writes them for groups that conflict with each other.
        let machine = |machine: &str| {
            let of = |group: &str| {
                format!(
                    "(platform_machine == '{machine}' and extra != 'group-{group}' and extra != 'group-c')"
                )
            };
            [of("a"), of("b")].join(" or ")
        };
        let machines: Vec<String> = [
            "AMD64", "WIN32", "aarch64", "amd64", "ppc64le", "win32", "x86_64",
        ]
        .map(machine)
        .into();
        let text = format!(
            "{} or (extra == 'group-a' and extra == 'group-b')",
            machines.join(" or ")
        );
        assert!(marker(&text).is_ok());
    }

    #[test]
    fn an_error_knows_its_place() {
        assert_eq!(requirement("numpy >> 1").unwrap_err().start, 6);
        assert_eq!(requirement("numpy[ä]").unwrap_err().start, 6);
    }
}
