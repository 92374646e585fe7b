//! Which of a file's hooks the interpreter calls.

use crate::model::evidence::Evidence;
use crate::model::facts::{Format, Hook, HookKind, ImageFacts};
use crate::model::target::Python;

/// The first minor version that looks for `PyModExport_…`, and for it before `PyInit_…`.
/// <https://peps.python.org/pep-0793/>
pub(super) const FIRST_WITH_EXPORT_HOOKS: u8 = 15;

/// The hook that this interpreter calls for the file's name, if the file has it.
pub(super) fn called<'a>(hooks: &'a [Hook], module: &str, python: Python) -> Option<&'a Hook> {
    let last = module.rsplit('.').next().unwrap_or(module);
    let find = |kind: HookKind| {
        let mut matching = hooks.iter().filter(|hook| hook.kind == kind && hook.matches_file_name);
        // A package's `__init__` may export a hook under either name; the import system asks for the package's.
        let first = matching.clone().next();
        matching.find(|hook| hook.module == last).or(first)
    };
    let export = if python.minor >= FIRST_WITH_EXPORT_HOOKS { find(HookKind::Export) } else { None };
    export.or_else(|| find(HookKind::Init))
}

/// Whether the hook is the empty one that Windows build tools demand of every file they link, so that no module can come
/// of it: it belongs to a library for `ctypes`.
///
/// True only when all of it was read and nothing of Python is used. Elsewhere no tool asks for such a hook, and a file
/// may look the C API up at run time.
/// <https://github.com/Legrandin/pycryptodome/blob/master/src/common.h>
pub(super) fn is_placeholder(image: &ImageFacts, hook: &Hook) -> bool {
    let no_imports = image.python_imports.value().is_some_and(Vec::is_empty);
    let no_library = image.libraries.value().is_some_and(|libraries| !libraries.iter().any(|name| is_python(name)));
    let nothing_found = hook.facts.init.value().is_none() && hook.facts.gil.value().is_none();
    image.format == Format::Pe && hook.kind == HookKind::Init && no_imports && no_library && nothing_found
}

fn is_python(library: &str) -> bool {
    library.to_ascii_lowercase().starts_with("python")
}

/// The hook as evidence.
pub(super) fn evidence(hook: &Hook) -> Evidence {
    Evidence::new("import hook").symbol(hook.symbol.clone()).address(hook.address)
}
