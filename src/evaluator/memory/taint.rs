//! What a write through an unknown pointer invalidates.

use std::rc::Rc;

use super::layout::is_variable;
use super::{LARGEST_OBJECT, MemoryPage, MemoryWord, PAGE, PathMemory, is_handle};
use crate::binary::image::BinaryImage;
use crate::evaluator::values::value::{ImageBounds, MachineValue, MemoryRegion, PointsTo, region};

impl PathMemory {
    /// A pointer leaves the code that made it: others may write through it from now on.
    pub(in crate::evaluator) fn expose(&mut self, image: &BinaryImage, pointer: MachineValue) {
        if let MachineValue::Known(address) = pointer
            && region(address) == MemoryRegion::Image
            && is_variable(image, address)
            && let Err(index) = self.escaped.binary_search(&address)
        {
            Rc::make_mut(&mut self.escaped).insert(index, address);
        }
    }

    /// Whether a pointer that lies in memory may point to the object that holds an address.
    pub(super) fn is_exposed(&self, address: u64) -> bool {
        // The largest object that begins before it, or the one of which is known that it is one.
        let object = self
            .objects
            .iter()
            .find(|&&(start, end)| start <= address && address < end);
        let (first, last) = match object {
            Some(&(start, end)) => (start, end.saturating_sub(1)),
            None => (address.saturating_sub(LARGEST_OBJECT - 1), address),
        };
        let holds = |list: &[u64]| {
            let next = list.get(list.partition_point(|&pointer| pointer < first));
            next.is_some_and(|&pointer| pointer <= last)
        };
        holds(&self.layout.targets) || holds(&self.escaped)
    }

    /// A write into a field at a constant distance behind a pointer may lead from an object that is larger than it seems
    /// into one that is a part of it.
    fn reach_objects(&mut self, reach: PointsTo) {
        let Some(field) = reach.field() else { return };
        for &(start, end) in self.objects.iter() {
            let pointers = || self.layout.targets.iter().chain(self.escaped.iter());
            let leads_there =
                |&pointer: &u64| (start..end).contains(&pointer.saturating_add(field));
            if pointers().any(leads_there)
                && let Err(index) = self.escaped.binary_search(&start)
            {
                Rc::make_mut(&mut self.escaped).insert(index, start);
            }
        }
    }

    /// Parts of the image without the objects that end paths: a pointer that was derived from addresses outside of such an
    /// object does not lead into it.
    fn without_other_objects(
        &self,
        parts: Vec<(u64, u64)>,
        (low, high): (u64, u64),
    ) -> Vec<(u64, u64)> {
        self.objects
            .iter()
            .filter(|&&(start, end)| high < start || end < low)
            .fold(parts, |parts, &(start, end)| {
                let around =
                    |(first, last): (u64, u64)| [(first, last.min(start)), (first.max(end), last)];
                parts
                    .into_iter()
                    .flat_map(around)
                    .filter(|(first, last)| first < last)
                    .collect()
            })
    }

    /// Forgets everything in the image that may change: code that was not followed may have written there by name.
    /// Guards stay as they are: a variable that is initialised once more holds the same again.
    pub(in crate::evaluator) fn give_up_image(&mut self, image: &BinaryImage) {
        let (guards, extent) = (Rc::clone(&self.guards), ImageBounds::of(image));
        let pages = self
            .pages
            .iter_mut()
            .filter(|(start, _)| region(*start) == MemoryRegion::Image);
        for (start, page) in pages.filter(|(start, _)| !image.is_read_only(*start)) {
            for (index, word) in Rc::make_mut(page).words.iter_mut().enumerate() {
                let address = start.wrapping_add(8 * index as u64);
                if guards.binary_search(&address).is_err() {
                    *word = overwritten(*word, PointsTo::OUTSIDE.with(PointsTo::IMAGE), extent);
                }
            }
        }
        let segments = image.segments.iter().filter(|segment| segment.writable);
        self.spoiled = segments
            .map(|it| (it.address, it.address.saturating_add(it.size)))
            .collect();
        self.spoiled.sort_unstable();
    }

    /// The variables of the image that hold a module which the path made.
    pub(in crate::evaluator) fn words_with_handles(&self, image: &BinaryImage) -> Vec<u64> {
        let pages = self.pages.iter().filter(|(start, _)| {
            region(*start) == MemoryRegion::Image && !image.is_read_only(*start)
        });
        // No address comes behind the last word of the last page.
        let words = pages.flat_map(|(start, page)| page.words.iter().zip((*start..).step_by(8)));
        words
            .filter(|&(word, _)| matches!(*word, MemoryWord::Whole(value) if is_handle(value)))
            .map(|(_, place)| place)
            .collect()
    }

    /// These parts of the image, as (start, end), hold something else than at first when the path begins.
    pub(in crate::evaluator) fn spoil(&mut self, parts: &[(u64, u64)]) {
        // Words are read as wholes.
        let words = parts
            .iter()
            .map(|&(start, end)| (start & !7, end.next_multiple_of(8)));
        self.spoiled.extend(words);
        self.spoiled.sort_unstable();
        self.spoiled.dedup();
    }

    /// Invalidates what a write through an unknown pointer of this reach may have changed.
    pub(in crate::evaluator) fn taint(
        &mut self,
        image: &BinaryImage,
        reach: PointsTo,
        stored: MachineValue,
    ) {
        let kinds = [PointsTo::STACK, PointsTo::HEAP]
            .into_iter()
            .filter(|&kind| reach.may(kind));
        let touched = kinds.fold(PointsTo::NOTHING, PointsTo::with);
        let extent = ImageBounds::of(image);
        let origin = reach
            .may(PointsTo::IMAGE)
            .then(|| reach.addresses())
            .filter(|&addresses| extent.meets(addresses));
        let stored_reach = stored.points_to_in(extent);
        let from_anywhere =
            origin.is_some_and(|(low, _)| image.segment_at(low).is_none() || low < 4096);
        let parts = match origin {
            Some(addresses) if !from_anywhere => {
                self.without_other_objects(self.layout.hit_by(image, reach), addresses)
            }
            Some(_) | None => Vec::new(),
        };
        self.leaked |= from_anywhere;
        if from_anywhere {
            self.reach_objects(reach);
        }
        let (layout, escaped, guards) = (
            Rc::clone(&self.layout),
            Rc::clone(&self.escaped),
            Rc::clone(&self.guards),
        );
        let others = PathMemory {
            layout,
            escaped,
            guards,
            objects: Rc::clone(&self.objects),
            ..PathMemory::default()
        };
        self.tainted = self.tainted.with(touched);
        self.point(touched, stored_reach);
        for (start, page) in &mut self.pages {
            let in_image = region(*start) == MemoryRegion::Image;
            let hit = match region(*start) {
                MemoryRegion::Image => {
                    from_anywhere
                        || parts
                            .iter()
                            .any(|&(low, high)| *start < high && start.saturating_add(PAGE) > low)
                }
                other => other.points_to().may(touched),
            };
            if !hit || image.is_read_only(*start) {
                continue;
            }
            let is_settled = |page: &MemoryPage| {
                page.settled
                    .get()
                    .is_some_and(|settled| stored_reach.is_subsumed_by(settled))
            };
            if !in_image && is_settled(page) {
                continue;
            }
            let start = *start;
            let after = |index: usize, word: MemoryWord| {
                let address = start + 8 * index as u64;
                let named = || {
                    parts
                        .iter()
                        .any(|&(low, high)| address < high && address.saturating_add(8) > low)
                };
                let is_hit = named() || from_anywhere && others.is_exposed(address);
                let kept = in_image && (others.is_guard(address) || !is_hit);
                if kept {
                    word
                } else {
                    overwritten(word, stored_reach, extent)
                }
            };
            if page
                .words
                .iter()
                .enumerate()
                .any(|(index, &word)| after(index, word) != word)
            {
                for (index, word) in Rc::make_mut(page).words.iter_mut().enumerate() {
                    *word = after(index, *word);
                }
            }
            if !in_image {
                let before = page.settled.get().unwrap_or(PointsTo::NOTHING);
                page.settled.set(Some(before.with(stored_reach)));
            }
        }
        for part in parts {
            if !self.spoiled.contains(&part) {
                self.spoiled.push(part);
                self.spoiled.sort_unstable();
            }
        }
    }
}

/// A word through which something unknown may have been written; the module's handle stays what it is.
fn overwritten(word: MemoryWord, stored: PointsTo, extent: ImageBounds) -> MemoryWord {
    match word {
        MemoryWord::Base => MemoryWord::Base,
        MemoryWord::Whole(value) if is_handle(value) => word,
        MemoryWord::Whole(value) => MemoryWord::Whole(MachineValue::Unknown(
            value.points_to_in(extent).with(stored),
        )),
        MemoryWord::Low { value, .. } => MemoryWord::Whole(MachineValue::Unknown(
            value.points_to_in(extent).with(stored),
        )),
        MemoryWord::Bytes { .. } => MemoryWord::Whole(MachineValue::Unknown(stored)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::explorer::tests::{TWO_PHASES, VARIABLE};
    use crate::evaluator::memory::guards::StaticGuards;
    use crate::evaluator::memory::{DataLayout, tests::on_image};
    use crate::evaluator::values::value::{HEAP, OBJECTS, STACK_TOP};

    const STACK: u64 = STACK_TOP - 256;

    fn memory(image: &BinaryImage, guards: &StaticGuards) -> PathMemory {
        let mut memory = PathMemory::new(Rc::new(DataLayout::of(image)), guards);
        for place in [HEAP, STACK, VARIABLE] {
            memory.write(image, place, 8, MachineValue::Known(7));
        }
        // The module's own handle survives what is vague.
        memory.write(image, STACK + 8, 8, MachineValue::Known(OBJECTS + 64));
        memory
    }

    /// Which of the three words are known after a write, and whether the handle is.
    fn known(image: &BinaryImage, memory: &PathMemory) -> ([bool; 3], bool) {
        let is_known = |place| memory.read(image, place, 8).known().is_some();
        ([HEAP, STACK, VARIABLE].map(is_known), is_known(STACK + 8))
    }

    #[test]
    fn variables_with_modules_are_found_up_to_the_end_of_the_address_space() {
        on_image(|image| {
            let mut memory = memory(image, &StaticGuards::default());
            let last = u64::MAX - 7;
            for place in [VARIABLE, last] {
                memory.write(image, place, 8, MachineValue::Known(OBJECTS + 64));
            }
            let mut found = memory.words_with_handles(image);
            found.sort_unstable();
            assert_eq!(found, [VARIABLE, last]);
        });
    }

    #[test]
    fn a_vague_write_hits_what_its_pointer_may_reach() {
        let near = MachineValue::Known(VARIABLE).points_to();
        for (reach, expected) in [
            (PointsTo::NOTHING, [true, true, true]),
            (PointsTo::HEAP, [false, true, true]),
            (PointsTo::STACK, [true, false, true]),
            (near, [true, true, false]),
            (
                PointsTo::HEAP.with(PointsTo::STACK).with(near),
                [false, false, false],
            ),
        ] {
            on_image(|image| {
                let mut memory = memory(image, &StaticGuards::default());
                memory.taint(image, reach, MachineValue::Unknown(PointsTo::OUTSIDE));
                assert_eq!(known(image, &memory), (expected, true), "{reach:?}");
                // What nobody may write stays.
                let import = image.import_named("PyModuleDef_Init").unwrap().address;
                assert_eq!(memory.read(image, 0x2638, 8), MachineValue::Known(import));
            });
        }
    }

    #[test]
    fn a_pointer_of_unknown_origin_may_be_one_that_was_given_away() {
        on_image(|image| {
            let mut memory = memory(image, &StaticGuards::default());
            let place = TWO_PHASES.definition + 8;
            assert!(!memory.is_exposed(place) && !memory.is_exposed(place + 0x20));
            memory.expose(image, MachineValue::Known(place));
            memory.expose(image, MachineValue::Known(HEAP));
            assert!(
                memory.is_exposed(place) && memory.is_exposed(place + 0x20),
                "and what lies behind it"
            );
            // Slots and methods to which data point.
            assert!(memory.is_exposed(0x3720) && memory.is_exposed(0x36e8));
        });
    }

    #[test]
    fn guards_outlive_code_that_was_not_followed() {
        on_image(|image| {
            let mut guards = StaticGuards::default();
            guards.begin(true);
            guards.note(&PathMemory::default(), VARIABLE, MachineValue::Known(0));
            let mut memory = memory(image, &guards);
            memory.write(image, VARIABLE + 8, 8, MachineValue::Known(7));
            memory.give_up_image(image);
            assert_eq!(memory.read(image, VARIABLE, 8), MachineValue::Known(7));
            assert_eq!(memory.read(image, VARIABLE + 8, 8).known(), None);
            assert_eq!(
                memory.read(image, TWO_PHASES.definition, 8).known(),
                None,
                "never written, and all the same"
            );
            memory.spoil(&[(VARIABLE, VARIABLE + 8)]);
            assert_eq!(memory.read(image, VARIABLE, 8), MachineValue::Known(7));
        });
    }
}
