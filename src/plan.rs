//! The way forward: a set of packages with as many of them fine as can be, and what it takes to get there.
//!
//! A plan is a set, not a list of packages. [`find`] proposes sets, has each resolved as the user would have it with the
//! changes made, has every file of it judged, and compares it with the set as it is. [`build`] makes a plan of what was
//! found: which packages to change, in which order, which lines to edit, and what stays in the way. What has to be known
//! of the world comes in through [`PlanWorld`].
//!
//! Never here: network, files, the solver. No set is offered that was not resolved and judged as a whole.

pub mod border_search;
mod commands;
pub mod downward;
mod edits;
mod moves;
mod order;
mod planner;
mod proposal;
mod readiness;
mod revision;
mod score;
pub mod world;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::digest::Digest;
use crate::model::name::{PackageName, Version};
use crate::model::plan::{
    ForeseenBuild, NamedAlternative, Plan, PlanAction, PlanStep, PlanSummary, PlannedOutcome,
    TargetOutlook, VersionObstacle,
};
use crate::model::report::{PackageReport, Report, TargetResult};
use crate::model::request::Requests;
use crate::model::target::Target;
use crate::model::verdict::Verdict;

pub use planner::{PlanSearchResult, find};
pub use world::{JudgedSet, PlanWorld};

/// All that a plan is made of.
#[derive(Clone, Copy)]
pub struct PlanInputs<'a> {
    /// What was asked for.
    pub requests: &'a Requests,
    /// The set as it is.
    pub before: &'a JudgedSet,
    /// What was found.
    pub found: &'a PlanSearchResult,
    /// What is foreseen of packages that stay to be built.
    pub forecasts: &'a BTreeMap<(PackageName, Target), ForeseenBuild>,
    /// Where projects want to hear of it.
    pub trackers: &'a BTreeMap<PackageName, String>,
    /// SHA-256 of all files of a version.
    pub digests: &'a dyn Fn(&PackageName, &Version) -> Vec<Digest>,
    /// What it cost.
    pub traffic: PlanTraffic,
}

/// A version that is kept out of the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// The oldest ready version.
    pub to: Version,
    /// What keeps it out; not empty.
    pub by: Vec<VersionObstacle>,
}

/// What went over the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanTraffic {
    /// Requests.
    pub requests: u64,
    /// Bytes of distribution files.
    pub bytes: u64,
}

/// Puts the plan together.
pub fn build(inputs: &PlanInputs<'_>) -> Plan {
    let (requests, found) = (inputs.requests, inputs.found);
    let (before, after) = (&inputs.before.report, &found.after.report);
    let mut steps: Vec<PlanStep> = before
        .packages
        .iter()
        .filter_map(|package| step(package, inputs))
        .collect();
    // What the changes bring in may not be ready either.
    let known: BTreeSet<PackageName> = steps.iter().map(|step| step.name.clone()).collect();
    let brought = after
        .packages
        .iter()
        .filter(|package| !known.contains(&package.name));
    steps.extend(brought.filter_map(|package| step(package, inputs)));
    let steps = order::leaves_first(steps);
    let is_good =
        |package: &PackageReport| package.results.iter().all(|result| fine(result.verdict));
    let edits = edits::edits(requests, before, after, inputs.digests);
    let bounds = edits::bounds(requests, before, after, &found.revision);
    let (packages, good_before) = counted(before, is_good);
    let (packages_after, good_after) = counted(after, is_good);
    let moves = moves::moves(before, after, &steps, &found.because);
    let commands = match &requests.environment {
        Some(environment) => commands::of_environment(environment, &moves, &steps, &bounds)
            .into_iter()
            .collect(),
        None => commands::of_locks(requests, &found.revision, &found.after),
    };
    Plan {
        targets: before.targets.clone(),
        excluded: before.excluded.clone(),
        commands,
        moves,
        worse: score::worse(inputs.before, &found.after),
        edits,
        bounds,
        problems: problems(before, after),
        summary: PlanSummary {
            packages,
            good_before,
            packages_after,
            good_after,
            requests: inputs.traffic.requests,
            bytes_fetched: inputs.traffic.bytes,
        },
        steps,
    }
}

/// Whether nothing speaks against it; without its compiled modules a package works, slower.
fn fine(verdict: Verdict) -> bool {
    verdict.is_good() || verdict == Verdict::PureFallback
}

/// How many names there are, and how many of which every version is as asked.
fn counted(report: &Report, is_so: impl Fn(&PackageReport) -> bool) -> (usize, usize) {
    let mut names: BTreeMap<&PackageName, bool> = BTreeMap::new();
    for package in &report.packages {
        *names.entry(&package.name).or_insert(true) &= is_so(package);
    }
    (names.len(), names.values().filter(|so| **so).count())
}

fn problems(before: &Report, after: &Report) -> Vec<crate::model::problem::Problem> {
    let all: BTreeSet<_> = before
        .problems
        .iter()
        .chain(&after.problems)
        .cloned()
        .collect();
    all.into_iter().collect()
}

/// What to do about a package; `None` when it is ready everywhere.
fn step(package: &PackageReport, inputs: &PlanInputs<'_>) -> Option<PlanStep> {
    let wanting = package
        .results
        .iter()
        .filter(|result| !result.verdict.is_good());
    let outlooks: Vec<TargetOutlook> = wanting
        .map(|result| outlook(package, result, inputs))
        .collect();
    if outlooks.is_empty() {
        return None;
    }
    Some(PlanStep {
        course: course(package, &outlooks, inputs),
        name: package.name.clone(),
        version: package.version.clone(),
        required_by: package.required_by.clone(),
        tracker: inputs.trackers.get(&package.name).cloned(),
        alternatives: alternatives(package, &outlooks),
        outlooks,
    })
}

/// What rules name to be used instead, of targets on which the package does not become ready.
fn alternatives(package: &PackageReport, outlooks: &[TargetOutlook]) -> Vec<NamedAlternative> {
    let stays = |target: Target| {
        let mut outlooks = outlooks.iter().filter(|outlook| outlook.target == target);
        outlooks.any(|outlook| {
            outlook
                .after
                .verdict
                .is_some_and(|verdict| !verdict.is_good())
        })
    };
    let findings = package
        .results
        .iter()
        .filter(|result| stays(result.target))
        .flat_map(|result| &result.findings);
    let named = findings.filter_map(|finding| {
        Some(NamedAlternative {
            rule: finding.rule.clone(),
            what: finding.alternative.clone()?,
        })
    });
    named.collect::<BTreeSet<_>>().into_iter().collect()
}

fn outlook(
    package: &PackageReport,
    result: &TargetResult,
    inputs: &PlanInputs<'_>,
) -> TargetOutlook {
    let key = (package.name.clone(), result.target);
    let search = inputs.found.searches.get(&key).cloned();
    let after = after(package, result, inputs);
    let newer = inputs.forecasts.get(&key).filter(|_| after.build.is_some());
    TargetOutlook {
        target: result.target,
        verdict: result.verdict,
        reason: result.reason.clone(),
        requires_python: result.requires_python.clone(),
        after,
        newer_build: newer.and_then(|foreseen| foreseen.newer.clone()),
        search,
    }
}

fn after(package: &PackageReport, now: &TargetResult, inputs: &PlanInputs<'_>) -> PlannedOutcome {
    let foreseen = inputs.forecasts.get(&(package.name.clone(), now.target));
    let named = inputs
        .found
        .after
        .report
        .packages
        .iter()
        .filter(|other| other.name == package.name);
    let found = named.flat_map(|other| other.results.iter().map(move |result| (other, result)));
    match found
        .into_iter()
        .find(|(_, result)| result.target == now.target)
    {
        Some((other, result)) => PlannedOutcome {
            version: other.version.clone(),
            verdict: Some(result.verdict),
            reason: result.reason.clone(),
            build: foreseen
                .filter(|_| result.verdict == Verdict::Build)
                .map(|foreseen| foreseen.now.clone()),
        },
        None => PlannedOutcome {
            version: None,
            verdict: None,
            reason: "no longer required".to_owned(),
            build: None,
        },
    }
}

fn course(
    package: &PackageReport,
    outlooks: &[TargetOutlook],
    inputs: &PlanInputs<'_>,
) -> PlanAction {
    // What works without its compiled modules is better than what does not.
    let improves = |outlook: &&TargetOutlook| {
        let after = outlook.after.verdict;
        after.is_some_and(|after| after.is_good() || (fine(after) && !fine(outlook.verdict)))
    };
    let versions = outlooks
        .iter()
        .filter(improves)
        .filter_map(|outlook| outlook.after.version.clone());
    match versions.max() {
        Some(to) if package.version.as_ref() != Some(&to) => return PlanAction::Change { to },
        Some(_) => return PlanAction::Follow,
        None => {}
    }
    if let Some(HeldBack { to, by }) = inputs.found.held.get(&package.name) {
        return PlanAction::HeldBack {
            to: to.clone(),
            by: by.clone(),
        };
    }
    let rest = outlooks
        .iter()
        .filter_map(|outlook| outlook.after.verdict)
        .max();
    match rest {
        None => PlanAction::Follow,
        Some(Verdict::Gil | Verdict::Crash | Verdict::Blocked) => PlanAction::Isolate,
        Some(Verdict::Build) => PlanAction::Build,
        Some(Verdict::PureFallback) => PlanAction::Accept,
        Some(Verdict::Unknown | Verdict::Pure | Verdict::Ready) => PlanAction::Unclear,
    }
}
