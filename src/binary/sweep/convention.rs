//! Which registers calls use and lose, by platform.

use super::step::{GeneralRegister, bit};
use crate::binary::image::BinaryImage;
use crate::model::facts::ImageFormat;

/// Which registers calls use.
#[derive(Clone, Copy, Debug)]
pub(super) struct SweepConvention {
    pub(super) first_argument: GeneralRegister,
    pub(super) result: GeneralRegister,
    pub(super) clobbered: u32,
    /// A register that always tells threads apart.
    pub(super) thread: Option<GeneralRegister>,
}

/// In iced's order: RAX RCX RDX RBX RSP RBP RSI RDI R8 to R15.
const SYSTEM_V: SweepConvention = SweepConvention {
    first_argument: 7,
    result: 0,
    clobbered: 0x0fc7,
    thread: None,
};
const WINDOWS: SweepConvention = SweepConvention {
    first_argument: 1,
    result: 0,
    clobbered: 0x0f07,
    thread: None,
};
const ARM64: SweepConvention = SweepConvention {
    first_argument: 0,
    result: 0,
    clobbered: 0x4007_ffff,
    thread: None,
};

/// What calls do in an image's code.
pub(super) fn convention(image: &BinaryImage<'_>) -> SweepConvention {
    match (image.architecture.as_str(), image.format) {
        ("aarch64", ImageFormat::Pe) => SweepConvention {
            clobbered: ARM64.clobbered & !bit(18),
            thread: Some(18),
            ..ARM64
        },
        ("aarch64", _) => ARM64,
        (_, ImageFormat::Pe) => WINDOWS,
        _ => SYSTEM_V,
    }
}
