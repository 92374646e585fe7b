//! The places in the code that call an import, and the constants that they pass.

use crate::evaluator::explorer::tests::{Assembly, ONE_PHASE, SET_GIL, TWO_PHASES, on_code};
use crate::evaluator::isa::x86::X86;
use crate::evaluator::isa::{CallSite, find_call_sites, second_argument};

#[test]
fn calls_are_found_through_stubs_with_what_they_pass_second() {
    // `mov esi, 1` before the one call, and another jump between constant and call of the second.
    let code = Assembly::of(ONE_PHASE)
        .raw(&[0xbe, 1, 0, 0, 0])
        .call(SET_GIL);
    let code = code
        .raw(&[0x75, 0x05, 0xbe, 2, 0, 0, 0])
        .call(SET_GIL)
        .raw(&[0xbe, 3, 0, 0, 0])
        .jump(SET_GIL);
    on_code(ONE_PHASE, code, |executor| {
        let image = executor.machine.image;
        let import = image
            .import_named("PyUnstable_Module_SetGIL")
            .unwrap()
            .address;
        let sites = find_call_sites::<X86>(image, import);
        let found: Vec<_> = sites
            .iter()
            .map(|site| {
                site.transfer
                    .map(|it| (it.start - ONE_PHASE.hook, it.returns))
            })
            .collect();
        assert_eq!(
            found,
            [Some((5, true)), Some((17, true)), Some((27, false))]
        );
        let values: Vec<_> = sites
            .iter()
            .map(|site| second_argument::<X86>(image, site))
            .collect();
        assert_eq!(values, [Some(1), None, Some(3)]);
    });
    on_code(TWO_PHASES, Assembly::of(TWO_PHASES), |executor| {
        let image = executor.machine.image;
        let import = image.import_named("PyModuleDef_Init").unwrap().address;
        let sites = find_call_sites::<X86>(image, import);
        let is_jump = |site: &CallSite| site.transfer.is_some_and(|transfer| !transfer.returns);
        assert!(sites.len() == 1 && is_jump(&sites[0]), "{sites:?}");
    });
}
