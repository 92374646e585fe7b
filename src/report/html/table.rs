//! Tables of the page.

use super::super::json::SavedProblem;
use super::markup::{HtmlMarkup, element};

/// A table that may be wider than the page, in a part that scrolls by itself and can be reached by keyboard.
pub(super) fn table(
    caption: &'static str,
    columns: &[&'static str],
    rows: HtmlMarkup,
) -> HtmlMarkup {
    let head: HtmlMarkup = columns
        .iter()
        .map(|column| element("th", &[("scope", "col")], *column))
        .collect();
    let table = element(
        "table",
        &[],
        [
            element("caption", &[("class", "unseen")], caption),
            element("thead", &[], element("tr", &[], head)),
            element("tbody", &[], rows),
        ],
    );
    element(
        "div",
        &[
            ("class", "scrolls"),
            ("role", "region"),
            ("aria-label", caption),
            ("tabindex", "0"),
        ],
        table,
    )
}

/// A table of problems.
pub(super) fn problem_rows(caption: &'static str, problems: &[SavedProblem]) -> HtmlMarkup {
    let row = |problem: &SavedProblem| {
        let cells = HtmlMarkup::from([
            element("th", &[("scope", "row")], problem.kind.as_str()),
            element("td", &[], problem.package.as_deref().unwrap_or("—")),
            element("td", &[], problem.place.as_str()),
            element("td", &[], problem.message.as_str()),
        ]);
        element("tr", &[], cells)
    };
    table(
        caption,
        &["Kind", "Package", "Where", "What happened"],
        problems.iter().map(row).collect(),
    )
}
