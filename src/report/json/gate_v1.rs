//! Version 1 of what a policy makes of a report, frozen as the report is.
//!
//! The doc lines are the descriptions in the JSON Schema.

use schemars::JsonSchema;
use serde::Serialize;

use super::parts_v1::{PlaceV1, VerdictV1};

/// A policy's word on a report.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct GateV1 {
    /// The word.
    pub(super) outcome: OutcomeV1,
    /// All that the policy counts against the report, in the report's order, what is waived among them.
    pub(super) violations: Vec<ViolationV1>,
    /// The problems that the policy counts, in the report's order.
    pub(super) problems: Vec<CountedProblemV1>,
    /// Every waiver of the policy, in its order.
    pub(super) waivers: Vec<WaiverV1>,
    /// What is different from the baseline; null when there is none.
    pub(super) changes: Option<ChangesV1>,
}

/// How a gate decides.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum OutcomeV1 {
    /// Nothing breaks the policy.
    Passed,
    /// Something that the policy asks for could not be judged, and nothing breaks it.
    Open,
    /// Something breaks the policy.
    Broken,
}

/// One thing that a policy counts against one package on one target.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ViolationV1 {
    /// The package.
    pub(super) package: String,
    /// Its version; null when it could not be found out.
    pub(super) version: Option<String>,
    /// The environment, or the folder of wheels, that holds the package; only where one of these was scanned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) found_in: Option<String>,
    /// The target.
    pub(super) target: String,
    /// The package's verdict there.
    pub(super) verdict: VerdictV1,
    /// The rule that found it; null when no finding is behind the verdict.
    pub(super) rule: Option<String>,
    /// The member concerned; null when the whole package is.
    pub(super) module: Option<String>,
    /// One sentence: what was found.
    pub(super) message: String,
    /// Whether it counts, and if not, why.
    pub(super) standing: StandingV1,
    /// The waiver that covers it: its place in `waivers`, from 0; null when none does.
    pub(super) waiver: Option<usize>,
}

/// A problem that a policy counts.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CountedProblemV1 {
    /// Its place in the report's `problems`, from 0.
    pub(super) problem: usize,
    /// Whether it counts, and if not, why.
    pub(super) standing: StandingV1,
    /// The waiver that covers it: its place in `waivers`, from 0; null when none does.
    pub(super) waiver: Option<usize>,
}

/// Whether a violation counts.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StandingV1 {
    /// It breaks the policy.
    Breaks,
    /// It leaves the gate open: it could not be judged.
    Open,
    /// A waiver covers it.
    Waived,
    /// The baseline had it already.
    Known,
}

/// Someone's decision to go on in spite of something, and what became of it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct WaiverV1 {
    /// The package.
    pub(super) package: String,
    /// Versions for which it holds, such as `<2`; null for all.
    pub(super) versions: Option<String>,
    /// The member for which it holds; null for all.
    pub(super) module: Option<String>,
    /// The rule for which it holds; null for all.
    pub(super) rule: Option<String>,
    /// The target for which it holds, or its Python alone (`3.14t`); null for all.
    pub(super) target: Option<String>,
    /// Why it was decided.
    pub(super) reason: String,
    /// The last day on which it holds; null for as long as it is written.
    pub(super) until: Option<String>,
    /// Where it is written.
    pub(super) place: PlaceV1,
    /// What became of it.
    pub(super) state: StateV1,
    /// Violations that it covers, or would have covered when its last day is over.
    pub(super) violations: usize,
}

/// What became of a waiver.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StateV1 {
    /// It covers something.
    Used,
    /// Its last day is over; it covers nothing any more.
    Expired,
    /// There is nothing that it could cover.
    Unused,
}

/// What is different between two reports, as `ungil diff --format json` writes it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(
    title = "ungil difference",
    extend("$id" = "https://github.com/ungil/ungil/blob/main/docs/difference.schema.json")
)]
pub(super) struct DifferenceV1 {
    /// Version of this format: 1.
    pub(super) schema_version: u32,
    /// The earlier report, as it was named.
    pub(super) before: String,
    /// The later report, as it was named.
    pub(super) after: String,
    /// What is different.
    #[serde(flatten)]
    pub(super) changes: ChangesV1,
}

/// What is different from an earlier report.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangesV1 {
    /// Changes for the worse, in the report's order.
    pub(super) worse: Vec<ChangeV1>,
    /// Changes for the better.
    pub(super) better: Vec<ChangeV1>,
    /// Changes of which nobody can say whether they are for the better: what was bad and is unknown now.
    pub(super) different: Vec<ChangeV1>,
    /// Packages that are not worse and were not there.
    pub(super) added: Vec<ChangeV1>,
    /// Packages that are not there any more.
    pub(super) removed: Vec<ChangeV1>,
    /// Targets of one report only; nothing on them was compared.
    pub(super) not_compared: Vec<String>,
}

/// One package on one target, then and now.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangeV1 {
    /// The package.
    pub(super) package: String,
    /// The target.
    pub(super) target: String,
    /// What it was; null when it was not there.
    pub(super) before: Option<ReleaseV1>,
    /// What it is; null when it is not there any more.
    pub(super) after: Option<ReleaseV1>,
}

/// A version and its verdict.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReleaseV1 {
    /// The version; null when it could not be found out.
    pub(super) version: Option<String>,
    /// The verdict.
    pub(super) verdict: VerdictV1,
}
