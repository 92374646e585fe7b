//! What a policy counts, looked up by the package's place in the report and by target.

use std::collections::BTreeMap;

use crate::model::gate::{Gate, Violation, ViolationStanding, Waiver};
use crate::model::report::{Report, TargetResult};
use crate::model::target::Target;

/// The violations of a gate by what they concern; none where there is no gate.
pub(super) struct CountedViolations<'a> {
    gate: Option<&'a Gate>,
    violations: BTreeMap<(usize, Target), Vec<&'a Violation>>,
}

impl<'a> CountedViolations<'a> {
    /// Sorts the report's violations.
    pub(super) fn new(report: &'a Report) -> CountedViolations<'a> {
        let gate = report.gate.as_ref();
        let mut violations: BTreeMap<_, Vec<&Violation>> = BTreeMap::new();
        for violation in gate.into_iter().flat_map(|gate| &gate.violations) {
            violations
                .entry((violation.entry, violation.target))
                .or_default()
                .push(violation);
        }
        CountedViolations { gate, violations }
    }

    /// What is counted of a package on a target, what breaks the policy first; `None` where there is no policy. The package is
    /// the one at this place of the report, from 0.
    pub(super) fn of(&self, entry: usize, result: &TargetResult) -> Option<Vec<&'a Violation>> {
        self.gate?;
        let mut violations = self
            .violations
            .get(&(entry, result.target))
            .cloned()
            .unwrap_or_default();
        violations.sort_by_key(|violation| rank(violation.standing));
        Some(violations)
    }

    /// The waiver that covers a violation.
    pub(super) fn waiver(&self, violation: &Violation) -> Option<&'a Waiver> {
        match violation.standing {
            ViolationStanding::Waived(place) => {
                self.gate?.waivers.get(place).map(|used| &used.waiver)
            }
            ViolationStanding::Breaks | ViolationStanding::Open | ViolationStanding::Known => None,
        }
    }
}

/// What counts first.
fn rank(standing: ViolationStanding) -> u8 {
    match standing {
        ViolationStanding::Breaks => 0,
        ViolationStanding::Open => 1,
        ViolationStanding::Waived(_) => 2,
        ViolationStanding::Known => 3,
    }
}
