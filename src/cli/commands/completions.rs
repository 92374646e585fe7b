//! `ungil completions`: what a shell needs to complete the command line.

use clap::CommandFactory;

use super::super::args::{Arguments, CompletionsArguments};
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::output;

/// Runs the command.
pub(crate) fn run(typed: &CompletionsArguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(typed.shell, &mut Arguments::command(), "ungil", &mut script);
    output::write(&script, None)?;
    Ok(Exit::Clean)
}
