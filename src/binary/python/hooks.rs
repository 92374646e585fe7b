//! The functions by which an interpreter could import a module: those that an image exports.

use crate::binary::image::BinaryImage;
use crate::cpython::init_function;
use crate::model::facts::{Hook, InitFacts};

/// Every hook that an image exports, by name, with nothing known about it yet but its name.
pub(super) fn hooks(image: &BinaryImage<'_>, path: &str) -> Vec<Hook> {
    let wanted = init_function::module_of_path(path).unwrap_or_default();
    let symbols = init_function::symbols(wanted);
    let found = image.exports().iter().filter_map(|(symbol, &address)| {
        let (kind, module) = init_function::parse(symbol)?;
        let matches_file_name = symbols.iter().any(|(_, name)| name == symbol);
        // The symbol does not tell `-` from `_`; the file's name does.
        let module = if matches_file_name {
            wanted.to_owned()
        } else {
            module
        };
        Some(Hook {
            symbol: symbol.clone(),
            kind,
            module,
            address,
            matches_file_name,
            facts: InitFacts::unknown("its code was not followed"),
        })
    });
    found.collect()
}
