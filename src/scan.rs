//! Front door of the library: how the stages meet for one run.

mod assembly;
mod describing;
mod distributions;
mod examination;
mod inspecting;
mod installed;
mod judging;
mod location;
mod observer;
mod sets;
mod wheelhouse;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::archive::limits::Limits;
use crate::binary::Depth;
use crate::index::Index;
use crate::installed::Environment;
use crate::model::artifact::Artifact;
use crate::model::report::Report;
use crate::model::request::{Location, Requests};
use crate::model::resolution::{Choice, Chosen, Resolution};
use crate::model::target::Target;
use crate::resolve::{Dependencies, ResolveError};
use crate::rules::RuleSet;

use assembly::{Bytes, Judged};
use distributions::Distributions;
use judging::{Examinations, Found};
use sets::Sets;

pub use inspecting::{Explain, InspectError, InspectSettings, inspect};
pub use installed::{InstalledTargets, TargetError};
pub use observer::{Event, Observer, Silent};
pub use wheelhouse::Wheelhouse;

/// Wheels that are looked into at the same time: most of that is waiting for a server.
const READERS: usize = 12;

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
    /// What requested packages are to run on.
    pub targets: Vec<Target>,
    /// What installed packages are judged for.
    pub installed: InstalledTargets,
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
    /// For no environment it is known what it should be judged for.
    #[error(transparent)]
    Target(#[from] TargetError),
}

/// What a run looks at.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// What is to be resolved.
    pub requests: Requests,
    /// What is installed already.
    pub environments: Vec<Environment>,
    /// Folders of wheels, each of them a set of its own.
    pub wheelhouses: Vec<Wheelhouse>,
}

/// Packages of one origin, which is the requests, an environment or a folder of wheels: one set for each target.
type Origin = Vec<Resolution>;

/// Scans all that is asked for, for every target.
pub fn run(
    settings: &Settings,
    inputs: &Inputs,
    index: Index,
    rules: &RuleSet,
    observer: &dyn Observer,
) -> Result<Report, ScanError> {
    // Few rules ask what the code shows, and reading all of it takes time.
    let asks_for_code = settings.hints == Hints::Show || rules.asks_for_code();
    let depth = if asks_for_code { Depth::Everything } else { Depth::Verdict };
    let distributions = Distributions::new(index, settings.limits, depth);
    let sets = Sets { settings, distributions: &distributions, observer };
    let mut origins = Vec::new();
    // Where nothing else is named there is something to say even of requests that ask for nothing.
    let is_alone = inputs.environments.is_empty() && inputs.wheelhouses.is_empty();
    if is_alone || !(inputs.requests.requests.is_empty() && inputs.requests.locks.is_empty()) {
        origins.push(sets.resolve(&settings.targets, &inputs.requests)?);
    }
    for wheelhouse in &inputs.wheelhouses {
        origins.push(wheelhouse::resolve(wheelhouse, &inputs.requests.sources, &sets)?);
    }
    let stock = installed::take_stock(&inputs.environments, &inputs.requests.sources, &sets)?;
    origins.extend(stock.origins);
    let mut examinations = examine_all(&origins, &distributions, observer);
    examinations.extend(stock.examinations);
    let release = |chosen: &Chosen| distributions.release(&chosen.name, chosen.version.as_ref());
    let found = Found { examinations: &examinations, release: &release };
    let bytes =
        Bytes { fetched: distributions.index().traffic().file_bytes, total: distributions.total_bytes(&examinations) };
    let judge = |(origin, resolution): (usize, Resolution)| {
        let results = judging::judge(&resolution, found, rules, settings.hints);
        Judged { origin, resolution, results }
    };
    let resolutions = origins
        .into_iter()
        .enumerate()
        .flat_map(|(number, origin)| origin.into_iter().map(move |resolution| (number, resolution)));
    let mut report = assembly::assemble(resolutions.map(judge).collect(), &examinations, bytes);
    report.problems.extend(distributions.index().problems().into_iter().chain(stock.problems));
    report.summary.problems = report.problems.len();
    Ok(report)
}

/// Looks into every wheel that any target gets, each once.
fn examine_all(origins: &[Origin], distributions: &Distributions, observer: &dyn Observer) -> Examinations {
    let choices = origins.iter().flatten().flat_map(|resolution| &resolution.packages).map(|chosen| &chosen.choice);
    // What is installed is looked into where it is.
    let wheels = choices.filter(|choice| matches!(choice, Choice::Wheel { .. })).filter_map(judging::artifact);
    let wheels: BTreeMap<&Location, &Artifact> = wheels.map(|artifact| (&artifact.location, artifact)).collect();
    let wheels: Vec<&Artifact> = wheels.into_values().collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Examinations::new()));
    let work = || {
        while let Some(artifact) = wheels.get(next.fetch_add(1, Ordering::Relaxed)) {
            let examination = distributions.examine(artifact);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.insert(artifact.location.clone(), examination);
            observer.notice(Event::Examined { filename: &artifact.filename, done: found.len(), of: wheels.len() });
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..READERS.min(wheels.len()) {
            scope.spawn(work);
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}
