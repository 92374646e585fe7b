//! What a policy counts, looked up by package and target.

use std::collections::BTreeMap;

use crate::model::gate::{Gate, Standing, Violation, Waiver};
use crate::model::name::{PackageName, Version};
use crate::model::report::{PackageReport, Report, TargetResult};
use crate::model::target::Target;

/// The violations of a gate by what they concern; none where there is no gate.
pub(super) struct Counted<'a> {
    gate: Option<&'a Gate>,
    violations: BTreeMap<(&'a PackageName, Option<&'a Version>, Target), Vec<&'a Violation>>,
}

impl<'a> Counted<'a> {
    /// Sorts the report's violations.
    pub(super) fn new(report: &'a Report) -> Counted<'a> {
        let gate = report.gate.as_ref();
        let mut violations: BTreeMap<_, Vec<&Violation>> = BTreeMap::new();
        for violation in gate.into_iter().flat_map(|gate| &gate.violations) {
            let concerned = (&violation.package, violation.version.as_ref(), violation.target);
            violations.entry(concerned).or_default().push(violation);
        }
        Counted { gate, violations }
    }

    /// What is counted of a package on a target, what breaks the policy first; `None` where there is no policy.
    pub(super) fn of(&self, package: &PackageReport, result: &TargetResult) -> Option<Vec<&'a Violation>> {
        self.gate?;
        let concerned = (&package.name, package.version.as_ref(), result.target);
        let mut violations = self.violations.get(&concerned).cloned().unwrap_or_default();
        violations.sort_by_key(|violation| rank(violation.standing));
        Some(violations)
    }

    /// The waiver that covers a violation.
    pub(super) fn waiver(&self, violation: &Violation) -> Option<&'a Waiver> {
        match violation.standing {
            Standing::Waived(place) => self.gate?.waivers.get(place).map(|used| &used.waiver),
            Standing::Breaks | Standing::Open | Standing::Known => None,
        }
    }
}

/// What counts first.
fn rank(standing: Standing) -> u8 {
    match standing {
        Standing::Breaks => 0,
        Standing::Open => 1,
        Standing::Waived(_) => 2,
        Standing::Known => 3,
    }
}
