//! The instructions of x86-64 as steps.

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory,
    InstructionInfoOptions, Mnemonic, OpAccess, OpKind, Register as Name,
};

use super::follow::SweepFollower;
use super::step::{ComparisonOperand, GeneralRegister, JumpTarget, MemoryPlace, SweepStep, bit};
use crate::binary::image::BinaryImage;
use crate::model::facts::ImageFormat;

/// Feeds the code at an address to the follower.
pub(super) fn read(follower: &mut SweepFollower<'_, '_>, address: u64, code: &[u8]) {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut translator = X86Translator {
        thread: thread_block(follower.format),
        factory: InstructionInfoFactory::new(),
    };
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
fn thread_block(format: ImageFormat) -> (Name, u64) {
    match format {
        ImageFormat::Elf => (Name::FS, 0),
        ImageFormat::MachO => (Name::GS, 0),
        ImageFormat::Pe => (Name::GS, 0x30),
    }
}

/// The slot that a stub jumps through: `[endbr64] [bnd] [rex.w] jmp [rip+offset]`, as in `.plt`, `.plt.sec`, `.plt.got`,
/// `__stubs` and the thunks of Windows; or a jump to such a stub, as linkers leave it for incremental linking.
fn stub_slot(image: &BinaryImage<'_>, address: u64) -> Option<u64> {
    direct_slot(image, address).or_else(|| {
        let code = code_at(image, address)?;
        let [0xe9, distance @ ..] = code.get(..5)? else {
            return None;
        };
        let distance = i32::from_le_bytes(distance.try_into().ok()?);
        direct_slot(
            image,
            address.wrapping_add(5).wrapping_add_signed(distance.into()),
        )
    })
}

fn direct_slot(image: &BinaryImage<'_>, address: u64) -> Option<u64> {
    let code = code_at(image, address)?;
    let mut rest = code;
    for prefix in [&[0xf3, 0x0f, 0x1e, 0xfa][..], &[0xf2], &[0x48]] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    let [0xff, 0x25, distance @ ..] = rest.get(..6)? else {
        return None;
    };
    let distance = i32::from_le_bytes(distance.try_into().ok()?);
    let after = address.wrapping_add((code.len() - rest.len() + 6) as u64);
    Some(after.wrapping_add_signed(distance.into()))
}

fn code_at<'data>(image: &BinaryImage<'data>, address: u64) -> Option<&'data [u8]> {
    let segment = image
        .segment_at(address)
        .filter(|segment| segment.executable)?;
    segment
        .bytes
        .get(usize::try_from(address - segment.address).ok()?..)
}

/// The number of a general register, whatever part of it is named.
fn number(name: Name) -> Option<GeneralRegister> {
    let whole = name.full_register();
    name.is_gpr()
        .then(|| (whole as u32 - Name::RAX as u32) as GeneralRegister)
}

struct X86Translator {
    thread: (Name, u64),
    factory: InstructionInfoFactory,
}

/// What an operand in memory is.
enum MemoryOperand {
    Place(MemoryPlace),
    Slot(u64),
    Thread,
    Other,
}

impl X86Translator {
    fn step(&mut self, instruction: &Instruction) -> SweepStep {
        if instruction.flow_control() != FlowControl::Next {
            return self.flow(instruction);
        }
        let is_locked = instruction.has_lock_prefix()
            || (instruction.mnemonic() == Mnemonic::Xchg
                && instruction.op0_kind() == OpKind::Memory);
        if is_locked {
            let place = match self.memory(instruction) {
                MemoryOperand::Place(place) => Some(place),
                _ => None,
            };
            return SweepStep::Atomic {
                place,
                clobbers: self.written(instruction),
            };
        }
        let step = match instruction.mnemonic() {
            Mnemonic::Nop | Mnemonic::Endbr64 => Some(SweepStep::Nothing),
            Mnemonic::Push | Mnemonic::Test => Some(SweepStep::Unfollowed),
            Mnemonic::Mov => self.moved(instruction),
            Mnemonic::Lea => lea(instruction),
            Mnemonic::Inc | Mnemonic::Dec | Mnemonic::Add | Mnemonic::Sub => {
                self.added(instruction)
            }
            Mnemonic::Sar | Mnemonic::Shr => shifted(instruction),
            Mnemonic::Cmp => self.compared(instruction),
            _ => None,
        };
        step.unwrap_or_else(|| SweepStep::Clobber(self.written(instruction)))
    }

    fn flow(&mut self, instruction: &Instruction) -> SweepStep {
        let is_direct = matches!(instruction.op0_kind(), OpKind::NearBranch64);
        let target = || match instruction.op0_kind() {
            OpKind::NearBranch64 => JumpTarget::Address(instruction.near_branch_target()),
            OpKind::Register => {
                number(instruction.op0_register()).map_or(JumpTarget::Unknown, JumpTarget::Register)
            }
            OpKind::Memory => match self.memory(instruction) {
                MemoryOperand::Slot(slot) => JumpTarget::Slot(slot),
                _ => JumpTarget::Unknown,
            },
            _ => JumpTarget::Unknown,
        };
        match instruction.flow_control() {
            FlowControl::ConditionalBranch if is_direct => {
                SweepStep::Branch(instruction.near_branch_target())
            }
            FlowControl::Call | FlowControl::IndirectCall => SweepStep::Call(target()),
            FlowControl::UnconditionalBranch | FlowControl::IndirectBranch => {
                SweepStep::Jump(target())
            }
            FlowControl::Return | FlowControl::Exception | FlowControl::Interrupt => SweepStep::End,
            _ => SweepStep::Clobber(u32::MAX),
        }
    }

    fn memory(&self, instruction: &Instruction) -> MemoryOperand {
        let offset = instruction.memory_displacement64();
        let size = instruction.memory_size().size();
        if instruction.memory_index() != Name::None {
            return MemoryOperand::Other;
        }
        match (instruction.memory_segment(), instruction.memory_base()) {
            (Name::FS | Name::GS, base) => {
                let is_thread = base == Name::None
                    && (instruction.memory_segment(), offset) == self.thread
                    && size == 8;
                if is_thread {
                    MemoryOperand::Thread
                } else {
                    MemoryOperand::Other
                }
            }
            (_, Name::RIP) => MemoryOperand::Slot(offset),
            // The stack moves without being followed.
            (_, base) => match number(base).filter(|_| base.is_gpr64() && base != Name::RSP) {
                Some(base) => MemoryOperand::Place(MemoryPlace {
                    base,
                    offset: offset as i64,
                    width: size.min(64) as u8,
                }),
                None => MemoryOperand::Other,
            },
        }
    }

    fn moved(&self, instruction: &Instruction) -> Option<SweepStep> {
        match (instruction.op0_kind(), instruction.op1_kind()) {
            (OpKind::Register, OpKind::Register) => {
                let (to, from) = (
                    number(instruction.op0_register())?,
                    number(instruction.op1_register())?,
                );
                let width = instruction.op0_register().size();
                (width >= 4).then_some(SweepStep::Copy {
                    to,
                    from,
                    width: width as u8,
                })
            }
            (OpKind::Register, OpKind::Memory) => {
                let to = number(instruction.op0_register())
                    .filter(|_| instruction.op0_register().size() >= 4)?;
                match self.memory(instruction) {
                    MemoryOperand::Place(from) => Some(SweepStep::Load { to, from }),
                    MemoryOperand::Slot(slot) if instruction.memory_size().size() == 8 => {
                        Some(SweepStep::LoadSlot { to, slot })
                    }
                    MemoryOperand::Thread => Some(SweepStep::ThreadPointer(to)),
                    _ => None,
                }
            }
            (OpKind::Register, _) => {
                let to = number(instruction.op0_register())
                    .filter(|_| instruction.op0_register().size() >= 4)?;
                Some(SweepStep::Constant {
                    to,
                    value: instruction.try_immediate(1).ok()?,
                })
            }
            (OpKind::Memory, OpKind::Register) => {
                match (self.memory(instruction), number(instruction.op1_register())) {
                    (MemoryOperand::Place(to), Some(from)) => Some(SweepStep::Store { from, to }),
                    _ => Some(SweepStep::Unfollowed),
                }
            }
            (OpKind::Memory, _) => Some(SweepStep::Unfollowed),
            _ => None,
        }
    }

    fn added(&self, instruction: &Instruction) -> Option<SweepStep> {
        let by = match instruction.mnemonic() {
            Mnemonic::Inc => 1,
            Mnemonic::Dec => -1,
            mnemonic if instruction.op1_kind() == OpKind::Register && mnemonic == Mnemonic::Add => {
                let register = instruction.op0_register();
                let (to, right) = (number(register)?, number(instruction.op1_register())?);
                return (register.size() == 8).then_some(SweepStep::AddRegisters {
                    to,
                    left: to,
                    right,
                    shift: 0,
                });
            }
            mnemonic => {
                let value = instruction.try_immediate(1).ok()? as i64;
                if mnemonic == Mnemonic::Sub {
                    value.wrapping_neg()
                } else {
                    value
                }
            }
        };
        if instruction.op0_kind() == OpKind::Memory {
            return Some(match self.memory(instruction) {
                MemoryOperand::Place(place) => SweepStep::AddInMemory { place, by },
                _ => SweepStep::Unfollowed,
            });
        }
        let register = instruction.op0_register();
        let to = number(register).filter(|_| register.size() >= 4)?;
        Some(SweepStep::Add {
            to,
            from: to,
            by,
            width: register.size() as u8,
        })
    }

    fn compared(&self, instruction: &Instruction) -> Option<SweepStep> {
        let side = |index: u32| match instruction.op_kind(index) {
            OpKind::Register => {
                number(instruction.op_register(index)).map(ComparisonOperand::Register)
            }
            OpKind::Memory => match self.memory(instruction) {
                MemoryOperand::Place(place) => Some(ComparisonOperand::Memory(place)),
                MemoryOperand::Slot(slot) => Some(ComparisonOperand::Slot(slot)),
                _ => None,
            },
            _ => instruction
                .try_immediate(index)
                .ok()
                .map(ComparisonOperand::Constant),
        };
        let size = match instruction.op0_kind() {
            OpKind::Register => instruction.op0_register().size(),
            _ => instruction.memory_size().size(),
        };
        let sides = side(0).zip(side(1)).filter(|_| size >= 4);
        Some(
            sides.map_or(SweepStep::Unfollowed, |(left, right)| SweepStep::Compare {
                left,
                right,
                width: size as u8,
            }),
        )
    }

    /// A bit for each general register that an instruction changes.
    fn written(&mut self, instruction: &Instruction) -> u32 {
        let options = InstructionInfoOptions::NO_MEMORY_USAGE;
        let info = self.factory.info_options(instruction, options);
        let is_written = |access: OpAccess| {
            !matches!(
                access,
                OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
            )
        };
        let written = info
            .used_registers()
            .iter()
            .filter(|used| is_written(used.access()));
        written
            .filter_map(|used| number(used.register()))
            .fold(0, |bits, register| bits | bit(register))
    }
}

fn lea(instruction: &Instruction) -> Option<SweepStep> {
    let register = instruction.op0_register();
    let to = number(register).filter(|_| register.size() >= 4)?;
    let offset = instruction.memory_displacement64();
    if instruction.memory_index() != Name::None {
        return None;
    }
    if instruction.memory_base() == Name::RIP {
        return Some(SweepStep::Constant { to, value: offset });
    }
    let from = number(instruction.memory_base())?;
    Some(SweepStep::Add {
        to,
        from,
        by: offset as i64,
        width: register.size() as u8,
    })
}

fn shifted(instruction: &Instruction) -> Option<SweepStep> {
    let register = instruction.op0_register();
    let to = number(register)
        .filter(|_| register.size() >= 4 && instruction.op0_kind() == OpKind::Register)?;
    let by = instruction.try_immediate(1).ok()?;
    Some(SweepStep::ShiftRight {
        to,
        from: to,
        by: by.min(64) as u8,
    })
}
