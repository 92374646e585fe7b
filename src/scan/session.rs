//! One look at a whole set: resolved for every target, examined, judged. A plan looks several times, and what was read
//! once is not read again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::model::artifact::Artifact;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::report::{Report, TargetResult};
use crate::model::request::{Location, Request, Requests, Wanted};
use crate::model::resolution::{Choice, Chosen, RequiredBy, Resolution};
use crate::model::target::Target;
use crate::resolve::{self, Options, ResolveError};
use crate::rules::RuleSet;

use super::assembly::{self, Bytes, Judged};
use super::distributions::Distributions;
use super::judging::{self, Examinations, Found};
use super::observer::{Event, Observer};
use super::other_build;
use super::{ScanError, Settings};

/// Wheels that are looked into at the same time: most of that is waiting for a server.
const READERS: usize = 12;

/// What all looks of one run share.
#[derive(Clone, Copy)]
pub(super) struct Session<'a> {
    pub(super) settings: &'a Settings,
    pub(super) distributions: &'a Distributions,
    pub(super) rules: &'a RuleSet,
    pub(super) observer: &'a dyn Observer,
}

/// What one look shows.
pub(super) struct Seen {
    /// One for each target.
    pub(super) resolutions: Vec<Resolution>,
    pub(super) examinations: Examinations,
    pub(super) report: Report,
}

impl Session<'_> {
    pub(super) fn options(&self) -> Options {
        Options { dependencies: self.settings.dependencies, ..Options::default() }
    }

    /// Looks at what is asked for.
    pub(super) fn look(&self, requests: &Requests) -> Result<Seen, ScanError> {
        let resolutions = self.resolve_all(requests)?;
        Ok(self.look_at(requests, resolutions))
    }

    /// Looks at sets that were resolved already.
    pub(super) fn look_at(&self, requests: &Requests, resolutions: Vec<Resolution>) -> Seen {
        let examinations = self.examine_all(&resolutions);
        let release = |chosen: &Chosen| self.distributions.release(&chosen.name, chosen.version.as_ref());
        let found = Found { examinations: &examinations, other: None, release: &release };
        let judged = resolutions.iter().map(|resolution| {
            let mut results = judging::judge(resolution, found, self.rules, self.settings.hints);
            self.compare(requests, resolution, &mut results);
            Judged { resolution: resolution.clone(), results }
        });
        let index = self.distributions.index();
        let total = self.distributions.total_bytes(&examinations);
        let bytes = Bytes { fetched: index.traffic().file_bytes, total };
        let mut report = assembly::assemble(self.settings.targets.clone(), judged.collect(), &examinations, bytes);
        report.problems.extend(index.problems());
        report.summary.problems = report.problems.len();
        Seen { resolutions, examinations, report }
    }

    /// Notes what the build with the GIL would get, where that differs.
    fn compare(&self, requests: &Requests, resolution: &Resolution, results: &mut [TargetResult]) {
        let mut others = other_build::compare(requests, resolution, &self.options(), self.distributions);
        for (chosen, result) in resolution.packages.iter().zip(results) {
            result.other_build = others.remove(&chosen.name);
        }
    }

    /// One resolution for each target. A target whose requirements contradict each other becomes a problem, unless that
    /// is so for all of them and no lock file gives packages all the same.
    fn resolve_all(&self, requests: &Requests) -> Result<Vec<Resolution>, ScanError> {
        let targets = &self.settings.targets;
        let solved: Vec<Result<Resolution, ResolveError>> = std::thread::scope(|scope| {
            let solve = |target: &Target| {
                let target = *target;
                scope.spawn(move || self.resolve(requests, target))
            };
            let threads: Vec<_> = targets.iter().map(solve).collect();
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
            let mut resolution = resolve::resolve(&locked, *target, &self.options(), self.distributions)?;
            let Resolution { packages, problems, .. } = unsolved(*target, requests, &error);
            resolution.packages.extend(packages);
            resolution.problems.extend(problems);
            Ok(resolution)
        };
        Ok(targets.iter().zip(solved).map(settle).collect::<Result<Vec<Resolution>, ResolveError>>()?)
    }

    /// The set for one target.
    pub(super) fn resolve(&self, requests: &Requests, target: Target) -> Result<Resolution, ResolveError> {
        self.observer.notice(Event::Resolving { target });
        resolve::resolve(requests, target, &self.options(), self.distributions)
    }

    /// Looks into every wheel that any target gets, each once.
    fn examine_all(&self, resolutions: &[Resolution]) -> Examinations {
        let choices = resolutions.iter().flat_map(|resolution| &resolution.packages).map(|chosen| &chosen.choice);
        let wheels: BTreeMap<&Location, &Artifact> =
            choices.filter_map(judging::wheel).map(|artifact| (&artifact.location, artifact)).collect();
        let wheels: Vec<&Artifact> = wheels.into_values().collect();
        let done = AtomicUsize::new(0);
        let examinations = each(&wheels, |artifact| {
            let examination = self.distributions.examine(artifact);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.observer.notice(Event::Examined { filename: &artifact.filename, done, of: wheels.len() });
            (artifact.location.clone(), examination)
        });
        examinations.into_iter().collect()
    }
}

/// Works on several things at the same time; the results are in their order.
pub(super) fn each<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let worker = || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(number) else { break };
            let result = work(thing);
            results.lock().unwrap_or_else(PoisonError::into_inner).insert(number, result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..READERS.min(things.len()) {
            scope.spawn(worker);
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
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
