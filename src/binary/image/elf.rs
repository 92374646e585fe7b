//! ELF: reads what the dynamic linker reads, program headers and the dynamic segment, and so needs no section headers.
//!
//! `goblin` decodes the records, the same way for both word sizes and byte orders; `object` counts the symbols by their
//! hash tables and decodes RELR, which `goblin` does not know.
//!
//! References to symbols that the image itself defines resolve to its own definition. The dynamic linker asks the program
//! and what was loaded with it first, then the module itself: interpreters load modules with `RTLD_LOCAL`, so those of
//! other packages are not asked. What the C library exports, too, is bound to the C library, unless the image was linked
//! with `-Bsymbolic` or protects the symbol.

mod relocations;

use goblin::container::{Container, Ctx};
use goblin::elf::dynamic::{
    DF_SYMBOLIC, DT_FLAGS, DT_GNU_HASH, DT_HASH, DT_INIT, DT_INIT_ARRAY, DT_INIT_ARRAYSZ,
    DT_NEEDED, DT_RPATH, DT_RUNPATH, DT_STRSZ, DT_STRTAB, DT_SYMBOLIC, DT_SYMTAB, Dynamic,
};
use goblin::elf::header::{ELFCLASS64, ET_DYN, ET_EXEC, Header};
use goblin::elf::program_header::{PT_DYNAMIC, PT_GNU_RELRO, PT_LOAD};
use goblin::elf::reloc::RelocSection;
use goblin::elf::sym::{
    STB_GLOBAL, STB_WEAK, STT_GNU_IFUNC, STT_TLS, STV_DEFAULT, STV_PROTECTED, Sym, Symtab,
};
use goblin::elf::{Elf, ProgramHeader};
use object::Endianness;
use object::read::elf::{FileHeader, GnuHashTable, HashTable};

use super::builder::{ImageBuilder, ImageKind, ImportName, until_nul};
use super::elf_relocation::architecture;
use super::{BinaryImage, ImageError, ImageSegment, c_library};
use crate::model::facts::ImageFormat;

use relocations::{INDIRECT, THREAD_LOCAL};

/// Most program headers, and most bytes of the dynamic segment.
const MOST_PROGRAM_HEADERS: usize = 4096;
const MOST_DYNAMIC_BYTES: u64 = 1 << 20;
/// Most symbols in the dynamic symbol table.
const MOST_SYMBOLS: usize = 4 << 20;

/// Tags that `goblin` does not name: <https://www.sco.com/developers/gabi/latest/ch5.dynamic.html>, and Android's and
/// LLVM's packed relocations.
const DT_PREINIT_ARRAY: u64 = 32;
const DT_PREINIT_ARRAYSZ: u64 = 33;
const DT_RELRSZ: u64 = 35;
const DT_RELR: u64 = 36;
const DT_CREL: u64 = 0x4000_0026;
const DT_ANDROID_REL: u64 = 0x6000_000f;
const DT_ANDROID_RELA: u64 = 0x6000_0011;
const DT_ANDROID_RELR: u64 = 0x6fff_e000;

/// GNU's extension of the bindings: one definition in the whole process.
const STB_GNU_UNIQUE: u8 = 10;

/// What a symbol of the dynamic table stands for.
#[derive(Clone, Copy)]
enum DynamicSymbolValue {
    /// An address or number known at link time.
    Known(u64),
    /// The synthetic address of an import.
    Import(u64),
    /// Known only to the running program, for this reason.
    Opaque(&'static str),
}

/// Reads one ELF file.
pub(super) fn open(data: &[u8]) -> Result<BinaryImage<'_>, ImageError> {
    let damaged = |why: String| ImageError::Damaged {
        format: "ELF",
        part: "header",
        why,
    };
    let header = Elf::parse_header(data).map_err(|error| damaged(error.to_string()))?;
    if !matches!(header.e_type, ET_DYN | ET_EXEC) {
        return Err(ImageError::NotAnObject);
    }
    let is_64 = header.e_ident.get(4) == Some(&ELFCLASS64);
    let order = header
        .endianness()
        .map_err(|error| damaged(error.to_string()))?;
    let big_endian = !order.is_little();
    let kind = ImageKind {
        format: ImageFormat::Elf,
        architecture: architecture(header.e_machine, is_64, big_endian),
        pointer_size: if is_64 { 8 } else { 4 },
        big_endian,
    };
    let container = if is_64 {
        Container::Big
    } else {
        Container::Little
    };
    let mut file = ElfFile {
        data,
        machine: header.e_machine,
        context: Ctx::new(container, order),
        builder: ImageBuilder::new(kind, data),
        is_symbolic: false,
    };
    let program_headers = file.program_headers(&header)?;
    file.map(&program_headers)?;
    if let Some(dynamic) = file.dynamic(&program_headers)? {
        file.link(&dynamic)?;
    }
    Ok(file.builder.finish())
}

/// An ELF file being read.
struct ElfFile<'data> {
    data: &'data [u8],
    machine: u16,
    context: Ctx,
    builder: ImageBuilder<'data>,
    /// Whether references to symbols of its own are bound to its own definitions, whoever else has them.
    is_symbolic: bool,
}

impl<'data> ElfFile<'data> {
    fn program_headers(&self, header: &Header) -> Result<Vec<ProgramHeader>, ImageError> {
        let count = usize::from(header.e_phnum);
        if count > MOST_PROGRAM_HEADERS {
            return Err(self
                .builder
                .damaged("program headers", format_args!("{count} of them")));
        }
        let offset = usize::try_from(header.e_phoff).unwrap_or(usize::MAX);
        ProgramHeader::parse(self.data, offset, count, self.context)
            .map_err(|error| self.builder.damaged("program headers", error))
    }

    fn map(&mut self, program_headers: &[ProgramHeader]) -> Result<(), ImageError> {
        for header in program_headers
            .iter()
            .filter(|header| header.p_type == PT_LOAD)
        {
            let bytes = self
                .builder
                .file_range("segment", header.p_offset, header.p_filesz)?;
            self.builder.add_segment(ImageSegment {
                name: String::new(),
                address: header.p_vaddr,
                size: header.p_memsz,
                writable: header.is_write(),
                executable: header.is_executable(),
                bytes,
            })?;
        }
        for header in program_headers
            .iter()
            .filter(|header| header.p_type == PT_GNU_RELRO)
        {
            self.builder.seal(header.p_vaddr, header.p_memsz);
        }
        Ok(())
    }

    fn dynamic(&self, program_headers: &[ProgramHeader]) -> Result<Option<Dynamic>, ImageError> {
        let too_long = |header: &&ProgramHeader| {
            header.p_type == PT_DYNAMIC && header.p_filesz > MOST_DYNAMIC_BYTES
        };
        if let Some(header) = program_headers.iter().find(too_long) {
            return Err(self.builder.damaged(
                "dynamic segment",
                format_args!("{:#x} bytes", header.p_filesz),
            ));
        }
        Dynamic::parse(self.data, program_headers, self.context)
            .map_err(|error| self.builder.damaged("dynamic segment", error))
    }

    /// Follows the dynamic segment: libraries, symbols, relocations.
    fn link(&mut self, dynamic: &Dynamic) -> Result<(), ImageError> {
        let entry = |tag: u64| {
            dynamic
                .dyns
                .iter()
                .rev()
                .find(|entry| entry.d_tag == tag)
                .map(|entry| entry.d_val)
        };
        for tag in [DT_CREL, DT_ANDROID_REL, DT_ANDROID_RELA, DT_ANDROID_RELR] {
            if entry(tag).is_some() {
                return Err(self.builder.damaged(
                    "relocations",
                    format_args!("packed in an unknown way (tag {tag:#x})"),
                ));
            }
        }
        let strings = match entry(DT_STRTAB) {
            Some(address) => self.tail("string table", address, entry(DT_STRSZ))?,
            None => &[],
        };
        for needed in dynamic.dyns.iter().filter(|entry| entry.d_tag == DT_NEEDED) {
            let name = self.string(strings, needed.d_val)?;
            self.builder.add_library(name)?;
        }
        if let Some(address) = entry(DT_INIT) {
            self.builder.add_initialiser(address);
        }
        for (table, size) in [
            (DT_PREINIT_ARRAY, DT_PREINIT_ARRAYSZ),
            (DT_INIT_ARRAY, DT_INIT_ARRAYSZ),
        ] {
            if let (Some(address), Some(size)) = (entry(table), entry(size)) {
                self.builder.add_initialiser_table(address, size);
            }
        }
        // What is newer counts alone.
        if let Some(paths) = entry(DT_RUNPATH).or_else(|| entry(DT_RPATH)) {
            let paths = self.string(strings, paths)?;
            self.builder.set_search_paths(paths)?;
        }
        self.is_symbolic =
            entry(DT_SYMBOLIC).is_some() || entry(DT_FLAGS).is_some_and(|it| it & DF_SYMBOLIC != 0);
        let tables = self.relocation_tables(&entry)?;
        let values = self.symbols(&entry, &tables, strings)?;
        for table in &tables {
            for relocation in table {
                self.apply(&relocation, &values)?;
            }
        }
        self.relative_relocations(&entry)
    }

    /// What the file holds from an address on, or exactly `size` bytes of it.
    fn tail(
        &self,
        part: &'static str,
        address: u64,
        size: Option<u64>,
    ) -> Result<&'data [u8], ImageError> {
        let outside = || {
            self.builder.damaged(
                part,
                format_args!("{size:x?} bytes at {address:#x} are not in the file"),
            )
        };
        let tail = self.builder.tail(address).ok_or_else(outside)?;
        match size {
            None => Ok(tail),
            Some(size) => usize::try_from(size)
                .ok()
                .and_then(|size| tail.get(..size))
                .ok_or_else(outside),
        }
    }

    fn string(&self, strings: &'data [u8], offset: u64) -> Result<&'data [u8], ImageError> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| strings.get(offset..));
        rest.and_then(until_nul).ok_or_else(|| {
            self.builder
                .damaged("string table", format_args!("no text at {offset:#x}"))
        })
    }

    /// Reads the dynamic symbols: exports, imports, and the value of each for the relocations.
    fn symbols(
        &mut self,
        entry: &impl Fn(u64) -> Option<u64>,
        tables: &[RelocSection<'data>],
        strings: &'data [u8],
    ) -> Result<Vec<DynamicSymbolValue>, ImageError> {
        let Some(address) = entry(DT_SYMTAB) else {
            return Ok(Vec::new());
        };
        let bytes = self.tail("symbol table", address, None)?;
        let count = self.symbol_count(entry, tables)?;
        let table = Symtab::parse(bytes, 0, count, self.context);
        let table = table.map_err(|error| self.builder.damaged("symbol table", error))?;
        let mut values = Vec::new();
        for symbol in &table {
            let name = self.string(strings, symbol.st_name as u64)?;
            values.push(self.symbol(&symbol, name)?);
        }
        Ok(values)
    }

    fn symbol(&mut self, symbol: &Sym, name: &[u8]) -> Result<DynamicSymbolValue, ImageError> {
        let opaque = match symbol.st_type() {
            STT_TLS => Some(THREAD_LOCAL),
            STT_GNU_IFUNC => Some(INDIRECT),
            _ => None,
        };
        let is_global = matches!(symbol.st_bind(), STB_GLOBAL | STB_WEAK | STB_GNU_UNIQUE);
        let is_defined = symbol.st_shndx != 0;
        if !is_defined && is_global && !name.is_empty() {
            let import = ImportName {
                name,
                library: None,
                weak: symbol.st_bind() == STB_WEAK,
            };
            return self.builder.import(&import).map(DynamicSymbolValue::Import);
        }
        let is_visible = matches!(symbol.st_visibility(), STV_DEFAULT | STV_PROTECTED);
        if is_defined && is_global && is_visible && opaque.is_none() && !name.is_empty() {
            self.builder.add_export(name, symbol.st_value)?;
        }
        let is_open =
            is_defined && is_global && symbol.st_visibility() == STV_DEFAULT && !self.is_symbolic;
        if is_open && c_library::exports(name) {
            let import = ImportName {
                name,
                library: None,
                weak: false,
            };
            return self.builder.import(&import).map(DynamicSymbolValue::Import);
        }
        Ok(opaque.map_or(
            DynamicSymbolValue::Known(symbol.st_value),
            DynamicSymbolValue::Opaque,
        ))
    }

    /// The number of dynamic symbols is stored nowhere: the hash tables and the relocations that refer to them tell.
    fn symbol_count(
        &self,
        entry: &impl Fn(u64) -> Option<u64>,
        tables: &[RelocSection<'data>],
    ) -> Result<usize, ImageError> {
        let endianness = if self.builder.kind.big_endian {
            Endianness::Big
        } else {
            Endianness::Little
        };
        let mut count = tables
            .iter()
            .flat_map(RelocSection::iter)
            .map(|relocation| relocation.r_sym + 1)
            .max();
        if let Some(address) = entry(DT_HASH) {
            let bytes = self.tail("hash table", address, None)?;
            count = count.max(Some(self.hashed_symbols(endianness, bytes)?));
        }
        if let Some(address) = entry(DT_GNU_HASH) {
            let bytes = self.tail("GNU hash table", address, None)?;
            let hashed = if self.builder.kind.pointer_size == 8 {
                gnu_hashed_symbols::<object::elf::FileHeader64<Endianness>>(endianness, bytes)
            } else {
                gnu_hashed_symbols::<object::elf::FileHeader32<Endianness>>(endianness, bytes)
            };
            count = count.max(Some(
                hashed.map_err(|error| self.builder.damaged("GNU hash table", error))?,
            ));
        }
        let count = count.unwrap_or(0);
        if count > MOST_SYMBOLS {
            return Err(self
                .builder
                .damaged("symbol table", format_args!("{count} symbols")));
        }
        Ok(count)
    }

    fn hashed_symbols(&self, endianness: Endianness, bytes: &[u8]) -> Result<usize, ImageError> {
        // s390x has words of eight bytes here, as Alpha had; nobody else does.
        if self.machine == goblin::elf::header::EM_S390 && self.builder.kind.pointer_size == 8 {
            let chains = bytes
                .get(8..16)
                .and_then(|word| word.try_into().ok())
                .map(u64::from_be_bytes);
            return Ok(usize::try_from(chains.unwrap_or(0)).unwrap_or(usize::MAX));
        }
        HashTable::<object::elf::FileHeader64<Endianness>>::parse(endianness, bytes)
            .map(|table| table.symbol_table_length() as usize)
            .map_err(|error| self.builder.damaged("hash table", error))
    }

    fn hide(&mut self, address: u64, what: &str) -> Result<(), ImageError> {
        let value = self.builder.opaque(what)?;
        self.builder.relocate(address, value)
    }
}

fn gnu_hashed_symbols<Elf: FileHeader>(endian: Elf::Endian, bytes: &[u8]) -> object::Result<usize> {
    let table = GnuHashTable::<Elf>::parse(endian, bytes)?;
    Ok(table
        .symbol_table_length(endian)
        .unwrap_or_else(|| table.symbol_base()) as usize)
}
