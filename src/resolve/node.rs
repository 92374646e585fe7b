//! What the solver chooses versions for.

use std::fmt;

use crate::model::name::{ExtraName, PackageName};

/// A package of the solver's: the input itself, a distribution, or a distribution with one of its extras, which always
/// has the version of the distribution and adds what the extra requires.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum SolverNode {
    Root,
    Name(PackageName),
    Extra(PackageName, ExtraName),
}

impl SolverNode {
    /// The distribution's name; `None` for the input itself.
    pub(super) fn name(&self) -> Option<&PackageName> {
        match self {
            SolverNode::Root => None,
            SolverNode::Name(name) | SolverNode::Extra(name, _) => Some(name),
        }
    }

    /// The nodes that a requirement with these extras asks for.
    pub(super) fn asked_for(name: &PackageName, extras: &[ExtraName]) -> Vec<SolverNode> {
        match extras {
            [] => vec![SolverNode::Name(name.clone())],
            extras => extras
                .iter()
                .map(|extra| SolverNode::Extra(name.clone(), extra.clone()))
                .collect(),
        }
    }
}

impl fmt::Display for SolverNode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SolverNode::Root => formatter.write_str("the input"),
            SolverNode::Name(name) => write!(formatter, "{name}"),
            SolverNode::Extra(name, extra) => write!(formatter, "{name}[{extra}]"),
        }
    }
}
