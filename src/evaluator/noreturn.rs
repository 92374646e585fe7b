//! Whether a function can return at all: functions that only panic, throw or abort end every path that calls them.
//!
//! Compilers put nothing after a call that never returns, so such calls cannot be told by what follows them. This
//! walks the callee's instructions, and those of what it calls, without values, and answers "it may" when in doubt.

use std::collections::HashSet;

use crate::evaluator::explorer::Executor;
use crate::evaluator::externals::CallModel;
use crate::evaluator::isa::{arm64, x86};

/// Most instructions of one function that are looked at.
const LONGEST_FUNCTION: usize = 600;
/// Most instructions of all functions together.
const MOST_INSTRUCTIONS: u64 = 60_000;
/// How deep calls are looked into.
const DEEPEST_CALL: usize = 12;

/// Where an instruction leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StaticSuccessor {
    /// To the next one.
    Next(u64),
    /// To another one.
    Jump(u64),
    /// To either.
    Branch(u64, u64),
    /// Into a function, and then on.
    Call { target: u64, next: u64 },
    /// Through a pointer in memory, and then on; a jump has nowhere to go on.
    Through { slot: u64, next: Option<u64> },
    /// Back to the caller, or where nobody knows.
    Away,
    /// Nowhere.
    Dead,
}

/// Whether the function at an address may return.
pub(super) fn may_return(executor: &mut Executor, address: u64) -> bool {
    walk(executor, address, 0)
}

fn walk(executor: &mut Executor, start: u64, depth: usize) -> bool {
    if let Some(&known) = executor.returning.get(&start) {
        return known;
    }
    if let Some(model) = executor.runtime_model(start) {
        return model != CallModel::Never;
    }
    if depth >= DEEPEST_CALL || executor.surveyed >= MOST_INSTRUCTIONS {
        return true;
    }
    // Functions that call each other in a circle may return.
    executor.returning.insert(start, true);
    let answer = survey(executor, start, depth);
    executor.returning.insert(start, answer);
    answer
}

fn survey(executor: &mut Executor, start: u64, depth: usize) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![start];
    while let Some(address) = open.pop() {
        if !seen.insert(address) {
            continue;
        }
        executor.surveyed += 1;
        if seen.len() > LONGEST_FUNCTION || executor.surveyed > MOST_INSTRUCTIONS {
            return true;
        }
        let successor = if executor.convention.link.is_some() {
            arm64::static_successor(executor, address)
        } else {
            x86::static_successor(executor, address)
        };
        match successor {
            StaticSuccessor::Next(next) => open.push(next),
            StaticSuccessor::Jump(target) => match executor.runtime_model(target) {
                Some(CallModel::Never) => {}
                Some(_) => return true,
                None => open.push(target),
            },
            StaticSuccessor::Branch(first, second) => open.extend([first, second]),
            StaticSuccessor::Call { target, next } => {
                if walk(executor, target, depth + 1) {
                    open.push(next);
                }
            }
            StaticSuccessor::Through { slot, next } => match (ends(executor, slot), next) {
                (true, _) => {}
                (false, Some(next)) => open.push(next),
                (false, None) => return true,
            },
            StaticSuccessor::Away => return true,
            StaticSuccessor::Dead => {}
        }
    }
    false
}

/// Whether the slot holds an import that never returns, or such a function of the C++ run time in the image.
fn ends(executor: &mut Executor, slot: u64) -> bool {
    let Some(target) = executor.image.pointer(slot) else { return false };
    let model = match executor.import_index(target) {
        Some(index) => executor.model(index),
        None => executor.runtime_model(target),
    };
    model == Some(CallModel::Never)
}
