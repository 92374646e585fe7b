//! The trend over several reports: a drawing for each target, and the same figures as a table.

use crate::model::verdict::DecisionSide;

use super::super::json::SavedReport;
use super::history::{HistoryOrder, ReportHistory, label, tally};
use super::markup::{HtmlMarkup, element};
use super::time;
use super::words::{self, SIDES, target_name};

/// Size of a drawing, in units of its own, and the room around the curves.
const WIDTH: i64 = 360;
const HEIGHT: i64 = 164;
const LEFT: i64 = 14;
const RIGHT: i64 = 26;
const TOP: i64 = 18;
const BOTTOM: i64 = 40;
/// Least distance between two figures on a curve.
const APART: i64 = 26;

/// A curve: what stands in the way, or what is left open.
struct TrendCurve {
    side: DecisionSide,
    /// Its place in the counts of a report.
    index: usize,
    /// The place of the other curve.
    other: usize,
    class: &'static str,
}

const CURVES: [TrendCurve; 2] = [
    TrendCurve {
        side: DecisionSide::Against,
        index: 0,
        other: 1,
        class: "against",
    },
    TrendCurve {
        side: DecisionSide::Open,
        index: 1,
        other: 0,
        class: "open",
    },
];

/// A report's point on a curve.
struct TrendPoint {
    x: i64,
    y: i64,
    number: usize,
    /// How far below the point its figure stands: of two points, the upper one has it above, the lower one below.
    offset: i64,
}

/// The section; nothing when there is but one report.
pub(super) fn section(history: &ReportHistory) -> HtmlMarkup {
    let (Some(latest), [_, _, ..]) = (history.latest(), history.reports()) else {
        return HtmlMarkup::nothing();
    };
    let note = match history.order {
        HistoryOrder::Time => "One point for each report, placed by the time that it states.",
        HistoryOrder::Given => {
            "One point for each report, in the order in which they were given: not all of them state a time \
             (ungil scan --timestamp)."
        }
    };
    let drawings: HtmlMarkup = latest
        .content
        .targets
        .iter()
        .map(|target| figure(history, target))
        .collect();
    let key = CURVES.iter().map(|curve| {
        let class = format!("key {}", curve.class);
        element("span", &[("class", &class)], words::side(curve.side))
    });
    element(
        "section",
        &[("id", "trend"), ("aria-labelledby", "trend-title")],
        [
            element("h2", &[("id", "trend-title")], "Trend"),
            element(
                "p",
                &[("class", "lead")],
                [HtmlMarkup::from(format!("{note} ")), key.collect()],
            ),
            element(
                "div",
                &[("class", "trends"), ("aria-hidden", "true")],
                drawings,
            ),
            figures(history, &latest.content.targets),
        ],
    )
}

/// Where each report stands from left to right, from 0 to 1000.
fn positions(history: &ReportHistory) -> Vec<i64> {
    let reports = history.reports();
    let last = i64::try_from(reports.len())
        .unwrap_or(i64::MAX)
        .saturating_sub(1)
        .max(1);
    let evenly = || {
        (0..)
            .zip(reports)
            .map(|(number, _): (i64, _)| number * 1_000 / last)
            .collect()
    };
    let times: Option<Vec<i64>> = reports
        .iter()
        .map(|report| report.content.generated.as_deref().and_then(time::seconds))
        .collect();
    let Some(times) = times.filter(|_| history.order == HistoryOrder::Time) else {
        return evenly();
    };
    match (times.iter().min(), times.iter().max()) {
        (Some(first), Some(end)) if first < end => times
            .iter()
            .map(|time| (time - first).saturating_mul(1_000) / (end - first))
            .collect(),
        _ => evenly(),
    }
}

fn figure(history: &ReportHistory, target: &str) -> HtmlMarkup {
    let counts: Vec<Option<[usize; 3]>> = history
        .reports()
        .iter()
        .map(|report| tally(report, target))
        .collect();
    let most = counts
        .iter()
        .flatten()
        .flat_map(|[against, open, _]| [*against, *open])
        .max()
        .unwrap_or(0)
        .max(1);
    let positions = positions(history);
    let mut drawing = line(
        "axis",
        (LEFT, HEIGHT - BOTTOM),
        (WIDTH - RIGHT, HEIGHT - BOTTOM),
    );
    for curve in &CURVES {
        let points = positions
            .iter()
            .zip(&counts)
            .filter_map(|(position, counts)| {
                let (number, other) = (
                    *counts.as_ref()?.get(curve.index)?,
                    *counts.as_ref()?.get(curve.other)?,
                );
                let is_upper = (number, curve.other) > (other, curve.index);
                let (x, y) = place(*position, number, most);
                Some(TrendPoint {
                    x,
                    y,
                    number,
                    offset: if is_upper { -7 } else { 16 },
                })
            });
        drawing.add(drawn(curve, &points.collect::<Vec<_>>()));
    }
    if let (Some(first), Some(last)) = (history.reports().first(), history.reports().last()) {
        drawing.add(text("date", (LEFT, HEIGHT - 8), &short(first)));
        drawing.add(text("date end", (WIDTH - RIGHT, HEIGHT - 8), &short(last)));
    }
    let view = format!("0 0 {WIDTH} {HEIGHT}");
    element(
        "figure",
        &[("class", "card")],
        [
            element("figcaption", &[], target_name(target)),
            element("svg", &[("viewBox", &view), ("class", "trend")], drawing),
        ],
    )
}

/// The day, or the name of the file.
fn short(report: &SavedReport) -> String {
    let label = label(report);
    match &report.content.generated {
        Some(_) => label.chars().take(10).collect(),
        None => label
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or_default()
            .to_owned(),
    }
}

fn place(position: i64, number: usize, most: usize) -> (i64, i64) {
    let (number, most) = (
        i64::try_from(number).unwrap_or(0),
        i64::try_from(most).unwrap_or(1),
    );
    let x = LEFT + position * (WIDTH - LEFT - RIGHT) / 1_000;
    let y = HEIGHT - BOTTOM - number * (HEIGHT - TOP - BOTTOM) / most;
    (x, y)
}

/// Lines, points, and figures where there is room for them, from the last one backwards.
fn drawn(curve: &TrendCurve, points: &[TrendPoint]) -> HtmlMarkup {
    let mut drawing = HtmlMarkup::nothing();
    for pair in points.windows(2) {
        if let [from, to] = pair {
            drawing.add(line(
                &format!("line {}", curve.class),
                (from.x, from.y),
                (to.x, to.y),
            ));
        }
    }
    let mut free = i64::MAX;
    for point in points.iter().rev() {
        let (class, x, y) = (
            format!("point {}", curve.class),
            point.x.to_string(),
            point.y.to_string(),
        );
        drawing.add(element(
            "circle",
            &[("class", &class), ("cx", &x), ("cy", &y), ("r", "3.5")],
            "",
        ));
        if free.saturating_sub(point.x) >= APART {
            let place = (point.x, point.y + point.offset);
            drawing.add(text(
                &format!("figure {}", curve.class),
                place,
                &point.number.to_string(),
            ));
            free = point.x;
        }
    }
    drawing
}

fn line(class: &str, from: (i64, i64), to: (i64, i64)) -> HtmlMarkup {
    let numbers = [from.0, from.1, to.0, to.1].map(|number| number.to_string());
    let [x1, y1, x2, y2] = &numbers;
    element(
        "line",
        &[
            ("class", class),
            ("x1", x1),
            ("y1", y1),
            ("x2", x2),
            ("y2", y2),
        ],
        "",
    )
}

fn text(class: &str, (x, y): (i64, i64), content: &str) -> HtmlMarkup {
    element(
        "text",
        &[
            ("class", class),
            ("x", &x.to_string()),
            ("y", &y.to_string()),
        ],
        content,
    )
}

/// The same as a table.
fn figures(history: &ReportHistory, targets: &[String]) -> HtmlMarkup {
    let mut groups = element("th", &[("rowspan", "2"), ("scope", "col")], "Report");
    let mut columns = HtmlMarkup::nothing();
    for target in targets {
        groups.add(element(
            "th",
            &[("colspan", "3"), ("scope", "colgroup")],
            target_name(target),
        ));
        columns.add(
            SIDES
                .iter()
                .map(|side| element("th", &[("scope", "col")], words::side(*side)))
                .collect::<HtmlMarkup>(),
        );
    }
    groups.add(element(
        "th",
        &[("rowspan", "2"), ("scope", "col")],
        "problems",
    ));
    let rows: HtmlMarkup = history
        .reports()
        .iter()
        .map(|report| element("tr", &[], row(report, targets)))
        .collect();
    let caption =
        "Packages in the way, left open and with nothing against them, by report and target";
    let table = element(
        "table",
        &[("class", "figures")],
        [
            element("caption", &[("class", "unseen")], caption),
            element(
                "thead",
                &[],
                [element("tr", &[], groups), element("tr", &[], columns)],
            ),
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

fn row(report: &SavedReport, targets: &[String]) -> HtmlMarkup {
    let mut row = element("th", &[("scope", "row")], label(report));
    for target in targets {
        let figures = match tally(report, target) {
            Some(counts) => counts.map(|number| number.to_string()),
            None => ["—", "—", "—"].map(str::to_owned),
        };
        row.add(
            figures
                .into_iter()
                .map(|figure| element("td", &[], figure))
                .collect::<HtmlMarkup>(),
        );
    }
    row.add(element(
        "td",
        &[],
        report.content.problems.len().to_string(),
    ));
    row
}
