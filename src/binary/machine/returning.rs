//! Whether a function can return at all: functions that only panic, throw or abort end every path that calls them.
//!
//! Compilers put nothing after a call that never returns, so such calls cannot be told by what follows them. This
//! walks the callee's instructions, and those of what it calls, without values, and answers "it may" when in doubt.

use std::collections::HashSet;

use super::explore::Bench;
use super::world::Gives;
use super::{arm64, x86};

/// Most instructions of one function that are looked at.
const LONGEST_FUNCTION: usize = 600;
/// Most instructions of all functions together.
const MOST_INSTRUCTIONS: u64 = 60_000;
/// How deep calls are looked into.
const DEEPEST_CALL: usize = 12;

/// Where an instruction leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lead {
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
pub(super) fn may_return(bench: &mut Bench, address: u64) -> bool {
    walk(bench, address, 0)
}

fn walk(bench: &mut Bench, start: u64, depth: usize) -> bool {
    if let Some(&known) = bench.returning.get(&start) {
        return known;
    }
    if depth >= DEEPEST_CALL || bench.surveyed >= MOST_INSTRUCTIONS {
        return true;
    }
    // Functions that call each other in a circle may return.
    bench.returning.insert(start, true);
    let answer = survey(bench, start, depth);
    bench.returning.insert(start, answer);
    answer
}

fn survey(bench: &mut Bench, start: u64, depth: usize) -> bool {
    let mut seen = HashSet::new();
    let mut open = vec![start];
    while let Some(address) = open.pop() {
        if !seen.insert(address) {
            continue;
        }
        bench.surveyed += 1;
        if seen.len() > LONGEST_FUNCTION || bench.surveyed > MOST_INSTRUCTIONS {
            return true;
        }
        let lead =
            if bench.convention.link.is_some() { arm64::lead(bench, address) } else { x86::lead(bench, address) };
        match lead {
            Lead::Next(next) | Lead::Jump(next) => open.push(next),
            Lead::Branch(first, second) => open.extend([first, second]),
            Lead::Call { target, next } => {
                if walk(bench, target, depth + 1) {
                    open.push(next);
                }
            }
            Lead::Through { slot, next } => match (ends(bench, slot), next) {
                (true, _) => {}
                (false, Some(next)) => open.push(next),
                (false, None) => return true,
            },
            Lead::Away => return true,
            Lead::Dead => {}
        }
    }
    false
}

/// Whether the slot holds an import that never returns.
fn ends(bench: &mut Bench, slot: u64) -> bool {
    let import = bench.image.pointer(slot).and_then(|target| bench.import_index(target));
    import.and_then(|index| bench.model(index)) == Some(Gives::Never)
}
