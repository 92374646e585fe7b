//! Requests to artifacts: which version of each package, and which of its files, an installer would choose for a target.
//!
//! The solver is PubGrub's; what is decided here is what counts as a version, and in which order things are tried. That
//! follows uv and pip, so that the set is the one that a person would get: `candidates` chooses versions and files by
//! `tags`, `solver` finds a set of versions that go together, `assembly` says what the target gets for each of them,
//! and `explain` puts a conflict into words.
//!
//! A free-threaded target has fewer files that fit. First only versions count that have one. Where that cannot be
//! solved, the packages without any are let in with the files of the same Python's build with the GIL, and the result
//! says of them that nothing fits: a person wants to know all of the packages that stand in the way, not the first.
//!
//! Lock files are not solved: `locked` takes what they pin as it stands, each as a set of its own. Of a lock that leaves the
//! target out only the versions are taken: its tool drops files for other Pythons, and `widening` says how to get them back.
//!
//! Names that no index knows and metadata that cannot be read do not end a run: they become problems, and the rest is
//! resolved without them.

mod assembly;
mod candidates;
mod demands;
pub mod editions;
mod explain;
mod hint;
mod locked;
pub mod markers;
mod node;
mod offer;
mod ranges;
mod reasons;
mod solver;
pub mod tags;
mod why;
mod widening;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::artifact::{Artifact, ArtifactListing};
use crate::model::lock::Lock;
use crate::model::metadata::Metadata;
use crate::model::name::{PackageName, Version};
use crate::model::place::{Location, Place};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::python_bound::PythonBound;
use crate::model::request::{Request, Requests};
use crate::model::resolution::Resolution;
use crate::model::target::Target;

pub use hint::PrefetchHint;
pub use offer::offer;

/// What the resolver has to know about the world. Answers must not change during a run; asking twice should be cheap.
pub trait PackageCatalog: Sync {
    /// Every file that is offered under a name.
    fn listing(&self, name: &PackageName) -> Result<Arc<ArtifactListing>, CatalogError>;

    /// What a distribution says of itself: a wheel's METADATA, a source distribution's PKG-INFO.
    fn metadata(&self, artifact: &Artifact) -> Result<Arc<Metadata>, CatalogError>;

    /// The file or folder that a requirement names by its location.
    fn located(&self, location: &Location) -> Result<Arc<LocatedArtifact>, CatalogError>;

    /// Tells what will be asked for next, so that it can be fetched meanwhile. Must return at once.
    fn prefetch(&self, hints: Vec<PrefetchHint>);
}

/// The file or folder at a location, with the name and version that it gives itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocatedArtifact {
    /// The file or folder.
    pub artifact: Artifact,
    /// Whether `artifact.version` is known.
    pub version: VersionStatement,
}

/// Whether a file or folder says its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionStatement {
    /// It does.
    Stated,
    /// It leaves it to its build; `artifact.version` is only a placeholder.
    LeftToBuild,
}

/// Why the catalog has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Every index was asked and none knows the name.
    #[error("{place}: no such package")]
    Absent {
        /// Who was asked.
        place: String,
    },
    /// There may be an answer, but it could not be read.
    #[error("{place}: {message}")]
    Unreadable {
        /// What kind of thing failed.
        kind: ProblemKind,
        /// A URL without credentials, or a path.
        place: String,
        /// What happened, what was expected and what was found.
        message: String,
    },
}

/// Whether what the requested packages require is scanned too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DependencyMode {
    /// It is.
    #[default]
    Follow,
    /// Only what is named is (`--no-deps`).
    Ignore,
}

/// Settings of a resolution that do not come from the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResolveOptions {
    /// Whether dependencies are followed.
    pub dependencies: DependencyMode,
    /// Patch release of the interpreter, for markers and `Requires-Python`: the last number of 3.14.0.
    pub python_patch: u64,
}

/// Why there is no set of packages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The requirements contradict each other, or ask for versions that do not exist.
    #[error("no set of versions satisfies the requirements for {target}\n{explanation}")]
    Conflict {
        /// For which target.
        target: Target,
        /// The chain of reasons, one sentence a line.
        explanation: String,
        /// The lines of input that take part in it.
        places: Vec<Place>,
        /// The packages that take part in it.
        packages: BTreeSet<PackageName>,
        /// Those of them of which no version was left.
        exhausted: BTreeSet<PackageName>,
    },
    /// Two lines name different files for one package.
    #[error("{first} and {second} name different locations for `{name}`")]
    TwoLocations {
        /// The package.
        name: PackageName,
        /// The line that came first.
        first: Place,
        /// The line that contradicts it.
        second: Place,
    },
    /// The search was given up.
    #[error(
        "no set of versions was found for {target} in {steps} steps; pinning some packages makes the search shorter"
    )]
    TooHard {
        /// For which target.
        target: Target,
        /// How many steps were tried.
        steps: u64,
    },
    /// The target has no marker environment.
    #[error("the markers of {target} cannot be set: {message}")]
    Markers {
        /// Which target.
        target: Target,
        /// What the grammar crate says.
        message: String,
    },
}

/// Packages whose versions are tried in another order than an installer's, each with the versions in that order. No other
/// version of them counts; one that was yanked does.
pub type VersionOrders = BTreeMap<PackageName, Vec<Version>>;

/// Finds out what an installer would choose on this target for these requests.
pub fn resolve(
    requests: &Requests,
    target: Target,
    options: &ResolveOptions,
    catalog: &dyn PackageCatalog,
) -> Result<Resolution, ResolveError> {
    resolve_in_order(requests, target, options, &VersionOrders::new(), catalog)
}

/// The same, with versions of some packages tried in another order.
pub fn resolve_in_order(
    requests: &Requests,
    target: Target,
    options: &ResolveOptions,
    orders: &VersionOrders,
    catalog: &dyn PackageCatalog,
) -> Result<Resolution, ResolveError> {
    let environment = markers::environment(target, options.python_patch).map_err(|error| {
        ResolveError::Markers {
            target,
            message: error.to_string(),
        }
    })?;
    let plan = demands::read((requests, orders), target, options, &environment, catalog)?;
    let session = solver::SolverSession::new(&plan, &environment, options.dependencies, catalog);
    let versions = session.solve().map_err(|unsolved| match unsolved {
        solver::SolverFailure::Conflict(reasons) => explain::conflict(&session, &reasons),
        solver::SolverFailure::TooHard { steps } => ResolveError::TooHard { target, steps },
    })?;
    let mut resolution = assembly::assemble(&session, &versions);
    let python = markers::full_version(target, options.python_patch);
    for lock in &requests.locks {
        let selected = locked::SelectedPackages::of(lock, &environment).on(target, &python);
        let selector = demands::selector(&requests.sources, target, options, selected.rules());
        let (packages, problems) = selected.resolve(&Arc::new(selector), catalog);
        locked::join(&mut resolution.packages, packages);
        resolution.problems.extend(problems);
        resolution.excluded.extend(selected.into_excluded());
    }
    resolution
        .problems
        .extend(requests.problems.iter().cloned());
    resolution.problems.extend(
        requests
            .pythons
            .iter()
            .filter_map(|bound| left_out(bound, &python, target)),
    );
    resolution.problems.sort();
    resolution.problems.dedup();
    Ok(resolution)
}

/// What the projects of a lock file require on a target, and what it has from elsewhere than an index, as lines without
/// versions: what is left of the lock when its versions may change.
pub fn unlocked(
    lock: &Lock,
    target: Target,
    options: &ResolveOptions,
) -> Result<Vec<Request>, ResolveError> {
    let environment = markers::environment(target, options.python_patch).map_err(|error| {
        ResolveError::Markers {
            target,
            message: error.to_string(),
        }
    })?;
    Ok(locked::SelectedPackages::of(lock, &environment).unlocked())
}

/// Says that a project is not made for the target's Python.
fn left_out(bound: &PythonBound, python: &Version, target: Target) -> Option<Problem> {
    if bound.admits(python) {
        return None;
    }
    let message = format!(
        "{} is made for Python {}, which leaves {} out",
        bound.place, bound.shown, target.python
    );
    Some(Problem {
        kind: ProblemKind::Resolution,
        package: None,
        place: target.to_string(),
        message,
    })
}
