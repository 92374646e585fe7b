//! Exit codes: the one place that gives them, told to people in `docs/exit-codes.md` and in `--help`.

use std::process::ExitCode;

use ungil::model::gate::GateOutcome;
use ungil::model::inspection::Inspection;
use ungil::model::outcome::Gil;
use ungil::model::plan::Plan;
use ungil::model::report::Report;
use ungil::model::verdict::Verdict;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitOutcome {
    /// Everything was judged, and nothing speaks against it.
    Clean = 0,
    /// Something is not ready.
    NotReady = 1,
    /// There was no run.
    Usage = 2,
    /// Not everything could be judged.
    Open = 3,
    /// No index answered.
    Unreachable = 4,
}

/// What each code means.
pub(crate) const MEANINGS: &[(ExitOutcome, &str)] = &[
    (
        ExitOutcome::Clean,
        "everything was judged, and nothing speaks against it; of `gate`: the policy is kept",
    ),
    (
        ExitOutcome::NotReady,
        "something is not ready: gil, crash or blocked; of `gate`: the policy is broken",
    ),
    (
        ExitOutcome::Usage,
        "wrong usage, configuration or input: nothing was judged",
    ),
    (
        ExitOutcome::Open,
        "not everything could be judged (unknown, build, a problem), and nothing worse was found",
    ),
    (
        ExitOutcome::Unreachable,
        "no index, proxy or server answered: nothing was judged",
    ),
];

impl From<ExitOutcome> for ExitCode {
    fn from(exit: ExitOutcome) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl ExitOutcome {
    /// The code for a report. One without packages judged nothing, and must not look like good news.
    pub(crate) fn of_report(report: &Report) -> ExitOutcome {
        let worst = report
            .packages
            .iter()
            .flat_map(|package| &package.results)
            .map(|result| result.verdict)
            .max();
        match worst {
            Some(Verdict::Gil | Verdict::Crash | Verdict::Blocked) => ExitOutcome::NotReady,
            Some(Verdict::Unknown | Verdict::Build) | None => ExitOutcome::Open,
            Some(Verdict::Pure | Verdict::Ready | Verdict::PureFallback)
                if !report.problems.is_empty() =>
            {
                ExitOutcome::Open
            }
            Some(Verdict::Pure | Verdict::Ready | Verdict::PureFallback) => ExitOutcome::Clean,
        }
    }

    /// The code for a gate.
    pub(crate) fn of_gate(outcome: GateOutcome) -> ExitOutcome {
        match outcome {
            GateOutcome::Passed => ExitOutcome::Clean,
            GateOutcome::Broken => ExitOutcome::NotReady,
            GateOutcome::Open => ExitOutcome::Open,
        }
    }

    /// The code for a plan: that of the set as it will be.
    pub(crate) fn of_plan(plan: &Plan) -> ExitOutcome {
        let outlooks = || plan.steps.iter().flat_map(|step| &step.outlooks);
        let worst = outlooks().filter_map(|outlook| outlook.after.verdict).max();
        match worst {
            Some(Verdict::Gil | Verdict::Crash | Verdict::Blocked) => ExitOutcome::NotReady,
            Some(Verdict::Unknown | Verdict::Build) => ExitOutcome::Open,
            _ if plan.summary.packages == 0 || !plan.problems.is_empty() => ExitOutcome::Open,
            Some(Verdict::Pure | Verdict::Ready | Verdict::PureFallback) | None => {
                ExitOutcome::Clean
            }
        }
    }

    /// The code for an inspection. A file that a target does not look for says nothing against that target.
    pub(crate) fn of_inspection(inspection: &Inspection) -> ExitOutcome {
        let files = || {
            inspection
                .artifacts
                .iter()
                .flat_map(|artifact| &artifact.files)
        };
        let effects: Vec<Gil> = files()
            .flat_map(|file| &file.outcomes)
            .filter_map(|outcome| Some(outcome.outcome.as_ref()?.gil))
            .collect();
        // What is foreseen of a build is not known.
        let built = inspection
            .artifacts
            .iter()
            .any(|artifact| artifact.sources.is_some());
        let passed_by = files().any(|file| {
            file.outcomes
                .iter()
                .all(|outcome| outcome.outcome.is_none())
        });
        if effects
            .iter()
            .any(|gil| matches!(gil, Gil::Used | Gil::NotLoadable))
        {
            ExitOutcome::NotReady
        } else if built
            || passed_by
            || !inspection.problems.is_empty()
            || effects.iter().any(|gil| *gil != Gil::NotUsed)
        {
            ExitOutcome::Open
        } else {
            ExitOutcome::Clean
        }
    }
}

#[cfg(test)]
mod tests {
    use ungil::model::artifact::FileCheck;
    use ungil::model::problem::{Problem, ProblemKind};
    use ungil::model::report::{PackageReport, TargetResult};
    use ungil::model::target::Target;

    use super::*;

    fn report(verdicts: &[Verdict]) -> Report {
        let target = Target {
            python: "3.14t".parse().unwrap(),
            platform: "linux-x86_64".parse().unwrap(),
        };
        let results = verdicts.iter().map(|verdict| TargetResult {
            target,
            verdict: *verdict,
            reason: String::new(),
            declared_by: Vec::new(),
            artifact: None,
            file_check: FileCheck::Unread,
            not_in_lock: false,
            requires_python: None,
            build: None,
            other_build: None,
            left_out: Vec::new(),
            passed_over: Vec::new(),
            modules: Vec::new(),
            findings: Vec::new(),
        });
        let package = PackageReport {
            name: "a".parse().unwrap(),
            version: None,
            required_by: Vec::new(),
            results: results.collect(),
        };
        Report {
            packages: vec![package],
            ..Report::default()
        }
    }

    #[test]
    fn the_worst_decides() {
        use Verdict::{Blocked, Build, Crash, Gil, Pure, PureFallback, Ready, Unknown};
        for (verdicts, exit) in [
            (&[Pure, Ready, PureFallback][..], ExitOutcome::Clean),
            (&[Ready, Unknown], ExitOutcome::Open),
            (&[Build], ExitOutcome::Open),
            (&[Unknown, Gil, Pure], ExitOutcome::NotReady),
            (&[Crash], ExitOutcome::NotReady),
            (&[Build, Blocked], ExitOutcome::NotReady),
            (&[], ExitOutcome::Open),
        ] {
            assert_eq!(
                ExitOutcome::of_report(&report(verdicts)),
                exit,
                "{verdicts:?}"
            );
        }
    }

    #[test]
    fn a_problem_is_never_good_news() {
        let problem = Problem {
            kind: ProblemKind::Network,
            package: None,
            place: String::new(),
            message: String::new(),
        };
        let with = |verdict| Report {
            problems: vec![problem.clone()],
            ..report(&[verdict])
        };
        assert_eq!(
            ExitOutcome::of_report(&with(Verdict::Ready)),
            ExitOutcome::Open
        );
        assert_eq!(
            ExitOutcome::of_report(&with(Verdict::Gil)),
            ExitOutcome::NotReady
        );
        assert_eq!(
            ExitOutcome::of_inspection(&Inspection {
                problems: vec![problem],
                ..Inspection::default()
            }),
            ExitOutcome::Open
        );
    }

    #[test]
    fn every_code_has_its_meaning() {
        let codes: Vec<u8> = MEANINGS.iter().map(|(exit, _)| *exit as u8).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
    }
}
