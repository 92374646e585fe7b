//! What an installer would choose on the same Python's build with the GIL. Installers say nothing when they go back to an
//! old version, to a pure wheel or to a source distribution because the free-threaded build has fewer files that fit.
//!
//! Whether the versions can differ at all shows in the listings that are there already. Only where they can, the set is
//! resolved again for the other build; what versions require is then taken from the files that were read for this one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::artifact::{Artifact, ArtifactListing};
use crate::model::metadata::Metadata;
use crate::model::name::{PackageName, Version};
use crate::model::place::Location;
use crate::model::request::{PackageSources, Requests};
use crate::model::resolution::{Choice, Chosen, OtherBuild, Resolution};
use crate::model::subject::InstallChoice;
use crate::model::target::Target;
use crate::resolve::editions::TargetVersions;
use crate::resolve::{
    self, CatalogError, LocatedArtifact, PackageCatalog, PrefetchHint, ResolveOptions,
};

use super::distributions::RunDistributions;
use super::{judging, obstacles};

/// What differs, by package. Nothing for a target with the GIL, and for packages that a lock file pins or that come from
/// elsewhere than an index.
pub(super) fn compare(
    requests: &Requests,
    resolution: &Resolution,
    options: &ResolveOptions,
    distributions: &RunDistributions,
) -> BTreeMap<PackageName, OtherBuild> {
    let target = resolution.target;
    if !target.python.free_threaded || requests.requests.is_empty() {
        return BTreeMap::new();
    }
    let other = Target {
        python: target.python.twin(),
        ..target
    };
    let pairs: Vec<BuildPair<'_>> = resolution
        .packages
        .iter()
        .filter(|chosen| !is_locked(chosen, requests))
        .filter_map(|chosen| {
            BuildPair::of(chosen, (target, other), &requests.sources, distributions)
        })
        .collect();
    let resolved = if pairs
        .iter()
        .any(|pair| !obstacles::is_pinned(requests, &pair.chosen.name) && pair.could_differ())
    {
        let unlocked = Requests {
            locks: Vec::new(),
            ..requests.clone()
        };
        resolve::resolve(&unlocked, other, options, &KnownWorld(distributions)).ok()
    } else {
        None
    };
    let theirs = |name: &PackageName| {
        let resolved = resolved.as_ref()?;
        Some(resolved.packages.iter().find(|chosen| chosen.name == *name))
    };
    pairs
        .iter()
        .filter_map(|pair| {
            Some((
                pair.chosen.name.clone(),
                pair.difference(theirs(&pair.chosen.name))?,
            ))
        })
        .collect()
}

fn is_locked(chosen: &Chosen, requests: &Requests) -> bool {
    let is_lock = |file: &String| requests.locks.iter().any(|lock| lock.file == *file);
    chosen
        .required_by
        .iter()
        .all(|required| is_lock(&required.place.file))
}

/// One package as both builds see it.
struct BuildPair<'a> {
    chosen: &'a Chosen,
    version: &'a Version,
    target: Target,
    other: Target,
    here: TargetVersions,
    there: TargetVersions,
}

impl<'a> BuildPair<'a> {
    fn of(
        chosen: &'a Chosen,
        (target, other): (Target, Target),
        sources: &PackageSources,
        distributions: &RunDistributions,
    ) -> Option<BuildPair<'a>> {
        let version = chosen.version.as_ref()?;
        let listing = distributions.index().known_listing(&chosen.name)?;
        let editions =
            |target| TargetVersions::of(&chosen.name, Arc::clone(&listing), sources, target);
        let (here, there) = (editions(target), editions(other));
        // A file that a requirement names by its place is the same for every build.
        there.edition(version)?;
        Some(BuildPair {
            chosen,
            version,
            target,
            other,
            here,
            there,
        })
    }

    /// Whether a newer version fits the other build alone.
    fn could_differ(&self) -> bool {
        let fits = |editions: &TargetVersions, version: &Version| {
            let edition = editions.edition(version);
            edition.is_some_and(|edition| judging::artifact(&edition.choice).is_some())
        };
        let newer = self
            .there
            .versions()
            .filter(|version| *version > self.version);
        newer
            .filter(|version| fits(&self.there, version))
            .any(|version| !fits(&self.here, version))
    }

    /// What the other build gets, when that is another version or when only the other build gets compiled modules.
    /// `resolved` is what its resolution says, where there was one.
    fn difference(&self, resolved: Option<Option<&Chosen>>) -> Option<OtherBuild> {
        let same = || {
            self.there
                .edition(self.version)
                .map(|edition| (Some(edition.version), edition.choice))
        };
        let (version, choice) = match resolved {
            Some(Some(chosen)) => (chosen.version.clone(), chosen.choice.clone()),
            Some(None) => return None,
            None => same()?,
        };
        let is_compiled = |choice: &Choice, target: Target| {
            matches!(
                resolve::offer(choice, target.platform),
                InstallChoice::Wheel { .. }
            )
        };
        let differs = version.as_ref() != Some(self.version)
            || (is_compiled(&choice, self.other) && !is_compiled(&self.chosen.choice, self.target));
        let filename = judging::artifact(&choice).map(|artifact| artifact.filename.clone());
        differs.then_some(OtherBuild {
            python: self.other.python,
            version,
            filename,
        })
    }
}

/// The world as it was read for one build: what a version requires is the same whichever of its files says so.
struct KnownWorld<'a>(&'a RunDistributions);

impl PackageCatalog for KnownWorld<'_> {
    fn listing(&self, name: &PackageName) -> Result<Arc<ArtifactListing>, CatalogError> {
        self.0.listing(name)
    }

    fn metadata(&self, artifact: &Artifact) -> Result<Arc<Metadata>, CatalogError> {
        match self.0.known_metadata(&artifact.name, &artifact.version) {
            Some(known) => Ok(known),
            None => self.0.metadata(artifact),
        }
    }

    fn located(&self, location: &Location) -> Result<Arc<LocatedArtifact>, CatalogError> {
        self.0.located(location)
    }

    fn prefetch(&self, _hints: Vec<PrefetchHint>) {
        // It would ask for the other build's files, of which nothing is needed.
    }
}
