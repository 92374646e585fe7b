//! How much of archives is unpacked at once, over all workers of a run: who needs more than is free waits for others to be done.
//!
//! Everybody says beforehand how much they need at most, once, and gives all of it back: nobody waits who holds something.

use std::sync::{Condvar, Mutex, PoisonError};

/// The bytes of one run.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    total: u64,
    state: Mutex<BudgetState>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct BudgetState {
    held: u64,
    /// The next number to be given, and the one whose turn it is: large needs are not passed by for ever.
    next: u64,
    turn: u64,
}

/// Bytes that one worker may hold.
#[derive(Debug)]
pub(super) struct HeldMemory<'a> {
    budget: &'a MemoryBudget,
    bytes: u64,
}

impl MemoryBudget {
    pub(super) fn new(total: u64) -> MemoryBudget {
        MemoryBudget {
            total: total.max(1),
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// Waits until so many bytes are free. Who needs more than there are in all has them alone.
    pub(super) fn hold(&self, bytes: u64) -> HeldMemory<'_> {
        let bytes = bytes.min(self.total);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += 1;
        while state.turn != number || state.held.saturating_add(bytes) > self.total {
            state = self
                .freed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.turn += 1;
        state.held += bytes;
        drop(state);
        self.freed.notify_all();
        HeldMemory {
            budget: self,
            bytes,
        }
    }
}

impl Drop for HeldMemory<'_> {
    fn drop(&mut self) {
        let mut state = self
            .budget
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.held = state.held.saturating_sub(self.bytes);
        drop(state);
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn no_more_is_held_than_there_is() {
        let budget = MemoryBudget::new(100);
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for need in [10, 60, 100, 30, 500, 45, 45, 1] {
                let (budget, held, most) = (&budget, &held, &most);
                scope.spawn(move || {
                    for _ in 0..20 {
                        let _bytes = budget.hold(need);
                        let now = held.fetch_add(need.min(100), Ordering::SeqCst) + need.min(100);
                        most.fetch_max(now, Ordering::SeqCst);
                        std::thread::yield_now();
                        held.fetch_sub(need.min(100), Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= 100);
    }
}
