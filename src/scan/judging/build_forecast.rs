//! What is foreseen of a package's build, with what the set has of the packages that it needs.

use crate::import::delegates;
use crate::model::evidence::Evidence;
use crate::model::facts::Generator;
use crate::model::name::{self, VersionSpecifiers};
use crate::model::outcome::Gil;
use crate::model::resolution::{Choice, Chosen};
use crate::model::source::{Becomes, Forecast};
use crate::model::subject::Delegate;
use crate::pep508;

use super::super::sources;
use super::{TargetModules, artifact, label};

impl<'a> TargetModules<'a> {
    /// What is foreseen of a package's build: what its sources say, and then what the set has of the packages that it needs.
    pub(super) fn forecast(&self, chosen: &Chosen) -> Option<Forecast> {
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
}

/// The module to which those that CFFI generates leave the GIL: <https://cffi.readthedocs.io/en/stable/whatsnew.html#v2-0-0>
const CFFI_BACKEND: &str = "_cffi_backend";
