//! Which of two sets is better, and what one of them makes worse.

use std::collections::BTreeSet;

use crate::model::name::PackageName;
use crate::model::plan::WorsePackage;
use crate::model::verdict::Verdict;

use super::readiness::PackageStanding;
use super::world::JudgedSet;

/// What is compared, in this order; less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SetScore {
    /// Packages (names) that are not fine on some target.
    not_fine: usize,
    /// The same, each target counted.
    not_fine_results: usize,
    /// What gets worse.
    worse: usize,
    /// Packages that work without their compiled modules, each target counted.
    slower: usize,
    /// Changes that it takes.
    changes: usize,
}

impl SetScore {
    pub(super) fn of(before: &JudgedSet, after: &JudgedSet, changes: usize) -> SetScore {
        let standings = || {
            let packages = after.report.packages.iter();
            packages.flat_map(|it| {
                it.results
                    .iter()
                    .map(|result| (&it.name, PackageStanding::from(result.verdict)))
            })
        };
        let not_fine = || standings().filter(|(_, standing)| *standing == PackageStanding::NotFine);
        SetScore {
            not_fine: not_fine()
                .map(|(name, _)| name)
                .collect::<BTreeSet<&PackageName>>()
                .len(),
            not_fine_results: not_fine().count(),
            worse: worse(before, after).len(),
            slower: standings()
                .filter(|(_, standing)| *standing == PackageStanding::Slower)
                .count(),
            changes,
        }
    }
}

/// What is worse after than before, and what comes in and is not fine; in the order of the names.
pub(super) fn worse(before: &JudgedSet, after: &JudgedSet) -> Vec<WorsePackage> {
    let mut found = Vec::new();
    for package in &after.report.packages {
        for result in &package.results {
            let earlier = before.verdict(&package.name, result.target);
            if !is_worse(earlier, result.verdict) {
                continue;
            }
            found.push(WorsePackage {
                name: package.name.clone(),
                target: result.target,
                from: before.version(&package.name, result.target).cloned(),
                before: earlier,
                to: package.version.clone(),
                after: result.verdict,
                reason: result.reason.clone(),
            });
        }
    }
    found.sort_by(|left, right| (&left.name, left.target).cmp(&(&right.name, right.target)));
    found
}

fn is_worse(before: Option<Verdict>, after: Verdict) -> bool {
    let standing = PackageStanding::from(after);
    match before {
        None => standing == PackageStanding::NotFine,
        Some(before)
            if standing == PackageStanding::NotFine
                && PackageStanding::from(before) == PackageStanding::NotFine =>
        {
            after > before
        }
        Some(before) => standing < PackageStanding::from(before),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_behind_is_worse() {
        for (before, after, expected) in [
            (Some(Verdict::Ready), Verdict::Pure, false),
            (Some(Verdict::Pure), Verdict::PureFallback, true),
            (Some(Verdict::Ready), Verdict::Unknown, true),
            (Some(Verdict::Build), Verdict::Gil, true),
            (Some(Verdict::Gil), Verdict::Build, false),
            (Some(Verdict::Gil), Verdict::PureFallback, false),
            (None, Verdict::Ready, false),
            (None, Verdict::PureFallback, false),
            (None, Verdict::Build, true),
        ] {
            assert_eq!(is_worse(before, after), expected, "{before:?} {after:?}");
        }
    }
}
