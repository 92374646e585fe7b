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

use super::{Executor, MOST_STARTS};
use crate::evaluator::cpu::state::State;
use crate::evaluator::isa::{arm64, x86};
use crate::evaluator::values::value::{Region, Value, region};
use crate::model::facts::Format;

/// What `_Init_thread_header` makes of the guard when the caller shall initialise.
const IN_PROGRESS: u64 = 0xffff_ffff;
/// What `_Init_thread_footer` makes of it: more than the epoch with which a thread begins.
const DONE: u64 = 0x8000_0001;

impl Executor<'_, '_> {
    /// Notes the guard of a static variable, which holds this on the path.
    pub(in crate::evaluator) fn note_guard(&mut self, state: &State, guard: u64, held: Value) {
        let word = guard & !7;
        if region(word) != Region::Image {
            return;
        }
        if let Err(index) = self.guards.binary_search(&word) {
            self.guards.insert(index, word);
        }
        // The last run goes through to its end.
        let is_news = held.known().is_none() && !state.memory.is_guard(word);
        self.begins_again |= is_news && self.starts < MOST_STARTS;
    }

    /// Notes an object of the image that a path ends with, and of which something was not known.
    pub(in crate::evaluator) fn note_object(&mut self, start: u64, size: u64) {
        if region(start) != Region::Image {
            return;
        }
        let object = (start, start.saturating_add(size));
        if let Err(index) = self.objects.binary_search(&object) {
            self.objects.insert(index, object);
            self.begins_again |= self.starts < MOST_STARTS;
        }
    }

    /// Carries out a call of Microsoft's run time that opens or closes a guard; false when it is another call.
    pub(super) fn model_guard_call(&mut self, state: &mut State, return_to: u64) -> bool {
        if self.image.format != Format::Pe {
            return false;
        }
        let Value::Known(guard) = self.argument(state, 0) else { return false };
        let before = || state.memory.read(self.image, guard, 4);
        let compared = match self.convention.link {
            Some(_) => arm64::compares_with_minus_one(self, state, return_to),
            None => x86::compares_with_minus_one(self, return_to),
        };
        let after = if compared == Some(guard) {
            let before = state.memory.read(self.image, guard, 4);
            self.note_guard(state, guard, before);
            match before {
                Value::Known(0) => IN_PROGRESS,
                Value::Known(other) => other,
                Value::Symbol { .. } | Value::Unknown(_) => return false,
            }
        } else if self.guards.binary_search(&(guard & !7)).is_ok() && before() == Value::Known(IN_PROGRESS) {
            DONE
        } else {
            return false;
        };
        self.store(state, Value::Known(guard), 4, Value::Known(after));
        self.clobber(state);
        state.pc = return_to;
        true
    }
}
