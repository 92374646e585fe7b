//! `ungil scan`: judges everything that an installer would install, or did install.

use ungil::report::RenderOptions;
use ungil::scan::{self, Hints, ScanError};

use super::super::args::{GlobalArguments, ScanArguments};
use super::super::environment::Environment;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::{destination, output, rule_files};
use super::look::Look;

/// Runs the command.
pub(crate) fn run(typed: &ScanArguments, global: &GlobalArguments, environment: &Environment) -> Result<Exit, Failure> {
    let destinations = destination::settle(typed.format.as_deref(), &typed.output, &environment.directory)?;
    for file in destinations.iter().filter_map(|destination| destination.file.as_deref()) {
        output::check(file)?;
    }
    let Look { mut settings, rules, inputs, index, progress } = Look::settle(&typed.look, global, environment)?;
    settings.hints = if typed.hints { Hints::Show } else { Hints::Hide };
    let report = scan::run(&settings, &inputs, index, &rules, &*progress).map_err(|error| match &error {
        ScanError::Target(target) => Failure::hinted(Some(target.hint()), error),
        ScanError::Resolve(_) => error.into(),
    })?;
    progress.end();
    let pages = rule_files::pages(&rules);
    let mut written = Vec::new();
    for destination in &destinations {
        let options = RenderOptions {
            width: environment.width(),
            style: output::style(global, destination.file.as_deref()),
            generated: typed.timestamp.then(|| environment.timestamp()),
            rules: pages.clone(),
            folder: Some(environment.directory.clone()),
        };
        written.push(((destination.format.render)(&report, &options)?, destination.file.as_deref()));
    }
    // Only when all of them are made is any of them written, files first: standard output may break off.
    written.sort_by_key(|(_, file)| file.is_none());
    for (bytes, file) in written {
        output::write(&bytes, file)?;
    }
    Ok(Exit::of_report(&report))
}
