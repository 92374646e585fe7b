//! What could not be read although every file could be opened: no problem says so, and still it is no good news.

use std::collections::BTreeSet;

use crate::model::outcome::Gil;
use crate::model::report::Report;
use crate::model::source::Becomes;

use super::json::SavedReport;
use super::text::count;

/// How much of a report is unknown for what files do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnreadCounts {
    /// Modules whose declaration could not be read for some target.
    modules: usize,
    /// Packages whose build ends in something that their sources do not tell, for some target.
    builds: usize,
}

impl UnreadCounts {
    /// Of a run.
    pub(super) fn of(report: &Report) -> UnreadCounts {
        let mut modules = BTreeSet::new();
        let mut builds = BTreeSet::new();
        for package in &report.packages {
            for result in &package.results {
                let unread = result
                    .modules
                    .iter()
                    .filter(|module| module.gil == Gil::Unknown);
                modules.extend(unread.map(|module| (&package.name, &module.path)));
                let is_unread = result
                    .build
                    .as_ref()
                    .is_some_and(|build| build.becomes == Becomes::Unknown);
                builds.extend(is_unread.then_some((&package.name, &package.version)));
            }
        }
        UnreadCounts {
            modules: modules.len(),
            builds: builds.len(),
        }
    }

    /// Of a report that was read back.
    pub(super) fn of_saved(report: &SavedReport) -> UnreadCounts {
        let mut modules = BTreeSet::new();
        let mut builds = BTreeSet::new();
        for package in &report.content.packages {
            for result in &package.results {
                let unread = result
                    .modules
                    .iter()
                    .filter(|module| module.gil == "unknown");
                modules.extend(unread.map(|module| (&package.name, &module.path)));
                let is_unread = result
                    .build
                    .as_ref()
                    .is_some_and(|build| build.becomes == "unknown");
                builds.extend(is_unread.then_some((&package.name, &package.version)));
            }
        }
        UnreadCounts {
            modules: modules.len(),
            builds: builds.len(),
        }
    }

    /// In words, one part for each kind; none where all could be read.
    pub(super) fn words(self) -> Vec<String> {
        let modules = (self.modules > 0)
            .then(|| format!("{} could not be read", count(self.modules, "module")));
        let builds = (self.builds > 0)
            .then(|| format!("{} could not be foreseen", count(self.builds, "build")));
        modules.into_iter().chain(builds).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_said_and_what_could_be_read_is_not() {
        let rows = [
            (0, 0, ""),
            (1, 0, "1 module could not be read"),
            (0, 2, "2 builds could not be foreseen"),
            (
                2,
                1,
                "2 modules could not be read, 1 build could not be foreseen",
            ),
        ];
        for (modules, builds, expected) in rows {
            assert_eq!(
                UnreadCounts { modules, builds }.words().join(", "),
                expected
            );
        }
    }
}
