//! One member: its local header compared with the directory, its bytes unpacked and checked.

use std::io::{self, BufReader, Read};

use flate2::bufread::DeflateDecoder;
use rawzip::{CompressionMethod, ErrorKind, ReaderAt, ZipEntry, ZipLocalFileHeader};

use crate::archive::error::MemberError;
use crate::model::member::MemberEntry;

use super::directory::{DirectoryPart, locator};
use super::window::unwrap_source;

/// How much is reserved before the first byte has been unpacked.
const RESERVE: u64 = 1 << 20;
/// Packed bytes handed to the decoder at a time.
const CHUNK: usize = 64 << 10;
/// The longest name and extra field of a local header.
const VARIABLE: usize = 2 * u16::MAX as usize;

/// A member's unpacked bytes, size and CRC verified.
pub(super) fn unpack<R: ReaderAt>(
    reader: &R,
    file_size: u64,
    entry: &MemberEntry,
    part: &DirectoryPart,
) -> Result<Vec<u8>, MemberError> {
    with_data(reader, file_size, entry, part, |data| {
        let mut bytes =
            Vec::with_capacity(usize::try_from(entry.size.min(RESERVE)).unwrap_or_default());
        // One byte more than declared shows that there is more, without unpacking all of it.
        let limit = entry.size.saturating_add(1);
        let packed = BufReader::with_capacity(CHUNK, data);
        let used = if part.method == CompressionMethod::STORE {
            packed
                .take(limit)
                .read_to_end(&mut bytes)
                .map(|read| read as u64)
        } else {
            let mut decoder = DeflateDecoder::new(packed).take(limit);
            decoder
                .read_to_end(&mut bytes)
                .map(|_| decoder.into_inner().total_in())
        };
        let used = used.map_err(inflate_error)?;
        verify(entry, part, &bytes)?;
        if used != entry.compressed_size {
            return Err(MemberError::Leftover {
                expected: entry.compressed_size,
                found: used,
            });
        }
        Ok(bytes)
    })
}

/// The beginning of a member: what its first `packed` bytes give, at most `limit` bytes. Nothing of it can be verified.
pub(super) fn unpack_prefix<R: ReaderAt>(
    reader: &R,
    file_size: u64,
    (entry, part): (&MemberEntry, &DirectoryPart),
    packed: u64,
    limit: u64,
) -> Result<Vec<u8>, MemberError> {
    with_data(reader, file_size, entry, part, |data| {
        let mut bytes = Vec::new();
        let data = BufReader::with_capacity(CHUNK, data.take(packed));
        let outcome = if part.method == CompressionMethod::STORE {
            data.take(limit).read_to_end(&mut bytes)
        } else {
            DeflateDecoder::new(data)
                .take(limit)
                .read_to_end(&mut bytes)
        };
        match outcome {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(inflate_error(error)),
            _ => Ok(bytes),
        }
    })
}

/// Finds a member's packed bytes, after its local header has been compared with the directory.
fn with_data<R: ReaderAt, T>(
    reader: &R,
    file_size: u64,
    entry: &MemberEntry,
    part: &DirectoryPart,
    then: impl FnOnce(rawzip::ZipReader<&&R>) -> Result<T, MemberError>,
) -> Result<T, MemberError> {
    let mut buffer = vec![0; VARIABLE];
    let archive = locator()
        .locate_in_reader(reader, &mut buffer, file_size)
        .map_err(|(_, error)| header_error(error))?;
    let found = archive.get_entry(part.wayfinder).map_err(header_error)?;
    let local = found.local_header(&mut buffer).map_err(header_error)?;
    compare(entry, part, &local)?;
    check_end(&found, part)?;
    then(found.reader())
}

fn check_end<R: ReaderAt>(
    found: &ZipEntry<'_, R>,
    part: &DirectoryPart,
) -> Result<(), MemberError> {
    let (_, end) = found.compressed_data_range();
    if end > part.next {
        Err(MemberError::Overlap { other: part.next })
    } else {
        Ok(())
    }
}

fn compare(
    entry: &MemberEntry,
    part: &DirectoryPart,
    local: &ZipLocalFileHeader<'_>,
) -> Result<(), MemberError> {
    let expected = part.raw_path.as_deref().unwrap_or(entry.path.as_bytes());
    let local_path = local.file_path();
    let found: &[u8] = local_path.as_ref();
    if found != expected {
        let [expected, found] =
            [expected, found].map(|path| String::from_utf8_lossy(path).into_owned());
        return Err(MemberError::Contradiction {
            what: "path",
            expected,
            found,
        });
    }
    let contradiction = |what, expected: String, found: String| {
        Err(MemberError::Contradiction {
            what,
            expected,
            found,
        })
    };
    if local.compression_method() != part.method {
        return contradiction(
            "compression method",
            part.method.as_u16().to_string(),
            local.compression_method().as_u16().to_string(),
        );
    }
    if local.flags().is_encrypted() {
        return contradiction("encrypted", "no".into(), "yes".into());
    }
    let fields = [
        (
            "packed size",
            entry.compressed_size,
            local.compressed_size_hint(),
        ),
        ("size", entry.size, local.uncompressed_size_hint()),
        ("CRC-32", u64::from(part.crc), u64::from(local.crc32())),
    ];
    // With a data descriptor, the writer did not know them yet.
    let left_open = |value: u64| {
        local.flags().has_data_descriptor() && (value == 0 || value == u64::from(u32::MAX))
    };
    for (what, expected, found) in fields {
        if found != expected && !left_open(found) {
            return contradiction(what, expected.to_string(), found.to_string());
        }
    }
    if part.method == CompressionMethod::STORE && entry.size != entry.compressed_size {
        return contradiction(
            "stored size",
            entry.size.to_string(),
            entry.compressed_size.to_string(),
        );
    }
    Ok(())
}

fn verify(entry: &MemberEntry, part: &DirectoryPart, bytes: &[u8]) -> Result<(), MemberError> {
    let found = bytes.len() as u64;
    if found != entry.size {
        let found = if found > entry.size {
            "more".to_owned()
        } else {
            found.to_string()
        };
        return Err(MemberError::Size {
            expected: entry.size,
            found,
        });
    }
    let found = crc32fast::hash(bytes);
    if found == part.crc {
        Ok(())
    } else {
        Err(MemberError::Crc {
            expected: part.crc,
            found,
        })
    }
}

fn inflate_error(error: io::Error) -> MemberError {
    match unwrap_source(&error) {
        Some(error) => MemberError::Source(error),
        None => MemberError::Inflate {
            why: error.to_string(),
        },
    }
}

fn header_error(error: rawzip::Error) -> MemberError {
    match error.into_kind() {
        ErrorKind::IO(error) => match unwrap_source(&error) {
            Some(error) => MemberError::Source(error),
            None => MemberError::LocalHeader {
                why: error.to_string(),
            },
        },
        ErrorKind::InvalidSignature { expected, actual } => MemberError::LocalHeader {
            why: format!("its signature is {actual:08x}, expected {expected:08x}"),
        },
        other => MemberError::LocalHeader {
            why: rawzip::Error::from(other).to_string(),
        },
    }
}
