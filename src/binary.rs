//! Reads one compiled file into facts: what it says of itself. It runs nothing and judges nothing.
//!
//! `image` gives one relocated view of ELF, Mach-O and PE files; everything else here is neutral of the format.

pub mod image;
pub mod machine;
