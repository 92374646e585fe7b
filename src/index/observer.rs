//! What the client tells whoever wants to show progress. It prints nothing itself.

use crate::model::name::PackageName;

/// Something being fetched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The listing of a project, from all indexes.
    Listing(PackageName),
    /// The metadata file beside this file.
    Metadata(String),
    /// Parts of this file.
    File(String),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Work on it started.
    Started(Subject),
    /// Work on it ended, with or without success.
    Finished(Subject),
    /// A request failed and is repeated: what was asked for, and why.
    Repeated {
        /// What was asked for, without credentials.
        url: String,
        /// What happened.
        why: String,
    },
}

/// Takes events; called from many threads.
pub trait Observer: Send + Sync {
    /// One event. It should return quickly.
    fn event(&self, event: Event);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn event(&self, _event: Event) {}
}
