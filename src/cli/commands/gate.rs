//! `ungil gate`: judges as `scan` does, and holds what it finds to a policy.

use ungil::gate;
use ungil::model::finding::FindingLevel;
use ungil::model::gate::GateOutcome;
use ungil::model::policy::{Policy, PolicySubject, Ruling};
use ungil::rules::RuleSet;
use ungil::scan::HintMode;

use super::super::args::{GateArguments, GlobalArguments};
use super::super::environment::ProcessEnvironment;
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::policy::{self, KnownRules};
use super::super::saved_report;
use super::look::ScanInputs;
use super::scan::{self, ReportOutputs};

/// Runs the command.
pub(crate) fn run(
    typed: &GateArguments,
    global: &GlobalArguments,
    environment: &ProcessEnvironment,
) -> Result<ExitOutcome, CliError> {
    let outputs = ReportOutputs::from_arguments(&typed.scan, environment)?;
    let mut look = ScanInputs::open(&typed.scan.look, global, environment)?;
    let known = KnownRules {
        rules: &look.rules.set,
        ids: &look.rules.ids,
    };
    let policy = policy::from_arguments(&typed.policy, &look.configuration, &known)?;
    let counts_hints = counts_hints(&policy, &look.rules.set);
    look.settings.hints = if counts_hints {
        HintMode::Show
    } else {
        scan::hints(&typed.scan)
    };
    let baseline = typed
        .policy
        .baseline
        .clone()
        .or_else(|| look.configuration.baseline());
    let baseline = baseline.map(|path| saved_report::read(&path)).transpose()?;
    let baseline = baseline.map(|report| report.snapshot()).transpose();
    let baseline = baseline.map_err(|error| CliError::hinted(error.hint(), error))?;
    let (report, rules) = scan::judge(look)?;
    let today = environment.today()?;
    let report = report
        .gate(|report| gate::decide(report, &policy, today, baseline.as_ref()))
        .finish();
    let outcome = report
        .gate
        .as_ref()
        .map_or(GateOutcome::Open, |gate| gate.outcome);
    let exit = if typed.policy.exit_zero {
        ExitOutcome::Clean
    } else {
        ExitOutcome::of_gate(outcome)
    };
    outputs.write(&report, &rules, global, environment)?;
    Ok(exit)
}

/// Whether the policy counts what a rule for maintainers finds, which is not looked for otherwise.
fn counts_hints(policy: &Policy, rules: &RuleSet) -> bool {
    let is_counted = |id: &str| {
        policy
            .rulings
            .get(&PolicySubject::Rule(id.to_owned()))
            .is_some_and(|it| *it > Ruling::Pass)
    };
    rules
        .rules()
        .iter()
        .any(|rule| rule.level == FindingLevel::Hint && is_counted(&rule.id))
}
