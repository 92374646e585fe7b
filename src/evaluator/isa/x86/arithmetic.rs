//! Integer arithmetic and its flags.

use iced_x86::{Instruction, Mnemonic, OpKind};

use super::operand;
use crate::evaluator::cpu::flags::{Condition, Flags};
use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::cpu::state::State;
use crate::evaluator::isa::Successor;
use crate::evaluator::values::value::{Value, and, extend, mask, or, signed};

const RAX: usize = 0;
const RDX: usize = 2;

/// `CDQE`, `CWDE`, `CDQ`, `CQO`.
pub(super) fn widen(state: &mut State, mnemonic: Mnemonic) {
    let value = state.register(RAX);
    match mnemonic {
        Mnemonic::Cdqe => state.set_register(RAX, extend(value.truncate(32), 32)),
        Mnemonic::Cwde => state.set_register(RAX, extend(value.truncate(16), 16).truncate(32)),
        _ => {
            let bits = if mnemonic == Mnemonic::Cdq { 32 } else { 64 };
            let sign = value
                .known()
                .map_or(Value::ANY, |number| Value::Known(if signed(number, bits) < 0 { mask(bits) } else { 0 }));
            state.set_register(RDX, sign);
        }
    }
}

/// Carries out an arithmetic instruction; false when it is none.
pub(super) fn step(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> bool {
    use Mnemonic::*;
    match instruction.mnemonic() {
        Cmp | Test => compare(machine, state, instruction),
        Add | Sub | And | Or | Xor => binary(machine, state, instruction),
        Inc | Dec | Neg | Not => unary(machine, state, instruction),
        Shl | Sal | Shr | Sar | Rol | Ror => shift(machine, state, instruction),
        Imul if instruction.op_count() >= 2 => multiply(machine, state, instruction),
        Mul | Imul if instruction.op_count() == 1 => multiply_wide(machine, state, instruction),
        Div => divide(machine, state, instruction),
        Bt => bit(machine, state, instruction),
        Bswap => {
            let width = operand::bits(instruction, 0);
            let value = operand::read(machine, state, instruction, 0);
            let value = value.known().map_or(Value::ANY, |number| Value::Known(number.swap_bytes() >> (64 - width)));
            operand::write(machine, state, instruction, 0, value);
        }
        Stc | Clc | Cmc => state.flags = Flags::Unknown,
        _ => return false,
    }
    true
}

fn compare(machine: &mut Machine, state: &mut State, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let left = operand::read(machine, state, instruction, 0);
    let right = operand::read(machine, state, instruction, 1).truncate(bits);
    state.flags = match instruction.mnemonic() {
        Mnemonic::Test => Flags::Test { left, right, bits },
        _ => Flags::Compare { left, right, bits },
    };
}

/// The flags that an operation leaves: without carry and overflow for logic.
fn logic(value: Value, bits: u32) -> Flags {
    Flags::Result { value, bits, below: Some(false), overflow: Some(false) }
}

fn binary(machine: &mut Machine, state: &mut State, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let same_register = instruction.op_kind(0) == OpKind::Register
        && instruction.op_kind(1) == OpKind::Register
        && instruction.op_register(0) == instruction.op_register(1);
    let left = operand::read(machine, state, instruction, 0);
    let right = operand::read(machine, state, instruction, 1).truncate(bits);
    let (value, flags) = match instruction.mnemonic() {
        Mnemonic::Sub | Mnemonic::Xor if same_register => (Value::Known(0), logic(Value::Known(0), bits)),
        Mnemonic::Add => {
            let immediate = !matches!(instruction.op_kind(1), OpKind::Register | OpKind::Memory);
            let sum = match right {
                Value::Known(constant) if immediate => left.offset(constant),
                _ => left.add(right),
            };
            let value = sum.truncate(bits);
            (value, sum_flags(left, right, value, bits))
        }
        Mnemonic::Sub => {
            let value = left.sub(right).truncate(bits);
            (value, Flags::Compare { left, right, bits })
        }
        Mnemonic::And => {
            let value = match and(left, right) {
                Value::ANY => machine.masked(state, right),
                value => value,
            };
            let flags = if value.known().is_some() { logic(value, bits) } else { Flags::Test { left, right, bits } };
            (value, flags)
        }
        Mnemonic::Or => {
            let value = or(left, right, bits);
            (value, logic(value, bits))
        }
        _ => {
            let value = match (left, right) {
                (Value::Known(left), Value::Known(right)) => Value::Known(left ^ right),
                (value, Value::Known(0)) | (Value::Known(0), value) => value,
                _ => Value::ANY,
            };
            (value, logic(value, bits))
        }
    };
    operand::write(machine, state, instruction, 0, value);
    state.flags = flags;
}

/// Flags of an addition.
pub(super) fn sum_flags(left: Value, right: Value, value: Value, bits: u32) -> Flags {
    match (left, right, value) {
        (Value::Known(left), Value::Known(right), Value::Known(sum)) => {
            let overflow = signed(left, bits)
                .checked_add(signed(right, bits))
                .is_none_or(|sum| signed(sum.cast_unsigned(), bits) != sum);
            Flags::Result { value, bits, below: Some(sum & mask(bits) < left & mask(bits)), overflow: Some(overflow) }
        }
        _ => Flags::Result { value, bits, below: None, overflow: None },
    }
}

fn unary(machine: &mut Machine, state: &mut State, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let before = operand::read(machine, state, instruction, 0);
    let one = Value::Known(1);
    let (value, flags) = match instruction.mnemonic() {
        Mnemonic::Inc => {
            let value = before.add(one).truncate(bits);
            (value, Some(sum_flags(before, one, value, bits)))
        }
        Mnemonic::Dec => {
            let value = before.sub(one).truncate(bits);
            (value, Some(Flags::Compare { left: before, right: one, bits }))
        }
        Mnemonic::Neg => {
            let value = before.known().map_or(Value::ANY, |number| Value::Known(number.wrapping_neg() & mask(bits)));
            (value, Some(Flags::Compare { left: Value::Known(0), right: before, bits }))
        }
        _ => (before.known().map_or(Value::ANY, |number| Value::Known(!number & mask(bits))), None),
    };
    operand::write(machine, state, instruction, 0, value);
    if let Some(flags) = flags {
        state.flags = flags;
    }
}

fn shift(machine: &mut Machine, state: &mut State, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let value = operand::read(machine, state, instruction, 0);
    let count = operand::read(machine, state, instruction, 1).truncate(8);
    let limit = if bits == 64 { 63 } else { 31 };
    let shifted = match (value, count) {
        (value, Value::Known(count)) if count & limit == 0 => {
            operand::write(machine, state, instruction, 0, value);
            return;
        }
        (Value::Known(number), Value::Known(count)) => {
            let count = (count & limit) as u32;
            Value::Known(shifted(instruction.mnemonic(), number, count, bits))
        }
        _ => Value::ANY,
    };
    operand::write(machine, state, instruction, 0, shifted);
    state.flags = Flags::Result { value: shifted, bits, below: None, overflow: None };
}

fn shifted(mnemonic: Mnemonic, number: u64, count: u32, bits: u32) -> u64 {
    let within = count % bits;
    let rotated = |left: u32| {
        if left == 0 { number } else { (number << left) | (number & mask(bits)) >> (bits - left) }
    };
    let result = match mnemonic {
        Mnemonic::Shr => number.checked_shr(count).unwrap_or(0),
        Mnemonic::Sar => (signed(number, bits) >> count.min(63)).cast_unsigned(),
        Mnemonic::Rol => rotated(within),
        Mnemonic::Ror => rotated((bits - within) % bits),
        _ => number.checked_shl(count).unwrap_or(0),
    };
    result & mask(bits)
}

fn multiply(machine: &mut Machine, state: &mut State, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let (first, second) = if instruction.op_count() == 3 { (1, 2) } else { (0, 1) };
    let left = operand::read(machine, state, instruction, first);
    let right = operand::read(machine, state, instruction, second).truncate(bits);
    let value = match (left, right) {
        (Value::Known(left), Value::Known(right)) => Value::Known(left.wrapping_mul(right) & mask(bits)),
        (Value::Known(0), _) | (_, Value::Known(0)) => Value::Known(0),
        _ => Value::ANY,
    };
    operand::write(machine, state, instruction, 0, value);
    state.flags = Flags::Unknown;
}

fn multiply_wide(machine: &mut Machine, state: &mut State, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let left = state.register(RAX).truncate(bits);
    let right = operand::read(machine, state, instruction, 0);
    let product = match (left, right, bits, instruction.mnemonic()) {
        (Value::Known(left), Value::Known(right), 32 | 64, Mnemonic::Mul) => {
            let product = u128::from(left) * u128::from(right);
            Some(((product as u64) & mask(bits), ((product >> bits) as u64) & mask(bits)))
        }
        _ => None,
    };
    let (low, high) = product.map_or((Value::ANY, Value::ANY), |(low, high)| (Value::Known(low), Value::Known(high)));
    state.set_register(RAX, low);
    if bits > 8 {
        state.set_register(RDX, high);
    }
    let carry = product.map(|(_, high)| high != 0);
    state.flags = Flags::Result { value: Value::ANY, bits, below: carry, overflow: carry };
}

/// `DIV`: dividing by one leaves nothing over, whatever is divided.
fn divide(machine: &mut Machine, state: &mut State, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let divisor = operand::read(machine, state, instruction, 0);
    let (low, high) = (state.register(RAX).truncate(bits), state.register(RDX).truncate(bits));
    let (quotient, rest) = match (low, high, divisor) {
        (low, Value::Known(0), Value::Known(1)) => (low, Value::Known(0)),
        (Value::Known(low), Value::Known(0), Value::Known(divisor)) if divisor != 0 => {
            (Value::Known(low / divisor), Value::Known(low % divisor))
        }
        _ => (Value::ANY, Value::ANY),
    };
    state.set_register(RAX, if bits > 8 { quotient } else { Value::ANY });
    if bits > 8 {
        state.set_register(RDX, rest);
    }
    state.flags = Flags::Unknown;
}

fn bit(machine: &mut Machine, state: &mut State, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let value = operand::read(machine, state, instruction, 0);
    let index = operand::read(machine, state, instruction, 1);
    let below = match (value, index) {
        (Value::Known(number), Value::Known(index)) => Some((number >> (index % u64::from(bits))) & 1 != 0),
        _ => None,
    };
    state.flags = Flags::Result { value: Value::ANY, bits, below, overflow: None };
}

/// `XCHG`, `XADD`, `CMPXCHG`.
pub(super) fn exchange(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> Successor {
    let bits = operand::bits(instruction, 0);
    let next = Successor::Next(instruction.next_ip());
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
            state.flags = sum_flags(target, source, sum, bits);
        }
        _ => {
            let accumulator = state.register(RAX).truncate(bits);
            state.flags = Flags::Compare { left: accumulator, right: target, bits };
            match machine.ask(state, Condition::Equal) {
                None => return Successor::Fork(Condition::Equal),
                Some(true) => {
                    operand::write(machine, state, instruction, 0, source);
                    state.flags = logic(Value::Known(0), bits);
                }
                Some(false) => {
                    state.set_register(RAX, target.truncate(bits));
                    let differs = Value::Known(1);
                    state.flags = Flags::Result { value: differs, bits, below: None, overflow: None };
                }
            }
        }
    }
    next
}
