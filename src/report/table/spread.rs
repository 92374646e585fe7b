//! The table for more targets than have room as columns: a row for each verdict that a package gets, with the targets on
//! which it gets it, so that what differs between platforms stands below each other.

use std::cmp::Reverse;

use crate::model::report::{PackageReport, Report, TargetResult};
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::super::RenderOptions;
use super::super::paint::{PaintRole, PaintStyle};
use super::super::targets::targets;
use super::super::text::wrap;
use super::cells::{GAP, reasons, verdict_cell, version};
use super::chosen_file::{TagDetail, labels};
use super::packages::worst_first;

/// Widest columns: name, version, targets, file.
const NAME: usize = 24;
const VERSION: usize = 12;
const TARGETS: usize = 26;
const FILE: usize = 14;
/// Least room for reasons.
const LEAST: usize = 16;

/// One row, every cell in lines.
struct GridRow {
    verdict: Option<Verdict>,
    cells: [Vec<String>; 6],
}

/// The table's lines.
pub(super) fn verdicts(report: &Report, options: &RenderOptions) -> Vec<String> {
    let titles = ["Package", "Version", "Verdict", "On", "File", "Why"];
    let packages = worst_first(report);
    let parts: Vec<Vec<PackageReport>> =
        packages.iter().map(|package| by_verdict(package)).collect();
    let cells = |part: &PackageReport| texts(part, &report.targets);
    let mut widths = titles.map(str::len);
    for text in parts.iter().flatten().map(cells) {
        for (width, text) in widths.iter_mut().zip(&text) {
            *width = text
                .lines()
                .map(|line| line.chars().count())
                .chain([*width])
                .max()
                .unwrap_or(0);
        }
    }
    for (width, most) in widths
        .iter_mut()
        .zip([NAME, VERSION, usize::MAX, TARGETS, FILE])
    {
        *width = (*width).min(most);
    }
    let taken: usize = widths.iter().take(5).map(|width| width + GAP).sum();
    if let Some(why) = widths.last_mut() {
        *why = options.width.saturating_sub(taken).max(LEAST);
    }
    let rows = parts.iter().flat_map(|parts| {
        parts
            .iter()
            .enumerate()
            .map(|(number, part)| row(part, number, &report.targets, &widths))
    });
    let header = GridRow {
        verdict: None,
        cells: titles.map(|title| vec![title.to_owned()]),
    };
    let mut lines: Vec<String> = header.lines(&widths, PaintStyle::Plain);
    lines = lines
        .iter()
        .map(|line| options.style.paint(PaintRole::Heading, line))
        .collect();
    lines.push(
        options
            .style
            .paint(PaintRole::Faint, &"─".repeat(options.width)),
    );
    lines.extend(rows.flat_map(|row| row.lines(&widths, options.style)));
    lines
}

/// The package once for each verdict that it gets, the worst first.
fn by_verdict(package: &PackageReport) -> Vec<PackageReport> {
    let mut verdicts: Vec<Verdict> = package
        .results
        .iter()
        .map(|result| result.verdict)
        .collect();
    verdicts.sort_by_key(|verdict| Reverse(*verdict));
    verdicts.dedup();
    let of = |verdict: Verdict| -> Vec<TargetResult> {
        package
            .results
            .iter()
            .filter(|result| result.verdict == verdict)
            .cloned()
            .collect()
    };
    verdicts
        .into_iter()
        .map(|verdict| PackageReport {
            results: of(verdict),
            ..package.clone()
        })
        .collect()
}

fn texts(part: &PackageReport, all: &[Target]) -> [String; 6] {
    let on: Vec<Target> = part.results.iter().map(|result| result.target).collect();
    let verdict = part
        .results
        .first()
        .map_or_else(String::new, |result| verdict_cell(result.verdict, true));
    let why: Vec<String> = reasons(part, all)
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    [
        part.name.to_string(),
        version(part),
        verdict,
        targets(all, &on),
        labels(part, TagDetail::Least),
        why.join("\n"),
    ]
}

fn row(part: &PackageReport, number: usize, all: &[Target], widths: &[usize; 6]) -> GridRow {
    let mut texts = texts(part, all);
    // The name stands before the first of its rows.
    if number > 0 {
        for text in texts.iter_mut().take(2) {
            text.clear();
        }
    }
    let mut widths = widths.iter();
    let cells = texts.map(|text| {
        let width = widths.next().copied().unwrap_or(0);
        text.lines().flat_map(|line| wrap(line, width)).collect()
    });
    GridRow {
        verdict: part.results.first().map(|result| result.verdict),
        cells,
    }
}

impl GridRow {
    fn lines(&self, widths: &[usize; 6], style: PaintStyle) -> Vec<String> {
        let height = self.cells.iter().map(Vec::len).max().unwrap_or(0);
        let role = self
            .verdict
            .map_or(PaintRole::Heading, PaintRole::of_verdict);
        let cell = |line: usize, (column, (cell, width)): (usize, (&Vec<String>, &usize))| {
            let text = cell.get(line).map_or("", String::as_str);
            let text = format!("{text:<width$}{:GAP$}", "");
            match column {
                0 if !matches!(role, PaintRole::Good | PaintRole::Faint) => {
                    style.paint(PaintRole::Heading, &text)
                }
                2 => style.paint(role, &text),
                4 => style.paint(PaintRole::Faint, &text),
                _ => text,
            }
        };
        let line = |number: usize| {
            self.cells
                .iter()
                .zip(widths)
                .enumerate()
                .map(|each| cell(number, each))
                .collect::<String>()
                .trim_end()
                .to_owned()
        };
        (0..height).map(line).collect()
    }
}

/// Whether the targets have too little room as columns.
pub(super) fn is_needed(report: &Report, columns: usize, options: &RenderOptions) -> bool {
    report.targets.len() > 2 && columns * 2 > options.width
}
