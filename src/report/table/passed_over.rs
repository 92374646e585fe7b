//! Compiled files that look like modules and do not count: a reader is to know what was passed over, and why.

use std::collections::BTreeMap;

use crate::model::passed_over::PassedOver;
use crate::model::report::Report;

use super::super::RenderOptions;
use super::super::paint::PaintRole;
use super::super::sanitize::harmless;
use super::super::text::count;
use super::labelled;
use super::packages::named;

/// How many files of a package are named.
const MOST: usize = 4;

/// The paragraph.
pub(super) fn paragraph(report: &Report, options: &RenderOptions) -> Vec<String> {
    let mut found: BTreeMap<String, Vec<&PassedOver>> = BTreeMap::new();
    for package in &report.packages {
        for file in package
            .results
            .iter()
            .flat_map(|result| &result.passed_over)
        {
            let known = found.entry(named(package)).or_default();
            if !known.contains(&file) {
                known.push(file);
            }
        }
    }
    if found.is_empty() {
        return Vec::new();
    }
    let number: usize = found.values().map(Vec::len).sum();
    let title = format!(
        "{} of {} that no import takes",
        count(number, "compiled file"),
        count(found.len(), "package")
    );
    let mut lines = vec![format!(
        "{}  {}",
        options.style.paint(PaintRole::Faint, "– passed over"),
        options.style.paint(PaintRole::Heading, &title)
    )];
    for (package, files) in &found {
        let text = |file: &&PassedOver| {
            format!("{} ({})", harmless(&file.path), harmless(&file.why.words()))
        };
        let shown: Vec<String> = files.iter().take(MOST).map(text).collect();
        let more = match files.len().saturating_sub(MOST) {
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
