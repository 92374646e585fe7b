//! What is said of conda's own packages, which are no wheels.

use std::collections::BTreeSet;

use crate::model::problem::{Problem, ProblemKind};

/// How many packages are named.
const NAMED: usize = 12;
/// The interpreter, which the target stands for, and the installer.
const PASSED_BY: [&str; 2] = ["python", "pip"];

/// Says that packages of conda are not judged; nothing when there are none.
pub(super) fn not_judged(file: &str, names: BTreeSet<&str>) -> Option<Problem> {
    let names: Vec<&str> = names
        .into_iter()
        .filter(|name| !PASSED_BY.contains(name))
        .collect();
    if names.is_empty() {
        return None;
    }
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let shown = names
        .iter()
        .take(NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    let message = format!(
        "conda's own packages are not judged, only what pip installs; there are {}: {shown}{more}",
        names.len()
    );
    Some(Problem {
        kind: ProblemKind::File,
        package: None,
        place: file.to_owned(),
        message,
    })
}
