//! The table itself: one row for each version of a package, the worst first, the targets as columns.
//!
//! The columns' widths are decided here, so that every row can be coloured after it is laid out: the table crate's own
//! colouring reads `NO_COLOR` behind the caller's back.

use std::cmp::Reverse;

use comfy_table::{ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle, Width};

use crate::model::report::{PackageReport, Report, TargetResult};
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::super::RenderOptions;
use super::super::paint::{Role, Style, sign};
use super::super::sanitize::harmless;
use super::super::text::{share_platform, short_target, shorten, shorten_filename, wrap_at_most};
use super::culprits::has_paragraph;

/// Spaces between two columns.
const GAP: usize = 2;
/// Widest a package's name may be.
const NAME: usize = 28;
/// Widest a version may be.
const VERSION: usize = 16;
/// Below this width of the whole table, `pure-fallback` takes two lines.
const ROOMY: usize = 130;
/// With less room than this for the file and the reason, they stand in one column, one below the other.
const BESIDE: usize = 44;
/// Most lines of a reason that a paragraph tells whole.
const LONGEST_REASON: usize = 2;
/// Narrowest column for the file, and for the reason.
const NARROWEST: usize = 18;

/// Columns without borders, a line under the header.
const LOOK: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'))
    .content_lines(ContentLineStyle::none());

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

/// The table's lines.
pub(super) fn verdicts(report: &Report, options: &RenderOptions) -> Vec<String> {
    if report.packages.is_empty() {
        return vec!["No package to judge: the input names none for these targets.".to_owned()];
    }
    let packages = worst_first(report);
    let columns = Columns::fitting(&packages, &report.targets, options.width);
    let mut table = Table::new();
    table.load_style(LOOK).set_content_arrangement(ContentArrangement::Disabled).force_no_tty();
    table.set_header(columns.header(&report.targets));
    for package in &packages {
        table.add_row(columns.row(package, &report.targets));
    }
    let widths = columns.widths();
    let last = widths.len().saturating_sub(1);
    for (index, (column, width)) in table.column_iter_mut().zip(&widths).enumerate() {
        let gap = if index == last { 0 } else { GAP };
        column
            .set_padding((0, to_u16(gap)))
            .set_constraint(ColumnConstraint::Absolute(Width::Fixed(to_u16(width + gap))));
    }
    let header = 1 + usize::from(!share_platform(&report.targets));
    table.lines().enumerate().map(|(number, line)| colour(&line, number, header, &columns, options.style)).collect()
}

fn to_u16(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// How wide each column is.
struct Columns {
    name: usize,
    version: usize,
    /// One for each target.
    verdicts: Vec<usize>,
    /// `None` when the file stands above the reason.
    file: Option<usize>,
    why: usize,
    /// Whether `pure-fallback` takes one line.
    roomy: bool,
}

impl Columns {
    fn fitting(packages: &[&PackageReport], targets: &[Target], width: usize) -> Columns {
        let roomy = width >= ROOMY;
        let names = packages.iter().map(|package| package.name.to_string().len());
        let versions = packages.iter().map(|package| version(package).len());
        let name = names.chain(["Package".len()]).max().unwrap_or(0).min(NAME);
        let version = versions.chain(["Version".len()]).max().unwrap_or(0).min(VERSION);
        let verdicts: Vec<usize> =
            targets.iter().map(|target| verdict_width(packages, targets, *target, roomy)).collect();
        let taken = name + version + verdicts.iter().map(|verdict| verdict + GAP).sum::<usize>() + 2 * GAP;
        let left = width.saturating_sub(taken).max(NARROWEST);
        if left < BESIDE {
            return Columns { name, version, verdicts, file: None, why: left, roomy };
        }
        let results = packages.iter().flat_map(|package| &package.results);
        let longest = results.map(|result| filename(result).chars().count()).max().unwrap_or(0);
        let file = longest.clamp("Chosen file".len(), (left * 2 / 5).max(NARROWEST));
        Columns { name, version, verdicts, file: Some(file), why: left - file - GAP, roomy }
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![self.name, self.version];
        widths.extend(&self.verdicts);
        widths.extend(self.file);
        widths.push(self.why);
        widths
    }

    fn header(&self, targets: &[Target]) -> Vec<String> {
        let mut cells = vec!["Package".to_owned(), "Version".to_owned()];
        cells.extend(targets.iter().map(|target| target_title(targets, *target)));
        match self.file {
            Some(_) => cells.extend(["Chosen file".to_owned(), "Why".to_owned()]),
            None => cells.push("Chosen file, why".to_owned()),
        }
        cells
    }

    fn row(&self, package: &PackageReport, targets: &[Target]) -> Vec<String> {
        let mut cells = vec![package.name.to_string(), shorten(&version(package), self.version)];
        for target in targets {
            let result = package.results.iter().find(|result| result.target == *target);
            cells.push(result.map_or_else(|| "–".to_owned(), |result| verdict_cell(result.verdict, self.roomy)));
        }
        let reasons = reasons(package, targets, self.why);
        match self.file {
            Some(width) => cells.extend([files(package, width), reasons]),
            None => cells.push(format!("{}\n{reasons}", files(package, self.why))),
        }
        cells
    }
}

/// Each file once, one below the other.
fn files(package: &PackageReport, width: usize) -> String {
    let mut files: Vec<String> = Vec::new();
    for result in &package.results {
        let file = shorten_filename(&filename(result), width);
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files.join("\n")
}

/// A version as it is shown.
fn version(package: &PackageReport) -> String {
    package.version.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string)
}

fn filename(result: &TargetResult) -> String {
    result.artifact.as_ref().map_or_else(|| "–".to_owned(), |artifact| harmless(&artifact.filename))
}

/// Each reason once, the targets before it where they differ; cut where a paragraph below tells it whole.
fn reasons(package: &PackageReport, targets: &[Target], width: usize) -> String {
    let mut reasons: Vec<(String, Verdict, Vec<String>)> = Vec::new();
    for result in &package.results {
        let reason = harmless(&result.reason);
        let target = short_target(targets, result.target);
        match reasons.iter_mut().find(|(known, verdict, _)| *known == reason && *verdict == result.verdict) {
            Some((.., of)) => of.push(target),
            None => reasons.push((reason, result.verdict, vec![target])),
        }
    }
    let alone = reasons.len() == 1;
    let told = reasons.iter().map(|(reason, verdict, of)| {
        let text = if alone { reason.clone() } else { format!("{}: {reason}", of.join(", ")) };
        wrap_at_most(&text, width, if has_paragraph(*verdict) { LONGEST_REASON } else { usize::MAX })
    });
    told.collect::<Vec<_>>().join("\n")
}

fn target_title(targets: &[Target], target: Target) -> String {
    if share_platform(targets) { target.python.to_string() } else { format!("{}\n{}", target.python, target.platform) }
}

fn verdict_cell(verdict: Verdict, roomy: bool) -> String {
    let sign = sign(Role::of_verdict(verdict));
    match verdict {
        Verdict::PureFallback if !roomy => format!("{sign} pure-\n  fallback"),
        _ => format!("{sign} {}", verdict.word()),
    }
}

fn verdict_width(packages: &[&PackageReport], targets: &[Target], target: Target, roomy: bool) -> usize {
    let results = packages.iter().flat_map(|package| &package.results).filter(|result| result.target == target);
    let cells = results.map(|result| verdict_cell(result.verdict, roomy));
    let texts = cells.chain([target_title(targets, target)]);
    texts.flat_map(|text| text.lines().map(|line| line.chars().count()).collect::<Vec<_>>()).max().unwrap_or(0)
}

/// Colours one line. Name, version and verdicts are ASCII but for the sign, so columns are characters up to there.
fn colour(line: &str, number: usize, header: usize, columns: &Columns, style: Style) -> String {
    if style == Style::Plain {
        return line.to_owned();
    }
    if number < header {
        return style.paint(Role::Heading, line);
    }
    if number == header {
        return style.paint(Role::Faint, line);
    }
    let mut rest = line.chars();
    let mut take = |width: usize| rest.by_ref().take(width).collect::<String>();
    let mut painted = style.paint(Role::Heading, &take(columns.name + GAP));
    painted.push_str(&take(columns.version + GAP));
    for width in &columns.verdicts {
        let cell = take(width + GAP);
        painted.push_str(&style.paint(cell_role(&cell), &cell));
    }
    if let Some(width) = columns.file {
        painted.push_str(&style.paint(Role::Faint, &take(width + GAP)));
    }
    painted.extend(rest);
    painted
}

fn cell_role(cell: &str) -> Role {
    let roles = [Role::Good, Role::Lesser, Role::Open, Role::Caution, Role::Bad];
    let first = cell.chars().next().unwrap_or(' ');
    // The second line of `pure-fallback` has no sign.
    let continued = if cell.trim().is_empty() { Role::Faint } else { Role::Lesser };
    roles.into_iter().find(|role| sign(*role) == first).unwrap_or(if first == '–' { Role::Faint } else { continued })
}
