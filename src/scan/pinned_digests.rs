//! Digests that lines, constraints and lock files demand of files, held against those that are known of a file: what was
//! computed of its bytes where all of them were read, and else what the index states.

use std::collections::BTreeMap;

use crate::model::artifact::{Artifact, FileCheck, MetadataFile};
use crate::model::digest::{Algorithm, Digest};
use crate::model::facts::Fact;
use crate::model::lock::Pin;
use crate::model::name::{self, PackageName, Version, VersionSpecifiers};
use crate::model::place::{Location, Place};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::{Requests, WantedPackage};

use super::examination::FileExamination;

/// When a file of which a digest is pinned is read as a whole, so that the digest is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigestChecks {
    /// Where nothing else can be compared: the index states no digest of the kind that is pinned.
    #[default]
    WhereUnstated,
    /// Always (`--verify-hashes`).
    Always,
}

/// All digests that the input demands.
#[derive(Debug, Default)]
pub(super) struct PinnedDigests {
    checks: DigestChecks,
    by_name: BTreeMap<PackageName, Vec<DigestPin>>,
    by_location: BTreeMap<Location, Vec<DigestPin>>,
}

/// What one line demands: one of these digests.
#[derive(Debug)]
struct DigestPin {
    pinned_by: PinnedBy,
    versions: PinnedVersions,
    digests: Vec<Digest>,
    place: Place,
}

/// Whether a file that has none of the digests may be taken all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PinnedBy {
    /// It may not.
    Line,
    /// It may where the lock leaves the target out, which whoever chose the file has said.
    Lock,
}

/// The versions of whose files a line speaks.
#[derive(Debug)]
enum PinnedVersions {
    All,
    Accepted(VersionSpecifiers),
    One(Version),
}

impl PinnedVersions {
    fn contain(&self, version: &Version) -> bool {
        match self {
            PinnedVersions::All => true,
            PinnedVersions::Accepted(specifiers) => specifiers.contains(version),
            PinnedVersions::One(pinned) => pinned == version,
        }
    }
}

impl PinnedDigests {
    /// Those of everything that is asked for.
    pub(super) fn of(requests: &Requests, checks: DigestChecks) -> PinnedDigests {
        let mut pinned = PinnedDigests {
            checks,
            ..PinnedDigests::default()
        };
        for request in requests
            .requests
            .iter()
            .chain(&requests.constraints)
            .filter(|it| !it.hashes.is_empty())
        {
            let (digests, place) = (request.hashes.clone(), request.place.clone());
            match &request.wanted {
                WantedPackage::Named(requirement) => {
                    let versions = name::specifiers(requirement).cloned();
                    let versions = versions.map_or(PinnedVersions::All, PinnedVersions::Accepted);
                    pinned.of_name(&requirement.name).push(DigestPin {
                        pinned_by: PinnedBy::Line,
                        versions,
                        digests,
                        place,
                    });
                }
                WantedPackage::Unnamed { location, .. } => {
                    let versions = PinnedVersions::All;
                    pinned.of_location(location).push(DigestPin {
                        pinned_by: PinnedBy::Line,
                        versions,
                        digests,
                        place,
                    });
                }
            }
        }
        for package in requests
            .locks
            .iter()
            .flat_map(|lock| &lock.packages)
            .filter(|it| !it.hashes.is_empty())
        {
            let (digests, place) = (package.hashes.clone(), package.place.clone());
            match &package.pin {
                Pin::Version(version) => {
                    let versions = PinnedVersions::One(version.clone());
                    let pins = pinned.of_name(&package.name);
                    // Two lines about one version are for different targets: its files have a digest of either.
                    let is_same = |pin: &&mut DigestPin| {
                        pin.place.file == place.file
                            && matches!(&pin.versions, PinnedVersions::One(it) if it == version)
                    };
                    match pins.iter_mut().find(is_same) {
                        Some(pin) => pin.digests.extend(digests),
                        None => pins.push(DigestPin {
                            pinned_by: PinnedBy::Lock,
                            versions,
                            digests,
                            place,
                        }),
                    }
                }
                Pin::Location(location) => {
                    let versions = PinnedVersions::All;
                    pinned.of_location(location).push(DigestPin {
                        pinned_by: PinnedBy::Lock,
                        versions,
                        digests,
                        place,
                    });
                }
                Pin::Project => {}
            }
        }
        pinned
    }

    fn of_name(&mut self, name: &PackageName) -> &mut Vec<DigestPin> {
        self.by_name.entry(name.clone()).or_default()
    }

    fn of_location(&mut self, location: &Location) -> &mut Vec<DigestPin> {
        self.by_location.entry(location.clone()).or_default()
    }

    fn pins<'a>(&'a self, artifact: &'a Artifact) -> impl Iterator<Item = &'a DigestPin> {
        let by_name = self.by_name.get(&artifact.name).into_iter().flatten();
        let by_name = by_name.filter(|pin| pin.versions.contain(&artifact.version));
        let all = by_name.chain(
            self.by_location
                .get(&artifact.location)
                .into_iter()
                .flatten(),
        );
        all.filter(|pin| {
            pin.pinned_by == PinnedBy::Line || !differs(&artifact.digests, &pin.digests)
        })
    }

    /// The kinds of digests that anybody states of a file or demands of it; none where its digest is of no interest.
    pub(super) fn algorithms(&self, artifact: &Artifact) -> Vec<Algorithm> {
        let stated = artifact.digests.iter().map(|digest| digest.algorithm);
        let demanded = self
            .pins(artifact)
            .flat_map(|pin| &pin.digests)
            .map(|digest| digest.algorithm);
        let mut algorithms: Vec<Algorithm> = stated.chain(demanded).collect();
        if !algorithms.is_empty() {
            algorithms.push(Algorithm::Sha256);
        }
        algorithms.sort_unstable();
        algorithms.dedup();
        algorithms
    }

    /// Whether all of a file is read, to compute its digest.
    pub(super) fn want_whole(&self, artifact: &Artifact) -> bool {
        match self.checks {
            DigestChecks::WhereUnstated => self
                .pins(artifact)
                .any(|pin| !pin.is_comparable(&artifact.digests)),
            DigestChecks::Always => {
                self.pins(artifact).next().is_some() || is_pinned_by_url(artifact)
            }
        }
    }

    /// What was found in a file, if it is the file that is demanded; else nothing of it counts.
    pub(super) fn hold_to(
        &self,
        artifact: &Artifact,
        examination: FileExamination,
    ) -> FileExamination {
        let known = match &examination.check {
            FileCheck::Digest(computed) => computed.as_slice(),
            FileCheck::Unread | FileCheck::Ranges => artifact.digests.as_slice(),
        };
        let stated = artifact
            .digests
            .iter()
            .filter(|stated| differs(known, std::slice::from_ref(*stated)));
        let stated = stated.map(|stated| (stated, "what is stated of it".to_owned()));
        let demanded = self
            .pins(artifact)
            .filter(|pin| differs(known, &pin.digests));
        let demanded = demanded
            .filter_map(|pin| Some((pin.digests.first()?, format!("what {} demands", pin.place))));
        let wrong = stated.chain(demanded).next().and_then(|(expected, whose)| {
            let found = known
                .iter()
                .find(|found| found.algorithm == expected.algorithm)?;
            Some(format!("its digest is {found}; {whose} is {expected}"))
        });
        let uncompared = self.pins(artifact).find(|pin| !pin.is_comparable(known));
        let problem = |message: String| Problem {
            kind: ProblemKind::Integrity,
            package: Some(artifact.name.clone()),
            place: artifact.filename.clone(),
            message,
        };
        let served = served_metadata(artifact, &examination).map(problem);
        match (wrong, uncompared) {
            (Some(message), _) => FileExamination {
                source: Fact::unknown(message.clone()),
                check: examination.check,
                size: examination.size,
                ..FileExamination::failed(problem(message))
            },
            // What could not be read at all says so already.
            (None, Some(pin)) if examination.problems.is_empty() => {
                let message = format!(
                    "it was not compared with the digest that {} demands",
                    pin.place
                );
                FileExamination {
                    problems: vec![problem(message)],
                    ..examination
                }
            }
            (None, _) => {
                let problems = examination.problems.iter().cloned().chain(served).collect();
                FileExamination {
                    problems,
                    ..examination
                }
            }
        }
    }
}

/// What is wrong where the index serves another `METADATA` beside a wheel than the one in it: what was resolved is not what
/// gets installed.
fn served_metadata(artifact: &Artifact, examination: &FileExamination) -> Option<String> {
    let MetadataFile::Announced(Some(served)) = &artifact.metadata_file else {
        return None;
    };
    let own = examination
        .metadata
        .as_ref()
        .filter(|own| own.algorithm == served.algorithm && *own != served)?;
    Some(format!(
        "its METADATA is {own}; the index serves another one beside it, {served}"
    ))
}

impl DigestPin {
    fn is_comparable(&self, known: &[Digest]) -> bool {
        known.iter().any(|known| {
            self.digests
                .iter()
                .any(|pinned| pinned.algorithm == known.algorithm)
        })
    }
}

/// Whether there is something to compare, and no digest is the same.
fn differs(known: &[Digest], wanted: &[Digest]) -> bool {
    let comparable = known.iter().filter(|known| {
        wanted
            .iter()
            .any(|wanted| wanted.algorithm == known.algorithm)
    });
    let mut comparable = comparable.peekable();
    comparable.peek().is_some() && !comparable.any(|known| wanted.contains(known))
}

/// Whether the URL that names the file says which digest it has.
fn is_pinned_by_url(artifact: &Artifact) -> bool {
    let Location::Url(url) = &artifact.location else {
        return false;
    };
    url.fragment().is_some_and(|fragment| {
        fragment
            .split('&')
            .filter_map(|part| part.split_once('='))
            .any(|(name, _)| Algorithm::from_name(name).is_some())
    })
}
