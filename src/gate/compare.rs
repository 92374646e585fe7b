//! A report as it is compared with another one, and what a baseline had already.

use crate::compare::{self, ChangeDirection, ChangedPackage};
use crate::model::gate::{VerdictChange, VerdictChanges, VersionVerdict};
use crate::model::name::PackageName;
use crate::model::problem::Problem;
use crate::model::report::Report;
use crate::model::snapshot::Snapshot;
use crate::model::verdict::Movement;

use super::counting::CountedConcern;

/// What a report says, in the form in which it is compared.
pub fn snapshot(report: &Report) -> Snapshot {
    let mut snapshot = Snapshot {
        targets: report.targets.iter().map(ToString::to_string).collect(),
        ..Snapshot::default()
    };
    for package in &report.packages {
        for result in &package.results {
            let target = result.target.to_string();
            let rules = result.findings.iter().map(|finding| finding.rule.clone());
            snapshot
                .findings
                .extend(rules.map(|rule| (package.name.clone(), target.clone(), rule)));
            let state = VersionVerdict {
                version: package.version.clone(),
                verdict: result.verdict,
            };
            snapshot.add(package.name.clone(), target, state);
        }
    }
    let concerned = |problem: &Problem| Some((problem.package.clone()?, problem.place.clone()));
    snapshot.problems = report.problems.iter().filter_map(concerned).collect();
    snapshot
}

/// All changes of verdict on targets that both have. Another version with the same verdict is none.
pub fn changes(before: &Snapshot, after: &Snapshot) -> VerdictChanges {
    let mut changes = VerdictChanges::default();
    for target in after
        .targets
        .iter()
        .filter(|target| before.targets.contains(target))
    {
        for changed in
            compare::changed(&before.on(target), &after.on(target), |state| state.verdict)
        {
            let ChangedPackage {
                direction,
                name,
                before,
                after,
            } = changed;
            let (before, after) = (before.cloned(), after.cloned());
            let change = VerdictChange {
                package: name.clone(),
                target: target.clone(),
                before,
                after,
            };
            let list = match direction {
                ChangeDirection::Worse => &mut changes.worse,
                ChangeDirection::Added => &mut changes.added,
                ChangeDirection::Different => &mut changes.different,
                ChangeDirection::Better => &mut changes.better,
                ChangeDirection::Removed => &mut changes.removed,
            };
            list.push(change);
        }
    }
    let only = |one: &Snapshot, other: &Snapshot| {
        one.targets
            .iter()
            .filter(|target| !other.targets.contains(target))
            .cloned()
            .collect::<Vec<String>>()
    };
    changes.not_compared = [only(before, after), only(after, before)].concat();
    changes
}

/// Whether an earlier report had this already: the same rule's word on the package and target, whichever module it was
/// about, or a verdict from which this one is no change for the worse.
pub(super) fn had(baseline: &Snapshot, counted: &CountedConcern) -> bool {
    let violation = &counted.violation;
    let (package, target) = (violation.package.clone(), violation.target.to_string());
    let before = baseline.states.get(&(package.clone(), target.clone()));
    let is_no_worse = before.is_some_and(|before| {
        before.verdict == violation.verdict
            || Movement::between(before.verdict, violation.verdict) != Movement::Worse
    });
    if counted.decides {
        return is_no_worse;
    }
    let rule = violation.rule.clone().unwrap_or_default();
    baseline.findings.contains(&(package, target, rule))
}

/// Whether an earlier report had this problem already. One that concerns no package in particular may hide anything, so it
/// is always new.
pub(super) fn had_problem(baseline: &Snapshot, problem: &Problem) -> bool {
    let concerned = |package: &PackageName| {
        baseline
            .problems
            .contains(&(package.clone(), problem.place.clone()))
    };
    problem.package.as_ref().is_some_and(concerned)
}
