//! How far back older versions count. Very old ones say little of what they require, and so agree with everything: a
//! search that went back far enough would always end at such a one.

use crate::model::name::Version;

/// A line of releases: the epoch and the first number of its versions.
pub type ReleaseLine = (u64, u64);

/// The line that a version belongs to.
pub fn release_line(version: &Version) -> ReleaseLine {
    (
        version.epoch(),
        version.release().first().copied().unwrap_or_default(),
    )
}

/// The line before that of a version, among those that there are; its own when it is the first.
pub fn line_before<'a>(
    versions: impl IntoIterator<Item = &'a Version>,
    version: &Version,
) -> ReleaseLine {
    let own = release_line(version);
    versions
        .into_iter()
        .map(release_line)
        .filter(|line| *line < own)
        .max()
        .unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_before_is_the_nearest_that_there_is() {
        let versions: Vec<Version> = ["0.9", "1.2", "3.0", "3.1"]
            .iter()
            .map(|it| it.parse().unwrap())
            .collect();
        for (version, expected) in [
            ("3.1", (0, 1)),
            ("1.2", (0, 0)),
            ("0.9", (0, 0)),
            ("1!3.1", (0, 3)),
        ] {
            assert_eq!(
                line_before(&versions, &version.parse().unwrap()),
                expected,
                "{version}"
            );
        }
    }
}
