//! The C++ run time, where it is part of the image: `-static-libstdc++`, or a compiler that has no other.
//!
//! Names tell which of the image's functions belong to it: to define one's own with such a name is undefined, since C++
//! reserves names with two underscores, and the namespace `std` (<https://eel.is/c++draft/lex.name>,
//! <https://eel.is/c++draft/namespace.std>). They have the models of the functions of these names in other libraries.

use super::CallModel;
use crate::binary::image::Image;
use crate::evaluator::values::hash::FastMap;

/// Beginnings of the names that the run time's functions have, as linkers see them.
/// <https://itanium-cxx-abi.github.io/cxx-abi/abi.html>
const RESERVED: [&str; 4] = ["_Unwind_", "_ZNSt", "_ZSt", "__cxa_"];

/// Models of the functions of the run time that an image exports, by address.
pub(super) fn models(image: &Image) -> FastMap<u64, CallModel> {
    let mut models = FastMap::default();
    for reserved in RESERVED {
        let named = image.exports().range(reserved.to_owned()..);
        for (name, &address) in named.take_while(|(name, _)| name.starts_with(reserved)) {
            models.extend(CallModel::of(name).map(|model| (address, model)));
        }
    }
    models
}
