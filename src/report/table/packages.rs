//! Packages in the order of the table, and how they are called.

use std::cmp::Reverse;

use crate::model::report::{PackageReport, Report};
use crate::model::verdict::Verdict;

/// Name and version.
pub(super) fn named(package: &PackageReport) -> String {
    match &package.version {
        Some(version) => format!("{} {version}", package.name),
        None => package.name.to_string(),
    }
}

/// The worst verdict that a package gets.
pub(super) fn worst(package: &PackageReport) -> Option<Verdict> {
    package.results.iter().map(|result| result.verdict).max()
}

/// Packages in the order of the table: the worst first, then by name.
pub(super) fn worst_first(report: &Report) -> Vec<&PackageReport> {
    let mut packages: Vec<&PackageReport> = report.packages.iter().collect();
    packages.sort_by_key(|package| Reverse(worst(package)));
    packages
}
