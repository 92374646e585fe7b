//! What the rest of an init function returns once its module is settled.
//!
//! The module that has declared itself is taken for the one that is returned: programs make theirs, declare it, and do their
//! work. But a function may return another one. So the rest is followed, too, without the calls of the image's own code and
//! within limits of its own, and a path counts if it returns something that is certainly not that module.

use super::{FollowPurpose, PathExecutor};
use crate::cpython::functions::{self, CreatedKind};
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::values::value::MachineValue;

/// Most paths that are gone on with.
const MOST_PATHS: usize = 16;

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// Ends a path whose module is settled as if it returned it, and keeps it for [`PathExecutor::follow_settled`].
    pub(super) fn settle_early(&mut self, state: &mut PathState, module: u64) {
        self.settle(state, module);
        state.settled = Some(module);
    }

    /// Keeps a path that was just settled; `false` when it goes on.
    pub(super) fn keep_settled(&mut self, state: &PathState) -> bool {
        let is_new = state.settled.is_some() && !self.follows_settled;
        if is_new && self.settled_paths.len() < MOST_PATHS {
            self.settled_paths.push(state.clone());
        }
        is_new
    }

    /// Goes on with the paths whose module is settled.
    pub(super) fn follow_settled(&mut self) {
        if self.settled_paths.is_empty() || self.machine.guards.begins_again() {
            return;
        }
        let spent = self.machine.fuel;
        self.machine.fuel.refill(1);
        self.machine.guards.begin(true);
        self.follows_settled = true;
        self.seen.clear();
        for state in self.settled_paths.clone() {
            let state = self.merge_at_fork(state);
            self.worklist.extend(state);
        }
        while let Some(state) = self.next() {
            self.follow(state);
            if self.machine.fuel.exhausted().is_some() {
                break;
            }
        }
        self.worklist.clear();
        self.raising.clear();
        self.thrown.clear();
        self.follows_settled = false;
        let used = self.machine.fuel;
        self.machine.fuel = spent;
        (self.machine.fuel.steps, self.machine.fuel.forks) =
            (spent.steps + used.steps, spent.forks + used.forks);
    }

    /// Whether a path that goes on after its module was settled ends with that module, or with what nobody can tell from it.
    pub(super) fn ends_as_settled(&self, state: &PathState, value: MachineValue) -> bool {
        let (FollowPurpose::Hook(_), Some(module)) = (self.purpose, state.settled) else {
            return false;
        };
        match value {
            MachineValue::Known(address) => address == module,
            MachineValue::Symbol { id, offset: 0 } => {
                let import = self
                    .machine
                    .symbols
                    .defining_import(id)
                    .and_then(|it| self.machine.image.imports().get(it));
                import.is_none_or(|import| {
                    functions::creates(&import.name) != Some(CreatedKind::Module)
                })
            }
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::image::images;
    use crate::evaluator::cpu::fuel::EvaluationLimits;
    use crate::evaluator::cpu::machine::TargetInterpreter;
    use crate::evaluator::isa::x86::X86;
    use crate::model::facts::HookKind;

    fn ends(name: &str) -> usize {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let images = images(&bytes).unwrap();
        let interpreter = TargetInterpreter {
            minor: 13,
            free_threaded: true,
        };
        let purpose = FollowPurpose::Hook(HookKind::Init);
        let limits = EvaluationLimits::default();
        let mut executor: PathExecutor<'_, '_, X86> =
            PathExecutor::new(&images[0], purpose, "sample", interpreter, limits);
        executor.explore(images[0].exports()["PyInit_sample"], usize::MAX);
        executor.outcomes.len()
    }

    #[test]
    fn a_module_that_comes_from_elsewhere_counts_beside_the_settled_one() {
        assert_eq!(ends("hooks/built/elf-x86_64-O2-returns-imported.so"), 2);
        assert_eq!(ends("binary/built/elf-x86_64-single-set.so"), 1);
    }
}
