//! The file that an installer takes of a package whose version or location a lock pins.

use std::sync::Arc;

use crate::model::artifact::{Artifact, ArtifactListing};
use crate::model::digest::Digest;
use crate::model::lock::{LockedPackage, Pin};
use crate::model::name::Version;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::resolution::Choice;

use super::super::assembly::{choice, contradicted};
use super::super::candidates::{CandidateSelector, FitLevel, VersionCatalog};
use super::super::demands::{DirectRequirement, problem_of};
use super::super::ranges::VersionRange;
use super::super::{PackageCatalog, VersionStatement};
use super::SelectedPackages;

impl<'a> SelectedPackages<'a> {
    /// The file of a pinned version, out of those that have one of the lock's digests; of all, where the lock leaves the
    /// target out.
    pub(super) fn pinned(
        &self,
        package: &LockedPackage,
        version: &Version,
        selector: &CandidateSelector,
        catalog: &dyn PackageCatalog,
        problems: &mut Vec<Problem>,
    ) -> Choice {
        let (name, place) = (&package.name, &package.place);
        let mut unknown = |problem: Problem| {
            problems.push(problem.clone());
            Choice::Unknown {
                why: problem.message,
            }
        };
        let listing = match catalog.listing(name) {
            Ok(listing) => listing,
            Err(error) => return unknown(problem_of(&error, Some(name))),
        };
        let offered: Vec<&Artifact> = listing
            .files
            .iter()
            .filter(|file| file.version == *version)
            .collect();
        if offered.is_empty() {
            let message = format!("no index offers {name} {version}, which {place} pins");
            let (kind, place) = (ProblemKind::Index, name.to_string());
            return unknown(Problem {
                kind,
                package: Some(name.clone()),
                place,
                message,
            });
        }
        let counts =
            |file: &&&Artifact| !self.excluded.is_empty() || may_have(file, &package.hashes);
        let allowed: Vec<Artifact> = offered
            .iter()
            .filter(counts)
            .map(|file| (*file).clone())
            .collect();
        let (count, all) = (allowed.len(), offered.len());
        if allowed.is_empty() {
            let why = format!("no file of {name} {version} has a digest that {place} gives");
            let (kind, package, message) =
                (ProblemKind::Integrity, Some(name.clone()), why.clone());
            problems.push(Problem {
                kind,
                package,
                place: name.to_string(),
                message,
            });
            return Choice::Nothing {
                why,
                requires_python: None,
            };
        }
        let offer = selector.offer(name, Arc::new(ArtifactListing { files: allowed }));
        let Some(pick) = selector.pick(
            &offer,
            &VersionRange::singleton(version.clone()),
            FitLevel::Anything,
        ) else {
            return Choice::Unknown {
                why: format!("no file of {name} {version} could be chosen"),
            };
        };
        match choice(selector, &offer, pick, None) {
            Choice::Nothing {
                why,
                requires_python: None,
            } if count < all => {
                let why = format!("{why} ({place} allows {count} of its {all} files)");
                Choice::Nothing {
                    why,
                    requires_python: None,
                }
            }
            choice => choice,
        }
    }
}

/// Whether the chosen file is none of those that the lock has.
pub(super) fn is_lacking(package: &LockedPackage, choice: &Choice) -> bool {
    match choice {
        Choice::Wheel { artifact, .. } | Choice::Source { artifact } => {
            matches!(package.pin, Pin::Version(_))
                && !package.hashes.is_empty()
                && !may_have(artifact, &package.hashes)
        }
        Choice::Installed { .. } | Choice::Nothing { .. } | Choice::Unknown { .. } => false,
    }
}

/// Whether the file has one of the digests, or states none that could be compared.
fn may_have(file: &Artifact, hashes: &[Digest]) -> bool {
    let comparable = |digest: &Digest| {
        hashes
            .iter()
            .any(|wanted| wanted.algorithm == digest.algorithm)
    };
    !file.digests.iter().any(comparable)
        || file.digests.iter().any(|digest| hashes.contains(digest))
}

pub(super) fn located(
    site: DirectRequirement,
    selector: &CandidateSelector,
    problems: &mut Vec<Problem>,
) -> (Option<Version>, Choice) {
    let located = match site.found {
        Ok(located) => located,
        Err(problem) => {
            problems.push(problem.clone());
            return (
                None,
                Choice::Unknown {
                    why: problem.message,
                },
            );
        }
    };
    let stated =
        (located.version == VersionStatement::Stated).then(|| located.artifact.version.clone());
    let offer: VersionCatalog = CandidateSelector::single(located.artifact.clone());
    let Some(pick) = selector.pick(&offer, &VersionRange::full(), FitLevel::Anything) else {
        return (
            stated,
            Choice::Unknown {
                why: "the file at the location could not be chosen".to_owned(),
            },
        );
    };
    problems.extend(contradicted(selector, &offer, pick));
    let choice = choice(selector, &offer, pick, None);
    (stated, choice)
}
