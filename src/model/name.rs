//! Names and versions, as PEP 503, PEP 440 and PEP 508 define them.
//!
//! The types are those of the grammar crates; naming them here keeps the rest of the code free of their paths.

use pep440_rs::Operator;
pub use pep440_rs::{Version, VersionSpecifier, VersionSpecifiers};
use pep508_rs::VersionOrUrl;
pub use pep508_rs::{ExtraName, MarkerTree, PackageName};

/// A PEP 508 requirement whose URL, when it has one, is absolute.
pub type Requirement = pep508_rs::Requirement<url::Url>;

/// The versions that a requirement accepts; `None` when it accepts all, or names a file.
pub fn specifiers(requirement: &Requirement) -> Option<&VersionSpecifiers> {
    match requirement.version_or_url.as_ref()? {
        VersionOrUrl::VersionSpecifier(specifiers) if !specifiers.is_empty() => Some(specifiers),
        VersionOrUrl::VersionSpecifier(_) | VersionOrUrl::Url(_) => None,
    }
}

/// The one version that a requirement accepts (`==` or `===`); `None` when it accepts several, or names a file.
pub fn pinned(requirement: &Requirement) -> Option<&Version> {
    match &**specifiers(requirement)? {
        [only] if matches!(only.operator(), Operator::Equal | Operator::ExactEqual) => {
            Some(only.version())
        }
        _ => None,
    }
}

/// The version at which specifiers begin (`>=3.11`); `None` where they only exclude.
pub fn oldest_named(specifiers: &VersionSpecifiers) -> Option<&Version> {
    let is_start = |operator: &Operator| {
        matches!(
            operator,
            Operator::GreaterThanEqual
                | Operator::Equal
                | Operator::EqualStar
                | Operator::TildeEqual
        )
    };
    specifiers
        .iter()
        .find(|specifier| is_start(specifier.operator()))
        .map(VersionSpecifier::version)
}

/// How a requirement bounds a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `==`
    Exactly,
    /// `>=`
    AtLeast,
}

/// The same requirement for another version.
pub fn bounded_by(requirement: &Requirement, bound: Bound, version: &Version) -> Requirement {
    let specifier = match bound {
        Bound::Exactly => VersionSpecifier::equals_version(version.clone()),
        Bound::AtLeast => VersionSpecifier::greater_than_equal_version(version.clone()),
    };
    let version_or_url = Some(VersionOrUrl::VersionSpecifier(VersionSpecifiers::from(
        specifier,
    )));
    Requirement {
        version_or_url,
        ..requirement.clone()
    }
}

/// A requirement of these versions of a package.
pub fn of_versions(name: &PackageName, versions: Option<VersionSpecifiers>) -> Requirement {
    Requirement {
        version_or_url: versions.map(VersionOrUrl::VersionSpecifier),
        ..of_name(name)
    }
}

/// A requirement of a package by its name alone.
pub fn of_name(name: &PackageName) -> Requirement {
    Requirement {
        name: name.clone(),
        extras: Vec::new(),
        version_or_url: None,
        marker: MarkerTree::TRUE,
        origin: None,
    }
}
