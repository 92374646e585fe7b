//! Names that the C library exports. It is loaded before any extension module, and a dynamic linker on Linux asks what was
//! loaded first: a definition of such a name in a module, or in a library that a module brings, is not the one that counts.

use std::collections::HashSet;
use std::sync::OnceLock;

/// Longest name of the table.
const LONGEST: usize = 48;

/// Whether the C library exports a name.
pub fn exports(name: &[u8]) -> bool {
    static NAMES: OnceLock<HashSet<&'static [u8]>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let lines = include_str!("c_library.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        lines.map(str::as_bytes).collect()
    });
    // Names that C++ and Rust mangle are the most.
    name.len() <= LONGEST
        && !name.starts_with(b"_Z")
        && !name.starts_with(b"_R")
        && names.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_c_library_are_known() {
        for name in ["memcpy", "getpid", "fmod", "environ", "__errno_location"] {
            assert!(exports(name.as_bytes()), "{name}");
        }
        for name in [
            "mpfr_buildopt_tls_p",
            "zlibCompileFlags",
            "PyInit_x",
            "_ZSt4cout",
            "",
        ] {
            assert!(!exports(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn the_longest_name_is_as_long_as_it_says() {
        let lines = include_str!("c_library.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        assert!(lines.clone().count() > 2000 && lines.map(str::len).max() <= Some(LONGEST));
    }
}
