//! Which versions of a package count, and which file of a version an installer takes for the target.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ranges::VersionRange;
use super::tags::TargetTags;
use crate::model::artifact::{Artifact, ArtifactKind, ArtifactListing};
use crate::model::digest::Digest;
use crate::model::name::{PackageName, Version};
use crate::model::request::FormatControl;
use crate::model::target::Target;
use crate::model::wheel_name::WheelName;

/// When pre-releases count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrereleaseMode {
    /// Where no final release in the range fits, as in pip 26 and uv 0.13: both leave out the files that do not fit before
    /// they ask what is a pre-release. A specifier that names a pre-release lets them into the range, but final releases
    /// still go first, as in uv; pip takes the newest of both then.
    IfNecessary,
    /// Like final releases (`--pre`).
    Always,
}

/// The rules by which files and versions are chosen: plain data, the same for the whole run.
#[derive(Debug)]
pub(super) struct CandidateSelector {
    pub(super) target: Target,
    /// The interpreter's full version, for `Requires-Python`.
    pub(super) python: Version,
    pub(super) tags: TargetTags,
    /// The tags of the same version's build with the GIL, when the target is free-threaded.
    pub(super) twin: Option<TargetTags>,
    pub(super) only_binary: FormatControl,
    pub(super) no_binary: FormatControl,
    pub(super) prereleases: PrereleaseMode,
    /// Versions that the user pinned, which may be yanked ones.
    pub(super) pins: BTreeMap<PackageName, BTreeSet<Version>>,
    /// Packages that the user names by their location, whatever format the file there has.
    pub(super) located: BTreeSet<PackageName>,
    /// For each name, sets of digests; a file must have one of each set.
    pub(super) hashes: BTreeMap<PackageName, Vec<Vec<Digest>>>,
}

/// How far the choice of a package's file may leave what an installer would accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FitLevel {
    /// Only files that fit the target.
    Strict,
    /// Where none does: files that fit the same version's build with the GIL.
    Twin,
    /// Where neither does: any file.
    Anything,
}

/// Why a file that is offered does not count for a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UnfitReason {
    Hash,
    Python,
    Format,
    Tags,
}

/// Everything that is offered under one name, grouped by version, newest first, as far as its versions count.
#[derive(Debug)]
pub(super) struct VersionCatalog {
    pub(super) listing: Arc<ArtifactListing>,
    pub(super) candidates: Vec<VersionCandidate>,
    /// Versions that are offered but do not count, with the reason.
    pub(super) hidden: Vec<(Version, &'static str)>,
}

/// One version and the files that count for it.
#[derive(Debug)]
pub(super) struct VersionCandidate {
    pub(super) version: Version,
    /// Positions in the listing.
    files: Vec<usize>,
    fits: OnceCell<FittingFiles>,
}

/// The best file for each level, as positions in the listing.
#[derive(Clone, Copy, Debug, Default)]
struct FittingFiles {
    strict: Option<usize>,
    twin: Option<usize>,
    any: Option<usize>,
}

/// The version and file that were picked.
#[derive(Clone, Copy, Debug)]
pub(super) struct PickedFile<'a> {
    pub(super) candidate: &'a VersionCandidate,
    pub(super) artifact: &'a Artifact,
    pub(super) level: FitLevel,
}

impl CandidateSelector {
    /// Groups a listing by version and leaves out the versions that do not count for the user's input.
    pub(super) fn offer(
        &self,
        name: &PackageName,
        listing: Arc<ArtifactListing>,
    ) -> VersionCatalog {
        let mut versions: BTreeMap<Version, Vec<usize>> = BTreeMap::new();
        for (position, file) in listing.files.iter().enumerate() {
            versions
                .entry(file.version.clone())
                .or_default()
                .push(position);
        }
        let pins = self.pins.get(name);
        let mut offer = VersionCatalog {
            candidates: Vec::new(),
            hidden: Vec::new(),
            listing: listing.clone(),
        };
        for (version, mut files) in versions.into_iter().rev() {
            if !pins.is_some_and(|pins| pins.contains(&version)) {
                files.retain(|&position| {
                    listing
                        .files
                        .get(position)
                        .is_some_and(|file| file.yanked.is_none())
                });
            }
            if files.is_empty() {
                offer
                    .hidden
                    .push((version, "yanked, which only `==` lets in"));
                continue;
            }
            offer.candidates.push(VersionCandidate {
                version,
                files,
                fits: OnceCell::new(),
            });
        }
        offer
    }

    /// The offer of a file that a requirement names by its location: it counts whatever its version.
    pub(super) fn single(artifact: Artifact) -> VersionCatalog {
        let version = artifact.version.clone();
        let listing = Arc::new(ArtifactListing {
            files: vec![artifact],
        });
        VersionCatalog {
            listing,
            candidates: vec![VersionCandidate {
                version,
                files: vec![0],
                fits: OnceCell::new(),
            }],
            hidden: vec![],
        }
    }

    /// The newest version in the range, with the file that the installer takes; at higher levels only after every
    /// version was tried at the lower ones.
    pub(super) fn pick<'a>(
        &self,
        offer: &'a VersionCatalog,
        range: &VersionRange,
        level: FitLevel,
    ) -> Option<PickedFile<'a>> {
        let inside = || {
            offer
                .candidates
                .iter()
                .filter(|candidate| range.contains(&candidate.version))
        };
        let has_final = inside().any(|candidate| !candidate.version.any_prerelease());
        let tried = [FitLevel::Strict, FitLevel::Twin, FitLevel::Anything]
            .into_iter()
            .filter(|tried| *tried <= level);
        let mut orders = tried.flat_map(|tried| match (self.prereleases, tried) {
            (PrereleaseMode::Always, _) => vec![(tried, None)],
            (PrereleaseMode::IfNecessary, FitLevel::Strict) => {
                vec![(tried, Some(false)), (tried, Some(true))]
            }
            // No installer takes what does not fit: it is the final release of which a person wants to hear.
            (PrereleaseMode::IfNecessary, FitLevel::Twin | FitLevel::Anything) => {
                vec![(tried, Some(!has_final))]
            }
        });
        orders.find_map(|(tried, early)| {
            let in_turn =
                |version: &Version| early.is_none_or(|early| version.any_prerelease() == early);
            inside()
                .filter(|candidate| in_turn(&candidate.version))
                .find_map(|candidate| {
                    let artifact = offer
                        .listing
                        .files
                        .get(self.fits(offer, candidate).at(tried)?)?;
                    Some(PickedFile {
                        candidate,
                        artifact,
                        level: tried,
                    })
                })
        })
    }

    /// The first version of an order that is in the range; at higher levels only after all were tried at the lower ones.
    pub(super) fn pick_in_order<'a>(
        &self,
        offer: &'a VersionCatalog,
        order: &[Version],
        range: &VersionRange,
        level: FitLevel,
    ) -> Option<PickedFile<'a>> {
        let mut tried = [FitLevel::Strict, FitLevel::Twin, FitLevel::Anything]
            .into_iter()
            .filter(|tried| *tried <= level);
        tried.find_map(|tried| {
            let inside = order.iter().filter(|version| range.contains(version));
            inside
                .filter_map(|version| offer.candidate(version))
                .find_map(|candidate| {
                    let artifact = offer
                        .listing
                        .files
                        .get(self.fits(offer, candidate).at(tried)?)?;
                    Some(PickedFile {
                        candidate,
                        artifact,
                        level: tried,
                    })
                })
        })
    }

    /// This version, with the file that the installer takes, or the best of those that it would not take.
    pub(super) fn pick_version<'a>(
        &self,
        offer: &'a VersionCatalog,
        version: &Version,
    ) -> Option<PickedFile<'a>> {
        let candidate = offer.candidate(version)?;
        let fits = self.fits(offer, candidate);
        [FitLevel::Strict, FitLevel::Twin, FitLevel::Anything]
            .into_iter()
            .find_map(|level| {
                let artifact = offer.listing.files.get(fits.at(level)?)?;
                Some(PickedFile {
                    candidate,
                    artifact,
                    level,
                })
            })
    }

    /// The files of a version from which its dependencies may be read, best first: the chosen one, and for a source
    /// distribution first the wheels for other targets, since a wheel's metadata never depends on a build.
    pub(super) fn described_by<'a>(
        &self,
        offer: &'a VersionCatalog,
        pick: PickedFile<'a>,
    ) -> Vec<&'a Artifact> {
        let any = self
            .fits(offer, pick.candidate)
            .any
            .and_then(|position| offer.listing.files.get(position));
        match any {
            Some(other) if pick.artifact.wheel().is_none() && other.wheel().is_some() => {
                vec![other, pick.artifact]
            }
            _ => vec![pick.artifact],
        }
    }

    /// The files of one version that count for the user's input.
    pub(super) fn files<'a>(
        offer: &'a VersionCatalog,
        candidate: &'a VersionCandidate,
    ) -> impl Iterator<Item = &'a Artifact> + Clone {
        candidate
            .files
            .iter()
            .filter_map(|&position| offer.listing.files.get(position))
    }

    /// Why the file does not count for the target; `None` when it does.
    pub(super) fn unfit(&self, file: &Artifact) -> Option<UnfitReason> {
        if !self.has_digest(file) {
            return Some(UnfitReason::Hash);
        }
        if file
            .requires_python
            .as_ref()
            .is_some_and(|wanted| !wanted.contains(&self.python))
        {
            return Some(UnfitReason::Python);
        }
        let forbidden = match file.wheel() {
            Some(_) => self.no_binary.covers(&file.name),
            None => self.only_binary.covers(&file.name),
        };
        if forbidden && !self.located.contains(&file.name) {
            return Some(UnfitReason::Format);
        }
        file.wheel()
            .filter(|wheel| self.tags.rank(wheel).is_none())
            .map(|_| UnfitReason::Tags)
    }

    /// Whether the file has one digest of each set that was demanded. A file of which no digest of those kinds is
    /// stated may have it: that shows when its bytes are read.
    fn has_digest(&self, file: &Artifact) -> bool {
        let mut demanded = self.hashes.get(&file.name).into_iter().flatten();
        demanded.all(|wanted| {
            !is_comparable(file, wanted)
                || file.digests.iter().any(|digest| wanted.contains(digest))
        })
    }

    fn fits(&self, offer: &VersionCatalog, candidate: &VersionCandidate) -> FittingFiles {
        *candidate.fits.get_or_init(|| {
            let files = || {
                candidate
                    .files
                    .iter()
                    .filter_map(|&at| Some((at, offer.listing.files.get(at)?)))
            };
            let wheels = || files().filter_map(|(at, file)| Some((at, file, file.wheel()?)));
            let fitting = |tags: &TargetTags| {
                let counting = wheels().filter(|(_, file, _)| {
                    matches!(self.unfit(file), None | Some(UnfitReason::Tags))
                });
                let ranked = counting.filter_map(|(at, _, wheel)| {
                    Some((tags.rank(wheel)?, newest_build(wheel), at))
                });
                ranked.min().map(|(.., at)| at)
            };
            let source = || {
                let sources = files()
                    .filter(|(_, file)| file.wheel().is_none() && self.unfit(file).is_none());
                sources
                    .min_by_key(|(at, file)| (source_rank(file), *at))
                    .map(|(at, _)| at)
            };
            let other_wheel = wheels().min_by_key(|(at, _, wheel)| {
                let twin = self
                    .twin
                    .as_ref()
                    .and_then(|tags| tags.rank(wheel))
                    .unwrap_or(usize::MAX);
                (twin, !self.tags.fits_platform(wheel), *at)
            });
            FittingFiles {
                strict: fitting(&self.tags).or_else(source),
                twin: self.twin.as_ref().and_then(fitting),
                any: other_wheel
                    .map(|(at, ..)| at)
                    .or_else(|| files().next().map(|(at, _)| at)),
            }
        })
    }
}

impl FittingFiles {
    fn at(self, level: FitLevel) -> Option<usize> {
        match level {
            FitLevel::Strict => self.strict,
            FitLevel::Twin => self.twin,
            FitLevel::Anything => self.any,
        }
    }
}

impl VersionCatalog {
    /// The version with its files.
    fn candidate(&self, version: &Version) -> Option<&VersionCandidate> {
        let newest_first = self
            .candidates
            .binary_search_by(|candidate| version.cmp(&candidate.version));
        self.candidates.get(newest_first.ok()?)
    }

    /// The versions that count, oldest first, as the solver's sets want them.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Version> {
        self.candidates
            .iter()
            .rev()
            .map(|candidate| &candidate.version)
    }
}

fn is_comparable(file: &Artifact, wanted: &[Digest]) -> bool {
    file.digests.iter().any(|digest| {
        wanted
            .iter()
            .any(|other| other.algorithm == digest.algorithm)
    })
}

/// Of wheels with the same tags the highest build tag wins; none is the lowest.
fn newest_build(wheel: &WheelName) -> Reverse<Option<(u64, String)>> {
    Reverse(wheel.build.clone())
}

/// `.tar.gz` is what the specification asks for; other archives are older habits.
fn source_rank(file: &Artifact) -> u8 {
    match file.kind {
        ArtifactKind::Sdist if file.filename.ends_with(".tar.gz") => 0,
        ArtifactKind::Sdist
        | ArtifactKind::Wheel(_)
        | ArtifactKind::SourceTree
        | ArtifactKind::Installed { .. } => 1,
    }
}

/// Which platform wheels of the same version a pure wheel stands in for: those that the same Python's build with the
/// GIL would get first, then those for this platform, for this system, and for any other.
pub(super) fn lost(
    selector: &CandidateSelector,
    offer: &VersionCatalog,
    pick: PickedFile<'_>,
) -> Vec<Artifact> {
    if !pick.artifact.wheel().is_some_and(WheelName::is_pure) {
        return Vec::new();
    }
    let mut lost: Vec<_> = CandidateSelector::files(offer, pick.candidate)
        .filter_map(|file| Some((file, file.wheel()?)))
        .filter(|(_, wheel)| !wheel.is_pure() && is_cpython(wheel))
        .map(|(file, wheel)| {
            let twin = selector
                .twin
                .as_ref()
                .and_then(|tags| tags.rank(wheel))
                .unwrap_or(usize::MAX);
            let here = selector.tags.fits_platform(wheel);
            let system = system_prefix(selector.target);
            let alike = wheel
                .platform
                .iter()
                .any(|platform| platform.contains(system));
            ((twin, !here, !alike, file.filename.clone()), file.clone())
        })
        .collect();
    lost.sort_by(|(left, _), (right, _)| left.cmp(right));
    lost.into_iter().map(|(_, file)| file).collect()
}

fn is_cpython(wheel: &WheelName) -> bool {
    wheel
        .python
        .iter()
        .any(|tag| tag.starts_with("cp") || tag.starts_with("py3"))
}

/// What the platform tags of this system have in common, whichever its release and architecture.
fn system_prefix(target: Target) -> &'static str {
    use crate::model::target::System;
    match target.platform.system {
        System::Manylinux(..) | System::Musllinux(..) => "linux",
        System::Macos(..) => "macosx",
        System::Windows => "win",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::artifact::MetadataFile;
    use crate::model::place::Location;

    fn selector() -> CandidateSelector {
        let target = Target {
            python: "3.14t".parse().unwrap(),
            platform: "linux-x86_64".parse().unwrap(),
        };
        CandidateSelector {
            target,
            python: "3.14.0".parse().unwrap(),
            tags: TargetTags::new(target),
            twin: Some(TargetTags::new(Target {
                python: target.python.twin(),
                ..target
            })),
            only_binary: FormatControl::None,
            no_binary: FormatControl::None,
            prereleases: PrereleaseMode::IfNecessary,
            pins: BTreeMap::new(),
            located: BTreeSet::new(),
            hashes: BTreeMap::new(),
        }
    }

    fn file(filename: &str) -> Artifact {
        let wheel: Option<WheelName> = filename.parse().ok();
        let version = wheel
            .as_ref()
            .map_or_else(|| "1.0".parse().unwrap(), |wheel| wheel.version.clone());
        Artifact {
            name: "a".parse().unwrap(),
            version,
            filename: filename.to_owned(),
            kind: wheel.map_or(ArtifactKind::Sdist, ArtifactKind::Wheel),
            location: Location::Path(filename.into()),
            digests: vec![],
            size: None,
            requires_python: None,
            yanked: None,
            metadata_file: MetadataFile::Unannounced,
        }
    }

    /// The file that is picked of these, and those from which its dependencies may be read.
    fn picked(filenames: &[&str], level: FitLevel) -> Option<(String, Vec<String>)> {
        let selector = selector();
        let files = filenames.iter().map(|filename| file(filename)).collect();
        let offer = selector.offer(&"a".parse().unwrap(), Arc::new(ArtifactListing { files }));
        let pick = selector.pick(&offer, &VersionRange::full(), level)?;
        let described_by = selector.described_by(&offer, pick);
        Some((
            pick.artifact.filename.clone(),
            described_by
                .iter()
                .map(|file| file.filename.clone())
                .collect(),
        ))
    }

    #[test]
    fn one_file_of_a_version_is_picked() {
        let table: [(&[&str], Option<&str>); 6] = [
            (
                &[
                    "a-1.0-py3-none-any.whl",
                    "a-1.0-cp314-cp314t-linux_x86_64.whl",
                ],
                Some("a-1.0-cp314-cp314t-linux_x86_64.whl"),
            ),
            (
                &["a-1.0-2-py3-none-any.whl", "a-1.0-10-py3-none-any.whl"],
                Some("a-1.0-10-py3-none-any.whl"),
            ),
            (
                &["a-1.0-py3-none-any.whl", "a-1.0-1-py3-none-any.whl"],
                Some("a-1.0-1-py3-none-any.whl"),
            ),
            (&["a-1.0.zip", "a-1.0.tar.gz"], Some("a-1.0.tar.gz")),
            (
                &["a-1.0.tar.gz", "a-1.0-cp314-cp314-linux_x86_64.whl"],
                Some("a-1.0.tar.gz"),
            ),
            (&["a-1.0-cp314-cp314-linux_x86_64.whl"], None),
        ];
        for (files, expected) in table {
            assert_eq!(
                picked(files, FitLevel::Strict)
                    .map(|(file, _)| file)
                    .as_deref(),
                expected,
                "{files:?}"
            );
        }
    }

    #[test]
    fn higher_levels_let_in_what_does_not_fit() {
        let files = [
            "a-2.0-cp313-cp313-win_amd64.whl",
            "a-1.0-cp314-cp314-linux_x86_64.whl",
        ];
        assert_eq!(picked(&files, FitLevel::Twin).unwrap().0, files[1]);
        assert_eq!(picked(&files, FitLevel::Anything).unwrap().0, files[1]);
        assert_eq!(picked(&files[..1], FitLevel::Twin), None);
        assert_eq!(picked(&files[..1], FitLevel::Anything).unwrap().0, files[0]);
    }

    #[test]
    fn the_nearest_wheel_describes_a_source() {
        let files = [
            "a-1.0-cp313-cp313-win_amd64.whl",
            "a-1.0-cp314-cp314-linux_x86_64.whl",
            "a-1.0.tar.gz",
        ];
        let (picked, described_by) = picked(&files, FitLevel::Strict).unwrap();
        assert_eq!(
            (picked.as_str(), described_by.as_slice()),
            (
                files[2],
                [files[1].to_owned(), files[2].to_owned()].as_slice()
            )
        );
    }
}
