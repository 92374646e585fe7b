//! The sets of packages that requests resolve to, one for each target.

use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::{Request, Requests, WantedPackage};
use crate::model::resolution::{Choice, Chosen, RequiredBy, Resolution};
use crate::model::target::Target;
use crate::resolve::{self, PackageCatalog, ResolveError, ResolveOptions};

use super::distributions::RunDistributions;
use super::{ScanEvent, ScanObserver, ScanSettings};

/// What resolving needs, the same for the whole run.
#[derive(Clone, Copy)]
pub(super) struct SetResolver<'a> {
    pub(super) settings: &'a ScanSettings,
    pub(super) distributions: &'a RunDistributions,
    pub(super) observer: &'a dyn ScanObserver,
}

impl SetResolver<'_> {
    /// One set for each target, of files that the index has. A target whose requirements contradict each other becomes a
    /// problem, unless that is so for all of them and no lock file gives packages all the same.
    pub(super) fn resolve(
        &self,
        targets: &[Target],
        requests: &Requests,
    ) -> Result<Vec<Resolution>, ResolveError> {
        self.resolve_with(self.distributions, targets, requests)
    }

    /// The same, of files that another catalog has.
    pub(super) fn resolve_with(
        &self,
        catalog: &dyn PackageCatalog,
        targets: &[Target],
        requests: &Requests,
    ) -> Result<Vec<Resolution>, ResolveError> {
        let options = ResolveOptions {
            dependencies: self.settings.dependencies,
            ..ResolveOptions::default()
        };
        let solve = |target: Target| {
            self.observer.notice(ScanEvent::Resolving { target });
            resolve::resolve(requests, target, &options, catalog)
        };
        let solved: Vec<Result<Resolution, ResolveError>> = std::thread::scope(|scope| {
            let threads: Vec<_> = targets
                .iter()
                .map(|target| scope.spawn(move || solve(*target)))
                .collect();
            let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
                thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().map(join).collect()
        });
        if requests.locks.is_empty()
            && solved.iter().all(Result::is_err)
            && let Some(error) = solved
                .iter()
                .find_map(|solved| solved.as_ref().err().cloned())
        {
            return Err(error);
        }
        let settle = |(target, solved): (&Target, Result<Resolution, ResolveError>)| {
            let Err(error) = solved else { return solved };
            // What lock files pin does not depend on what could not be solved beside them.
            let locked = Requests {
                requests: Vec::new(),
                constraints: Vec::new(),
                ..requests.clone()
            };
            let mut resolution = resolve::resolve(&locked, *target, &options, catalog)?;
            let Resolution {
                packages, problems, ..
            } = unsolved(*target, requests, &error);
            resolution.packages.extend(packages);
            resolution.problems.extend(problems);
            Ok(resolution)
        };
        targets.iter().zip(solved).map(settle).collect()
    }
}

/// What is left to say when no set of versions fits one of several targets.
fn unsolved(target: Target, requests: &Requests, error: &ResolveError) -> Resolution {
    let chosen = |request: &Request| match &request.wanted {
        WantedPackage::Named(requirement) => Some(Chosen {
            name: requirement.name.clone(),
            version: None,
            extras: requirement.extras.clone(),
            required_by: vec![RequiredBy {
                place: request.place.clone(),
                path: Vec::new(),
            }],
            choice: Choice::Unknown {
                why: format!("no set of versions satisfies all requirements on {target}"),
            },
            not_in_lock: false,
        }),
        WantedPackage::Unnamed { .. } => None,
    };
    let problem = Problem {
        kind: ProblemKind::Resolution,
        package: None,
        place: target.to_string(),
        message: error.to_string(),
    };
    let packages = requests.requests.iter().filter_map(chosen).collect();
    Resolution {
        target,
        packages,
        excluded: Vec::new(),
        problems: vec![problem],
    }
}
