//! Whether code runs only where init functions lead to it, or also where somebody got a pointer to a function: a callback,
//! a method, a destructor.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::PathExecutor;
use crate::evaluator::isa::{InstructionSet, StaticSuccessor};
use crate::evaluator::values::hash::FastMap;

/// How many instructions are looked at, one number after the other: what matters is mostly near the hook.
const SIZES: [usize; 3] = [2_000, 10_000, 50_000];
/// Most instructions that may lead to a place.
const MOST_LEADING: usize = 4096;
/// Longest instruction.
const LONGEST_INSTRUCTION: u64 = 15;

/// Instructions that init functions lead to, whatever the values.
#[derive(Default)]
struct CallGraph {
    /// Their addresses, each with whether it jumps or calls.
    nodes: BTreeMap<u64, bool>,
    predecessors: FastMap<u64, Vec<u64>>,
    is_whole: bool,
}

impl CallGraph {
    fn link(&mut self, from: u64, to: u64) {
        self.predecessors.entry(to).or_default().push(from);
    }

    /// The instructions that may lead to one of these addresses, sorted, where at least one of these was met.
    fn leading_to(&self, places: &[u64]) -> Option<Vec<u64>> {
        let mut open: Vec<u64> = places
            .iter()
            .copied()
            .filter(|place| self.nodes.contains_key(place))
            .collect();
        let mut seen: HashSet<u64> = open.iter().copied().collect();
        while let Some(address) = open.pop() {
            let before = self.predecessors.get(&address).into_iter().flatten();
            open.extend(before.filter(|&&before| seen.insert(before)));
        }
        let mut leading: Vec<u64> = seen.into_iter().collect();
        leading.sort_unstable();
        (!leading.is_empty() && leading.len() <= MOST_LEADING).then_some(leading)
    }

    /// Whether an instruction that jumps or calls holds a place.
    fn transfers_at(&self, place: u64) -> bool {
        let last = self.nodes.range(..=place).next_back();
        last.is_some_and(|(&start, &transfers)| transfers && place - start < LONGEST_INSTRUCTION)
    }
}

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// Whether an instruction, which begins at one of these addresses, runs only where init functions lead to it: nothing but
    /// their code refers to it, or to what leads to it.
    pub(super) fn is_run_by_hooks_alone(&mut self, starts: &[u64]) -> bool {
        for most in SIZES {
            let graph = self.call_graph(most);
            if let Some(leading) = graph.leading_to(starts)
                && self
                    .references_to(&leading)
                    .into_iter()
                    .all(|place| graph.transfers_at(place))
            {
                return true;
            }
            if graph.is_whole {
                break;
            }
        }
        false
    }

    /// The instructions that the image's init functions lead to, those of near functions first.
    fn call_graph(&mut self, most: usize) -> CallGraph {
        let image = self.machine.image;
        let is_hook = |name: &str| name.starts_with("PyInit") || name.starts_with("PyModExport_");
        let hooks = image
            .exports()
            .iter()
            .filter(|(name, _)| is_hook(name))
            .map(|(_, &address)| address);
        let mut functions: VecDeque<u64> = std::iter::once(self.hook).chain(hooks).collect();
        let mut graph = CallGraph::default();
        while let Some(function) = functions.pop_front() {
            let mut open = vec![function];
            while let Some(address) = open.pop() {
                if graph.nodes.contains_key(&address) {
                    continue;
                }
                if graph.nodes.len() >= most {
                    return graph;
                }
                let successor = self.isa.static_successor(image, address);
                graph
                    .nodes
                    .insert(address, !matches!(successor, StaticSuccessor::Next(_)));
                let (called, next) = self.successors(successor);
                for &to in called.iter().chain(&next) {
                    graph.link(address, to);
                }
                functions.extend(called);
                open.extend(next);
            }
        }
        graph.is_whole = true;
        graph
    }

    /// What an instruction calls, and where else it may lead.
    fn successors(&mut self, successor: StaticSuccessor) -> (Option<u64>, Vec<u64>) {
        match successor {
            StaticSuccessor::Next(next) | StaticSuccessor::Jump(next) => (None, vec![next]),
            StaticSuccessor::Branch(first, second) => (None, vec![first, second]),
            StaticSuccessor::Call { target, next } => (
                Some(target),
                std::iter::once(next)
                    .chain(self.landing_pad_address(next))
                    .collect(),
            ),
            StaticSuccessor::Through { slot, next } => {
                let target = self
                    .machine
                    .image
                    .pointer(slot)
                    .filter(|&target| self.machine.is_code(target));
                let pad = next.and_then(|next| self.landing_pad_address(next));
                (target, next.into_iter().chain(pad).collect())
            }
            StaticSuccessor::Return | StaticSuccessor::Computed | StaticSuccessor::Dead => {
                (None, Vec::new())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_a_place_is_found_over_calls() {
        let mut graph = CallGraph::default();
        for (from, to, transfers) in [
            (0x10, 0x14, false),
            (0x14, 0x40, true),
            (0x14, 0x19, true),
            (0x40, 0x44, false),
        ] {
            graph.nodes.insert(from, transfers);
            graph.link(from, to);
        }
        graph.nodes.insert(0x44, false);
        assert_eq!(
            graph.leading_to(&[0x44]),
            Some(vec![0x10, 0x14, 0x40, 0x44])
        );
        assert_eq!(graph.leading_to(&[0x50]), None, "nothing that was met");
        assert!(graph.transfers_at(0x15) && !graph.transfers_at(0x12) && !graph.transfers_at(0x30));
    }
}
