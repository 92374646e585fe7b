//! The obstacles as cards: what was found, the path through which the package came in, what to do, and the evidence.

use std::collections::BTreeSet;

use super::markup::{HtmlMarkup, each, element};
use super::notes::{GatheredNote, gathered};
use super::obstacles::{ObstacleKind, ObstacleReason, PackageObstacle, of_kind};
use super::way_forward::WayForward;
use super::words::{badge, count, named, path, seen, targets, with_code};

/// How many paths a card shows.
const PATHS: usize = 3;
/// How many modules a card names.
const MODULES: usize = 12;

/// The section of one kind; nothing when there is none of it.
pub(super) fn section(
    kind: ObstacleKind,
    obstacles: &[PackageObstacle<'_>],
    forward: &WayForward<'_>,
) -> HtmlMarkup {
    let found = of_kind(obstacles, kind);
    if found.is_empty() {
        return HtmlMarkup::nothing();
    }
    let id = anchor(kind).trim_start_matches('#');
    let heading = format!("{id}-title");
    let names: BTreeSet<&str> = found
        .iter()
        .map(|obstacle| obstacle.package.name.as_str())
        .collect();
    let packages = count(names.len(), "package");
    let number = if names.len() == found.len() {
        packages
    } else {
        format!("{} of {packages}", count(found.len(), "version"))
    };
    let title = [
        HtmlMarkup::from(title(kind)),
        HtmlMarkup::from(" "),
        element("small", &[], number),
    ];
    element(
        "section",
        &[("id", id), ("aria-labelledby", &heading)],
        [
            element("h2", &[("id", &heading)], title),
            element("p", &[("class", "lead")], meaning(kind)),
            element(
                "div",
                &[("class", "cards")],
                found
                    .into_iter()
                    .map(|obstacle| card(obstacle, forward))
                    .collect::<HtmlMarkup>(),
            ),
        ],
    )
}

/// Anchor and title of the section of one kind, with the number of its packages; `None` when there is none.
pub(super) fn link(
    kind: ObstacleKind,
    obstacles: &[PackageObstacle<'_>],
) -> Option<(&'static str, String)> {
    match of_kind(obstacles, kind).len() {
        0 => None,
        number => Some((anchor(kind), format!("{} ({number})", title(kind)))),
    }
}

fn anchor(kind: ObstacleKind) -> &'static str {
    match kind {
        ObstacleKind::InTheWay => "#in-the-way",
        ObstacleKind::Open => "#left-open",
        ObstacleKind::Slower => "#slower",
    }
}

fn title(kind: ObstacleKind) -> &'static str {
    match kind {
        ObstacleKind::InTheWay => "In the way",
        ObstacleKind::Open => "Left open",
        ObstacleKind::Slower => "Slower",
    }
}

fn meaning(kind: ObstacleKind) -> &'static str {
    match kind {
        ObstacleKind::InTheWay => "These cannot be installed, crash, or switch the GIL back on.",
        ObstacleKind::Open => {
            "These could not be read, or are decided where they are built. They may turn out either way."
        }
        ObstacleKind::Slower => {
            "These keep the GIL off, but come without the compiled modules that they could have."
        }
    }
}

fn card(obstacle: &PackageObstacle<'_>, forward: &WayForward<'_>) -> HtmlMarkup {
    let package = obstacle.package;
    let mut card = element(
        "h3",
        &[],
        [
            badge(obstacle.verdict),
            HtmlMarkup::from(" "),
            named(package),
        ],
    );
    card.add(
        obstacle
            .said
            .iter()
            .map(|said| paragraph(said, obstacle))
            .collect::<HtmlMarkup>(),
    );
    let notes: HtmlMarkup = gathered(package, forward).iter().map(note).collect();
    if !notes.is_empty() {
        card.add(element("div", &[("class", "notes")], notes));
    }
    let paths = package
        .required_by
        .iter()
        .take(PATHS)
        .map(|required_by| path(required_by, &package.name));
    let mut ways = each("li", paths);
    if let Some(more) = package
        .required_by
        .len()
        .checked_sub(PATHS)
        .filter(|more| *more > 0)
    {
        ways.add(element(
            "li",
            &[],
            format!("and {}", count(more, "other path")),
        ));
    }
    if !ways.is_empty() {
        card.add(element("p", &[("class", "label")], "Came in through"));
        card.add(element("ul", &[("class", "paths")], ways));
    }
    card.add(evidence(obstacle));
    element(
        "article",
        &[(
            "class",
            &format!("card obstacle {}", obstacle.verdict.word()),
        )],
        card,
    )
}

fn paragraph(said: &ObstacleReason<'_>, obstacle: &PackageObstacle<'_>) -> HtmlMarkup {
    let mut where_it_is = targets(&said.targets);
    if said.verdict != obstacle.verdict {
        where_it_is.add(" ");
        where_it_is.add(badge(said.verdict));
    }
    let mut paragraph = HtmlMarkup::from([
        element("p", &[("class", "where")], where_it_is),
        element("p", &[("class", "message")], with_code(said.message)),
    ]);
    if said.modules.len() > 1 {
        paragraph.add(element(
            "p",
            &[("class", "more")],
            format!("The same of {}", others(said)),
        ));
    }
    if !said.help.is_empty() {
        paragraph.add(element(
            "p",
            &[("class", "do")],
            [element("b", &[], "What to do: "), with_code(said.help)],
        ));
    }
    paragraph
}

fn note(gathered: &GatheredNote<'_>) -> HtmlMarkup {
    let mut paragraph = HtmlMarkup::from([
        element("b", &[], gathered.note.label),
        HtmlMarkup::from(" "),
    ]);
    paragraph.add(gathered.note.text.as_str());
    if !gathered.targets.is_empty() {
        paragraph.add(" ");
        paragraph.add(targets(&gathered.targets));
    }
    element("p", &[("class", "note")], paragraph)
}

/// The modules after the first.
fn others(said: &ObstacleReason<'_>) -> String {
    let shown: Vec<&str> = said.modules.iter().skip(1).take(MODULES).copied().collect();
    match said.modules.len().saturating_sub(1 + MODULES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What can be checked, behind a click.
fn evidence(obstacle: &PackageObstacle<'_>) -> HtmlMarkup {
    let mut content = HtmlMarkup::nothing();
    for said in &obstacle.said {
        if let Some(rule) = said.rule {
            let rule = [
                HtmlMarkup::from("Rule "),
                element("code", &[], rule),
                HtmlMarkup::from("; its page: "),
                element("code", &[], format!("ungil explain {rule}")),
            ];
            content.add(element("p", &[], rule));
        }
        if !said.files.is_empty() {
            content.add(element(
                "ul",
                &[("class", "files")],
                each("li", said.files.iter().copied()),
            ));
        }
        if !said.evidence.is_empty() {
            let first = said
                .modules
                .first()
                .map_or_else(String::new, |module| format!(" in {module}"));
            content.add(element("p", &[("class", "label")], format!("Seen{first}")));
            content.add(element(
                "ul",
                &[("class", "seen")],
                each("li", said.evidence.iter().map(seen)),
            ));
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
                    HtmlMarkup::from("Evidence"),
                    element(
                        "span",
                        &[("class", "unseen")],
                        format!(" for {}", obstacle.package.name),
                    ),
                ],
            ),
            content,
        ],
    )
}
