//! A note on a package: a label, and what it is about.

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
pub(super) const LABELS: [&str; 9] = [
    WITH_GIL,
    FIRST_READY,
    NONE_READY,
    HELD_BACK,
    WITH_PLAN,
    BUILD,
    INSTEAD,
    ASK,
    PASSED_OVER,
];

/// A label and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LabelledNote {
    pub(super) label: &'static str,
    pub(super) text: String,
}
