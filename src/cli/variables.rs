//! Variables that stand for options where these are not typed: `UNGIL_` and the option's name, for every option that has a
//! key in the configuration file.
//!
//! `UNGIL_RULES`, `UNGIL_EXTRA_INDEX_URL` and `UNGIL_FIND_LINKS` list places, separated by blanks as pip has it; they are
//! looked up where these are settled.

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, Command};

use super::environment::ProcessEnvironment;

/// Options and their variables.
const VARIABLES: &[(&str, &str)] = &[
    ("python", "UNGIL_PYTHON"),
    ("platform", "UNGIL_PLATFORM"),
    ("disable", "UNGIL_DISABLE"),
    ("level", "UNGIL_LEVEL"),
    ("fail", "UNGIL_FAIL"),
    ("open", "UNGIL_OPEN"),
    ("pass", "UNGIL_PASS"),
    ("baseline", "UNGIL_BASELINE"),
    ("exit-zero", "UNGIL_EXIT_ZERO"),
    ("index-url", "UNGIL_INDEX_URL"),
    ("no-index", "UNGIL_NO_INDEX"),
    ("only-binary", "UNGIL_ONLY_BINARY"),
    ("no-binary", "UNGIL_NO_BINARY"),
    ("pre", "UNGIL_PRE"),
    ("verify-hashes", "UNGIL_VERIFY_HASHES"),
    ("timeout", "UNGIL_TIMEOUT"),
    ("least-rate", "UNGIL_LEAST_RATE"),
    ("longest-answer", "UNGIL_LONGEST_ANSWER"),
    ("memory", "UNGIL_MEMORY"),
];

/// Commands that heed them: those that follow the configuration file.
const COMMANDS: [&str; 5] = ["scan", "gate", "plan", "rules", "explain"];

/// The command, heeding those variables that say something.
pub(crate) fn heeded(command: Command, environment: &ProcessEnvironment) -> Command {
    COMMANDS.iter().fold(command, |command, name| {
        command.mut_subcommand(name, |subcommand| {
            subcommand.mut_args(|argument| stood_for(argument, environment))
        })
    })
}

fn stood_for(argument: Arg, environment: &ProcessEnvironment) -> Arg {
    let found = VARIABLES
        .iter()
        .find(|(option, _)| argument.get_long() == Some(option));
    let says = |variable: &str| {
        environment
            .variables
            .get(variable)
            .is_some_and(|value| !value.trim().is_empty())
    };
    let Some((_, variable)) = found.filter(|(_, variable)| says(variable)) else {
        return argument;
    };
    let argument = argument.env(variable).hide_env(true);
    match argument.get_action() {
        ArgAction::Append => argument.value_delimiter(','),
        ArgAction::SetTrue => argument.value_parser(BoolishValueParser::new()),
        _ => argument,
    }
}
