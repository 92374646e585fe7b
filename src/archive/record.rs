//! `RECORD`: which files a wheel installs, with their digests and sizes.
//!
//! <https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file>

use std::collections::HashMap;

use sha2::Digest as _;

use crate::model::digest::{Algorithm, Digest};

use super::error::MemberError;
use super::source::{RangeSource, SourceError, read_exactly};

/// How many lines are read.
const MOST_ROWS: usize = 200_000;
/// How much of a file is digested at a time, in bytes.
const PIECE: u64 = 1 << 20;

/// One line of `RECORD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// Path as written: relative to the folder that holds the `.dist-info`.
    pub path: String,
    /// Digest; `None` where none is given or its algorithm is not one that we compare.
    pub digest: Option<Digest>,
    /// Size in bytes, where given.
    pub size: Option<u64>,
}

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WheelRecord {
    rows: Vec<RecordRow>,
    paths: HashMap<String, usize>,
}

/// Why a `RECORD` cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The text is not UTF-8.
    #[error("not UTF-8 from byte {position} on")]
    Encoding {
        /// Where it ends to be.
        position: usize,
    },
    /// A line is wrong.
    #[error("line {line}: {why}")]
    Line {
        /// Line, from 1.
        line: usize,
        /// What was expected and what was found.
        why: String,
    },
}

impl WheelRecord {
    /// Reads the file.
    pub fn parse(bytes: &[u8]) -> Result<WheelRecord, RecordError> {
        let text = std::str::from_utf8(bytes).map_err(|error| RecordError::Encoding {
            position: error.valid_up_to(),
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut record = WheelRecord::default();
        let mut rest = text;
        let mut line = 1;
        while !rest.is_empty() {
            let start = line;
            let (fields, after) = csv_line(rest, &mut line).map_err(|why| RecordError::Line {
                line: start,
                why: why.to_owned(),
            })?;
            rest = after;
            if fields.iter().all(String::is_empty) {
                continue;
            }
            let row = row(fields).map_err(|why| RecordError::Line { line: start, why })?;
            // Of two lines with one path the first counts, as it does for installers that look paths up in order.
            record
                .paths
                .entry(row.path.clone())
                .or_insert(record.rows.len());
            if record.rows.len() == MOST_ROWS {
                return Err(RecordError::Line {
                    line: start,
                    why: format!("expected at most {MOST_ROWS} lines"),
                });
            }
            record.rows.push(row);
        }
        Ok(record)
    }

    /// The lines, in order.
    pub fn rows(&self) -> &[RecordRow] {
        &self.rows
    }

    /// The line of that path.
    pub fn row(&self, path: &str) -> Option<&RecordRow> {
        self.paths.get(path).and_then(|index| self.rows.get(*index))
    }

    /// Compares a file with its line. A file without a line or digest passes: there is nothing to compare.
    pub fn check(&self, path: &str, bytes: &[u8]) -> Result<(), MemberError> {
        let Some(row) = self.row(path) else {
            return Ok(());
        };
        let found = bytes.len() as u64;
        if let Some(expected) = row.size.filter(|size| *size != found) {
            return Err(MemberError::RecordedSize { expected, found });
        }
        let Some(expected) = &row.digest else {
            return Ok(());
        };
        let found = digest(expected.algorithm, bytes);
        if found == *expected {
            Ok(())
        } else {
            Err(MemberError::Digest {
                expected: expected.clone(),
                found,
            })
        }
    }
}

/// The digest of these bytes.
pub fn digest(algorithm: Algorithm, bytes: &[u8]) -> Digest {
    let hex = match algorithm {
        Algorithm::Sha256 => hexadecimal(&sha2::Sha256::digest(bytes)),
        Algorithm::Sha384 => hexadecimal(&sha2::Sha384::digest(bytes)),
        Algorithm::Sha512 => hexadecimal(&sha2::Sha512::digest(bytes)),
    };
    Digest { algorithm, hex }
}

/// The digests of these kinds of a file that is read from its start to its end.
pub fn digests(
    source: &dyn RangeSource,
    algorithms: &[Algorithm],
) -> Result<Vec<Digest>, SourceError> {
    let (mut sha256, mut sha384, mut sha512) = (
        sha2::Sha256::new(),
        sha2::Sha384::new(),
        sha2::Sha512::new(),
    );
    let mut position = 0;
    while position < source.size() {
        let end = position.saturating_add(PIECE).min(source.size());
        let piece = read_exactly(source, position..end)?;
        for algorithm in algorithms {
            match algorithm {
                Algorithm::Sha256 => sha256.update(&piece),
                Algorithm::Sha384 => sha384.update(&piece),
                Algorithm::Sha512 => sha512.update(&piece),
            }
        }
        position = end;
    }
    let digest = |algorithm: &Algorithm| {
        let hex = match algorithm {
            Algorithm::Sha256 => hexadecimal(&sha256.clone().finalize()),
            Algorithm::Sha384 => hexadecimal(&sha384.clone().finalize()),
            Algorithm::Sha512 => hexadecimal(&sha512.clone().finalize()),
        };
        Digest {
            algorithm: *algorithm,
            hex,
        }
    };
    Ok(algorithms.iter().map(digest).collect())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn row(fields: Vec<String>) -> Result<RecordRow, String> {
    let count = fields.len();
    let [path, digest, size]: [String; 3] = fields
        .try_into()
        .map_err(|_| format!("expected 3 fields (path, digest, size), found {count}"))?;
    let size = if size.is_empty() {
        None
    } else {
        Some(
            size.parse()
                .map_err(|_| format!("expected a size in bytes, found `{size}`"))?,
        )
    };
    Ok(RecordRow {
        path,
        digest: recorded_digest(&digest)?,
        size,
    })
}

/// `sha256=urlsafe-base64-without-padding`.
fn recorded_digest(field: &str) -> Result<Option<Digest>, String> {
    if field.is_empty() {
        return Ok(None);
    }
    let invalid =
        || format!("expected a digest like `sha256=…` in URL-safe base64, found `{field}`");
    let (name, value) = field.split_once('=').ok_or_else(invalid)?;
    let Some(algorithm) = Algorithm::from_name(name) else {
        return Ok(None);
    };
    let bytes = base64(value).ok_or_else(invalid)?;
    Digest::new(algorithm, &hexadecimal(&bytes))
        .map(Some)
        .ok_or_else(invalid)
}

/// URL-safe base64, with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0_u32);
    for letter in text.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// The fields of the first line of a CSV text, and the rest; `line` moves on by the lines taken.
fn csv_line<'a>(text: &'a str, line: &mut usize) -> Result<(Vec<String>, &'a str), &'static str> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut letters = text.char_indices().peekable();
    while let Some((position, letter)) = letters.next() {
        match letter {
            '"' if quoted && letters.peek().is_some_and(|(_, next)| *next == '"') => {
                field.push('"');
                letters.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\r' if !quoted && letters.peek().is_none_or(|(_, next)| *next == '\n') => {}
            '\n' if !quoted => {
                *line += 1;
                fields.push(field);
                return Ok((fields, text.get(position + 1..).unwrap_or_default()));
            }
            other => {
                *line += usize::from(other == '\n');
                field.push(other);
            }
        }
    }
    fields.push(field);
    if quoted {
        Err("a quote is not closed")
    } else {
        Ok((fields, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

    #[test]
    fn rows_are_read_with_quotes_and_any_line_end() {
        let text = format!("a.py,{EMPTY},0\r\n\"with,comma \"\"q\"\".py\",,\n\nlast,md5=00,7");
        let record = WheelRecord::parse(text.as_bytes()).unwrap();
        let paths: Vec<_> = record.rows().iter().map(|row| row.path.as_str()).collect();
        assert_eq!(paths, ["a.py", "with,comma \"q\".py", "last"]);
        assert_eq!(
            record.row("a.py").unwrap().digest,
            Some(digest(Algorithm::Sha256, b""))
        );
        assert_eq!(record.row("last").unwrap().digest, None);
        assert_eq!(record.row("last").unwrap().size, Some(7));
    }

    #[test]
    fn what_is_wrong_names_its_line() {
        let check = |text: &str, line: usize| match WheelRecord::parse(text.as_bytes()) {
            Err(RecordError::Line { line: found, .. }) => assert_eq!(found, line, "{text}"),
            other => panic!("{text}: {other:?}"),
        };
        check("a,,\nb,c\n", 2);
        check("a,,\n\"b,,\n", 2);
        check("\"a\nb\",,\nc,sha256=x,\n", 3);
        check("a,sha256,\n", 1);
        check("a,,many\n", 1);
        assert!(matches!(
            WheelRecord::parse(b"a\xff"),
            Err(RecordError::Encoding { position: 1 })
        ));
    }

    #[test]
    fn files_are_compared_with_their_line() {
        let record = WheelRecord::parse(format!("a,{EMPTY},0\nb,{EMPTY},\n").as_bytes()).unwrap();
        assert_eq!(record.check("a", b""), Ok(()));
        assert_eq!(record.check("unlisted", b"x"), Ok(()));
        assert_eq!(
            record.check("a", b"x"),
            Err(MemberError::RecordedSize {
                expected: 0,
                found: 1
            })
        );
        assert!(matches!(
            record.check("b", b"x"),
            Err(MemberError::Digest { .. })
        ));
    }
}
