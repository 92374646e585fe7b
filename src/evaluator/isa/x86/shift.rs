//! Shifts, rotations and tests of single bits, and the few flags that each defines.

use iced_x86::{Instruction, Mnemonic, OpKind};

use super::operand;
use crate::evaluator::cpu::flags::{Flag, Flags};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::values::value::{MachineValue, mask, signed};

/// Carries out a shift, a rotation or a test of a bit; false when it is none.
pub(super) fn step(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> bool {
    use Mnemonic::*;
    match instruction.mnemonic() {
        Shl | Sal | Shr | Sar => shift(machine, state, instruction),
        Rol | Ror => rotate(machine, state, instruction),
        Bt | Bts | Btr | Btc => bit(machine, state, instruction),
        _ => return false,
    }
    true
}

/// By how many bits an operand of this width is moved: the processor looks at the lowest five or six bits.
fn count(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    bits: u32,
) -> Option<u32> {
    let limit = if bits == 64 { 63 } else { 31 };
    operand::read(machine, state, instruction, 1)
        .known()
        .map(|count| (count & limit) as u32)
}

fn shift(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let value = operand::read(machine, state, instruction, 0);
    let (value, flags) = match (value, count(machine, state, instruction, bits)) {
        // No flag changes then.
        (value, Some(0)) => (value, state.flags),
        (MachineValue::Known(number), Some(count)) => {
            shifted(instruction.mnemonic(), number, count, bits)
        }
        (_, _) => (MachineValue::ANY, Flags::UNKNOWN),
    };
    operand::write(machine, state, instruction, 0, value);
    state.flags = flags;
}

/// A number that is shifted by at least one bit. Carry is the bit that leaves last, and is not defined where none of the
/// operand's does; overflow is defined for one bit alone.
fn shifted(mnemonic: Mnemonic, number: u64, count: u32, bits: u32) -> (MachineValue, Flags) {
    let top = |number: u64| number >> (bits - 1) & 1 != 0;
    let leaves = |place: Option<u32>| {
        place
            .filter(|_| count < bits)
            .map(|place| number >> place & 1 != 0)
    };
    let (result, carry, overflow) = match mnemonic {
        Mnemonic::Shr => (
            number.checked_shr(count).unwrap_or(0),
            leaves(count.checked_sub(1)),
            top(number),
        ),
        Mnemonic::Sar => {
            let carry = signed(number, bits) >> (count - 1).min(63) & 1 != 0;
            (
                (signed(number, bits) >> count.min(63)).cast_unsigned(),
                Some(carry),
                false,
            )
        }
        _ => {
            let result = number.checked_shl(count).unwrap_or(0);
            let carry = leaves(bits.checked_sub(count));
            (result, carry, top(result) != carry.unwrap_or_default())
        }
    };
    let value = MachineValue::Known(result & mask(bits));
    let overflow = Some(overflow).filter(|_| count == 1);
    (
        value,
        Flags::result(value, bits)
            .with(Flag::Carry, carry)
            .with(Flag::Overflow, overflow),
    )
}

/// `ROL` and `ROR`, which leave the zero and sign flags alone.
fn rotate(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let value = operand::read(machine, state, instruction, 0);
    let (value, carry, overflow) = match (value, count(machine, state, instruction, bits)) {
        (value, Some(0)) => return operand::write(machine, state, instruction, 0, value),
        (MachineValue::Known(number), Some(count)) => {
            let is_left = instruction.mnemonic() == Mnemonic::Rol;
            let left = if is_left {
                count % bits
            } else {
                (bits - count % bits) % bits
            };
            let result = if left == 0 {
                number
            } else {
                number << left | (number & mask(bits)) >> (bits - left)
            };
            let bit = |place: u32| result >> place & 1 != 0;
            let carry = if is_left { bit(0) } else { bit(bits - 1) };
            let overflow = bit(bits - 1) != if is_left { carry } else { bit(bits - 2) };
            (
                MachineValue::Known(result & mask(bits)),
                Some(carry),
                Some(overflow).filter(|_| count == 1),
            )
        }
        (_, _) => (MachineValue::ANY, None, None),
    };
    operand::write(machine, state, instruction, 0, value);
    state.flags = state
        .flags
        .with(Flag::Carry, carry)
        .with(Flag::Overflow, overflow);
}

/// `BT` and its kin: the bit goes to the carry flag, the zero flag stays, and the others are not defined.
fn bit(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let size = u64::from(bits / 8);
    let index = operand::read(machine, state, instruction, 1).truncate(bits);
    let changes = instruction.mnemonic() != Mnemonic::Bt;
    // Behind an address, a register counts bits from there, before and beyond the operand.
    let is_string =
        instruction.op_kind(0) == OpKind::Memory && instruction.op_kind(1) == OpKind::Register;
    let place = is_string.then(|| {
        let start = operand::address(state, instruction, true);
        match index {
            MachineValue::Known(index) => start.offset(
                (signed(index, bits) >> bits.ilog2())
                    .cast_unsigned()
                    .wrapping_mul(size),
            ),
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {
                MachineValue::Unknown(start.points_to())
            }
        }
    });
    let value = match place {
        Some(place) => machine.load(state, place, size),
        None => operand::read(machine, state, instruction, 0),
    };
    let (carry, value) = match (value, index) {
        (MachineValue::Known(number), MachineValue::Known(index)) => {
            let bit = 1 << (index % u64::from(bits));
            let changed = match instruction.mnemonic() {
                Mnemonic::Bts => number | bit,
                Mnemonic::Btr => number & !bit,
                _ => number ^ bit,
            };
            (Some(number & bit != 0), MachineValue::Known(changed))
        }
        _ => (None, MachineValue::ANY),
    };
    match place {
        Some(place) if changes => machine.store(state, place, size, value),
        None if changes => operand::write(machine, state, instruction, 0, value),
        Some(_) | None => {}
    }
    state.flags = state
        .flags
        .with(Flag::Carry, carry)
        .with(Flag::Negative, None)
        .with(Flag::Overflow, None);
}
