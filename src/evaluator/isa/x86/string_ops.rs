//! String instructions: `REP STOS` and `REP MOVS`, which compilers use to fill and copy.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::values::value::MachineValue;

const RAX: usize = 0;
const RCX: usize = 1;
const RSI: usize = 6;
const RDI: usize = 7;

/// Whether a string instruction uses whole pointers in plain memory.
pub(super) fn is_followed(instruction: &Instruction) -> bool {
    let is_plain = |index| {
        matches!(
            instruction.op_kind(index),
            OpKind::MemoryESRDI | OpKind::MemorySegRSI | OpKind::Register
        )
    };
    instruction.is_string_instruction()
        && (0..instruction.op_count()).all(is_plain)
        && !matches!(instruction.segment_prefix(), Register::FS | Register::GS)
}

/// Where a run that is copied comes from. Copied forward over its own beginning it repeats itself, which is not followed.
fn source(from: MachineValue, to: MachineValue, bytes: MachineValue) -> MachineValue {
    match (from, to, bytes) {
        (MachineValue::Known(from), MachineValue::Known(to), MachineValue::Known(bytes))
            if from < to && to - from < bytes =>
        {
            MachineValue::ANY
        }
        _ => from,
    }
}

/// Carries out a string instruction that moves forward.
pub(super) fn step(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) {
    use Mnemonic::*;
    let size = match instruction.mnemonic() {
        Stosb | Movsb => 1,
        Stosw | Movsw => 2,
        Stosd | Movsd => 4,
        _ => 8,
    };
    let repeats = instruction.has_rep_prefix() || instruction.has_repne_prefix();
    let count = if repeats {
        state.register(RCX)
    } else {
        MachineValue::Known(1)
    };
    let bytes = match count {
        MachineValue::Known(count) => MachineValue::Known(count.wrapping_mul(size)),
        MachineValue::Symbol { .. } | MachineValue::Unknown(_) => MachineValue::ANY,
    };
    let (to, from) = (state.register(RDI), state.register(RSI));
    if matches!(instruction.mnemonic(), Stosb | Stosw | Stosd | Stosq) {
        let unit = state.register(RAX).truncate(8 * size as u32);
        machine.fill_run(state, to, unit, size, count);
    } else {
        machine.copy_run(state, to, source(from, to, bytes), bytes);
        state.set_register(RSI, from.add(bytes));
    }
    state.set_register(RDI, to.add(bytes));
    if repeats {
        state.set_register(RCX, MachineValue::Known(0));
    }
}
