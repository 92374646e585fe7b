//! Where things are in CPython's static objects, for the four memory layouts, and the headers that tell them apart.
//!
//! The layouts of `PyObject` and `PyModuleDef` have been the same from 3.13 to 3.15, and without free threading since
//! 3.5: <https://github.com/python/cpython/blob/3.14/Include/object.h>,
//! <https://github.com/python/cpython/blob/3.14/Include/moduleobject.h>.

use crate::binary::image::Image;

/// Offsets in bytes.
#[derive(Debug)]
pub(super) struct Layout {
    /// Whether it is that of free-threaded builds.
    pub(super) free_threaded: bool,
    pointer_size: usize,
    pub(super) object_type: u64,
    pub(super) definition_init: u64,
    pub(super) definition_index: u64,
    pub(super) definition_copy: u64,
    pub(super) definition_name: u64,
    pub(super) definition_documentation: u64,
    pub(super) definition_size: u64,
    pub(super) definition_methods: u64,
    pub(super) definition_slots: u64,
    pub(super) definition_traverse: u64,
    pub(super) definition_clear: u64,
    pub(super) definition_free: u64,
    /// `ob_size`, `tp_name`, `tp_basicsize` and `tp_itemsize` of a `PyTypeObject`.
    pub(super) type_count: u64,
    pub(super) type_name: u64,
    pub(super) type_basic_size: u64,
    pub(super) type_item_size: u64,
}

const LAYOUTS: [Layout; 4] = [
    Layout {
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
    Layout {
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
    Layout {
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
    Layout {
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

/// The two layouts, with and without the GIL, for a pointer size.
pub(super) fn layouts(pointer_size: usize) -> impl Iterator<Item = &'static Layout> {
    LAYOUTS.iter().filter(move |layout| layout.pointer_size == pointer_size)
}

/// The header that a compiler wrote for a static object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Header {
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

impl Header {
    /// What it is, in words that end a sentence starting with "the header is".
    pub(super) fn words(self) -> &'static str {
        match self {
            Header::Counted => "a count of 1, with the GIL",
            Header::Immortal313 => "immortal as in CPython 3.13 with the GIL",
            Header::Immortal314 => "immortal as in CPython 3.14 and newer with the GIL",
            Header::FreeThreadedPlain => "free-threaded as in CPython 3.13",
            Header::FreeThreadedMarked => "free-threaded as in CPython 3.14 and newer",
        }
    }

    pub(super) fn is_free_threaded(self) -> bool {
        matches!(self, Header::FreeThreadedPlain | Header::FreeThreadedMarked)
    }
}

/// The header at an address in one layout, up to `ob_type`, when the bytes are one. `PyObject_HEAD_INIT` writes constants
/// there that differ between the builds: <https://github.com/python/cpython/blob/3.14/Include/object.h>
pub(super) fn header(image: &Image<'_>, address: u64, layout: &Layout) -> Option<Header> {
    match (layout.free_threaded, layout.pointer_size) {
        (false, 8) => match image.u64(address)? {
            1 => Some(Header::Counted),
            0xffff_ffff => Some(Header::Immortal313),
            0x0005_0000_c000_0000 => Some(Header::Immortal314),
            _ => None,
        },
        (false, _) => match image.u32(address)? {
            1 => Some(Header::Counted),
            0x3fff_ffff => Some(Header::Immortal313),
            0x7000_0000 => Some(Header::Immortal314),
            _ => None,
        },
        (true, size) => {
            let rest = address.checked_add(size as u64)?;
            // Flags, mutex and garbage collector bits, then the local and the shared count.
            let words = (image.pointer(address)?, image.u32(rest)?, image.u32(rest + 4)?, image.pointer(rest + 8)?);
            match words {
                (0, 0, 0xffff_ffff, 0) => Some(Header::FreeThreadedPlain),
                (0, 4, 0xffff_ffff, 0) => Some(Header::FreeThreadedMarked),
                _ => None,
            }
        }
    }
}
