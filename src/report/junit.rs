//! JUnit's XML, as Jenkins, GitLab and others read it: a suite for each target, a test for each package.
//!
//! A test fails when the package stands in the way, ends in an error when it could not be judged, and is skipped when a
//! waiver covers it or the baseline had it already. Under a policy the policy says which it is.

mod suite;

use crate::model::finding::Finding;
use crate::model::gate::{Gate, Violation, ViolationStanding};
use crate::model::problem::Problem;
use crate::model::report::{PackageReport, Report, TargetResult};
use crate::model::verdict::Verdict;

use super::alert::{EnvironmentCount, environments, standing_words, waiver_words};
use super::counted::CountedViolations;
use super::sanitize::harmless;
use super::{RenderError, RenderOptions, place, words};
use suite::{TestCase, TestOutcome, TestSuite};

/// Renders the report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let counted = CountedViolations::new(report);
    let environments = environments(report);
    let mut suites: Vec<TestSuite> = Vec::new();
    for target in &report.targets {
        let name = format!("ungil.{target}");
        let mut cases = Vec::new();
        for (entry, package) in report.packages.iter().enumerate() {
            let results = package
                .results
                .iter()
                .filter(|result| result.target == *target);
            let called = called(package, environments);
            cases.extend(results.map(|result| TestCase {
                class: name.clone(),
                name: called.clone(),
                outcome: outcome(&counted, entry, result),
            }));
        }
        suites.push(TestSuite {
            name,
            properties: Vec::new(),
            cases,
        });
    }
    if report.packages.is_empty() {
        let class = "ungil".to_owned();
        let outcome = TestOutcome::Error("no package to judge".to_owned(), String::new());
        let cases = vec![TestCase {
            class: class.clone(),
            name: "packages".to_owned(),
            outcome,
        }];
        suites.push(TestSuite {
            name: class,
            properties: Vec::new(),
            cases,
        });
    }
    if !report.problems.is_empty() {
        let name = "ungil.problems".to_owned();
        suites.push(TestSuite {
            properties: Vec::new(),
            cases: report.problems.iter().map(problem).collect(),
            name,
        });
    }
    suites.extend(report.gate.as_ref().map(policy));
    suite::write(&suites, options.generated.as_deref())
}

/// The package, its version and, where there are several, the environment that holds it: names are to tell tests apart.
fn called(package: &PackageReport, environments: EnvironmentCount) -> String {
    let version = package
        .version
        .as_ref()
        .map_or_else(String::new, |version| format!(" {version}"));
    let held = package
        .found_in()
        .filter(|_| environments == EnvironmentCount::Several);
    let held = held.map_or_else(String::new, |place| format!(" in {}", harmless(place)));
    format!("{}{version}{held}", package.name)
}

fn outcome(counted: &CountedViolations<'_>, entry: usize, result: &TargetResult) -> TestOutcome {
    match counted.of(entry, result) {
        None => outcome_of_verdict(result),
        Some(violations) => outcome_of_policy(counted, result, &violations),
    }
}

fn outcome_of_verdict(result: &TargetResult) -> TestOutcome {
    let told = || (headline(result), details(result));
    match result.verdict {
        Verdict::Blocked | Verdict::Crash | Verdict::Gil => {
            let (message, text) = told();
            TestOutcome::Failure(message, text)
        }
        Verdict::Build | Verdict::Unknown => {
            let (message, text) = told();
            TestOutcome::Error(message, text)
        }
        Verdict::PureFallback | Verdict::Ready | Verdict::Pure => {
            TestOutcome::Passed(headline(result))
        }
    }
}

fn outcome_of_policy(
    counted: &CountedViolations<'_>,
    result: &TargetResult,
    violations: &[&Violation],
) -> TestOutcome {
    let line = |violation: &&Violation| sentence(counted, violation);
    let text = violations.iter().map(line).collect::<Vec<_>>().join("\n");
    let Some(first) = violations.first() else {
        return TestOutcome::Passed(headline(result));
    };
    let message = format!("{}: {}", result.verdict.word(), sentence(counted, first));
    match first.standing {
        ViolationStanding::Breaks => TestOutcome::Failure(message, text),
        ViolationStanding::Open => TestOutcome::Error(message, text),
        ViolationStanding::Waived(_) | ViolationStanding::Known => TestOutcome::Skipped(message),
    }
}

fn sentence(counted: &CountedViolations<'_>, violation: &Violation) -> String {
    let standing = standing_words(Some(violation.standing), counted.waiver(violation));
    let end = standing.map_or_else(String::new, |words| format!(" ({words})"));
    format!("{}{end}", harmless(&violation.message))
}

fn headline(result: &TargetResult) -> String {
    format!("{}: {}", result.verdict.word(), harmless(&result.reason))
}

/// What the rules say, a line each, then what to do.
fn details(result: &TargetResult) -> String {
    let line = |finding: &Finding| {
        format!(
            "[{}] {}",
            harmless(&finding.rule),
            harmless(&finding.message)
        )
    };
    let mut lines: Vec<String> = result.findings.iter().map(line).collect();
    for help in result
        .findings
        .iter()
        .map(|finding| harmless(&finding.help))
    {
        if !help.is_empty() && !lines.contains(&help) {
            lines.push(help);
        }
    }
    lines.join("\n")
}

fn problem(problem: &Problem) -> TestCase {
    let name = format!(
        "{} at {}",
        words::problem_kind(problem.kind),
        harmless(&problem.place)
    );
    TestCase {
        class: "ungil.problems".to_owned(),
        name,
        outcome: TestOutcome::Error(words::problem(problem), String::new()),
    }
}

/// The policy's word, and waivers that do nothing any more: they break nothing by themselves, and are not passed over.
fn policy(gate: &Gate) -> TestSuite {
    let name = "ungil.policy".to_owned();
    let case = |used| {
        let words = waiver_words(used)?;
        let name = format!(
            "waiver for {} at {}",
            used.waiver.package,
            harmless(&place::words(&used.waiver.place))
        );
        Some(TestCase {
            class: "ungil.policy".to_owned(),
            name,
            outcome: TestOutcome::Skipped(harmless(&words)),
        })
    };
    let properties = vec![("gate", words::outcome(gate.outcome).to_owned())];
    TestSuite {
        name,
        properties,
        cases: gate.waivers.iter().filter_map(case).collect(),
    }
}
