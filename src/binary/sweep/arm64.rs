//! The instructions of arm64 as steps.
//!
//! Every instruction is one word whose fields keep their places, so the few that matter are told by their bits; of all
//! others only the registers that they may change are of interest. Encodings:
//! <https://developer.arm.com/documentation/ddi0602/latest/Index-by-Encoding>

use super::follow::SweepFollower;
use super::step::{ComparisonOperand, GeneralRegister, JumpTarget, MemoryPlace, SweepStep, bit};
use crate::binary::image::BinaryImage;

/// The number that stands for the zero register or the stack pointer.
const ZERO: GeneralRegister = 31;

/// Feeds the code at an address to the follower.
pub(super) fn read(follower: &mut SweepFollower<'_, '_>, address: u64, code: &[u8]) {
    let words = code
        .chunks_exact(4)
        .filter_map(|word| word.try_into().ok())
        .map(u32::from_le_bytes);
    for (address, word) in (address..).step_by(4).zip(words) {
        follower.step(address, InstructionWord(word).step(address), stub_slot);
    }
}

/// The slot that a stub jumps through: `[bti] adrp x, page; ldr y, [x, offset]; [add x, x, offset]; br y`, as in `.plt` and
/// `__stubs` and the thunks of Windows; a near slot may be loaded at once.
fn stub_slot(image: &BinaryImage<'_>, address: u64) -> Option<u64> {
    let segment = image
        .segment_at(address)
        .filter(|segment| segment.executable)?;
    let code = segment
        .bytes
        .get(usize::try_from(address - segment.address).ok()?..)?;
    let (mut page, mut slot) = (None, None);
    for (address, word) in (address..).step_by(4).zip(code.chunks_exact(4)).take(5) {
        let word = InstructionWord(u32::from_le_bytes(word.try_into().ok()?));
        match word.step(address) {
            SweepStep::Nothing => {}
            SweepStep::Constant { to, value } if page.is_none() => page = Some((to, value)),
            SweepStep::LoadSlot { to, slot: place } => slot = Some((to, place)),
            SweepStep::Load { to, from } => {
                let (_, start) = page.filter(|&(base, _)| base == from.base)?;
                slot = Some((to, start.wrapping_add_signed(from.offset)));
            }
            SweepStep::Add { to, from, .. } if to == from && slot.is_some() => {}
            SweepStep::Jump(JumpTarget::Register(register)) => {
                return slot
                    .filter(|&(loaded, _)| loaded == register)
                    .map(|(_, slot)| slot);
            }
            _ => return None,
        }
    }
    None
}

/// One instruction.
#[derive(Clone, Copy)]
struct InstructionWord(u32);

impl InstructionWord {
    fn step(self, address: u64) -> SweepStep {
        match self.bits(25, 4) {
            8 | 9 => self.immediate(address),
            10 | 11 => self.flow(address),
            4 | 6 | 12 | 14 => self.memory(address),
            5 | 13 => self.registers(),
            // Vectors and floating point: some of them write a general register.
            7 | 15 => SweepStep::Clobber(bit(self.to())),
            // Not assigned.
            _ => SweepStep::End,
        }
    }

    fn bits(self, start: u32, count: u32) -> u32 {
        (self.0 >> start) & ((1 << count) - 1)
    }

    fn has(self, mask: u32, value: u32) -> bool {
        self.0 & mask == value
    }

    /// A field as a signed number.
    fn signed(self, start: u32, count: u32) -> i64 {
        let value = i64::from(self.bits(start, count));
        if value >> (count - 1) == 0 {
            value
        } else {
            value - (1 << count)
        }
    }

    fn register(self, start: u32) -> GeneralRegister {
        self.bits(start, 5) as GeneralRegister
    }

    /// The field of the first register, mostly the one that is written.
    fn to(self) -> GeneralRegister {
        self.register(0)
    }

    /// The field of the second register, mostly a base.
    fn from(self) -> GeneralRegister {
        self.register(5)
    }

    fn width(self) -> u8 {
        if self.bits(31, 1) == 1 { 8 } else { 4 }
    }

    /// The first register changes, in a way that is not followed.
    fn clobber(self) -> SweepStep {
        SweepStep::Clobber(if self.to() == ZERO { 0 } else { bit(self.to()) })
    }

    /// Data processing with a constant.
    fn immediate(self, address: u64) -> SweepStep {
        let (to, from) = (self.to(), self.from());
        if self.has(0x1f00_0000, 0x1000_0000) {
            let distance = (self.signed(5, 19) << 2) | i64::from(self.bits(29, 2));
            let is_page = self.bits(31, 1) == 1;
            let value = if is_page {
                (address & !0xfff).wrapping_add_signed(distance << 12)
            } else {
                address.wrapping_add_signed(distance)
            };
            return SweepStep::Constant { to, value };
        }
        if self.has(0x1f80_0000, 0x1100_0000) {
            return self.add_immediate();
        }
        if self.has(0x1f80_0000, 0x1280_0000) {
            return self.move_wide();
        }
        // SBFM and UBFM whose last bit is the highest one are shifts to the right.
        let highest = if self.width() == 8 { 63 } else { 31 };
        let is_shift = self.has(0x7f80_0000, 0x1300_0000) || self.has(0x7f80_0000, 0x5300_0000);
        if is_shift && self.bits(10, 6) == highest {
            return SweepStep::ShiftRight {
                to,
                from,
                by: self.bits(16, 6) as u8,
            };
        }
        self.clobber()
    }

    fn add_immediate(self) -> SweepStep {
        let (to, from, width) = (self.to(), self.from(), self.width());
        let shift = if self.bits(22, 1) == 1 { 12 } else { 0 };
        let value = i64::from(self.bits(10, 12) << shift);
        let by = if self.bits(30, 1) == 1 { -value } else { value };
        match (to, from) {
            // With flags a comparison, else the stack pointer.
            (ZERO, _) if self.bits(29, 1) == 1 => {
                let right = ComparisonOperand::Constant(by.wrapping_neg() as u64);
                SweepStep::Compare {
                    left: ComparisonOperand::Register(from),
                    right,
                    width,
                }
            }
            (ZERO, _) => SweepStep::Unfollowed,
            (_, ZERO) => self.clobber(),
            _ => SweepStep::Add {
                to,
                from,
                by,
                width,
            },
        }
    }

    /// MOVZ and MOVN; MOVK changes a part of what is there.
    fn move_wide(self) -> SweepStep {
        let value = u64::from(self.bits(5, 16)) << (16 * self.bits(21, 2));
        let to = self.to();
        match (self.bits(29, 2), self.width()) {
            _ if to == ZERO => SweepStep::Unfollowed,
            (0, 8) => SweepStep::Constant { to, value: !value },
            (0, _) => SweepStep::Constant {
                to,
                value: u64::from(!(value as u32)),
            },
            (2, _) => SweepStep::Constant { to, value },
            _ => self.clobber(),
        }
    }

    /// Branches and what concerns the whole processor.
    fn flow(self, address: u64) -> SweepStep {
        let target = |start, count| address.wrapping_add_signed(self.signed(start, count) << 2);
        if self.has(0x7c00_0000, 0x1400_0000) {
            let target = JumpTarget::Address(target(0, 26));
            return if self.bits(31, 1) == 1 {
                SweepStep::Call(target)
            } else {
                SweepStep::Jump(target)
            };
        }
        // B.cond; CBZ and CBNZ; TBZ and TBNZ.
        if self.has(0xff00_0010, 0x5400_0000) || self.has(0x7e00_0000, 0x3400_0000) {
            return SweepStep::Branch(target(5, 19));
        }
        if self.has(0x7e00_0000, 0x3600_0000) {
            return SweepStep::Branch(target(5, 14));
        }
        if self.has(0xfe00_0000, 0xd600_0000) {
            // BR, BLR, RET; the variants with pointer authentication set further bits.
            let target = JumpTarget::Register(self.from());
            return match self.bits(21, 2) {
                0 => SweepStep::Jump(target),
                1 => SweepStep::Call(target),
                _ => SweepStep::End,
            };
        }
        match self.0 & 0xffff_ffe0 {
            // MRS of TPIDR_EL0 and TPIDRRO_EL0.
            0xd53b_d040 | 0xd53b_d060 => SweepStep::ThreadPointer(self.to()),
            // BRK and UDF end a path; hints, barriers and MSR change no register.
            _ if self.has(0xffe0_001f, 0xd420_0000) => SweepStep::End,
            _ if self.has(0xfff0_0000, 0xd530_0000) => self.clobber(),
            _ if self.has(0xffff_f01f, 0xd503_201f) => SweepStep::Nothing,
            _ => SweepStep::Unfollowed,
        }
    }

    /// Loads and stores.
    fn memory(self, address: u64) -> SweepStep {
        if self.has(0x3f00_0000, 0x0800_0000) {
            return self.exclusive();
        }
        if self.bits(26, 1) == 1 {
            // Vectors; a base may be moved on.
            return SweepStep::Clobber(self.moved_base());
        }
        if self.has(0x3b00_0000, 0x1800_0000) {
            let slot = address.wrapping_add_signed(self.signed(5, 19) << 2);
            let is_pointer = self.bits(30, 2) == 1 && self.to() != ZERO;
            return if is_pointer {
                SweepStep::LoadSlot {
                    to: self.to(),
                    slot,
                }
            } else {
                self.clobber()
            };
        }
        if self.has(0x3a00_0000, 0x2800_0000) {
            let loaded = if self.bits(22, 1) == 1 {
                bit(self.to()) | bit(self.register(10))
            } else {
                0
            };
            return SweepStep::Clobber(loaded | self.moved_base());
        }
        if self.has(0x3b00_0000, 0x3900_0000) {
            let offset = i64::from(self.bits(10, 12)) << self.bits(30, 2);
            return self.single(offset);
        }
        if self.has(0x3b20_0c00, 0x3800_0000) {
            return self.single(self.signed(12, 9));
        }
        if self.has(0x3b20_0c00, 0x3820_0000) {
            return self.atomic();
        }
        let is_load = self.bits(22, 2) != 0;
        SweepStep::Clobber(if is_load { bit(self.to()) } else { 0 } | self.moved_base())
    }

    /// The base register of loads and stores that move it.
    fn moved_base(self) -> u32 {
        let is_pair = self.has(0x3a00_0000, 0x2800_0000);
        let moves = if is_pair {
            self.bits(23, 1) == 1
        } else {
            self.has(0x3b20_0400, 0x3800_0400)
        };
        if moves { bit(self.from()) } else { 0 }
    }

    fn place(self, offset: i64) -> Option<MemoryPlace> {
        // The stack moves without being followed.
        let base = self.from();
        (base != ZERO).then(|| MemoryPlace {
            base,
            offset,
            width: 1 << self.bits(30, 2),
        })
    }

    fn single(self, offset: i64) -> SweepStep {
        let (register, place) = (self.to(), self.place(offset));
        match (self.bits(22, 2), place) {
            (0, Some(to)) if register != ZERO => SweepStep::Store { from: register, to },
            (0, _) => SweepStep::Unfollowed,
            (1, Some(from)) if self.bits(31, 1) == 1 && register != ZERO => {
                SweepStep::Load { to: register, from }
            }
            _ => self.clobber(),
        }
    }

    /// LSE: one instruction reads, changes and writes.
    fn atomic(self) -> SweepStep {
        // LDAPR only reads.
        if self.has(0x00ff_fc00, 0x00bf_c000) {
            return self.clobber();
        }
        SweepStep::Atomic {
            place: self.place(0),
            clobbers: if self.to() == ZERO { 0 } else { bit(self.to()) },
        }
    }

    /// Exclusive loads and stores, ordered loads and stores, compare and swap.
    fn exclusive(self) -> SweepStep {
        let (is_ordered, is_load, is_other) = (
            self.bits(23, 1) == 1,
            self.bits(22, 1) == 1,
            self.bits(21, 1) == 1,
        );
        let loaded = bit(self.to()) | bit(self.register(10));
        let status = bit(self.register(16));
        match (is_ordered, is_load, is_other) {
            // LDAR and STLR.
            (true, true, false) => self.clobber(),
            (true, false, false) => SweepStep::Unfollowed,
            // CAS, and CASP, which has no word size of its own.
            (true, _, true) => SweepStep::Atomic {
                place: self.place(0),
                clobbers: status,
            },
            (false, _, true) if self.bits(31, 1) == 0 => SweepStep::Atomic {
                place: None,
                clobbers: status | bit(self.register(16) + 1),
            },
            // The load of a pair or of one counts for the whole loop.
            (false, true, _) => SweepStep::Atomic {
                place: self.place(0),
                clobbers: loaded,
            },
            (false, false, _) => SweepStep::Clobber(status),
        }
    }

    /// Data processing with registers.
    fn registers(self) -> SweepStep {
        let (to, from, other, width) = (self.to(), self.from(), self.register(16), self.width());
        // ORR with the zero register.
        if self.has(0x7fe0_ffe0, 0x2a00_03e0) {
            return match (to, other) {
                (ZERO, _) => SweepStep::Unfollowed,
                (_, ZERO) => SweepStep::Constant { to, value: 0 },
                _ => SweepStep::Copy {
                    to,
                    from: other,
                    width,
                },
            };
        }
        // ADD and SUB of registers, the latter with flags and without a result a comparison.
        let (is_shifted, is_extended) = (
            self.has(0x1f20_0000, 0x0b00_0000),
            self.has(0x1f20_0000, 0x0b20_0000),
        );
        if (is_shifted || is_extended) && self.bits(29, 1) == 1 && to == ZERO {
            let is_plain = is_shifted && self.bits(10, 6) == 0 && self.bits(30, 1) == 1;
            let sides = (
                ComparisonOperand::Register(from),
                ComparisonOperand::Register(other),
            );
            return if is_plain {
                SweepStep::Compare {
                    left: sides.0,
                    right: sides.1,
                    width,
                }
            } else {
                SweepStep::Unfollowed
            };
        }
        if is_shifted && self.bits(29, 2) == 0 && width == 8 && to != ZERO {
            let shift = self.bits(10, 6) as u8;
            if shift == 0 || self.bits(22, 2) == 2 {
                return SweepStep::AddRegisters {
                    to,
                    left: from,
                    right: other,
                    shift,
                };
            }
        }
        if is_extended && self.bits(29, 2) == 0 && width == 8 && to != ZERO && self.bits(10, 3) == 0
        {
            return SweepStep::AddRegisters {
                to,
                left: from,
                right: other,
                shift: 0,
            };
        }
        // CCMP compares if a condition holds; CCMN adds.
        if self.has(0x1fe0_0000, 0x1a40_0000) {
            let is_constant = self.bits(11, 1) == 1;
            let right = if is_constant {
                ComparisonOperand::Constant(other.into())
            } else {
                ComparisonOperand::Register(other)
            };
            let left = ComparisonOperand::Register(from);
            return if self.bits(30, 1) == 1 {
                SweepStep::Compare { left, right, width }
            } else {
                SweepStep::Unfollowed
            };
        }
        self.clobber()
    }
}
