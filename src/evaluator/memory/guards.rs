//! Words with guards of one-time initialisation that were met.

use super::PathMemory;
use crate::evaluator::values::value::{MachineValue, MemoryRegion, region};

/// What a run knows of guards: it begins again when it meets one that it had lost sight of.
#[derive(Clone, Debug, Default)]
pub(in crate::evaluator) struct StaticGuards {
    /// Their words, sorted.
    words: Vec<u64>,
    /// Objects of the image that paths ended with, as (start, end), sorted.
    objects: Vec<(u64, u64)>,
    /// Whether a guard was met whose state was not known, though nothing but the run time ever changes it.
    begins_again: bool,
    /// Whether this run goes through to its end.
    is_last: bool,
}

impl StaticGuards {
    /// Notes the guard of a static variable, which holds this on the path.
    pub(in crate::evaluator) fn note(
        &mut self,
        memory: &PathMemory,
        guard: u64,
        held: MachineValue,
    ) {
        let word = guard & !7;
        if region(word) != MemoryRegion::Image {
            return;
        }
        if let Err(index) = self.words.binary_search(&word) {
            self.words.insert(index, word);
        }
        let is_news = held.known().is_none() && !memory.is_guard(word);
        self.begins_again |= is_news && !self.is_last;
    }

    /// Notes an object of the image that a path ended with, and of which something was not known.
    pub(in crate::evaluator) fn note_object(&mut self, object: (u64, u64)) {
        if region(object.0) == MemoryRegion::Image
            && let Err(index) = self.objects.binary_search(&object)
        {
            self.objects.insert(index, object);
            self.begins_again |= !self.is_last;
        }
    }

    /// The objects, sorted.
    pub(in crate::evaluator) fn objects(&self) -> &[(u64, u64)] {
        &self.objects
    }

    /// Whether a guard lies at an address.
    pub(in crate::evaluator) fn contains(&self, guard: u64) -> bool {
        self.words.binary_search(&(guard & !7)).is_ok()
    }

    /// The words, sorted.
    pub(in crate::evaluator) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Begins a run; the last one goes through to its end.
    pub(in crate::evaluator) fn begin(&mut self, is_last: bool) {
        (self.begins_again, self.is_last) = (false, is_last);
    }

    /// Whether the run begins again with what it knows now.
    pub(in crate::evaluator) fn begins_again(&self) -> bool {
        self.begins_again
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::values::value::HEAP;

    #[test]
    fn a_guard_in_an_unknown_state_is_news_once() {
        let mut guards = StaticGuards::default();
        guards.begin(false);
        guards.note(&PathMemory::default(), 0x1004, MachineValue::Known(0));
        assert!(guards.contains(0x1000) && guards.contains(0x1007) && !guards.begins_again());
        guards.note(&PathMemory::default(), 0x1004, MachineValue::ANY);
        assert!(guards.begins_again());
        guards.begin(true);
        guards.note(&PathMemory::default(), 0x1004, MachineValue::ANY);
        assert!(!guards.begins_again(), "the last run goes through");
    }

    #[test]
    fn an_object_is_news_once() {
        let mut guards = StaticGuards::default();
        guards.begin(false);
        guards.note_object((0x1000, 0x1078));
        assert!(guards.begins_again() && guards.objects() == [(0x1000, 0x1078)]);
        guards.begin(false);
        guards.note_object((0x1000, 0x1078));
        guards.note_object((HEAP, HEAP + 0x78));
        assert!(!guards.begins_again() && guards.objects().len() == 1);
    }
}
