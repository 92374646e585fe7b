//! Arrays of slots, and what they say of the module: the one decoder, for data of a file and for memory of a path.
//!
//! `PyModuleDef_Slot` is an `int` and a pointer; `PySlot` (3.15) has 16 bits of id, flags, and a union at offset 8. Both
//! numberings, the one up to 3.14 and the one of 3.15, are in use and never overlap.
//! <https://docs.python.org/3.15/c-api/slots.html>, PEP 793, PEP 820.

use super::abi_info;
use super::memory::PartialMemory;
use crate::model::evidence::Evidence;
use crate::model::facts::{AbiInfo, Fact, GilDeclaration, Interpreters};

/// Most slots of all arrays together.
const MOST_SLOTS: usize = 128;
/// How deep arrays may nest: CPython allows five levels.
const DEEPEST: usize = 5;

/// The highest id of CPython 3.15.
pub const HIGHEST_ID: u32 = 110;

/// How the records of an array are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotRecord {
    /// `PyModuleDef_Slot`
    Definition,
    /// `PySlot`
    Unified,
}

impl SlotRecord {
    /// Size of a record; `PySlot` is as large on 32 bits as on 64.
    pub fn size(self, pointer_size: u64) -> u64 {
        if self == SlotRecord::Unified || pointer_size == 8 {
            16
        } else {
            8
        }
    }

    /// Where the value is in it.
    fn value_offset(self, pointer_size: u64) -> u64 {
        match self {
            SlotRecord::Definition => pointer_size,
            SlotRecord::Unified => 8,
        }
    }

    /// Size of the id.
    fn id_size(self) -> u64 {
        match self {
            SlotRecord::Definition => 4,
            SlotRecord::Unified => 2,
        }
    }
}

/// What slots mean, in both numberings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotMeaning {
    /// `Py_mod_create`
    Create,
    /// `Py_mod_exec`
    Exec,
    /// `Py_mod_multiple_interpreters`
    Interpreters,
    /// `Py_mod_gil`
    Gil,
    /// `Py_slot_subslots`, `Py_mod_slots`: another array.
    Nested(SlotRecord),
    /// `Py_mod_name`
    Name,
    /// A number, or something that does not matter here.
    Other,
    /// `Py_mod_abi`
    AbiInfo,
}

impl SlotMeaning {
    /// The meaning of an id in a module's slots; `None` when no version has it there.
    pub fn of(id: u32) -> Option<SlotMeaning> {
        match id {
            1 | 84 => Some(SlotMeaning::Create),
            2 | 85 => Some(SlotMeaning::Exec),
            3 | 86 => Some(SlotMeaning::Interpreters),
            4 | 87 => Some(SlotMeaning::Gil),
            92 => Some(SlotMeaning::Nested(SlotRecord::Unified)),
            94 => Some(SlotMeaning::Nested(SlotRecord::Definition)),
            100 => Some(SlotMeaning::Name),
            101..=106 | 110 => Some(SlotMeaning::Other),
            109 => Some(SlotMeaning::AbiInfo),
            _ => None,
        }
    }

    /// Whether the value is an address, or else a number; `None` where it may be either.
    pub fn holds_address(self) -> Option<bool> {
        match self {
            SlotMeaning::Create
            | SlotMeaning::Exec
            | SlotMeaning::AbiInfo
            | SlotMeaning::Nested(_) => Some(true),
            SlotMeaning::Interpreters | SlotMeaning::Gil => Some(false),
            SlotMeaning::Name | SlotMeaning::Other => None,
        }
    }
}

/// One slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleSlot {
    /// As stored.
    pub id: u32,
    /// The pointer or number that it holds, where it is known.
    pub value: Option<u64>,
    /// Where the record begins.
    pub address: u64,
    /// Where the value is.
    pub value_address: u64,
}

impl ModuleSlot {
    fn means(&self, meaning: SlotMeaning) -> bool {
        SlotMeaning::of(self.id) == Some(meaning)
    }
}

/// Reads an array up to its end, with the arrays nested in it.
pub fn read(
    memory: &impl PartialMemory,
    array: u64,
    record: SlotRecord,
) -> Result<Vec<ModuleSlot>, String> {
    let mut slots = Vec::new();
    read_nested(memory, array, record, 1, &mut slots)?;
    Ok(slots)
}

fn read_nested(
    memory: &impl PartialMemory,
    array: u64,
    record: SlotRecord,
    depth: usize,
    slots: &mut Vec<ModuleSlot>,
) -> Result<(), String> {
    if depth > DEEPEST {
        return Err(format!("its slots are nested deeper than {DEEPEST} levels"));
    }
    let (size, value_offset) = (
        record.size(memory.pointer_size()),
        record.value_offset(memory.pointer_size()),
    );
    let mut address = array;
    while slots.len() < MOST_SLOTS {
        let id = memory.number(address, record.id_size());
        let id = id.ok_or_else(|| format!("the slot id at {address:#x} is not known"))? as u32;
        if id == 0 {
            return Ok(());
        }
        let value_address = address.wrapping_add(value_offset);
        let value = memory.pointer(value_address);
        slots.push(ModuleSlot {
            id,
            value,
            address,
            value_address,
        });
        if let Some(SlotMeaning::Nested(record)) = SlotMeaning::of(id) {
            match value {
                Some(0) => {}
                Some(nested) => read_nested(memory, nested, record, depth + 1, slots)?,
                None => {
                    return Err(format!(
                        "the array of slots in the slot at {address:#x} is not known"
                    ));
                }
            }
        }
        address = address.wrapping_add(size);
    }
    Err(format!(
        "its slots at {array:#x} have no end within {MOST_SLOTS}"
    ))
}

/// The ids, in order.
pub fn ids(slots: &[ModuleSlot]) -> Vec<u32> {
    slots.iter().map(|slot| slot.id).collect()
}

fn with_meaning(slots: &[ModuleSlot], meaning: SlotMeaning) -> Vec<&ModuleSlot> {
    slots.iter().filter(|slot| slot.means(meaning)).collect()
}

/// What the slots say of the GIL. Two statements are refused by the interpreter, whatever they say.
pub fn declaration(slots: &[ModuleSlot], array: u64) -> Fact<GilDeclaration> {
    let gil = with_meaning(slots, SlotMeaning::Gil);
    let evidence = |slot: &&ModuleSlot| valued("slot Py_mod_gil", slot);
    let seen = || gil.iter().map(evidence).collect();
    match gil.as_slice() {
        [] => {
            let ids = ids(slots)
                .iter()
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join(", ");
            let seen = Evidence::new("slots without Py_mod_gil")
                .address(array)
                .value(ids);
            Fact::known(GilDeclaration::Absent, vec![seen])
        }
        [
            ModuleSlot {
                value: Some(value), ..
            },
        ] => Fact::known(GilDeclaration::Slot { value: *value }, seen()),
        [slot] => {
            let why = format!(
                "the value of the slot Py_mod_gil at {:#x} is not known",
                slot.address
            );
            Fact::Unknown {
                why,
                evidence: seen(),
            }
        }
        _ => Fact::Unknown {
            why: "it has more than one slot Py_mod_gil".to_owned(),
            evidence: seen(),
        },
    }
}

fn valued(what: &str, slot: &ModuleSlot) -> Evidence {
    let value = slot
        .value
        .map_or_else(|| "unknown".to_owned(), |value| value.to_string());
    Evidence::new(what).address(slot.address).value(value)
}

/// What the slots say of sub-interpreters: <https://docs.python.org/3/c-api/module.html#c.Py_mod_multiple_interpreters>
pub fn interpreters(slots: &[ModuleSlot], array: u64) -> Fact<Option<Interpreters>> {
    match with_meaning(slots, SlotMeaning::Interpreters).as_slice() {
        [] => Fact::known(
            None,
            vec![Evidence::new("slots without Py_mod_multiple_interpreters").address(array)],
        ),
        [
            slot @ ModuleSlot {
                value: Some(value), ..
            },
        ] => {
            let value = match value {
                0 => Interpreters::NotSupported,
                1 => Interpreters::Supported,
                2 => Interpreters::PerInterpreterGil,
                other => Interpreters::Other(*other),
            };
            Fact::known(
                Some(value),
                vec![valued("slot Py_mod_multiple_interpreters", slot)],
            )
        }
        [slot] => {
            let place = slot.address;
            Fact::unknown(format!(
                "the value of the slot Py_mod_multiple_interpreters at {place:#x} is not known"
            ))
        }
        _ => Fact::unknown("it has more than one slot Py_mod_multiple_interpreters"),
    }
}

/// What `Py_mod_abi` says.
pub fn abi_info(memory: &impl PartialMemory, slots: &[ModuleSlot]) -> Fact<Option<AbiInfo>> {
    let slot = match with_meaning(slots, SlotMeaning::AbiInfo).as_slice() {
        [] => return Fact::known(None, Vec::new()),
        [slot] => *slot,
        _ => return Fact::unknown("it has more than one slot Py_mod_abi"),
    };
    match slot
        .value
        .and_then(|address| Some((address, abi_info::read(memory, address)?)))
    {
        Some((address, info)) => {
            let seen = Evidence::new("slot Py_mod_abi").address(slot.address);
            Fact::known(Some(info), vec![seen, abi_info::evidence(address, &info)])
        }
        None => Fact::unknown(format!(
            "the PyABIInfo of the slot at {:#x} cannot be read",
            slot.address
        )),
    }
}

/// The function in `Py_mod_create`, when there is one; or why it is not known.
pub fn create(slots: &[ModuleSlot]) -> Result<Option<u64>, String> {
    match with_meaning(slots, SlotMeaning::Create).last() {
        None => Ok(None),
        Some(slot) => match slot.value {
            Some(function) => Ok(Some(function).filter(|&function| function != 0)),
            None => Err(format!(
                "the function of the slot Py_mod_create at {:#x} is not known",
                slot.address
            )),
        },
    }
}

/// The name in `Py_mod_name`, where it can be read.
pub fn name(memory: &impl PartialMemory, slots: &[ModuleSlot]) -> Option<String> {
    let slot = with_meaning(slots, SlotMeaning::Name).pop()?;
    memory.text(slot.value.filter(|&start| start != 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes from an address on; those of value 0xee are not known.
    struct Bytes(u64, Vec<u8>);

    impl PartialMemory for Bytes {
        fn pointer_size(&self) -> u64 {
            8
        }

        fn number(&self, address: u64, size: u64) -> Option<u64> {
            let start = usize::try_from(address.checked_sub(self.0)?).ok()?;
            let bytes = self.1.get(start..start + size as usize)?;
            let number = bytes
                .iter()
                .rev()
                .fold(0, |number, byte| number << 8 | u64::from(*byte));
            (!bytes.contains(&0xee)).then_some(number)
        }
    }

    const UNKNOWN: u64 = 0xeeee_eeee_eeee_eeee;

    fn array(records: &[(u64, u64)]) -> Bytes {
        let words = records.iter().flat_map(|&(id, value)| [id, value]);
        Bytes(0x1000, words.flat_map(u64::to_le_bytes).collect())
    }

    fn check(records: &[(u64, u64)], record: SlotRecord, expected: Result<&[u32], &str>) {
        let found = read(&array(records), 0x1000, record).map(|slots| ids(&slots));
        assert_eq!(
            found.as_deref().map_err(String::as_str),
            expected,
            "{records:x?}"
        );
    }

    #[test]
    fn arrays_are_read_to_their_end() {
        use SlotRecord::{Definition, Unified};
        check(&[(2, 0x5000), (4, 1), (0, 0)], Definition, Ok(&[2, 4]));
        // What follows the id of a PySlot are flags, and may be anything.
        check(
            &[(0xeeee_0057, 1), (0x4_0055, 0x5000), (0, 0)],
            Unified,
            Ok(&[87, 85]),
        );
        // In a definition's slot the id has four bytes.
        check(&[(0x4_0004, 1), (0, 0)], Definition, Ok(&[0x4_0004]));
        check(
            &[(92, 0x1020), (0, 0), (87, 1), (0, 0)],
            Definition,
            Ok(&[92, 87]),
        );
        check(&[(94, 0), (0, 0)], Unified, Ok(&[94]));
        check(
            &[(UNKNOWN, 1)],
            Definition,
            Err("the slot id at 0x1000 is not known"),
        );
        check(
            &[(92, UNKNOWN), (0, 0)],
            Unified,
            Err("the array of slots in the slot at 0x1000 is not known"),
        );
        check(
            &[(92, 0x1000)],
            Unified,
            Err("its slots are nested deeper than 5 levels"),
        );
        check(
            &[(4, 1); 129],
            Definition,
            Err("its slots at 0x1000 have no end within 128"),
        );
    }

    #[test]
    fn slots_say_what_they_hold() {
        let said = |records: &[(u64, u64)]| {
            let memory = array(records);
            let slots = read(&memory, 0x1000, SlotRecord::Definition).unwrap();
            let gil = declaration(&slots, 0x1000).value().cloned();
            (
                gil,
                interpreters(&slots, 0x1000).value().copied(),
                create(&slots),
            )
        };
        let slot = |value| Some(GilDeclaration::Slot { value });
        let two = Some(Some(Interpreters::PerInterpreterGil));
        assert_eq!(
            said(&[(4, 1), (3, 2), (1, 0x5000), (0, 0)]),
            (slot(1), two, Ok(Some(0x5000)))
        );
        assert_eq!(
            said(&[(87, 0), (86, 2), (84, 0), (0, 0)]),
            (slot(0), two, Ok(None))
        );
        assert_eq!(
            said(&[(2, 0x5000), (0, 0)]),
            (Some(GilDeclaration::Absent), Some(None), Ok(None))
        );
        assert_eq!(
            said(&[(4, UNKNOWN), (3, UNKNOWN), (0, 0)]),
            (None, None, Ok(None))
        );
        assert_eq!(
            said(&[(4, 1), (87, 1), (3, 1), (86, 1), (0, 0)]),
            (None, None, Ok(None))
        );
        let unknown = said(&[(1, UNKNOWN), (0, 0)]).2;
        assert_eq!(
            unknown,
            Err("the function of the slot Py_mod_create at 0x1000 is not known".to_owned())
        );
    }

    #[test]
    fn the_record_of_the_abi_is_read() {
        let info = 0x0304_0001_u64 << 32 | 0x0006_0001;
        let memory = array(&[(109, 0x1020), (0, 0), (info, 0xee), (0, 0)]);
        let slots = read(&memory, 0x1000, SlotRecord::Definition).unwrap();
        assert_eq!(
            abi_info(&memory, &slots).value(),
            None,
            "not all of it is known"
        );
        let memory = array(&[(109, 0x1020), (0, 0), (info, 0x030f_0000), (0, 0)]);
        let expected = AbiInfo {
            major: 1,
            minor: 0,
            flags: 6,
            build_version: 0x0304_0001,
            abi_version: 0x030f_0000,
        };
        assert_eq!(abi_info(&memory, &slots).value(), Some(&Some(expected)));
    }
}
