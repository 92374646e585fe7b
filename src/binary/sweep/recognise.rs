//! Recognises what is certain: reference counting, tests for a sole owner, atomic operations.

use super::calls::ImportRole;
use super::follow::SweepFollower;
use super::state::{SweepValue, SweepValueKind, ValueId, trait_of};
use super::step::{ComparisonOperand, GeneralRegister, MemoryPlace};

/// Offsets in the header of an object, in bytes.
const LOCAL_COUNT: i64 = 12;
const SHARED_COUNT: i64 = 16;
const TYPE: i64 = 8;
/// The count from which on an object stays for ever since 3.14, as compilers compare with it: above, or from it on.
/// <https://github.com/python/cpython/blob/3.14/Include/refcount.h>. That of 3.12 and 3.13 is the largest number, and so
/// tells nothing: many counters stop there, that of the free-threaded build among them.
const LIMITS: [u64; 2] = [0xbfff_ffff, 0xc000_0000];

impl SweepFollower<'_, '_> {
    /// What is at a place. Reading the local count of an object is a sign, too.
    pub(super) fn kind_in_memory(&mut self, address: u64, place: MemoryPlace) -> SweepValueKind {
        if let SweepValueKind::Constant(start) = self.state.get(place.base).kind {
            return self.kind_in_slot(start.wrapping_add_signed(place.offset), place.width);
        }
        let (base, offset) = self.resolve(place);
        if offset == LOCAL_COUNT && place.width == 4 {
            self.read_local(address, base.id);
        }
        if let SweepValueKind::Import(import) = base.kind
            && (offset, place.width) == (0, 8)
            && self.imports.role(import) == ImportRole::ObjectPointer
        {
            return SweepValueKind::Object;
        }
        match i8::try_from(offset) {
            Ok(offset @ 0..=32) => SweepValueKind::Loaded {
                base: base.id,
                offset,
                width: place.width,
            },
            _ => SweepValueKind::Unknown,
        }
    }

    pub(super) fn kind_in_slot(&self, slot: u64, width: u8) -> SweepValueKind {
        self.imports
            .at_slot(slot)
            .filter(|_| width == 8)
            .map_or(SweepValueKind::Unknown, SweepValueKind::Import)
    }

    pub(super) fn load(&mut self, address: u64, to: GeneralRegister, from: MemoryPlace) {
        let kind = self.kind_in_memory(address, from);
        self.set(to, kind);
    }

    /// `Py_REFCNT` of the free-threaded build: the local count plus the shared one without its two flags.
    pub(super) fn total(
        &self,
        left: SweepValueKind,
        right: SweepValueKind,
        shift: u8,
    ) -> SweepValueKind {
        let local = |kind: SweepValueKind| match kind {
            SweepValueKind::Loaded {
                base,
                offset,
                width: 4,
            } if i64::from(offset) == LOCAL_COUNT => Some(base),
            _ => None,
        };
        let shared = |kind: SweepValueKind, shift: u8| match kind {
            SweepValueKind::Loaded {
                base,
                offset,
                width: 8,
            } if i64::from(offset) == SHARED_COUNT && shift == 2 => Some(base),
            SweepValueKind::Shifted {
                base,
                offset,
                by: 2,
            } if i64::from(offset) == SHARED_COUNT && shift == 0 => Some(base),
            _ => None,
        };
        let pairs = [
            (local(left), shared(right, shift)),
            (local(right), shared(left, shift)),
        ];
        let same = pairs
            .into_iter()
            .find_map(|(local, shared)| local.filter(|_| local == shared));
        same.map_or(SweepValueKind::Unknown, |base| SweepValueKind::Total {
            base,
        })
    }

    /// The local count of a value is read: with the comparison of its thread, that is biased counting.
    fn read_local(&mut self, address: u64, id: ValueId) {
        if self.traits.has(id, trait_of::OWNER_TESTED) {
            self.traits.remove(id, trait_of::OWNER_TESTED);
            self.found.biased.add(address);
        }
        self.traits.add(id, trait_of::LOCAL_READ);
    }

    pub(super) fn store(&mut self, address: u64, from: GeneralRegister, to: MemoryPlace) {
        let stored = self.state.get(from).kind;
        let (base, offset) = self.resolve(to);
        let SweepValueKind::Stepped {
            base: counted,
            offset: 0,
            width,
            is_up,
        } = stored
        else {
            return;
        };
        if offset == 0 && counted == base.id && width == to.width {
            self.count(address, base, is_up, width);
        }
    }

    pub(super) fn add_in_memory(&mut self, address: u64, place: MemoryPlace, by: i64) {
        let (base, offset) = self.resolve(place);
        match (offset, by) {
            (0, 1 | -1) if matches!(place.width, 4 | 8) => {
                self.count(address, base, by == 1, place.width)
            }
            (LOCAL_COUNT, _) if place.width == 4 => self.read_local(address, base.id),
            _ => {}
        }
    }

    /// The number at the beginning of something was changed by one. Up, that is certain to be a reference count if the
    /// thing is a Python object, or if the count was compared with the limit first; down, if the thing is freed next.
    fn count(&mut self, address: u64, base: SweepValue, is_up: bool, width: u8) {
        if !is_up {
            self.state.dropped = Some((base.id, address));
        } else if self.is_object(base) {
            self.found.non_atomic.add(address);
            self.found.non_atomic_on_objects.add(address);
        } else if width == 4 && self.traits.has(base.id, trait_of::LIMIT_TESTED) {
            self.traits.remove(base.id, trait_of::LIMIT_TESTED);
            self.found.non_atomic.add(address);
        }
    }

    pub(super) fn atomic(&mut self, address: u64, place: Option<MemoryPlace>, clobbers: u32) {
        let shared = place.is_some_and(|place| {
            let (base, offset) = self.resolve(place);
            (offset, place.width) == (SHARED_COUNT, 8)
                && self.traits.has(base.id, trait_of::LOCAL_READ)
        });
        if !shared {
            self.found.atomics.add(address);
        }
        self.state.forget(clobbers);
    }

    pub(super) fn compare(&mut self, address: u64, sides: [ComparisonOperand; 2], width: u8) {
        let [left, right] = sides.map(|side| match side {
            ComparisonOperand::Register(register) => self.state.get(register).kind,
            ComparisonOperand::Memory(place) => self.kind_in_memory(address, place),
            ComparisonOperand::Slot(slot) => self.kind_in_slot(slot, width),
            ComparisonOperand::Constant(value) => SweepValueKind::Constant(value),
        });
        for (one, other) in [(left, right), (right, left)] {
            self.compared(address, one, other);
        }
    }

    fn compared(&mut self, address: u64, one: SweepValueKind, other: SweepValueKind) {
        match (one, other) {
            (
                SweepValueKind::Loaded {
                    base,
                    offset: 0,
                    width: 8,
                },
                SweepValueKind::Thread,
            ) => {
                if self.traits.has(base, trait_of::LOCAL_READ) {
                    self.found.biased.add(address);
                } else {
                    self.traits.add(base, trait_of::OWNER_TESTED);
                }
            }
            (
                SweepValueKind::Loaded {
                    base,
                    offset,
                    width: 8,
                },
                SweepValueKind::Import(import),
            ) if i64::from(offset) == TYPE && self.imports.role(import) == ImportRole::Type => {
                self.traits.add(base, trait_of::OBJECT);
            }
            (
                SweepValueKind::Loaded {
                    base,
                    offset: 0,
                    width: 4 | 8,
                },
                SweepValueKind::Constant(1),
            ) if self.traits.has(base, trait_of::OBJECT) => {
                self.found.sole_owner_tests.add(address);
            }
            (SweepValueKind::Total { .. }, SweepValueKind::Constant(1)) => {
                self.found.sole_owner_tests.add(address)
            }
            (
                SweepValueKind::Loaded {
                    base,
                    offset: 0,
                    width: 4,
                },
                SweepValueKind::Constant(limit),
            ) if is_limit(limit) => {
                self.traits.add(base, trait_of::LIMIT_TESTED);
            }
            (
                SweepValueKind::Shifted {
                    base,
                    offset: 0,
                    by: 30,
                },
                SweepValueKind::Constant(2 | 3),
            ) => {
                self.traits.add(base, trait_of::LIMIT_TESTED);
            }
            _ => {}
        }
    }
}

fn is_limit(value: u64) -> bool {
    LIMITS.contains(&(value & 0xffff_ffff))
}
