//! What registers hold at one point of the code.

use super::step::GeneralRegister;

/// Names one value that the code computed; 0 for a value that has no name yet.
pub(super) type ValueId = u32;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SweepValueKind {
    Unknown,
    /// What tells threads apart.
    Thread,
    Constant(u64),
    /// The address of an import, by its number.
    Import(u32),
    /// The address of a Python object.
    Object,
    /// `base + by`
    Offset {
        base: ValueId,
        by: i64,
    },
    /// Loaded from `base + offset`.
    Loaded {
        base: ValueId,
        offset: i8,
        width: u8,
    },
    /// The same, one more or one less.
    Stepped {
        base: ValueId,
        offset: i8,
        width: u8,
        is_up: bool,
    },
    /// The same, shifted right.
    Shifted {
        base: ValueId,
        offset: i8,
        by: u8,
    },
    /// The local and the shared count of an object, added up.
    Total {
        base: ValueId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SweepValue {
    pub(super) id: ValueId,
    pub(super) kind: SweepValueKind,
}

pub(super) const UNKNOWN: SweepValue = SweepValue {
    id: 0,
    kind: SweepValueKind::Unknown,
};

/// What registers hold, and what was done last.
#[derive(Clone, Debug)]
pub(super) struct SweepState {
    registers: [SweepValue; 32],
    /// The last object whose count was lowered at its beginning, and where in the code.
    pub(super) dropped: Option<(ValueId, u64)>,
}

impl SweepState {
    pub(super) const NOTHING: SweepState = SweepState {
        registers: [UNKNOWN; 32],
        dropped: None,
    };

    pub(super) fn get(&self, register: GeneralRegister) -> SweepValue {
        self.registers
            .get(usize::from(register))
            .copied()
            .unwrap_or(UNKNOWN)
    }

    pub(super) fn set(&mut self, register: GeneralRegister, value: SweepValue) {
        if let Some(place) = self.registers.get_mut(usize::from(register)) {
            *place = value;
        }
    }

    /// Forgets each register whose bit is set.
    pub(super) fn forget(&mut self, registers: u32) {
        let mut left = registers;
        while left != 0 {
            self.set(left.trailing_zeros() as GeneralRegister, UNKNOWN);
            left &= left - 1;
        }
    }

    /// Forgets what this and another path do not agree on.
    pub(super) fn meet(&mut self, other: &SweepState) {
        for (mine, theirs) in self.registers.iter_mut().zip(&other.registers) {
            if mine != theirs {
                // The same import loaded on both paths is the same value, whichever path was taken.
                let same = matches!(
                    mine.kind,
                    SweepValueKind::Thread | SweepValueKind::Import(_)
                ) && mine.kind == theirs.kind;
                *mine = if same { *mine } else { UNKNOWN };
            }
        }
        if self.dropped != other.dropped {
            self.dropped = None;
        }
    }
}

/// What is known of a value beside where it is held.
pub(super) mod trait_of {
    /// It is the address of a Python object.
    pub(in crate::binary::sweep) const OBJECT: u8 = 1;
    /// Its local count (free-threaded build) was read.
    pub(in crate::binary::sweep) const LOCAL_READ: u8 = 2;
    /// Its thread was compared with the running one.
    pub(in crate::binary::sweep) const OWNER_TESTED: u8 = 4;
    /// Its count was compared with the limit from which on it stays.
    pub(in crate::binary::sweep) const LIMIT_TESTED: u8 = 8;
}

/// The traits of the values that were spoken of last.
#[derive(Debug, Default)]
pub(super) struct ValueTraits {
    recent: [(ValueId, u8); 24],
    next: usize,
}

impl ValueTraits {
    pub(super) fn add(&mut self, id: ValueId, traits: u8) {
        if id == 0 {
            return;
        }
        if let Some(known) = self.recent.iter_mut().find(|known| known.0 == id) {
            known.1 |= traits;
        } else if let Some(place) = self.recent.get_mut(self.next) {
            *place = (id, traits);
            self.next = (self.next + 1) % self.recent.len();
        }
    }

    pub(super) fn remove(&mut self, id: ValueId, traits: u8) {
        if let Some(known) = self.recent.iter_mut().find(|known| known.0 == id) {
            known.1 &= !traits;
        }
    }

    pub(super) fn has(&self, id: ValueId, traits: u8) -> bool {
        id != 0
            && self
                .recent
                .iter()
                .any(|known| known.0 == id && known.1 & traits != 0)
    }
}
