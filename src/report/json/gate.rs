//! From the gate's nouns to version 1 of the JSON.

use crate::model::gate::{
    Gate, GateOutcome, VerdictChange, VerdictChanges, VersionVerdict, Violation, ViolationStanding,
    Waiver, WaiverState, WaiverUse,
};
use crate::model::report::{PackageReport, Report};
use crate::model::snapshot::ReportDifference;

use super::convert::{all, place, text, verdict};
use super::gate_v1;
use super::v1::SCHEMA_VERSION;

/// A policy's word on a report.
pub(super) fn gate(report: &Report, gate: &Gate) -> gate_v1::GateV1 {
    gate_v1::GateV1 {
        outcome: outcome(gate.outcome),
        violations: all(&gate.violations, |found| violation(report, found)),
        problems: gate
            .problems
            .iter()
            .enumerate()
            .filter_map(problem)
            .collect(),
        waivers: all(&gate.waivers, waiver),
        changes: gate.changes.as_ref().map(changes),
    }
}

/// How it decides.
pub(super) fn outcome(outcome: GateOutcome) -> gate_v1::OutcomeV1 {
    match outcome {
        GateOutcome::Passed => gate_v1::OutcomeV1::Passed,
        GateOutcome::Open => gate_v1::OutcomeV1::Open,
        GateOutcome::Broken => gate_v1::OutcomeV1::Broken,
    }
}

/// One thing that counts, or would.
pub(super) fn violation(report: &Report, violation: &Violation) -> gate_v1::ViolationV1 {
    let (standing, waiver) = standing(violation.standing);
    gate_v1::ViolationV1 {
        package: violation.package.to_string(),
        version: violation.version.as_ref().map(ToString::to_string),
        found_in: report
            .packages
            .get(violation.entry)
            .and_then(PackageReport::found_in)
            .map(text),
        target: violation.target.to_string(),
        verdict: verdict(violation.verdict),
        rule: violation.rule.clone(),
        module: violation.module.clone(),
        message: text(&violation.message),
        standing,
        waiver,
    }
}

fn problem(
    (problem, counts): (usize, &Option<ViolationStanding>),
) -> Option<gate_v1::CountedProblemV1> {
    let (standing, waiver) = standing((*counts)?);
    Some(gate_v1::CountedProblemV1 {
        problem,
        standing,
        waiver,
    })
}

/// Whether something counts, and the waiver that covers it.
fn standing(standing: ViolationStanding) -> (gate_v1::StandingV1, Option<usize>) {
    match standing {
        ViolationStanding::Breaks => (gate_v1::StandingV1::Breaks, None),
        ViolationStanding::Open => (gate_v1::StandingV1::Open, None),
        ViolationStanding::Waived(waiver) => (gate_v1::StandingV1::Waived, Some(waiver)),
        ViolationStanding::Known => (gate_v1::StandingV1::Known, None),
    }
}

/// A waiver and what became of it.
pub(super) fn waiver(used: &WaiverUse) -> gate_v1::WaiverV1 {
    let (state, violations) = match used.state {
        WaiverState::Used(number) => (gate_v1::StateV1::Used, number),
        WaiverState::Expired(number) => (gate_v1::StateV1::Expired, number),
        WaiverState::Unused => (gate_v1::StateV1::Unused, 0),
    };
    let Waiver {
        package,
        versions,
        module,
        rule,
        target,
        reason,
        until,
        place: written,
    } = &used.waiver;
    gate_v1::WaiverV1 {
        package: package.to_string(),
        versions: (!versions.is_empty()).then(|| versions.to_string()),
        module: module.clone(),
        rule: rule.clone(),
        target: target.clone(),
        reason: text(reason),
        until: until.map(|day| day.to_string()),
        place: place(written),
        state,
        violations,
    }
}

fn changes(changes: &VerdictChanges) -> gate_v1::ChangesV1 {
    gate_v1::ChangesV1 {
        worse: all(&changes.worse, change),
        better: all(&changes.better, change),
        different: all(&changes.different, change),
        added: all(&changes.added, change),
        removed: all(&changes.removed, change),
        not_compared: changes.not_compared.clone(),
    }
}

/// What is different between two reports.
pub(super) fn difference(difference: &ReportDifference) -> gate_v1::DifferenceV1 {
    gate_v1::DifferenceV1 {
        schema_version: SCHEMA_VERSION,
        before: text(&difference.before),
        after: text(&difference.after),
        changes: changes(&difference.changes),
    }
}

/// One package on one target, then and now.
pub(super) fn change(change: &VerdictChange) -> gate_v1::ChangeV1 {
    gate_v1::ChangeV1 {
        package: change.package.to_string(),
        target: change.target.clone(),
        before: change.before.as_ref().map(release),
        after: change.after.as_ref().map(release),
    }
}

fn release(state: &VersionVerdict) -> gate_v1::ReleaseV1 {
    gate_v1::ReleaseV1 {
        version: state.version.as_ref().map(ToString::to_string),
        verdict: verdict(state.verdict),
    }
}
