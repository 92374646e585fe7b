//! Which groups and extras of the input's files are scanned, as the user selects them.

use std::collections::BTreeSet;

use super::error::InputError;
use crate::model::name::ExtraName;
use crate::model::place::Place;
use crate::model::request::Offered;

/// Names that the user selects; the default is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectedNames {
    /// These.
    These(BTreeSet<ExtraName>),
    /// Whichever there are.
    All,
}

impl Default for SelectedNames {
    fn default() -> SelectedNames {
        SelectedNames::These(BTreeSet::new())
    }
}

impl SelectedNames {
    pub(super) fn has(&self, name: &ExtraName) -> bool {
        match self {
            SelectedNames::These(names) => names.contains(name),
            SelectedNames::All => true,
        }
    }

    fn named(&self) -> impl Iterator<Item = &ExtraName> {
        match self {
            SelectedNames::These(names) => Some(names),
            SelectedNames::All => None,
        }
        .into_iter()
        .flatten()
    }
}

/// What is scanned beside the project's own dependencies, which always are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupSelection {
    /// Dependency groups (`--group`, `--all-groups`).
    pub groups: SelectedNames,
    /// The project's extras (`--extra`, `--all-extras`).
    pub extras: SelectedNames,
}

impl GroupSelection {
    /// Refuses names that no file of the input has: less would be scanned than was asked for.
    pub(super) fn check(&self, offered: &Offered) -> Result<(), InputError> {
        check("--group", &self.groups, &offered.groups)?;
        check("--extra", &self.extras, &offered.extras)
    }
}

fn check(
    option: &'static str,
    selected: &SelectedNames,
    offered: &BTreeSet<ExtraName>,
) -> Result<(), InputError> {
    let Some(unknown) = selected.named().find(|name| !offered.contains(name)) else {
        return Ok(());
    };
    let place = Place {
        file: "command line".to_owned(),
        line: None,
        column: None,
    };
    let offered = offered.iter().map(ToString::to_string).collect();
    Err(InputError::NotOffered {
        place,
        option,
        found: unknown.to_string(),
        offered,
    })
}
