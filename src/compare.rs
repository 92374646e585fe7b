//! What changed between two looks at the same packages: which way each went. Pure; a gate and a page tell it in their own
//! words.
//!
//! Whether a change is for the better is said only where both verdicts are known: a package that can no longer be read has
//! not become better, however bad it was.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::verdict::{DecisionSide, Movement, Verdict};

/// Which way a package went, in the order in which people want to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChangeDirection {
    /// As [`Movement::Worse`], or it was not there and is not good.
    Worse,
    /// It was not there, and is good.
    Added,
    /// Whether it is better nobody can say.
    Different,
    /// The reverse of worse.
    Better,
    /// It is not there any more.
    Removed,
}

/// A package that has another verdict than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedPackage<Name, State> {
    /// Which way it went.
    pub direction: ChangeDirection,
    /// The package.
    pub name: Name,
    /// What was said of it; `None` when it was not there.
    pub before: Option<State>,
    /// What is said of it; `None` when it is not there any more.
    pub after: Option<State>,
}

/// All packages of one target whose verdict is another one, by name. Another version with the same verdict is no change.
pub fn changed<Name: Ord + Clone, State: Clone>(
    before: &BTreeMap<Name, State>,
    after: &BTreeMap<Name, State>,
    verdict: impl Fn(&State) -> Verdict,
) -> Vec<ChangedPackage<Name, State>> {
    let names: BTreeSet<&Name> = before.keys().chain(after.keys()).collect();
    let change = |name: &Name| {
        let (before, after) = (before.get(name).cloned(), after.get(name).cloned());
        let direction = direction(before.as_ref().map(&verdict), after.as_ref().map(&verdict))?;
        Some(ChangedPackage {
            direction,
            name: name.clone(),
            before,
            after,
        })
    };
    names.into_iter().filter_map(change).collect()
}

fn direction(before: Option<Verdict>, after: Option<Verdict>) -> Option<ChangeDirection> {
    match (before, after) {
        (None, None) => None,
        (None, Some(after)) if DecisionSide::from(after) == DecisionSide::For => {
            Some(ChangeDirection::Added)
        }
        (None, Some(_)) => Some(ChangeDirection::Worse),
        (Some(_), None) => Some(ChangeDirection::Removed),
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) => Some(match Movement::between(before, after) {
            Movement::Worse => ChangeDirection::Worse,
            Movement::Better => ChangeDirection::Better,
            Movement::Other => ChangeDirection::Different,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_goes_one_way_or_is_left_out() {
        use Verdict::{Build, Gil, Pure, Ready, Unknown};
        for (before, after, expected) in [
            (None, Some(Ready), Some(ChangeDirection::Added)),
            (None, Some(Unknown), Some(ChangeDirection::Worse)),
            (Some(Gil), None, Some(ChangeDirection::Removed)),
            (Some(Gil), Some(Gil), None),
            (Some(Gil), Some(Ready), Some(ChangeDirection::Better)),
            (Some(Gil), Some(Build), Some(ChangeDirection::Different)),
            (Some(Pure), Some(Gil), Some(ChangeDirection::Worse)),
        ] {
            let one = |verdict: Option<Verdict>| {
                verdict.map(|verdict| ("a", verdict)).into_iter().collect()
            };
            let found = changed(&one(before), &one(after), |verdict| *verdict);
            let directions: Vec<ChangeDirection> =
                found.iter().map(|change| change.direction).collect();
            assert_eq!(
                directions,
                expected.into_iter().collect::<Vec<_>>(),
                "{before:?} -> {after:?}"
            );
        }
    }
}
