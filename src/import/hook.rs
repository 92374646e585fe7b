//! Hooks that are none, and hooks as evidence.

use crate::model::evidence::Evidence;
use crate::model::facts::{Hook, HookKind, ImageFacts, ImageFormat};

/// Whether the hook is the empty one that Windows build tools demand of every file they link, so that no module can come
/// of it: it belongs to a library for `ctypes`.
///
/// True only when all of it was read and nothing of Python is used. Elsewhere no tool asks for such a hook, and a file
/// may look the C API up at run time.
/// <https://github.com/Legrandin/pycryptodome/blob/master/src/common.h>
pub(super) fn is_placeholder(image: &ImageFacts, hook: &Hook) -> bool {
    let no_imports = image.python_imports.value().is_some_and(Vec::is_empty);
    let no_library = image
        .libraries
        .value()
        .is_some_and(|libraries| !libraries.iter().any(|name| is_python(name)));
    let nothing_found = hook.facts.init.value().is_none() && hook.facts.gil.value().is_none();
    image.format == ImageFormat::Pe
        && hook.kind == HookKind::Init
        && no_imports
        && no_library
        && nothing_found
}

fn is_python(library: &str) -> bool {
    library.to_ascii_lowercase().starts_with("python")
}

/// The hook as evidence.
pub(super) fn evidence(hook: &Hook) -> Evidence {
    Evidence::new("import hook")
        .symbol(hook.symbol.clone())
        .address(hook.address)
}
