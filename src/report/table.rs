//! The default format: a table of verdicts, then the culprits, then notes, what could not be looked at, and counts.

mod cells;
mod chosen_file;
mod crowd;
mod culprit;
mod culprits;
mod gate;
mod grid;
mod left_out;
mod notes;
mod packages;
mod passed_over;
mod spread;
mod totals;

use crate::model::report::Report;

use super::excluded::{ExclusionNotice, notices};
use super::paint::{PaintRole, sign};
use super::sanitize::harmless;
use super::text::{page, wrap};
use super::{RenderError, RenderOptions};

pub(super) use gate::change_lines;
pub(super) use totals::{VERDICTS, meaning, problem_lines};

/// Narrower than this, columns stop making sense; a terminal then wraps lines itself.
const NARROWEST: usize = 60;
/// Wider than this, lines are hard to follow.
const WIDEST: usize = 200;

/// Width of the labels in front of a paragraph's lines, with the indent.
const LABEL: usize = 10;

/// Renders the report for a terminal, or for a file that people read.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let options = RenderOptions {
        width: options.width.clamp(NARROWEST, WIDEST),
        ..options.clone()
    };
    let sections = [
        excluded(report, &options),
        totals::heading(report, &options),
        grid::verdicts(report, &options),
        totals::legend(report, &options),
        culprits::paragraphs(report, &options),
        notes::paragraphs(report, &options),
        left_out::paragraph(report, &options),
        passed_over::paragraph(report, &options),
        more(report, &options),
        totals::problems(report, &options),
        gate::section(report, &options),
        totals::counts(report, &options),
    ];
    Ok(page(&sections))
}

/// Lock files that leave a target out, before everything else.
fn excluded(report: &Report, options: &RenderOptions) -> Vec<String> {
    let notices = notices(&report.excluded);
    notices
        .iter()
        .flat_map(|notice| notice_lines(notice, options))
        .collect()
}

/// One lock file's notice: the first line says what leaves which target out.
pub(super) fn notice_lines(notice: &ExclusionNotice, options: &RenderOptions) -> Vec<String> {
    let role = PaintRole::Bad;
    let what = wrap(&format!("{} {}", sign(role), notice.what), options.width);
    let mut lines: Vec<String> = what
        .iter()
        .map(|line| options.style.paint(role, line))
        .collect();
    lines.extend(wrap(&notice.meaning, options.width));
    if notice.command.is_empty() {
        lines.extend(wrap(
            &format!("To widen it, {}.", notice.change),
            options.width,
        ));
    } else {
        lines.extend(wrap(
            &format!("To widen it, {}, and run, where it is:", notice.change),
            options.width,
        ));
        // To be copied as it is.
        lines.push(format!("  {}", notice.command));
    }
    lines
}

/// How to read on about the rules in brackets.
fn more(report: &Report, options: &RenderOptions) -> Vec<String> {
    let results = report.packages.iter().flat_map(|package| &package.results);
    let shown = results
        .flat_map(|result| &result.findings)
        .max_by_key(|finding| finding.verdict);
    let Some(finding) = shown else {
        return Vec::new();
    };
    wrap(
        &format!(
            "`ungil explain {}` shows the page of a rule.",
            harmless(&finding.rule)
        ),
        options.width,
    )
}

/// A label and text beside it; the text's further lines stand under the first.
fn labelled(label: &str, text: &str, options: &RenderOptions) -> Vec<String> {
    let first = format!(
        "  {}",
        options
            .style
            .paint(PaintRole::Faint, &format!("{label:<8}"))
    );
    let rest = " ".repeat(LABEL);
    let lines = wrap(text, options.width - LABEL);
    let start = |number: usize| if number == 0 { &first } else { &rest };
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| format!("{}{line}", start(number)))
        .collect()
}
