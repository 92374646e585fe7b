//! What changed between two reports, as a page tells it: once for all targets on which it is the same.

use std::collections::BTreeMap;

use crate::compare::{self, ChangeDirection, ChangedPackage};
use crate::model::verdict::Verdict;

use super::json::{self, SavedReport};

/// A version and its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct JudgedVersion<'a> {
    pub(super) version: Option<&'a str>,
    pub(super) verdict: Verdict,
}

/// A package that changed in the same way on some targets.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PackageChange<'a> {
    pub(super) direction: ChangeDirection,
    pub(super) name: &'a str,
    /// `None` when it is new.
    pub(super) before: Option<JudgedVersion<'a>>,
    /// `None` when it is gone.
    pub(super) after: Option<JudgedVersion<'a>>,
    /// In the order of the later report.
    pub(super) targets: Vec<&'a str>,
}

/// All changes of verdict on targets that both reports have, the worst first. Another version with the same verdict is none.
pub(super) fn changes<'a>(
    before: &'a SavedReport,
    after: &'a SavedReport,
) -> Vec<PackageChange<'a>> {
    let mut changes: Vec<PackageChange<'a>> = Vec::new();
    for target in common_targets(before, after) {
        let (old, new) = (releases(before, target), releases(after, target));
        let changed = compare::changed(&old, &new, |release| release.verdict);
        changes.extend(changed.into_iter().map(
            |ChangedPackage {
                 direction,
                 name,
                 before,
                 after,
             }| PackageChange {
                direction,
                name,
                before,
                after,
                targets: vec![target],
            },
        ));
    }
    together(changes)
}

/// What a gate found different from its baseline, the worst first.
pub(super) fn gate_changes(changes: &json::SavedChanges) -> Vec<PackageChange<'_>> {
    let kinds = [
        (ChangeDirection::Worse, &changes.worse),
        (ChangeDirection::Added, &changes.added),
        (ChangeDirection::Different, &changes.different),
        (ChangeDirection::Better, &changes.better),
        (ChangeDirection::Removed, &changes.removed),
    ];
    let all = kinds
        .into_iter()
        .flat_map(|(direction, some)| some.iter().map(move |one| gate_change(direction, one)));
    together(all.collect())
}

fn gate_change(direction: ChangeDirection, change: &json::SavedChange) -> PackageChange<'_> {
    let json::SavedChange {
        package,
        target,
        before,
        after,
    } = change;
    let (before, after) = (before.as_ref().map(release), after.as_ref().map(release));
    PackageChange {
        direction,
        name: package,
        before,
        after,
        targets: vec![target],
    }
}

fn release(release: &json::SavedRelease) -> JudgedVersion<'_> {
    JudgedVersion {
        version: release.version.as_deref(),
        verdict: release.verdict,
    }
}

/// Targets of both, in the order of the later report.
pub(super) fn common_targets<'a>(before: &SavedReport, after: &'a SavedReport) -> Vec<&'a str> {
    let is_common = |target: &&String| before.content.targets.contains(target);
    after
        .content
        .targets
        .iter()
        .filter(is_common)
        .map(String::as_str)
        .collect()
}

fn releases<'a>(report: &'a SavedReport, target: &str) -> BTreeMap<&'a str, JudgedVersion<'a>> {
    let mut releases = BTreeMap::new();
    for package in &report.content.packages {
        for result in package
            .results
            .iter()
            .filter(|result| result.target == target)
        {
            let release = JudgedVersion {
                version: package.version.as_deref(),
                verdict: result.verdict,
            };
            // Where several environments hold it, the worst counts.
            let known = releases.entry(package.name.as_str()).or_insert(release);
            if release.verdict > known.verdict {
                *known = release;
            }
        }
    }
    releases
}

/// Puts together what changed in the same way on several targets.
fn together(changes: Vec<PackageChange<'_>>) -> Vec<PackageChange<'_>> {
    let mut gathered: BTreeMap<_, PackageChange<'_>> = BTreeMap::new();
    for change in changes {
        let key = (
            change.direction,
            std::cmp::Reverse(change.after.map(|release| release.verdict)),
            change.name,
            change.before,
            change.after,
        );
        match gathered.get_mut(&key) {
            Some(known) => known.targets.extend(change.targets),
            None => {
                gathered.insert(key, change);
            }
        }
    }
    gathered.into_values().collect()
}

/// The page's word for a direction.
pub(super) fn word(direction: ChangeDirection) -> &'static str {
    match direction {
        ChangeDirection::Worse => "worse",
        ChangeDirection::Added => "new",
        ChangeDirection::Different => "differs",
        ChangeDirection::Better => "better",
        ChangeDirection::Removed => "gone",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::json::read_report;
    use super::*;

    /// Name, version, and a verdict for each target.
    type Judged<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

    fn report(targets: &[&str], packages: &[Judged<'_>]) -> SavedReport {
        let packages: Vec<_> = packages
            .iter()
            .map(|(name, version, results)| {
                let results: Vec<_> = results
                    .iter()
                    .map(|(target, verdict)| {
                        json!({ "target": target, "verdict": verdict, "reason": "", "declared_by": [], "left_out": [],
                                "modules": [] })
                    })
                    .collect();
                json!({ "name": name, "version": version, "required_by": [], "results": results })
            })
            .collect();
        let summary = json!({ "packages": 0, "files": 0, "modules": 0 });
        let report = json!({ "schema_version": 1, "targets": targets, "packages": packages, "findings": [],
                             "problems": [], "summary": summary });
        read_report("a.json", report.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn only_what_is_known_is_better_or_worse() {
        for (before, after, said) in [
            ("pure", "ready", ChangeDirection::Different),
            ("ready", "pure-fallback", ChangeDirection::Worse),
            ("pure-fallback", "ready", ChangeDirection::Better),
            ("ready", "unknown", ChangeDirection::Worse),
            ("ready", "gil", ChangeDirection::Worse),
            ("unknown", "build", ChangeDirection::Different),
            ("unknown", "ready", ChangeDirection::Better),
            ("unknown", "gil", ChangeDirection::Worse),
            ("gil", "unknown", ChangeDirection::Different),
            ("blocked", "build", ChangeDirection::Different),
            ("gil", "ready", ChangeDirection::Better),
            ("gil", "blocked", ChangeDirection::Worse),
            ("crash", "gil", ChangeDirection::Better),
        ] {
            let (old, new) = (
                report(&["t"], &[("a", "1", &[("t", before)])]),
                report(&["t"], &[("a", "1", &[("t", after)])]),
            );
            let directions: Vec<ChangeDirection> = changes(&old, &new)
                .iter()
                .map(|change| change.direction)
                .collect();
            assert_eq!(directions, [said], "{before} -> {after}");
        }
    }

    #[test]
    fn changes_are_told_once_for_all_their_targets_the_worst_first() {
        let old = report(
            &["t", "u", "old"],
            &[
                ("a", "1", &[("t", "gil"), ("u", "gil"), ("old", "gil")]),
                ("b", "1", &[("t", "ready")]),
                ("c", "1", &[("t", "pure")]),
            ],
        );
        let new = report(
            &["t", "u", "new"],
            &[
                ("a", "2", &[("t", "ready"), ("u", "ready"), ("new", "gil")]),
                ("b", "1", &[("t", "gil")]),
                ("d", "1", &[("u", "pure")]),
            ],
        );
        let told: Vec<String> = changes(&old, &new)
            .iter()
            .map(|change| {
                format!(
                    "{} {} {}",
                    word(change.direction),
                    change.name,
                    change.targets.join("+")
                )
            })
            .collect();
        assert_eq!(told, ["worse b t", "new d u", "better a t+u", "gone c t"]);
    }

    #[test]
    fn another_version_with_the_same_verdict_is_no_change() {
        let (old, new) = (
            report(&["t"], &[("a", "1", &[("t", "gil")])]),
            report(&["t"], &[("a", "2", &[("t", "gil")])]),
        );
        assert!(changes(&old, &new).is_empty());
    }
}
