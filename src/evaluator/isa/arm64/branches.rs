//! Branches of arm64: conditions, and what a branch that tests a register asks.

use yaxpeax_arm::armv8::a64::{Instruction, Opcode, Operand};

use crate::evaluator::cpu::flags::{BranchCondition, Flags};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::isa::InstructionSuccessor;
use crate::evaluator::values::value::MachineValue;

/// The condition behind a condition code; `None` for "always".
pub(super) fn condition(code: u8) -> Option<BranchCondition> {
    Some(match code {
        0 => BranchCondition::Equal,
        1 => BranchCondition::NotEqual,
        2 => BranchCondition::AboveOrEqual,
        3 => BranchCondition::Below,
        4 => BranchCondition::Negative,
        5 => BranchCondition::NotNegative,
        6 => BranchCondition::Overflow,
        7 => BranchCondition::NoOverflow,
        8 => BranchCondition::Above,
        9 => BranchCondition::BelowOrEqual,
        10 => BranchCondition::GreaterOrEqual,
        11 => BranchCondition::Less,
        12 => BranchCondition::Greater,
        13 => BranchCondition::LessOrEqual,
        _ => return None,
    })
}

/// The answer to a condition code, or the fork that finds it out.
pub(super) fn ask(
    machine: &SharedMachine,
    state: &mut PathState,
    code: u8,
) -> Result<bool, InstructionSuccessor> {
    match condition(code) {
        None => Ok(true),
        Some(condition) => machine
            .ask(state, condition)
            .ok_or(InstructionSuccessor::Fork(condition)),
    }
}

pub(super) fn test_and_branch(
    machine: &SharedMachine,
    state: &mut PathState,
    flags: Flags,
    condition: BranchCondition,
    taken: u64,
) -> InstructionSuccessor {
    let before = state.saved_flags.take().unwrap_or(state.flags);
    state.flags = flags;
    match machine.ask(state, condition) {
        Some(holds) => {
            state.flags = before;
            InstructionSuccessor::Next(if holds {
                taken
            } else {
                state.pc.wrapping_add(4)
            })
        }
        None => {
            state.saved_flags = Some(before);
            InstructionSuccessor::Fork(condition)
        }
    }
}

pub(super) fn test_bit(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    let value = super::operand::read(machine, state, instruction, 0);
    let bit = match instruction.operands.get(1) {
        Some(Operand::Imm16(bit)) => u32::from(*bit),
        Some(_) | None => 0,
    };
    let taken = match instruction.operands.get(2) {
        Some(Operand::PCOffset(offset)) => state.pc.wrapping_add(offset.cast_unsigned()),
        Some(_) | None => state.pc,
    };
    let set = instruction.opcode == Opcode::TBNZ;
    let sign = matches!(bit, 31 | 63);
    let (flags, condition) = if sign {
        let condition = if set {
            BranchCondition::Negative
        } else {
            BranchCondition::NotNegative
        };
        (
            Flags::compare(value, MachineValue::Known(0), bit + 1),
            condition,
        )
    } else {
        let condition = if set {
            BranchCondition::NotEqual
        } else {
            BranchCondition::Equal
        };
        (
            Flags::test(value, MachineValue::Known(1 << bit.min(63)), 64),
            condition,
        )
    };
    test_and_branch(machine, state, flags, condition, taken)
}
