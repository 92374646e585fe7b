//! What tests of the machine and of the states of paths stand on: a small image, without code.

use super::convention::CallingConvention;
use super::fuel::{EvaluationLimits, PathFuel};
use super::machine::{SharedMachine, TargetInterpreter};
use super::state::PathState;
use crate::binary::image::{BinaryImage, images};
use crate::evaluator::memory::PathMemory;
use crate::evaluator::values::value::MachineValue;

/// A convention of no system: arguments in two registers and then on the stack.
pub(in crate::evaluator) static CONVENTION: CallingConvention = CallingConvention {
    arguments: &[7, 6],
    result: 0,
    selector: 2,
    stack_pointer: 4,
    preserved: &[3],
    preserved_vectors: 0..0,
    stacked: 8,
    thread: None,
};

/// Runs a check on a machine with an image of which nothing but its size matters, for free-threaded CPython 3.14.
pub(in crate::evaluator) fn on_machine(check: impl FnOnce(&mut SharedMachine, &mut PathState)) {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/binary/built/elf-x86_64-not-used.so"
    );
    let bytes = std::fs::read(path).unwrap();
    let images = images(&bytes).unwrap();
    let image: &BinaryImage<'_> = images.first().unwrap();
    let interpreter = TargetInterpreter {
        minor: 14,
        free_threaded: true,
    };
    let mut machine = SharedMachine::new(
        image,
        &CONVENTION,
        interpreter,
        PathFuel::new(EvaluationLimits::default()),
    );
    let mut state = PathState::new(0x1000, &CONVENTION, PathMemory::default());
    check(&mut machine, &mut state);
}

/// What a load gives, where that is a number.
pub(in crate::evaluator) fn known(
    machine: &mut SharedMachine,
    state: &mut PathState,
    address: MachineValue,
    size: u64,
) -> Option<u64> {
    machine.load(state, address, size).known()
}
