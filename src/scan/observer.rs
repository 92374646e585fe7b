//! What a run tells whoever wants to show how far it is. It prints nothing itself.

use crate::model::name::PackageName;
use crate::model::target::Target;

/// Something that happened during a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanEvent<'a> {
    /// The set of packages for this target is being made out.
    Resolving {
        /// The target.
        target: Target,
    },
    /// Newer versions of a package are being searched for one that is ready.
    Searching {
        /// The package.
        package: &'a PackageName,
    },
    /// A distribution file has been looked into.
    Examined {
        /// Its name.
        filename: &'a str,
        /// How many have been looked into, with this one.
        done: usize,
        /// How many there are.
        of: usize,
    },
}

/// Someone who wants to know how far the run is.
pub trait ScanObserver: Sync {
    /// Is told of each event, from any thread, in no promised order. It should return quickly.
    fn notice(&self, event: ScanEvent<'_>);
}

/// An observer that does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct SilentObserver;

impl ScanObserver for SilentObserver {
    fn notice(&self, _event: ScanEvent<'_>) {}
}
