//! What an instruction does with memory at an address that the code fixes, and the search for such instructions. `ADRP`
//! names a page, and instructions after it a place there.

use super::encoding::{self, BranchTarget};
use super::{fetch, static_successor};
use crate::binary::image::BinaryImage;
use crate::evaluator::isa::{AccessSite, ImageAccess, NamedAddresses, StaticSuccessor};
use crate::evaluator::values::hash::FastMap;

/// Most instructions behind all `ADRP` that one search follows: functions that fill tables have 100,000.
const MOST_FOLLOWED: usize = 1 << 22;
/// With how many addresses of one register one of them is looked at: in a loop that counts a pointer up it has another one
/// each time.
const MOST_VISITS: usize = 8;
/// The first register that calls preserve: <https://github.com/ARM-software/abi-aa/blob/main/aapcs64/aapcs64.rst>
const FIRST_PRESERVED: usize = 19;
/// Functions of the C and C++ run times that end what called them: <https://itanium-cxx-abi.github.io/cxx-abi/abi-eh.html>
const NEVER_RETURNING: [&str; 8] = [
    "_Unwind_Resume",
    "_ZSt9terminatev",
    "__assert_fail",
    "__cxa_rethrow",
    "__cxa_throw",
    "__cxa_throw_bad_array_new_length",
    "__stack_chk_fail",
    "abort",
];
/// Longest code that is searched.
const LONGEST_CODE: usize = 64 << 20;

/// What an instruction does, given what the registers hold.
pub(super) fn of(
    image: &BinaryImage,
    address: u64,
    word: u32,
    named: &mut NamedAddresses,
) -> Option<ImageAccess> {
    let (to, from) = ((word & 31) as usize, (word >> 5 & 31) as usize);
    let base = if from == 31 {
        None
    } else {
        named.get(from).copied().flatten()
    };
    let imm12 = u64::from(word >> 10 & 0xfff);
    let set = |named: &mut NamedAddresses, value: Option<u64>| {
        if let Some(register) = named.get_mut(to).filter(|_| to != 31) {
            *register = value;
        }
    };
    if let Some(page) = page(address, word) {
        set(named, Some(page));
        return None;
    }
    // ADD with an immediate.
    if word & 0xff80_0000 == 0x9100_0000 {
        let shift = if word >> 22 & 1 == 1 { 12 } else { 0 };
        let value = base.map(|base| base.wrapping_add(imm12 << shift));
        set(named, value);
        return value.map(|address| ImageAccess::Name { address });
    }
    // LDR of 64 bits: of a word of the loader's, it names what that says.
    if word & 0xffc0_0000 == 0xf940_0000 {
        let place = base.map(|base| base.wrapping_add(imm12 << 3));
        let stored = place.filter(|&place| image.is_relocated(place) && image.is_read_only(place));
        let stored = stored.and_then(|place| image.pointer(place));
        set(named, stored);
        return match (stored, place) {
            (Some(address), _) => Some(ImageAccess::Name { address }),
            (None, place) => place.map(|address| ImageAccess::Read { address }),
        };
    }
    if let Some((offset, size)) = store(word) {
        return base.map(|base| ImageAccess::Write {
            address: base.wrapping_add_signed(offset),
            size,
        });
    }
    let branches = word & 0x1c00_0000 == 0x1400_0000;
    // Loads and stores of vectors.
    let leaves_general = word & 0x0e00_0000 == 0x0c00_0000;
    if !branches && !leaves_general {
        set(named, None);
    }
    // LDP loads a second register.
    if word & 0x3e40_0000 == 0x2840_0000
        && let Some(second) = named.get_mut((word >> 10 & 31) as usize)
    {
        *second = None;
    }
    None
}

/// Offset and size of a store to a register's address plus a constant.
fn store(word: u32) -> Option<(i64, u64)> {
    let scaled = i64::from(word >> 10 & 0xfff);
    let unscaled = i64::from((word << 11).cast_signed() >> 23);
    let pair = i64::from((word << 10).cast_signed() >> 25);
    let size = word >> 30;
    match word {
        // STRB to STR, with a scaled offset and with an unscaled one, written back or not.
        _ if word & 0x3fc0_0000 == 0x3900_0000 => Some((scaled << size, 1 << size)),
        _ if word & 0x3fe0_0000 == 0x3800_0000 => Some((unscaled, 1 << size)),
        // The same of vectors; of 128 bits where the size is 0.
        _ if word & 0x3fc0_0000 == 0x3d00_0000 => Some((scaled << size, 1 << size)),
        _ if word & 0xffc0_0000 == 0x3d80_0000 => Some((scaled << 4, 16)),
        _ if word & 0x3f60_0000 == 0x3c00_0000 => Some((unscaled, 16)),
        // STP of words, double words and vectors.
        _ if word & 0x7e40_0000 == 0x2800_0000 => {
            Some((pair << (2 + (size >> 1)), 8 << (size >> 1)))
        }
        _ if word & 0x3e40_0000 == 0x2c00_0000 => Some((pair << (2 + size), 8 << size)),
        // STLR and STXR, and the atomic instructions.
        _ if word & 0x3f40_0000 == 0x0800_0000 || word & 0x3b20_0c00 == 0x3820_0000 => Some((0, 8)),
        _ => None,
    }
}

/// The page that `ADRP` names.
fn page(address: u64, word: u32) -> Option<u64> {
    if word & 0x9f00_0000 == 0x1000_0000 {
        let immediate = (word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3;
        return Some(
            address.wrapping_add(i64::from((immediate << 11).cast_signed() >> 11).cast_unsigned()),
        );
    }
    if word & 0x9f00_0000 != 0x9000_0000 {
        return None;
    }
    let immediate = (word >> 5 & 0x7_ffff) << 2 | word >> 29 & 3;
    let offset = i64::from((immediate << 11).cast_signed() >> 11) << 12;
    Some((address & !0xfff).wrapping_add(offset.cast_unsigned()))
}

/// Instructions that have an operand from `range.0` up to `range.1`, or that take its address from a word of the loader's.
pub(super) fn find(image: &BinaryImage, range: (u64, u64)) -> Vec<AccessSite> {
    let in_range = |address: u64| address >= range.0 && address < range.1;
    let words = image
        .relocations()
        .iter()
        .filter(|&&(place, value)| in_range(value) && image.is_read_only(place));
    let mut pages: Vec<u64> = words.map(|&(place, _)| place & !0xfff).collect();
    pages.extend((range.0 >> 12..=range.1 >> 12).map(|page| page << 12));
    let mut search = AccessSearch::new(image, MOST_FOLLOWED, in_range);
    for segment in image.segments.iter().filter(|segment| segment.executable) {
        let bytes = segment
            .bytes
            .get(..segment.bytes.len().min(LONGEST_CODE))
            .unwrap_or_default();
        for (chunk, start) in bytes.chunks_exact(4).zip((segment.address..).step_by(4)) {
            let word = <[u8; 4]>::try_from(chunk).map_or(0, u32::from_le_bytes);
            let Some(first) = page(start, word) else {
                continue;
            };
            if pages.contains(&(first & !0xfff)) {
                search.follow(start);
            }
        }
    }
    let mut found = search.found;
    found.sort_unstable_by_key(|site| (site.starts.first().copied(), site.access.weight()));
    found.dedup();
    found
}

/// The search for instructions that have an operand in a range by what an `ADRP` sets, where code leads from it: what lies
/// behind a jump or a return gets the register only if something jumps there. A call of a function of the same file may
/// leave any register as it is, since compilers know what that changes.
struct AccessSearch<'a, 'data, InRange> {
    image: &'a BinaryImage<'data>,
    in_range: InRange,
    found: Vec<AccessSite>,
    /// How many more instructions may be followed.
    allowed: usize,
    /// The addresses with which each register was met where a run of instructions begins, whichever `ADRP` they came from:
    /// what comes of one register does not depend on the others.
    seen: FastMap<(u64, usize), Vec<u64>>,
    /// Runs that are still to be followed.
    open: Vec<(u64, NamedAddresses)>,
}

impl<'a, 'data, InRange: Fn(u64) -> bool> AccessSearch<'a, 'data, InRange> {
    fn new(image: &'a BinaryImage<'data>, allowed: usize, in_range: InRange) -> Self {
        AccessSearch {
            image,
            in_range,
            found: Vec::new(),
            allowed,
            seen: FastMap::default(),
            open: Vec::new(),
        }
    }

    /// Follows what the `ADRP` at an address sets. Finds that itself, where the way is too long to be followed.
    fn follow(&mut self, start: u64) {
        let mut is_whole = self.run(start, [None; 32], start);
        while let Some((address, named)) = self.open.pop() {
            if let Some(named) = self.new_among(address, named) {
                is_whole &= self.run(address, named, start);
            }
        }
        if !is_whole {
            self.found.push(AccessSite {
                starts: vec![start],
                access: ImageAccess::Name { address: start },
            });
        }
    }

    /// With what of this a run of instructions was not followed yet.
    fn new_among(&mut self, address: u64, mut named: NamedAddresses) -> Option<NamedAddresses> {
        for (register, slot) in named.iter_mut().enumerate() {
            let Some(value) = *slot else { continue };
            let met = self.seen.entry((address, register)).or_default();
            if met.len() >= MOST_VISITS || met.contains(&value) {
                *slot = None;
            } else {
                met.push(value);
            }
        }
        named.iter().any(Option::is_some).then_some(named)
    }

    /// Follows instructions up to one that may lead elsewhere. False when no more are allowed.
    fn run(&mut self, from: u64, mut named: NamedAddresses, start: u64) -> bool {
        let mut next = from;
        while let Some(word) = fetch(self.image, next) {
            let address = next;
            next = address.wrapping_add(4);
            let Some(left) = self.allowed.checked_sub(1) else {
                return false;
            };
            self.allowed = left;
            let access = of(self.image, address, word, &mut named)
                .filter(|access| (self.in_range)(access.address()));
            self.found.extend(access.map(|access| AccessSite {
                starts: vec![address],
                access,
            }));
            // Others are followed from where they are.
            if (address, from) != (start, start) && page(address, word).is_some() {
                named
                    .iter_mut()
                    .skip((word & 31) as usize)
                    .take(1)
                    .for_each(|register| *register = None);
            }
            if named.iter().all(Option::is_none) || !self.goes_on(address, word, &mut named) {
                return true;
            }
        }
        true
    }

    /// Whether only the next instruction comes next; notes what comes next otherwise.
    fn goes_on(&mut self, address: u64, word: u32, named: &mut NamedAddresses) -> bool {
        let next = address.wrapping_add(4);
        match encoding::branch(word, address) {
            // What a table of jumps leads to often lies behind the jump.
            BranchTarget::None | BranchTarget::Register(_) => return true,
            // Behind it lies other code, which has its registers from elsewhere.
            BranchTarget::Call(target) if never_returns(self.image, target) => {}
            BranchTarget::Call(target) if !is_stub(self.image, target) => return true,
            BranchTarget::Call(_) | BranchTarget::CallRegister(_) => {
                named
                    .iter_mut()
                    .take(FIRST_PRESERVED)
                    .for_each(|register| *register = None);
                return true;
            }
            BranchTarget::To(target) => self.open.push((target, *named)),
            BranchTarget::Perhaps(target) => self.open.extend([(target, *named), (next, *named)]),
            BranchTarget::Return | BranchTarget::Dead => {}
        }
        false
    }
}

/// Whether an entry of a linkage table begins there: `ADRP x16`, perhaps behind a landing pad. Its function is another file's.
fn is_stub(image: &BinaryImage, target: u64) -> bool {
    const LANDING_PAD: u32 = 0xd503_245f;
    let first = fetch(image, target).filter(|&word| word != LANDING_PAD);
    let word = first.or_else(|| fetch(image, target.wrapping_add(4)));
    word.is_some_and(|word| word & 0x9f00_001f == 0x9000_0010)
}

/// Whether an entry of a linkage table begins there whose function never returns.
fn never_returns(image: &BinaryImage, target: u64) -> bool {
    /// How far from its beginning an entry jumps, in bytes.
    const ENTRY_BYTES: u64 = 16;
    let slot = (0..=ENTRY_BYTES).step_by(4).find_map(|offset| {
        match static_successor(image, target.wrapping_add(offset)) {
            StaticSuccessor::Through { slot, next: None } => Some(slot),
            _ => None,
        }
    });
    let import = slot
        .filter(|_| is_stub(image, target))
        .and_then(|slot| image.import_at(image.pointer(slot)?));
    import.is_some_and(|import| NEVER_RETURNING.contains(&import.name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_say_where_and_how_much() {
        for (word, expected) in [
            // str x1, [x0, #8]; str w1, [x0, #4]; strb w1, [x0]; stur x1, [x0, #-8]
            (0xf900_0401, Some((8, 8))),
            (0xb900_0401, Some((4, 4))),
            (0x3900_0001, Some((0, 1))),
            (0xf81f_8001, Some((-8, 8))),
            // stp x1, x2, [x0, #16]; str q0, [x0, #16]
            (0xa901_0801, Some((16, 16))),
            (0x3d80_0400, Some((16, 16))),
            // ldr x1, [x0]; add x0, x0, #1; nop
            (0xf940_0001, None),
            (0x9100_0400, None),
            (0xd503_201f, None),
        ] {
            assert_eq!(store(word), expected, "{word:#x}");
        }
    }

    #[test]
    fn pages_are_named_from_where_the_instruction_is() {
        // adrp x0, 0; adrp x0, one page on; adr x0, #4; nop
        assert_eq!(page(0x1234, 0x9000_0000), Some(0x1000));
        assert_eq!(page(0x1234, 0xb000_0000), Some(0x2000));
        assert_eq!(page(0x1234, 0x1000_0020), Some(0x1238));
        assert_eq!(page(0x1234, 0xd503_201f), None);
    }

    /// At which distances from an `ADRP` with these instructions behind it a word of its page is named.
    fn followed(words: &[u32], allowed: usize) -> Vec<u64> {
        use crate::binary::image::images;
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks/built");
        let mut bytes = std::fs::read(folder.join("elf-aarch64-O2-constructor.so")).unwrap();
        let (address, start) = {
            let images = images(&bytes).unwrap();
            let image = images.first().unwrap();
            let address = *image.exports().get("PyInit_sample").unwrap();
            let code = image.segment_at(address).unwrap();
            let start = code.bytes.as_ptr() as usize - bytes.as_ptr() as usize;
            (address, start + (address - code.address) as usize)
        };
        for (index, word) in words.iter().enumerate() {
            bytes[start + 4 * index..start + 4 * index + 4]
                .copy_from_slice(&u32::to_le_bytes(*word));
        }
        let images = images(&bytes).unwrap();
        let page = address & !0xfff;
        let mut search =
            AccessSearch::new(images.first().unwrap(), allowed, |place| place == page + 8);
        search.follow(address);
        let mut found: Vec<u64> = search
            .found
            .iter()
            .flat_map(|site| &site.starts)
            .map(|at| at - address)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn a_page_is_followed_where_code_leads() {
        const NOP: u32 = 0xd503_201f;
        // adrp x0, the page; two that do nothing; str x1, [x0, #8]; ret
        let long = &[0x9000_0000, NOP, NOP, 0xf900_0401, 0xd65f_03c0][..];
        // adrp x0, the page; str x1, [x0, #8]; add x0, x0, #8; b -8: each time round another place
        let circle = &[0x9000_0000, 0xf900_0401, 0x9100_2000, 0x17ff_fffe][..];
        for (allowed, words, expected) in [
            (3, long, &[0][..]),
            (5, long, &[12]),
            (100, circle, &[4, 8]),
        ] {
            assert_eq!(followed(words, allowed), expected, "{words:x?}");
        }
        for (words, expected) in [
            // adrp x0, the page; add x0, x0, #8; ret
            (&[0x9000_0000, 0x9100_2000, 0xd65f_03c0][..], &[4][..]),
            // adrp x22, the page; ret; add x22, x22, #8: another function's
            (&[0x9000_0016, 0xd65f_03c0, 0x9100_22d6, 0xd65f_03c0], &[]),
            // adrp x0, the page; b +8; add x0, x0, #8; str x1, [x0, #8]; ret: the jump leads past the second
            (
                &[
                    0x9000_0000,
                    0x1400_0002,
                    0x9100_2000,
                    0xf900_0401,
                    0xd65f_03c0,
                ],
                &[12],
            ),
            // adrp x0, the page; cbz x1, +8; ret; str x1, [x0, #8]; ret
            (
                &[
                    0x9000_0000,
                    0xb400_0041,
                    0xd65f_03c0,
                    0xf900_0401,
                    0xd65f_03c0,
                ],
                &[12],
            ),
            // adrp x23, the page; ldp x24, x23, [sp]; add x0, x23, #8; ret: what was on the stack
            (&[0x9000_0017, 0xa940_5ff8, 0x9100_22e0, 0xd65f_03c0], &[]),
            // adrp x0, the page; blr x9; str x1, [x0, #8]; ret: what the call gave
            (&[0x9000_0000, 0xd63f_0120, 0xf900_0401, 0xd65f_03c0], &[]),
            // adrp x19, the page; blr x9; str x1, [x19, #8]; ret
            (&[0x9000_0013, 0xd63f_0120, 0xf900_0661, 0xd65f_03c0], &[8]),
            // adrp x0, the page; ldr q0, [x1]; str x1, [x0, #8]; ret: the vector is another register
            (&[0x9000_0000, 0x3dc0_0020, 0xf900_0401, 0xd65f_03c0], &[8]),
            // adrp x0, the page; adrp x0, another one; str x1, [x0, #8]; ret
            (&[0x9000_0000, 0xb000_0000, 0xf900_0401, 0xd65f_03c0], &[]),
        ] {
            assert_eq!(followed(words, MOST_FOLLOWED), expected, "{words:x?}");
        }
    }
}
