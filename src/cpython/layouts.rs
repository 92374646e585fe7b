//! Where things are in CPython's static objects, for the four memory layouts, and the headers that tell them apart.
//!
//! The layouts of `PyObject` and `PyModuleDef` have been the same from 3.13 to 3.15, and without free threading since
//! 3.5: <https://github.com/python/cpython/blob/3.14/Include/object.h>,
//! <https://github.com/python/cpython/blob/3.14/Include/moduleobject.h>.

use super::memory::PartialMemory;

/// Offsets in bytes.
#[derive(Debug)]
pub struct ObjectLayout {
    /// Whether it is that of free-threaded builds.
    pub free_threaded: bool,
    pointer_size: u64,
    /// `ob_type`
    pub object_type: u64,
    /// `m_base.m_init`
    pub definition_init: u64,
    /// `m_base.m_index`
    pub definition_index: u64,
    /// `m_base.m_copy`
    pub definition_copy: u64,
    /// `m_name`
    pub definition_name: u64,
    /// `m_doc`
    pub definition_documentation: u64,
    /// `m_size`
    pub definition_size: u64,
    /// `m_methods`
    pub definition_methods: u64,
    /// `m_slots`
    pub definition_slots: u64,
    /// `m_traverse`
    pub definition_traverse: u64,
    /// `m_clear`
    pub definition_clear: u64,
    /// `m_free`
    pub definition_free: u64,
    /// `ob_size` of a `PyTypeObject`
    pub type_count: u64,
    /// `tp_name`
    pub type_name: u64,
    /// `tp_basicsize`
    pub type_basic_size: u64,
    /// `tp_itemsize`
    pub type_item_size: u64,
}

const LAYOUTS: [ObjectLayout; 4] = [
    ObjectLayout {
        free_threaded: false,
        pointer_size: 8,
        object_type: 8,
        definition_init: 16,
        definition_index: 24,
        definition_copy: 32,
        definition_name: 40,
        definition_documentation: 48,
        definition_size: 56,
        definition_methods: 64,
        definition_slots: 72,
        definition_traverse: 80,
        definition_clear: 88,
        definition_free: 96,
        type_count: 16,
        type_name: 24,
        type_basic_size: 32,
        type_item_size: 40,
    },
    ObjectLayout {
        free_threaded: true,
        pointer_size: 8,
        object_type: 24,
        definition_init: 32,
        definition_index: 40,
        definition_copy: 48,
        definition_name: 56,
        definition_documentation: 64,
        definition_size: 72,
        definition_methods: 80,
        definition_slots: 88,
        definition_traverse: 96,
        definition_clear: 104,
        definition_free: 112,
        type_count: 32,
        type_name: 40,
        type_basic_size: 48,
        type_item_size: 56,
    },
    ObjectLayout {
        free_threaded: false,
        pointer_size: 4,
        object_type: 4,
        definition_init: 8,
        definition_index: 12,
        definition_copy: 16,
        definition_name: 20,
        definition_documentation: 24,
        definition_size: 28,
        definition_methods: 32,
        definition_slots: 36,
        definition_traverse: 40,
        definition_clear: 44,
        definition_free: 48,
        type_count: 8,
        type_name: 12,
        type_basic_size: 16,
        type_item_size: 20,
    },
    ObjectLayout {
        free_threaded: true,
        pointer_size: 4,
        object_type: 16,
        definition_init: 20,
        definition_index: 24,
        definition_copy: 28,
        definition_name: 32,
        definition_documentation: 36,
        definition_size: 40,
        definition_methods: 44,
        definition_slots: 48,
        definition_traverse: 52,
        definition_clear: 56,
        definition_free: 60,
        type_count: 20,
        type_name: 24,
        type_basic_size: 28,
        type_item_size: 32,
    },
];

impl ObjectLayout {
    /// Size of a `PyModuleDef`.
    pub fn definition_end(&self) -> u64 {
        self.definition_free + self.pointer_size
    }
}

/// The two layouts, with and without the GIL, for a pointer size.
pub fn layouts(pointer_size: u64) -> impl Iterator<Item = &'static ObjectLayout> {
    LAYOUTS
        .iter()
        .filter(move |layout| layout.pointer_size == pointer_size)
}

/// The header that a compiler wrote for a static object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectHeader {
    /// A count of one: CPython's headers up to 3.12, and PyO3 for every version with the GIL.
    Counted,
    /// Immortal as in CPython 3.13 with the GIL.
    Immortal313,
    /// Immortal as in CPython 3.14 and 3.15 with the GIL.
    Immortal314,
    /// Free-threaded without flags: CPython 3.13, and PyO3 also for 3.14.
    FreeThreadedPlain,
    /// Free-threaded and marked as static: CPython 3.14 and 3.15.
    FreeThreadedMarked,
}

impl ObjectHeader {
    /// What it is, in words that end a sentence starting with "the header is".
    pub fn words(self) -> &'static str {
        match self {
            ObjectHeader::Counted => "a count of 1, with the GIL",
            ObjectHeader::Immortal313 => "immortal as in CPython 3.13 with the GIL",
            ObjectHeader::Immortal314 => "immortal as in CPython 3.14 and newer with the GIL",
            ObjectHeader::FreeThreadedPlain => "free-threaded as in CPython 3.13",
            ObjectHeader::FreeThreadedMarked => "free-threaded as in CPython 3.14 and newer",
        }
    }

    /// Whether it is that of a free-threaded build.
    pub fn is_free_threaded(self) -> bool {
        matches!(
            self,
            ObjectHeader::FreeThreadedPlain | ObjectHeader::FreeThreadedMarked
        )
    }
}

/// The header at an address in one layout, up to `ob_type`, when the bytes are one. `PyObject_HEAD_INIT` writes constants
/// there that differ between the builds: <https://github.com/python/cpython/blob/3.14/Include/object.h>
pub fn header(
    memory: &impl PartialMemory,
    address: u64,
    layout: &ObjectLayout,
) -> Option<ObjectHeader> {
    let size = layout.pointer_size;
    let at = |offset: u64, size| memory.number(address.checked_add(offset)?, size);
    if !layout.free_threaded {
        return match (size, at(0, size)?) {
            (_, 1) => Some(ObjectHeader::Counted),
            (8, 0xffff_ffff) | (4, 0x3fff_ffff) => Some(ObjectHeader::Immortal313),
            (8, 0x0005_0000_c000_0000) | (4, 0x7000_0000) => Some(ObjectHeader::Immortal314),
            _ => None,
        };
    }
    // Flags, mutex and garbage collector bits, then the local and the shared count.
    match (
        at(0, size)?,
        at(size, 4)?,
        at(size + 4, 4)?,
        at(size + 8, size)?,
    ) {
        (0, 0, 0xffff_ffff, 0) => Some(ObjectHeader::FreeThreadedPlain),
        (0, 4, 0xffff_ffff, 0) => Some(ObjectHeader::FreeThreadedMarked),
        _ => None,
    }
}

/// The layout of the object at an address, as its header tells.
pub fn layout_at(memory: &impl PartialMemory, address: u64) -> Option<&'static ObjectLayout> {
    layouts(memory.pointer_size()).find(|layout| header(memory, address, layout).is_some())
}

/// The layout of a build.
pub fn layout_of(pointer_size: u64, free_threaded: bool) -> Option<&'static ObjectLayout> {
    layouts(pointer_size).find(|layout| layout.free_threaded == free_threaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header and nothing else, at address 0.
    struct Bytes(u64, Vec<u8>);

    impl PartialMemory for Bytes {
        fn pointer_size(&self) -> u64 {
            self.0
        }

        fn number(&self, address: u64, size: u64) -> Option<u64> {
            let bytes = self.1.get(address as usize..(address + size) as usize)?;
            Some(
                bytes
                    .iter()
                    .rev()
                    .fold(0, |number, byte| number << 8 | u64::from(*byte)),
            )
        }
    }

    fn check(pointer_size: u64, words: &[u32], expected: Option<bool>) {
        let memory = Bytes(
            pointer_size,
            words.iter().flat_map(|word| word.to_le_bytes()).collect(),
        );
        let found = layout_at(&memory, 0).map(|layout| layout.free_threaded);
        assert_eq!(found, expected, "{words:x?}");
    }

    #[test]
    fn headers_tell_the_builds_apart() {
        check(8, &[1, 0, 0, 0, 0, 0], Some(false));
        check(8, &[0xffff_ffff, 0, 0, 0, 0, 0], Some(false));
        check(8, &[0xc000_0000, 5 << 16, 0, 0, 0, 0], Some(false));
        check(8, &[0, 0, 0, 0xffff_ffff, 0, 0], Some(true));
        check(8, &[0, 0, 4, 0xffff_ffff, 0, 0], Some(true));
        check(8, &[0; 6], None);
        check(8, &[0, 0, 0, 0xffff_ffff], None);
        check(4, &[0x3fff_ffff, 0, 0, 0], Some(false));
        check(4, &[0, 4, 0xffff_ffff, 0], Some(true));
    }
}
