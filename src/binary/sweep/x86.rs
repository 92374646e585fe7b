//! The instructions of x86-64 as steps.

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, InstructionInfoOptions, Mnemonic,
    OpAccess, OpKind, Register as Name,
};

use super::follow::Follower;
use super::step::{Operand, Place, Register, Step, Target, bit};
use crate::binary::image::Image;
use crate::model::facts::Format;

/// Feeds the code at an address to the follower.
pub(super) fn read(follower: &mut Follower<'_, '_>, address: u64, code: &[u8]) {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut translator = Translator { thread: thread_block(follower.format), factory: InstructionInfoFactory::new() };
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        let position = decoder.position();
        decoder.decode_out(&mut instruction);
        if instruction.is_invalid() {
            // No code: the next byte may be some again.
            follower.end();
            if decoder.set_position(position + 1).is_err() {
                break;
            }
            decoder.set_ip(address + position as u64 + 1);
            continue;
        }
        let step = translator.step(&instruction);
        follower.step(instruction.ip(), step, stub_slot);
    }
}

/// Where the running thread's own address is: segment register and offset.
fn thread_block(format: Format) -> (Name, u64) {
    match format {
        Format::Elf => (Name::FS, 0),
        Format::MachO => (Name::GS, 0),
        Format::Pe => (Name::GS, 0x30),
    }
}

/// The slot that a stub jumps through: `[endbr64] [bnd] [rex.w] jmp [rip+offset]`, as in `.plt`, `.plt.sec`, `.plt.got`,
/// `__stubs` and the thunks of Windows; or a jump to such a stub, as linkers leave it for incremental linking.
fn stub_slot(image: &Image<'_>, address: u64) -> Option<u64> {
    direct_slot(image, address).or_else(|| {
        let code = code_at(image, address)?;
        let [0xe9, distance @ ..] = code.get(..5)? else { return None };
        let distance = i32::from_le_bytes(distance.try_into().ok()?);
        direct_slot(image, address.wrapping_add(5).wrapping_add_signed(distance.into()))
    })
}

fn direct_slot(image: &Image<'_>, address: u64) -> Option<u64> {
    let code = code_at(image, address)?;
    let mut rest = code;
    for prefix in [&[0xf3, 0x0f, 0x1e, 0xfa][..], &[0xf2], &[0x48]] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    let [0xff, 0x25, distance @ ..] = rest.get(..6)? else { return None };
    let distance = i32::from_le_bytes(distance.try_into().ok()?);
    let after = address.wrapping_add((code.len() - rest.len() + 6) as u64);
    Some(after.wrapping_add_signed(distance.into()))
}

fn code_at<'data>(image: &Image<'data>, address: u64) -> Option<&'data [u8]> {
    let segment = image.segment_at(address).filter(|segment| segment.executable)?;
    segment.bytes.get(usize::try_from(address - segment.address).ok()?..)
}

/// The number of a general register, whatever part of it is named.
fn number(name: Name) -> Option<Register> {
    let whole = name.full_register();
    name.is_gpr().then(|| (whole as u32 - Name::RAX as u32) as Register)
}

struct Translator {
    thread: (Name, u64),
    factory: InstructionInfoFactory,
}

/// What an operand in memory is.
enum Memory {
    Place(Place),
    Slot(u64),
    Thread,
    Other,
}

impl Translator {
    fn step(&mut self, instruction: &Instruction) -> Step {
        if instruction.flow_control() != FlowControl::Next {
            return self.flow(instruction);
        }
        let is_locked = instruction.has_lock_prefix()
            || (instruction.mnemonic() == Mnemonic::Xchg && instruction.op0_kind() == OpKind::Memory);
        if is_locked {
            let place = match self.memory(instruction) {
                Memory::Place(place) => Some(place),
                _ => None,
            };
            return Step::Atomic { place, clobbers: self.written(instruction) };
        }
        let step = match instruction.mnemonic() {
            Mnemonic::Nop | Mnemonic::Endbr64 => Some(Step::Nothing),
            Mnemonic::Push | Mnemonic::Test => Some(Step::Unfollowed),
            Mnemonic::Mov => self.moved(instruction),
            Mnemonic::Lea => lea(instruction),
            Mnemonic::Inc | Mnemonic::Dec | Mnemonic::Add | Mnemonic::Sub => self.added(instruction),
            Mnemonic::Sar | Mnemonic::Shr => shifted(instruction),
            Mnemonic::Cmp => self.compared(instruction),
            _ => None,
        };
        step.unwrap_or_else(|| Step::Clobber(self.written(instruction)))
    }

    fn flow(&mut self, instruction: &Instruction) -> Step {
        let is_direct = matches!(instruction.op0_kind(), OpKind::NearBranch64);
        let target = || match instruction.op0_kind() {
            OpKind::NearBranch64 => Target::Address(instruction.near_branch_target()),
            OpKind::Register => number(instruction.op0_register()).map_or(Target::Unknown, Target::Register),
            OpKind::Memory => match self.memory(instruction) {
                Memory::Slot(slot) => Target::Slot(slot),
                _ => Target::Unknown,
            },
            _ => Target::Unknown,
        };
        match instruction.flow_control() {
            FlowControl::ConditionalBranch if is_direct => Step::Branch(instruction.near_branch_target()),
            FlowControl::Call | FlowControl::IndirectCall => Step::Call(target()),
            FlowControl::UnconditionalBranch | FlowControl::IndirectBranch => Step::Jump(target()),
            FlowControl::Return | FlowControl::Exception | FlowControl::Interrupt => Step::End,
            _ => Step::Clobber(u32::MAX),
        }
    }

    fn memory(&self, instruction: &Instruction) -> Memory {
        let offset = instruction.memory_displacement64();
        let size = instruction.memory_size().size();
        if instruction.memory_index() != Name::None {
            return Memory::Other;
        }
        match (instruction.memory_segment(), instruction.memory_base()) {
            (Name::FS | Name::GS, base) => {
                let is_thread =
                    base == Name::None && (instruction.memory_segment(), offset) == self.thread && size == 8;
                if is_thread { Memory::Thread } else { Memory::Other }
            }
            (_, Name::RIP) => Memory::Slot(offset),
            // The stack moves without being followed.
            (_, base) => match number(base).filter(|_| base.is_gpr64() && base != Name::RSP) {
                Some(base) => Memory::Place(Place { base, offset: offset as i64, width: size.min(64) as u8 }),
                None => Memory::Other,
            },
        }
    }

    fn moved(&self, instruction: &Instruction) -> Option<Step> {
        match (instruction.op0_kind(), instruction.op1_kind()) {
            (OpKind::Register, OpKind::Register) => {
                let (to, from) = (number(instruction.op0_register())?, number(instruction.op1_register())?);
                let width = instruction.op0_register().size();
                (width >= 4).then_some(Step::Copy { to, from, width: width as u8 })
            }
            (OpKind::Register, OpKind::Memory) => {
                let to = number(instruction.op0_register()).filter(|_| instruction.op0_register().size() >= 4)?;
                match self.memory(instruction) {
                    Memory::Place(from) => Some(Step::Load { to, from }),
                    Memory::Slot(slot) if instruction.memory_size().size() == 8 => Some(Step::LoadSlot { to, slot }),
                    Memory::Thread => Some(Step::ThreadPointer(to)),
                    _ => None,
                }
            }
            (OpKind::Register, _) => {
                let to = number(instruction.op0_register()).filter(|_| instruction.op0_register().size() >= 4)?;
                Some(Step::Constant { to, value: instruction.try_immediate(1).ok()? })
            }
            (OpKind::Memory, OpKind::Register) => {
                match (self.memory(instruction), number(instruction.op1_register())) {
                    (Memory::Place(to), Some(from)) => Some(Step::Store { from, to }),
                    _ => Some(Step::Unfollowed),
                }
            }
            (OpKind::Memory, _) => Some(Step::Unfollowed),
            _ => None,
        }
    }

    fn added(&self, instruction: &Instruction) -> Option<Step> {
        let by = match instruction.mnemonic() {
            Mnemonic::Inc => 1,
            Mnemonic::Dec => -1,
            mnemonic if instruction.op1_kind() == OpKind::Register && mnemonic == Mnemonic::Add => {
                let register = instruction.op0_register();
                let (to, right) = (number(register)?, number(instruction.op1_register())?);
                return (register.size() == 8).then_some(Step::AddRegisters { to, left: to, right, shift: 0 });
            }
            mnemonic => {
                let value = instruction.try_immediate(1).ok()? as i64;
                if mnemonic == Mnemonic::Sub { value.wrapping_neg() } else { value }
            }
        };
        if instruction.op0_kind() == OpKind::Memory {
            return Some(match self.memory(instruction) {
                Memory::Place(place) => Step::AddInMemory { place, by },
                _ => Step::Unfollowed,
            });
        }
        let register = instruction.op0_register();
        let to = number(register).filter(|_| register.size() >= 4)?;
        Some(Step::Add { to, from: to, by, width: register.size() as u8 })
    }

    fn compared(&self, instruction: &Instruction) -> Option<Step> {
        let side = |index: u32| match instruction.op_kind(index) {
            OpKind::Register => number(instruction.op_register(index)).map(Operand::Register),
            OpKind::Memory => match self.memory(instruction) {
                Memory::Place(place) => Some(Operand::Memory(place)),
                Memory::Slot(slot) => Some(Operand::Slot(slot)),
                _ => None,
            },
            _ => instruction.try_immediate(index).ok().map(Operand::Constant),
        };
        let size = match instruction.op0_kind() {
            OpKind::Register => instruction.op0_register().size(),
            _ => instruction.memory_size().size(),
        };
        let sides = side(0).zip(side(1)).filter(|_| size >= 4);
        Some(sides.map_or(Step::Unfollowed, |(left, right)| Step::Compare { left, right, width: size as u8 }))
    }

    /// A bit for each general register that an instruction changes.
    fn written(&mut self, instruction: &Instruction) -> u32 {
        let options = InstructionInfoOptions::NO_MEMORY_USAGE;
        let info = self.factory.info_options(instruction, options);
        let is_written = |access: OpAccess| {
            !matches!(access, OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess)
        };
        let written = info.used_registers().iter().filter(|used| is_written(used.access()));
        written.filter_map(|used| number(used.register())).fold(0, |bits, register| bits | bit(register))
    }
}

fn lea(instruction: &Instruction) -> Option<Step> {
    let register = instruction.op0_register();
    let to = number(register).filter(|_| register.size() >= 4)?;
    let offset = instruction.memory_displacement64();
    if instruction.memory_index() != Name::None {
        return None;
    }
    if instruction.memory_base() == Name::RIP {
        return Some(Step::Constant { to, value: offset });
    }
    let from = number(instruction.memory_base())?;
    Some(Step::Add { to, from, by: offset as i64, width: register.size() as u8 })
}

fn shifted(instruction: &Instruction) -> Option<Step> {
    let register = instruction.op0_register();
    let to = number(register).filter(|_| register.size() >= 4 && instruction.op0_kind() == OpKind::Register)?;
    let by = instruction.try_immediate(1).ok()?;
    Some(Step::ShiftRight { to, from: to, by: by.min(64) as u8 })
}
