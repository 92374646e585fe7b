//! What an evaluation says of all paths of a hook together.

use super::explorer::tests::{
    Assembly, CREATE, Fixture, INIT_DEFINITION, ONE_PHASE, SET_GIL, TWO_PHASES, on_code,
};
use super::*;
use crate::model::facts::{GilDeclaration, InitKind};

fn evaluated(fixture: Fixture, code: Assembly, create: Option<u64>) -> HookEvaluation {
    let mut found = None;
    on_code(fixture, code, |executor| {
        let init_function = InitFunction {
            address: fixture.hook,
            kind: HookKind::Init,
            module: "sample",
            create,
        };
        let interpreter = TargetInterpreter {
            minor: 14,
            free_threaded: true,
        };
        found = Some(evaluate(
            executor.machine.image,
            init_function,
            interpreter,
            EvaluationLimits::default(),
            &NoSiblings,
        ));
    });
    found.unwrap()
}

fn why<T>(fact: &Fact<T>) -> &str {
    match fact {
        Fact::Unknown { why, .. } => why,
        Fact::Known { .. } => "",
    }
}

/// `xor eax, eax; ret`
const NULL: [u8; 3] = [0x31, 0xc0, 0xc3];

#[test]
fn a_hook_that_only_returns_null_fails() {
    let found = evaluated(TWO_PHASES, Assembly::of(TWO_PHASES).raw(&NULL), None);
    assert!(found.fails && !found.is_complete && found.forks == 0);
    assert_eq!(
        why(&found.facts.gil),
        "no path through the hook ends in success"
    );
    let forked = evaluated(
        TWO_PHASES,
        Assembly::of(TWO_PHASES).perhaps_over(0).raw(&NULL),
        None,
    );
    assert!(!forked.fails, "it may do something else elsewhere");
}

#[test]
fn what_all_paths_agree_on_is_known() {
    let code = Assembly::of(TWO_PHASES)
        .perhaps_over(3)
        .raw(&NULL)
        .name(TWO_PHASES.definition)
        .jump(INIT_DEFINITION);
    let found = evaluated(TWO_PHASES, code, None);
    assert_eq!(
        found.facts.gil.value(),
        Some(&GilDeclaration::Absent),
        "{:?}",
        found.facts.gil
    );
    assert_eq!(
        (found.name.value().map(String::as_str), found.is_complete),
        (Some("package.sample"), true)
    );
    assert!(found.trace.len() >= 3 && found.steps > 5 && found.forks == 1);
}

#[test]
fn paths_that_disagree_are_both_told() {
    // `push rbx; …; mov rbx, rax`, and only perhaps `mov rdi, rbx; mov esi, 1; call`.
    let code = Assembly::of(ONE_PHASE)
        .raw(&[0x53])
        .name(ONE_PHASE.definition)
        .call(CREATE)
        .raw(&[0x48, 0x89, 0xc3]);
    let code = code
        .perhaps_over(13)
        .raw(&[0x48, 0x89, 0xdf, 0xbe, 1, 0, 0, 0])
        .call(SET_GIL);
    let found = evaluated(ONE_PHASE, code.raw(&[0x48, 0x89, 0xd8, 0x5b]).ret(), None);
    let why = why(&found.facts.gil);
    assert!(why.starts_with("paths end differently"), "{why}");
    assert!(
        why.contains("PyUnstable_Module_SetGIL(1)") && why.contains("no declaration"),
        "{why}"
    );
    assert_eq!(found.facts.init.value(), Some(&InitKind::SinglePhase));
}

#[test]
fn an_instruction_that_cannot_be_followed_leaves_all_open() {
    let code = Assembly::of(TWO_PHASES).perhaps_over(1).raw(&[0x06]);
    let found = evaluated(
        TWO_PHASES,
        code.name(TWO_PHASES.definition).jump(INIT_DEFINITION),
        None,
    );
    assert!(!found.is_complete && found.facts.gil.value().is_none());
    assert_eq!(why(&found.facts.gil), why(&found.facts.init));
}

#[test]
fn what_makes_the_object_is_followed_where_it_matters() {
    // A function that returns null and never makes a module.
    let create = TWO_PHASES.hook + 0x40;
    let code = Assembly::of(TWO_PHASES)
        .name(TWO_PHASES.definition)
        .jump(INIT_DEFINITION)
        .up_to(create)
        .raw(&NULL);
    let found = evaluated(TWO_PHASES, code, Some(create));
    // Nothing is declared, whatever the object is.
    assert_eq!(
        found.facts.gil.value(),
        Some(&GilDeclaration::Absent),
        "{:?}",
        found.facts.gil
    );
    let as_it_is = evaluated(ONE_PHASE, Assembly::of(ONE_PHASE), None);
    assert_eq!(
        as_it_is.facts.gil.value(),
        Some(&GilDeclaration::SetGil { value: 1 })
    );
    assert_eq!(
        (as_it_is.created, as_it_is.forwarded),
        (CreatedObject::Undefined, None)
    );
}
