//! A file as text whose offsets have lines, and TOML and JSON as typed data that knows its lines.

use std::ops::Range;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::InputFile;
use super::encoding::decode;
use super::error::InputError;
use super::text::{CharacterPosition, InputText, printable};
use crate::model::digest::{Algorithm, Digest};
use crate::model::name::{ExtraName, MarkerTree, PackageName, Version, VersionSpecifiers};
use crate::model::place::Place;
use crate::model::python_bound::PythonBound;
use crate::pep508;

/// A file's text. All that is read of it is wrong at a line, which the errors made here give.
pub(super) struct LinedDocument {
    shown: String,
    /// What kind of file it is, for errors.
    format: &'static str,
    text: String,
    /// Offsets at which lines begin.
    starts: Vec<usize>,
}

impl LinedDocument {
    /// Decodes the file's bytes.
    pub(super) fn new(file: &InputFile, format: &'static str) -> Result<LinedDocument, InputError> {
        let text = decode(&file.content, &file.shown, None)?;
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Ok(LinedDocument {
            shown: file.shown.clone(),
            format,
            text,
            starts,
        })
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// The line of the byte at this offset.
    pub(super) fn place(&self, offset: usize) -> Place {
        self.line(self.starts.partition_point(|start| *start <= offset))
    }

    /// The line and the column of the byte at this offset.
    pub(super) fn spot(&self, offset: usize) -> Place {
        let place = self.place(offset);
        let start = self.starts.get(
            self.starts
                .partition_point(|start| *start <= offset)
                .saturating_sub(1),
        );
        let before = self
            .text
            .get(start.copied().unwrap_or(0)..offset)
            .unwrap_or_default();
        Place {
            column: u32::try_from(before.chars().count() + 1).ok(),
            ..place
        }
    }

    /// A string of the file as text whose characters know where they stand. Those of a string with escapes all stand where
    /// it begins.
    pub(super) fn string(&self, value: &str, span: Range<usize>) -> InputText {
        let source = self.text.get(span.clone()).unwrap_or_default();
        let found = source.find(value).filter(|_| !value.is_empty());
        let begin = self.spot(span.start + found.unwrap_or(0));
        let mut spot = CharacterPosition {
            line: begin.line,
            column: begin.column.unwrap_or(1),
            variable: None,
        };
        let mut text = InputText::new(&self.shown.as_str().into(), spot.clone());
        for character in value.chars() {
            text.push(character, spot.clone());
            match (found, character) {
                (None, _) => {}
                (Some(_), '\n') => {
                    spot = CharacterPosition {
                        line: spot.line.map(|line| line.saturating_add(1)),
                        column: 1,
                        variable: None,
                    };
                }
                (Some(_), _) => spot.column = spot.column.saturating_add(1),
            }
        }
        text
    }

    /// The file's text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The line of this number, from 1.
    pub(super) fn line(&self, number: usize) -> Place {
        Place {
            file: self.shown.clone(),
            line: u32::try_from(number).ok(),
            column: None,
        }
    }

    /// The error for something wrong on a line.
    pub(super) fn wrong(&self, place: Place, why: &str) -> InputError {
        InputError::Malformed {
            place,
            format: self.format,
            why: printable(why),
        }
    }

    /// Reads the text as TOML.
    pub(super) fn toml<T: DeserializeOwned>(&self) -> Result<T, InputError> {
        toml::from_str(&self.text).map_err(|error| {
            let place = match error.span() {
                // What is missing is missing everywhere.
                None => self.line(1),
                Some(span) if span.start == 0 => self.line(1),
                Some(span) => self.spot(span.start),
            };
            self.wrong(place, &error.message().replace('\n', ", "))
        })
    }

    /// Reads the text as JSON. Parts that are left as [`RawValue`] have their line by [`LinedDocument::raw_place`].
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, InputError> {
        serde_json::from_str(&self.text).map_err(|error| {
            let column = u32::try_from(error.column())
                .ok()
                .filter(|column| *column > 0);
            self.wrong(
                Place {
                    column,
                    ..self.line(error.line().max(1))
                },
                &without_line(&error),
            )
        })
    }

    /// Reads the text as YAML.
    pub(super) fn yaml<T: DeserializeOwned>(&self) -> Result<T, InputError> {
        let options = serde_saphyr::options! { with_snippet: false };
        serde_saphyr::from_str_with_options(&self.text, options).map_err(|error| {
            let place = match error.location() {
                Some(location) => {
                    let line = usize::try_from(location.line()).unwrap_or(1).max(1);
                    let column = u32::try_from(location.column())
                        .ok()
                        .filter(|column| *column > 0);
                    Place {
                        column,
                        ..self.line(line)
                    }
                }
                None => self.line(1),
            };
            let text = error.to_string();
            // The place stands before the message already.
            self.wrong(
                place,
                text.find(" at line ")
                    .and_then(|end| text.get(..end))
                    .unwrap_or(&text),
            )
        })
    }

    /// The line on which a part of this text begins.
    pub(super) fn raw_place(&self, raw: &RawValue) -> Place {
        // A borrowed part is a slice of the text, so where it lies in memory says where it stands.
        self.place(
            raw.get()
                .as_ptr()
                .addr()
                .saturating_sub(self.text.as_ptr().addr()),
        )
    }

    /// The line of the byte at this offset of a part of this text.
    pub(super) fn raw_place_at(&self, raw: &RawValue, offset: usize) -> Place {
        self.place(
            raw.get()
                .as_ptr()
                .addr()
                .saturating_sub(self.text.as_ptr().addr())
                .saturating_add(offset),
        )
    }

    /// A string of YAML as text that knows where it stands.
    pub(super) fn yaml_string(&self, value: &serde_saphyr::Spanned<String>) -> InputText {
        let line = usize::try_from(value.defined.line()).unwrap_or(1).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let end = self.starts.get(line).copied().unwrap_or(self.text.len());
        let skipped = usize::try_from(value.defined.column())
            .unwrap_or(1)
            .saturating_sub(1);
        let before: usize = self
            .text
            .get(start..end)
            .unwrap_or_default()
            .chars()
            .take(skipped)
            .map(char::len_utf8)
            .sum();
        self.string(&value.value, start + before..end)
    }

    /// Reads a part of the text, left aside before.
    pub(super) fn part<'a, T: Deserialize<'a>>(&self, raw: &'a RawValue) -> Result<T, InputError> {
        serde_json::from_str(raw.get())
            .map_err(|error| self.wrong(self.raw_place(raw), &without_line(&error)))
    }

    pub(super) fn name(&self, text: &str, place: &Place) -> Result<PackageName, InputError> {
        // A name that ends in a separator makes the grammar crate panic in places; the requirement's reader knows.
        let parsed = pep508::requirement(text)
            .ok()
            .filter(|read| read.version_or_url.is_none() && read.extras.is_empty());
        let parsed = parsed.filter(|read| read.marker.is_true());
        parsed
            .map(|read| read.name)
            .ok_or_else(|| self.expected("the name of a package", text, place))
    }

    pub(super) fn version(&self, text: &str, place: &Place) -> Result<Version, InputError> {
        text.parse()
            .map_err(|_| self.expected("a version (PEP 440)", text, place))
    }

    pub(super) fn specifiers(
        &self,
        text: &str,
        place: &Place,
    ) -> Result<VersionSpecifiers, InputError> {
        text.parse()
            .map_err(|_| self.expected("version specifiers (PEP 440)", text, place))
    }

    /// Pythons that the file says it is made for.
    pub(super) fn pythons(&self, text: &str, place: Place) -> Result<PythonBound, InputError> {
        Ok(PythonBound {
            any_of: vec![self.specifiers(text, &place)?],
            shown: text.to_owned(),
            place,
        })
    }

    /// The name of a group or an extra.
    pub(super) fn label(&self, text: &str, place: &Place) -> Result<ExtraName, InputError> {
        text.parse()
            .map_err(|_| self.expected("the name of a group or an extra", text, place))
    }

    pub(super) fn marker(&self, text: &str, place: &Place) -> Result<MarkerTree, InputError> {
        pep508::marker(text).map_err(|error| {
            self.wrong(place.clone(), &format!("`{text}` is not a marker: {error}"))
        })
    }

    /// A digest written `sha256:…`. One of a kind that is not compared is `None`.
    pub(super) fn digest(&self, text: &str, place: &Place) -> Result<Option<Digest>, InputError> {
        let (algorithm, hex) = text.split_once(':').unwrap_or((text, ""));
        self.digest_of(algorithm, hex, place)
    }

    pub(super) fn digest_of(
        &self,
        algorithm: &str,
        hex: &str,
        place: &Place,
    ) -> Result<Option<Digest>, InputError> {
        let Some(algorithm) = Algorithm::from_name(algorithm) else {
            return Ok(None);
        };
        let digest = Digest::new(algorithm, hex);
        let wanted = || {
            format!(
                "{} hexadecimal digits of {}",
                algorithm.hex_length(),
                algorithm.name()
            )
        };
        digest
            .map(Some)
            .ok_or_else(|| self.expected(&wanted(), hex, place))
    }

    pub(super) fn expected(&self, expected: &str, found: &str, place: &Place) -> InputError {
        self.wrong(
            place.clone(),
            &format!("expected {expected}, found `{found}`"),
        )
    }
}

/// The error's words without its own position, which would be that within a part.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rfind(" at line ")
        .and_then(|end| text.get(..end))
        .unwrap_or(&text)
        .to_owned()
}
