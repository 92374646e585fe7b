//! Integer arithmetic and its flags.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use super::operand;
use crate::evaluator::cpu::flags::{BranchCondition, Flag, Flags};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::values::value::{MachineValue, and, extend, mask, or, signed};

const RAX: usize = 0;
const RDX: usize = 2;

/// `CDQE`, `CWDE`, `CDQ`, `CQO`.
pub(super) fn widen(state: &mut PathState, mnemonic: Mnemonic) {
    let value = state.register(RAX);
    match mnemonic {
        Mnemonic::Cdqe => state.set_register(RAX, extend(value.truncate(32), 32)),
        Mnemonic::Cwde => state.set_register(RAX, extend(value.truncate(16), 16).truncate(32)),
        _ => {
            let bits = if mnemonic == Mnemonic::Cdq { 32 } else { 64 };
            let sign = value.known().map_or(MachineValue::ANY, |number| {
                MachineValue::Known(if signed(number, bits) < 0 {
                    mask(bits)
                } else {
                    0
                })
            });
            state.set_register(RDX, sign);
        }
    }
}

/// Carries out an arithmetic instruction; false when it is none.
pub(super) fn step(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> bool {
    use Mnemonic::*;
    match instruction.mnemonic() {
        Cmp | Test => compare(machine, state, instruction),
        Add | Sub | And | Or | Xor => binary(machine, state, instruction),
        Adc | Sbb => with_carry(machine, state, instruction),
        Inc | Dec | Neg | Not => unary(machine, state, instruction),
        Imul if instruction.op_count() >= 2 => multiply(machine, state, instruction),
        Mul | Imul if instruction.op_count() == 1 => multiply_wide(machine, state, instruction),
        Div => divide(machine, state, instruction),
        Bswap => {
            let width = operand::bits(instruction, 0);
            let value = operand::read(machine, state, instruction, 0);
            let value = value.known().map_or(MachineValue::ANY, |number| {
                MachineValue::Known(number.swap_bytes() >> (64 - width))
            });
            operand::write(machine, state, instruction, 0, value);
        }
        Stc => state.flags = state.flags.with(Flag::Carry, Some(true)),
        Clc => state.flags = state.flags.with(Flag::Carry, Some(false)),
        Cmc => {
            let carry = carry(machine, state).map(|carry| !carry);
            state.flags = state.flags.with(Flag::Carry, carry);
        }
        _ => return false,
    }
    true
}

fn compare(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let left = operand::read(machine, state, instruction, 0);
    let right = operand::read(machine, state, instruction, 1).truncate(bits);
    state.flags = match instruction.mnemonic() {
        Mnemonic::Test => Flags::test(left, right, bits),
        _ => Flags::compare(left, right, bits),
    };
}

/// The carry flag, where it is known.
fn carry(machine: &SharedMachine, state: &PathState) -> Option<bool> {
    state.decide(BranchCondition::Below, &machine.symbols)
}

/// The flags that logic leaves: those of a comparison with zero, without carry and overflow.
pub(super) fn logic(value: MachineValue, bits: u32) -> Flags {
    Flags::compare(value, MachineValue::Known(0), bits)
}

fn binary(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let same_register = operand::is_same_register(instruction);
    let left = operand::read(machine, state, instruction, 0);
    let right = operand::read(machine, state, instruction, 1).truncate(bits);
    let (value, flags) = match instruction.mnemonic() {
        Mnemonic::Sub | Mnemonic::Xor if same_register => {
            (MachineValue::Known(0), logic(MachineValue::Known(0), bits))
        }
        Mnemonic::Add => {
            let immediate = !matches!(instruction.op_kind(1), OpKind::Register | OpKind::Memory);
            let sum = match right {
                MachineValue::Known(constant) if immediate => left.offset(constant),
                _ => left.add(right),
            };
            let value = sum.truncate(bits);
            (value, sum_flags(left, right, value, bits))
        }
        Mnemonic::Sub => {
            let value = left.sub(right).truncate(bits);
            (value, Flags::compare(left, right, bits))
        }
        Mnemonic::And => {
            let value = match and(left, right) {
                MachineValue::ANY => machine.masked(state, right),
                value => value,
            };
            let flags = if value.known().is_some() {
                logic(value, bits)
            } else {
                Flags::test(left, right, bits)
            };
            (value, flags)
        }
        Mnemonic::Or => {
            let value = or(left, right, bits);
            (value, logic(value, bits))
        }
        _ => {
            let value = match (left, right) {
                (MachineValue::Known(left), MachineValue::Known(right)) => {
                    MachineValue::Known(left ^ right)
                }
                (value, MachineValue::Known(0)) | (MachineValue::Known(0), value) => value,
                _ => MachineValue::ANY,
            };
            (value, logic(value, bits))
        }
    };
    operand::write(machine, state, instruction, 0, value);
    state.flags = flags;
}

/// Flags of an addition.
pub(super) fn sum_flags(
    left: MachineValue,
    right: MachineValue,
    value: MachineValue,
    bits: u32,
) -> Flags {
    let flags = Flags::result(value, bits);
    match (left, right) {
        (MachineValue::Known(left), MachineValue::Known(right)) => {
            with_sum(flags, left, right, 0, bits)
        }
        _ => flags,
    }
}

/// Carry and overflow of the sum of two numbers and a carry.
fn with_sum(flags: Flags, left: u64, right: u64, carry: u64, bits: u32) -> Flags {
    let (left, right) = (left & mask(bits), right & mask(bits));
    let whole = u128::from(left) + u128::from(right) + u128::from(carry);
    let sum = i128::from(signed(left, bits)) + i128::from(signed(right, bits)) + i128::from(carry);
    let overflow = i128::from(signed(whole as u64, bits)) != sum;
    flags
        .with(Flag::Carry, Some(whole >> bits != 0))
        .with(Flag::Overflow, Some(overflow))
}

/// `ADC` and `SBB`.
fn with_carry(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let left = operand::read(machine, state, instruction, 0);
    let right = operand::read(machine, state, instruction, 1).truncate(bits);
    // Subtracting is adding the complement, with carries the other way round.
    let subtracts = instruction.mnemonic() == Mnemonic::Sbb;
    let same = subtracts && operand::is_same_register(instruction);
    let (value, flags) = match (left, right, carry(machine, state)) {
        (MachineValue::Known(left), MachineValue::Known(right), Some(carry)) if subtracts => {
            let value = left.wrapping_sub(right).wrapping_sub(u64::from(carry)) & mask(bits);
            let flags = with_sum(
                Flags::result(MachineValue::Known(value), bits),
                left,
                !right,
                u64::from(!carry),
                bits,
            );
            let borrows = u128::from(left) < u128::from(right) + u128::from(carry);
            (
                MachineValue::Known(value),
                flags.with(Flag::Carry, Some(borrows)),
            )
        }
        (MachineValue::Known(left), MachineValue::Known(right), Some(carry)) => {
            let value = MachineValue::Known(
                left.wrapping_add(right).wrapping_add(u64::from(carry)) & mask(bits),
            );
            (
                value,
                with_sum(
                    Flags::result(value, bits),
                    left,
                    right,
                    u64::from(carry),
                    bits,
                ),
            )
        }
        (_, _, Some(carry)) if same => {
            let value = MachineValue::Known(if carry { mask(bits) } else { 0 });
            (value, logic(value, bits).with(Flag::Carry, Some(carry)))
        }
        _ => (MachineValue::ANY, Flags::UNKNOWN),
    };
    operand::write(machine, state, instruction, 0, value);
    state.flags = flags;
}

fn unary(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let before = operand::read(machine, state, instruction, 0);
    let one = MachineValue::Known(1);
    let (value, flags) = match instruction.mnemonic() {
        Mnemonic::Inc => {
            let value = before.add(one).truncate(bits);
            (
                value,
                Some(sum_flags(before, one, value, bits).with(Flag::Carry, carry(machine, state))),
            )
        }
        Mnemonic::Dec => {
            let value = before.sub(one).truncate(bits);
            (
                value,
                Some(Flags::compare(before, one, bits).with(Flag::Carry, carry(machine, state))),
            )
        }
        Mnemonic::Neg => {
            let value = before.known().map_or(MachineValue::ANY, |number| {
                MachineValue::Known(number.wrapping_neg() & mask(bits))
            });
            (
                value,
                Some(Flags::compare(MachineValue::Known(0), before, bits)),
            )
        }
        _ => (
            before.known().map_or(MachineValue::ANY, |number| {
                MachineValue::Known(!number & mask(bits))
            }),
            None,
        ),
    };
    operand::write(machine, state, instruction, 0, value);
    if let Some(flags) = flags {
        state.flags = flags;
    }
}

fn multiply(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let (first, second) = if instruction.op_count() == 3 {
        (1, 2)
    } else {
        (0, 1)
    };
    let left = operand::read(machine, state, instruction, first);
    let right = operand::read(machine, state, instruction, second).truncate(bits);
    let (value, overflow) = match (left, right) {
        (MachineValue::Known(left), MachineValue::Known(right)) => {
            let product = i128::from(signed(left, bits)) * i128::from(signed(right, bits));
            let value = product as u64 & mask(bits);
            (
                MachineValue::Known(value),
                Some(product != i128::from(signed(value, bits))),
            )
        }
        (MachineValue::Known(0), _) | (_, MachineValue::Known(0)) => {
            (MachineValue::Known(0), Some(false))
        }
        _ => (MachineValue::ANY, None),
    };
    operand::write(machine, state, instruction, 0, value);
    state.flags = product_flags(overflow);
}

/// The flags that a multiplication defines: whether the upper half says more than the lower one.
fn product_flags(overflow: Option<bool>) -> Flags {
    Flags::UNKNOWN
        .with(Flag::Carry, overflow)
        .with(Flag::Overflow, overflow)
}

/// The registers of the lower and the upper half of what `MUL` gives and `DIV` takes; bytes have both in `AX`.
fn halves(bits: u32) -> (Register, Register) {
    match bits {
        8 => (Register::AL, Register::AH),
        16 => (Register::AX, Register::DX),
        32 => (Register::EAX, Register::EDX),
        _ => (Register::RAX, Register::RDX),
    }
}

fn multiply_wide(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let (low, high) = halves(bits);
    let factors = (
        operand::register(state, low),
        operand::read(machine, state, instruction, 0),
    );
    let (MachineValue::Known(left), MachineValue::Known(right)) = factors else {
        operand::set(machine, state, low, MachineValue::ANY);
        operand::set(machine, state, high, MachineValue::ANY);
        state.flags = Flags::UNKNOWN;
        return;
    };
    let is_signed = instruction.mnemonic() == Mnemonic::Imul;
    let number = |number: u64| {
        if is_signed {
            i128::from(signed(number, bits))
        } else {
            i128::from(number)
        }
    };
    let product = (number(left).wrapping_mul(number(right))).cast_unsigned();
    let part = |shift: u32| (product >> shift) as u64 & mask(bits);
    let extended = if is_signed {
        signed(part(0), bits) >> 63
    } else {
        0
    };
    operand::set(machine, state, low, MachineValue::Known(part(0)));
    operand::set(machine, state, high, MachineValue::Known(part(bits)));
    state.flags = product_flags(Some(part(bits) != extended.cast_unsigned() & mask(bits)));
}

/// `DIV`: dividing by one leaves nothing over, whatever is divided.
fn divide(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let divisor = operand::read(machine, state, instruction, 0);
    let (first, second) = halves(bits);
    let (low, high) = (
        operand::register(state, first),
        operand::register(state, second),
    );
    let (quotient, rest) = match (low, high, divisor) {
        (low, MachineValue::Known(0), MachineValue::Known(1)) => (low, MachineValue::Known(0)),
        (MachineValue::Known(low), MachineValue::Known(0), MachineValue::Known(divisor))
            if divisor != 0 =>
        {
            (
                MachineValue::Known(low / divisor),
                MachineValue::Known(low % divisor),
            )
        }
        _ => (MachineValue::ANY, MachineValue::ANY),
    };
    operand::set(machine, state, first, quotient);
    operand::set(machine, state, second, rest);
    state.flags = Flags::UNKNOWN;
}
