//! From the model's plan to version 1 of its JSON.

use crate::model::plan::{
    BoundLine, LineEdit, MoveReason, NamedAlternative, NewerBuild, Plan, PlanAction, PlanCommand,
    PlanStep, PlanSummary, PlannedMove, PlannedOutcome, ProbeBasis, SearchFrontier, TargetOutlook,
    VersionObstacle, VersionProbe, VersionSearch, WorsePackage,
};

use super::convert::{all, excluded, forecast, place, problem, required_by, text, verdict};
use super::plan_v1;

impl From<&Plan> for plan_v1::PlanV1 {
    fn from(plan: &Plan) -> plan_v1::PlanV1 {
        plan_v1::PlanV1 {
            schema_version: plan_v1::SCHEMA_VERSION,
            generated: None,
            targets: all(&plan.targets, ToString::to_string),
            excluded: all(&plan.excluded, excluded),
            steps: all(&plan.steps, step),
            moves: all(&plan.moves, moved),
            worse: all(&plan.worse, worse),
            edits: all(&plan.edits, edit),
            bounds: all(&plan.bounds, bound),
            commands: all(&plan.commands, command),
            problems: all(&plan.problems, problem),
            summary: summary(&plan.summary),
        }
    }
}

fn optional(shown: Option<&impl ToString>) -> Option<String> {
    shown.map(ToString::to_string)
}

fn step(step: &PlanStep) -> plan_v1::StepV1 {
    let (course, to, held_by) = match &step.course {
        PlanAction::Change { to } => (plan_v1::CourseV1::Change, Some(to), &[][..]),
        PlanAction::Follow => (plan_v1::CourseV1::Follow, None, &[][..]),
        PlanAction::HeldBack { to, by } => (plan_v1::CourseV1::HeldBack, Some(to), by.as_slice()),
        PlanAction::Build => (plan_v1::CourseV1::Build, None, &[][..]),
        PlanAction::Isolate => (plan_v1::CourseV1::Isolate, None, &[][..]),
        PlanAction::Accept => (plan_v1::CourseV1::Accept, None, &[][..]),
        PlanAction::Unclear => (plan_v1::CourseV1::Unclear, None, &[][..]),
    };
    plan_v1::StepV1 {
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

fn alternative(alternative: &NamedAlternative) -> plan_v1::AlternativeV1 {
    plan_v1::AlternativeV1 {
        rule: alternative.rule.clone(),
        what: text(&alternative.what),
    }
}

fn obstacle(obstacle: &VersionObstacle) -> plan_v1::ObstacleV1 {
    plan_v1::ObstacleV1 {
        place: obstacle.place.as_ref().map(place),
        package: optional(obstacle.package.as_ref().map(|(name, _)| name)),
        version: optional(obstacle.package.as_ref().map(|(_, version)| version)),
        wants: text(&obstacle.wants),
    }
}

fn outlook(outlook: &TargetOutlook) -> plan_v1::OutlookV1 {
    let PlannedOutcome {
        version,
        verdict: then,
        reason,
        build,
    } = &outlook.after;
    let after = plan_v1::AfterV1 {
        version: optional(version.as_ref()),
        verdict: then.map(verdict),
        reason: text(reason),
        build: build.as_ref().map(forecast),
    };
    plan_v1::OutlookV1 {
        target: outlook.target.to_string(),
        verdict: verdict(outlook.verdict),
        reason: text(&outlook.reason),
        requires_python: optional(outlook.requires_python.as_ref()),
        search: outlook.search.as_ref().map(search),
        after,
        newer_build: outlook.newer_build.as_ref().map(newer_build),
    }
}

fn newer_build(newer: &NewerBuild) -> plan_v1::NewerBuildV1 {
    plan_v1::NewerBuildV1 {
        version: newer.version.to_string(),
        build: forecast(&newer.forecast),
    }
}

fn search(search: &VersionSearch) -> plan_v1::SearchV1 {
    plan_v1::SearchV1 {
        oldest: optional(search.oldest.as_ref()),
        newest: optional(search.newest.as_ref()),
        border: match search.border {
            SearchFrontier::Confirmed => plan_v1::BorderV1::Confirmed,
            SearchFrontier::Open => plan_v1::BorderV1::Open,
        },
        versions: search.versions,
        fitting: search.fitting,
        other_python: search.other_python,
        probes: all(&search.probes, probe),
        prerelease: optional(search.prerelease.as_ref()),
        older: optional(search.older.as_ref()),
        requests: search.requests,
    }
}

fn probe(probe: &VersionProbe) -> plan_v1::ProbeV1 {
    plan_v1::ProbeV1 {
        version: probe.version.to_string(),
        verdict: verdict(probe.verdict),
        reason: text(&probe.reason),
        seen: match probe.seen {
            ProbeBasis::Names => plan_v1::SeenV1::Names,
            ProbeBasis::Bytes => plan_v1::SeenV1::Bytes,
        },
    }
}

fn moved(moved: &PlannedMove) -> plan_v1::MoveV1 {
    plan_v1::MoveV1 {
        name: moved.name.to_string(),
        from: optional(moved.from.as_ref()),
        to: optional(moved.to.as_ref()),
        required_by: all(&moved.required_by, ToString::to_string),
        because: all(&moved.because, reason),
    }
}

fn reason(reason: &MoveReason) -> plan_v1::MoveReasonV1 {
    let (package, version) = &reason.package;
    plan_v1::MoveReasonV1 {
        package: package.to_string(),
        version: version.to_string(),
        required: reason.required.to_string(),
        wants: text(&reason.wants),
    }
}

fn worse(worse: &WorsePackage) -> plan_v1::Worse {
    plan_v1::Worse {
        name: worse.name.to_string(),
        target: worse.target.to_string(),
        from: optional(worse.from.as_ref()),
        before: worse.before.map(verdict),
        to: optional(worse.to.as_ref()),
        after: verdict(worse.after),
        reason: text(&worse.reason),
    }
}

fn bound(bound: &BoundLine) -> plan_v1::BoundLineV1 {
    plan_v1::BoundLineV1 {
        place: bound.place.as_ref().map(place),
        file: bound.file.as_deref().map(text),
        name: bound.name.to_string(),
        bound: bound.bound.clone(),
        requirement: text(&bound.requirement),
    }
}

fn edit(edit: &LineEdit) -> plan_v1::EditV1 {
    plan_v1::EditV1 {
        place: place(&edit.place),
        name: edit.name.to_string(),
        from: edit.from.to_string(),
        to: edit.to.to_string(),
        sha256: edit
            .digests
            .as_ref()
            .map(|digests| all(digests, |digest| digest.hex.clone())),
    }
}

fn command(command: &PlanCommand) -> plan_v1::CommandV1 {
    plan_v1::CommandV1 {
        file: text(&command.file),
        command: command.command.clone(),
        packages: command.packages.clone(),
    }
}

fn summary(summary: &PlanSummary) -> plan_v1::PlanSummaryV1 {
    plan_v1::PlanSummaryV1 {
        packages: summary.packages,
        good_before: summary.good_before,
        packages_after: summary.packages_after,
        good_after: summary.good_after,
        requests: Some(summary.requests),
        bytes_fetched: Some(summary.bytes_fetched),
    }
}
