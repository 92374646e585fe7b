//! What code of the image may do that the paths do not follow: initialisers, which run before the hook, and functions that
//! others call back.
//!
//! Such code is walked without values, with what it calls. What it writes to an address that its instructions fix is not
//! known afterwards, and slots that it hands on by name are doubted. Writes through other pointers are not seen.

use std::collections::HashSet;

use super::{DECLARATION, PathExecutor};
use crate::binary::image::BinaryImage;
use crate::evaluator::isa::{ImageAccess, InstructionSet, NamedAddresses, StaticSuccessor};
use crate::model::facts::ImageFormat;

/// Most instructions that one walk looks at.
const MOST_INSTRUCTIONS: usize = 20_000;
/// Most functions of one table.
const MOST_FUNCTIONS: u64 = 256;
/// The linker's table for transactional memory, which code of every C compiler names and nobody uses.
const UNUSED: &str = "_ITM_registerTMCloneTable";

/// What code may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CodeEffects {
    /// What it may write, as (start, end), sorted.
    pub(super) writes: Vec<(u64, u64)>,
    /// Addresses of variables that it hands on: who gets one may write there.
    pub(super) names: Vec<u64>,
    /// Whether it may declare what a module does with the GIL.
    pub(super) declares: bool,
}

/// A function that is walked, and what its instructions name.
struct FunctionWalk {
    seen: HashSet<u64>,
    functions: Vec<u64>,
    /// Tables of functions that were named.
    tables: Vec<u64>,
    found: CodeEffects,
}

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// What the image's initialisers may do.
    pub(super) fn initialisers(&mut self) -> CodeEffects {
        let image = self.machine.image;
        let starts = image.initialisers();
        if image.format != ImageFormat::Pe {
            return self.effects_of(&starts);
        }
        // The run time's own variables are nobody else's; what it walks through are tables.
        let tables = self.walk(&starts).tables;
        let functions: Vec<u64> = tables
            .iter()
            .flat_map(|&table| functions_at(image, table))
            .collect();
        self.effects_of(&functions)
    }

    /// What functions may do, with all that they call.
    pub(super) fn effects_of(&mut self, starts: &[u64]) -> CodeEffects {
        let mut found = self.walk(starts).found;
        found.writes.sort_unstable();
        found.writes.dedup_by(|later, earlier| {
            let joins = later.0 <= earlier.1;
            if joins {
                earlier.1 = earlier.1.max(later.1);
            }
            joins
        });
        found
    }

    fn walk(&mut self, starts: &[u64]) -> FunctionWalk {
        let mut walk = FunctionWalk {
            seen: HashSet::new(),
            functions: starts.iter().rev().copied().collect(),
            tables: Vec::new(),
            found: CodeEffects::default(),
        };
        while let Some(start) = walk.functions.pop() {
            if walk.seen.len() >= MOST_INSTRUCTIONS {
                break;
            }
            self.walk_function(&mut walk, start);
        }
        walk
    }

    fn walk_function(&mut self, walk: &mut FunctionWalk, start: u64) {
        let image = self.machine.image;
        let mut accesses = Vec::new();
        let mut open: Vec<(u64, NamedAddresses)> = vec![(start, [None; 32])];
        let mut is_used = true;
        while let Some((address, mut named)) = open.pop() {
            if walk.seen.len() >= MOST_INSTRUCTIONS || !walk.seen.insert(address) {
                continue;
            }
            let access = self.isa.static_access(image, address, &mut named);
            // The word itself, or what the loader stored there.
            if let Some(place) = access.map(ImageAccess::address) {
                let import = image.import_at(place);
                is_used &=
                    !self.holds(place, UNUSED) && import.is_none_or(|import| import.name != UNUSED);
            }
            accesses.extend(access);
            match self.isa.static_successor(image, address) {
                StaticSuccessor::Next(next) | StaticSuccessor::Jump(next) => {
                    open.push((next, named))
                }
                StaticSuccessor::Branch(first, second) => {
                    open.extend([(first, named), (second, named)])
                }
                StaticSuccessor::Call { target, next } => {
                    walk.functions.push(target);
                    open.extend(self.landing_pad_address(next).map(|pad| (pad, [None; 32])));
                    open.push((next, named));
                }
                StaticSuccessor::Through { slot, next } => {
                    is_used &= !self.holds(slot, UNUSED);
                    walk.found.declares |= self.holds(slot, DECLARATION);
                    walk.functions.extend(
                        image
                            .pointer(slot)
                            .filter(|&target| self.machine.is_code(target)),
                    );
                    let pad = next.and_then(|next| self.landing_pad_address(next));
                    open.extend(pad.map(|pad| (pad, [None; 32])));
                    open.extend(next.map(|next| (next, named)));
                }
                StaticSuccessor::Return | StaticSuccessor::Computed | StaticSuccessor::Dead => {}
            }
        }
        if is_used {
            for access in accesses {
                self.note_access(walk, access);
            }
        }
    }

    fn note_access(&self, walk: &mut FunctionWalk, access: ImageAccess) {
        let image = self.machine.image;
        let address = access.address();
        let Some(segment) = image.segment_at(address) else {
            return;
        };
        let end = segment.address.saturating_add(segment.size);
        match access {
            ImageAccess::Name { .. } if segment.executable => walk.functions.push(address),
            ImageAccess::Name { .. } if image.is_read_only(address) => walk.tables.push(address),
            // `__dso_handle`, which says only whose destructor it is.
            ImageAccess::Name { .. } if image.pointer(address) == Some(address) => {}
            ImageAccess::Name { .. } => walk.found.names.push(address),
            ImageAccess::Write { size, .. } if !image.is_read_only(address) => {
                walk.found
                    .writes
                    .push((address, end.min(address.saturating_add(size))));
            }
            // A pointer to a variable, through which it may write.
            ImageAccess::Read { .. } if image.is_relocated(address) => {
                walk.found.names.extend(image.pointer(address))
            }
            ImageAccess::Write { .. } | ImageAccess::Read { .. } => {}
        }
    }

    /// Whether a word of the loader's holds the import of this name.
    fn holds(&self, slot: u64, name: &str) -> bool {
        let image = self.machine.image;
        let import = image
            .pointer(slot)
            .and_then(|target| image.import_at(target));
        import.is_some_and(|import| import.name == name)
    }
}

/// The functions whose addresses lie at a place one after the other.
fn functions_at(image: &BinaryImage, table: u64) -> Vec<u64> {
    let size = image.pointer_size as u64;
    let is_code = |address: &u64| {
        image
            .segment_at(*address)
            .is_some_and(|segment| segment.executable)
    };
    let places = (0..MOST_FUNCTIONS).map(|index| table.wrapping_add(index * size));
    // The first may be null: it marks the beginning.
    let entries = places.map_while(|place| {
        image
            .pointer(place)
            .filter(|entry| *entry == 0 || is_code(entry))
    });
    entries.filter(|&entry| entry != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::explorer::tests::{
        Assembly, ONE_PHASE, SET_GIL, TWO_PHASES, VARIABLE, on_code,
    };

    #[test]
    fn writes_names_and_declarations_of_a_function_and_its_callees_are_found() {
        let inner = TWO_PHASES.hook + 0x30;
        let code = Assembly::of(TWO_PHASES)
            .perhaps_over(11)
            .write(VARIABLE)
            .call(inner)
            .ret();
        let code = code
            .up_to(inner)
            .write(VARIABLE + 8)
            .name(VARIABLE + 0x10)
            .ret();
        on_code(TWO_PHASES, code, |executor| {
            let found = executor.effects_of(&[TWO_PHASES.hook]);
            assert_eq!(found.writes, [(VARIABLE, VARIABLE + 16)], "side by side");
            assert_eq!(
                (found.names, found.declares),
                (vec![VARIABLE + 0x10], false)
            );
            assert_eq!(
                executor.effects_of(&[inner]).writes,
                [(VARIABLE + 8, VARIABLE + 16)]
            );
            assert_eq!(executor.effects_of(&[]), CodeEffects::default());
        });
        on_code(
            ONE_PHASE,
            Assembly::of(ONE_PHASE).call(SET_GIL).ret(),
            |executor| {
                assert!(executor.effects_of(&[ONE_PHASE.hook]).declares);
            },
        );
    }

    #[test]
    fn functions_of_a_table_are_those_in_a_row() {
        on_code(TWO_PHASES, Assembly::of(TWO_PHASES), |executor| {
            let image = executor.machine.image;
            // A method and then data; a slot's function.
            assert_eq!(functions_at(image, 0x36e8), [0x1490]);
            assert_eq!(functions_at(image, 0x3728), [0x14b0]);
            assert_eq!(functions_at(image, 0x36f8), [0u64; 0]);
        });
    }
}
