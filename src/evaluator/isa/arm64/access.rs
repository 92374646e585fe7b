//! What an instruction does with memory at an address that the code fixes, and the search for such instructions. `ADRP`
//! names a page, and instructions after it a place there.

use super::fetch;
use crate::binary::image::Image;
use crate::evaluator::isa::{Access, NamedAddresses};

/// For how many instructions an address that a register got is followed.
const REACH: u64 = 64;
/// Longest code that is searched.
const LONGEST_CODE: usize = 64 << 20;

/// What an instruction does, given what the registers hold.
pub(super) fn of(image: &Image, address: u64, word: u32, named: &mut NamedAddresses) -> Option<Access> {
    let (to, from) = ((word & 31) as usize, (word >> 5 & 31) as usize);
    let base = if from == 31 { None } else { named.get(from).copied().flatten() };
    let imm12 = u64::from(word >> 10 & 0xfff);
    let set = |named: &mut NamedAddresses, value: Option<u64>| {
        if let Some(register) = named.get_mut(to).filter(|_| to != 31) {
            *register = value;
        }
    };
    if let Some(page) = page(address, word) {
        set(named, Some(page));
        return None;
    }
    // ADD with an immediate.
    if word & 0xff80_0000 == 0x9100_0000 {
        let shift = if word >> 22 & 1 == 1 { 12 } else { 0 };
        let value = base.map(|base| base.wrapping_add(imm12 << shift));
        set(named, value);
        return value.map(|address| Access::Name { address });
    }
    // LDR of 64 bits: of a word of the loader's, it names what that says.
    if word & 0xffc0_0000 == 0xf940_0000 {
        let place = base.map(|base| base.wrapping_add(imm12 << 3));
        let stored = place.filter(|&place| image.is_relocated(place) && image.is_read_only(place));
        let stored = stored.and_then(|place| image.pointer(place));
        set(named, stored);
        return match (stored, place) {
            (Some(address), _) => Some(Access::Name { address }),
            (None, place) => place.map(|address| Access::Read { address }),
        };
    }
    if let Some((offset, size)) = store(word) {
        return base.map(|base| Access::Write { address: base.wrapping_add_signed(offset), size });
    }
    let branches = word & 0x1c00_0000 == 0x1400_0000;
    if !branches {
        set(named, None);
    }
    None
}

/// Offset and size of a store to a register's address plus a constant.
fn store(word: u32) -> Option<(i64, u64)> {
    let scaled = i64::from(word >> 10 & 0xfff);
    let unscaled = i64::from((word << 11).cast_signed() >> 23);
    let pair = i64::from((word << 10).cast_signed() >> 25);
    let size = word >> 30;
    match word {
        // STRB to STR, with a scaled offset and with an unscaled one, written back or not.
        _ if word & 0x3fc0_0000 == 0x3900_0000 => Some((scaled << size, 1 << size)),
        _ if word & 0x3fe0_0000 == 0x3800_0000 => Some((unscaled, 1 << size)),
        // The same of vectors; of 128 bits where the size is 0.
        _ if word & 0x3fc0_0000 == 0x3d00_0000 => Some((scaled << size, 1 << size)),
        _ if word & 0xffc0_0000 == 0x3d80_0000 => Some((scaled << 4, 16)),
        _ if word & 0x3f60_0000 == 0x3c00_0000 => Some((unscaled, 16)),
        // STP of words, double words and vectors.
        _ if word & 0x7e40_0000 == 0x2800_0000 => Some((pair << (2 + (size >> 1)), 8 << (size >> 1))),
        _ if word & 0x3e40_0000 == 0x2c00_0000 => Some((pair << (2 + size), 8 << size)),
        // STLR and STXR, and the atomic instructions.
        _ if word & 0x3f40_0000 == 0x0800_0000 || word & 0x3b20_0c00 == 0x3820_0000 => Some((0, 8)),
        _ => None,
    }
}

/// The page that `ADRP` names.
fn page(address: u64, word: u32) -> Option<u64> {
    if word & 0x9f00_0000 == 0x1000_0000 {
        let immediate = (word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3;
        return Some(address.wrapping_add(i64::from((immediate << 11).cast_signed() >> 11).cast_unsigned()));
    }
    if word & 0x9f00_0000 != 0x9000_0000 {
        return None;
    }
    let immediate = (word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3;
    let offset = i64::from((immediate << 11).cast_signed() >> 11) << 12;
    Some((address & !0xfff).wrapping_add(offset.cast_unsigned()))
}

/// Instructions that have an operand from `range.0` up to `range.1`, or that take its address from a word of the loader's.
pub(super) fn find(image: &Image, range: (u64, u64)) -> Vec<u64> {
    let in_range = |address: u64| address >= range.0 && address < range.1;
    let words = image.relocations().iter().filter(|&&(place, value)| in_range(value) && image.is_read_only(place));
    let mut pages: Vec<u64> = words.map(|&(place, _)| place & !0xfff).collect();
    pages.extend((range.0 >> 12..=range.1 >> 12).map(|page| page << 12));
    let mut found = Vec::new();
    for segment in image.segments.iter().filter(|segment| segment.executable) {
        let bytes = segment.bytes.get(..segment.bytes.len().min(LONGEST_CODE)).unwrap_or_default();
        for (start, chunk) in (segment.address..).step_by(4).zip(bytes.chunks_exact(4)) {
            let word = <[u8; 4]>::try_from(chunk).map_or(0, u32::from_le_bytes);
            let Some(first) = page(start, word) else { continue };
            if !pages.contains(&(first & !0xfff)) {
                continue;
            }
            let mut named = [None; 32];
            for address in (start..start.saturating_add(4 * REACH)).step_by(4) {
                let Some(word) = fetch(image, address) else { break };
                if of(image, address, word, &mut named).is_some_and(|access| in_range(access.address())) {
                    found.push(address);
                }
                if named.iter().all(Option::is_none) {
                    break;
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_say_where_and_how_much() {
        for (word, expected) in [
            // str x1, [x0, #8]; str w1, [x0, #4]; strb w1, [x0]; stur x1, [x0, #-8]
            (0xf900_0401, Some((8, 8))),
            (0xb900_0401, Some((4, 4))),
            (0x3900_0001, Some((0, 1))),
            (0xf81f_8001, Some((-8, 8))),
            // stp x1, x2, [x0, #16]; str q0, [x0, #16]
            (0xa901_0801, Some((16, 16))),
            (0x3d80_0400, Some((16, 16))),
            // ldr x1, [x0]; add x0, x0, #1; nop
            (0xf940_0001, None),
            (0x9100_0400, None),
            (0xd503_201f, None),
        ] {
            assert_eq!(store(word), expected, "{word:#x}");
        }
    }

    #[test]
    fn pages_are_named_from_where_the_instruction_is() {
        // adrp x0, 0; adrp x0, one page on; adr x0, #4; nop
        assert_eq!(page(0x1234, 0x9000_0000), Some(0x1000));
        assert_eq!(page(0x1234, 0xb000_0000), Some(0x2000));
        assert_eq!(page(0x1234, 0x1000_0020), Some(0x1238));
        assert_eq!(page(0x1234, 0xd503_201f), None);
    }
}
