//! The memory of one path: what it wrote, laid over the image, the stack, the heap and the thread's block.
//!
//! Cloning is cheap, pages are shared until one side writes. A write through an unknown pointer invalidates all memory
//! that the pointer may reach; what it may reach follows from what it was derived from.

use std::rc::Rc;

use super::value::{HEAP_STRIDE, Reach, Region, Value, mask, region};
use crate::binary::image::Image;

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
    /// Bytes, of which those in the mask `known` are known.
    Bytes { data: u64, known: u8 },
}

type Page = [Word; WORDS];

/// The memory of one path.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    pages: Vec<(u64, Rc<Page>)>,
    /// Memory that an unknown write may have reached: nothing there reads as it was at first.
    tainted: Reach,
    /// The same for parts of the image, as (start, end).
    spoiled: Vec<(u64, u64)>,
    /// Whether a pointer of unknown origin was written through: it may have come from any pointer into the image that
    /// lies in memory.
    leaked: bool,
    /// Addresses in the image that data point to from the start, sorted.
    targets: Rc<Vec<u64>>,
    /// Addresses in the image that the path stored or gave away, sorted.
    escaped: Rc<Vec<u64>>,
    /// Allocations as (start, bytes that are zero at first).
    allocations: Vec<(u64, u64)>,
}

/// What the words of a path that must survive vague writes look like: the module's own handle.
fn is_handle(value: Value) -> bool {
    matches!(value, Value::Known(address) if region(address) == Region::Object)
}

impl Memory {
    /// The memory of a path that has not begun.
    pub(super) fn new(image: &Image) -> Memory {
        let values = image.relocations().iter().map(|&(_, value)| value);
        let mut targets: Vec<u64> = values.filter(|&value| is_variable(image, value)).collect();
        targets.sort_unstable();
        targets.dedup();
        Memory { targets: Rc::new(targets), ..Memory::default() }
    }

    /// A pointer leaves the code that made it: others may write through it from now on.
    pub(super) fn expose(&mut self, image: &Image, pointer: Value) {
        if let Value::Known(address) = pointer
            && region(address) == Region::Image
            && is_variable(image, address)
            && let Err(index) = self.escaped.binary_search(&address)
        {
            Rc::make_mut(&mut self.escaped).insert(index, address);
        }
    }

    /// Whether a pointer that lies in memory may point to the object that holds an address.
    fn is_exposed(&self, address: u64) -> bool {
        let near = |list: &[u64]| {
            let after = list.partition_point(|&start| start <= address);
            after.checked_sub(1).and_then(|index| list.get(index)).is_some_and(|start| address - start < LARGEST_OBJECT)
        };
        near(&self.targets) || near(&self.escaped)
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
            Word::Bytes { data, known } => {
                let wanted = (mask(size as u32) as u8) << offset;
                if known & wanted == wanted {
                    Value::Known((data >> (8 * offset)) & mask(8 * size as u32))
                } else {
                    Value::ANY
                }
            }
            Word::Whole(_) | Word::Base => Value::ANY,
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
            self.set(address, Word::Whole(value));
            return;
        }
        if offset + size > 8 {
            for index in 0..size.min(8) {
                let byte = value.known().map_or(Value::ANY, |data| Value::Known((data >> (8 * index)) & 0xff));
                self.write(image, address.wrapping_add(index), 1, byte);
            }
            return;
        }
        let (data, known) = match self.word(image, address - offset) {
            Word::Whole(Value::Known(data)) => (data, 0xff),
            Word::Bytes { data, known } => (data, known),
            Word::Whole(_) | Word::Base => (0, 0),
        };
        let bytes = (mask(size as u32) as u8) << offset;
        let bits = mask(8 * size as u32) << (8 * offset);
        let word = match value {
            Value::Known(number) => {
                Word::Bytes { data: (data & !bits) | ((number << (8 * offset)) & bits), known: known | bytes }
            }
            Value::Symbol { offset: 0, .. } if offset == 0 && size == 4 => Word::Whole(value),
            Value::Symbol { .. } | Value::Unknown(_) => Word::Bytes { data: data & !bits, known: known & !bytes },
        };
        self.set(address - offset, normal(word));
    }

    /// Forgets up to `length` bytes from an address, as something else may have written there. Handles of the module
    /// remain unless they are exactly what was pointed at.
    pub(super) fn forget(&mut self, image: &Image, address: u64, length: u64) {
        let start = address & !7;
        for word in (0..length.div_ceil(8)).map(|index| start.wrapping_add(8 * index)) {
            let before = self.read(image, word, 8);
            if word == start || !is_handle(before) {
                self.set(word, Word::Whole(Value::Unknown(Reach::OUTSIDE)));
            }
        }
    }

    /// Invalidates what a write through an unknown pointer of this reach may have changed.
    pub(super) fn taint(&mut self, image: &Image, reach: Reach, stored: Value) {
        let kinds = [Reach::STACK, Reach::HEAP].into_iter().filter(|&kind| reach.may(kind));
        let touched = kinds.fold(Reach::NOTHING, Reach::with);
        let origin = reach.may(Reach::IMAGE).then(|| reach.addresses());
        let from_anywhere = origin.is_some_and(|(low, _)| image.segment_at(low).is_none() || low < 4096);
        let parts = if origin.is_some() && !from_anywhere { writable_parts(image, reach) } else { Vec::new() };
        self.leaked |= from_anywhere;
        let (targets, escaped) = (Rc::clone(&self.targets), Rc::clone(&self.escaped));
        let exposed = Memory { targets, escaped, ..Memory::default() };
        self.tainted = self.tainted.with(touched);
        for (start, page) in &mut self.pages {
            let in_image = region(*start) == Region::Image;
            let hit = match region(*start) {
                Region::Image => from_anywhere || parts.iter().any(|&(low, high)| *start < high && *start + PAGE > low),
                other => other.reach().may(touched),
            };
            if !hit || image.is_read_only(*start) {
                continue;
            }
            for (index, word) in Rc::make_mut(page).iter_mut().enumerate() {
                let address = *start + 8 * index as u64;
                let named = parts.iter().any(|&(low, high)| address < high && address + 8 > low);
                if in_image && !named && !exposed.is_exposed(address) {
                    continue;
                }
                *word = match *word {
                    Word::Base => Word::Base,
                    Word::Whole(value) if is_handle(value) => Word::Whole(value),
                    Word::Whole(value) => Word::Whole(Value::Unknown(value.reach().with(stored.reach()))),
                    Word::Bytes { .. } => Word::Whole(Value::Unknown(stored.reach())),
                };
            }
        }
        for part in parts {
            if !self.spoiled.contains(&part) {
                self.spoiled.push(part);
                self.spoiled.sort_unstable();
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
        let named = |word: &Word| matches!(*word, Word::Whole(Value::Symbol { id: other, .. }) if other == id);
        for (_, page) in &mut self.pages {
            if page.iter().any(named) {
                for word in Rc::make_mut(page).iter_mut().filter(|word| named(word)) {
                    *word = Word::Whole(Value::Unknown(Reach::OUTSIDE));
                }
            }
        }
    }

    /// What the words that the path wrote to memory of this kind may point to.
    pub(super) fn contents(&self, kind: Reach) -> Reach {
        let pages =
            self.pages.iter().filter(|(start, _)| region(*start) != Region::Image && region(*start).reach().may(kind));
        pages.flat_map(|(_, page)| page.iter()).fold(Reach::OUTSIDE, |reach, word| reach.with(whole_reach(*word)))
    }

    /// Forgets everything in the heap.
    pub(super) fn give_up_heap(&mut self) {
        self.tainted = self.tainted.with(Reach::HEAP);
        self.pages.retain(|&(start, _)| region(start) != Region::Heap);
    }

    /// How many pages were written.
    pub(super) fn size(&self) -> usize {
        self.pages.len()
    }

    fn word(&self, image: &Image, address: u64) -> Word {
        let page = address & !(PAGE - 1);
        if let Ok(index) = self.pages.binary_search_by_key(&page, |&(start, _)| start)
            && let Some((_, words)) = self.pages.get(index)
            && let Some(&word) = words.get((address - page) as usize / 8)
            && word != Word::Base
        {
            return word;
        }
        self.base(image, address)
    }

    fn set(&mut self, address: u64, word: Word) {
        let start = address & !(PAGE - 1);
        let index = match self.pages.binary_search_by_key(&start, |&(start, _)| start) {
            Ok(index) => index,
            Err(index) => {
                self.pages.insert(index, (start, Rc::new([Word::Base; WORDS])));
                index
            }
        };
        if let Some((_, page)) = self.pages.get_mut(index)
            && let Some(slot) = Rc::make_mut(page).get_mut((address - start) as usize / 8)
        {
            *slot = word;
        }
    }

    /// What a word holds that the path did not write.
    fn base(&self, image: &Image, address: u64) -> Word {
        match region(address) {
            Region::Stack => Word::Whole(Value::ANY),
            Region::Thread | Region::Object => Word::Whole(Value::Unknown(Reach::OUTSIDE)),
            Region::Heap => {
                let zero = self.allocations.iter().any(|&(start, zeros)| {
                    address >= start && address - start < zeros && !self.tainted.may(Reach::HEAP)
                });
                Word::Whole(if zero { Value::Known(0) } else { Value::Unknown(Reach::OUTSIDE) })
            }
            Region::Image => self.image_base(image, address),
        }
    }

    fn image_base(&self, image: &Image, address: u64) -> Word {
        let unknown = Word::Whole(Value::Unknown(Reach::OUTSIDE.with(Reach::IMAGE)));
        let mut word = [0; 8];
        let whole = image.read_into(address, &mut word);
        let number = u64::from_le_bytes(word);
        let spoiled = self.spoiled.iter().any(|&(start, end)| address >= start && address < end)
            || self.leaked && self.is_exposed(address);
        if spoiled && !image.is_read_only(address) {
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

    /// Whether every memory that `self` stands for is one that `other` stands for, above the stack pointer.
    pub(super) fn within(&self, other: &Memory, image: &Image, stack: u64) -> bool {
        let spoiled = self.spoiled.iter().all(|part| other.spoiled.contains(part));
        let escaped = self.escaped.iter().all(|address| other.escaped.binary_search(address).is_ok());
        if !spoiled
            || !escaped
            || self.leaked && !other.leaked
            || !self.tainted.within(other.tainted)
            || self.allocations != other.allocations
        {
            return false;
        }
        self.differing_pages(other, stack).into_iter().all(|page| {
            (0..WORDS as u64)
                .map(|index| page + 8 * index)
                .all(|address| is_dead(address, stack) || self.word_within(other, image, address))
        })
    }

    fn word_within(&self, other: &Memory, image: &Image, address: u64) -> bool {
        match (self.word(image, address), other.word(image, address)) {
            (Word::Whole(left), Word::Whole(right)) => left.within(right),
            (Word::Bytes { data, known }, Word::Bytes { data: other, known: subset }) => {
                known & subset == subset && (data ^ other) & byte_mask(subset) == 0
            }
            (Word::Whole(Value::Known(data)), Word::Bytes { data: other, known }) => {
                (data ^ other) & byte_mask(known) == 0
            }
            (Word::Bytes { .. }, Word::Whole(right)) => matches!(right, Value::Unknown(_)),
            (left, right) => left == right,
        }
    }

    /// Widens to cover another path's memory, too, above the stack pointer.
    pub(super) fn join(&mut self, other: &Memory, image: &Image, stack: u64) {
        let differing = self.differing_pages(other, stack);
        let changes: Vec<(u64, Word)> = differing
            .into_iter()
            .flat_map(|page| (0..WORDS as u64).map(move |index| page + 8 * index))
            .filter(|&address| !is_dead(address, stack))
            .map(|address| (address, join_words(self.word(image, address), other.word(image, address))))
            .collect();
        self.tainted = self.tainted.with(other.tainted);
        self.leaked |= other.leaked;
        if self.escaped != other.escaped {
            let mut escaped: Vec<u64> = self.escaped.iter().chain(other.escaped.iter()).copied().collect();
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
        self.allocations.retain(|allocation| other.allocations.contains(allocation));
        for (address, word) in changes {
            self.set(address, word);
        }
    }

    /// Drops what lies below the stack pointer: nobody may read it any more.
    pub(super) fn trim(&mut self, stack: u64) {
        let dead = stack.saturating_sub(RED_ZONE);
        self.pages.retain(|&(start, _)| region(start) != Region::Stack || start + PAGE > dead);
    }

    fn differing_pages(&self, other: &Memory, stack: u64) -> Vec<u64> {
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
            let same = matches!((mine, theirs), (Some((_, mine)), Some((_, theirs))) if Rc::ptr_eq(mine, theirs) || mine == theirs);
            if !same && !is_dead(page + PAGE - 8, stack) {
                pages.push(page);
            }
        }
    }
}

/// The writable parts of the image that pointers of this reach may hit: data with initial values and data without are
/// never parts of one object.
fn writable_parts(image: &Image, reach: Reach) -> Vec<(u64, u64)> {
    let (low, high) = reach.addresses();
    // Indices count upward from the address that code names; compilers move that by no more than a few elements.
    let low = low.saturating_sub(LARGEST_OBJECT) & !7;
    let mut parts = Vec::new();
    for segment in image.segments.iter().filter(|segment| segment.writable) {
        let filled = segment.address.saturating_add(segment.bytes.len() as u64);
        let end = segment.address.saturating_add(segment.size);
        for (start, end) in [(segment.address, filled), (filled, end)] {
            if start < end && low < end && high >= start {
                parts.push((start.max(low), end));
            }
        }
    }
    parts
}

/// Whether an address lies in data of the image that may change.
fn is_variable(image: &Image, address: u64) -> bool {
    image.segment_at(address).is_some_and(|segment| segment.writable) && !image.is_read_only(address)
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
        Word::Bytes { .. } | Word::Base | Word::Whole(_) => word,
    }
}

fn join_words(left: Word, right: Word) -> Word {
    let bytes = |word| match word {
        Word::Whole(Value::Known(data)) => Some((data, 0xff)),
        Word::Bytes { data, known } => Some((data, known)),
        Word::Whole(_) | Word::Base => None,
    };
    match (left, right) {
        (Word::Whole(left), Word::Whole(right)) if left == right => Word::Whole(left),
        (Word::Whole(Value::Known(first)), Word::Whole(Value::Known(second))) if small(first) && small(second) => {
            Word::Bytes { data: first, known: same_bytes(first, second) }
        }
        (Word::Whole(left), Word::Whole(right)) => Word::Whole(left.join(right)),
        _ => match (bytes(left), bytes(right)) {
            (Some((first, known)), Some((second, also))) => {
                let known = known & also & same_bytes(first, second);
                normal(Word::Bytes { data: first & byte_mask(known), known })
            }
            _ => Word::Whole(Value::Unknown(whole_reach(left).with(whole_reach(right)))),
        },
    }
}

/// Two numbers that are packed fields rather than addresses keep the bytes that they have in common.
fn small(number: u64) -> bool {
    number & 0xff00_ff00_ff00_ff00 == 0 || number < 4096
}

fn same_bytes(first: u64, second: u64) -> u8 {
    (0..8).filter(|index| ((first ^ second) >> (8 * index)) & 0xff == 0).fold(0, |known, index| known | 1 << index)
}

fn whole_reach(word: Word) -> Reach {
    match word {
        Word::Whole(value) => value.reach(),
        Word::Bytes { .. } | Word::Base => Reach::NOTHING,
    }
}
