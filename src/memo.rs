//! Work that several threads may ask for and that is done once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Values by key, each made once; whoever comes while it is being made waits for it.
pub(crate) struct OnceMap<K, V> {
    cells: Mutex<HashMap<K, Arc<OnceLock<V>>>>,
}

impl<K: Eq + Hash + Clone, V: Clone> OnceMap<K, V> {
    pub(crate) fn new() -> OnceMap<K, V> {
        OnceMap {
            cells: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) fn get(&self, key: &K, make: impl FnOnce() -> V) -> V {
        self.cell(key).get_or_init(make).clone()
    }

    /// The value, when it was made already.
    pub(crate) fn known(&self, key: &K) -> Option<V> {
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.get(key).and_then(|cell| cell.get().cloned())
    }

    /// Makes a value anew when somebody asks for it again.
    pub(crate) fn forget(&self, key: &K) {
        self.cells
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }

    fn cell(&self, key: &K) -> Arc<OnceLock<V>> {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = cells.get(key) {
            return Arc::clone(cell);
        }
        let cell = Arc::new(OnceLock::new());
        cells.insert(key.clone(), Arc::clone(&cell));
        cell
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_value_is_made_once() {
        let memo = OnceMap::new();
        let made = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(memo.get(&1, || made.fetch_add(1, Ordering::SeqCst)), 0));
            }
        });
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }
}
