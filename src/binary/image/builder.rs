//! An image in the making: what the readers of the three formats put together, within limits.

use std::collections::{BTreeMap, HashMap};
use std::sync::OnceLock;

use super::{BinaryImage, IMPORT_WINDOW, ImageError, ImageSegment, ImportKind, ImportedSymbol};
use crate::model::facts::ImageFormat;

/// Most segments, libraries, exports and imports of one image.
const MOST_SEGMENTS: usize = 1024;
const MOST_LIBRARIES: usize = 4096;
const MOST_EXPORTS: usize = 1 << 20;
const MOST_IMPORTS: usize = 1 << 18;
/// 32-bit images have less room for synthetic addresses.
const MOST_IMPORTS_32: usize = 1 << 16;
/// Most relocated pointers, whatever the size of the file.
const MOST_RELOCATIONS: usize = 16 << 20;
/// Longest symbol name that is kept whole; mangled names of templates get long.
const LONGEST_NAME: usize = 1 << 16;
/// Most bytes of all exported and imported names together.
const MOST_NAME_BYTES: usize = 256 << 20;

/// Where the synthetic addresses begin: above what any loader maps, and below the sign bit, so that arithmetic on them
/// behaves. 32-bit images get the range below the highest 256 MiB.
pub(super) fn first_import_address(pointer_size: usize) -> u64 {
    if pointer_size == 8 {
        0x7f00_0000_0000_0000
    } else {
        0xe000_0000
    }
}

/// What stays the same for all of one image.
#[derive(Clone, Copy)]
pub(super) struct ImageKind {
    pub(super) format: ImageFormat,
    pub(super) architecture: &'static str,
    pub(super) pointer_size: usize,
    pub(super) big_endian: bool,
}

/// An image in the making.
pub(super) struct ImageBuilder<'data> {
    pub(super) kind: ImageKind,
    data: &'data [u8],
    segments: Vec<ImageSegment<'data>>,
    sealed: Vec<(u64, u64)>,
    thread_template: Option<(u64, u64)>,
    initialisers: Vec<u64>,
    initialiser_tables: Vec<(u64, u64)>,
    relocations: Vec<(u64, u64)>,
    exports: BTreeMap<String, u64>,
    imports: Vec<ImportedSymbol>,
    import_indices: HashMap<(String, Option<String>), usize>,
    libraries: Vec<String>,
    search_paths: Vec<String>,
    name_bytes: usize,
}

/// An import as a format's tables describe it.
pub(super) struct ImportName<'a> {
    pub(super) name: &'a [u8],
    pub(super) library: Option<&'a str>,
    pub(super) weak: bool,
}

/// The name of a format in error messages.
pub(super) fn format_name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Elf => "ELF",
        ImageFormat::MachO => "Mach-O",
        ImageFormat::Pe => "PE",
    }
}

impl<'data> ImageBuilder<'data> {
    pub(super) fn new(kind: ImageKind, data: &'data [u8]) -> ImageBuilder<'data> {
        ImageBuilder {
            kind,
            data,
            segments: Vec::new(),
            sealed: Vec::new(),
            thread_template: None,
            initialisers: Vec::new(),
            initialiser_tables: Vec::new(),
            relocations: Vec::new(),
            exports: BTreeMap::new(),
            imports: Vec::new(),
            import_indices: HashMap::new(),
            libraries: Vec::new(),
            search_paths: Vec::new(),
            name_bytes: 0,
        }
    }

    pub(super) fn damaged(&self, part: &'static str, why: impl ToString) -> ImageError {
        ImageError::Damaged {
            format: format_name(self.kind.format),
            part,
            why: why.to_string(),
        }
    }

    fn too_many(&self, what: &'static str, limit: usize) -> ImageError {
        ImageError::TooMany {
            format: format_name(self.kind.format),
            what,
            limit,
        }
    }

    /// The bytes of a range of the file.
    pub(super) fn file_range(
        &self,
        part: &'static str,
        offset: u64,
        length: u64,
    ) -> Result<&'data [u8], ImageError> {
        let range = || {
            self.data.get(
                usize::try_from(offset).ok()?..usize::try_from(offset.checked_add(length)?).ok()?,
            )
        };
        range().ok_or_else(|| {
            let size = self.data.len();
            self.damaged(
                part,
                format_args!(
                    "bytes {offset:#x} to {offset:#x}+{length:#x} are beyond the file's {size:#x}"
                ),
            )
        })
    }

    pub(super) fn add_segment(&mut self, segment: ImageSegment<'data>) -> Result<(), ImageError> {
        if self.segments.len() >= MOST_SEGMENTS {
            return Err(self.too_many("segments", MOST_SEGMENTS));
        }
        let last = first_import_address(self.kind.pointer_size);
        let end = segment
            .address
            .checked_add(segment.size)
            .filter(|&end| end <= last);
        if end.is_none() || segment.bytes.len() as u64 > segment.size {
            let why = format_args!(
                "{:#x} bytes at {:#x} do not fit",
                segment.size, segment.address
            )
            .to_string();
            return Err(self.damaged("segment", why));
        }
        if segment.size != 0 {
            let place = self
                .segments
                .partition_point(|other| other.address <= segment.address);
            self.segments.insert(place, segment);
        }
        Ok(())
    }

    /// Looked up once for each relocation, so the segments are kept in order.
    fn segment_at(&self, address: u64) -> Option<&ImageSegment<'data>> {
        let after = self
            .segments
            .partition_point(|segment| segment.address <= address);
        self.segments
            .get(after.checked_sub(1)?)
            .filter(|segment| segment.contains(address))
    }

    /// Notes where the first values of a thread's own variables are.
    /// Notes a function that the loader calls before any other.
    pub(super) fn add_initialiser(&mut self, address: u64) {
        self.initialisers.push(address);
    }

    /// Notes a table of such functions, by its address and size.
    pub(super) fn add_initialiser_table(&mut self, address: u64, size: u64) {
        self.initialiser_tables.push((address, size));
    }

    pub(super) fn set_thread_template(&mut self, start: u64, end: u64) {
        self.thread_template = Some((start, end)).filter(|_| start < end);
    }

    /// Notes a range that the loader makes read-only after it has relocated it.
    pub(super) fn seal(&mut self, address: u64, size: u64) {
        if self.sealed.len() < MOST_SEGMENTS {
            self.sealed.push((address, address.saturating_add(size)));
        }
    }

    /// The file's bytes from an address to the end of what its segment takes from the file, without relocations.
    pub(super) fn tail(&self, address: u64) -> Option<&'data [u8]> {
        let segment = self.segment_at(address)?;
        segment
            .bytes
            .get(usize::try_from(address - segment.address).ok()?..)
    }

    /// The pointer stored at an address, without relocations; zero where memory starts as zero.
    pub(super) fn stored_pointer(&self, address: u64) -> Result<u64, ImageError> {
        let outside = || {
            self.damaged(
                "relocation",
                format_args!("address {address:#x} is in no segment"),
            )
        };
        let size = self.kind.pointer_size;
        let segment = self.segment_at(address).ok_or_else(outside)?;
        let offset = address - segment.address;
        if segment.size - offset < size as u64 {
            return Err(outside());
        }
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| segment.bytes.get(offset..))
            .unwrap_or_default();
        let mut word = [0; 8];
        if self.kind.big_endian {
            for (target, &byte) in word.iter_mut().skip(8 - size).zip(rest) {
                *target = byte;
            }
            return Ok(u64::from_be_bytes(word));
        }
        for (target, &byte) in word.iter_mut().zip(rest.iter().take(size)) {
            *target = byte;
        }
        Ok(u64::from_le_bytes(word))
    }

    /// Notes that the loader writes `value` at `address`; a later note about the same address wins.
    pub(super) fn relocate(&mut self, address: u64, value: u64) -> Result<(), ImageError> {
        // Honest files have at most one relocation for each pointer that they store, plus those in zero-filled memory.
        let limit = MOST_RELOCATIONS.min(self.data.len() / 2 + 4096);
        if self.relocations.len() >= limit {
            return Err(self.too_many("relocations", limit));
        }
        let value = if self.kind.pointer_size == 4 {
            value & 0xffff_ffff
        } else {
            value
        };
        self.relocations.push((address, value));
        Ok(())
    }

    /// Notes that the loader writes `addend` past an import at `address`. An addend that would lead out of the import's
    /// window becomes a value of its own, so that no address is taken for another import's.
    pub(super) fn relocate_to_import(
        &mut self,
        address: u64,
        import: u64,
        addend: i64,
    ) -> Result<(), ImageError> {
        let value = match u64::try_from(addend) {
            Ok(offset) if offset < IMPORT_WINDOW => import + offset,
            _ => self.opaque("import with a large addend")?,
        };
        self.relocate(address, value)
    }

    pub(super) fn add_library(&mut self, name: &[u8]) -> Result<(), ImageError> {
        if self.libraries.len() >= MOST_LIBRARIES {
            return Err(self.too_many("libraries", MOST_LIBRARIES));
        }
        let name = self.name("library name", name)?;
        self.libraries.push(name);
        Ok(())
    }

    /// Notes folders in which libraries are looked for, separated by colons.
    pub(super) fn set_search_paths(&mut self, paths: &[u8]) -> Result<(), ImageError> {
        let paths = self.name("search path", paths)?;
        self.search_paths = paths
            .split(':')
            .take(MOST_LIBRARIES)
            .map(str::to_owned)
            .collect();
        Ok(())
    }

    /// The library at a position of the list so far.
    pub(super) fn library(&self, index: usize) -> Option<&str> {
        self.libraries.get(index).map(String::as_str)
    }

    pub(super) fn add_export(&mut self, name: &[u8], address: u64) -> Result<(), ImageError> {
        if self.exports.len() >= MOST_EXPORTS {
            return Err(self.too_many("exports", MOST_EXPORTS));
        }
        let name = self.name("export name", name)?;
        self.count_name(&name)?;
        self.exports.entry(name).or_insert(address);
        Ok(())
    }

    pub(super) fn export(&self, name: &[u8]) -> Option<u64> {
        self.exports.get(std::str::from_utf8(name).ok()?).copied()
    }

    /// The synthetic address of a symbol of another image.
    pub(super) fn import(&mut self, import: &ImportName<'_>) -> Result<u64, ImageError> {
        let name = self.name("import name", import.name)?;
        self.import_of_kind(name, import, ImportKind::Symbol)
    }

    /// The names of all imports so far.
    pub(super) fn import_names(&self) -> impl Iterator<Item = &str> {
        self.imports.iter().map(|import| import.name.as_str())
    }

    /// The synthetic address of something that only the running program knows.
    pub(super) fn opaque(&mut self, name: &str) -> Result<u64, ImageError> {
        let import = ImportName {
            name: &[],
            library: None,
            weak: false,
        };
        self.import_of_kind(format!("<{name}>"), &import, ImportKind::Opaque)
    }

    fn import_of_kind(
        &mut self,
        name: String,
        import: &ImportName<'_>,
        kind: ImportKind,
    ) -> Result<u64, ImageError> {
        let limit = if self.kind.pointer_size == 8 {
            MOST_IMPORTS
        } else {
            MOST_IMPORTS_32
        };
        let library = import.library.map(str::to_owned);
        let next = self.imports.len();
        let index = *self
            .import_indices
            .entry((name.clone(), library.clone()))
            .or_insert(next);
        let address = first_import_address(self.kind.pointer_size) + index as u64 * IMPORT_WINDOW;
        if index == next {
            if next >= limit {
                return Err(self.too_many("imports", limit));
            }
            self.count_name(&name)?;
            self.imports.push(ImportedSymbol {
                name,
                library,
                kind,
                weak: import.weak,
                address,
            });
        }
        Ok(address)
    }

    fn name(&self, part: &'static str, bytes: &[u8]) -> Result<String, ImageError> {
        if bytes.len() > LONGEST_NAME {
            return Err(self.damaged(part, format_args!("{} bytes long", bytes.len())));
        }
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    fn count_name(&mut self, name: &str) -> Result<(), ImageError> {
        self.name_bytes += name.len();
        if self.name_bytes > MOST_NAME_BYTES {
            return Err(self.too_many("bytes of symbol names", MOST_NAME_BYTES));
        }
        Ok(())
    }

    /// The finished image.
    pub(super) fn finish(mut self) -> BinaryImage<'data> {
        // The sort is stable, so that of several notes about one address the last one stays.
        self.relocations.sort_by_key(|&(address, _)| address);
        let mut relocations: Vec<(u64, u64)> = Vec::with_capacity(self.relocations.len());
        for (address, value) in self.relocations {
            match relocations.last_mut() {
                Some(last) if last.0 == address => last.1 = value,
                _ => relocations.push((address, value)),
            }
        }
        let code = code_extent(&self.segments);
        BinaryImage {
            format: self.kind.format,
            architecture: self.kind.architecture.to_owned(),
            pointer_size: self.kind.pointer_size,
            segments: self.segments,
            data: self.data,
            big_endian: self.kind.big_endian,
            sealed: self.sealed,
            code,
            thread_template: self.thread_template,
            initialisers: self.initialisers,
            initialiser_tables: self.initialiser_tables,
            relocations,
            exports: self.exports,
            imports: self.imports,
            libraries: self.libraries,
            search_paths: self.search_paths,
            symbols: OnceLock::new(),
            functions: OnceLock::new(),
            unwind_tables: OnceLock::new(),
        }
    }
}

/// Where the segments with code begin and end, if no other lies between them.
fn code_extent(segments: &[ImageSegment<'_>]) -> (u64, u64) {
    let is_code = |segment: &ImageSegment<'_>| segment.executable && !segment.writable;
    let end_of = |segment: &ImageSegment<'_>| segment.address.saturating_add(segment.size);
    let code = segments.iter().filter(|segment| is_code(segment));
    let (start, end) = code.fold((u64::MAX, 0), |(start, end), it| {
        (it.address.min(start), end_of(it).max(end))
    });
    let is_between = |it: &ImageSegment<'_>| !is_code(it) && it.address < end && end_of(it) > start;
    if start >= end || segments.iter().any(is_between) {
        (0, 0)
    } else {
        (start, end)
    }
}

/// The bytes before the first NUL.
pub(super) fn until_nul(bytes: &[u8]) -> Option<&[u8]> {
    let window = bytes.get(..bytes.len().min(LONGEST_NAME + 1))?;
    window
        .iter()
        .position(|&byte| byte == 0)
        .and_then(|end| bytes.get(..end))
}
