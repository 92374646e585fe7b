//! What is known of a host: how many requests it is sent at a time, and whether it answers at all.
//!
//! A host that does not answer, or brings nothing of use, is not asked again in the same run: whoever waits for it is told at once.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Failures in a row after which a host that did answer before counts as dead.
const MOST_FAILURES: u32 = 3;

/// One host.
pub(super) struct IndexHost {
    /// Its name and port, as they may be shown.
    pub(super) name: String,
    gate: RequestSemaphore,
    health: Mutex<HostHealth>,
}

#[derive(Default)]
struct HostHealth {
    has_answered: bool,
    /// Whether a query ever came to its end, be it that what was asked for is not there.
    has_delivered: bool,
    /// When it was asked first, by the transport's clock.
    asked: Option<Duration>,
    /// Queries in a row that were given up.
    failures: u32,
    /// Why it is not asked any more.
    dead: Option<String>,
}

impl IndexHost {
    pub(super) fn new(name: String, permits: usize) -> IndexHost {
        IndexHost {
            name,
            gate: RequestSemaphore::new(permits),
            health: Mutex::default(),
        }
    }

    fn health(&self) -> MutexGuard<'_, HostHealth> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for one more request.
    pub(super) fn enter(&self) -> RequestPermit<'_> {
        self.gate.enter()
    }

    /// Why it is not asked any more; `None` while it is.
    pub(super) fn dead(&self) -> Option<String> {
        self.health().dead.clone()
    }

    /// Whether it ever answered, whatever it said.
    pub(super) fn has_answered(&self) -> bool {
        self.health().has_answered
    }

    /// Whether it ever was of use.
    pub(super) fn has_delivered(&self) -> bool {
        self.health().has_delivered
    }

    /// A request is sent to it.
    pub(super) fn is_asked(&self, now: Duration) {
        self.health().asked.get_or_insert(now);
    }

    /// For how long it is being asked without having been of use: many queries that wait one after the other, each within its own
    /// bounds, would hold up a run for long. Zero for a host that was of use.
    pub(super) fn in_vain(&self, now: Duration) -> Duration {
        let health = self.health();
        match health.asked {
            Some(asked) if !health.has_delivered => now.saturating_sub(asked),
            Some(_) | None => Duration::ZERO,
        }
    }

    /// It answered.
    pub(super) fn answers(&self) {
        self.health().has_answered = true;
    }

    /// A query came to its end.
    pub(super) fn succeeds(&self) {
        let mut health = self.health();
        (health.failures, health.has_delivered) = (0, true);
    }

    /// An answer came too slowly: who never was faster is not asked again.
    pub(super) fn is_slow(&self, why: &str) {
        let mut health = self.health();
        if !health.has_delivered {
            health.dead.get_or_insert_with(|| why.to_owned());
        }
    }

    /// A query was given up: who never answered is not asked again, and who does not any more is given some chances.
    pub(super) fn fails(&self, why: &str) {
        let mut health = self.health();
        health.failures += 1;
        if !health.has_answered || health.failures >= MOST_FAILURES {
            health.dead.get_or_insert_with(|| why.to_owned());
        }
    }
}

/// Lets so many through at a time.
struct RequestSemaphore {
    free: Mutex<usize>,
    freed: Condvar,
}

impl RequestSemaphore {
    fn new(permits: usize) -> RequestSemaphore {
        RequestSemaphore {
            free: Mutex::new(permits.max(1)),
            freed: Condvar::new(),
        }
    }

    fn enter(&self) -> RequestPermit<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        RequestPermit { gate: self }
    }
}

/// Room for one request.
pub(super) struct RequestPermit<'a> {
    gate: &'a RequestSemaphore,
}

impl Drop for RequestPermit<'_> {
    fn drop(&mut self) {
        *self
            .gate
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += 1;
        self.gate.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_answer_is_not_asked_again() {
        let silent = IndexHost::new("silent".to_owned(), 1);
        silent.fails("refused");
        assert_eq!(silent.dead().as_deref(), Some("refused"));
        let shaky = IndexHost::new("shaky".to_owned(), 1);
        shaky.answers();
        shaky.fails("one");
        shaky.fails("two");
        shaky.succeeds();
        shaky.fails("three");
        shaky.fails("four");
        assert_eq!(shaky.dead(), None);
        shaky.fails("five");
        assert_eq!(shaky.dead().as_deref(), Some("five"));
    }

    #[test]
    fn who_only_ever_was_slow_is_not_asked_again() {
        let (trickling, fast) = (
            IndexHost::new("trickling".to_owned(), 1),
            IndexHost::new("fast".to_owned(), 1),
        );
        fast.succeeds();
        for host in [&trickling, &fast] {
            host.answers();
            host.is_slow("0 bytes per second");
        }
        assert!(trickling.dead().is_some() && fast.dead().is_none());
    }

    #[test]
    fn time_in_vain_counts_from_the_first_question_to_the_first_use() {
        let host = IndexHost::new("later".to_owned(), 1);
        host.is_asked(Duration::from_secs(5));
        assert_eq!(host.in_vain(Duration::from_secs(5)), Duration::ZERO);
        assert_eq!(
            host.in_vain(Duration::from_secs(12)),
            Duration::from_secs(7)
        );
        host.succeeds();
        assert_eq!(host.in_vain(Duration::from_secs(20)), Duration::ZERO);
    }
}
