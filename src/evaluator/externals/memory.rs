//! Allocators, string and memory functions, guards of one-time initialisation, thread-local storage.

use super::system::SystemCall;
use super::{CallOrigin, CallOutcome, PROCESSORS, THE_THREAD, unmodelled};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::runs::LONGEST_RUN;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::values::symbol::{SymbolFacts, ValueRange};
use crate::evaluator::values::value::{MachineValue, THREAD};

pub(super) fn call(
    machine: &mut SharedMachine,
    state: &mut PathState,
    call: SystemCall,
) -> CallOutcome {
    let value = match call {
        SystemCall::Nothing => MachineValue::ANY,
        SystemCall::PointerOrNull | SystemCall::Number => {
            machine.fresh(state, SymbolFacts::new(ValueRange::ALL))
        }
        SystemCall::Zero => MachineValue::Known(0),
        SystemCall::One => MachineValue::Known(1),
        SystemCall::Processors => MachineValue::Known(PROCESSORS),
        SystemCall::Thread => MachineValue::Known(THE_THREAD),
        SystemCall::Pointer => machine.fresh(state, SymbolFacts::new(ValueRange::POINTER)),
        SystemCall::Writes(mask) => {
            machine.forget_pointers(state, mask);
            machine.fresh(state, SymbolFacts::new(ValueRange::ALL))
        }
        SystemCall::Never => return CallOutcome::NoReturn,
        SystemCall::Throws => return CallOutcome::Throws,
        SystemCall::Argument(number) => machine.argument(state, number),
        SystemCall::BoostInit => {
            let origin = machine.boost_library();
            return unmodelled(
                machine,
                state,
                CallOrigin {
                    origin,
                    import: None,
                },
            );
        }
        SystemCall::Allocate(_) => machine.allocate(state, MachineValue::Known(0)),
        SystemCall::AllocateZeroed => allocate_zeroed(machine, state),
        SystemCall::HeapAllocate => heap_allocate(machine, state),
        SystemCall::Reallocate(size) => reallocate(machine, state, size),
        SystemCall::PosixAllocate => posix_allocate(machine, state),
        SystemCall::Memcpy => copy(machine, state),
        SystemCall::Memset => fill(machine, state),
        SystemCall::Memcmp => {
            let length = machine.argument(state, 2);
            compare(machine, state, length, false)
        }
        SystemCall::Strcmp => compare(machine, state, MachineValue::Known(LONGEST_RUN), true),
        SystemCall::Strncmp => {
            let length = machine.argument(state, 2);
            compare(machine, state, length, true)
        }
        SystemCall::Strlen => text_length(machine, state),
        SystemCall::Strcpy | SystemCall::Strcat | SystemCall::Strncpy | SystemCall::Strncat => {
            copy_text(machine, state, call)
        }
        SystemCall::GuardAcquire => return guard_acquire(machine, state),
        SystemCall::GuardRelease => {
            let guard = machine.argument(state, 0);
            machine.store(state, guard, 1, MachineValue::Known(1));
            MachineValue::Known(0)
        }
        SystemCall::ProcessorMasks => processor_masks(machine, state),
        SystemCall::AllocateThreadSlot => allocate_thread_slot(machine, state),
        SystemCall::ReadThreadSlot => match thread_slot(machine, state) {
            Some(slot) => machine.load(state, MachineValue::Known(slot), 8),
            None => machine.fresh(state, SymbolFacts::new(ValueRange::ALL)),
        },
        SystemCall::WriteThreadSlot => {
            let held = machine.argument(state, 1);
            if let Some(slot) = thread_slot(machine, state) {
                machine.store(state, MachineValue::Known(slot), 8, held);
            }
            MachineValue::Known(1)
        }
        SystemCall::Once => return once(machine, state),
        SystemCall::WindowsOnce => return windows_once(machine, state),
        SystemCall::WriteFile => return write_file(machine, state),
        SystemCall::ThreadLocal => {
            let descriptor = machine.argument(state, 0).known().unwrap_or(0);
            return CallOutcome::PreservesRegisters(MachineValue::Known(
                THREAD + 0x10_0000 + (descriptor & 0xff_ffff),
            ));
        }
    };
    CallOutcome::Returns(value)
}

/// Memory of first times second argument bytes.
pub(super) fn allocate_zeroed(machine: &mut SharedMachine, state: &mut PathState) -> MachineValue {
    let (count, size) = (machine.argument(state, 0), machine.argument(state, 1));
    let zeros = match (count, size) {
        (MachineValue::Known(count), MachineValue::Known(size)) => {
            MachineValue::Known(count.saturating_mul(size))
        }
        _ => MachineValue::Known(LONGEST_RUN),
    };
    machine.allocate(state, zeros)
}

fn heap_allocate(machine: &mut SharedMachine, state: &mut PathState) -> MachineValue {
    const ZERO_MEMORY: u64 = 8;
    let zeroed = machine
        .argument(state, 1)
        .known()
        .is_some_and(|flags| flags & ZERO_MEMORY != 0);
    let zeros = if zeroed {
        machine.argument(state, 2)
    } else {
        MachineValue::Known(0)
    };
    machine.allocate(state, zeros)
}

fn posix_allocate(machine: &mut SharedMachine, state: &mut PathState) -> MachineValue {
    let block = machine.allocate(state, MachineValue::Known(0));
    let place = machine.argument(state, 0);
    machine.store(state, place, 8, block);
    MachineValue::Known(0)
}

fn write_file(machine: &mut SharedMachine, state: &mut PathState) -> CallOutcome {
    const STANDARD_ERROR: u64 = 2;
    if machine.argument(state, 0).truncate(32) == MachineValue::Known(STANDARD_ERROR) {
        return CallOutcome::NoReturn;
    }
    CallOutcome::Returns(machine.fresh(state, SymbolFacts::new(ValueRange::new(-1, i64::MAX))))
}

/// Memory with what was in that of the argument before the size.
pub(super) fn reallocate(
    machine: &mut SharedMachine,
    state: &mut PathState,
    size: usize,
) -> MachineValue {
    let old = machine.argument(state, size - 1);
    let block = machine.allocate(state, MachineValue::Known(0));
    if let (MachineValue::Known(from), MachineValue::Known(to)) = (old, block)
        && from != 0
        && from != to
    {
        machine.fuel.consume(LONGEST_RUN / 4);
        for offset in (0..LONGEST_RUN / 4).step_by(8) {
            let word = state
                .memory
                .read(machine.image, from.wrapping_add(offset), 8);
            state.memory.write(machine.image, to + offset, 8, word);
        }
    }
    block
}

fn copy(machine: &mut SharedMachine, state: &mut PathState) -> MachineValue {
    let (to, from, length) = (
        machine.argument(state, 0),
        machine.argument(state, 1),
        machine.argument(state, 2),
    );
    machine.copy_run(state, to, from, length);
    to
}

fn fill(machine: &mut SharedMachine, state: &mut PathState) -> MachineValue {
    let (to, byte, length) = (
        machine.argument(state, 0),
        machine.argument(state, 1),
        machine.argument(state, 2),
    );
    machine.fill_run(state, to, byte.truncate(8), 1, length);
    to
}

fn compare(
    machine: &mut SharedMachine,
    state: &mut PathState,
    length: MachineValue,
    text: bool,
) -> MachineValue {
    let (left, right) = (machine.argument(state, 0), machine.argument(state, 1));
    if let (MachineValue::Known(left), MachineValue::Known(right), MachineValue::Known(length)) =
        (left, right, length)
    {
        for offset in 0..length.min(LONGEST_RUN) {
            machine
                .fuel
                .consume(if offset % 64 == 63 { 512 } else { 0 });
            let first = machine.load(state, MachineValue::Known(left.wrapping_add(offset)), 1);
            let second = machine.load(state, MachineValue::Known(right.wrapping_add(offset)), 1);
            let (MachineValue::Known(first), MachineValue::Known(second)) = (first, second) else {
                break;
            };
            if first != second {
                return MachineValue::Known(if first < second { u64::MAX } else { 1 });
            }
            if text && first == 0 || offset + 1 == length {
                return MachineValue::Known(0);
            }
        }
    }
    if length == MachineValue::Known(0) {
        MachineValue::Known(0)
    } else {
        machine.fresh(state, SymbolFacts::new(ValueRange::ALL))
    }
}

/// Copies a text, at most so many bytes of it, to the beginning or to the end of what is there.
fn copy_text(machine: &mut SharedMachine, state: &mut PathState, call: SystemCall) -> MachineValue {
    let appends = matches!(call, SystemCall::Strcat | SystemCall::Strncat);
    let is_bounded = matches!(call, SystemCall::Strncpy | SystemCall::Strncat);
    let most = if is_bounded {
        machine.argument(state, 2).known()
    } else {
        Some(u64::MAX)
    };
    let (to, from) = (machine.argument(state, 0), machine.argument(state, 1));
    let end = if appends {
        length_of(machine, state, to)
    } else {
        Some(0)
    };
    let length = length_of(machine, state, from);
    let (Some(end), Some(length), Some(most)) = (end, length, most) else {
        machine.overwrite(state, to, MachineValue::ANY);
        return to;
    };
    let copied = length.min(most);
    // `strncpy` fills the rest with zeros, and puts none behind a text that is as long; the others end with one.
    let zeros = if most == u64::MAX || appends {
        1
    } else {
        most - copied
    };
    machine.copy_run(state, to.offset(end), from, MachineValue::Known(copied));
    machine.fill_run(
        state,
        to.offset(end + copied),
        MachineValue::Known(0),
        1,
        MachineValue::Known(zeros),
    );
    to
}

/// How long a text is, where that is known.
fn length_of(
    machine: &mut SharedMachine,
    state: &mut PathState,
    text: MachineValue,
) -> Option<u64> {
    let start = text.known()?;
    for length in 0..LONGEST_RUN {
        machine
            .fuel
            .consume(if length % 64 == 63 { 512 } else { 0 });
        match machine.load(state, MachineValue::Known(start.wrapping_add(length)), 1) {
            MachineValue::Known(0) => return Some(length),
            MachineValue::Known(_) => {}
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => return None,
        }
    }
    None
}

fn text_length(machine: &mut SharedMachine, state: &mut PathState) -> MachineValue {
    let text = machine.argument(state, 0);
    match length_of(machine, state, text) {
        Some(length) => MachineValue::Known(length),
        None => machine.fresh(state, SymbolFacts::new(ValueRange::new(0, i64::MAX))),
    }
}

/// <https://itanium-cxx-abi.github.io/cxx-abi/abi.html#once-ctor>
fn guard_acquire(machine: &mut SharedMachine, state: &mut PathState) -> CallOutcome {
    let guard = machine.argument(state, 0);
    let taken = machine.load(state, guard, 1);
    if let MachineValue::Known(address) = guard {
        machine.guards.note(&state.memory, address, taken);
    }
    CallOutcome::Returns(match taken {
        MachineValue::Known(byte) => MachineValue::Known(u64::from(byte & 1 == 0)),
        MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {
            machine.fresh(state, SymbolFacts::new(ValueRange::new(0, 1)))
        }
    })
}

/// Masks with a bit for each processor, through the second and the third argument.
fn processor_masks(machine: &mut SharedMachine, state: &mut PathState) -> MachineValue {
    for number in [1, 2] {
        let place = machine.argument(state, number);
        machine.store(state, place, 8, MachineValue::Known((1 << PROCESSORS) - 1));
    }
    MachineValue::Known(1)
}

/// Where in the thread's memory the slots lie that a program asks for, and the number of the first.
const THREAD_SLOTS: u64 = THREAD + 0x20_0000;
const FIRST_THREAD_SLOT: u64 = 64;
/// Windows has so many: <https://learn.microsoft.com/en-us/windows/win32/procthread/thread-local-storage>
const MOST_THREAD_SLOTS: u64 = 1024;

/// Every place that asks gets a slot of its own, in which the system wrote zero.
fn allocate_thread_slot(machine: &mut SharedMachine, state: &mut PathState) -> MachineValue {
    let number = machine.thread_slot_number(state);
    if number >= MOST_THREAD_SLOTS {
        return machine.fresh(state, SymbolFacts::new(ValueRange::ALL));
    }
    machine.store(
        state,
        MachineValue::Known(THREAD_SLOTS + 8 * number),
        8,
        MachineValue::Known(0),
    );
    MachineValue::Known(FIRST_THREAD_SLOT + number)
}

/// The slot whose number is the first argument, when this program asked for it.
fn thread_slot(machine: &SharedMachine, state: &PathState) -> Option<u64> {
    let number = machine
        .argument(state, 0)
        .truncate(32)
        .known()?
        .checked_sub(FIRST_THREAD_SLOT)?;
    (number < MOST_THREAD_SLOTS).then_some(THREAD_SLOTS + 8 * number)
}

fn once(machine: &mut SharedMachine, state: &mut PathState) -> CallOutcome {
    const DONE: u64 = 0x0dce;
    let (control, function) = (machine.argument(state, 0), machine.argument(state, 1));
    if machine.load(state, control, 4) == MachineValue::Known(DONE) {
        return CallOutcome::Returns(MachineValue::Known(0));
    }
    machine.store(state, control, 4, MachineValue::Known(DONE));
    enter(machine, function, MachineValue::Known(0))
}

fn windows_once(machine: &mut SharedMachine, state: &mut PathState) -> CallOutcome {
    const DONE: u64 = 2;
    let (control, function) = (machine.argument(state, 0), machine.argument(state, 1));
    if machine.load(state, control, 8) == MachineValue::Known(DONE) {
        return CallOutcome::Returns(MachineValue::Known(1));
    }
    machine.store(state, control, 8, MachineValue::Known(DONE));
    let parameter = machine.argument(state, 2);
    for (number, value) in [control, parameter, machine.argument(state, 3)]
        .into_iter()
        .enumerate()
    {
        if let Some(&register) = machine.convention.arguments.get(number) {
            state.set_register(register, value);
        }
    }
    enter(machine, function, MachineValue::Known(1))
}

fn enter(machine: &SharedMachine, function: MachineValue, otherwise: MachineValue) -> CallOutcome {
    match function {
        MachineValue::Known(address) if machine.is_code(address) => CallOutcome::CallsBack(address),
        MachineValue::Known(_) | MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {
            CallOutcome::Returns(otherwise)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::cpu::tests::on_machine;
    use crate::evaluator::externals::tests::{called, gives};

    fn text(machine: &mut SharedMachine, state: &mut PathState, text: &str) -> MachineValue {
        let block = machine.allocate(state, MachineValue::Known(0));
        for (index, byte) in text.bytes().chain([0]).enumerate() {
            machine.store(
                state,
                block.offset(index as u64),
                1,
                MachineValue::Known(byte.into()),
            );
        }
        block
    }

    fn bytes(
        machine: &mut SharedMachine,
        state: &mut PathState,
        place: MachineValue,
        count: u64,
    ) -> Vec<Option<u64>> {
        (0..count)
            .map(|index| machine.load(state, place.offset(index), 1).known())
            .collect()
    }

    #[test]
    fn texts_are_copied_appended_and_cut() {
        let known = |text: &str| {
            text.bytes()
                .map(|byte| Some(u64::from(byte)))
                .collect::<Vec<_>>()
        };
        for (name, most, expected) in [
            ("strcpy", None, "xy\0defg"),
            ("strncpy", Some(1), "xbcdefg"),
            ("strncpy", Some(4), "xy\0\0efg"),
            ("strcat", None, "abcdefg"),
        ] {
            on_machine(|machine, state| {
                let (to, from) = (text(machine, state, "abcdefg"), text(machine, state, "xy"));
                // The third argument is on the stack.
                if let Some(most) = most {
                    let third = state
                        .register(machine.convention.stack_pointer)
                        .offset(machine.convention.stacked);
                    machine.store(state, third, 8, MachineValue::Known(most));
                }
                assert_eq!(gives(machine, state, name, &[to, from]), to, "{name}");
                assert_eq!(bytes(machine, state, to, 7), known(expected), "{name}");
                if name == "strcat" {
                    assert_eq!(bytes(machine, state, to.offset(7), 3), known("xy\0"));
                }
            });
        }
    }

    #[test]
    fn comparisons_tell_the_sign_and_unknown_bytes_nothing() {
        on_machine(|machine, state| {
            let (low, high) = (text(machine, state, "ab"), text(machine, state, "ac"));
            assert_eq!(
                gives(machine, state, "strcmp", &[low, high]).truncate(32),
                MachineValue::Known(0xffff_ffff)
            );
            assert_eq!(
                gives(machine, state, "strcmp", &[high, low]),
                MachineValue::Known(1)
            );
            assert_eq!(
                gives(machine, state, "strlen", &[low]),
                MachineValue::Known(2)
            );
            machine.store(state, low, 1, MachineValue::ANY);
            assert!(
                gives(machine, state, "strcmp", &[low, high])
                    .known()
                    .is_none()
            );
            assert!(gives(machine, state, "strlen", &[low]).known().is_none());
        });
    }

    #[test]
    fn memory_is_zeroed_moved_and_stored_as_asked() {
        on_machine(|machine, state| {
            let block = gives(
                machine,
                state,
                "calloc",
                &[MachineValue::Known(2), MachineValue::Known(8)],
            );
            assert_eq!(
                machine.load(state, block.offset(8), 8),
                MachineValue::Known(0)
            );
            machine.store(state, block, 8, MachineValue::Known(77));
            state.pc += 4;
            let moved = gives(machine, state, "realloc", &[block, MachineValue::Known(64)]);
            assert_ne!(moved, block);
            assert_eq!(machine.load(state, moved, 8), MachineValue::Known(77));
            state.pc += 4;
            let place = state.register(machine.convention.stack_pointer).offset(64);
            assert_eq!(
                gives(
                    machine,
                    state,
                    "posix_memalign",
                    &[place, MachineValue::Known(16)]
                ),
                MachineValue::Known(0)
            );
            assert!(
                machine
                    .load(state, place, 8)
                    .known()
                    .is_some_and(|block| block != 0)
            );
        });
    }

    #[test]
    fn what_is_done_once_is_done_once() {
        on_machine(|machine, state| {
            let control = machine.allocate(state, MachineValue::Known(16));
            assert_eq!(
                gives(machine, state, "__cxa_guard_acquire", &[control]),
                MachineValue::Known(1)
            );
            gives(machine, state, "__cxa_guard_release", &[control]);
            assert_eq!(
                gives(machine, state, "__cxa_guard_acquire", &[control]),
                MachineValue::Known(0)
            );
            let code = machine
                .image
                .exports()
                .values()
                .find(|&&address| machine.is_code(address))
                .copied()
                .unwrap();
            let (control, function) = (control.offset(8), MachineValue::Known(code));
            assert_eq!(
                called(machine, state, "pthread_once", &[control, function]),
                CallOutcome::CallsBack(code)
            );
            assert_eq!(
                gives(machine, state, "pthread_once", &[control, function]),
                MachineValue::Known(0)
            );
        });
    }

    #[test]
    fn slots_of_threads_hold_what_was_put_there() {
        on_machine(|machine, state| {
            let slot = gives(machine, state, "TlsAlloc", &[]);
            assert_eq!(
                gives(machine, state, "TlsGetValue", &[slot]),
                MachineValue::Known(0)
            );
            gives(
                machine,
                state,
                "TlsSetValue",
                &[slot, MachineValue::Known(9)],
            );
            assert_eq!(
                gives(machine, state, "TlsGetValue", &[slot]),
                MachineValue::Known(9)
            );
            // One that this program did not ask for.
            assert!(
                gives(machine, state, "TlsGetValue", &[MachineValue::Known(1)])
                    .known()
                    .is_none()
            );
        });
    }
}
