//! Which registers calls use and lose, by platform.

use super::step::{Register, bit};
use crate::binary::image::Image;
use crate::model::facts::Format;

/// Which registers calls use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Convention {
    pub(super) first_argument: Register,
    pub(super) result: Register,
    pub(super) clobbered: u32,
    /// A register that always tells threads apart.
    pub(super) thread: Option<Register>,
}

/// In iced's order: RAX RCX RDX RBX RSP RBP RSI RDI R8 to R15.
const SYSTEM_V: Convention = Convention { first_argument: 7, result: 0, clobbered: 0x0fc7, thread: None };
const WINDOWS: Convention = Convention { first_argument: 1, result: 0, clobbered: 0x0f07, thread: None };
const ARM64: Convention = Convention { first_argument: 0, result: 0, clobbered: 0x4007_ffff, thread: None };

/// What calls do in an image's code.
pub(super) fn convention(image: &Image<'_>) -> Convention {
    match (image.architecture.as_str(), image.format) {
        ("aarch64", Format::Pe) => Convention { clobbered: ARM64.clobbered & !bit(18), thread: Some(18), ..ARM64 },
        ("aarch64", _) => ARM64,
        (_, Format::Pe) => WINDOWS,
        _ => SYSTEM_V,
    }
}
