//! A tar file's entries one after the other: long names are put together, and no length is believed before it is read.

use std::io::{self, Read};
use std::ops::ControlFlow;

use tar::{Entries, EntryType, Header, PaxExtensions};

/// The longest name behind an extension header, in bytes.
const NAME_BYTES: u64 = 64 << 10;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TarEntryKind {
    /// A file with bytes of its own.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Symlink,
    /// Another name of a file that stands before it.
    Hardlink,
    /// Anything else: devices, pipes, files with holes.
    Other,
}

/// One entry, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TarEntry {
    /// Path as written; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// What it is.
    pub kind: TarEntryKind,
    /// Where a link leads, as written; empty for all else.
    pub link: String,
    /// Size in bytes, as the header states it.
    pub size: u64,
    /// Where its bytes begin, counted from the beginning of the tar file.
    pub offset: u64,
}

/// Why entries cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum TarError {
    /// The bytes could not be had, or are no tar file's.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// A name is too long.
    #[error("a name of {found} bytes; expected at most {limit}")]
    Name {
        /// Its length in bytes.
        found: u64,
        /// The limit.
        limit: u64,
    },
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TarWalkEnd {
    /// Every entry was visited.
    Complete,
    /// The visitor had enough.
    Stopped,
    /// There are more entries than were to be visited.
    TooMany,
}

/// What to do with one entry and its bytes.
pub type TarEntryVisit<'a, E> =
    dyn FnMut(&TarEntry, &mut dyn Read) -> Result<ControlFlow<()>, E> + 'a;

/// Visits at most so many entries.
pub fn walk<R: Read, E: From<TarError>>(
    entries: Entries<'_, R>,
    most: usize,
    visit: &mut TarEntryVisit<'_, E>,
) -> Result<TarWalkEnd, E> {
    let mut long = LongNames::default();
    // Raw, because otherwise a name's length is believed before it is read.
    for (count, entry) in entries.raw(true).enumerate() {
        if count >= most {
            return Ok(TarWalkEnd::TooMany);
        }
        let mut entry = entry.map_err(TarError::Read)?;
        let kind = entry.header().entry_type();
        if matches!(
            kind,
            EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader
        ) {
            if entry.size() > NAME_BYTES {
                return Err(TarError::Name {
                    found: entry.size(),
                    limit: NAME_BYTES,
                }
                .into());
            }
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(TarError::Read)?;
            long.meet(kind, &bytes);
            continue;
        }
        let LongNames { path, link } = std::mem::take(&mut long);
        let met = TarEntry {
            path: path.unwrap_or_else(|| text(&entry.header().path_bytes())),
            kind: kind_of(kind),
            link: link.unwrap_or_else(|| short_link(entry.header())),
            size: entry.size(),
            offset: entry.raw_file_position(),
        };
        if visit(&met, &mut entry)?.is_break() {
            return Ok(TarWalkEnd::Stopped);
        }
    }
    Ok(TarWalkEnd::Complete)
}

fn kind_of(kind: EntryType) -> TarEntryKind {
    match kind {
        EntryType::Directory => TarEntryKind::Folder,
        EntryType::Symlink => TarEntryKind::Symlink,
        EntryType::Link => TarEntryKind::Hardlink,
        kind if kind.is_file() => TarEntryKind::File,
        _ => TarEntryKind::Other,
    }
}

/// What extension headers say of the entry that follows them.
#[derive(Default)]
struct LongNames {
    path: Option<String>,
    link: Option<String>,
}

impl LongNames {
    fn meet(&mut self, kind: EntryType, bytes: &[u8]) {
        let before_zero = || bytes.split(|byte| *byte == 0).next().map(text);
        match kind {
            EntryType::GNULongName => self.path = before_zero().or(self.path.take()),
            EntryType::GNULongLink => self.link = before_zero().or(self.link.take()),
            _ => {
                for extension in PaxExtensions::new(bytes).filter_map(Result::ok) {
                    match extension.key_bytes() {
                        b"path" => self.path = Some(text(extension.value_bytes())),
                        b"linkpath" => self.link = Some(text(extension.value_bytes())),
                        _ => {}
                    }
                }
            }
        }
    }
}

fn short_link(header: &Header) -> String {
    header
        .link_name_bytes()
        .map(|link| text(&link))
        .unwrap_or_default()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
