//! Front door of the library: how the stages meet for one run.

mod assembly;
mod describing;
mod distributions;
mod examination;
mod first_ready;
mod inspecting;
mod judging;
mod location;
mod observer;
mod obstacles;
mod other_build;
mod planning;
mod revision;
mod search;
mod session;
mod tracker;

use crate::archive::limits::Limits;
use crate::binary::Depth;
use crate::index::Index;
use crate::model::report::Report;
use crate::model::request::Requests;
use crate::model::target::Target;
use crate::resolve::{Dependencies, ResolveError};
use crate::rules::RuleSet;

use distributions::Distributions;
use session::Session;

pub use inspecting::{Explain, InspectError, InspectSettings, inspect};
pub use observer::{Event, Observer, Silent};
pub use planning::plan;

/// Whether rules for maintainers are evaluated too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hints {
    /// They are left out.
    #[default]
    Hide,
    /// They are reported.
    Show,
}

/// Settled settings of one scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What the packages are to run on.
    pub targets: Vec<Target>,
    /// Whether requirements of requirements are scanned.
    pub dependencies: Dependencies,
    /// Whether rules for maintainers are evaluated too.
    pub hints: Hints,
    /// How much of an archive is read.
    pub limits: Limits,
}

/// What ends a run before there is a report.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// No target has a set of packages.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
}

/// Scans all that is asked for, for every target.
pub fn run(
    settings: &Settings,
    requests: &Requests,
    index: Index,
    rules: &RuleSet,
    observer: &dyn Observer,
) -> Result<Report, ScanError> {
    let distributions = Distributions::new(index, settings.limits, depth(settings, rules));
    let session = Session { settings, distributions: &distributions, rules, observer };
    Ok(session.look(requests)?.report)
}

/// Few rules ask what the code shows, and reading all of it takes time.
fn depth(settings: &Settings, rules: &RuleSet) -> Depth {
    let asks_for_code = settings.hints == Hints::Show || rules.asks_for_code();
    if asks_for_code { Depth::Everything } else { Depth::Verdict }
}
