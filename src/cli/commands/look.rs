//! What `scan`, `gate` and `plan` share: what was typed is settled, the input is read, the index is made ready.

use std::sync::Arc;

use ungil::index::Index;
use ungil::input::{self, FilesOnDisk, InputError};
use ungil::scan::{self, Inputs, PlanError, ScanError};

use super::super::args::{GlobalArguments, LookArguments};
use super::super::config_file::Configuration;
use super::super::environment::Environment;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::progress::Progress;
use super::super::rule_files::{self, Rules};
use super::super::{installed, settings, sources};

/// Everything that a look at a set needs.
pub(super) struct Look {
    pub(super) configuration: Configuration,
    pub(super) settings: scan::Settings,
    pub(super) rules: Rules,
    pub(super) inputs: Inputs,
    pub(super) index: Index,
    pub(super) progress: Arc<Progress>,
}

impl Look {
    /// Settles what was typed, and reads the input.
    pub(super) fn settle(
        typed: &LookArguments,
        global: &GlobalArguments,
        environment: &Environment,
    ) -> Result<Look, Failure> {
        let configuration = Configuration::find(&typed.config, environment)?;
        let settings = settings::look(typed, &configuration, environment)?;
        let rules = rule_files::settle(&typed.rules, &configuration, environment)?;
        let installed::Settled { environments, wheelhouses, words } = installed::settle(typed, environment)?;
        let words = settings::typed(typed, words);
        let context = settings::input_context(typed, environment, &FilesOnDisk)?;
        let sources = sources::settle(&typed.index, &configuration, environment)?;
        let requests = input::read(&words, sources.clone(), &context).map_err(unread)?;
        if let Some(trusted) = &typed.config.trusted_config {
            sources::refuse_others(&sources, &requests.sources, trusted)?;
        }
        let shows = environment.shows_progress() && !global.quiet;
        let progress = Arc::new(if shows { Progress::shown() } else { Progress::hidden() });
        let index =
            Index::new(settings::index(typed, &configuration, environment, &requests.sources)?, progress.clone())?;
        let inputs = Inputs { requests, environments, wheelhouses };
        Ok(Look { configuration, settings, rules, inputs, index, progress })
    }
}

/// Why a run ended before there was anything to tell.
pub(super) fn failed(error: ScanError) -> Failure {
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
    let exit = if matches!(error, ScanError::Unreachable(_)) { Exit::Unreachable } else { Exit::Usage };
    Failure::hinted(hint, error).exiting(exit)
}

/// What could not be read. A file in which nothing was found that could be judged is not wrong usage.
fn unread(error: InputError) -> Failure {
    let exit = if matches!(error, InputError::Unclaimed { .. }) { Exit::Open } else { Exit::Usage };
    Failure::hinted(error.hint(), error).exiting(exit)
}
