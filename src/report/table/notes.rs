//! Notes: what rules say that decides no verdict, warnings before hints. One paragraph for each rule: what it says is much
//! the same of every package, so the packages are listed.

use std::cmp::Reverse;

use crate::model::finding::{Certainty, Finding, Level};
use crate::model::report::{PackageReport, Report};

use super::super::RenderOptions;
use super::super::paint::{Role, sign};
use super::super::sanitize::harmless;
use super::super::text::{count, wrap};
use super::culprits::named;
use super::labelled;

/// What one rule says.
struct Note<'a> {
    first: &'a Finding,
    /// Packages of which, or of whose modules, it is said.
    packages: Vec<&'a PackageReport>,
}

/// The paragraphs.
pub(super) fn paragraphs(report: &Report, options: &RenderOptions) -> Vec<String> {
    let mut notes: Vec<Note<'_>> = Vec::new();
    for package in &report.packages {
        for finding in package.results.iter().flat_map(|result| &result.findings) {
            if finding.level != Level::Decides {
                add(&mut notes, package, finding);
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

fn add<'a>(notes: &mut Vec<Note<'a>>, package: &'a PackageReport, finding: &'a Finding) {
    let same = |note: &&mut Note<'_>| note.first.rule == finding.rule && note.first.certainty == finding.certainty;
    match notes.iter_mut().find(same) {
        Some(note) if note.packages.last().is_some_and(|last| std::ptr::eq(*last, package)) => {}
        Some(note) => note.packages.push(package),
        None => notes.push(Note { first: finding, packages: vec![package] }),
    }
}

fn paragraph(note: &Note<'_>, options: &RenderOptions) -> Vec<String> {
    let (role, word) = match (note.first.certainty, note.first.level) {
        (Certainty::Unknown, _) => (Role::Open, "unclear"),
        (Certainty::Holds, Level::Hint) => (Role::Lesser, "hint"),
        (Certainty::Holds, Level::Warning | Level::Decides) => (Role::Caution, "warning"),
    };
    let title = format!("{} {word}", sign(role));
    let rule = format!("[{}]", harmless(&note.first.rule));
    let packages = count(note.packages.len(), "package");
    let style = options.style;
    let mut lines = vec![format!(
        "{}  {}  {}",
        style.paint(role, &title),
        style.paint(Role::Heading, &packages),
        style.paint(Role::Faint, &rule)
    )];
    lines.extend(wrap(&harmless(&note.first.message), options.width - 2).iter().map(|line| format!("  {line}")));
    let names: Vec<String> = note.packages.iter().map(|package| named(package)).collect();
    lines.extend(labelled("in", &names.join(", "), options));
    if !note.first.help.is_empty() {
        lines.extend(labelled("do", &harmless(&note.first.help), options));
    }
    lines
}
