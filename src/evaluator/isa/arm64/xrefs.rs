//! Where A64 code refers to the slots or stubs of an import, and which constant a call passes.
//!
//! Code reaches a slot by `ADRP` and a load at an offset in that page, by a load from near the instruction, or takes its
//! address by `ADR` or `ADRP` and `ADD`. Between `ADRP` and the load there may be anything that leaves the register
//! alone, so the code behind an `ADRP` is followed: along branches, to the end of the function, and past calls where
//! they preserve the register.

use crate::binary::image::{BinaryImage, ImageSegment};
use crate::evaluator::isa::arm64::encoding::{self, BranchTarget};
use crate::evaluator::isa::xrefs::LONGEST_CODE;
use crate::evaluator::isa::{CallSite, ConstantDefinition, ImportStub, TransferInstruction};

/// Most instructions behind an `ADRP` that are followed.
const MOST_FOLLOWED: usize = 4096;
/// Most instructions between a load of a pointer and its call, or between a constant and the call that it is for.
const REACH: u64 = 16;
/// The register in which stubs leave the slot's address for the dynamic linker.
const OF_STUBS: u32 = 16;
/// How far a load with an offset of 12 bits reaches, in eight bytes.
const REACH_OF_LOAD: u64 = 0x1000 << 3;

/// The code of one segment.
struct SegmentCode<'a> {
    address: u64,
    bytes: &'a [u8],
}

impl SegmentCode<'_> {
    fn at(&self, address: u64) -> Option<u32> {
        let start = usize::try_from(address.checked_sub(self.address)?).ok()?;
        let bytes = self.bytes.get(start..start.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }
}

/// Every place in a segment that refers to one of these slots or stubs.
pub(super) fn find(segment: &ImageSegment<'_>, targets: &[u64]) -> Vec<CallSite> {
    let bytes = segment
        .bytes
        .get(..segment.bytes.len().min(LONGEST_CODE))
        .unwrap_or_default();
    let code = SegmentCode {
        address: segment.address,
        bytes,
    };
    let mut sites = Vec::new();
    for (index, chunk) in bytes.chunks_exact(4).enumerate() {
        let Ok(bytes) = <[u8; 4]>::try_from(chunk) else {
            continue;
        };
        let word = u32::from_le_bytes(bytes);
        let address = segment.address.wrapping_add(4 * index as u64);
        if let Some(transfer) = refers(&code, address, word, targets) {
            sites.push(CallSite {
                reference: address,
                transfer,
            });
        }
    }
    sites
}

/// Whether the instruction at an address refers to a target, and how it calls it.
fn refers(
    code: &SegmentCode<'_>,
    address: u64,
    word: u32,
    targets: &[u64],
) -> Option<Option<TransferInstruction>> {
    let end = address.wrapping_add(4);
    match encoding::branch(word, address) {
        BranchTarget::Call(target) => {
            return targets
                .contains(&target)
                .then_some(Some(TransferInstruction {
                    start: address,
                    end,
                    returns: true,
                }));
        }
        BranchTarget::To(target) => {
            return targets
                .contains(&target)
                .then_some(Some(TransferInstruction {
                    start: address,
                    end,
                    returns: false,
                }));
        }
        BranchTarget::Perhaps(target) => return targets.contains(&target).then_some(None),
        BranchTarget::None
        | BranchTarget::CallRegister(_)
        | BranchTarget::Register(_)
        | BranchTarget::Return
        | BranchTarget::Dead => {}
    }
    if let Some((target, register)) = encoding::near(word, address) {
        let loads = word & 0x8000_0000 == 0 && word & 0x1f00_0000 != 0x1000_0000;
        let transfer = || {
            if loads {
                transfer(code, end, register)
            } else {
                None
            }
        };
        return targets.contains(&target).then(transfer);
    }
    let (page, register) = encoding::page(word, address)?;
    if !targets
        .iter()
        .any(|target| target.wrapping_sub(page) < REACH_OF_LOAD)
    {
        return None;
    }
    match follow(code, end, page, register, targets) {
        PageUse::None => None,
        PageUse::Load { end, register } => Some(transfer(code, end, register)),
        PageUse::Other => Some(None),
    }
}

/// What code does with a page's address.
enum PageUse {
    /// Nothing that concerns the targets.
    None,
    /// It loads from a target, once.
    Load { end: u64, register: u32 },
    /// It takes a target's address, loads from targets more than once, or is too long to tell.
    Other,
}

/// Follows the register that holds a page's address through the code. Compilers make an `ADRP` for one symbol, and
/// linkers share it among neighbours that lie in one page: where there is more code than is followed, a use by then
/// shows what it is for.
fn follow(
    code: &SegmentCode<'_>,
    start: u64,
    page: u64,
    register: u32,
    targets: &[u64],
) -> PageUse {
    let mut seen = std::collections::HashSet::new();
    let mut open = vec![start];
    let mut found = PageUse::None;
    let mut is_used = false;
    while let Some(address) = open.pop() {
        let Some(word) = code.at(address).filter(|_| seen.insert(address)) else {
            continue;
        };
        if seen.len() > MOST_FOLLOWED {
            return if is_used { found } else { PageUse::Other };
        }
        let next = address.wrapping_add(4);
        let offset = u64::from(word >> 10 & 0xfff);
        let uses_base = word >> 5 & 31 == register;
        is_used |= encoding::branch(word, address) == BranchTarget::None
            && encoding::mentions(word, register);
        if uses_base
            && word & 0xffc0_0000 == 0xf940_0000
            && targets.contains(&page.wrapping_add(offset << 3))
        {
            found = match found {
                PageUse::None => PageUse::Load {
                    end: next,
                    register: word & 31,
                },
                PageUse::Load { .. } | PageUse::Other => PageUse::Other,
            };
        }
        let takes_address = uses_base && word & 0xffc0_0000 == 0x9100_0000 && word & 31 != OF_STUBS;
        if takes_address && targets.contains(&page.wrapping_add(offset)) {
            return PageUse::Other;
        }
        if encoding::writes(word, register) == Some(true) {
            continue;
        }
        match encoding::branch(word, address) {
            BranchTarget::None => open.push(next),
            BranchTarget::To(target) => open.push(target),
            BranchTarget::Perhaps(target) => open.extend([next, target]),
            BranchTarget::Call(_) | BranchTarget::CallRegister(_)
                if (19..=29).contains(&register) =>
            {
                open.push(next)
            }
            BranchTarget::Call(_)
            | BranchTarget::CallRegister(_)
            | BranchTarget::Register(_)
            | BranchTarget::Return
            | BranchTarget::Dead => {}
        }
    }
    found
}

/// The call through a register to which a pointer was just loaded, if nothing but that call can use the pointer.
fn transfer(code: &SegmentCode<'_>, start: u64, register: u32) -> Option<TransferInstruction> {
    // Later calls leave the register alone, or it is none.
    if (18..=31).contains(&register) {
        return None;
    }
    for address in (0..REACH).map(|index| start.wrapping_add(4 * index)) {
        let word = code.at(address)?;
        let end = address.wrapping_add(4);
        match encoding::branch(word, address) {
            BranchTarget::CallRegister(called) if called == register => {
                return Some(TransferInstruction {
                    start: address,
                    end,
                    returns: true,
                });
            }
            BranchTarget::Register(target) if target == register => {
                return Some(TransferInstruction {
                    start: address,
                    end,
                    returns: false,
                });
            }
            BranchTarget::None if !encoding::mentions(word, register) => {}
            _ => return None,
        }
    }
    None
}

/// A jump through a slot into which the code before it does not run. A stub may begin with `BTI`, and may have more
/// between the load and the jump than `BR` needs.
pub(super) fn stub(image: &BinaryImage, site: &CallSite) -> Option<ImportStub> {
    const LONGEST_STUB: u64 = 20;
    const LANDING_PADS: [u32; 3] = [0xd503_245f, 0xd503_249f, 0xd503_24df];
    const NOP: u32 = 0xd503_201f;
    let start = site.reference;
    site.transfer
        .filter(|it| !it.returns && it.end.wrapping_sub(start) <= LONGEST_STUB)?;
    let before = |address: u64| image.u32(address.wrapping_sub(4));
    // Functions begin with a landing pad.
    if before(start).is_some_and(|word| LANDING_PADS.contains(&word)) {
        return Some(ImportStub {
            starts: vec![start, start.wrapping_sub(4)],
            is_apart: true,
        });
    }
    let is_padded = before(start) == Some(NOP);
    let runs_on = before(start).is_some_and(|word| {
        matches!(
            encoding::branch(word, 0),
            BranchTarget::None | BranchTarget::Perhaps(_)
        ) && !is_padded
    });
    (!runs_on).then(|| ImportStub {
        starts: vec![start],
        is_apart: !is_padded,
    })
}

/// The instruction that sets a register to a constant before a call, with nothing between that branches or may write the
/// register.
pub(super) fn setting(
    image: &BinaryImage,
    call: u64,
    register: usize,
) -> Option<ConstantDefinition> {
    let register = u32::try_from(register).ok()?;
    for distance in 1..=REACH {
        let address = call.checked_sub(4 * distance)?;
        let word = image.u32(address)?;
        if let Some((target, value)) = encoding::constant(word)
            && target == register
        {
            return Some(ConstantDefinition {
                end: address + 4,
                call,
                value,
            });
        }
        // Functions and blocks that are jumped to begin with hints.
        let is_hint = word & 0xffff_f01f == 0xd503_201f && word != 0xd503_201f;
        let leads_on = encoding::branch(word, address) == BranchTarget::None && !is_hint;
        if !leads_on || encoding::writes(word, register) != Some(false) {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 0x18_0000_1000;
    /// In the page after the code.
    const SLOT: u64 = 0x18_0000_2008;
    const ADRP_X8: u32 = 0xb000_0008;
    const LOAD_X8: u32 = 0xf940_0508;
    const CALL_X8: u32 = 0xd63f_0100;
    const JUMP_X8: u32 = 0xd61f_0100;
    const NOP: u32 = 0xd503_201f;
    const RETURN: u32 = 0xd65f_03c0;
    const CALL: u32 = 0x9400_0100;
    const CLEAR_X8: u32 = 0xd280_0008;

    fn sites(words: &[u32]) -> Vec<CallSite> {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let (name, size) = (String::new(), bytes.len() as u64);
        find(
            &ImageSegment {
                name,
                address: START,
                size,
                writable: false,
                executable: true,
                bytes: &bytes,
            },
            &[SLOT],
        )
    }

    /// Code that refers to the slot so often, and calls it at the last of those places with this instruction.
    fn check(words: &[u32], count: usize, call: Option<u64>) {
        let found = sites(words);
        assert_eq!(found.len(), count, "{words:x?}: {found:?}");
        let transfer = found.last().and_then(|site| site.transfer);
        assert_eq!(
            transfer.map(|it| (it.start - START) / 4),
            call,
            "{words:x?}"
        );
    }

    #[test]
    fn pages_are_followed_as_far_as_their_register_lives() {
        check(&[ADRP_X8, LOAD_X8, CALL_X8], 1, Some(2));
        check(&[ADRP_X8, LOAD_X8, JUMP_X8], 1, Some(2));
        check(&[ADRP_X8, NOP, NOP, LOAD_X8, NOP, CALL_X8], 1, Some(5));
        // The register is another one's by then.
        check(&[ADRP_X8, CLEAR_X8, LOAD_X8, CALL_X8], 0, None);
        check(&[ADRP_X8, CALL, LOAD_X8, CALL_X8], 0, None);
        check(&[ADRP_X8, RETURN, LOAD_X8, CALL_X8], 0, None);
        // Past a jump over other code, longer than any window.
        let mut far = vec![ADRP_X8, 0x1400_0065];
        far.extend([RETURN; 100]);
        far.extend([LOAD_X8, CALL_X8]);
        check(&far, 1, Some(103));
        // cbz x0, to the load
        let mut either = vec![ADRP_X8, 0xb400_0660];
        either.extend([RETURN; 50]);
        either.extend([LOAD_X8, CALL_X8]);
        check(&either, 1, Some(53));
        // A page whose address a call preserves: adrp x19; bl; ldr x8, [x19, #8]; blr x8
        check(&[0xb000_0013, CALL, 0xf940_0668, CALL_X8], 1, Some(3));
    }

    #[test]
    fn stubs_jump() {
        // adrp x16; ldr x17, [x16, #8]; add x16, x16, #8; br x17
        check(
            &[0xb000_0010, 0xf940_0611, 0x9100_2210, 0xd61f_0220],
            1,
            Some(3),
        );
        // bti c before that, autia1716 in it
        check(
            &[
                0xd503_245f,
                0xb000_0010,
                0xf940_0611,
                0x9100_2210,
                0xd503_219f,
                0xd61f_0220,
            ],
            1,
            Some(5),
        );
    }

    #[test]
    fn pointers_that_outlive_a_call_are_no_single_call() {
        // mov x20, x8
        check(&[ADRP_X8, LOAD_X8, 0xaa08_03f4, CALL_X8], 1, None);
        // ldr x20, [x8, #8]; blr x20
        check(&[ADRP_X8, 0xf940_0514, 0xd63f_0280], 1, None);
        // add x8, x8, #8: the address of the slot
        check(&[ADRP_X8, 0x9100_2108, CALL_X8], 1, None);
        // Two loads of one page.
        check(&[ADRP_X8, 0xf940_0509, 0xf940_050a, RETURN], 1, None);
        // cbz between the load and the call
        check(&[ADRP_X8, LOAD_X8, 0xb400_0040, CALL_X8, RETURN], 1, None);
    }

    #[test]
    fn near_loads_are_found() {
        // ldr x8, the slot; blr x8
        check(&[0x5800_8048, CALL_X8], 1, Some(1));
        // adr x8, the slot
        check(&[0x1000_8048, CALL_X8], 1, None);
    }
}
