//! From the model's plan to version 1 of its JSON.

use crate::model::plan::{
    After, Alternative, Border, Command, Course, Edit, Move, NewerBuild, Obstacle, Outlook, Plan, PlanSummary, Probe,
    Search, Seen, Step,
};

use super::convert::{all, excluded, forecast, place, problem, required_by, text, verdict};
use super::plan_v1;

impl From<&Plan> for plan_v1::Plan {
    fn from(plan: &Plan) -> plan_v1::Plan {
        plan_v1::Plan {
            schema_version: plan_v1::SCHEMA_VERSION,
            generated: None,
            targets: all(&plan.targets, ToString::to_string),
            excluded: all(&plan.excluded, excluded),
            steps: all(&plan.steps, step),
            moves: all(&plan.moves, moved),
            edits: all(&plan.edits, edit),
            commands: all(&plan.commands, command),
            problems: all(&plan.problems, problem),
            summary: summary(&plan.summary),
        }
    }
}

fn optional(shown: Option<&impl ToString>) -> Option<String> {
    shown.map(ToString::to_string)
}

fn step(step: &Step) -> plan_v1::Step {
    let (course, to, held_by) = match &step.course {
        Course::Change { to } => (plan_v1::Course::Change, Some(to), &[][..]),
        Course::Follow => (plan_v1::Course::Follow, None, &[][..]),
        Course::HeldBack { to, by } => (plan_v1::Course::HeldBack, Some(to), by.as_slice()),
        Course::Build => (plan_v1::Course::Build, None, &[][..]),
        Course::Isolate => (plan_v1::Course::Isolate, None, &[][..]),
        Course::Accept => (plan_v1::Course::Accept, None, &[][..]),
        Course::Unclear => (plan_v1::Course::Unclear, None, &[][..]),
    };
    plan_v1::Step {
        name: step.name.to_string(),
        version: optional(step.version.as_ref()),
        required_by: all(&step.required_by, required_by),
        course,
        to: optional(to),
        held_by: all(held_by, obstacle),
        outlooks: all(&step.outlooks, outlook),
        tracker: step.tracker.as_deref().map(text),
        alternatives: all(&step.alternatives, alternative),
    }
}

fn alternative(alternative: &Alternative) -> plan_v1::Alternative {
    plan_v1::Alternative { rule: alternative.rule.clone(), what: text(&alternative.what) }
}

fn obstacle(obstacle: &Obstacle) -> plan_v1::Obstacle {
    plan_v1::Obstacle {
        place: obstacle.place.as_ref().map(place),
        package: optional(obstacle.package.as_ref().map(|(name, _)| name)),
        version: optional(obstacle.package.as_ref().map(|(_, version)| version)),
        wants: text(&obstacle.wants),
    }
}

fn outlook(outlook: &Outlook) -> plan_v1::Outlook {
    let After { version, verdict: then, reason, build } = &outlook.after;
    let after = plan_v1::After {
        version: optional(version.as_ref()),
        verdict: then.map(verdict),
        reason: text(reason),
        build: build.as_ref().map(forecast),
    };
    plan_v1::Outlook {
        target: outlook.target.to_string(),
        verdict: verdict(outlook.verdict),
        reason: text(&outlook.reason),
        requires_python: optional(outlook.requires_python.as_ref()),
        search: outlook.search.as_ref().map(search),
        after,
        newer_build: outlook.newer_build.as_ref().map(newer_build),
    }
}

fn newer_build(newer: &NewerBuild) -> plan_v1::NewerBuild {
    plan_v1::NewerBuild { version: newer.version.to_string(), build: forecast(&newer.forecast) }
}

fn search(search: &Search) -> plan_v1::Search {
    plan_v1::Search {
        oldest: optional(search.oldest.as_ref()),
        newest: optional(search.newest.as_ref()),
        border: match search.border {
            Border::Confirmed => plan_v1::Border::Confirmed,
            Border::Open => plan_v1::Border::Open,
        },
        versions: search.versions,
        fitting: search.fitting,
        other_python: search.other_python,
        probes: all(&search.probes, probe),
        prerelease: optional(search.prerelease.as_ref()),
        requests: search.requests,
    }
}

fn probe(probe: &Probe) -> plan_v1::Probe {
    plan_v1::Probe {
        version: probe.version.to_string(),
        verdict: verdict(probe.verdict),
        reason: text(&probe.reason),
        seen: match probe.seen {
            Seen::Names => plan_v1::Seen::Names,
            Seen::Bytes => plan_v1::Seen::Bytes,
        },
    }
}

fn moved(moved: &Move) -> plan_v1::Move {
    plan_v1::Move {
        name: moved.name.to_string(),
        from: optional(moved.from.as_ref()),
        to: optional(moved.to.as_ref()),
        required_by: all(&moved.required_by, ToString::to_string),
    }
}

fn edit(edit: &Edit) -> plan_v1::Edit {
    plan_v1::Edit {
        place: place(&edit.place),
        name: edit.name.to_string(),
        from: edit.from.to_string(),
        to: edit.to.to_string(),
        sha256: edit.digests.as_ref().map(|digests| all(digests, |digest| digest.hex.clone())),
    }
}

fn command(command: &Command) -> plan_v1::Command {
    plan_v1::Command { file: text(&command.file), command: command.command.clone(), packages: command.packages.clone() }
}

fn summary(summary: &PlanSummary) -> plan_v1::Summary {
    plan_v1::Summary {
        packages: summary.packages,
        good_before: summary.good_before,
        packages_after: summary.packages_after,
        good_after: summary.good_after,
        requests: summary.requests,
        bytes_fetched: summary.bytes_fetched,
    }
}
