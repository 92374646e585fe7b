//! What puts words on the stack and takes them off.

use iced_x86::Instruction;

use super::{RSP, operand};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::values::value::MachineValue;

const RBP: usize = 5;

/// Bytes that an instruction puts on the stack or takes off: eight, or two where it says so.
fn size(instruction: &Instruction) -> u64 {
    u64::from(instruction.stack_pointer_increment().unsigned_abs())
}

/// Puts the lowest bytes of a value on the stack.
pub(super) fn push(
    machine: &mut SharedMachine,
    state: &mut PathState,
    size: u64,
    value: MachineValue,
) {
    let stack = state.register(RSP).sub(MachineValue::Known(size));
    state.set_register(RSP, stack);
    machine.store(state, stack, size, value);
}

/// `PUSH`.
pub(super) fn push_operand(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) {
    let value = operand::read(machine, state, instruction, 0);
    push(machine, state, size(instruction), value);
}

/// `POP`: an address in its operand counts from the stack pointer behind the word.
pub(super) fn pop(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let stack = state.register(RSP);
    let value = machine.load(state, stack, size(instruction));
    state.set_register(RSP, stack.offset(size(instruction)));
    operand::write(machine, state, instruction, 0, value);
}

/// `LEAVE`.
pub(super) fn leave(machine: &mut SharedMachine, state: &mut PathState) {
    let frame = state.register(RBP);
    let value = machine.load(state, frame, 8);
    state.set_register(RSP, frame.offset(8));
    state.set_register(RBP, value);
}
