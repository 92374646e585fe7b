//! What the function in the slot `Py_mod_create` makes: a module, or something else, for which CPython switches the GIL
//! on, whatever the slot `Py_mod_gil` says.
//!
//! The function runs after the hook, and perhaps not for the first time. So it begins with nothing known of the image's
//! variables, and what it kept from an earlier call is taken to be what it makes on its other paths.
//! `_PyImport_CheckGILForModule` in <https://github.com/python/cpython/blob/v3.14.0/Python/import.c>

use crate::binary::image::BinaryImage;
use crate::evaluator::cpu::fuel::EvaluationLimits;
use crate::evaluator::cpu::machine::TargetInterpreter;
use crate::evaluator::explorer::{FollowPurpose, PathExecutor};
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::outcome::create_slot::CreateResult;
use crate::model::evidence::Evidence;
use crate::model::facts::{Fact, GilDeclaration};

/// What the function in the slot `Py_mod_create` gives CPython.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CreatedObject {
    /// There is no such function, or nothing depends on it: CPython makes a module.
    Undefined,
    /// A module.
    Module,
    /// Something else, and where it comes from.
    Other(Evidence),
    /// Nobody knows, and why.
    Unknown {
        /// In words that end a sentence starting with "unknown because".
        why: String,
        /// The function.
        evidence: Evidence,
    },
}

/// Whether what a declaration is worth depends on the object.
pub(super) fn matters_for(gil: &GilDeclaration) -> bool {
    matches!(gil, GilDeclaration::Slot { value } if *value != 0)
}

impl CreatedObject {
    /// Follows the function.
    pub(super) fn of<I: InstructionSet>(
        image: &BinaryImage,
        create: Option<u64>,
        interpreter: TargetInterpreter,
        limits: EvaluationLimits,
    ) -> CreatedObject {
        let Some(create) = create else {
            return CreatedObject::Undefined;
        };
        let seen = Evidence::new("slot Py_mod_create").address(create);
        let why = match follow::<I>(image, create, interpreter, limits) {
            Ok(CreateResult::Module) => return CreatedObject::Module,
            Ok(CreateResult::Other(what)) => return CreatedObject::Other(seen.value(what)),
            Ok(CreateResult::Perhaps(what)) => {
                format!(
                    "the function at {create:#x} in Py_mod_create gives the result of {what}, perhaps not a module"
                )
            }
            Ok(CreateResult::Kept) => {
                format!(
                    "what the function at {create:#x} in Py_mod_create makes could not be followed"
                )
            }
            Err(why) => return CreatedObject::not_followed(create, &why),
        };
        CreatedObject::Unknown {
            why,
            evidence: seen,
        }
    }

    /// What is known of a function that could not be followed.
    pub(super) fn not_followed(create: u64, why: &str) -> CreatedObject {
        let why = format!("the function at {create:#x} in Py_mod_create: {why}");
        CreatedObject::Unknown {
            why,
            evidence: Evidence::new("slot Py_mod_create").address(create),
        }
    }

    /// What a declaration is worth.
    pub fn apply(&self, gil: Fact<GilDeclaration>) -> Fact<GilDeclaration> {
        let with = |seen: &Evidence| {
            std::iter::once(seen.clone())
                .chain(gil.evidence().iter().cloned())
                .collect()
        };
        match self {
            CreatedObject::Other(seen) if gil.value().is_some_and(matters_for) => Fact::Known {
                value: GilDeclaration::NotAModule,
                evidence: with(seen),
            },
            CreatedObject::Unknown { why, evidence } if gil.value().is_some_and(matters_for) => {
                Fact::Unknown {
                    why: why.clone(),
                    evidence: with(evidence),
                }
            }
            CreatedObject::Undefined
            | CreatedObject::Module
            | CreatedObject::Other(_)
            | CreatedObject::Unknown { .. } => gil,
        }
    }
}

/// What all paths through the function have in common.
fn follow<I: InstructionSet>(
    image: &BinaryImage,
    create: u64,
    interpreter: TargetInterpreter,
    limits: EvaluationLimits,
) -> Result<CreateResult, String> {
    let mut executor: PathExecutor<'_, '_, I> =
        PathExecutor::new(image, FollowPurpose::Create, "", interpreter, limits);
    executor.explore(create, usize::MAX);
    agree(&executor.create_results, executor.abandoned.first())
}

/// What ends of paths say together. What was kept earlier was made earlier, by this function.
fn agree(made: &[CreateResult], lost: Option<&String>) -> Result<CreateResult, String> {
    let find = |wanted: fn(&CreateResult) -> bool| made.iter().find(|it| wanted(it)).cloned();
    let other = find(|it| matches!(it, CreateResult::Other(_)));
    let rest = find(|it| !matches!(it, CreateResult::Other(_)));
    match (other, rest, lost) {
        (Some(CreateResult::Other(_)), Some(_), _) => {
            Err("paths give both a module and something else, or perhaps so".into())
        }
        (_, _, Some(lost)) => Err(lost.clone()),
        (Some(other), None, None) => Ok(other),
        (None, None, None) => Err("no path through it ends in success".into()),
        (_, Some(rest), None) => {
            let doubtful = find(|it| matches!(it, CreateResult::Perhaps(_)));
            let module = find(|it| *it == CreateResult::Module);
            Ok(doubtful.or(module).unwrap_or(rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(made: &[CreateResult], lost: Option<&str>, expected: Option<&CreateResult>) {
        let found = agree(made, lost.map(str::to_owned).as_ref());
        assert_eq!(
            found.as_ref().ok(),
            expected,
            "{made:?} {lost:?}: {found:?}"
        );
    }

    #[test]
    fn paths_must_not_disagree() {
        let other = CreateResult::Other("PyDict_New".into());
        let perhaps = CreateResult::Perhaps("PyObject_CallNoArgs".into());
        check(&[CreateResult::Module], None, Some(&CreateResult::Module));
        check(
            &[CreateResult::Kept, CreateResult::Module],
            None,
            Some(&CreateResult::Module),
        );
        check(&[CreateResult::Kept], None, Some(&CreateResult::Kept));
        check(std::slice::from_ref(&other), None, Some(&other));
        check(
            &[CreateResult::Module, perhaps.clone()],
            None,
            Some(&perhaps),
        );
        check(&[CreateResult::Module, other.clone()], None, None);
        check(&[CreateResult::Kept, other], None, None);
        check(&[CreateResult::Module], Some("a limit"), None);
        check(&[], None, None);
    }
}
