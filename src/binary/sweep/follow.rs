//! Follows what registers hold along the code.
//!
//! State is carried to the targets of forward branches, where it meets the state of the path before it; what the two do
//! not agree on is forgotten. Backward branches bring nothing: the first round of a loop is a path of the program, too.

use std::collections::BTreeMap;

use super::CodeSweep;
use super::calls::{ImportCallCounts, ImportRole};
use super::convention::{SweepConvention, convention};
use super::state::{
    SweepState, SweepValue, SweepValueKind, UNKNOWN, ValueId, ValueTraits, trait_of,
};
use super::step::{GeneralRegister, JumpTarget, MemoryPlace, SweepStep};
use crate::binary::image::BinaryImage;
use crate::model::facts::ImageFormat;

/// Most branch targets that are waited for at once, and how far ahead the farthest may be.
const MOST_AWAITED: usize = 512;
const FARTHEST: u64 = 1 << 20;

/// Tells which slot a stub at an address jumps through.
pub(super) type StubResolver = fn(&BinaryImage<'_>, u64) -> Option<u64>;

/// Follows the code of one image.
pub(super) struct SweepFollower<'image, 'data> {
    image: &'image BinaryImage<'data>,
    pub(super) format: ImageFormat,
    convention: SweepConvention,
    pub(super) imports: ImportCallCounts<'image, 'data>,
    pub(super) state: SweepState,
    /// Whether the instruction before leads to this one.
    is_reached: bool,
    awaited: BTreeMap<u64, SweepState>,
    pub(super) traits: ValueTraits,
    last_id: ValueId,
    /// Where the code that led here without a branch to it or from it began, as long as that can be a stub.
    start: Option<u64>,
    pub(super) found: CodeSweep,
}

impl<'image, 'data> SweepFollower<'image, 'data> {
    pub(super) fn new(image: &'image BinaryImage<'data>) -> SweepFollower<'image, 'data> {
        let mut follower = SweepFollower {
            image,
            format: image.format,
            convention: convention(image),
            imports: ImportCallCounts::new(image),
            state: SweepState::NOTHING,
            is_reached: false,
            awaited: BTreeMap::new(),
            traits: ValueTraits::default(),
            last_id: 0,
            start: None,
            found: CodeSweep::default(),
        };
        follower.end();
        follower
    }

    /// The next instruction is not reached from the one before.
    pub(super) fn end(&mut self) {
        self.is_reached = false;
        self.state = SweepState::NOTHING;
        if let Some(register) = self.convention.thread {
            self.state.set(
                register,
                SweepValue {
                    id: 0,
                    kind: SweepValueKind::Thread,
                },
            );
        }
        self.start = None;
    }

    /// Everything that was found.
    pub(super) fn finish(self) -> CodeSweep {
        CodeSweep {
            calls: self.imports.finish(),
            ..self.found
        }
    }

    /// Follows the instruction at an address.
    pub(super) fn step(&mut self, address: u64, step: SweepStep, stub: StubResolver) {
        self.arrive(address);
        if !self.is_reached && step != SweepStep::Nothing {
            self.is_reached = true;
            self.start = Some(address);
        }
        match step {
            SweepStep::Nothing => {}
            SweepStep::Call(target) => self.call(address, target, stub),
            SweepStep::Jump(target) => self.jump(address, target, stub),
            SweepStep::End => self.end(),
            SweepStep::Branch(to) => self.await_at(address, to),
            SweepStep::Compare { left, right, width } => {
                self.compare(address, [left, right], width)
            }
            SweepStep::Store { from, to } => self.store(address, from, to),
            SweepStep::AddInMemory { place, by } => self.add_in_memory(address, place, by),
            SweepStep::Atomic { place, clobbers } => self.atomic(address, place, clobbers),
            SweepStep::Load { to, from } => self.load(address, to, from),
            _ => self.compute(step),
        }
    }

    /// Brings in the state of the branches that lead here.
    fn arrive(&mut self, address: u64) {
        while let Some(entry) = self
            .awaited
            .first_entry()
            .filter(|entry| *entry.key() <= address)
        {
            let (target, state) = entry.remove_entry();
            if target != address {
                continue;
            }
            if self.is_reached {
                self.state.meet(&state);
            } else {
                self.state = state;
            }
            self.is_reached = true;
            self.start = None;
        }
    }

    fn await_at(&mut self, from: u64, target: u64) {
        if target <= from || target - from > FARTHEST {
            return;
        }
        if let Some(awaited) = self.awaited.get_mut(&target) {
            awaited.meet(&self.state);
        } else if self.awaited.len() < MOST_AWAITED {
            self.awaited.insert(target, self.state.clone());
        }
    }

    fn new_value(&mut self, kind: SweepValueKind) -> SweepValue {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        SweepValue {
            id: self.last_id,
            kind,
        }
    }

    /// What a register holds, under a name.
    fn value(&mut self, register: GeneralRegister) -> SweepValue {
        let value = self.state.get(register);
        if value.id != 0 {
            return value;
        }
        let named = self.new_value(value.kind);
        self.state.set(register, named);
        named
    }

    pub(super) fn set(&mut self, register: GeneralRegister, kind: SweepValueKind) {
        let value = if kind == SweepValueKind::Unknown {
            UNKNOWN
        } else {
            self.new_value(kind)
        };
        self.state.set(register, value);
    }

    pub(super) fn is_object(&self, value: SweepValue) -> bool {
        match value.kind {
            SweepValueKind::Object => true,
            SweepValueKind::Import(import) => {
                matches!(
                    self.imports.role(import),
                    ImportRole::Object | ImportRole::Type
                )
            }
            _ => self.traits.has(value.id, trait_of::OBJECT),
        }
    }

    /// The value that a place lies in, and at which offset.
    pub(super) fn resolve(&mut self, place: MemoryPlace) -> (SweepValue, i64) {
        let base = self.value(place.base);
        let (base, offset) = match base.kind {
            SweepValueKind::Offset { base, by } => (
                SweepValue {
                    id: base,
                    kind: SweepValueKind::Unknown,
                },
                by.wrapping_add(place.offset),
            ),
            _ => (base, place.offset),
        };
        // Loads remember only the value's name.
        if self.is_object(base) {
            self.traits.add(base.id, trait_of::OBJECT);
        }
        (base, offset)
    }

    /// The steps that only compute.
    fn compute(&mut self, step: SweepStep) {
        match step {
            SweepStep::ThreadPointer(to) => self.set(to, SweepValueKind::Thread),
            SweepStep::Copy { to, from, width } => {
                let value = self.value(from);
                let is_whole = match value.kind {
                    SweepValueKind::Loaded { width: loaded, .. }
                    | SweepValueKind::Stepped { width: loaded, .. } => loaded <= width,
                    _ => width == 8,
                };
                self.state.set(to, if is_whole { value } else { UNKNOWN });
            }
            SweepStep::Constant { to, value } => self.set(to, SweepValueKind::Constant(value)),
            SweepStep::Add {
                to,
                from,
                by,
                width,
            } => {
                let kind = self.added(from, by, width);
                self.set(to, kind);
            }
            SweepStep::AddRegisters {
                to,
                left,
                right,
                shift,
            } => {
                let kind = self.total(self.state.get(left).kind, self.state.get(right).kind, shift);
                self.set(to, kind);
            }
            SweepStep::ShiftRight { to, from, by } => {
                let kind = match self.state.get(from).kind {
                    SweepValueKind::Loaded { base, offset, .. } => {
                        SweepValueKind::Shifted { base, offset, by }
                    }
                    _ => SweepValueKind::Unknown,
                };
                self.set(to, kind);
            }
            SweepStep::LoadSlot { to, slot } => self.set(to, self.kind_in_slot(slot, 8)),
            SweepStep::Clobber(registers) => {
                self.state.forget(registers);
            }
            _ => {}
        }
    }

    fn added(&mut self, from: GeneralRegister, by: i64, width: u8) -> SweepValueKind {
        let value = self.value(from);
        match value.kind {
            SweepValueKind::Loaded {
                base,
                offset,
                width: loaded,
            } if loaded == width && matches!(by, 1 | -1) => SweepValueKind::Stepped {
                base,
                offset,
                width,
                is_up: by == 1,
            },
            SweepValueKind::Constant(constant) => {
                SweepValueKind::Constant(constant.wrapping_add_signed(by))
            }
            SweepValueKind::Offset { base, by: before } if width == 8 => SweepValueKind::Offset {
                base,
                by: before.wrapping_add(by),
            },
            _ if width == 8 => SweepValueKind::Offset { base: value.id, by },
            _ => SweepValueKind::Unknown,
        }
    }

    /// The import that control goes to.
    fn import(&self, target: JumpTarget, stub: StubResolver) -> Option<u32> {
        match target {
            JumpTarget::Address(address) => self.imports.at_slot(stub(self.image, address)?),
            JumpTarget::Slot(slot) => self.imports.at_slot(slot),
            JumpTarget::Register(register) => match self.state.get(register).kind {
                SweepValueKind::Import(import) => Some(import),
                _ => None,
            },
            JumpTarget::Unknown => None,
        }
    }

    fn enter(&mut self, address: u64, import: u32) {
        self.imports.call(import, address);
        if self.imports.role(import) == ImportRole::Dealloc
            && let Some((dropped, place)) = self.state.dropped
            && self.state.get(self.convention.first_argument).id == dropped
        {
            self.found.non_atomic.add(place);
        }
    }

    fn call(&mut self, address: u64, target: JumpTarget, stub: StubResolver) {
        let import = self.import(target, stub);
        if let Some(import) = import {
            self.enter(address, import);
        }
        self.state.forget(self.convention.clobbered);
        self.state.dropped = None;
        if import.is_some_and(|import| self.imports.role(import) == ImportRole::GivesObject) {
            self.set(self.convention.result, SweepValueKind::Object);
        }
    }

    fn jump(&mut self, address: u64, target: JumpTarget, stub: StubResolver) {
        let import = self.import(target, stub);
        // A stub is no call: what calls the stub is.
        let is_stub = || {
            !matches!(target, JumpTarget::Address(_))
                && self
                    .start
                    .and_then(|start| stub(self.image, start))
                    .is_some()
        };
        if let Some(import) = import.filter(|_| !is_stub()) {
            self.enter(address, import);
        }
        if let (JumpTarget::Address(to), None) = (target, import) {
            self.await_at(address, to);
        }
        self.end();
    }
}
