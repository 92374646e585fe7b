//! What `scan`, `gate` and `plan` share: what was typed is settled, the input is read, the index is made ready.

use std::sync::Arc;

use ungil::index::PackageIndex;
use ungil::input::{self, FilesOnDisk, InputError};
use ungil::scan::{self, PlanError, ScanError, ScanSubjects};

use super::super::args::{GlobalArguments, LookArguments};
use super::super::config_file::ConfigurationFile;
use super::super::environment::ProcessEnvironment;
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::progress::ProgressLine;
use super::super::rule_files::{self, SettledRules};
use super::super::{installed, settings, sources};

/// Everything that a look at a set needs.
pub(super) struct ScanInputs {
    pub(super) configuration: ConfigurationFile,
    pub(super) settings: scan::ScanSettings,
    pub(super) rules: SettledRules,
    pub(super) inputs: ScanSubjects,
    pub(super) index: PackageIndex,
    pub(super) progress: Arc<ProgressLine>,
}

impl ScanInputs {
    /// Settles what was typed, and reads the input.
    pub(super) fn open(
        typed: &LookArguments,
        global: &GlobalArguments,
        environment: &ProcessEnvironment,
    ) -> Result<ScanInputs, CliError> {
        let configuration = ConfigurationFile::find(&typed.config, environment)?;
        let settings = settings::look(typed, &configuration, environment)?;
        let rules = rule_files::load(&typed.rules, &configuration, environment)?;
        let installed::InstalledArguments {
            environments,
            wheelhouses,
            words,
        } = installed::open_named(typed, environment)?;
        let words = settings::typed(typed, words);
        let context = settings::input_context(typed, environment, &FilesOnDisk)?;
        let sources = sources::from_arguments(&typed.index, &configuration, environment)?;
        let requests = input::read(&words, sources.clone(), &context).map_err(unread)?;
        if let Some(trusted) = &typed.config.trusted_config {
            sources::refuse_others(&sources, &requests.sources, trusted)?;
        }
        let shows = environment.shows_progress() && !global.quiet;
        let progress = Arc::new(if shows {
            ProgressLine::shown()
        } else {
            ProgressLine::hidden()
        });
        let index = PackageIndex::new(
            settings::index(typed, &configuration, environment, &requests.sources)?,
            progress.clone(),
        )?;
        let inputs = ScanSubjects {
            requests,
            environments,
            wheelhouses,
        };
        Ok(ScanInputs {
            configuration,
            settings,
            rules,
            inputs,
            index,
            progress,
        })
    }
}

/// Why a run ended before there was anything to tell.
pub(super) fn failed(error: ScanError) -> CliError {
    let hint = match &error {
        ScanError::Target(target) => Some(target.hint()),
        ScanError::Plan(PlanError::Wheels) => Some("name the requirements that they were fetched for".to_owned()),
        ScanError::Plan(PlanError::Several) => Some("plan for each of them by itself".to_owned()),
        ScanError::Resolve(_) => None,
        ScanError::Unreachable(_) => Some(
            "is it up, and is the proxy right (HTTPS_PROXY)? `--timeout` waits longer, `--offline` uses what is in the cache"
                .to_owned(),
        ),
        ScanError::TooMany { .. } => Some("scan parts of it".to_owned()),
    };
    let exit = if matches!(error, ScanError::Unreachable(_)) {
        ExitOutcome::Unreachable
    } else {
        ExitOutcome::Usage
    };
    CliError::hinted(hint, error).exiting(exit)
}

/// What could not be read. A file in which nothing was found that could be judged is not wrong usage.
fn unread(error: InputError) -> CliError {
    let exit = if matches!(error, InputError::Unclaimed { .. }) {
        ExitOutcome::Open
    } else {
        ExitOutcome::Usage
    };
    CliError::hinted(error.hint(), error).exiting(exit)
}
