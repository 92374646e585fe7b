//! Reads the data of one compiled file: what it says of itself. It runs nothing, follows nothing and judges nothing.
//!
//! `image` gives one relocated view of ELF, Mach-O and PE files; everything else here is neutral of the format. `python`
//! finds the hooks and reads what the data says of each; `sweep` counts what all code shows. `crate::examine` puts this
//! and what following the hooks shows together.

pub mod image;
pub mod python;
pub mod sweep;
mod toolchain;
