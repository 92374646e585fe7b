//! Memory against a plain array of bytes: what it knows is what was written last.

use super::*;
use crate::evaluator::explorer::tests::{Assembly, TWO_PHASES, VARIABLE, on_code};
use crate::evaluator::values::laws::SplitMix64;
use crate::evaluator::values::value::{HEAP, STACK_TOP};

/// How many bytes are followed.
pub(super) const BYTES: u64 = 64;

/// Shows an image.
pub(super) fn on_image(check: impl FnOnce(&BinaryImage<'_>)) {
    on_code(TWO_PHASES, Assembly::of(TWO_PHASES), |executor| {
        check(executor.machine.image)
    });
}

/// A random write to memory from `start` on, which an array of bytes gets, too; `None` is not known.
pub(super) fn write(
    memory: &mut PathMemory,
    image: &BinaryImage,
    start: u64,
    bytes: &mut [Option<u8>],
    random: &mut SplitMix64,
) {
    let size = [1, 2, 4, 8][random.below(4) as usize];
    let offset = random.below(BYTES - size + 1);
    let number = random.small().wrapping_mul(0x0101_0203_0405_0607);
    let value = match random.below(4) {
        0 => MachineValue::ANY,
        _ => MachineValue::Known(number & mask(8 * size as u32)),
    };
    memory.write(image, start + offset, size, value);
    for index in 0..size {
        bytes[(offset + index) as usize] =
            value.known().map(|number| (number >> (8 * index)) as u8);
    }
}

/// Whether a read gives what the bytes are, or less.
fn check(memory: &PathMemory, image: &BinaryImage, start: u64, bytes: &[Option<u8>]) {
    for size in [1, 2, 4, 8] {
        for offset in 0..=BYTES - size {
            let part = &bytes[offset as usize..(offset + size) as usize];
            let whole = part
                .iter()
                .rev()
                .try_fold(0, |number, byte| Some(number << 8 | u64::from((*byte)?)));
            let found = memory.read(image, start + offset, size);
            assert!(
                found.known().is_none() || found.known() == whole,
                "{offset} {size}: {found:x?}, {part:x?}"
            );
            let is_aligned = offset % 8 + size <= 8;
            assert!(
                whole.is_none() || !is_aligned || found.known() == whole,
                "{offset} {size}: forgotten"
            );
        }
    }
}

#[test]
fn what_is_read_is_what_was_written_last() {
    on_image(|image| {
        let mut random = SplitMix64(21);
        for round in 0..300 {
            let start = [HEAP, STACK_TOP - 4096, HEAP + 4][round % 3];
            let mut memory = PathMemory::default();
            let mut bytes = [None; BYTES as usize];
            for _ in 0..20 {
                write(&mut memory, image, start, &mut bytes, &mut random);
            }
            check(&memory, image, start, &bytes);
        }
    });
}

#[test]
fn data_of_the_image_are_there_from_the_start() {
    on_image(|image| {
        let mut memory = PathMemory::default();
        // The immortal count of the definition, a pointer, and an import.
        assert_eq!(
            memory.read(image, TWO_PHASES.definition + 12, 4),
            MachineValue::Known(0xffff_ffff)
        );
        assert_eq!(memory.read(image, 0x36b8, 8), MachineValue::Known(0x3720));
        let import = image.import_named("PyModuleDef_Init").unwrap().address;
        assert_eq!(memory.read(image, 0x2638, 8), MachineValue::Known(import));
        memory.write(image, VARIABLE, 2, MachineValue::Known(0x1234));
        assert_eq!(memory.read(image, VARIABLE, 8), MachineValue::Known(0x1234));
        memory.forget(image, VARIABLE, 8);
        assert_eq!(memory.read(image, VARIABLE, 8).known(), None);
        assert_eq!(
            memory.read(image, VARIABLE + 8, 8),
            MachineValue::Known(0),
            "beside it"
        );
    });
}

#[test]
fn allocations_are_zero_as_far_as_they_say() {
    on_image(|image| {
        let mut memory = PathMemory::default();
        memory.allocate(HEAP, 16);
        assert!(memory.is_allocated(HEAP) && !memory.is_allocated(HEAP + 8));
        assert_eq!(memory.read(image, HEAP + 8, 8), MachineValue::Known(0));
        assert_eq!(memory.read(image, HEAP + 16, 8).known(), None);
        memory.write(image, HEAP, 8, MachineValue::Known(5));
        memory.allocate(HEAP, 8);
        assert_eq!(
            memory.read(image, HEAP, 8),
            MachineValue::Known(0),
            "allocated anew"
        );
        memory.give_up_heap();
        assert_eq!(memory.read(image, HEAP, 8).known(), None);
    });
}

#[test]
fn what_lies_below_the_stack_is_dropped() {
    on_image(|image| {
        let mut memory = PathMemory::default();
        let (low, high) = (STACK_TOP - 8192, STACK_TOP - 64);
        for place in [low, high] {
            memory.write(image, place, 8, MachineValue::Known(1));
        }
        memory.trim(STACK_TOP - 4096);
        assert_eq!(memory.size(), 1);
        assert_eq!(
            (
                memory.read(image, low, 8).known(),
                memory.read(image, high, 8).known()
            ),
            (None, Some(1))
        );
    });
}

#[test]
fn a_name_that_is_given_out_again_is_not_known_where_it_lay() {
    on_image(|image| {
        let mut memory = PathMemory::default();
        let named = MachineValue::Symbol { id: 3, offset: 0 };
        memory.write(image, HEAP, 8, named);
        memory.write(image, HEAP + 8, 4, named);
        memory.write(
            image,
            HEAP + 16,
            8,
            MachineValue::Symbol { id: 4, offset: 0 },
        );
        assert_eq!(
            (memory.read(image, HEAP, 8), memory.read(image, HEAP + 8, 4)),
            (named, named)
        );
        memory.rename(3);
        assert!(matches!(
            memory.read(image, HEAP, 8),
            MachineValue::Unknown(_)
        ));
        assert!(matches!(
            memory.read(image, HEAP + 8, 4),
            MachineValue::Unknown(_)
        ));
        assert!(matches!(
            memory.read(image, HEAP + 16, 8),
            MachineValue::Symbol { id: 4, .. }
        ));
    });
}
