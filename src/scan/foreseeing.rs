//! What a build would become, and what it needs, of the packages for which a plan has nothing better than that. Their
//! sdists are read with the requests that the search of other versions has left.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::artifact::Artifact;
use crate::model::name::PackageName;
use crate::model::request::Location;
use crate::model::resolution::Chosen;
use crate::model::source::{Becomes, Forecast};
use crate::model::target::Target;

use super::judging::{self, Examinations};
use super::session::{Session, each};
use super::sources;

/// What reading an sdist costs, in requests: its end and the rest of it.
const COST: u64 = 2;

/// A package that has to be built on a target.
#[derive(Clone, Copy)]
pub(super) struct ToBuild<'a> {
    pub(super) target: Target,
    pub(super) chosen: &'a Chosen,
    /// Requests that may be sent for the package, those that were sent already included.
    pub(super) most_requests: u64,
}

/// What is foreseen of each build. Where nothing was read the forecast says so; there is none for a target that always
/// has the GIL, nor for a folder of sources.
pub(super) fn foresee(session: &Session<'_>, builds: &[ToBuild<'_>]) -> BTreeMap<(PackageName, Target), Forecast> {
    let free_threaded = || builds.iter().filter(|build| build.target.python.free_threaded);
    let files =
        free_threaded().filter_map(|build| Some((judging::readable(&build.chosen.choice)?, build.most_requests)));
    let mut by_place: BTreeMap<&Location, (&Artifact, u64)> = BTreeMap::new();
    for (artifact, most_requests) in files {
        by_place.entry(&artifact.location).or_insert((artifact, most_requests));
    }
    let files: Vec<&(&Artifact, u64)> = by_place.values().collect();
    let examined = each(&files, |(artifact, most_requests)| {
        is_affordable(session, artifact, *most_requests)
            .then(|| (artifact.location.clone(), session.distributions.examine(artifact)))
    });
    let examinations: Examinations = examined.into_iter().flatten().collect();
    let read: BTreeSet<&Location> = examinations.keys().collect();
    let forecast = |build: &ToBuild<'_>| {
        let artifact = judging::readable(&build.chosen.choice)?;
        let forecast = match read.contains(&artifact.location) {
            true => sources::forecast(&build.chosen.choice, build.target, &examinations)?,
            false => unread(),
        };
        Some(((build.chosen.name.clone(), build.target), forecast))
    };
    free_threaded().filter_map(forecast).collect()
}

fn is_affordable(session: &Session<'_>, artifact: &Artifact, most_requests: u64) -> bool {
    let is_here = matches!(artifact.location, Location::Path(_)) || session.distributions.is_examined(artifact);
    is_here || session.distributions.index().requests_for(&artifact.name) + COST <= most_requests
}

/// What stands where the sources were left: nothing is known then, and it is known how to change that.
fn unread() -> Forecast {
    let why = "the search among its versions left no requests for its sources, which `ungil scan` reads";
    Forecast {
        becomes: Becomes::Unknown,
        reason: format!("what it becomes is unknown: {why}"),
        needs: Vec::new(),
        requires: Vec::new(),
        evidence: Vec::new(),
    }
}
