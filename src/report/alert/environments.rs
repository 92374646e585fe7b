//! How alerts name the environments, or the folders of wheels, in which something was found.

use crate::model::report::{PackageReport, Report};

use super::super::sanitize::harmless;

/// Most environments that an alert names.
pub(in crate::report) const MOST_ENVIRONMENTS: usize = 3;

/// How many environments or folders of wheels a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum EnvironmentCount {
    /// One, or none: nothing has to be told apart.
    AtMostOne,
    /// Several, which may hold the same version of a package.
    Several,
}

/// How many environments a report is about.
pub(in crate::report) fn environments(report: &Report) -> EnvironmentCount {
    let mut names = report.packages.iter().filter_map(PackageReport::found_in);
    let first = names.next();
    if names.any(|name| Some(name) != first) {
        EnvironmentCount::Several
    } else {
        EnvironmentCount::AtMostOne
    }
}

/// The environments with a word before them, each harmless; nothing where there are none.
pub(super) fn held(found_in: &[&str]) -> String {
    let mut names: Vec<String> = found_in
        .iter()
        .take(MOST_ENVIRONMENTS)
        .map(|name| harmless(name))
        .collect();
    match found_in.len() - names.len() {
        0 if names.is_empty() => return String::new(),
        0 => {}
        more => names.push(format!("{more} more")),
    }
    format!(" in {}", names.join(", "))
}
