//! Operands: registers of both widths, shifted and extended registers, immediates.

use yaxpeax_arm::armv8::a64::{Instruction, Operand, SIMDSizeCode, ShiftStyle, SizeCode};

use super::SP;
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{LANES, PathState};
use crate::evaluator::values::value::{MachineValue, extend, mask, signed};

/// Width of a register operand in bits.
pub(super) fn bits(instruction: &Instruction, index: usize) -> u32 {
    match instruction.operands.get(index) {
        Some(
            Operand::Register(size, _)
            | Operand::RegisterOrSP(size, _)
            | Operand::RegShift(_, _, size, _),
        ) => width(*size),
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
pub(super) fn register(state: &PathState, number: u16, bits: u32) -> MachineValue {
    if usize::from(number) == SP {
        MachineValue::Known(0)
    } else {
        state.register(usize::from(number)).truncate(bits)
    }
}

/// Reads an operand; its upper bits are zero.
pub(super) fn read(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    index: usize,
) -> MachineValue {
    let Some(operand) = instruction.operands.get(index) else {
        return MachineValue::ANY;
    };
    match *operand {
        Operand::Register(size, number) => register(state, number, width(size)),
        Operand::RegisterOrSP(size, number) => {
            state.register(usize::from(number)).truncate(width(size))
        }
        Operand::RegShift(style, amount, size, number) => {
            let value = register(state, number, width(size));
            // An extended register is as wide as the result once it is extended; the decoder shows `UXTW` as `LSL`.
            let width = if matches!(style, ShiftStyle::LSL) {
                bits(instruction, 0).max(width(size))
            } else {
                width(size)
            };
            shift(machine, state, value, style, u32::from(amount), width)
        }
        Operand::Immediate(value) => MachineValue::Known(u64::from(value)),
        Operand::Imm16(value) => MachineValue::Known(u64::from(value)),
        Operand::Imm64(value) => MachineValue::Known(value),
        Operand::ImmShift(value, amount) => {
            MachineValue::Known(u64::from(value).checked_shl(u32::from(amount)).unwrap_or(0))
        }
        Operand::SIMDRegister(size, number) => state
            .lane(usize::from(number), 0)
            .truncate(8 * bytes(size).min(8) as u32),
        _ => MachineValue::ANY,
    }
}

/// Shifts or extends a value of this width.
pub(super) fn shift(
    machine: &mut SharedMachine,
    state: &mut PathState,
    value: MachineValue,
    style: ShiftStyle,
    amount: u32,
    bits: u32,
) -> MachineValue {
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
        (MachineValue::Known(number), ShiftStyle::LSR) => {
            MachineValue::Known((number & mask(bits)) >> amount.min(63))
        }
        (MachineValue::Known(number), ShiftStyle::ASR) => MachineValue::Known(
            (signed(number, bits) >> amount.min(63)).cast_unsigned() & mask(bits),
        ),
        (MachineValue::Known(number), ShiftStyle::ROR) => {
            let number = number & mask(bits);
            MachineValue::Known(
                ((number >> amount) | (number << (bits - amount.min(bits)))) & mask(bits),
            )
        }
        (MachineValue::Known(number), _) => {
            let width = if matches!(style, ShiftStyle::LSL) {
                bits
            } else {
                64
            };
            MachineValue::Known(number.checked_shl(amount).unwrap_or(0) & mask(width))
        }
        (
            MachineValue::Symbol { id, offset: 0 },
            ShiftStyle::LSR | ShiftStyle::ASR | ShiftStyle::ROR,
        ) => {
            let _ = id;
            MachineValue::ANY
        }
        (MachineValue::Symbol { id, offset: 0 }, _) => machine.shift_entry(state, id, amount),
        _ => MachineValue::ANY,
    }
}

/// Writes a register operand; writes to the zero register are lost.
pub(super) fn write(
    state: &mut PathState,
    instruction: &Instruction,
    index: usize,
    value: MachineValue,
) {
    match instruction.operands.get(index) {
        Some(Operand::Register(size, number)) if usize::from(*number) != SP => {
            state.set_register(usize::from(*number), value.truncate(width(*size)));
        }
        Some(Operand::RegisterOrSP(size, number)) => {
            state.set_register(usize::from(*number), value.truncate(width(*size)));
        }
        Some(Operand::SIMDRegister(size, number)) => {
            let value = if bytes(*size) < 16 {
                value.truncate(8 * bytes(*size) as u32)
            } else {
                MachineValue::ANY
            };
            let zero = MachineValue::Known(0);
            let high = if bytes(*size) < 16 {
                zero
            } else {
                MachineValue::ANY
            };
            state.set_vector(usize::from(*number), [value, high, zero, zero]);
        }
        Some(
            Operand::SIMDRegisterElements(_, number, _)
            | Operand::SIMDRegisterElementsLane(_, number, _, _)
            | Operand::SIMDRegisterElementsMultipleLane(_, number, _, _, _),
        ) => state.set_vector(usize::from(*number), [MachineValue::ANY; LANES]),
        Some(_) | None => {}
    }
}

/// A register becomes unknown.
pub(super) fn clobber(state: &mut PathState, number: usize) {
    state.set_register(number, MachineValue::ANY);
}
