//! The functions that the loader calls before anybody else calls into an image: constructors of static objects, and
//! whatever else a compiler has run at the start.
//!
//! ELF lists them in the dynamic segment, Mach-O in sections of their own. In a PE file the entry point calls the run time,
//! which walks tables that nothing but its code names.

use object::{Object, ObjectSection};

use super::BinaryImage;
use crate::model::facts::ImageFormat;

/// Most functions.
const MOST: u64 = 4096;

impl BinaryImage<'_> {
    /// The functions that the loader calls first; in a PE file the entry point, which calls the others.
    pub fn initialisers(&self) -> Vec<u64> {
        let mut found = self.initialisers.clone();
        let mach_o = if self.format == ImageFormat::MachO {
            self.mach_o_tables()
        } else {
            Vec::new()
        };
        let size = self.pointer_size as u64;
        for &(start, length) in self.initialiser_tables.iter().chain(&mach_o) {
            let places =
                (0..(length / size).min(MOST)).map(|index| start.saturating_add(index * size));
            found.extend(places.filter_map(|place| self.pointer(place)));
        }
        found.extend(self.mach_o_offsets());
        found.retain(|&address| {
            self.segment_at(address)
                .is_some_and(|segment| segment.executable)
        });
        found
    }

    /// `__mod_init_func`: pointers.
    fn mach_o_tables(&self) -> Vec<(u64, u64)> {
        self.sections_named("__mod_init_func")
    }

    /// `__init_offsets`: 32-bit offsets from the beginning of the image.
    fn mach_o_offsets(&self) -> Vec<u64> {
        if self.format != ImageFormat::MachO {
            return Vec::new();
        }
        let base = self
            .segments
            .iter()
            .find(|segment| segment.name == "__TEXT")
            .map_or(0, |segment| segment.address);
        let tables = self.sections_named("__init_offsets");
        let places = tables.iter().flat_map(|&(start, length)| {
            (0..(length / 4).min(MOST)).map(move |index| start.saturating_add(4 * index))
        });
        places
            .filter_map(|place| self.u32(place))
            .map(|offset| base.saturating_add(offset.into()))
            .collect()
    }

    /// Where sections of a name lie, as (address, size).
    pub(super) fn sections_named(&self, name: &str) -> Vec<(u64, u64)> {
        let Ok(file) = object::File::parse(self.data) else {
            return Vec::new();
        };
        let sections = file.sections().filter(|section| section.name() == Ok(name));
        sections
            .map(|section| (section.address(), section.size()))
            .collect()
    }
}
