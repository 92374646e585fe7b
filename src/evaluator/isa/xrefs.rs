//! Finds the places in the code that name an address, to tell whether a path has already met all calls of one import, or
//! else whether all say the same.

use crate::binary::image::{BinaryImage, ImageSegment};
use crate::evaluator::isa::{CallSite, ImportStub, TransferInstruction};

/// Longest code that is searched.
pub(super) const LONGEST_CODE: usize = 64 << 20;

/// Places whose 32-bit displacement, counted from its end, leads to a target.
pub(super) fn find_x86(segment: &ImageSegment<'_>, targets: &[u64]) -> Vec<CallSite> {
    let mut sites = Vec::new();
    let (Some(&lowest), Some(&highest)) = (targets.iter().min(), targets.iter().max()) else {
        return sites;
    };
    let bytes = segment
        .bytes
        .get(..segment.bytes.len().min(LONGEST_CODE))
        .unwrap_or_default();
    for offset in displacements(segment, lowest, highest) {
        let field = bytes
            .get(offset..)
            .and_then(|rest| rest.first_chunk())
            .copied()
            .map_or(0, i32::from_le_bytes);
        let end = segment.address.wrapping_add(offset as u64 + 4);
        let target = end.wrapping_add(i64::from(field).cast_unsigned());
        let before = |distance| {
            offset
                .checked_sub(distance)
                .and_then(|index| bytes.get(index))
                .copied()
                .unwrap_or(0)
        };
        // An operand relative to the instruction pointer, a call or jump, or a conditional jump.
        let encodes =
            before(1) & 0xc7 == 0x05 || matches!(before(1), 0xe8 | 0xe9) || before(2) == 0x0f;
        if encodes && targets.contains(&target) {
            let transfer = |length, returns| {
                Some(TransferInstruction {
                    start: end - 4 - length,
                    end,
                    returns,
                })
            };
            let transfer = match (before(2), before(1)) {
                (0xff, 0x15) => transfer(2, true),
                (0xff, 0x25) => transfer(2, false),
                (_, 0xe8) => transfer(1, true),
                (_, 0xe9) => transfer(1, false),
                _ => None,
            };
            sites.push(CallSite {
                reference: end - 4,
                transfer,
            });
        }
    }
    sites
}

/// Where, in a segment's bytes, four bytes may be a displacement that, counted from its end, leads to an address from
/// `lowest` to `highest`.
pub(super) fn displacements(segment: &ImageSegment<'_>, lowest: u64, highest: u64) -> Vec<usize> {
    /// Fields that are looked at together.
    const BLOCK: usize = 16;
    let bytes = segment
        .bytes
        .get(..segment.bytes.len().min(LONGEST_CODE))
        .unwrap_or_default();
    // In 32 bits the sum of displacement and place is the target, whatever lies between them: one comparison for each
    // place tells almost all of them apart, and for places four bytes apart many are made at once.
    let wanted = lowest.wrapping_sub(segment.address) as u32;
    let spread = highest.wrapping_sub(lowest) as u32;
    let leads = |field: [u8; 4], end: usize| {
        u32::from_le_bytes(field)
            .wrapping_add(end as u32)
            .wrapping_sub(wanted)
            <= spread
    };
    let mut found = Vec::new();
    for phase in 0..4 {
        let (fields, _) = bytes.get(phase..).unwrap_or_default().as_chunks::<4>();
        for (number, block) in fields.chunks(BLOCK).enumerate() {
            let place = |index: usize| phase + 4 * (BLOCK * number + index);
            if block
                .iter()
                .enumerate()
                .fold(false, |any, (index, &field)| {
                    any | leads(field, place(index) + 4)
                })
            {
                let hits = block
                    .iter()
                    .enumerate()
                    .filter(|&(index, &field)| leads(field, place(index) + 4));
                found.extend(hits.map(|(index, _)| place(index)));
            }
        }
    }
    found.sort_unstable();
    found
}

/// A jump through a slot; as a stub it may begin with `ENDBR64` or a `BND` prefix.
pub(super) fn stub_x86(image: &BinaryImage, site: &CallSite) -> Option<ImportStub> {
    let start = site.reference.wrapping_sub(2);
    let byte = |address: u64| image.u8(address);
    if byte(start) != Some(0xff) || byte(start.wrapping_add(1)) != Some(0x25) {
        return None;
    }
    // Linkers lay stubs side by side; behind other functions there is padding.
    let before = |distance: u64| byte(start.wrapping_sub(distance));
    let follows_stub = before(6) == Some(0xff) && before(5) == Some(0x25);
    let is_apart = follows_stub || matches!(before(1), Some(0xcc | 0x90));
    Some(ImportStub {
        starts: vec![
            start,
            start.wrapping_sub(1),
            start.wrapping_sub(4),
            start.wrapping_sub(5),
        ],
        is_apart,
    })
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
        let segment = ImageSegment {
            name,
            address: START,
            size,
            writable: false,
            executable: true,
            bytes: &bytes,
        };
        let start = START + offset as u64 - 1;
        let site = CallSite {
            reference: start + 1,
            transfer: Some(TransferInstruction {
                start,
                end: start + 5,
                returns: true,
            }),
        };
        assert_eq!(
            find_x86(&segment, &[target]),
            [site],
            "{offset} {target:#x}"
        );
        assert!(
            find_x86(&segment, &[target - 64, target + 64]).is_empty(),
            "{offset} {target:#x}"
        );
    }

    #[test]
    fn jumps_and_operands_are_no_calls() {
        let name = String::new();
        for (before, transfer) in [
            (&[0xff, 0x15][..], Some((2, true))),
            (&[0xff, 0x25], Some((2, false))),
            (&[0x90, 0xe9], Some((1, false))),
            (&[0x0f, 0x84], None),
            (&[0x8d, 0x3d], None),
        ] {
            let bytes: Vec<u8> = before
                .iter()
                .copied()
                .chain([0x10, 0, 0, 0, 0x90])
                .collect();
            let (size, name) = (bytes.len() as u64, name.clone());
            let segment = ImageSegment {
                name,
                address: START,
                size,
                writable: false,
                executable: true,
                bytes: &bytes,
            };
            let (reference, end) = (START + 2, START + 6);
            let transfer = transfer.map(|(length, returns)| TransferInstruction {
                start: reference - length,
                end,
                returns,
            });
            assert_eq!(
                find_x86(&segment, &[end + 0x10]),
                [CallSite {
                    reference,
                    transfer
                }],
                "{before:x?}"
            );
        }
    }

    #[test]
    fn calls_are_found_wherever_they_lie() {
        for offset in (1..12).chain(60..70).chain(290..=297) {
            check(offset, START - 0x800);
            check(offset, START + 0x70_0000);
        }
    }
}
