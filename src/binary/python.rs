//! What an image says of itself as a Python extension module, whatever its format.
//!
//! Nothing here follows code. What the bytes do not settle without it, the evaluator may, and it may contradict.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::image::{Image, ImportKind};
use super::sweep::{Sweep, sweep};
use super::toolchain::{self, Marks};
use super::{Depth, HookFacts, evaluation};
use crate::model::evidence::Evidence;
use crate::model::facts::{Fact, Hook, ImageFacts};

mod abi;
mod baselines;
mod counting;
mod declaration;
mod definition;
mod hazards;
mod hooks;
mod layout;
mod library;
mod limited;
mod merge;
mod porting;
pub mod slots;
mod stable_abi;
mod tables;
mod writable;

/// What is known of an image before its hooks are looked at.
struct Survey<'image, 'data> {
    image: &'image Image<'data>,
    /// Imported names that belong to the C API.
    python_imports: BTreeSet<String>,
    objects: definition::StaticObjects,
    marks: Marks,
    /// What its code shows, as soon as something asks for it.
    code: OnceCell<Option<Sweep>>,
}

impl Survey<'_, '_> {
    fn imports(&self, name: &str) -> bool {
        self.python_imports.contains(name)
    }

    /// What its code shows; `None` for a machine whose instructions are not known.
    fn code(&self) -> Option<&Sweep> {
        self.code.get_or_init(|| sweep(self.image)).as_ref()
    }

    /// What its code shows, if something has asked for it.
    fn swept(&self) -> Option<&Sweep> {
        self.code.get().and_then(Option::as_ref)
    }
}

pub(super) use declaration::is_system_library;

/// Reads all facts of one image.
pub(super) fn facts(image: &Image<'_>, path: &str, depth: Depth) -> ImageFacts {
    let mut hooks = hooks::hooks(image, path);
    let python_imports = image.imports().iter().filter(|import| import.kind == ImportKind::Symbol);
    let survey = Survey {
        image,
        python_imports: python_imports.map(|import| import.name.clone()).filter(|name| is_python(name)).collect(),
        // Without hooks no interpreter imports it, and what its data holds does not matter.
        objects: if hooks.is_empty() { Default::default() } else { definition::static_objects(image) },
        marks: toolchain::marks(image),
        code: OnceCell::new(),
    };
    let toolchain = survey.marks.toolchain(image);
    let read: Vec<HookFacts> = hooks.iter().map(|hook| declaration::read(&survey, hook, &hooks)).collect();
    settle(&mut hooks, read);
    // What the data tells of the ABI says as which interpreter the hooks are followed.
    let abi = abi::abi(&survey, &hooks, toolchain.value());
    for hook in &mut hooks {
        let mut found = evaluation::follow(image, hook, path, &abi);
        let hand_over = found.hand_over.take();
        let create = found.create.or_else(|| declaration::create(&survey, hook));
        let mut merged = merge::merge(HookFacts::of(hook), found.into());
        merged.gil =
            evaluation::apply_create_slot(image, hook.kind, merged.gil, create, evaluation::context(path, &abi));
        settle(std::slice::from_mut(hook), vec![merged]);
        // Where the data tells, nobody else need be asked.
        hook.hand_over = hand_over.filter(|_| hook.gil.value().is_none());
    }
    if depth == Depth::Everything {
        survey.code();
    }
    let python_exports = image.exports().keys().filter(|name| is_python(name) && !hooks::is_hook(name)).cloned();
    let mut facts = ImageFacts {
        format: image.format,
        architecture: image.architecture.clone(),
        python_exports: Fact::known(python_exports.collect(), Vec::new()),
        libraries: Fact::known(image.libraries().to_vec(), Vec::new()),
        abi,
        refcounts: counting::refcounts(&survey.python_imports, survey.swept()),
        code: counting::code(image, survey.code.get()),
        limited_api: limited::limited_api(&survey, &hooks, toolchain.value()),
        hazards: Fact::known(hazards::hazards(&survey.python_imports, toolchain.value()), Vec::new()),
        porting: Fact::known(porting::porting(image, toolchain.value()), Vec::new()),
        writable_data: writable::writable_data(image),
        toolchain,
        hooks: Fact::known(hooks, Vec::new()),
        python_imports: Fact::known(survey.python_imports.into_iter().collect(), Vec::new()),
    };
    counting::place(&mut facts.hazards, survey.code.get().and_then(Option::as_ref));
    facts
}

/// Takes over what was found out about each hook.
fn settle(hooks: &mut [Hook], found: Vec<HookFacts>) {
    for (hook, found) in hooks.iter_mut().zip(found) {
        (hook.init, hook.gil, hook.abi_info, hook.slots) = (found.init, found.gil, found.abi_info, found.slots);
        hook.interpreters = found.interpreters;
    }
}

/// Whether a symbol's name looks like the C API's: `Py` or `_Py`, then a capital letter or `_`.
fn is_python(name: &str) -> bool {
    let rest = name.strip_prefix("Py").or_else(|| name.strip_prefix("_Py"));
    rest.is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase() || first == '_'))
}

fn imported(symbol: impl AsRef<str>) -> Evidence {
    Evidence::new("imported symbol").symbol(symbol.as_ref())
}

impl slots::Memory for Image<'_> {
    fn pointer_size(&self) -> usize {
        self.pointer_size
    }

    fn byte(&self, address: u64) -> Option<u8> {
        self.u8(address)
    }

    fn half(&self, address: u64) -> Option<u16> {
        self.u16(address)
    }

    fn word(&self, address: u64) -> Option<u32> {
        self.u32(address)
    }

    fn pointer(&self, address: u64) -> Option<u64> {
        Image::pointer(self, address)
    }

    fn is_address(&self, address: u64) -> bool {
        self.is_relocated(address)
    }

    fn is_settled(&self, address: u64, length: u64) -> bool {
        self.segment_at(address).is_some_and(|segment| {
            let end = (address - segment.address).checked_add(length);
            end.is_some_and(|end| end <= segment.bytes.len() as u64)
        })
    }
}
