//! Logical lines of a requirements file: continuations joined, comments cut off, variables put in.
//!
//! The order is pip's: a comment's line ends a continuation, and a variable's value can bring neither comments nor lines.
//! <https://pip.pypa.io/en/stable/reference/requirements-file-format/#structure>

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::rc::Rc;
use std::vec;

use super::text::{CharacterPosition, InputText, is_space};

/// The logical lines that are not empty, in order.
pub(super) fn logical_lines<'a>(
    content: &'a str,
    file: &Rc<str>,
    variables: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = InputText> + use<'a> {
    let joined = JoinedLines {
        file: Rc::clone(file),
        lines: physical_lines(content).into_iter().peekable(),
    };
    joined
        .map(|line| without_comment(&line).trimmed())
        .filter(|line| !line.is_empty())
        .map(|line| with_variables(&line, variables))
}

/// Lines with their numbers, split wherever Python's `str.splitlines` splits.
///
/// <https://docs.python.org/3/library/stdtypes.html#str.splitlines>
pub(super) fn physical_lines(content: &str) -> Vec<(u32, &str)> {
    let ends = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'
                ..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = content;
    let mut number: u32 = 1;
    while !rest.is_empty() {
        let (line, after) = match rest.find(ends) {
            Some(end) => rest.split_at(end),
            None => (rest, ""),
        };
        lines.push((number, line));
        rest = after.strip_prefix("\r\n").unwrap_or_else(|| {
            let mut characters = after.chars();
            characters.next();
            characters.as_str()
        });
        number = number.saturating_add(1);
    }
    lines
}

/// Joins a line that ends in `\` with the next.
struct JoinedLines<'a> {
    file: Rc<str>,
    lines: Peekable<vec::IntoIter<(u32, &'a str)>>,
}

impl Iterator for JoinedLines<'_> {
    type Item = InputText;

    fn next(&mut self) -> Option<InputText> {
        let (first, _) = self.lines.peek()?;
        let mut joined = InputText::new(
            &self.file,
            CharacterPosition {
                line: Some(*first),
                column: 1,
                variable: None,
            },
        );
        for (number, line) in self.lines.by_ref() {
            let is_comment = line.trim_start_matches(is_space).starts_with('#');
            let goes_on = line.ends_with('\\') && !is_comment;
            if is_comment {
                // So that the comment is seen as one, wherever the line before it ended.
                joined.push(
                    ' ',
                    CharacterPosition {
                        line: Some(number),
                        column: 1,
                        variable: None,
                    },
                );
            }
            // pip takes the backslashes off both ends of a line that goes on.
            let kept = if goes_on {
                line.trim_matches('\\')
            } else {
                line
            };
            let skipped = if goes_on {
                line.chars()
                    .take_while(|character| *character == '\\')
                    .count()
            } else {
                0
            };
            let first_column = u32::try_from(skipped).unwrap_or(u32::MAX).saturating_add(1);
            for (column, character) in (first_column..).zip(kept.chars()) {
                joined.push(
                    character,
                    CharacterPosition {
                        line: Some(number),
                        column,
                        variable: None,
                    },
                );
            }
            if !goes_on {
                break;
            }
        }
        Some(joined)
    }
}

/// Cuts the line at a `#` that begins it or follows white space.
fn without_comment(line: &InputText) -> InputText {
    let mut after_space = true;
    for (offset, character, _) in line.characters() {
        if character == '#' && after_space {
            return line.part(0..offset);
        }
        after_space = is_space(character);
    }
    line.clone()
}

/// Puts in the value of each `${NAME}` whose name is in capitals; what is not set, or empty, stays as it is.
fn with_variables(line: &InputText, variables: &BTreeMap<String, String>) -> InputText {
    let mut expanded = line.part(0..0);
    let mut skip_to = 0;
    for (offset, character, spot) in line.characters() {
        if offset < skip_to {
            continue;
        }
        match line
            .as_str()
            .get(offset..)
            .and_then(variable_name)
            .and_then(|name| variables.get_key_value(name))
        {
            Some((name, value)) if !value.is_empty() => {
                let name: Rc<str> = name.as_str().into();
                let spot = CharacterPosition {
                    variable: Some(Rc::clone(&name)),
                    ..spot.clone()
                };
                value
                    .chars()
                    .for_each(|character| expanded.push(character, spot.clone()));
                skip_to = offset + name.len() + "${}".len();
            }
            _ => expanded.push(character, spot.clone()),
        }
    }
    expanded
}

/// The name when the text begins with `${NAME}`.
fn variable_name(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("${")?;
    let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))?;
    let (name, after) = rest.split_at(end);
    (!name.is_empty() && after.starts_with('}')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &str, expected: &[&str]) {
        let variables = BTreeMap::from([
            ("HOST".into(), "host#1 #2".into()),
            ("EMPTY".into(), String::new()),
        ]);
        let lines = logical_lines(content, &"f".into(), &variables);
        let lines: Vec<String> = lines
            .map(|line| {
                format!(
                    "{} {}",
                    line.place(0).to_string().split_off(2),
                    line.as_str()
                )
            })
            .collect();
        assert_eq!(lines, expected, "{content:?}");
    }

    #[test]
    fn lines_are_joined_cut_and_filled() {
        check("", &[]);
        check("a\r\n\r\n  b # c\n#d", &["1:1 a", "3:3 b"]);
        check("a \\\n  b\\\n\nc", &["1:1 a   b", "4:1 c"]);
        check("a \\\n# b\\\nc", &["1:1 a", "3:1 c"]);
        check("a#b\n\tc\t#d", &["1:1 a#b", "2:2 c"]);
        check("a\\", &["1:1 a"]);
        check("\\\\a\\\nb", &["1:3 ab"]);
        check(
            "${HOST} ${EMPTY} ${UNSET} ${host} $HOST ${HOST",
            &["1:1 host#1 #2 ${EMPTY} ${UNSET} ${host} $HOST ${HOST"],
        );
        check("a\u{c}b\u{2028}c", &["1:1 a", "2:1 b", "3:1 c"]);
    }

    #[test]
    fn places_point_into_the_file() {
        let variables = BTreeMap::from([("HOST".into(), "longer".into())]);
        let line = logical_lines("ä ${HOST} \\\n b", &"f".into(), &variables)
            .next()
            .unwrap();
        assert_eq!(line.as_str(), "ä longer  b");
        let check = |found: &str, line_and_column| {
            let place = line.place(line.as_str().find(found).unwrap());
            assert_eq!(
                (place.line.unwrap(), place.column.unwrap()),
                line_and_column,
                "{found}"
            );
        };
        check("longer", (1, 3));
        check("nger", (1, 3));
        check("b", (2, 2));
        assert_eq!(line.shown(), "ä ${HOST}  b");
        assert_eq!(line.place(100).column, Some(3));
    }
}
