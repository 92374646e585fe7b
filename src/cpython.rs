//! What is CPython's and not ours: facts about the interpreter that several rooms need, each in one place.
//!
//! Nothing here looks at a file's format or judges; it imports [`crate::model`] only.
//!
//! - [`slots`]: ids of slots in both numberings, and the one decoder of slot arrays
//! - [`layouts`]: where things are in static objects, and the headers that tell the builds apart
//! - [`abi_info`]: the record that `Py_mod_abi` points to
//! - [`functions`]: the table of the C API: what calls give back and do, what care they want, since when they are stable
//! - [`memory`]: what these are read from

pub mod abi_info;
pub mod functions;
pub mod layouts;
pub mod memory;
pub mod slots;
