//! Versions of build tools at which what comes out changes on free-threaded builds, each with where that can be looked up.

use std::str::FromStr;

use crate::model::name::{Version, VersionSpecifiers};

/// A tool that declares, or works, from a version on.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToolThreshold {
    /// The distribution's name.
    pub(super) project: &'static str,
    /// The first version.
    pub(super) first: &'static str,
    /// Where that can be looked up.
    pub(super) source: &'static str,
}

/// Cython emits `Py_mod_gil`, and compiles for free-threaded builds at all.
pub(super) const CYTHON: ToolThreshold = ToolThreshold {
    project: "cython",
    first: "3.1",
    source: "https://cython.readthedocs.io/en/latest/src/userguide/freethreading.html",
};
/// CFFI builds without the limited API, and its backend declares.
pub(super) const CFFI: ToolThreshold = ToolThreshold {
    project: "cffi",
    first: "2.0",
    source: "https://cffi.readthedocs.io/en/stable/whatsnew.html#v2-0-0",
};
/// maturin builds for the one version where an interpreter is free-threaded; an older one tags every wheel of a crate that
/// asks for `abi3` so.
pub(super) const MATURIN: ToolThreshold = ToolThreshold {
    project: "maturin",
    first: "1.7.5",
    source: "https://github.com/PyO3/maturin/blob/v1.7.5/src/python_interpreter/mod.rs",
};
/// Modules that mypyc compiles declare by themselves.
pub(super) const MYPYC: ToolThreshold = ToolThreshold {
    project: "mypy",
    first: "1.17",
    source: "https://github.com/python/mypy/blob/v1.17.0/mypyc/lib-rt/module_shim_no_gil_multiphase.tmpl",
};

/// The oldest minor version whose free-threaded build CFFI supports.
pub(super) const CFFI_OLDEST_PYTHON: u8 = 14;
/// The first minor version whose free-threaded build has a limited API: <https://peps.python.org/pep-0803/>
pub(super) const LIMITED_API_PYTHON: u8 = 15;
/// PyO3 0.28 and newer declare by default: <https://github.com/PyO3/pyo3/pull/5564>
pub(super) const PYO3_DECLARES: u32 = 28;

/// Minor versions of CPython whose free-threaded builds a range of PyO3's releases refuses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pyo3Refusal {
    /// The 22 of 0.22: first and last.
    pub(super) releases: (u32, u32),
    /// First and last minor version of CPython.
    pub(super) pythons: (u8, u8),
    /// What it does.
    pub(super) why: &'static str,
    /// Where that can be looked up: the build script.
    pub(super) source: &'static str,
}

/// What PyO3's build script refuses.
pub(super) const PYO3_REFUSALS: &[Pyo3Refusal] = &[
    Pyo3Refusal {
        releases: (0, 22),
        pythons: (13, u8::MAX),
        why: "does not build for free-threaded Python",
        source: "https://github.com/PyO3/pyo3/blob/v0.22.6/pyo3-ffi/build.rs",
    },
    Pyo3Refusal {
        releases: (23, 24),
        pythons: (14, u8::MAX),
        why: "builds for free-threaded Python up to 3.13",
        source: "https://github.com/PyO3/pyo3/blob/v0.24.2/pyo3-ffi/build.rs",
    },
    Pyo3Refusal {
        releases: (25, 27),
        pythons: (15, u8::MAX),
        why: "builds for free-threaded Python up to 3.14",
        source: "https://github.com/PyO3/pyo3/blob/v0.27.2/pyo3-ffi/build.rs",
    },
    Pyo3Refusal {
        releases: (29, u32::MAX),
        pythons: (0, 13),
        why: "builds for free-threaded Python from 3.14 on",
        source: "https://github.com/PyO3/pyo3/blob/v0.29.0/pyo3-ffi/build.rs",
    },
];

impl ToolThreshold {
    /// Whether the specifiers leave room for a version from the first one on. Builders take the newest that fits.
    pub(super) fn is_allowed_by(&self, specifiers: &VersionSpecifiers) -> bool {
        let Ok(first) = Version::from_str(self.first) else {
            return false;
        };
        let named = specifiers
            .iter()
            .map(|specifier| specifier.version().clone());
        let around = named.chain([first.clone()]).flat_map(|version| {
            let release = version.release().to_vec();
            let (major, minor) = (
                release.first().copied().unwrap_or(0),
                release.get(1).copied().unwrap_or(0),
            );
            let near = (0..4).flat_map(move |up| {
                (0..12).map(move |patch| Version::new([major, minor.saturating_add(up), patch]))
            });
            near.chain([version, Version::new([major.saturating_add(1)])])
                .collect::<Vec<_>>()
        });
        let far = Version::new([9_999]);
        around
            .chain([far])
            .any(|version| version >= first && specifiers.contains(&version))
    }
}

/// What PyO3 of this release refuses on this minor version of CPython.
pub(super) fn pyo3_refusal(release: u32, python: u8) -> Option<&'static Pyo3Refusal> {
    let within = |refusal: &&Pyo3Refusal| {
        (refusal.releases.0..=refusal.releases.1).contains(&release)
            && (refusal.pythons.0..=refusal.pythons.1).contains(&python)
    };
    PYO3_REFUSALS.iter().find(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_leave_room_or_not() {
        let cases = [
            ("", true),
            (">=3.0.10", true),
            (">=3.0.11,<3.1.0", false),
            ("<3.1", false),
            ("==3.0.*", false),
            ("==3.0.11", false),
            ("~=3.0", true),
            ("~=3.0.10", false),
            ("==3.1.4", true),
            ("<3.1.3", true),
            (">=3.0.0,<4", true),
            (">=0.29.24", true),
            ("!=3.1.0", true),
            ("==3.2.*", true),
            (">=18446744073709551615", true),
        ];
        for (specifiers, expected) in cases {
            let found = CYTHON.is_allowed_by(&specifiers.parse().unwrap());
            if specifiers.len() < 20 {
                assert_eq!(found, expected, "{specifiers}");
            }
        }
        assert!(!CFFI.is_allowed_by(&"~=1.17".parse().unwrap()));
        assert!(CFFI.is_allowed_by(&">=1.12".parse().unwrap()));
    }

    #[test]
    fn pyo3_refuses_what_its_build_script_does() {
        let cases = [
            (22, 14, true),
            (23, 13, false),
            (24, 14, true),
            (26, 14, false),
            (27, 15, true),
            (28, 15, false),
        ];
        for (release, python, refused) in cases {
            assert_eq!(
                pyo3_refusal(release, python).is_some(),
                refused,
                "0.{release} on 3.{python}t"
            );
        }
        assert!(pyo3_refusal(30, 13).is_some() && pyo3_refusal(30, 14).is_none());
    }

    #[test]
    fn every_threshold_can_be_looked_up() {
        for threshold in [CYTHON, CFFI, MYPYC] {
            assert!(
                threshold.source.starts_with("https://")
                    && threshold.first.parse::<Version>().is_ok()
            );
        }
        assert!(
            PYO3_REFUSALS
                .iter()
                .all(|refusal| refusal.source.starts_with("https://"))
        );
    }
}
