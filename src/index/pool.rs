//! Threads that wait for the network so that others need not, and cells whose value is made once for all who ask.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Jobs that may wait for a thread.
const QUEUE: usize = 16_384;

type PoolJob = Box<dyn FnOnce() + Send>;

/// A fixed number of threads, started when first needed.
pub(super) struct ThreadPool {
    shared: Arc<PoolShared>,
    threads: usize,
}

#[derive(Default)]
struct PoolShared {
    state: Mutex<PoolState>,
    changed: Condvar,
}

#[derive(Default)]
struct PoolState {
    jobs: VecDeque<PoolJob>,
    running: usize,
    idle: usize,
    closed: bool,
}

impl ThreadPool {
    pub(super) fn new(threads: usize) -> ThreadPool {
        ThreadPool {
            shared: Arc::default(),
            threads: threads.max(1),
        }
    }

    /// Takes a job to be done some time; `false` when there are too many already, or no thread can be had. A job is a
    /// hint: whoever needs its result must be able to do without it.
    pub(super) fn submit(&self, job: PoolJob) -> bool {
        let mut state = self
            .shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if state.jobs.len() >= QUEUE {
            return false;
        }
        if state.idle <= state.jobs.len() && state.running < self.threads {
            let shared = Arc::clone(&self.shared);
            let started = std::thread::Builder::new()
                .name("ungil-index".to_owned())
                .spawn(move || work(&shared));
            state.running += usize::from(started.is_ok());
        }
        if state.running == 0 {
            return false;
        }
        state.jobs.push_back(job);
        drop(state);
        self.shared.changed.notify_one();
        true
    }
}

impl Drop for ThreadPool {
    /// What waits is forgotten; what runs ends by itself. Nobody waits for it here, as the last owner of the pool may be
    /// one of its own jobs.
    fn drop(&mut self) {
        let mut state = self
            .shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.closed = true;
        let forgotten = std::mem::take(&mut state.jobs);
        drop(state);
        self.shared.changed.notify_all();
        drop(forgotten);
    }
}

fn work(shared: &PoolShared) {
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    while !state.closed {
        let Some(job) = state.jobs.pop_front() else {
            state.idle += 1;
            state = shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            continue;
        };
        drop(state);
        // A job that panics must not take its thread along; whoever needs its result meets the panic again.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(job));
        state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn jobs_run_even_after_one_panicked() {
        let pool = ThreadPool::new(1);
        let (sender, receiver) = mpsc::channel();
        assert!(pool.submit(Box::new(|| std::panic::resume_unwind(Box::new(
            "on purpose"
        )))));
        assert!(pool.submit(Box::new(move || sender.send(7).unwrap())));
        assert_eq!(receiver.recv().unwrap(), 7);
    }
}
