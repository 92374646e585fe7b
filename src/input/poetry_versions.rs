//! Poetry's version constraints as PEP 440 has them: `^1.2`, `~1.2`, `1.2.*`, `>=1 <2`, alternatives with `||`.
//!
//! <https://python-poetry.org/docs/dependency-specification/#version-constraints>

use std::str::FromStr;

use crate::model::name::{Version, VersionSpecifiers};

/// Most alternatives of a constraint.
const MOST: usize = 32;

/// Versions that a constraint allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PoetryVersions {
    /// One of these must hold; never empty.
    pub(super) any_of: Vec<VersionSpecifiers>,
}

impl FromStr for PoetryVersions {
    /// What was expected and what was found.
    type Err = String;

    fn from_str(text: &str) -> Result<PoetryVersions, String> {
        let alternatives: Vec<&str> = text
            .split('|')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        if alternatives.is_empty() || alternatives.len() > MOST {
            return Err(format!(
                "expected a version constraint of Poetry's, found `{text}`"
            ));
        }
        let any_of = alternatives
            .into_iter()
            .map(alternative)
            .collect::<Option<Vec<_>>>();
        let any_of = any_of
            .ok_or_else(|| format!("expected a version constraint of Poetry's, found `{text}`"))?;
        Ok(PoetryVersions { any_of })
    }
}

/// Constraints that hold together, with commas or spaces between them.
fn alternative(text: &str) -> Option<VersionSpecifiers> {
    let mut parts: Vec<String> = Vec::new();
    let mut waits = false;
    for word in text
        .split([',', ' ', '\t', '\n'])
        .filter(|word| !word.is_empty())
    {
        // A space may stand between an operator and its version.
        match parts.last_mut().filter(|_| waits) {
            Some(last) => last.push_str(word),
            None => parts.push(word.to_owned()),
        }
        waits = word.ends_with(['=', '<', '>', '^', '~', '!']);
    }
    let parts: Vec<String> = parts
        .iter()
        .map(|part| constraint(part))
        .collect::<Option<_>>()?;
    let specifiers: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    specifiers.join(",").parse().ok()
}

/// One constraint; empty when it allows everything.
fn constraint(text: &str) -> Option<String> {
    if text == "*" {
        return Some(String::new());
    }
    if let Some(version) = text.strip_prefix('^') {
        return below(version, |release| {
            release
                .iter()
                .position(|number| *number != 0)
                .unwrap_or(release.len() - 1)
        });
    }
    if let Some(version) = text
        .strip_prefix('~')
        .filter(|version| !version.starts_with('='))
    {
        return below(version, |release| if release.len() > 1 { 1 } else { 0 });
    }
    let operators = ["===", "~=", "==", "!=", "<=", ">=", "<", ">"];
    if operators.iter().any(|operator| text.starts_with(operator)) {
        return Some(text.to_owned());
    }
    Some(format!("=={}", text.strip_prefix('=').unwrap_or(text)))
}

/// From this version to, and without, the one that differs at a place of the release.
fn below(version: &str, place: impl Fn(&[u64]) -> usize) -> Option<String> {
    let version: Version = version.trim_end_matches(".*").parse().ok()?;
    let release = version.release();
    let place = if release.is_empty() {
        return None;
    } else {
        place(release)
    };
    let mut next: Vec<u64> = release.iter().take(place + 1).copied().collect();
    let last = next.last_mut()?;
    *last = last.checked_add(1)?;
    let next: Vec<String> = next.iter().map(ToString::to_string).collect();
    Some(format!(">={version},<{}", next.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_become_those_of_pep_440() {
        let check = |text: &str, expected: &[&str]| {
            let found = text
                .parse::<PoetryVersions>()
                .map(|versions| versions.any_of);
            let shown =
                found.map(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(shown.unwrap_or_default(), expected, "{text}");
        };
        check("^1.2.3", &[">=1.2.3, <2"]);
        check("^0.2.3", &[">=0.2.3, <0.3"]);
        check("^0.0.3", &[">=0.0.3, <0.0.4"]);
        check("^0.0", &[">=0.0, <0.1"]);
        check("^0", &[">=0, <1"]);
        check("~1.2.3", &[">=1.2.3, <1.3"]);
        check("~1", &[">=1, <2"]);
        check("~=1.2", &["~=1.2"]);
        check("1.2.*", &["==1.2.*"]);
        check("1.2", &["==1.2"]);
        check("=1.2", &["==1.2"]);
        check("*", &[""]);
        check(">= 1.0 <2.0, != 1.5", &[">=1.0, !=1.5, <2.0"]);
        check("^2.7 || ^3.6", &[">=2.7, <3", ">=3.6, <4"]);
        for text in ["", "^", "^x", "||", "^18446744073709551615", ">>1"] {
            assert!(text.parse::<PoetryVersions>().is_err(), "{text}");
        }
    }
}
