//! What a distribution says of itself: core metadata and the `WHEEL` file.

use serde::{Deserialize, Serialize};

use super::name::{ExtraName, PackageName, Requirement, Version, VersionSpecifiers};

/// Core metadata (`METADATA`, `PKG-INFO`), the fields that ungil uses.
///
/// <https://packaging.python.org/en/latest/specifications/core-metadata/>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// `Name`, normalised.
    pub name: PackageName,
    /// `Version`.
    pub version: Version,
    /// `Requires-Dist`, in order.
    pub requires_dist: Vec<Requirement>,
    /// `Requires-Python`.
    pub requires_python: Option<VersionSpecifiers>,
    /// `Provides-Extra`, normalised.
    pub provides_extra: Vec<ExtraName>,
    /// `Classifier`, in order.
    pub classifiers: Vec<String>,
    /// `Dynamic`, lower case: fields that an sdist leaves to its build; also set to `requires-dist` for an sdist whose
    /// metadata is older than 2.2 and so promises nothing.
    pub dynamic: Vec<String>,
    /// `Project-URL` and `Home-page`: (label, URL).
    pub project_urls: Vec<(String, String)>,
}

/// The `WHEEL` file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WheelFile {
    /// `Generator`: the build backend, with its version.
    pub generator: Option<String>,
    /// `Tag`, expanded, in order.
    pub tags: Vec<String>,
    /// `Root-Is-Purelib`.
    pub root_is_purelib: Option<bool>,
}
