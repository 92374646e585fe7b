//! Memory that all threads share and that code may write to once the image is loaded.
//!
//! Static variables without a lock are what the GIL used to protect; they leave no import. How much of such memory there
//! is says little by itself: static types and tables of methods are in it as well.

use crate::binary::image::BinaryImage;
use crate::binary::image::sections::WritableSection;
use crate::model::evidence::Evidence;
use crate::model::facts::{Fact, WritableData};

/// How many sections become evidence.
const MOST_SHOWN: usize = 4;

/// Adds up the writable sections.
pub(super) fn writable_data(image: &BinaryImage<'_>) -> Fact<WritableData> {
    let sections = image.writable_sections();
    let holds = |section: &WritableSection, address: u64| {
        let size = section.initialised.saturating_add(section.zeroed);
        address
            .checked_sub(section.address)
            .is_some_and(|offset| offset < size)
    };
    let pointers = image.relocations().iter().filter(|&&(place, value)| {
        image.segment_at(value).is_some() && sections.iter().any(|section| holds(section, place))
    });
    let sum =
        |size: fn(&WritableSection) -> u64| sections.iter().map(size).fold(0, u64::saturating_add);
    let data = WritableData {
        initialised: sum(|section| section.initialised),
        zeroed: sum(|section| section.zeroed),
        pointers: pointers.count() as u64,
    };
    let evidence = sections.iter().take(MOST_SHOWN).map(|section| {
        let value = format!(
            "{} bytes and {} of zeros",
            section.initialised, section.zeroed
        );
        Evidence::new("writable section")
            .symbol(&section.name)
            .address(section.address)
            .value(value)
    });
    Fact::known(data, evidence.collect())
}
