//! Allocators, string and memory functions, guards of one-time initialisation, thread-local storage.

use super::super::explore::Bench;
use super::super::state::State;
use super::super::symbol::{Range, Symbol};
use super::super::value::{Extent, Reach, Region, THREAD, Value, region};
use super::{Answer, Special, forget};

/// Longest run of bytes that is copied, filled or compared one by one.
const LONGEST_RUN: u64 = 4096;

pub(super) fn call(bench: &mut Bench, state: &mut State, special: Special) -> Answer {
    let value = match special {
        Special::Allocate(_) => bench.allocate(state, Value::Known(0)),
        Special::AllocateZeroed => {
            let (count, size) = (bench.argument(state, 0), bench.argument(state, 1));
            let zeros = match (count, size) {
                (Value::Known(count), Value::Known(size)) => Value::Known(count.saturating_mul(size)),
                _ => Value::Known(LONGEST_RUN),
            };
            bench.allocate(state, zeros)
        }
        Special::HeapAllocate => {
            const ZERO_MEMORY: u64 = 8;
            let zeroed = bench.argument(state, 1).known().is_some_and(|flags| flags & ZERO_MEMORY != 0);
            let zeros = if zeroed { bench.argument(state, 2) } else { Value::Known(0) };
            bench.allocate(state, zeros)
        }
        Special::Reallocate(size) => reallocate(bench, state, size),
        Special::PosixAllocate => {
            let block = bench.allocate(state, Value::Known(0));
            let place = bench.argument(state, 0);
            bench.store(state, place, 8, block);
            Value::Known(0)
        }
        Special::CopyMemory => copy(bench, state),
        Special::SetMemory => fill(bench, state),
        Special::CompareMemory => {
            let length = bench.argument(state, 2);
            compare(bench, state, length, false)
        }
        Special::CompareText => compare(bench, state, Value::Known(LONGEST_RUN), true),
        Special::CompareTextBounded => {
            let length = bench.argument(state, 2);
            compare(bench, state, length, true)
        }
        Special::TextLength => text_length(bench, state),
        Special::GuardAcquire => return guard_acquire(bench, state),
        Special::GuardRelease => {
            let guard = bench.argument(state, 0);
            bench.store(state, guard, 1, Value::Known(1));
            Value::Known(0)
        }
        Special::Once => return once(bench, state),
        Special::WindowsOnce => return windows_once(bench, state),
        Special::WriteFile => {
            const STANDARD_ERROR: u64 = 2;
            if bench.argument(state, 0).truncate(32) == Value::Known(STANDARD_ERROR) {
                return Answer::Never;
            }
            bench.fresh(state, Symbol::new(Range::new(-1, i64::MAX)))
        }
        Special::ThreadLocal => {
            let descriptor = bench.argument(state, 0).known().unwrap_or(0);
            return Answer::Quietly(Value::Known(THREAD + 0x10_0000 + (descriptor & 0xff_ffff)));
        }
        _ => Value::ANY,
    };
    Answer::Gives(value)
}

fn reallocate(bench: &mut Bench, state: &mut State, size: usize) -> Value {
    let old = bench.argument(state, size - 1);
    let block = bench.allocate(state, Value::Known(0));
    if let (Value::Known(from), Value::Known(to)) = (old, block)
        && from != 0
        && from != to
    {
        bench.charge(LONGEST_RUN / 4);
        for offset in (0..LONGEST_RUN / 4).step_by(8) {
            let word = state.memory.read(bench.image, from.wrapping_add(offset), 8);
            state.memory.write(bench.image, to + offset, 8, word);
        }
    }
    block
}

fn copy(bench: &mut Bench, state: &mut State) -> Value {
    let (to, from, length) = (bench.argument(state, 0), bench.argument(state, 1), bench.argument(state, 2));
    copy_run(bench, state, to, from, length);
    to
}

/// Copies a run of bytes.
pub(in crate::binary::machine) fn copy_run(
    bench: &mut Bench,
    state: &mut State,
    to: Value,
    from: Value,
    length: Value,
) {
    let (Value::Known(start), Some(length)) = (to, length.known().filter(|&length| length <= LONGEST_RUN)) else {
        return overwrite(bench, state, to, length);
    };
    bench.charge(length);
    let mut units = Vec::new();
    let mut offset = 0;
    while offset < length {
        let unit = if length - offset >= 8 { 8 } else { 1 };
        units.push((offset, unit, bench.load(state, from.offset(offset), unit)));
        offset += unit;
    }
    for (offset, unit, value) in units {
        bench.store(state, Value::Known(start.wrapping_add(offset)), unit, value);
    }
}

/// Something of unknown content or length is written.
fn overwrite(bench: &mut Bench, state: &mut State, to: Value, length: Value) {
    match to {
        Value::Known(_) => forget(bench, state, to, length.known().unwrap_or(LONGEST_RUN).min(LONGEST_RUN)),
        Value::Symbol { .. } => {}
        Value::Unknown(reach) => state.memory.taint(bench.image, reach, Value::Unknown(Reach::OUTSIDE)),
    }
    let exceeds = length.known().is_none_or(|length| length > LONGEST_RUN);
    if let Value::Known(start) = to
        && exceeds
        && region(start) != Region::Object
    {
        let extent = Extent::of(bench.image);
        state.memory.taint(bench.image, to.reach_in(extent), Value::Unknown(Reach::OUTSIDE));
    }
}

fn fill(bench: &mut Bench, state: &mut State) -> Value {
    let (to, byte, length) = (bench.argument(state, 0), bench.argument(state, 1), bench.argument(state, 2));
    fill_run(bench, state, to, byte.truncate(8), 1, length);
    to
}

/// Fills a run of `count` units.
pub(in crate::binary::machine) fn fill_run(
    bench: &mut Bench,
    state: &mut State,
    to: Value,
    unit: Value,
    size: u64,
    count: Value,
) {
    let bytes = count.known().and_then(|count| count.checked_mul(size)).filter(|&bytes| bytes <= 16 * LONGEST_RUN);
    let (Value::Known(start), Some(bytes)) = (to, bytes) else {
        let length = count.known().map_or(Value::ANY, |count| Value::Known(count.saturating_mul(size)));
        return overwrite(bench, state, to, length);
    };
    bench.charge(bytes);
    let mut offset = 0;
    let wide =
        match unit {
            Value::Known(number) if size < 8 => Some((0..8 / size).fold(0, |word, index| {
                word | (number & super::super::value::mask(8 * size as u32)) << (8 * size * index)
            })),
            _ => None,
        };
    while offset < bytes {
        let place = Value::Known(start.wrapping_add(offset));
        match wide {
            Some(word) if bytes - offset >= 8 => {
                bench.store(state, place, 8, Value::Known(word));
                offset += 8;
            }
            _ => {
                bench.store(state, place, size, unit);
                offset += size;
            }
        }
    }
}

fn compare(bench: &mut Bench, state: &mut State, length: Value, text: bool) -> Value {
    let (left, right) = (bench.argument(state, 0), bench.argument(state, 1));
    if let (Value::Known(left), Value::Known(right), Value::Known(length)) = (left, right, length) {
        for offset in 0..length.min(LONGEST_RUN) {
            bench.charge(if offset % 64 == 63 { 512 } else { 0 });
            let first = bench.load(state, Value::Known(left.wrapping_add(offset)), 1);
            let second = bench.load(state, Value::Known(right.wrapping_add(offset)), 1);
            let (Value::Known(first), Value::Known(second)) = (first, second) else { break };
            if first != second {
                return Value::Known(if first < second { u64::MAX } else { 1 });
            }
            if text && first == 0 || offset + 1 == length {
                return Value::Known(0);
            }
        }
    }
    if length == Value::Known(0) { Value::Known(0) } else { bench.fresh(state, Symbol::new(Range::ALL)) }
}

fn text_length(bench: &mut Bench, state: &mut State) -> Value {
    if let Value::Known(start) = bench.argument(state, 0) {
        for length in 0..LONGEST_RUN {
            bench.charge(if length % 64 == 63 { 512 } else { 0 });
            match bench.load(state, Value::Known(start.wrapping_add(length)), 1) {
                Value::Known(0) => return Value::Known(length),
                Value::Known(_) => {}
                Value::Symbol { .. } | Value::Unknown(_) => break,
            }
        }
    }
    bench.fresh(state, Symbol::new(Range::new(0, i64::MAX)))
}

/// <https://itanium-cxx-abi.github.io/cxx-abi/abi.html#once-ctor>
fn guard_acquire(bench: &mut Bench, state: &mut State) -> Answer {
    let guard = bench.argument(state, 0);
    let taken = bench.load(state, guard, 1);
    if let Value::Known(address) = guard {
        bench.meet_guard(state, address, taken);
    }
    Answer::Gives(match taken {
        Value::Known(byte) => Value::Known(u64::from(byte & 1 == 0)),
        Value::Symbol { .. } | Value::Unknown(_) => bench.fresh(state, Symbol::new(Range::new(0, 1))),
    })
}

fn once(bench: &mut Bench, state: &mut State) -> Answer {
    const DONE: u64 = 0x0dce;
    let (control, function) = (bench.argument(state, 0), bench.argument(state, 1));
    if bench.load(state, control, 4) == Value::Known(DONE) {
        return Answer::Gives(Value::Known(0));
    }
    bench.store(state, control, 4, Value::Known(DONE));
    enter(bench, function, Value::Known(0))
}

fn windows_once(bench: &mut Bench, state: &mut State) -> Answer {
    const DONE: u64 = 2;
    let (control, function) = (bench.argument(state, 0), bench.argument(state, 1));
    if bench.load(state, control, 8) == Value::Known(DONE) {
        return Answer::Gives(Value::Known(1));
    }
    bench.store(state, control, 8, Value::Known(DONE));
    let parameter = bench.argument(state, 2);
    for (number, value) in [control, parameter, bench.argument(state, 3)].into_iter().enumerate() {
        if let Some(&register) = bench.convention.arguments.get(number) {
            state.set_register(register, value);
        }
    }
    enter(bench, function, Value::Known(1))
}

fn enter(bench: &Bench, function: Value, otherwise: Value) -> Answer {
    match function {
        Value::Known(address) if bench.is_code(address) => Answer::Enters(address),
        Value::Known(_) | Value::Symbol { .. } | Value::Unknown(_) => Answer::Gives(otherwise),
    }
}
