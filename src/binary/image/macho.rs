//! Mach-O, thin and universal: rebases and binds by opcodes or by chained fixups, exports by trie or symbol table.
//!
//! Stubs need no special care: they jump through slots that are bound here.

use std::collections::HashSet;

use object::Endianness;
use object::macho::{self, FatArch32, FatArch64, MachHeader32, MachHeader64};
use object::read::macho::{
    FatArch, Fixup, LoadCommandVariant, MachHeader, MachOFatFile, Nlist, Segment as _, SymbolTable,
};

use super::builder::{ImageBuilder, ImageKind, ImportName};
use super::{BinaryImage, ImageError, ImageSegment, export_trie};
use crate::model::facts::ImageFormat;

/// Most slices of a universal file; Java's class files begin with the same bytes, and a larger number.
const MOST_SLICES: usize = 30;
const MOST_EXPORTS: usize = 1 << 20;
const LONGEST_NAME: usize = 1 << 16;
/// Most entries of the symbol table.
const MOST_SYMBOLS: usize = 8 << 20;

fn damaged(part: &'static str, why: impl ToString) -> ImageError {
    ImageError::Damaged {
        format: "Mach-O",
        part,
        why: why.to_string(),
    }
}

/// Reads every slice of a universal file.
pub(super) fn open_universal(data: &[u8]) -> Result<Vec<BinaryImage<'_>>, ImageError> {
    if data.get(3) == Some(&0xbf) {
        slices::<FatArch64>(data)
    } else {
        slices::<FatArch32>(data)
    }
}

fn slices<Arch: FatArch>(data: &[u8]) -> Result<Vec<BinaryImage<'_>>, ImageError> {
    let count = data
        .get(4..8)
        .and_then(|count| count.try_into().ok())
        .map_or(0, u32::from_be_bytes);
    if count as usize > MOST_SLICES {
        return Err(ImageError::NotAnObject);
    }
    let file =
        MachOFatFile::<Arch>::parse(data).map_err(|error| damaged("universal header", error))?;
    let slice = |arch: &Arch| {
        open(
            arch.data(data)
                .map_err(|error| damaged("universal slice", error))?,
        )
    };
    file.arches().iter().map(slice).collect()
}

/// Reads one thin file.
pub(super) fn open(data: &[u8]) -> Result<BinaryImage<'_>, ImageError> {
    match data {
        [0xfe, 0xed, 0xfa, 0xcf, ..] | [0xcf, ..] => read::<MachHeader64<Endianness>>(data),
        [0xfe, 0xed, 0xfa, 0xce, ..] | [0xce, ..] => read::<MachHeader32<Endianness>>(data),
        _ => Err(damaged("universal slice", "not a Mach-O file")),
    }
}

fn architecture(cpu: macho::CpuType) -> &'static str {
    match cpu {
        macho::CPU_TYPE_X86_64 => "x86_64",
        macho::CPU_TYPE_ARM64 => "aarch64",
        macho::CPU_TYPE_X86 => "i686",
        macho::CPU_TYPE_ARM => "armv7l",
        macho::CPU_TYPE_POWERPC => "ppc",
        macho::CPU_TYPE_POWERPC64 => "ppc64",
        _ => "unknown",
    }
}

fn read<'data, Mach: MachHeader<Endian = Endianness>>(
    data: &'data [u8],
) -> Result<BinaryImage<'data>, ImageError> {
    let header = Mach::parse(data, 0).map_err(|error| damaged("header", error))?;
    let endian = header.endian().map_err(|error| damaged("header", error))?;
    if !matches!(
        header.filetype(endian),
        macho::MH_DYLIB | macho::MH_BUNDLE | macho::MH_EXECUTE
    ) {
        return Err(ImageError::NotAnObject);
    }
    let kind = ImageKind {
        format: ImageFormat::MachO,
        architecture: architecture(header.cputype(endian)),
        pointer_size: if header.is_type_64() { 8 } else { 4 },
        big_endian: header.is_big_endian(),
    };
    let mut file = MachOFile::<Mach> {
        data,
        endian,
        builder: ImageBuilder::new(kind, data),
        segments: Vec::new(),
        tables: LoadCommandTables::default(),
    };
    file.follow_commands(header)?;
    file.read_exports()?;
    file.apply_opcodes()?;
    file.apply_chains()?;
    file.read_undefined()?;
    Ok(file.builder.finish())
}

/// A segment as the file numbers it.
struct NumberedSegment<'data> {
    address: u64,
    size: u64,
    bytes: &'data [u8],
    holds_header: bool,
}

/// The tables that the load commands point to.
struct LoadCommandTables<'data, Mach: MachHeader> {
    dyld_info: Option<&'data macho::DyldInfoCommand<Mach::Endian>>,
    chained_fixups: Option<&'data macho::LinkeditDataCommand<Mach::Endian>>,
    exports_trie: Option<&'data macho::LinkeditDataCommand<Mach::Endian>>,
    symbols: Option<&'data macho::SymtabCommand<Mach::Endian>>,
}

impl<Mach: MachHeader> Default for LoadCommandTables<'_, Mach> {
    fn default() -> Self {
        LoadCommandTables {
            dyld_info: None,
            chained_fixups: None,
            exports_trie: None,
            symbols: None,
        }
    }
}

/// A Mach-O file being read.
struct MachOFile<'data, Mach: MachHeader<Endian = Endianness>> {
    data: &'data [u8],
    endian: Endianness,
    builder: ImageBuilder<'data>,
    segments: Vec<NumberedSegment<'data>>,
    tables: LoadCommandTables<'data, Mach>,
}

/// One pointer to bind.
struct PointerBind<'a> {
    address: u64,
    symbol: &'a [u8],
    library: macho::BindDylib,
    weak: bool,
    addend: i64,
}

fn undecorated(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"_").unwrap_or(name)
}

impl<'data, Mach: MachHeader<Endian = Endianness>> MachOFile<'data, Mach> {
    fn follow_commands(&mut self, header: &'data Mach) -> Result<(), ImageError> {
        let mut commands = header
            .load_commands(self.endian, self.data, 0)
            .map_err(|error| damaged("load commands", error))?;
        while let Some(command) = commands
            .next()
            .map_err(|error| damaged("load commands", error))?
        {
            let segment =
                Mach::Segment::from_command(command).map_err(|error| damaged("segment", error))?;
            if let Some((segment, _)) = segment {
                self.add_segment(segment)?;
                continue;
            }
            match command
                .variant()
                .map_err(|error| damaged("load command", error))?
            {
                LoadCommandVariant::Dylib(library) => {
                    let name = command.string(self.endian, library.dylib.name);
                    self.builder
                        .add_library(name.map_err(|error| damaged("library name", error))?)?;
                }
                LoadCommandVariant::DyldInfo(info) => self.tables.dyld_info = Some(info),
                LoadCommandVariant::Symtab(symbols) => self.tables.symbols = Some(symbols),
                LoadCommandVariant::LinkeditData(linkedit) => match command.cmd() {
                    macho::LC_DYLD_CHAINED_FIXUPS => self.tables.chained_fixups = Some(linkedit),
                    macho::LC_DYLD_EXPORTS_TRIE => self.tables.exports_trie = Some(linkedit),
                    _ => {}
                },
                _ => {}
            }
        }
        Ok(())
    }

    fn add_segment(&mut self, segment: &'data Mach::Segment) -> Result<(), ImageError> {
        let address: u64 = segment.vmaddr(self.endian).into();
        let size: u64 = segment.vmsize(self.endian).into();
        let (offset, length) = segment.file_range(self.endian);
        let bytes = self.builder.file_range("segment", offset, length)?;
        let protection = segment.initprot(self.endian);
        self.segments.push(NumberedSegment {
            address,
            size,
            bytes,
            holds_header: offset == 0 && length != 0,
        });
        // A segment without any permission, such as the empty one around address zero, maps nothing.
        if protection.0 == 0 {
            return Ok(());
        }
        if segment.flags(self.endian).contains(macho::SG_READ_ONLY) {
            self.builder.seal(address, size);
        }
        self.builder.add_segment(ImageSegment {
            name: String::from_utf8_lossy(segment.name()).into_owned(),
            address,
            size,
            writable: protection.contains(macho::VM_PROT_WRITE),
            executable: protection.contains(macho::VM_PROT_EXECUTE),
            bytes,
        })
    }

    /// The address that the file was linked for.
    fn base(&self) -> u64 {
        self.segments
            .iter()
            .find(|segment| segment.holds_header)
            .map_or(0, |segment| segment.address)
    }

    fn place(&self, segment: usize, offset: u64) -> Result<u64, ImageError> {
        let pointer_size = self.builder.kind.pointer_size as u64;
        let inside = |segment: &&NumberedSegment<'data>| {
            offset
                .checked_add(pointer_size)
                .is_some_and(|end| end <= segment.size)
        };
        let found = self.segments.get(segment).filter(inside);
        found
            .and_then(|found| found.address.checked_add(offset))
            .ok_or_else(|| {
                damaged(
                    "fixup",
                    format_args!("offset {offset:#x} is not in segment {segment}"),
                )
            })
    }

    fn read_exports(&mut self) -> Result<(), ImageError> {
        let trie = match (self.tables.exports_trie, self.tables.dyld_info) {
            (Some(trie), _) => trie.data(self.endian, self.data),
            (None, Some(info)) => info.export_data(self.endian, self.data),
            (None, None) => Ok(&[][..]),
        };
        let trie = trie.map_err(|error| damaged("export trie", error))?;
        if trie.is_empty() {
            return self.read_defined();
        }
        let exports = export_trie::exports(trie, MOST_EXPORTS, LONGEST_NAME);
        let base = self.base();
        for export in exports.map_err(|why| damaged("export trie", why))? {
            self.builder
                .add_export(undecorated(&export.name), base.wrapping_add(export.offset))?;
        }
        Ok(())
    }

    fn symbol_table(&self) -> Result<Option<SymbolTable<'data, Mach>>, ImageError> {
        let Some(command) = self.tables.symbols else {
            return Ok(None);
        };
        let table = command.symbols::<Mach, _>(self.endian, self.data);
        table
            .map(Some)
            .map_err(|error| damaged("symbol table", error))
    }

    fn each_external(
        &mut self,
        mut each: impl FnMut(&mut Self, &'data Mach::Nlist, &'data [u8]) -> Result<(), ImageError>,
    ) -> Result<(), ImageError> {
        let Some(table) = self.symbol_table()? else {
            return Ok(());
        };
        if table.len() > MOST_SYMBOLS {
            return Err(damaged(
                "symbol table",
                format_args!("{} symbols", table.len()),
            ));
        }
        for symbol in table.iter() {
            if symbol.is_stab() || !symbol.n_type().contains(macho::N_EXT) {
                continue;
            }
            let name = symbol.name(self.endian, table.strings());
            each(
                self,
                symbol,
                undecorated(name.map_err(|error| damaged("symbol name", error))?),
            )?;
        }
        Ok(())
    }

    /// Exports by the symbol table, for files without a trie.
    fn read_defined(&mut self) -> Result<(), ImageError> {
        let endian = self.endian;
        self.each_external(|file, symbol, name| {
            if symbol.is_definition() && !name.is_empty() {
                file.builder
                    .add_export(name, symbol.n_value(endian).into())?;
            }
            Ok(())
        })
    }

    /// Undefined symbols that no pointer is bound to still belong to the imports.
    fn read_undefined(&mut self) -> Result<(), ImageError> {
        let known: HashSet<String> = self.builder.import_names().map(str::to_owned).collect();
        self.each_external(|file, symbol, name| {
            let is_new =
                |name: &[u8]| std::str::from_utf8(name).is_ok_and(|name| !known.contains(name));
            if symbol.is_undefined() && !name.is_empty() && is_new(name) {
                file.builder.import(&ImportName {
                    name,
                    library: None,
                    weak: false,
                })?;
            }
            Ok(())
        })
    }

    fn apply_opcodes(&mut self) -> Result<(), ImageError> {
        let Some(info) = self.tables.dyld_info else {
            return Ok(());
        };
        let pointer_size = self.builder.kind.pointer_size as u8;
        let rebases = info
            .rebases(self.endian, self.data, pointer_size)
            .map_err(|error| damaged("rebases", error))?;
        for rebase in rebases {
            let rebase = rebase.map_err(|error| damaged("rebases", error))?;
            if rebase.kind == macho::REBASE_TYPE_TEXT_PCREL32 {
                continue;
            }
            let address = self.place(rebase.segment_index.into(), rebase.segment_offset)?;
            let value = self.builder.stored_pointer(address)?;
            self.builder.relocate(address, value)?;
        }
        let streams = [
            info.binds(self.endian, self.data, pointer_size),
            info.lazy_binds(self.endian, self.data, pointer_size),
            info.weak_binds(self.endian, self.data, pointer_size),
        ];
        for stream in streams {
            for bind in stream.map_err(|error| damaged("binds", error))? {
                let bind = bind.map_err(|error| damaged("binds", error))?;
                let address = self.place(bind.segment_index.into(), bind.segment_offset)?;
                self.bind(&PointerBind {
                    address,
                    symbol: undecorated(bind.symbol),
                    library: bind.dylib,
                    weak: bind.flags.contains(macho::BIND_SYMBOL_FLAGS_WEAK_IMPORT),
                    addend: bind.addend,
                })?;
            }
        }
        Ok(())
    }

    fn bind(&mut self, bind: &PointerBind<'_>) -> Result<(), ImageError> {
        let may_be_own = matches!(
            bind.library,
            macho::BIND_SPECIAL_DYLIB_SELF
                | macho::BIND_SPECIAL_DYLIB_FLAT_LOOKUP
                | macho::BIND_SPECIAL_DYLIB_WEAK_LOOKUP
        );
        if let Some(own) = self.builder.export(bind.symbol).filter(|_| may_be_own) {
            return self
                .builder
                .relocate(bind.address, own.wrapping_add_signed(bind.addend));
        }
        let position = usize::try_from(bind.library.0)
            .ok()
            .and_then(|ordinal| ordinal.checked_sub(1));
        let library = position
            .and_then(|position| self.builder.library(position))
            .map(str::to_owned);
        let name = ImportName {
            name: bind.symbol,
            library: library.as_deref(),
            weak: bind.weak,
        };
        let import = self.builder.import(&name)?;
        self.builder
            .relocate_to_import(bind.address, import, bind.addend)
    }

    fn apply_chains(&mut self) -> Result<(), ImageError> {
        let Some(command) = self.tables.chained_fixups else {
            return Ok(());
        };
        let chained = |error: object::Error| damaged("chained fixups", error);
        let fixups = command
            .chained_fixups(self.endian, self.data)
            .map_err(chained)?;
        let base = self.base();
        let imports: Vec<_> = fixups
            .imports(self.endian)
            .map_err(chained)?
            .collect::<Result<_, _>>()
            .map_err(chained)?;
        for chains in fixups.segments(self.endian).map_err(chained)? {
            let chains = chains.map_err(chained)?;
            let index = chains.index() as usize;
            let Some(bytes) = self.segments.get(index).map(|segment| segment.bytes) else {
                return Err(damaged(
                    "chained fixups",
                    format_args!("no segment {index}"),
                ));
            };
            for fixup in chains.fixups(self.endian, base, bytes) {
                let (offset, fixup) = fixup.map_err(chained)?;
                let address = self.place(index, offset)?;
                match fixup {
                    Fixup::Rebase(rebase) => self
                        .builder
                        .relocate(address, base.wrapping_add(rebase.target_offset))?,
                    Fixup::Bind(bind) => {
                        let missing = || {
                            damaged("chained fixups", format_args!("no import {}", bind.ordinal))
                        };
                        let import = imports.get(bind.ordinal as usize).ok_or_else(missing)?;
                        self.bind(&PointerBind {
                            address,
                            symbol: undecorated(import.name),
                            library: import.dylib,
                            weak: import.weak_import,
                            addend: import.addend.wrapping_add(bind.addend.into()),
                        })?;
                    }
                    _ => {
                        return Err(damaged(
                            "chained fixups",
                            "a kind that only the kernel uses",
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}
