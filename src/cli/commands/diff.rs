//! `ungil diff`: tells what changed between two saved reports.

use std::path::Path;

use ungil::gate;
use ungil::model::snapshot::{ReportDifference, Snapshot};
use ungil::report::RenderOptions;

use super::super::args::{DiffArguments, GlobalArguments};
use super::super::environment::ProcessEnvironment;
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::{output, saved_report};

/// Runs the command.
pub(crate) fn run(
    typed: &DiffArguments,
    global: &GlobalArguments,
    environment: &ProcessEnvironment,
) -> Result<ExitOutcome, CliError> {
    let changes = gate::changes(&snapshot(&typed.before)?, &snapshot(&typed.after)?);
    let name = |path: &Path| path.display().to_string();
    let difference = ReportDifference {
        before: name(&typed.before),
        after: name(&typed.after),
        changes,
    };
    let file = typed.output.output.as_deref();
    let options = RenderOptions {
        width: environment.width(),
        style: output::style(global, file),
        ..RenderOptions::default()
    };
    output::write(&(typed.format.render)(&difference, &options)?, file)?;
    Ok(ExitOutcome::Clean)
}

fn snapshot(path: &Path) -> Result<Snapshot, CliError> {
    saved_report::read(path)?
        .snapshot()
        .map_err(|error| CliError::hinted(error.hint(), error))
}
