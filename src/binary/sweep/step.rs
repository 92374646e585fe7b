//! What one instruction does, as far as the sweep follows it: the same words for every machine.

/// A general register: its number in the machine's own order.
pub(super) type GeneralRegister = u8;

/// Operands in memory: a base register, an offset, and the width in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MemoryPlace {
    pub(super) base: GeneralRegister,
    pub(super) offset: i64,
    pub(super) width: u8,
}

/// One side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ComparisonOperand {
    Register(GeneralRegister),
    Memory(MemoryPlace),
    /// A pointer at a fixed address.
    Slot(u64),
    Constant(u64),
}

/// Where control goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JumpTarget {
    Address(u64),
    /// The pointer at this address.
    Slot(u64),
    Register(GeneralRegister),
    Unknown,
}

/// What one instruction does. Widths are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SweepStep {
    /// Changes nothing that is followed, and may be padding.
    Nothing,
    /// Changes nothing that is followed.
    Unfollowed,
    /// Reads what tells threads apart.
    ThreadPointer(GeneralRegister),
    Copy {
        to: GeneralRegister,
        from: GeneralRegister,
        width: u8,
    },
    Constant {
        to: GeneralRegister,
        value: u64,
    },
    Add {
        to: GeneralRegister,
        from: GeneralRegister,
        by: i64,
        width: u8,
    },
    /// `to = left + (right >> shift)`
    AddRegisters {
        to: GeneralRegister,
        left: GeneralRegister,
        right: GeneralRegister,
        shift: u8,
    },
    ShiftRight {
        to: GeneralRegister,
        from: GeneralRegister,
        by: u8,
    },
    Load {
        to: GeneralRegister,
        from: MemoryPlace,
    },
    /// Loads a pointer from a fixed address.
    LoadSlot {
        to: GeneralRegister,
        slot: u64,
    },
    Store {
        from: GeneralRegister,
        to: MemoryPlace,
    },
    /// Adds in memory, not atomically.
    AddInMemory {
        place: MemoryPlace,
        by: i64,
    },
    /// Reads, changes and writes atomically; `clobbers` has a bit for each register that it changes.
    Atomic {
        place: Option<MemoryPlace>,
        clobbers: u32,
    },
    Compare {
        left: ComparisonOperand,
        right: ComparisonOperand,
        width: u8,
    },
    /// Goes to an address under a condition, or to the next instruction.
    Branch(u64),
    Call(JumpTarget),
    Jump(JumpTarget),
    /// The next instruction is not reached from here.
    End,
    /// Changes registers in a way that is not followed: a bit for each.
    Clobber(u32),
}

/// The bit of a register, for [`Step::Clobber`] and [`Step::Atomic`].
pub(super) fn bit(register: GeneralRegister) -> u32 {
    1 << (register & 31)
}
