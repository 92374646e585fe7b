//! Constants that are put into a register just before a call, and jumps that lead between the two.

use crate::binary::image::Image;
use crate::evaluator::isa::arm64::encoding::{self, Branch};
use crate::evaluator::isa::x86::decode::instruction_starts;
use crate::evaluator::isa::xrefs;

/// How far before a call the register may be set on x86-64, in bytes.
pub(super) const REACH: u64 = 40;

/// How far a jump with one byte and the instruction itself reach.
const SHORT_JUMP: u64 = 130;

/// Whether something that looks like a jump leads to an address from `start` to `last`: relative jumps with four bytes
/// from anywhere, with one from nearby.
pub(super) fn x86_is_entered(image: &Image, start: u64, last: u64) -> bool {
    let holds = |target: u64| (start..=last).contains(&target);
    let far = image.segments.iter().filter(|segment| segment.executable).any(|segment| {
        xrefs::displacements(segment, start, last).into_iter().any(|offset| {
            let before = |distance| offset.checked_sub(distance).and_then(|index| segment.bytes.get(index)).copied();
            let field = segment.bytes.get(offset..).and_then(|rest| rest.first_chunk()).copied();
            let next = segment.address.wrapping_add(offset as u64 + 4);
            let target = next.wrapping_add(i64::from(field.map_or(0, i32::from_le_bytes)).cast_unsigned());
            let is_conditional = before(2) == Some(0x0f) && before(1).is_some_and(|code| code & 0xf0 == 0x80);
            (before(1) == Some(0xe9) || is_conditional) && holds(target)
        })
    });
    let near = || {
        instructions_around(image, start, last).into_iter().any(|place| {
            let jumps = image.u8(place).is_some_and(|code| code & 0xf0 == 0x70 || matches!(code, 0xe0..=0xe3 | 0xeb));
            let distance = image.u8(place.wrapping_add(1)).unwrap_or(0).cast_signed();
            jumps && holds(place.wrapping_add(2).wrapping_add(i64::from(distance).cast_unsigned()))
        })
    };
    far || near()
}

/// Where instructions begin that a short jump could reach from, given that one begins at `start`. Before that it is not
/// known where: of several that are tried in a row, one is right, and wrong ones rarely meet `start`.
fn instructions_around(image: &Image, start: u64, last: u64) -> Vec<u64> {
    /// More than the longest instruction, so that one begins at one of them.
    const TRIED: u64 = 32;
    let first = start.saturating_sub(SHORT_JUMP);
    let mut found = instruction_starts(image, start, last.saturating_add(SHORT_JUMP));
    let (before, tries) = (found.len(), first.saturating_sub(TRIED)..first);
    for origin in tries {
        let run = instruction_starts(image, origin, start);
        if run.last() == Some(&start) {
            found.extend(run);
        }
    }
    if found.len() == before {
        found.extend(first..start);
    }
    found.sort_unstable();
    found.dedup();
    found
}

pub(super) fn arm64_is_entered(image: &Image, start: u64, last: u64) -> bool {
    let segments = image.segments.iter().filter(|segment| segment.executable);
    let words = segments.flat_map(|segment| {
        let place = |index: usize| segment.address.wrapping_add(4 * index as u64);
        segment.bytes.chunks_exact(4).enumerate().map(move |(index, chunk)| (place(index), chunk))
    });
    words.into_iter().any(|(address, chunk)| {
        let Ok(bytes) = <[u8; 4]>::try_from(chunk) else { return false };
        match encoding::branch(u32::from_le_bytes(bytes), address) {
            Branch::To(target) | Branch::Perhaps(target) => (start..=last).contains(&target),
            Branch::None
            | Branch::Call(_)
            | Branch::CallRegister(_)
            | Branch::Register(_)
            | Branch::Return
            | Branch::Dead => false,
        }
    })
}
