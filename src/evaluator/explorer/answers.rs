//! What functions of the libraries beside a file return, where that is always the same number.

use super::{FollowPurpose, PathExecutor};
use crate::binary::image::BinaryImage;
use crate::evaluator::cpu::fuel::EvaluationLimits;
use crate::evaluator::cpu::machine::TargetInterpreter;
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::values::value::{MachineValue, MemoryRegion, region};

/// Limits of following one function: functions that answer what a library was built with are short.
const LIMITS: EvaluationLimits = EvaluationLimits {
    steps: 10_000,
    forks: 100,
    depth: 16,
};
/// Most functions that are followed for one hook.
const MOST_FUNCTIONS: usize = 32;
/// Numbers below are no addresses of anything: the headers of files are there.
const LOWEST_ADDRESS: u64 = 0x120;

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// The number that an imported function always returns.
    pub(super) fn answer(&mut self, import: usize) -> Option<u64> {
        if let Some(known) = self.answers.get(&import) {
            return *known;
        }
        if self.answers.len() >= MOST_FUNCTIONS {
            return None;
        }
        let interpreter = self.machine.interpreter;
        let mut answer = None;
        if let Some(wanted) = self.machine.image.imports().get(import) {
            let mut follow = |library: &BinaryImage<'_>, address| {
                answer = constant::<I>(library, address, interpreter)
            };
            self.siblings.define(wanted, &mut follow);
        }
        self.answers.insert(import, answer);
        answer
    }
}

/// The number with which all paths through a function end.
fn constant<I: InstructionSet>(
    library: &BinaryImage<'_>,
    address: u64,
    interpreter: TargetInterpreter,
) -> Option<u64> {
    let mut executor: PathExecutor<'_, '_, I> =
        PathExecutor::new(library, FollowPurpose::Answer, "", interpreter, LIMITS);
    executor.explore(address, usize::MAX);
    match executor.returned.as_slice() {
        &[MachineValue::Known(number)] if executor.abandoned.is_empty() => {
            Some(number).filter(|&it| is_number(library, it))
        }
        _ => None,
    }
}

/// Whether a value is a number, and not an address of the library or of what the run made up.
fn is_number(library: &BinaryImage<'_>, value: u64) -> bool {
    let is_address = library.segment_at(value).is_some() || library.import_at(value).is_some();
    value < LOWEST_ADDRESS || (!is_address && region(value) == MemoryRegion::Image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::image::images;
    use crate::evaluator::isa::arm64::Arm64;
    use crate::evaluator::isa::x86::X86;

    fn check<I: InstructionSet>(name: &str, expected: Option<u64>) {
        let folder =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/siblings/built");
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let images = images(&bytes).unwrap();
        let address = images[0].exports()["sample_is_thread_safe"];
        let interpreter = TargetInterpreter {
            minor: 14,
            free_threaded: true,
        };
        assert_eq!(
            constant::<I>(&images[0], address, interpreter),
            expected,
            "{name}"
        );
    }

    #[test]
    fn only_a_number_that_cannot_be_another_is_an_answer() {
        check::<X86>("elf-x86_64-answers-1.so", Some(1));
        check::<X86>("elf-x86_64-answers-0.so", Some(0));
        check::<X86>("elf-x86_64-answers-variable.so", None);
        check::<X86>("elf-x86_64-answers-imported.so", None);
        check::<Arm64>("elf-aarch64-answers-1.so", Some(1));
        check::<Arm64>("macho-arm64-answers-1.dylib", Some(1));
    }
}
