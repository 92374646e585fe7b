//! What changed between the last two reports.

use crate::compare::ChangeDirection;

use super::super::compare::{JudgedVersion, PackageChange, changes, common_targets, word};
use super::history::{ReportHistory, label};
use super::markup::{HtmlMarkup, element};
use super::table::table;
use super::words::{badge, count, targets, version};

/// The section; nothing when there is but one report.
pub(super) fn section(history: &ReportHistory) -> HtmlMarkup {
    let Some((before, after)) = history.last_two() else {
        return HtmlMarkup::nothing();
    };
    let changes = changes(before, after);
    let common = common_targets(before, after);
    let mut section = element("h2", &[("id", "changes-title")], "What changed");
    let from_to = format!(
        "From {} to {}: {}.",
        label(before),
        label(after),
        counts(&changes)
    );
    section.add(element("p", &[("class", "lead")], from_to));
    if before.content.targets.len() != common.len() || after.content.targets.len() != common.len() {
        let text = match common.len() {
            0 => "The two reports have no target in common, so nothing can be compared.".to_owned(),
            _ => format!(
                "Compared on the targets that both reports have: {}.",
                common.join(", ")
            ),
        };
        section.add(element("p", &[], text));
    }
    for (report, name) in [(before, "earlier"), (after, "later")] {
        if !report.content.problems.is_empty() {
            let problems = count(report.content.problems.len(), "problem");
            let text = format!(
                "The {name} report has {problems}: some of this may be no more than what could not be looked at."
            );
            section.add(element("p", &[("class", "notice")], text));
        }
    }
    section.add(rows("Changes since the report before", &changes));
    element(
        "section",
        &[("id", "changes"), ("aria-labelledby", "changes-title")],
        section,
    )
}

/// The changes as a table; nothing when there are none.
pub(super) fn rows(caption: &'static str, changes: &[PackageChange<'_>]) -> HtmlMarkup {
    if changes.is_empty() {
        return HtmlMarkup::nothing();
    }
    let rows = changes
        .iter()
        .map(|change| element("tr", &[("class", word(change.direction))], row(change)));
    table(
        caption,
        &["Change", "Package", "Before", "After", "Targets"],
        rows.collect(),
    )
}

/// How many there are of each kind, in words.
pub(super) fn counts(changes: &[PackageChange<'_>]) -> String {
    let all = [
        ChangeDirection::Worse,
        ChangeDirection::Better,
        ChangeDirection::Added,
        ChangeDirection::Removed,
        ChangeDirection::Different,
    ];
    let words = all.into_iter().filter_map(|direction| {
        let number = changes
            .iter()
            .filter(|change| change.direction == direction)
            .count();
        (number > 0).then(|| format!("{number} {}", word(direction)))
    });
    match changes.is_empty() {
        true => "no verdict is another".to_owned(),
        false => words.collect::<Vec<_>>().join(", "),
    }
}

fn row(change: &PackageChange<'_>) -> HtmlMarkup {
    HtmlMarkup::from([
        element("td", &[("class", "direction")], word(change.direction)),
        element("th", &[("scope", "row")], change.name),
        element("td", &[], release(change.before)),
        element("td", &[], release(change.after)),
        element("td", &[("class", "where")], targets(&change.targets)),
    ])
}

fn release(release: Option<JudgedVersion<'_>>) -> HtmlMarkup {
    match release {
        Some(release) => HtmlMarkup::from([
            badge(release.verdict),
            HtmlMarkup::from(" "),
            version(release.version),
        ]),
        None => HtmlMarkup::from("not there"),
    }
}
