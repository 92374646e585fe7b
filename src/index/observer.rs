//! What the client tells whoever wants to show progress. It prints nothing itself.

use crate::model::name::PackageName;

/// Something being fetched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FetchSubject {
    /// The listing of a project, from all indexes.
    Listing(PackageName),
    /// The metadata file beside this file.
    Metadata(String),
    /// Parts of this file.
    File(String),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchEvent {
    /// Work on it started.
    Started(FetchSubject),
    /// Work on it ended, with or without success.
    Finished(FetchSubject),
    /// A request failed and is repeated: what was asked for, and why.
    Repeated {
        /// What was asked for, without credentials.
        url: String,
        /// What happened.
        why: String,
    },
}

/// Takes events; called from many threads.
pub trait FetchObserver: Send + Sync {
    /// One event. It should return quickly.
    fn event(&self, event: FetchEvent);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFetchObserver;

impl FetchObserver for NoFetchObserver {
    fn event(&self, _event: FetchEvent) {}
}
