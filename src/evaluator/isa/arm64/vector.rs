//! Vector registers as far as compilers use them to move and build pairs of words.

use yaxpeax_arm::armv8::a64::{Instruction, Opcode, Operand, SIMDSizeCode};

use super::operand;
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{LANES, PathState};
use crate::evaluator::values::value::MachineValue;

/// Carries out a move or a simple operation of vector registers; false when it is none.
pub(super) fn step(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> bool {
    let first = instruction.operands.first().copied();
    let second = instruction.operands.get(1).copied();
    match (instruction.opcode, first, second) {
        (
            Opcode::MOVI | Opcode::MVNI,
            Some(Operand::SIMDRegister(_, number)),
            Some(Operand::Imm64(value)),
        ) if instruction.opcode == Opcode::MOVI => {
            pair(
                state,
                number,
                MachineValue::Known(value),
                MachineValue::Known(0),
            );
        }
        (
            Opcode::MOVI,
            Some(Operand::SIMDRegisterElements(size, number, element)),
            Some(immediate),
        ) => {
            let value = repeated(immediate, element);
            let high = if matches!(size, SIMDSizeCode::Q) {
                value
            } else {
                MachineValue::Known(0)
            };
            pair(state, number, value, high);
        }
        (
            Opcode::FMOV,
            Some(Operand::SIMDRegister(..)),
            Some(Operand::Register(..) | Operand::SIMDRegister(..)),
        )
        | (Opcode::FMOV, Some(Operand::Register(..)), Some(Operand::SIMDRegister(..))) => {
            let value = operand::read(machine, state, instruction, 1);
            operand::write(state, instruction, 0, value);
        }
        (
            Opcode::DUP,
            Some(Operand::SIMDRegisterElements(size, number, SIMDSizeCode::D)),
            Some(source),
        ) => {
            let value = match source {
                Operand::Register(..) => operand::read(machine, state, instruction, 1),
                other => lane(state, other),
            };
            let high = if matches!(size, SIMDSizeCode::Q) {
                value
            } else {
                MachineValue::Known(0)
            };
            pair(state, number, value, high);
        }
        (Opcode::DUP, Some(Operand::SIMDRegister(SIMDSizeCode::D, number)), Some(source)) => {
            let value = lane(state, source);
            pair(state, number, value, MachineValue::Known(0));
        }
        (
            Opcode::INS,
            Some(Operand::SIMDRegisterElementsLane(_, number, SIMDSizeCode::D, place)),
            Some(source),
        ) => {
            let value = match source {
                Operand::Register(..) => operand::read(machine, state, instruction, 1),
                other => lane(state, other),
            };
            let number = usize::from(number);
            let (low, high) = (state.lane(number, 0), state.lane(number, 1));
            let (low, high) = if place == 0 {
                (value, high)
            } else {
                (low, value)
            };
            state.set_vector(
                number,
                [low, high, MachineValue::Known(0), MachineValue::Known(0)],
            );
        }
        (
            Opcode::UMOV,
            Some(Operand::Register(..)),
            Some(source @ Operand::SIMDRegisterElementsLane(_, _, SIMDSizeCode::D, _)),
        ) => {
            let value = lane(state, source);
            operand::write(state, instruction, 0, value);
        }
        (
            Opcode::ORR,
            Some(Operand::SIMDRegisterElements(size, number, _)),
            Some(Operand::SIMDRegisterElements(_, source, _)),
        ) if matches!(instruction.operands.get(2), Some(Operand::SIMDRegisterElements(_, other, _)) if *other == source) =>
        {
            let is_whole = matches!(size, SIMDSizeCode::Q);
            let high = if is_whole {
                state.lane(source.into(), 1)
            } else {
                MachineValue::Known(0)
            };
            pair(state, number, state.lane(source.into(), 0), high);
        }
        (
            Opcode::ZIP1,
            Some(Operand::SIMDRegisterElements(_, number, SIMDSizeCode::D)),
            Some(Operand::SIMDRegisterElements(_, low, _)),
        ) => {
            let Some(&Operand::SIMDRegisterElements(_, high, _)) = instruction.operands.get(2)
            else {
                return false;
            };
            let (low, high) = (state.lane(low.into(), 0), state.lane(high.into(), 0));
            pair(state, number, low, high);
        }
        _ => return false,
    }
    true
}

fn pair(state: &mut PathState, number: u16, low: MachineValue, high: MachineValue) {
    let mut lanes = [MachineValue::Known(0); LANES];
    let [first, second, ..] = &mut lanes;
    (*first, *second) = (low, high);
    state.set_vector(usize::from(number), lanes);
}

fn lane(state: &PathState, operand: Operand) -> MachineValue {
    match operand {
        Operand::SIMDRegisterElementsLane(_, number, SIMDSizeCode::D, lane) => {
            state.lane(usize::from(number), usize::from(lane & 1))
        }
        _ => MachineValue::ANY,
    }
}

/// An immediate repeated over 64 bits.
fn repeated(immediate: Operand, element: SIMDSizeCode) -> MachineValue {
    let value = match immediate {
        Operand::Imm64(value) => value,
        Operand::Immediate(value) => u64::from(value),
        Operand::ImmShift(value, amount) => u64::from(value) << (amount & 63),
        Operand::Imm16(value) => u64::from(value),
        _ => return MachineValue::ANY,
    };
    MachineValue::Known(match element {
        SIMDSizeCode::B => (value & 0xff) * 0x0101_0101_0101_0101,
        SIMDSizeCode::H => (value & 0xffff) * 0x0001_0001_0001_0001,
        SIMDSizeCode::S => (value & 0xffff_ffff) * 0x0000_0001_0000_0001,
        SIMDSizeCode::D | SIMDSizeCode::Q => value,
    })
}
