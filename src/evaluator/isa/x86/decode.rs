//! Instructions of x86-64 in an image.

use iced_x86::{Code, Decoder, DecoderOptions, Instruction};

use crate::binary::image::BinaryImage;

/// Longest instruction in bytes.
const LONGEST: usize = 15;

/// The instruction at an address; `None` when no code is there, or bytes that are none.
pub(super) fn decode(image: &BinaryImage, address: u64) -> Option<Instruction> {
    let segment = image
        .segment_at(address)
        .filter(|segment| segment.executable)?;
    let start = usize::try_from(address - segment.address).ok()?;
    let bytes = segment.bytes.get(start..)?;
    let bytes = bytes.get(..bytes.len().min(LONGEST))?;
    let instruction = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE).decode();
    (instruction.code() != Code::INVALID).then_some(instruction)
}

/// Where the instructions of a run begin that starts at `start`, up to `last`; behind bytes that are none, everywhere.
pub(in crate::evaluator) fn instruction_starts(
    image: &BinaryImage,
    start: u64,
    last: u64,
) -> Vec<u64> {
    let mut found = Vec::new();
    let mut address = start;
    while address <= last {
        found.push(address);
        address = decode(image, address).map_or(address.saturating_add(1), |instruction| {
            instruction.next_ip()
        });
    }
    found
}
