//! Allocators, string and memory functions, guards of one-time initialisation, thread-local storage.

use super::{CallHandler, CallOutcome, PROCESSORS, forget};
use crate::evaluator::cpu::state::State;
use crate::evaluator::explorer::Executor;
use crate::evaluator::values::symbol::{Range, Symbol};
use crate::evaluator::values::value::{ImageBounds, PointsTo, Region, THREAD, Value, region};

/// Longest run of bytes that is copied, filled or compared one by one.
const LONGEST_RUN: u64 = 4096;

pub(super) fn call(executor: &mut Executor, state: &mut State, special: CallHandler) -> CallOutcome {
    let value = match special {
        CallHandler::Allocate(_) => executor.allocate(state, Value::Known(0)),
        CallHandler::AllocateZeroed => {
            let (count, size) = (executor.argument(state, 0), executor.argument(state, 1));
            let zeros = match (count, size) {
                (Value::Known(count), Value::Known(size)) => Value::Known(count.saturating_mul(size)),
                _ => Value::Known(LONGEST_RUN),
            };
            executor.allocate(state, zeros)
        }
        CallHandler::HeapAllocate => {
            const ZERO_MEMORY: u64 = 8;
            let zeroed = executor.argument(state, 1).known().is_some_and(|flags| flags & ZERO_MEMORY != 0);
            let zeros = if zeroed { executor.argument(state, 2) } else { Value::Known(0) };
            executor.allocate(state, zeros)
        }
        CallHandler::Reallocate(size) => reallocate(executor, state, size),
        CallHandler::PosixAllocate => {
            let block = executor.allocate(state, Value::Known(0));
            let place = executor.argument(state, 0);
            executor.store(state, place, 8, block);
            Value::Known(0)
        }
        CallHandler::Memcpy => copy(executor, state),
        CallHandler::Memset => fill(executor, state),
        CallHandler::Memcmp => {
            let length = executor.argument(state, 2);
            compare(executor, state, length, false)
        }
        CallHandler::Strcmp => compare(executor, state, Value::Known(LONGEST_RUN), true),
        CallHandler::Strncmp => {
            let length = executor.argument(state, 2);
            compare(executor, state, length, true)
        }
        CallHandler::Strlen => text_length(executor, state),
        CallHandler::GuardAcquire => return guard_acquire(executor, state),
        CallHandler::GuardRelease => {
            let guard = executor.argument(state, 0);
            executor.store(state, guard, 1, Value::Known(1));
            Value::Known(0)
        }
        CallHandler::ProcessorMasks => {
            for number in [1, 2] {
                let place = executor.argument(state, number);
                executor.store(state, place, 8, Value::Known((1 << PROCESSORS) - 1));
            }
            Value::Known(1)
        }
        CallHandler::AllocateThreadSlot => allocate_thread_slot(executor, state),
        CallHandler::ReadThreadSlot => match thread_slot(executor, state) {
            Some(slot) => executor.load(state, Value::Known(slot), 8),
            None => executor.fresh(state, Symbol::new(Range::ALL)),
        },
        CallHandler::WriteThreadSlot => {
            let held = executor.argument(state, 1);
            if let Some(slot) = thread_slot(executor, state) {
                executor.store(state, Value::Known(slot), 8, held);
            }
            Value::Known(1)
        }
        CallHandler::Once => return once(executor, state),
        CallHandler::WindowsOnce => return windows_once(executor, state),
        CallHandler::WriteFile => {
            const STANDARD_ERROR: u64 = 2;
            if executor.argument(state, 0).truncate(32) == Value::Known(STANDARD_ERROR) {
                return CallOutcome::NoReturn;
            }
            executor.fresh(state, Symbol::new(Range::new(-1, i64::MAX)))
        }
        CallHandler::ThreadLocal => {
            let descriptor = executor.argument(state, 0).known().unwrap_or(0);
            return CallOutcome::PreservesRegisters(Value::Known(THREAD + 0x10_0000 + (descriptor & 0xff_ffff)));
        }
        _ => Value::ANY,
    };
    CallOutcome::Returns(value)
}

fn reallocate(executor: &mut Executor, state: &mut State, size: usize) -> Value {
    let old = executor.argument(state, size - 1);
    let block = executor.allocate(state, Value::Known(0));
    if let (Value::Known(from), Value::Known(to)) = (old, block)
        && from != 0
        && from != to
    {
        executor.consume_fuel(LONGEST_RUN / 4);
        for offset in (0..LONGEST_RUN / 4).step_by(8) {
            let word = state.memory.read(executor.image, from.wrapping_add(offset), 8);
            state.memory.write(executor.image, to + offset, 8, word);
        }
    }
    block
}

fn copy(executor: &mut Executor, state: &mut State) -> Value {
    let (to, from, length) = (executor.argument(state, 0), executor.argument(state, 1), executor.argument(state, 2));
    copy_run(executor, state, to, from, length);
    to
}

/// Copies a run of bytes.
pub(in crate::evaluator) fn copy_run(
    executor: &mut Executor,
    state: &mut State,
    to: Value,
    from: Value,
    length: Value,
) {
    let (Value::Known(start), Some(length)) = (to, length.known().filter(|&length| length <= LONGEST_RUN)) else {
        return overwrite(executor, state, to, length);
    };
    executor.consume_fuel(length);
    let mut units = Vec::new();
    let mut offset = 0;
    while offset < length {
        let unit = if length - offset >= 8 { 8 } else { 1 };
        units.push((offset, unit, executor.load(state, from.offset(offset), unit)));
        offset += unit;
    }
    for (offset, unit, value) in units {
        executor.store(state, Value::Known(start.wrapping_add(offset)), unit, value);
    }
}

/// Something of unknown content or length is written.
fn overwrite(executor: &mut Executor, state: &mut State, to: Value, length: Value) {
    match to {
        Value::Known(_) => forget(executor, state, to, length.known().unwrap_or(LONGEST_RUN).min(LONGEST_RUN)),
        Value::Symbol { .. } => {}
        Value::Unknown(reach) => state.memory.taint(executor.image, reach, Value::Unknown(PointsTo::OUTSIDE)),
    }
    let exceeds = length.known().is_none_or(|length| length > LONGEST_RUN);
    if let Value::Known(start) = to
        && exceeds
        && region(start) != Region::Object
    {
        let extent = ImageBounds::of(executor.image);
        state.memory.taint(executor.image, to.points_to_in(extent), Value::Unknown(PointsTo::OUTSIDE));
    }
}

fn fill(executor: &mut Executor, state: &mut State) -> Value {
    let (to, byte, length) = (executor.argument(state, 0), executor.argument(state, 1), executor.argument(state, 2));
    fill_run(executor, state, to, byte.truncate(8), 1, length);
    to
}

/// Fills a run of `count` units.
pub(in crate::evaluator) fn fill_run(
    executor: &mut Executor,
    state: &mut State,
    to: Value,
    unit: Value,
    size: u64,
    count: Value,
) {
    let bytes = count.known().and_then(|count| count.checked_mul(size)).filter(|&bytes| bytes <= 16 * LONGEST_RUN);
    let (Value::Known(start), Some(bytes)) = (to, bytes) else {
        let length = count.known().map_or(Value::ANY, |count| Value::Known(count.saturating_mul(size)));
        return overwrite(executor, state, to, length);
    };
    executor.consume_fuel(bytes);
    let mut offset = 0;
    let wide = match unit {
        Value::Known(number) if size < 8 => Some((0..8 / size).fold(0, |word, index| {
            word | (number & crate::evaluator::values::value::mask(8 * size as u32)) << (8 * size * index)
        })),
        _ => None,
    };
    while offset < bytes {
        let place = Value::Known(start.wrapping_add(offset));
        match wide {
            Some(word) if bytes - offset >= 8 => {
                executor.store(state, place, 8, Value::Known(word));
                offset += 8;
            }
            _ => {
                executor.store(state, place, size, unit);
                offset += size;
            }
        }
    }
}

fn compare(executor: &mut Executor, state: &mut State, length: Value, text: bool) -> Value {
    let (left, right) = (executor.argument(state, 0), executor.argument(state, 1));
    if let (Value::Known(left), Value::Known(right), Value::Known(length)) = (left, right, length) {
        for offset in 0..length.min(LONGEST_RUN) {
            executor.consume_fuel(if offset % 64 == 63 { 512 } else { 0 });
            let first = executor.load(state, Value::Known(left.wrapping_add(offset)), 1);
            let second = executor.load(state, Value::Known(right.wrapping_add(offset)), 1);
            let (Value::Known(first), Value::Known(second)) = (first, second) else { break };
            if first != second {
                return Value::Known(if first < second { u64::MAX } else { 1 });
            }
            if text && first == 0 || offset + 1 == length {
                return Value::Known(0);
            }
        }
    }
    if length == Value::Known(0) { Value::Known(0) } else { executor.fresh(state, Symbol::new(Range::ALL)) }
}

fn text_length(executor: &mut Executor, state: &mut State) -> Value {
    if let Value::Known(start) = executor.argument(state, 0) {
        for length in 0..LONGEST_RUN {
            executor.consume_fuel(if length % 64 == 63 { 512 } else { 0 });
            match executor.load(state, Value::Known(start.wrapping_add(length)), 1) {
                Value::Known(0) => return Value::Known(length),
                Value::Known(_) => {}
                Value::Symbol { .. } | Value::Unknown(_) => break,
            }
        }
    }
    executor.fresh(state, Symbol::new(Range::new(0, i64::MAX)))
}

/// <https://itanium-cxx-abi.github.io/cxx-abi/abi.html#once-ctor>
fn guard_acquire(executor: &mut Executor, state: &mut State) -> CallOutcome {
    let guard = executor.argument(state, 0);
    let taken = executor.load(state, guard, 1);
    if let Value::Known(address) = guard {
        executor.note_guard(state, address, taken);
    }
    CallOutcome::Returns(match taken {
        Value::Known(byte) => Value::Known(u64::from(byte & 1 == 0)),
        Value::Symbol { .. } | Value::Unknown(_) => executor.fresh(state, Symbol::new(Range::new(0, 1))),
    })
}

/// Where in the thread's memory the slots lie that a program asks for, and the number of the first.
const THREAD_SLOTS: u64 = THREAD + 0x20_0000;
const FIRST_THREAD_SLOT: u64 = 64;
/// Windows has so many: <https://learn.microsoft.com/en-us/windows/win32/procthread/thread-local-storage>
const MOST_THREAD_SLOTS: u64 = 1024;

/// Every place that asks gets a slot of its own, in which the system wrote zero.
fn allocate_thread_slot(executor: &mut Executor, state: &mut State) -> Value {
    let number = executor.thread_slot_number(state);
    if number >= MOST_THREAD_SLOTS {
        return executor.fresh(state, Symbol::new(Range::ALL));
    }
    executor.store(state, Value::Known(THREAD_SLOTS + 8 * number), 8, Value::Known(0));
    Value::Known(FIRST_THREAD_SLOT + number)
}

/// The slot whose number is the first argument, when this program asked for it.
fn thread_slot(executor: &Executor, state: &State) -> Option<u64> {
    let number = executor.argument(state, 0).truncate(32).known()?.checked_sub(FIRST_THREAD_SLOT)?;
    (number < MOST_THREAD_SLOTS).then_some(THREAD_SLOTS + 8 * number)
}

fn once(executor: &mut Executor, state: &mut State) -> CallOutcome {
    const DONE: u64 = 0x0dce;
    let (control, function) = (executor.argument(state, 0), executor.argument(state, 1));
    if executor.load(state, control, 4) == Value::Known(DONE) {
        return CallOutcome::Returns(Value::Known(0));
    }
    executor.store(state, control, 4, Value::Known(DONE));
    enter(executor, function, Value::Known(0))
}

fn windows_once(executor: &mut Executor, state: &mut State) -> CallOutcome {
    const DONE: u64 = 2;
    let (control, function) = (executor.argument(state, 0), executor.argument(state, 1));
    if executor.load(state, control, 8) == Value::Known(DONE) {
        return CallOutcome::Returns(Value::Known(1));
    }
    executor.store(state, control, 8, Value::Known(DONE));
    let parameter = executor.argument(state, 2);
    for (number, value) in [control, parameter, executor.argument(state, 3)].into_iter().enumerate() {
        if let Some(&register) = executor.convention.arguments.get(number) {
            state.set_register(register, value);
        }
    }
    enter(executor, function, Value::Known(1))
}

fn enter(executor: &Executor, function: Value, otherwise: Value) -> CallOutcome {
    match function {
        Value::Known(address) if executor.is_code(address) => CallOutcome::CallsBack(address),
        Value::Known(_) | Value::Symbol { .. } | Value::Unknown(_) => CallOutcome::Returns(otherwise),
    }
}
