//! `ungil scan`: judges everything that an installer would install, or did install.

use std::sync::Arc;

use ungil::index::Index;
use ungil::input::{self, FilesOnDisk, InputError};
use ungil::report::{FORMATS, RenderOptions};
use ungil::scan::{self, Inputs, ScanError};

use super::super::args::{GlobalArguments, ScanArguments};
use super::super::config_file::Configuration;
use super::super::environment::Environment;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::progress::Progress;
use super::super::{installed, output, rule_files, settings};

/// Runs the command.
pub(crate) fn run(typed: &ScanArguments, global: &GlobalArguments, environment: &Environment) -> Result<Exit, Failure> {
    let configuration = Configuration::find(&typed.config, environment)?;
    let settings = settings::scan(typed, &configuration, environment)?;
    let rules = rule_files::settle(&typed.rules, &configuration, environment)?;
    let installed::Settled { environments, wheelhouses, words } = installed::settle(typed, environment)?;
    let words = settings::typed(typed, words);
    let context = settings::input_context(typed, environment, &FilesOnDisk)?;
    let requests = input::read(&words, settings::sources(&typed.index, environment)?, &context).map_err(unread)?;
    let shows = environment.shows_progress() && !global.quiet;
    let progress = Arc::new(if shows { Progress::shown() } else { Progress::hidden() });
    let index = Index::new(settings::index(typed, environment, &requests.sources)?, progress.clone())?;
    let inputs = Inputs { requests, environments, wheelhouses };
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

/// What could not be read. A file in which nothing was found that could be judged is not wrong usage.
fn unread(error: InputError) -> Failure {
    let exit = if matches!(error, InputError::Unclaimed { .. }) { Exit::Open } else { Exit::Usage };
    Failure::hinted(error.hint(), error).exiting(exit)
}
