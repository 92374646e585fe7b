//! What is said of a package on a target beside its verdict: which version the build with the GIL gets, and what a plan
//! found.

use super::super::json::{OtherBuild, Package, TargetResult};
use super::way_forward::WayForward;

/// Which version the same Python's build with the GIL gets.
pub(super) const WITH_GIL: &str = "With the GIL:";
/// The first ready version.
pub(super) const FIRST_READY: &str = "First ready version:";
/// That there is none, as far as was seen.
pub(super) const NONE_READY: &str = "No ready version found:";
/// What keeps it out.
pub(super) const HELD_BACK: &str = "Held back:";
/// What the package becomes when the plan is followed.
pub(super) const WITH_PLAN: &str = "With the plan:";
/// What a build of that becomes.
pub(super) const BUILD: &str = "The build:";
/// What to use instead.
pub(super) const INSTEAD: &str = "Use instead:";
/// Where to ask.
pub(super) const ASK: &str = "Ask its project:";

/// Compiled files that do not count.
pub(super) const PASSED_OVER: &str = "Passed over:";

/// All labels, in the order in which they are read.
const LABELS: [&str; 9] = [WITH_GIL, FIRST_READY, NONE_READY, HELD_BACK, WITH_PLAN, BUILD, INSTEAD, ASK, PASSED_OVER];

/// A label and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) label: &'static str,
    pub(super) text: String,
}

/// A note and where it holds.
pub(super) struct Gathered<'a> {
    pub(super) note: Note,
    /// The targets; empty when it holds wherever the package is not fine.
    pub(super) targets: Vec<&'a str>,
}

/// All that is said on one target.
pub(super) fn notes(package: &Package, result: &TargetResult, forward: &WayForward<'_>) -> Vec<Note> {
    let other = result.other_build.as_ref().map(|other| Note { label: WITH_GIL, text: gets(other) });
    let way = forward.way(package, result).map(|way| way.notes());
    let passed_over = passed_over(result).map(|text| Note { label: PASSED_OVER, text });
    other.into_iter().chain(way.into_iter().flatten()).chain(passed_over).collect()
}

/// Compiled files that look like modules and do not count.
fn passed_over(result: &TargetResult) -> Option<String> {
    let each = result.passed_over.iter().map(|file| format!("{} ({})", file.path, file.because));
    let files: Vec<String> = each.collect();
    (!files.is_empty()).then(|| files.join(", "))
}

/// What stands on a package's card: the same on several targets once.
pub(super) fn gathered<'a>(package: &'a Package, forward: &WayForward<'_>) -> Vec<Gathered<'a>> {
    let wanting: Vec<&TargetResult> = package.results.iter().filter(|result| !result.verdict.is_good()).collect();
    let mut all: Vec<Gathered<'a>> = Vec::new();
    for result in &wanting {
        let other = other_version(package, result).map(|text| Note { label: WITH_GIL, text });
        let way = forward.way(package, result).map(|way| way.notes());
        for note in other.into_iter().chain(way.into_iter().flatten()) {
            match all.iter_mut().find(|known| known.note == note) {
                Some(known) => known.targets.push(&result.target),
                None => all.push(Gathered { note, targets: vec![&result.target] }),
            }
        }
    }
    for gathered in all.iter_mut().filter(|gathered| gathered.targets.len() == wanting.len()) {
        gathered.targets.clear();
    }
    all.sort_by_key(|gathered| LABELS.iter().position(|label| *label == gathered.note.label));
    all
}

/// What an installer gets for the same Python with the GIL, where that is another version: it says nothing of it.
pub(super) fn other_version(package: &Package, result: &TargetResult) -> Option<String> {
    let OtherBuild { python, version, .. } = result.other_build.as_ref()?;
    let version = version.as_ref().filter(|version| package.version.as_ref() != Some(*version))?;
    Some(format!("{python} gets {version}"))
}

fn gets(other: &OtherBuild) -> String {
    let OtherBuild { python, version, filename } = other;
    match (version, filename) {
        (Some(version), Some(filename)) => format!("{python} gets {version}, {filename}"),
        (Some(what), None) | (None, Some(what)) => format!("{python} gets {what}"),
        (None, None) => format!("{python} does not get it"),
    }
}
