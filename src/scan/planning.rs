//! The way forward: looks at the set, searches a ready version of each package that is not ready, resolves the set again
//! with what was found, and looks again, until nothing new is found.

mod asking;
mod first_ready;
mod foreseeing;
mod revision;
mod search;
mod tracker;

use std::collections::{BTreeMap, BTreeSet};

use crate::index::Index;
use crate::model::digest::{Algorithm, Digest};
use crate::model::name::{Bound, PackageName, Version};
use crate::model::plan::{Foreseen, Obstacle, Plan, Search};
use crate::model::problem::ProblemKind;
use crate::model::report::TargetResult;
use crate::model::request::Requests;
use crate::model::resolution::{Chosen, Resolution};
use crate::model::target::Target;
use crate::model::verdict::Verdict;
use crate::plan::{self, Held, Material};
use crate::resolve::{Catalog, ResolveError};
use crate::rules::RuleSet;

use super::distributions::Distributions;
use super::pinned_digests::PinnedDigests;
use super::session::{Builds, Seen, Session, each};
use super::{Event, Inputs, Observer, ScanError, Settings};
use super::{judging, obstacles};

use asking::Asked;
use first_ready::{MOST_REQUESTS, Surroundings, first_ready};
use foreseeing::ToBuild;
use revision::Revision;

/// Looks at the set after the first one: what changes may bring in something that is not ready either.
const ROUNDS: usize = 3;
/// How often pins are loosened for one change.
const LOOSENED: usize = 8;

/// Plans how all that is asked for gets ready, for every target.
pub fn plan(
    settings: &Settings,
    inputs: &Inputs,
    index: Index,
    rules: &RuleSet,
    observer: &dyn Observer,
) -> Result<Plan, ScanError> {
    let Asked { settings, mut requests, apart } = asking::asked(settings, inputs)?;
    super::check_size(&requests, settings.limits)?;
    let pinned = PinnedDigests::of(&inputs.requests, settings.digests);
    let distributions = Distributions::new(index, settings.limits, super::depth(&settings, rules)).held_to(pinned);
    let session =
        Session { settings: &settings, distributions: &distributions, rules, observer, builds: Builds::Leave };
    let before = match (session.look(&requests), apart) {
        (Err(error @ ScanError::Resolve(_)), Some(apart)) => {
            requests = asking::told_apart(&apart, &error);
            session.look(&requests)?
        }
        (looked, _) => looked?,
    };
    if let Some(error) = distributions.index().blackout() {
        return Err(ScanError::Unreachable(error));
    }
    let requests = &requests;
    let mut walk = Walk {
        session,
        requests,
        before: &before,
        revision: Revision::default(),
        locked: BTreeMap::new(),
        searches: BTreeMap::new(),
        held: BTreeMap::new(),
    };
    let mut after: Option<Seen> = None;
    for _ in 0..ROUNDS {
        let found = walk.search(after.as_ref().unwrap_or(&before));
        let Some(resolutions) = walk.settle(found) else { break };
        after = Some(session.look_at(&walk.revision.of(requests), resolutions));
    }
    Ok(walk.draw(after.as_ref().unwrap_or(&before)))
}

/// What is found on the way.
struct Walk<'a> {
    session: Session<'a>,
    requests: &'a Requests,
    before: &'a Seen,
    revision: Revision,
    /// Packages that lock files pin, with the versions that they should.
    locked: BTreeMap<PackageName, Version>,
    searches: BTreeMap<(PackageName, Target), Search>,
    held: BTreeMap<PackageName, Held>,
}

/// A package that is not ready, on each target on which it is not.
struct Wanting<'a> {
    name: &'a PackageName,
    on: Vec<(&'a Resolution, &'a Chosen, &'a TargetResult)>,
}

impl Walk<'_> {
    /// Searches what is not ready in a set; gives the versions that it should have.
    fn search(&mut self, seen: &Seen) -> Vec<(PackageName, Version)> {
        let wanting: Vec<Wanting<'_>> = wanting(seen).into_iter().filter(|it| self.is_open(it.name)).collect();
        let (session, requests) = (self.session, self.requests);
        let searched = each(&wanting, |Wanting { name, on }| {
            session.observer.notice(Event::Searching { package: name });
            let mut searches = Vec::new();
            for ((resolution, chosen, result), earlier) in on.iter().zip(0..) {
                let surroundings = Surroundings { requests, resolution, examinations: &seen.examinations };
                let search = first_ready(&session, surroundings, (chosen, result), earlier);
                searches.extend(search.map(|search| (resolution.target, search)));
            }
            searches
        });
        let mut found = Vec::new();
        for (Wanting { name, on }, searches) in wanting.into_iter().zip(searched) {
            let to = searches.iter().filter_map(|(_, search)| search.oldest.clone()).max();
            for (target, search) in searches {
                self.remember(name, target, search);
            }
            let Some(to) = to else { continue };
            let by: BTreeSet<Obstacle> = on
                .iter()
                .flat_map(|(resolution, ..)| obstacles::lines(requests, resolution.target, name, &to))
                .collect();
            if !by.is_empty() {
                self.held.insert(name.clone(), Held { to, by: by.into_iter().collect() });
            } else if on.iter().all(|(_, chosen, _)| plan::is_locked(&chosen.required_by, requests)) {
                self.locked.insert(name.clone(), to);
            } else {
                found.push((name.clone(), to));
            }
        }
        found
    }

    /// Keeps what a search found. One in a set with changes may have less left to spend, and one that starts from another
    /// version than that of the set as it is tells nothing of the versions after that.
    fn remember(&mut self, name: &PackageName, target: Target, search: Search) {
        let key = (name.clone(), target);
        let is_more = self.searches.get(&key).is_none_or(|known| {
            search.oldest.is_some() || (search.versions == known.versions && search.probes.len() >= known.probes.len())
        });
        if is_more {
            self.searches.insert(key, search);
        }
    }

    /// Whether no version was found for the package yet.
    fn is_open(&self, name: &PackageName) -> bool {
        !self.revision.changes.contains_key(name) && !self.locked.contains_key(name) && !self.held.contains_key(name)
    }

    /// The set with these changes, or with as many of them as go together; `None` when none does.
    fn settle(&mut self, found: Vec<(PackageName, Version)>) -> Option<Vec<Resolution>> {
        let with = |revision: &Revision, bound: Bound, changes: &[(PackageName, Version)]| {
            let mut revision = revision.clone();
            let changes = changes.iter().cloned();
            revision.changes.extend(changes.map(|(name, version)| (name, (bound, version))));
            revision
        };
        if found.is_empty() {
            return None;
        }
        if let Ok((revision, resolutions)) = self.resolve(with(&self.revision, Bound::Exactly, &found)) {
            self.revision = revision;
            return Some(resolutions);
        }
        let mut settled = None;
        for change in found {
            let one = std::slice::from_ref(&change);
            let exactly = self.resolve(with(&self.revision, Bound::Exactly, one));
            // What requires it may only know other versions of it.
            match exactly.or_else(|_| self.resolve(with(&self.revision, Bound::AtLeast, one))) {
                Ok((revision, resolutions)) => {
                    self.revision = revision;
                    settled = Some(resolutions);
                }
                Err(error) => {
                    let by = self.obstacles(&change, &error);
                    self.held.insert(change.0, Held { to: change.1, by });
                }
            }
        }
        settled
    }

    /// Resolves for every target; lines that pin what stands in the way are loosened.
    fn resolve(&self, mut revision: Revision) -> Result<(Revision, Vec<Resolution>), ResolveError> {
        let mut rest = LOOSENED;
        loop {
            let revised = revision.of(self.requests);
            let resolve = |known: &Resolution| match self.session.resolve(&revised, known.target) {
                // What could not be resolved before cannot tell anything of a change.
                Err(_) if is_unsolved(known) => Ok(known.clone()),
                resolved => resolved,
            };
            let error = match self.before.resolutions.iter().map(resolve).collect::<Result<Vec<_>, _>>() {
                Ok(resolutions) => return Ok((revision, resolutions)),
                Err(error) => error,
            };
            let ResolveError::Conflict { places, .. } = &error else { return Err(error) };
            let loosenable = revision.loosenable(self.requests, places);
            let newer = revision.exact(self.requests, places).into_iter().filter(|name| self.is_required(name));
            let newer: Vec<PackageName> = newer.collect();
            if rest == 0 || (loosenable.is_empty() && newer.is_empty()) {
                return Err(error);
            }
            if loosenable.is_empty() {
                // What requires it may want a newer one than the oldest that is ready.
                revision.allow_newer(&newer);
            }
            revision.loosened.extend(loosenable);
            rest -= 1;
        }
    }

    /// Whether another package of the set requires it.
    fn is_required(&self, name: &PackageName) -> bool {
        let chosen = self.before.resolutions.iter().flat_map(|set| &set.packages).filter(|chosen| chosen.name == *name);
        chosen.flat_map(|chosen| &chosen.required_by).any(|required| !required.path.is_empty())
    }

    /// What keeps a change out of the set: requirements of its packages, or what the solver says.
    fn obstacles(&self, (name, to): &(PackageName, Version), error: &ResolveError) -> Vec<Obstacle> {
        let (requests, distributions) = (self.requests, self.session.distributions);
        let by = |resolution: &Resolution| obstacles::packages(requests, resolution, distributions, (name, to));
        let found: BTreeSet<Obstacle> = self.before.resolutions.iter().flat_map(by).collect();
        if !found.is_empty() {
            return found.into_iter().collect();
        }
        let wants = match error {
            ResolveError::Conflict { explanation, .. } => explanation.lines().collect::<Vec<_>>().join("; "),
            other => other.to_string(),
        };
        vec![Obstacle { place: None, package: None, wants }]
    }

    /// What is foreseen of the packages that have to be built even when the plan is followed.
    fn foresee(&self, after: &Seen) -> BTreeMap<(PackageName, Target), Foreseen> {
        let wanting = wanting(after);
        let stay = wanting.iter().filter(|it| !self.held.contains_key(it.name) && !self.locked.contains_key(it.name));
        let builds: Vec<ToBuild<'_>> = stay
            .flat_map(|Wanting { name, on }| {
                let searches = self.searches.keys().filter(|(searched, _)| searched == *name).count();
                let most_requests = MOST_REQUESTS * u64::try_from(searches).unwrap_or_default().max(1);
                let to_build = on.iter().filter(|(.., result)| result.verdict == Verdict::Build);
                to_build.map(move |(set, chosen, _)| ToBuild { set, chosen, most_requests })
            })
            .collect();
        foreseeing::foresee(&self.session, self.requests, &after.examinations, &builds)
    }

    fn draw(&self, after: &Seen) -> Plan {
        let forecasts = self.foresee(after);
        let traffic = self.session.distributions.index().traffic();
        let names: BTreeSet<&PackageName> =
            wanting(self.before).iter().chain(&wanting(after)).map(|it| it.name).collect();
        let chosen = |name: &PackageName| {
            let mut sets = self.before.resolutions.iter().chain(&after.resolutions);
            sets.find_map(|set| set.packages.iter().find(|chosen| chosen.name == *name && chosen.version.is_some()))
        };
        let tracker = |name: &&PackageName| {
            let chosen = chosen(name)?;
            let version = chosen.version.as_ref()?;
            let distributions = self.session.distributions;
            let known = distributions.known_metadata(name, version);
            let metadata = known.or_else(|| distributions.metadata(judging::artifact(&chosen.choice)?).ok())?;
            Some(((*name).clone(), tracker::of(&metadata)?))
        };
        plan::draw(&Material {
            requests: self.requests,
            before: &self.before.report,
            after: &after.report,
            locked: &self.locked,
            searches: &self.searches,
            held: &self.held,
            forecasts: &forecasts,
            trackers: &names.iter().filter_map(tracker).collect(),
            digests: &|name, version| self.digests(name, version),
            traffic: plan::Traffic { requests: traffic.requests, bytes: traffic.file_bytes },
        })
    }

    /// SHA-256 of all files of a version, as far as the index states it.
    fn digests(&self, name: &PackageName, version: &Version) -> Vec<Digest> {
        let Ok(listing) = self.session.distributions.listing(name) else { return Vec::new() };
        let files = listing.files.iter().filter(|file| file.version == *version);
        let digests = files.flat_map(|file| &file.digests).filter(|digest| digest.algorithm == Algorithm::Sha256);
        digests.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn is_unsolved(resolution: &Resolution) -> bool {
    resolution.problems.iter().any(|problem| problem.kind == ProblemKind::Resolution)
}

/// Packages that are not ready on some target, by name.
fn wanting(seen: &Seen) -> Vec<Wanting<'_>> {
    let mut by_name: BTreeMap<&PackageName, Vec<_>> = BTreeMap::new();
    for package in &seen.report.packages {
        for result in package.results.iter().filter(|result| !result.verdict.is_good()) {
            let set = seen.resolutions.iter().find(|resolution| resolution.target == result.target);
            let is_it = |chosen: &&Chosen| chosen.name == package.name && chosen.version == package.version;
            if let Some(set) = set
                && let Some(chosen) = set.packages.iter().find(is_it)
            {
                by_name.entry(&package.name).or_default().push((set, chosen, result));
            }
        }
    }
    by_name.into_iter().map(|(name, on)| Wanting { name, on }).collect()
}
