//! What the solver will ask for next, so that the network can work while it thinks.

use std::sync::Arc;

use super::candidates::{CandidateSelector, FitLevel};
use super::ranges::VersionRange;
use crate::model::artifact::{Artifact, ArtifactListing};
use crate::model::name::PackageName;

/// A package that the solver has just heard of, or of which it goes through version after version.
#[derive(Clone, Debug)]
pub struct PrefetchHint {
    pub(super) name: PackageName,
    pub(super) range: VersionRange,
    pub(super) selector: Arc<CandidateSelector>,
    /// How many files will be asked for.
    pub(super) files: usize,
}

impl PrefetchHint {
    /// The package whose listing will be asked for.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// The files whose metadata will most likely be asked for, given the listing; the likeliest first.
    pub fn likely(&self, listing: &Arc<ArtifactListing>) -> Vec<Artifact> {
        let offer = self.selector.offer(&self.name, listing.clone());
        let mut range = self.range.clone();
        let mut likely = Vec::new();
        while likely.len() < self.files
            && let Some(pick) = self.selector.pick(&offer, &range, FitLevel::Strict)
            && let Some(file) = self.selector.described_by(&offer, pick).first()
        {
            likely.push((*file).clone());
            range = range.intersection(
                &VersionRange::singleton(pick.candidate.version.clone()).complement(),
            );
        }
        likely
    }
}
