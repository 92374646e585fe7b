//! Whether a function can return at all: functions that only panic, throw or abort end every path that calls them.
//!
//! Compilers put nothing after a call that never returns, so such calls cannot be told by what follows them. This
//! walks the callee's instructions, and those of what it calls, without values, and answers "it may" when in doubt.

use std::collections::HashSet;

use super::PathExecutor;
use crate::evaluator::externals::CallModel;
use crate::evaluator::isa::{InstructionSet, StaticSuccessor};
use crate::evaluator::values::hash::FastMap;
use crate::evaluator::values::value::MachineValue;

/// Most instructions of one function that are looked at.
const LONGEST_FUNCTION: usize = 600;
/// Most instructions of all functions together.
const MOST_INSTRUCTIONS: u64 = 60_000;
/// Most instructions of one function through which a way is searched.
const LONGEST_SEARCH: usize = 1 << 16;
/// How deep calls are looked into.
const DEEPEST_CALL: usize = 12;

/// What is known of functions.
#[derive(Debug, Default)]
pub(super) struct NoReturn {
    /// Functions and places in them of which is known whether they may return.
    may_return: FastMap<u64, bool>,
    /// Instructions looked at for that.
    inspected: u64,
}

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// Whether the code at an address, of a function or of the rest of one, may return.
    pub(super) fn may_return(&mut self, address: u64) -> bool {
        self.may_return_at(address, 0)
    }

    fn may_return_at(&mut self, start: u64, depth: usize) -> bool {
        if let Some(&known) = self.noreturn.may_return.get(&start) {
            return known;
        }
        if let Some(model) = self.own_model(MachineValue::Known(start)) {
            return !model.never_returns();
        }
        if depth >= DEEPEST_CALL || self.noreturn.inspected >= MOST_INSTRUCTIONS {
            return true;
        }
        // Functions that call each other in a circle may return.
        self.noreturn.may_return.insert(start, true);
        let answer = self.inspect(start, depth);
        self.noreturn.may_return.insert(start, answer);
        answer
    }

    fn inspect(&mut self, start: u64, depth: usize) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![start];
        while let Some(address) = open.pop() {
            if !seen.insert(address) {
                continue;
            }
            self.noreturn.inspected += 1;
            if seen.len() > LONGEST_FUNCTION || self.noreturn.inspected > MOST_INSTRUCTIONS {
                return true;
            }
            match self.isa.static_successor(self.machine.image, address) {
                StaticSuccessor::Next(next) => open.push(next),
                StaticSuccessor::Jump(target) => {
                    match self.own_model(MachineValue::Known(target)) {
                        Some(model) if model.never_returns() => {}
                        Some(_) => return true,
                        None => open.push(target),
                    }
                }
                StaticSuccessor::Branch(first, second) => open.extend([first, second]),
                StaticSuccessor::Call { target, next } => {
                    open.extend(self.landing_pad_address(next));
                    if self.may_return_at(target, depth + 1) {
                        open.push(next);
                    }
                }
                StaticSuccessor::Through {
                    slot,
                    next: Some(next),
                } => {
                    open.extend(self.landing_pad_address(next));
                    open.extend((!self.ends(slot)).then_some(next));
                }
                StaticSuccessor::Through { slot, next: None } => {
                    if !self.ends(slot) {
                        return true;
                    }
                }
                StaticSuccessor::Return | StaticSuccessor::Computed => return true,
                StaticSuccessor::Dead => {}
            }
        }
        false
    }

    /// Whether code may lead to an address within one function.
    pub(super) fn may_lead_to(&mut self, start: u64, wanted: u64) -> bool {
        self.leads_to(start, wanted) != Some(false)
    }

    /// Whether code leads to an address within one function: calls are passed by. `None` where that cannot be told: a
    /// jump to a computed address may lead anywhere.
    pub(super) fn leads_to(&mut self, start: u64, wanted: u64) -> Option<bool> {
        let mut seen = HashSet::new();
        let mut open = vec![start];
        let mut is_certain = true;
        while let Some(address) = open.pop() {
            if !seen.insert(address) {
                continue;
            }
            if address == wanted {
                return Some(true);
            }
            if seen.len() > LONGEST_SEARCH {
                return None;
            }
            match self.isa.static_successor(self.machine.image, address) {
                StaticSuccessor::Next(next) | StaticSuccessor::Jump(next) => open.push(next),
                StaticSuccessor::Branch(first, second) => open.extend([first, second]),
                StaticSuccessor::Call { next, .. }
                | StaticSuccessor::Through {
                    next: Some(next), ..
                } => {
                    open.push(next);
                    open.extend(self.landing_pad_address(next));
                }
                StaticSuccessor::Through { next: None, .. } => {}
                StaticSuccessor::Computed => is_certain = false,
                StaticSuccessor::Return | StaticSuccessor::Dead => {}
            }
        }
        is_certain.then_some(false)
    }

    /// Whether the slot holds an import that never returns, or such a function of the C++ run time in the image.
    pub(super) fn ends(&mut self, slot: u64) -> bool {
        let image = self.machine.image;
        let Some(target) = image.pointer(slot) else {
            return false;
        };
        let model = match self.machine.import_index(target) {
            Some(index) => self.models.get(image, index),
            None => self.models.own(image, target),
        };
        model.is_some_and(CallModel::never_returns)
    }
}

#[cfg(test)]
mod tests {
    use crate::evaluator::explorer::tests::{Assembly, FROM_STRING, TWO_PHASES, on_code};

    #[test]
    fn a_function_returns_unless_every_way_ends() {
        let [trap, calls, circle, branch] =
            [0x20, 0x28, 0x30, 0x38].map(|offset| TWO_PHASES.hook + offset);
        let code = Assembly::of(TWO_PHASES).call(FROM_STRING).ret();
        let code = code
            .up_to(trap)
            .raw(&[0x0f, 0x0b])
            .up_to(calls)
            .call(trap)
            .up_to(circle)
            .call(circle)
            .ret();
        let code = code.up_to(branch).perhaps_over(5).call(trap).ret();
        on_code(TWO_PHASES, code, |executor| {
            for (function, expected) in [
                (TWO_PHASES.hook, true),
                (trap, false),
                (calls, false),
                (circle, true),
                (branch, true),
            ] {
                assert_eq!(executor.may_return(function), expected, "{function:#x}");
                assert_eq!(
                    executor.may_return(function),
                    expected,
                    "{function:#x}, remembered"
                );
            }
        });
    }

    #[test]
    fn ways_within_a_function_are_found() {
        // A loop over the call, and then the end.
        let hook = TWO_PHASES.hook;
        let code = Assembly::of(TWO_PHASES)
            .call(FROM_STRING)
            .raw(&[0x85, 0xc0, 0x75, 0xf7])
            .ret();
        on_code(TWO_PHASES, code, |executor| {
            assert!(executor.may_lead_to(hook + 5, hook), "back");
            assert!(executor.may_lead_to(hook, hook + 9), "forward");
            assert!(!executor.may_lead_to(hook + 9, hook), "behind the return");
            assert!(
                !executor.may_lead_to(hook, FROM_STRING),
                "calls are passed by"
            );
            // Slots of the loader: imports that return.
            assert!(!executor.ends(0x2640) && !executor.ends(0));
        });
    }
}
