//! What is known of the image's data before a path begins: where its parts end, and which addresses in it lie in memory.

use super::LARGEST_OBJECT;
use crate::binary::image::BinaryImage;
use crate::evaluator::values::value::PointsTo;
use crate::model::facts::ImageFormat;

/// How far behind the end of an object code may name an address that it counts down from.
const BEHIND: u64 = 64;

/// The data of an image.
#[derive(Debug, Default)]
pub(in crate::evaluator) struct DataLayout {
    /// Addresses in data that may change to which other data point from the start, sorted. What only points to itself, as
    /// `__dso_handle` does, can be had by nobody who does not have it by name.
    pub(super) targets: Vec<u64>,
    /// Addresses where sections begin and end, and where the part without initial values does, sorted.
    borders: Vec<u64>,
    /// Those of them that no object lies across, sorted: on Windows data without initial values begin somewhere in the
    /// last of the bytes that come from the file.
    fences: Vec<u64>,
}

impl DataLayout {
    /// Reads it from an image.
    pub(in crate::evaluator) fn of(image: &BinaryImage) -> DataLayout {
        let others = image
            .relocations()
            .iter()
            .filter(|(place, value)| place != value);
        let targets = others
            .map(|&(_, value)| value)
            .filter(|&value| is_variable(image, value))
            .collect();
        let mut layout = DataLayout {
            targets,
            ..DataLayout::default()
        };
        for section in image.writable_sections() {
            let zeros = section.address.saturating_add(section.initialised);
            let end = zeros.saturating_add(section.zeroed);
            layout.borders.extend([section.address, zeros, end]);
            layout.fences.push(section.address);
            if image.format == ImageFormat::Elf {
                layout.fences.push(zeros);
            }
        }
        for list in [&mut layout.targets, &mut layout.borders, &mut layout.fences] {
            list.sort_unstable();
            list.dedup();
        }
        layout
    }

    /// The writable parts of the image that pointers of this reach may hit, as (start, end): objects do not lie in two
    /// sections, and data with initial values and data without are never parts of one object.
    pub(super) fn hit_by(&self, image: &BinaryImage, reach: PointsTo) -> Vec<(u64, u64)> {
        let (low, high) = reach.addresses();
        let behind = self
            .fences
            .partition_point(|fence| fence.saturating_add(BEHIND) <= low);
        let fence = behind
            .checked_sub(1)
            .and_then(|index| self.fences.get(index))
            .copied()
            .unwrap_or_default();
        // Indices count upward from the address that code names; compilers move that by no more than a few elements.
        let low = low.saturating_sub(LARGEST_OBJECT).max(fence) & !7;
        let border = self.borders.partition_point(|&border| border <= high);
        let end = self.borders.get(border).copied().unwrap_or(u64::MAX);
        let writable = image.segments.iter().filter(|segment| segment.writable);
        let within = writable.map(|it| {
            (
                it.address.max(low),
                it.address.saturating_add(it.size).min(end),
            )
        });
        within.filter(|(start, end)| start < end).collect()
    }
}

/// Whether an address lies in data of the image that may change.
pub(super) fn is_variable(image: &BinaryImage, address: u64) -> bool {
    image
        .segment_at(address)
        .is_some_and(|segment| segment.writable)
        && !image.is_read_only(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::image::images;
    use crate::evaluator::values::value::MachineValue;

    fn check(name: &str, cases: &[(u64, (u64, u64))]) {
        let folder =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/generators/built");
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let images = images(&bytes).unwrap();
        let image = images.first().unwrap();
        let layout = DataLayout::of(image);
        for &(address, expected) in cases {
            let hit = layout.hit_by(image, MachineValue::Known(address).points_to());
            assert_eq!(hit, [expected], "{name}: {address:#x}, found {hit:x?}");
        }
    }

    #[test]
    fn a_pointer_stays_in_its_section_unless_it_may_point_behind_an_object() {
        // `.data` is from 0x1b620 to 0x1b868, and `.bss` from 0x1b880 to 0x1ba28.
        check(
            "elf-x86_64-pybind11-3.0.4-not-used.so",
            &[
                (0x1b9a0, (0x1b8a0, 0x1ba28)),
                (0x1b8d0, (0x1b880, 0x1ba28)),
                (0x1b890, (0x1b790, 0x1ba28)),
                (0x1b760, (0x1b660, 0x1b868)),
                (0x1b680, (0x1b620, 0x1b868)),
            ],
        );
    }
}
