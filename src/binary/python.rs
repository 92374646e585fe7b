//! What an image says of itself as a Python extension module, whatever its format.
//!
//! Nothing here follows code. What the bytes do not settle without it, the evaluator may, and it may contradict. So a
//! [`StaticReading`] is not yet an answer: [`StaticReading::into_facts`] wants what is known of the hooks in the end.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use super::image::{BinaryImage, ImportKind};
use super::sweep::{CodeSweep, sweep};
use super::toolchain::{self, GeneratorMarks};
use crate::cpython::init_function;
use crate::cpython::memory::PartialMemory;
use crate::model::evidence::Evidence;
use crate::model::facts::{Abi, Fact, Hook, ImageFacts, Toolchain};

mod abi;
mod baselines;
mod counting;
mod declaration;
mod definition;
mod hazards;
mod hooks;
mod library;
mod limited;
mod porting;
mod stable_abi;
mod tables;
mod writable;

/// What is known of an image before its hooks are looked at.
struct ImageContext<'image, 'data> {
    image: &'image BinaryImage<'data>,
    /// Imported names that belong to the C API.
    python_imports: BTreeSet<String>,
    objects: definition::StaticObjects,
    marks: GeneratorMarks,
    /// What its code shows, as soon as something asks for it.
    code: OnceCell<Option<CodeSweep>>,
}

impl ImageContext<'_, '_> {
    fn imports(&self, name: &str) -> bool {
        self.python_imports.contains(name)
    }

    /// What its code shows; `None` for a machine whose instructions are not known.
    fn code(&self) -> Option<&CodeSweep> {
        self.code.get_or_init(|| sweep(self.image)).as_ref()
    }

    /// What its code shows, if something has asked for it.
    fn swept(&self) -> Option<&CodeSweep> {
        self.code.get().and_then(Option::as_ref)
    }
}

pub use declaration::{StaticDeclaration, StaticInit, is_system_library};

/// What the data of an image says, before anybody has followed its code.
pub struct StaticReading<'image, 'data> {
    context: ImageContext<'image, 'data>,
    toolchain: Fact<Toolchain>,
    /// What is known of the hooks so far: their names, and nothing that the data alone could not settle.
    hooks: Vec<Hook>,
    inits: Vec<StaticInit>,
    /// Which interpreters' memory layout it was compiled for.
    pub abi: Fact<Abi>,
}

/// Reads the data of one image.
pub fn read<'image, 'data>(
    image: &'image BinaryImage<'data>,
    path: &str,
) -> StaticReading<'image, 'data> {
    let mut hooks = hooks::hooks(image, path);
    let python_imports = image
        .imports()
        .iter()
        .filter(|import| import.kind == ImportKind::Symbol);
    let context = ImageContext {
        image,
        python_imports: python_imports
            .map(|import| import.name.clone())
            .filter(|name| is_python(name))
            .collect(),
        // Without hooks no interpreter imports it, and what its data holds does not matter.
        objects: if hooks.is_empty() {
            Default::default()
        } else {
            definition::static_objects(image)
        },
        marks: toolchain::marks(image),
        code: OnceCell::new(),
    };
    let toolchain = context.marks.toolchain(image);
    let inits: Vec<StaticInit> = hooks
        .iter()
        .map(|hook| declaration::read(&context, hook, &hooks))
        .collect();
    for (hook, init) in hooks.iter_mut().zip(&inits) {
        (hook.facts.abi_info, hook.facts.slots) = (init.abi_info.clone(), init.slots.clone());
    }
    let abi = abi::abi(&context, &hooks, toolchain.value());
    StaticReading {
        context,
        toolchain,
        hooks,
        inits,
        abi,
    }
}

impl StaticReading<'_, '_> {
    /// The hooks, each with what the data says of it.
    pub fn hooks(&self) -> Vec<(Hook, StaticInit)> {
        self.hooks
            .iter()
            .cloned()
            .zip(self.inits.iter().cloned())
            .collect()
    }

    /// Reads all code, too.
    pub fn sweep(&self) {
        self.context.code();
    }

    /// All facts of the image, given what is known of its hooks in the end.
    pub fn into_facts(self, hooks: Vec<Hook>) -> ImageFacts {
        let StaticReading {
            context,
            toolchain,
            abi,
            ..
        } = self;
        let image = context.image;
        let is_ours = |name: &&String| is_python(name) && !init_function::is_init_function(name);
        let python_exports = image.exports().keys().filter(is_ours).cloned();
        let mut facts = ImageFacts {
            format: image.format,
            architecture: image.architecture.clone(),
            python_exports: Fact::known(python_exports.collect(), Vec::new()),
            libraries: Fact::known(image.libraries().to_vec(), Vec::new()),
            abi,
            refcounts: counting::refcounts(&context.python_imports, context.swept()),
            code: counting::code(image, context.code.get()),
            limited_api: limited::limited_api(&context, &hooks, toolchain.value()),
            hazards: Fact::known(
                hazards::hazards(&context.python_imports, toolchain.value()),
                Vec::new(),
            ),
            porting: Fact::known(porting::porting(image, toolchain.value()), Vec::new()),
            writable_data: writable::writable_data(image),
            toolchain,
            hooks: Fact::known(hooks, Vec::new()),
            python_imports: Fact::known(context.python_imports.into_iter().collect(), Vec::new()),
        };
        counting::place(
            &mut facts.hazards,
            context.code.get().and_then(Option::as_ref),
        );
        facts
    }
}

/// Whether a symbol's name looks like the C API's: `Py` or `_Py`, then a capital letter or `_`.
pub fn is_python(name: &str) -> bool {
    let rest = name.strip_prefix("Py").or_else(|| name.strip_prefix("_Py"));
    rest.is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
    })
}

fn imported(symbol: impl AsRef<str>) -> Evidence {
    Evidence::new("imported symbol").symbol(symbol.as_ref())
}

impl PartialMemory for BinaryImage<'_> {
    fn pointer_size(&self) -> u64 {
        self.pointer_size as u64
    }

    /// Memory that starts as zero is filled while the program runs, if it is writable: what the interpreter will see there
    /// is not known.
    fn number(&self, address: u64, size: u64) -> Option<u64> {
        let segment = self.segment_at(address)?;
        let end = (address - segment.address).checked_add(size)?;
        if end > segment.bytes.len() as u64 {
            return None;
        }
        match size {
            1 => self.u8(address).map(u64::from),
            2 => self.u16(address).map(u64::from),
            4 => self.u32(address).map(u64::from),
            _ => self.u64(address),
        }
    }
}
