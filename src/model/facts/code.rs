//! What the instructions of an image show.

use serde::{Deserialize, Serialize};

use super::CallSites;

/// How often something was seen in code, and where first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSightings {
    /// How often.
    pub count: u32,
    /// Virtual address of the first; `None` when there was none.
    pub example: Option<u64>,
}

impl CodeSightings {
    /// Counts one more.
    pub fn add(&mut self, address: u64) {
        self.count = self.count.saturating_add(1);
        self.example.get_or_insert(address);
    }
}

/// Calls of one imported function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCalls {
    /// The function's undecorated name.
    pub function: String,
    /// Where it is called.
    pub sites: CallSites,
}

/// What the instructions of an image show. Only what is certain was counted, so each number is a lower bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeFacts {
    /// Bytes of code that were read.
    pub bytes: u64,
    /// Whether that is all of its code.
    pub is_complete: bool,
    /// Inline reference counting that only the GIL protects.
    pub non_atomic_counting: CodeSightings,
    /// Inline reference counting of the free-threaded build.
    pub biased_counting: CodeSightings,
    /// Tests whether an object's reference count is exactly one.
    pub sole_owner_tests: CodeSightings,
    /// Atomic instructions that have nothing to do with reference counting.
    pub atomics: CodeSightings,
    /// Calls of imported functions of the C API, by name.
    pub calls: Vec<ImportCalls>,
}
