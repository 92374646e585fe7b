//! Constants that are put into a register just before a call, and jumps that lead between the two.

use crate::binary::image::BinaryImage;
use crate::evaluator::isa::arm64::encoding::{self, BranchTarget};
use crate::evaluator::isa::x86::decode::instruction_starts;
use crate::evaluator::isa::xrefs;

/// How far before a call the register may be set on x86-64, in bytes.
pub(super) const REACH: u64 = 40;

/// How far a jump with one byte and the instruction itself reach.
const SHORT_JUMP: u64 = 130;

/// Whether something that looks like a jump leads to an address from `start` to `last`: relative jumps with four bytes
/// from anywhere, with one from nearby.
pub(super) fn x86_is_entered(image: &BinaryImage, start: u64, last: u64) -> bool {
    let holds = |target: u64| (start..=last).contains(&target);
    let far = image
        .segments
        .iter()
        .filter(|segment| segment.executable)
        .any(|segment| {
            xrefs::displacements(segment, start, last)
                .into_iter()
                .any(|offset| {
                    let before = |distance| {
                        offset
                            .checked_sub(distance)
                            .and_then(|index| segment.bytes.get(index))
                            .copied()
                    };
                    let field = segment
                        .bytes
                        .get(offset..)
                        .and_then(|rest| rest.first_chunk())
                        .copied();
                    let next = segment.address.wrapping_add(offset as u64 + 4);
                    let target = next.wrapping_add(
                        i64::from(field.map_or(0, i32::from_le_bytes)).cast_unsigned(),
                    );
                    let is_conditional = before(2) == Some(0x0f)
                        && before(1).is_some_and(|code| code & 0xf0 == 0x80);
                    (before(1) == Some(0xe9) || is_conditional) && holds(target)
                })
        });
    let near = || {
        instructions_around(image, start, last)
            .into_iter()
            .any(|place| {
                let jumps = image
                    .u8(place)
                    .is_some_and(|code| code & 0xf0 == 0x70 || matches!(code, 0xe0..=0xe3 | 0xeb));
                let distance = image.u8(place.wrapping_add(1)).unwrap_or(0).cast_signed();
                jumps
                    && holds(
                        place
                            .wrapping_add(2)
                            .wrapping_add(i64::from(distance).cast_unsigned()),
                    )
            })
    };
    far || near()
}

/// Where instructions begin that a short jump could reach from, given that one begins at `start`. Before that it is not
/// known where: of several that are tried in a row, one is right, and wrong ones rarely meet `start`.
fn instructions_around(image: &BinaryImage, start: u64, last: u64) -> Vec<u64> {
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

pub(super) fn arm64_is_entered(image: &BinaryImage, start: u64, last: u64) -> bool {
    let segments = image.segments.iter().filter(|segment| segment.executable);
    let words = segments.flat_map(|segment| {
        let place = |index: usize| segment.address.wrapping_add(4 * index as u64);
        segment
            .bytes
            .chunks_exact(4)
            .enumerate()
            .map(move |(index, chunk)| (place(index), chunk))
    });
    words.into_iter().any(|(address, chunk)| {
        let Ok(bytes) = <[u8; 4]>::try_from(chunk) else {
            return false;
        };
        match encoding::branch(u32::from_le_bytes(bytes), address) {
            BranchTarget::To(target) | BranchTarget::Perhaps(target) => {
                (start..=last).contains(&target)
            }
            BranchTarget::None
            | BranchTarget::Call(_)
            | BranchTarget::CallRegister(_)
            | BranchTarget::Register(_)
            | BranchTarget::Return
            | BranchTarget::Dead => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::image::images;

    /// Shows a fixture in which code from an offset in the file on is replaced.
    fn on_image(name: &str, place: usize, code: &[u8], check: impl FnOnce(&BinaryImage<'_>)) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/binary/built")
            .join(name);
        let mut bytes = std::fs::read(path).unwrap();
        bytes[place..place + code.len()].copy_from_slice(code);
        check(&images(&bytes).unwrap()[0]);
    }

    #[test]
    fn jumps_between_a_constant_and_a_call_are_seen() {
        const HOOK: u64 = 0x1470;
        // Jumps at the beginning that lead 0x20 behind it; `mov eax, …` hides nothing and is none.
        for (code, expected) in [
            (&[0xeb, 0x1e][..], true),
            (&[0x75, 0x1e], true),
            (&[0xe3, 0x1e], true),
            (&[0xe9, 0x1b, 0, 0, 0], true),
            (&[0x0f, 0x85, 0x1a, 0, 0, 0], true),
            (&[0xe8, 0x1b, 0, 0, 0], false),
            (&[0xeb, 0x0e], false),
            (&[0xb8, 0x1b, 0, 0, 0], false),
        ] {
            let padded: Vec<u8> = code
                .iter()
                .copied()
                .chain(std::iter::repeat(0x90))
                .take(0x5f)
                .collect();
            on_image("elf-x86_64-room.so", 0x470, &padded, |image| {
                assert_eq!(
                    x86_is_entered(image, HOOK + 0x20, HOOK + 0x22),
                    expected,
                    "{code:x?}"
                );
            });
        }
    }

    #[test]
    fn jumps_of_a64_are_seen_wherever_they_are() {
        let name = "elf-aarch64-not-used.so";
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/binary/built")
            .join(name);
        let bytes = std::fs::read(path).unwrap();
        let (hook, place) = {
            let images = images(&bytes).unwrap();
            let hook = images[0].exports()["PyInit_sample"];
            let segment = images[0].segment_at(hook).unwrap();
            let start = segment.bytes.as_ptr() as usize - bytes.as_ptr() as usize;
            (
                hook,
                start + usize::try_from(hook - segment.address).unwrap(),
            )
        };
        // `b`, `b.ne`, `cbz x0`, `tbz x0, #0` and `bl`, each four instructions ahead; `nop`.
        for (word, expected) in [
            (0x1400_0004_u32, true),
            (0x5400_0081, true),
            (0xb400_0080, true),
            (0x3600_0080, true),
            (0x9400_0004, false),
            (0xd503_201f, false),
        ] {
            on_image(name, place, &word.to_le_bytes(), |image| {
                assert_eq!(
                    arm64_is_entered(image, hook + 16, hook + 16),
                    expected,
                    "{word:x}"
                );
            });
        }
    }
}
