//! Static module definitions and types, found through the relocated pointer to their name.
//!
//! Sixteen bytes of header alone also occur by chance, so everything that must be a pointer is checked to be one that
//! the loader writes, and everything that must be empty to be empty.

use crate::binary::image::BinaryImage;
use crate::cpython::layouts::{ObjectHeader, ObjectLayout, header, layouts};
use crate::cpython::slots::HIGHEST_ID;

/// Most definitions, and most types, that are kept; the largest honest files have a few hundred.
const MOST_OBJECTS: usize = 10_000;
const LONGEST_NAME: usize = 255;
const LONGEST_DOCUMENTATION: usize = 1 << 20;
/// Instances of no static type are larger.
const LARGEST_BASIC_SIZE: u64 = 1 << 24;

/// A static `PyModuleDef`.
#[derive(Clone, Debug)]
pub(super) struct StaticDefinition {
    pub(super) address: u64,
    pub(super) header: ObjectHeader,
    pub(super) name: String,
    /// Address of the slots; 0 when there are none.
    pub(super) slots: u64,
}

/// A static `PyTypeObject`.
#[derive(Clone, Debug)]
pub(super) struct StaticType {
    pub(super) address: u64,
    pub(super) header: ObjectHeader,
}

/// What was found in an image's data.
#[derive(Clone, Debug, Default)]
pub(super) struct StaticObjects {
    pub(super) definitions: Vec<StaticDefinition>,
    pub(super) types: Vec<StaticType>,
    /// Why they are not all here, when they are not.
    pub(super) unread: Option<&'static str>,
}

/// Finds every static definition and type.
pub(super) fn static_objects(image: &BinaryImage<'_>) -> StaticObjects {
    let mut found = StaticObjects::default();
    // What headers of big-endian builds write differs, and is not known here; a guess would be a wrong fact.
    if image.is_big_endian() {
        found.unread = Some("the static objects of big-endian builds are not read");
        return found;
    }
    let code = image.named_code();
    for &(place, target) in image.relocations() {
        // A pointer to a function stands where the name of what begins before it would, as in a table of slots; a name
        // never lies in code.
        let in_code = || {
            code.iter()
                .any(|&(start, end)| start <= target && target < end)
        };
        if image.segment_at(target).is_none() || in_code() {
            continue;
        }
        for layout in layouts(image.pointer_size as u64) {
            if let Some(definition) = definition(image, place, target, layout) {
                found.definitions.push(definition);
            }
            if let Some(static_type) = static_type(image, place, target, layout) {
                found.types.push(static_type);
            }
        }
        if found.definitions.len() > MOST_OBJECTS || found.types.len() > MOST_OBJECTS {
            found.unread = Some("it holds more static objects than are read");
            break;
        }
    }
    found
}

fn definition(
    image: &BinaryImage<'_>,
    place: u64,
    target: u64,
    layout: &ObjectLayout,
) -> Option<StaticDefinition> {
    let address = place.checked_sub(layout.definition_name)?;
    let header = header(image, address, layout)?;
    let at = |offset: u64| address.checked_add(offset);
    let empty = [
        layout.object_type,
        layout.definition_init,
        layout.definition_index,
        layout.definition_copy,
    ];
    for offset in empty {
        if image.pointer(at(offset)?)? != 0 {
            return None;
        }
    }
    // Rows of a table of methods have the same shape by chance: a count of one, zeros, a name. So each pointer must also
    // lead to what it should.
    let checks: [(u64, PointerCheck); 6] = [
        (layout.definition_documentation, is_text),
        (layout.definition_methods, is_table),
        (layout.definition_slots, is_slots),
        (layout.definition_traverse, is_function),
        (layout.definition_clear, is_function),
        (layout.definition_free, is_function),
    ];
    for (offset, check) in checks {
        let (place, value) = (at(offset)?, image.pointer(at(offset)?)?);
        if value != 0 && !(image.is_relocated(place) && check(image, value)) {
            return None;
        }
    }
    // The size of the state is -1 for modules that cannot be loaded twice.
    let size = signed(image, at(layout.definition_size)?)?;
    if !(-1..1 << 32).contains(&size) || image.is_relocated(at(layout.definition_size)?) {
        return None;
    }
    let name = image
        .c_string(target, LONGEST_NAME)
        .filter(|name| is_module_name(name))?;
    Some(StaticDefinition {
        address,
        header,
        name,
        slots: image.pointer(at(layout.definition_slots)?)?,
    })
}

fn static_type(
    image: &BinaryImage<'_>,
    place: u64,
    target: u64,
    layout: &ObjectLayout,
) -> Option<StaticType> {
    let address = place.checked_sub(layout.type_name)?;
    let header = header(image, address, layout)?;
    let at = |offset: u64| address.checked_add(offset);
    let type_pointer = at(layout.object_type)?;
    let has_type = image.pointer(type_pointer)? == 0 || image.is_relocated(type_pointer);
    let (basic, item) = (
        signed(image, at(layout.type_basic_size)?)?,
        signed(image, at(layout.type_item_size)?)?,
    );
    let sizes_fit = (0..LARGEST_BASIC_SIZE as i64).contains(&basic) && (0..1 << 16).contains(&item);
    let is_relocated = |offset| at(offset).is_some_and(|place| image.is_relocated(place));
    let plain = !is_relocated(layout.type_basic_size) && !is_relocated(layout.type_item_size);
    let name = image.c_string(target, LONGEST_NAME)?;
    let fits = has_type
        && image.pointer(at(layout.type_count)?)? == 0
        && sizes_fit
        && plain
        && is_module_name(&name);
    fits.then_some(StaticType { address, header })
}

/// Whether what is at an address can be what a pointer should lead to.
type PointerCheck = fn(&BinaryImage<'_>, u64) -> bool;

fn is_text(image: &BinaryImage<'_>, address: u64) -> bool {
    image.c_string(address, LONGEST_DOCUMENTATION).is_some()
}

/// A table of methods begins with a pointer to a name, or is empty.
fn is_table(image: &BinaryImage<'_>, address: u64) -> bool {
    image.is_relocated(address) || image.pointer(address) == Some(0)
}

fn is_slots(image: &BinaryImage<'_>, address: u64) -> bool {
    image.u32(address).is_some_and(|id| id <= HIGHEST_ID) && !image.is_relocated(address)
}

fn is_function(image: &BinaryImage<'_>, address: u64) -> bool {
    image.import_at(address).is_some()
        || image
            .segment_at(address)
            .is_some_and(|segment| segment.executable)
}

fn signed(image: &BinaryImage<'_>, address: u64) -> Option<i64> {
    let word = image.pointer(address)?;
    Some(if image.pointer_size == 8 {
        word as i64
    } else {
        i64::from(word as u32 as i32)
    })
}

/// Letters, digits, `_`, and dots between components.
fn is_module_name(name: &str) -> bool {
    name.split('.').all(|part| {
        !part.is_empty()
            && part
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '_')
    })
}
