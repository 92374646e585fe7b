//! The way forward: looks at the set, has `plan` search a better one, and tells what of it is worth knowing beside.

mod asking;
mod first_ready;
mod foreseeing;
mod tracker;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use crate::index::PackageIndex;
use crate::model::digest::{Algorithm, Digest};
use crate::model::name::{PackageName, Version};
use crate::model::plan::{ForeseenBuild, Plan};
use crate::model::request::Requests;
use crate::model::target::Target;
use crate::model::verdict::Verdict;
use crate::plan::world::{NotReady, RequirementMode};
use crate::plan::{self, JudgedSet, PlanInputs, PlanSearchResult};
use crate::resolve::PackageCatalog;
use crate::rules::RuleSet;

use super::distributions::RunDistributions;
use super::examinations::ExaminationIndex;
use super::judging;
use super::pinned_digests::PinnedDigests;
use super::session::{BuildReading, ScanSession};
use super::{ScanError, ScanObserver, ScanSettings, ScanSubjects};

use asking::PlanRequest;
use first_ready::affordable_sdists;
use foreseeing::ToBuild;
use world::IndexWorld;

/// Plans how all that is asked for gets ready, for every target.
pub fn plan(
    settings: &ScanSettings,
    inputs: &ScanSubjects,
    index: PackageIndex,
    rules: &RuleSet,
    observer: &dyn ScanObserver,
) -> Result<Plan, ScanError> {
    let PlanRequest {
        settings,
        mut requests,
        apart,
    } = asking::asked(settings, inputs)?;
    super::check_size(&requests, settings.limits)?;
    let pinned = PinnedDigests::of(&inputs.requests, settings.digests);
    let distributions =
        RunDistributions::new(index, settings.limits, super::depth(&settings, rules))
            .held_to(pinned);
    let session = ScanSession {
        settings: &settings,
        distributions: &distributions,
        rules,
        observer,
        builds: BuildReading::Leave,
    };
    let mut requirements = RequirementMode::Followed;
    let before = match (session.look(&requests), apart) {
        (Err(error @ ScanError::Resolve(_)), Some(apart)) => {
            requests = asking::told_apart(&apart, &error);
            requirements = RequirementMode::Ignored;
            session.look(&requests)?
        }
        (looked, _) => looked?,
    };
    if let Some(error) = distributions.index().blackout() {
        return Err(ScanError::Unreachable(error));
    }
    let (world, before) = IndexWorld::new(session, &requests, before);
    let found = plan::find(&world, &requests, &before, requirements);
    let planning = PlanNarrator {
        session,
        before: &before,
        found: &found,
    };
    let forecasts = planning.foresee(&requests, &world.examinations());
    let traffic = distributions.index().traffic();
    Ok(plan::build(&PlanInputs {
        requests: &requests,
        before: &before,
        found: &found,
        forecasts: &forecasts,
        trackers: &planning.trackers(),
        digests: &|name, version| digests(&distributions, name, version),
        traffic: plan::PlanTraffic {
            requests: traffic.requests,
            bytes: traffic.file_bytes,
        },
    }))
}

/// What is told of a plan that was found.
struct PlanNarrator<'a> {
    session: ScanSession<'a>,
    before: &'a JudgedSet,
    found: &'a PlanSearchResult,
}

impl PlanNarrator<'_> {
    /// What is foreseen of the packages that have to be built even when the plan is followed.
    fn foresee(
        &self,
        requests: &Requests,
        known: &ExaminationIndex,
    ) -> BTreeMap<(PackageName, Target), ForeseenBuild> {
        let not_ready = self.found.after.not_ready();
        let stay = not_ready
            .iter()
            .filter(|it| !self.found.held.contains_key(&it.chosen.name));
        let to_build = stay.filter(|it| it.result.verdict == Verdict::Build).map(
            |NotReady {
                 resolution, chosen, ..
             }| {
                let search = self
                    .found
                    .searches
                    .get(&(chosen.name.clone(), resolution.target));
                ToBuild {
                    set: resolution,
                    chosen,
                    sdists: affordable_sdists(search),
                }
            },
        );
        foreseeing::foresee(
            &self.session,
            requests,
            known,
            &to_build.collect::<Vec<_>>(),
        )
    }

    /// Where projects want to hear of what is missing.
    fn trackers(&self) -> BTreeMap<PackageName, String> {
        let sets = || {
            self.before
                .resolutions
                .iter()
                .chain(&self.found.after.resolutions)
        };
        let not_ready = [self.before.not_ready(), self.found.after.not_ready()];
        let names: BTreeSet<PackageName> = not_ready
            .iter()
            .flatten()
            .map(|it| it.chosen.name.clone())
            .collect();
        let tracker = |name: PackageName| {
            let mut named = sets()
                .flat_map(|set| &set.packages)
                .filter(|chosen| chosen.name == name);
            let chosen = named.find(|chosen| chosen.version.is_some())?;
            let distributions = self.session.distributions;
            let known = distributions.known_metadata(&name, chosen.version.as_ref()?);
            let metadata = known.or_else(|| {
                distributions
                    .metadata(judging::artifact(&chosen.choice)?)
                    .ok()
            })?;
            let tracker = tracker::of(&metadata)?;
            Some((name, tracker))
        };
        names.into_iter().filter_map(tracker).collect()
    }
}

/// SHA-256 of all files of a version, as far as the index states it.
fn digests(distributions: &RunDistributions, name: &PackageName, version: &Version) -> Vec<Digest> {
    let Ok(listing) = distributions.listing(name) else {
        return Vec::new();
    };
    let files = listing.files.iter().filter(|file| file.version == *version);
    let digests = files
        .flat_map(|file| &file.digests)
        .filter(|digest| digest.algorithm == Algorithm::Sha256);
    digests
        .cloned()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
