//! The command line: the only part that reads the environment and the clock, and that prints.
//!
//! In two steps: `args` is what was typed, `settings` is what that means on this machine.

mod args;
mod commands;
mod config_file;
mod destination;
mod environment;
mod error_page;
mod exit;
mod format_control;
mod index_settings;
mod installed;
mod output;
mod policy;
mod progress;
mod rule_files;
mod saved_report;
mod settings;
mod sources;
mod variables;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::{CliArguments, CliCommand};
use environment::ProcessEnvironment;
use error_page::CliError;
use exit::ExitOutcome;

/// Parses, runs, and says how it ended.
pub(crate) fn main() -> ExitCode {
    let environment = match ProcessEnvironment::of_this_process() {
        Ok(environment) => environment,
        Err(failure) => return failed(&failure),
    };
    let command = variables::heeded(
        CliArguments::command().after_help(args::after_help()),
        &environment,
    );
    let arguments = match command
        .try_get_matches()
        .and_then(|matches| CliArguments::from_arg_matches(&matches))
    {
        Ok(arguments) => arguments,
        Err(error) => return parsing_ended(&error),
    };
    arguments.global.color.choice().write_global();
    match run(&arguments, &environment) {
        Ok(exit) => exit.into(),
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &CliError) -> ExitCode {
    error_page::show(failure);
    failure.exit().into()
}

fn run(
    arguments: &CliArguments,
    environment: &ProcessEnvironment,
) -> Result<ExitOutcome, CliError> {
    match &arguments.command {
        CliCommand::Scan(scan) => commands::scan::run(scan, &arguments.global, environment),
        CliCommand::Gate(gate) => commands::gate::run(gate, &arguments.global, environment),
        CliCommand::Diff(diff) => commands::diff::run(diff, &arguments.global, environment),
        CliCommand::Plan(plan) => commands::plan::run(plan, &arguments.global, environment),
        CliCommand::Inspect(inspect) => {
            commands::inspect::run(inspect, &arguments.global, environment)
        }
        CliCommand::Dashboard(dashboard) => commands::dashboard::run(dashboard),
        CliCommand::Rules(rules) => commands::rules::run(rules, environment),
        CliCommand::Explain(explain) => commands::explain::run(explain, environment),
        CliCommand::Completions(completions) => commands::completions::run(completions),
        CliCommand::Man => commands::manual::run(),
    }
}

/// `--help` and `--version` end well, everything else is wrong usage.
fn parsing_ended(error: &clap::Error) -> ExitCode {
    // Where not even the error can be printed, the exit code has to do.
    let _ = error.print();
    if error.use_stderr() {
        ExitOutcome::Usage.into()
    } else {
        ExitOutcome::Clean.into()
    }
}
