//! The atomic instructions of Armv8.1, by their encodings:
//! <https://developer.arm.com/documentation/ddi0602/latest/Index-by-Encoding/Loads-and-Stores>

use super::{SP, operand};
use crate::evaluator::cpu::flags::{BranchCondition, Flags};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::isa::InstructionSuccessor;
use crate::evaluator::values::value::MachineValue;

/// Carries out an atomic instruction; `None` when the word is none.
pub(super) fn step(
    machine: &mut SharedMachine,
    state: &mut PathState,
    word: u32,
) -> Option<InstructionSuccessor> {
    const READ_MODIFY_WRITE: (u32, u32) = (0x3f20_0c00, 0x3820_0000);
    const COMPARE_AND_SWAP: (u32, u32) = (0x3fa0_7c00, 0x08a0_7c00);
    const COMPARE_AND_SWAP_PAIR: (u32, u32) = (0xbfa0_7c00, 0x0820_7c00);
    let is = |(mask, value): (u32, u32)| word & mask == value;
    if is(READ_MODIFY_WRITE) {
        read_modify_write(machine, state, word);
        return Some(InstructionSuccessor::Next(state.pc.wrapping_add(4)));
    }
    if is(COMPARE_AND_SWAP) {
        return Some(compare_and_swap(machine, state, word));
    }
    if is(COMPARE_AND_SWAP_PAIR) {
        let pair = field(word, 16) as usize & 30;
        operand::clobber(state, pair);
        operand::clobber(state, pair + 1);
        let place = state.register(field(word, 5) as usize);
        machine.store(state, place, 8, MachineValue::ANY);
        machine.store(state, place.offset(8), 8, MachineValue::ANY);
        return Some(InstructionSuccessor::Next(state.pc.wrapping_add(4)));
    }
    None
}

/// A register number in a word.
fn field(word: u32, place: u32) -> u16 {
    (word >> place & 31) as u16
}

fn size(word: u32) -> u64 {
    1 << (word >> 30)
}

fn set(state: &mut PathState, number: u16, value: MachineValue) {
    if usize::from(number) != SP {
        state.set_register(usize::from(number), value);
    }
}

fn read_modify_write(machine: &mut SharedMachine, state: &mut PathState, word: u32) {
    const SWAP: u32 = 8;
    const LOAD_ACQUIRE: u32 = 12;
    let (size, operation) = (size(word), word >> 12 & 15);
    let bits = 8 * size as u32;
    let place = state.register(field(word, 5).into());
    let before = machine.load(state, place, size);
    let operand = operand::register(state, field(word, 16), bits);
    let after = match (operation, before, operand) {
        (LOAD_ACQUIRE, ..) => None,
        (0, before, operand) => Some(before.add(operand).truncate(bits)),
        (1, MachineValue::Known(before), MachineValue::Known(bits)) => {
            Some(MachineValue::Known(before & !bits))
        }
        (2, MachineValue::Known(before), MachineValue::Known(bits)) => {
            Some(MachineValue::Known(before ^ bits))
        }
        (3, MachineValue::Known(before), MachineValue::Known(bits)) => {
            Some(MachineValue::Known(before | bits))
        }
        (SWAP, _, operand) => Some(operand),
        _ => Some(MachineValue::ANY),
    };
    if let Some(after) = after {
        machine.store(state, place, size, after);
    }
    set(state, field(word, 0), before);
}

fn compare_and_swap(
    machine: &mut SharedMachine,
    state: &mut PathState,
    word: u32,
) -> InstructionSuccessor {
    let size = size(word);
    let bits = 8 * size as u32;
    let place = state.register(field(word, 5).into());
    let before = machine.load(state, place, size);
    let expected = operand::register(state, field(word, 16), bits);
    let kept = state.saved_flags.take().unwrap_or(state.flags);
    state.flags = Flags::compare(expected, before, bits);
    match machine.ask(state, BranchCondition::Equal) {
        None => {
            state.saved_flags = Some(kept);
            return InstructionSuccessor::Fork(BranchCondition::Equal);
        }
        Some(true) => {
            let value = operand::register(state, field(word, 0), bits);
            machine.store(state, place, size, value);
            // What was there is what was expected: the comparison that follows must say so.
            set(
                state,
                field(word, 16),
                if before.known().is_some() {
                    before
                } else {
                    expected
                },
            );
        }
        Some(false) => {
            let differs = match (before, expected) {
                (MachineValue::Known(_), _) => before,
                (_, MachineValue::Known(0)) => machine.nonzero(state),
                _ => before,
            };
            set(state, field(word, 16), differs);
        }
    }
    state.flags = kept;
    InstructionSuccessor::Next(state.pc.wrapping_add(4))
}
