//! What one instruction does, as far as the sweep follows it: the same words for every machine.

/// A general register: its number in the machine's own order.
pub(super) type Register = u8;

/// Operands in memory: a base register, an offset, and the width in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) base: Register,
    pub(super) offset: i64,
    pub(super) width: u8,
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Register(Register),
    Memory(Place),
    /// A pointer at a fixed address.
    Slot(u64),
    Constant(u64),
}

/// Where control goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Address(u64),
    /// The pointer at this address.
    Slot(u64),
    Register(Register),
    Unknown,
}

/// What one instruction does. Widths are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Changes nothing that is followed, and may be padding.
    Nothing,
    /// Changes nothing that is followed.
    Unfollowed,
    /// Reads what tells threads apart.
    ThreadPointer(Register),
    Copy {
        to: Register,
        from: Register,
        width: u8,
    },
    Constant {
        to: Register,
        value: u64,
    },
    Add {
        to: Register,
        from: Register,
        by: i64,
        width: u8,
    },
    /// `to = left + (right >> shift)`
    AddRegisters {
        to: Register,
        left: Register,
        right: Register,
        shift: u8,
    },
    ShiftRight {
        to: Register,
        from: Register,
        by: u8,
    },
    Load {
        to: Register,
        from: Place,
    },
    /// Loads a pointer from a fixed address.
    LoadSlot {
        to: Register,
        slot: u64,
    },
    Store {
        from: Register,
        to: Place,
    },
    /// Adds in memory, not atomically.
    AddInMemory {
        place: Place,
        by: i64,
    },
    /// Reads, changes and writes atomically; `clobbers` has a bit for each register that it changes.
    Atomic {
        place: Option<Place>,
        clobbers: u32,
    },
    Compare {
        left: Operand,
        right: Operand,
        width: u8,
    },
    /// Goes to an address under a condition, or to the next instruction.
    Branch(u64),
    Call(Target),
    Jump(Target),
    /// The next instruction is not reached from here.
    End,
    /// Changes registers in a way that is not followed: a bit for each.
    Clobber(u32),
}

/// The bit of a register, for [`Step::Clobber`] and [`Step::Atomic`].
pub(super) fn bit(register: Register) -> u32 {
    1 << (register & 31)
}
