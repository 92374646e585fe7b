//! Notes: what rules say that decides no verdict, warnings before hints. One paragraph for each rule. What a warning says is
//! much the same of every package, so the packages are listed; a hint is told of each.

use std::cmp::Reverse;

use crate::model::finding::{Certainty, Finding, FindingLevel};
use crate::model::report::{PackageReport, Report, TargetResult};

use super::super::RenderOptions;
use super::super::paint::{PaintRole, sign};
use super::super::sanitize::harmless;
use super::super::text::{count, wrap};
use super::labelled;
use super::packages::named;

/// How many packages have the words of a hint about them told.
const HINTED: usize = 12;

/// What one rule says.
struct RuleNote<'a> {
    first: &'a Finding,
    packages: Vec<NotedPackage<'a>>,
}

/// A package of which, or of whose modules, it is said.
struct NotedPackage<'a> {
    package: &'a PackageReport,
    /// On the first target of which it is said.
    result: &'a TargetResult,
    finding: &'a Finding,
    /// Of how many modules it is said on that target besides the first.
    more: usize,
}

/// The paragraphs.
pub(super) fn paragraphs(report: &Report, options: &RenderOptions) -> Vec<String> {
    let mut notes: Vec<RuleNote<'_>> = Vec::new();
    for package in &report.packages {
        for result in &package.results {
            for finding in result
                .findings
                .iter()
                .filter(|finding| finding.level != FindingLevel::Decides)
            {
                add(
                    &mut notes,
                    NotedPackage {
                        package,
                        result,
                        finding,
                        more: 0,
                    },
                );
            }
        }
    }
    notes.sort_by_key(|note| (Reverse(note.first.level), note.first.certainty));
    let mut lines = Vec::new();
    for note in &notes {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(paragraph(note, options));
    }
    lines
}

fn add<'a>(notes: &mut Vec<RuleNote<'a>>, told: NotedPackage<'a>) {
    let finding = told.finding;
    let same = |note: &&mut RuleNote<'_>| {
        note.first.rule == finding.rule && note.first.certainty == finding.certainty
    };
    let Some(note) = notes.iter_mut().find(same) else {
        notes.push(RuleNote {
            first: finding,
            packages: vec![told],
        });
        return;
    };
    match note.packages.last_mut() {
        Some(last) if std::ptr::eq(last.result, told.result) => last.more += 1,
        Some(last) if std::ptr::eq(last.package, told.package) => {}
        _ => note.packages.push(told),
    }
}

fn paragraph(note: &RuleNote<'_>, options: &RenderOptions) -> Vec<String> {
    let (role, word) = match (note.first.certainty, note.first.level) {
        (Certainty::Unknown, _) => (PaintRole::Open, "unclear"),
        (Certainty::Holds, FindingLevel::Hint) => (PaintRole::Lesser, "hint"),
        (Certainty::Holds, FindingLevel::Warning | FindingLevel::Decides) => {
            (PaintRole::Caution, "warning")
        }
    };
    let title = format!("{} {word}", sign(role));
    let rule = format!("[{}]", harmless(&note.first.rule));
    let packages = count(note.packages.len(), "package");
    let style = options.style;
    let mut lines = vec![format!(
        "{}  {}  {}",
        style.paint(role, &title),
        style.paint(PaintRole::Heading, &packages),
        style.paint(PaintRole::Faint, &rule)
    )];
    // Hints are for maintainers, who want to know the places.
    let told = if note.first.level == FindingLevel::Hint {
        HINTED
    } else {
        0
    };
    lines.extend(
        note.packages
            .iter()
            .take(told)
            .flat_map(|told| one(told, options)),
    );
    if told == 0 {
        lines.extend(
            wrap(&harmless(&note.first.message), options.width - 2)
                .iter()
                .map(|line| format!("  {line}")),
        );
    }
    let names: Vec<String> = note
        .packages
        .iter()
        .skip(told)
        .map(|told| named(told.package))
        .collect();
    if !names.is_empty() {
        lines.extend(labelled(
            if told == 0 { "in" } else { "also in" },
            &names.join(", "),
            options,
        ));
    }
    if !note.first.help.is_empty() {
        lines.extend(labelled("do", &harmless(&note.first.help), options));
    }
    lines
}

/// What is said of one package; its further lines stand a little to the right.
fn one(told: &NotedPackage<'_>, options: &RenderOptions) -> Vec<String> {
    let more = match told.more {
        0 => String::new(),
        more => format!("; and of {}", count(more, "further module")),
    };
    let text = format!(
        "{}: {}{more}",
        named(told.package),
        harmless(&told.finding.message)
    );
    let lines = wrap(&text, options.width - 4);
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| format!("{:1$}{line}", "", if number == 0 { 2 } else { 4 }))
        .collect()
}
