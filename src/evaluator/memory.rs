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
pub(super) use self::layout::DataLayout;
use crate::binary::image::BinaryImage;
use crate::evaluator::values::value::{
    HEAP_STRIDE, ImageBounds, MachineValue, MemoryRegion, PointsTo, THREAD, THREAD_BLOCK, mask,
    region,
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
enum MemoryWord {
    /// What was there at first.
    Base,
    /// One value.
    Whole(MachineValue),
    /// A result of four bytes, and what lies beside it where that is known.
    Low {
        value: MachineValue,
        upper: Option<u32>,
    },
    /// Bytes, of which those in the mask `known` are known.
    Bytes { data: u64, known: u8 },
}

/// A run of words.
#[derive(Clone, Debug)]
struct MemoryPage {
    words: [MemoryWord; WORDS],
    /// Writes of what points at most there, at places that are not known, leave the whole page as it is.
    settled: Cell<Option<PointsTo>>,
}

/// The memory of one path.
#[derive(Clone, Debug, Default)]
pub(super) struct PathMemory {
    pages: Vec<(u64, Rc<MemoryPage>)>,
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
    layout: Rc<DataLayout>,
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
fn is_handle(value: MachineValue) -> bool {
    matches!(value, MachineValue::Known(address) if region(address) == MemoryRegion::Object)
}

impl PathMemory {
    /// The memory of a path that has not begun.
    pub(super) fn new(layout: Rc<DataLayout>, known: &StaticGuards) -> PathMemory {
        let (guards, objects) = (
            Rc::new(known.words().to_vec()),
            Rc::new(known.objects().to_vec()),
        );
        PathMemory {
            layout,
            guards,
            objects,
            ..PathMemory::default()
        }
    }

    /// Reads 1, 2, 4 or 8 bytes.
    pub(super) fn read(&self, image: &BinaryImage, address: u64, size: u64) -> MachineValue {
        let offset = address % 8;
        if offset + size > 8 {
            return self.read_unaligned(image, address, size);
        }
        match self.word(image, address - offset) {
            MemoryWord::Whole(value) if offset == 0 && size == 8 => value,
            MemoryWord::Whole(MachineValue::Known(data)) => {
                MachineValue::Known((data >> (8 * offset)) & mask(8 * size as u32))
            }
            MemoryWord::Whole(value) if offset == 0 => value.truncate(8 * size as u32),
            MemoryWord::Low { value, .. } if offset == 0 && size <= 4 => {
                value.truncate(8 * size as u32)
            }
            MemoryWord::Low {
                value,
                upper: Some(0),
            } if offset == 0 => value,
            MemoryWord::Low {
                upper: Some(upper), ..
            } if offset >= 4 => MachineValue::Known(
                (u64::from(upper) >> (8 * (offset - 4))) & mask(8 * size as u32),
            ),
            MemoryWord::Bytes { data, known } => {
                let wanted = (mask(size as u32) as u8) << offset;
                if known & wanted == wanted {
                    MachineValue::Known((data >> (8 * offset)) & mask(8 * size as u32))
                } else {
                    MachineValue::ANY
                }
            }
            MemoryWord::Whole(_) | MemoryWord::Low { .. } | MemoryWord::Base => MachineValue::ANY,
        }
    }

    fn read_unaligned(&self, image: &BinaryImage, address: u64, size: u64) -> MachineValue {
        let mut data = 0;
        for index in 0..size.min(8) {
            match self.read(image, address.wrapping_add(index), 1) {
                MachineValue::Known(byte) => data |= byte << (8 * index),
                MachineValue::Symbol { .. } | MachineValue::Unknown(_) => return MachineValue::ANY,
            }
        }
        MachineValue::Known(data)
    }

    /// Writes the lowest `size` bytes (1, 2, 4 or 8) of a value.
    pub(super) fn write(
        &mut self,
        image: &BinaryImage,
        address: u64,
        size: u64,
        value: MachineValue,
    ) {
        let offset = address % 8;
        if offset == 0 && size >= 8 {
            self.set(image, address, MemoryWord::Whole(value));
            return;
        }
        if offset + size > 8 {
            for index in 0..size.min(8) {
                let byte = value.known().map_or(MachineValue::ANY, |data| {
                    MachineValue::Known((data >> (8 * index)) & 0xff)
                });
                self.write(image, address.wrapping_add(index), 1, byte);
            }
            return;
        }
        let before = self.word(image, address - offset);
        let (data, known) = match before {
            MemoryWord::Whole(MachineValue::Known(data)) => (data, 0xff),
            MemoryWord::Bytes { data, known } => (data, known),
            MemoryWord::Low {
                upper: Some(upper), ..
            } => (u64::from(upper) << 32, 0xf0),
            MemoryWord::Low { upper: None, .. } | MemoryWord::Whole(_) | MemoryWord::Base => (0, 0),
        };
        let bytes = (mask(size as u32) as u8) << offset;
        let bits = mask(8 * size as u32) << (8 * offset);
        let word = match (value, before) {
            (MachineValue::Known(number), MemoryWord::Low { value, .. })
                if offset == 4 && size == 4 =>
            {
                MemoryWord::Low {
                    value,
                    upper: Some(number as u32),
                }
            }
            (MachineValue::Known(number), _) => MemoryWord::Bytes {
                data: (data & !bits) | ((number << (8 * offset)) & bits),
                known: known | bytes,
            },
            (MachineValue::Symbol { offset: 0, .. }, _) if offset == 0 && size == 4 => {
                MemoryWord::Low {
                    value,
                    upper: (known & 0xf0 == 0xf0).then_some((data >> 32) as u32),
                }
            }
            (MachineValue::Symbol { .. } | MachineValue::Unknown(_), _) => MemoryWord::Bytes {
                data: data & !bits,
                known: known & !bytes,
            },
        };
        self.set(image, address - offset, normal(word));
    }

    /// Forgets up to `length` bytes from an address, as something else may have written there. Handles of the module
    /// remain unless they are exactly what was pointed at.
    pub(super) fn forget(&mut self, image: &BinaryImage, address: u64, length: u64) {
        let start = address & !7;
        for word in (0..length.div_ceil(8)).map(|index| start.wrapping_add(8 * index)) {
            if self.is_guard(word) {
                continue;
            }
            let before = self.read(image, word, 8);
            if word == start || !is_handle(before) {
                self.set(
                    image,
                    word,
                    MemoryWord::Whole(MachineValue::Unknown(PointsTo::OUTSIDE)),
                );
            }
        }
    }

    /// Notes an allocation whose first `zeros` bytes are zero.
    pub(super) fn allocate(&mut self, start: u64, zeros: u64) {
        self.allocations.retain(|&(other, _)| other != start);
        self.allocations.push((start, zeros));
        self.pages
            .retain(|&(page, _)| page < start || page >= start + HEAP_STRIDE);
    }

    /// Whether an allocation starts there.
    pub(super) fn is_allocated(&self, start: u64) -> bool {
        self.allocations.iter().any(|&(other, _)| other == start)
    }

    /// A name stands for something new: copies of the old one become unknown.
    pub(super) fn rename(&mut self, id: u32) {
        let named = |word: &MemoryWord| match *word {
            MemoryWord::Whole(value) | MemoryWord::Low { value, .. } => {
                matches!(value, MachineValue::Symbol { id: other, .. } if other == id)
            }
            MemoryWord::Bytes { .. } | MemoryWord::Base => false,
        };
        for (_, page) in &mut self.pages {
            if page.words.iter().any(named) {
                for word in Rc::make_mut(page)
                    .words
                    .iter_mut()
                    .filter(|word| named(word))
                {
                    *word = MemoryWord::Whole(MachineValue::Unknown(PointsTo::OUTSIDE));
                }
            }
        }
    }

    /// What may be read through a pointer of this reach may point to.
    pub(super) fn contents(&self, reach: PointsTo) -> PointsTo {
        let part = |kind, pointees| {
            if reach.may(kind) {
                pointees
            } else {
                PointsTo::NOTHING
            }
        };
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
        self.pages
            .retain(|&(start, _)| region(start) != MemoryRegion::Heap);
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
        if self
            .pages
            .get(latest)
            .is_some_and(|&(other, _)| other == start)
        {
            return Ok(latest);
        }
        let found = self.pages.binary_search_by_key(&start, |&(start, _)| start);
        if let Ok(index) = found {
            self.latest.set(index);
        }
        found
    }

    fn page(&self, start: u64) -> Option<&MemoryPage> {
        let index = self.find(start).ok()?;
        self.pages.get(index).map(|(_, page)| page.as_ref())
    }

    fn word(&self, image: &BinaryImage, address: u64) -> MemoryWord {
        let page = address & !(PAGE - 1);
        if let Ok(index) = self.find(page)
            && let Some((_, held)) = self.pages.get(index)
            && let Some(&word) = held.words.get((address - page) as usize / 8)
            && word != MemoryWord::Base
        {
            return word;
        }
        self.base(image, address)
    }

    fn set(&mut self, image: &BinaryImage, address: u64, word: MemoryWord) {
        let place = region(address);
        if place != MemoryRegion::Image {
            self.point(
                place.points_to(),
                whole_points_to(word, ImageBounds::of(image)),
            );
        }
        let start = address & !(PAGE - 1);
        let index = match self.find(start) {
            Ok(index) => index,
            Err(index) => {
                let page = MemoryPage {
                    words: [MemoryWord::Base; WORDS],
                    settled: Cell::new(None),
                };
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
    fn base(&self, image: &BinaryImage, address: u64) -> MemoryWord {
        match region(address) {
            MemoryRegion::Stack => MemoryWord::Whole(MachineValue::ANY),
            MemoryRegion::Thread => thread_base(image, address),
            MemoryRegion::Object => MemoryWord::Whole(MachineValue::Unknown(PointsTo::OUTSIDE)),
            MemoryRegion::Heap => {
                let zero = self.allocations.iter().any(|&(start, zeros)| {
                    address >= start && address - start < zeros && !self.tainted.may(PointsTo::HEAP)
                });
                MemoryWord::Whole(if zero {
                    MachineValue::Known(0)
                } else {
                    MachineValue::Unknown(PointsTo::OUTSIDE)
                })
            }
            MemoryRegion::Image => self.image_base(image, address),
        }
    }

    fn image_base(&self, image: &BinaryImage, address: u64) -> MemoryWord {
        let unknown = MemoryWord::Whole(MachineValue::Unknown(
            PointsTo::OUTSIDE.with(PointsTo::IMAGE),
        ));
        let mut word = [0; 8];
        let whole = image.read_into(address, &mut word);
        let number = u64::from_le_bytes(word);
        let spoiled = self
            .spoiled
            .iter()
            .any(|&(start, end)| address >= start && address < end)
            || self.leaked && self.is_exposed(address);
        if spoiled && !image.is_read_only(address) && !self.is_guard(address) {
            // Programs do not write where the loader put the address of an import.
            let import = whole && image.import_at(number).is_some();
            return if import {
                MemoryWord::Whole(MachineValue::Known(number))
            } else {
                unknown
            };
        }
        if whole {
            return MemoryWord::Whole(MachineValue::Known(number));
        }
        let (mut data, mut known) = (0, 0);
        for index in 0..8 {
            if let Some(byte) = image.u8(address + index) {
                data |= u64::from(byte) << (8 * index);
                known |= 1 << index;
            }
        }
        if known == 0 {
            unknown
        } else {
            MemoryWord::Bytes { data, known }
        }
    }

    /// Drops what lies below the stack pointer: nobody may read it any more.
    pub(super) fn trim(&mut self, stack: u64) {
        let dead = stack.saturating_sub(RED_ZONE);
        self.pages
            .retain(|&(start, _)| region(start) != MemoryRegion::Stack || start + PAGE > dead);
    }
}

/// On Windows a thread's block begins as a copy of a template in the image.
fn thread_base(image: &BinaryImage, address: u64) -> MemoryWord {
    let offset = address.wrapping_sub(THREAD + THREAD_BLOCK);
    let place = image
        .thread_template()
        .and_then(|(start, end)| Some(start.checked_add(offset)?).filter(|it| *it < end));
    MemoryWord::Whole(place.and_then(|place| image.u64(place)).map_or(
        MachineValue::Unknown(PointsTo::OUTSIDE),
        MachineValue::Known,
    ))
}

fn is_dead(address: u64, stack: u64) -> bool {
    region(address) == MemoryRegion::Stack && address < stack.saturating_sub(RED_ZONE)
}

fn byte_mask(known: u8) -> u64 {
    (0..8)
        .filter(|index| known & (1 << index) != 0)
        .fold(0, |bits, index| bits | 0xff << (8 * index))
}

fn normal(word: MemoryWord) -> MemoryWord {
    match word {
        MemoryWord::Bytes { data, known: 0xff } => MemoryWord::Whole(MachineValue::Known(data)),
        MemoryWord::Bytes { known: 0, .. } => MemoryWord::Whole(MachineValue::ANY),
        MemoryWord::Bytes { .. }
        | MemoryWord::Low { .. }
        | MemoryWord::Base
        | MemoryWord::Whole(_) => word,
    }
}

fn whole_points_to(word: MemoryWord, extent: ImageBounds) -> PointsTo {
    match word {
        MemoryWord::Whole(value) | MemoryWord::Low { value, .. } => value.points_to_in(extent),
        MemoryWord::Bytes { .. } | MemoryWord::Base => PointsTo::NOTHING,
    }
}

#[cfg(test)]
mod tests;
