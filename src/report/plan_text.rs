//! The plan for people: what to change, what stays in the way and what to do about that, then the lines to edit.

pub(super) mod searched;

use std::collections::BTreeSet;

use crate::model::name::Version;
use crate::model::place::Place;
use crate::model::plan::{
    CommandPlace, MoveReason, NamedAlternative, Plan, PlanAction, PlanStep, PlannedMove,
    TargetOutlook, VersionObstacle,
};
use crate::model::source::{Becomes, Forecast};
use crate::model::verdict::Verdict;

use super::excluded::notices;
use super::paint::{PaintRole, sign};
use super::sanitize::harmless;
use super::table::{notice_lines, problem_lines};
use super::targets::{share_platform, short_target};
use super::text::{bytes, count, page, wrap};
use super::{RenderError, RenderOptions};

/// Narrower than this, columns stop making sense; a terminal then wraps lines itself.
const NARROWEST: usize = 60;
/// Wider than this, lines are hard to follow.
const WIDEST: usize = 120;
/// The label in front of a step's further lines, with the indent.
const LABEL: usize = 10;

/// Renders the plan for a terminal, or for a file that people read.
pub(super) fn render(plan: &Plan, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let options = RenderOptions {
        width: options.width.clamp(NARROWEST, WIDEST),
        ..options.clone()
    };
    let told = PlanPage {
        plan,
        options: &options,
    };
    let mut sections = vec![told.excluded(), told.heading()];
    for kind in &KINDS {
        sections.push(told.steps(kind));
        if kind.title == CHANGE {
            sections.push(told.moves());
            sections.push(told.worse());
        }
    }
    sections.extend([
        told.edits(),
        told.bounds(),
        told.commands(),
        told.problems(),
        told.cost(),
    ]);
    Ok(page(&sections))
}

/// Steps that are told together.
struct StepKind {
    title: &'static str,
    /// What holds for all of them.
    advice: &'static str,
    /// Whether a step is one of them.
    holds: fn(&PlanStep) -> bool,
}

const CHANGE: &str = "Change";

/// In the order in which they are told.
const KINDS: [StepKind; 8] = [
    StepKind {
        title: CHANGE,
        advice: "",
        holds: |step| matches!(step.course, PlanAction::Change { .. } | PlanAction::Follow),
    },
    StepKind {
        title: "Held back: a version is ready, but something does not let it in",
        advice: "",
        holds: |step| matches!(step.course, PlanAction::HeldBack { .. }),
    },
    StepKind {
        title: "No version for this Python: Requires-Python leaves it out, with the GIL or without",
        advice: "Import them in a process of a Python that they allow, or wait for a version that allows this one: ask their \
                 projects. uv ignores an upper bound and installs them untested; pip, Poetry and PDM refuse them.",
        holds: |step| step.course == PlanAction::Isolate && is_for_other_python(step),
    },
    StepKind {
        title: "No ready version: keep them in a process with the GIL",
        advice: "Import them in a process of a Python with the GIL, or waive them and accept that the GIL comes back on; \
                 where they cannot be imported at all, only the first helps. Then ask their projects.",
        holds: |step| step.course == PlanAction::Isolate && !is_for_other_python(step),
    },
    StepKind {
        title: "No ready version: build from source",
        advice: "Build them with the target's Python, in the newer version where that helps, and scan the wheels that \
                 come out. Which libraries of the system they need is not told.",
        holds: |step| step.course == PlanAction::Build && !is_futile(step),
    },
    StepKind {
        title: "No ready version, and a build does not help",
        advice: "By their sources, what comes out would switch the GIL on, or nothing comes out. Keep them in a process \
                 of a Python with the GIL, and ask their projects.",
        holds: |step| step.course == PlanAction::Build && is_futile(step),
    },
    StepKind {
        title: "Not known",
        advice: "Something that decides could not be read: `ungil scan` tells what.",
        holds: |step| step.course == PlanAction::Unclear,
    },
    StepKind {
        title: "Slower, nothing else: installs without its compiled modules",
        advice: "",
        holds: |step| step.course == PlanAction::Accept,
    },
];

struct PlanPage<'a> {
    plan: &'a Plan,
    options: &'a RenderOptions,
}

impl PlanPage<'_> {
    fn paint(&self, role: PaintRole, text: &str) -> String {
        self.options.style.paint(role, text)
    }

    fn heading(&self) -> Vec<String> {
        let targets = &self.plan.targets;
        let words: Vec<String> = targets
            .iter()
            .map(|target| short_target(targets, *target))
            .collect();
        let platform = targets.first().filter(|_| share_platform(targets));
        let platform = platform
            .map(|target| format!(" on {}", target.platform))
            .unwrap_or_default();
        let title = format!("CPython {}{platform}", words.join(" and "));
        let summary = &self.plan.summary;
        let told = match (summary.packages, self.plan.steps.len()) {
            (0, _) => "No package to plan for: the input names none for these targets.".to_owned(),
            (packages, 0) if self.plan.excluded.is_empty() => {
                format!("{}: nothing is to be done.", count(packages, "package"))
            }
            (packages, 0) => {
                format!(
                    "{}: all fine once the lock is widened, nothing else is to be done.",
                    count(packages, "package")
                )
            }
            (packages, _) => {
                let after = if summary.packages_after == packages {
                    summary.good_after.to_string()
                } else {
                    format!("{} of {}", summary.good_after, summary.packages_after)
                };
                let now = summary.good_before;
                let worse: BTreeSet<_> = self.plan.worse.iter().map(|worse| &worse.name).collect();
                let worse = match worse.len() {
                    0 => String::new(),
                    1 => "; 1 gets worse".to_owned(),
                    worse => format!("; {worse} get worse"),
                };
                format!(
                    "{}: {now} fine now, {after} with this plan{worse}.",
                    count(packages, "package")
                )
            }
        };
        let mut lines = vec![self.paint(PaintRole::Heading, &title)];
        lines.extend(wrap(&told, self.options.width));
        lines
    }

    /// Lock files that leave a target out, before everything else.
    fn excluded(&self) -> Vec<String> {
        notices(&self.plan.excluded)
            .iter()
            .flat_map(|notice| notice_lines(notice, self.options))
            .collect()
    }

    fn steps(&self, kind: &StepKind) -> Vec<String> {
        let steps: Vec<&PlanStep> = self
            .plan
            .steps
            .iter()
            .filter(|step| (kind.holds)(step))
            .collect();
        if steps.is_empty() {
            return Vec::new();
        }
        let in_order = if kind.title == CHANGE && steps.len() > 1 {
            ", in this order"
        } else {
            ""
        };
        let mut lines = vec![self.paint(PaintRole::Heading, &format!("{}{in_order}", kind.title))];
        if !kind.advice.is_empty() {
            lines.extend(wrap(kind.advice, self.options.width));
        }
        lines.extend(steps.into_iter().flat_map(|step| self.step(step)));
        lines
    }

    fn step(&self, step: &PlanStep) -> Vec<String> {
        let version = step
            .version
            .as_ref()
            .map_or_else(|| "?".to_owned(), ToString::to_string);
        let name = self.paint(PaintRole::Heading, step.name.as_ref());
        let worst = step.outlooks.iter().map(|outlook| outlook.verdict).max();
        let role = worst.map_or(PaintRole::Open, PaintRole::of_verdict);
        let (mark, what) = match &step.course {
            PlanAction::Change { to } => {
                let is_older = step.version.as_ref().is_some_and(|now| to < now);
                let older = if is_older {
                    ", which is older: no newer one is ready"
                } else {
                    ""
                };
                (
                    self.paint(PaintRole::Good, "→"),
                    format!("{version} → {to}{older}"),
                )
            }
            PlanAction::Follow => (
                self.paint(PaintRole::Good, "✓"),
                format!("{version}: follows from the rest"),
            ),
            PlanAction::HeldBack { to, .. } => {
                let is_older = step.version.as_ref().is_some_and(|now| to < now);
                let works = if is_older { "works" } else { "is ready" };
                (
                    self.paint(role, &sign(role).to_string()),
                    format!("{version}, {to} {works}"),
                )
            }
            _ => (self.paint(role, &sign(role).to_string()), version),
        };
        let mut lines = vec![format!("  {mark} {name}  {what}")];
        lines.extend(
            required_for(step)
                .iter()
                .flat_map(|text| self.labelled("for", text)),
        );
        let told = searched::told(step, &self.plan.targets);
        lines.extend(
            told.iter()
                .flat_map(|(label, text)| self.labelled(label, text)),
        );
        if let PlanAction::HeldBack { by, .. } = &step.course {
            lines.extend(
                by.iter()
                    .flat_map(|obstacle| self.labelled("but", &kept_out(obstacle))),
            );
        }
        for NamedAlternative { rule, what } in &step.alternatives {
            lines.extend(self.labelled("or", &format!("{}  [{rule}]", harmless(what))));
        }
        if !is_done(step)
            && let Some(tracker) = &step.tracker
        {
            lines.extend(self.labelled("ask", &harmless(tracker)));
        }
        lines
    }

    /// A label and text beside it; the text's further lines stand under the first.
    fn labelled(&self, label: &str, text: &str) -> Vec<String> {
        let start = format!(
            "    {}",
            self.paint(
                PaintRole::Faint,
                &format!("{label:<width$}", width = LABEL - 4)
            )
        );
        let lines = wrap(text, self.options.width.saturating_sub(LABEL));
        let rest = " ".repeat(LABEL);
        let line = |(number, line): (usize, &String)| {
            format!("{}{line}", if number == 0 { &start } else { &rest })
        };
        lines.iter().enumerate().map(line).collect()
    }

    fn moves(&self) -> Vec<String> {
        if self.plan.moves.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![self.paint(PaintRole::Heading, "Moves with it")];
        for PlannedMove {
            name,
            from,
            to,
            required_by,
            because,
        } in &self.plan.moves
        {
            let what = match (from, to) {
                (Some(from), Some(to)) => format!("{from} → {to}"),
                (None, Some(to)) => format!("comes in: {to}"),
                (_, None) => "goes: nothing requires it any more".to_owned(),
            };
            let names: Vec<String> = required_by.iter().map(ToString::to_string).collect();
            let reasons: Vec<String> = because.iter().map(move_reason).collect();
            let by = match (reasons.is_empty(), names.is_empty()) {
                (false, _) => format!("  ({})", reasons.join("; ")),
                (true, false) => format!("  (for {})", names.join(", ")),
                (true, true) => String::new(),
            };
            lines.push(format!(
                "    {}  {what}{}",
                self.paint(PaintRole::Heading, name.as_ref()),
                self.paint(PaintRole::Faint, &by)
            ));
        }
        lines
    }

    fn worse(&self) -> Vec<String> {
        if self.plan.worse.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![self.paint(
            PaintRole::Heading,
            "Gets worse by this plan; no better way was found",
        )];
        for worse in &self.plan.worse {
            let version = |version: &Option<Version>| {
                version
                    .as_ref()
                    .map_or_else(|| "?".to_owned(), ToString::to_string)
            };
            let what = match worse.before {
                Some(before) => {
                    let (from, to) = (version(&worse.from), version(&worse.to));
                    format!("{from} → {to}: {} → {}", before.word(), worse.after.word())
                }
                None => format!("comes in: {} is {}", version(&worse.to), worse.after.word()),
            };
            let on = if self.plan.targets.len() == 1 {
                String::new()
            } else {
                format!(" on {}", short_target(&self.plan.targets, worse.target))
            };
            lines.push(format!(
                "  {} {}  {what}{on}",
                self.paint(PaintRole::Bad, "✗"),
                self.paint(PaintRole::Heading, worse.name.as_ref())
            ));
            lines.extend(self.labelled("why", &harmless(&worse.reason)));
        }
        lines
    }

    fn bounds(&self) -> Vec<String> {
        if self.plan.bounds.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!(
            "{} {}",
            self.paint(PaintRole::Heading, "Set bounds"),
            self.paint(
                PaintRole::Faint,
                "(installers take other versions otherwise)"
            )
        )];
        for bound in &self.plan.bounds {
            let place = match (&bound.place, &bound.file) {
                (Some(place), _) => {
                    let line = place
                        .line
                        .map_or_else(String::new, |line| format!(":{line}"));
                    format!("{}{line}", harmless(&place.file))
                }
                (None, Some(file)) => format!("{}, one line more", harmless(file)),
                (None, None) => "one line more".to_owned(),
            };
            lines.push(format!(
                "  {}  {}",
                self.paint(PaintRole::Faint, &place),
                harmless(&bound.requirement)
            ));
        }
        lines
    }

    fn edits(&self) -> Vec<String> {
        let edits = &self.plan.edits;
        if edits.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!(
            "{} {}",
            self.paint(PaintRole::Heading, "Edit"),
            self.paint(
                PaintRole::Faint,
                "(--write does it, with digests where the lines have some)"
            )
        )];
        for edit in edits {
            let place = edit
                .place
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
            let place = format!("{}{place}", harmless(&edit.place.file));
            let change = format!("{}=={} → {}=={}", edit.name, edit.from, edit.name, edit.to);
            lines.push(format!(
                "  {}  {change}",
                self.paint(PaintRole::Faint, &place)
            ));
        }
        lines
    }

    fn commands(&self) -> Vec<String> {
        if self.plan.commands.is_empty() {
            return Vec::new();
        }
        let mut lines = Vec::new();
        for (number, command) in self.plan.commands.iter().enumerate() {
            match command.place {
                CommandPlace::LockFile if number > 0 => {}
                CommandPlace::LockFile => {
                    lines.push(self.paint(PaintRole::Heading, "Run, where the lock file is"))
                }
                CommandPlace::Environment => {
                    let title = format!(
                        "Install with the target's Python, beside the rest of {}",
                        harmless(&command.file)
                    );
                    lines.push(self.paint(PaintRole::Heading, &title));
                }
            }
            if command.command.is_empty() {
                let packages = command.packages.join(", ");
                let text = format!("lock {} again, with {packages}", harmless(&command.file));
                lines.extend(
                    wrap(&text, self.options.width.saturating_sub(2))
                        .iter()
                        .map(|line| format!("  {line}")),
                );
            } else {
                // To be copied as it is.
                lines.push(format!("  {}", command.command));
            }
        }
        lines
    }

    fn problems(&self) -> Vec<String> {
        let problems = &self.plan.problems;
        if problems.is_empty() {
            return Vec::new();
        }
        let title = format!(
            "Could not look at everything: {}",
            count(problems.len(), "problem")
        );
        let mut lines = vec![self.paint(PaintRole::Heading, &title)];
        lines.extend(
            problems
                .iter()
                .flat_map(|problem| problem_lines(problem, self.options)),
        );
        lines
    }

    /// What the run cost, where the time of the run is told too: another run from the cache costs less.
    fn cost(&self) -> Vec<String> {
        if self.options.generated.is_none() {
            return Vec::new();
        }
        let summary = &self.plan.summary;
        let requests = count(
            usize::try_from(summary.requests).unwrap_or(usize::MAX),
            "request",
        );
        vec![self.paint(
            PaintRole::Faint,
            &format!(
                "{requests}, {} of distribution files",
                bytes(summary.bytes_fetched)
            ),
        )]
    }
}

/// Whether the sources say of every build, and of those of the newest version, that it would not keep the GIL off.
fn is_futile(step: &PlanStep) -> bool {
    let mut builds = step
        .outlooks
        .iter()
        .filter(|outlook| outlook.after.verdict == Some(Verdict::Build));
    let is_bad =
        |forecast: &Forecast| matches!(forecast.becomes, Becomes::SwitchesGilOn | Becomes::Fails);
    builds.all(|outlook| {
        let newer = outlook.newer_build.as_ref();
        outlook.after.build.as_ref().is_some_and(is_bad)
            && newer.is_none_or(|newer| is_bad(&newer.forecast))
    })
}

/// For which line of the input the package is there, and through what.
fn required_for(step: &PlanStep) -> Option<String> {
    let required = step.required_by.first()?;
    let line = required
        .place
        .line
        .map_or_else(String::new, |line| format!(":{line}"));
    let place = format!("{}{line}", harmless(&required.place.file));
    let through: Vec<String> = required.path.iter().map(ToString::to_string).collect();
    let more = match step.required_by.len() {
        1 => String::new(),
        more => format!(", and {} more", more - 1),
    };
    let through = if through.is_empty() {
        String::new()
    } else {
        format!(" ({})", through.join(" → "))
    };
    Some(format!("{place}{through}{more}"))
}

/// The requirement that moves a package.
fn move_reason(reason: &MoveReason) -> String {
    let (name, version) = &reason.package;
    format!(
        "{name} {version} wants {}{}",
        reason.required,
        harmless(&reason.wants)
    )
}

/// Whether what is left of it is blocked by `Requires-Python` alone.
fn is_for_other_python(step: &PlanStep) -> bool {
    let mut left = step.outlooks.iter().filter(|outlook| {
        outlook
            .after
            .verdict
            .is_some_and(|verdict| !verdict.is_good())
    });
    left.all(|outlook| outlook.requires_python.is_some() && outlook.after.version == step.version)
}

/// Whether nothing is left to ask its project for.
fn is_done(step: &PlanStep) -> bool {
    let good = |outlook: &TargetOutlook| outlook.after.verdict.is_none_or(Verdict::is_good);
    matches!(step.course, PlanAction::HeldBack { .. }) || step.outlooks.iter().all(good)
}

/// What keeps a version out, harmless.
pub(super) fn kept_out(obstacle: &VersionObstacle) -> String {
    let wants = harmless(&obstacle.wants);
    // What pins a package in an environment is that it is there.
    let is_line = |place: &Place| place.line.or(place.column).is_some();
    let has_line = obstacle.package.is_none() || obstacle.place.as_ref().is_some_and(is_line);
    let place = obstacle.place.as_ref().map(|place| {
        let line = place
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        format!("{}{line}", harmless(&place.file))
    });
    match (&obstacle.package, place.filter(|_| has_line)) {
        (Some((name, version)), Some(place)) => {
            format!("{name} {version}, pinned at {place}, wants {wants}")
        }
        (Some((name, version)), None) => format!("{name} {version} wants {wants}"),
        (None, Some(place)) => format!("{place} wants {wants}"),
        (None, None) => wants,
    }
}
