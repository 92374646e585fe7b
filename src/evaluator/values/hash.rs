//! A small, fast hash for keys of the evaluator's own.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map by such keys.
pub(in crate::evaluator) type FastMap<Key, Value> =
    HashMap<Key, Value, BuildHasherDefault<FastHasher>>;

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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::Hash;

    use super::*;

    fn digest(key: impl Hash) -> u64 {
        let mut hasher = FastHasher::default();
        key.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn keys_that_lie_near_each_other_have_digests_of_their_own() {
        let addresses = || (0x1000_u64..0x9000).step_by(4);
        let keys = addresses().flat_map(|address| [(address, 0_u32), (address, 1)]);
        let digests: HashSet<u64> = keys.map(digest).collect();
        assert_eq!(digests.len(), 2 * addresses().count());
        assert_eq!(
            digest((1_u64, "text")),
            digest((1_u64, "text")),
            "the same in every run"
        );
        assert_ne!(digest("ab"), digest("ba"));
        assert_ne!(
            hash_combine(hash_combine(0, 1), 2),
            hash_combine(hash_combine(0, 2), 1),
            "the order counts"
        );
    }

    #[test]
    fn widths_of_numbers_are_all_taken() {
        let all = [digest(7_u8), digest(7_u32), digest(7_u64), digest(7_usize)];
        assert!(
            all.iter().all(|&found| found == all[0] && found != 0),
            "{all:x?}"
        );
        let mut map = FastMap::default();
        map.insert(5_usize, "five");
        assert_eq!(map.get(&5), Some(&"five"));
    }
}
