//! Whether a function can return at all: functions that only panic, throw or abort end every path that calls them.
//!
//! Compilers put nothing after a call that never returns, so such calls cannot be told by what follows them. This
//! walks the callee's instructions, and those of what it calls, without values, and answers "it may" when in doubt.

use std::collections::HashSet;

use super::Executor;
use crate::evaluator::externals::CallModel;
use crate::evaluator::isa::{InstructionSet, StaticSuccessor};
use crate::evaluator::values::hash::FastMap;
use crate::evaluator::values::value::Value;

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

impl<I: InstructionSet> Executor<'_, '_, I> {
    /// Whether the code at an address, of a function or of the rest of one, may return.
    pub(super) fn may_return(&mut self, address: u64) -> bool {
        self.may_return_at(address, 0)
    }

    fn may_return_at(&mut self, start: u64, depth: usize) -> bool {
        if let Some(&known) = self.noreturn.may_return.get(&start) {
            return known;
        }
        if let Some(model) = self.own_model(Value::Known(start)) {
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
                StaticSuccessor::Jump(target) => match self.own_model(Value::Known(target)) {
                    Some(model) if model.never_returns() => {}
                    Some(_) => return true,
                    None => open.push(target),
                },
                StaticSuccessor::Branch(first, second) => open.extend([first, second]),
                StaticSuccessor::Call { target, next } => {
                    open.extend(self.landing_pad_address(next));
                    if self.may_return_at(target, depth + 1) {
                        open.push(next);
                    }
                }
                StaticSuccessor::Through { slot, next: Some(next) } => {
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

    /// Whether code may lead to an address within one function: calls are passed by, and a jump to a computed address may
    /// lead anywhere.
    pub(super) fn may_lead_to(&mut self, start: u64, wanted: u64) -> bool {
        let mut seen = HashSet::new();
        let mut open = vec![start];
        while let Some(address) = open.pop() {
            if !seen.insert(address) {
                continue;
            }
            if address == wanted || seen.len() > LONGEST_SEARCH {
                return true;
            }
            match self.isa.static_successor(self.machine.image, address) {
                StaticSuccessor::Next(next) | StaticSuccessor::Jump(next) => open.push(next),
                StaticSuccessor::Branch(first, second) => open.extend([first, second]),
                StaticSuccessor::Call { next, .. } | StaticSuccessor::Through { next: Some(next), .. } => {
                    open.push(next);
                    open.extend(self.landing_pad_address(next));
                }
                StaticSuccessor::Through { next: None, .. } => {}
                StaticSuccessor::Computed => return true,
                StaticSuccessor::Return | StaticSuccessor::Dead => {}
            }
        }
        false
    }

    /// Whether the slot holds an import that never returns, or such a function of the C++ run time in the image.
    pub(super) fn ends(&mut self, slot: u64) -> bool {
        let image = self.machine.image;
        let Some(target) = image.pointer(slot) else { return false };
        let model = match self.machine.import_index(target) {
            Some(index) => self.models.get(image, index),
            None => self.models.own(image, target),
        };
        model.is_some_and(CallModel::never_returns)
    }
}
