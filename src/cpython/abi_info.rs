//! `PyABIInfo`, the record that `Py_mod_abi` points to: <https://docs.python.org/3.15/c-api/stable.html#c.PyABIInfo>

use super::memory::PartialMemory;
use crate::model::evidence::Evidence;
use crate::model::facts::AbiInfo;

/// Reads a record; `None` when not all of it is known.
pub fn read(memory: &impl PartialMemory, address: u64) -> Option<AbiInfo> {
    let field = |offset: u64, size| memory.number(address.checked_add(offset)?, size);
    Some(AbiInfo {
        major: field(0, 1)? as u8,
        minor: field(1, 1)? as u8,
        flags: field(2, 2)? as u16,
        build_version: field(4, 4)? as u32,
        abi_version: field(8, 4)? as u32,
    })
}

/// Evidence for a record.
pub fn evidence(address: u64, info: &AbiInfo) -> Evidence {
    let AbiInfo {
        major,
        minor,
        flags,
        build_version,
        abi_version,
    } = info;
    let value = format!(
        "{major}.{minor} flags={flags:#x} build={build_version:#010x} abi={abi_version:#010x}"
    );
    Evidence::new("PyABIInfo").address(address).value(value)
}
