//! `ungil inspect`: shows all that wheels, source distributions and compiled files say of themselves.

use ungil::archive::limits::ArchiveLimits;
use ungil::report::RenderOptions;
use ungil::scan::{self, ExplainMode, InspectSettings};

use super::super::args::{GlobalArguments, InspectArguments};
use super::super::config_file::ConfigurationFile;
use super::super::environment::ProcessEnvironment;
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::{output, settings};

/// Runs the command.
pub(crate) fn run(
    typed: &InspectArguments,
    global: &GlobalArguments,
    environment: &ProcessEnvironment,
) -> Result<ExitOutcome, CliError> {
    // Without targets, those that the files are for are taken: not those that the project around is for.
    let named = !typed.target.python.is_empty() || !typed.target.platform.is_empty();
    let targets = settings::targets(&typed.target, &ConfigurationFile::default(), environment);
    let (targets, source_targets) = if named {
        (targets?, Vec::new())
    } else {
        (Vec::new(), targets.unwrap_or_default())
    };
    let explain = if typed.explain {
        ExplainMode::Paths
    } else {
        ExplainMode::Results
    };
    let settings = InspectSettings {
        targets,
        source_targets,
        explain,
        limits: ArchiveLimits::default(),
    };
    let inspection = scan::inspect(&typed.files, &settings)?;
    let file = typed.output.output.as_deref();
    let options = RenderOptions {
        width: environment.width(),
        style: output::style(global, file),
        ..RenderOptions::default()
    };
    output::write(&(typed.format.render)(&inspection, &options)?, file)?;
    Ok(ExitOutcome::of_inspection(&inspection))
}
