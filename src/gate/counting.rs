//! What a policy counts in a report, before waivers and the baseline.

use crate::model::finding::{Certainty, Finding, FindingLevel};
use crate::model::gate::{Violation, ViolationStanding};
use crate::model::outcome::{Gil, ModuleOutcome};
use crate::model::policy::{Policy, PolicySubject, Ruling};
use crate::model::report::{PackageReport, Report, TargetResult};
use crate::model::verdict::Verdict;

/// Something that counts, with what it takes to compare it.
pub(super) struct CountedConcern {
    /// The violation, as it would stand without waivers and baseline.
    pub(super) violation: Violation,
    /// The dotted name of the module concerned.
    pub(super) module: Option<String>,
    /// Whether it decides a verdict; what does not is compared by its rule alone.
    pub(super) decides: bool,
}

/// What is ruled where a policy says nothing.
pub fn usual(matter: &PolicySubject) -> Ruling {
    match matter {
        PolicySubject::Verdict(Verdict::Gil | Verdict::Crash | Verdict::Blocked) => Ruling::Fail,
        PolicySubject::Verdict(Verdict::Unknown | Verdict::Build) | PolicySubject::Problem => {
            Ruling::Open
        }
        PolicySubject::Verdict(Verdict::Pure | Verdict::Ready | Verdict::PureFallback)
        | PolicySubject::Rule(_)
        | PolicySubject::WaiverExpired
        | PolicySubject::WaiverUnused => Ruling::Pass,
    }
}

/// What the policy says of a matter.
pub(super) fn ruling(policy: &Policy, matter: &PolicySubject) -> Ruling {
    policy
        .rulings
        .get(matter)
        .copied()
        .unwrap_or_else(|| usual(matter))
}

/// How a thing of this ruling stands; `None` when it does not count.
pub(super) fn standing(ruling: Ruling) -> Option<ViolationStanding> {
    match ruling {
        Ruling::Pass => None,
        Ruling::Open => Some(ViolationStanding::Open),
        Ruling::Fail => Some(ViolationStanding::Breaks),
    }
}

/// All that counts, in the report's order.
pub(super) fn counted(report: &Report, policy: &Policy) -> Vec<CountedConcern> {
    let mut counted = Vec::new();
    for (entry, package) in report.packages.iter().enumerate() {
        for result in &package.results {
            of_result(
                ConcernSubject {
                    entry,
                    package,
                    result,
                },
                policy,
                &mut counted,
            );
        }
    }
    counted
}

#[derive(Clone, Copy)]
struct ConcernSubject<'a> {
    /// The package's place in the report.
    entry: usize,
    package: &'a PackageReport,
    result: &'a TargetResult,
}

fn of_result(concerned: ConcernSubject<'_>, policy: &Policy, counted: &mut Vec<CountedConcern>) {
    let result = concerned.result;
    let mut add = |ruling: Ruling, found: PackageConcerns<'_>| {
        counted.extend(standing(ruling).map(|standing| concerned.counted(found, standing)));
    };
    for finding in &result.findings {
        add(
            ruling_on(finding, policy),
            PackageConcerns::of(finding, result),
        );
    }
    let on_verdict = |verdict: Verdict| ruling(policy, &PolicySubject::Verdict(verdict));
    let deciding: Vec<&Finding> = result
        .findings
        .iter()
        .filter(|finding| finding.level == FindingLevel::Decides)
        .collect();
    if !deciding
        .iter()
        .any(|finding| finding.verdict == Some(result.verdict))
    {
        let whole = PackageConcerns {
            verdict: result.verdict,
            rule: None,
            path: None,
            message: &result.reason,
            decides: true,
        };
        return add(on_verdict(result.verdict), whole);
    }
    // The verdict is the worst of all, so it hides modules that no rule decides on; a waiver for the worst must not.
    let is_decided = |module: &ModuleOutcome| {
        deciding.iter().any(|finding| {
            finding
                .module
                .as_ref()
                .is_none_or(|path| *path == module.path)
        })
    };
    for module in result.modules.iter().filter(|module| !is_decided(module)) {
        if matches!(module.gil, Gil::Used | Gil::NotLoadable | Gil::Unknown) {
            let message = format!("no rule decides on {}", module.module);
            let path = Some(module.path.as_str());
            let verdict = Verdict::Unknown;
            add(
                on_verdict(verdict),
                PackageConcerns {
                    verdict,
                    rule: None,
                    path,
                    message: &message,
                    decides: true,
                },
            );
        }
    }
}

/// A rule that the policy names counts as it says, at any level; others by the verdict to which they lead. Where it is not
/// known whether the rule's condition holds, it can only fail when what is unknown does.
fn ruling_on(finding: &Finding, policy: &Policy) -> Ruling {
    let stated = policy
        .rulings
        .get(&PolicySubject::Rule(finding.rule.clone()))
        .copied();
    match (stated, finding.level, finding.verdict) {
        (Some(Ruling::Fail), ..) if finding.certainty == Certainty::Unknown => {
            ruling(policy, &PolicySubject::Verdict(Verdict::Unknown))
        }
        (Some(stated), ..) => stated,
        (None, FindingLevel::Decides, Some(verdict)) => {
            ruling(policy, &PolicySubject::Verdict(verdict))
        }
        (None, ..) => Ruling::Pass,
    }
}

/// What was found of a package on a target.
#[derive(Clone, Copy)]
struct PackageConcerns<'a> {
    verdict: Verdict,
    rule: Option<&'a str>,
    path: Option<&'a str>,
    message: &'a str,
    decides: bool,
}

impl<'a> PackageConcerns<'a> {
    fn of(finding: &'a Finding, result: &TargetResult) -> PackageConcerns<'a> {
        PackageConcerns {
            verdict: finding.verdict.unwrap_or(result.verdict),
            rule: Some(&finding.rule),
            path: finding.module.as_deref(),
            message: &finding.message,
            decides: finding.level == FindingLevel::Decides,
        }
    }
}

impl ConcernSubject<'_> {
    fn counted(self, found: PackageConcerns<'_>, standing: ViolationStanding) -> CountedConcern {
        let named = |path| {
            self.result
                .modules
                .iter()
                .find(|module| module.path == path)
        };
        let violation = Violation {
            entry: self.entry,
            package: self.package.name.clone(),
            version: self.package.version.clone(),
            target: self.result.target,
            verdict: found.verdict,
            rule: found.rule.map(str::to_owned),
            module: found.path.map(str::to_owned),
            message: found.message.to_owned(),
            standing,
        };
        let module = found
            .path
            .and_then(named)
            .map(|module| module.module.clone());
        CountedConcern {
            violation,
            module,
            decides: found.decides,
        }
    }
}
