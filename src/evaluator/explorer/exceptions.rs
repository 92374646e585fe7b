//! Exceptions of C++: a path on which something is thrown goes on at the landing pad of the innermost call that has one.
//!
//! Only where one of the active calls may end the exception: else the path ends, and what cleans up on the way does not
//! matter. Registers and stack are at the landing pad what they were at its call. Functions of C do not throw, and neither
//! do those of CPython.

use super::PathExecutor;
use super::calls::LONGEST_STUB;
use crate::binary::image::LandingPad;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::cpu::trace::TraceEvent;
use crate::evaluator::externals::{CallModel, SystemCall};
use crate::evaluator::isa::{InstructionSet, StaticSuccessor};
use crate::evaluator::values::symbol::{SymbolFacts, ValueRange};
use crate::evaluator::values::value::MachineValue;

/// Ends of the names of destructors, which do not throw.
const DESTRUCTORS: [&str; 3] = ["D0Ev", "D1Ev", "D2Ev"];
/// What is thrown when memory is short, or a length beyond all memory.
const SHORT_MEMORY: [&str; 3] = [
    "__throw_bad_alloc",
    "__throw_length_error",
    "bad_array_new_length",
];
/// Functions of the standard library that throw nothing else, unless locks are misused: beginnings of their names.
const QUIET: [&str; 18] = [
    "_ZNKSt8__detail",
    "_ZNSt11logic_error",
    "_ZNSt13exception_ptr",
    "_ZNSt13runtime_error",
    "_ZNSt15__exception_ptr",
    "_ZNSt20bad_array_new_length",
    "_ZNSt3__112__next_prime",
    "_ZNSt3__113__hash_memory",
    "_ZNSt3__119__shared_weak_count",
    "_ZNSt3__15mutex",
    "_ZNSt3__19to_string",
    "_ZNSt3__1plIc",
    "_ZNSt8__detail",
    "_ZNSt9bad_alloc",
    "_ZSt11_Hash_bytes",
    "_ZSt17current_exception",
    "_ZSt18_Rb_tree",
    "_ZSt29_Rb_tree",
];
/// The strings of libstdc++ and libc++.
const STRINGS: [&str; 4] = [
    "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE",
    "_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE",
    "_ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE",
    "_ZNKSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE",
];
/// What of them throws when a position is out of range: beginnings of the rest of the name, and what it has in it where a part
/// of another string is meant.
const WITH_POSITION: [&str; 6] = [
    "2at", "5erase", "6insert", "6substr", "7compare", "7replace",
];
const OF_A_PART: &str = "_mm";

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// Where code goes on when the call that returns to an address throws.
    pub(super) fn landing_pad(&mut self, return_to: u64) -> Option<LandingPad> {
        let image = self.machine.image;
        *self
            .landing_pads
            .entry(return_to)
            .or_insert_with(|| image.landing_pad(return_to))
    }

    /// The address of such a landing pad, for code that is looked at without values.
    pub(super) fn landing_pad_address(&mut self, return_to: u64) -> Option<u64> {
        self.landing_pad(return_to).map(|pad| pad.address)
    }

    /// Whether an exception from a call, or from one of the calls around it, may be caught.
    pub(super) fn is_caught(&mut self, state: &PathState, return_to: u64) -> bool {
        self.landing_pad(return_to).is_some_and(|pad| pad.catches) || self.is_caught_around(state)
    }

    /// Whether one of the active calls may catch an exception.
    fn is_caught_around(&mut self, state: &PathState) -> bool {
        let mut returns = state.frames.iter().rev().map(|frame| frame.return_to);
        returns.any(|return_to| self.landing_pad(return_to).is_some_and(|pad| pad.catches))
    }

    /// Follows what happens when a function that never returns throws: the rest of the path has ended.
    pub(super) fn throw_from(&mut self, state: &PathState, function: u64, return_to: u64) {
        let throws = self.stub_import(function).is_none_or(|import| {
            let model = self.models.get(self.machine.image, import);
            model == Some(CallModel::System(SystemCall::Throws))
                && !self.throws_for_memory(Some(import))
        });
        if throws && self.is_caught(state, return_to) {
            let mut state = state.clone();
            self.call_back(&mut state, function);
            I::enter_external(&mut self.machine, &mut state, return_to);
            self.throw(state);
        }
    }

    /// The import that code at an address only jumps on to.
    fn stub_import(&mut self, address: u64) -> Option<usize> {
        let mut place = address;
        for _ in 0..LONGEST_STUB {
            match self.isa.static_successor(self.machine.image, place) {
                StaticSuccessor::Through { slot, next: None } => {
                    return self
                        .machine
                        .image
                        .pointer(slot)
                        .and_then(|target| self.machine.import_index(target));
                }
                StaticSuccessor::Next(next) => place = next,
                StaticSuccessor::Through { next: Some(_), .. }
                | StaticSuccessor::Jump(_)
                | StaticSuccessor::Branch(..)
                | StaticSuccessor::Call { .. }
                | StaticSuccessor::Return
                | StaticSuccessor::Computed
                | StaticSuccessor::Dead => return None,
            }
        }
        None
    }

    /// Follows what happens if the call that a path is in throws.
    pub(super) fn may_throw(&mut self, state: &PathState) {
        let Some(return_to) = state.frames.last().map(|frame| frame.return_to) else {
            return;
        };
        if self.is_caught(state, return_to) {
            self.throw(state.clone());
        }
    }

    /// Whether a function of another image may throw.
    pub(super) fn is_throwing(&self, import: usize, model: Option<CallModel>) -> bool {
        let name = self
            .machine
            .image
            .imports()
            .get(import)
            .map_or("", |import| import.name.as_str());
        model.is_none() && may_throw_by_name(name)
    }

    /// Whether a function that throws does so only when memory is short, which it is not.
    pub(super) fn throws_for_memory(&self, import: Option<usize>) -> bool {
        let import = import.and_then(|import| self.machine.image.imports().get(import));
        import.is_some_and(|import| SHORT_MEMORY.iter().any(|name| import.name.contains(name)))
    }

    /// The call that a path is in throws.
    fn throw(&mut self, mut state: PathState) {
        while self.is_caught_around(&state)
            && let Some(frame) = state.frames.pop()
        {
            let Some(pad) = self.landing_pad(frame.return_to) else {
                continue;
            };
            // The unwinder enters a call that only catches other types by no means.
            let outer = pad.lets_pass.then(|| state.clone());
            self.clobber(&mut state);
            let convention = self.machine.convention;
            for &index in convention.preserved {
                state.set_register(
                    index,
                    frame
                        .registers
                        .get(index)
                        .copied()
                        .unwrap_or(MachineValue::ANY),
                );
            }
            state.set_register(convention.stack_pointer, MachineValue::Known(frame.stack));
            state.pc = pad.address;
            (state.pending_branch, state.saved_flags, state.in_callback) = (None, None, false);
            self.machine.note(&mut state, TraceEvent::LandingPad);
            let selector = self
                .machine
                .fresh(&mut state, SymbolFacts::new(ValueRange::ALL));
            state.set_register(convention.selector, selector);
            let exception = self.machine.nonzero(&mut state);
            state.set_register(convention.result, exception);
            self.machine.fuel.forks += 1;
            self.thrown.push(state);
            match outer {
                Some(outer) => state = outer,
                None => return,
            }
        }
    }
}

/// Whether a function of this name may throw anything but for want of memory.
fn may_throw_by_name(name: &str) -> bool {
    let is_quiet = DESTRUCTORS.iter().any(|end| name.ends_with(end))
        || QUIET.iter().any(|head| name.starts_with(head));
    let method = STRINGS.iter().find_map(|head| name.strip_prefix(head));
    let by_method = |method: &str| {
        WITH_POSITION.iter().any(|head| method.starts_with(head)) || method.contains(OF_A_PART)
    };
    name.starts_with("_Z") && !is_quiet && method.is_none_or(by_method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_may_throw() {
        for (name, expected) in [
            ("_ZNSt6localeC1EPKc", true),
            ("_ZNSt6localeD1Ev", false),
            (
                "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE10_M_disposeEv",
                false,
            ),
            (
                "_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE2atEm",
                true,
            ),
            (
                "_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE6substrEmm",
                true,
            ),
            (
                "_ZNKSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE4findEcm",
                false,
            ),
            (
                "_ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE9push_backEc",
                false,
            ),
            (
                "_ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE6appendERKS5_mm",
                true,
            ),
            ("PyObject_GetAttrString", false),
            ("strtol", false),
        ] {
            assert_eq!(may_throw_by_name(name), expected, "{name}");
        }
    }
}
