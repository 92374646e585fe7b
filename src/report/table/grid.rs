//! The table itself: one row for each version of a package, the worst first, the targets as columns.
//!
//! The columns' widths are decided here, so that every row can be coloured after it is laid out: the table crate's own
//! colouring reads `NO_COLOR` behind the caller's back.

use comfy_table::{
    ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle, Width,
};

use crate::model::report::{PackageReport, Report};
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::super::RenderOptions;
use super::super::paint::{PaintRole, PaintStyle, sign};
use super::super::targets::share_platform;
use super::super::text::{wrap, wrap_at_most};
use super::cells::{GAP, reasons, verdict_cell, version};
use super::chosen_file::{NO_FILE, OWN_ABI, TagDetail, labels};
use super::culprit::has_paragraph;
use super::packages::worst_first;
use super::spread;

/// Widest a package's name may be before it takes two lines; the second when there is little room.
const NAME: [usize; 2] = [28, 16];
/// Ways to save room, the most comfortable first: how much is said of the file, and how wide a version may be before it
/// takes two lines.
const LAYOUTS: [(TagDetail, usize); 5] = [
    (TagDetail::Platform, 20),
    (TagDetail::Interpreter, 20),
    (TagDetail::Least, 20),
    (TagDetail::Interpreter, 12),
    (TagDetail::Least, 12),
];
/// Below this width of the whole table, `pure-fallback` takes two lines.
const ROOMY: usize = 130;
/// Most lines of a reason that a paragraph tells whole; only what is not written to be short is cut.
const MOST_LINES: usize = 6;
/// With less room than this for the reason, the file stands in front of it in the same column.
const NARROWEST: usize = 19;
/// The room for reasons that layouts look for at most: for any, and for those of packages that nothing speaks against.
const WIDEST_REASON: usize = 60;
const WIDEST_GOOD_REASON: usize = 36;

/// Columns without borders, a line under the header.
const LOOK: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'))
    .content_lines(ContentLineStyle::none());

/// The table's lines.
pub(super) fn verdicts(report: &Report, options: &RenderOptions) -> Vec<String> {
    if report.packages.is_empty() {
        return vec!["No package to judge: the input names none for these targets.".to_owned()];
    }
    let packages = worst_first(report);
    let columns = ColumnWidths::fitting(&packages, &report.targets, options.width);
    if spread::is_needed(
        report,
        columns.verdicts.iter().map(|width| width + GAP).sum(),
        options,
    ) {
        return spread::verdicts(report, options);
    }
    let mut table = Table::new();
    table
        .load_style(LOOK)
        .set_content_arrangement(ContentArrangement::Disabled)
        .force_no_tty();
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
            .set_constraint(ColumnConstraint::Absolute(Width::Fixed(to_u16(
                width + gap,
            ))));
    }
    let header = 1 + usize::from(!share_platform(&report.targets));
    table
        .lines()
        .enumerate()
        .map(|(number, line)| colour(&line, number, header, &columns, options.style))
        .collect()
}

fn to_u16(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

/// How wide each column is.
struct ColumnWidths {
    name: usize,
    version: usize,
    /// One for each target.
    verdicts: Vec<usize>,
    detail: TagDetail,
    /// `None` when the file stands in front of the reason.
    file: Option<usize>,
    why: usize,
    /// Whether `pure-fallback` takes one line.
    roomy: bool,
}

impl ColumnWidths {
    fn fitting(packages: &[&PackageReport], targets: &[Target], width: usize) -> ColumnWidths {
        let roomy = width >= ROOMY;
        let name = widest("Package", packages, |package| package.name.to_string()).min(NAME[0]);
        let versions = widest("Version", packages, version);
        let verdicts: Vec<usize> = targets
            .iter()
            .map(|target| verdict_width(packages, targets, *target, roomy))
            .collect();
        let taken = name + verdicts.iter().map(|verdict| verdict + GAP).sum::<usize>() + 2 * GAP;
        let columns = |(detail, version): (TagDetail, usize)| {
            let (version, file) = (versions.min(version), file_width(packages, detail));
            let why = width.saturating_sub(taken + version + file + GAP);
            ColumnWidths {
                name,
                version,
                verdicts: verdicts.clone(),
                detail,
                file: Some(file),
                why,
                roomy,
            }
        };
        // A package that nothing speaks against is to take one line; whoever has much room gets that for all.
        let all = longest_reason(packages, targets, |_| true).min(WIDEST_REASON);
        let good = longest_reason(packages, targets, |verdict| !has_paragraph(verdict))
            .min(WIDEST_GOOD_REASON);
        let mut fitting = LAYOUTS.into_iter().map(columns);
        let found = fitting.find(|columns| {
            columns.why
                >= if columns.detail == TagDetail::Platform {
                    all
                } else {
                    good
                }
        });
        let last = || {
            columns((
                TagDetail::Least,
                LAYOUTS
                    .map(|(_, version)| version)
                    .into_iter()
                    .min()
                    .unwrap_or(0),
            ))
        };
        let columns = found.unwrap_or_else(last);
        if columns.why >= NARROWEST {
            return columns;
        }
        let narrow = name.min(NAME[1]);
        let why = width
            .saturating_sub(taken - name + narrow + columns.version)
            .max(NARROWEST);
        ColumnWidths {
            name: narrow,
            file: None,
            why,
            ..columns
        }
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
            Some(width) => {
                let title = ["Chosen file", "File"]
                    .into_iter()
                    .find(|title| title.len() <= width)
                    .unwrap_or_default();
                cells.extend([title.to_owned(), "Why".to_owned()]);
            }
            None => cells.push("File, why".to_owned()),
        }
        cells
    }

    fn row(&self, package: &PackageReport, targets: &[Target]) -> Vec<String> {
        let mut cells = vec![
            wrap(package.name.as_ref(), self.name).join("\n"),
            version(package),
        ];
        for target in targets {
            let result = package
                .results
                .iter()
                .find(|result| result.target == *target);
            cells.push(result.map_or_else(
                || "–".to_owned(),
                |result| verdict_cell(result.verdict, self.roomy),
            ));
        }
        let file = labels(package, self.detail);
        let mut reasons = reasons(package, targets);
        match (self.file, reasons.first_mut()) {
            (Some(width), _) => cells.push(wrap(&file, width).join("\n")),
            (None, Some((first, _))) if file != NO_FILE => *first = format!("{file}, {first}"),
            (None, _) => {}
        }
        let most = |verdict| {
            if has_paragraph(verdict) {
                MOST_LINES
            } else {
                usize::MAX
            }
        };
        let told = reasons
            .iter()
            .map(|(text, verdict)| wrap_at_most(text, self.why, most(*verdict)));
        cells.push(told.collect::<Vec<_>>().join("\n"));
        cells
    }
}

/// The width of a column: its title's, or its widest cell's.
fn widest(
    title: &str,
    packages: &[&PackageReport],
    cell: impl Fn(&PackageReport) -> String,
) -> usize {
    packages
        .iter()
        .map(|package| cell(package).chars().count())
        .max()
        .unwrap_or(0)
        .max(title.len())
}

/// The width of the column for files. Where room is short, what differs between targets takes a line for each: so do the
/// reasons then.
fn file_width(packages: &[&PackageReport], detail: TagDetail) -> usize {
    let whole = widest("File", packages, |package| labels(package, detail));
    let words = |package: &PackageReport| {
        let label = labels(package, detail);
        label
            .split(' ')
            .max_by_key(|word| word.chars().count())
            .unwrap_or_default()
            .to_owned()
    };
    if detail == TagDetail::Least {
        whole.min(widest(OWN_ABI, packages, words))
    } else {
        whole
    }
}

/// Characters of the longest reason for one of these verdicts.
fn longest_reason(
    packages: &[&PackageReport],
    targets: &[Target],
    counts: impl Fn(Verdict) -> bool,
) -> usize {
    let reasons = packages
        .iter()
        .flat_map(|package| reasons(package, targets));
    let lengths = reasons
        .filter(|(_, verdict)| counts(*verdict))
        .map(|(text, _)| text.chars().count());
    lengths.max().unwrap_or(0)
}

fn target_title(targets: &[Target], target: Target) -> String {
    if share_platform(targets) {
        target.python.to_string()
    } else {
        format!("{}\n{}", target.python, target.platform)
    }
}

fn verdict_width(
    packages: &[&PackageReport],
    targets: &[Target],
    target: Target,
    roomy: bool,
) -> usize {
    let results = packages
        .iter()
        .flat_map(|package| &package.results)
        .filter(|result| result.target == target);
    let cells = results.map(|result| verdict_cell(result.verdict, roomy));
    let texts = cells.chain([target_title(targets, target)]);
    texts
        .flat_map(|text| {
            text.lines()
                .map(|line| line.chars().count())
                .collect::<Vec<_>>()
        })
        .max()
        .unwrap_or(0)
}

/// Colours one line. Name, version and verdicts are ASCII but for the sign, so columns are characters up to there.
fn colour(
    line: &str,
    number: usize,
    header: usize,
    columns: &ColumnWidths,
    style: PaintStyle,
) -> String {
    if style == PaintStyle::Plain {
        return line.to_owned();
    }
    if number < header {
        return style.paint(PaintRole::Heading, line);
    }
    if number == header {
        return style.paint(PaintRole::Faint, line);
    }
    let mut rest = line.chars();
    let mut take = |width: usize| rest.by_ref().take(width).collect::<String>();
    let (name, version) = (take(columns.name + GAP), take(columns.version + GAP));
    let verdicts: Vec<String> = columns
        .verdicts
        .iter()
        .map(|width| take(width + GAP))
        .collect();
    // The names to look at stand out.
    let is_fine = verdicts
        .iter()
        .all(|cell| matches!(cell_role(cell), PaintRole::Good | PaintRole::Faint));
    let mut painted = if is_fine {
        name
    } else {
        style.paint(PaintRole::Heading, &name)
    };
    painted.push_str(&version);
    for cell in &verdicts {
        painted.push_str(&style.paint(cell_role(cell), cell));
    }
    if let Some(width) = columns.file {
        painted.push_str(&style.paint(PaintRole::Faint, &take(width + GAP)));
    }
    painted.extend(rest);
    painted
}

fn cell_role(cell: &str) -> PaintRole {
    let roles = [
        PaintRole::Good,
        PaintRole::Lesser,
        PaintRole::Open,
        PaintRole::Caution,
        PaintRole::Bad,
    ];
    let first = cell.chars().next().unwrap_or(' ');
    // The second line of `pure-fallback` has no sign.
    let continued = if cell.trim().is_empty() {
        PaintRole::Faint
    } else {
        PaintRole::Lesser
    };
    roles
        .into_iter()
        .find(|role| sign(*role) == first)
        .unwrap_or(if first == '–' {
            PaintRole::Faint
        } else {
            continued
        })
}
