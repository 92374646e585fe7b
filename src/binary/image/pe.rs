//! PE, 32 and 64 bits: import and delay-import tables, base relocations, exports.
//!
//! Pointers are stored as addresses for the preferred base already, so a base relocation changes nothing: it only says
//! where pointers are.

use object::LittleEndian as LE;
use object::pe::{self, ImageNtHeaders32, ImageNtHeaders64};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile, optional_header_magic};

use super::builder::{ImageBuilder, ImageKind, ImportName, until_nul};
use super::{BinaryImage, ImageError, ImageSegment};
use crate::model::facts::ImageFormat;

/// Most imports from one library.
const MOST_THUNKS: u64 = 1 << 18;

fn damaged(part: &'static str, why: impl ToString) -> ImageError {
    ImageError::Damaged {
        format: "PE",
        part,
        why: why.to_string(),
    }
}

/// Reads one PE file.
pub(super) fn open(data: &[u8]) -> Result<BinaryImage<'_>, ImageError> {
    match optional_header_magic(data).map_err(|error| damaged("header", error))? {
        pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC => read::<ImageNtHeaders64>(data, 8),
        pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC => read::<ImageNtHeaders32>(data, 4),
        magic => Err(damaged(
            "header",
            format_args!("optional header of kind {magic:#x}"),
        )),
    }
}

fn architecture(machine: pe::Machine) -> &'static str {
    match machine {
        pe::IMAGE_FILE_MACHINE_AMD64 => "x86_64",
        pe::IMAGE_FILE_MACHINE_ARM64 | pe::IMAGE_FILE_MACHINE_ARM64EC => "aarch64",
        pe::IMAGE_FILE_MACHINE_I386 => "i686",
        pe::IMAGE_FILE_MACHINE_ARMNT => "armv7l",
        _ => "unknown",
    }
}

fn read<Pe: ImageNtHeaders>(
    data: &[u8],
    pointer_size: usize,
) -> Result<BinaryImage<'_>, ImageError> {
    let file = PeFile::<Pe>::parse(data).map_err(|error| damaged("header", error))?;
    let kind = ImageKind {
        format: ImageFormat::Pe,
        architecture: architecture(file.nt_headers().file_header().machine.get(LE)),
        pointer_size,
        big_endian: false,
    };
    let base = file.nt_headers().optional_header().image_base();
    let mut reader = PeReader {
        file,
        base,
        builder: ImageBuilder::new(kind, data),
        data,
    };
    reader.map()?;
    reader.find_thread_template();
    let entry = reader
        .file
        .nt_headers()
        .optional_header()
        .address_of_entry_point();
    if entry != 0 {
        reader
            .builder
            .add_initialiser(base.saturating_add(entry.into()));
    }
    reader.read_exports()?;
    reader.mark_pointers()?;
    reader.link()?;
    reader.link_delayed()?;
    Ok(reader.builder.finish())
}

/// A PE file being read.
struct PeReader<'data, Pe: ImageNtHeaders> {
    file: PeFile<'data, Pe>,
    base: u64,
    builder: ImageBuilder<'data>,
    data: &'data [u8],
}

/// The imports from one library; all relative to the base.
struct ImportDescriptor {
    library: u32,
    /// Names or ordinals.
    lookup: u32,
    /// Where the loader writes the addresses.
    slots: u32,
}

impl<'data, Pe: ImageNtHeaders> PeReader<'data, Pe> {
    fn map(&mut self) -> Result<(), ImageError> {
        for section in self.file.section_table().iter() {
            let flags = section.characteristics.get(LE);
            let (address, virtual_size) = section.pe_address_range();
            // Linkers may leave the virtual size out; the loader then takes the size in the file.
            let size = if virtual_size == 0 {
                section.size_of_raw_data.get(LE)
            } else {
                virtual_size
            };
            let (offset, length) = (
                section.pointer_to_raw_data.get(LE),
                section.size_of_raw_data.get(LE).min(size),
            );
            let bytes = if offset == 0 {
                &[]
            } else {
                self.builder
                    .file_range("section", offset.into(), length.into())?
            };
            self.builder.add_segment(ImageSegment {
                name: String::from_utf8_lossy(section.raw_name()).into_owned(),
                address: self.base.saturating_add(address.into()),
                size: size.into(),
                writable: flags.contains(pe::IMAGE_SCN_MEM_WRITE),
                executable: flags.contains(pe::IMAGE_SCN_MEM_EXECUTE),
                bytes,
            })?;
        }
        Ok(())
    }

    /// The directory begins with the addresses of the template's start and end.
    /// <https://learn.microsoft.com/en-us/windows/win32/debug/pe-format#the-tls-section>
    fn find_thread_template(&mut self) {
        let Some(directory) = self
            .file
            .data_directories()
            .get(pe::IMAGE_DIRECTORY_ENTRY_TLS)
        else {
            return;
        };
        let place = self
            .base
            .wrapping_add(directory.virtual_address.get(LE).into());
        let size = self.builder.kind.pointer_size as u64;
        let bounds =
            [place, place.wrapping_add(size)].map(|place| self.builder.stored_pointer(place));
        if let [Ok(start), Ok(end)] = bounds {
            self.builder.set_thread_template(start, end);
        }
    }

    fn read_exports(&mut self) -> Result<(), ImageError> {
        let part = "export table";
        let Some(table) = self
            .file
            .export_table()
            .map_err(|error| damaged(part, error))?
        else {
            return Ok(());
        };
        for (name, index) in table.name_iter() {
            let address = table
                .address_by_index(index)
                .map_err(|error| damaged(part, error))?;
            let name = table
                .name_from_pointer(name)
                .map_err(|error| damaged(part, error))?;
            if address != 0 && !table.is_forward(address) {
                self.builder
                    .add_export(name, self.base.wrapping_add(address.into()))?;
            }
        }
        Ok(())
    }

    fn mark_pointers(&mut self) -> Result<(), ImageError> {
        let (directories, sections) = (self.file.data_directories(), self.file.section_table());
        let blocks = directories.relocation_blocks(self.data, &sections);
        let Some(blocks) = blocks.map_err(|error| damaged("base relocations", error))? else {
            return Ok(());
        };
        for block in blocks {
            for relocation in block.map_err(|error| damaged("base relocations", error))? {
                if matches!(
                    relocation.typ,
                    pe::IMAGE_REL_BASED_DIR64 | pe::IMAGE_REL_BASED_HIGHLOW
                ) {
                    let address = self.base.wrapping_add(relocation.virtual_address.into());
                    let value = self.builder.stored_pointer(address)?;
                    self.builder.relocate(address, value)?;
                }
            }
        }
        Ok(())
    }

    fn link(&mut self) -> Result<(), ImageError> {
        let part = "import table";
        let Some(table) = self
            .file
            .import_table()
            .map_err(|error| damaged(part, error))?
        else {
            return Ok(());
        };
        for descriptor in table.descriptors().map_err(|error| damaged(part, error))? {
            let descriptor = descriptor.map_err(|error| damaged(part, error))?;
            // Without a lookup table, the names are where the addresses will be written.
            let (lookup, slots) = (
                descriptor.original_first_thunk.get(LE),
                descriptor.first_thunk.get(LE),
            );
            let lookup = if lookup == 0 { slots } else { lookup };
            self.add_imports(&ImportDescriptor {
                library: descriptor.name.get(LE),
                lookup,
                slots,
            })?;
        }
        Ok(())
    }

    fn link_delayed(&mut self) -> Result<(), ImageError> {
        let part = "delay-import table";
        let table = self
            .file
            .delay_load_import_table()
            .map_err(|error| damaged(part, error))?;
        let Some(table) = table else { return Ok(()) };
        for descriptor in table.descriptors().map_err(|error| damaged(part, error))? {
            let descriptor = descriptor.map_err(|error| damaged(part, error))?;
            self.add_imports(&ImportDescriptor {
                library: descriptor.dll_name_rva.get(LE),
                lookup: descriptor.import_name_table_rva.get(LE),
                slots: descriptor.import_address_table_rva.get(LE),
            })?;
        }
        Ok(())
    }

    /// Tables and names may lie in any section, other than what the readers of `object` expect.
    fn add_imports(&mut self, descriptor: &ImportDescriptor) -> Result<(), ImageError> {
        let library = self.text(descriptor.library)?;
        self.builder.add_library(library)?;
        let library = String::from_utf8_lossy(library).into_owned();
        let size = self.builder.kind.pointer_size as u64;
        let by_ordinal = 1_u64 << (size * 8 - 1);
        for number in 0..MOST_THUNKS {
            let at = |table: u32| {
                self.base
                    .wrapping_add(u64::from(table))
                    .wrapping_add(number * size)
            };
            let (thunk, slot) = (
                self.builder.stored_pointer(at(descriptor.lookup))?,
                at(descriptor.slots),
            );
            if thunk == 0 {
                return Ok(());
            }
            let ordinal = format!("#{}", thunk & 0xffff);
            let name = if thunk & by_ordinal != 0 {
                ordinal.as_bytes()
            } else {
                // A hint of two bytes precedes the name.
                self.text((thunk as u32 & 0x7fff_ffff).wrapping_add(2))?
            };
            let import = self.builder.import(&ImportName {
                name,
                library: Some(&library),
                weak: false,
            })?;
            self.builder.relocate(slot, import)?;
        }
        Err(damaged(
            "import lookup table",
            format_args!("more than {MOST_THUNKS} imports from {library}"),
        ))
    }

    fn text(&self, address: u32) -> Result<&'data [u8], ImageError> {
        let tail = self.builder.tail(self.base.wrapping_add(address.into()));
        let text = tail.and_then(until_nul).filter(|text| !text.is_empty());
        text.ok_or_else(|| damaged("import name", format_args!("no text at {address:#x}")))
    }
}
