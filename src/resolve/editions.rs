//! Every version that is offered under a name, each with what an installer would get if it were the one to install:
//! whoever looks for another version than the resolution's asks here which of them are worth looking into.

use std::sync::Arc;

use super::candidates::{Offer, Selector};
use super::{Options, assembly, demands};
use crate::model::artifact::Listing;
use crate::model::name::{PackageName, Version};
use crate::model::request::Sources;
use crate::model::resolution::Choice;
use crate::model::target::Target;

/// One version of a package, as the target gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// The version.
    pub version: Version,
    /// What an installer gets of it.
    pub choice: Choice,
}

/// What is offered under one name, for one target.
pub struct Editions {
    selector: Selector,
    offer: Offer,
}

impl Editions {
    /// Looks at a listing with the user's sources. Digests that the input demands do not count: they are those of the
    /// version that is to be replaced. Yanked versions do not count either.
    pub fn of(name: &PackageName, listing: Arc<Listing>, sources: &Sources, target: Target) -> Editions {
        let rules = demands::Rules::default();
        let selector = demands::selector(sources, target, &Options::default(), rules);
        let offer = selector.offer(name, listing);
        Editions { selector, offer }
    }

    /// Every version, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.offer.versions()
    }

    /// What an installer gets of this version; `None` when it is not offered.
    pub fn edition(&self, version: &Version) -> Option<Edition> {
        let pick = self.selector.pick_version(&self.offer, version)?;
        let choice = assembly::choice(&self.selector, &self.offer, pick, None);
        Some(Edition { version: pick.artifact.version.clone(), choice })
    }
}
