//! The obstacles as cards: what was found, the path through which the package came in, what to do, and the evidence.

use std::collections::BTreeSet;

use super::markup::{Markup, each, element};
use super::notes::{Gathered, gathered};
use super::obstacles::{Kind, Obstacle, Said, of_kind};
use super::way_forward::WayForward;
use super::words::{badge, count, named, path, seen, targets, with_code};

/// How many paths a card shows.
const PATHS: usize = 3;
/// How many modules a card names.
const MODULES: usize = 12;

/// The section of one kind; nothing when there is none of it.
pub(super) fn section(kind: Kind, obstacles: &[Obstacle<'_>], forward: &WayForward<'_>) -> Markup {
    let found = of_kind(obstacles, kind);
    if found.is_empty() {
        return Markup::nothing();
    }
    let id = anchor(kind).trim_start_matches('#');
    let heading = format!("{id}-title");
    let names: BTreeSet<&str> = found.iter().map(|obstacle| obstacle.package.name.as_str()).collect();
    let packages = count(names.len(), "package");
    let number =
        if names.len() == found.len() { packages } else { format!("{} of {packages}", count(found.len(), "version")) };
    let title = [Markup::from(title(kind)), Markup::from(" "), element("small", &[], number)];
    element(
        "section",
        &[("id", id), ("aria-labelledby", &heading)],
        [
            element("h2", &[("id", &heading)], title),
            element("p", &[("class", "lead")], meaning(kind)),
            element(
                "div",
                &[("class", "cards")],
                found.into_iter().map(|obstacle| card(obstacle, forward)).collect::<Markup>(),
            ),
        ],
    )
}

/// Anchor and title of the section of one kind, with the number of its packages; `None` when there is none.
pub(super) fn link(kind: Kind, obstacles: &[Obstacle<'_>]) -> Option<(&'static str, String)> {
    match of_kind(obstacles, kind).len() {
        0 => None,
        number => Some((anchor(kind), format!("{} ({number})", title(kind)))),
    }
}

fn anchor(kind: Kind) -> &'static str {
    match kind {
        Kind::InTheWay => "#in-the-way",
        Kind::Open => "#left-open",
        Kind::Slower => "#slower",
    }
}

fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::InTheWay => "In the way",
        Kind::Open => "Left open",
        Kind::Slower => "Slower",
    }
}

fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::InTheWay => "These cannot be installed, crash, or switch the GIL back on.",
        Kind::Open => "These could not be read, or are decided where they are built. They may turn out either way.",
        Kind::Slower => "These keep the GIL off, but come without the compiled modules that they could have.",
    }
}

fn card(obstacle: &Obstacle<'_>, forward: &WayForward<'_>) -> Markup {
    let package = obstacle.package;
    let mut card = element("h3", &[], [badge(obstacle.verdict), Markup::from(" "), named(package)]);
    card.add(obstacle.said.iter().map(|said| paragraph(said, obstacle)).collect::<Markup>());
    let notes: Markup = gathered(package, forward).iter().map(note).collect();
    if !notes.is_empty() {
        card.add(element("div", &[("class", "notes")], notes));
    }
    let paths = package.required_by.iter().take(PATHS).map(|required_by| path(required_by, &package.name));
    let mut ways = each("li", paths);
    if let Some(more) = package.required_by.len().checked_sub(PATHS).filter(|more| *more > 0) {
        ways.add(element("li", &[], format!("and {}", count(more, "other path"))));
    }
    if !ways.is_empty() {
        card.add(element("p", &[("class", "label")], "Came in through"));
        card.add(element("ul", &[("class", "paths")], ways));
    }
    card.add(evidence(obstacle));
    element("article", &[("class", &format!("card obstacle {}", obstacle.verdict.word()))], card)
}

fn paragraph(said: &Said<'_>, obstacle: &Obstacle<'_>) -> Markup {
    let mut where_it_is = targets(&said.targets);
    if said.verdict != obstacle.verdict {
        where_it_is.add(" ");
        where_it_is.add(badge(said.verdict));
    }
    let mut paragraph = Markup::from([
        element("p", &[("class", "where")], where_it_is),
        element("p", &[("class", "message")], with_code(said.message)),
    ]);
    if said.modules.len() > 1 {
        paragraph.add(element("p", &[("class", "more")], format!("The same of {}", others(said))));
    }
    if !said.help.is_empty() {
        paragraph.add(element("p", &[("class", "do")], [element("b", &[], "What to do: "), with_code(said.help)]));
    }
    paragraph
}

fn note(gathered: &Gathered<'_>) -> Markup {
    let mut paragraph = Markup::from([element("b", &[], gathered.note.label), Markup::from(" ")]);
    paragraph.add(gathered.note.text.as_str());
    if !gathered.targets.is_empty() {
        paragraph.add(" ");
        paragraph.add(targets(&gathered.targets));
    }
    element("p", &[("class", "note")], paragraph)
}

/// The modules after the first.
fn others(said: &Said<'_>) -> String {
    let shown: Vec<&str> = said.modules.iter().skip(1).take(MODULES).copied().collect();
    match said.modules.len().saturating_sub(1 + MODULES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What can be checked, behind a click.
fn evidence(obstacle: &Obstacle<'_>) -> Markup {
    let mut content = Markup::nothing();
    for said in &obstacle.said {
        if let Some(rule) = said.rule {
            let rule = [
                Markup::from("Rule "),
                element("code", &[], rule),
                Markup::from("; its page: "),
                element("code", &[], format!("ungil explain {rule}")),
            ];
            content.add(element("p", &[], rule));
        }
        if !said.files.is_empty() {
            content.add(element("ul", &[("class", "files")], each("li", said.files.iter().copied())));
        }
        if !said.evidence.is_empty() {
            let first = said.modules.first().map_or_else(String::new, |module| format!(" in {module}"));
            content.add(element("p", &[("class", "label")], format!("Seen{first}")));
            content.add(element("ul", &[("class", "seen")], each("li", said.evidence.iter().map(seen))));
        }
    }
    element(
        "details",
        &[],
        [
            element(
                "summary",
                &[],
                [
                    Markup::from("Evidence"),
                    element("span", &[("class", "unseen")], format!(" for {}", obstacle.package.name)),
                ],
            ),
            content,
        ],
    )
}
