//! Relocations of an ELF file: what the loader writes into the image, and what it leaves to be known at run time.

use goblin::elf::dynamic::{
    DT_JMPREL, DT_PLTREL, DT_PLTRELSZ, DT_REL, DT_RELA, DT_RELASZ, DT_RELSZ,
};
use goblin::elf::reloc::{Reloc, RelocSection};
use object::Endianness;
use object::read::elf::{FileHeader, RelrIterator};

use super::super::ImageError;
use super::super::elf_relocation::{RelocationEffect, effect};
use super::{DT_RELR, DT_RELRSZ, DynamicSymbolValue, ElfFile};

impl<'data> ElfFile<'data> {
    pub(super) fn relocation_tables(
        &self,
        entry: &impl Fn(u64) -> Option<u64>,
    ) -> Result<Vec<RelocSection<'data>>, ImageError> {
        let plt_has_addends = entry(DT_PLTREL) == Some(DT_RELA);
        let tables = [
            (DT_REL, DT_RELSZ, false),
            (DT_RELA, DT_RELASZ, true),
            (DT_JMPREL, DT_PLTRELSZ, plt_has_addends),
        ];
        let mut found = Vec::new();
        for (address, size, has_addends) in tables {
            let (Some(address), Some(size)) = (entry(address), entry(size)) else {
                continue;
            };
            if size == 0 {
                continue;
            }
            let bytes = self.tail("relocations", address, Some(size))?;
            let table = RelocSection::parse(bytes, 0, bytes.len(), has_addends, self.context);
            found.push(table.map_err(|error| self.builder.damaged("relocations", error))?);
        }
        Ok(found)
    }

    pub(super) fn apply(
        &mut self,
        relocation: &Reloc,
        values: &[DynamicSymbolValue],
    ) -> Result<(), ImageError> {
        let address = relocation.r_offset;
        let addend = |file: &Self| match relocation.r_addend {
            Some(addend) => Ok(addend),
            None => file.builder.stored_pointer(address).map(|stored| {
                if file.builder.kind.pointer_size == 4 {
                    i64::from(stored as u32 as i32)
                } else {
                    stored as i64
                }
            }),
        };
        match effect(self.machine, relocation.r_type) {
            RelocationEffect::None => Ok(()),
            RelocationEffect::Relative => {
                let value = addend(self)? as u64;
                self.builder.relocate(address, value)
            }
            RelocationEffect::Absolute => {
                let addend = addend(self)?;
                self.point(address, relocation.r_sym, values, addend)
            }
            RelocationEffect::Slot => self.point(
                address,
                relocation.r_sym,
                values,
                relocation.r_addend.unwrap_or(0),
            ),
            RelocationEffect::Copy => self.hide(address, "copied data"),
            RelocationEffect::Indirect => self.hide(address, INDIRECT),
            RelocationEffect::ThreadLocal => self.hide(address, THREAD_LOCAL),
            RelocationEffect::ThreadLocalPair => {
                self.hide(address, THREAD_LOCAL)?;
                let second = address.saturating_add(self.builder.kind.pointer_size as u64);
                self.hide(second, THREAD_LOCAL)
            }
            RelocationEffect::Unknown => self.hide(address, "unknown relocation"),
        }
    }

    fn point(
        &mut self,
        address: u64,
        symbol: usize,
        values: &[DynamicSymbolValue],
        addend: i64,
    ) -> Result<(), ImageError> {
        match values.get(symbol) {
            // Symbol 0 is the undefined symbol, whose value is zero.
            _ if symbol == 0 => self.builder.relocate(address, addend as u64),
            Some(DynamicSymbolValue::Known(value)) => self
                .builder
                .relocate(address, value.wrapping_add_signed(addend)),
            Some(&DynamicSymbolValue::Import(import)) => {
                self.builder.relocate_to_import(address, import, addend)
            }
            Some(DynamicSymbolValue::Opaque(what)) => self.hide(address, what),
            None => Err(self
                .builder
                .damaged("relocations", format_args!("no symbol {symbol}"))),
        }
    }

    /// RELR: words that hold their addend and get the image's base added.
    pub(super) fn relative_relocations(
        &mut self,
        entry: &impl Fn(u64) -> Option<u64>,
    ) -> Result<(), ImageError> {
        let (Some(address), Some(size)) = (entry(DT_RELR), entry(DT_RELRSZ)) else {
            return Ok(());
        };
        if size == 0 {
            return Ok(());
        }
        let endianness = if self.builder.kind.big_endian {
            Endianness::Big
        } else {
            Endianness::Little
        };
        let bytes = self.tail("RELR relocations", address, Some(size))?;
        if self.builder.kind.pointer_size == 8 {
            for address in
                relative_addresses::<object::elf::FileHeader64<Endianness>>(endianness, bytes)
            {
                self.relocate_in_place(address)?;
            }
        } else {
            for address in
                relative_addresses::<object::elf::FileHeader32<Endianness>>(endianness, bytes)
            {
                self.relocate_in_place(address.into())?;
            }
        }
        Ok(())
    }

    fn relocate_in_place(&mut self, address: u64) -> Result<(), ImageError> {
        let value = self.builder.stored_pointer(address)?;
        self.builder.relocate(address, value)
    }
}

fn relative_addresses<Elf: FileHeader>(endian: Elf::Endian, bytes: &[u8]) -> RelrIterator<'_, Elf> {
    let count = bytes.len() / size_of::<Elf::Relr>();
    let words = object::pod::slice_from_bytes::<Elf::Relr>(bytes, count)
        .map_or(&[][..], |(words, _)| words);
    RelrIterator::new(endian, words)
}

/// Names of values that only the running program knows.
pub(super) const INDIRECT: &str = "indirect function";

pub(super) const THREAD_LOCAL: &str = "thread-local storage";
