//! A report and a policy in, the policy's word out. Pure: the day is an argument.
//!
//! What counts is found first ([`counting`]): every finding by its rule or its verdict, and every verdict that no finding
//! is behind. Then waivers are laid over it ([`waiving`]), and then the baseline ([`compare`]). None of these hides
//! anything: what is waived or known stays in the gate with its standing, and so does a waiver that does nothing.

mod compare;
mod counting;
mod waiving;

use crate::model::date::Date;
use crate::model::gate::{Gate, GateOutcome, Violation, ViolationStanding, WaiverState, WaiverUse};
use crate::model::policy::{Policy, PolicySubject, Ruling};
use crate::model::problem::Problem;
use crate::model::report::Report;
use crate::model::snapshot::Snapshot;

pub use compare::{changes, snapshot};
pub use counting::usual;

use counting::CountedConcern;
use waiving::WaiverBook;

/// What the policy makes of a report on this day. What the baseline had already does not count.
pub fn decide(report: &Report, policy: &Policy, today: Date, baseline: Option<&Snapshot>) -> Gate {
    let mut waivers = WaiverBook::new(&policy.waivers, today);
    let settle = |counted: CountedConcern| {
        let known = || baseline.is_some_and(|baseline| compare::had(baseline, &counted));
        let standing = match waivers.cover(&counted) {
            Some(waiver) => ViolationStanding::Waived(waiver),
            None if known() => ViolationStanding::Known,
            None => counted.violation.standing,
        };
        Violation {
            standing,
            ..counted.violation
        }
    };
    let violations: Vec<Violation> = counting::counted(report, policy)
        .into_iter()
        .map(settle)
        .collect();
    let problem = |problem: &Problem| {
        let standing = counting::standing(counting::ruling(policy, &PolicySubject::Problem))?;
        let known = || baseline.is_some_and(|baseline| compare::had_problem(baseline, problem));
        Some(match waivers.cover_problem(problem, report) {
            Some(waiver) => ViolationStanding::Waived(waiver),
            None if known() => ViolationStanding::Known,
            None => standing,
        })
    };
    let problems: Vec<Option<ViolationStanding>> = report.problems.iter().map(problem).collect();
    let waivers = waivers.uses();
    let changes = baseline.map(|baseline| changes(baseline, &snapshot(report)));
    let outcome = outcome(report, policy, &violations, &problems, &waivers);
    Gate {
        outcome,
        violations,
        problems,
        waivers,
        changes,
    }
}

/// The worst of all that counts. A report in which nothing was judged must not look like good news.
fn outcome(
    report: &Report,
    policy: &Policy,
    violations: &[Violation],
    problems: &[Option<ViolationStanding>],
    waivers: &[WaiverUse],
) -> GateOutcome {
    let nothing_judged = report
        .packages
        .iter()
        .all(|package| package.results.is_empty());
    let standings = violations
        .iter()
        .map(|violation| violation.standing)
        .chain(problems.iter().flatten().copied());
    let counting = standings.filter_map(|standing| match standing {
        ViolationStanding::Breaks => Some(GateOutcome::Broken),
        ViolationStanding::Open => Some(GateOutcome::Open),
        ViolationStanding::Waived(_) | ViolationStanding::Known => None,
    });
    let idle = waivers.iter().filter_map(|used| match used.state {
        WaiverState::Used(_) => None,
        WaiverState::Expired(_) => Some(counting::ruling(policy, &PolicySubject::WaiverExpired)),
        WaiverState::Unused => Some(counting::ruling(policy, &PolicySubject::WaiverUnused)),
    });
    let idle = idle.map(|ruling| match ruling {
        Ruling::Fail => GateOutcome::Broken,
        Ruling::Open => GateOutcome::Open,
        Ruling::Pass => GateOutcome::Passed,
    });
    let least = if nothing_judged {
        GateOutcome::Open
    } else {
        GateOutcome::Passed
    };
    counting.chain(idle).fold(least, GateOutcome::max)
}

#[cfg(test)]
mod tests {
    use crate::model::finding::{Certainty, Finding, FindingLevel};
    use crate::model::gate::Waiver;
    use crate::model::place::Place;
    use crate::model::problem::ProblemKind;
    use crate::model::report::{PackageReport, TargetResult};
    use crate::model::verdict::Verdict;

    use super::*;

    const MODULE: &str = "a/b.cpython-314t-x86_64-linux-gnu.so";

    fn finding(rule: &str, verdict: Option<Verdict>) -> Finding {
        let level = if verdict.is_some() {
            FindingLevel::Decides
        } else {
            FindingLevel::Warning
        };
        let (rule, module) = (rule.to_owned(), Some(MODULE.to_owned()));
        let text = String::new;
        let certainty = Certainty::Holds;
        Finding {
            rule,
            level,
            certainty,
            verdict,
            module,
            summary: text(),
            message: text(),
            help: text(),
            alternative: None,
            evidence: vec![],
        }
    }

    /// One package, `a 2.0`, on one target.
    fn report(verdict: Verdict, findings: &[(&str, Option<Verdict>)]) -> Report {
        let target = crate::model::target::Target {
            python: "3.14t".parse().unwrap(),
            platform: "linux-x86_64".parse().unwrap(),
        };
        let result = TargetResult {
            target,
            verdict,
            reason: "reason".to_owned(),
            declared_by: vec![],
            artifact: None,
            file_check: crate::model::artifact::FileCheck::Unread,
            not_in_lock: false,
            requires_python: None,
            build: None,
            left_out: vec![],
            passed_over: vec![],
            other_build: None,
            modules: vec![],
            findings: findings
                .iter()
                .map(|(rule, verdict)| finding(rule, *verdict))
                .collect(),
        };
        let package = PackageReport {
            name: "a".parse().unwrap(),
            version: Some("2.0".parse().unwrap()),
            required_by: vec![],
            results: vec![result],
        };
        Report {
            targets: vec![target],
            packages: vec![package],
            ..Report::default()
        }
    }

    fn gil() -> Report {
        report(
            Verdict::Gil,
            &[("declares", Some(Verdict::Gil)), ("style", None)],
        )
    }

    fn with_problem(report: Report) -> Report {
        let (kind, package) = (ProblemKind::Binary, Some("a".parse().unwrap()));
        let problem = Problem {
            kind,
            package,
            place: "a.whl: b".to_owned(),
            message: String::new(),
        };
        Report {
            problems: vec![problem],
            ..report
        }
    }

    fn waiver() -> Waiver {
        Waiver {
            package: "a".parse().unwrap(),
            versions: Default::default(),
            module: None,
            rule: None,
            target: None,
            reason: "why".to_owned(),
            until: None,
            place: Place {
                file: "ungil.toml".to_owned(),
                line: Some(1),
                column: None,
            },
        }
    }

    fn today() -> Date {
        "2026-11-21".parse().unwrap()
    }

    fn policy(rulings: &[(PolicySubject, Ruling)], waivers: &[Waiver]) -> Policy {
        Policy {
            rulings: rulings.iter().cloned().collect(),
            waivers: waivers.to_vec(),
        }
    }

    fn outcome_of(report: &Report, rulings: &[(PolicySubject, Ruling)]) -> GateOutcome {
        decide(report, &policy(rulings, &[]), today(), None).outcome
    }

    #[test]
    fn a_policy_rules_on_verdicts_rules_and_problems() {
        use GateOutcome::{Broken, Open, Passed};
        let verdict = |verdict, ruling| (PolicySubject::Verdict(verdict), ruling);
        let rule = |ruling| (PolicySubject::Rule("style".to_owned()), ruling);
        for (report, rulings, expected) in [
            (gil(), vec![], Broken),
            (gil(), vec![verdict(Verdict::Gil, Ruling::Pass)], Passed),
            (
                gil(),
                vec![(PolicySubject::Rule("declares".to_owned()), Ruling::Pass)],
                Passed,
            ),
            (
                gil(),
                vec![verdict(Verdict::Gil, Ruling::Pass), rule(Ruling::Open)],
                Open,
            ),
            (report(Verdict::Ready, &[("style", None)]), vec![], Passed),
            (
                report(Verdict::Ready, &[("style", None)]),
                vec![rule(Ruling::Fail)],
                Broken,
            ),
            (report(Verdict::Unknown, &[]), vec![], Open),
            (
                report(Verdict::Unknown, &[]),
                vec![verdict(Verdict::Unknown, Ruling::Fail)],
                Broken,
            ),
            (
                report(Verdict::Build, &[]),
                vec![verdict(Verdict::Build, Ruling::Pass)],
                Passed,
            ),
            (report(Verdict::PureFallback, &[]), vec![], Passed),
            (
                report(Verdict::PureFallback, &[]),
                vec![verdict(Verdict::PureFallback, Ruling::Fail)],
                Broken,
            ),
            (with_problem(report(Verdict::Ready, &[])), vec![], Open),
            (
                with_problem(report(Verdict::Ready, &[])),
                vec![(PolicySubject::Problem, Ruling::Pass)],
                Passed,
            ),
            (
                with_problem(report(Verdict::Ready, &[])),
                vec![(PolicySubject::Problem, Ruling::Fail)],
                Broken,
            ),
            (Report::default(), vec![], Open),
        ] {
            assert_eq!(
                outcome_of(&report, &rulings),
                expected,
                "{rulings:?} {report:?}"
            );
        }
    }

    #[test]
    fn a_rule_in_doubt_fails_only_when_the_unknown_does() {
        let mut doubtful = report(Verdict::Ready, &[("style", None)]);
        doubtful.packages[0].results[0].findings[0].certainty = Certainty::Unknown;
        let fails = (PolicySubject::Rule("style".to_owned()), Ruling::Fail);
        let unknown = |ruling| (PolicySubject::Verdict(Verdict::Unknown), ruling);
        assert_eq!(
            outcome_of(&doubtful, std::slice::from_ref(&fails)),
            GateOutcome::Open
        );
        assert_eq!(
            outcome_of(&doubtful, &[fails.clone(), unknown(Ruling::Fail)]),
            GateOutcome::Broken
        );
        assert_eq!(
            outcome_of(&doubtful, &[fails, unknown(Ruling::Pass)]),
            GateOutcome::Passed
        );
    }

    #[test]
    fn a_waiver_covers_what_all_its_keys_fit() {
        let text = |text: &str| Some(text.to_owned());
        let range = |range: &str| range.parse().unwrap();
        for (waiver, is_covered) in [
            (waiver(), true),
            (
                Waiver {
                    package: "b".parse().unwrap(),
                    ..waiver()
                },
                false,
            ),
            (
                Waiver {
                    versions: range("<3"),
                    ..waiver()
                },
                true,
            ),
            (
                Waiver {
                    versions: range("<2"),
                    ..waiver()
                },
                false,
            ),
            (
                Waiver {
                    module: text(MODULE),
                    ..waiver()
                },
                true,
            ),
            (
                Waiver {
                    module: text("a.c"),
                    ..waiver()
                },
                false,
            ),
            (
                Waiver {
                    rule: text("declares"),
                    ..waiver()
                },
                true,
            ),
            (
                Waiver {
                    rule: text("style"),
                    ..waiver()
                },
                false,
            ),
            (
                Waiver {
                    target: text("3.14t"),
                    ..waiver()
                },
                true,
            ),
            (
                Waiver {
                    target: text("cp314t-linux-x86_64"),
                    ..waiver()
                },
                true,
            ),
            (
                Waiver {
                    target: text("3.15t"),
                    ..waiver()
                },
                false,
            ),
            (
                Waiver {
                    until: Some(today()),
                    ..waiver()
                },
                true,
            ),
            (
                Waiver {
                    until: Some("2026-11-20".parse().unwrap()),
                    ..waiver()
                },
                false,
            ),
        ] {
            let gate = decide(
                &gil(),
                &policy(&[], std::slice::from_ref(&waiver)),
                today(),
                None,
            );
            let expected = if is_covered {
                ViolationStanding::Waived(0)
            } else {
                ViolationStanding::Breaks
            };
            assert_eq!(gate.violations.len(), 1);
            assert_eq!(gate.violations[0].standing, expected, "{waiver:?}");
            assert_eq!(
                gate.outcome == GateOutcome::Passed,
                is_covered,
                "{waiver:?}"
            );
        }
    }

    #[test]
    fn idle_waivers_are_told_and_count_when_asked() {
        let ended = Waiver {
            until: Some("2020-01-01".parse().unwrap()),
            ..waiver()
        };
        let strict = [
            (PolicySubject::WaiverExpired, Ruling::Fail),
            (PolicySubject::WaiverUnused, Ruling::Open),
        ];
        let ready = report(Verdict::Ready, &[]);
        for (report, waiver, state, plain, strictly) in [
            (
                gil(),
                waiver(),
                WaiverState::Used(1),
                GateOutcome::Passed,
                GateOutcome::Passed,
            ),
            (
                gil(),
                ended.clone(),
                WaiverState::Expired(1),
                GateOutcome::Broken,
                GateOutcome::Broken,
            ),
            (
                ready.clone(),
                ended,
                WaiverState::Expired(0),
                GateOutcome::Passed,
                GateOutcome::Broken,
            ),
            (
                ready,
                waiver(),
                WaiverState::Unused,
                GateOutcome::Passed,
                GateOutcome::Open,
            ),
        ] {
            let waivers = std::slice::from_ref(&waiver);
            let gate = decide(&report, &policy(&[], waivers), today(), None);
            assert_eq!(
                (gate.waivers[0].state, gate.outcome),
                (state, plain),
                "{waiver:?}"
            );
            assert_eq!(
                decide(&report, &policy(&strict, waivers), today(), None).outcome,
                strictly,
                "{waiver:?}"
            );
        }
    }

    #[test]
    fn only_a_waiver_for_the_whole_package_covers_its_problems() {
        let unread = with_problem(report(Verdict::Unknown, &[]));
        let narrow = Waiver {
            target: Some("3.14t".to_owned()),
            ..waiver()
        };
        for (waiver, problem, outcome) in [
            (
                waiver(),
                Some(ViolationStanding::Waived(0)),
                GateOutcome::Passed,
            ),
            (narrow, Some(ViolationStanding::Open), GateOutcome::Open),
        ] {
            let gate = decide(&unread, &policy(&[], &[waiver]), today(), None);
            assert_eq!((gate.problems, gate.outcome), (vec![problem], outcome));
        }
    }

    #[test]
    fn only_what_got_worse_since_the_baseline_counts() {
        use GateOutcome::{Broken, Open, Passed};
        let strict = policy(
            &[(PolicySubject::Rule("style".to_owned()), Ruling::Fail)],
            &[],
        );
        let crash = || report(Verdict::Crash, &[("crashes", Some(Verdict::Crash))]);
        for (before, after, expected, [worse, better, different]) in [
            (report(Verdict::Ready, &[]), gil(), Broken, [1, 0, 0]),
            (gil(), gil(), Passed, [0, 0, 0]),
            (gil(), crash(), Broken, [1, 0, 0]),
            (
                crash(),
                report(Verdict::Gil, &[("declares", Some(Verdict::Gil))]),
                Passed,
                [0, 1, 0],
            ),
            (gil(), report(Verdict::Unknown, &[]), Passed, [0, 0, 1]),
            (
                report(Verdict::Unknown, &[]),
                report(Verdict::Gil, &[]),
                Broken,
                [1, 0, 0],
            ),
            (gil(), report(Verdict::Ready, &[]), Passed, [0, 1, 0]),
            (
                report(Verdict::Ready, &[]),
                report(Verdict::Unknown, &[]),
                Open,
                [1, 0, 0],
            ),
            (report(Verdict::Gil, &[]), gil(), Broken, [0, 0, 0]),
            (
                report(Verdict::Ready, &[]),
                with_problem(report(Verdict::Ready, &[])),
                Open,
                [0, 0, 0],
            ),
            (
                with_problem(report(Verdict::Unknown, &[])),
                with_problem(report(Verdict::Unknown, &[])),
                Passed,
                [0, 0, 0],
            ),
            (
                Report {
                    packages: vec![],
                    ..gil()
                },
                gil(),
                Broken,
                [1, 0, 0],
            ),
        ] {
            let gate = decide(&after, &strict, today(), Some(&snapshot(&before)));
            let changes = gate.changes.unwrap();
            assert_eq!(gate.outcome, expected, "{before:?} {after:?}");
            let counts = [
                changes.worse.len(),
                changes.better.len(),
                changes.different.len(),
            ];
            assert_eq!(counts, [worse, better, different], "{before:?} {after:?}");
        }
    }

    #[test]
    fn targets_that_the_baseline_lacks_are_named_and_count() {
        let earlier = Snapshot {
            targets: vec!["cp313t-linux-x86_64".to_owned()],
            ..Snapshot::default()
        };
        let gate = decide(&gil(), &Policy::default(), today(), Some(&earlier));
        assert_eq!(gate.outcome, GateOutcome::Broken);
        assert_eq!(
            gate.changes.unwrap().not_compared,
            ["cp313t-linux-x86_64", "cp314t-linux-x86_64"]
        );
    }
}
