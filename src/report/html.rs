//! A page for those who decide on a rollout: one file without a request to anywhere, from one report or from those of
//! several days.
//!
//! It is made from the JSON of reports and plans alone, so that whatever it shows can be looked up there. Everything that
//! matters is plain HTML; `html/page.js` adds filters, search, and evidence on demand.

mod cards;
mod changes;
mod details;
mod gate;
mod history;
mod markup;
mod matrix;
mod note;
mod notes;
mod obstacles;
mod overview;
mod policy;
mod steps;
mod table;
mod time;
mod trend;
mod way_forward;
mod words;

use crate::model::report::Report;

use super::json::{self, SavedPlan, SavedReport, read_report};
use super::{RenderError, RenderOptions};
use history::ReportHistory;
use markup::{HtmlMarkup, element};
use obstacles::ObstacleKind;
use way_forward::WayForward;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");
/// The icon: a small ring, in the page itself so that no browser asks for one.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' \
                    cy='8' r='5.5' fill='none' stroke='%23177a6b' stroke-width='3'/%3E%3C/svg%3E";

/// Renders the page of one report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let written = json::render(report, options)?;
    dashboard(vec![read_report("this report", &written)?], &[])
}

/// The page of some reports: the latest in full, the others as its history. They are ordered by `generated` when each of
/// them has it, and stay in the order given otherwise. Plans say of the latest how its packages get ready; each is for
/// other targets.
pub fn dashboard(reports: Vec<SavedReport>, plans: &[SavedPlan]) -> Result<Vec<u8>, RenderError> {
    let history = ReportHistory::of(reports);
    let Some(latest) = history.latest() else {
        return Err(RenderError::Nothing);
    };
    let obstacles = obstacles::gather(latest);
    let forward = WayForward::of(plans, latest)?;
    let title = format!("Does the GIL stay off? {}", overview::inputs(latest));
    let mut main = overview::heading(latest, &history);
    main.add(overview::excluded(latest));
    main.add(overview::targets(latest));
    main.add(steps::gain(&forward));
    main.add(overview::problems(latest));
    main.add(gate::section(latest));
    main.add(cards::section(ObstacleKind::InTheWay, &obstacles, &forward));
    main.add(changes::section(&history));
    main.add(trend::section(&history));
    main.add(cards::section(ObstacleKind::Open, &obstacles, &forward));
    main.add(cards::section(ObstacleKind::Slower, &obstacles, &forward));
    main.add(steps::section(&forward));
    main.add(matrix::section(latest, &forward));
    main.add(overview::legend(latest));
    let body = HtmlMarkup::from([
        element(
            "a",
            &[("class", "skip"), ("href", "#packages")],
            "Skip to all packages",
        ),
        overview::masthead(&history, &obstacles, &forward),
        element("main", &[], main),
        overview::footer(latest),
        data("details", &details::json(latest, &forward)?),
        data("search", &matrix::search_index(latest, &forward)?),
        element("script", &[], HtmlMarkup::constant(SCRIPT)),
    ]);
    let head = HtmlMarkup::from([
        element("meta", &[("charset", "utf-8")], ""),
        element(
            "meta",
            &[
                ("http-equiv", "Content-Security-Policy"),
                ("content", &policy::policy(STYLE, SCRIPT)),
            ],
            "",
        ),
        element(
            "meta",
            &[
                ("name", "viewport"),
                ("content", "width=device-width, initial-scale=1"),
            ],
            "",
        ),
        element(
            "meta",
            &[("name", "color-scheme"), ("content", "light dark")],
            "",
        ),
        element(
            "meta",
            &[("name", "referrer"), ("content", "no-referrer")],
            "",
        ),
        element("title", &[], title),
        element("link", &[("rel", "icon"), ("href", ICON)], ""),
        element("style", &[], HtmlMarkup::constant(STYLE)),
    ]);
    let page = element(
        "html",
        &[("lang", "en")],
        [element("head", &[], head), element("body", &[], body)],
    );
    Ok(format!("<!doctype html>\n{}\n", page.into_string()).into_bytes())
}

/// Data for the script, which the browser does not run.
fn data(id: &'static str, json: &str) -> HtmlMarkup {
    element(
        "script",
        &[("type", "application/json"), ("id", id)],
        HtmlMarkup::json(json),
    )
}
