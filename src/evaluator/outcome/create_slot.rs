//! What a path through the function in the slot `Py_mod_create` ends with.

use crate::cpython::functions::{self, CreatedKind};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::values::value::{MachineValue, MemoryRegion, region};

/// What one path through the function ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum CreateResult {
    /// A module.
    Module,
    /// Something that is no module: where it comes from.
    Other(String),
    /// Perhaps a module: where it comes from.
    Perhaps(String),
    /// Something that was kept, or that paths which were taken together do not agree on.
    Kept,
}

/// Reads what a path through the function returns; `None` when it fails.
pub(in crate::evaluator) fn read(
    machine: &SharedMachine,
    value: MachineValue,
) -> Option<CreateResult> {
    Some(match value {
        MachineValue::Known(0) => return None,
        MachineValue::Known(address) if region(address) == MemoryRegion::Object => {
            CreateResult::Module
        }
        MachineValue::Known(address) => match machine.image.import_at(address) {
            Some(import) if import.name.starts_with("Py") || import.name.starts_with("_Py") => {
                CreateResult::Other(import.name.clone())
            }
            Some(import) => CreateResult::Perhaps(import.name.clone()),
            None => CreateResult::Perhaps(format!("memory at {address:#x}")),
        },
        MachineValue::Symbol { id, offset: 0 } => {
            match machine
                .symbols
                .defining_import(id)
                .and_then(|it| machine.image.imports().get(it))
            {
                Some(import) => by_name(&import.name),
                None => CreateResult::Perhaps("a call that could not be followed".to_owned()),
            }
        }
        MachineValue::Symbol { .. } => CreateResult::Perhaps("a computed address".to_owned()),
        MachineValue::Unknown(_) => CreateResult::Kept,
    })
}

fn by_name(name: &str) -> CreateResult {
    match functions::creates(name) {
        Some(CreatedKind::Module) => CreateResult::Module,
        Some(CreatedKind::Kept) => CreateResult::Kept,
        Some(CreatedKind::Other) => CreateResult::Other(name.to_owned()),
        None => CreateResult::Perhaps(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_made() {
        for (name, expected) in [
            ("PyModule_NewObject", CreateResult::Module),
            ("PyImport_ImportModule", CreateResult::Module),
            (
                "PyImport_GetModuleDict",
                CreateResult::Other("PyImport_GetModuleDict".into()),
            ),
            (
                "_PyNamespace_New",
                CreateResult::Other("_PyNamespace_New".into()),
            ),
            ("PyDict_GetItemWithError", CreateResult::Kept),
            (
                "PyObject_CallNoArgs",
                CreateResult::Perhaps("PyObject_CallNoArgs".into()),
            ),
        ] {
            assert_eq!(by_name(name), expected, "{name}");
        }
    }
}
