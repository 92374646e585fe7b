//! `ungil scan`: judges everything that an installer would install, or did install.

use std::sync::Arc;

use ungil::index::Index;
use ungil::input::{self, FilesOnDisk, InputError};
use ungil::model::report::Report;
use ungil::report::RenderOptions;
use ungil::scan::{self, Inputs, ScanError};

use super::super::args::{GlobalArguments, ScanArguments};
use super::super::config_file::Configuration;
use super::super::destination::{self, Destination};
use super::super::environment::Environment;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::progress::Progress;
use super::super::rule_files::{self, Rules};
use super::super::{installed, output, settings, sources};

/// Runs the command.
pub(crate) fn run(typed: &ScanArguments, global: &GlobalArguments, environment: &Environment) -> Result<Exit, Failure> {
    let job = Job::prepare(typed, environment)?;
    let report = job.scan(typed, global, environment)?;
    job.deliver(&report, typed, global, environment)?;
    Ok(Exit::of_report(&report))
}

/// A scan, settled and ready to start.
pub(super) struct Job {
    /// The configuration file.
    pub(super) configuration: Configuration,
    /// Settings of the scan.
    pub(super) settings: scan::Settings,
    /// The rules.
    pub(super) rules: Rules,
    destinations: Vec<Destination>,
}

impl Job {
    /// Settles what was typed, and finds out whether its outputs can be written.
    pub(super) fn prepare(typed: &ScanArguments, environment: &Environment) -> Result<Job, Failure> {
        let configuration = Configuration::find(&typed.config, environment)?;
        let settings = settings::scan(typed, &configuration, environment)?;
        let destinations = destination::settle(typed.format.as_deref(), &typed.output, &environment.directory)?;
        for file in destinations.iter().filter_map(|destination| destination.file.as_deref()) {
            output::check(file)?;
        }
        let rules = rule_files::settle(&typed.rules, &configuration, environment)?;
        Ok(Job { configuration, settings, rules, destinations })
    }

    /// Reads the input and judges it.
    pub(super) fn scan(
        &self,
        typed: &ScanArguments,
        global: &GlobalArguments,
        environment: &Environment,
    ) -> Result<Report, Failure> {
        let installed::Settled { environments, wheelhouses, words } = installed::settle(typed, environment)?;
        let words = settings::typed(typed, words);
        let context = settings::input_context(typed, environment, &FilesOnDisk)?;
        let sources = sources::settle(&typed.index, &self.configuration, environment)?;
        let requests = input::read(&words, sources, &context).map_err(unread)?;
        let shows = environment.shows_progress() && !global.quiet;
        let progress = Arc::new(if shows { Progress::shown() } else { Progress::hidden() });
        let index = Index::new(settings::index(typed, environment, &requests.sources)?, progress.clone())?;
        let inputs = Inputs { requests, environments, wheelhouses };
        let report = scan::run(&self.settings, &inputs, index, &self.rules.set, &*progress);
        let report = report.map_err(|error| match &error {
            ScanError::Target(target) => Failure::hinted(Some(target.hint()), error),
            ScanError::Resolve(_) => error.into(),
        })?;
        progress.end();
        Ok(Report { configuration: self.configuration.file(), ..report })
    }

    /// Writes all outputs.
    pub(super) fn deliver(
        &self,
        report: &Report,
        typed: &ScanArguments,
        global: &GlobalArguments,
        environment: &Environment,
    ) -> Result<(), Failure> {
        let pages = rule_files::pages(&self.rules.set);
        let mut written = Vec::new();
        for destination in &self.destinations {
            let options = RenderOptions {
                width: environment.width(),
                style: output::style(global, destination.file.as_deref()),
                generated: typed.timestamp.then(|| environment.timestamp()),
                rules: pages.clone(),
                folder: Some(environment.directory.clone()),
            };
            written.push(((destination.format.render)(report, &options)?, destination.file.as_deref()));
        }
        // Only when all of them are made is any of them written, files first: standard output may break off.
        written.sort_by_key(|(_, file)| file.is_none());
        for (bytes, file) in written {
            output::write(&bytes, file)?;
        }
        Ok(())
    }
}

/// What could not be read. A file in which nothing was found that could be judged is not wrong usage.
fn unread(error: InputError) -> Failure {
    let exit = if matches!(error, InputError::Unclaimed { .. }) { Exit::Open } else { Exit::Usage };
    Failure::hinted(error.hint(), error).exiting(exit)
}
