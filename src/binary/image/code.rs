//! Where an image's code is, and which function an address belongs to.
//!
//! Loaders know only of executable segments, and some linkers put data into those: so the sections say where code is, and
//! the segments only where there are none.

use object::read::macho::{LoadCommandVariant, MachHeader};
use object::{
    Endianness, Object, ObjectSection, ObjectSymbol, SectionFlags, SymbolKind, elf, macho,
};

use super::BinaryImage;
use crate::model::facts::ImageFormat;

/// Most sections that are looked at.
const MOST_SECTIONS: usize = 4096;
/// Most functions that are told apart.
const MOST_FUNCTIONS: usize = 1 << 20;

/// A run of code.
#[derive(Clone, Copy, Debug)]
pub struct CodeRange<'data> {
    /// Virtual address of the first byte.
    pub address: u64,
    /// What the file holds there, without relocations.
    pub bytes: &'data [u8],
}

/// A function with a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamedFunction<'data> {
    start: u64,
    end: u64,
    name: &'data str,
}

impl<'data> BinaryImage<'data> {
    /// Where its code is, by address, without overlaps.
    pub fn code(&self) -> Vec<CodeRange<'data>> {
        let mut places = self.code_sections();
        if places.is_empty() {
            let executable = self.segments.iter().filter(|segment| segment.executable);
            places = executable
                .map(|segment| (segment.address, segment.size))
                .collect();
        }
        places.sort_unstable();
        let mut ranges = Vec::new();
        let mut next = 0;
        for (address, size) in places {
            let (start, end) = (address.max(next), address.saturating_add(size));
            let Some(segment) = self.segment_at(start).filter(|_| start < end) else {
                continue;
            };
            let within =
                |address: u64| usize::try_from(address - segment.address).unwrap_or(usize::MAX);
            let last = within(end).min(segment.bytes.len());
            if let Some(bytes) = segment.bytes.get(within(start)..last) {
                ranges.push(CodeRange {
                    address: start,
                    bytes,
                });
            }
            next = end;
        }
        ranges
    }

    /// Where code is for certain, as (start, end): what sections say, or on Windows segments, which are sections there.
    pub fn named_code(&self) -> Vec<(u64, u64)> {
        let places = if self.format == ImageFormat::Pe {
            let executable = self.segments.iter().filter(|segment| segment.executable);
            executable
                .map(|segment| (segment.address, segment.size))
                .collect()
        } else {
            self.code_sections()
        };
        places
            .into_iter()
            .map(|(start, size)| (start, start.saturating_add(size)))
            .collect()
    }

    /// The name of the function that holds an address, where a symbol table tells for certain.
    pub fn function_at(&self, address: u64) -> Option<&'data str> {
        let functions = self.functions.get_or_init(|| self.read_functions());
        let after = functions.partition_point(|function| function.start <= address);
        let function = functions.get(after.checked_sub(1)?)?;
        (address < function.end).then_some(function.name)
    }

    /// Address and size of each section of code; none where the format has only segments, or the file no sections.
    fn code_sections(&self) -> Vec<(u64, u64)> {
        let Ok(file) = object::File::parse(self.data) else {
            return Vec::new();
        };
        let is_code = |flags: SectionFlags| match flags {
            SectionFlags::Elf { sh_flags, .. } => sh_flags.contains(elf::SHF_EXECINSTR),
            SectionFlags::MachO { flags, .. } => {
                flags.contains(macho::S_ATTR_PURE_INSTRUCTIONS)
                    || flags.contains(macho::S_ATTR_SOME_INSTRUCTIONS)
            }
            _ => false,
        };
        let sections = file
            .sections()
            .take(MOST_SECTIONS)
            .filter(|section| is_code(section.flags()));
        sections
            .map(|section| (section.address(), section.size()))
            .collect()
    }

    fn read_functions(&self) -> Vec<NamedFunction<'data>> {
        let Ok(file) = object::File::parse(self.data) else {
            return Vec::new();
        };
        let prefix = if self.format == ImageFormat::MachO {
            "_"
        } else {
            ""
        };
        let starts = self.function_starts();
        let symbols = file
            .symbols()
            .chain(file.dynamic_symbols())
            .take(MOST_FUNCTIONS);
        let functions =
            symbols.filter(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text);
        let mut named: Vec<NamedFunction<'data>> = functions
            .filter_map(|symbol| {
                let (start, name) = (symbol.address(), symbol.name().ok()?);
                // Where symbols have no size, the next start of a function ends this one.
                let end = match symbol.size() {
                    0 => {
                        let index = starts.binary_search(&start).ok()?;
                        starts.get(index + 1).copied()?
                    }
                    size => start.checked_add(size)?,
                };
                Some(NamedFunction {
                    start,
                    end,
                    name: name.strip_prefix(prefix).unwrap_or(name),
                })
            })
            .collect();
        named.sort_unstable_by_key(|function| (function.start, function.name));
        named.dedup_by_key(|function| function.start);
        named
    }

    /// Where functions start, as Mach-O files list it beside the symbol table.
    fn function_starts(&self) -> Vec<u64> {
        if self.format != ImageFormat::MachO || self.pointer_size != 8 {
            return Vec::new();
        }
        let base = self
            .segments
            .iter()
            .find(|segment| segment.name == "__TEXT")
            .map_or(0, |segment| segment.address);
        let read = || -> object::Result<Vec<u64>> {
            let header = macho::MachHeader64::<Endianness>::parse(self.data, 0)?;
            let endian = header.endian()?;
            let mut commands = header.load_commands(endian, self.data, 0)?;
            while let Some(command) = commands.next()? {
                if let LoadCommandVariant::LinkeditData(linkedit) = command.variant()?
                    && command.cmd() == macho::LC_FUNCTION_STARTS
                {
                    return linkedit
                        .function_starts(endian, self.data, base)?
                        .take(MOST_FUNCTIONS)
                        .collect();
                }
            }
            Ok(Vec::new())
        };
        let mut starts = read().unwrap_or_default();
        starts.sort_unstable();
        starts
    }
}
