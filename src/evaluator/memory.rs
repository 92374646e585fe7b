//! The memory of one path: what it wrote, laid over the image, the stack, the heap and the thread's block.
//!
//! Cloning is cheap, pages are shared until one side writes. A write through an unknown pointer invalidates all memory
//! that the pointer may reach; what it may reach follows from what it was derived from.

mod compare;
pub(in crate::evaluator) mod guards;
mod layout;
mod taint;

use std::cell::Cell;
use std::rc::Rc;

use self::guards::StaticGuards;
pub(super) use self::layout::Layout;
use crate::binary::image::Image;
use crate::evaluator::values::value::{
    HEAP_STRIDE, ImageBounds, PointsTo, Region, THREAD, THREAD_BLOCK, Value, mask, region,
};

/// Words in a page.
const WORDS: usize = 32;
/// Bytes in a page.
const PAGE: u64 = 8 * WORDS as u64;
/// How far from its start an object in the image is taken to reach when a pointer to it lies in memory.
const LARGEST_OBJECT: u64 = 256;
/// Bytes below the stack pointer that code may use without moving it (System V and Apple).
const RED_ZONE: u64 = 128;

/// Eight aligned bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// What was there at first.
    Base,
    /// One value.
    Whole(Value),
    /// A result of four bytes, and what lies beside it where that is known.
    Low { value: Value, upper: Option<u32> },
    /// Bytes, of which those in the mask `known` are known.
    Bytes { data: u64, known: u8 },
}

/// A run of words.
#[derive(Clone, Debug)]
struct Page {
    words: [Word; WORDS],
    /// Writes of what points at most there, at places that are not known, leave the whole page as it is.
    settled: Cell<Option<PointsTo>>,
}

/// The memory of one path.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pages: Vec<(u64, Rc<Page>)>,
    /// Where in the list the page was that was used last.
    latest: Cell<usize>,
    /// Memory that an unknown write may have reached: nothing there reads as it was at first.
    tainted: PointsTo,
    /// The same for parts of the image, as (start, end).
    spoiled: Vec<(u64, u64)>,
    /// Whether a pointer of unknown origin was written through: it may have come from any pointer into the image that
    /// lies in memory.
    leaked: bool,
    /// What was ever written to the stack may point to this.
    stack_pointees: PointsTo,
    /// The same for the heap.
    heap_pointees: PointsTo,
    /// What is known of the image's data from the start.
    layout: Rc<Layout>,
    /// Addresses in the image that the path stored or gave away, sorted.
    escaped: Rc<Vec<u64>>,
    /// Words with guards of one-time initialisation, sorted: only the run time writes there, so nothing vague hits them.
    guards: Rc<Vec<u64>>,
    /// Objects of the image that end paths, as (start, end): no object before them reaches into them.
    objects: Rc<Vec<(u64, u64)>>,
    /// Allocations as (start, bytes that are zero at first).
    allocations: Vec<(u64, u64)>,
}

/// What the words of a path that must survive vague writes look like: the module's own handle.
fn is_handle(value: Value) -> bool {
    matches!(value, Value::Known(address) if region(address) == Region::Object)
}

impl Memory {
    /// The memory of a path that has not begun.
    pub(super) fn new(layout: Rc<Layout>, known: &StaticGuards) -> Memory {
        let (guards, objects) = (Rc::new(known.words().to_vec()), Rc::new(known.objects().to_vec()));
        Memory { layout, guards, objects, ..Memory::default() }
    }

    /// Reads 1, 2, 4 or 8 bytes.
    pub(super) fn read(&self, image: &Image, address: u64, size: u64) -> Value {
        let offset = address % 8;
        if offset + size > 8 {
            return self.read_unaligned(image, address, size);
        }
        match self.word(image, address - offset) {
            Word::Whole(value) if offset == 0 && size == 8 => value,
            Word::Whole(Value::Known(data)) => Value::Known((data >> (8 * offset)) & mask(8 * size as u32)),
            Word::Whole(value) if offset == 0 => value.truncate(8 * size as u32),
            Word::Low { value, .. } if offset == 0 && size <= 4 => value.truncate(8 * size as u32),
            Word::Low { value, upper: Some(0) } if offset == 0 => value,
            Word::Low { upper: Some(upper), .. } if offset >= 4 => {
                Value::Known((u64::from(upper) >> (8 * (offset - 4))) & mask(8 * size as u32))
            }
            Word::Bytes { data, known } => {
                let wanted = (mask(size as u32) as u8) << offset;
                if known & wanted == wanted {
                    Value::Known((data >> (8 * offset)) & mask(8 * size as u32))
                } else {
                    Value::ANY
                }
            }
            Word::Whole(_) | Word::Low { .. } | Word::Base => Value::ANY,
        }
    }

    fn read_unaligned(&self, image: &Image, address: u64, size: u64) -> Value {
        let mut data = 0;
        for index in 0..size.min(8) {
            match self.read(image, address.wrapping_add(index), 1) {
                Value::Known(byte) => data |= byte << (8 * index),
                Value::Symbol { .. } | Value::Unknown(_) => return Value::ANY,
            }
        }
        Value::Known(data)
    }

    /// Writes the lowest `size` bytes (1, 2, 4 or 8) of a value.
    pub(super) fn write(&mut self, image: &Image, address: u64, size: u64, value: Value) {
        let offset = address % 8;
        if offset == 0 && size >= 8 {
            self.set(image, address, Word::Whole(value));
            return;
        }
        if offset + size > 8 {
            for index in 0..size.min(8) {
                let byte = value.known().map_or(Value::ANY, |data| Value::Known((data >> (8 * index)) & 0xff));
                self.write(image, address.wrapping_add(index), 1, byte);
            }
            return;
        }
        let before = self.word(image, address - offset);
        let (data, known) = match before {
            Word::Whole(Value::Known(data)) => (data, 0xff),
            Word::Bytes { data, known } => (data, known),
            Word::Low { upper: Some(upper), .. } => (u64::from(upper) << 32, 0xf0),
            Word::Low { upper: None, .. } | Word::Whole(_) | Word::Base => (0, 0),
        };
        let bytes = (mask(size as u32) as u8) << offset;
        let bits = mask(8 * size as u32) << (8 * offset);
        let word = match (value, before) {
            (Value::Known(number), Word::Low { value, .. }) if offset == 4 && size == 4 => {
                Word::Low { value, upper: Some(number as u32) }
            }
            (Value::Known(number), _) => {
                Word::Bytes { data: (data & !bits) | ((number << (8 * offset)) & bits), known: known | bytes }
            }
            (Value::Symbol { offset: 0, .. }, _) if offset == 0 && size == 4 => {
                Word::Low { value, upper: (known & 0xf0 == 0xf0).then_some((data >> 32) as u32) }
            }
            (Value::Symbol { .. } | Value::Unknown(_), _) => Word::Bytes { data: data & !bits, known: known & !bytes },
        };
        self.set(image, address - offset, normal(word));
    }

    /// Forgets up to `length` bytes from an address, as something else may have written there. Handles of the module
    /// remain unless they are exactly what was pointed at.
    pub(super) fn forget(&mut self, image: &Image, address: u64, length: u64) {
        let start = address & !7;
        for word in (0..length.div_ceil(8)).map(|index| start.wrapping_add(8 * index)) {
            if self.is_guard(word) {
                continue;
            }
            let before = self.read(image, word, 8);
            if word == start || !is_handle(before) {
                self.set(image, word, Word::Whole(Value::Unknown(PointsTo::OUTSIDE)));
            }
        }
    }

    /// Notes an allocation whose first `zeros` bytes are zero.
    pub(super) fn allocate(&mut self, start: u64, zeros: u64) {
        self.allocations.retain(|&(other, _)| other != start);
        self.allocations.push((start, zeros));
        self.pages.retain(|&(page, _)| page < start || page >= start + HEAP_STRIDE);
    }

    /// Whether an allocation starts there.
    pub(super) fn is_allocated(&self, start: u64) -> bool {
        self.allocations.iter().any(|&(other, _)| other == start)
    }

    /// A name stands for something new: copies of the old one become unknown.
    pub(super) fn rename(&mut self, id: u32) {
        let named = |word: &Word| match *word {
            Word::Whole(value) | Word::Low { value, .. } => {
                matches!(value, Value::Symbol { id: other, .. } if other == id)
            }
            Word::Bytes { .. } | Word::Base => false,
        };
        for (_, page) in &mut self.pages {
            if page.words.iter().any(named) {
                for word in Rc::make_mut(page).words.iter_mut().filter(|word| named(word)) {
                    *word = Word::Whole(Value::Unknown(PointsTo::OUTSIDE));
                }
            }
        }
    }

    /// What may be read through a pointer of this reach may point to.
    pub(super) fn contents(&self, reach: PointsTo) -> PointsTo {
        let part = |kind, pointees| if reach.may(kind) { pointees } else { PointsTo::NOTHING };
        part(PointsTo::STACK, self.stack_pointees).with(part(PointsTo::HEAP, self.heap_pointees))
    }

    /// Notes that something was written to memory of this kind.
    fn point(&mut self, kind: PointsTo, pointee: PointsTo) {
        if kind.may(PointsTo::STACK) {
            self.stack_pointees = self.stack_pointees.with(pointee);
        }
        if kind.may(PointsTo::HEAP) {
            self.heap_pointees = self.heap_pointees.with(pointee);
        }
    }

    /// Forgets everything in the heap.
    pub(super) fn give_up_heap(&mut self) {
        self.tainted = self.tainted.with(PointsTo::HEAP);
        self.pages.retain(|&(start, _)| region(start) != Region::Heap);
    }

    /// Whether a word holds a guard of one-time initialisation.
    pub(super) fn is_guard(&self, word: u64) -> bool {
        self.guards.binary_search(&word).is_ok()
    }

    /// How many pages were written.
    pub(super) fn size(&self) -> usize {
        self.pages.len()
    }

    /// Where in the list a page is, or would be.
    fn find(&self, start: u64) -> Result<usize, usize> {
        let latest = self.latest.get();
        if self.pages.get(latest).is_some_and(|&(other, _)| other == start) {
            return Ok(latest);
        }
        let found = self.pages.binary_search_by_key(&start, |&(start, _)| start);
        if let Ok(index) = found {
            self.latest.set(index);
        }
        found
    }

    fn page(&self, start: u64) -> Option<&Page> {
        let index = self.find(start).ok()?;
        self.pages.get(index).map(|(_, page)| page.as_ref())
    }

    fn word(&self, image: &Image, address: u64) -> Word {
        let page = address & !(PAGE - 1);
        if let Ok(index) = self.find(page)
            && let Some((_, held)) = self.pages.get(index)
            && let Some(&word) = held.words.get((address - page) as usize / 8)
            && word != Word::Base
        {
            return word;
        }
        self.base(image, address)
    }

    fn set(&mut self, image: &Image, address: u64, word: Word) {
        let place = region(address);
        if place != Region::Image {
            self.point(place.points_to(), whole_points_to(word, ImageBounds::of(image)));
        }
        let start = address & !(PAGE - 1);
        let index = match self.find(start) {
            Ok(index) => index,
            Err(index) => {
                let page = Page { words: [Word::Base; WORDS], settled: Cell::new(None) };
                self.pages.insert(index, (start, Rc::new(page)));
                index
            }
        };
        let number = (address - start) as usize / 8;
        if let Some((_, page)) = self.pages.get_mut(index)
            && page.words.get(number).is_some_and(|held| *held != word)
        {
            let page = Rc::make_mut(page);
            page.settled.set(None);
            if let Some(slot) = page.words.get_mut(number) {
                *slot = word;
            }
        }
    }

    /// What a word holds that the path did not write.
    fn base(&self, image: &Image, address: u64) -> Word {
        match region(address) {
            Region::Stack => Word::Whole(Value::ANY),
            Region::Thread => thread_base(image, address),
            Region::Object => Word::Whole(Value::Unknown(PointsTo::OUTSIDE)),
            Region::Heap => {
                let zero = self.allocations.iter().any(|&(start, zeros)| {
                    address >= start && address - start < zeros && !self.tainted.may(PointsTo::HEAP)
                });
                Word::Whole(if zero { Value::Known(0) } else { Value::Unknown(PointsTo::OUTSIDE) })
            }
            Region::Image => self.image_base(image, address),
        }
    }

    fn image_base(&self, image: &Image, address: u64) -> Word {
        let unknown = Word::Whole(Value::Unknown(PointsTo::OUTSIDE.with(PointsTo::IMAGE)));
        let mut word = [0; 8];
        let whole = image.read_into(address, &mut word);
        let number = u64::from_le_bytes(word);
        let spoiled = self.spoiled.iter().any(|&(start, end)| address >= start && address < end)
            || self.leaked && self.is_exposed(address);
        if spoiled && !image.is_read_only(address) && !self.is_guard(address) {
            // Programs do not write where the loader put the address of an import.
            let import = whole && image.import_at(number).is_some();
            return if import { Word::Whole(Value::Known(number)) } else { unknown };
        }
        if whole {
            return Word::Whole(Value::Known(number));
        }
        let (mut data, mut known) = (0, 0);
        for index in 0..8 {
            if let Some(byte) = image.u8(address + index) {
                data |= u64::from(byte) << (8 * index);
                known |= 1 << index;
            }
        }
        if known == 0 { unknown } else { Word::Bytes { data, known } }
    }

    /// Drops what lies below the stack pointer: nobody may read it any more.
    pub(super) fn trim(&mut self, stack: u64) {
        let dead = stack.saturating_sub(RED_ZONE);
        self.pages.retain(|&(start, _)| region(start) != Region::Stack || start + PAGE > dead);
    }
}

/// On Windows a thread's block begins as a copy of a template in the image.
fn thread_base(image: &Image, address: u64) -> Word {
    let offset = address.wrapping_sub(THREAD + THREAD_BLOCK);
    let place =
        image.thread_template().and_then(|(start, end)| Some(start.checked_add(offset)?).filter(|it| *it < end));
    Word::Whole(place.and_then(|place| image.u64(place)).map_or(Value::Unknown(PointsTo::OUTSIDE), Value::Known))
}

fn is_dead(address: u64, stack: u64) -> bool {
    region(address) == Region::Stack && address < stack.saturating_sub(RED_ZONE)
}

fn byte_mask(known: u8) -> u64 {
    (0..8).filter(|index| known & (1 << index) != 0).fold(0, |bits, index| bits | 0xff << (8 * index))
}

fn normal(word: Word) -> Word {
    match word {
        Word::Bytes { data, known: 0xff } => Word::Whole(Value::Known(data)),
        Word::Bytes { known: 0, .. } => Word::Whole(Value::ANY),
        Word::Bytes { .. } | Word::Low { .. } | Word::Base | Word::Whole(_) => word,
    }
}

fn whole_points_to(word: Word, extent: ImageBounds) -> PointsTo {
    match word {
        Word::Whole(value) | Word::Low { value, .. } => value.points_to_in(extent),
        Word::Bytes { .. } | Word::Base => PointsTo::NOTHING,
    }
}

#[cfg(test)]
mod tests;
