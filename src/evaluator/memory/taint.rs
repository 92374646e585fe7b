//! What a write through an unknown pointer invalidates.

use std::rc::Rc;

use super::layout::is_variable;
use super::{LARGEST_OBJECT, Memory, PAGE, Page, Word, is_handle};
use crate::binary::image::Image;
use crate::evaluator::values::value::{ImageBounds, PointsTo, Region, Value, region};

impl Memory {
    /// A pointer leaves the code that made it: others may write through it from now on.
    pub(in crate::evaluator) fn expose(&mut self, image: &Image, pointer: Value) {
        if let Value::Known(address) = pointer
            && region(address) == Region::Image
            && is_variable(image, address)
            && let Err(index) = self.escaped.binary_search(&address)
        {
            Rc::make_mut(&mut self.escaped).insert(index, address);
        }
    }

    /// Whether a pointer that lies in memory may point to the object that holds an address.
    pub(super) fn is_exposed(&self, address: u64) -> bool {
        let near = |list: &[u64]| {
            let after = list.partition_point(|&start| start <= address);
            after.checked_sub(1).and_then(|index| list.get(index)).is_some_and(|start| address - start < LARGEST_OBJECT)
        };
        near(&self.layout.targets) || near(&self.escaped)
    }

    /// Forgets everything in the image that may change: code that was not followed may have written there by name.
    /// Guards stay as they are: a variable that is initialised once more holds the same again.
    pub(in crate::evaluator) fn give_up_image(&mut self, image: &Image) {
        let (guards, extent) = (Rc::clone(&self.guards), ImageBounds::of(image));
        let pages = self.pages.iter_mut().filter(|(start, _)| region(*start) == Region::Image);
        for (start, page) in pages.filter(|(start, _)| !image.is_read_only(*start)) {
            for (index, word) in Rc::make_mut(page).words.iter_mut().enumerate() {
                let address = start.wrapping_add(8 * index as u64);
                if guards.binary_search(&address).is_err() {
                    *word = overwritten(*word, PointsTo::OUTSIDE.with(PointsTo::IMAGE), extent);
                }
            }
        }
        let segments = image.segments.iter().filter(|segment| segment.writable);
        self.spoiled = segments.map(|it| (it.address, it.address.saturating_add(it.size))).collect();
        self.spoiled.sort_unstable();
    }

    /// Invalidates what a write through an unknown pointer of this reach may have changed.
    pub(in crate::evaluator) fn taint(&mut self, image: &Image, reach: PointsTo, stored: Value) {
        let kinds = [PointsTo::STACK, PointsTo::HEAP].into_iter().filter(|&kind| reach.may(kind));
        let touched = kinds.fold(PointsTo::NOTHING, PointsTo::with);
        let extent = ImageBounds::of(image);
        let origin = reach.may(PointsTo::IMAGE).then(|| reach.addresses()).filter(|&addresses| extent.meets(addresses));
        let stored_reach = stored.points_to_in(extent);
        let from_anywhere = origin.is_some_and(|(low, _)| image.segment_at(low).is_none() || low < 4096);
        let parts = if origin.is_some() && !from_anywhere { self.layout.hit_by(image, reach) } else { Vec::new() };
        self.leaked |= from_anywhere;
        let (layout, escaped, guards) = (Rc::clone(&self.layout), Rc::clone(&self.escaped), Rc::clone(&self.guards));
        let others = Memory { layout, escaped, guards, ..Memory::default() };
        self.tainted = self.tainted.with(touched);
        self.point(touched, stored_reach);
        for (start, page) in &mut self.pages {
            let in_image = region(*start) == Region::Image;
            let hit = match region(*start) {
                Region::Image => {
                    from_anywhere || parts.iter().any(|&(low, high)| *start < high && start.saturating_add(PAGE) > low)
                }
                other => other.points_to().may(touched),
            };
            if !hit || image.is_read_only(*start) {
                continue;
            }
            let is_settled =
                |page: &Page| page.settled.get().is_some_and(|settled| stored_reach.is_subsumed_by(settled));
            if !in_image && is_settled(page) {
                continue;
            }
            let start = *start;
            let after = |index: usize, word: Word| {
                let address = start + 8 * index as u64;
                let named = || parts.iter().any(|&(low, high)| address < high && address.saturating_add(8) > low);
                let is_hit = named() || from_anywhere && others.is_exposed(address);
                let kept = in_image && (others.is_guard(address) || !is_hit);
                if kept { word } else { overwritten(word, stored_reach, extent) }
            };
            if page.words.iter().enumerate().any(|(index, &word)| after(index, word) != word) {
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
fn overwritten(word: Word, stored: PointsTo, extent: ImageBounds) -> Word {
    match word {
        Word::Base => Word::Base,
        Word::Whole(value) if is_handle(value) => word,
        Word::Whole(value) => Word::Whole(Value::Unknown(value.points_to_in(extent).with(stored))),
        Word::Bytes { .. } => Word::Whole(Value::Unknown(stored)),
    }
}
