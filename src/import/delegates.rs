//! Modules that others leave their declaration to, where no file of them can be read: what is known of every build.
//!
//! A package that has to be built from source has no bytes to look at. But the sources of a release do not change, and
//! where none of them declares anything about the GIL, no build does. The reverse is not concluded: that sources declare
//! something does not say what a build becomes.

use std::str::FromStr;

use crate::model::name::{PackageName, Version};

/// A module that others leave their declaration to.
struct DelegateProvider {
    /// Its dotted name.
    module: &'static str,
    /// The project whose distributions have it.
    project: &'static str,
    /// The last release whose sources declare nothing about the GIL, as none before it does.
    last_silent: &'static str,
    /// Where that can be looked up: the sources of that release.
    source: &'static str,
}

/// cffi declares from 2.0.0b1 on: <https://cffi.readthedocs.io/en/stable/whatsnew.html#v2-0-0>
const PROVIDERS: &[DelegateProvider] = &[DelegateProvider {
    module: "_cffi_backend",
    project: "cffi",
    last_silent: "1.17.1",
    source: "https://github.com/python-cffi/cffi/blob/v1.17.1/src/c/_cffi_backend.c",
}];

/// Whether the project is known to provide the module.
pub fn provides(project: &PackageName, module: &str) -> bool {
    PROVIDERS
        .iter()
        .any(|provider| provider.module == module && *project.as_ref() == *provider.project)
}

/// Why importing the module switches the GIL on, whoever built it from this version of the project; `None` when that is
/// not known.
pub fn silent(project: &PackageName, version: &Version, module: &str) -> Option<String> {
    let provider = PROVIDERS
        .iter()
        .find(|it| it.module == module && *project.as_ref() == *it.project)?;
    let last = Version::from_str(provider.last_silent).ok()?;
    let DelegateProvider {
        project, source, ..
    } = provider;
    (*version <= last)
        .then(|| format!("no {project} up to {last} declares anything about the GIL, see {source}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_releases_whose_sources_are_known_count() {
        let cases = [
            ("cffi", "1.17.1", "_cffi_backend", true),
            ("cffi", "1.0", "_cffi_backend", true),
            ("cffi", "1.17.1+patched", "_cffi_backend", false),
            ("cffi", "1.18.0.dev0", "_cffi_backend", false),
            ("cffi", "2.0.0b1", "_cffi_backend", false),
            ("cffi", "2.1.1", "_cffi_backend", false),
            ("cffi", "1.0", "_other", false),
            ("other", "1.0", "_cffi_backend", false),
        ];
        for (project, version, module, expected) in cases {
            let project: PackageName = project.parse().unwrap();
            let found = silent(&project, &version.parse().unwrap(), module);
            assert_eq!(found.is_some(), expected, "{project} {version} {module}");
        }
        for provider in PROVIDERS {
            assert!(provides(
                &provider.project.parse().unwrap(),
                provider.module
            ));
            assert!(provider.last_silent.parse::<Version>().is_ok());
        }
    }
}
