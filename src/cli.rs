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

use args::{Arguments, Command};
use environment::Environment;
use error_page::Failure;
use exit::Exit;

/// Parses, runs, and says how it ended.
pub(crate) fn main() -> ExitCode {
    let environment = match Environment::of_this_process() {
        Ok(environment) => environment,
        Err(failure) => return failed(&failure),
    };
    let command = variables::heeded(Arguments::command().after_help(args::after_help()), &environment);
    let arguments = match command.try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => return parsing_ended(&error),
    };
    arguments.global.color.choice().write_global();
    match run(&arguments, &environment) {
        Ok(exit) => exit.into(),
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> ExitCode {
    error_page::show(failure);
    failure.exit().into()
}

fn run(arguments: &Arguments, environment: &Environment) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Scan(scan) => commands::scan::run(scan, &arguments.global, environment),
        Command::Gate(gate) => commands::gate::run(gate, &arguments.global, environment),
        Command::Diff(diff) => commands::diff::run(diff, &arguments.global, environment),
        Command::Plan(plan) => commands::plan::run(plan, &arguments.global, environment),
        Command::Inspect(inspect) => commands::inspect::run(inspect, &arguments.global, environment),
        Command::Dashboard(dashboard) => commands::dashboard::run(dashboard),
        Command::Rules(rules) => commands::rules::run(rules, environment),
        Command::Explain(explain) => commands::explain::run(explain, environment),
        Command::Completions(completions) => commands::completions::run(completions),
        Command::Man => commands::manual::run(),
    }
}

/// `--help` and `--version` end well, everything else is wrong usage.
fn parsing_ended(error: &clap::Error) -> ExitCode {
    // Where not even the error can be printed, the exit code has to do.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Clean.into() }
}
