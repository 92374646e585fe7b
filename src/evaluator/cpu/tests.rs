//! The machine and the states of paths: on a small image, without code.

use super::convention::Convention;
use super::flags::{Condition, Flags};
use super::fuel::{EvaluationLimits, Fuel};
use super::machine::{Machine, TargetInterpreter};
use super::state::State;
use super::trace::TraceEvent;
use crate::binary::image::{Image, images};
use crate::evaluator::memory::Memory;
use crate::evaluator::values::symbol::{Failure, Range, Symbol};
use crate::evaluator::values::value::{OBJECTS, PointsTo, Value};

/// A convention of no system: arguments in two registers and then on the stack.
static CONVENTION: Convention = Convention {
    arguments: &[7, 6],
    result: 0,
    selector: 2,
    stack_pointer: 4,
    preserved: &[3],
    preserved_vectors: 0..0,
    stacked: 8,
    thread: None,
};

/// Runs a check on a machine with an image of which nothing but its size matters, for free-threaded CPython 3.14.
pub(in crate::evaluator) fn on_machine(check: impl FnOnce(&mut Machine, &mut State)) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/binary/built/elf-x86_64-not-used.so");
    let bytes = std::fs::read(path).unwrap();
    let images = images(&bytes).unwrap();
    let image: &Image<'_> = images.first().unwrap();
    let interpreter = TargetInterpreter { minor: 14, free_threaded: true };
    let mut machine = Machine::new(image, &CONVENTION, interpreter, Fuel::new(EvaluationLimits::default()));
    let mut state = State::new(0x1000, &CONVENTION, Memory::default());
    check(&mut machine, &mut state);
}

fn known(machine: &mut Machine, state: &mut State, address: Value, size: u64) -> Option<u64> {
    machine.load(state, address, size).known()
}

#[test]
fn what_is_stored_is_loaded_and_objects_outside_are_immortal() {
    on_machine(|machine, state| {
        let stack = state.register(CONVENTION.stack_pointer);
        machine.store(state, stack, 8, Value::Known(0x1122_3344_5566_7788));
        assert_eq!(known(machine, state, stack, 4), Some(0x5566_7788));
        assert_eq!(known(machine, state, stack.offset(7), 1), Some(0x11));
        let object = machine.fresh(state, Symbol::new(Range::POINTER));
        assert_eq!(known(machine, state, object.offset(12), 4), Some(0xffff_ffff), "the local count");
        assert_eq!(known(machine, state, object.offset(16), 8), None);
        // Writes to objects of the interpreter are none of ours.
        machine.store(state, Value::Known(OBJECTS + 32), 8, Value::Known(5));
        assert_ne!(known(machine, state, Value::Known(OBJECTS + 32), 8), Some(5));
    });
}

#[test]
fn arguments_are_in_registers_and_then_on_the_stack() {
    on_machine(|machine, state| {
        state.set_register(7, Value::Known(1));
        state.set_register(6, Value::Known(2));
        let third = state.register(CONVENTION.stack_pointer).offset(8);
        machine.store(state, third, 8, Value::Known(3));
        let found: Vec<Option<u64>> = (0..3).map(|number| machine.argument(state, number).known()).collect();
        assert_eq!(found, [Some(1), Some(2), Some(3)]);
    });
}

#[test]
fn allocations_of_one_place_are_apart_until_there_are_many() {
    on_machine(|machine, state| {
        let blocks: Vec<Value> = (0..5).map(|_| machine.allocate(state, Value::Known(16))).collect();
        let mut addresses: Vec<u64> = blocks.iter().filter_map(|block| block.known()).collect();
        addresses.dedup();
        assert_eq!(addresses.len(), 4, "{blocks:?}");
        assert_eq!(known(machine, state, blocks[0].offset(8), 8), Some(0), "zeroed");
        assert_eq!(known(machine, state, blocks[0].offset(16), 8), None, "beyond what is zeroed");
        assert!(machine.is_nonzero(state, blocks[4]), "a pointer all the same");
    });
}

#[test]
fn runs_are_copied_filled_and_forgotten() {
    on_machine(|machine, state| {
        let (from, to) = (machine.allocate(state, Value::Known(64)), machine.allocate(state, Value::Known(64)));
        machine.fill_run(state, from, Value::Known(0xab), 1, Value::Known(20));
        assert_eq!(known(machine, state, from.offset(16), 4), Some(0xabab_abab));
        assert_eq!(known(machine, state, from.offset(20), 4), Some(0));
        machine.copy_run(state, to, from, Value::Known(17));
        assert_eq!(known(machine, state, to.offset(16), 2), Some(0x00ab));
        let before = machine.fuel.steps;
        machine.copy_run(state, to, from, Value::Known(4096));
        assert!(machine.fuel.steps > before, "long runs cost");
        machine.forget(state, from, 8);
        assert_eq!(known(machine, state, from, 8), None);
        assert_eq!(known(machine, state, from.offset(8), 8), Some(0xabab_abab_abab_abab));
        // Nobody knows how much: all of the heap may be hit.
        machine.fill_run(state, to, Value::Known(0), 1, Value::ANY);
        assert_eq!(known(machine, state, from.offset(8), 8), None);
    });
}

#[test]
fn a_branch_on_a_result_that_shows_failure_sets_the_exception() {
    on_machine(|machine, state| {
        let status = Symbol { failure: Failure::Negative, ..Symbol::new(Range::new(-1, 0)) };
        let result = machine.fresh(state, status);
        state.flags = Flags::compare(result, Value::Known(0), 32);
        assert_eq!(machine.ask(state, Condition::Negative), None, "both ways are open");
        let mut failed = state.clone();
        assert!(failed.assume(Condition::Negative, &machine.symbols) && failed.exception_set);
        assert!(state.assume(Condition::NotNegative, &machine.symbols) && !state.exception_set);
        assert_eq!(state.resolve(result), Value::Known(0));
        assert_eq!(machine.ask(state, Condition::Negative), Some(false), "it cannot be both");
    });
}

#[test]
fn a_joined_state_covers_both() {
    on_machine(|machine, state| {
        let image = machine.image;
        let stack = state.register(CONVENTION.stack_pointer);
        let mut other = state.clone();
        for (path, number) in [(&mut *state, 1), (&mut other, 2)] {
            path.set_register(3, Value::Known(number));
            machine.store(path, stack, 8, Value::Known(number));
            path.flags = Flags::compare(Value::Known(number), Value::Known(0), 64);
        }
        assert!(!state.is_subsumed_by(&other, image, &CONVENTION));
        let mut joined = state.clone();
        joined.join(&other, image, &CONVENTION);
        for path in [&*state, &other] {
            assert!(path.is_subsumed_by(&joined, image, &CONVENTION));
        }
        assert!(matches!(joined.register(3), Value::Unknown(_)));
        assert_eq!(known(machine, &mut joined, stack, 8), None);
    });
}

#[test]
fn a_name_that_is_given_out_again_leaves_older_copies_unknown() {
    on_machine(|machine, state| {
        let first = machine.fresh(state, Symbol::new(Range::ALL));
        state.set_register(3, first);
        let second = machine.fresh(state, Symbol::new(Range::ALL));
        assert_eq!(first, second, "one place, one name");
        assert_eq!(state.register(3), Value::Unknown(PointsTo::OUTSIDE));
    });
}

#[test]
fn steps_of_a_path_are_told_in_order() {
    on_machine(|machine, state| {
        machine.note(state, TraceEvent::Branch { taken: true });
        let mut other = state.clone();
        machine.note(&mut other, TraceEvent::Unfollowed);
        machine.note(state, TraceEvent::Return { value: Value::Known(0) });
        let steps = machine.trace.render(state.trace, machine.image);
        let words: Vec<&str> = steps.iter().map(|step| step.what.as_str()).collect();
        assert_eq!(words, ["branch on an unknown", "hook returns"]);
    });
}
