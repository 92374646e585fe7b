//! Front door of the library: how the stages meet for one run.

mod assembly;
mod describing;
mod distributions;
mod examination;
mod inspecting;
mod judging;
mod location;
mod observer;
mod sources;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::archive::limits::Limits;
use crate::binary::Depth;
use crate::index::Index;
use crate::model::artifact::Artifact;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::report::Report;
use crate::model::request::{Location, Request, Requests, Wanted};
use crate::model::resolution::{Choice, Chosen, RequiredBy, Resolution};
use crate::model::target::Target;
use crate::resolve::{self, Dependencies, Options, ResolveError};
use crate::rules::RuleSet;

use assembly::{Bytes, Judged};
use distributions::Distributions;
use judging::{Examinations, Found};

pub use inspecting::{Explain, InspectError, InspectSettings, inspect};
pub use observer::{Event, Observer, Silent};

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
    // Few rules ask what the code shows, and reading all of it takes time.
    let asks_for_code = settings.hints == Hints::Show || rules.asks_for_code();
    let depth = if asks_for_code { Depth::Everything } else { Depth::Verdict };
    let distributions = Distributions::new(index, settings.limits, depth);
    let resolutions = resolve_all(settings, requests, &distributions, observer)?;
    let examinations = examine_all(&resolutions, &distributions, observer);
    let release = |chosen: &Chosen| distributions.release(&chosen.name, chosen.version.as_ref());
    let found = Found { examinations: &examinations, release: &release };
    let judged = resolutions.into_iter().map(|resolution| {
        let results = judging::judge(&resolution, found, rules, settings.hints);
        Judged { resolution, results }
    });
    let bytes =
        Bytes { fetched: distributions.index().traffic().file_bytes, total: distributions.total_bytes(&examinations) };
    let mut report = assembly::assemble(settings.targets.clone(), judged.collect(), &examinations, bytes);
    report.problems.extend(distributions.index().problems());
    report.summary.problems = report.problems.len();
    Ok(report)
}

/// One resolution for each target. A target whose requirements contradict each other becomes a problem, unless that is
/// so for all of them and no lock file gives packages all the same.
fn resolve_all(
    settings: &Settings,
    requests: &Requests,
    distributions: &Distributions,
    observer: &dyn Observer,
) -> Result<Vec<Resolution>, ScanError> {
    let options = Options { dependencies: settings.dependencies, ..Options::default() };
    let solve = |target: Target| {
        observer.notice(Event::Resolving { target });
        resolve::resolve(requests, target, &options, distributions)
    };
    let solved: Vec<Result<Resolution, ResolveError>> = std::thread::scope(|scope| {
        let threads: Vec<_> = settings.targets.iter().map(|target| scope.spawn(move || solve(*target))).collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().map(join).collect()
    });
    if requests.locks.is_empty()
        && solved.iter().all(Result::is_err)
        && let Some(error) = solved.iter().find_map(|solved| solved.as_ref().err().cloned())
    {
        return Err(error.into());
    }
    let settle = |(target, solved): (&Target, Result<Resolution, ResolveError>)| {
        let Err(error) = solved else { return solved };
        // What lock files pin does not depend on what could not be solved beside them.
        let locked =
            Requests { locks: requests.locks.clone(), sources: requests.sources.clone(), ..Requests::default() };
        let mut resolution = resolve::resolve(&locked, *target, &options, distributions)?;
        let Resolution { packages, problems, .. } = unsolved(*target, requests, &error);
        resolution.packages.extend(packages);
        resolution.problems.extend(problems);
        Ok(resolution)
    };
    Ok(settings.targets.iter().zip(solved).map(settle).collect::<Result<Vec<Resolution>, ResolveError>>()?)
}

/// What is left to say when no set of versions fits one of several targets.
fn unsolved(target: Target, requests: &Requests, error: &ResolveError) -> Resolution {
    let chosen = |request: &Request| match &request.wanted {
        Wanted::Named(requirement) => Some(Chosen {
            name: requirement.name.clone(),
            version: None,
            extras: requirement.extras.clone(),
            required_by: vec![RequiredBy { place: request.place.clone(), path: Vec::new() }],
            choice: Choice::Unknown { why: format!("no set of versions satisfies all requirements on {target}") },
        }),
        Wanted::Unnamed { .. } => None,
    };
    let problem =
        Problem { kind: ProblemKind::Resolution, package: None, place: target.to_string(), message: error.to_string() };
    let packages = requests.requests.iter().filter_map(chosen).collect();
    Resolution { target, packages, problems: vec![problem] }
}

/// Looks into every wheel and sdist that any target gets, each once.
fn examine_all(resolutions: &[Resolution], distributions: &Distributions, observer: &dyn Observer) -> Examinations {
    let choices = resolutions.iter().flat_map(|resolution| &resolution.packages).map(|chosen| &chosen.choice);
    let files: BTreeMap<&Location, &Artifact> =
        choices.filter_map(judging::readable).map(|artifact| (&artifact.location, artifact)).collect();
    let files: Vec<&Artifact> = files.into_values().collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Examinations::new()));
    let work = || {
        while let Some(artifact) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let examination = distributions.examine(artifact);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.insert(artifact.location.clone(), examination);
            observer.notice(Event::Examined { filename: &artifact.filename, done: found.len(), of: files.len() });
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..READERS.min(files.len()) {
            scope.spawn(work);
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}
