//! What is installed takes the place of what would be chosen: an environment's distributions become a set of packages,
//! and their files are examined where they are. Judging and assembly do not see the difference.
//!
//! That holds for the Python that the environment is of. For any other its files say nothing: there, its versions are
//! what somebody would install again, and they are resolved like those that a lock file pins.

mod examining;
mod paths;
mod pins;
mod targets;

use std::collections::BTreeSet;
use std::path::Path;

use crate::examine::ExamineDepth;
use crate::installed::{
    self, EnvironmentInventory, InstalledDistribution, InstalledEnvironment, InstalledFile,
};
use crate::model::artifact::{Artifact, ArtifactKind, MetadataFile};
use crate::model::lock::Lock;
use crate::model::name::{PackageName, Version};
use crate::model::place::{Location, Place};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::{PackageSources, Request, Requests};
use crate::model::resolution::{Choice, Chosen, RequiredBy, Resolution};
use crate::model::target::Target;

use super::examinations::ExaminationIndex;
use super::sets::SetResolver;
use super::{HintMode, OriginPackages, ScanError, ScanSettings};

use targets::EnvironmentTargets;

pub use targets::{InstalledTargets, TargetError};

/// The name under which files stand that no distribution owns. It says what it means, and there is no version beside it.
const NOBODY: &str = "no-package";

/// What all environments hold.
#[derive(Default)]
pub(super) struct InstalledSets {
    /// One for each environment that has a target.
    pub(super) origins: Vec<OriginPackages>,
    /// What was found in the files of each distribution.
    pub(super) examinations: ExaminationIndex,
    /// What could not be looked at, and concerns no package.
    pub(super) problems: Vec<Problem>,
}

/// An environment that was listed.
struct ListedEnvironment<'a> {
    environment: &'a InstalledEnvironment,
    inventory: EnvironmentInventory,
    targets: Result<EnvironmentTargets, TargetError>,
}

/// Reads all environments. One without a target becomes a problem, unless that is so for all of them.
pub(super) fn take_stock(
    environments: &[InstalledEnvironment],
    sources: &PackageSources,
    sets: &SetResolver<'_>,
) -> Result<InstalledSets, ScanError> {
    let list = |environment| {
        let inventory = installed::read(environment, &sets.settings.limits);
        let targets = targets::of(environment, &inventory, &sets.settings.installed);
        ListedEnvironment {
            environment,
            inventory,
            targets,
        }
    };
    let mut listed: Vec<ListedEnvironment<'_>> = environments.iter().map(list).collect();
    let mut stock = InstalledSets::default();
    stock.problems.extend(leave_out_other_pythons(&mut listed));
    let mut errors = Vec::new();
    for ListedEnvironment {
        environment,
        inventory,
        targets,
    } in listed
    {
        stock.problems.extend(inventory.problems.iter().cloned());
        match targets {
            // It is no matter for which Python nothing is there.
            _ if inventory.is_empty() => stock.problems.push(nothing(environment)),
            Ok(targets) => stock.take(environment, inventory, &targets, sources, sets)?,
            Err(error) => errors.push(error),
        }
    }
    match errors.first() {
        Some(error) if stock.origins.is_empty() => return Err(error.clone().into()),
        _ => stock
            .problems
            .extend(errors.iter().map(TargetError::problem)),
    }
    Ok(stock)
}

/// An environment as what somebody asks for who installs its versions again.
pub(super) struct ReinstallRequest {
    /// For which targets.
    pub(super) targets: Vec<Target>,
    /// Its versions, as lines that pin them: others may take their place.
    pub(super) lines: Vec<Request>,
    /// Its versions, as they are.
    pub(super) lock: Lock,
    /// What cannot be installed again, and what could not be looked at.
    pub(super) problems: Vec<Problem>,
}

/// Reads an environment for a plan of what to install in its stead.
pub(super) fn again(
    environment: &InstalledEnvironment,
    settings: &ScanSettings,
) -> Result<ReinstallRequest, TargetError> {
    let inventory = installed::read(environment, &settings.limits);
    let mut problems = inventory.problems.clone();
    if inventory.is_empty() {
        problems.push(nothing(environment));
    }
    let targets = targets::of(environment, &inventory, &settings.installed)?.order;
    let lines = pins::lines(&inventory, &environment.shown, &mut problems);
    let place = Place {
        file: environment.shown.clone(),
        line: None,
        column: None,
    };
    let lock = pins::lock(&inventory, &place, &mut Vec::new());
    Ok(ReinstallRequest {
        targets,
        lines,
        lock,
        problems,
    })
}

/// A container holds the system's own Python beside the one that matters: where one of its environments can be judged as
/// it is, those of other Pythons are not what was meant. What could not be looked at on the way to them is returned.
fn leave_out_other_pythons(listed: &mut Vec<ListedEnvironment<'_>>) -> Vec<Problem> {
    let judged = |each: &ListedEnvironment<'_>| {
        let is_judged = !each.inventory.is_empty()
            && each
                .targets
                .as_ref()
                .is_ok_and(|targets| !targets.installed.is_empty());
        each.environment.search.clone().filter(|_| is_judged)
    };
    let containers: BTreeSet<String> = listed.iter().filter_map(judged).collect();
    let mut problems = Vec::new();
    listed.retain(|each| {
        let is_in_one = each
            .environment
            .search
            .as_ref()
            .is_some_and(|search| containers.contains(search));
        let is_other = match &each.targets {
            Ok(targets) => targets.installed.is_empty() || each.inventory.is_empty(),
            Err(TargetError::WithGil { .. }) => true,
            Err(_) => !each.inventory.has_compiled_files(),
        };
        if is_in_one && is_other {
            problems.extend(each.inventory.problems.iter().cloned());
        }
        !(is_in_one && is_other)
    });
    problems
}

fn nothing(environment: &InstalledEnvironment) -> Problem {
    let message = "holds nothing to scan: neither .dist-info nor .egg-info, and no compiled module"
        .to_owned();
    Problem {
        kind: ProblemKind::File,
        package: None,
        place: environment.shown.clone(),
        message,
    }
}

impl InstalledSets {
    fn take(
        &mut self,
        environment: &InstalledEnvironment,
        inventory: EnvironmentInventory,
        targets: &EnvironmentTargets,
        sources: &PackageSources,
        sets: &SetResolver<'_>,
    ) -> Result<(), ScanError> {
        let place = Place {
            file: environment.shown.clone(),
            line: None,
            column: None,
        };
        let mut origin = OriginPackages::new();
        if !targets.pinned.is_empty() {
            let lock = pins::lock(&inventory, &place, &mut self.problems);
            let requests = Requests {
                locks: vec![lock],
                sources: sources.clone(),
                ..Requests::default()
            };
            origin.extend(sets.resolve(&targets.pinned, &requests)?);
        }
        if !targets.installed.is_empty() {
            let parts = parts_of(inventory);
            origin.extend(
                targets
                    .installed
                    .iter()
                    .map(|target| resolution(*target, &parts, &place)),
            );
            let depth = if sets.settings.hints == HintMode::Show {
                ExamineDepth::Everything
            } else {
                ExamineDepth::Verdict
            };
            let examiner = examining::InstalledExaminer {
                limits: &sets.settings.limits,
                depth,
                store: sets.distributions.index().store(),
                observer: sets.observer,
            };
            let (examinations, differences) = examiner.examine(&parts, environment.image());
            self.examinations.extend(examinations);
            self.problems.extend(differences);
        }
        origin.sort_by_key(|resolution| {
            targets
                .order
                .iter()
                .position(|target| *target == resolution.target)
        });
        self.origins.push(origin);
        Ok(())
    }
}

/// One package as it is installed: a distribution, or files that nobody owns.
struct InstalledPackage {
    artifact: Artifact,
    version: Option<Version>,
    files: Vec<InstalledFile>,
    problems: Vec<Problem>,
    /// What describes it; `None` for files that nobody owns.
    distribution: Option<InstalledDistribution>,
}

fn parts_of(inventory: EnvironmentInventory) -> Vec<InstalledPackage> {
    let mut parts: Vec<InstalledPackage> = inventory.distributions.into_iter().map(part).collect();
    for unowned in inventory.unowned {
        // The name is one; if it were none, the files would still be told of.
        let Ok(name) = NOBODY.parse::<PackageName>() else {
            continue;
        };
        let kind = ArtifactKind::Installed {
            tags: Vec::new(),
            editable: None,
        };
        let artifact = artifact(name, None, &unowned.folder, kind);
        parts.push(InstalledPackage {
            artifact,
            version: None,
            files: unowned.files,
            problems: Vec::new(),
            distribution: None,
        });
    }
    parts
}

fn part(mut distribution: InstalledDistribution) -> InstalledPackage {
    let kind = ArtifactKind::Installed {
        tags: distribution
            .wheel
            .as_ref()
            .map(|wheel| wheel.tags.clone())
            .unwrap_or_default(),
        editable: distribution.editable.clone(),
    };
    let (name, version) = (distribution.name.clone(), distribution.version.clone());
    InstalledPackage {
        artifact: artifact(name, version.clone(), &distribution.folder, kind),
        version,
        files: std::mem::take(&mut distribution.files),
        problems: std::mem::take(&mut distribution.problems),
        distribution: Some(distribution),
    }
}

fn artifact(
    name: PackageName,
    version: Option<Version>,
    folder: &Path,
    kind: ArtifactKind,
) -> Artifact {
    Artifact {
        name,
        // Nobody compares it: what is known of the version stands in the set.
        version: version.unwrap_or_else(|| Version::new([0])),
        filename: folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
        kind,
        location: Location::Path(folder.to_path_buf()),
        digests: Vec::new(),
        size: None,
        requires_python: None,
        yanked: None,
        metadata_file: MetadataFile::Unannounced,
    }
}

/// The set that an environment is for a target: the same packages for each, required on other paths.
fn resolution(target: Target, parts: &[InstalledPackage], place: &Place) -> Resolution {
    let distributions: Vec<Option<&InstalledDistribution>> = parts
        .iter()
        .map(|part| part.distribution.as_ref())
        .collect();
    let (paths, problem) = paths::required_by(&distributions, target, place);
    let chosen = |(part, required_by): (&InstalledPackage, Vec<RequiredBy>)| Chosen {
        name: part.artifact.name.clone(),
        version: part.version.clone(),
        extras: Vec::new(),
        required_by,
        choice: Choice::Installed {
            artifact: part.artifact.clone(),
        },
        not_in_lock: false,
    };
    let packages = parts.iter().zip(paths).map(chosen).collect();
    Resolution {
        target,
        packages,
        excluded: Vec::new(),
        problems: problem.into_iter().collect(),
    }
}
