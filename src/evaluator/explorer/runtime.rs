//! The C++ run time, where it is part of the image: `-static-libstdc++`, or a compiler that has no other.
//!
//! Names tell which of the image's functions belong to it: to define one's own with such a name is undefined, since C++
//! reserves names with two underscores, and the namespace `std` (<https://eel.is/c++draft/lex.name>,
//! <https://eel.is/c++draft/namespace.std>). They have the models of the functions of these names in other libraries.

use super::{Executor, Map};
use crate::evaluator::externals::{self, CallModel};

/// Beginnings of the names that the run time's functions have, as linkers see them.
/// <https://itanium-cxx-abi.github.io/cxx-abi/abi.html>
const RESERVED: [&str; 4] = ["_Unwind_", "_ZNSt", "_ZSt", "__cxa_"];

impl Executor<'_, '_> {
    /// The model of a function of the image that is the C++ run time's.
    pub(in crate::evaluator) fn runtime_model(&mut self, address: u64) -> Option<CallModel> {
        let image = self.image;
        let known = self.runtime.get_or_insert_with(|| {
            let mut known = Map::default();
            for reserved in RESERVED {
                let named = image.exports().range(reserved.to_owned()..);
                for (name, &address) in named.take_while(|(name, _)| name.starts_with(reserved)) {
                    if let Some(model) = externals::model(name) {
                        known.insert(address, model);
                    }
                }
            }
            known
        });
        known.get(&address).copied()
    }
}
