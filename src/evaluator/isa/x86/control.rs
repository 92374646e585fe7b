//! Branches, returns, and what is done under a condition.

use iced_x86::{Code, ConditionCode, Instruction, Mnemonic};

use super::{RSP, operand, unmodelled};
use crate::evaluator::cpu::flags::Condition;
use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::cpu::state::State;
use crate::evaluator::isa::Successor;
use crate::evaluator::values::value::Value;

const RCX: usize = 1;

/// The condition of a conditional instruction.
fn condition(instruction: &Instruction) -> Condition {
    match instruction.condition_code() {
        ConditionCode::o => Condition::Overflow,
        ConditionCode::no => Condition::NoOverflow,
        ConditionCode::b => Condition::Below,
        ConditionCode::ae => Condition::AboveOrEqual,
        ConditionCode::e => Condition::Equal,
        ConditionCode::ne => Condition::NotEqual,
        ConditionCode::be => Condition::BelowOrEqual,
        ConditionCode::a => Condition::Above,
        ConditionCode::s => Condition::Negative,
        ConditionCode::ns => Condition::NotNegative,
        ConditionCode::l => Condition::Less,
        ConditionCode::ge => Condition::GreaterOrEqual,
        ConditionCode::le => Condition::LessOrEqual,
        ConditionCode::g => Condition::Greater,
        ConditionCode::None | ConditionCode::p | ConditionCode::np => Condition::Other,
    }
}

/// Branches on conditions, and on the counter.
pub(super) fn branch(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> Successor {
    use Mnemonic::*;
    if matches!(instruction.mnemonic(), Loop | Loope | Loopne | Jcxz | Jecxz | Jrcxz) {
        return branch_on_counter(machine, state, instruction);
    }
    let condition = condition(instruction);
    match machine.ask(state, condition) {
        Some(true) => Successor::Next(instruction.near_branch_target()),
        Some(false) => Successor::Next(instruction.next_ip()),
        None => Successor::Fork(condition),
    }
}

/// `JRCXZ`, and `LOOP` and its kin, which count down without a flag.
fn branch_on_counter(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> Successor {
    let narrow = matches!(
        instruction.code(),
        Code::Loop_rel8_64_ECX | Code::Loope_rel8_64_ECX | Code::Loopne_rel8_64_ECX | Code::Jecxz_rel8_64
    );
    let bits = if narrow { 32 } else { 64 };
    let counter = state.register(RCX).truncate(bits);
    let after = counter.sub(Value::Known(1)).truncate(bits);
    let goes_on = after.known().map(|after| after != 0);
    let equal = state.decide(Condition::Equal, &machine.symbols);
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
    let Some(taken) = state.pending_branch.take().or(taken) else { return Successor::Fork(Condition::Other) };
    if counts {
        state.set_register(RCX, after);
    }
    Successor::Next(if taken { instruction.near_branch_target() } else { instruction.next_ip() })
}

/// Returns from a call.
pub(super) fn ret(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> Successor {
    if !matches!(instruction.code(), Code::Retnq | Code::Retnq_imm16) {
        return Successor::Stuck(format!("{:?} is not followed", instruction.code()));
    }
    let stack = state.register(RSP);
    let target = machine.load(state, stack, 8);
    let extra = if instruction.op_count() == 1 { instruction.immediate(0) } else { 0 };
    state.set_register(RSP, stack.offset(8 + extra));
    Successor::Return(target)
}

/// Whether the instruction is `CMOVcc` or `SETcc`.
pub(super) fn is_conditional(instruction: &Instruction) -> bool {
    instruction.condition_code() != ConditionCode::None && instruction.op_count() <= 2
}

/// `CMOVcc` and `SETcc`: both ways are followed when the condition is unknown.
pub(super) fn conditional(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> Successor {
    let condition = condition(instruction);
    if condition == Condition::Other {
        return unmodelled::step(machine, state, instruction);
    }
    let moves = instruction.op_count() == 2;
    let alike = moves && operand::same(state, instruction);
    let holds = if alike { Some(true) } else { machine.ask(state, condition) };
    let Some(holds) = holds else { return Successor::Fork(condition) };
    let value = match (moves, holds) {
        (false, holds) => Value::Known(u64::from(holds)),
        (true, true) => operand::read(machine, state, instruction, 1),
        (true, false) => operand::read(machine, state, instruction, 0),
    };
    operand::write(machine, state, instruction, 0, value);
    Successor::Next(instruction.next_ip())
}
