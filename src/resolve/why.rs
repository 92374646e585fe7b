//! Why nothing of a version fits, in one sentence.

use std::collections::BTreeSet;

use super::candidates::{CandidateSelector, UnfitReason, VersionCandidate, VersionCatalog};
use crate::model::artifact::Artifact;
use crate::model::name::{PackageName, VersionSpecifiers};
use crate::model::wheel_name::WheelName;

/// How many tags are named before the rest is cut off.
const NAMED: usize = 12;

/// `Requires-Python` of a version, where that alone keeps all of its files from the target.
pub(super) fn other_python(
    selector: &CandidateSelector,
    offer: &VersionCatalog,
    candidate: &VersionCandidate,
) -> Option<VersionSpecifiers> {
    let mut files = CandidateSelector::files(offer, candidate);
    let all = files
        .clone()
        .all(|file| selector.unfit(file) == Some(UnfitReason::Python));
    files
        .find_map(|file| file.requires_python.clone())
        .filter(|_| all)
}

/// What was looked at, and why none of it fits the target.
pub(super) fn nothing_fits(
    selector: &CandidateSelector,
    offer: &VersionCatalog,
    candidate: &VersionCandidate,
) -> String {
    let files: Vec<&Artifact> = CandidateSelector::files(offer, candidate).collect();
    let version = files.first().map_or_else(
        || candidate.version.to_string(),
        |file| file.version.to_string(),
    );
    let name: Option<&PackageName> = files.first().map(|file| &file.name);
    let subject = name.map_or_else(|| version.clone(), |name| format!("{name} {version}"));
    let unfit: Vec<(&Artifact, UnfitReason)> = files
        .iter()
        .filter_map(|file| selector.unfit(file).map(|unfit| (*file, unfit)))
        .collect();
    let all =
        |kind: UnfitReason| !unfit.is_empty() && unfit.iter().all(|(_, unfit)| *unfit == kind);
    if all(UnfitReason::Hash) {
        return format!(
            "none of the {} files of {subject} has one of the given digests",
            files.len()
        );
    }
    if all(UnfitReason::Python) {
        let wanted = files.iter().find_map(|file| file.requires_python.as_ref());
        let wanted = wanted.map_or_else(String::new, |wanted| format!(" {wanted}"));
        return format!("{subject} requires Python{wanted}");
    }
    let python = selector.target.python.abi_tag();
    let wheels: Vec<&WheelName> = files.iter().filter_map(|file| file.wheel()).collect();
    let here: Vec<&WheelName> = wheels
        .iter()
        .filter(|wheel| selector.tags.fits_platform(wheel))
        .copied()
        .collect();
    let offered = if wheels.is_empty() {
        "has no wheels".to_owned()
    } else if name.is_some_and(|name| selector.no_binary.covers(name)) {
        "has wheels that `--no-binary` forbids".to_owned()
    } else if here.is_empty() {
        format!(
            "has wheels for {} only",
            listed(
                wheels
                    .iter()
                    .flat_map(|wheel| wheel.platform.clone())
                    .collect()
            )
        )
    } else {
        format!(
            "has wheels for {} only",
            listed(here.iter().flat_map(|wheel| interpreters(wheel)).collect())
        )
    };
    let source = match unfit.iter().find(|(file, _)| file.wheel().is_none()) {
        None => "no source distribution",
        Some((_, UnfitReason::Format)) => "a source distribution that `--only-binary` forbids",
        Some((_, UnfitReason::Hash)) => "a source distribution without one of the given digests",
        Some((_, UnfitReason::Python)) => "a source distribution for other versions of Python",
        Some((_, UnfitReason::Tags)) => "a source distribution",
    };
    let lacking = if here.is_empty() {
        format!("{python} on {}", selector.target.platform)
    } else {
        python
    };
    let hint = if selector.target.python.free_threaded && here.iter().any(|wheel| is_abi3(wheel)) {
        "; `abi3` does not count on a free-threaded build"
    } else {
        ""
    };
    format!("no wheel for {lacking}: {subject} {offered} and {source}{hint}")
}

/// The interpreters that a wheel's tags name: `cp313`, `cp39-abi3`, `py3-none`.
fn interpreters(wheel: &WheelName) -> Vec<String> {
    wheel
        .abi
        .iter()
        .flat_map(|abi| match abi.as_str() {
            "none" | "abi3" | "abi3t" => wheel
                .python
                .iter()
                .take(NAMED)
                .map(|python| format!("{python}-{abi}"))
                .collect(),
            own => vec![own.to_owned()],
        })
        .collect()
}

fn is_abi3(wheel: &WheelName) -> bool {
    wheel.abi.iter().any(|abi| abi == "abi3") && !wheel.abi.iter().any(|abi| abi == "abi3t")
}

/// Tags without repetition, `cp39` before `cp310`.
fn listed(tags: Vec<String>) -> String {
    let distinct: BTreeSet<(Vec<usize>, String)> =
        tags.into_iter().map(|tag| (shape(&tag), tag)).collect();
    let mut names: Vec<String> = distinct
        .iter()
        .take(NAMED)
        .map(|(_, tag)| tag.clone())
        .collect();
    if distinct.len() > NAMED {
        names.push("…".to_owned());
    }
    names.join(", ")
}

/// Lengths of a tag's parts: shorter numbers are smaller numbers.
fn shape(tag: &str) -> Vec<usize> {
    tag.split(['-', '_']).map(str::len).take(1).collect()
}
