//! The calls of the C API that make modules, speak of the GIL, or fetch something from another module.

use super::{CallOutcome, memory};
use crate::cpython::functions::{CallEffect, CallFacts, CallReturn, OnError};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{CreatedModule, GilStatement, PathState};
use crate::evaluator::cpu::trace::TraceEvent;
use crate::evaluator::values::symbol::{FailureSign, SymbolFacts, ValueRange};
use crate::evaluator::values::value::{MachineValue, PointsTo};

/// Size of the largest static type object (3.15, free-threaded).
const TYPE_OBJECT: u64 = 440;
/// Longest module name that is read.
const LONGEST_NAME: usize = 256;

pub(super) fn call(
    machine: &mut SharedMachine,
    state: &mut PathState,
    facts: CallFacts,
) -> CallOutcome {
    let first = machine.argument(state, 0);
    let value = match facts.effect {
        CallEffect::None => return returned(machine, state, facts),
        CallEffect::Raises => {
            state.exception_set = true;
            return returned(machine, state, facts);
        }
        CallEffect::ClearsException => {
            state.exception_set = false;
            return returned(machine, state, facts);
        }
        CallEffect::Writes(mask) => {
            machine.forget_pointers(state, mask);
            return returned(machine, state, facts);
        }
        CallEffect::CreateModule => {
            return CallOutcome::CreatesModule(create(machine, state, first));
        }
        CallEffect::NewModule => MachineValue::Known(create(machine, state, MachineValue::ANY)),
        CallEffect::InitDefinition => {
            machine.note(state, TraceEvent::Definition { value: first });
            first
        }
        CallEffect::SetGil => return set_gil(machine, state, first),
        CallEffect::ImportModule => {
            let origin = text(machine, state, first);
            from_elsewhere(machine, state, origin, FailureSign::Null)
        }
        CallEffect::ImportCapsule => {
            let path = text(machine, state, first);
            let origin =
                path.and_then(|path| path.rsplit_once('.').map(|(module, _)| module.into()));
            from_elsewhere(machine, state, origin, FailureSign::Null)
        }
        CallEffect::Derive => derive(machine, state, first, facts.on_error),
        CallEffect::GetDefinition => definition_of(machine, state, first),
        CallEffect::FindModule => find_module(machine, state, first),
        CallEffect::ReadyType => ready(machine, state, first),
        CallEffect::FetchException => fetch_error(machine, state),
        CallEffect::TakeException => take_error(machine, state),
        CallEffect::RestoreException => {
            // Only what is certainly an exception makes the import fail.
            state.exception_set = machine.is_nonzero(state, first);
            MachineValue::Known(0)
        }
        CallEffect::PeekException if state.exception_set => {
            machine.fresh(state, SymbolFacts::new(ValueRange::POINTER))
        }
        CallEffect::PeekException => from_elsewhere(machine, state, None, FailureSign::NotNull),
        CallEffect::VersionText => machine.version_text(state),
        CallEffect::Interpreter => machine.interpreter_state(),
        CallEffect::Allocate(_) => machine.allocate(state, MachineValue::Known(0)),
        CallEffect::AllocateZeroed => memory::allocate_zeroed(machine, state),
        CallEffect::Reallocate(size) => memory::reallocate(machine, state, size),
    };
    CallOutcome::Returns(value)
}

/// What a call gives back that does nothing else with it.
fn returned(machine: &mut SharedMachine, state: &mut PathState, facts: CallFacts) -> CallOutcome {
    let range = match facts.returns {
        CallReturn::Never => return CallOutcome::NoReturn,
        CallReturn::Nothing => return CallOutcome::Returns(MachineValue::ANY),
        CallReturn::Argument(number) => {
            return CallOutcome::Returns(machine.argument(state, number));
        }
        CallReturn::Null => ValueRange::new(0, 0),
        CallReturn::Object => ValueRange::POINTER,
        CallReturn::Status => ValueRange::new(0, 0),
        CallReturn::Truth => ValueRange::new(0, 1),
        CallReturn::Count => ValueRange::new(0, i64::MAX),
        CallReturn::Number => ValueRange::ALL,
    };
    let (range, failure) = match facts.on_error {
        OnError::Never => (range, FailureSign::Never),
        OnError::Null => (range.join(ValueRange::new(0, 0)), FailureSign::Null),
        OnError::NullQuietly => (range.join(ValueRange::new(0, 0)), FailureSign::Never),
        OnError::Negative => (range.join(ValueRange::new(-1, -1)), FailureSign::Negative),
    };
    let value = match range.single() {
        Some(number) => MachineValue::Known(number.cast_unsigned()),
        None => machine.fresh(
            state,
            SymbolFacts {
                failure,
                ..SymbolFacts::new(range)
            },
        ),
    };
    CallOutcome::Returns(value)
}

fn derive(
    machine: &mut SharedMachine,
    state: &mut PathState,
    first: MachineValue,
    on_error: OnError,
) -> MachineValue {
    match on_error {
        OnError::Never => match first {
            MachineValue::Known(_) => machine.fresh(state, SymbolFacts::new(ValueRange::POINTER)),
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => first,
        },
        OnError::Null | OnError::NullQuietly | OnError::Negative => {
            let origin = machine.origin(first);
            from_elsewhere(machine, state, origin, FailureSign::Null)
        }
    }
}

/// The first import: nobody has registered the module yet.
fn find_module(
    machine: &mut SharedMachine,
    state: &mut PathState,
    definition: MachineValue,
) -> MachineValue {
    let exists = state
        .modules
        .iter()
        .any(|module| module.definition == definition);
    if exists {
        machine.fresh(state, SymbolFacts::new(ValueRange::ALL))
    } else {
        MachineValue::Known(0)
    }
}

/// Moves the exception to where the arguments point.
fn fetch_error(machine: &mut SharedMachine, state: &mut PathState) -> MachineValue {
    let error = take_error(machine, state);
    for number in 0..3 {
        let place = machine.argument(state, number);
        let value = if number == 0 || error == MachineValue::Known(0) {
            error
        } else {
            MachineValue::Unknown(PointsTo::OUTSIDE)
        };
        machine.store(state, place, 8, value);
    }
    MachineValue::Known(0)
}

/// The exception that is set, or null; none is set afterwards.
fn take_error(machine: &mut SharedMachine, state: &mut PathState) -> MachineValue {
    if std::mem::take(&mut state.exception_set) {
        machine.fresh(state, SymbolFacts::new(ValueRange::POINTER))
    } else {
        MachineValue::Known(0)
    }
}

fn create(machine: &mut SharedMachine, state: &mut PathState, definition: MachineValue) -> u64 {
    let handle = machine.object(state);
    state.modules.retain(|module| module.handle != handle);
    let made_before = state.frames.last().map_or(0, |frame| frame.return_to);
    state.modules.push(CreatedModule {
        handle,
        definition,
        gil: GilStatement::Absent,
        maker: state.caller(),
        made_before,
    });
    machine.note(state, TraceEvent::Module { definition });
    handle
}

fn set_gil(
    machine: &mut SharedMachine,
    state: &mut PathState,
    module: MachineValue,
) -> CallOutcome {
    let value = machine.argument(state, 1);
    machine.note(state, TraceEvent::SetGil { value });
    let gil = GilStatement::Set {
        value,
        address: state.pc,
    };
    match module {
        MachineValue::Known(handle) => {
            if let Some(module) = state.module(handle) {
                module.gil = gil;
                return CallOutcome::SetsGil(handle);
            }
        }
        // Some module, perhaps one of ours: what was said of each is no longer known.
        MachineValue::Unknown(_) => {
            let doubt = GilStatement::Set {
                value: MachineValue::Unknown(PointsTo::NOTHING),
                address: state.pc,
            };
            state
                .modules
                .iter_mut()
                .filter(|module| module.gil != gil)
                .for_each(|module| module.gil = doubt);
        }
        MachineValue::Symbol { .. } => {}
    }
    CallOutcome::Returns(MachineValue::Known(0))
}

fn from_elsewhere(
    machine: &mut SharedMachine,
    state: &mut PathState,
    origin: Option<String>,
    failure: FailureSign,
) -> MachineValue {
    machine.fresh(
        state,
        SymbolFacts {
            failure,
            origin,
            ..SymbolFacts::new(ValueRange::ALL)
        },
    )
}

fn text(machine: &SharedMachine, state: &PathState, address: MachineValue) -> Option<String> {
    let mut bytes = Vec::new();
    let start = address.known()?;
    for offset in 0..LONGEST_NAME as u64 {
        match state
            .memory
            .read(machine.image, start.wrapping_add(offset), 1)
        {
            MachineValue::Known(0) => {
                return String::from_utf8(bytes)
                    .ok()
                    .filter(|text| !text.is_empty());
            }
            MachineValue::Known(byte) => bytes.push(byte as u8),
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => return None,
        }
    }
    None
}

fn definition_of(
    machine: &mut SharedMachine,
    state: &mut PathState,
    module: MachineValue,
) -> MachineValue {
    let known = module
        .known()
        .and_then(|handle| state.module(handle).map(|module| module.definition));
    known.unwrap_or_else(|| machine.fresh(state, SymbolFacts::new(ValueRange::ALL)))
}

/// `PyType_Ready` fills in what the static type left empty.
fn ready(machine: &SharedMachine, state: &mut PathState, object: MachineValue) -> MachineValue {
    if let MachineValue::Known(address) = object
        && machine.image.segment_at(address).is_some()
    {
        for place in (address..address.saturating_add(TYPE_OBJECT)).step_by(8) {
            if state.memory.read(machine.image, place, 8) == MachineValue::Known(0) {
                state.memory.write(
                    machine.image,
                    place,
                    8,
                    MachineValue::Unknown(PointsTo::OUTSIDE),
                );
            }
        }
    }
    MachineValue::Known(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::cpu::tests::on_machine;
    use crate::evaluator::externals::tests::{called, gives};
    use crate::evaluator::values::value::OBJECTS;

    fn stored(machine: &mut SharedMachine, state: &mut PathState, text: &str) -> MachineValue {
        let block = machine.allocate(state, MachineValue::Known(0));
        for (index, byte) in text.bytes().chain([0]).enumerate() {
            machine.store(
                state,
                block.offset(index as u64),
                1,
                MachineValue::Known(byte.into()),
            );
        }
        block
    }

    #[test]
    fn what_another_module_gives_is_its_own() {
        for (name, argument, origin) in [
            ("PyImport_ImportModule", "numpy.core", Some("numpy.core")),
            (
                "PyCapsule_Import",
                "datetime.datetime_CAPI",
                Some("datetime"),
            ),
            ("PyCapsule_Import", "plain", None),
            ("PyImport_ImportModule", "", None),
        ] {
            on_machine(|machine, state| {
                let text = stored(machine, state, argument);
                let found = gives(machine, state, name, &[text]);
                assert_eq!(
                    machine.origin(found).as_deref(),
                    origin,
                    "{name} {argument}"
                );
                state.pc += 4;
                let derived = gives(machine, state, "PyObject_GetAttrString", &[found]);
                assert_eq!(
                    machine.origin(derived).as_deref(),
                    origin,
                    "what is derived from it, too"
                );
            });
        }
    }

    #[test]
    fn modules_are_found_by_their_definition() {
        on_machine(|machine, state| {
            let definition = MachineValue::Known(0x4000);
            assert_eq!(
                gives(machine, state, "PyState_FindModule", &[definition]),
                MachineValue::Known(0)
            );
            let CallOutcome::CreatesModule(handle) =
                called(machine, state, "PyModule_Create2", &[definition])
            else {
                panic!("a module")
            };
            assert!(
                gives(machine, state, "PyState_FindModule", &[definition])
                    .known()
                    .is_none()
            );
            assert_eq!(
                gives(
                    machine,
                    state,
                    "PyModule_GetDef",
                    &[MachineValue::Known(handle)]
                ),
                definition
            );
            assert!(
                gives(
                    machine,
                    state,
                    "PyModule_GetDef",
                    &[MachineValue::Known(handle + 8)]
                )
                .known()
                .is_none()
            );
        });
    }

    #[test]
    fn a_declaration_of_some_module_may_be_that_of_each() {
        on_machine(|machine, state| {
            let CallOutcome::CreatesModule(handle) = called(
                machine,
                state,
                "PyModule_Create2",
                &[MachineValue::Known(0x4000)],
            ) else {
                panic!("a module")
            };
            let gil = |state: &PathState| state.modules[0].gil;
            called(
                machine,
                state,
                "PyUnstable_Module_SetGIL",
                &[MachineValue::Known(handle), MachineValue::Known(1)],
            );
            let one = GilStatement::Set {
                value: MachineValue::Known(1),
                address: state.pc,
            };
            assert_eq!(gil(state), one);
            called(
                machine,
                state,
                "PyUnstable_Module_SetGIL",
                &[MachineValue::ANY, MachineValue::Known(1)],
            );
            assert_eq!(gil(state), one, "the same again");
            called(
                machine,
                state,
                "PyUnstable_Module_SetGIL",
                &[MachineValue::ANY, MachineValue::Known(0)],
            );
            assert!(matches!(
                gil(state),
                GilStatement::Set {
                    value: MachineValue::Unknown(_),
                    ..
                }
            ));
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
                assert_eq!(
                    (machine.is_nonzero(state, error), state.exception_set),
                    (is_set, false)
                );
            }
            assert_eq!(machine.load(state, place, 8), MachineValue::Known(0));
        });
    }

    #[test]
    fn a_type_that_is_made_ready_has_no_empty_fields() {
        on_machine(|machine, state| {
            let data = machine
                .image
                .segments
                .iter()
                .find(|it| it.writable && it.size >= 64)
                .unwrap()
                .address;
            let place = (data..data + 1024)
                .step_by(8)
                .find(|&it| state.memory.read(machine.image, it, 8) == MachineValue::Known(0));
            let place = place.unwrap();
            assert_eq!(
                gives(
                    machine,
                    state,
                    "PyType_Ready",
                    &[MachineValue::Known(place)]
                ),
                MachineValue::Known(0)
            );
            assert!(state.memory.read(machine.image, place, 8).known().is_none());
            gives(
                machine,
                state,
                "PyType_Ready",
                &[MachineValue::Known(OBJECTS)],
            );
        });
    }
}
