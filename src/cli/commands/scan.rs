//! `ungil scan`: judges everything that an installer would install, or did install.

use ungil::report::{FORMATS, RenderOptions};
use ungil::scan::{self, Hints, ScanError};

use super::super::args::{GlobalArguments, ScanArguments};
use super::super::environment::Environment;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::output;
use super::look::Look;

/// Runs the command.
pub(crate) fn run(typed: &ScanArguments, global: &GlobalArguments, environment: &Environment) -> Result<Exit, Failure> {
    let Look { mut settings, rules, inputs, index, progress } = Look::settle(&typed.look, global, environment)?;
    settings.hints = if typed.hints { Hints::Show } else { Hints::Hide };
    let report = scan::run(&settings, &inputs, index, &rules, &*progress).map_err(|error| match &error {
        ScanError::Target(target) => Failure::hinted(Some(target.hint()), error),
        ScanError::Resolve(_) => error.into(),
    })?;
    progress.end();
    let file = typed.output.output.as_deref();
    let options = RenderOptions {
        width: environment.width(),
        style: output::style(global, file),
        generated: typed.timestamp.then(|| environment.timestamp()),
    };
    let format = FORMATS.iter().find(|format| format.name == typed.format);
    let format = format.ok_or_else(|| Failure::new(format!("there is no format {}", typed.format)))?;
    output::write(&(format.render)(&report, &options)?, file)?;
    Ok(Exit::of_report(&report))
}
