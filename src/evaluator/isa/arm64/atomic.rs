//! The atomic instructions of Armv8.1, by their encodings:
//! <https://developer.arm.com/documentation/ddi0602/latest/Index-by-Encoding/Loads-and-Stores>

use super::{SP, operand};
use crate::evaluator::cpu::flags::{Condition, Flags};
use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::cpu::state::State;
use crate::evaluator::isa::Successor;
use crate::evaluator::values::value::Value;

/// Carries out an atomic instruction; `None` when the word is none.
pub(super) fn step(machine: &mut Machine, state: &mut State, word: u32) -> Option<Successor> {
    const READ_MODIFY_WRITE: (u32, u32) = (0x3f20_0c00, 0x3820_0000);
    const COMPARE_AND_SWAP: (u32, u32) = (0x3fa0_7c00, 0x08a0_7c00);
    const COMPARE_AND_SWAP_PAIR: (u32, u32) = (0xbfa0_7c00, 0x0820_7c00);
    let is = |(mask, value): (u32, u32)| word & mask == value;
    if is(READ_MODIFY_WRITE) {
        read_modify_write(machine, state, word);
        return Some(Successor::Next(state.pc.wrapping_add(4)));
    }
    if is(COMPARE_AND_SWAP) {
        return Some(compare_and_swap(machine, state, word));
    }
    if is(COMPARE_AND_SWAP_PAIR) {
        let pair = field(word, 16) as usize & 30;
        operand::clobber(state, pair);
        operand::clobber(state, pair + 1);
        let place = state.register(field(word, 5) as usize);
        machine.store(state, place, 8, Value::ANY);
        machine.store(state, place.offset(8), 8, Value::ANY);
        return Some(Successor::Next(state.pc.wrapping_add(4)));
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

fn set(state: &mut State, number: u16, value: Value) {
    if usize::from(number) != SP {
        state.set_register(usize::from(number), value);
    }
}

fn read_modify_write(machine: &mut Machine, state: &mut State, word: u32) {
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
        (1, Value::Known(before), Value::Known(bits)) => Some(Value::Known(before & !bits)),
        (2, Value::Known(before), Value::Known(bits)) => Some(Value::Known(before ^ bits)),
        (3, Value::Known(before), Value::Known(bits)) => Some(Value::Known(before | bits)),
        (SWAP, _, operand) => Some(operand),
        _ => Some(Value::ANY),
    };
    if let Some(after) = after {
        machine.store(state, place, size, after);
    }
    set(state, field(word, 0), before);
}

fn compare_and_swap(machine: &mut Machine, state: &mut State, word: u32) -> Successor {
    let size = size(word);
    let bits = 8 * size as u32;
    let place = state.register(field(word, 5).into());
    let before = machine.load(state, place, size);
    let expected = operand::register(state, field(word, 16), bits);
    let kept = state.saved_flags.take().unwrap_or(state.flags);
    state.flags = Flags::compare(expected, before, bits);
    match machine.ask(state, Condition::Equal) {
        None => {
            state.saved_flags = Some(kept);
            return Successor::Fork(Condition::Equal);
        }
        Some(true) => {
            let value = operand::register(state, field(word, 0), bits);
            machine.store(state, place, size, value);
            // What was there is what was expected: the comparison that follows must say so.
            set(state, field(word, 16), if before.known().is_some() { before } else { expected });
        }
        Some(false) => {
            let differs = match (before, expected) {
                (Value::Known(_), _) => before,
                (_, Value::Known(0)) => machine.nonzero(state),
                _ => before,
            };
            set(state, field(word, 16), differs);
        }
    }
    state.flags = kept;
    Successor::Next(state.pc.wrapping_add(4))
}
