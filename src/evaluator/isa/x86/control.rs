//! Branches, returns, and what is done under a condition.

use iced_x86::{Code, ConditionCode, Instruction, Mnemonic};

use super::{RSP, operand, unmodelled};
use crate::evaluator::cpu::flags::BranchCondition;
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::isa::InstructionSuccessor;
use crate::evaluator::values::value::MachineValue;

const RCX: usize = 1;

/// The condition of a conditional instruction.
fn condition(instruction: &Instruction) -> BranchCondition {
    match instruction.condition_code() {
        ConditionCode::o => BranchCondition::Overflow,
        ConditionCode::no => BranchCondition::NoOverflow,
        ConditionCode::b => BranchCondition::Below,
        ConditionCode::ae => BranchCondition::AboveOrEqual,
        ConditionCode::e => BranchCondition::Equal,
        ConditionCode::ne => BranchCondition::NotEqual,
        ConditionCode::be => BranchCondition::BelowOrEqual,
        ConditionCode::a => BranchCondition::Above,
        ConditionCode::s => BranchCondition::Negative,
        ConditionCode::ns => BranchCondition::NotNegative,
        ConditionCode::l => BranchCondition::Less,
        ConditionCode::ge => BranchCondition::GreaterOrEqual,
        ConditionCode::le => BranchCondition::LessOrEqual,
        ConditionCode::g => BranchCondition::Greater,
        ConditionCode::None | ConditionCode::p | ConditionCode::np => BranchCondition::Other,
    }
}

/// Branches on conditions, and on the counter.
pub(super) fn branch(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    use Mnemonic::*;
    if matches!(
        instruction.mnemonic(),
        Loop | Loope | Loopne | Jcxz | Jecxz | Jrcxz
    ) {
        return branch_on_counter(machine, state, instruction);
    }
    let condition = condition(instruction);
    match machine.ask(state, condition) {
        Some(true) => InstructionSuccessor::Next(instruction.near_branch_target()),
        Some(false) => InstructionSuccessor::Next(instruction.next_ip()),
        None => InstructionSuccessor::Fork(condition),
    }
}

/// `JRCXZ`, and `LOOP` and its kin, which count down without a flag.
fn branch_on_counter(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    let narrow = matches!(
        instruction.code(),
        Code::Loop_rel8_64_ECX
            | Code::Loope_rel8_64_ECX
            | Code::Loopne_rel8_64_ECX
            | Code::Jecxz_rel8_64
    );
    let bits = if narrow { 32 } else { 64 };
    let counter = state.register(RCX).truncate(bits);
    let after = counter.sub(MachineValue::Known(1)).truncate(bits);
    let goes_on = after.known().map(|after| after != 0);
    let equal = state.decide(BranchCondition::Equal, &machine.symbols);
    let both = |equal: Option<bool>| match (goes_on, equal) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (Some(true) | None, Some(true) | None) => None,
    };
    let (taken, counts) = match instruction.mnemonic() {
        Mnemonic::Loop => (goes_on, true),
        Mnemonic::Loope => (both(equal), true),
        Mnemonic::Loopne => (both(equal.map(|equal| !equal)), true),
        _ => (counter.known().map(|counter| counter == 0), false),
    };
    let Some(taken) = state.pending_branch.take().or(taken) else {
        return InstructionSuccessor::Fork(BranchCondition::Other);
    };
    if counts {
        state.set_register(RCX, after);
    }
    InstructionSuccessor::Next(if taken {
        instruction.near_branch_target()
    } else {
        instruction.next_ip()
    })
}

/// Returns from a call.
pub(super) fn ret(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    if !matches!(instruction.code(), Code::Retnq | Code::Retnq_imm16) {
        return InstructionSuccessor::Stuck(format!("{:?} is not followed", instruction.code()));
    }
    let stack = state.register(RSP);
    let target = machine.load(state, stack, 8);
    let extra = if instruction.op_count() == 1 {
        instruction.immediate(0)
    } else {
        0
    };
    state.set_register(RSP, stack.offset(8 + extra));
    InstructionSuccessor::Return(target)
}

/// Whether the instruction is `CMOVcc` or `SETcc`.
pub(super) fn is_conditional(instruction: &Instruction) -> bool {
    instruction.condition_code() != ConditionCode::None && instruction.op_count() <= 2
}

/// `CMOVcc` and `SETcc`: both ways are followed when the condition is unknown.
pub(super) fn conditional(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    let condition = condition(instruction);
    if condition == BranchCondition::Other {
        return unmodelled::step(machine, state, instruction);
    }
    let moves = instruction.op_count() == 2;
    let alike = moves && operand::same(state, instruction);
    let holds = if alike {
        Some(true)
    } else {
        machine.ask(state, condition)
    };
    let Some(holds) = holds else {
        return InstructionSuccessor::Fork(condition);
    };
    let value = match (moves, holds) {
        (false, holds) => MachineValue::Known(u64::from(holds)),
        (true, true) => operand::read(machine, state, instruction, 1),
        (true, false) => operand::read(machine, state, instruction, 0),
    };
    operand::write(machine, state, instruction, 0, value);
    InstructionSuccessor::Next(instruction.next_ip())
}
