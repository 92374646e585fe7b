//! What an instruction does with memory at an address that the code fixes, and the search for such instructions.

use iced_x86::{Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind};

use super::decode;
use crate::binary::image::BinaryImage;
use crate::evaluator::isa::{AccessSite, ImageAccess, xrefs};

/// Where a displacement may lie in an instruction, in bytes from its beginning.
const PLACES: std::ops::RangeInclusive<u64> = 2..=9;
/// How many bytes may follow a displacement: an immediate.
const LONGEST_IMMEDIATE: u64 = 4;

/// What an instruction does with memory at an address relative to its own.
pub(super) fn of(image: &BinaryImage, instruction: &Instruction) -> Option<ImageAccess> {
    let is_memory =
        (0..instruction.op_count()).any(|index| instruction.op_kind(index) == OpKind::Memory);
    if !is_memory || !instruction.is_ip_rel_memory_operand() {
        return None;
    }
    let address = instruction.ip_rel_memory_address();
    if instruction.mnemonic() == Mnemonic::Lea {
        return Some(ImageAccess::Name { address });
    }
    let mut factory = InstructionInfoFactory::new();
    let writes = factory.info(instruction).used_memory().iter().any(|used| {
        matches!(
            used.access(),
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        )
    });
    if writes {
        return Some(ImageAccess::Write {
            address,
            size: instruction.memory_size().size().max(1) as u64,
        });
    }
    // A variable that other images may see is named by what the loader stored.
    let stored = if image.is_relocated(address) && image.is_read_only(address) {
        image.pointer(address)
    } else {
        None
    };
    Some(
        stored.map_or(ImageAccess::Read { address }, |address| ImageAccess::Name {
            address,
        }),
    )
}

/// Instructions that have an operand from `range.0` up to `range.1`, or that take its address from a word of the loader's.
pub(super) fn find(image: &BinaryImage, range: (u64, u64)) -> Vec<AccessSite> {
    let in_range = |address: u64| address >= range.0 && address < range.1;
    let words = image
        .relocations()
        .iter()
        .filter(|&&(place, value)| in_range(value) && image.is_read_only(place));
    let mut targets = vec![range];
    targets.extend(words.map(|&(place, _)| (place, place + 8)));
    let mut found = Vec::new();
    for segment in image.segments.iter().filter(|segment| segment.executable) {
        for &(low, high) in &targets {
            let places = xrefs::displacements(segment, low.saturating_sub(LONGEST_IMMEDIATE), high);
            for place in places
                .into_iter()
                .map(|offset| segment.address.wrapping_add(offset as u64))
            {
                // The byte before a displacement says that it counts from the next instruction.
                if image
                    .u8(place.wrapping_sub(1))
                    .is_none_or(|modes| modes & 0xc7 != 0x05)
                {
                    continue;
                }
                let readings = PLACES
                    .map(|distance| place.wrapping_sub(distance))
                    .filter_map(|start| {
                        let instruction = decode(image, start)?;
                        let covers = instruction.next_ip() >= place + 4
                            && instruction.next_ip() <= place + 8;
                        Some((
                            start,
                            of(image, &instruction)
                                .filter(|access| covers && in_range(access.address()))?,
                        ))
                    });
                let readings: Vec<(u64, ImageAccess)> = readings.collect();
                let starts = readings.iter().map(|&(start, _)| start).collect();
                let access = readings
                    .iter()
                    .map(|&(_, access)| access)
                    .max_by_key(|access| access.weight());
                found.extend(access.map(|access| AccessSite { starts, access }));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::image::images;

    #[test]
    fn instructions_are_found_by_what_they_name() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/hooks/built/elf-x86_64-O2-constructor.so");
        let bytes = std::fs::read(path).unwrap();
        let images = images(&bytes).unwrap();
        let image = images.first().unwrap();
        // The slots are the only data that the loader fills in with a pointer to code after an id of 2.
        let is_slot = |place: u64| image.u64(place.wrapping_sub(8)) == Some(2);
        let slots = image
            .relocations()
            .iter()
            .map(|&(place, _)| place)
            .filter(|&place| is_slot(place));
        let found: Vec<usize> = slots
            .map(|place| find(image, (place - 8, place + 24)).len())
            .collect();
        assert_eq!(
            found.iter().sum::<usize>(),
            1,
            "one store, by the constructor: {found:?}"
        );
    }
}
