//! For which targets an environment is judged, and whether by its files or by its versions.

use crate::installed::{EnvironmentInventory, InstalledEnvironment};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::target::{Platform, Python, Target};

/// The first minor version whose free-threaded build is no experiment any more (PEP 779).
const FIRST_SUPPORTED: u8 = 14;

/// What installed packages are judged for, where the user says it. What is not said, the environment tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstalledTargets {
    /// Pythons that were named.
    pub pythons: Vec<Python>,
    /// Platforms that were named.
    pub platforms: Vec<Platform>,
    /// This machine's platform, for environments with no compiled file whose name tells one.
    pub host: Option<Platform>,
}

/// Why it is not known what an environment should be judged for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Nothing tells its Python.
    #[error("{place}: which Python it is for cannot be told ({seen})")]
    NoPython {
        /// The environment as the user named it.
        place: String,
        /// What was seen.
        seen: String,
    },
    /// Nothing tells its platform.
    #[error("{place}: which platform it is for cannot be told")]
    NoPlatform {
        /// The environment as the user named it.
        place: String,
    },
    /// It is of a build with the GIL.
    #[error(
        "{place} is of Python {python}, which has the GIL: nothing in it is decided for a free-threaded Python"
    )]
    WithGil {
        /// The environment as the user named it.
        place: String,
        /// Its Python.
        python: Python,
    },
}

impl TargetError {
    /// What may help.
    pub fn hint(&self) -> String {
        match self {
            TargetError::NoPython { .. } => {
                "name one with --python, such as --python 3.14t".to_owned()
            }
            TargetError::NoPlatform { .. } => {
                "name one with --platform, such as --platform macos-arm64".to_owned()
            }
            TargetError::WithGil { python, .. } => {
                let python = Python {
                    minor: python.minor.max(FIRST_SUPPORTED),
                    free_threaded: true,
                };
                format!(
                    "--python {python} scans what its versions would be when they are installed for {python}"
                )
            }
        }
    }

    /// The same for a run that goes on without this environment.
    pub(super) fn problem(&self) -> Problem {
        let (TargetError::NoPython { place, .. }
        | TargetError::NoPlatform { place }
        | TargetError::WithGil { place, .. }) = self;
        let message = format!("not judged: {self}; {}", self.hint());
        Problem {
            kind: ProblemKind::File,
            package: None,
            place: place.clone(),
            message,
        }
    }
}

/// The targets of an environment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct EnvironmentTargets {
    /// All of them, as they were named.
    pub(super) order: Vec<Target>,
    /// Those that its files are for.
    pub(super) installed: Vec<Target>,
    /// Those for which its versions would have to be installed again.
    pub(super) pinned: Vec<Target>,
}

/// Every combination of Python and platform.
pub(super) fn of(
    environment: &InstalledEnvironment,
    inventory: &EnvironmentInventory,
    named: &InstalledTargets,
) -> Result<EnvironmentTargets, TargetError> {
    let place = || environment.shown.clone();
    let pythons = match (named.pythons.as_slice(), inventory.python) {
        ([], None) => {
            return Err(TargetError::NoPython {
                place: place(),
                seen: inventory.seen.clone(),
            });
        }
        ([], Some(python)) if !python.free_threaded => {
            return Err(TargetError::WithGil {
                place: place(),
                python,
            });
        }
        ([], Some(python)) => vec![python],
        (pythons, _) => pythons.to_vec(),
    };
    let platforms = match (
        named.platforms.as_slice(),
        inventory.platform.or(named.host),
    ) {
        ([], None) => return Err(TargetError::NoPlatform { place: place() }),
        ([], Some(platform)) => vec![platform],
        (platforms, _) => platforms.to_vec(),
    };
    let mut targets = EnvironmentTargets::default();
    for python in pythons {
        for platform in &platforms {
            let target = Target {
                python,
                platform: *platform,
            };
            let list = if is_own(inventory, target) {
                &mut targets.installed
            } else {
                &mut targets.pinned
            };
            if !list.contains(&target) {
                list.push(target);
                targets.order.push(target);
            }
        }
    }
    Ok(targets)
}

/// Whether the environment may be one of this target. Where nothing tells, whoever named the target knows.
fn is_own(inventory: &EnvironmentInventory, target: Target) -> bool {
    let python = match inventory.python {
        Some(python) => python == target.python,
        None => inventory
            .minor
            .is_none_or(|minor| minor == target.python.minor),
    };
    python
        && inventory
            .platform
            .is_none_or(|platform| platform.is_like(target.platform))
}
