//! Arrays of slots, and what they say of the GIL and the ABI.
//!
//! `PyModuleDef_Slot` is an `int` and a pointer; `PySlot` (3.15) has 16 bits of id, flags, and a union at offset 8. Both
//! numberings, the one up to 3.14 and the one of 3.15, are in use and never overlap.
//! <https://docs.python.org/3.15/c-api/slots.html>, PEP 793, PEP 820.

use crate::model::evidence::Evidence;
use crate::model::facts::{AbiInfo, Declaration, Fact, Interpreters};

/// Longest array, and deepest nesting (`Py_slot_subslots` allows five levels).
const MOST_SLOTS: usize = 64;
const DEEPEST: usize = 5;

/// Memory that slots can be read from: an image's, or that of an evaluator which has followed code that fills slots.
pub trait Memory {
    /// 4 or 8.
    fn pointer_size(&self) -> usize;
    /// One byte.
    fn byte(&self, address: u64) -> Option<u8>;
    /// Two bytes.
    fn half(&self, address: u64) -> Option<u16>;
    /// Four bytes.
    fn word(&self, address: u64) -> Option<u32>;
    /// A pointer, or a number of a pointer's size.
    fn pointer(&self, address: u64) -> Option<u64>;
    /// Whether an address, and not a number, is stored there.
    fn is_address(&self, address: u64) -> bool;
    /// Whether what is stored there is known to be what the interpreter will see; memory that starts as zero and is
    /// writable is not.
    fn is_settled(&self, address: u64, length: u64) -> bool;
}

/// How the records of an array are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// `PyModuleDef_Slot`
    Definition,
    /// `PySlot`
    Unified,
}

/// One slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// As stored.
    pub id: u32,
    /// The pointer or number that it holds.
    pub value: u64,
    /// Where the record begins.
    pub address: u64,
    /// Where the value is.
    pub value_address: u64,
}

/// What slots mean, in both numberings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// A function or other address.
    Address,
    /// A number, or something that does not matter here.
    Any,
    Gil,
    Interpreters,
    AbiInfo,
    Nested(Record),
}

fn meaning(id: u32) -> Option<Meaning> {
    match id {
        1 | 2 | 84 | 85 => Some(Meaning::Address),
        3 | 86 => Some(Meaning::Interpreters),
        100..=106 | 110 => Some(Meaning::Any),
        4 | 87 => Some(Meaning::Gil),
        92 => Some(Meaning::Nested(Record::Unified)),
        94 => Some(Meaning::Nested(Record::Definition)),
        109 => Some(Meaning::AbiInfo),
        _ => None,
    }
}

/// Reads an array up to its end, with the arrays nested in it.
pub fn decode(memory: &impl Memory, address: u64, record: Record) -> Result<Vec<Slot>, String> {
    let mut slots = Vec::new();
    decode_nested(memory, address, record, 0, &mut slots)?;
    Ok(slots)
}

fn decode_nested(
    memory: &impl Memory,
    address: u64,
    record: Record,
    depth: usize,
    slots: &mut Vec<Slot>,
) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("its slots are nested deeper than {DEEPEST} levels"));
    }
    let size = record_size(memory, record);
    for number in 0..MOST_SLOTS as u64 {
        let place = address.wrapping_add(number * size);
        let slot = read_slot(memory, place, record)?;
        let Some(slot) = slot else { return Ok(()) };
        if slots.len() >= MOST_SLOTS {
            break;
        }
        let meaning = meaning(slot.id).ok_or_else(|| format!("slot id {} at {place:#x} is not a module's", slot.id))?;
        let needs_address = matches!(meaning, Meaning::Address | Meaning::AbiInfo | Meaning::Nested(_));
        if needs_address != memory.is_address(slot.value_address) && meaning != Meaning::Any {
            return Err(format!("the value of slot {} at {place:#x} is not of the right kind", slot.id));
        }
        let value = slot.value;
        slots.push(slot);
        if let Meaning::Nested(record) = meaning {
            decode_nested(memory, value, record, depth + 1, slots)?;
        }
    }
    Err(format!("its slots at {address:#x} have no end within {MOST_SLOTS}"))
}

/// Size of a record; `PySlot` is as large on 32 bits as on 64.
pub fn record_size(memory: &impl Memory, record: Record) -> u64 {
    if record == Record::Unified || memory.pointer_size() == 8 { 16 } else { 8 }
}

fn read_slot(memory: &impl Memory, place: u64, record: Record) -> Result<Option<Slot>, String> {
    let unreadable = || format!("its slots at {place:#x} cannot be read from the file's data");
    if !memory.is_settled(place, record_size(memory, record)) {
        return Err(format!("its slots at {place:#x} are filled while the program runs"));
    }
    let value_address = match record {
        Record::Definition => place.wrapping_add(memory.pointer_size() as u64),
        Record::Unified => place.wrapping_add(8),
    };
    let id = match record {
        Record::Definition => memory.word(place).ok_or_else(unreadable)?,
        Record::Unified => memory.half(place).ok_or_else(unreadable)?.into(),
    };
    let padding = match record {
        Record::Definition if memory.pointer_size() == 4 => 0,
        _ => memory.word(place.wrapping_add(4)).ok_or_else(unreadable)?,
    };
    let value = memory.pointer(value_address).ok_or_else(unreadable)?;
    if padding != 0 || memory.is_address(place) {
        return Err(format!("what is at {place:#x} is not a slot"));
    }
    Ok((id != 0).then_some(Slot { id, value, address: place, value_address }))
}

/// The ids, in order.
pub fn ids(slots: &[Slot]) -> Vec<u32> {
    slots.iter().map(|slot| slot.id).collect()
}

/// What the slots say of the GIL. Two statements are refused by the interpreter, whatever they say.
pub fn declaration(slots: &[Slot], array: u64) -> Fact<Declaration> {
    let gil: Vec<&Slot> = slots.iter().filter(|slot| meaning(slot.id) == Some(Meaning::Gil)).collect();
    let evidence = |slot: &&Slot| Evidence::new("slot Py_mod_gil").address(slot.address).value(slot.value.to_string());
    match gil.as_slice() {
        [] => {
            let ids = ids(slots).iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            let seen = Evidence::new("slots without Py_mod_gil").address(array).value(ids);
            Fact::known(Declaration::Absent, vec![seen])
        }
        [slot] => Fact::known(Declaration::Slot { value: slot.value }, vec![evidence(slot)]),
        _ => Fact::Unknown {
            why: "it has more than one slot Py_mod_gil".to_owned(),
            evidence: gil.iter().map(evidence).collect(),
        },
    }
}

/// What the slots say of sub-interpreters: <https://docs.python.org/3/c-api/module.html#c.Py_mod_multiple_interpreters>
pub fn interpreters(slots: &[Slot], array: u64) -> Fact<Option<Interpreters>> {
    let mut stated = slots.iter().filter(|slot| meaning(slot.id) == Some(Meaning::Interpreters));
    let Some(slot) = stated.next() else {
        return Fact::known(None, vec![Evidence::new("slots without Py_mod_multiple_interpreters").address(array)]);
    };
    if stated.next().is_some() {
        return Fact::unknown("it has more than one slot Py_mod_multiple_interpreters");
    }
    let value = match slot.value {
        0 => Interpreters::NotSupported,
        1 => Interpreters::Supported,
        2 => Interpreters::PerInterpreterGil,
        other => Interpreters::Other(other),
    };
    Fact::known(
        Some(value),
        vec![Evidence::new("slot Py_mod_multiple_interpreters").address(slot.address).value(slot.value.to_string())],
    )
}

/// What `Py_mod_abi` says.
pub fn abi_info(memory: &impl Memory, slots: &[Slot]) -> Fact<Option<AbiInfo>> {
    let mut statements = slots.iter().filter(|slot| meaning(slot.id) == Some(Meaning::AbiInfo));
    let Some(slot) = statements.next() else { return Fact::known(None, Vec::new()) };
    if statements.next().is_some() {
        return Fact::unknown("it has more than one slot Py_mod_abi");
    }
    match read_abi_info(memory, slot.value) {
        Some(info) => {
            let seen = Evidence::new("slot Py_mod_abi").address(slot.address);
            Fact::known(Some(info), vec![seen, abi_info_evidence(slot.value, &info)])
        }
        None => Fact::unknown(format!("the PyABIInfo at {:#x} cannot be read", slot.value)),
    }
}

/// Reads a `PyABIInfo`: <https://docs.python.org/3.15/c-api/stable.html#c.PyABIInfo>
pub fn read_abi_info(memory: &impl Memory, address: u64) -> Option<AbiInfo> {
    if !memory.is_settled(address, 12) {
        return None;
    }
    let (major, minor) = (memory.byte(address)?, memory.byte(address.checked_add(1)?)?);
    let flags = memory.half(address.checked_add(2)?)?;
    let build_version = memory.word(address.checked_add(4)?)?;
    let abi_version = memory.word(address.checked_add(8)?)?;
    Some(AbiInfo { major, minor, flags, build_version, abi_version })
}

/// Evidence for a `PyABIInfo`.
pub fn abi_info_evidence(address: u64, info: &AbiInfo) -> Evidence {
    let AbiInfo { major, minor, flags, build_version, abi_version } = info;
    let value = format!("{major}.{minor} flags={flags:#x} build={build_version:#010x} abi={abi_version:#010x}");
    Evidence::new("PyABIInfo").address(address).value(value)
}
