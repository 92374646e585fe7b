//! What single A64 words do, read from their encoding alone: where they branch, which register they write, which
//! constant they set.
//!
//! Reference: <https://developer.arm.com/documentation/ddi0602/latest/Index-by-Encoding>

/// Where an instruction leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator::isa) enum BranchTarget {
    /// To the next instruction.
    None,
    /// To this address: `B`.
    To(u64),
    /// To this address or the next instruction: `B.cond`, `CBZ`, `TBZ` and their opposites.
    Perhaps(u64),
    /// Into the function at this address: `BL`.
    Call(u64),
    /// Into the function in this register: `BLR`.
    CallRegister(u32),
    /// To the address in this register: `BR`.
    Register(u32),
    /// Back to the caller: `RET`, or back from an exception.
    Return,
    /// Nowhere: `BRK` and its kin.
    Dead,
}

/// Where the instruction at an address leads.
pub(in crate::evaluator::isa) fn branch(word: u32, address: u64) -> BranchTarget {
    let relative = |bits: u32, place: u32| {
        let unused = 32 - bits;
        let offset = i64::from((word >> place << unused).cast_signed() >> unused) << 2;
        address.wrapping_add(offset.cast_unsigned())
    };
    let register = word >> 5 & 31;
    match word {
        _ if word & 0xfc00_0000 == 0x1400_0000 => BranchTarget::To(relative(26, 0)),
        _ if word & 0xfc00_0000 == 0x9400_0000 => BranchTarget::Call(relative(26, 0)),
        _ if word & 0xfe00_0000 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 => {
            BranchTarget::Perhaps(relative(19, 5))
        }
        _ if word & 0x7e00_0000 == 0x3600_0000 => BranchTarget::Perhaps(relative(14, 5)),
        // BR and BLR, and those that authenticate the pointer first: BRAA, BRAAZ, BLRAA, …
        _ if word & 0xfeff_f000 == 0xd61f_0000 => BranchTarget::Register(register),
        _ if word & 0xfeff_f000 == 0xd63f_0000 => BranchTarget::CallRegister(register),
        _ if word & 0xfe00_0000 == 0xd600_0000 => BranchTarget::Return,
        _ if word & 0xffe0_001f == 0xd420_0000 || word >> 16 == 0 => BranchTarget::Dead,
        _ => BranchTarget::None,
    }
}

/// The constant to which an instruction sets a register of 64 bits: `MOVZ`, `MOVN`, `ORR` of an immediate or of the zero
/// register, each in 32 and 64 bits, and all that assemblers write as `MOV`.
pub(in crate::evaluator::isa) fn constant(word: u32) -> Option<(u32, u64)> {
    let is_wide = word >> 31 == 1;
    let shift = 16 * (word >> 21 & 3);
    let immediate = u64::from(word >> 5 & 0xffff) << shift;
    let fits = is_wide || shift < 32;
    let value = match word {
        _ if word & 0x7f80_0000 == 0x5280_0000 && fits => immediate,
        _ if word & 0x7f80_0000 == 0x1280_0000 && fits => !immediate,
        // Register 31 is the stack pointer where ORR of an immediate writes, and zero where it reads.
        _ if word & 0x7f80_03e0 == 0x3200_03e0 && word & 31 != 31 => bit_mask(word)?,
        _ if word & 0x7fff_ffe0 == 0x2a1f_03e0 => 0,
        _ => return None,
    };
    Some((word & 31, if is_wide { value } else { value & 0xffff_ffff }))
}

/// The immediate of a logical instruction: a run of ones, rotated, repeated in elements of 2 to 64 bits.
/// `DecodeBitMasks` of the architecture manual.
fn bit_mask(word: u32) -> Option<u64> {
    let (n, rotation, ones) = (word >> 22 & 1, word >> 16 & 63, word >> 10 & 63);
    let size = 1 << (n << 6 | !ones & 63).checked_ilog2()?;
    if size < 2 || (size == 64 && word >> 31 == 0) {
        return None;
    }
    let (count, rotation) = ((ones & (size - 1)) + 1, rotation & (size - 1));
    if count == size {
        return None;
    }
    let run = (1_u64 << count) - 1;
    let all = u64::MAX >> (64 - size);
    let element = if rotation == 0 {
        run
    } else {
        (run >> rotation | run << (size - rotation)) & all
    };
    Some((0..64 / size).fold(0, |value, index| value | element << (index * size)))
}

/// Whether an instruction writes a general register other than the stack pointer; `None` where that is not known.
pub(in crate::evaluator::isa) fn writes(word: u32, register: u32) -> Option<bool> {
    let target = word & 31;
    match word >> 25 & 15 {
        // Data processing with an immediate.
        0b1000 | 0b1001 => Some(target == register),
        // Branches, exceptions, system registers. Pointer authentication changes x16, x17 and x30.
        0b1010 | 0b1011 => match word {
            _ if word & 0xfff0_0000 == 0xd530_0000 || word & 0xfff8_0000 == 0xd528_0000 => {
                Some(target == register)
            }
            _ => (!matches!(register, 16 | 17 | 30)).then_some(false),
        },
        0b0100 | 0b0110 | 0b1100 | 0b1110 => transfers(word, register),
        // Data processing with registers; conditional comparisons write flags only.
        0b0101 | 0b1101 => Some(target == register && word & 0x1fe0_0000 != 0x1a40_0000),
        // Vectors: some move to a general register.
        0b0111 | 0b1111 => (target != register).then_some(false),
        _ => None,
    }
}

/// The same of loads and stores.
fn transfers(word: u32, register: u32) -> Option<bool> {
    let is_vector = word >> 26 & 1 == 1;
    let [first, base, second, status] = [0, 5, 10, 16].map(|place| word >> place & 31);
    let loads = |target: u32, is_load: bool| is_load && !is_vector && target == register;
    let (option, size) = (word >> 22 & 3, word >> 30);
    let is_load = option != 0 && !(size == 3 && option == 2);
    let mode = word >> 10 & 3;
    match word >> 27 & 7 {
        // One register: an offset of 12 bits; else of 9 bits, or of a register, or an atomic operation.
        0b111 if word >> 24 & 3 == 1 => Some(loads(first, is_load)),
        0b111 if word >> 24 & 3 == 0 && word >> 21 & 1 == 0 => {
            Some(loads(first, is_load) || (mode & 1 == 1 && base == register))
        }
        0b111 if word >> 24 & 3 == 0 && mode == 2 => Some(loads(first, is_load)),
        // Pairs; bit 23 tells those that change the base.
        0b101 => {
            let is_load = option & 1 == 1;
            Some(
                loads(first, is_load)
                    || loads(second, is_load)
                    || (word >> 23 & 1 == 1 && base == register),
            )
        }
        // From a place near the instruction; the last kind is a prefetch.
        0b011 if word >> 24 & 3 == 0 => Some(loads(first, size != 3)),
        _ => {
            let named = [first, base, second, status, status + 1];
            (!named.contains(&register)).then_some(false)
        }
    }
}

/// Whether an instruction other than a branch may read or write a general register.
pub(in crate::evaluator::isa) fn mentions(word: u32, register: u32) -> bool {
    let fields: &[u32] = match (word >> 25 & 15, word >> 27 & 7) {
        // EXTR alone has a second source.
        (0b1000 | 0b1001, _) if word & 0x7f80_0000 == 0x1380_0000 => &[0, 5, 16],
        (0b1000 | 0b1001, _) => &[0, 5],
        (0b1010 | 0b1011, _) => &[0],
        (0b0100 | 0b0110 | 0b1100 | 0b1110, 0b111)
            if word >> 24 & 1 == 1 || word >> 21 & 1 == 0 =>
        {
            &[0, 5]
        }
        (0b0100 | 0b0110 | 0b1100 | 0b1110, 0b101) => &[0, 5, 10],
        _ => &[0, 5, 10, 16],
    };
    fields.iter().any(|place| word >> place & 31 == register)
}

/// The page whose address `ADRP` at an address puts into a register, and the register.
pub(in crate::evaluator::isa) fn page(word: u32, address: u64) -> Option<(u64, u32)> {
    let immediate = (word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3;
    let offset = (i64::from((immediate << 11).cast_signed() >> 11) << 12).cast_unsigned();
    (word & 0x9f00_0000 == 0x9000_0000)
        .then_some(((address & !0xfff).wrapping_add(offset), word & 31))
}

/// The address that `ADR`, or a load of 64 bits from near the instruction, names, and the register that it writes.
pub(in crate::evaluator::isa) fn near(word: u32, address: u64) -> Option<(u64, u32)> {
    let offset = match word {
        _ if word & 0x9f00_0000 == 0x1000_0000 => {
            let immediate = (word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3;
            i64::from((immediate << 11).cast_signed() >> 11)
        }
        _ if word & 0xff00_0000 == 0x5800_0000 => i64::from((word << 8).cast_signed() >> 13) << 2,
        _ => return None,
    };
    Some((address.wrapping_add(offset.cast_unsigned()), word & 31))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_read() {
        let cases = [
            (0x5280_0021, Some((1, 1))),                     // mov w1, #1
            (0xd280_0021, Some((1, 1))),                     // mov x1, #1
            (0x5280_0001, Some((1, 0))),                     // mov w1, #0
            (0xd2a0_0021, Some((1, 0x1_0000))),              // movz x1, #1, lsl #16
            (0xd2e0_0021, Some((1, 1 << 48))),               // movz x1, #1, lsl #48
            (0x1280_0001, Some((1, 0xffff_ffff))),           // mov w1, #-1
            (0x9280_0001, Some((1, u64::MAX))),              // mov x1, #-1
            (0x3200_03e1, Some((1, 1))),                     // orr w1, wzr, #1
            (0xb240_03e1, Some((1, 1))),                     // orr x1, xzr, #1
            (0xb200_f3e1, Some((1, 0x5555_5555_5555_5555))), // orr x1, xzr, #0x5555555555555555
            (0xb260_07e1, Some((1, 0x3_0000_0000))),         // orr x1, xzr, #0x300000000
            (0x3201_03e1, Some((1, 0x8000_0000))),           // orr w1, wzr, #0x80000000
            (0x2a1f_03e1, Some((1, 0))),                     // mov w1, wzr
            (0xaa1f_03e1, Some((1, 0))),                     // mov x1, xzr
            (0xaa13_03e1, None),                             // mov x1, x19
            (0xf280_0021, None),                             // movk x1, #1
            (0x52c0_0021, None),                             // a shift of 32 in 32 bits
            (0xb240_001f, None),                             // mov sp, #1, in an encoding with x0
            (0xb240_0001, None),                             // orr x1, x0, #1
            (0x9100_0401, None),                             // add x1, x0, #1
        ];
        for (word, expected) in cases {
            assert_eq!(constant(word), expected, "{word:#x}");
        }
    }

    #[test]
    fn what_is_written_is_told() {
        let cases = [
            (0xd280_0021, 1, Some(true)),  // mov x1, #1
            (0xf900_03e1, 1, Some(false)), // str x1, [sp]
            (0xf940_0001, 1, Some(true)),  // ldr x1, [x0]
            (0xf940_0020, 1, Some(false)), // ldr x0, [x1]
            (0xf840_8420, 1, Some(true)),  // ldr x0, [x1], #8
            (0xf800_8c20, 1, Some(true)),  // str x0, [x1, #8]!
            (0xa940_07e0, 1, Some(true)),  // ldp x0, x1, [sp]
            (0xa900_07e0, 1, Some(false)), // stp x0, x1, [sp]
            (0xad00_07e0, 1, Some(false)), // stp q0, q1, [sp]
            (0xad40_07e0, 1, Some(false)), // ldp q0, q1, [sp]
            (0xa9bf_7bfd, 1, Some(false)), // stp x29, x30, [sp, #-16]!
            (0xf861_6800, 1, Some(false)), // ldr x0, [x0, x1]
            (0xf980_0005, 5, Some(false)), // prfm pldl3strm, [x0]
            (0x5800_0001, 1, Some(true)),  // ldr x1, here
            (0xfa40_0021, 1, Some(false)), // ccmp x1, x0, #1, eq
            (0xd53b_d041, 1, Some(true)),  // mrs x1, tpidr_el0
            (0xd503_201f, 1, Some(false)), // nop
            (0xd503_233f, 30, None),       // paciasp
            (0x9e66_0001, 1, None),        // fmov x1, d0
            (0x9e66_0001, 2, Some(false)), // the same
            (0xc85f_7c01, 1, None),        // ldxr x1, [x0]
            (0x4822_7c80, 3, None),        // casp x2, x3, x0, x1, [x4]
            (0xf821_0062, 2, None),        // ldadd x1, x2, [x3]
            (0x4cdf_7820, 1, None),        // ld1 {v0.4s}, [x1], #16
        ];
        for (word, register, expected) in cases {
            assert_eq!(writes(word, register), expected, "{word:#x} {register}");
        }
    }

    #[test]
    fn branches_lead_where_they_say() {
        let cases = [
            (0x1400_0002, BranchTarget::To(0x1008)),
            (0x97ff_ffff, BranchTarget::Call(0xffc)),
            (0x5400_0040, BranchTarget::Perhaps(0x1008)),
            (0xb400_0040, BranchTarget::Perhaps(0x1008)),
            (0x3600_0040, BranchTarget::Perhaps(0x1008)),
            (0xd61f_0200, BranchTarget::Register(16)),
            (0xd71f_0a11, BranchTarget::Register(16)), // braa x16, x17
            (0xd61f_0a1f, BranchTarget::Register(16)), // braaz x16
            (0xd63f_0100, BranchTarget::CallRegister(8)),
            (0xd73f_0911, BranchTarget::CallRegister(8)), // blraa x8, x17
            (0xd65f_03c0, BranchTarget::Return),
            (0xd65f_0bff, BranchTarget::Return), // retaa
            (0xd420_0020, BranchTarget::Dead),
            (0xd400_0001, BranchTarget::None), // svc
            (0x0000_0000, BranchTarget::Dead),
            (0xd503_201f, BranchTarget::None),
        ];
        for (word, expected) in cases {
            assert_eq!(branch(word, 0x1000), expected, "{word:#x}");
        }
    }
}
