//! How one distribution file is looked at.

use crate::archive::limits::ArchiveLimits;
use crate::examine::ExamineDepth;
use crate::model::name::PackageName;

use super::memory_budget::MemoryBudget;

/// What a distribution file is called, and how closely it is looked at.
#[derive(Clone, Copy)]
pub(super) struct ExamineOptions<'a> {
    /// Whose file it is, where that is known.
    pub(super) package: Option<&'a PackageName>,
    /// Its name.
    pub(super) filename: &'a str,
    /// How much of each compiled file is looked at.
    pub(super) depth: ExamineDepth,
    /// How much may be unpacked.
    pub(super) limits: ArchiveLimits,
    /// What all workers hold of that.
    pub(super) memory: &'a MemoryBudget,
}
