//! Bytes of a requirements file into text, as pip does it: byte order mark, else a coding comment in the first two lines
//! (PEP 263), else UTF-8, else the encoding of the user's locale.
//!
//! <https://pip.pypa.io/en/stable/reference/requirements-file-format/#encoding>

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::error::InputError;
use crate::model::place::Place;

/// How to turn bytes into text.
#[derive(Clone, Copy)]
enum TextCodec {
    /// With a decoder of `encoding_rs`.
    Known(&'static Encoding),
    /// UTF-32, which `encoding_rs` leaves out.
    Utf32 { big_endian: bool },
    /// ISO 8859-1 to the letter; to `encoding_rs` the name means Windows-1252.
    Latin1,
    /// ASCII to the letter; to `encoding_rs` the name means Windows-1252.
    Ascii,
}

/// The marks, in the order in which they must be tried: that of UTF-16 begins that of UTF-32.
const MARKS: [(&[u8], TextCodec); 5] = [
    (b"\xef\xbb\xbf", TextCodec::Known(UTF_8)),
    (b"\xff\xfe\0\0", TextCodec::Utf32 { big_endian: false }),
    (b"\0\0\xfe\xff", TextCodec::Utf32 { big_endian: true }),
    (b"\xff\xfe", TextCodec::Known(UTF_16LE)),
    (b"\xfe\xff", TextCodec::Known(UTF_16BE)),
];

/// Decodes the file's content. `fallback` is the name of the locale's encoding, tried when UTF-8 does not fit.
pub(super) fn decode(
    bytes: &[u8],
    file: &str,
    fallback: Option<&str>,
) -> Result<String, InputError> {
    for (mark, codec) in MARKS {
        if let Some(rest) = bytes.strip_prefix(mark) {
            return decode_with(codec, rest, file);
        }
    }
    if let Some((line, name)) = coding_comment(bytes) {
        let place = Place {
            file: file.to_owned(),
            line: Some(line),
            column: None,
        };
        let codec = codec(&name).ok_or(InputError::UnknownEncoding { place, found: name })?;
        return decode_with(codec, bytes, file);
    }
    decode_with(TextCodec::Known(UTF_8), bytes, file).or_else(|error| {
        match fallback.and_then(codec) {
            Some(codec) => decode_with(codec, bytes, file),
            None => Err(error),
        }
    })
}

/// The encoding that a comment in the first two lines names, with the line's number.
///
/// <https://peps.python.org/pep-0263/>, but only where the line begins with `#`, as pip has it.
fn coding_comment(bytes: &[u8]) -> Option<(u32, String)> {
    (1..)
        .zip(bytes.split(|byte| *byte == b'\n').take(2))
        .find_map(|(number, line)| {
            let line: String = line
                .iter()
                .take(1024)
                .map(|byte| char::from(*byte))
                .collect();
            if !line.starts_with('#') {
                return None;
            }
            line.match_indices("coding").find_map(|(start, word)| {
                let rest = line
                    .get(start + word.len()..)?
                    .strip_prefix([':', '='])?
                    .trim_start();
                let name = rest
                    .split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
                    .next()?;
                (!name.is_empty()).then(|| (number, name.to_owned()))
            })
        })
}

/// The codec that Python would take for this name.
fn codec(name: &str) -> Option<TextCodec> {
    let name = name.to_ascii_lowercase().replace('_', "-");
    match name.as_str() {
        "latin-1" | "latin1" | "l1" | "latin" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" => {
            Some(TextCodec::Latin1)
        }
        "ascii" | "us-ascii" | "646" => Some(TextCodec::Ascii),
        "utf8" | "u8" | "utf" | "cp65001" | "utf-8-sig" => Some(TextCodec::Known(UTF_8)),
        _ => Encoding::for_label_no_replacement(name.as_bytes()).map(TextCodec::Known),
    }
}

fn decode_with(codec: TextCodec, bytes: &[u8], file: &str) -> Result<String, InputError> {
    let (name, decoded) = match codec {
        TextCodec::Known(encoding) => (encoding.name(), with_encoding(encoding, bytes)),
        TextCodec::Latin1 => (
            "Latin-1",
            Ok(bytes.iter().map(|byte| char::from(*byte)).collect()),
        ),
        TextCodec::Ascii => (
            "ASCII",
            one_by_one(
                bytes
                    .iter()
                    .map(|byte| byte.is_ascii().then_some(char::from(*byte))),
            ),
        ),
        TextCodec::Utf32 { big_endian } => ("UTF-32", one_by_one(utf32(bytes, big_endian))),
    };
    decoded.map_err(|before| InputError::Undecodable {
        place: Place::after(file, &before),
        encoding: name.to_owned(),
    })
}

/// The whole text, or the text before the first bytes that are none.
fn with_encoding(encoding: &'static Encoding, bytes: &[u8]) -> Result<String, String> {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::new();
    text.reserve(
        decoder
            .max_utf8_buffer_length_without_replacement(bytes.len())
            .unwrap_or(0),
    );
    match decoder.decode_to_string_without_replacement(bytes, &mut text, true) {
        (DecoderResult::InputEmpty, _) => Ok(text),
        (DecoderResult::OutputFull | DecoderResult::Malformed(..), _) => Err(text),
    }
}

fn one_by_one(characters: impl Iterator<Item = Option<char>>) -> Result<String, String> {
    let mut text = String::new();
    for character in characters {
        match character {
            Some(character) => text.push(character),
            None => return Err(text),
        }
    }
    Ok(text)
}

fn utf32(bytes: &[u8], big_endian: bool) -> impl Iterator<Item = Option<char>> {
    bytes.chunks(4).map(move |chunk| {
        let chunk: [u8; 4] = chunk.try_into().ok()?;
        char::from_u32(if big_endian {
            u32::from_be_bytes(chunk)
        } else {
            u32::from_le_bytes(chunk)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let decoded = decode(bytes, "f", None).unwrap_or_else(|error| error.to_string());
        assert_eq!(decoded, expected, "{bytes:?}");
    }

    #[test]
    fn marks_comments_and_utf8() {
        check(b"\xef\xbb\xbfa\xc3\xa4", "aä");
        check(b"\xff\xfea\0\xe4\0", "aä");
        check(b"\xfe\xff\0a\0\xe4", "aä");
        check(b"\xff\xfe\0\0a\0\0\0\xe4\0\0\0", "aä");
        check(b"\0\0\xfe\xff\0\0\0a", "a");
        check(
            b"# vim: set fileencoding=iso-8859-1 :\n\xe4\x80",
            "# vim: set fileencoding=iso-8859-1 :\nä\u{80}",
        );
        check(b"#!x\n# coding: cp1252\n\x80", "#!x\n# coding: cp1252\n€");
        check("a\nä".as_bytes(), "a\nä");
    }

    #[test]
    fn what_is_no_text_is_told_with_its_place() {
        check(
            b"a\nb\xc3\xa4\xff",
            "f:2:3: expected text in UTF-8, found bytes that are none",
        );
        check(
            b"\xff\xfe\0\0a\0\0",
            "f:1:1: expected text in UTF-32, found bytes that are none",
        );
        check(
            b"# coding: ascii\n\xe4",
            "f:2:1: expected text in ASCII, found bytes that are none",
        );
        check(
            b"# coding: klingon\n",
            "f:1: expected the name of an encoding, found `klingon`",
        );
        check(
            b"\n\n# coding: latin-1\n\xe4",
            "f:4:1: expected text in UTF-8, found bytes that are none",
        );
    }

    #[test]
    fn the_locale_is_the_last_resort() {
        assert_eq!(decode(b"\xe4", "f", Some("cp1252")), Ok("ä".into()));
        assert!(decode(b"\xe4", "f", Some("nonsense")).is_err());
    }
}
