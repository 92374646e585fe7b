//! Exceptions of C++: a path on which something is thrown goes on at the landing pad of the innermost call that has one.
//!
//! Only where one of the active calls may end the exception: else the path ends, and what cleans up on the way does not
//! matter. Registers and stack are at the landing pad what they were at its call. Functions of C do not throw, and neither
//! do those of CPython.

use super::Executor;
use crate::binary::image::LandingPad;
use crate::evaluator::cpu::state::State;
use crate::evaluator::cpu::trace::TraceEvent;
use crate::evaluator::externals::CallModel;
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::values::symbol::{Range, Symbol};
use crate::evaluator::values::value::Value;

/// Ends of the names of destructors, which do not throw.
const DESTRUCTORS: [&str; 3] = ["D0Ev", "D1Ev", "D2Ev"];

impl<I: InstructionSet> Executor<'_, '_, I> {
    /// Where code goes on when the call that returns to an address throws.
    pub(super) fn landing_pad(&mut self, return_to: u64) -> Option<LandingPad> {
        let image = self.machine.image;
        *self.landing_pads.entry(return_to).or_insert_with(|| image.landing_pad(return_to))
    }

    /// The address of such a landing pad, for code that is looked at without values.
    pub(super) fn landing_pad_address(&mut self, return_to: u64) -> Option<u64> {
        self.landing_pad(return_to).map(|pad| pad.address)
    }

    /// Whether an exception from a call, or from one of the calls around it, may be caught.
    pub(super) fn is_caught(&mut self, state: &State, return_to: u64) -> bool {
        self.landing_pad(return_to).is_some_and(|pad| pad.catches) || self.is_caught_around(state)
    }

    /// Whether one of the active calls may catch an exception.
    fn is_caught_around(&mut self, state: &State) -> bool {
        let mut returns = state.frames.iter().rev().map(|frame| frame.return_to);
        returns.any(|return_to| self.landing_pad(return_to).is_some_and(|pad| pad.catches))
    }

    /// Follows what happens when a function that never returns throws: the rest of the path has ended.
    pub(super) fn throw_from(&mut self, state: &State, function: u64, return_to: u64) {
        if self.is_caught(state, return_to) {
            let mut state = state.clone();
            self.call_back(&mut state, function);
            I::enter_external(&mut self.machine, &mut state, return_to);
            self.throw(state);
        }
    }

    /// Follows what happens if the call that a path is in throws.
    pub(super) fn may_throw(&mut self, state: &State) {
        let Some(return_to) = state.frames.last().map(|frame| frame.return_to) else { return };
        if self.is_caught(state, return_to) {
            self.throw(state.clone());
        }
    }

    /// Whether a function of another image may throw.
    pub(super) fn is_throwing(&self, import: usize, model: Option<CallModel>) -> bool {
        let name = self.machine.image.imports().get(import).map_or("", |import| import.name.as_str());
        model.is_none() && name.starts_with("_Z") && !DESTRUCTORS.iter().any(|end| name.ends_with(end))
    }

    /// The call that a path is in throws.
    fn throw(&mut self, mut state: State) {
        while self.is_caught_around(&state)
            && let Some(frame) = state.frames.pop()
        {
            let Some(pad) = self.landing_pad(frame.return_to) else { continue };
            // The unwinder enters a call that only catches other types by no means.
            let outer = pad.lets_pass.then(|| state.clone());
            self.clobber(&mut state);
            let convention = self.machine.convention;
            for &index in convention.preserved {
                state.set_register(index, frame.registers.get(index).copied().unwrap_or(Value::ANY));
            }
            state.set_register(convention.stack_pointer, Value::Known(frame.stack));
            state.pc = pad.address;
            (state.pending_branch, state.saved_flags, state.in_callback) = (None, None, false);
            self.machine.note(&mut state, TraceEvent::LandingPad);
            let selector = self.machine.fresh(&mut state, Symbol::new(Range::ALL));
            state.set_register(convention.selector, selector);
            let exception = self.machine.nonzero(&mut state);
            state.set_register(convention.result, exception);
            self.machine.fuel.forks += 1;
            self.enlist(state);
            match outer {
                Some(outer) => state = outer,
                None => return,
            }
        }
    }
}
