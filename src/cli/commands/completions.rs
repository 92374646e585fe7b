//! `ungil completions`: what a shell needs to complete the command line.

use clap::CommandFactory;

use super::super::args::{CliArguments, CompletionsArguments};
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::output;

/// Runs the command.
pub(crate) fn run(typed: &CompletionsArguments) -> Result<ExitOutcome, CliError> {
    let mut script = Vec::new();
    clap_complete::generate(
        typed.shell,
        &mut CliArguments::command(),
        "ungil",
        &mut script,
    );
    output::write(&script, None)?;
    Ok(ExitOutcome::Clean)
}
