//! What tests of the machine and of the states of paths stand on: a small image, without code.

use super::convention::Convention;
use super::fuel::{EvaluationLimits, Fuel};
use super::machine::{Machine, TargetInterpreter};
use super::state::State;
use crate::binary::image::{Image, images};
use crate::evaluator::memory::Memory;
use crate::evaluator::values::value::Value;

/// A convention of no system: arguments in two registers and then on the stack.
pub(in crate::evaluator) static CONVENTION: Convention = Convention {
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
pub(in crate::evaluator) fn on_machine(check: impl FnOnce(&mut Machine, &mut State)) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/binary/built/elf-x86_64-not-used.so");
    let bytes = std::fs::read(path).unwrap();
    let images = images(&bytes).unwrap();
    let image: &Image<'_> = images.first().unwrap();
    let interpreter = TargetInterpreter { minor: 14, free_threaded: true };
    let mut machine = Machine::new(image, &CONVENTION, interpreter, Fuel::new(EvaluationLimits::default()));
    let mut state = State::new(0x1000, &CONVENTION, Memory::default());
    check(&mut machine, &mut state);
}

/// What a load gives, where that is a number.
pub(in crate::evaluator) fn known(machine: &mut Machine, state: &mut State, address: Value, size: u64) -> Option<u64> {
    machine.load(state, address, size).known()
}
