//! Instruction sets: what the evaluator asks of an architecture. It is chosen once, in [`crate::evaluator::evaluate`], and
//! whatever depends on it goes through [`InstructionSet`].

pub(in crate::evaluator) mod arm64;
mod constants;
#[cfg(test)]
mod tests;
pub(in crate::evaluator) mod x86;
mod xrefs;

use crate::binary::image::{BinaryImage, ImageSegment};
use crate::evaluator::cpu::convention::CallingConvention;
use crate::evaluator::cpu::flags::BranchCondition;
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{CallFrame, PathState};
use crate::evaluator::values::value::MachineValue;
use crate::model::facts::ImageFormat;

/// How an instruction goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum InstructionSuccessor {
    /// With the instruction at this address.
    Next(u64),
    /// Anywhere: a jump to a computed address.
    Jump(MachineValue),
    /// Into a call.
    Call {
        target: MachineValue,
        return_to: u64,
    },
    /// Back to the caller, to this address.
    Return(MachineValue),
    /// Both ways: the condition depends on unknowns.
    Fork(BranchCondition),
    /// With the instruction at this address, after something that only another thread can bring about.
    Wait(u64),
    /// Nowhere: the instruction traps.
    Dead,
    /// Unknown how: the instruction cannot be followed.
    Stuck(String),
}

/// Where an instruction leads, whatever the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum StaticSuccessor {
    /// To the next one.
    Next(u64),
    /// To another one.
    Jump(u64),
    /// To either.
    Branch(u64, u64),
    /// Into a function, and then on.
    Call { target: u64, next: u64 },
    /// Through a pointer in memory, and then on; a jump has nowhere to go on.
    Through { slot: u64, next: Option<u64> },
    /// Back to the caller.
    Return,
    /// To a computed address.
    Computed,
    /// Nowhere.
    Dead,
}

/// A place in the code that refers to an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) struct CallSite {
    /// Where the reference lies: on x86-64 its displacement.
    pub(in crate::evaluator) reference: u64,
    /// The only instruction that can use it, if that calls the import or jumps to it.
    pub(in crate::evaluator) transfer: Option<TransferInstruction>,
}

/// An instruction that calls or jumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) struct TransferInstruction {
    /// Its address.
    pub(in crate::evaluator) start: u64,
    /// The address after it.
    pub(in crate::evaluator) end: u64,
    /// Whether it is a call, to which the callee returns.
    pub(in crate::evaluator) returns: bool,
}

/// Code that only jumps on through a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::evaluator) struct ImportStub {
    /// The addresses by which it may be called.
    pub(in crate::evaluator) starts: Vec<u64>,
    /// Whether the code before it certainly does not run into it.
    pub(in crate::evaluator) is_apart: bool,
}

/// An instruction that sets a register before a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) struct ConstantDefinition {
    /// Address after it.
    pub(in crate::evaluator) end: u64,
    /// Address of the call.
    pub(in crate::evaluator) call: u64,
    /// What it sets the register to.
    pub(in crate::evaluator) value: u64,
}

/// A place in the code that accesses memory of the image whose address the code fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::evaluator) struct AccessSite {
    /// The addresses where the instruction may begin.
    pub(in crate::evaluator) starts: Vec<u64>,
    /// What it does; of several readings, the one that may do most.
    pub(in crate::evaluator) access: ImageAccess,
}

/// What an instruction does with memory of the image whose address its code fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum ImageAccess {
    /// It may change this many bytes from there.
    Write { address: u64, size: u64 },
    /// It reads there, without a change.
    Read { address: u64 },
    /// It names the address: who gets it may do anything with it.
    Name { address: u64 },
}

impl ImageAccess {
    /// How much may come of it.
    pub(in crate::evaluator) fn weight(self) -> u8 {
        match self {
            ImageAccess::Read { .. } => 0,
            ImageAccess::Write { .. } => 1,
            ImageAccess::Name { .. } => 2,
        }
    }

    /// Where.
    pub(in crate::evaluator) fn address(self) -> u64 {
        match self {
            ImageAccess::Write { address, .. }
            | ImageAccess::Read { address }
            | ImageAccess::Name { address } => address,
        }
    }
}

/// Registers that hold addresses of the image, along a run of instructions that is looked at without values.
pub(in crate::evaluator) type NamedAddresses = [Option<u64>; 32];

/// An architecture, with what it keeps of the instructions that were decoded so far.
pub(in crate::evaluator) trait InstructionSet: Default {
    /// The convention of calls in files of a format.
    fn convention(format: ImageFormat) -> &'static CallingConvention;

    /// Carries out the instruction at the path's address.
    fn step(&mut self, machine: &mut SharedMachine, state: &mut PathState) -> InstructionSuccessor;

    /// Where the instruction at an address leads, whatever the values.
    fn static_successor(&mut self, image: &BinaryImage, address: u64) -> StaticSuccessor;

    /// What the instruction at an address does with memory at an address that the code fixes. `named` goes along from
    /// instruction to instruction.
    fn static_access(
        &mut self,
        image: &BinaryImage,
        address: u64,
        named: &mut NamedAddresses,
    ) -> Option<ImageAccess>;

    /// The instructions that may read, write or name something from `range.0` up to `range.1`: for each the addresses where
    /// it may begin.
    fn accesses(image: &BinaryImage, range: (u64, u64)) -> Vec<AccessSite>;

    /// Where the instruction may begin to which such a place as [`InstructionSet::references`] gives belongs.
    fn starts_of(image: &BinaryImage, place: u64) -> Vec<u64>;

    /// Whether the instruction there traps: what comes before it never returns.
    fn traps(&mut self, image: &BinaryImage, address: u64) -> bool;

    /// The variable of 32 bits that the code at the return address of a call compares with -1, when it does that.
    fn compares_with_minus_one(
        &mut self,
        machine: &SharedMachine,
        state: &PathState,
        return_to: u64,
    ) -> Option<u64>;

    /// Enters a call of the image's own code: the callee finds the address that it returns to where it expects it.
    fn enter(machine: &mut SharedMachine, state: &mut PathState, return_to: u64);

    /// Enters a call of a function that is modelled.
    fn enter_external(machine: &mut SharedMachine, state: &mut PathState, return_to: u64);

    /// Takes the return address off the stack, where calls put it there.
    fn leave_external(machine: &SharedMachine, state: &mut PathState);

    /// The stack pointer at the beginning of a function.
    fn stack_at_entry(frame: &CallFrame) -> u64;

    /// Where a table of code addresses ends at the latest that a jump at this place reads, of the bounds of its part that
    /// is read: what code names is an object of its own, and where it begins the table has ended.
    fn jump_table_end(image: &BinaryImage, place: u64, bounds: (u64, u64)) -> u64;

    /// The places in code that name one of these addresses.
    fn references(segment: &ImageSegment<'_>, targets: &[u64]) -> Vec<CallSite>;

    /// The stub that such a place belongs to.
    fn stub(image: &BinaryImage, site: &CallSite) -> Option<ImportStub>;

    /// The instruction that gives a register a constant before the call or jump at such a place, with nothing between
    /// that could change it.
    fn constant_before(
        image: &BinaryImage,
        site: &CallSite,
        register: usize,
    ) -> Option<ConstantDefinition>;

    /// Whether something that looks like a jump leads to an address from `start` to `last`.
    fn is_jumped_into(image: &BinaryImage, start: u64, last: u64) -> bool;
}

/// The places in the code that refer to an import, stubs left out.
///
/// Every call goes through the import's slot: directly, or by a stub that jumps through it. A place is found by what it
/// encodes, without knowing where instructions begin, so that the count may be too high but is never too low for code
/// that compilers make. A place that loads the import's address without calling it at once may call it any number of
/// times.
pub(in crate::evaluator) fn find_call_sites<I: InstructionSet>(
    image: &BinaryImage,
    import: u64,
) -> Vec<CallSite> {
    let slots = image
        .relocations()
        .iter()
        .filter(|&&(_, value)| value == import)
        .map(|&(slot, _)| slot);
    let code = || image.segments.iter().filter(|segment| segment.executable);
    let find = |targets: &[u64]| -> Vec<CallSite> {
        code().flat_map(|it| I::references(it, targets)).collect()
    };
    let mut sites = Vec::new();
    for slot in slots {
        let users = find(&[slot]);
        if users.is_empty() {
            // A pointer among data, which code reaches in a way that its instructions do not tell.
            sites.push(CallSite {
                reference: slot,
                transfer: None,
            });
        }
        for site in users {
            let stub = I::stub(image, &site);
            let users = stub.as_ref().map_or(Vec::new(), |stub| find(&stub.starts));
            // What nothing jumps to may be reached by the code before it, and then it is no stub.
            let is_stub = !users.is_empty() || stub.is_some_and(|stub| stub.is_apart);
            if is_stub {
                sites.extend(users)
            } else {
                sites.push(site)
            }
        }
    }
    sites
}

/// The constant that the call or jump at one of the places of [`find_call_sites`] passes second, read from the instructions just
/// before it.
///
/// An answer is given only where every way to the call leads over the instruction that sets the register: nothing
/// between them branches, writes the register, or is jumped to from elsewhere in the code.
pub(in crate::evaluator) fn second_argument<I: InstructionSet>(
    image: &BinaryImage,
    site: &CallSite,
) -> Option<u64> {
    let &register = I::convention(image.format).arguments.get(1)?;
    let definition = I::constant_before(image, site, register)?;
    (!I::is_jumped_into(image, definition.end, definition.call)).then_some(definition.value)
}
