//! Every version that is offered under a name, each with what an installer would get if it were the one to install:
//! whoever looks for another version than the resolution's asks here which of them are worth looking into.

use std::sync::Arc;

use super::candidates::{CandidateSelector, VersionCatalog};
use super::{ResolveOptions, assembly, demands};
use crate::model::artifact::ArtifactListing;
use crate::model::name::{PackageName, Version};
use crate::model::request::PackageSources;
use crate::model::resolution::Choice;
use crate::model::target::Target;

/// One version of a package, as the target gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetVersion {
    /// The version.
    pub version: Version,
    /// What an installer gets of it.
    pub choice: Choice,
}

/// What is offered under one name, for one target.
pub struct TargetVersions {
    selector: CandidateSelector,
    offer: VersionCatalog,
}

impl TargetVersions {
    /// Looks at a listing with the user's sources. Digests that the input demands do not count: they are those of the
    /// version that is to be replaced. Yanked versions do not count either.
    pub fn of(
        name: &PackageName,
        listing: Arc<ArtifactListing>,
        sources: &PackageSources,
        target: Target,
    ) -> TargetVersions {
        let rules = demands::ChoiceRules::default();
        let selector = demands::selector(sources, target, &ResolveOptions::default(), rules);
        let offer = selector.offer(name, listing);
        TargetVersions { selector, offer }
    }

    /// Every version, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.offer.versions()
    }

    /// What an installer gets of this version; `None` when it is not offered.
    pub fn edition(&self, version: &Version) -> Option<TargetVersion> {
        let pick = self.selector.pick_version(&self.offer, version)?;
        let choice = assembly::choice(&self.selector, &self.offer, pick, None);
        Some(TargetVersion {
            version: pick.artifact.version.clone(),
            choice,
        })
    }
}
