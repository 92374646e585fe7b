//! Which requirements lead to each installed package: paths over what the others say that they require.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::installed::{InstalledDistribution, RequestedMark};
use crate::model::name::{ExtraName, PackageName};
use crate::model::place::Place;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::resolution::RequiredBy;
use crate::model::target::Target;
use crate::resolve::markers;

/// Who requires whom, by number.
type RequirementEdges = Vec<BTreeSet<usize>>;

/// For each package, the shortest path from each package that somebody asked for: one whose installer recorded so, or
/// one that no other requires. `None` stands for files that nobody owns.
pub(super) fn required_by(
    packages: &[Option<&InstalledDistribution>],
    target: Target,
    place: &Place,
) -> (Vec<Vec<RequiredBy>>, Option<Problem>) {
    let (edges, problem) = edges(packages, target);
    let mut paths: Vec<Vec<RequiredBy>> = packages.iter().map(|_| Vec::new()).collect();
    let required: BTreeSet<usize> = edges.iter().flatten().copied().collect();
    let is_root = |number: usize, package: &Option<&InstalledDistribution>| {
        package.is_none_or(|package| package.requested == RequestedMark::Yes)
            || !required.contains(&number)
    };
    let mut roots: VecDeque<usize> = packages
        .iter()
        .enumerate()
        .filter(|(number, package)| is_root(*number, package))
        .map(|(number, _)| number)
        .collect();
    // Packages that require each other in a circle, and that nobody else requires: the first of them stands for it.
    let mut unreached = 0..packages.len();
    while let Some(root) = roots
        .pop_front()
        .or_else(|| unreached.find(|number| paths.get(*number).is_some_and(Vec::is_empty)))
    {
        for (number, path) in from(root, &edges) {
            let name = |number: usize| {
                packages
                    .get(number)
                    .copied()
                    .flatten()
                    .map(|package| package.name.clone())
            };
            let path: Vec<PackageName> = path.into_iter().filter_map(name).collect();
            if let Some(paths) = paths.get_mut(number) {
                paths.push(RequiredBy {
                    place: place.clone(),
                    path,
                });
            }
        }
    }
    (paths, problem)
}

/// Everything that a package leads to, with the way there.
fn from(root: usize, edges: &RequirementEdges) -> BTreeMap<usize, Vec<usize>> {
    let mut found = BTreeMap::from([(root, Vec::new())]);
    let mut left = VecDeque::from([root]);
    while let Some(number) = left.pop_front() {
        let mut path = found.get(&number).cloned().unwrap_or_default();
        path.push(number);
        for next in edges.get(number).into_iter().flatten() {
            if !found.contains_key(next) {
                found.insert(*next, path.clone());
                left.push_back(*next);
            }
        }
    }
    found
}

/// Requirements whose markers hold on the target, with the extras that other packages ask for.
fn edges(
    packages: &[Option<&InstalledDistribution>],
    target: Target,
) -> (RequirementEdges, Option<Problem>) {
    let mut edges: RequirementEdges = packages.iter().map(|_| BTreeSet::new()).collect();
    let environment = match markers::environment(target, 0) {
        Ok(environment) => environment,
        Err(error) => {
            let message = format!("the markers of {target} cannot be set: {error}");
            let kind = ProblemKind::Metadata;
            return (
                edges,
                Some(Problem {
                    kind,
                    package: None,
                    place: target.to_string(),
                    message,
                }),
            );
        }
    };
    let mut numbers: BTreeMap<&PackageName, usize> = BTreeMap::new();
    for (number, package) in packages.iter().enumerate() {
        if let Some(package) = package {
            numbers.entry(&package.name).or_insert(number);
        }
    }
    let mut extras: Vec<BTreeSet<ExtraName>> = packages.iter().map(|_| BTreeSet::new()).collect();
    let mut left: VecDeque<usize> = (0..packages.len()).collect();
    // Each round but the first of a package is for an extra that was not asked for before, so it ends.
    while let Some(number) = left.pop_front() {
        let Some(package) = packages.get(number).copied().flatten() else {
            continue;
        };
        let asked: Vec<ExtraName> = extras.get(number).into_iter().flatten().cloned().collect();
        for requirement in package
            .metadata
            .iter()
            .flat_map(|metadata| &metadata.requires_dist)
            .filter(|it| it.evaluate_markers(&environment, &asked))
        {
            let Some(other) = numbers.get(&requirement.name).copied() else {
                continue;
            };
            if other != number
                && let Some(edges) = edges.get_mut(number)
            {
                edges.insert(other);
            }
            if let Some(extras) = extras.get_mut(other) {
                let before = extras.len();
                extras.extend(requirement.extras.iter().cloned());
                if extras.len() > before {
                    left.push_back(other);
                }
            }
        }
    }
    (edges, None)
}
