//! One target's packages: outcomes, then rules, then a verdict for each. Pure.

mod build_forecast;

use std::collections::BTreeMap;

use crate::import::{self, claims, delegates};
use crate::model::artifact::{Artifact, ArtifactKind};
use crate::model::distribution::{DistributionFacts, TagClaim};
use crate::model::facts::{Fact, ImageFacts};
use crate::model::finding::{Finding, FindingLevel};
use crate::model::name::{PackageName, Version, VersionSpecifiers};
use crate::model::outcome::{Gil, ModuleOutcome};
use crate::model::passed_over::PassedOver;
use crate::model::place::Location;
use crate::model::report::TargetResult;
use crate::model::resolution::{Choice, Chosen, Resolution};
use crate::model::source::Forecast;
use crate::model::subject::{Delegate, HiddenModule, InstallChoice, Subject, SubjectFile};
use crate::model::target::Target;
use crate::resolve;
use crate::rules::{self, RuleSet};
use crate::verdict;

use super::HintMode;
use super::examination::FileExamination;
use super::examinations::ExaminationIndex;

/// The file that an installer gets, if it gets one.
pub(super) fn artifact(choice: &Choice) -> Option<&Artifact> {
    match choice {
        Choice::Wheel { artifact, .. }
        | Choice::Source { artifact }
        | Choice::Installed { artifact } => Some(artifact),
        Choice::Nothing { .. } | Choice::Unknown { .. } => None,
    }
}

/// The wheel that an installer gets.
pub(super) fn wheel(choice: &Choice) -> Option<&Artifact> {
    match choice {
        Choice::Wheel { artifact, .. } => Some(artifact),
        _ => None,
    }
}

/// What is looked into: only wheels, packed or installed, hold what would be imported.
pub(super) fn looked_into(choice: &Choice) -> Option<&Artifact> {
    match choice {
        Choice::Wheel { artifact, .. } | Choice::Installed { artifact } => Some(artifact),
        Choice::Source { .. } | Choice::Nothing { .. } | Choice::Unknown { .. } => None,
    }
}

/// The file that is opened: a wheel, or an sdist or project folder for what a build of it would become.
pub(super) fn readable(choice: &Choice) -> Option<&Artifact> {
    match choice {
        Choice::Wheel { artifact, .. } => Some(artifact),
        Choice::Source { artifact } => Some(artifact),
        _ => None,
    }
}

/// What was found out about packages.
#[derive(Clone, Copy)]
pub(super) struct PackageFacts<'a> {
    /// What is in their files.
    pub(super) examinations: &'a ExaminationIndex,
    /// What is in one file more, which no set has yet.
    pub(super) other: Option<(&'a Location, &'a FileExamination)>,
    /// Which wheels the index has of the version that was chosen.
    pub(super) release: &'a dyn Fn(&Chosen) -> Fact<Vec<String>>,
    /// The newest version that the index has and these specifiers admit, as far as it was asked.
    pub(super) newest: &'a dyn Fn(&PackageName, &VersionSpecifiers) -> Option<Version>,
}

impl<'a> PackageFacts<'a> {
    /// What is in the package's file.
    fn examination(self, chosen: &Chosen) -> Option<&'a FileExamination> {
        self.examination_at(&looked_into(&chosen.choice)?.location)
    }

    fn examination_at(self, location: &Location) -> Option<&'a FileExamination> {
        let other = self
            .other
            .filter(|(other, _)| *other == location)
            .map(|(_, examination)| examination);
        other.or_else(|| self.examinations.get(location))
    }
}

/// One result for each package of the resolution, in its order.
pub(super) fn judge(
    resolution: &Resolution,
    found: PackageFacts<'_>,
    rules: &RuleSet,
    hints: HintMode,
) -> Vec<TargetResult> {
    let set = TargetModules::of(resolution, found);
    let packages = resolution.packages.iter().zip(&set.modules);
    packages
        .map(|(chosen, modules)| result(chosen, modules, &set, rules, hints))
        .collect()
}

/// What one package of a resolution gets; `None` when the resolution has no such package.
pub(super) fn judge_one(
    resolution: &Resolution,
    name: &PackageName,
    found: PackageFacts<'_>,
    rules: &RuleSet,
) -> Option<TargetResult> {
    let chosen = resolution
        .packages
        .iter()
        .find(|chosen| chosen.name == *name)?;
    let outcomes = found
        .examination(chosen)
        .map(|it| import::outcomes(&it.modules, resolution.target));
    let alone = Resolution {
        target: resolution.target,
        packages: vec![chosen.clone()],
        excluded: Vec::new(),
        problems: Vec::new(),
    };
    // The others only matter to modules that leave it to them.
    let leaves = outcomes
        .iter()
        .flatten()
        .any(|outcome| outcome.delegate.is_some());
    let set = TargetModules::of(if leaves { resolution } else { &alone }, found);
    let modules = outcomes.unwrap_or_default();
    Some(result(chosen, &modules, &set, rules, HintMode::Hide))
}

/// What is foreseen of the build of a package of a resolution; `None` where it is not built or the target has the GIL.
pub(super) fn forecast(
    resolution: &Resolution,
    chosen: &Chosen,
    found: PackageFacts<'_>,
) -> Option<Forecast> {
    TargetModules::of(resolution, found).forecast(chosen)
}

fn result(
    chosen: &Chosen,
    modules: &[ModuleOutcome],
    set: &TargetModules<'_>,
    rules: &RuleSet,
    hints: HintMode,
) -> TargetResult {
    let target = set.resolution.target;
    let subject = subject(chosen, target, modules, set);
    let mut findings = rules::evaluate(rules, &subject);
    let judgement = verdict::judge(&subject, &findings);
    findings.retain(|finding| is_shown(finding, hints));
    TargetResult {
        target,
        verdict: judgement.verdict,
        reason: if chosen.not_in_lock {
            format!("{}; not in this lock", judgement.reason)
        } else {
            judgement.reason
        },
        not_in_lock: chosen.not_in_lock,
        requires_python: requires_python(&chosen.choice).cloned(),
        declared_by: judgement.declared_by,
        artifact: artifact(&chosen.choice).cloned(),
        file_check: readable(&chosen.choice)
            .and_then(|artifact| set.found.examination_at(&artifact.location))
            .map(|found| found.check.clone())
            .unwrap_or_default(),
        build: set.forecast(chosen),
        other_build: None,
        left_out: set
            .found
            .examination(chosen)
            .map(|found| found.left_out.clone())
            .unwrap_or_default(),
        passed_over: set
            .found
            .examination(chosen)
            .map(|found| passed_over(found, target))
            .unwrap_or_default(),
        modules: subject.modules,
        findings,
    }
}

/// What keeps every file of the version from the target's Python.
fn requires_python(choice: &Choice) -> Option<&VersionSpecifiers> {
    match choice {
        Choice::Nothing {
            requires_python, ..
        } => requires_python.as_ref(),
        Choice::Wheel { .. }
        | Choice::Source { .. }
        | Choice::Installed { .. }
        | Choice::Unknown { .. } => None,
    }
}

/// Files that no target counts, and those that this one does not.
fn passed_over(found: &FileExamination, target: Target) -> Vec<PassedOver> {
    let mut all = [
        found.passed_over.clone(),
        import::passed_over(&found.modules, target),
    ]
    .concat();
    all.sort();
    all
}

fn hidden(found: &FileExamination, chosen: &Chosen, target: Target) -> Vec<HiddenModule> {
    let tags = artifact(&chosen.choice)
        .map(Artifact::platform_tags)
        .unwrap_or_default();
    import::hidden(&found.modules, target, &tags)
}

fn is_shown(finding: &Finding, hints: HintMode) -> bool {
    finding.level > FindingLevel::Hint || hints == HintMode::Show
}

fn subject(
    chosen: &Chosen,
    target: Target,
    modules: &[ModuleOutcome],
    set: &TargetModules<'_>,
) -> Subject {
    let examination = set.found.examination(chosen);
    let distribution = examination
        .map(|found| found.distribution.clone())
        .unwrap_or_default();
    let delegates = modules
        .iter()
        .filter_map(|module| module.delegate.as_deref());
    Subject {
        package: chosen.name.to_string(),
        version: chosen
            .version
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        target,
        offer: offer(chosen, set),
        modules: modules.to_vec(),
        hidden: examination
            .map(|found| hidden(found, chosen, target))
            .unwrap_or_default(),
        problems: examination
            .map(FileExamination::problem_lines)
            .unwrap_or_default(),
        delegates: delegates
            .map(|name| (name.to_owned(), set.delegate(name)))
            .collect(),
        files: examination
            .map(|found| files(found, modules, target))
            .unwrap_or_default(),
        distribution: DistributionFacts {
            release: (set.found.release)(chosen),
            ..distribution
        },
    }
}

fn offer(chosen: &Chosen, set: &TargetModules<'_>) -> InstallChoice {
    match resolve::offer(&chosen.choice, set.resolution.target.platform) {
        InstallChoice::Source { filename, .. } => InstallChoice::Source {
            filename,
            build: set.forecast(chosen),
        },
        offer => offer,
    }
}

/// What the files of these modules say of themselves, each by the image that the target loads.
fn files(
    found: &FileExamination,
    modules: &[ModuleOutcome],
    target: Target,
) -> BTreeMap<String, SubjectFile> {
    let tags = found
        .distribution
        .name_claims
        .value()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let loaded = found
        .modules
        .iter()
        .filter(|facts| modules.iter().any(|module| module.path == facts.path));
    loaded
        .filter_map(|facts| {
            Some((
                facts.path.clone(),
                file(&facts.path, import::image_for(facts, target)?, tags),
            ))
        })
        .collect()
}

fn file(path: &str, image: &ImageFacts, tags: &[TagClaim]) -> SubjectFile {
    SubjectFile {
        claim: claims::of_path(path),
        audits: claims::audits(path, image, tags),
        image: image.clone(),
    }
}

/// The modules of all packages of one target, so that one can decide for another.
struct TargetModules<'a> {
    resolution: &'a Resolution,
    found: PackageFacts<'a>,
    /// For each package of the resolution, in its order.
    modules: Vec<Vec<ModuleOutcome>>,
}

impl<'a> TargetModules<'a> {
    fn of(resolution: &'a Resolution, found: PackageFacts<'a>) -> TargetModules<'a> {
        let outcomes = |chosen: &Chosen| {
            let examination = found.examination(chosen);
            examination
                .map(|found| import::outcomes(&found.modules, resolution.target))
                .unwrap_or_default()
        };
        TargetModules {
            resolution,
            found,
            modules: resolution.packages.iter().map(outcomes).collect(),
        }
    }

    /// Who in the set provides the module of this dotted name.
    fn delegate(&self, name: &str) -> Delegate {
        let mut packages = self.resolution.packages.iter().zip(&self.modules);
        let found = packages.find_map(|(chosen, modules)| {
            modules
                .iter()
                .find(|module| module.module == name)
                .map(|it| (chosen, it))
        });
        if let Some((chosen, module)) = found {
            return Delegate::Provided {
                package: label(chosen),
                gil: module.gil,
                reason: module.reason.clone(),
            };
        }
        let unseen: Vec<&Chosen> = self
            .resolution
            .packages
            .iter()
            .filter(|chosen| !self.is_seen(chosen))
            .collect();
        let provider = unseen
            .iter()
            .find(|chosen| delegates::provides(&chosen.name, name));
        if let Some(chosen) = provider
            && let Some(reason) = silent(chosen, name)
        {
            return Delegate::Provided {
                package: label(chosen),
                gil: Gil::Used,
                reason,
            };
        }
        match provider.or(unseen.first()) {
            Some(unseen) => Delegate::Unknown {
                why: format!("{} could not be looked at", label(unseen)),
            },
            None => Delegate::Missing,
        }
    }

    /// Whether all modules that the package brings are known.
    fn is_seen(&self, chosen: &Chosen) -> bool {
        match &chosen.choice {
            Choice::Wheel { .. } | Choice::Installed { .. } => self
                .found
                .examination(chosen)
                .is_some_and(|found| found.problems.is_empty()),
            Choice::Nothing { .. } => true,
            Choice::Source { .. } | Choice::Unknown { .. } => false,
        }
    }
}

/// Why the module switches the GIL on whatever the package's file is, as far as its version tells. A folder may hold
/// anything, whatever version it gives itself.
fn silent(chosen: &Chosen, module: &str) -> Option<String> {
    if artifact(&chosen.choice).is_some_and(|artifact| artifact.kind == ArtifactKind::SourceTree) {
        return None;
    }
    delegates::silent(&chosen.name, chosen.version.as_ref()?, module)
}

fn label(chosen: &Chosen) -> String {
    match &chosen.version {
        Some(version) => format!("{} {version}", chosen.name),
        None => chosen.name.to_string(),
    }
}
