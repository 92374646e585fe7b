//! A mapped, relocated view of an ELF, Mach-O or PE file, with named imports and exports.
//!
//! The view is what a loader would make of the file at its preferred address: segments at virtual addresses, with
//! relocations applied. A pointer to something in the image reads as that address. A pointer to an imported symbol reads
//! as the import's *synthetic address*, which lies in a range that no segment may use: each import owns one window of
//! [`IMPORT_WINDOW`] bytes there, so that an address with a small addend is still recognised by [`BinaryImage::import_at`].
//! What only the running program can know (thread-local offsets, indirect functions) reads as an import, too, one of
//! kind [`ImportKind::Opaque`].
//!
//! Nothing of the file is copied: a read looks into the file and lays the relocations over it. Whatever cannot be
//! applied for certain makes the whole image [`ImageError::Damaged`]: half a view would read as false facts.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::model::facts::ImageFormat;

mod builder;
pub mod c_library;
mod code;
mod elf;
mod elf_relocation;
mod export_trie;
mod initialisers;
mod landing_pads;
mod macho;
mod pe;
pub mod sections;

pub use code::CodeRange;
pub use landing_pads::LandingPad;

/// Size of the window of synthetic addresses that each import owns.
pub const IMPORT_WINDOW: u64 = 4096;

/// Most bytes that one [`BinaryImage::read`] returns.
pub const LONGEST_READ: usize = 16 << 20;

/// Most symbols that are kept for [`BinaryImage::symbol_name_at`].
const MOST_NAMED_SYMBOLS: usize = 1 << 20;

/// Why a file could not be read as an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Nothing that a loader maps: another kind of file, or an object file that was never linked.
    #[error("not a linked ELF, Mach-O or PE file")]
    NotAnObject,
    /// It says that it is an image, but a part that matters cannot be read.
    #[error("damaged {format} file: {part}: {why}")]
    Damaged {
        /// Name of the container format.
        format: &'static str,
        /// Which part.
        part: &'static str,
        /// What was expected or found.
        why: String,
    },
    /// It has more of something than any honest file has.
    #[error("{format} file with more than {limit} {what}")]
    TooMany {
        /// Name of the container format.
        format: &'static str,
        /// Of what.
        what: &'static str,
        /// The limit that was reached.
        limit: usize,
    },
}

/// One mapped part of an image.
#[derive(Clone, Debug)]
pub struct ImageSegment<'data> {
    /// Name of the segment or section where the format has one, else empty.
    pub name: String,
    /// Lowest virtual address.
    pub address: u64,
    /// Size in memory.
    pub size: u64,
    /// Whether the program may write to it, at least while it is being loaded.
    pub writable: bool,
    /// Whether it holds code.
    pub executable: bool,
    /// The part that comes from the file, without relocations; zeros follow in memory up to `size`.
    pub bytes: &'data [u8],
}

impl ImageSegment<'_> {
    /// Whether `address` lies in it.
    pub fn contains(&self, address: u64) -> bool {
        address >= self.address && address - self.address < self.size
    }
}

/// What an import stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// A symbol of another image, function or data.
    Symbol,
    /// A value that only the running program knows: the name says which.
    Opaque,
}

/// Something that the loader would fill in from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedSymbol {
    /// Undecorated name; `#12` for an import by ordinal.
    pub name: String,
    /// The library that it is expected in, when the format says so.
    pub library: Option<String>,
    /// What it stands for.
    pub kind: ImportKind,
    /// Whether the loader leaves zero there when nobody has the symbol.
    pub weak: bool,
    /// Its synthetic address, the lowest of its window.
    pub address: u64,
}

/// One image: a file, or a slice of a universal file.
#[derive(Debug)]
pub struct BinaryImage<'data> {
    /// Container format.
    pub format: ImageFormat,
    /// Architecture: `x86_64`, `aarch64` (on every system), `i686`, `armv7l`, `ppc64le`, `s390x`, `riscv64`, …, or
    /// `unknown`.
    pub architecture: String,
    /// Size of a pointer in bytes: 4 or 8.
    pub pointer_size: usize,
    /// What is mapped, by address.
    pub segments: Vec<ImageSegment<'data>>,
    data: &'data [u8],
    big_endian: bool,
    /// Ranges (start, end) of writable segments that are made read-only before the program's code runs.
    sealed: Vec<(u64, u64)>,
    /// Start and end of the code.
    code: (u64, u64),
    /// Range (start, end) with what a thread's own variables begin as.
    thread_template: Option<(u64, u64)>,
    /// Functions that the loader calls before any other.
    initialisers: Vec<u64>,
    /// Tables of such functions (address, size).
    initialiser_tables: Vec<(u64, u64)>,
    /// (address, value), sorted; one pointer each.
    relocations: Vec<(u64, u64)>,
    exports: BTreeMap<String, u64>,
    imports: Vec<ImportedSymbol>,
    libraries: Vec<String>,
    search_paths: Vec<String>,
    symbols: OnceLock<Vec<(u64, &'data str)>>,
    functions: OnceLock<Vec<code::NamedFunction<'data>>>,
    unwind_tables: OnceLock<landing_pads::UnwindTables>,
}

/// Opens every image in a file: one, or one for each architecture of a universal Mach-O file.
pub fn images(bytes: &[u8]) -> Result<Vec<BinaryImage<'_>>, ImageError> {
    match ContainerFormat::of(bytes).ok_or(ImageError::NotAnObject)? {
        ContainerFormat::Elf => Ok(vec![elf::open(bytes)?]),
        ContainerFormat::Pe => Ok(vec![pe::open(bytes)?]),
        ContainerFormat::Universal => macho::open_universal(bytes),
        ContainerFormat::MachO => Ok(vec![macho::open(bytes)?]),
    }
}

/// Whether a file that begins so is an object file by its first bytes.
pub fn is_object(beginning: &[u8]) -> bool {
    ContainerFormat::of(beginning).is_some()
}

/// What the first bytes of a file say that it is.
enum ContainerFormat {
    Elf,
    Pe,
    Universal,
    MachO,
}

impl ContainerFormat {
    fn of(bytes: &[u8]) -> Option<ContainerFormat> {
        match bytes {
            [0x7f, b'E', b'L', b'F', ..] => Some(ContainerFormat::Elf),
            [b'M', b'Z', ..] => Some(ContainerFormat::Pe),
            [0xca, 0xfe, 0xba, 0xbe | 0xbf, ..] => Some(ContainerFormat::Universal),
            [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => {
                Some(ContainerFormat::MachO)
            }
            _ => None,
        }
    }
}

impl<'data> BinaryImage<'data> {
    /// Exported symbols and their addresses; names are undecorated, forwarders to other libraries are left out.
    pub fn exports(&self) -> &BTreeMap<String, u64> {
        &self.exports
    }

    /// Everything that the loader fills in from elsewhere, by synthetic address.
    pub fn imports(&self) -> &[ImportedSymbol] {
        &self.imports
    }

    /// The import whose window holds a synthetic address.
    pub fn import_at(&self, address: u64) -> Option<&ImportedSymbol> {
        let offset = address.checked_sub(builder::first_import_address(self.pointer_size))?;
        self.imports
            .get(usize::try_from(offset / IMPORT_WINDOW).ok()?)
    }

    /// The import with this name, when there is one.
    pub fn import_named(&self, name: &str) -> Option<&ImportedSymbol> {
        self.imports
            .iter()
            .find(|import| import.kind == ImportKind::Symbol && import.name == name)
    }

    /// Libraries that the image names as needed, in the file's order.
    pub fn libraries(&self) -> &[String] {
        &self.libraries
    }

    /// Folders in which a dynamic linker looks for them, as written: `$ORIGIN` is the image's own. Only ELF files have
    /// these.
    pub fn search_paths(&self) -> &[String] {
        &self.search_paths
    }

    /// The segment that holds an address.
    pub fn segment_at(&self, address: u64) -> Option<&ImageSegment<'data>> {
        let after = self
            .segments
            .partition_point(|segment| segment.address <= address);
        self.segments
            .get(after.checked_sub(1)?)
            .filter(|segment| segment.contains(address))
    }

    /// Whether the bytes at an address cannot change once the image is loaded.
    pub fn is_read_only(&self, address: u64) -> bool {
        let sealed = || {
            self.sealed
                .iter()
                .any(|&(start, end)| address >= start && address < end)
        };
        self.segment_at(address)
            .is_some_and(|segment| !segment.writable || sealed())
    }

    /// Where the segments with code begin and end; both 0 when there are none, or others lie between them.
    pub fn code_extent(&self) -> (u64, u64) {
        self.code
    }

    /// What a thread's own variables begin as, as a range (start, end) of addresses, where the format tells (PE).
    pub fn thread_template(&self) -> Option<(u64, u64)> {
        self.thread_template
    }

    /// Reads `buffer.len()` bytes, with relocations applied; false, and the buffer undefined, outside of one segment.
    pub fn read_into(&self, address: u64, buffer: &mut [u8]) -> bool {
        let Some(segment) = self.segment_at(address) else {
            return false;
        };
        let offset = address - segment.address;
        let Some(end) = offset
            .checked_add(buffer.len() as u64)
            .filter(|&end| end <= segment.size)
        else {
            return false;
        };
        let length = segment.bytes.len() as u64;
        let from_file = segment
            .bytes
            .get(offset.min(length) as usize..end.min(length) as usize)
            .unwrap_or_default();
        let (head, tail) = buffer.split_at_mut(from_file.len());
        head.copy_from_slice(from_file);
        tail.fill(0);
        self.relocate(address, buffer);
        true
    }

    /// Reads `length` bytes, with relocations applied; `None` outside of one segment or beyond [`LONGEST_READ`].
    pub fn read(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        if length > LONGEST_READ {
            return None;
        }
        let mut buffer = vec![0; length];
        self.read_into(address, &mut buffer).then_some(buffer)
    }

    /// Reads one byte.
    pub fn u8(&self, address: u64) -> Option<u8> {
        self.array(address).map(u8::from_le_bytes)
    }

    /// Reads two bytes in the image's byte order.
    pub fn u16(&self, address: u64) -> Option<u16> {
        self.array(address).map(if self.big_endian {
            u16::from_be_bytes
        } else {
            u16::from_le_bytes
        })
    }

    /// Reads four bytes in the image's byte order.
    pub fn u32(&self, address: u64) -> Option<u32> {
        self.array(address).map(if self.big_endian {
            u32::from_be_bytes
        } else {
            u32::from_le_bytes
        })
    }

    /// Reads eight bytes in the image's byte order.
    pub fn u64(&self, address: u64) -> Option<u64> {
        self.array(address).map(if self.big_endian {
            u64::from_be_bytes
        } else {
            u64::from_le_bytes
        })
    }

    /// Reads a pointer.
    pub fn pointer(&self, address: u64) -> Option<u64> {
        if self.pointer_size == 8 {
            self.u64(address)
        } else {
            self.u32(address).map(u64::from)
        }
    }

    /// Reads a NUL-terminated UTF-8 text of at most `limit` bytes.
    pub fn c_string(&self, address: u64, limit: usize) -> Option<String> {
        let segment = self.segment_at(address)?;
        let rest = segment
            .bytes
            .get(usize::try_from(address - segment.address).ok()?..)?;
        let end = rest
            .iter()
            .take(limit.saturating_add(1))
            .position(|&byte| byte == 0)?;
        String::from_utf8(rest.get(..end)?.to_vec()).ok()
    }

    /// Whether the loader writes a pointer exactly at this address.
    pub fn is_relocated(&self, address: u64) -> bool {
        self.relocations
            .binary_search_by_key(&address, |&(address, _)| address)
            .is_ok()
    }

    /// Every relocated pointer as (address, value), by address.
    pub fn relocations(&self) -> &[(u64, u64)] {
        &self.relocations
    }

    /// Whether words are stored with their most significant byte first.
    pub fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    /// The name of the symbol that starts at an address, from the symbol table where there is one, else from the
    /// exports.
    pub fn symbol_name_at(&self, address: u64) -> Option<&str> {
        let symbols = self.symbols.get_or_init(|| self.read_symbols());
        let index = symbols.partition_point(|&(start, _)| start < address);
        match symbols.get(index) {
            Some(&(start, name)) if start == address => Some(name),
            _ => self
                .exports
                .iter()
                .find(|&(_, &start)| start == address)
                .map(|(name, _)| name.as_str()),
        }
    }

    fn array<const LENGTH: usize>(&self, address: u64) -> Option<[u8; LENGTH]> {
        let mut buffer = [0; LENGTH];
        self.read_into(address, &mut buffer).then_some(buffer)
    }

    /// Lays the relocated pointers over what was read from the file.
    fn relocate(&self, address: u64, buffer: &mut [u8]) {
        let size = self.pointer_size as u64;
        let first = self
            .relocations
            .partition_point(|&(start, _)| start.saturating_add(size) <= address);
        for &(start, value) in self.relocations.iter().skip(first) {
            let pointer = if self.big_endian {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            };
            let pointer = if self.big_endian && size == 4 {
                &pointer[4..]
            } else {
                &pointer[..self.pointer_size]
            };
            if start >= address.saturating_add(buffer.len() as u64) {
                break;
            }
            for (position, &byte) in (start..).zip(pointer) {
                let place = position
                    .checked_sub(address)
                    .and_then(|offset| usize::try_from(offset).ok());
                if let Some(target) = place.and_then(|offset| buffer.get_mut(offset)) {
                    *target = byte;
                }
            }
        }
    }

    fn read_symbols(&self) -> Vec<(u64, &'data str)> {
        use object::{Object, ObjectSymbol};
        let Ok(file) = object::File::parse(self.data) else {
            return Vec::new();
        };
        let prefix = if self.format == ImageFormat::MachO {
            "_"
        } else {
            ""
        };
        let mut symbols: Vec<(u64, &'data str)> = file
            .symbols()
            .take(MOST_NAMED_SYMBOLS)
            .filter(|symbol| symbol.is_definition())
            .filter_map(|symbol| Some((symbol.address(), symbol.name().ok()?)))
            .map(|(address, name)| (address, name.strip_prefix(prefix).unwrap_or(name)))
            .collect();
        symbols.sort_unstable();
        symbols
    }
}
