//! Markdown for a comment on a pull request and for `$GITHUB_STEP_SUMMARY`: a headline, what stands in the way, the rest
//! folded.
//!
//! GitHub refuses comments of more than 65,536 characters, so each part has its room, and says how much it left out.

mod escape;
mod section;

use std::collections::BTreeMap;

use crate::model::gate::{GateOutcome, VerdictChange, VerdictChanges, VersionVerdict};
use crate::model::report::{PackageReport, Report};
use crate::model::snapshot::ReportDifference;
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::alert::{AlertScope, AlertWeight, MOST_ENVIRONMENTS, RuleAlert, alerts, places};
use super::excluded::notices;
use super::paint::{PaintRole, sign};
use super::targets::{platforms, pythons, short_target, targets};
use super::text::{count, evidence_list};
use super::unread::UnreadCounts;
use super::{RenderError, RenderOptions, place, words};
use escape::{code, prose};
use section::MarkdownSection;

/// Bytes for each part; together less than a comment may have.
const ALERTS_ROOM: usize = 28_000;
const SETTLED_ROOM: usize = 7_000;
const ADVICE_ROOM: usize = 12_000;
const CHANGES_ROOM: usize = 5_000;
const PACKAGES_ROOM: usize = 6_000;
const PROBLEMS_ROOM: usize = 4_000;
/// Most targets that get a column.
const MOST_COLUMNS: usize = 12;

/// Renders the report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let alerts = alerts(report, AlertScope::Deciding);
    let (settled, live): (Vec<&RuleAlert<'_>>, Vec<&RuleAlert<'_>>) =
        alerts.iter().partition(|alert| alert.is_settled());
    let parts = [
        headline(report, &live),
        table(report, &live, ALERTS_ROOM).text(),
        table(report, &settled, SETTLED_ROOM).folded(&format!(
            "Does not count: {} waived, or known from the baseline",
            settled.len()
        )),
        advice(report, &live).folded("What was seen, and what to do"),
        changes(report).folded("What changed since the baseline"),
        problems(report).folded(&format!(
            "Could not look at everything: {}",
            count(report.problems.len(), "problem")
        )),
        packages(report).folded(&format!("All packages ({})", report.packages.len())),
        generated(options),
    ];
    let parts: Vec<&str> = parts
        .iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    Ok(parts.join("\n").into_bytes())
}

/// The word of the policy, or what the verdicts come to.
fn headline(report: &Report, live: &[&RuleAlert<'_>]) -> String {
    let word = match &report.gate {
        Some(gate) => format!(
            "{} the gate is {}",
            mark(gate.outcome),
            words::outcome_meaning(gate.outcome)
        ),
        None => tally(report),
    };
    let pythons: Vec<String> = pythons(&report.targets)
        .iter()
        .map(ToString::to_string)
        .collect();
    let platforms: Vec<String> = platforms(&report.targets)
        .iter()
        .map(ToString::to_string)
        .collect();
    let on = match report.targets.as_slice() {
        [] => String::new(),
        _ => format!(
            "CPython {} on {}; ",
            pythons.join(", "),
            platforms.join(", ")
        ),
    };
    let number = |weight: AlertWeight| {
        live.iter()
            .filter(|alert| alert.urgency() == weight)
            .count()
    };
    let mut counted = vec![count(report.summary.packages, "package")];
    for (weight, noun) in [
        (AlertWeight::Error, "blocker"),
        (AlertWeight::Warning, "open question"),
        (AlertWeight::Note, "note"),
    ] {
        if number(weight) > 0 {
            counted.push(count(number(weight), noun));
        }
    }
    counted.extend((!report.problems.is_empty()).then(|| count(report.problems.len(), "problem")));
    counted.extend(UnreadCounts::of(report).words());
    let notices = notices(&report.excluded);
    let excluded: String = notices
        .iter()
        .map(|notice| {
            format!(
                "**{}** {} {}\n\n",
                prose(&notice.what),
                prose(&notice.meaning),
                prose(&notice.remedy())
            )
        })
        .collect();
    format!(
        "### ungil: {word}\n\n{excluded}{on}{}\n",
        counted.join(", ")
    )
}

fn mark(outcome: GateOutcome) -> char {
    match outcome {
        GateOutcome::Passed => sign(PaintRole::Good),
        GateOutcome::Open => sign(PaintRole::Open),
        GateOutcome::Broken => sign(PaintRole::Bad),
    }
}

/// How many packages stand in the way, by the worst verdict of each.
fn tally(report: &Report) -> String {
    let mut worst: BTreeMap<&str, Verdict> = BTreeMap::new();
    for package in &report.packages {
        for result in &package.results {
            let known = worst.entry(package.name.as_ref()).or_insert(result.verdict);
            *known = (*known).max(result.verdict);
        }
    }
    let number =
        |wanted: fn(&Verdict) -> bool| worst.values().filter(|verdict| wanted(verdict)).count();
    let bad = number(|verdict| *verdict >= Verdict::Gil);
    let open = number(|verdict| matches!(verdict, Verdict::Unknown | Verdict::Build));
    match (worst.len(), bad, open + report.problems.len()) {
        (0, ..) => format!("{} no package to judge", sign(PaintRole::Open)),
        (_, 0, 0) => format!("{} nothing speaks against it", sign(PaintRole::Good)),
        (_, 0, _) => format!(
            "{} nothing stands in the way, but not everything could be judged",
            sign(PaintRole::Open)
        ),
        (_, 1, _) => format!("{} 1 package stands in the way", sign(PaintRole::Bad)),
        (_, several, _) => format!(
            "{} {several} packages stand in the way",
            sign(PaintRole::Bad)
        ),
    }
}

fn table(report: &Report, alerts: &[&RuleAlert<'_>], room: usize) -> MarkdownSection {
    let row = |alert: &&RuleAlert<'_>| {
        let verdict = alert.verdict.map_or_else(
            || format!("{} {}", sign(PaintRole::Caution), prose(&alert.rule)),
            |verdict| {
                format!(
                    "{} {}",
                    sign(PaintRole::of_verdict(verdict)),
                    verdict.word()
                )
            },
        );
        let from = from(alert);
        let on = targets(&report.targets, &alert.targets);
        format!(
            "| {} | {verdict} | {on} | {} | {from} |",
            package(alert),
            prose(&alert.sentence())
        )
    };
    MarkdownSection {
        head: "| Package | Verdict | Targets | Why | From |\n|---|---|---|---|---|\n".to_owned(),
        lines: alerts.iter().map(row).collect(),
        room,
    }
}

/// The best place to point at; where there are several environments, all that are concerned.
fn from(alert: &RuleAlert<'_>) -> String {
    let shown = alert.found_in.len().clamp(1, MOST_ENVIRONMENTS);
    let mut names: Vec<String> = alert
        .places
        .iter()
        .take(shown)
        .map(|named| code(&place::words(named)))
        .collect();
    let more = alert.found_in.len().saturating_sub(shown);
    names.extend((more > 0).then(|| format!("{more} more")));
    names.join(", ")
}

fn package(alert: &RuleAlert<'_>) -> String {
    let version = alert.version.map_or_else(String::new, |version| {
        format!(" {}", prose(&version.to_string()))
    });
    format!("{}{version}", code(alert.package.as_ref()))
}

/// For each rule and package: what to do, the modules and what was seen.
fn advice(report: &Report, alerts: &[&RuleAlert<'_>]) -> MarkdownSection {
    let item = |alert: &&RuleAlert<'_>| {
        let mut text = format!("- {} ({}):", package(alert), code(&alert.rule));
        if !alert.help.is_empty() {
            text.push_str(&format!(" {}", prose(alert.help)));
        }
        if let Some(path) = alert.modules.first() {
            text.push_str(&format!(" Module {}", code(path)));
            text.push_str(
                &seen(report, alert).map_or_else(|| ".".to_owned(), |seen| format!(": {seen}.")),
            );
        }
        text
    };
    let worth = |alert: &&&RuleAlert<'_>| !alert.help.is_empty() || !alert.modules.is_empty();
    MarkdownSection {
        head: String::new(),
        lines: alerts.iter().filter(worth).map(item).collect(),
        room: ADVICE_ROOM,
    }
}

/// The first things seen in the first of the modules.
fn seen(report: &Report, alert: &RuleAlert<'_>) -> Option<String> {
    let same = |package: &&PackageReport| {
        package.name == *alert.package && package.version.as_ref() == alert.version
    };
    let results = report
        .packages
        .iter()
        .filter(same)
        .flat_map(|package| &package.results);
    let mut findings = results.flat_map(|result| &result.findings);
    let first = alert.modules.first().copied();
    let finding = findings
        .find(|finding| finding.rule == alert.rule && finding.module.as_deref() == first)?;
    (!finding.evidence.is_empty()).then(|| prose(&evidence_list(&finding.evidence, 2)))
}

fn changes(report: &Report) -> MarkdownSection {
    let some = report.gate.as_ref().and_then(|gate| gate.changes.as_ref());
    change_table(some.map_or_else(Vec::new, change_rows))
}

/// What is different between two reports, for a comment or a summary.
pub(super) fn render_difference(
    difference: &ReportDifference,
    _options: &RenderOptions,
) -> Result<Vec<u8>, RenderError> {
    let ReportDifference {
        before,
        after,
        changes,
    } = difference;
    let lines = change_rows(changes);
    let said = if lines.is_empty() {
        "No verdict changed.\n".to_owned()
    } else {
        change_table(lines).text()
    };
    let mut text = format!("### ungil: {} → {}\n\n{said}", code(before), code(after));
    if !changes.not_compared.is_empty() {
        text.push_str(&format!(
            "\nTargets {}\n",
            prose(&words::not_compared(changes))
        ));
    }
    Ok(text.into_bytes())
}

fn change_table(lines: Vec<String>) -> MarkdownSection {
    MarkdownSection {
        head: "| | Package | Target | Before | Now |\n|---|---|---|---|---|\n".to_owned(),
        lines,
        room: CHANGES_ROOM,
    }
}

fn change_rows(changes: &VerdictChanges) -> Vec<String> {
    let state = |state: Option<&VersionVerdict>| {
        state.map_or_else(
            || "–".to_owned(),
            |state| {
                let version = state
                    .version
                    .as_ref()
                    .map_or_else(String::new, |version| prose(&version.to_string()));
                format!("{version} {}", state.verdict.word())
            },
        )
    };
    let row = |word: &str, change: &VerdictChange| {
        let (before, after) = (state(change.before.as_ref()), state(change.after.as_ref()));
        format!(
            "| {word} | {} | {} | {before} | {after} |",
            code(change.package.as_ref()),
            prose(&change.target)
        )
    };
    words::change_kinds(changes)
        .iter()
        .flat_map(|(word, some)| some.iter().map(|change| row(word, change)))
        .collect()
}

fn problems(report: &Report) -> MarkdownSection {
    let item = |problem| {
        format!(
            "- {} {}",
            sign(PaintRole::Open),
            prose(&words::problem(problem))
        )
    };
    MarkdownSection {
        head: String::new(),
        lines: report.problems.iter().map(item).collect(),
        room: PROBLEMS_ROOM,
    }
}

/// A row for each package, the worst first, and a column for each target.
fn packages(report: &Report) -> MarkdownSection {
    let columns: Vec<Target> = report.targets.iter().copied().take(MOST_COLUMNS).collect();
    let names: Vec<String> = columns
        .iter()
        .map(|target| short_target(&report.targets, *target))
        .collect();
    let mut sorted: Vec<&PackageReport> = report.packages.iter().collect();
    let worst = |package: &PackageReport| package.results.iter().map(|result| result.verdict).max();
    sorted.sort_by_key(|package| std::cmp::Reverse(worst(package)));
    let row = |package: &&PackageReport| {
        let cell = |target: &Target| {
            let result = package
                .results
                .iter()
                .find(|result| result.target == *target);
            result.map_or_else(|| "–".to_owned(), |result| result.verdict.word().to_owned())
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let version = package
            .version
            .as_ref()
            .map_or_else(String::new, |version| prose(&version.to_string()));
        let from = places(&package.required_by)
            .first()
            .map_or_else(String::new, |named| code(&place::words(named)));
        format!(
            "| {} | {version} | {} | {from} |",
            code(package.name.as_ref()),
            cells.join(" | ")
        )
    };
    let head = format!(
        "| Package | Version | {} | From |\n|---|---|{}---|\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    let room = if columns.is_empty() { 0 } else { PACKAGES_ROOM };
    MarkdownSection {
        head,
        lines: sorted.iter().map(row).collect(),
        room,
    }
}

fn generated(options: &RenderOptions) -> String {
    options
        .generated
        .as_ref()
        .map_or_else(String::new, |time| format!("{}\n", code(time)))
}
