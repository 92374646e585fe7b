//! Loads and stores.

use yaxpeax_arm::armv8::a64::{Instruction, Opcode, Operand, ShiftStyle, SizeCode};

use super::{SP, operand};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{LANES, PathState};
use crate::evaluator::values::symbol::JumpTable;
use crate::evaluator::values::value::{MachineValue, PointsTo, extend};

/// How a load or store moves its registers.
struct AddressMode {
    /// Bytes of each register; `None` for the whole register.
    size: Option<u64>,
    signed: bool,
    load: bool,
}

fn access(opcode: Opcode) -> Option<AddressMode> {
    use Opcode::*;
    let (size, signed, load) = match opcode {
        LDR | LDUR | LDTR | LDP | LDNP | LDAR | LDLAR | LDAXR | LDXR | LDAXP | LDXP | LDAPUR => {
            (None, false, true)
        }
        LDRB | LDURB | LDTRB | LDARB | LDLARB | LDAXRB | LDXRB | LDAPURB => (Some(1), false, true),
        LDRH | LDURH | LDTRH | LDARH | LDLARH | LDAXRH | LDXRH | LDAPURH => (Some(2), false, true),
        LDRSB | LDURSB | LDTRSB | LDAPURSB => (Some(1), true, true),
        LDRSH | LDURSH | LDTRSH | LDAPURSH => (Some(2), true, true),
        LDRSW | LDURSW | LDTRSW | LDPSW | LDAPURSW => (Some(4), true, true),
        STR | STUR | STTR | STP | STNP | STLR | STLLR | STXR | STLXR | STXP | STLXP | STLUR => {
            (None, false, false)
        }
        STRB | STURB | STTRB | STLRB | STLLRB | STXRB | STLXRB | STLURB => (Some(1), false, false),
        STRH | STURH | STTRH | STLRH | STLLRH | STXRH | STLXRH | STLURH => (Some(2), false, false),
        _ => return None,
    };
    Some(AddressMode { size, signed, load })
}

/// Carries out a load or store; false when the instruction is none that is followed.
pub(super) fn step(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> bool {
    if matches!(
        instruction.opcode,
        Opcode::ST1
            | Opcode::ST2
            | Opcode::ST3
            | Opcode::ST4
            | Opcode::LD1
            | Opcode::LD2
            | Opcode::LD3
            | Opcode::LD4
            | Opcode::LD1R
            | Opcode::LD2R
            | Opcode::LD3R
            | Opcode::LD4R
    ) {
        structures(machine, state, instruction);
        return true;
    }
    let Some(access) = access(instruction.opcode) else {
        return false;
    };
    let exclusive = matches!(
        instruction.opcode,
        Opcode::STXR
            | Opcode::STLXR
            | Opcode::STXP
            | Opcode::STLXP
            | Opcode::STXRB
            | Opcode::STLXRB
            | Opcode::STXRH
            | Opcode::STLXRH
    );
    let first = usize::from(exclusive);
    let Some(last) = instruction
        .operands
        .iter()
        .rposition(|operand| !matches!(operand, Operand::Nothing))
    else {
        return false;
    };
    let table = if access.load {
        table(machine, state, instruction, last, &access)
    } else {
        None
    };
    let (mut place, after) = address(machine, state, instruction, last);
    for index in first..last {
        let size = access
            .size
            .unwrap_or_else(|| register_size(instruction, index));
        if access.load {
            match table {
                Some(table) => {
                    let value = machine.load_entry(state, table);
                    operand::write(state, instruction, index, value);
                }
                None => load(
                    machine,
                    state,
                    instruction,
                    index,
                    place,
                    size,
                    access.signed,
                ),
            }
        } else {
            store(machine, state, instruction, index, place, size);
        }
        place = place.offset(size);
    }
    if let Some((register, value)) = after {
        state.set_register(register, value);
    }
    if exclusive {
        // Nobody else runs: the store succeeds.
        operand::write(state, instruction, 0, MachineValue::Known(0));
    }
    true
}

fn register_size(instruction: &Instruction, index: usize) -> u64 {
    match instruction.operands.get(index) {
        Some(Operand::Register(SizeCode::W, _)) => 4,
        Some(Operand::SIMDRegister(size, _)) => operand::bytes(*size),
        Some(_) | None => 8,
    }
}

fn load(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    index: usize,
    place: MachineValue,
    size: u64,
    signed: bool,
) {
    if let Some(&Operand::SIMDRegister(_, number)) = instruction.operands.get(index)
        && size == 16
    {
        let low = machine.load(state, place, 8);
        let high = machine.load(state, place.offset(8), 8);
        state.set_vector(
            usize::from(number),
            [low, high, MachineValue::Known(0), MachineValue::Known(0)],
        );
        for lane in 0..2 {
            let half = machine
                .load(state, place.offset(8 * lane as u64), 4)
                .known();
            if let Some(half) = half.and_then(|half| u32::try_from(half).ok()) {
                state.set_half(usize::from(number), lane, half);
            }
        }
        return;
    }
    let value = machine.load(state, place, size);
    let value = if signed {
        extend(value, 8 * size as u32)
    } else {
        value
    };
    operand::write(state, instruction, index, value);
}

fn store(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    index: usize,
    place: MachineValue,
    size: u64,
) {
    if let Some(&Operand::SIMDRegister(_, number)) = instruction.operands.get(index)
        && size == 16
    {
        for lane in 0..2 {
            let value = state.lane(usize::from(number), lane);
            machine.store(state, place.offset(8 * lane as u64), 8, value);
            if let Some(half) = state.half(usize::from(number), lane) {
                machine.store(
                    state,
                    place.offset(8 * lane as u64),
                    4,
                    MachineValue::Known(u64::from(half)),
                );
            }
        }
        return;
    }
    let value = operand::read(machine, state, instruction, index);
    machine.store(state, place, size, value);
}

/// The address of a memory operand, and the base register's new value where it is written back.
fn address(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    index: usize,
) -> (MachineValue, Option<(usize, MachineValue)>) {
    let base = |number: u16| state.register(usize::from(number));
    let plus = |number: u16, offset: i32| base(number).offset(i64::from(offset).cast_unsigned());
    match instruction.operands.get(index).copied() {
        Some(Operand::PCOffset(offset)) => (
            MachineValue::Known(state.pc.wrapping_add(offset.cast_unsigned())),
            None,
        ),
        Some(Operand::RegPreIndex(number, offset, back)) => {
            let place = plus(number, offset);
            (place, back.then_some((usize::from(number), place)))
        }
        Some(Operand::RegPostIndex(number, offset)) => (
            base(number),
            Some((usize::from(number), plus(number, offset))),
        ),
        Some(Operand::RegPostIndexReg(number, step)) => (
            base(number),
            Some((usize::from(number), base(number).add(base(step)))),
        ),
        Some(Operand::RegRegOffset(number, offset, size, style, amount)) => {
            let start = base(number);
            let bits = if matches!(size, SizeCode::W) { 32 } else { 64 };
            let offset = operand::register(state, offset, bits);
            let offset = match style {
                ShiftStyle::LSL if amount == 0 => offset,
                _ if offset.known().is_none() && amount != 0 => MachineValue::ANY,
                _ => operand::shift(machine, state, offset, style, u32::from(amount), 64),
            };
            (start.add(offset), None)
        }
        Some(_) | None => (
            MachineValue::Unknown(
                PointsTo::OUTSIDE
                    .with(PointsTo::IMAGE)
                    .with(PointsTo::STACK),
            ),
            None,
        ),
    }
}

/// The constant table of which an unknown element is read.
fn table(
    machine: &SharedMachine,
    state: &PathState,
    instruction: &Instruction,
    index: usize,
    access: &AddressMode,
) -> Option<JumpTable> {
    let Some(&Operand::RegRegOffset(number, offset, _, _, amount)) =
        instruction.operands.get(index)
    else {
        return None;
    };
    let size = access.size.unwrap_or_else(|| register_size(instruction, 0));
    let integer = matches!(instruction.operands.first(), Some(Operand::Register(..)));
    if !integer
        || 1 << amount != size
        || usize::from(offset) == SP
        || state.register(usize::from(offset)).known().is_some()
    {
        return None;
    }
    let start = state.register(usize::from(number)).known()?;
    let index = state.register(usize::from(offset));
    machine.image.is_read_only(start).then(|| JumpTable {
        signed: access.signed,
        ..machine.table(state, start, size, index)
    })
}

/// Loads and stores of several vectors: their content is not followed.
fn structures(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    let (number, count, bytes) = match instruction.operands.first().copied() {
        Some(Operand::SIMDRegisterGroup(size, number, _, count)) => {
            (number, count, operand::bytes(size))
        }
        Some(Operand::SIMDRegisterGroupLane(number, size, count, _)) => {
            (number, count, operand::bytes(size))
        }
        Some(_) | None => (0, 4, 16),
    };
    let (place, after) = address(machine, state, instruction, 1);
    let stores = matches!(
        instruction.opcode,
        Opcode::ST1 | Opcode::ST2 | Opcode::ST3 | Opcode::ST4
    );
    for turn in 0..u64::from(count) {
        if stores {
            for offset in (0..bytes).step_by(8) {
                let size = bytes.min(8);
                machine.store(
                    state,
                    place.offset(turn * bytes + offset),
                    size,
                    MachineValue::ANY,
                );
            }
        } else {
            state.set_vector(
                (usize::from(number) + turn as usize) % 32,
                [MachineValue::ANY; LANES],
            );
        }
    }
    if let Some((register, value)) = after {
        state.set_register(register, value);
    }
}
