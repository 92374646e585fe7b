//! `ungil gate`: judges as `scan` does, and holds what it finds to a policy.

use ungil::gate;
use ungil::model::finding::Level;
use ungil::model::gate::GateOutcome;
use ungil::model::policy::{Matter, Policy, Ruling};
use ungil::rules::RuleSet;
use ungil::scan::Hints;

use super::super::args::{GateArguments, GlobalArguments};
use super::super::environment::Environment;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::policy::{self, Known};
use super::super::saved_report;
use super::look::Look;
use super::scan::{self, Outputs};

/// Runs the command.
pub(crate) fn run(typed: &GateArguments, global: &GlobalArguments, environment: &Environment) -> Result<Exit, Failure> {
    let outputs = Outputs::settle(&typed.scan, environment)?;
    let mut look = Look::settle(&typed.scan.look, global, environment)?;
    let known = Known { rules: &look.rules.set, ids: &look.rules.ids };
    let policy = policy::settle(&typed.policy, &look.configuration, &known)?;
    let counts_hints = counts_hints(&policy, &look.rules.set);
    look.settings.hints = if counts_hints { Hints::Show } else { scan::hints(&typed.scan) };
    let baseline = typed.policy.baseline.clone().or_else(|| look.configuration.baseline());
    let baseline = baseline.map(|path| saved_report::read(&path)).transpose()?;
    let baseline = baseline.map(|report| report.snapshot()).transpose();
    let baseline = baseline.map_err(|error| Failure::hinted(error.hint(), error))?;
    let (report, rules) = scan::judge(look)?;
    let today = environment.today()?;
    let report = report.gate(|report| gate::decide(report, &policy, today, baseline.as_ref())).finish();
    let outcome = report.gate.as_ref().map_or(GateOutcome::Open, |gate| gate.outcome);
    let exit = if typed.policy.exit_zero { Exit::Clean } else { Exit::of_gate(outcome) };
    outputs.write(&report, &rules, global, environment)?;
    Ok(exit)
}

/// Whether the policy counts what a rule for maintainers finds, which is not looked for otherwise.
fn counts_hints(policy: &Policy, rules: &RuleSet) -> bool {
    let is_counted = |id: &str| policy.rulings.get(&Matter::Rule(id.to_owned())).is_some_and(|it| *it > Ruling::Pass);
    rules.rules().iter().any(|rule| rule.level == Level::Hint && is_counted(&rule.id))
}
