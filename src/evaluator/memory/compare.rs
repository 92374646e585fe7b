//! Compares the memories of two paths, and takes them together.

use std::rc::Rc;

use super::{
    MemoryPage, MemoryWord, PAGE, PathMemory, WORDS, byte_mask, is_dead, normal, whole_points_to,
};
use crate::binary::image::BinaryImage;
use crate::evaluator::values::value::{ImageBounds, MachineValue, PointsTo};

impl PathMemory {
    /// Whether every memory that `self` stands for is one that `other` stands for, above the stack pointer.
    pub(in crate::evaluator) fn is_subsumed_by(
        &self,
        other: &PathMemory,
        image: &BinaryImage,
        stack: u64,
    ) -> bool {
        let spoiled = self.spoiled.iter().all(|part| other.spoiled.contains(part));
        let escaped = self
            .escaped
            .iter()
            .all(|address| other.escaped.binary_search(address).is_ok());
        let pointees = self.stack_pointees.is_subsumed_by(other.stack_pointees)
            && self.heap_pointees.is_subsumed_by(other.heap_pointees);
        if !pointees
            || !spoiled
            || !escaped
            || self.leaked && !other.leaked
            || !self.tainted.is_subsumed_by(other.tainted)
            || self.allocations != other.allocations
        {
            return false;
        }
        self.differing_pages(other, stack).into_iter().all(|start| {
            let (mine, theirs) = (self.page(start), other.page(start));
            (0..WORDS).all(|index| {
                let address = start + 8 * index as u64;
                raw(mine, index) == raw(theirs, index)
                    || is_dead(address, stack)
                    || self.is_word_subsumed(other, image, address)
            })
        })
    }

    fn is_word_subsumed(&self, other: &PathMemory, image: &BinaryImage, address: u64) -> bool {
        match (self.word(image, address), other.word(image, address)) {
            (MemoryWord::Whole(left), MemoryWord::Whole(right)) => {
                left.is_subsumed_by(right, ImageBounds::of(image))
            }
            (
                MemoryWord::Bytes { data, known },
                MemoryWord::Bytes {
                    data: other,
                    known: subset,
                },
            ) => known & subset == subset && (data ^ other) & byte_mask(subset) == 0,
            (
                MemoryWord::Whole(MachineValue::Known(data)),
                MemoryWord::Bytes { data: other, known },
            ) => (data ^ other) & byte_mask(known) == 0,
            (MemoryWord::Bytes { .. }, MemoryWord::Whole(right)) => {
                matches!(right, MachineValue::Unknown(_))
            }
            (
                MemoryWord::Low { value, upper },
                MemoryWord::Low {
                    value: other,
                    upper: held,
                },
            ) => {
                value.is_subsumed_by(other, ImageBounds::of(image))
                    && (held.is_none() || upper == held)
            }
            (
                MemoryWord::Low { value, .. },
                MemoryWord::Whole(right @ MachineValue::Unknown(_)),
            ) => value.is_subsumed_by(right, ImageBounds::of(image)),
            (left, right) => left == right,
        }
    }

    /// Widens to cover another path's memory, too, above the stack pointer.
    pub(in crate::evaluator) fn join(
        &mut self,
        other: &PathMemory,
        image: &BinaryImage,
        stack: u64,
    ) {
        let extent = ImageBounds::of(image);
        let mut changes = Vec::new();
        for start in self.differing_pages(other, stack) {
            let (mine, theirs) = (self.page(start), other.page(start));
            for index in 0..WORDS {
                let address = start + 8 * index as u64;
                if raw(mine, index) != raw(theirs, index) && !is_dead(address, stack) {
                    changes.push((
                        address,
                        join_words(
                            self.word(image, address),
                            other.word(image, address),
                            extent,
                        ),
                    ));
                }
            }
        }
        self.tainted = self.tainted.with(other.tainted);
        self.leaked |= other.leaked;
        self.point(PointsTo::STACK, other.stack_pointees);
        self.point(PointsTo::HEAP, other.heap_pointees);
        if self.escaped != other.escaped {
            let mut escaped: Vec<u64> = self
                .escaped
                .iter()
                .chain(other.escaped.iter())
                .copied()
                .collect();
            escaped.sort_unstable();
            escaped.dedup();
            self.escaped = Rc::new(escaped);
        }
        for part in &other.spoiled {
            if !self.spoiled.contains(part) {
                self.spoiled.push(*part);
                self.spoiled.sort_unstable();
            }
        }
        self.allocations
            .retain(|allocation| other.allocations.contains(allocation));
        for (address, word) in changes {
            self.set(image, address, word);
        }
    }

    fn differing_pages(&self, other: &PathMemory, stack: u64) -> Vec<u64> {
        let mut pages = Vec::new();
        let (mut left, mut right) = (self.pages.iter().peekable(), other.pages.iter().peekable());
        loop {
            let page = match (left.peek(), right.peek()) {
                (None, None) => return pages,
                (Some((start, _)), None) | (None, Some((start, _))) => *start,
                (Some((first, _)), Some((second, _))) => *first.min(second),
            };
            let mine = left.next_if(|(start, _)| *start == page);
            let theirs = right.next_if(|(start, _)| *start == page);
            let same = matches!((mine, theirs), (Some((_, mine)), Some((_, theirs))) if Rc::ptr_eq(mine, theirs) || mine.words == theirs.words);
            if !same && !is_dead(page + (PAGE - 8), stack) {
                pages.push(page);
            }
        }
    }
}

fn join_words(left: MemoryWord, right: MemoryWord, extent: ImageBounds) -> MemoryWord {
    let bytes = |word| match word {
        MemoryWord::Whole(MachineValue::Known(data)) => Some((data, 0xff)),
        MemoryWord::Bytes { data, known } => Some((data, known)),
        MemoryWord::Whole(_) | MemoryWord::Low { .. } | MemoryWord::Base => None,
    };
    match (left, right) {
        (
            MemoryWord::Low { value, upper },
            MemoryWord::Low {
                value: other,
                upper: held,
            },
        ) if value == other => MemoryWord::Low {
            value,
            upper: upper.filter(|_| upper == held),
        },
        (MemoryWord::Whole(left), MemoryWord::Whole(right)) if left == right => {
            MemoryWord::Whole(left)
        }
        (
            MemoryWord::Whole(MachineValue::Known(first)),
            MemoryWord::Whole(MachineValue::Known(second)),
        ) if small(first) && small(second) => MemoryWord::Bytes {
            data: first,
            known: same_bytes(first, second),
        },
        (MemoryWord::Whole(left), MemoryWord::Whole(right)) => {
            MemoryWord::Whole(left.join(right, extent))
        }
        _ => match (bytes(left), bytes(right)) {
            (Some((first, known)), Some((second, also))) => {
                let known = known & also & same_bytes(first, second);
                normal(MemoryWord::Bytes {
                    data: first & byte_mask(known),
                    known,
                })
            }
            _ => MemoryWord::Whole(MachineValue::Unknown(
                whole_points_to(left, extent).with(whole_points_to(right, extent)),
            )),
        },
    }
}

/// Two numbers that are packed fields rather than addresses keep the bytes that they have in common.
fn small(number: u64) -> bool {
    number & 0xff00_ff00_ff00_ff00 == 0 || number < 4096
}

fn same_bytes(first: u64, second: u64) -> u8 {
    (0..8)
        .filter(|index| ((first ^ second) >> (8 * index)) & 0xff == 0)
        .fold(0, |known, index| known | 1 << index)
}

/// A word of a page as it was written, if it was.
fn raw(page: Option<&MemoryPage>, index: usize) -> MemoryWord {
    page.and_then(|page| page.words.get(index))
        .copied()
        .unwrap_or(MemoryWord::Base)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::memory::tests::{BYTES, on_image, write};
    use crate::evaluator::values::laws::SplitMix64;
    use crate::evaluator::values::value::{HEAP, STACK_TOP, mask};

    fn memory(image: &BinaryImage, random: &mut SplitMix64) -> PathMemory {
        let mut memory = PathMemory::default();
        memory.allocate(HEAP, BYTES);
        for _ in 0..1 + random.below(6) {
            write(
                &mut memory,
                image,
                HEAP,
                &mut [None; BYTES as usize],
                random,
            );
        }
        if random.below(4) == 0 {
            memory.write(
                image,
                HEAP + 8 * random.below(4),
                8,
                MachineValue::Symbol { id: 1, offset: 0 },
            );
        }
        memory
    }

    #[test]
    fn a_join_covers_both_and_being_covered_is_an_order() {
        on_image(|image| {
            let mut random = SplitMix64(22);
            let within =
                |one: &PathMemory, other: &PathMemory| one.is_subsumed_by(other, image, STACK_TOP);
            for _ in 0..2_000 {
                let [one, other, third] = [(); 3].map(|()| memory(image, &mut random));
                let mut joined = one.clone();
                joined.join(&other, image, STACK_TOP);
                assert!(within(&one, &one), "reflexive");
                assert!(
                    within(&one, &joined) && within(&other, &joined),
                    "{one:?} {other:?} {joined:?}"
                );
                if within(&one, &other) && within(&other, &third) {
                    assert!(within(&one, &third), "transitive");
                }
                let mut again = joined.clone();
                again.join(&one, image, STACK_TOP);
                assert!(within(&again, &joined), "nothing new: {joined:?} {again:?}");
                for place in (HEAP..HEAP + BYTES).step_by(4) {
                    let read = |memory: &PathMemory| memory.read(image, place, 4).known();
                    let found = read(&joined);
                    assert!(
                        found.is_none() || found == read(&one) && found == read(&other),
                        "{place:x}"
                    );
                }
            }
        });
    }

    #[test]
    fn what_a_path_may_reach_counts_as_much_as_what_it_holds() {
        on_image(|image| {
            let plain = PathMemory::default();
            let mut tainted = plain.clone();
            tainted.taint(image, PointsTo::HEAP, MachineValue::ANY);
            let mut allocated = plain.clone();
            allocated.allocate(HEAP, 8);
            let mut exposed = plain.clone();
            exposed.expose(
                image,
                MachineValue::Known(crate::evaluator::explorer::tests::VARIABLE),
            );
            let within =
                |one: &PathMemory, other: &PathMemory| one.is_subsumed_by(other, image, STACK_TOP);
            assert!(within(&plain, &tainted) && !within(&tainted, &plain));
            assert!(!within(&plain, &allocated) && !within(&allocated, &plain));
            assert!(within(&plain, &exposed) && !within(&exposed, &plain));
        });
    }

    #[test]
    fn what_lies_below_the_stack_makes_no_difference() {
        on_image(|image| {
            let (mut one, mut other) = (PathMemory::default(), PathMemory::default());
            one.write(image, STACK_TOP - 4096, 8, MachineValue::Known(1));
            other.write(image, STACK_TOP - 4096, 8, MachineValue::Known(2));
            assert!(one.is_subsumed_by(&other, image, STACK_TOP - 64));
            assert!(!one.is_subsumed_by(&other, image, STACK_TOP - 8192));
        });
    }

    #[test]
    fn packed_fields_keep_the_bytes_that_they_share() {
        on_image(|image| {
            let (mut one, mut other) = (PathMemory::default(), PathMemory::default());
            one.write(image, HEAP, 8, MachineValue::Known(0x0011_0022));
            other.write(image, HEAP, 8, MachineValue::Known(0x0011_0033));
            one.join(&other, image, STACK_TOP);
            assert_eq!(one.read(image, HEAP + 2, 2), MachineValue::Known(0x11));
            assert_eq!(one.read(image, HEAP, 1).known(), None);
            assert_eq!(one.read(image, HEAP, 8).known(), None);
            assert!(small(0x0011_0022) && !small(mask(64)));
        });
    }
}
