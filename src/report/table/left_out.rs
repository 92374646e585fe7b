//! Large libraries that were not fetched: a reader is to know what nobody looked into.

use std::collections::BTreeMap;

use crate::model::report::Report;

use super::super::RenderOptions;
use super::super::paint::PaintRole;
use super::super::sanitize::harmless;
use super::super::text::{count, wrap};
use super::labelled;
use super::packages::named;

/// How many libraries of a package are named.
const MOST: usize = 4;

/// What is said of them.
const WHY: &str = "Their beginnings leave open whether Python could import them, and no Python file of the same wheel \
                   does. They are taken for libraries of other modules; the verdicts do not count them.";

/// The paragraph.
pub(super) fn paragraph(report: &Report, options: &RenderOptions) -> Vec<String> {
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for package in &report.packages {
        for path in package.results.iter().flat_map(|result| &result.left_out) {
            let known = found.entry(named(package)).or_default();
            if !known.contains(&path.as_str()) {
                known.push(path);
            }
        }
    }
    if found.is_empty() {
        return Vec::new();
    }
    let number: usize = found.values().map(Vec::len).sum();
    let libraries = if number == 1 {
        "1 large library".to_owned()
    } else {
        format!("{number} large libraries")
    };
    let title = format!("{libraries} of {}", count(found.len(), "package"));
    let mut lines = vec![format!(
        "{}  {}",
        options.style.paint(PaintRole::Faint, "– not fetched"),
        options.style.paint(PaintRole::Heading, &title)
    )];
    lines.extend(
        wrap(WHY, options.width - 2)
            .iter()
            .map(|line| format!("  {line}")),
    );
    for (package, paths) in &found {
        let shown: Vec<String> = paths.iter().take(MOST).map(|path| harmless(path)).collect();
        let more = match paths.len().saturating_sub(MOST) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        lines.extend(labelled(
            "in",
            &format!("{package}: {}{more}", shown.join(", ")),
            options,
        ));
    }
    lines
}
