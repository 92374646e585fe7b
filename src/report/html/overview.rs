//! What stands around the details: what was asked, how far each target is, what could not be looked at, what words mean.

use std::collections::BTreeSet;

use crate::model::verdict::{DecisionSide, Verdict};

use super::super::json::{SavedExcludedTarget, SavedReport};
use super::super::table::{VERDICTS, meaning};
use super::super::unread::UnreadCounts;
use super::cards;
use super::history::{ReportHistory, label, tally};
use super::markup::{HtmlMarkup, each, element};
use super::obstacles::{ObstacleKind, PackageObstacle};
use super::steps;
use super::table::problem_rows;
use super::way_forward::WayForward;
use super::words::{self, badge, count, declarer, target_name};

/// Width of a bar, in units of its own.
const BAR: usize = 1_000;

/// Name, links to the parts, and the switch between light and dark.
pub(super) fn masthead(
    history: &ReportHistory,
    obstacles: &[PackageObstacle<'_>],
    forward: &WayForward<'_>,
) -> HtmlMarkup {
    let mut links: Vec<(&'static str, String)> = Vec::new();
    if history
        .latest()
        .is_some_and(|latest| !latest.content.problems.is_empty())
    {
        links.push(("#problems", "Not looked at".to_owned()));
    }
    if history
        .latest()
        .is_some_and(|latest| latest.content.gate.is_some())
    {
        links.push(("#gate", "The gate".to_owned()));
    }
    links.extend(cards::link(ObstacleKind::InTheWay, obstacles));
    if history.last_two().is_some() {
        links.push(("#changes", "What changed".to_owned()));
        links.push(("#trend", "Trend".to_owned()));
    }
    links.extend(cards::link(ObstacleKind::Open, obstacles));
    links.extend(cards::link(ObstacleKind::Slower, obstacles));
    if !forward.plans.is_empty() {
        links.push((steps::ANCHOR, "The way forward".to_owned()));
    }
    links.push(("#packages", "All packages".to_owned()));
    links.push(("#words", "Words".to_owned()));
    let links = each(
        "li",
        links
            .iter()
            .map(|(anchor, text)| element("a", &[("href", anchor)], text.as_str())),
    );
    let switch = element(
        "button",
        &[
            ("type", "button"),
            ("id", "theme"),
            ("aria-pressed", "false"),
            ("hidden", ""),
        ],
        "Dark",
    );
    element(
        "header",
        &[("class", "masthead")],
        [
            element("span", &[("class", "name")], "ungil"),
            element(
                "nav",
                &[("aria-label", "Parts of this page")],
                element("ul", &[], links),
            ),
            switch,
        ],
    )
}

/// The question, and what was asked about.
pub(super) fn heading(latest: &SavedReport, history: &ReportHistory) -> HtmlMarkup {
    let content = &latest.content;
    let made = match &content.generated {
        Some(_) => format!(" on {}", label(latest)),
        None => String::new(),
    };
    let summary = &content.summary;
    let asked = format!(
        "{} from {}, judged{made} from {} with {}, without running them.",
        count(number(summary.packages), "package"),
        inputs(latest),
        count(number(summary.files), "file"),
        count(number(summary.modules), "compiled module"),
    );
    let mut heading = HtmlMarkup::from([
        element("h1", &[], "Does the GIL stay off?"),
        element("p", &[("class", "asked")], asked),
    ]);
    if history.reports().len() > 1 {
        let text = format!(
            "The latest of {}: {}.",
            count(history.reports().len(), "report"),
            latest.file
        );
        heading.add(element("p", &[("class", "asked")], text));
    }
    heading
}

fn number(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The files that asked for the packages.
pub(super) fn inputs(report: &SavedReport) -> String {
    let places = report
        .content
        .packages
        .iter()
        .flat_map(|package| &package.required_by);
    let files: BTreeSet<&str> = places
        .map(|required_by| required_by.place.file.as_str())
        .collect();
    let shown: Vec<&str> = files.iter().copied().take(3).collect();
    match files.len().saturating_sub(shown.len()) {
        0 if shown.is_empty() => "nothing that was named".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A card for each target.
pub(super) fn targets(report: &SavedReport) -> HtmlMarkup {
    if report.content.packages.is_empty() {
        return element(
            "p",
            &[("class", "notice")],
            "The report has no package: nothing was judged.",
        );
    }
    let cards: HtmlMarkup = report
        .content
        .targets
        .iter()
        .map(|target| card(report, target))
        .collect();
    element(
        "section",
        &[
            ("class", "targets"),
            ("aria-label", "How far each target is"),
        ],
        cards,
    )
}

fn card(report: &SavedReport, target: &str) -> HtmlMarkup {
    let results = || {
        let all = report
            .content
            .packages
            .iter()
            .flat_map(|package| &package.results);
        all.filter(|result| result.target == target)
    };
    let counts = VERDICTS.map(|verdict| {
        (
            verdict,
            results().filter(|result| result.verdict == verdict).count(),
        )
    });
    let total = counts.iter().map(|(_, number)| number).sum::<usize>();
    let [against, open, good] = tally(report, target).unwrap_or_default();
    let has_problems = !report.content.problems.is_empty();
    let (class, answer) = match (against, open) {
        _ if total == 0 => ("open", "Nothing was judged".to_owned()),
        (0, 0) if has_problems => ("open", "Not everything could be looked at".to_owned()),
        (0, 0) => ("for", "Nothing speaks against it".to_owned()),
        (0, open) => ("open", format!("Open: {}", count(open, "package"))),
        (against, _) => (
            "against",
            format!("Not yet: {} in the way", count(against, "package")),
        ),
    };
    let occurring = counts.iter().filter(|(_, number)| *number > 0);
    let list = each(
        "li",
        occurring.map(|(verdict, number)| {
            HtmlMarkup::from([
                element("b", &[], number.to_string()),
                HtmlMarkup::from(" "),
                badge(*verdict),
            ])
        }),
    );
    let share = [
        element("b", &[], good.to_string()),
        HtmlMarkup::from(format!(
            " of {total} with {} them",
            words::side(DecisionSide::For)
        )),
        HtmlMarkup::from(if open > 0 {
            format!(", {open} {}", words::side(DecisionSide::Open))
        } else {
            String::new()
        }),
    ];
    let mut card = HtmlMarkup::from([
        element("h2", &[], target_name(target)),
        element("p", &[("class", &format!("answer {class}"))], answer),
        bar(&counts, total),
        element("p", &[("class", "share")], share),
        element("ul", &[("class", "counts")], list),
    ]);
    card.add(declarers(report, target));
    element("article", &[("class", "card target-card")], card)
}

/// The shares of the verdicts. It is for the eye alone: the counts stand below in words.
fn bar(counts: &[(Verdict, usize)], total: usize) -> HtmlMarkup {
    let mut start = 0;
    let mut parts = HtmlMarkup::nothing();
    for (verdict, number) in counts.iter().filter(|(_, number)| *number > 0) {
        let (from, to) = (
            start * BAR / total.max(1),
            (start + number) * BAR / total.max(1),
        );
        start += number;
        let (x, width) = (
            from.to_string(),
            (to - from).saturating_sub(2).max(2).to_string(),
        );
        let class = format!("fill {}", verdict.word());
        parts.add(element(
            "rect",
            &[
                ("class", &class),
                ("x", &x),
                ("y", "0"),
                ("width", &width),
                ("height", "10"),
            ],
            "",
        ));
    }
    let attributes = [
        ("class", "bar"),
        ("viewBox", "0 0 1000 10"),
        ("preserveAspectRatio", "none"),
        ("aria-hidden", "true"),
    ];
    element("svg", &attributes, parts)
}

/// Whose declarations the `ready` of a target rest on.
fn declarers(report: &SavedReport, target: &str) -> HtmlMarkup {
    let results = report
        .content
        .packages
        .iter()
        .flat_map(|package| &package.results);
    let ready: Vec<_> = results
        .filter(|result| result.target == target && result.verdict == Verdict::Ready)
        .collect();
    if ready.is_empty() {
        return HtmlMarkup::nothing();
    }
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for result in &ready {
        let said: BTreeSet<&str> = result
            .declared_by
            .iter()
            .map(|declared_by| declared_by.who.as_str())
            .collect();
        let said = match said.is_empty() {
            true => "not said by whom".to_owned(),
            false => said
                .into_iter()
                .map(whose)
                .collect::<Vec<_>>()
                .join(" and "),
        };
        match kinds.iter_mut().find(|(known, _)| *known == said) {
            Some((_, number)) => *number += 1,
            None => kinds.push((said, 1)),
        }
    }
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|(said, number)| format!("{number} {said}"))
        .collect();
    let text = format!(
        "A ready is a declaration, not a proof: {}.",
        kinds.join(", ")
    );
    element("p", &[("class", "fine-print")], text)
}

fn whose(who: &str) -> &str {
    match who {
        "author" => "by the author",
        "framework" => "by a framework's default",
        "delegate" => "by another module",
        "unclear" => "unclear by whom",
        other => other,
    }
}

/// What could not be looked at, plainly; when there was nothing of the kind, that too.
pub(super) fn problems(report: &SavedReport) -> HtmlMarkup {
    let problems = &report.content.problems;
    if problems.is_empty() {
        return element("p", &[("class", "no-problems")], without_problems(report));
    }
    let title = format!(
        "Could not look at everything: {}",
        count(problems.len(), "problem")
    );
    element(
        "section",
        &[
            ("id", "problems"),
            ("class", "problems"),
            ("aria-labelledby", "problems-title"),
        ],
        [
            element("h2", &[("id", "problems-title")], title),
            element(
                "p",
                &[],
                "What was not looked at is not good news. While there are problems, this page is not the whole truth.",
            ),
            problem_rows("Problems", problems),
        ],
    )
}

/// Lock files that leave targets out.
pub(super) fn excluded(report: &SavedReport) -> HtmlMarkup {
    let mut all = HtmlMarkup::nothing();
    for excluded in &report.content.excluded {
        let SavedExcludedTarget {
            target,
            place,
            locked_for,
            change,
            command,
        } = excluded;
        let line = place
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        let then = if command.is_empty() {
            String::new()
        } else {
            format!(", then run {command}")
        };
        let what = format!(
            "{}{line} leaves {target} out: it is locked for {locked_for}.",
            place.file
        );
        let text = format!(
            "{what} Its versions are judged by the files that the index has of them. To widen it, {change}{then}."
        );
        all.add(element("p", &[("class", "notice")], text));
    }
    all
}

fn without_problems(report: &SavedReport) -> String {
    let results = report
        .content
        .packages
        .iter()
        .flat_map(|package| &package.results);
    let left_out: BTreeSet<&str> = results
        .flat_map(|result| &result.left_out)
        .map(String::as_str)
        .collect();
    let more = match left_out.len() {
        0 => String::new(),
        1 => " One large library was not fetched; what is said of its package names it.".to_owned(),
        more => format!(
            " {more} large libraries were not fetched; what is said of their packages names them."
        ),
    };
    let unread = UnreadCounts::of_saved(report).words();
    if !unread.is_empty() {
        return format!("Every file could be opened; {}.{more}", unread.join(", "));
    }
    format!("The report has no problems: nothing that had to be looked at was out of reach.{more}")
}

/// What the words mean.
pub(super) fn legend(report: &SavedReport) -> HtmlMarkup {
    let words = VERDICTS.iter().map(|verdict| {
        HtmlMarkup::from([
            element("dt", &[], badge(*verdict)),
            element("dd", &[], meaning(*verdict)),
        ])
    });
    let example = report
        .content
        .packages
        .iter()
        .flat_map(|package| &package.results);
    let example = example
        .flat_map(|result| &result.declared_by)
        .next()
        .map_or_else(String::new, |declared_by| {
            format!(
                " The table says whose, such as “{}”.",
                declarer(declared_by)
            )
        });
    let whose = format!(
        "A ready is a declaration, not a proof: the author's, a framework's default (the author may never have thought of \
         it), or that of another module on its behalf.{example}"
    );
    element(
        "section",
        &[("id", "words"), ("aria-labelledby", "words-title")],
        [
            element("h2", &[("id", "words-title")], "What the words mean"),
            element("dl", &[("class", "words")], words.collect::<HtmlMarkup>()),
            element("p", &[], whose),
            element(
                "p",
                &[],
                "In the way are blocked, crash and gil. Left open are build and unknown. Against the others nothing was found.",
            ),
        ],
    )
}

/// Where the page comes from.
pub(super) fn footer(report: &SavedReport) -> HtmlMarkup {
    let text = format!(
        "Made by ungil {} from {}. This page asks nothing of any other place.",
        env!("CARGO_PKG_VERSION"),
        report.file
    );
    element("footer", &[], element("p", &[], text))
}
