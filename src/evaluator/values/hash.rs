//! A small, fast hash for keys of the evaluator's own.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by such keys.
pub(in crate::evaluator) type FastMap<Key, Value> = HashMap<Key, Value, BuildHasherDefault<FastHasher>>;

/// Mixes a number into a digest.
pub(in crate::evaluator) fn hash_combine(digest: u64, number: u64) -> u64 {
    (digest.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A small, fast hash for keys that nobody outside can choose freely enough to matter: collisions cost time only
/// where states are compared afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::evaluator) struct FastHasher(u64);

impl Hasher for FastHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = hash_combine(self.0, u64::from(byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = hash_combine(self.0, number);
    }

    fn write_usize(&mut self, number: usize) {
        self.0 = hash_combine(self.0, number as u64);
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = hash_combine(self.0, u64::from(number));
    }

    fn write_u8(&mut self, number: u8) {
        self.0 = hash_combine(self.0, u64::from(number));
    }
}
