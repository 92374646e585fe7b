//! What the solver chooses versions for.

use std::fmt;

use crate::model::name::{ExtraName, PackageName};

/// A package of the solver's: the input itself, a distribution, or a distribution with one of its extras, which always
/// has the version of the distribution and adds what the extra requires.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Node {
    Root,
    Name(PackageName),
    Extra(PackageName, ExtraName),
}

impl Node {
    /// The distribution's name; `None` for the input itself.
    pub(super) fn name(&self) -> Option<&PackageName> {
        match self {
            Node::Root => None,
            Node::Name(name) | Node::Extra(name, _) => Some(name),
        }
    }

    /// The nodes that a requirement with these extras asks for.
    pub(super) fn asked_for(name: &PackageName, extras: &[ExtraName]) -> Vec<Node> {
        match extras {
            [] => vec![Node::Name(name.clone())],
            extras => extras.iter().map(|extra| Node::Extra(name.clone(), extra.clone())).collect(),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Node::Root => formatter.write_str("the input"),
            Node::Name(name) => write!(formatter, "{name}"),
            Node::Extra(name, extra) => write!(formatter, "{name}[{extra}]"),
        }
    }
}
