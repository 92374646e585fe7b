//! One paragraph for what one rule leaves open in many packages: the reason once, then the packages.

use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::super::RenderOptions;
use super::super::paint::{PaintRole, sign};
use super::super::sanitize::harmless;
use super::super::targets::targets;
use super::super::text::{count, evidence, path_of, wrap};
use super::culprit::GridFinding;
use super::labelled;
use super::packages::named;

/// From how many packages on what is said of whole packages is said of them together.
const PACKAGES: usize = 2;
/// From how many packages on what is said of modules is said of them together.
const MODULES: usize = 3;
/// Widest column for the packages.
const NAME: usize = 30;
/// Indent of the packages.
const INDENT: usize = 4;

/// Puts together what belongs in one paragraph, in the order of the first of each.
pub(super) fn together(culprits: Vec<GridFinding<'_>>) -> Vec<Vec<GridFinding<'_>>> {
    let mut gathered: Vec<Vec<GridFinding<'_>>> = Vec::new();
    for culprit in culprits {
        match gathered
            .iter_mut()
            .find(|crowd| crowd.iter().all(|other| is_alike(other, &culprit)))
        {
            Some(crowd) => crowd.push(culprit),
            None => gathered.push(vec![culprit]),
        }
    }
    gathered.into_iter().flat_map(apart).collect()
}

/// One by one again when there are too few.
fn apart(crowd: Vec<GridFinding<'_>>) -> Vec<Vec<GridFinding<'_>>> {
    let least = if crowd.iter().any(|culprit| culprit.members.is_empty()) {
        PACKAGES
    } else {
        MODULES
    };
    if packages(&crowd) < least {
        crowd.into_iter().map(|culprit| vec![culprit]).collect()
    } else {
        vec![crowd]
    }
}

fn is_alike(first: &GridFinding<'_>, second: &GridFinding<'_>) -> bool {
    matches!(first.verdict, Verdict::Unknown | Verdict::Build)
        && (first.verdict, first.rule, first.help) == (second.verdict, second.rule, second.help)
        && first.rule.is_some()
        && first.members.is_empty() == second.members.is_empty()
}

fn packages(crowd: &[GridFinding<'_>]) -> usize {
    let mut names: Vec<String> = crowd.iter().map(|culprit| named(culprit.package)).collect();
    names.sort();
    names.dedup();
    names.len()
}

/// The paragraph.
pub(super) fn paragraph(
    crowd: &[GridFinding<'_>],
    all: &[Target],
    options: &RenderOptions,
) -> Vec<String> {
    let Some(first) = crowd.first() else {
        return Vec::new();
    };
    let style = options.style;
    let concerned = |target: &&Target| crowd.iter().any(|culprit| culprit.targets.contains(target));
    let on: Vec<Target> = all.iter().filter(concerned).copied().collect();
    let role = PaintRole::of_verdict(first.verdict);
    let mut lines = vec![format!(
        "{}  {} on {}  {}",
        style.paint(role, &format!("{} {}", sign(role), first.verdict.word())),
        style.paint(PaintRole::Heading, &count(packages(crowd), "package")),
        targets(all, &on),
        style.paint(
            PaintRole::Faint,
            &format!("[{}]", harmless(first.rule.unwrap_or_default()))
        ),
    )];
    let names = crowd
        .iter()
        .map(|culprit| named(culprit.package).chars().count());
    let width = names.filter(|length| *length <= NAME).max().unwrap_or(0);
    let mut told: Vec<&str> = Vec::new();
    for reason in crowd.iter().map(reason) {
        if told.contains(&reason) {
            continue;
        }
        told.push(reason);
        lines.extend(
            wrap(&harmless(reason), options.width - 2)
                .iter()
                .map(|line| format!("  {line}")),
        );
        for culprit in crowd
            .iter()
            .filter(|culprit| self::reason(culprit) == reason)
        {
            lines.extend(item(culprit, &on, all, width, options));
        }
    }
    if let Some(help) = first.help {
        lines.extend(labelled("do", &harmless(help), options));
    }
    lines
}

/// What is said once for all packages of which it is true.
fn reason<'a>(culprit: &GridFinding<'a>) -> &'a str {
    culprit.because.unwrap_or(culprit.summary)
}

/// A package's lines.
fn item(
    culprit: &GridFinding<'_>,
    on: &[Target],
    all: &[Target],
    width: usize,
    options: &RenderOptions,
) -> Vec<String> {
    let mut detail = details(culprit);
    detail.extend(path(culprit));
    if let Some(first) = detail
        .first_mut()
        .filter(|_| culprit.targets.len() < on.len())
    {
        first.insert_str(0, &format!("on {}: ", targets(all, &culprit.targets)));
    }
    let room = options.width.saturating_sub(INDENT + width + 2).max(1);
    let lines = detail.iter().flat_map(|text| wrap(text, room));
    let name = format!("{:<width$}", named(culprit.package));
    let start = |number: usize| match number {
        0 => options.style.paint(PaintRole::Heading, &name),
        _ => " ".repeat(width),
    };
    lines
        .enumerate()
        .map(|(number, line)| format!("{:INDENT$}{}  {line}", "", start(number)))
        .collect()
}

/// What the others of the paragraph do not have: the modules and the first thing seen, or the message.
fn details(culprit: &GridFinding<'_>) -> Vec<String> {
    let Some((path, module)) = culprit.members.first() else {
        let is_said = culprit.verdict == Verdict::Build;
        return if is_said {
            Vec::new()
        } else {
            vec![harmless(culprit.message)]
        };
    };
    let more = match culprit.members.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let seen = culprit
        .evidence
        .first()
        .map_or_else(String::new, |seen| format!(", seen: {}", evidence(seen)));
    vec![format!("{}{more}{seen}", harmless(module.unwrap_or(path)))]
}

fn path(culprit: &GridFinding<'_>) -> Option<String> {
    let required_by = &culprit.package.required_by;
    let path = path_of(required_by.first()?, culprit.package.name.as_ref());
    match required_by.len() - 1 {
        0 => Some(path),
        more => Some(format!("{path} (and {})", count(more, "other path"))),
    }
}
