//! How a page's links are kept in the cache: small, and quick to read back. A table holds what repeats; a URL that ends
//! in its file's name, as most do, is kept without it.

use std::collections::HashMap;
use std::sync::Arc;

use url::Url;

use super::simple::{PageLink, SimplePage};
use crate::model::artifact::MetadataFile;
use crate::model::digest::{Algorithm, Digest};
use crate::model::place::Location;

const HAS_SIZE: u8 = 1;
const HAS_YANKED: u8 = 2;
const HAS_METADATA: u8 = 4;
const HAS_METADATA_DIGEST: u8 = 8;
const ENDS_IN_NAME: u8 = 16;

/// Writes numbers and strings one after the other.
#[derive(Default)]
pub(super) struct CompactWriter {
    pub(super) bytes: Vec<u8>,
}

impl CompactWriter {
    /// Seven bits a byte, the lowest first; the eighth says that more follow.
    pub(super) fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn digest(&mut self, digest: &Digest) {
        self.bytes.push(match digest.algorithm {
            Algorithm::Sha256 => 0,
            Algorithm::Sha384 => 1,
            Algorithm::Sha512 => 2,
        });
        let digits = digest.hex.as_bytes();
        self.bytes
            .extend(digits.chunks_exact(2).map(|pair| match pair {
                [high, low] => nibble(*high) << 4 | nibble(*low),
                _ => 0,
            }));
    }
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => 0,
    }
}

/// Reads what a `Writer` wrote; everything is checked, as files on disk may be anything.
pub(super) struct CompactReader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> CompactReader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        std::str::from_utf8(self.bytes(length)?).ok()
    }

    fn digest(&mut self) -> Option<Digest> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let algorithm = match self.byte()? {
            0 => Algorithm::Sha256,
            1 => Algorithm::Sha384,
            2 => Algorithm::Sha512,
            _ => return None,
        };
        let raw = self.bytes(algorithm.hex_length() / 2)?;
        let mut hex = String::with_capacity(algorithm.hex_length());
        for byte in raw {
            for digit in [byte >> 4, byte & 15] {
                hex.push(char::from(*DIGITS.get(usize::from(digit))?));
            }
        }
        Some(Digest { algorithm, hex })
    }
}

/// A page's links as bytes. Links to files on this machine are never on a page that is cached.
pub(super) fn encode(page: &SimplePage, writer: &mut CompactWriter) {
    let mut table: Vec<&str> = Vec::new();
    let mut numbers: HashMap<&str, u64> = HashMap::new();
    for text in page
        .links
        .iter()
        .filter_map(|link| link.requires_python.as_deref())
    {
        numbers.entry(text).or_insert_with(|| {
            table.push(text);
            table.len() as u64
        });
    }
    writer.number(page.left_out);
    writer.number(table.len() as u64);
    table.iter().for_each(|text| writer.text(text));
    let links = page.links.iter().filter_map(|link| match &link.location {
        Location::Url(url) => Some((link, url)),
        Location::Path(_) => None,
    });
    writer.number(links.clone().count() as u64);
    for (link, url) in links {
        let python = link
            .requires_python
            .as_deref()
            .and_then(|text| numbers.get(text))
            .copied()
            .unwrap_or_default();
        encode_link(link, url, python, writer);
    }
}

fn encode_link(link: &PageLink, url: &Url, python: u64, writer: &mut CompactWriter) {
    let start = url.as_str().strip_suffix(link.filename.as_str());
    let metadata = match &link.metadata_file {
        MetadataFile::Unannounced => 0,
        MetadataFile::Announced(None) => HAS_METADATA,
        MetadataFile::Announced(Some(_)) => HAS_METADATA | HAS_METADATA_DIGEST,
    };
    let flag = |present: bool, flag: u8| if present { flag } else { 0 };
    writer.bytes.push(
        metadata
            | flag(link.size.is_some(), HAS_SIZE)
            | flag(link.yanked.is_some(), HAS_YANKED)
            | flag(start.is_some(), ENDS_IN_NAME),
    );
    writer.text(&link.filename);
    writer.text(start.unwrap_or(url.as_str()));
    writer.number(python);
    writer.number(link.digests.len() as u64);
    link.digests.iter().for_each(|digest| writer.digest(digest));
    if let Some(size) = link.size {
        writer.number(size);
    }
    if let Some(reason) = &link.yanked {
        writer.text(reason);
    }
    if let MetadataFile::Announced(Some(digest)) = &link.metadata_file {
        writer.digest(digest);
    }
}

/// The page that `encode` wrote; `None` when it did not write these bytes.
pub(super) fn decode(bytes: &[u8]) -> Option<SimplePage> {
    let mut reader = CompactReader { rest: bytes };
    let left_out = reader.number()?;
    let mut table: Vec<Arc<str>> = Vec::new();
    for _ in 0..reader.number()? {
        table.push(Arc::from(reader.text()?));
    }
    let count = usize::try_from(reader.number()?).ok()?;
    // A link takes five bytes at least, so this allocates no more than a multiple of what is there.
    let mut links = Vec::with_capacity(count.min(reader.rest.len() / 5));
    let mut url = String::new();
    for _ in 0..count {
        links.push(decode_link(&mut reader, &table, &mut url)?);
    }
    reader
        .rest
        .is_empty()
        .then_some(SimplePage { links, left_out })
}

fn decode_link(
    reader: &mut CompactReader<'_>,
    table: &[Arc<str>],
    url: &mut String,
) -> Option<PageLink> {
    let flags = reader.byte()?;
    let has = |flag: u8| flags & flag != 0;
    let filename = reader.text()?;
    url.clear();
    url.push_str(reader.text()?);
    if has(ENDS_IN_NAME) {
        url.push_str(filename);
    }
    let requires_python = match reader.number()? {
        0 => None,
        number => Some(Arc::clone(table.get(usize::try_from(number - 1).ok()?)?)),
    };
    let mut digests = Vec::new();
    for _ in 0..reader.number()? {
        digests.push(reader.digest()?);
    }
    let size = if has(HAS_SIZE) {
        Some(reader.number()?)
    } else {
        None
    };
    let yanked = if has(HAS_YANKED) {
        Some(reader.text()?.to_owned())
    } else {
        None
    };
    let digest = if has(HAS_METADATA_DIGEST) {
        Some(reader.digest()?)
    } else {
        None
    };
    let metadata_file = if has(HAS_METADATA) {
        MetadataFile::Announced(digest)
    } else {
        MetadataFile::Unannounced
    };
    Some(PageLink {
        filename: filename.to_owned(),
        location: Location::Url(Url::parse(url).ok()?),
        digests,
        size,
        requires_python,
        yanked,
        metadata_file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> SimplePage {
        let link = |filename: &str, url: &str| {
            PageLink::plain(filename.into(), Location::Url(url.parse().unwrap()))
        };
        let digest = Digest::new(Algorithm::Sha256, &"0123456789abcdef".repeat(4)).unwrap();
        let long = Digest::new(Algorithm::Sha512, &"fedcba9876543210".repeat(8)).unwrap();
        let mut full = link(
            "a-1.0+x-py3-none-any.whl",
            "https://host/a-1.0%2Bx-py3-none-any.whl",
        );
        full.digests = vec![digest.clone(), long];
        full.size = Some(u64::MAX);
        full.requires_python = Some(">=3.8".into());
        full.yanked = Some("broken".into());
        full.metadata_file = MetadataFile::Announced(Some(digest));
        let mut half = link("a-2.tar.gz", "https://host/x/a-2.tar.gz");
        half.requires_python = Some(">=3.8".into());
        half.metadata_file = MetadataFile::Announced(None);
        SimplePage {
            links: vec![full, half, link("a-3.zip", "https://host/a-3.zip?x=1")],
            left_out: 300,
        }
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for page in [page(), SimplePage::default()] {
            let mut writer = CompactWriter::default();
            encode(&page, &mut writer);
            assert_eq!(decode(&writer.bytes), Some(page));
        }
    }

    #[test]
    fn damage_is_noticed_or_harmless() {
        let mut writer = CompactWriter::default();
        encode(&page(), &mut writer);
        for length in 0..writer.bytes.len() {
            assert_eq!(decode(&writer.bytes[..length]), None);
        }
        for position in 0..writer.bytes.len() {
            for bit in 0..8 {
                let mut damaged = writer.bytes.clone();
                damaged[position] ^= 1 << bit;
                let _ = decode(&damaged);
            }
        }
    }
}
