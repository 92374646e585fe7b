//! What is read off instructions without following them: where a call leads, and which value a comparison is with.

use crate::binary::image::BinaryImage;
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::isa::StaticSuccessor;
use crate::evaluator::isa::arm64::encoding::BranchTarget;

use super::fetch;

/// The variable of 32 bits that the instructions right after a call load and compare with -1, when they do that.
pub(super) fn compares_with_minus_one(
    machine: &SharedMachine,
    state: &PathState,
    address: u64,
) -> Option<u64> {
    const LOAD: (u32, u32) = (0xffc0_0000, 0xb940_0000);
    const COMPARE: (u32, u32) = (0xffff_fc1f, 0x3100_041f);
    let first = fetch(machine.image, address)?;
    let own_page = page_at(machine.image, address, first & 31);
    let place = if own_page.is_some() {
        address.wrapping_add(4)
    } else {
        address
    };
    let (load, compare) = (
        fetch(machine.image, place)?,
        fetch(machine.image, place.wrapping_add(4))?,
    );
    if load & LOAD.0 != LOAD.1 || compare & COMPARE.0 != COMPARE.1 || load & 31 != compare >> 5 & 31
    {
        return None;
    }
    let base = (load >> 5 & 31) as usize;
    let start = match own_page {
        Some(page) if (first & 31) as usize == base => page,
        Some(_) => return None,
        // The call may have changed the other registers.
        None if machine.convention.preserved.contains(&base) => state.register(base).known()?,
        None => return None,
    };
    start.checked_add(u64::from(load >> 10 & 0xfff) << 2)
}

/// Where the instruction at an address leads, whatever the values.
pub(super) fn static_successor(image: &BinaryImage, address: u64) -> StaticSuccessor {
    let Some(word) = fetch(image, address) else {
        return StaticSuccessor::Computed;
    };
    let next = address.wrapping_add(4);
    let slot = |register| slot_before(image, address, register);
    match super::encoding::branch(word, address) {
        BranchTarget::None => StaticSuccessor::Next(next),
        BranchTarget::To(target) => StaticSuccessor::Jump(target),
        BranchTarget::Perhaps(target) => StaticSuccessor::Branch(target, next),
        BranchTarget::Call(target) => StaticSuccessor::Call { target, next },
        BranchTarget::Register(register) => match slot(register) {
            Some(slot) => StaticSuccessor::Through { slot, next: None },
            None => StaticSuccessor::Computed,
        },
        BranchTarget::CallRegister(register) => match slot(register) {
            Some(slot) => StaticSuccessor::Through {
                slot,
                next: Some(next),
            },
            None => StaticSuccessor::Next(next),
        },
        BranchTarget::Return => StaticSuccessor::Return,
        BranchTarget::Dead => StaticSuccessor::Dead,
    }
}

/// The slot from which code right before a branch took the branch's register: by `ADRP` and a load, or by a load from
/// near the instruction.
fn slot_before(image: &BinaryImage, address: u64, register: u32) -> Option<u64> {
    for distance in [4, 8, 12] {
        let place = address.wrapping_sub(distance);
        let load = fetch(image, place)?;
        if let Some((slot, loaded)) = super::encoding::near(load, place)
            && loaded == register
        {
            return Some(slot).filter(|_| load >> 24 == 0x58);
        }
        if load & 0xffc0_001f != 0xf940_0000 | register {
            continue;
        }
        let page = page_at(image, place.wrapping_sub(4), load >> 5 & 31)?;
        return Some(page.wrapping_add(u64::from(load >> 10 & 0xfff) << 3));
    }
    None
}

/// The page whose address an `ADRP` there puts into a register.
fn page_at(image: &BinaryImage, address: u64, register: u32) -> Option<u64> {
    let (page, written) = super::encoding::page(fetch(image, address)?, address)?;
    (written == register).then_some(page)
}
