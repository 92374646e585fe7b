//! What plans propose, as a table: what to do about each package, the first ready version, and what comes of it.

use crate::model::verdict::DecisionSide;

use super::super::json::{
    SavedPlan, SavedPlanCourse, SavedPlanMove, SavedPlanOutlook, SavedPlanStep, SavedProblem,
};
use super::super::plan_text::kept_out;
use super::markup::{HtmlMarkup, each, element};
use super::table::{problem_rows, table};
use super::time;
use super::way_forward::{TargetWay, WayForward};
use super::words::{badge, count, named_version, side, targets, version};

/// What to do, in the order in which people want to know.
const COURSES: [SavedPlanCourse; 7] = [
    SavedPlanCourse::Change,
    SavedPlanCourse::Follow,
    SavedPlanCourse::HeldBack,
    SavedPlanCourse::Isolate,
    SavedPlanCourse::Build,
    SavedPlanCourse::Unclear,
    SavedPlanCourse::Accept,
];

/// The line under the targets: how much the plans gain, or where they do not fit the report; nothing without a plan.
pub(super) fn gain(forward: &WayForward<'_>) -> HtmlMarkup {
    if !forward.fits() {
        return forward.misfits();
    }
    let line = |plan: &SavedPlan| {
        let link = element("a", &[("href", ANCHOR)], "The way forward");
        element(
            "p",
            &[("class", "gain")],
            [HtmlMarkup::from(format!("{} ", gained(plan))), link],
        )
    };
    forward.plans.iter().map(line).collect()
}

/// Where the section is.
pub(super) const ANCHOR: &str = "#way-forward";

/// How many packages are fine, now and with the plan.
fn gained(plan: &SavedPlan) -> String {
    let summary = &plan.content.summary;
    let (now, after) = (summary.good_before, summary.good_after);
    let (packages, of) = (count(summary.packages, "package"), summary.packages_after);
    let all = if plan.content.targets.len() > 1 {
        "On all targets together: "
    } else {
        ""
    };
    format!(
        "{all}{now} of {packages} with {} them, {after} of {of} with {}.",
        side(DecisionSide::For),
        plan.file
    )
}

/// The plan's file, and its time where it states one.
fn called(plan: &SavedPlan) -> String {
    let made = plan
        .content
        .generated
        .as_deref()
        .map(|made| format!(" of {}", time::shown(made)));
    format!("{}{}", plan.file, made.unwrap_or_default())
}

/// The section; nothing without a plan.
pub(super) fn section(forward: &WayForward<'_>) -> HtmlMarkup {
    if forward.plans.is_empty() {
        return HtmlMarkup::nothing();
    }
    let mut section = element("h2", &[("id", "way-forward-title")], "The way forward");
    for plan in forward.plans {
        section.add(steps(plan, forward));
        section.add(moves(&plan.content.moves));
        section.add(problems(&plan.content.problems));
    }
    element(
        "section",
        &[
            ("id", ANCHOR.trim_start_matches('#')),
            ("aria-labelledby", "way-forward-title"),
        ],
        section,
    )
}

fn steps<'a>(plan: &'a SavedPlan, forward: &WayForward<'a>) -> HtmlMarkup {
    let of_course = |course: SavedPlanCourse| {
        plan.content
            .steps
            .iter()
            .filter(move |step| step.course == course)
    };
    let rows: HtmlMarkup = COURSES
        .into_iter()
        .flat_map(of_course)
        .flat_map(|step| rows(step, forward))
        .collect();
    let lead = match (plan.content.steps.is_empty(), rows.is_empty()) {
        (true, _) => format!("By {} nothing is to be done.", called(plan)),
        (false, true) => format!(
            "Nothing that {} proposes is about what the report has.",
            called(plan)
        ),
        (false, false) => format!(
            "From {}: what to do about each package that is not ready.",
            called(plan)
        ),
    };
    let mut markup = element("p", &[("class", "lead")], lead);
    if !rows.is_empty() {
        let columns = [
            "Package",
            "First ready version",
            "What to do",
            "With the plan",
            "Targets",
        ];
        markup.add(table("What to do about each package", &columns, rows));
    }
    markup
}

/// A row for each target on which something else is to be told.
fn rows<'a>(step: &'a SavedPlanStep, forward: &WayForward<'a>) -> Vec<HtmlMarkup> {
    let mut told: Vec<(HtmlMarkup, Vec<&str>)> = Vec::new();
    for way in forward.of_step(step) {
        let cells = HtmlMarkup::from([
            element("td", &[], first_ready(way.outlook)),
            element("td", &[("class", "what")], what_to_do(&way)),
            element("td", &[("class", "after")], after(way.outlook)),
        ]);
        match told.iter_mut().find(|(known, _)| *known == cells) {
            Some((_, on)) => on.push(&way.outlook.target),
            None => told.push((cells, vec![&way.outlook.target])),
        }
    }
    let row = |(cells, on): (HtmlMarkup, Vec<&str>)| {
        let name = element(
            "th",
            &[("scope", "row")],
            named_version(&step.name, step.version.as_deref()),
        );
        element(
            "tr",
            &[],
            [
                name,
                cells,
                element("td", &[("class", "where")], targets(&on)),
            ],
        )
    };
    told.into_iter().map(row).collect()
}

fn what_to_do(way: &TargetWay<'_>) -> String {
    let step = way.step;
    let to = step.to.as_deref().unwrap_or_default();
    match step.course {
        SavedPlanCourse::Change => format!("take {to}"),
        SavedPlanCourse::Follow => "nothing: it follows from the rest".to_owned(),
        SavedPlanCourse::HeldBack => {
            let by: Vec<String> = step.held_by.iter().map(kept_out).collect();
            format!("make way for {to}: {}", by.join("; "))
        }
        SavedPlanCourse::Build if way.is_futile() => {
            "keep it in a process with the GIL: a build does not help".to_owned()
        }
        SavedPlanCourse::Build => {
            let newer = way
                .outlook
                .newer_build
                .as_ref()
                .map_or("it", |newer| &newer.version);
            format!("build {newer} from source, and scan the wheel")
        }
        SavedPlanCourse::Isolate => match &way.outlook.requires_python {
            Some(wanted) => format!("keep it in a process of a Python that it allows ({wanted})"),
            None => "keep it in a process with the GIL".to_owned(),
        },
        SavedPlanCourse::Unclear => "look at what could not be read".to_owned(),
        SavedPlanCourse::Accept => "nothing: slower, no more".to_owned(),
    }
}

fn first_ready(outlook: &SavedPlanOutlook) -> String {
    match outlook.search.as_ref().map(|search| &search.oldest) {
        Some(Some(oldest)) => oldest.to_string(),
        Some(None) => "none found".to_owned(),
        None => "not searched".to_owned(),
    }
}

fn after(outlook: &SavedPlanOutlook) -> HtmlMarkup {
    match outlook.after.verdict {
        Some(verdict) => HtmlMarkup::from([
            badge(verdict),
            HtmlMarkup::from(" "),
            version(outlook.after.version.as_deref()),
        ]),
        None => HtmlMarkup::from("goes"),
    }
}

/// What the steps move besides.
fn moves(moves: &[SavedPlanMove]) -> HtmlMarkup {
    if moves.is_empty() {
        return HtmlMarkup::nothing();
    }
    let moved = |SavedPlanMove { name, from, to }: &SavedPlanMove| match (from, to) {
        (Some(from), Some(to)) => format!("{name} {from} → {to}"),
        (None, Some(to)) => format!("{name} {to} comes in"),
        (Some(from), None) => format!("{name} {from} goes"),
        (None, None) => format!("{name} goes"),
    };
    let title = format!("Moves with it: {}", count(moves.len(), "package"));
    let list = element(
        "ul",
        &[("class", "files")],
        each("li", moves.iter().map(moved)),
    );
    element("details", &[], [element("summary", &[], title), list])
}

/// What the plan could not look at.
fn problems(problems: &[SavedProblem]) -> HtmlMarkup {
    if problems.is_empty() {
        return HtmlMarkup::nothing();
    }
    let text = format!(
        "The plan could not look at everything: {}.",
        count(problems.len(), "problem")
    );
    HtmlMarkup::from([
        element("p", &[("class", "notice")], text),
        problem_rows("Problems of the plan", problems),
    ])
}
