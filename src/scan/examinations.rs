//! What was found in all distribution files of a run.

use std::collections::BTreeMap;

use crate::model::place::Location;

use super::examination::FileExamination;

/// What was found in each distribution file, by where it is.
pub(super) type ExaminationIndex = BTreeMap<Location, FileExamination>;
