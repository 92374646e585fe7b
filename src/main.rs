//! The command: everything is in the library and in `cli`.

fn main() {}
