//! String instructions: `REP STOS` and `REP MOVS`, which compilers use to fill and copy.

use iced_x86::{Instruction, Mnemonic};

use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::cpu::state::State;
use crate::evaluator::values::value::Value;

const RAX: usize = 0;
const RCX: usize = 1;
const RSI: usize = 6;
const RDI: usize = 7;

/// Carries out a string instruction that moves forward.
pub(super) fn step(machine: &mut Machine, state: &mut State, instruction: &Instruction) {
    use Mnemonic::*;
    let size = match instruction.mnemonic() {
        Stosb | Movsb => 1,
        Stosw | Movsw => 2,
        Stosd | Movsd => 4,
        _ => 8,
    };
    let repeats = instruction.has_rep_prefix() || instruction.has_repne_prefix();
    let count = if repeats { state.register(RCX) } else { Value::Known(1) };
    let bytes = match count {
        Value::Known(count) => Value::Known(count.wrapping_mul(size)),
        Value::Symbol { .. } | Value::Unknown(_) => Value::ANY,
    };
    let (to, from) = (state.register(RDI), state.register(RSI));
    if matches!(instruction.mnemonic(), Stosb | Stosw | Stosd | Stosq) {
        let unit = state.register(RAX).truncate(8 * size as u32);
        machine.fill_run(state, to, unit, size, count);
    } else {
        machine.copy_run(state, to, from, bytes);
        state.set_register(RSI, from.add(bytes));
    }
    state.set_register(RDI, to.add(bytes));
    if repeats {
        state.set_register(RCX, Value::Known(0));
    }
}
