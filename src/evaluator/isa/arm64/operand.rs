//! Operands: registers of both widths, shifted and extended registers, immediates.

use yaxpeax_arm::armv8::a64::{Instruction, Operand, SIMDSizeCode, ShiftStyle, SizeCode};

use super::SP;
use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::cpu::state::{LANES, State};
use crate::evaluator::values::value::{Value, extend, mask, signed};

/// Width of a register operand in bits.
pub(super) fn bits(instruction: &Instruction, index: usize) -> u32 {
    match instruction.operands.get(index) {
        Some(Operand::Register(size, _) | Operand::RegisterOrSP(size, _) | Operand::RegShift(_, _, size, _)) => {
            width(*size)
        }
        Some(_) | None => 64,
    }
}

fn width(size: SizeCode) -> u32 {
    match size {
        SizeCode::X => 64,
        SizeCode::W => 32,
    }
}

/// Bytes of a vector register of this size.
pub(super) fn bytes(size: SIMDSizeCode) -> u64 {
    match size {
        SIMDSizeCode::B => 1,
        SIMDSizeCode::H => 2,
        SIMDSizeCode::S => 4,
        SIMDSizeCode::D => 8,
        SIMDSizeCode::Q => 16,
    }
}

/// A register in which 31 stands for zero.
pub(super) fn register(state: &State, number: u16, bits: u32) -> Value {
    if usize::from(number) == SP { Value::Known(0) } else { state.register(usize::from(number)).truncate(bits) }
}

/// Reads an operand; its upper bits are zero.
pub(super) fn read(machine: &mut Machine, state: &mut State, instruction: &Instruction, index: usize) -> Value {
    let Some(operand) = instruction.operands.get(index) else { return Value::ANY };
    match *operand {
        Operand::Register(size, number) => register(state, number, width(size)),
        Operand::RegisterOrSP(size, number) => state.register(usize::from(number)).truncate(width(size)),
        Operand::RegShift(style, amount, size, number) => {
            let value = register(state, number, width(size));
            // An extended register is as wide as the result once it is extended; the decoder shows `UXTW` as `LSL`.
            let width =
                if matches!(style, ShiftStyle::LSL) { bits(instruction, 0).max(width(size)) } else { width(size) };
            shift(machine, state, value, style, u32::from(amount), width)
        }
        Operand::Immediate(value) => Value::Known(u64::from(value)),
        Operand::Imm16(value) => Value::Known(u64::from(value)),
        Operand::Imm64(value) => Value::Known(value),
        Operand::ImmShift(value, amount) => Value::Known(u64::from(value).checked_shl(u32::from(amount)).unwrap_or(0)),
        Operand::SIMDRegister(size, number) => {
            state.lane(usize::from(number), 0).truncate(8 * bytes(size).min(8) as u32)
        }
        _ => Value::ANY,
    }
}

/// Shifts or extends a value of this width.
pub(super) fn shift(
    machine: &mut Machine,
    state: &mut State,
    value: Value,
    style: ShiftStyle,
    amount: u32,
    bits: u32,
) -> Value {
    let extended = match style {
        ShiftStyle::UXTB => value.truncate(8),
        ShiftStyle::UXTH => value.truncate(16),
        ShiftStyle::UXTW => value.truncate(32),
        ShiftStyle::SXTB => extend(value.truncate(8), 8),
        ShiftStyle::SXTH => extend(value.truncate(16), 16),
        ShiftStyle::SXTW => extend(value.truncate(32), 32),
        _ => value,
    };
    if amount == 0 {
        return extended;
    }
    match (extended, style) {
        (Value::Known(number), ShiftStyle::LSR) => Value::Known((number & mask(bits)) >> amount.min(63)),
        (Value::Known(number), ShiftStyle::ASR) => {
            Value::Known((signed(number, bits) >> amount.min(63)).cast_unsigned() & mask(bits))
        }
        (Value::Known(number), ShiftStyle::ROR) => {
            let number = number & mask(bits);
            Value::Known(((number >> amount) | (number << (bits - amount.min(bits)))) & mask(bits))
        }
        (Value::Known(number), _) => {
            let width = if matches!(style, ShiftStyle::LSL) { bits } else { 64 };
            Value::Known(number.checked_shl(amount).unwrap_or(0) & mask(width))
        }
        (Value::Symbol { id, offset: 0 }, ShiftStyle::LSR | ShiftStyle::ASR | ShiftStyle::ROR) => {
            let _ = id;
            Value::ANY
        }
        (Value::Symbol { id, offset: 0 }, _) => machine.shift_entry(state, id, amount),
        _ => Value::ANY,
    }
}

/// Writes a register operand; writes to the zero register are lost.
pub(super) fn write(state: &mut State, instruction: &Instruction, index: usize, value: Value) {
    match instruction.operands.get(index) {
        Some(Operand::Register(size, number)) if usize::from(*number) != SP => {
            state.set_register(usize::from(*number), value.truncate(width(*size)));
        }
        Some(Operand::RegisterOrSP(size, number)) => {
            state.set_register(usize::from(*number), value.truncate(width(*size)));
        }
        Some(Operand::SIMDRegister(size, number)) => {
            let value = if bytes(*size) < 16 { value.truncate(8 * bytes(*size) as u32) } else { Value::ANY };
            let zero = Value::Known(0);
            let high = if bytes(*size) < 16 { zero } else { Value::ANY };
            state.set_vector(usize::from(*number), [value, high, zero, zero]);
        }
        Some(
            Operand::SIMDRegisterElements(_, number, _)
            | Operand::SIMDRegisterElementsLane(_, number, _, _)
            | Operand::SIMDRegisterElementsMultipleLane(_, number, _, _, _),
        ) => state.set_vector(usize::from(*number), [Value::ANY; LANES]),
        Some(_) | None => {}
    }
}

/// A register becomes unknown.
pub(super) fn clobber(state: &mut State, number: usize) {
    state.set_register(number, Value::ANY);
}
