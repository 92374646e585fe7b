//! One look at a whole set: resolved for every target, examined, judged. A plan looks several times, and what was read
//! once is not read again.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::model::artifact::Artifact;
use crate::model::name::{PackageName, VersionSpecifiers};
use crate::model::place::Location;
use crate::model::report::{Report, TargetResult};
use crate::model::request::Requests;
use crate::model::resolution::{Chosen, Resolution};
use crate::resolve::ResolveOptions;
use crate::rules::RuleSet;

use super::assembly::{self, ByteCounts, JudgedTarget, ReportBuilder};
use super::distributions::RunDistributions;
use super::examinations::ExaminationIndex;
use super::judging::{self, PackageFacts};
use super::observer::{ScanEvent, ScanObserver};
use super::other_build;
use super::sets::SetResolver;
use super::{OriginPackages, ScanError, ScanSettings};

/// Wheels that are looked into at the same time: most of that is waiting for a server.
const READERS: usize = 12;

/// What all looks of one run share.
#[derive(Clone, Copy)]
pub(super) struct ScanSession<'a> {
    pub(super) settings: &'a ScanSettings,
    pub(super) distributions: &'a RunDistributions,
    pub(super) rules: &'a RuleSet,
    pub(super) observer: &'a dyn ScanObserver,
    pub(super) builds: BuildReading,
}

/// Whether sdists are read for what a build would become of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BuildReading {
    Foresee,
    /// A search of other versions has better use for the requests.
    Leave,
}

/// What one look shows.
pub(super) struct ScannedSet {
    /// One for each target.
    pub(super) resolutions: Vec<Resolution>,
    pub(super) examinations: ExaminationIndex,
    pub(super) report: Report,
}

impl ScanSession<'_> {
    pub(super) fn options(&self) -> ResolveOptions {
        ResolveOptions {
            dependencies: self.settings.dependencies,
            ..ResolveOptions::default()
        }
    }

    pub(super) fn sets(&self) -> SetResolver<'_> {
        SetResolver {
            settings: self.settings,
            distributions: self.distributions,
            observer: self.observer,
        }
    }

    /// Looks at what is asked for.
    pub(super) fn look(&self, requests: &Requests) -> Result<ScannedSet, ScanError> {
        let resolutions = self.sets().resolve(&self.settings.targets, requests)?;
        Ok(self.look_at(requests, resolutions))
    }

    /// Looks at sets that were resolved already.
    pub(super) fn look_at(&self, requests: &Requests, resolutions: Vec<Resolution>) -> ScannedSet {
        let origins = [resolutions];
        let (report, examinations) = self.report(Some(requests), &origins, ExaminationIndex::new());
        let [resolutions] = origins;
        ScannedSet {
            resolutions,
            examinations,
            report: report.finish(),
        }
    }

    /// Judges the packages of these origins, of which the first is the requests, where there are some. What is in some
    /// files may be known already.
    pub(super) fn report(
        &self,
        requests: Option<&Requests>,
        origins: &[OriginPackages],
        known: ExaminationIndex,
    ) -> (ReportBuilder, ExaminationIndex) {
        let mut examinations = self.examine_all(origins);
        examinations.extend(known);
        let release = |chosen: &Chosen| {
            self.distributions
                .release(&chosen.name, chosen.version.as_ref())
        };
        let newest = |name: &PackageName, admitted: &VersionSpecifiers| {
            self.distributions.newest(name, admitted)
        };
        let found = PackageFacts {
            examinations: &examinations,
            other: None,
            release: &release,
            newest: &newest,
        };
        let sets = origins
            .iter()
            .enumerate()
            .flat_map(|(origin, sets)| sets.iter().map(move |set| (origin, set)));
        let judged = sets.map(|(origin, resolution)| {
            let mut results = judging::judge(resolution, found, self.rules, self.settings.hints);
            if let Some(requests) = requests.filter(|_| origin == 0) {
                self.compare(requests, resolution, &mut results);
            }
            JudgedTarget {
                origin,
                resolution: resolution.clone(),
                results,
            }
        });
        let index = self.distributions.index();
        let total = self.distributions.total_bytes(&examinations);
        let bytes = ByteCounts {
            fetched: index.traffic().file_bytes,
            total,
        };
        let report = assembly::assemble(judged.collect(), &examinations, bytes);
        let report = report.outages(&index.outages()).problems(index.problems());
        (report, examinations)
    }

    /// Notes what the build with the GIL would get, where that differs.
    fn compare(&self, requests: &Requests, resolution: &Resolution, results: &mut [TargetResult]) {
        let mut others =
            other_build::compare(requests, resolution, &self.options(), self.distributions);
        for (chosen, result) in resolution.packages.iter().zip(results) {
            result.other_build = others.remove(&chosen.name);
        }
    }

    /// Looks into every wheel and sdist that any target gets, each once.
    fn examine_all(&self, origins: &[OriginPackages]) -> ExaminationIndex {
        let choices = origins
            .iter()
            .flatten()
            .flat_map(|resolution| &resolution.packages)
            .map(|chosen| &chosen.choice);
        // What is installed is looked into where it is.
        let read = |artifact: &&Artifact| {
            self.builds == BuildReading::Foresee || !artifact.kind.is_source()
        };
        let files = choices
            .filter_map(judging::readable)
            .filter(read)
            .map(|artifact| (&artifact.location, artifact));
        let files: BTreeMap<&Location, &Artifact> = files.collect();
        let files: Vec<&Artifact> = files.into_values().collect();
        let done = AtomicUsize::new(0);
        let examinations = each(&files, |artifact| {
            let examination = self.distributions.examine(artifact);
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            self.observer.notice(ScanEvent::Examined {
                filename: &artifact.filename,
                done,
                of: files.len(),
            });
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
            let Some(thing) = things.get(number) else {
                break;
            };
            let result = work(thing);
            results
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(number, result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..READERS.min(things.len()) {
            scope.spawn(worker);
        }
    });
    results
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_values()
        .collect()
}
