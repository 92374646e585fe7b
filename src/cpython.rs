//! What is CPython's and not ours: facts about the interpreter that several rooms need, each in one place.
//!
//! Nothing here looks at a file's bytes or judges; it imports [`crate::model`] only.
//!
//! - [`file_name`]: the one grammar of extension modules' file names, and [`suffixes`]: which of them a target looks for
//! - [`platform`]: the platform in a file's name, compared with wheel tags
//! - [`init_function`]: the functions by which a module is imported, from a module's name and back
//! - `punycode`: the encoding of names that are not ASCII

pub mod file_name;
pub mod init_function;
pub mod platform;
mod punycode;
pub mod suffixes;
