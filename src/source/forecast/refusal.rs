//! Why a build fails on the target.

use crate::model::evidence::Evidence;
use crate::model::facts::Generator;
use crate::model::name::{Version, VersionSpecifiers};
use crate::model::source::{LimitedApiUse, LimitedApiUser, SourceModule};

use super::super::thresholds::{
    CFFI, CFFI_OLDEST_PYTHON, LIMITED_API_PYTHON, MATURIN, pyo3_refusal,
};
use super::{BuildOutlook, ToolVersion, at};

impl BuildOutlook<'_> {
    /// Why the build fails.
    pub(super) fn refusal(&self) -> Option<(String, Vec<Evidence>)> {
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

    /// Why CFFI cannot build this module.
    pub(super) fn cffi_refusal(&self, module: &SourceModule) -> Option<(String, Vec<Evidence>)> {
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
}

fn in_name(crate_name: &str) -> &str {
    if crate_name == "pyo3" {
        "PyO3"
    } else {
        crate_name
    }
}

/// Whether CFFI wrote the module's source before the build.
fn is_generated(module: &SourceModule) -> bool {
    module.generator == Generator::Cffi && !module.place.path.ends_with(".py")
}
