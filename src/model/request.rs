//! What the user asked for: requirements, each with the place that asked, and where the files are to come from.

use std::collections::BTreeSet;
use std::fmt;

use url::Url;

use super::digest::Digest;
use super::lock::Lock;
use super::name::{ExtraName, MarkerTree, PackageName, Requirement};
use super::place::{Location, Place};
use super::problem::Problem;
use super::python_bound::PythonBound;

/// What one line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WantedPackage {
    /// A distribution by name, with specifiers or a direct URL.
    Named(Requirement),
    /// A wheel, an sdist or a project folder that gives its own name.
    Unnamed {
        /// The file or folder.
        location: Location,
        /// Extras asked for in brackets.
        extras: Vec<ExtraName>,
        /// Condition on the target.
        marker: MarkerTree,
    },
}

/// One requirement and the place that asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub wanted: WantedPackage,
    /// Digests of which the chosen file must have one; empty when none were given.
    pub hashes: Vec<Digest>,
    /// Who asked.
    pub place: Place,
}

impl Request {
    /// The requirement, when it names its package.
    pub fn named(&self) -> Option<&Requirement> {
        match &self.wanted {
            WantedPackage::Named(requirement) => Some(requirement),
            WantedPackage::Unnamed { .. } => None,
        }
    }
}

/// Packages for which a file format is allowed or forbidden (`--only-binary`, `--no-binary`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FormatControl {
    /// No package.
    #[default]
    None,
    /// Every package.
    All,
    /// These packages.
    Names(BTreeSet<PackageName>),
}

impl FormatControl {
    /// Whether the control speaks of this package.
    pub fn covers(&self, name: &PackageName) -> bool {
        match self {
            FormatControl::None => false,
            FormatControl::All => true,
            FormatControl::Names(names) => names.contains(name),
        }
    }

    /// Whether the control names this very package.
    fn names(&self, name: &PackageName) -> bool {
        matches!(self, FormatControl::Names(names) if names.contains(name))
    }
}

/// Where distributions are looked for and which are accepted; from the input's own options and the user's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageSources {
    /// Main index (`--index-url`); `None` leaves the default.
    pub index_url: Option<Url>,
    /// Further indexes, in order.
    pub extra_index_urls: Vec<Url>,
    /// Folders and pages with links to files.
    pub find_links: Vec<Location>,
    /// Whether indexes are left out altogether.
    pub no_index: bool,
    /// Packages that may only be installed from wheels.
    pub only_binary: FormatControl,
    /// Packages that may only be installed from source.
    pub no_binary: FormatControl,
    /// Whether pre-releases are accepted for every package.
    pub pre: bool,
    /// Whether an older wheel is better than a newer sdist.
    pub prefer_binary: bool,
    /// What was taken out of the input's URLs, each of which stands here without it.
    pub credentials: Vec<UrlCredentials>,
}

impl PackageSources {
    /// Whether wheels of this package may be chosen: a control that names a package is stronger than one for all.
    pub fn accept_wheels(&self, name: &PackageName) -> bool {
        !self.no_binary.covers(name)
            || (self.no_binary == FormatControl::All && self.only_binary.names(name))
    }

    /// Whether sdists of this package may be chosen.
    pub fn accept_sdists(&self, name: &PackageName) -> bool {
        !self.only_binary.covers(name)
            || (self.only_binary == FormatControl::All && self.no_binary.names(name))
    }
}

/// User name and password that stood in a URL. `Debug` hides them, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct UrlCredentials {
    /// The URL in which they stood, without them; they are meant for its server.
    pub url: Url,
    /// User name, or a token when there is no password; percent-encoding undone.
    pub username: String,
    /// Password, percent-encoding undone.
    pub password: Option<String>,
}

impl fmt::Debug for UrlCredentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

/// All that one run was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// What to scan.
    pub requests: Vec<Request>,
    /// Bounds on versions that do not ask for the package (`-c`).
    pub constraints: Vec<Request>,
    /// What stands in for whatever packages require of these (uv's `override-dependencies`).
    pub overrides: Vec<Request>,
    /// The environment of which `requests` has the versions, or `locks` where they do not go together, as the user named it;
    /// `None` when they come from elsewhere.
    pub environment: Option<String>,
    /// Lock files, each an exact set of its own beside what the requests resolve to.
    pub locks: Vec<Lock>,
    /// Where the files are to come from.
    pub sources: PackageSources,
    /// Groups and extras that the input's files have, whether they are selected or not.
    pub offered: Offered,
    /// Pythons that projects among the input are made for.
    pub pythons: Vec<PythonBound>,
    /// What the input names and nobody will look at, known from reading it.
    pub problems: Vec<Problem>,
}

impl Requests {
    /// Whether there is nothing to resolve and nothing to say.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.locks.is_empty() && self.problems.is_empty()
    }
}

/// Names of parts of the input that the user may select.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Dependency groups (PEP 735), and what other formats call so.
    pub groups: BTreeSet<ExtraName>,
    /// The project's optional dependencies.
    pub extras: BTreeSet<ExtraName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_package_is_stronger_than_all() {
        let name: PackageName = "numpy".parse().unwrap();
        let names = || FormatControl::Names([name.clone()].into());
        let check = |only_binary, no_binary, wheels: bool, sdists: bool| {
            let sources = PackageSources {
                only_binary,
                no_binary,
                ..PackageSources::default()
            };
            assert_eq!(
                (sources.accept_wheels(&name), sources.accept_sdists(&name)),
                (wheels, sdists),
                "{sources:?}"
            );
        };
        check(FormatControl::None, FormatControl::None, true, true);
        check(FormatControl::All, FormatControl::None, true, false);
        check(FormatControl::All, names(), false, true);
        check(names(), FormatControl::All, true, false);
        check(FormatControl::None, names(), false, true);
    }
}
