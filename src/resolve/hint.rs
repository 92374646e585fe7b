//! What the solver will ask for next, so that the network can work while it thinks.

use std::sync::Arc;

use super::candidates::{Level, Selector};
use super::ranges::Range;
use crate::model::artifact::{Artifact, Listing};
use crate::model::name::PackageName;

/// A package that the solver has just heard of.
#[derive(Clone, Debug)]
pub struct Hint {
    pub(super) name: PackageName,
    pub(super) range: Range,
    pub(super) selector: Arc<Selector>,
}

impl Hint {
    /// The package whose listing will be asked for.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// The file whose metadata will most likely be asked for, given the listing.
    pub fn likely(&self, listing: &Arc<Listing>) -> Option<Artifact> {
        let offer = self.selector.offer(&self.name, listing.clone());
        let pick = self.selector.pick(&offer, &self.range, Level::Strict)?;
        self.selector.described_by(&offer, pick).first().map(|artifact| (*artifact).clone())
    }
}
