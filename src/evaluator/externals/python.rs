//! The calls of the C API that make modules, speak of the GIL, or fetch something from another module.

use super::{CallOutcome, memory};
use crate::cpython::functions::{CallFacts, Effect, OnError, Returns};
use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::cpu::state::{Gil, Module, State};
use crate::evaluator::cpu::trace::TraceEvent;
use crate::evaluator::values::symbol::{Failure, Range, Symbol};
use crate::evaluator::values::value::{PointsTo, Value};

/// Size of the largest static type object (3.15, free-threaded).
const TYPE_OBJECT: u64 = 440;
/// Longest module name that is read.
const LONGEST_NAME: usize = 256;

pub(super) fn call(machine: &mut Machine, state: &mut State, facts: CallFacts) -> CallOutcome {
    let first = machine.argument(state, 0);
    let value = match facts.effect {
        Effect::None => return returned(machine, state, facts),
        Effect::Raises => {
            state.exception_set = true;
            return returned(machine, state, facts);
        }
        Effect::ClearsException => {
            state.exception_set = false;
            return returned(machine, state, facts);
        }
        Effect::Writes(mask) => {
            machine.forget_pointers(state, mask);
            return returned(machine, state, facts);
        }
        Effect::CreateModule => return CallOutcome::CreatesModule(create(machine, state, first)),
        Effect::NewModule => Value::Known(create(machine, state, Value::ANY)),
        Effect::InitDefinition => {
            machine.note(state, TraceEvent::Definition { value: first });
            first
        }
        Effect::SetGil => return set_gil(machine, state, first),
        Effect::ImportModule => {
            let origin = text(machine, state, first);
            from_elsewhere(machine, state, origin, Failure::Null)
        }
        Effect::ImportCapsule => {
            let path = text(machine, state, first);
            let origin = path.and_then(|path| path.rsplit_once('.').map(|(module, _)| module.into()));
            from_elsewhere(machine, state, origin, Failure::Null)
        }
        Effect::Derive => derive(machine, state, first, facts.on_error),
        Effect::GetDefinition => definition_of(machine, state, first),
        Effect::FindModule => find_module(machine, state, first),
        Effect::ReadyType => ready(machine, state, first),
        Effect::FetchException => fetch_error(machine, state),
        Effect::TakeException => take_error(machine, state),
        Effect::RestoreException => {
            // Only what is certainly an exception makes the import fail.
            state.exception_set = machine.is_nonzero(state, first);
            Value::Known(0)
        }
        Effect::PeekException if state.exception_set => machine.fresh(state, Symbol::new(Range::POINTER)),
        Effect::PeekException => from_elsewhere(machine, state, None, Failure::NotNull),
        Effect::VersionText => machine.version_text(state),
        Effect::Interpreter => machine.interpreter_state(),
        Effect::Allocate(_) => machine.allocate(state, Value::Known(0)),
        Effect::AllocateZeroed => memory::allocate_zeroed(machine, state),
        Effect::Reallocate(size) => memory::reallocate(machine, state, size),
    };
    CallOutcome::Returns(value)
}

/// What a call gives back that does nothing else with it.
fn returned(machine: &mut Machine, state: &mut State, facts: CallFacts) -> CallOutcome {
    let range = match facts.returns {
        Returns::Never => return CallOutcome::NoReturn,
        Returns::Nothing => return CallOutcome::Returns(Value::ANY),
        Returns::Argument(number) => return CallOutcome::Returns(machine.argument(state, number)),
        Returns::Null => Range::new(0, 0),
        Returns::Object => Range::POINTER,
        Returns::Status => Range::new(0, 0),
        Returns::Truth => Range::new(0, 1),
        Returns::Count => Range::new(0, i64::MAX),
        Returns::Number => Range::ALL,
    };
    let (range, failure) = match facts.on_error {
        OnError::Never => (range, Failure::Never),
        OnError::Null => (range.join(Range::new(0, 0)), Failure::Null),
        OnError::NullQuietly => (range.join(Range::new(0, 0)), Failure::Never),
        OnError::Negative => (range.join(Range::new(-1, -1)), Failure::Negative),
    };
    let value = match range.single() {
        Some(number) => Value::Known(number.cast_unsigned()),
        None => machine.fresh(state, Symbol { failure, ..Symbol::new(range) }),
    };
    CallOutcome::Returns(value)
}

fn derive(machine: &mut Machine, state: &mut State, first: Value, on_error: OnError) -> Value {
    match on_error {
        OnError::Never => match first {
            Value::Known(_) => machine.fresh(state, Symbol::new(Range::POINTER)),
            Value::Symbol { .. } | Value::Unknown(_) => first,
        },
        OnError::Null | OnError::NullQuietly | OnError::Negative => {
            let origin = machine.origin(first);
            from_elsewhere(machine, state, origin, Failure::Null)
        }
    }
}

/// The first import: nobody has registered the module yet.
fn find_module(machine: &mut Machine, state: &mut State, definition: Value) -> Value {
    let exists = state.modules.iter().any(|module| module.definition == definition);
    if exists { machine.fresh(state, Symbol::new(Range::ALL)) } else { Value::Known(0) }
}

/// Moves the exception to where the arguments point.
fn fetch_error(machine: &mut Machine, state: &mut State) -> Value {
    let error = take_error(machine, state);
    for number in 0..3 {
        let place = machine.argument(state, number);
        let value = if number == 0 || error == Value::Known(0) { error } else { Value::Unknown(PointsTo::OUTSIDE) };
        machine.store(state, place, 8, value);
    }
    Value::Known(0)
}

/// The exception that is set, or null; none is set afterwards.
fn take_error(machine: &mut Machine, state: &mut State) -> Value {
    if std::mem::take(&mut state.exception_set) {
        machine.fresh(state, Symbol::new(Range::POINTER))
    } else {
        Value::Known(0)
    }
}

fn create(machine: &mut Machine, state: &mut State, definition: Value) -> u64 {
    let handle = machine.object(state);
    state.modules.retain(|module| module.handle != handle);
    let made_before = state.frames.last().map_or(0, |frame| frame.return_to);
    state.modules.push(Module { handle, definition, gil: Gil::Absent, maker: state.caller(), made_before });
    machine.note(state, TraceEvent::Module { definition });
    handle
}

fn set_gil(machine: &mut Machine, state: &mut State, module: Value) -> CallOutcome {
    let value = machine.argument(state, 1);
    machine.note(state, TraceEvent::SetGil { value });
    let gil = Gil::Set { value, address: state.pc };
    match module {
        Value::Known(handle) => {
            if let Some(module) = state.module(handle) {
                module.gil = gil;
                return CallOutcome::SetsGil(handle);
            }
        }
        // Some module, perhaps one of ours: what was said of each is no longer known.
        Value::Unknown(_) => {
            let doubt = Gil::Set { value: Value::Unknown(PointsTo::NOTHING), address: state.pc };
            state.modules.iter_mut().filter(|module| module.gil != gil).for_each(|module| module.gil = doubt);
        }
        Value::Symbol { .. } => {}
    }
    CallOutcome::Returns(Value::Known(0))
}

fn from_elsewhere(machine: &mut Machine, state: &mut State, origin: Option<String>, failure: Failure) -> Value {
    machine.fresh(state, Symbol { failure, origin, ..Symbol::new(Range::ALL) })
}

fn text(machine: &Machine, state: &State, address: Value) -> Option<String> {
    let mut bytes = Vec::new();
    let start = address.known()?;
    for offset in 0..LONGEST_NAME as u64 {
        match state.memory.read(machine.image, start.wrapping_add(offset), 1) {
            Value::Known(0) => return String::from_utf8(bytes).ok().filter(|text| !text.is_empty()),
            Value::Known(byte) => bytes.push(byte as u8),
            Value::Symbol { .. } | Value::Unknown(_) => return None,
        }
    }
    None
}

fn definition_of(machine: &mut Machine, state: &mut State, module: Value) -> Value {
    let known = module.known().and_then(|handle| state.module(handle).map(|module| module.definition));
    known.unwrap_or_else(|| machine.fresh(state, Symbol::new(Range::ALL)))
}

/// `PyType_Ready` fills in what the static type left empty.
fn ready(machine: &Machine, state: &mut State, object: Value) -> Value {
    if let Value::Known(address) = object
        && machine.image.segment_at(address).is_some()
    {
        for place in (address..address.saturating_add(TYPE_OBJECT)).step_by(8) {
            if state.memory.read(machine.image, place, 8) == Value::Known(0) {
                state.memory.write(machine.image, place, 8, Value::Unknown(PointsTo::OUTSIDE));
            }
        }
    }
    Value::Known(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::cpu::tests::on_machine;
    use crate::evaluator::externals::tests::called;
    use crate::evaluator::values::value::OBJECTS;

    fn gives(machine: &mut Machine, state: &mut State, name: &str, arguments: &[Value]) -> Value {
        match called(machine, state, name, arguments) {
            CallOutcome::Returns(value) => value,
            other => panic!("{name}: {other:?}"),
        }
    }

    fn stored(machine: &mut Machine, state: &mut State, text: &str) -> Value {
        let block = machine.allocate(state, Value::Known(0));
        for (index, byte) in text.bytes().chain([0]).enumerate() {
            machine.store(state, block.offset(index as u64), 1, Value::Known(byte.into()));
        }
        block
    }

    #[test]
    fn what_another_module_gives_is_its_own() {
        for (name, argument, origin) in [
            ("PyImport_ImportModule", "numpy.core", Some("numpy.core")),
            ("PyCapsule_Import", "datetime.datetime_CAPI", Some("datetime")),
            ("PyCapsule_Import", "plain", None),
            ("PyImport_ImportModule", "", None),
        ] {
            on_machine(|machine, state| {
                let text = stored(machine, state, argument);
                let found = gives(machine, state, name, &[text]);
                assert_eq!(machine.origin(found).as_deref(), origin, "{name} {argument}");
                state.pc += 4;
                let derived = gives(machine, state, "PyObject_GetAttrString", &[found]);
                assert_eq!(machine.origin(derived).as_deref(), origin, "what is derived from it, too");
            });
        }
    }

    #[test]
    fn modules_are_found_by_their_definition() {
        on_machine(|machine, state| {
            let definition = Value::Known(0x4000);
            assert_eq!(gives(machine, state, "PyState_FindModule", &[definition]), Value::Known(0));
            let CallOutcome::CreatesModule(handle) = called(machine, state, "PyModule_Create2", &[definition]) else {
                panic!("a module")
            };
            assert!(gives(machine, state, "PyState_FindModule", &[definition]).known().is_none());
            assert_eq!(gives(machine, state, "PyModule_GetDef", &[Value::Known(handle)]), definition);
            assert!(gives(machine, state, "PyModule_GetDef", &[Value::Known(handle + 8)]).known().is_none());
        });
    }

    #[test]
    fn a_declaration_of_some_module_may_be_that_of_each() {
        on_machine(|machine, state| {
            let CallOutcome::CreatesModule(handle) =
                called(machine, state, "PyModule_Create2", &[Value::Known(0x4000)])
            else {
                panic!("a module")
            };
            let gil = |state: &State| state.modules[0].gil;
            called(machine, state, "PyUnstable_Module_SetGIL", &[Value::Known(handle), Value::Known(1)]);
            let one = Gil::Set { value: Value::Known(1), address: state.pc };
            assert_eq!(gil(state), one);
            called(machine, state, "PyUnstable_Module_SetGIL", &[Value::ANY, Value::Known(1)]);
            assert_eq!(gil(state), one, "the same again");
            called(machine, state, "PyUnstable_Module_SetGIL", &[Value::ANY, Value::Known(0)]);
            assert!(matches!(gil(state), Gil::Set { value: Value::Unknown(_), .. }));
        });
    }

    #[test]
    fn an_exception_is_moved_to_where_the_arguments_point() {
        on_machine(|machine, state| {
            let place = state.register(machine.convention.stack_pointer).offset(64);
            for is_set in [true, false] {
                state.exception_set = is_set;
                gives(machine, state, "PyErr_Fetch", &[place, place.offset(8)]);
                let error = machine.load(state, place, 8);
                assert_eq!((machine.is_nonzero(state, error), state.exception_set), (is_set, false));
            }
            assert_eq!(machine.load(state, place, 8), Value::Known(0));
        });
    }

    #[test]
    fn a_type_that_is_made_ready_has_no_empty_fields() {
        on_machine(|machine, state| {
            let data = machine.image.segments.iter().find(|it| it.writable && it.size >= 64).unwrap().address;
            let place =
                (data..data + 1024).step_by(8).find(|&it| state.memory.read(machine.image, it, 8) == Value::Known(0));
            let place = place.unwrap();
            assert_eq!(gives(machine, state, "PyType_Ready", &[Value::Known(place)]), Value::Known(0));
            assert!(state.memory.read(machine.image, place, 8).known().is_none());
            gives(machine, state, "PyType_Ready", &[Value::Known(OBJECTS)]);
        });
    }
}
