//! Finds the places in the code that name an address, to tell whether a path has already met all calls of one import, or
//! else whether all say the same.

use crate::binary::image::{Image, Segment};

/// Longest code that is searched.
const LONGEST_CODE: usize = 64 << 20;

/// Places whose 32-bit displacement, counted from its end, leads to a target.
pub(super) fn find_x86(segment: &Segment<'_>, targets: &[u64]) -> Vec<u64> {
    let mut places = Vec::new();
    let (Some(&lowest), Some(&highest)) = (targets.iter().min(), targets.iter().max()) else { return places };
    let bytes = segment.bytes.get(..segment.bytes.len().min(LONGEST_CODE)).unwrap_or_default();
    for offset in displacements(segment, lowest, highest) {
        let field = bytes.get(offset..).and_then(|rest| rest.first_chunk()).copied().map_or(0, i32::from_le_bytes);
        let end = segment.address.wrapping_add(offset as u64 + 4);
        let target = end.wrapping_add(i64::from(field).cast_unsigned());
        let before = |distance| offset.checked_sub(distance).and_then(|index| bytes.get(index)).copied().unwrap_or(0);
        // An operand relative to the instruction pointer, a call or jump, or a conditional jump.
        let encodes = before(1) & 0xc7 == 0x05 || matches!(before(1), 0xe8 | 0xe9) || before(2) == 0x0f;
        if encodes && targets.contains(&target) {
            places.push(end - 4);
        }
    }
    places
}

/// Where, in a segment's bytes, four bytes may be a displacement that, counted from its end, leads to an address from
/// `lowest` to `highest`.
pub(super) fn displacements(segment: &Segment<'_>, lowest: u64, highest: u64) -> Vec<usize> {
    /// Fields that are looked at together.
    const BLOCK: usize = 16;
    let bytes = segment.bytes.get(..segment.bytes.len().min(LONGEST_CODE)).unwrap_or_default();
    // In 32 bits the sum of displacement and place is the target, whatever lies between them: one comparison for each
    // place tells almost all of them apart, and for places four bytes apart many are made at once.
    let wanted = lowest.wrapping_sub(segment.address) as u32;
    let spread = highest.wrapping_sub(lowest) as u32;
    let leads =
        |field: [u8; 4], end: usize| u32::from_le_bytes(field).wrapping_add(end as u32).wrapping_sub(wanted) <= spread;
    let mut found = Vec::new();
    for phase in 0..4 {
        let (fields, _) = bytes.get(phase..).unwrap_or_default().as_chunks::<4>();
        for (number, block) in fields.chunks(BLOCK).enumerate() {
            let place = |index: usize| phase + 4 * (BLOCK * number + index);
            if block.iter().enumerate().fold(false, |any, (index, &field)| any | leads(field, place(index) + 4)) {
                let hits = block.iter().enumerate().filter(|&(index, &field)| leads(field, place(index) + 4));
                found.extend(hits.map(|(index, _)| place(index)));
            }
        }
    }
    found.sort_unstable();
    found
}

/// The addresses by which a jump through a slot may be called: it may begin with `ENDBR64` or a `BND` prefix.
pub(super) fn stub_x86(image: &Image, displacement: u64) -> Vec<u64> {
    let start = displacement.wrapping_sub(2);
    if image.u8(start) != Some(0xff) || image.u8(start.wrapping_add(1)) != Some(0x25) {
        return Vec::new();
    }
    vec![start, start.wrapping_sub(1), start.wrapping_sub(4), start.wrapping_sub(5)]
}

/// Branches to a target, and `ADRP` with a load or an addition that together name it.
pub(super) fn find_arm64(segment: &Segment<'_>, targets: &[u64]) -> Vec<u64> {
    const BRANCH: u32 = 0x1400_0000;
    const PAGE: u32 = 0x9000_0000;
    const LOAD: u32 = 0xf940_0000;
    const REACH: usize = 16;
    const REACH_OF_LOAD: u64 = 0x1000 << 3;
    let bytes = segment.bytes.get(..segment.bytes.len().min(LONGEST_CODE)).unwrap_or_default();
    let words = |first: usize| {
        let rest = bytes.get(4 * first..).unwrap_or_default();
        rest.chunks_exact(4).filter_map(|chunk| <[u8; 4]>::try_from(chunk).ok()).map(u32::from_le_bytes)
    };
    let mut places = Vec::new();
    for (index, word) in words(0).enumerate() {
        let address = segment.address.wrapping_add(4 * index as u64);
        if word & 0x7c00_0000 == BRANCH {
            let offset = i64::from((word << 6).cast_signed() >> 6) << 2;
            if targets.contains(&address.wrapping_add(offset.cast_unsigned())) {
                places.push(address);
            }
        }
        if word & 0x9f00_0000 == PAGE {
            let immediate = (word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3;
            let offset = (i64::from((immediate << 11).cast_signed() >> 11) << 12).cast_unsigned();
            let page = (address & !0xfff).wrapping_add(offset);
            let within = |target: &u64| target.wrapping_sub(page) < REACH_OF_LOAD;
            if !targets.iter().any(within) {
                continue;
            }
            let named = |next: u32| {
                let low = u64::from(next >> 10 & 0xfff) << 3;
                next & 0xffc0_0000 == LOAD && next >> 5 & 31 == word & 31 && targets.contains(&page.wrapping_add(low))
            };
            let renewed = |next: u32| next & 0x9f00_001f == PAGE | word & 31;
            if words(index + 1).take(REACH).take_while(|&next| !renewed(next)).any(named) {
                places.push(address);
            }
        }
    }
    places
}

/// The address of a stub: `ADRP`, a load and `BR` in a row.
pub(super) fn stub_arm64(image: &Image, place: u64) -> Vec<u64> {
    let jumps = |address| image.u32(address).is_some_and(|word| word & 0xffff_fc1f == 0xd61f_0000);
    if jumps(place.wrapping_add(8)) || jumps(place.wrapping_add(12)) {
        vec![place, place.wrapping_sub(4)]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 0x18_0000_1000;

    /// Code of no-ops with one call of `target` whose displacement lies at an offset.
    fn check(offset: usize, target: u64) {
        let mut bytes = vec![0x90; 301];
        let distance = target.wrapping_sub(START + offset as u64 + 4) as u32;
        bytes[offset - 1] = 0xe8;
        bytes[offset..offset + 4].copy_from_slice(&distance.to_le_bytes());
        let size = bytes.len() as u64;
        let name = String::new();
        let segment = Segment { name, address: START, size, writable: false, executable: true, bytes: &bytes };
        assert_eq!(find_x86(&segment, &[target]), [START + offset as u64], "{offset} {target:#x}");
        assert!(find_x86(&segment, &[target - 64, target + 64]).is_empty(), "{offset} {target:#x}");
    }

    #[test]
    fn calls_are_found_wherever_they_lie() {
        for offset in (1..12).chain(60..70).chain(290..=297) {
            check(offset, START - 0x800);
            check(offset, START + 0x70_0000);
        }
    }
}
