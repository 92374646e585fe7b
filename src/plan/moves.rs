//! What the changes move besides: versions that differ between the set as it is and the set as it will be.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::name::{PackageName, Version};
use crate::model::plan::{MoveReason, PlanAction, PlanStep, PlannedMove};
use crate::model::report::Report;

/// Moves of packages that no step changes, by name.
pub(super) fn moves(
    before: &Report,
    after: &Report,
    steps: &[PlanStep],
    because: &BTreeMap<PackageName, Vec<MoveReason>>,
) -> Vec<PlannedMove> {
    let changed = |name: &PackageName| {
        steps
            .iter()
            .any(|step| step.name == *name && matches!(step.course, PlanAction::Change { .. }))
    };
    let (old, new) = (versions(before), versions(after));
    let names: BTreeSet<&PackageName> = old.keys().chain(new.keys()).copied().collect();
    let moved = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name) && !changed(name));
    let newest = |versions: Option<&BTreeSet<Option<Version>>>| {
        versions.and_then(|versions| versions.last().cloned()?)
    };
    moved
        .map(|name| PlannedMove {
            name: name.clone(),
            from: newest(old.get(name)),
            to: newest(new.get(name)),
            required_by: requiring(after, name),
            because: because.get(name).cloned().unwrap_or_default(),
        })
        .collect()
}

fn versions(report: &Report) -> BTreeMap<&PackageName, BTreeSet<Option<Version>>> {
    let mut versions: BTreeMap<&PackageName, BTreeSet<Option<Version>>> = BTreeMap::new();
    for package in &report.packages {
        versions
            .entry(&package.name)
            .or_default()
            .insert(package.version.clone());
    }
    versions
}

fn requiring(report: &Report, name: &PackageName) -> Vec<PackageName> {
    let named = report
        .packages
        .iter()
        .filter(|package| package.name == *name);
    let last = named
        .flat_map(|package| &package.required_by)
        .filter_map(|required| required.path.last());
    last.cloned().collect::<BTreeSet<_>>().into_iter().collect()
}
