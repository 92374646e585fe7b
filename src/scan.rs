//! Front door of the library: how the stages meet for one run.

mod assembly;
mod describing;
mod distributions;
mod examination;
mod examinations;
mod glance;
mod inspecting;
mod installed;
mod judging;
mod location;
mod memory_budget;
mod observer;
mod obstacles;
mod other_build;
mod pinned_digests;
mod planning;
mod session;
mod sets;
mod siblings;
mod sources;
mod wheelhouse;

use crate::archive::limits::ArchiveLimits;
use crate::examine::ExamineDepth;
use crate::index::{IndexError, PackageIndex};
use crate::installed::InstalledEnvironment;
use crate::model::request::Requests;
use crate::model::resolution::Resolution;
use crate::model::target::Target;
use crate::resolve::{DependencyMode, ResolveError};
use crate::rules::RuleSet;

use distributions::RunDistributions;
use pinned_digests::PinnedDigests;
use session::{BuildReading, ScanSession};

pub use assembly::ReportBuilder;
pub use inspecting::{ExplainMode, InspectError, InspectSettings, inspect};
pub use installed::{InstalledTargets, TargetError};
pub use observer::{ScanEvent, ScanObserver, SilentObserver};
pub use pinned_digests::DigestChecks;
pub use planning::plan;
pub use wheelhouse::WheelFolder;

/// Whether rules for maintainers are evaluated too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HintMode {
    /// They are left out.
    #[default]
    Hide,
    /// They are reported.
    Show,
}

/// Settled settings of one scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanSettings {
    /// What requested packages are to run on.
    pub targets: Vec<Target>,
    /// What installed packages are judged for.
    pub installed: InstalledTargets,
    /// Whether requirements of requirements are scanned.
    pub dependencies: DependencyMode,
    /// Whether rules for maintainers are evaluated too.
    pub hints: HintMode,
    /// How much of an archive is read.
    pub limits: ArchiveLimits,
    /// When digests that the input demands are computed.
    pub digests: DigestChecks,
}

/// What ends a run before there is a report.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// No target has a set of packages.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// For no environment it is known what it should be judged for.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The input is none that a plan can be made for.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No host that was asked answers: nothing is known of what was asked for.
    #[error(transparent)]
    Unreachable(IndexError),
    /// More is asked for than is looked at in one run.
    #[error("{found} requirements; expected at most {limit}")]
    TooMany {
        /// How many there are.
        found: usize,
        /// The limit.
        limit: usize,
    },
}

/// What no plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A folder of wheels.
    #[error("a plan changes what is asked for, and wheels in a folder ask for nothing")]
    Wheels,
    /// An environment beside something else, which would be another set.
    #[error(
        "a plan is made for one set of packages: one environment, or requirements and lock files without one"
    )]
    Several,
}

/// What a run looks at.
#[derive(Clone, Debug, Default)]
pub struct ScanSubjects {
    /// What is to be resolved.
    pub requests: Requests,
    /// What is installed already.
    pub environments: Vec<InstalledEnvironment>,
    /// Folders of wheels, each of them a set of its own.
    pub wheelhouses: Vec<WheelFolder>,
}

/// Packages of one origin, which is the requests, an environment or a folder of wheels: one set for each target.
type OriginPackages = Vec<Resolution>;

/// Scans all that is asked for, for every target.
pub fn run(
    settings: &ScanSettings,
    inputs: &ScanSubjects,
    index: PackageIndex,
    rules: &RuleSet,
    observer: &dyn ScanObserver,
) -> Result<ReportBuilder, ScanError> {
    check_size(&inputs.requests, settings.limits)?;
    let pinned = PinnedDigests::of(&inputs.requests, settings.digests);
    let distributions =
        RunDistributions::new(index, settings.limits, depth(settings, rules)).held_to(pinned);
    let session = ScanSession {
        settings,
        distributions: &distributions,
        rules,
        observer,
        builds: BuildReading::Foresee,
    };
    let sets = session.sets();
    let mut origins = Vec::new();
    // Where nothing else is named there is something to say even of requests that ask for nothing.
    let is_alone = inputs.environments.is_empty() && inputs.wheelhouses.is_empty();
    let asked = is_alone || !inputs.requests.is_empty();
    if asked {
        origins.push(sets.resolve(&settings.targets, &inputs.requests)?);
    }
    for wheelhouse in &inputs.wheelhouses {
        origins.push(wheelhouse::resolve(
            wheelhouse,
            &inputs.requests.sources,
            &sets,
        )?);
    }
    let stock = installed::take_stock(&inputs.environments, &inputs.requests.sources, &sets)?;
    origins.extend(stock.origins);
    let requested = asked.then_some(&inputs.requests);
    let (report, _) = session.report(requested, &origins, stock.examinations);
    // What is installed, or lies in a folder, was judged whoever answers.
    if let Some(error) = distributions.index().blackout().filter(|_| is_alone) {
        return Err(ScanError::Unreachable(error));
    }
    Ok(report.problems(stock.problems))
}

/// More requirements than any project has are not even resolved.
fn check_size(requests: &Requests, limits: ArchiveLimits) -> Result<(), ScanError> {
    let locked: usize = requests.locks.iter().map(|lock| lock.packages.len()).sum();
    let found = requests
        .requests
        .len()
        .max(requests.constraints.len())
        .max(locked);
    let limit = limits.requirements;
    if found > limit {
        Err(ScanError::TooMany { found, limit })
    } else {
        Ok(())
    }
}

/// Few rules ask what the code shows, and reading all of it takes time.
fn depth(settings: &ScanSettings, rules: &RuleSet) -> ExamineDepth {
    let asks_for_code = settings.hints == HintMode::Show || rules.asks_for_code();
    if asks_for_code {
        ExamineDepth::Everything
    } else {
        ExamineDepth::Verdict
    }
}
