//! What continuous integration is to show of a report: one alert for each rule that speaks against a package, over its
//! modules and targets, the worst first.
//!
//! Under a policy the alerts are what it counts, with what is waived and what the baseline had among them, and the
//! waivers that do nothing any more. Without one they are what decides.

mod environments;
mod waivers;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::model::finding::{Finding, FindingLevel};
use crate::model::gate::{Gate, Violation, ViolationStanding, Waiver};
use crate::model::name::{PackageName, Version};
use crate::model::place::Place;
use crate::model::report::{PackageReport, Report, TargetResult};
use crate::model::resolution::RequiredBy;
use crate::model::target::Target;
use crate::model::verdict::Verdict;

use super::sanitize::harmless;
use super::targets::targets;
use super::text::count;

pub(super) use environments::{EnvironmentCount, MOST_ENVIRONMENTS, environments};
pub(super) use waivers::{WAIVER_EXPIRED, WAIVER_UNUSED, waiver_words};

use environments::held;
use waivers::of_waiver;

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AlertWeight {
    /// Good to know.
    Note,
    /// Not judged, or worth a look.
    Warning,
    /// It stands in the way.
    Error,
}

/// Which findings become alerts where no policy says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AlertScope {
    /// Those that decide.
    Deciding,
    /// Warnings and hints too.
    Everything,
}

/// One rule's word against one package.
#[derive(Clone, Debug)]
pub(super) struct RuleAlert<'a> {
    /// The rule's id, `verdict-…` where no rule is behind it, or that of an alert about a waiver.
    pub(super) rule: Cow<'a, str>,
    /// How urgent it is, whether or not it counts.
    pub(super) weight: AlertWeight,
    /// The package.
    pub(super) package: &'a PackageName,
    /// Its version, where known.
    pub(super) version: Option<&'a Version>,
    /// The verdict; `None` for warnings, hints and waivers.
    pub(super) verdict: Option<Verdict>,
    /// The targets, in the report's order.
    pub(super) targets: Vec<Target>,
    /// Paths of the modules concerned; empty when the whole package is.
    pub(super) modules: Vec<&'a str>,
    /// Modules beside the one of which the message speaks, on the first of the targets.
    pub(super) others: usize,
    /// One sentence: what was found.
    pub(super) message: Cow<'a, str>,
    /// One sentence: what to do about it; may be empty.
    pub(super) help: &'a str,
    /// Where the package came in, the best to point at first.
    pub(super) places: Vec<&'a Place>,
    /// The environments, or folders of wheels, that hold it; empty where the report is not about several.
    pub(super) found_in: Vec<&'a str>,
    /// Whether it counts for the policy; `None` where there is none, and for alerts about waivers.
    pub(super) standing: Option<ViolationStanding>,
    /// The waiver that covers it, or that it is about.
    pub(super) waiver: Option<&'a Waiver>,
}

impl RuleAlert<'_> {
    /// Whether it is shown only so that nothing is hidden: it is waived, or not new.
    pub(super) fn is_settled(&self) -> bool {
        matches!(
            self.standing,
            Some(ViolationStanding::Waived(_) | ViolationStanding::Known)
        )
    }

    /// How urgent it is, now that it counts or does not.
    pub(super) fn urgency(&self) -> AlertWeight {
        match self.standing {
            Some(ViolationStanding::Waived(_) | ViolationStanding::Known) => AlertWeight::Note,
            Some(ViolationStanding::Breaks) => AlertWeight::Error,
            Some(ViolationStanding::Open) => AlertWeight::Warning,
            None => self.weight,
        }
    }

    /// The package, its version and its verdict: `lxml 6.1.3: gil`. Harmless.
    pub(super) fn title(&self) -> String {
        let word = self
            .verdict
            .map_or_else(|| harmless(&self.rule), |verdict| verdict.word().to_owned());
        format!("{}: {word}", self.subject())
    }

    /// The package and its version. Harmless.
    pub(super) fn subject(&self) -> String {
        self.version.map_or_else(
            || self.package.to_string(),
            |version| format!("{} {version}", self.package),
        )
    }

    /// What was found, of how many modules, and what became of it. Harmless.
    pub(super) fn sentence(&self) -> String {
        let mut text = harmless(self.message.trim_end_matches('.'));
        if self.others > 0 {
            text.push_str(&format!(
                "; the same of {}",
                count(self.others, "further module")
            ));
        }
        if let Some(standing) = standing_words(self.standing, self.waiver) {
            text.push_str(&format!(" ({standing})"));
        }
        text
    }

    /// [`RuleAlert::sentence`] with package, targets and, where there are several, environments. Harmless.
    pub(super) fn full_sentence(&self, report: &Report) -> String {
        let on = match self.targets.as_slice() {
            [] => String::new(),
            some => format!(" on {}", targets(&report.targets, some)),
        };
        format!(
            "{}{on}{}: {}",
            self.subject(),
            held(&self.found_in),
            self.sentence()
        )
    }

    /// What sorts alerts, the worst first.
    fn rank(&self) -> (u8, Reverse<AlertWeight>, Reverse<Option<Verdict>>) {
        let standing = match (self.standing, self.waiver) {
            (Some(ViolationStanding::Waived(_)), _) => 3,
            (Some(ViolationStanding::Known), _) => 4,
            (None, Some(_)) => 2,
            (Some(ViolationStanding::Open), _) => 1,
            (Some(ViolationStanding::Breaks) | None, _) => 0,
        };
        (standing, Reverse(self.weight), Reverse(self.verdict))
    }
}

/// Why something that a policy counts is no reason to stop. Harmless.
pub(super) fn standing_words(
    standing: Option<ViolationStanding>,
    waiver: Option<&Waiver>,
) -> Option<String> {
    match (standing?, waiver) {
        (ViolationStanding::Waived(_), Some(waiver)) => {
            let until = waiver
                .until
                .map_or_else(String::new, |day| format!(" until {day}"));
            Some(format!("waived{until}: {}", harmless(&waiver.reason)))
        }
        (ViolationStanding::Waived(_), None) => Some("waived".to_owned()),
        (ViolationStanding::Known, _) => Some("the baseline had it already".to_owned()),
        (ViolationStanding::Open, _) => Some("leaves the gate open".to_owned()),
        (ViolationStanding::Breaks, _) => None,
    }
}

/// All alerts, the worst first, otherwise in the report's order.
pub(super) fn alerts(report: &Report, extent: AlertScope) -> Vec<RuleAlert<'_>> {
    let mut collection = AlertCollection::default();
    match &report.gate {
        Some(gate) => of_gate(report, gate, &mut collection),
        None => of_findings(report, extent, &mut collection),
    }
    if environments(report) == EnvironmentCount::AtMostOne {
        collection
            .alerts
            .iter_mut()
            .for_each(|alert| alert.found_in.clear());
    }
    collection.alerts.sort_by_key(RuleAlert::rank);
    collection.alerts
}

/// A digest for each alert that stays the same when lines move, versions change or a waiver is written; told apart by
/// their order where one rule says different things of a package.
pub(super) fn fingerprints(alerts: &[RuleAlert<'_>]) -> Vec<String> {
    let mut seen: BTreeMap<(&PackageName, &str), usize> = BTreeMap::new();
    let mut fingerprints = Vec::with_capacity(alerts.len());
    for alert in alerts {
        let number = seen
            .entry((alert.package, alert.rule.as_ref()))
            .or_default();
        let digest = Sha256::digest(format!("{}\n{}\n{number}", alert.package, alert.rule));
        *number += 1;
        fingerprints.push(digest.iter().map(|byte| format!("{byte:02x}")).collect());
    }
    fingerprints
}

/// What makes two findings one alert.
type AlertKey<'a> = (
    &'a PackageName,
    Option<&'a Version>,
    Cow<'a, str>,
    Option<Verdict>,
    (u8, usize),
);

#[derive(Default)]
struct AlertCollection<'a> {
    alerts: Vec<RuleAlert<'a>>,
    places: BTreeMap<AlertKey<'a>, usize>,
}

impl<'a> AlertCollection<'a> {
    /// Adds an alert of one target and at most one module, to one that says the same where there is one.
    fn add(&mut self, alert: RuleAlert<'a>) {
        let standing = match alert.standing {
            None => (0, 0),
            Some(ViolationStanding::Breaks) => (1, 0),
            Some(ViolationStanding::Open) => (2, 0),
            Some(ViolationStanding::Waived(waiver)) => (3, waiver),
            Some(ViolationStanding::Known) => (4, 0),
        };
        let key = (
            alert.package,
            alert.version,
            alert.rule.clone(),
            alert.verdict,
            standing,
        );
        let place = *self.places.entry(key).or_insert(self.alerts.len());
        let Some(known) = self.alerts.get_mut(place) else {
            self.alerts.push(alert);
            return;
        };
        extend_with_new(&mut known.places, alert.places);
        extend_with_new(&mut known.found_in, alert.found_in);
        let on_first = known.targets.first() == alert.targets.first();
        extend_with_new(&mut known.targets, alert.targets);
        for module in alert.modules {
            if !known.modules.contains(&module) {
                known.modules.push(module);
                known.others += usize::from(on_first);
            }
        }
    }
}

/// Adds what is not there yet.
fn extend_with_new<T: PartialEq>(known: &mut Vec<T>, others: Vec<T>) {
    for other in others {
        if !known.contains(&other) {
            known.push(other);
        }
    }
}

fn of_findings<'a>(report: &'a Report, extent: AlertScope, collection: &mut AlertCollection<'a>) {
    for package in &report.packages {
        let places = places(&package.required_by);
        for result in &package.results {
            let decides = |finding: &Finding| {
                finding.level == FindingLevel::Decides && speaks_against(finding, result)
            };
            let told = |finding: &Finding| {
                finding.level != FindingLevel::Decides && extent == AlertScope::Everything
            };
            for finding in result
                .findings
                .iter()
                .filter(|finding| decides(finding) || told(finding))
            {
                collection.add(of_finding(package, result, finding, &places));
            }
            if result.verdict >= Verdict::PureFallback && !result.findings.iter().any(decides) {
                collection.add(of_result(package, result, &places));
            }
        }
    }
}

/// Whether what decides is no good news.
fn speaks_against(finding: &Finding, result: &TargetResult) -> bool {
    finding.verdict.unwrap_or(result.verdict) >= Verdict::PureFallback
}

fn of_finding<'a>(
    package: &'a PackageReport,
    result: &TargetResult,
    finding: &'a Finding,
    places: &[&'a Place],
) -> RuleAlert<'a> {
    let verdict =
        (finding.level == FindingLevel::Decides).then(|| finding.verdict.unwrap_or(result.verdict));
    RuleAlert {
        rule: Cow::Borrowed(&finding.rule),
        weight: match finding.level {
            FindingLevel::Decides => weight_of(verdict.unwrap_or(result.verdict)),
            FindingLevel::Warning => AlertWeight::Warning,
            FindingLevel::Hint => AlertWeight::Note,
        },
        package: &package.name,
        version: package.version.as_ref(),
        verdict,
        targets: vec![result.target],
        modules: finding.module.as_deref().into_iter().collect(),
        others: 0,
        message: Cow::Borrowed(&finding.message),
        help: &finding.help,
        places: places.to_vec(),
        found_in: package.found_in().into_iter().collect(),
        standing: None,
        waiver: None,
    }
}

/// A verdict that no finding is behind.
fn of_result<'a>(
    package: &'a PackageReport,
    result: &'a TargetResult,
    places: &[&'a Place],
) -> RuleAlert<'a> {
    RuleAlert {
        rule: verdict_rule(result.verdict),
        weight: weight_of(result.verdict),
        package: &package.name,
        version: package.version.as_ref(),
        verdict: Some(result.verdict),
        targets: vec![result.target],
        modules: Vec::new(),
        others: 0,
        message: Cow::Borrowed(&result.reason),
        help: "",
        places: places.to_vec(),
        found_in: package.found_in().into_iter().collect(),
        standing: None,
        waiver: None,
    }
}

fn of_gate<'a>(report: &'a Report, gate: &'a Gate, collection: &mut AlertCollection<'a>) {
    for violation in &gate.violations {
        collection.add(of_violation(
            gate,
            violation,
            report.packages.get(violation.entry),
        ));
    }
    for used in &gate.waivers {
        collection.alerts.extend(of_waiver(used));
    }
}

fn of_violation<'a>(
    gate: &'a Gate,
    violation: &'a Violation,
    package: Option<&'a PackageReport>,
) -> RuleAlert<'a> {
    let waiver = match violation.standing {
        ViolationStanding::Waived(place) => gate.waivers.get(place).map(|used| &used.waiver),
        ViolationStanding::Breaks | ViolationStanding::Open | ViolationStanding::Known => None,
    };
    let results = package.into_iter().flat_map(|package| &package.results);
    let mut findings = results
        .filter(|result| result.target == violation.target)
        .flat_map(|result| &result.findings);
    let same = |finding: &&Finding| {
        Some(&finding.rule) == violation.rule.as_ref() && finding.module == violation.module
    };
    RuleAlert {
        rule: violation
            .rule
            .as_deref()
            .map_or_else(|| verdict_rule(violation.verdict), Cow::Borrowed),
        weight: weight_of(violation.verdict),
        package: &violation.package,
        version: violation.version.as_ref(),
        verdict: Some(violation.verdict),
        targets: vec![violation.target],
        modules: violation.module.as_deref().into_iter().collect(),
        others: 0,
        message: Cow::Borrowed(&violation.message),
        help: findings.find(same).map_or("", |finding| &finding.help),
        places: package.map_or_else(Vec::new, |package| places(&package.required_by)),
        found_in: package
            .and_then(PackageReport::found_in)
            .into_iter()
            .collect(),
        standing: Some(violation.standing),
        waiver,
    }
}

fn verdict_rule(verdict: Verdict) -> Cow<'static, str> {
    Cow::Owned(format!("verdict-{}", verdict.word()))
}

/// How urgent a verdict is by itself.
fn weight_of(verdict: Verdict) -> AlertWeight {
    match verdict {
        Verdict::Blocked | Verdict::Crash | Verdict::Gil => AlertWeight::Error,
        Verdict::Build | Verdict::Unknown => AlertWeight::Warning,
        Verdict::PureFallback | Verdict::Ready | Verdict::Pure => AlertWeight::Note,
    }
}

/// Each place once, those with a line and with a short path first.
pub(super) fn places(required_by: &[RequiredBy]) -> Vec<&Place> {
    let mut sorted: Vec<&RequiredBy> = required_by.iter().collect();
    sorted.sort_by_key(|required_by| (required_by.place.line.is_none(), required_by.path.len()));
    let mut places: Vec<&Place> = Vec::new();
    for required_by in sorted {
        if !places.contains(&&required_by.place) {
            places.push(&required_by.place);
        }
    }
    places
}
