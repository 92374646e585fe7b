//! Whether a path has left behind the one place in the code that can declare what its module does with the GIL.
//!
//! Some hooks make their module in a function of its own, which declares it or not, and then do the work of a whole program.
//! Where that function is called from one place only and its address is not kept anywhere, and the hook does not come back
//! to that place, nothing that follows can declare.

use super::{DECLARATION, PathExecutor};
use crate::evaluator::cpu::state::{CreatedModule, GilStatement, PathState};
use crate::evaluator::isa::{CallSite, InstructionSet, StaticSuccessor};
use crate::evaluator::values::hash::FastMap;
use crate::evaluator::values::value::MachineValue;

/// Most instructions of one function that are looked at.
const LONGEST_FUNCTION: usize = 20_000;
/// Longest instruction of a call, and of all.
const LONGEST_CALL: u64 = 5;
const LONGEST_INSTRUCTION: u64 = 15;

/// Whether the place is left behind, by the address in the hook to which a path has returned.
pub(super) type PastDeclarations = FastMap<u64, bool>;

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// The module of a path that has returned to the hook, when nothing can declare it any more.
    pub(super) fn past_declaration(&mut self, state: &PathState) -> Option<u64> {
        if state.frames.len() != 1
            || state.exception_set
            || state.modules.is_empty()
            || gives_nothing(state, self.machine.convention.result)
            || self.machine.image.import_named(DECLARATION).is_none()
        {
            return None;
        }
        let is_silent = |module: &&CreatedModule| module.gil == GilStatement::Absent;
        let handles: Vec<u64> = state
            .modules
            .iter()
            .filter(is_silent)
            .map(|module| module.handle)
            .collect();
        let module = handles
            .into_iter()
            .find(|&handle| self.is_the_hooks(state, handle))?;
        self.is_past_declaration(state.pc).then_some(module)
    }

    fn is_past_declaration(&mut self, return_to: u64) -> bool {
        if let Some(&known) = self.past_declarations.get(&return_to) {
            return known;
        }
        let answer = self.leaves_declaration_behind(return_to).unwrap_or(false);
        self.past_declarations.insert(return_to, answer);
        answer
    }

    fn leaves_declaration_behind(&mut self, return_to: u64) -> Option<bool> {
        const OTHER_WAYS: [&str; 4] = [
            "PyModuleDef_Init",
            "PyModule_FromSlotsAndSpec",
            "dlsym",
            "GetProcAddress",
        ];
        if OTHER_WAYS
            .iter()
            .any(|name| self.machine.image.import_named(name).is_some())
        {
            return None;
        }
        let &[
            CallSite {
                reference: place,
                transfer: Some(_),
            },
        ] = self.declaration_sites()
        else {
            return None;
        };
        let rest = self.body(return_to)?;
        let covers = |body: &[(u64, u64)], place: u64| {
            body.iter()
                .any(|&(start, end)| start <= place && place < end)
        };
        let image = self.machine.image;
        let call = (1..=LONGEST_CALL)
            .map(|length| return_to.wrapping_sub(length))
            .find_map(|start| match self.isa.static_successor(image, start) {
                StaticSuccessor::Call { target, next } if next == return_to => {
                    Some((start, target))
                }
                _ => None,
            });
        let (call, function) = call?;
        let only_here = matches!(self.references_to(&[function]).as_slice(), &[only] if call <= only && only < return_to);
        let callee = self.body(function)?;
        Some(
            only_here
                && !covers(&rest, call)
                && covers(&callee, place)
                && self.is_entered_at(&callee, function),
        )
    }

    /// Instructions of a function, or of the rest of one, without those of the functions that it calls, as (start, end).
    fn body(&mut self, start: u64) -> Option<Vec<(u64, u64)>> {
        let image = self.machine.image;
        let mut seen = std::collections::BTreeSet::new();
        let mut open = vec![start];
        let mut body = Vec::new();
        while let Some(address) = open.pop() {
            if !seen.insert(address) {
                continue;
            }
            if seen.len() > LONGEST_FUNCTION {
                return None;
            }
            let end = match self.isa.static_successor(image, address) {
                StaticSuccessor::Next(next) => {
                    open.push(next);
                    next
                }
                StaticSuccessor::Jump(target) => {
                    open.push(target);
                    address + 1
                }
                StaticSuccessor::Branch(first, second) => {
                    open.extend([first, second]);
                    address + 1
                }
                StaticSuccessor::Call { target, next } => {
                    open.extend(self.may_return(target).then_some(next));
                    next
                }
                StaticSuccessor::Through {
                    slot,
                    next: Some(next),
                } => {
                    open.extend((!self.ends(slot)).then_some(next));
                    next
                }
                StaticSuccessor::Through { next: None, .. }
                | StaticSuccessor::Return
                | StaticSuccessor::Dead => address + 1,
                StaticSuccessor::Computed => return None,
            };
            body.push((address, end));
        }
        Some(body)
    }

    /// Whether nothing outside of a function's instructions leads to one of them but to the first.
    fn is_entered_at(&self, body: &[(u64, u64)], start: u64) -> bool {
        let mut starts: Vec<u64> = body.iter().map(|&(address, _)| address).collect();
        starts.sort_unstable();
        let inner: Vec<u64> = starts
            .iter()
            .copied()
            .filter(|&address| address != start)
            .collect();
        self.references_to(&inner).into_iter().all(|place| {
            let before = starts
                .partition_point(|&address| address <= place)
                .checked_sub(1);
            before
                .and_then(|index| starts.get(index))
                .is_some_and(|&address| place - address < LONGEST_INSTRUCTION)
        })
    }

    /// Places in the code and in data that hold one of these addresses.
    pub(super) fn references_to(&self, targets: &[u64]) -> Vec<u64> {
        let image = self.machine.image;
        let code = image.segments.iter().filter(|segment| segment.executable);
        let sites = code.flat_map(|segment| I::references(segment, targets));
        let mut places: Vec<u64> = sites.map(|site| site.reference).collect();
        let holds = |&&(_, value): &&(u64, u64)| targets.contains(&value);
        places.extend(
            image
                .relocations()
                .iter()
                .filter(holds)
                .map(|&(place, _)| place),
        );
        places
    }
}

/// Whether a path has returned from a function that made nothing: it gave null, or the number with which functions that
/// give a status say so. What the path goes on to is a failure, and not the module that was made before that.
fn gives_nothing(state: &PathState, result: usize) -> bool {
    const FAILED: u64 = 0xffff_ffff;
    let value = state.register(result);
    value == MachineValue::Known(0) || value.truncate(32) == MachineValue::Known(FAILED)
}

#[cfg(test)]
mod tests {
    use crate::evaluator::explorer::tests::{Assembly, CREATE, ONE_PHASE, SET_GIL, on_code};

    const MAKER: u64 = ONE_PHASE.hook + 0x14;

    /// A hook, and the function that makes its module and perhaps declares it.
    fn code(hook: impl FnOnce(Assembly) -> Assembly) -> Assembly {
        let code = hook(Assembly::of(ONE_PHASE))
            .up_to(MAKER)
            .raw(&[0x53])
            .name(ONE_PHASE.definition)
            .call(CREATE);
        // `mov rbx, rax`, and behind the branch `mov rdi, rbx; mov esi, 1; call; mov rax, rbx; pop rbx`
        let code = code
            .raw(&[0x48, 0x89, 0xc3])
            .perhaps_over(13)
            .raw(&[0x48, 0x89, 0xdf, 0xbe, 1, 0, 0, 0]);
        code.call(SET_GIL).raw(&[0x48, 0x89, 0xd8, 0x5b]).ret()
    }

    #[test]
    fn the_one_call_of_the_function_that_declares_is_left_behind() {
        let is_past = |code: Assembly| {
            let mut found = None;
            on_code(ONE_PHASE, code, |executor| {
                found = Some(executor.is_past_declaration(ONE_PHASE.hook + 5))
            });
            found.unwrap()
        };
        assert!(is_past(code(|hook| hook.call(MAKER).ret())));
        assert!(
            !is_past(code(|hook| hook.call(MAKER).call(MAKER).ret())),
            "it is called again"
        );
        // `test eax, eax; jne` back to the call.
        assert!(
            !is_past(code(|hook| hook
                .call(MAKER)
                .raw(&[0x85, 0xc0, 0x75, 0xf7])
                .ret())),
            "it may be met again"
        );
        assert!(
            !is_past(code(|hook| hook.name(MAKER).ret())),
            "nothing was called"
        );
    }

    #[test]
    fn instructions_of_a_function_are_told_apart_from_its_callees() {
        on_code(ONE_PHASE, code(|hook| hook.call(MAKER).ret()), |executor| {
            let mut body = executor.body(ONE_PHASE.hook).unwrap();
            body.sort_unstable();
            let start = ONE_PHASE.hook;
            assert_eq!(body, [(start, start + 5), (start + 5, start + 6)]);
            let inner = executor.body(MAKER).unwrap();
            assert!(inner.len() > 10 && inner.iter().all(|&(address, _)| address >= MAKER));
            assert!(executor.is_entered_at(&inner, MAKER));
            assert_eq!(executor.references_to(&[MAKER]), [start + 1]);
        });
    }
}
