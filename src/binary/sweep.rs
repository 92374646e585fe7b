//! Reads all code of an image once, from its first byte to its last, and counts what is certain in it: how reference
//! counts are changed, how often and where imported functions are called, atomic operations.
//!
//! Each machine's instructions become [`step::LockedStep`]s; [`follow`] follows what registers hold along them, over forward
//! branches, and [`recognise`] knows the sequences; nothing is executed and nothing is guessed. What a register holds is forgotten
//! where paths disagree, so a sequence that was seen is on some path of the program, and one that was not seen may still
//! be there: every count is a lower bound.
//!
//! The sequences are those of the macros `Py_INCREF` and `Py_DECREF` of each version:
//! <https://github.com/python/cpython/blob/3.8/Include/object.h>,
//! <https://github.com/python/cpython/blob/3.12/Include/object.h>,
//! <https://github.com/python/cpython/blob/3.14/Include/refcount.h>.

use follow::SweepFollower;

use super::image::BinaryImage;
use crate::model::facts::{CodeSightings, ImportCalls};

mod arm64;
mod calls;
mod convention;
mod follow;
mod recognise;
mod state;
mod step;
mod x86;

/// Most bytes of code that are read.
const MOST_BYTES: usize = 512 << 20;

/// What all code of an image shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeSweep {
    /// Bytes of code that were read.
    pub bytes: u64,
    /// Whether that was all.
    pub is_complete: bool,
    /// Inline counting that only the GIL protects: a change at the beginning of an object.
    pub non_atomic: CodeSightings,
    /// Those of them whose operand is known to be a Python object without any look at the counting itself. Code for the
    /// free-threaded build has the thread's id there and never counts it, so one of these settles the flavour.
    pub non_atomic_on_objects: CodeSightings,
    /// Inline biased counting: the object's thread is compared with the running one, and its local count is read.
    pub biased: CodeSightings,
    /// Tests whether a count is exactly one, of what is known to be a Python object.
    pub sole_owner_tests: CodeSightings,
    /// Atomic instructions that have nothing to do with reference counting.
    pub atomics: CodeSightings,
    /// Calls of each imported function, by name.
    pub calls: Vec<ImportCalls>,
}

/// Reads all code of an image; `None` for a machine whose instructions it does not know.
pub fn sweep(image: &BinaryImage<'_>) -> Option<CodeSweep> {
    let read = match (
        image.architecture.as_str(),
        image.pointer_size,
        image.is_big_endian(),
    ) {
        ("x86_64", 8, false) => x86::read,
        ("aarch64", 8, false) => arm64::read,
        _ => return None,
    };
    let mut follower = SweepFollower::new(image);
    let (mut bytes, mut left) = (0, MOST_BYTES);
    let mut is_complete = true;
    for range in image.code() {
        is_complete &= range.bytes.len() <= left;
        let part = range.bytes.get(..left).unwrap_or(range.bytes);
        left -= part.len();
        bytes += part.len() as u64;
        read(&mut follower, range.address, part);
        follower.end();
    }
    Some(CodeSweep {
        bytes,
        is_complete,
        ..follower.finish()
    })
}
