//! What is CPython's and not ours: facts about the interpreter that several rooms need, each in one place.
//!
//! Nothing here looks at a file's format or judges; it imports [`crate::model`] only.
//!
//! - [`file_name`]: the one grammar of extension modules' file names, and [`suffixes`]: which of them a target looks for
//! - [`platform`]: the platform in a file's name, compared with wheel tags
//! - [`init_function`]: the functions by which a module is imported, from a module's name and back
//! - `punycode`: the encoding of names that are not ASCII
//! - [`slots`]: ids of slots in both numberings, and the one decoder of slot arrays
//! - [`layouts`]: where things are in static objects, and the headers that tell the builds apart
//! - [`abi_info`]: the record that `Py_mod_abi` points to
//! - [`memory`]: what slots, layouts and records are read from
//! - [`functions`]: the table of the C API: what calls give back and do, what care they want, since when they are stable

pub mod abi_info;
pub mod file_name;
pub mod functions;
pub mod init_function;
pub mod layouts;
pub mod memory;
pub mod platform;
mod punycode;
pub mod slots;
pub mod suffixes;
