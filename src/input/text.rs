//! Text that remembers where each character came from, through continuations, quotes and variables.

use std::ops::Range;
use std::rc::Rc;

use crate::model::place::Place;

/// Where a character stood.
#[derive(Clone, Debug, Default)]
pub(super) struct CharacterPosition {
    /// Line, from 1; `None` on the command line.
    pub(super) line: Option<u32>,
    /// Column in characters, from 1.
    pub(super) column: u32,
    /// The variable that put it there; the spot is then that of the variable's `$`.
    pub(super) variable: Option<Rc<str>>,
}

/// A piece of the input. Offsets are in bytes, as the grammar crates count.
#[derive(Clone, Debug)]
pub(super) struct InputText {
    file: Rc<str>,
    characters: String,
    /// One for each byte.
    spots: Vec<CharacterPosition>,
    end: CharacterPosition,
}

impl InputText {
    /// An empty text in this file; `end` is where its first character would stand.
    pub(super) fn new(file: &Rc<str>, end: CharacterPosition) -> InputText {
        InputText {
            file: Rc::clone(file),
            characters: String::new(),
            spots: Vec::new(),
            end,
        }
    }

    /// An argument of the command line.
    pub(super) fn typed(argument: &str) -> InputText {
        let mut text = InputText::new(
            &"command line".into(),
            CharacterPosition {
                column: 1,
                ..CharacterPosition::default()
            },
        );
        for (column, character) in (1..).zip(argument.chars()) {
            text.push(
                character,
                CharacterPosition {
                    column,
                    ..CharacterPosition::default()
                },
            );
        }
        text
    }

    /// Appends a character that stood at this spot.
    pub(super) fn push(&mut self, character: char, spot: CharacterPosition) {
        self.characters.push(character);
        self.end = CharacterPosition {
            column: spot.column.saturating_add(1),
            ..spot.clone()
        };
        self.spots.resize(self.characters.len(), spot);
    }

    pub(super) fn as_str(&self) -> &str {
        &self.characters
    }

    pub(super) fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }

    /// The characters with their spots.
    pub(super) fn characters(
        &self,
    ) -> impl DoubleEndedIterator<Item = (usize, char, &CharacterPosition)> {
        self.characters
            .char_indices()
            .filter_map(|(offset, character)| {
                self.spots.get(offset).map(|spot| (offset, character, spot))
            })
    }

    /// A part; empty when the range does not lie on borders of characters.
    pub(super) fn part(&self, range: Range<usize>) -> InputText {
        InputText {
            file: Rc::clone(&self.file),
            characters: self
                .characters
                .get(range.clone())
                .unwrap_or_default()
                .to_owned(),
            spots: self.spots.get(range.clone()).unwrap_or_default().to_vec(),
            end: self.spots.get(range.end).unwrap_or(&self.end).clone(),
        }
    }

    /// The same without white space at both ends.
    pub(super) fn trimmed(&self) -> InputText {
        let start = self.characters.len() - self.characters.trim_start_matches(is_space).len();
        self.part(start..self.characters.trim_end_matches(is_space).len().max(start))
    }

    /// The same with another text instead of a part; its characters take the spot of the part's first.
    pub(super) fn with(&self, range: Range<usize>, replacement: &str) -> InputText {
        let spot = self.spots.get(range.start).unwrap_or(&self.end).clone();
        let mut text = self.part(0..range.start);
        replacement
            .chars()
            .for_each(|character| text.push(character, spot.clone()));
        let rest = self.part(range.end..self.characters.len());
        rest.characters()
            .for_each(|(_, character, spot)| text.push(character, spot.clone()));
        text.end = self.end.clone();
        text
    }

    /// Where the byte at this offset came from.
    pub(super) fn place(&self, offset: usize) -> Place {
        let spot = self.spots.get(offset).unwrap_or(&self.end);
        Place {
            file: self.file.to_string(),
            line: spot.line,
            column: Some(spot.column),
        }
    }

    /// Whether nothing of it came from variables.
    pub(super) fn is_literal(&self) -> bool {
        self.spots.iter().all(|spot| spot.variable.is_none())
    }

    /// The text as it may be printed: variables by their names, URLs without credentials.
    pub(super) fn shown(&self) -> String {
        let mut shown = String::new();
        let mut last: Option<(Option<u32>, u32)> = None;
        for (_, character, spot) in self.characters() {
            let Some(variable) = &spot.variable else {
                shown.push(character);
                last = None;
                continue;
            };
            let place = (spot.line, spot.column);
            if last.replace(place) != Some(place) {
                shown.push_str(&format!("${{{variable}}}"));
            }
        }
        printable(&shown)
    }
}

/// Longest quotation in a message, in characters.
const LONGEST_QUOTATION: usize = 200;

/// The text as it may stand in a message: short, without control characters and credentials.
pub(super) fn printable(text: &str) -> String {
    let mut printable: String = without_credentials(text)
        .chars()
        .take(LONGEST_QUOTATION)
        .map(|character| {
            if character.is_control() && character != '\t' {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            }
        })
        .collect();
    if text.chars().nth(LONGEST_QUOTATION).is_some() {
        printable.push('…');
    }
    printable
}

/// What pip takes for white space, which is what Python's `str.strip` does.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}')
}

/// Replaces what stands between `://` and the last `@` of a server's name.
fn without_credentials(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut hidden = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let authority = piece
            .find(|c: char| matches!(c, '/' | '?' | '#' | '\\') || is_space(c))
            .unwrap_or(piece.len());
        let secret = piece
            .get(..authority)
            .and_then(|authority| authority.rfind('@'));
        hidden.push_str("://");
        hidden.push_str(if secret.is_some() { "****" } else { "" });
        hidden.push_str(piece.get(secret.unwrap_or(0)..).unwrap_or_default());
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_hidden_however_they_are_written() {
        let check =
            |text: &str, expected: &str| assert_eq!(InputText::typed(text).shown(), expected);
        check("https://me:secret@host/a", "https://****@host/a");
        check(
            "a @ git+ssh://git@host/b@main",
            "a @ git+ssh://****@host/b@main",
        );
        check(
            "https://tok@en@host https://b:c@d",
            "https://****@host https://****@d",
        );
        check("https://host/a@1", "https://host/a@1");
    }

    #[test]
    fn a_replaced_part_keeps_the_places_around_it() {
        let text = InputText::typed("a @ ./b ; c").with(4..7, "file:///home/b");
        assert_eq!(text.as_str(), "a @ file:///home/b ; c");
        assert_eq!(text.place(10).column, Some(5));
        assert_eq!(text.place(21).column, Some(11));
    }
}
