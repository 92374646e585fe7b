//! What a plan knows of the world: the index, the resolver, and the judgement of files.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::lock::Lock;
use crate::model::name::{PackageName, Version};
use crate::model::plan::{VersionObstacle, VersionSearch};
use crate::model::request::{Request, Requests};
use crate::model::resolution::Resolution;
use crate::model::target::Target;
use crate::plan::world::{
    JudgedSet, NotReady, OfferedVersion, PlanWorld, RequirementMode, SetConflict, TryOrders,
};
use crate::resolve::editions::TargetVersions;
use crate::resolve::{self, DependencyMode, PackageCatalog, ResolveError, ResolveOptions};

use super::super::examinations::ExaminationIndex;
use super::super::session::{ScanSession, ScannedSet, each};
use super::super::{ScanEvent, obstacles};
use super::first_ready::{ProbedSet, by_names, first_ready};

/// The world of one run.
pub(super) struct IndexWorld<'a> {
    session: ScanSession<'a>,
    requests: &'a Requests,
    /// What is in the files of all sets that were judged.
    examinations: Mutex<ExaminationIndex>,
}

impl<'a> IndexWorld<'a> {
    /// The world, with what was found in the set as it is.
    pub(super) fn new(
        session: ScanSession<'a>,
        requests: &'a Requests,
        before: ScannedSet,
    ) -> (IndexWorld<'a>, JudgedSet) {
        let ScannedSet {
            resolutions,
            examinations,
            report,
        } = before;
        (
            IndexWorld {
                session,
                requests,
                examinations: Mutex::new(examinations),
            },
            JudgedSet {
                resolutions,
                report,
            },
        )
    }

    /// What is in the files of all sets that were judged.
    pub(super) fn examinations(&self) -> ExaminationIndex {
        self.examinations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn options(&self, requirements: RequirementMode) -> ResolveOptions {
        match requirements {
            RequirementMode::Followed => self.session.options(),
            RequirementMode::Ignored => ResolveOptions {
                dependencies: DependencyMode::Ignore,
                ..self.session.options()
            },
        }
    }
}

impl PlanWorld for IndexWorld<'_> {
    fn offered(&self, name: &PackageName, target: Target) -> Vec<OfferedVersion> {
        let Ok(listing) = self.session.distributions.listing(name) else {
            return Vec::new();
        };
        let editions = TargetVersions::of(name, listing, &self.requests.sources, target);
        let editions = editions
            .versions()
            .filter_map(|version| editions.edition(version))
            .collect::<Vec<_>>();
        let offered = editions.into_iter().map(|edition| OfferedVersion {
            by_names: by_names(&edition, target).map(|(verdict, _)| verdict),
            version: edition.version,
        });
        offered.collect()
    }

    fn search(&self, wanting: &[NotReady<'_>]) -> Vec<Option<VersionSearch>> {
        let mut by_name: BTreeMap<&PackageName, Vec<usize>> = BTreeMap::new();
        for (position, it) in wanting.iter().enumerate() {
            by_name.entry(&it.chosen.name).or_default().push(position);
        }
        let names: Vec<(&PackageName, Vec<usize>)> = by_name.into_iter().collect();
        let known = self.examinations();
        // What is known of a package's files on one target serves for the next.
        let searched = each(&names, |(name, positions)| {
            self.session
                .observer
                .notice(ScanEvent::Searching { package: name });
            let search = |it: &NotReady<'_>| {
                let surroundings = ProbedSet {
                    requests: self.requests,
                    resolution: it.resolution,
                    examinations: &known,
                };
                first_ready(&self.session, surroundings, (it.chosen, it.result))
            };
            let searches = positions
                .iter()
                .filter_map(|position| Some((*position, search(wanting.get(*position)?))));
            searches.collect::<Vec<_>>()
        });
        let mut searches: BTreeMap<usize, Option<VersionSearch>> =
            searched.into_iter().flatten().collect();
        (0..wanting.len())
            .map(|position| searches.remove(&position).flatten())
            .collect()
    }

    fn unlocked(&self, lock: &Lock, target: Target) -> Vec<Request> {
        resolve::unlocked(lock, target, &self.session.options()).unwrap_or_default()
    }

    fn resolve(
        &self,
        requests: &Requests,
        orders: &TryOrders,
        requirements: RequirementMode,
        target: Target,
    ) -> Result<Resolution, SetConflict> {
        self.session
            .observer
            .notice(ScanEvent::Resolving { target });
        let options = self.options(requirements);
        let resolved = resolve::resolve_in_order(
            requests,
            target,
            &options,
            orders,
            self.session.distributions,
        );
        resolved.map_err(|error| {
            let explanation = |text: &str| text.lines().collect::<Vec<_>>().join(" ");
            match error {
                ResolveError::Conflict {
                    explanation: text,
                    packages,
                    exhausted,
                    ..
                } => SetConflict {
                    explanation: explanation(&text),
                    packages,
                    exhausted,
                },
                other => SetConflict {
                    explanation: explanation(&other.to_string()),
                    packages: Default::default(),
                    exhausted: Default::default(),
                },
            }
        })
    }

    fn judge(&self, requests: &Requests, resolutions: Vec<Resolution>) -> JudgedSet {
        let ScannedSet {
            resolutions,
            examinations,
            report,
        } = self.session.look_at(requests, resolutions);
        self.examinations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(examinations);
        JudgedSet {
            resolutions,
            report,
        }
    }

    fn kept_out(
        &self,
        set: &JudgedSet,
        name: &PackageName,
        version: &Version,
    ) -> Vec<VersionObstacle> {
        let by = |it: &Resolution| {
            obstacles::packages(
                self.requests,
                it,
                self.session.distributions,
                (name, version),
            )
        };
        set.resolutions.iter().flat_map(by).collect()
    }

    fn obstacles(
        &self,
        set: &JudgedSet,
        name: &PackageName,
        version: &Version,
    ) -> Vec<VersionObstacle> {
        let of_lines = set
            .resolutions
            .iter()
            .flat_map(|it| obstacles::lines(self.requests, it.target, name, version));
        let mut found: Vec<VersionObstacle> = of_lines.collect();
        if found.is_empty() {
            found = self.kept_out(set, name, version);
        }
        found.sort();
        found.dedup();
        found
    }
}
