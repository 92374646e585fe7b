//! One target's packages: outcomes, then rules, then a verdict for each. Pure.

use std::collections::BTreeMap;

use crate::import::{self, claims, delegates};
use crate::model::artifact::{Artifact, ArtifactKind};
use crate::model::distribution::{DistributionFacts, TagClaim};
use crate::model::evidence::Evidence;
use crate::model::facts::{Fact, Generator, ImageFacts};
use crate::model::finding::{Finding, FindingLevel};
use crate::model::name::{self, PackageName, Version, VersionSpecifiers};
use crate::model::outcome::{Gil, ModuleOutcome};
use crate::model::passed_over::PassedOver;
use crate::model::place::Location;
use crate::model::report::TargetResult;
use crate::model::resolution::{Choice, Chosen, Resolution};
use crate::model::source::{Becomes, Forecast};
use crate::model::subject::{Delegate, HiddenModule, InstallChoice, Subject, SubjectFile};
use crate::model::target::Target;
use crate::pep508;
use crate::resolve;
use crate::rules::{self, RuleSet};
use crate::verdict;

use super::HintMode;
use super::examination::FileExamination;
use super::examinations::ExaminationIndex;
use super::sources;

/// The module to which those that CFFI generates leave the GIL: <https://cffi.readthedocs.io/en/stable/whatsnew.html#v2-0-0>
const CFFI_BACKEND: &str = "_cffi_backend";

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

    /// What is foreseen of a package's build: what its sources say, and then what the set has of the packages that it needs.
    fn forecast(&self, chosen: &Chosen) -> Option<Forecast> {
        let forecast = sources::forecast(
            &chosen.choice,
            self.resolution.target,
            self.found.examinations,
        )?;
        if matches!(
            forecast.becomes,
            Becomes::SwitchesGilOn | Becomes::Fails | Becomes::Unknown
        ) {
            return Some(forecast);
        }
        let told = self
            .of_requirements(chosen, &forecast)
            .or_else(|| self.of_backend(chosen, &forecast));
        Some(match told {
            Some((becomes, reason, seen)) => Forecast {
                becomes,
                reason,
                evidence: vec![seen],
                ..forecast
            },
            None => forecast,
        })
    }

    /// What it means for a build that the set has a requirement of it which does not build. Installers build it apart from
    /// the set, from the newest version that fits.
    fn of_requirements(
        &self,
        chosen: &Chosen,
        forecast: &Forecast,
    ) -> Option<(Becomes, String, Evidence)> {
        forecast.requires.iter().find_map(|text| {
            let required = pep508::requirement(text).ok()?;
            let others = self
                .resolution
                .packages
                .iter()
                .filter(|other| other.name != chosen.name);
            let other = others.clone().find(|other| other.name == required.name)?;
            let Choice::Source { .. } = other.choice else {
                return None;
            };
            let admitted = match (name::specifiers(&required), &required.version_or_url) {
                (Some(specifiers), _) => specifiers.clone(),
                (None, None) => VersionSpecifiers::empty(),
                // A file of its own.
                (None, Some(_)) => return None,
            };
            let version = other
                .version
                .as_ref()
                .filter(|version| admitted.contains(version))?;
            let (needed, seen) = (
                label(other),
                Evidence::new("build requirement").value(text.clone()),
            );
            let built = sources::forecast(
                &other.choice,
                self.resolution.target,
                self.found.examinations,
            );
            let Some(built) = built else {
                let why = format!(
                    "what it becomes is unknown: it needs {needed}, whose sources were not read"
                );
                return Some((Becomes::Unknown, why, seen));
            };
            if built.becomes != Becomes::Fails {
                return None;
            }
            let is_newest = (self.found.newest)(&other.name, &admitted).as_ref() == Some(version);
            Some(if is_newest || name::pinned(&required) == Some(version) {
                (
                    Becomes::Fails,
                    format!("would not build: it needs {needed}, which {}", built.reason),
                    seen,
                )
            } else {
                let why = format!(
                    "what it becomes is unknown: it needs another {} than {needed}, which",
                    other.name
                );
                (Becomes::Unknown, format!("{why} {}", built.reason), seen)
            })
        })
    }

    /// Where a package's modules leave the GIL to CFFI's: what the set has of CFFI.
    fn of_backend(
        &self,
        chosen: &Chosen,
        forecast: &Forecast,
    ) -> Option<(Becomes, String, Evidence)> {
        let facts = artifact(&chosen.choice)
            .and_then(|it| self.found.examinations.get(&it.location)?.source.value());
        let leaves = facts.is_some_and(|facts| {
            facts
                .modules
                .iter()
                .any(|module| module.generator == Generator::Cffi)
        });
        let is_provider = delegates::provides(&chosen.name, CFFI_BACKEND);
        if forecast.becomes != Becomes::KeepsGilOff || !leaves || is_provider {
            return None;
        }
        let provider = self
            .resolution
            .packages
            .iter()
            .find(|other| delegates::provides(&other.name, CFFI_BACKEND));
        let (becomes, why) = provider.and_then(|provider| self.backend_of(provider))?;
        Some((becomes, why, Evidence::new("delegate").symbol(CFFI_BACKEND)))
    }

    /// What it means for modules that leave the GIL to this package's; `None` when they keep it off.
    fn backend_of(&self, provider: &Chosen) -> Option<(Becomes, String)> {
        let name = label(provider);
        let used = |reason: &str| {
            format!("would switch the GIL on: its modules leave it to {name}, which {reason}")
        };
        let open = |reason: &str| {
            format!("what it becomes is unknown: it leaves the GIL to {name}: {reason}")
        };
        if let Choice::Source { .. } = provider.choice {
            let built = sources::forecast(
                &provider.choice,
                self.resolution.target,
                self.found.examinations,
            );
            let Some(built) = built else {
                return Some((Becomes::Unknown, open("its sources were not read")));
            };
            return match built.becomes {
                Becomes::KeepsGilOff | Becomes::Pure => None,
                Becomes::SwitchesGilOn => Some((built.becomes, used(&built.reason))),
                Becomes::Fails => Some((
                    built.becomes,
                    format!("would not work: it needs {name}, which {}", built.reason),
                )),
                Becomes::Unknown => Some((built.becomes, open(&built.reason))),
            };
        }
        match self.delegate(CFFI_BACKEND) {
            Delegate::Provided {
                gil: Gil::Used,
                reason,
                ..
            } => Some((Becomes::SwitchesGilOn, used(&reason))),
            Delegate::Provided {
                gil: Gil::NotLoadable,
                reason,
                ..
            } => Some((
                Becomes::Fails,
                format!("would not work: it needs {name}, which {reason}"),
            )),
            Delegate::Provided {
                gil: Gil::Unknown | Gil::Delegated,
                reason,
                ..
            }
            | Delegate::Unknown { why: reason } => Some((Becomes::Unknown, open(&reason))),
            Delegate::Provided {
                gil: Gil::NotUsed, ..
            }
            | Delegate::Missing => None,
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
