//! What is said of a package on a target beside its verdict: which version the build with the GIL gets, and what a plan
//! found.

use super::super::json::{OtherBuildV1, SavedPackage, SavedTargetResult};
use super::note::{LABELS, LabelledNote, PASSED_OVER, WITH_GIL};
use super::way_forward::WayForward;

/// A note and where it holds.
pub(super) struct GatheredNote<'a> {
    pub(super) note: LabelledNote,
    /// The targets; empty when it holds wherever the package is not fine.
    pub(super) targets: Vec<&'a str>,
}

/// All that is said on one target.
pub(super) fn notes(
    package: &SavedPackage,
    result: &SavedTargetResult,
    forward: &WayForward<'_>,
) -> Vec<LabelledNote> {
    let other = result.other_build.as_ref().map(|other| LabelledNote {
        label: WITH_GIL,
        text: gets(other),
    });
    let way = forward.way(package, result).map(|way| way.notes());
    let passed_over = passed_over(result).map(|text| LabelledNote {
        label: PASSED_OVER,
        text,
    });
    other
        .into_iter()
        .chain(way.into_iter().flatten())
        .chain(passed_over)
        .collect()
}

/// Compiled files that look like modules and do not count.
fn passed_over(result: &SavedTargetResult) -> Option<String> {
    let each = result
        .passed_over
        .iter()
        .map(|file| format!("{} ({})", file.path, file.because));
    let files: Vec<String> = each.collect();
    (!files.is_empty()).then(|| files.join(", "))
}

/// What stands on a package's card: the same on several targets once.
pub(super) fn gathered<'a>(
    package: &'a SavedPackage,
    forward: &WayForward<'_>,
) -> Vec<GatheredNote<'a>> {
    let wanting: Vec<&SavedTargetResult> = package
        .results
        .iter()
        .filter(|result| !result.verdict.is_good())
        .collect();
    let mut all: Vec<GatheredNote<'a>> = Vec::new();
    for result in &wanting {
        let other = other_version(package, result).map(|text| LabelledNote {
            label: WITH_GIL,
            text,
        });
        let way = forward.way(package, result).map(|way| way.notes());
        for note in other.into_iter().chain(way.into_iter().flatten()) {
            match all.iter_mut().find(|known| known.note == note) {
                Some(known) => known.targets.push(&result.target),
                None => all.push(GatheredNote {
                    note,
                    targets: vec![&result.target],
                }),
            }
        }
    }
    for gathered in all
        .iter_mut()
        .filter(|gathered| gathered.targets.len() == wanting.len())
    {
        gathered.targets.clear();
    }
    all.sort_by_key(|gathered| {
        LABELS
            .iter()
            .position(|label| *label == gathered.note.label)
    });
    all
}

/// What an installer gets for the same Python with the GIL, where that is another version: it says nothing of it.
pub(super) fn other_version(package: &SavedPackage, result: &SavedTargetResult) -> Option<String> {
    let OtherBuildV1 {
        python, version, ..
    } = result.other_build.as_ref()?;
    let version = version
        .as_ref()
        .filter(|version| package.version.as_ref() != Some(*version))?;
    Some(format!("{python} gets {version}"))
}

fn gets(other: &OtherBuildV1) -> String {
    let OtherBuildV1 {
        python,
        version,
        filename,
    } = other;
    match (version, filename) {
        (Some(version), Some(filename)) => format!("{python} gets {version}, {filename}"),
        (Some(what), None) | (None, Some(what)) => format!("{python} gets {what}"),
        (None, None) => format!("{python} does not get it"),
    }
}
