//! What a build would become on one target: the facts of a source distribution against the versions that decide.
//!
//! A build that fails comes first, then a module that switches the GIL on, then what is not known; only when every module
//! is known to keep the GIL off is that said.

use pep508_rs::{MarkerEnvironment, VersionOrUrl};

use crate::model::evidence::Evidence;
use crate::model::facts::Generator;
use crate::model::name::{Requirement, Version, VersionSpecifiers};
use crate::model::source::{
    Becomes, BuildRequirement, DeclaredWord, Forecast, Language, LimitedApiUse, LimitedApiUser,
    ModuleStanding, SourceDeclaration, SourceFacts, SourceModule, SourcePlace,
};
use crate::model::target::{Platform, System, Target};
use crate::pep508;

use super::thresholds::{
    CFFI, CFFI_OLDEST_PYTHON, CYTHON, LIMITED_API_PYTHON, MATURIN, MYPYC, PYO3_DECLARES,
    ToolThreshold, pyo3_refusal,
};

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

/// What one module would do.
enum ModuleFate {
    /// It keeps the GIL off, and this shows it.
    Off(Evidence),
    /// It switches the GIL on, for this reason.
    On(String, Evidence),
    /// It is not known, for this reason.
    Open(String, Evidence),
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

    /// Why the build fails.
    fn refusal(&self) -> Option<(String, Vec<Evidence>)> {
        let (minor, python) = (self.target.python.minor, self.target.python);
        if let Some(wanted) = self
            .facts
            .requires_python
            .as_ref()
            .filter(|wanted| !self.is_wanted(wanted))
        {
            let seen = Evidence::new("requires-python").value(wanted.clone());
            return Some((format!("it asks for Python {wanted}"), vec![seen]));
        }
        if let Some(stop) = self
            .facts
            .stops
            .iter()
            .find(|stop| stop.reach.is_certain(minor))
        {
            let seen = at("end of the build".to_owned(), &stop.place);
            return Some((
                format!("{} ends every build on {python}", stop.place),
                vec![seen],
            ));
        }
        if let Some(pyo3) = &self.facts.pyo3
            && let Some(refusal) = pyo3_refusal(pyo3.minor, minor)
        {
            let why = format!(
                "{} {} ({}) {}",
                in_name(&pyo3.name),
                pyo3.text,
                pyo3.place,
                refusal.why
            );
            let seen =
                at(format!("{} in the sources", pyo3.name), &pyo3.place).value(pyo3.text.clone());
            return Some((
                why,
                vec![seen, Evidence::new("looked up").value(refusal.source)],
            ));
        }
        let limited = self
            .facts
            .limited_api
            .iter()
            .filter(|it| it.reach.is_certain(minor));
        limited
            .filter_map(|limited| self.limited_api_refusal(limited))
            .next()
            .or_else(|| self.maturin_refusal())
            .or_else(|| self.requirement_refusal())
            .or_else(|| {
                // What such a file leaves out it may leave out for this build; C that CFFI wrote is there all the same.
                let asks = self.facts.asks_for_build.is_some();
                let counts = |module: &&SourceModule| !asks || is_generated(module);
                self.modules()
                    .filter(counts)
                    .find_map(|module| self.cffi_refusal(module))
            })
    }

    /// Whether a version specifier lets in any release of the target's Python.
    fn is_wanted(&self, wanted: &str) -> bool {
        let Ok(wanted) = wanted.parse::<VersionSpecifiers>() else {
            return true;
        };
        let minor = u64::from(self.target.python.minor);
        [0, 1, 99]
            .into_iter()
            .any(|micro| wanted.contains(&Version::new([3, minor, micro])))
    }

    /// Why a build that asks for the limited API fails.
    fn limited_api_refusal(&self, limited: &LimitedApiUse) -> Option<(String, Vec<Evidence>)> {
        let (minor, python, place) = (self.target.python.minor, self.target.python, &limited.place);
        let seen = at("limited API".to_owned(), place).symbol(limited.means.clone());
        match (limited.user, &self.facts.left_out) {
            (LimitedApiUser::Installer, _) => {
                let why = format!("{place} tags the wheel abi3, and {python} accepts no such tag");
                Some((why, vec![seen]))
            }
            (LimitedApiUser::Headers | LimitedApiUser::Backend, _)
                if minor < LIMITED_API_PYTHON =>
            {
                Some((
                    format!("{python} has no limited API, which {place} asks for"),
                    vec![seen],
                ))
            }
            (LimitedApiUser::Headers, Some((what, needed))) => {
                let why = format!(
                    "{place} asks for the limited API, which has no {what} ({needed}) on {python}"
                );
                Some((
                    why,
                    vec![seen, at("left out".to_owned(), needed).symbol(what.clone())],
                ))
            }
            (LimitedApiUser::Headers, None) | (LimitedApiUser::Backend, _) => None,
        }
    }

    /// Why a requirement of the build cannot be built itself. Installers build it before anything else.
    fn requirement_refusal(&self) -> Option<(String, Vec<Evidence>)> {
        let python = self.target.python;
        if python.minor >= CFFI_OLDEST_PYTHON {
            return None;
        }
        let (required, _) = self.required(CFFI.project).into_iter().next()?;
        let why = format!(
            "{} asks for `{}`, and no release of CFFI works on {python}",
            required.place, required.text
        );
        let seen = at("build requirement".to_owned(), &required.place).value(required.text.clone());
        Some((
            why,
            vec![seen, Evidence::new("looked up").value(CFFI.source)],
        ))
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

    /// Why maturin makes a wheel that no free-threaded build accepts. Neither it nor PyO3 has a limited API for such a build
    /// unless `abi3t` is asked for: both build for the one version. <https://github.com/PyO3/pyo3/blob/v0.30.1/pyo3-build-config/src/impl_.rs>
    fn maturin_refusal(&self) -> Option<(String, Vec<Evidence>)> {
        let feature = self.abi3_feature().filter(|_| self.is_by_maturin())?;
        let ToolVersion::Old(required) = self.tool(&MATURIN) else {
            return None;
        };
        let why = format!(
            "maturin before {} tags the wheel abi3, which {feature} asks for, and {} asks for `{}`",
            MATURIN.first, required.place, required.text
        );
        let seen = at("build requirement".to_owned(), &required.place).value(required.text);
        Some((
            why,
            vec![
                at("feature of PyO3".to_owned(), feature),
                seen,
                Evidence::new("looked up").value(MATURIN.source),
            ],
        ))
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

    /// Why CFFI cannot build this module.
    fn cffi_refusal(&self, module: &SourceModule) -> Option<(String, Vec<Evidence>)> {
        let (minor, python) = (self.target.python.minor, self.target.python);
        if module.generator != Generator::Cffi {
            return None;
        }
        let seen = at("module of CFFI".to_owned(), &module.place);
        let source = Evidence::new("looked up").value(CFFI.source);
        if minor < CFFI_OLDEST_PYTHON {
            let why = format!(
                "no release of CFFI works on {python}, and {} needs its backend",
                module.name
            );
            return Some((why, vec![seen, source]));
        }
        if is_generated(module) {
            return None;
        }
        match self.tool(&CFFI) {
            ToolVersion::Old(required) if minor < LIMITED_API_PYTHON => {
                let why = format!(
                    "CFFI before {} uses the limited API, and {} asks for `{}`",
                    CFFI.first, required.place, required.text
                );
                Some((
                    why,
                    vec![
                        seen,
                        at("build requirement".to_owned(), &required.place).value(required.text),
                        source,
                    ],
                ))
            }
            _ => None,
        }
    }

    fn fate(&self, module: &SourceModule) -> ModuleFate {
        let seen = at(format!("module {}", module.name), &module.place);
        if let Some(doubt) = &module.doubt {
            return ModuleFate::Open(format!("{}: {doubt}", module.name), seen);
        }
        match module.generator {
            Generator::Cffi => {
                if let (Some((why, _)), Some(path)) =
                    (self.cffi_refusal(module), &self.facts.asks_for_build)
                {
                    return ModuleFate::Open(
                        format!("{why}, unless {path}, which asks for the build, does without it"),
                        seen,
                    );
                }
                return ModuleFate::Off(
                    seen.symbol("_cffi_backend")
                        .value(format!("declares from CFFI {} on", CFFI.first)),
                );
            }
            Generator::Mypyc => return self.mypyc(seen),
            Generator::Cython if module.version.is_none() => {
                if let ToolVersion::Old(required) = self.tool(&CYTHON) {
                    let why = format!(
                        "Cython before {} declares nothing, and {} asks for `{}`",
                        CYTHON.first, required.place, required.text
                    );
                    return ModuleFate::On(
                        why,
                        at("build requirement".to_owned(), &required.place).value(required.text),
                    );
                }
            }
            _ => {}
        }
        self.declared(module, seen)
    }

    /// What the declarations that count on the target say.
    fn declared(&self, module: &SourceModule, seen: Evidence) -> ModuleFate {
        let minor = self.target.python.minor;
        let possible: Vec<&SourceDeclaration> = module
            .declarations
            .iter()
            .filter(|declaration| declaration.reach.is_possible(minor))
            .collect();
        let Some(first) = possible.first() else {
            return self.silent(module, seen);
        };
        let show = |declaration: &SourceDeclaration| {
            let word = match declaration.word {
                DeclaredWord::NotUsed => "not used",
                DeclaredWord::Used => "used",
                DeclaredWord::Unclear => "not clear",
            };
            at(format!("module {}", module.name), &declaration.place)
                .symbol(declaration.means.clone())
                .value(word)
        };
        let all = |word: DeclaredWord| possible.iter().all(|declaration| declaration.word == word);
        let certain = possible
            .iter()
            .find(|declaration| declaration.reach.is_certain(minor));
        let name = &module.name;
        match certain {
            Some(certain) if all(DeclaredWord::NotUsed) => ModuleFate::Off(show(certain)),
            Some(certain) if all(DeclaredWord::Used) => self.as_built(
                module,
                format!("{name} declares that it needs it ({})", certain.place),
                show(certain),
            ),
            _ if all(DeclaredWord::Used) => self.as_built(
                module,
                format!(
                    "{name} declares that it needs it, if anything ({})",
                    first.place
                ),
                show(first),
            ),
            _ => ModuleFate::Open(
                format!(
                    "what {name} declares depends on the build ({})",
                    first.place
                ),
                show(first),
            ),
        }
    }

    /// A module that declares nothing itself.
    fn silent(&self, module: &SourceModule, seen: Evidence) -> ModuleFate {
        if module.generator == Generator::Pyo3 {
            let Some(pyo3) = &self.facts.pyo3 else {
                return ModuleFate::Open(
                    format!(
                        "{}: the version of PyO3 that decides was not found",
                        module.name
                    ),
                    seen,
                );
            };
            if pyo3.minor >= PYO3_DECLARES {
                return ModuleFate::Off(
                    at(format!("module {}", module.name), &pyo3.place)
                        .symbol("PyO3")
                        .value(pyo3.text.clone()),
                );
            }
            let why = format!(
                "PyO3 {} ({}) declares nothing for {} by itself",
                pyo3.text, pyo3.place, module.name
            );
            return self.as_built(module, why, seen);
        }
        self.as_built(
            module,
            format!("{} declares nothing ({})", module.name, module.place),
            seen,
        )
    }

    /// That a module switches the GIL on is only said when the build is seen to make it.
    fn as_built(&self, module: &SourceModule, why: String, seen: Evidence) -> ModuleFate {
        match &module.standing {
            ModuleStanding::Named { .. } => ModuleFate::On(why, seen),
            ModuleStanding::Unnamed => {
                ModuleFate::Open(format!("{why}, and no build file names it"), seen)
            }
        }
    }

    fn mypyc(&self, seen: Evidence) -> ModuleFate {
        let required = self.required(MYPYC.project);
        if required.is_empty() {
            return ModuleFate::Open(
                "mypyc compiles modules, and which version of it is not stated".to_owned(),
                seen,
            );
        }
        match self.tool(&MYPYC) {
            ToolVersion::Good => ModuleFate::Off(
                seen.symbol("mypyc")
                    .value(format!("declares from {} on", MYPYC.first)),
            ),
            ToolVersion::Old(required) => ModuleFate::Open(
                format!(
                    "mypyc is asked for as `{}` ({})",
                    required.text, required.place
                ),
                seen,
            ),
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

/// Whether CFFI wrote the module's source before the build.
fn is_generated(module: &SourceModule) -> bool {
    module.generator == Generator::Cffi && !module.place.path.ends_with(".py")
}

fn in_name(crate_name: &str) -> &str {
    if crate_name == "pyo3" {
        "PyO3"
    } else {
        crate_name
    }
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
