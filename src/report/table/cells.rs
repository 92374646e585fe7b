//! What stands in the cells of the table, whichever way it is laid out.

use crate::model::report::{PackageReport, TargetResult};
use crate::model::resolution::OtherBuild;
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::super::paint::{PaintRole, sign};
use super::super::sanitize::harmless;
use super::super::targets::targets;

/// Spaces between two columns.
pub(super) const GAP: usize = 2;

/// A version as it is shown.
pub(super) fn version(package: &PackageReport) -> String {
    package
        .version
        .as_ref()
        .map_or_else(|| "?".to_owned(), ToString::to_string)
}

/// Each reason once, the targets before it where they differ.
pub(super) fn reasons(package: &PackageReport, all: &[Target]) -> Vec<(String, Verdict)> {
    let mut reasons: Vec<(String, Verdict, Vec<Target>)> = Vec::new();
    for result in &package.results {
        let reason = harmless(&reason(package, result));
        match reasons
            .iter_mut()
            .find(|(known, verdict, _)| *known == reason && *verdict == result.verdict)
        {
            Some((.., of)) => of.push(result.target),
            None => reasons.push((reason, result.verdict, vec![result.target])),
        }
    }
    let alone = reasons.len() == 1;
    let told = |(reason, verdict, of): (String, Verdict, Vec<Target>)| match alone {
        true => (reason, verdict),
        false => (format!("{}: {reason}", targets(all, &of)), verdict),
    };
    reasons.into_iter().map(told).collect()
}

/// The reason, and which version the build with the GIL gets where that is another one: an installer says nothing of it.
fn reason(package: &PackageReport, result: &TargetResult) -> String {
    match &result.other_build {
        Some(OtherBuild {
            python,
            version: Some(version),
            ..
        }) if Some(version) != package.version.as_ref() => {
            format!("{}; {python} gets {version}", result.reason)
        }
        _ => result.reason.clone(),
    }
}

/// A verdict with its sign; on two lines where there is little room and its word is long.
pub(super) fn verdict_cell(verdict: Verdict, roomy: bool) -> String {
    let sign = sign(PaintRole::of_verdict(verdict));
    match verdict {
        Verdict::PureFallback if !roomy => format!("{sign} pure-\n  fallback"),
        _ => format!("{sign} {}", verdict.word()),
    }
}
