//! What the relocation types of each ELF machine do to the word they are applied to.
//!
//! Only types that dynamic linkers meet in shared libraries are listed; numbers are from the processor supplements of
//! the System V ABI, as collected in `elf.h`. A type that is not listed leaves the word's value unknown.

use goblin::elf::header::{
    EM_386, EM_AARCH64, EM_ARM, EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64,
};

/// What a relocation does. In these formulas, S is the symbol's value, A the addend, B the image's base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RelocationEffect {
    /// Nothing.
    None,
    /// B + A
    Relative,
    /// S + A
    Absolute,
    /// S; an addend counts only where it is stored apart from the word.
    Slot,
    /// The data of another image's symbol is copied here.
    Copy,
    /// The value is what a function of this image returns while it is being loaded.
    Indirect,
    /// The value depends on where thread-local storage is.
    ThreadLocal,
    /// Two words that depend on where thread-local storage is.
    ThreadLocalPair,
    /// Not listed here.
    Unknown,
}

/// The types of one machine, by effect.
struct RelocationTypes {
    machine: u16,
    relative: &'static [u32],
    absolute: &'static [u32],
    slots: &'static [u32],
    copy: &'static [u32],
    indirect: &'static [u32],
    thread_local: &'static [u32],
    thread_local_pairs: &'static [u32],
}

const TYPES: [RelocationTypes; 8] = [
    RelocationTypes {
        machine: EM_X86_64,
        relative: &[8, 38],
        absolute: &[1],
        slots: &[6, 7],
        copy: &[5],
        indirect: &[37],
        thread_local: &[16, 17, 18],
        thread_local_pairs: &[36],
    },
    RelocationTypes {
        machine: EM_AARCH64,
        relative: &[1027],
        absolute: &[257],
        slots: &[1025, 1026],
        copy: &[1024],
        indirect: &[1032],
        thread_local: &[1028, 1029, 1030],
        thread_local_pairs: &[1031],
    },
    RelocationTypes {
        machine: EM_386,
        relative: &[8],
        absolute: &[1],
        slots: &[6, 7],
        copy: &[5],
        indirect: &[42],
        thread_local: &[14, 35, 36, 37],
        thread_local_pairs: &[41],
    },
    RelocationTypes {
        machine: EM_ARM,
        relative: &[23],
        absolute: &[2],
        slots: &[21, 22],
        copy: &[20],
        indirect: &[160],
        thread_local: &[17, 18, 19],
        thread_local_pairs: &[13],
    },
    RelocationTypes {
        machine: EM_PPC64,
        relative: &[22],
        absolute: &[38],
        slots: &[20, 21],
        copy: &[19],
        indirect: &[248],
        thread_local: &[68, 73, 78],
        thread_local_pairs: &[],
    },
    RelocationTypes {
        machine: EM_S390,
        relative: &[12],
        absolute: &[22],
        slots: &[10, 11],
        copy: &[9],
        indirect: &[61],
        thread_local: &[54, 55, 56],
        thread_local_pairs: &[],
    },
    RelocationTypes {
        machine: EM_RISCV,
        relative: &[3],
        absolute: &[1, 2],
        slots: &[5],
        copy: &[4],
        indirect: &[58],
        thread_local: &[6, 7, 8, 9, 10, 11],
        thread_local_pairs: &[12],
    },
    RelocationTypes {
        machine: EM_LOONGARCH,
        relative: &[3],
        absolute: &[1, 2],
        slots: &[5],
        copy: &[4],
        indirect: &[12],
        thread_local: &[6, 7, 8, 9, 10, 11],
        thread_local_pairs: &[13, 14],
    },
];

/// What a relocation type does on a machine.
pub(super) fn effect(machine: u16, kind: u32) -> RelocationEffect {
    if kind == 0 {
        return RelocationEffect::None;
    }
    let Some(types) = TYPES.iter().find(|types| types.machine == machine) else {
        return RelocationEffect::Unknown;
    };
    let effects = [
        (types.relative, RelocationEffect::Relative),
        (types.absolute, RelocationEffect::Absolute),
        (types.slots, RelocationEffect::Slot),
        (types.copy, RelocationEffect::Copy),
        (types.indirect, RelocationEffect::Indirect),
        (types.thread_local, RelocationEffect::ThreadLocal),
        (types.thread_local_pairs, RelocationEffect::ThreadLocalPair),
    ];
    effects
        .iter()
        .find(|(kinds, _)| kinds.contains(&kind))
        .map_or(RelocationEffect::Unknown, |&(_, effect)| effect)
}

/// A machine's name, as wheel tags write it.
pub(super) fn architecture(machine: u16, is_64: bool, is_big_endian: bool) -> &'static str {
    match (machine, is_64, is_big_endian) {
        (EM_X86_64, true, false) => "x86_64",
        (EM_X86_64, false, false) => "x32",
        (EM_AARCH64, true, false) => "aarch64",
        (EM_386, false, false) => "i686",
        (EM_ARM, false, false) => "armv7l",
        (EM_PPC64, true, false) => "ppc64le",
        (EM_PPC64, true, true) => "ppc64",
        (EM_S390, true, true) => "s390x",
        (EM_RISCV, true, false) => "riscv64",
        (EM_LOONGARCH, true, false) => "loongarch64",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_mean_what_their_machine_says() {
        let expected = [
            (EM_X86_64, 1, RelocationEffect::Absolute),
            (EM_X86_64, 6, RelocationEffect::Slot),
            (EM_X86_64, 8, RelocationEffect::Relative),
            (EM_X86_64, 37, RelocationEffect::Indirect),
            (EM_AARCH64, 257, RelocationEffect::Absolute),
            (EM_AARCH64, 1027, RelocationEffect::Relative),
            (EM_AARCH64, 1031, RelocationEffect::ThreadLocalPair),
            (EM_386, 42, RelocationEffect::Indirect),
            (EM_ARM, 23, RelocationEffect::Relative),
            (EM_ARM, 0, RelocationEffect::None),
            (EM_ARM, 250, RelocationEffect::Unknown),
            (0xffff, 8, RelocationEffect::Unknown),
        ];
        for (machine, kind, wanted) in expected {
            assert_eq!(
                effect(machine, kind),
                wanted,
                "machine {machine}, type {kind}"
            );
        }
    }
}
