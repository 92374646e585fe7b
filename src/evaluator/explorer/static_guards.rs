//! One-time initialisation of static variables: each has a guard that only the run time changes.
//!
//! A vague write earlier on a path may have hit the guard as far as anybody can tell, and then code that comes upon it
//! seems to find the variable initialised already. But compilers give nobody the address of a guard. So a guard that is
//! met in an unknown state is remembered, and the run begins again with the knowledge of it.
//!
//! Guards are met where they are handed to the run time: `__cxa_guard_acquire` of the Itanium ABI, and on Windows
//! `_Init_thread_header`, which is linked into the image and known by what follows its call: a comparison of the guard
//! with -1. <https://itanium-cxx-abi.github.io/cxx-abi/abi.html#once-ctor>,
//! <https://learn.microsoft.com/en-us/cpp/build/reference/zc-threadsafeinit-thread-safe-local-static-initialization>

use super::PathExecutor;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::values::value::MachineValue;
use crate::model::facts::ImageFormat;

/// What `_Init_thread_header` makes of the guard when the caller shall initialise.
const IN_PROGRESS: u64 = 0xffff_ffff;
/// What `_Init_thread_footer` makes of it: more than the epoch with which a thread begins.
const DONE: u64 = 0x8000_0001;

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// Carries out a call of Microsoft's run time that opens or closes a guard; false when it is another call.
    pub(super) fn model_guard_call(&mut self, state: &mut PathState, return_to: u64) -> bool {
        let image = self.machine.image;
        if image.format != ImageFormat::Pe {
            return false;
        }
        let MachineValue::Known(guard) = self.machine.argument(state, 0) else {
            return false;
        };
        let before = || state.memory.read(image, guard, 4);
        let after = if self
            .isa
            .compares_with_minus_one(&self.machine, state, return_to)
            == Some(guard)
        {
            let before = before();
            self.machine.guards.note(&state.memory, guard, before);
            match before {
                MachineValue::Known(0) => IN_PROGRESS,
                MachineValue::Known(other) => other,
                MachineValue::Symbol { .. } | MachineValue::Unknown(_) => return false,
            }
        } else if self.machine.guards.contains(guard)
            && before() == MachineValue::Known(IN_PROGRESS)
        {
            DONE
        } else {
            return false;
        };
        self.machine.store(
            state,
            MachineValue::Known(guard),
            4,
            MachineValue::Known(after),
        );
        self.clobber(state);
        state.pc = return_to;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::explorer::tests::{
        Assembly, ON_WINDOWS, TWO_PHASES, VARIABLE, entered, on_code,
    };

    #[test]
    fn guards_of_windows_are_known_by_the_comparison_behind_the_call() {
        let guard = ON_WINDOWS.definition + 0x40;
        // `cmp dword [guard], -1`, and a return.
        let end = ON_WINDOWS.hook + 7;
        let displacement = (guard - end) as u32;
        let code = Assembly::of(ON_WINDOWS)
            .raw(&[0x83, 0x3d])
            .raw(&displacement.to_le_bytes())
            .raw(&[0xff])
            .ret();
        on_code(ON_WINDOWS, code, |executor| {
            let mut state = entered(executor, ON_WINDOWS);
            let holds = |state: &PathState, executor: &PathExecutor<'_, '_, _>| {
                state.memory.read(executor.machine.image, guard, 4)
            };
            state.set_register(
                executor.machine.convention.arguments[0],
                MachineValue::Known(guard),
            );
            assert!(
                !executor.model_guard_call(&mut state, end),
                "nothing is compared there"
            );
            let mut state = entered(executor, ON_WINDOWS);
            state.set_register(
                executor.machine.convention.arguments[0],
                MachineValue::Known(guard),
            );
            assert!(executor.model_guard_call(&mut state, ON_WINDOWS.hook));
            assert_eq!(
                (holds(&state, executor), state.pc),
                (MachineValue::Known(IN_PROGRESS), ON_WINDOWS.hook)
            );
            state.set_register(
                executor.machine.convention.arguments[0],
                MachineValue::Known(guard),
            );
            assert!(
                executor.model_guard_call(&mut state, end),
                "who gets it then closes it"
            );
            assert_eq!(holds(&state, executor), MachineValue::Known(DONE));
            state.set_register(
                executor.machine.convention.arguments[0],
                MachineValue::Known(guard),
            );
            assert!(!executor.model_guard_call(&mut state, end));
        });
    }

    #[test]
    fn other_systems_have_none_of_them() {
        on_code(TWO_PHASES, Assembly::of(TWO_PHASES), |executor| {
            let mut state = entered(executor, TWO_PHASES);
            state.set_register(
                executor.machine.convention.arguments[0],
                MachineValue::Known(VARIABLE),
            );
            assert!(!executor.model_guard_call(&mut state, TWO_PHASES.hook));
        });
    }
}
