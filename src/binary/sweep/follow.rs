//! Follows what registers hold along the code, and recognises what is certain.
//!
//! State is carried to the targets of forward branches, where it meets the state of the path before it; what the two do
//! not agree on is forgotten. Backward branches bring nothing: the first round of a loop is a path of the program, too.

use std::collections::BTreeMap;

use super::Sweep;
use super::calls::{Imports, Role};
use super::state::{Kind, State, Traits, UNKNOWN, Value, ValueId, trait_of};
use super::step::{Operand, Place, Register, Step, Target, bit};
use crate::binary::image::Image;
use crate::model::facts::Format;

/// Most branch targets that are waited for at once, and how far ahead the farthest may be.
const MOST_AWAITED: usize = 512;
const FARTHEST: u64 = 1 << 20;

/// Offsets in the header of an object, in bytes.
const LOCAL_COUNT: i64 = 12;
const SHARED_COUNT: i64 = 16;
const TYPE: i64 = 8;
/// The count from which on an object stays for ever since 3.14, as compilers compare with it: above, or from it on.
/// <https://github.com/python/cpython/blob/3.14/Include/refcount.h>. That of 3.12 and 3.13 is the largest number, and so
/// tells nothing: many counters stop there, that of the free-threaded build among them.
const LIMITS: [u64; 2] = [0xbfff_ffff, 0xc000_0000];

/// Which registers calls use.
#[derive(Clone, Copy, Debug)]
struct Convention {
    first_argument: Register,
    result: Register,
    clobbered: u32,
    /// A register that always tells threads apart.
    thread: Option<Register>,
}

/// In iced's order: RAX RCX RDX RBX RSP RBP RSI RDI R8 to R15.
const SYSTEM_V: Convention = Convention { first_argument: 7, result: 0, clobbered: 0x0fc7, thread: None };
const WINDOWS: Convention = Convention { first_argument: 1, result: 0, clobbered: 0x0f07, thread: None };
const ARM64: Convention = Convention { first_argument: 0, result: 0, clobbered: 0x4007_ffff, thread: None };

fn convention(image: &Image<'_>) -> Convention {
    match (image.architecture.as_str(), image.format) {
        ("aarch64", Format::Pe) => Convention { clobbered: ARM64.clobbered & !bit(18), thread: Some(18), ..ARM64 },
        ("aarch64", _) => ARM64,
        (_, Format::Pe) => WINDOWS,
        _ => SYSTEM_V,
    }
}

/// Tells which slot a stub at an address jumps through.
pub(super) type Stub = fn(&Image<'_>, u64) -> Option<u64>;

/// Follows the code of one image.
pub(super) struct Follower<'image, 'data> {
    image: &'image Image<'data>,
    pub(super) format: Format,
    convention: Convention,
    imports: Imports<'image, 'data>,
    state: State,
    /// Whether the instruction before leads to this one.
    is_reached: bool,
    awaited: BTreeMap<u64, State>,
    traits: Traits,
    last_id: ValueId,
    /// Where the code that led here without a branch to it or from it began, as long as that can be a stub.
    start: Option<u64>,
    found: Sweep,
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

    fn set(&mut self, register: Register, kind: Kind) {
        let value = if kind == Kind::Unknown { UNKNOWN } else { self.new_value(kind) };
        self.state.set(register, value);
    }

    fn is_object(&self, value: Value) -> bool {
        match value.kind {
            Kind::Object => true,
            Kind::Import(import) => matches!(self.imports.role(import), Role::Object | Role::Type),
            _ => self.traits.has(value.id, trait_of::OBJECT),
        }
    }

    /// The value that a place lies in, and at which offset.
    fn resolve(&mut self, place: Place) -> (Value, i64) {
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

    /// What is at a place. Reading the local count of an object is a sign, too.
    fn kind_in_memory(&mut self, address: u64, place: Place) -> Kind {
        if let Kind::Constant(start) = self.state.get(place.base).kind {
            return self.kind_in_slot(start.wrapping_add_signed(place.offset), place.width);
        }
        let (base, offset) = self.resolve(place);
        if offset == LOCAL_COUNT && place.width == 4 {
            self.read_local(address, base.id);
        }
        if let Kind::Import(import) = base.kind
            && (offset, place.width) == (0, 8)
            && self.imports.role(import) == Role::ObjectPointer
        {
            return Kind::Object;
        }
        match i8::try_from(offset) {
            Ok(offset @ 0..=32) => Kind::Loaded { base: base.id, offset, width: place.width },
            _ => Kind::Unknown,
        }
    }

    fn kind_in_slot(&self, slot: u64, width: u8) -> Kind {
        self.imports.at_slot(slot).filter(|_| width == 8).map_or(Kind::Unknown, Kind::Import)
    }

    fn load(&mut self, address: u64, to: Register, from: Place) {
        let kind = self.kind_in_memory(address, from);
        self.set(to, kind);
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

    /// `Py_REFCNT` of the free-threaded build: the local count plus the shared one without its two flags.
    fn total(&self, left: Kind, right: Kind, shift: u8) -> Kind {
        let local = |kind: Kind| match kind {
            Kind::Loaded { base, offset, width: 4 } if i64::from(offset) == LOCAL_COUNT => Some(base),
            _ => None,
        };
        let shared = |kind: Kind, shift: u8| match kind {
            Kind::Loaded { base, offset, width: 8 } if i64::from(offset) == SHARED_COUNT && shift == 2 => Some(base),
            Kind::Shifted { base, offset, by: 2 } if i64::from(offset) == SHARED_COUNT && shift == 0 => Some(base),
            _ => None,
        };
        let pairs = [(local(left), shared(right, shift)), (local(right), shared(left, shift))];
        let same = pairs.into_iter().find_map(|(local, shared)| local.filter(|_| local == shared));
        same.map_or(Kind::Unknown, |base| Kind::Total { base })
    }

    /// The local count of a value is read: with the comparison of its thread, that is biased counting.
    fn read_local(&mut self, address: u64, id: ValueId) {
        if self.traits.has(id, trait_of::OWNER_TESTED) {
            self.traits.remove(id, trait_of::OWNER_TESTED);
            self.found.biased.add(address);
        }
        self.traits.add(id, trait_of::LOCAL_READ);
    }

    fn store(&mut self, address: u64, from: Register, to: Place) {
        let stored = self.state.get(from).kind;
        let (base, offset) = self.resolve(to);
        let Kind::Stepped { base: counted, offset: 0, width, is_up } = stored else { return };
        if offset == 0 && counted == base.id && width == to.width {
            self.count(address, base, is_up, width);
        }
    }

    fn add_in_memory(&mut self, address: u64, place: Place, by: i64) {
        let (base, offset) = self.resolve(place);
        match (offset, by) {
            (0, 1 | -1) if matches!(place.width, 4 | 8) => self.count(address, base, by == 1, place.width),
            (LOCAL_COUNT, _) if place.width == 4 => self.read_local(address, base.id),
            _ => {}
        }
    }

    /// The number at the beginning of something was changed by one. Up, that is certain to be a reference count if the
    /// thing is a Python object, or if the count was compared with the limit first; down, if the thing is freed next.
    fn count(&mut self, address: u64, base: Value, is_up: bool, width: u8) {
        if !is_up {
            self.state.dropped = Some((base.id, address));
        } else if self.is_object(base) {
            self.found.non_atomic.add(address);
            self.found.non_atomic_on_objects.add(address);
        } else if width == 4 && self.traits.has(base.id, trait_of::LIMIT_TESTED) {
            self.traits.remove(base.id, trait_of::LIMIT_TESTED);
            self.found.non_atomic.add(address);
        }
    }

    fn atomic(&mut self, address: u64, place: Option<Place>, clobbers: u32) {
        let shared = place.is_some_and(|place| {
            let (base, offset) = self.resolve(place);
            (offset, place.width) == (SHARED_COUNT, 8) && self.traits.has(base.id, trait_of::LOCAL_READ)
        });
        if !shared {
            self.found.atomics.add(address);
        }
        self.state.forget(clobbers);
    }

    fn compare(&mut self, address: u64, sides: [Operand; 2], width: u8) {
        let [left, right] = sides.map(|side| match side {
            Operand::Register(register) => self.state.get(register).kind,
            Operand::Memory(place) => self.kind_in_memory(address, place),
            Operand::Slot(slot) => self.kind_in_slot(slot, width),
            Operand::Constant(value) => Kind::Constant(value),
        });
        for (one, other) in [(left, right), (right, left)] {
            self.compared(address, one, other);
        }
    }

    fn compared(&mut self, address: u64, one: Kind, other: Kind) {
        match (one, other) {
            (Kind::Loaded { base, offset: 0, width: 8 }, Kind::Thread) => {
                if self.traits.has(base, trait_of::LOCAL_READ) {
                    self.found.biased.add(address);
                } else {
                    self.traits.add(base, trait_of::OWNER_TESTED);
                }
            }
            (Kind::Loaded { base, offset, width: 8 }, Kind::Import(import))
                if i64::from(offset) == TYPE && self.imports.role(import) == Role::Type =>
            {
                self.traits.add(base, trait_of::OBJECT);
            }
            (Kind::Loaded { base, offset: 0, width: 4 | 8 }, Kind::Constant(1))
                if self.traits.has(base, trait_of::OBJECT) =>
            {
                self.found.sole_owner_tests.add(address);
            }
            (Kind::Total { .. }, Kind::Constant(1)) => self.found.sole_owner_tests.add(address),
            (Kind::Loaded { base, offset: 0, width: 4 }, Kind::Constant(limit)) if is_limit(limit) => {
                self.traits.add(base, trait_of::LIMIT_TESTED);
            }
            (Kind::Shifted { base, offset: 0, by: 30 }, Kind::Constant(2 | 3)) => {
                self.traits.add(base, trait_of::LIMIT_TESTED);
            }
            _ => {}
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

fn is_limit(value: u64) -> bool {
    LIMITS.contains(&(value & 0xffff_ffff))
}
