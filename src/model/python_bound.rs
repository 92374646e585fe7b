//! The Pythons that a project or a lock file says it is made for.

use super::name::{Version, VersionSpecifiers};
use super::place::Place;

/// Pythons that a project or a lock file is made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PythonBound {
    /// One of these must hold.
    pub any_of: Vec<VersionSpecifiers>,
    /// The bound as the input has it.
    pub shown: String,
    /// The line that says so.
    pub place: Place,
}

impl PythonBound {
    /// Whether this version of Python is one of them.
    pub fn admits(&self, python: &Version) -> bool {
        self.any_of
            .iter()
            .any(|specifiers| specifiers.contains(python))
    }
}
