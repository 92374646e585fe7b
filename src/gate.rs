//! A report and a policy in, the policy's word out. Pure: the day is an argument.
//!
//! What counts is found first ([`counting`]): every finding by its rule or its verdict, and every verdict that no finding
//! is behind. Then waivers are laid over it ([`waiving`]), and then the baseline ([`compare`]). None of these hides
//! anything: what is waived or known stays in the gate with its standing, and so does a waiver that does nothing.

mod compare;
mod counting;
mod waiving;

use crate::model::date::Date;
use crate::model::gate::{Gate, GateOutcome, Standing, Violation, WaiverState, WaiverUse};
use crate::model::policy::{Matter, Policy, Ruling};
use crate::model::problem::Problem;
use crate::model::report::Report;
use crate::model::snapshot::Snapshot;

pub use compare::{changes, snapshot};
pub use counting::usual;

use counting::Counted;
use waiving::Waivers;

/// What the policy makes of a report on this day. What the baseline had already does not count.
pub fn decide(report: &Report, policy: &Policy, today: Date, baseline: Option<&Snapshot>) -> Gate {
    let mut waivers = Waivers::new(&policy.waivers, today);
    let settle = |counted: Counted| {
        let known = || baseline.is_some_and(|baseline| compare::had(baseline, &counted));
        let standing = match waivers.cover(&counted) {
            Some(waiver) => Standing::Waived(waiver),
            None if known() => Standing::Known,
            None => counted.violation.standing,
        };
        Violation { standing, ..counted.violation }
    };
    let violations: Vec<Violation> = counting::counted(report, policy).into_iter().map(settle).collect();
    let problem = |problem: &Problem| {
        let standing = counting::standing(counting::ruling(policy, &Matter::Problem))?;
        let known = || baseline.is_some_and(|baseline| compare::had_problem(baseline, problem));
        Some(match waivers.cover_problem(problem, report) {
            Some(waiver) => Standing::Waived(waiver),
            None if known() => Standing::Known,
            None => standing,
        })
    };
    let problems: Vec<Option<Standing>> = report.problems.iter().map(problem).collect();
    let waivers = waivers.uses();
    let changes = baseline.map(|baseline| changes(baseline, &snapshot(report)));
    let outcome = outcome(report, policy, &violations, &problems, &waivers);
    Gate { outcome, violations, problems, waivers, changes }
}

/// The worst of all that counts. A report in which nothing was judged must not look like good news.
fn outcome(
    report: &Report,
    policy: &Policy,
    violations: &[Violation],
    problems: &[Option<Standing>],
    waivers: &[WaiverUse],
) -> GateOutcome {
    let nothing_judged = report.packages.iter().all(|package| package.results.is_empty());
    let standings = violations.iter().map(|violation| violation.standing).chain(problems.iter().flatten().copied());
    let counting = standings.filter_map(|standing| match standing {
        Standing::Breaks => Some(GateOutcome::Broken),
        Standing::Open => Some(GateOutcome::Open),
        Standing::Waived(_) | Standing::Known => None,
    });
    let idle = waivers.iter().filter_map(|used| match used.state {
        WaiverState::Used(_) => None,
        WaiverState::Expired(_) => Some(counting::ruling(policy, &Matter::WaiverExpired)),
        WaiverState::Unused => Some(counting::ruling(policy, &Matter::WaiverUnused)),
    });
    let idle = idle.map(|ruling| match ruling {
        Ruling::Fail => GateOutcome::Broken,
        Ruling::Open => GateOutcome::Open,
        Ruling::Pass => GateOutcome::Passed,
    });
    let least = if nothing_judged { GateOutcome::Open } else { GateOutcome::Passed };
    counting.chain(idle).fold(least, GateOutcome::max)
}
