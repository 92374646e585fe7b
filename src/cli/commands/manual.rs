//! `ungil man`: the manual page, of all commands one after the other.

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::super::args::CliArguments;
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::{args, output};

/// Runs the command.
pub(crate) fn run() -> Result<ExitOutcome, CliError> {
    let mut command = CliArguments::command().after_help(args::after_help());
    command.build();
    let mut page = Vec::new();
    let written = write(&command, &mut page);
    written
        .map_err(|error| CliError::new(format!("the manual page could not be written: {error}")))?;
    output::write(&page, None)?;
    Ok(ExitOutcome::Clean)
}

/// A whole page for the command, then a chapter for each of its commands.
fn write(command: &Command, page: &mut Vec<u8>) -> std::io::Result<()> {
    Man::new(command.clone()).render(page)?;
    for part in command
        .get_subcommands()
        .filter(|part| part.get_name() != "help")
    {
        let name = part
            .get_bin_name()
            .unwrap_or(part.get_name())
            .to_uppercase();
        let chapter = Man::new(part.clone());
        page.extend_from_slice(format!(".SH \"{name}\"\n").as_bytes());
        let mut text = Vec::new();
        chapter.render_synopsis_section(&mut text)?;
        chapter.render_description_section(&mut text)?;
        chapter.render_options_section(&mut text)?;
        // Below a chapter its sections are parts of it.
        page.extend_from_slice(
            String::from_utf8_lossy(&text)
                .replace(".SH ", ".SS ")
                .as_bytes(),
        );
    }
    Ok(())
}
