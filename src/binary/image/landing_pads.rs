//! Where code goes on when a call throws: the landing pads of C++, as the tables for unwinding name them.
//!
//! ELF finds a function's table through `.eh_frame_hdr` and `.eh_frame`, Mach-O through `__unwind_info`. The table itself
//! (the "language-specific data area") is the same in both. Functions of other languages are left out: what Rust catches
//! are panics, and they end in an error. PE files have tables of another kind, which are not read.
//! <https://itanium-cxx-abi.github.io/cxx-abi/abi-eh.html>,
//! <https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/ehframechpt.html>,
//! <https://github.com/llvm/llvm-project/blob/llvmorg-19.1.0/libunwind/include/mach-o/compact_unwind_encoding.h>

use super::BinaryImage;
use crate::model::facts::ImageFormat;

/// The function that reads the tables of C++.
const PERSONALITY: &str = "__gxx_personality_v0";
/// Most entries of one table that are looked at.
const MOST_ENTRIES: usize = 1 << 16;
/// Longest chain of what one entry catches.
const MOST_ACTIONS: usize = 64;

/// Where code goes on when a call throws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LandingPad {
    /// Its address.
    pub address: u64,
    /// Whether it may end the exception; else it only cleans up.
    pub catches: bool,
    /// Whether an exception of another type passes by: nothing is cleaned up there.
    pub lets_pass: bool,
}

/// Where an image has its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnwindTables {
    /// None that could be read.
    Absent,
    /// ELF: `.eh_frame_hdr`.
    FrameHeader(u64),
    /// Mach-O: `__unwind_info`, and where its offsets count from.
    Compact { section: u64, base: u64 },
}

/// A function's table, and the address that its entries count from.
struct CallSiteTable {
    address: u64,
    function: u64,
}

impl BinaryImage<'_> {
    /// Where code goes on when the call that returns to an address throws, where that is in the same function.
    pub fn landing_pad(&self, return_to: u64) -> Option<LandingPad> {
        let call = return_to.checked_sub(1)?;
        let table = match *self.unwind_tables.get_or_init(|| self.find_unwind_tables()) {
            UnwindTables::Absent => None,
            UnwindTables::FrameHeader(header) => self.table_by_frame(header, call),
            UnwindTables::Compact { section, base } => self.table_by_offset(section, base, call),
        }?;
        self.entry_for(&table, call)
    }

    fn find_unwind_tables(&self) -> UnwindTables {
        let first = |name| {
            self.sections_named(name)
                .first()
                .map(|&(address, _)| address)
        };
        let found = match self.format {
            ImageFormat::Elf => first(".eh_frame_hdr").map(UnwindTables::FrameHeader),
            ImageFormat::MachO => first("__unwind_info").and_then(|section| {
                let base = self
                    .segments
                    .iter()
                    .find(|segment| segment.name == "__TEXT")?
                    .address;
                self.has_one_personality(section, base)
                    .then_some(UnwindTables::Compact { section, base })
            }),
            ImageFormat::Pe => None,
        };
        found.unwrap_or(UnwindTables::Absent)
    }

    /// The table of the function that holds an address, by the sorted list of functions.
    fn table_by_frame(&self, header: u64, address: u64) -> Option<CallSiteTable> {
        /// Version 1; a relative pointer, a count of four bytes, and pairs relative to the header.
        const LAYOUT: u32 = 0x3b03_1b01;
        const PAIRS: u64 = 12;
        (self.u32(header)? == LAYOUT).then_some(())?;
        let count = u64::from(self.u32(header.wrapping_add(8))?);
        let relative = |place: u64| Some(header.wrapping_add(signed(self.u32(place)?)));
        let pair = |index: u64| header.wrapping_add(PAIRS).wrapping_add(8 * index);
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            if relative(pair(middle))? <= address {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let entry = relative(pair(low.checked_sub(1)?).wrapping_add(4))?;
        self.table_of_entry(entry, address)
    }

    /// What a frame description entry says of its function's table.
    fn table_of_entry(&self, entry: u64, address: u64) -> Option<CallSiteTable> {
        let reference = entry.wrapping_add(4);
        let common = reference.wrapping_sub(u64::from(self.u32(reference)?));
        let encodings = self.encodings(common)?;
        let mut cursor = TableCursor {
            image: self,
            place: entry.wrapping_add(8),
        };
        let function = cursor.pointer(encodings.code)?;
        let size = cursor.pointer(encodings.code & 0x0f)?;
        (address.wrapping_sub(function) < size).then_some(())?;
        cursor.unsigned()?;
        let address = cursor.pointer(encodings.table)?;
        (address != 0).then_some(CallSiteTable { address, function })
    }

    /// How the entries that share a common information entry spell their pointers, where the functions are of C++.
    fn encodings(&self, common: u64) -> Option<FrameEncodings> {
        let mut cursor = TableCursor {
            image: self,
            place: common.wrapping_add(8),
        };
        let version = cursor.byte()?;
        let augmentation = self.c_string(cursor.place, 8)?;
        cursor.place = cursor.place.wrapping_add(augmentation.len() as u64 + 1);
        // Factors of addresses, and the register of the return address.
        cursor.unsigned()?;
        cursor.unsigned()?;
        if version == 1 {
            cursor.byte().map(u64::from)
        } else {
            cursor.unsigned()
        }?;
        let mut encodings = FrameEncodings {
            code: 0,
            table: OMITTED,
        };
        let mut is_known = false;
        for letter in augmentation.chars() {
            match letter {
                'z' => {
                    cursor.unsigned()?;
                }
                'R' => encodings.code = cursor.byte()?,
                'L' => encodings.table = cursor.byte()?,
                'P' => {
                    let encoding = cursor.byte()?;
                    is_known = self.is_personality(cursor.pointer(encoding)?);
                }
                'S' | 'B' => {}
                _ => return None,
            }
        }
        is_known.then_some(encodings)
    }

    fn is_personality(&self, address: u64) -> bool {
        let import = self.import_at(address).map(|import| import.name.as_str());
        import
            .or_else(|| self.symbol_name_at(address))
            .is_some_and(|name| name == PERSONALITY)
    }

    /// Whether all functions of a Mach-O image that have a table are of C++.
    fn has_one_personality(&self, section: u64, base: u64) -> bool {
        let field = |offset: u64| self.u32(section.wrapping_add(offset));
        let (Some(first), Some(count)) = (field(12), field(16)) else {
            return false;
        };
        let personality = |index: u64| {
            let first = u64::from(first) + 4 * index;
            self.pointer(base.wrapping_add(u64::from(field(first)?)))
        };
        count > 0
            && (0..u64::from(count.min(8)))
                .all(|index| personality(index).is_some_and(|it| self.is_personality(it)))
    }

    /// The table of the function that begins last before an address.
    fn table_by_offset(&self, section: u64, base: u64, address: u64) -> Option<CallSiteTable> {
        const ENTRY: u64 = 12;
        let field = |offset: u64| self.u32(section.wrapping_add(offset)).map(u64::from);
        let (index, count) = (field(20)?, field(24)?);
        let tables = |entry: u64| field(index + ENTRY * entry + 8);
        let (start, end) = (tables(0)?, tables(count.checked_sub(1)?)?);
        let wanted = address.checked_sub(base)?;
        let (mut low, mut high) = (0, end.checked_sub(start)? / 8);
        while low < high {
            let middle = low.midpoint(high);
            if field(start + 8 * middle)? <= wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let pair = start + 8 * low.checked_sub(1)?;
        Some(CallSiteTable {
            address: base.wrapping_add(field(pair + 4)?),
            function: base.wrapping_add(field(pair)?),
        })
    }

    /// The entry of a table that covers a call.
    fn entry_for(&self, table: &CallSiteTable, call: u64) -> Option<LandingPad> {
        let mut cursor = TableCursor {
            image: self,
            place: table.address,
        };
        let base = cursor.byte()?;
        let base = if base == OMITTED {
            table.function
        } else {
            cursor.pointer(base)?
        };
        if cursor.byte()? != OMITTED {
            cursor.unsigned()?;
        }
        let encoding = cursor.byte()?;
        let length = cursor.unsigned()?;
        let actions = cursor.place.checked_add(length)?;
        for _ in 0..MOST_ENTRIES {
            if cursor.place >= actions {
                return None;
            }
            let (start, size) = (cursor.pointer(encoding)?, cursor.pointer(encoding)?);
            let (pad, action) = (cursor.pointer(encoding)?, cursor.unsigned()?);
            let start = table.function.wrapping_add(start);
            if call < start {
                return None;
            }
            if call - start < size {
                let found = LandingPad {
                    address: base.wrapping_add(pad),
                    catches: false,
                    lets_pass: false,
                };
                return match (pad, action) {
                    (0, _) => None,
                    (_, 0) => Some(found),
                    (_, action) => self.with_actions(found, actions.checked_add(action - 1)?),
                };
            }
        }
        None
    }

    /// A landing pad with what its chain of actions says: a number is a type that is caught, zero cleans up.
    fn with_actions(&self, pad: LandingPad, first: u64) -> Option<LandingPad> {
        let mut cursor = TableCursor {
            image: self,
            place: first,
        };
        let (mut catches, mut cleans_up) = (false, false);
        for _ in 0..MOST_ACTIONS {
            match cursor.signed()? {
                0 => cleans_up = true,
                _ => catches = true,
            }
            let here = cursor.place;
            match cursor.signed()? {
                0 => break,
                next => cursor.place = here.wrapping_add(next.cast_unsigned()),
            }
        }
        Some(LandingPad {
            catches,
            lets_pass: catches && !cleans_up,
            ..pad
        })
    }
}

/// The encoding of a pointer that is left out.
const OMITTED: u8 = 0xff;

struct FrameEncodings {
    /// Of addresses of code.
    code: u8,
    /// Of the address of a table.
    table: u8,
}

struct TableCursor<'i, 'data> {
    image: &'i BinaryImage<'data>,
    place: u64,
}

impl TableCursor<'_, '_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.image.u8(self.place)?;
        self.place = self.place.wrapping_add(1);
        Some(byte)
    }

    /// A number of seven bits to a byte.
    fn unsigned(&mut self) -> Option<u64> {
        self.digits().map(|(number, _)| number)
    }

    fn signed(&mut self) -> Option<i64> {
        let (number, bits) = self.digits()?;
        let unused = 64_u32.saturating_sub(bits);
        Some((number << unused).cast_signed() >> unused)
    }

    fn digits(&mut self) -> Option<(u64, u32)> {
        let mut number = 0;
        for bits in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << bits;
            if byte & 0x80 == 0 {
                return Some((number, bits + 7));
            }
        }
        None
    }

    /// A pointer in one of the encodings that compilers use.
    fn pointer(&mut self, encoding: u8) -> Option<u64> {
        let place = self.place;
        let number = match encoding & 0x0f {
            _ if encoding == OMITTED => return Some(0),
            0x01 => self.unsigned()?,
            0x03 => u64::from(self.image.u32(place)?),
            0x0b => signed(self.image.u32(place)?),
            0x00 | 0x04 | 0x0c => self.image.u64(place)?,
            _ => return None,
        };
        self.place = match encoding & 0x0f {
            0x01 => self.place,
            0x03 | 0x0b => place.wrapping_add(4),
            _ => place.wrapping_add(8),
        };
        let number = match encoding & 0x70 {
            0x00 => number,
            0x10 if number == 0 => 0,
            0x10 => place.wrapping_add(number),
            _ => return None,
        };
        if encoding & 0x80 == 0 {
            Some(number)
        } else {
            self.image.pointer(number)
        }
    }
}

/// Four bytes as a signed number, widened.
fn signed(number: u32) -> u64 {
    i64::from(number.cast_signed()).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::binary::image::images;

    fn built(name: &str) -> Vec<u8> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks/built");
        std::fs::read(folder.join(name)).unwrap()
    }

    /// The landing pads of a file, as (address, whether it catches): every so many addresses are asked for.
    fn pads(bytes: &[u8], step: usize) -> BTreeSet<(u64, bool)> {
        let images = images(bytes).unwrap_or_default();
        let code = images.iter().flat_map(|image| {
            let segments = image.segments.iter().filter(|segment| segment.executable);
            segments.flat_map(move |it| {
                (it.address..it.address.saturating_add(it.size.min(1 << 14)))
                    .step_by(step)
                    .map(move |place| (image, place))
            })
        });
        code.filter_map(|(image, place)| image.landing_pad(place))
            .map(|pad| (pad.address, pad.catches))
            .collect()
    }

    #[test]
    fn handlers_and_what_cleans_up_are_told_apart() {
        for system in ["elf-x86_64", "elf-aarch64", "macho-x86_64", "macho-arm64"] {
            let handler = pads(&built(&format!("{system}-Os-throws-sometimes.so")), 1);
            assert!(
                handler.iter().any(|(_, catches)| *catches),
                "{system}: {handler:x?}"
            );
        }
        let none = pads(&built("elf-x86_64-Os-sort.so"), 1);
        assert!(none.is_empty(), "functions of C have none: {none:x?}");
    }

    #[test]
    fn damaged_tables_are_not_read() {
        for name in [
            "elf-x86_64-Os-throws-cleaned.so",
            "macho-arm64-Os-throws-cleaned.so",
        ] {
            let whole = built(name);
            for place in (0..whole.len()).step_by(499) {
                let mut bytes = whole.clone();
                bytes[place..whole.len().min(place + 8)].fill(0xff);
                // Whatever is found, nothing stops.
                pads(&bytes, 61);
            }
        }
    }
}
