//! Integer arithmetic and its flags, conditional selection and comparison.

use yaxpeax_arm::armv8::a64::{Instruction, Opcode, Operand};

use super::{ask, operand};
use crate::evaluator::cpu::flags::{Flag, Flags};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::isa::InstructionSuccessor;
use crate::evaluator::values::value::{MachineValue, PointsTo, and, mask, or, signed};

/// Carries out an arithmetic instruction on general registers; false when it is none.
pub(super) fn step(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> bool {
    use Opcode::*;
    if !matches!(
        instruction.operands.first(),
        Some(Operand::Register(..) | Operand::RegisterOrSP(..))
    ) {
        return false;
    }
    match instruction.opcode {
        ADD | SUB | AND | ORR | ORN | EOR | EON | BIC => {
            let (left, right) = pair(machine, state, instruction);
            let immediate = matches!(
                instruction.operands.get(2),
                Some(Operand::Immediate(_) | Operand::ImmShift(..))
            );
            let value = match (instruction.opcode, right) {
                (ADD, MachineValue::Known(constant)) if immediate => left
                    .offset(constant)
                    .truncate(operand::bits(instruction, 0)),
                _ => combine(
                    instruction.opcode,
                    left,
                    right,
                    operand::bits(instruction, 0),
                ),
            };
            let value = match (instruction.opcode, value) {
                (AND, MachineValue::ANY) => machine.masked(state, right),
                (_, value) => value,
            };
            operand::write(state, instruction, 0, value);
        }
        ADDS | SUBS | ANDS | BICS => with_flags(machine, state, instruction),
        MOVZ | MOVN | MOVK => wide(machine, state, instruction),
        ADR | ADRP => {
            let page = if instruction.opcode == ADRP {
                state.pc & !0xfff
            } else {
                state.pc
            };
            let offset = match instruction.operands.get(1) {
                Some(Operand::PCOffset(offset)) => *offset,
                Some(_) | None => 0,
            };
            operand::write(
                state,
                instruction,
                0,
                MachineValue::Known(page.wrapping_add(offset.cast_unsigned())),
            );
        }
        UBFM | SBFM | BFM => bit_field(machine, state, instruction),
        MADD | MSUB | UMADDL | SMADDL | UMULH | UDIV | SDIV => {
            multiply(machine, state, instruction)
        }
        LSLV | LSRV | ASRV | RORV => shift(machine, state, instruction),
        EXTR => extract(machine, state, instruction),
        REV | CLZ => {
            let bits = operand::bits(instruction, 0);
            let value = operand::read(machine, state, instruction, 1)
                .known()
                .map_or(MachineValue::ANY, |number| {
                    MachineValue::Known(match instruction.opcode {
                        REV => number.swap_bytes() >> (64 - bits),
                        _ => u64::from(number.leading_zeros()) - u64::from(64 - bits),
                    })
                });
            operand::write(state, instruction, 0, value);
        }
        ADC | SBC => operand::write(state, instruction, 0, MachineValue::ANY),
        ADCS | SBCS => {
            operand::write(state, instruction, 0, MachineValue::ANY);
            state.flags = Flags::UNKNOWN;
        }
        _ => return false,
    }
    true
}

fn pair(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> (MachineValue, MachineValue) {
    let bits = operand::bits(instruction, 0);
    let left = operand::read(machine, state, instruction, 1);
    (
        left,
        operand::read(machine, state, instruction, 2).truncate(bits),
    )
}

fn combine(opcode: Opcode, left: MachineValue, right: MachineValue, bits: u32) -> MachineValue {
    use Opcode::*;
    let inverted = || {
        right.known().map_or(MachineValue::ANY, |number| {
            MachineValue::Known(!number & mask(bits))
        })
    };
    let value = match opcode {
        ADD | ADDS => left.add(right),
        SUB | SUBS => left.sub(right),
        AND | ANDS => and(left, right),
        BIC | BICS => and(left, inverted()),
        ORR => or(left, right, bits),
        ORN => or(left, inverted(), bits),
        EOR | EON => {
            let right = if opcode == EON { inverted() } else { right };
            match (left, right) {
                (MachineValue::Known(left), MachineValue::Known(right)) => {
                    MachineValue::Known(left ^ right)
                }
                (value, MachineValue::Known(0)) | (MachineValue::Known(0), value) => value,
                _ => MachineValue::ANY,
            }
        }
        _ => MachineValue::ANY,
    };
    value.truncate(bits)
}

fn with_flags(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let (left, right) = pair(machine, state, instruction);
    let value = combine(instruction.opcode, left, right, bits);
    state.flags = match instruction.opcode {
        Opcode::SUBS => Flags::compare(left, right, bits),
        Opcode::ADDS => sum_flags(left, right, bits),
        Opcode::ANDS if value.known().is_none() => {
            Flags::test(left, right, bits).with(Flag::Carry, Some(true))
        }
        // C is cleared, as by a subtraction that borrows.
        _ => Flags::compare(value, MachineValue::Known(0), bits).with(Flag::Carry, Some(true)),
    };
    operand::write(state, instruction, 0, value);
}

/// Adding a number sets the flags as comparing with its negative does, but for the carry of zero and the overflow of the
/// lowest number, which is its own negative.
fn sum_flags(left: MachineValue, right: MachineValue, bits: u32) -> Flags {
    let lowest = 1 << (bits - 1);
    match right {
        MachineValue::Known(0) => Flags::compare(left, right, bits).with(Flag::Carry, Some(true)),
        MachineValue::Known(number) => {
            let flags = Flags::compare(
                left,
                MachineValue::Known(number.wrapping_neg() & mask(bits)),
                bits,
            );
            let negative = left.known().map(|left| signed(left, bits) < 0);
            if number == lowest {
                flags.with(Flag::Overflow, negative)
            } else {
                flags
            }
        }
        MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {
            Flags::result(left.add(right).truncate(bits), bits)
        }
    }
}

fn wide(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let Some(&Operand::ImmShift(number, amount)) = instruction.operands.get(1) else {
        return operand::write(state, instruction, 0, MachineValue::ANY);
    };
    let part = u64::from(number) << (amount & 63);
    let value = match instruction.opcode {
        Opcode::MOVZ => MachineValue::Known(part),
        Opcode::MOVN => MachineValue::Known(!part & mask(bits)),
        _ => {
            let hole = 0xffff << (amount & 63);
            let before = operand::read(machine, state, instruction, 0);
            before.known().map_or(MachineValue::ANY, |before| {
                MachineValue::Known((before & !hole) | part)
            })
        }
    };
    operand::write(state, instruction, 0, value);
}

fn immediate(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    index: usize,
) -> u32 {
    operand::read(machine, state, instruction, index)
        .known()
        .unwrap_or(0) as u32
        & 63
}

/// <https://developer.arm.com/documentation/ddi0602/latest/Base-Instructions/UBFM--Unsigned-Bitfield-Move->
fn bit_field(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let source = operand::read(machine, state, instruction, 1);
    let rotate = immediate(machine, state, instruction, 2) % bits;
    let last = immediate(machine, state, instruction, 3) % bits;
    let is_signed = instruction.opcode == Opcode::SBFM;
    let value = match source {
        MachineValue::Known(number) => {
            let (field, width, place) = if last >= rotate {
                (number >> rotate, last - rotate + 1, 0)
            } else {
                (number, last + 1, bits - rotate)
            };
            let field = field & mask(width);
            if instruction.opcode == Opcode::BFM {
                let before = operand::read(machine, state, instruction, 0);
                let hole = mask(width) << place;
                before.known().map_or(MachineValue::ANY, |before| {
                    MachineValue::Known((before & !hole) | (field << place))
                })
            } else {
                let field = if is_signed {
                    signed(field, width).cast_unsigned()
                } else {
                    field
                };
                MachineValue::Known((field << place) & mask(bits))
            }
        }
        // Widening a result leaves it what it is.
        MachineValue::Symbol { offset: 0, id }
            if rotate == 0 && matches!(last, 7 | 31) && instruction.opcode != Opcode::BFM =>
        {
            MachineValue::Symbol { id, offset: 0 }
        }
        MachineValue::Symbol { offset: 0, id }
            if instruction.opcode == Opcode::UBFM && last < rotate =>
        {
            machine.shift_entry(state, id, bits - rotate)
        }
        MachineValue::Symbol { .. } | MachineValue::Unknown(_) => MachineValue::ANY,
    };
    operand::write(state, instruction, 0, value);
}

fn multiply(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let left = operand::read(machine, state, instruction, 1);
    let right = operand::read(machine, state, instruction, 2);
    let product = match (left, right) {
        (MachineValue::Known(left), MachineValue::Known(right)) => match instruction.opcode {
            Opcode::SMADDL => {
                Some((signed(left, 32).wrapping_mul(signed(right, 32))).cast_unsigned())
            }
            Opcode::UMULH => Some(((u128::from(left) * u128::from(right)) >> 64) as u64),
            Opcode::UDIV => Some(left.checked_div(right).unwrap_or(0)),
            Opcode::SDIV if right == 0 => Some(0),
            Opcode::SDIV => Some(
                signed(left, bits)
                    .wrapping_div(signed(right, bits))
                    .cast_unsigned(),
            ),
            _ => Some(left.wrapping_mul(right)),
        },
        (MachineValue::Known(0), _) | (_, MachineValue::Known(0)) => Some(0),
        _ => None,
    };
    let by_one = match (left, right) {
        (value @ MachineValue::Symbol { .. }, MachineValue::Known(1))
        | (MachineValue::Known(1), value @ MachineValue::Symbol { .. }) => Some(value),
        _ => None,
    };
    let value = match (product, instruction.opcode) {
        (None, Opcode::UDIV) if right == MachineValue::Known(1) => left,
        (None, Opcode::MSUB) if by_one.is_some() => {
            operand::read(machine, state, instruction, 3).sub(by_one.unwrap_or(MachineValue::ANY))
        }
        (Some(product), Opcode::MADD | Opcode::UMADDL | Opcode::SMADDL) => {
            operand::read(machine, state, instruction, 3).add(MachineValue::Known(product))
        }
        (Some(product), Opcode::MSUB) => {
            operand::read(machine, state, instruction, 3).sub(MachineValue::Known(product))
        }
        (Some(product), _) => MachineValue::Known(product),
        (None, Opcode::MADD | Opcode::UMADDL | Opcode::SMADDL) => {
            let added = operand::read(machine, state, instruction, 3);
            MachineValue::Unknown(if bits == 64 {
                added.points_to()
            } else {
                PointsTo::NOTHING
            })
        }
        (None, _) => MachineValue::ANY,
    };
    operand::write(state, instruction, 0, value);
}

fn shift(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    use yaxpeax_arm::armv8::a64::ShiftStyle;
    let bits = operand::bits(instruction, 0);
    let value = operand::read(machine, state, instruction, 1);
    let style = match instruction.opcode {
        Opcode::LSLV => ShiftStyle::LSL,
        Opcode::LSRV => ShiftStyle::LSR,
        Opcode::ASRV => ShiftStyle::ASR,
        _ => ShiftStyle::ROR,
    };
    let result = match operand::read(machine, state, instruction, 2) {
        MachineValue::Known(amount) => {
            operand::shift(machine, state, value, style, amount as u32 % bits, bits)
        }
        MachineValue::Symbol { .. } | MachineValue::Unknown(_) => MachineValue::ANY,
    };
    operand::write(state, instruction, 0, result);
}

fn extract(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let bits = operand::bits(instruction, 0);
    let high = operand::read(machine, state, instruction, 1);
    let low = operand::read(machine, state, instruction, 2);
    let amount = immediate(machine, state, instruction, 3) % bits;
    let value = match (high, low) {
        (MachineValue::Known(_), MachineValue::Known(low)) if amount == 0 => {
            MachineValue::Known(low)
        }
        (MachineValue::Known(high), MachineValue::Known(low)) => {
            MachineValue::Known(((low >> amount) | (high << (bits - amount))) & mask(bits))
        }
        _ => MachineValue::ANY,
    };
    operand::write(state, instruction, 0, value);
}

fn code(instruction: &Instruction, index: usize) -> u8 {
    match instruction.operands.get(index) {
        Some(Operand::ConditionCode(code)) => *code,
        Some(_) | None => 14,
    }
}

/// `CSEL` and its kin: both ways are followed when the condition is unknown.
pub(super) fn select(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    let bits = operand::bits(instruction, 0);
    let holds = match ask(machine, state, code(instruction, 3)) {
        Ok(holds) => holds,
        Err(fork) => return fork,
    };
    let value = if holds {
        operand::read(machine, state, instruction, 1)
    } else {
        let value = operand::read(machine, state, instruction, 2);
        let number = |change: fn(u64) -> u64| {
            value.known().map_or(MachineValue::ANY, |number| {
                MachineValue::Known(change(number) & mask(bits))
            })
        };
        match instruction.opcode {
            Opcode::CSINC => number(|number| number.wrapping_add(1)),
            Opcode::CSINV => number(|number| !number),
            Opcode::CSNEG => number(u64::wrapping_neg),
            _ => value,
        }
    };
    operand::write(state, instruction, 0, value);
    InstructionSuccessor::Next(state.pc.wrapping_add(4))
}

/// `CCMP` and `CCMN`: compares when the condition holds, else sets the flags to a number.
pub(super) fn conditional_compare(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    let bits = operand::bits(instruction, 0);
    let holds = match ask(machine, state, code(instruction, 3)) {
        Ok(holds) => holds,
        Err(fork) => return fork,
    };
    if holds {
        let left = operand::read(machine, state, instruction, 0);
        let right = operand::read(machine, state, instruction, 1).truncate(bits);
        state.flags = match instruction.opcode {
            Opcode::CCMP => Flags::compare(left, right, bits),
            _ => sum_flags(left, right, bits),
        };
    } else {
        let flags = immediate(machine, state, instruction, 2);
        let (negative, zero, carry, overflow) = (
            flags & 8 != 0,
            flags & 4 != 0,
            flags & 2 != 0,
            flags & 1 != 0,
        );
        state.flags = Flags::UNKNOWN
            .with(Flag::Negative, Some(negative))
            .with(Flag::Zero, Some(zero))
            .with(Flag::Carry, Some(!carry))
            .with(Flag::Overflow, Some(overflow));
    }
    InstructionSuccessor::Next(state.pc.wrapping_add(4))
}
