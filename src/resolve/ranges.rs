//! Specifiers as sets of versions that the solver can cut and join, and those sets in words.
//!
//! <https://packaging.python.org/en/latest/specifications/version-specifiers/>

use std::ops::Bound;

use pep508_rs::pep440_rs::{LocalSegment, Operator, Prerelease};
use pubgrub::Ranges;

use crate::model::name::{Version, VersionSpecifier, VersionSpecifiers};

/// A set of versions.
pub(super) type VersionRange = Ranges<Version>;

/// How many pieces of a set are put into words.
const PIECES: usize = 6;

/// The versions that satisfy all specifiers.
pub(super) fn of_all(specifiers: &VersionSpecifiers) -> VersionRange {
    specifiers
        .iter()
        .fold(VersionRange::full(), |range, specifier| {
            range.intersection(&of(specifier))
        })
}

/// The versions that satisfy one specifier. A local label (`+cu130`) is ignored unless the specifier names one.
fn of(specifier: &VersionSpecifier) -> VersionRange {
    let version = specifier.version();
    if is_extreme(version) {
        // The arithmetic of the grammar crate would overflow; no such version is ever released.
        return VersionRange::empty();
    }
    match specifier.operator() {
        Operator::Equal if version.is_local() => VersionRange::singleton(version.clone()),
        Operator::Equal => with_labels(version),
        Operator::NotEqual if version.is_local() => {
            VersionRange::singleton(version.clone()).complement()
        }
        Operator::NotEqual => with_labels(version).complement(),
        Operator::LessThanEqual => VersionRange::strictly_lower_than(after_labels(version)),
        Operator::LessThan if !version.any_prerelease() => {
            // `<2` must not let 2.0rc1 in; 2.dev0 sorts before every pre-release of 2.
            VersionRange::strictly_lower_than(version.clone().without_local().with_dev(Some(0)))
        }
        _ => VersionRange::from(specifier.clone()),
    }
}

/// The version itself and all its local variants.
fn with_labels(version: &Version) -> VersionRange {
    VersionRange::from_range_bounds(version.clone()..after_labels(version))
}

/// The smallest version that sorts after all local variants of this one.
fn after_labels(version: &Version) -> Version {
    let version = version.clone().without_local();
    match (version.dev(), version.post()) {
        (Some(dev), _) => version.with_dev(Some(dev.saturating_add(1))),
        (None, Some(post)) => version
            .with_post(Some(post.saturating_add(1)))
            .with_dev(Some(0)),
        (None, None) => version.with_post(Some(0)).with_dev(Some(0)),
    }
}

/// Whether a number in the version is so large that adding one to it overflows.
fn is_extreme(version: &Version) -> bool {
    let pre = version.pre().map(|Prerelease { number, .. }| number);
    let local = version.local().iter().filter_map(|segment| match segment {
        LocalSegment::Number(number) => Some(*number),
        LocalSegment::String(_) => None,
    });
    let numbers = [pre, version.post(), version.dev(), Some(version.epoch())];
    numbers
        .into_iter()
        .flatten()
        .chain(local)
        .chain(version.release().iter().copied())
        .any(|number| number == u64::MAX)
}

/// Whether the set holds one version, local variants aside, so that nothing is left to choose.
pub(super) fn is_pinned(range: &VersionRange) -> bool {
    match range.bounding_range() {
        Some((Bound::Included(low), Bound::Included(high))) => low == high,
        Some((Bound::Included(low), Bound::Excluded(high))) => *high == after_labels(low),
        _ => false,
    }
}

/// The set in words, to stand after a package's name: `>=1,<2`, `==1.0 or >=3`; empty for every version.
pub(super) fn describe(range: &VersionRange) -> String {
    if range.is_empty() {
        return "(no version at all)".to_owned();
    }
    let mut pieces: Vec<String> = range
        .iter()
        .take(PIECES)
        .map(|(low, high)| describe_piece(low, high))
        .collect();
    if range.iter().nth(PIECES).is_some() {
        pieces.push("…".to_owned());
    }
    pieces.join(" or ")
}

fn describe_piece(low: &Bound<Version>, high: &Bound<Version>) -> String {
    if let Bound::Included(low) = low {
        let pinned = match high {
            Bound::Included(high) => low == high,
            Bound::Excluded(high) => *high == after_labels(low),
            Bound::Unbounded => false,
        };
        if pinned {
            return format!("=={low}");
        }
    }
    let low = match low {
        Bound::Included(version) => Some(describe_start(version)),
        Bound::Excluded(version) => Some(format!(">{version}")),
        Bound::Unbounded => None,
    };
    let high = match high {
        Bound::Included(version) => Some(format!("<={version}")),
        Bound::Excluded(version) => Some(describe_end(version)),
        Bound::Unbounded => None,
    };
    low.into_iter().chain(high).collect::<Vec<_>>().join(",")
}

/// An included start as its author wrote it: what `!=1.0` leaves above 1.0 starts at 1.0.post0.dev0.
fn describe_start(version: &Version) -> String {
    match (version.dev(), version.post()) {
        (Some(0), Some(post)) => format!(
            ">{}",
            version
                .clone()
                .with_dev(None)
                .with_post(post.checked_sub(1))
        ),
        _ => format!(">={}", without_floor(version)),
    }
}

/// An excluded end as its author wrote it: the sets end at versions that nobody releases, `.dev0` and `.post0.dev0`.
fn describe_end(version: &Version) -> String {
    match (version.dev(), version.post()) {
        (Some(0), Some(post)) => format!(
            "<={}",
            version
                .clone()
                .with_dev(None)
                .with_post(post.checked_sub(1))
        ),
        _ => format!("<{}", without_floor(version)),
    }
}

fn without_floor(version: &Version) -> Version {
    match version.dev() {
        Some(0) => version.clone().with_dev(None),
        _ => version.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(specifiers: &str) -> VersionRange {
        of_all(&specifiers.parse().unwrap())
    }

    #[test]
    fn sets_hold_what_the_specification_says() {
        let table = [
            ("==2.9.0", "2.9.0 2.9.0+cu130", "2.9.0.post1 2.9.0rc1 2.9.1"),
            ("==2.9.0+cu130", "2.9.0+cu130", "2.9.0 2.9.0+cu128"),
            ("!=2.9.0", "2.9.1 2.8", "2.9.0+cu130 2.9.0"),
            ("<=2.9.0", "2.9.0+cu130 2.8 2.9.0rc1", "2.9.0.post1 2.9.1"),
            ("<2.9", "2.8.9 2.8.9+cpu", "2.9 2.9rc1 2.9.dev3 2.9+cpu"),
            ("<2.9rc2", "2.9rc1 2.8", "2.9rc2 2.9"),
            (">2.9", "2.9.1 3", "2.9 2.9+cpu 2.9.post1"),
            (">2.9.post1", "2.9.post2", "2.9.post1 2.9.post1+cpu"),
            (">=2.9", "2.9 2.9+cpu 2.9.post1", "2.9rc1 2.8"),
            ("~=2.2.1", "2.2.1 2.2.9 2.2.9+cpu", "2.3 2.3.dev1 2.2.0"),
            ("==2.2.*", "2.2 2.2.9 2.2.0rc1 2.2.1+x", "2.3 2.1 2.3.dev0"),
            ("!=2.2.*,>=2", "2.3 2.1", "2.2 2.2.9+x"),
            ("===1.0", "1.0", "1.0+x 1.1"),
            ("<18446744073709551615", "", "1 2"),
        ];
        for (specifiers, inside, outside) in table {
            let range = range(specifiers);
            for version in inside.split_whitespace() {
                assert!(
                    range.contains(&version.parse().unwrap()),
                    "{version} in {specifiers}"
                );
            }
            for version in outside.split_whitespace() {
                assert!(
                    !range.contains(&version.parse().unwrap()),
                    "{version} not in {specifiers}"
                );
            }
        }
    }

    #[test]
    fn sets_read_like_specifiers() {
        for specifiers in [
            "==1.0",
            ">=1.0,<2",
            "<=1.0",
            ">1.0",
            "==1.0+cpu",
            "<2",
            ">=1.0rc1",
        ] {
            assert_eq!(describe(&range(specifiers)), specifiers);
        }
        assert_eq!(describe(&range("!=1.0")), "<1.0 or >1.0");
        assert_eq!(describe(&range("==1.2.*")), ">=1.2,<1.3");
        assert_eq!(describe(&VersionRange::full()), "");
        assert_eq!(describe(&range(">2,<1")), "(no version at all)");
    }

    #[test]
    fn a_pin_is_seen_through_its_local_variants() {
        assert!(is_pinned(&range("==1.0")) && is_pinned(&range("==1.0+cpu")));
        assert!(
            !is_pinned(&range(">=1.0"))
                && !is_pinned(&VersionRange::full())
                && !is_pinned(&range("~=1.0"))
        );
    }
}
