//! Words that several formats share, for values that have no text of their own.

use crate::model::artifact::FileCheck;
use crate::model::gate::{GateOutcome, VerdictChange, VerdictChanges, ViolationStanding};
use crate::model::problem::{Problem, ProblemKind};

use super::sanitize::harmless;

/// A problem's kind.
pub(super) fn problem_kind(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Network => "network",
        ProblemKind::Index => "index",
        ProblemKind::Resolution => "resolution",
        ProblemKind::Metadata => "metadata",
        ProblemKind::Archive => "archive",
        ProblemKind::Binary => "binary",
        ProblemKind::Integrity => "integrity",
        ProblemKind::File => "file",
    }
}

/// A problem in a sentence: whom it concerns, where it is, what happened. Harmless.
pub(super) fn problem(problem: &Problem) -> String {
    let package = problem
        .package
        .as_ref()
        .map_or_else(String::new, |name| format!("{name}: "));
    format!(
        "{package}{}: {}",
        harmless(&problem.place),
        harmless(&problem.message)
    )
}

/// How a file's bytes were checked; empty where none were read.
pub(super) fn file_check(check: &FileCheck) -> &'static str {
    match check {
        FileCheck::Unread => "",
        FileCheck::Ranges => "ranges",
        FileCheck::Digest(_) => "digest",
    }
}

/// A gate's outcome.
pub(super) fn outcome(outcome: GateOutcome) -> &'static str {
    match outcome {
        GateOutcome::Passed => "passed",
        GateOutcome::Open => "open",
        GateOutcome::Broken => "broken",
    }
}

/// A gate's outcome in a sentence's end: `the gate is …`.
pub(super) fn outcome_meaning(outcome: GateOutcome) -> &'static str {
    match outcome {
        GateOutcome::Passed => "passed: nothing breaks the policy",
        GateOutcome::Open => {
            "open: nothing breaks the policy, but not everything that it asks for could be judged"
        }
        GateOutcome::Broken => "broken",
    }
}

/// Whether a violation counts.
pub(super) fn standing(standing: ViolationStanding) -> &'static str {
    match standing {
        ViolationStanding::Breaks => "breaks",
        ViolationStanding::Open => "open",
        ViolationStanding::Waived(_) => "waived",
        ViolationStanding::Known => "known",
    }
}

/// All changes, each kind with its word, the worst first.
pub(super) fn change_kinds(changes: &VerdictChanges) -> [(&'static str, &[VerdictChange]); 5] {
    [
        ("worse", &changes.worse),
        ("differs", &changes.different),
        ("better", &changes.better),
        ("new", &changes.added),
        ("gone", &changes.removed),
    ]
}

/// The targets that only one of two reports has; empty when both have the same.
pub(super) fn not_compared(changes: &VerdictChanges) -> String {
    match changes.not_compared.as_slice() {
        [] => String::new(),
        some => format!(
            "not compared, because only one of the reports has it: {}",
            harmless(&some.join(", "))
        ),
    }
}
