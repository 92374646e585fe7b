//! The functions that open and close guards of static variables, where they are part of the image and have no names.
//!
//! They are followed until a pair has shown itself: given the address of a variable of eight bytes that are zero, one marks
//! in the second byte that somebody initialises, and returns 1; given the same address, the other sets the first byte and
//! takes the mark away. What such a pair did with one guard it does with every other.
//! <https://github.com/gcc-mirror/gcc/blob/releases/gcc-15/libstdc++-v3/libsupc++/guard.cc>

use super::PathExecutor;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::externals::{CallModel, SystemCall};
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::values::hash::FastMap;
use crate::evaluator::values::value::{MachineValue, MemoryRegion, region};

/// A guard before anybody came.
const UNTOUCHED: MachineValue = MachineValue::Known(0);
/// A guard while somebody initialises.
const IN_PROGRESS: MachineValue = MachineValue::Known(0x100);
/// A guard of a variable that is initialised.
const DONE: MachineValue = MachineValue::Known(1);

/// Calls that may open or close a guard.
#[derive(Debug, Default)]
pub(super) struct GuardCalls {
    /// By the address that they return to: the function, the guard, and what it held.
    by_return: FastMap<u64, (u64, u64, MachineValue)>,
    /// Guards that a function opened, as far as can be seen, with the function.
    opened: FastMap<u64, u64>,
}

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// Is shown a call of the image's own code before it is followed.
    pub(super) fn meet_guard_call(&mut self, state: &PathState, function: u64, return_to: u64) {
        let MachineValue::Known(guard) = self.machine.argument(state, 0) else {
            return;
        };
        let is_variable = self
            .machine
            .image
            .segment_at(guard)
            .is_some_and(|segment| segment.writable);
        if region(guard) != MemoryRegion::Image || guard % 8 != 0 || !is_variable {
            return;
        }
        let held = state.memory.read(self.machine.image, guard, 8);
        if held == UNTOUCHED || held == IN_PROGRESS {
            self.guard_calls
                .by_return
                .insert(return_to, (function, guard, held));
        }
    }

    /// Is shown a path that has returned from a call.
    pub(super) fn recognise_guard_call(&mut self, state: &PathState) {
        let Some(&(function, guard, before)) = self.guard_calls.by_return.get(&state.pc) else {
            return;
        };
        let result = state.register(self.machine.convention.result).truncate(32);
        match (before, state.memory.read(self.machine.image, guard, 8)) {
            (UNTOUCHED, IN_PROGRESS) if result == MachineValue::Known(1) => {
                self.guard_calls.opened.insert(guard, function);
            }
            (IN_PROGRESS, DONE) => {
                let Some(&opens) = self.guard_calls.opened.get(&guard) else {
                    return;
                };
                for (function, handler) in [
                    (opens, SystemCall::GuardAcquire),
                    (function, SystemCall::GuardRelease),
                ] {
                    self.models
                        .note_own(self.machine.image, function, CallModel::System(handler));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::explorer::tests::{Assembly, TWO_PHASES, VARIABLE, entered, on_code};

    #[test]
    fn a_pair_that_opens_and_closes_a_guard_is_known_from_then_on() {
        const OPENS: u64 = 0x1490;
        const CLOSES: u64 = 0x14b0;
        for (marked, result, is_known) in [
            (IN_PROGRESS, 1, true),
            (IN_PROGRESS, 0, false),
            (DONE, 1, false),
        ] {
            on_code(TWO_PHASES, Assembly::of(TWO_PHASES), |executor| {
                let mut state = entered(executor, TWO_PHASES);
                let write = |executor: &PathExecutor<'_, '_, _>, state: &mut PathState, held| {
                    state
                        .memory
                        .write(executor.machine.image, VARIABLE, 8, held);
                };
                state.set_register(
                    executor.machine.convention.arguments[0],
                    MachineValue::Known(VARIABLE),
                );
                executor.meet_guard_call(&state, OPENS, 0x1480);
                write(executor, &mut state, marked);
                state.set_register(
                    executor.machine.convention.result,
                    MachineValue::Known(result),
                );
                state.pc = 0x1480;
                executor.recognise_guard_call(&state);
                executor.meet_guard_call(&state, CLOSES, 0x1488);
                write(executor, &mut state, DONE);
                state.pc = 0x1488;
                executor.recognise_guard_call(&state);
                let expected = |handler| is_known.then_some(CallModel::System(handler));
                assert_eq!(
                    executor.own_model(MachineValue::Known(OPENS)),
                    expected(SystemCall::GuardAcquire),
                    "{marked:?}"
                );
                assert_eq!(
                    executor.own_model(MachineValue::Known(CLOSES)),
                    expected(SystemCall::GuardRelease),
                    "{marked:?}"
                );
            });
        }
    }
}
