//! JUnit's XML, as Jenkins, GitLab and others read it: a suite for each target, a test for each package.
//!
//! A test fails when the package stands in the way, ends in an error when it could not be judged, and is skipped when a
//! waiver covers it or the baseline had it already. Under a policy the policy says which it is.

mod suite;

use crate::model::finding::Finding;
use crate::model::gate::{Gate, Standing, Violation};
use crate::model::problem::Problem;
use crate::model::report::{PackageReport, Report, TargetResult};
use crate::model::verdict::Verdict;

use super::alert::{Environments, environments, standing_words, waiver_words};
use super::counted::Counted;
use super::sanitize::harmless;
use super::{RenderError, RenderOptions, place, words};
use suite::{Case, Outcome, Suite};

/// Renders the report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let counted = Counted::new(report);
    let environments = environments(report);
    let mut suites: Vec<Suite> = Vec::new();
    for target in &report.targets {
        let name = format!("ungil.{target}");
        let mut cases = Vec::new();
        for (entry, package) in report.packages.iter().enumerate() {
            let results = package.results.iter().filter(|result| result.target == *target);
            let called = called(package, environments);
            cases.extend(results.map(|result| Case {
                class: name.clone(),
                name: called.clone(),
                outcome: outcome(&counted, entry, result),
            }));
        }
        suites.push(Suite { name, properties: Vec::new(), cases });
    }
    if report.packages.is_empty() {
        let class = "ungil".to_owned();
        let outcome = Outcome::Error("no package to judge".to_owned(), String::new());
        let cases = vec![Case { class: class.clone(), name: "packages".to_owned(), outcome }];
        suites.push(Suite { name: class, properties: Vec::new(), cases });
    }
    if !report.problems.is_empty() {
        let name = "ungil.problems".to_owned();
        suites.push(Suite { properties: Vec::new(), cases: report.problems.iter().map(problem).collect(), name });
    }
    suites.extend(report.gate.as_ref().map(policy));
    suite::write(&suites, options.generated.as_deref())
}

/// The package, its version and, where there are several, the environment that holds it: names are to tell tests apart.
fn called(package: &PackageReport, environments: Environments) -> String {
    let version = package.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    let held = package.found_in().filter(|_| environments == Environments::Several);
    let held = held.map_or_else(String::new, |place| format!(" in {}", harmless(place)));
    format!("{}{version}{held}", package.name)
}

fn outcome(counted: &Counted<'_>, entry: usize, result: &TargetResult) -> Outcome {
    match counted.of(entry, result) {
        None => outcome_of_verdict(result),
        Some(violations) => outcome_of_policy(counted, result, &violations),
    }
}

fn outcome_of_verdict(result: &TargetResult) -> Outcome {
    let told = || (headline(result), details(result));
    match result.verdict {
        Verdict::Blocked | Verdict::Crash | Verdict::Gil => {
            let (message, text) = told();
            Outcome::Failure(message, text)
        }
        Verdict::Build | Verdict::Unknown => {
            let (message, text) = told();
            Outcome::Error(message, text)
        }
        Verdict::PureFallback | Verdict::Ready | Verdict::Pure => Outcome::Passed(headline(result)),
    }
}

fn outcome_of_policy(counted: &Counted<'_>, result: &TargetResult, violations: &[&Violation]) -> Outcome {
    let line = |violation: &&Violation| sentence(counted, violation);
    let text = violations.iter().map(line).collect::<Vec<_>>().join("\n");
    let Some(first) = violations.first() else { return Outcome::Passed(headline(result)) };
    let message = format!("{}: {}", result.verdict.word(), sentence(counted, first));
    match first.standing {
        Standing::Breaks => Outcome::Failure(message, text),
        Standing::Open => Outcome::Error(message, text),
        Standing::Waived(_) | Standing::Known => Outcome::Skipped(message),
    }
}

fn sentence(counted: &Counted<'_>, violation: &Violation) -> String {
    let standing = standing_words(Some(violation.standing), counted.waiver(violation));
    let end = standing.map_or_else(String::new, |words| format!(" ({words})"));
    format!("{}{end}", harmless(&violation.message))
}

fn headline(result: &TargetResult) -> String {
    format!("{}: {}", result.verdict.word(), harmless(&result.reason))
}

/// What the rules say, a line each, then what to do.
fn details(result: &TargetResult) -> String {
    let line = |finding: &Finding| format!("[{}] {}", harmless(&finding.rule), harmless(&finding.message));
    let mut lines: Vec<String> = result.findings.iter().map(line).collect();
    for help in result.findings.iter().map(|finding| harmless(&finding.help)) {
        if !help.is_empty() && !lines.contains(&help) {
            lines.push(help);
        }
    }
    lines.join("\n")
}

fn problem(problem: &Problem) -> Case {
    let name = format!("{} at {}", words::problem_kind(problem.kind), harmless(&problem.place));
    Case { class: "ungil.problems".to_owned(), name, outcome: Outcome::Error(words::problem(problem), String::new()) }
}

/// The policy's word, and waivers that do nothing any more: they break nothing by themselves, and are not passed over.
fn policy(gate: &Gate) -> Suite {
    let name = "ungil.policy".to_owned();
    let case = |used| {
        let words = waiver_words(used)?;
        let name = format!("waiver for {} at {}", used.waiver.package, harmless(&place::words(&used.waiver.place)));
        Some(Case { class: "ungil.policy".to_owned(), name, outcome: Outcome::Skipped(harmless(&words)) })
    };
    let properties = vec![("gate", words::outcome(gate.outcome).to_owned())];
    Suite { name, properties, cases: gate.waivers.iter().filter_map(case).collect() }
}
