//! The culprits: for each package that is not simply fine, one paragraph for each thing that is wrong with it. What leaves
//! open what a package does, and is the same of many, is one paragraph for all of them (`crowd`).

use crate::model::report::{PackageReport, Report};
use crate::model::target::Target;

use super::super::RenderOptions;
use super::super::paint::{PaintRole, sign};
use super::super::sanitize::harmless;
use super::super::targets::targets;
use super::super::text::{count, evidence_list, path_of, wrap};
use super::crowd;
use super::culprit::{GridFinding, gather};
use super::labelled;
use super::packages::named;

/// How many pieces of evidence a paragraph shows.
const EVIDENCE: usize = 4;
/// How many files, one for each target, a paragraph shows; what is seen is seen in the first.
const FILES: usize = 3;
/// How many paths a paragraph shows.
const PATHS: usize = 2;
/// How many modules a paragraph names besides the first.
const ALSO: usize = 8;

/// The paragraphs, the worst first.
pub(super) fn paragraphs(report: &Report, options: &RenderOptions) -> Vec<String> {
    let mut lines = Vec::new();
    for gathered in crowd::together(gather(report)) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(match gathered.as_slice() {
            [culprit] => paragraph(culprit, &report.targets, options),
            crowded => crowd::paragraph(crowded, &report.targets, options),
        });
    }
    lines
}

fn paragraph(culprit: &GridFinding<'_>, all: &[Target], options: &RenderOptions) -> Vec<String> {
    let mut lines = vec![title(culprit, all, options)];
    lines.extend(
        wrap(&harmless(culprit.message), options.width - 2)
            .iter()
            .map(|line| format!("  {line}")),
    );
    if let Some((path, module)) = culprit.members.first() {
        let named = module.map_or_else(String::new, |module| format!("{} in ", harmless(module)));
        lines.extend(labelled(
            "module",
            &format!("{named}{}", harmless(path)),
            options,
        ));
    }
    if culprit.members.len() > 1 {
        lines.extend(labelled("also", &others(culprit), options));
    }
    if let Some(because) = culprit.because.filter(|_| culprit.rule.is_none()) {
        lines.extend(labelled("because", &harmless(because), options));
    }
    for (number, filename) in culprit.filenames.iter().take(FILES).enumerate() {
        lines.extend(labelled(
            if number == 0 { "file" } else { "" },
            &harmless(filename),
            options,
        ));
    }
    // What shows something of a whole package are file names, and the message has them.
    if !culprit.evidence.is_empty() && !culprit.members.is_empty() {
        lines.extend(labelled(
            "seen",
            &evidence_list(culprit.evidence, EVIDENCE),
            options,
        ));
    }
    lines.extend(paths(culprit.package, options));
    if let Some(help) = culprit.help {
        lines.extend(labelled("do", &harmless(help), options));
    }
    lines
}

/// The modules after the first.
fn others(culprit: &GridFinding<'_>) -> String {
    let names = culprit
        .members
        .iter()
        .skip(1)
        .map(|(path, module)| harmless(module.unwrap_or(path)));
    let shown: Vec<String> = names.take(ALSO).collect();
    match culprit.members.len().saturating_sub(1 + ALSO) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn title(culprit: &GridFinding<'_>, all: &[Target], options: &RenderOptions) -> String {
    let style = options.style;
    let package = named(culprit.package);
    let role = PaintRole::of_verdict(culprit.verdict);
    let verdict = format!("{} {}", sign(role), culprit.verdict.word());
    let rule = culprit
        .rule
        .map_or_else(String::new, |rule| format!("  [{}]", harmless(rule)));
    format!(
        "{}  {} on {}{}",
        style.paint(role, &verdict),
        style.paint(PaintRole::Heading, &package),
        targets(all, &culprit.targets),
        style.paint(PaintRole::Faint, &rule),
    )
}

fn paths(package: &PackageReport, options: &RenderOptions) -> Vec<String> {
    let name = package.name.to_string();
    let mut shown: Vec<String> = package
        .required_by
        .iter()
        .take(PATHS)
        .map(|path| path_of(path, &name))
        .collect();
    let more = package.required_by.len().saturating_sub(PATHS);
    if let Some(last) = shown.last_mut().filter(|_| more > 0) {
        last.push_str(&format!("  (and {})", count(more, "other path")));
    }
    let mut lines = Vec::new();
    for (number, path) in shown.iter().enumerate() {
        lines.extend(labelled(
            if number == 0 { "from" } else { "" },
            path,
            options,
        ));
    }
    lines
}
