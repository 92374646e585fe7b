//! Libraries that lie beside a file: who opens the file knows where a loader would find them.
//!
//! A function of such a library is followed with nothing known of its arguments and of the library's variables. What it
//! does to memory is what any call without a model may do; only a number that it returns on every path is believed.

use crate::binary::image::{BinaryImage, ImportedSymbol};

/// What binds imports of a file to the functions of libraries beside it.
pub trait ImportResolver {
    /// Shows the library that a loader binds the import to, and the address of the definition there, when both are
    /// certain.
    fn define(&self, import: &ImportedSymbol, see: &mut dyn FnMut(&BinaryImage<'_>, u64));
}

/// Of a file whose libraries are not there.
#[derive(Clone, Copy, Debug)]
pub struct NoSiblings;

impl ImportResolver for NoSiblings {
    fn define(&self, _: &ImportedSymbol, _: &mut dyn FnMut(&BinaryImage<'_>, u64)) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::image::ImportKind;

    #[test]
    fn who_has_no_siblings_shows_nothing() {
        let (name, library) = ("f".to_owned(), Some("libf.so".to_owned()));
        let import = ImportedSymbol {
            name,
            library,
            kind: ImportKind::Symbol,
            weak: false,
            address: 0,
        };
        NoSiblings.define(&import, &mut |_, _| panic!("there is none"));
    }
}
