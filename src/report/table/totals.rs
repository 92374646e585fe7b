//! What stands around the table: the targets, what the verdicts' words mean, what could not be looked at, counts.

use std::collections::BTreeSet;

use crate::model::problem::Problem;
use crate::model::report::{Report, RunSummary};
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::super::RenderOptions;
use super::super::paint::{PaintRole, sign};
use super::super::sanitize::harmless;
use super::super::targets::{platforms, pythons, share_platform, targets};
use super::super::text::{bytes, count, percentage, wrap};
use super::super::unread::UnreadCounts;
use super::super::words;
use super::culprit::{GridFinding, gather};

/// Widest column for targets before their counts.
const WIDEST_LABEL: usize = 40;

/// Verdicts from the worst to the best.
pub(in crate::report) const VERDICTS: [Verdict; 8] = [
    Verdict::Blocked,
    Verdict::Crash,
    Verdict::Gil,
    Verdict::Build,
    Verdict::Unknown,
    Verdict::PureFallback,
    Verdict::Ready,
    Verdict::Pure,
];

/// How many packages get each verdict, in words.
type VerdictCounts = Vec<(PaintRole, String)>;

/// What a verdict's word means, in one line.
pub(in crate::report) fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pure => {
            "no compiled module that Python imports; native libraries for `ctypes` are not judged"
        }
        Verdict::Ready => {
            "every compiled module declares that it does not need the GIL, so it stays off; the reason says who declared \
             it, and no declaration is a proof"
        }
        Verdict::PureFallback => {
            "installs without the compiled modules that this platform could have: the GIL stays off, it runs slower"
        }
        Verdict::Unknown => "something that decides could not be read",
        Verdict::Build => {
            "only a source distribution fits: what it becomes is decided where it is built"
        }
        Verdict::Gil => "importing it switches the GIL back on",
        Verdict::Crash => {
            "installs, but holds modules for another ABI: importing them fails or crashes"
        }
        Verdict::Blocked => "nothing fits: it cannot be installed",
    }
}

/// For which targets the report is, and what it followed.
pub(super) fn heading(report: &Report, options: &RenderOptions) -> Vec<String> {
    let Some(first) = report.targets.first() else {
        return Vec::new();
    };
    let (versions, on) = (pythons(&report.targets), platforms(&report.targets));
    let text = if share_platform(&report.targets) {
        format!("CPython {} on {}", listed(&versions), first.platform)
    } else if versions.len() * on.len() == report.targets.len() && report.targets.len() > 3 {
        format!("CPython {} on {}", listed(&versions), listed(&on))
    } else {
        format!("CPython {}", listed(&report.targets))
    };
    let lines = wrap(&text, options.width);
    let mut lines: Vec<String> = lines
        .iter()
        .map(|line| options.style.paint(PaintRole::Heading, line))
        .collect();
    if let Some(file) = &report.configuration {
        lines.extend(wrap(&format!("as {} says", harmless(file)), options.width));
    }
    lines
}

/// `a`, `a and b`, `a, b and c`.
fn listed<T: ToString>(each: &[T]) -> String {
    let words: Vec<String> = each.iter().map(ToString::to_string).collect();
    match words.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => words.concat(),
    }
}

/// The meaning of each verdict that occurs.
pub(super) fn legend(report: &Report, options: &RenderOptions) -> Vec<String> {
    let occurring: BTreeSet<Verdict> = report
        .packages
        .iter()
        .flat_map(|package| &package.results)
        .map(|result| result.verdict)
        .collect();
    let shown: Vec<Verdict> = VERDICTS
        .into_iter()
        .filter(|verdict| occurring.contains(verdict))
        .collect();
    let widest = shown
        .iter()
        .map(|verdict| verdict.word().len())
        .max()
        .unwrap_or(0);
    let mut lines = Vec::new();
    for verdict in shown {
        let role = PaintRole::of_verdict(verdict);
        let word = format!("{} {:<widest$}", sign(role), verdict.word());
        let room = options.width.saturating_sub(widest + 4);
        for (number, line) in wrap(meaning(verdict), room).iter().enumerate() {
            let start = if number == 0 {
                options.style.paint(role, &word)
            } else {
                " ".repeat(widest + 2)
            };
            lines.push(format!(
                "{start}  {}",
                options.style.paint(PaintRole::Faint, line)
            ));
        }
    }
    lines
}

/// What could not be looked at.
pub(super) fn problems(report: &Report, options: &RenderOptions) -> Vec<String> {
    if report.problems.is_empty() {
        return Vec::new();
    }
    let told = gather(report);
    let is_told = |problem: &&Problem| {
        let about =
            |culprit: &&GridFinding<'_>| problem.package.as_ref() == Some(&culprit.package.name);
        let says = |text: &str| text.contains(problem.message.as_str());
        told.iter()
            .filter(about)
            .any(|culprit| says(culprit.message) || culprit.because.is_some_and(says))
    };
    let (above, below): (Vec<&Problem>, Vec<&Problem>) = report.problems.iter().partition(is_told);
    let all = count(report.problems.len(), "problem");
    let title = match (above.len(), below.len()) {
        (0, _) => format!("Could not look at everything: {all}"),
        (_, 0) => format!("Could not look at everything: {all}, told above"),
        (some, _) => format!("Could not look at everything: {all}, {some} of them told above"),
    };
    let mut lines = vec![options.style.paint(PaintRole::Heading, &title)];
    lines.extend(
        below
            .iter()
            .flat_map(|problem| problem_lines(problem, options)),
    );
    lines
}

/// One problem, on as many lines as it takes.
pub(in crate::report) fn problem_lines(problem: &Problem, options: &RenderOptions) -> Vec<String> {
    let kind = format!(
        "{} {:<11}",
        sign(PaintRole::Open),
        words::problem_kind(problem.kind)
    );
    let room = options.width.saturating_sub(14);
    let lines = wrap(&words::problem(problem), room);
    let start = |number: usize| {
        if number == 0 {
            options.style.paint(PaintRole::Open, &kind)
        } else {
            " ".repeat(13)
        }
    };
    lines
        .iter()
        .enumerate()
        .map(|(number, line)| format!("{} {line}", start(number)))
        .collect()
}

/// How many of what.
pub(super) fn counts(report: &Report, options: &RenderOptions) -> Vec<String> {
    let mut counted: Vec<(Vec<Target>, VerdictCounts)> = Vec::new();
    for target in &report.targets {
        let counts = verdict_counts(report, *target);
        // Few targets have a line each.
        match counted
            .iter_mut()
            .find(|(_, known)| *known == counts && report.targets.len() > 3)
        {
            Some((of, _)) => of.push(*target),
            None => counted.push((vec![*target], counts)),
        }
    }
    let label = |of: &[Target]| match of {
        [target] => target.to_string(),
        several => targets(&report.targets, several),
    };
    let lengths = counted.iter().map(|(of, _)| label(of).chars().count());
    let widest = lengths
        .filter(|length| *length <= WIDEST_LABEL)
        .max()
        .unwrap_or(4);
    let mut lines = Vec::new();
    for (of, counts) in &counted {
        let label = label(of);
        let is_long = label.chars().count() > WIDEST_LABEL;
        // A long label has lines of its own.
        lines.extend(if is_long {
            wrap(&label, options.width)
        } else {
            Vec::new()
        });
        lines.extend(flow(
            &format!("{:<widest$}", if is_long { "" } else { &label }),
            counts,
            options,
        ));
    }
    let summary = &report.summary;
    let looked = format!(
        "{} looked into, with {}",
        count(summary.files, "file"),
        count(summary.modules, "compiled module")
    );
    let parts = [
        count(summary.packages, "package"),
        looked,
        fetched(summary),
        problem_count(report),
    ];
    lines.extend(wrap(&parts.join("; "), options.width));
    lines
}

/// How much of the files came over the network: nothing when all was known from an earlier run.
fn fetched(summary: &RunSummary) -> String {
    let total = bytes(summary.bytes_total);
    match summary.bytes_fetched {
        0 => format!("nothing fetched of their {total}"),
        part => format!(
            "{} fetched of their {total} ({})",
            bytes(part),
            percentage(part, summary.bytes_total)
        ),
    }
}

fn problem_count(report: &Report) -> String {
    let mut parts = Vec::new();
    parts.extend((report.summary.problems > 0).then(|| count(report.summary.problems, "problem")));
    parts.extend(UnreadCounts::of(report).words());
    if parts.is_empty() {
        "no problems reading them".to_owned()
    } else {
        parts.join(", ")
    }
}

fn verdict_counts(report: &Report, target: Target) -> VerdictCounts {
    let results = report
        .packages
        .iter()
        .flat_map(|package| &package.results)
        .filter(|result| result.target == target);
    let given: Vec<Verdict> = results.map(|result| result.verdict).collect();
    let number = |verdict: Verdict| given.iter().filter(|known| **known == verdict).count();
    let occurring = VERDICTS.into_iter().filter(|verdict| number(*verdict) > 0);
    occurring
        .map(|verdict| {
            (
                PaintRole::of_verdict(verdict),
                format!("{} {}", number(verdict), verdict.word()),
            )
        })
        .collect()
}

/// Coloured parts after a label, on as many lines as they take.
fn flow(label: &str, parts: &[(PaintRole, String)], options: &RenderOptions) -> Vec<String> {
    let margin = label.chars().count() + 2;
    let mut lines = vec![format!("{label}  ")];
    let mut used = margin;
    for (number, (role, part)) in parts.iter().enumerate() {
        let comma = if number + 1 < parts.len() { ", " } else { "" };
        if used > margin && used + part.len() + comma.len() > options.width {
            lines.push(" ".repeat(margin));
            used = margin;
        }
        used += part.len() + comma.len();
        if let Some(line) = lines.last_mut() {
            line.push_str(&options.style.paint(*role, part));
            line.push_str(comma);
        }
    }
    lines
}
