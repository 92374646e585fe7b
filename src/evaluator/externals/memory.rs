//! Allocators, string and memory functions, guards of one-time initialisation, thread-local storage.

use super::{CallHandler, CallOutcome};
use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::cpu::runs::LONGEST_RUN;
use crate::evaluator::cpu::state::State;
use crate::evaluator::values::symbol::{Range, Symbol};
use crate::evaluator::values::value::{THREAD, Value};

pub(super) fn call(machine: &mut Machine, state: &mut State, special: CallHandler) -> CallOutcome {
    let value = match special {
        CallHandler::Allocate(_) => machine.allocate(state, Value::Known(0)),
        CallHandler::AllocateZeroed => {
            let (count, size) = (machine.argument(state, 0), machine.argument(state, 1));
            let zeros = match (count, size) {
                (Value::Known(count), Value::Known(size)) => Value::Known(count.saturating_mul(size)),
                _ => Value::Known(LONGEST_RUN),
            };
            machine.allocate(state, zeros)
        }
        CallHandler::HeapAllocate => {
            const ZERO_MEMORY: u64 = 8;
            let zeroed = machine.argument(state, 1).known().is_some_and(|flags| flags & ZERO_MEMORY != 0);
            let zeros = if zeroed { machine.argument(state, 2) } else { Value::Known(0) };
            machine.allocate(state, zeros)
        }
        CallHandler::Reallocate(size) => reallocate(machine, state, size),
        CallHandler::PosixAllocate => {
            let block = machine.allocate(state, Value::Known(0));
            let place = machine.argument(state, 0);
            machine.store(state, place, 8, block);
            Value::Known(0)
        }
        CallHandler::Memcpy => copy(machine, state),
        CallHandler::Memset => fill(machine, state),
        CallHandler::Memcmp => {
            let length = machine.argument(state, 2);
            compare(machine, state, length, false)
        }
        CallHandler::Strcmp => compare(machine, state, Value::Known(LONGEST_RUN), true),
        CallHandler::Strncmp => {
            let length = machine.argument(state, 2);
            compare(machine, state, length, true)
        }
        CallHandler::Strlen => text_length(machine, state),
        CallHandler::GuardAcquire => return guard_acquire(machine, state),
        CallHandler::GuardRelease => {
            let guard = machine.argument(state, 0);
            machine.store(state, guard, 1, Value::Known(1));
            Value::Known(0)
        }
        CallHandler::Once => return once(machine, state),
        CallHandler::WindowsOnce => return windows_once(machine, state),
        CallHandler::WriteFile => {
            const STANDARD_ERROR: u64 = 2;
            if machine.argument(state, 0).truncate(32) == Value::Known(STANDARD_ERROR) {
                return CallOutcome::NoReturn;
            }
            machine.fresh(state, Symbol::new(Range::new(-1, i64::MAX)))
        }
        CallHandler::ThreadLocal => {
            let descriptor = machine.argument(state, 0).known().unwrap_or(0);
            return CallOutcome::PreservesRegisters(Value::Known(THREAD + 0x10_0000 + (descriptor & 0xff_ffff)));
        }
        _ => Value::ANY,
    };
    CallOutcome::Returns(value)
}

fn reallocate(machine: &mut Machine, state: &mut State, size: usize) -> Value {
    let old = machine.argument(state, size - 1);
    let block = machine.allocate(state, Value::Known(0));
    if let (Value::Known(from), Value::Known(to)) = (old, block)
        && from != 0
        && from != to
    {
        machine.fuel.consume(LONGEST_RUN / 4);
        for offset in (0..LONGEST_RUN / 4).step_by(8) {
            let word = state.memory.read(machine.image, from.wrapping_add(offset), 8);
            state.memory.write(machine.image, to + offset, 8, word);
        }
    }
    block
}

fn copy(machine: &mut Machine, state: &mut State) -> Value {
    let (to, from, length) = (machine.argument(state, 0), machine.argument(state, 1), machine.argument(state, 2));
    machine.copy_run(state, to, from, length);
    to
}

fn fill(machine: &mut Machine, state: &mut State) -> Value {
    let (to, byte, length) = (machine.argument(state, 0), machine.argument(state, 1), machine.argument(state, 2));
    machine.fill_run(state, to, byte.truncate(8), 1, length);
    to
}

fn compare(machine: &mut Machine, state: &mut State, length: Value, text: bool) -> Value {
    let (left, right) = (machine.argument(state, 0), machine.argument(state, 1));
    if let (Value::Known(left), Value::Known(right), Value::Known(length)) = (left, right, length) {
        for offset in 0..length.min(LONGEST_RUN) {
            machine.fuel.consume(if offset % 64 == 63 { 512 } else { 0 });
            let first = machine.load(state, Value::Known(left.wrapping_add(offset)), 1);
            let second = machine.load(state, Value::Known(right.wrapping_add(offset)), 1);
            let (Value::Known(first), Value::Known(second)) = (first, second) else { break };
            if first != second {
                return Value::Known(if first < second { u64::MAX } else { 1 });
            }
            if text && first == 0 || offset + 1 == length {
                return Value::Known(0);
            }
        }
    }
    if length == Value::Known(0) { Value::Known(0) } else { machine.fresh(state, Symbol::new(Range::ALL)) }
}

fn text_length(machine: &mut Machine, state: &mut State) -> Value {
    if let Value::Known(start) = machine.argument(state, 0) {
        for length in 0..LONGEST_RUN {
            machine.fuel.consume(if length % 64 == 63 { 512 } else { 0 });
            match machine.load(state, Value::Known(start.wrapping_add(length)), 1) {
                Value::Known(0) => return Value::Known(length),
                Value::Known(_) => {}
                Value::Symbol { .. } | Value::Unknown(_) => break,
            }
        }
    }
    machine.fresh(state, Symbol::new(Range::new(0, i64::MAX)))
}

/// <https://itanium-cxx-abi.github.io/cxx-abi/abi.html#once-ctor>
fn guard_acquire(machine: &mut Machine, state: &mut State) -> CallOutcome {
    let guard = machine.argument(state, 0);
    let taken = machine.load(state, guard, 1);
    if let Value::Known(address) = guard {
        machine.guards.note(&state.memory, address, taken);
    }
    CallOutcome::Returns(match taken {
        Value::Known(byte) => Value::Known(u64::from(byte & 1 == 0)),
        Value::Symbol { .. } | Value::Unknown(_) => machine.fresh(state, Symbol::new(Range::new(0, 1))),
    })
}

fn once(machine: &mut Machine, state: &mut State) -> CallOutcome {
    const DONE: u64 = 0x0dce;
    let (control, function) = (machine.argument(state, 0), machine.argument(state, 1));
    if machine.load(state, control, 4) == Value::Known(DONE) {
        return CallOutcome::Returns(Value::Known(0));
    }
    machine.store(state, control, 4, Value::Known(DONE));
    enter(machine, function, Value::Known(0))
}

fn windows_once(machine: &mut Machine, state: &mut State) -> CallOutcome {
    const DONE: u64 = 2;
    let (control, function) = (machine.argument(state, 0), machine.argument(state, 1));
    if machine.load(state, control, 8) == Value::Known(DONE) {
        return CallOutcome::Returns(Value::Known(1));
    }
    machine.store(state, control, 8, Value::Known(DONE));
    let parameter = machine.argument(state, 2);
    for (number, value) in [control, parameter, machine.argument(state, 3)].into_iter().enumerate() {
        if let Some(&register) = machine.convention.arguments.get(number) {
            state.set_register(register, value);
        }
    }
    enter(machine, function, Value::Known(1))
}

fn enter(machine: &Machine, function: Value, otherwise: Value) -> CallOutcome {
    match function {
        Value::Known(address) if machine.is_code(address) => CallOutcome::CallsBack(address),
        Value::Known(_) | Value::Symbol { .. } | Value::Unknown(_) => CallOutcome::Returns(otherwise),
    }
}
