//! Hooks that give back what a function of another library makes: that function is followed in the library's place.
//!
//! Who brings the library's bytes decides where it is looked for; here it is only known by the names that the file gives
//! it. Objects of the module that is made lie in the library, so the library's ABI counts where the file itself, often
//! a few instructions, has none.

use std::cell::OnceCell;

use super::image::{Image, ImageError, images};
use super::{BinaryError, HookFacts, evaluation, python};
use crate::evaluator::{EvaluationLimits, InitFunction, evaluate};
use crate::model::evidence::Evidence;
use crate::model::facts::{Abi, Fact, HandOver, Hook, ImageFacts, ModuleFacts};

/// Names of the libraries that may have the functions which a file's hooks hand over to, without folders, in the order in
/// which a loader would ask them.
pub fn libraries(facts: &ModuleFacts) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let hooks = facts.images.iter().flat_map(|image| image.hooks.value().into_iter().flatten());
    for library in hooks.filter_map(|hook| hook.hand_over.as_ref()).flat_map(|it| &it.libraries) {
        let name = file_name(library);
        if !name.is_empty() && !names.iter().any(|other| other == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The last component of a path of any system.
pub fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Whether a library belongs to the system or the interpreter, and so makes nobody's modules.
pub fn is_system_library(name: &str) -> bool {
    python::is_system_library(name)
}

/// Follows, in one of those libraries, the functions which the hooks of modules hand over to; hooks whose function it does
/// not have stay as they are.
pub fn follow(modules: &mut [&mut ModuleFacts], path: &str, bytes: &[u8]) -> Result<(), BinaryError> {
    let images = match images(bytes) {
        Ok(images) => images,
        Err(ImageError::NotAnObject) => return Ok(()),
        Err(source) => return Err(BinaryError::Image { path: path.to_owned(), source }),
    };
    let libraries: Vec<Library<'_, '_>> =
        images.iter().map(|image| Library { image, path, abi: OnceCell::new() }).collect();
    for module in modules {
        for known in &mut module.images {
            let fits =
                |it: &&Library<'_, '_>| it.image.format == known.format && it.image.architecture == known.architecture;
            if let Some(library) = libraries.iter().find(fits) {
                library.follow(known, &module.path);
            }
        }
    }
    Ok(())
}

/// One image of a library, to which several modules may hand over.
struct Library<'a, 'data> {
    image: &'a Image<'data>,
    path: &'a str,
    abi: OnceCell<Fact<Abi>>,
}

impl Library<'_, '_> {
    fn follow(&self, known: &mut ImageFacts, module_path: &str) {
        let Fact::Known { value: hooks, .. } = &mut known.hooks else { return };
        for hook in hooks {
            let Some(HandOver { symbol, libraries }) = &hook.hand_over else { continue };
            let is_named = libraries.iter().any(|name| file_name(name) == file_name(self.path));
            let Some(&address) = self.image.exports().get(symbol).filter(|_| is_named) else { continue };
            if known.abi.value().is_none() {
                let of_library = || python::facts(self.image, self.path, super::Depth::Verdict).abi;
                known.abi = self.abi.get_or_init(of_library).clone();
            }
            let init_function = InitFunction { address, kind: hook.kind, module: &hook.module };
            let what = format!("the hook hands over to a function of {}", self.path);
            let seen = Evidence::new(what).symbol(symbol).address(address);
            let context = evaluation::context(module_path, &known.abi);
            let mut found = evaluate(self.image, init_function, context, EvaluationLimits::default());
            found.gil = evaluation::apply_create_slot(self.image, hook.kind, found.gil, found.create, context);
            let about = format!("the hook hands over to {symbol} of {}, and there ", self.path);
            take(hook, found.into(), &about, &seen);
        }
    }
}

/// Takes over what the function does as what the hook does.
fn take(hook: &mut Hook, found: HookFacts, about: &str, seen: &Evidence) {
    hook.hand_over = None;
    hook.init = told(found.init, about, seen);
    hook.gil = told(found.gil, about, seen);
    hook.abi_info = told(found.abi_info, about, seen);
    hook.slots = told(found.slots, about, seen);
    hook.interpreters = told(found.interpreters, about, seen);
}

fn told<T>(fact: Fact<T>, about: &str, seen: &Evidence) -> Fact<T> {
    let with = |evidence: Vec<Evidence>| std::iter::once(seen.clone()).chain(evidence).collect();
    match fact {
        Fact::Known { value, evidence } => Fact::Known { value, evidence: with(evidence) },
        Fact::Unknown { why, evidence } => Fact::Unknown { why: format!("{about}{why}"), evidence: with(evidence) },
    }
}

/// Says of each hook that still hands over that nobody found the library.
pub fn give_up(facts: &mut ModuleFacts) {
    for image in &mut facts.images {
        let Fact::Known { value: hooks, .. } = &mut image.hooks else { continue };
        for hook in hooks {
            let Some(HandOver { symbol, libraries }) = &hook.hand_over else { continue };
            let library = match libraries.as_slice() {
                [library] => file_name(library).to_owned(),
                libraries => {
                    format!("one of {}", libraries.iter().map(|it| file_name(it)).collect::<Vec<_>>().join(", "))
                }
            };
            let why = format!("it is made by {symbol} of {library}, which was not found beside it");
            hook.gil = because(&why, &hook.gil);
            hook.init = because(&why, &hook.init);
            hook.abi_info = because(&why, &hook.abi_info);
            hook.slots = because(&why, &hook.slots);
        }
    }
}

fn because<T>(why: &str, fact: &Fact<T>) -> Fact<T> {
    Fact::Unknown { why: why.to_owned(), evidence: fact.evidence().to_vec() }
}
