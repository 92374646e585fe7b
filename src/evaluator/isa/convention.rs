//! Calling conventions: where arguments and results are, and what a call leaves alone.

use crate::binary::image::Image;
use crate::evaluator::cpu::state::State;
use crate::evaluator::values::value::Value;
use crate::model::facts::Format;

/// Registers in their roles. General registers are numbered as the instruction sets number them.
#[derive(Debug)]
pub(in crate::evaluator) struct Convention {
    /// Registers of the first arguments.
    pub(in crate::evaluator) arguments: &'static [usize],
    /// Register of the result.
    pub(in crate::evaluator) result: usize,
    /// Second register of a result of two words, on which nothing depends beyond being clobbered.
    pub(in crate::evaluator) stack_pointer: usize,
    /// Registers that a callee leaves as they were.
    pub(in crate::evaluator) preserved: &'static [usize],
    /// Vector registers that a callee leaves as they were.
    pub(in crate::evaluator) preserved_vectors: std::ops::Range<usize>,
    /// Where the caller puts arguments for which there is no register, from the stack pointer after the call.
    pub(in crate::evaluator) stacked: u64,
    /// Register of the return address; `None` where it is pushed.
    pub(in crate::evaluator) link: Option<usize>,
    /// The register that always holds the address of the thread's block.
    pub(in crate::evaluator) thread: Option<usize>,
}

/// AMD64 System V: <https://gitlab.com/x86-psABIs/x86-64-ABI>
pub(in crate::evaluator) static SYSTEM_V: Convention = Convention {
    arguments: &[7, 6, 2, 1, 8, 9],
    result: 0,
    stack_pointer: 4,
    preserved: &[3, 5, 12, 13, 14, 15],
    preserved_vectors: 0..0,
    stacked: 8,
    link: None,
    thread: None,
};

/// Windows x64: <https://learn.microsoft.com/en-us/cpp/build/x64-calling-convention>
pub(in crate::evaluator) static WINDOWS: Convention = Convention {
    arguments: &[1, 2, 8, 9],
    result: 0,
    stack_pointer: 4,
    preserved: &[3, 5, 6, 7, 12, 13, 14, 15],
    preserved_vectors: 6..16,
    stacked: 40,
    link: None,
    thread: None,
};

/// AAPCS64, and Apple as far as it matters here:
/// <https://github.com/ARM-software/abi-aa/blob/main/aapcs64/aapcs64.rst>
pub(in crate::evaluator) static ARM64: Convention = Convention {
    arguments: &[0, 1, 2, 3, 4, 5, 6, 7],
    result: 0,
    stack_pointer: 31,
    preserved: &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
    preserved_vectors: 8..16,
    stacked: 0,
    link: Some(30),
    thread: None,
};

/// Windows on arm64, where x18 points to the thread's block:
/// <https://learn.microsoft.com/en-us/cpp/build/arm64-windows-abi-conventions>
pub(in crate::evaluator) static WINDOWS_ARM64: Convention = Convention {
    arguments: ARM64.arguments,
    result: ARM64.result,
    stack_pointer: ARM64.stack_pointer,
    preserved: &[18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
    preserved_vectors: 8..16,
    stacked: ARM64.stacked,
    link: ARM64.link,
    thread: Some(18),
};

impl Convention {
    /// The convention of an image's code; `None` for an architecture that is not followed.
    pub(in crate::evaluator) fn of(image: &Image) -> Option<&'static Convention> {
        match image.architecture.as_str() {
            "x86_64" if image.format == Format::Pe => Some(&WINDOWS),
            "x86_64" => Some(&SYSTEM_V),
            "aarch64" if image.format == Format::Pe => Some(&WINDOWS_ARM64),
            "aarch64" => Some(&ARM64),
            _ => None,
        }
    }

    /// An argument of a call that was just entered.
    pub(in crate::evaluator) fn argument(&self, state: &State, image: &Image, number: usize) -> Value {
        if let Some(&register) = self.arguments.get(number) {
            return state.register(register);
        }
        let place = self.stacked + 8 * (number - self.arguments.len()) as u64;
        match state.register(self.stack_pointer) {
            Value::Known(stack) => state.resolve(state.memory.read(image, stack.wrapping_add(place), 8)),
            Value::Symbol { .. } | Value::Unknown(_) => Value::ANY,
        }
    }
}
