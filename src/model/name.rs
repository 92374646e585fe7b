//! Names and versions, as PEP 503, PEP 440 and PEP 508 define them.
//!
//! The types are those of the grammar crates; naming them here keeps the rest of the code free of their paths.

pub use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};
pub use pep508_rs::{ExtraName, MarkerTree, PackageName};

/// A PEP 508 requirement whose URL, when it has one, is absolute.
pub type Requirement = pep508_rs::Requirement<url::Url>;
