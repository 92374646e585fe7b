//! What the function in the slot `Py_mod_create` makes: a module, or something else, for which CPython switches the GIL
//! on, whatever the slot `Py_mod_gil` says.
//!
//! The function runs after the hook, and perhaps not for the first time. So it begins with nothing known of the image's
//! variables, and what it kept from an earlier call is taken to be what it makes on its other paths.
//! `_PyImport_CheckGILForModule` in <https://github.com/python/cpython/blob/v3.14.0/Python/import.c>

use crate::binary::image::Image;
use crate::evaluator::cpu::fuel::EvaluationLimits;
use crate::evaluator::cpu::machine::TargetInterpreter;
use crate::evaluator::explorer::{Executor, Purpose};
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::isa::arm64::Arm64;
use crate::evaluator::isa::x86::X86;
use crate::evaluator::outcome::create_slot::CreateResult;
use crate::model::evidence::Evidence;
use crate::model::facts::{Declaration, Fact, HookKind};

/// What a hook's declaration is worth, given the function in its definition's slot `Py_mod_create`.
pub fn apply_create_slot(
    image: &Image,
    kind: HookKind,
    gil: Fact<Declaration>,
    create: Option<u64>,
    interpreter: TargetInterpreter,
    limits: EvaluationLimits,
) -> Fact<Declaration> {
    let declares = matches!(gil.value(), Some(Declaration::Slot { value }) if *value != 0);
    // What an export hook's slots say is obeyed before anything is made of them.
    let Some(create) = create.filter(|_| declares && kind == HookKind::Init) else { return gil };
    let seen = Evidence::new("slot Py_mod_create").address(create);
    let found = match image.architecture.as_str() {
        "x86_64" => follow::<X86>(image, create, interpreter, limits),
        "aarch64" => follow::<Arm64>(image, create, interpreter, limits),
        other => Err(format!("code for {other} is not followed")),
    };
    match found {
        Ok(CreateResult::Module) => gil,
        Ok(CreateResult::Other(what)) => {
            let evidence = std::iter::once(seen.value(what)).chain(gil.evidence().iter().cloned()).collect();
            Fact::Known { value: Declaration::NotAModule, evidence }
        }
        Ok(CreateResult::Perhaps(what)) => because(
            format!("the function at {create:#x} in Py_mod_create gives the result of {what}, perhaps not a module"),
            &gil,
            seen,
        ),
        Ok(CreateResult::Kept) => because(
            format!("what the function at {create:#x} in Py_mod_create makes could not be followed"),
            &gil,
            seen,
        ),
        Err(why) => because(format!("the function at {create:#x} in Py_mod_create: {why}"), &gil, seen),
    }
}

fn because(why: String, gil: &Fact<Declaration>, seen: Evidence) -> Fact<Declaration> {
    Fact::Unknown { why, evidence: std::iter::once(seen).chain(gil.evidence().iter().cloned()).collect() }
}

/// What all paths through the function have in common.
fn follow<I: InstructionSet>(
    image: &Image,
    create: u64,
    interpreter: TargetInterpreter,
    limits: EvaluationLimits,
) -> Result<CreateResult, String> {
    let mut executor: Executor<'_, '_, I> = Executor::new(image, Purpose::Create, "", interpreter, limits);
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
        assert_eq!(found.as_ref().ok(), expected, "{made:?} {lost:?}: {found:?}");
    }

    #[test]
    fn paths_must_not_disagree() {
        let other = CreateResult::Other("PyDict_New".into());
        let perhaps = CreateResult::Perhaps("PyObject_CallNoArgs".into());
        check(&[CreateResult::Module], None, Some(&CreateResult::Module));
        check(&[CreateResult::Kept, CreateResult::Module], None, Some(&CreateResult::Module));
        check(&[CreateResult::Kept], None, Some(&CreateResult::Kept));
        check(std::slice::from_ref(&other), None, Some(&other));
        check(&[CreateResult::Module, perhaps.clone()], None, Some(&perhaps));
        check(&[CreateResult::Module, other.clone()], None, None);
        check(&[CreateResult::Kept, other], None, None);
        check(&[CreateResult::Module], Some("a limit"), None);
        check(&[], None, None);
    }
}
