//! The C++ run time, where it is part of the image: `-static-libstdc++`, or a compiler that has no other.
//!
//! Names tell which of the image's functions belong to it: to define one's own with such a name is undefined, since C++
//! reserves names with two underscores, and the namespace `std` (<https://eel.is/c++draft/lex.name>,
//! <https://eel.is/c++draft/namespace.std>). They have the models of the functions of these names in other libraries.

use super::CallModel;
use crate::binary::image::BinaryImage;
use crate::evaluator::values::hash::FastMap;

/// Beginnings of the names that the run time's functions have, as linkers see them.
/// <https://itanium-cxx-abi.github.io/cxx-abi/abi.html>
const RESERVED: [&str; 4] = ["_Unwind_", "_ZNSt", "_ZSt", "__cxa_"];

/// Models of the functions of the run time that an image exports, by address.
pub(super) fn models(image: &BinaryImage) -> FastMap<u64, CallModel> {
    let mut models = FastMap::default();
    for reserved in RESERVED {
        let named = image.exports().range(reserved.to_owned()..);
        for (name, &address) in named.take_while(|(name, _)| name.starts_with(reserved)) {
            models.extend(CallModel::of(name).map(|model| (address, model)));
        }
    }
    models
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::image::images;
    use crate::evaluator::externals::SystemCall;

    #[test]
    fn functions_of_the_run_time_are_known_by_reserved_names() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fixtures/objects/built/runtime.so");
        let bytes = std::fs::read(path).unwrap();
        let images = images(&bytes).unwrap();
        let models = models(&images[0]);
        let of = |name: &str| models.get(&images[0].exports()[name]).copied();
        assert_eq!(
            of("__cxa_guard_acquire"),
            Some(CallModel::System(SystemCall::GuardAcquire))
        );
        assert_eq!(
            of("__cxa_guard_release"),
            Some(CallModel::System(SystemCall::GuardRelease))
        );
        // Anybody may define the others.
        let is_reserved = |name: &&String| RESERVED.iter().any(|start| name.starts_with(start));
        for (name, address) in images[0]
            .exports()
            .iter()
            .filter(|(name, _)| !is_reserved(name))
        {
            assert!(!models.contains_key(address), "{name}");
        }
    }
}
