//! What a policy makes of a report: what breaks it, what is waived, and what changed since a baseline.

use super::date::Date;
use super::name::{PackageName, Version, VersionSpecifiers};
use super::place::Place;
use super::target::Target;
use super::verdict::Verdict;

/// A policy's word on a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The word.
    pub outcome: GateOutcome,
    /// All that the policy counts against the report, in the report's order, what is waived among them.
    pub violations: Vec<Violation>,
    /// For each problem of the report, in its order, whether it counts; `None` where the policy lets it pass.
    pub problems: Vec<Option<ViolationStanding>>,
    /// Every waiver of the policy, in its order.
    pub waivers: Vec<WaiverUse>,
    /// What is different from the baseline, when there is one.
    pub changes: Option<VerdictChanges>,
}

/// How a gate decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateOutcome {
    /// Nothing breaks the policy.
    Passed,
    /// Something that the policy asks for could not be judged, and nothing breaks it.
    Open,
    /// Something breaks the policy.
    Broken,
}

/// One thing that a policy counts against one package on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The package's place in the report's packages, from 0: several environments may hold the same version.
    pub entry: usize,
    /// The package.
    pub package: PackageName,
    /// Its version, where known.
    pub version: Option<Version>,
    /// The target.
    pub target: Target,
    /// The package's verdict there.
    pub verdict: Verdict,
    /// The rule that found it; `None` when the verdict has no finding behind it.
    pub rule: Option<String>,
    /// The member concerned; `None` when the whole package is.
    pub module: Option<String>,
    /// One sentence: what was found.
    pub message: String,
    /// Whether it counts, and if not, why.
    pub standing: ViolationStanding,
}

/// Whether a violation counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViolationStanding {
    /// It breaks the policy.
    Breaks,
    /// It leaves the gate open: nothing says that it is wrong, but it could not be judged.
    Open,
    /// A waiver covers it: its place in `Gate::waivers`.
    Waived(usize),
    /// The baseline had it already.
    Known,
}

/// Someone's decision to go on in spite of something, as written in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The package.
    pub package: PackageName,
    /// Versions for which it holds; all when empty.
    pub versions: VersionSpecifiers,
    /// The module for which it holds, by its dotted name or its path in the file; `None` for all.
    pub module: Option<String>,
    /// The rule for which it holds; `None` for all.
    pub rule: Option<String>,
    /// The target for which it holds, written as in reports, or its Python alone (`3.14t`); `None` for all.
    pub target: Option<String>,
    /// Why it was decided.
    pub reason: String,
    /// The last day on which it holds; `None` for as long as it is written.
    pub until: Option<Date>,
    /// Where it is written.
    pub place: Place,
}

/// A waiver, and what became of it in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiverUse {
    /// The waiver.
    pub waiver: Waiver,
    /// What became of it.
    pub state: WaiverState,
}

/// What became of a waiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaiverState {
    /// It covers so many violations.
    Used(usize),
    /// Its last day is over; it covers nothing any more. So many violations would have been covered.
    Expired(usize),
    /// There is nothing that it could cover.
    Unused,
}

/// What is different from an earlier report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerdictChanges {
    /// Changes for the worse, in the order of targets and names: what was better, and what was not there and is not good.
    pub worse: Vec<VerdictChange>,
    /// Changes for the better.
    pub better: Vec<VerdictChange>,
    /// Changes of which nobody can say whether they are for the better: what was bad and is unknown now.
    pub different: Vec<VerdictChange>,
    /// Packages that are not worse and were not there.
    pub added: Vec<VerdictChange>,
    /// Packages that are not there any more.
    pub removed: Vec<VerdictChange>,
    /// Targets of one report only; nothing on them was compared.
    pub not_compared: Vec<String>,
}

/// One package on one target, then and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictChange {
    /// The package.
    pub package: PackageName,
    /// The target, as reports write it.
    pub target: String,
    /// What it was; `None` when it was not there.
    pub before: Option<VersionVerdict>,
    /// What it is; `None` when it is not there any more.
    pub after: Option<VersionVerdict>,
}

/// A version and its verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionVerdict {
    /// The version, where known.
    pub version: Option<Version>,
    /// The verdict.
    pub verdict: Verdict,
}
