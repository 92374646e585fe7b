//! `ungil scan`: judges everything that an installer would install.

use ungil::report::{FORMATS, RenderOptions};
use ungil::scan;

use super::super::args::{GlobalArguments, ScanArguments};
use super::super::environment::Environment;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::progress::Progress;
use super::super::{output, settings};

/// Runs the command.
pub(crate) fn run(typed: &ScanArguments, global: &GlobalArguments, environment: &Environment) -> Result<Exit, Failure> {
    let settings = settings::scan(typed, environment)?;
    let requests = scan::requests(&settings::inputs(typed, environment)?)?;
    let progress = if environment.shows_progress() && !global.quiet { Progress::shown() } else { Progress::hidden() };
    let report = scan::run(&settings, &requests, &progress)?;
    drop(progress);
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
