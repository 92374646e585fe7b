//! Why there is no solution, as the solver has it: a tree of facts and of what follows from them.

use std::collections::HashSet;
use std::sync::Arc;

use pubgrub::{DerivationTree, Derived, External};

use super::node::SolverNode;
use super::ranges::VersionRange;

/// A tree of reasons why there is no solution.
pub(super) type NoSolutionTree = DerivationTree<SolverNode, VersionRange, String>;

/// One fact of the tree.
pub(super) type SolverFact = External<SolverNode, VersionRange, String>;

/// The facts that the reasons stand on, each once, in the order of the chain.
pub(super) fn facts(reasons: &NoSolutionTree) -> Vec<&SolverFact> {
    let (mut found, mut seen, mut waiting) = (Vec::new(), HashSet::new(), vec![reasons]);
    while let Some(reason) = waiting.pop() {
        match reason {
            NoSolutionTree::External(fact) => found.push(fact),
            NoSolutionTree::Derived(Derived { cause1, cause2, .. }) => {
                // The tree shares its branches; walking each of them once keeps this linear.
                waiting.extend(
                    [cause2, cause1]
                        .into_iter()
                        .filter(|cause| seen.insert(Arc::as_ptr(cause)))
                        .map(|it| &**it),
                );
            }
        }
    }
    found
}
