//! The first ready version of a package: the oldest from the one in the set upwards, and the newest, of which each own
//! distribution is ready, with the modules that it leaves the decision to.
//!
//! File names go first: a version without any file that the target's installer takes needs no bytes, nor does one that
//! would come without its compiled modules. What is left is searched ([`border_search`]); each look fetches the end of a wheel
//! and its modules, or one module where that settles it.

use std::collections::{BTreeMap, BTreeSet};

use crate::import;
use crate::model::artifact::Artifact;
use crate::model::facts::{Fact, ModuleFacts};
use crate::model::name::{PackageName, Requirement, Version, pinned};
use crate::model::outcome::Gil;
use crate::model::plan::{ProbeBasis, SearchFrontier, VersionProbe, VersionSearch};
use crate::model::report::TargetResult;
use crate::model::request::Requests;
use crate::model::resolution::{Choice, Chosen, Resolution};
use crate::model::subject::InstallChoice;
use crate::model::target::Target;
use crate::model::verdict::Verdict;
use crate::plan::border_search::{self, ReleaseHistory, VersionReadiness, search};
use crate::plan::downward::{line_before, release_line};
use crate::resolve::editions::{TargetVersion, TargetVersions};
use crate::resolve::{self, PackageCatalog, markers};

use super::super::examination::ExaminedExtent;
use super::super::examinations::ExaminationIndex;
use super::super::judging::{self, PackageFacts};
use super::super::obstacles;
use super::super::session::ScanSession;

/// Requests that a package may cost on one target where nothing is cached, those for its listing and for the version in the
/// set included. What is cached is charged all the same: the same index gives the same plan.
const BASE: u64 = 2;
/// What looks at its versions may cost besides.
const LOOKS: u64 = 9;
/// What is kept of that for older versions until a newer one is found ready.
const OLDER: u64 = 2;
/// Size of a wheel that one request gets as a whole, in bytes.
const ONE_REQUEST: u64 = 4 << 20;
/// What reading an sdist costs: its end and the rest of it.
const SDIST: u64 = 2;

/// The set in which a package is to get another version.
#[derive(Clone, Copy)]
pub(super) struct ProbedSet<'a> {
    pub(super) requests: &'a Requests,
    pub(super) resolution: &'a Resolution,
    pub(super) examinations: &'a ExaminationIndex,
}

/// How many sdists may be read with what a search left.
pub(super) fn affordable_sdists(search: Option<&VersionSearch>) -> u64 {
    let spent = search.map_or(BASE, |search| search.requests);
    (BASE + LOOKS).saturating_sub(spent) / SDIST
}

/// Searches the versions of one package. `None` when there is no listing to search.
pub(super) fn first_ready(
    session: &ScanSession<'_>,
    surroundings: ProbedSet<'_>,
    (chosen, now): (&Chosen, &TargetResult),
) -> Option<VersionSearch> {
    let ProbedSet {
        requests,
        resolution,
        ..
    } = surroundings;
    let target = resolution.target;
    let from = chosen.version.clone()?;
    // A package that is taken from a place of its own is none that an index should hear of.
    session.distributions.index().known_listing(&chosen.name)?;
    let listing = session.distributions.listing(&chosen.name).ok()?;
    let editions = TargetVersions::of(&chosen.name, listing, &requests.sources, target);
    let is_early = |version: &&Version| is_early(version, &from, requests);
    let newer: Vec<&Version> = editions
        .versions()
        .filter(|version| **version > from)
        .collect();
    let prerelease = newer.last().copied().filter(is_early).cloned();
    let newer: Vec<Version> = newer
        .into_iter()
        .filter(|version| !is_early(version))
        .cloned()
        .collect();
    let is_let_in =
        |version: &Version| obstacles::lines(requests, target, &chosen.name, version).is_empty();
    let mut looker = VersionProber {
        session,
        surroundings,
        chosen,
        editions: &editions,
        probes: BTreeMap::new(),
        left: LOOKS,
        kept: OLDER,
        listed: BTreeSet::new(),
    };
    let (allowed, forbidden): (Vec<Version>, Vec<Version>) =
        newer.iter().cloned().partition(is_let_in);
    // What the input's own bounds let in goes first; what they keep out shows what they cost.
    let mut found = looker.search(&from, now.verdict, &allowed);
    let mut older = None;
    if found.oldest.is_none() {
        found = looker.search(&from, now.verdict, &forbidden);
        looker.kept = 0;
        let end = line_before(editions.versions(), &from);
        // What works as it is, slower, is not taken back for that.
        let goes_back = now.verdict != Verdict::PureFallback;
        let versions = editions
            .versions()
            .filter(|version| **version < from && !is_early(version));
        let versions = versions.filter(|version| goes_back && release_line(version) >= end);
        let versions: Vec<Version> = versions
            .filter(|version| is_let_in(version))
            .cloned()
            .collect();
        older = looker.newest(&versions);
    }
    let border = looker.border(&found, &from, &newer);
    let spent = BASE + LOOKS.saturating_sub(looker.left);
    let probes = looker.probes.into_values().collect();
    let fitting = newer
        .iter()
        .filter_map(|version| editions.edition(version))
        .filter(|it| needs_bytes(it, target))
        .count();
    let other_python = newer
        .iter()
        .filter_map(|version| editions.edition(version))
        .filter(is_for_other_python)
        .count();
    let requests = spent;
    Some(VersionSearch {
        border,
        probes,
        versions: newer.len(),
        fitting,
        other_python,
        prerelease,
        requests,
        older,
        ..found
    })
}

/// Whether it is a pre-release for somebody who has none and wants none.
pub(super) fn is_early(version: &Version, from: &Version, requests: &Requests) -> bool {
    version.any_prerelease() && !from.any_prerelease() && !requests.sources.pre
}

struct VersionProber<'a> {
    session: &'a ScanSession<'a>,
    surroundings: ProbedSet<'a>,
    chosen: &'a Chosen,
    editions: &'a TargetVersions,
    probes: BTreeMap<Version, VersionProbe>,
    /// Requests that looks may still cost.
    left: u64,
    /// Of these, what is not for the versions that are looked at now.
    kept: u64,
    /// Other packages whose listings were asked for: each costs once.
    listed: BTreeSet<PackageName>,
}

impl VersionProber<'_> {
    /// The oldest and the newest ready version of these, which are newer than the one in the set.
    fn search(&mut self, from: &Version, now: Verdict, newer: &[Version]) -> VersionSearch {
        let worth_bytes = |version: &&Version| {
            self.editions
                .edition(version)
                .is_some_and(|it| needs_bytes(&it, self.target()))
        };
        let mut history: Vec<Version> = vec![from.clone()];
        history.extend(newer.iter().filter(worth_bytes).cloned());
        // Whether a look at the version in the set tells anything of the next one, or its files did not even fit.
        let known = self
            .editions
            .edition(from)
            .is_some_and(|edition| needs_bytes(&edition, self.target()));
        let history: &[Version] = if known {
            &history
        } else {
            history.get(1..).unwrap_or_default()
        };
        let opens_line = |position: usize| history.get(position).is_some_and(opens_line);
        let mut look = |position: usize| {
            let version = history.get(position)?;
            if version == from {
                let unknown = now == Verdict::Unknown;
                return Some(if unknown {
                    VersionReadiness::Unknown
                } else {
                    VersionReadiness::NotReady
                });
            }
            self.look(version).map(readiness)
        };
        let searched = search(
            ReleaseHistory {
                count: history.len(),
                opens_line: &opens_line,
            },
            &mut look,
        );
        let at =
            |position: Option<usize>| position.and_then(|position| history.get(position)).cloned();
        let border = if searched.is_confirmed() {
            SearchFrontier::Confirmed
        } else {
            SearchFrontier::Open
        };
        VersionSearch {
            oldest: at(searched.oldest),
            newest: at(searched.newest),
            border,
            ..VersionSearch::default()
        }
    }

    /// The newest of these that works, with its compiled modules or without; they are older than the one in the set. The
    /// nearest one that works is a smaller step than the nearest one that is fast.
    fn newest(&mut self, older: &[Version]) -> Option<Version> {
        let is_worth_a_look = |version: &&Version| {
            let edition = self.editions.edition(version);
            edition
                .is_some_and(|it| needs_bytes(&it, self.target()) || is_slower(&it, self.target()))
        };
        let history: Vec<&Version> = older.iter().filter(is_worth_a_look).collect();
        let opens_line = |position: usize| {
            history
                .get(position)
                .is_some_and(|version| opens_line(version))
        };
        let mut look = |position: usize| match self.look(history.get(position)?)? {
            Verdict::PureFallback => Some(VersionReadiness::Ready),
            verdict => Some(readiness(verdict)),
        };
        let found = border_search::newest(
            ReleaseHistory {
                count: history.len(),
                opens_line: &opens_line,
            },
            &mut look,
        );
        let found = found.and_then(|position| history.get(position)).copied();
        // That a version works without its compiled modules its files' names tell, whatever there is left to spend.
        let works = |version: &&&Version| {
            self.editions
                .edition(version)
                .is_some_and(|edition| is_slower(&edition, self.target()))
        };
        let slower = history.iter().rfind(works).copied();
        if let Some(slower) = slower.filter(|slower| found.is_none_or(|found| found < *slower)) {
            self.look_at_names(slower);
        }
        found.max(slower).cloned()
    }

    /// Whether the version right before the oldest ready one, of all that there are, is known not to be ready.
    fn border(
        &mut self,
        found: &VersionSearch,
        from: &Version,
        newer: &[Version],
    ) -> SearchFrontier {
        let Some(oldest) = found
            .oldest
            .as_ref()
            .filter(|_| found.border == SearchFrontier::Confirmed)
        else {
            return SearchFrontier::Open;
        };
        let before = newer.iter().take_while(|version| *version < oldest).last();
        match before.filter(|before| *before > from) {
            None => SearchFrontier::Confirmed,
            Some(before) => match self
                .look_at_names(before)
                .or_else(|| self.probes.get(before).cloned())
            {
                Some(probe) if readiness(probe.verdict) == VersionReadiness::NotReady => {
                    SearchFrontier::Confirmed
                }
                _ => SearchFrontier::Open,
            },
        }
    }

    fn target(&self) -> Target {
        self.surroundings.resolution.target
    }

    fn look(&mut self, version: &Version) -> Option<Verdict> {
        if let Some(known) = self
            .probes
            .get(version)
            .cloned()
            .or_else(|| self.look_at_names(version))
        {
            return Some(known.verdict);
        }
        let edition = self.editions.edition(version)?;
        let cost = cost(judging::wheel(&edition.choice)?);
        if cost + self.kept > self.left {
            return None;
        }
        self.left -= cost;
        let result = self.look_at_bytes(edition)?;
        if result.verdict.is_good() {
            self.kept = 0;
        }
        let (verdict, reason) = (result.verdict, result.reason);
        self.probes.insert(
            version.clone(),
            VersionProbe {
                version: version.clone(),
                verdict,
                reason,
                seen: ProbeBasis::Bytes,
            },
        );
        Some(verdict)
    }

    /// What the names of its files say, when that is enough.
    fn look_at_names(&mut self, version: &Version) -> Option<VersionProbe> {
        let edition = self.editions.edition(version)?;
        let (verdict, reason) = by_names(&edition, self.target())?;
        let probe = VersionProbe {
            version: version.clone(),
            verdict,
            reason,
            seen: ProbeBasis::Names,
        };
        self.probes.insert(version.clone(), probe.clone());
        Some(probe)
    }

    /// What the bytes of its file say, and for a pure wheel those of what it pins: a project may have moved its modules
    /// there.
    fn look_at_bytes(&mut self, edition: TargetVersion) -> Option<TargetResult> {
        let artifact = judging::wheel(&edition.choice)?.clone();
        let is_pure = artifact.is_pure();
        let result = self.judge(self.with(edition), &self.chosen.name, &artifact)?;
        let pinned = if is_pure && result.verdict.is_good() {
            self.pinned_by(&artifact)
        } else {
            None
        };
        Some(pinned.unwrap_or(result))
    }

    /// What is said of the first package that the wheel pins and that is not ready.
    fn pinned_by(&mut self, artifact: &Artifact) -> Option<TargetResult> {
        let (target, distributions) = (self.target(), self.session.distributions);
        let environment = markers::environment(target, 0).ok()?;
        let metadata = distributions.metadata(artifact).ok()?;
        let counts = |it: &&Requirement| it.marker.evaluate(&environment, &self.chosen.extras);
        let required: Vec<Requirement> = metadata
            .requires_dist
            .iter()
            .filter(counts)
            .cloned()
            .collect();
        let pinned = required
            .iter()
            .filter_map(|it| Some((&it.name, pinned(it)?)));
        pinned.into_iter().find_map(|(name, version)| {
            let listing = distributions.listing(name).ok()?;
            let editions =
                TargetVersions::of(name, listing, &self.surroundings.requests.sources, target);
            let edition = editions.edition(version)?;
            let wheel = judging::wheel(&edition.choice).cloned();
            let listing_cost = u64::from(self.listed.insert(name.clone()));
            self.left = self
                .left
                .saturating_sub(listing_cost + wheel.as_ref().map_or(0, cost));
            let chosen = Chosen {
                name: name.clone(),
                version: Some(edition.version),
                extras: Vec::new(),
                required_by: Vec::new(),
                choice: edition.choice,
                not_in_lock: false,
            };
            let mut resolution = self.surroundings.resolution.clone();
            resolution.packages.retain(|other| other.name != *name);
            resolution.packages.push(chosen);
            let result = match &wheel {
                Some(wheel) => self.judge(resolution, name, wheel)?,
                None => {
                    let (examinations, release) =
                        (self.surroundings.examinations, |_: &Chosen| Fact::default());
                    let found = PackageFacts {
                        examinations,
                        other: None,
                        release: &release,
                        newest: &|_, _| None,
                    };
                    judging::judge_one(&resolution, name, found, self.session.rules)?
                }
            };
            let reason = format!("needs {name} {version}: {}", result.reason);
            (!result.verdict.is_good()).then_some(TargetResult { reason, ..result })
        })
    }

    /// Judges a package of a set by its wheel; only as many modules are read as it takes to see that it is not ready.
    fn judge(
        &self,
        resolution: Resolution,
        name: &PackageName,
        artifact: &Artifact,
    ) -> Option<TargetResult> {
        let (target, distributions) = (self.target(), self.session.distributions);
        let speaks_against = |modules: &[ModuleFacts]| {
            let outcomes = import::outcomes(modules, target);
            outcomes
                .iter()
                .any(|outcome| matches!(outcome.gil, Gil::Used | Gil::NotLoadable))
        };
        let release =
            |chosen: &Chosen| distributions.release(&chosen.name, chosen.version.as_ref());
        let judge = |examination: &super::super::examination::FileExamination| {
            let other = Some((&artifact.location, examination));
            let examinations = self.surroundings.examinations;
            let found = PackageFacts {
                examinations,
                other,
                release: &release,
                newest: &|_, _| None,
            };
            judging::judge_one(&resolution, name, found, self.session.rules)
        };
        let (examination, extent) = distributions.examine_until(artifact, &speaks_against);
        let result = judge(&examination)?;
        // Rules of the user's own may see in that one module nothing that decides.
        if extent == ExaminedExtent::Part
            && !matches!(result.verdict, Verdict::Gil | Verdict::Crash)
        {
            return judge(&distributions.examine(artifact));
        }
        Some(result)
    }

    /// The set with this version of the package.
    fn with(&self, edition: TargetVersion) -> Resolution {
        let mut resolution = self.surroundings.resolution.clone();
        let name: &PackageName = &self.chosen.name;
        if let Some(chosen) = resolution
            .packages
            .iter_mut()
            .find(|chosen| chosen.name == *name)
        {
            chosen.version = Some(edition.version);
            chosen.choice = edition.choice;
        }
        resolution
    }
}

/// What the names of a version's files say, when that is enough.
pub(super) fn by_names(edition: &TargetVersion, target: Target) -> Option<(Verdict, String)> {
    match resolve::offer(&edition.choice, target.platform) {
        InstallChoice::Nothing { why, .. } => Some((Verdict::Blocked, why)),
        InstallChoice::Unknown { why } => Some((Verdict::Unknown, why)),
        InstallChoice::Source { filename, .. } => {
            Some((Verdict::Build, format!("only {filename} fits")))
        }
        InstallChoice::PureFallback { .. } => Some((
            Verdict::PureFallback,
            "installs without its compiled modules".to_owned(),
        )),
        InstallChoice::Wheel { .. } | InstallChoice::Pure { .. } => None,
    }
}

/// What a look at a wheel costs, in requests: its end, and what lies before that.
fn cost(wheel: &Artifact) -> u64 {
    if wheel.size.is_some_and(|size| size <= ONE_REQUEST) {
        1
    } else {
        2
    }
}

/// Whether `Requires-Python` alone keeps the version from the target.
fn is_for_other_python(edition: &TargetVersion) -> bool {
    matches!(
        edition.choice,
        Choice::Nothing {
            requires_python: Some(_),
            ..
        }
    )
}

fn needs_bytes(edition: &TargetVersion, target: Target) -> bool {
    matches!(
        resolve::offer(&edition.choice, target.platform),
        InstallChoice::Wheel { .. } | InstallChoice::Pure { .. }
    )
}

/// Whether the version works without its compiled modules alone.
fn is_slower(edition: &TargetVersion, target: Target) -> bool {
    matches!(
        resolve::offer(&edition.choice, target.platform),
        InstallChoice::PureFallback { .. }
    )
}

fn readiness(verdict: Verdict) -> VersionReadiness {
    match verdict {
        Verdict::Pure | Verdict::Ready => VersionReadiness::Ready,
        Verdict::Unknown => VersionReadiness::Unknown,
        Verdict::PureFallback
        | Verdict::Build
        | Verdict::Gil
        | Verdict::Crash
        | Verdict::Blocked => VersionReadiness::NotReady,
    }
}

/// `2.1.0` and `3.0`, where projects change what matters.
fn opens_line(version: &Version) -> bool {
    version.release().iter().skip(2).all(|number| *number == 0)
}
