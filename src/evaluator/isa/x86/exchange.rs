//! `XCHG`, `XADD` and `CMPXCHG`.

use iced_x86::{Instruction, Mnemonic, Register};

use super::{arithmetic, operand};
use crate::evaluator::cpu::flags::{BranchCondition, Flag, Flags};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::isa::InstructionSuccessor;
use crate::evaluator::values::value::MachineValue;

/// Carries out an exchange.
pub(super) fn step(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    let bits = operand::bits(instruction, 0);
    let target = operand::read(machine, state, instruction, 0);
    let source = operand::read(machine, state, instruction, 1);
    match instruction.mnemonic() {
        Mnemonic::Xchg => {
            operand::write(machine, state, instruction, 0, source);
            operand::write(machine, state, instruction, 1, target);
        }
        Mnemonic::Xadd => {
            let sum = target.add(source).truncate(bits);
            operand::write(machine, state, instruction, 1, target);
            operand::write(machine, state, instruction, 0, sum);
            state.flags = arithmetic::sum_flags(target, source, sum, bits);
        }
        _ => return compare_and_exchange(machine, state, instruction, (target, source)),
    }
    InstructionSuccessor::Next(instruction.next_ip())
}

/// `CMPXCHG`: both ways are followed where it is not known whether it succeeds.
fn compare_and_exchange(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    (target, source): (MachineValue, MachineValue),
) -> InstructionSuccessor {
    let bits = operand::bits(instruction, 0);
    let accumulator = match bits {
        8 => Register::AL,
        16 => Register::AX,
        32 => Register::EAX,
        _ => Register::RAX,
    };
    let expected = operand::register(state, accumulator);
    state.flags = Flags::compare(expected, target, bits);
    match machine.ask(state, BranchCondition::Equal) {
        None => return InstructionSuccessor::Fork(BranchCondition::Equal),
        Some(true) => {
            operand::write(machine, state, instruction, 0, source);
            state.flags = arithmetic::logic(MachineValue::Known(0), bits);
        }
        Some(false) => {
            operand::set(machine, state, accumulator, target);
            state.flags = state.flags.with(Flag::Zero, Some(false));
        }
    }
    InstructionSuccessor::Next(instruction.next_ip())
}
