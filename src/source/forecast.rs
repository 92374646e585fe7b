//! What a build would become on one target: the facts of a source distribution against the versions that decide.
//!
//! A build that fails comes first, then a module that switches the GIL on, then what is not known; only when every module
//! is known to keep the GIL off is that said.

mod fate;
mod refusal;

use pep508_rs::{MarkerEnvironment, VersionOrUrl};

use crate::model::evidence::Evidence;
use crate::model::facts::Generator;
use crate::model::name::{Requirement, VersionSpecifiers};
use crate::model::source::{
    Becomes, BuildRequirement, Forecast, Language, LimitedApiUse, LimitedApiUser, SourceFacts,
    SourceModule, SourcePlace,
};
use crate::model::target::{Platform, System, Target};
use crate::pep508;

use super::thresholds::{LIMITED_API_PYTHON, MATURIN, ToolThreshold};

use fate::ModuleFate;

/// How many places become evidence.
const SHOWN: usize = 8;

/// What is foreseen of a build on a free-threaded target, with the values of markers there; `None` on a target that always has
/// the GIL.
pub fn forecast(
    facts: &SourceFacts,
    target: Target,
    markers: Option<&MarkerEnvironment>,
) -> Option<Forecast> {
    target.python.free_threaded.then(|| {
        BuildOutlook {
            facts,
            target,
            markers,
        }
        .forecast()
    })
}

/// Whether a build gets a version of a tool that declares.
enum ToolVersion {
    Good,
    /// It gets an older one; the requirement that makes it so.
    Old(BuildRequirement),
}

struct BuildOutlook<'a> {
    facts: &'a SourceFacts,
    target: Target,
    markers: Option<&'a MarkerEnvironment>,
}

impl BuildOutlook<'_> {
    fn forecast(&self) -> Forecast {
        let (needs, requires) = (self.needs(), self.requires());
        let build = |becomes, reason, evidence: Vec<Evidence>| {
            let (needs, requires) = (needs.clone(), requires.clone());
            Forecast {
                becomes,
                reason,
                needs,
                requires,
                evidence,
            }
        };
        if let Some((why, evidence)) = self.refusal() {
            return build(Becomes::Fails, format!("would not build: {why}"), evidence);
        }
        let fates: Vec<(&SourceModule, ModuleFate)> = self
            .modules()
            .map(|module| (module, self.fate(module)))
            .collect();
        let on: Vec<(&str, &Evidence)> = fates
            .iter()
            .filter_map(|(_, fate)| {
                if let ModuleFate::On(why, seen) = fate {
                    Some((why.as_str(), seen))
                } else {
                    None
                }
            })
            .collect();
        if let Some((why, _)) = on.first() {
            let reason = with_more(format!("would switch the GIL on: {why}"), on.len());
            return build(
                Becomes::SwitchesGilOn,
                reason,
                on.iter()
                    .take(SHOWN)
                    .map(|(_, seen)| (*seen).clone())
                    .collect(),
            );
        }
        let open = fates.iter().find_map(|(_, fate)| {
            if let ModuleFate::Open(why, seen) = fate {
                Some((why, seen))
            } else {
                None
            }
        });
        let off = fates.iter().filter_map(|(_, fate)| {
            if let ModuleFate::Off(seen) = fate {
                Some(seen.clone())
            } else {
                None
            }
        });
        let off: Vec<Evidence> = off.take(SHOWN).collect();
        let open = open.map(|(why, seen)| (why.clone(), seen.clone()));
        if let Some((why, seen)) = open.or_else(|| self.uncertainty()) {
            return build(
                Becomes::Unknown,
                format!("what it becomes is unknown: {why}"),
                vec![seen],
            );
        }
        if let Some(doubt) = self.facts.doubts.first() {
            return build(
                Becomes::Unknown,
                format!("what it becomes is unknown: {doubt}"),
                off,
            );
        }
        match (fates.len(), self.facts.languages.is_empty()) {
            (0, true) => build(
                Becomes::Pure,
                "would be a pure wheel: nothing is compiled".to_owned(),
                off,
            ),
            (0, false) => {
                let languages: Vec<String> = self
                    .facts
                    .languages
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                let reason = format!(
                    "what it becomes is unknown: no module was found in its {} sources",
                    languages.join(", ")
                );
                build(Becomes::Unknown, reason, off)
            }
            (1, _) => build(
                Becomes::KeepsGilOff,
                "would keep the GIL off (its module declares it)".to_owned(),
                off,
            ),
            (count, _) => build(
                Becomes::KeepsGilOff,
                format!("would keep the GIL off ({count} modules declare it)"),
                off,
            ),
        }
    }

    /// Modules but those that say by their names that they are for other systems.
    fn modules(&self) -> impl Iterator<Item = &SourceModule> {
        self.facts
            .modules
            .iter()
            .filter(|module| is_for(&module.name, self.target.platform))
    }

    /// What leaves open whether the build fails.
    fn uncertainty(&self) -> Option<(String, Evidence)> {
        let (minor, python) = (self.target.python.minor, self.target.python);
        let limited = self
            .facts
            .limited_api
            .iter()
            .filter(|it| it.reach.is_possible(minor));
        if let Some((why, limited)) = limited
            .filter_map(|it| Some((self.limited_api_doubt(it)?, it)))
            .next()
        {
            return Some((
                why,
                at("limited API".to_owned(), &limited.place).symbol(limited.means.clone()),
            ));
        }
        let stops = || {
            self.facts
                .stops
                .iter()
                .filter(|stop| stop.asks_for_build && stop.reach.is_possible(minor))
        };
        if let Some(stop) = stops().next() {
            let why = format!(
                "{} may end a build on {python}, and what decides was not understood",
                stop.place
            );
            return Some((why, at("end of the build".to_owned(), &stop.place)));
        }
        // What other backends make of it is only known where there is no limited API.
        let feature = self
            .abi3_feature()
            .filter(|_| minor >= LIMITED_API_PYTHON && !self.is_by_maturin())?;
        let why = format!(
            "{feature} asks PyO3 for abi3 and not for abi3t, and what becomes of that on {python} is not known"
        );
        Some((why, at("feature of PyO3".to_owned(), feature)))
    }

    /// The feature that asks PyO3 for `abi3` and not for `abi3t`, where PyO3 makes a module.
    fn abi3_feature(&self) -> Option<&SourcePlace> {
        let is_of_pyo3 = self
            .modules()
            .any(|module| module.generator == Generator::Pyo3);
        self.facts.abi3_feature.as_ref().filter(|_| is_of_pyo3)
    }

    fn is_by_maturin(&self) -> bool {
        self.facts.backend.as_deref() == Some(MATURIN.project)
    }

    fn limited_api_doubt(&self, limited: &LimitedApiUse) -> Option<String> {
        let (minor, python, place) = (self.target.python.minor, self.target.python, &limited.place);
        let is_of_cffi = |module: &SourceModule| {
            module.generator == Generator::Cffi && module.place.path == place.path
        };
        match limited.user {
            LimitedApiUser::Installer => Some(format!(
                "{place} may tag the wheel for other interpreters than {python}"
            )),
            LimitedApiUser::Headers | LimitedApiUser::Backend if minor < LIMITED_API_PYTHON => {
                Some(format!(
                    "{place} may ask for the limited API, which {python} does not have"
                ))
            }
            LimitedApiUser::Headers if !self.facts.modules.iter().any(is_of_cffi) => Some(format!(
                "{place} may ask for the limited API, and whether the sources keep to that of {python} is not known"
            )),
            LimitedApiUser::Headers | LimitedApiUser::Backend => None,
        }
    }

    /// Requirements of the build for one project that hold on the target.
    fn required(&self, project: &str) -> Vec<(&BuildRequirement, Requirement)> {
        let parsed = self
            .facts
            .requires
            .iter()
            .filter_map(|line| Some((line, pep508::requirement(&line.text).ok()?)));
        let holds = |requirement: &Requirement| {
            self.markers
                .is_none_or(|markers| requirement.marker.evaluate(markers, &[]))
        };
        parsed
            .filter(|(_, requirement)| *requirement.name.as_ref() == *project && holds(requirement))
            .collect()
    }

    fn tool(&self, threshold: &ToolThreshold) -> ToolVersion {
        for (line, requirement) in self.required(threshold.project) {
            let specifiers = match &requirement.version_or_url {
                Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers.clone(),
                _ => VersionSpecifiers::empty(),
            };
            if !threshold.is_allowed_by(&specifiers) {
                return ToolVersion::Old(line.clone());
            }
        }
        ToolVersion::Good
    }

    /// Requirements of the build, each once; of those that cannot be understood nobody knows that they do not count.
    fn requires(&self) -> Vec<String> {
        let counts =
            |line: &&BuildRequirement| match (pep508::requirement(&line.text), self.markers) {
                (Ok(requirement), Some(markers)) => requirement.marker.evaluate(markers, &[]),
                _ => true,
            };
        let mut requires: Vec<String> = Vec::new();
        for line in self.facts.requires.iter().filter(counts) {
            if !requires.contains(&line.text) {
                requires.push(line.text.clone());
            }
        }
        requires
    }

    fn needs(&self) -> Vec<String> {
        let need = |language: &Language| match (language, &self.facts.rust_version) {
            (Language::Rust, Some(version)) => format!("Rust {version} or newer"),
            (Language::Rust | Language::Go | Language::Zig, _) => language.to_string(),
            _ => format!("a {language} compiler"),
        };
        self.facts.languages.iter().map(need).collect()
    }
}

fn at(what: String, place: &SourcePlace) -> Evidence {
    Evidence::new(what).place(place.to_string())
}

fn with_more(line: String, count: usize) -> String {
    if count > 1 {
        format!("{line}, and {} more", count - 1)
    } else {
        line
    }
}

/// Whether a module of this name is for the platform: `_psutil_windows` says that it is not for Linux.
fn is_for(name: &str, platform: Platform) -> bool {
    const SYSTEMS: [(&str, &str); 10] = [
        ("linux", "linux"),
        ("windows", "windows"),
        ("win32", "windows"),
        ("osx", "macos"),
        ("macos", "macos"),
        ("darwin", "macos"),
        ("bsd", "bsd"),
        ("freebsd", "bsd"),
        ("sunos", "sunos"),
        ("aix", "aix"),
    ];
    let system = match platform.system {
        System::Manylinux(..) | System::Musllinux(..) => "linux",
        System::Macos(..) => "macos",
        System::Windows => "windows",
    };
    let lower = name.to_ascii_lowercase();
    let named = lower
        .split('_')
        .find_map(|word| SYSTEMS.iter().find(|(name, _)| *name == word));
    named.is_none_or(|(_, named)| *named == system)
}
