//! The first ready version of a package: the oldest from the one in the set upwards, and the newest, of which each own
//! distribution is ready, with the modules that it leaves the decision to.
//!
//! File names go first: a version without any file that the target's installer takes needs no bytes, nor does one that
//! would come without its compiled modules. What is left is searched ([`search`]); each look fetches the end of a wheel
//! and its modules, or one module where that settles it.

use std::collections::BTreeMap;

use crate::import;
use crate::model::facts::ModuleFacts;
use crate::model::name::{PackageName, Version};
use crate::model::outcome::Gil;
use crate::model::plan::{Border, Probe, Search, Seen};
use crate::model::report::TargetResult;
use crate::model::request::Requests;
use crate::model::resolution::{Choice, Chosen, Resolution};
use crate::model::subject::Offer;
use crate::model::target::Target;
use crate::model::verdict::Verdict;
use crate::resolve::editions::{Edition, Editions};
use crate::resolve::{self, Catalog};

use super::super::examination::Extent;
use super::super::examinations::Examinations;
use super::super::judging::{self, Found};
use super::super::obstacles;
use super::super::session::Session;
use super::search::{History, Readiness, search};

/// Requests that may be sent for one package and target, those for its listing and for the version in the set included.
pub(super) const MOST_REQUESTS: u64 = 11;
/// What a look costs: the end of the wheel, and the modules.
const USUAL_COST: u64 = 2;

/// The set in which a package is to get another version.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) requests: &'a Requests,
    pub(super) resolution: &'a Resolution,
    pub(super) examinations: &'a Examinations,
}

/// Searches the versions of one package. `earlier` is how many targets it was searched for before. `None` when there is
/// no listing to search.
pub(super) fn first_ready(
    session: &Session<'_>,
    surroundings: Surroundings<'_>,
    (chosen, now): (&Chosen, &TargetResult),
    earlier: u64,
) -> Option<Search> {
    let Surroundings { requests, resolution, .. } = surroundings;
    let target = resolution.target;
    let from = chosen.version.clone()?;
    // A package that is taken from a place of its own is none that an index should hear of.
    session.distributions.index().known_listing(&chosen.name)?;
    let listing = session.distributions.listing(&chosen.name).ok()?;
    let editions = Editions::of(&chosen.name, listing, &requests.sources, target);
    let is_early = |version: &&Version| is_early(version, &from, requests);
    let newer: Vec<&Version> = editions.versions().filter(|version| **version > from).collect();
    let prerelease = newer.last().copied().filter(is_early).cloned();
    let newer: Vec<Version> = newer.into_iter().filter(|version| !is_early(version)).cloned().collect();
    let mut looker = Looker {
        session,
        surroundings,
        chosen,
        editions: &editions,
        probes: BTreeMap::new(),
        most_requests: MOST_REQUESTS * (earlier + 1),
        costs: [USUAL_COST; 2],
    };
    let (allowed, forbidden): (Vec<Version>, Vec<Version>) =
        newer.iter().cloned().partition(|version| obstacles::lines(requests, target, &chosen.name, version).is_empty());
    // What the input's own bounds let in goes first; what they keep out shows what they cost.
    let mut found = looker.search(&from, now.verdict, &allowed);
    if found.oldest.is_none() {
        found = looker.search(&from, now.verdict, &forbidden);
    }
    let requests = session.distributions.index().requests_for(&chosen.name);
    let border = looker.border(&found, &from, &newer);
    let probes = looker.probes.into_values().collect();
    let fitting =
        newer.iter().filter_map(|version| editions.edition(version)).filter(|it| needs_bytes(it, target)).count();
    let other_python = newer.iter().filter_map(|version| editions.edition(version)).filter(is_for_other_python).count();
    Some(Search { border, probes, versions: newer.len(), fitting, other_python, prerelease, requests, ..found })
}

/// Whether it is a pre-release for somebody who has none and wants none.
pub(super) fn is_early(version: &Version, from: &Version, requests: &Requests) -> bool {
    version.any_prerelease() && !from.any_prerelease() && !requests.sources.pre
}

struct Looker<'a> {
    session: &'a Session<'a>,
    surroundings: Surroundings<'a>,
    chosen: &'a Chosen,
    editions: &'a Editions,
    probes: BTreeMap<Version, Probe>,
    most_requests: u64,
    /// What the last looks cost, in requests: those at neighbours cost about the same.
    costs: [u64; 2],
}

impl Looker<'_> {
    /// The oldest and the newest ready version of these, which are newer than the one in the set.
    fn search(&mut self, from: &Version, now: Verdict, newer: &[Version]) -> Search {
        let worth_bytes =
            |version: &&Version| self.editions.edition(version).is_some_and(|it| needs_bytes(&it, self.target()));
        let mut history: Vec<Version> = vec![from.clone()];
        history.extend(newer.iter().filter(worth_bytes).cloned());
        // Whether a look at the version in the set tells anything of the next one, or its files did not even fit.
        let known = self.editions.edition(from).is_some_and(|edition| needs_bytes(&edition, self.target()));
        let history: &[Version] = if known { &history } else { history.get(1..).unwrap_or_default() };
        let opens_line = |position: usize| history.get(position).is_some_and(opens_line);
        let mut look = |position: usize| {
            let version = history.get(position)?;
            if version == from {
                let unknown = now == Verdict::Unknown;
                return Some(if unknown { Readiness::Unknown } else { Readiness::NotReady });
            }
            self.look(version).map(readiness)
        };
        let searched = search(History { count: history.len(), opens_line: &opens_line }, &mut look);
        let at = |position: Option<usize>| position.and_then(|position| history.get(position)).cloned();
        let border = if searched.is_confirmed() { Border::Confirmed } else { Border::Open };
        Search { oldest: at(searched.oldest), newest: at(searched.newest), border, ..Search::default() }
    }

    /// Whether the version right before the oldest ready one, of all that there are, is known not to be ready.
    fn border(&mut self, found: &Search, from: &Version, newer: &[Version]) -> Border {
        let Some(oldest) = found.oldest.as_ref().filter(|_| found.border == Border::Confirmed) else {
            return Border::Open;
        };
        let before = newer.iter().take_while(|version| *version < oldest).last();
        match before.filter(|before| *before > from) {
            None => Border::Confirmed,
            Some(before) => match self.look_at_names(before).or_else(|| self.probes.get(before).cloned()) {
                Some(probe) if readiness(probe.verdict) == Readiness::NotReady => Border::Confirmed,
                _ => Border::Open,
            },
        }
    }

    fn target(&self) -> Target {
        self.surroundings.resolution.target
    }

    fn look(&mut self, version: &Version) -> Option<Verdict> {
        if let Some(known) = self.probes.get(version).cloned().or_else(|| self.look_at_names(version)) {
            return Some(known.verdict);
        }
        let index = self.session.distributions.index();
        let before = index.requests_for(&self.chosen.name);
        let edition = self.editions.edition(version)?;
        let is_free = self.session.distributions.is_examined(judging::wheel(&edition.choice)?);
        if !is_free && before + self.costs.into_iter().fold(0, u64::max) > self.most_requests {
            return None;
        }
        let result = self.look_at_bytes(edition)?;
        let [_, last] = self.costs;
        self.costs = [last, index.requests_for(&self.chosen.name).saturating_sub(before).max(1)];
        let (verdict, reason) = (result.verdict, result.reason);
        self.probes.insert(version.clone(), Probe { version: version.clone(), verdict, reason, seen: Seen::Bytes });
        Some(verdict)
    }

    /// What the names of its files say, when that is enough.
    fn look_at_names(&mut self, version: &Version) -> Option<Probe> {
        let edition = self.editions.edition(version)?;
        let (verdict, reason) = match resolve::offer(&edition.choice, self.target().platform) {
            Offer::Nothing { why, .. } => (Verdict::Blocked, why),
            Offer::Unknown { why } => (Verdict::Unknown, why),
            Offer::Source { filename, .. } => (Verdict::Build, format!("only {filename} fits")),
            Offer::PureFallback { .. } => (Verdict::PureFallback, "installs without its compiled modules".to_owned()),
            Offer::Wheel { .. } | Offer::Pure { .. } => return None,
        };
        let probe = Probe { version: version.clone(), verdict, reason, seen: Seen::Names };
        self.probes.insert(version.clone(), probe.clone());
        Some(probe)
    }

    /// What the bytes of its file say; only of as many modules as it takes to see that it is not ready.
    fn look_at_bytes(&self, edition: Edition) -> Option<TargetResult> {
        let (target, distributions) = (self.target(), self.session.distributions);
        let artifact = judging::wheel(&edition.choice)?.clone();
        let speaks_against = |modules: &[ModuleFacts]| {
            let outcomes = import::outcomes(modules, target);
            outcomes.iter().any(|outcome| matches!(outcome.gil, Gil::Used | Gil::NotLoadable))
        };
        let resolution = self.with(edition);
        let release = |chosen: &Chosen| distributions.release(&chosen.name, chosen.version.as_ref());
        let judge = |examination: &super::super::examination::Examination| {
            let other = Some((&artifact.location, examination));
            let examinations = self.surroundings.examinations;
            let found = Found { examinations, other, release: &release, newest: &|_, _| None };
            judging::judge_one(&resolution, &self.chosen.name, found, self.session.rules)
        };
        let (examination, extent) = distributions.examine_until(&artifact, &speaks_against);
        let result = judge(&examination)?;
        // Rules of the user's own may see in that one module nothing that decides.
        if extent == Extent::Part && !matches!(result.verdict, Verdict::Gil | Verdict::Crash) {
            return judge(&distributions.examine(&artifact));
        }
        Some(result)
    }

    /// The set with this version of the package.
    fn with(&self, edition: Edition) -> Resolution {
        let mut resolution = self.surroundings.resolution.clone();
        let name: &PackageName = &self.chosen.name;
        if let Some(chosen) = resolution.packages.iter_mut().find(|chosen| chosen.name == *name) {
            chosen.version = Some(edition.version);
            chosen.choice = edition.choice;
        }
        resolution
    }
}

/// Whether `Requires-Python` alone keeps the version from the target.
fn is_for_other_python(edition: &Edition) -> bool {
    matches!(edition.choice, Choice::Nothing { requires_python: Some(_), .. })
}

fn needs_bytes(edition: &Edition, target: Target) -> bool {
    matches!(resolve::offer(&edition.choice, target.platform), Offer::Wheel { .. } | Offer::Pure { .. })
}

fn readiness(verdict: Verdict) -> Readiness {
    match verdict {
        Verdict::Pure | Verdict::Ready => Readiness::Ready,
        Verdict::Unknown => Readiness::Unknown,
        Verdict::PureFallback | Verdict::Build | Verdict::Gil | Verdict::Crash | Verdict::Blocked => {
            Readiness::NotReady
        }
    }
}

/// `2.1.0` and `3.0`, where projects change what matters.
fn opens_line(version: &Version) -> bool {
    version.release().iter().skip(2).all(|number| *number == 0)
}
