//! Follows what registers hold along the code.
//!
//! State is carried to the targets of forward branches, where it meets the state of the path before it; what the two do
//! not agree on is forgotten. Backward branches bring nothing: the first round of a loop is a path of the program, too.

use std::collections::BTreeMap;

use super::Sweep;
use super::calls::{Imports, Role};
use super::convention::{Convention, convention};
use super::state::{Kind, State, Traits, UNKNOWN, Value, ValueId, trait_of};
use super::step::{Place, Register, Step, Target};
use crate::binary::image::Image;
use crate::model::facts::Format;

/// Most branch targets that are waited for at once, and how far ahead the farthest may be.
const MOST_AWAITED: usize = 512;
const FARTHEST: u64 = 1 << 20;

/// Tells which slot a stub at an address jumps through.
pub(super) type Stub = fn(&Image<'_>, u64) -> Option<u64>;

/// Follows the code of one image.
pub(super) struct Follower<'image, 'data> {
    image: &'image Image<'data>,
    pub(super) format: Format,
    convention: Convention,
    pub(super) imports: Imports<'image, 'data>,
    pub(super) state: State,
    /// Whether the instruction before leads to this one.
    is_reached: bool,
    awaited: BTreeMap<u64, State>,
    pub(super) traits: Traits,
    last_id: ValueId,
    /// Where the code that led here without a branch to it or from it began, as long as that can be a stub.
    start: Option<u64>,
    pub(super) found: Sweep,
}

impl<'image, 'data> Follower<'image, 'data> {
    pub(super) fn new(image: &'image Image<'data>) -> Follower<'image, 'data> {
        let mut follower = Follower {
            image,
            format: image.format,
            convention: convention(image),
            imports: Imports::new(image),
            state: State::NOTHING,
            is_reached: false,
            awaited: BTreeMap::new(),
            traits: Traits::default(),
            last_id: 0,
            start: None,
            found: Sweep::default(),
        };
        follower.end();
        follower
    }

    /// The next instruction is not reached from the one before.
    pub(super) fn end(&mut self) {
        self.is_reached = false;
        self.state = State::NOTHING;
        if let Some(register) = self.convention.thread {
            self.state.set(register, Value { id: 0, kind: Kind::Thread });
        }
        self.start = None;
    }

    /// Everything that was found.
    pub(super) fn finish(self) -> Sweep {
        Sweep { calls: self.imports.finish(), ..self.found }
    }

    /// Follows the instruction at an address.
    pub(super) fn step(&mut self, address: u64, step: Step, stub: Stub) {
        self.arrive(address);
        if !self.is_reached && step != Step::Nothing {
            self.is_reached = true;
            self.start = Some(address);
        }
        match step {
            Step::Nothing => {}
            Step::Call(target) => self.call(address, target, stub),
            Step::Jump(target) => self.jump(address, target, stub),
            Step::End => self.end(),
            Step::Branch(to) => self.await_at(address, to),
            Step::Compare { left, right, width } => self.compare(address, [left, right], width),
            Step::Store { from, to } => self.store(address, from, to),
            Step::AddInMemory { place, by } => self.add_in_memory(address, place, by),
            Step::Atomic { place, clobbers } => self.atomic(address, place, clobbers),
            Step::Load { to, from } => self.load(address, to, from),
            _ => self.compute(step),
        }
    }

    /// Brings in the state of the branches that lead here.
    fn arrive(&mut self, address: u64) {
        while let Some(entry) = self.awaited.first_entry().filter(|entry| *entry.key() <= address) {
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

    fn new_value(&mut self, kind: Kind) -> Value {
        self.last_id = self.last_id.wrapping_add(1).max(1);
        Value { id: self.last_id, kind }
    }

    /// What a register holds, under a name.
    fn value(&mut self, register: Register) -> Value {
        let value = self.state.get(register);
        if value.id != 0 {
            return value;
        }
        let named = self.new_value(value.kind);
        self.state.set(register, named);
        named
    }

    pub(super) fn set(&mut self, register: Register, kind: Kind) {
        let value = if kind == Kind::Unknown { UNKNOWN } else { self.new_value(kind) };
        self.state.set(register, value);
    }

    pub(super) fn is_object(&self, value: Value) -> bool {
        match value.kind {
            Kind::Object => true,
            Kind::Import(import) => matches!(self.imports.role(import), Role::Object | Role::Type),
            _ => self.traits.has(value.id, trait_of::OBJECT),
        }
    }

    /// The value that a place lies in, and at which offset.
    pub(super) fn resolve(&mut self, place: Place) -> (Value, i64) {
        let base = self.value(place.base);
        let (base, offset) = match base.kind {
            Kind::Offset { base, by } => (Value { id: base, kind: Kind::Unknown }, by.wrapping_add(place.offset)),
            _ => (base, place.offset),
        };
        // Loads remember only the value's name.
        if self.is_object(base) {
            self.traits.add(base.id, trait_of::OBJECT);
        }
        (base, offset)
    }

    /// The steps that only compute.
    fn compute(&mut self, step: Step) {
        match step {
            Step::ThreadPointer(to) => self.set(to, Kind::Thread),
            Step::Copy { to, from, width } => {
                let value = self.value(from);
                let is_whole = match value.kind {
                    Kind::Loaded { width: loaded, .. } | Kind::Stepped { width: loaded, .. } => loaded <= width,
                    _ => width == 8,
                };
                self.state.set(to, if is_whole { value } else { UNKNOWN });
            }
            Step::Constant { to, value } => self.set(to, Kind::Constant(value)),
            Step::Add { to, from, by, width } => {
                let kind = self.added(from, by, width);
                self.set(to, kind);
            }
            Step::AddRegisters { to, left, right, shift } => {
                let kind = self.total(self.state.get(left).kind, self.state.get(right).kind, shift);
                self.set(to, kind);
            }
            Step::ShiftRight { to, from, by } => {
                let kind = match self.state.get(from).kind {
                    Kind::Loaded { base, offset, .. } => Kind::Shifted { base, offset, by },
                    _ => Kind::Unknown,
                };
                self.set(to, kind);
            }
            Step::LoadSlot { to, slot } => self.set(to, self.kind_in_slot(slot, 8)),
            Step::Clobber(registers) => {
                self.state.forget(registers);
            }
            _ => {}
        }
    }

    fn added(&mut self, from: Register, by: i64, width: u8) -> Kind {
        let value = self.value(from);
        match value.kind {
            Kind::Loaded { base, offset, width: loaded } if loaded == width && matches!(by, 1 | -1) => {
                Kind::Stepped { base, offset, width, is_up: by == 1 }
            }
            Kind::Constant(constant) => Kind::Constant(constant.wrapping_add_signed(by)),
            Kind::Offset { base, by: before } if width == 8 => Kind::Offset { base, by: before.wrapping_add(by) },
            _ if width == 8 => Kind::Offset { base: value.id, by },
            _ => Kind::Unknown,
        }
    }

    /// The import that control goes to.
    fn import(&self, target: Target, stub: Stub) -> Option<u32> {
        match target {
            Target::Address(address) => self.imports.at_slot(stub(self.image, address)?),
            Target::Slot(slot) => self.imports.at_slot(slot),
            Target::Register(register) => match self.state.get(register).kind {
                Kind::Import(import) => Some(import),
                _ => None,
            },
            Target::Unknown => None,
        }
    }

    fn enter(&mut self, address: u64, import: u32) {
        self.imports.call(import, address);
        if self.imports.role(import) == Role::Dealloc
            && let Some((dropped, place)) = self.state.dropped
            && self.state.get(self.convention.first_argument).id == dropped
        {
            self.found.non_atomic.add(place);
        }
    }

    fn call(&mut self, address: u64, target: Target, stub: Stub) {
        let import = self.import(target, stub);
        if let Some(import) = import {
            self.enter(address, import);
        }
        self.state.forget(self.convention.clobbered);
        self.state.dropped = None;
        if import.is_some_and(|import| self.imports.role(import) == Role::GivesObject) {
            self.set(self.convention.result, Kind::Object);
        }
    }

    fn jump(&mut self, address: u64, target: Target, stub: Stub) {
        let import = self.import(target, stub);
        // A stub is no call: what calls the stub is.
        let is_stub =
            || !matches!(target, Target::Address(_)) && self.start.and_then(|start| stub(self.image, start)).is_some();
        if let Some(import) = import.filter(|_| !is_stub()) {
            self.enter(address, import);
        }
        if let (Target::Address(to), None) = (target, import) {
            self.await_at(address, to);
        }
        self.end();
    }
}
