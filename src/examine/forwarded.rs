//! Hooks that give back what a function of another library makes: that function is followed in the library's place, as the
//! dynamic linker would.
//!
//! A library is only known by the names that the file gives it; whoever has the files that lie beside it decides where it
//! is looked for. Objects of the module that is made lie in the library, so the library's ABI counts where the file itself,
//! often a few instructions, has none.

use super::evaluation;
use super::siblings::{OpenedSibling, SiblingImage, SiblingLibraries, file_name};
use crate::binary::image::BinaryImage;
use crate::binary::python::is_system_library;
use crate::evaluator::{ForwardedInit, InitFunction, NoSiblings, evaluate};
use crate::model::evidence::Evidence;
use crate::model::facts::{Abi, Fact, Hook, InitFacts};

/// Most libraries of one module that are looked for because its hook is forwarded to one of them.
const MOST_LIBRARIES: usize = 16;

/// A hook that is forwarded.
pub(super) struct ForwardedHook<'a, 'data> {
    pub(super) image: &'a BinaryImage<'data>,
    /// The module's path.
    pub(super) path: &'a str,
    pub(super) hook: &'a Hook,
    /// Where to.
    pub(super) init: &'a ForwardedInit,
}

/// What the function does as what the hook does, looked for in the order in which a loader would ask; or why it is not
/// known. The ABI becomes the library's where the file has none.
pub(super) fn follow(
    module: &ForwardedHook<'_, '_>,
    abi: &mut Fact<Abi>,
    siblings: &SiblingLibraries<'_>,
) -> Result<InitFacts, String> {
    for name in libraries(module.init).into_iter().take(MOST_LIBRARIES) {
        let found = siblings.with(name, |sibling| match sibling {
            // A loader asks it before those that follow, and it may have the function.
            OpenedSibling::Missing if is_system_library(name) => None,
            OpenedSibling::Missing | OpenedSibling::Unreadable => Some(Err(())),
            OpenedSibling::Library(images) => {
                let fits = |it: &&SiblingImage<'_>| {
                    it.image.format == module.image.format
                        && it.image.architecture == module.image.architecture
                };
                images
                    .iter()
                    .find(fits)
                    .and_then(|library| follow_in(library, module, abi, siblings))
                    .map(Ok)
            }
        });
        match found {
            Some(Ok(facts)) => return Ok(facts),
            Some(Err(())) => break,
            None => {}
        }
    }
    Err(why(module.init))
}

/// Names of the libraries that may have the function, without folders, each once.
fn libraries(init: &ForwardedInit) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for library in &init.libraries {
        let name = file_name(library);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn follow_in(
    library: &SiblingImage<'_>,
    module: &ForwardedHook<'_, '_>,
    abi: &mut Fact<Abi>,
    siblings: &SiblingLibraries<'_>,
) -> Option<InitFacts> {
    let symbol = &module.init.symbol;
    let &address = library.image.exports().get(symbol)?;
    if abi.value().is_none() {
        *abi = library.abi().clone();
    }
    let hook = module.hook;
    let init_function = InitFunction {
        address,
        kind: hook.kind,
        module: &hook.module,
        create: None,
    };
    let interpreter = evaluation::interpreter(module.path, abi);
    let found = evaluate(
        &library.image,
        init_function,
        interpreter,
        siblings.limits(),
        &NoSiblings,
    );
    siblings.note_effort(&found);
    let what = format!("the hook hands over to a function of {}", library.path);
    let seen = Evidence::new(what).symbol(symbol).address(address);
    let about = format!(
        "the hook hands over to {symbol} of {}, and there ",
        library.path
    );
    Some(InitFacts {
        init: told(found.facts.init, &about, &seen),
        gil: told(found.facts.gil, &about, &seen),
        abi_info: told(found.facts.abi_info, &about, &seen),
        slots: told(found.facts.slots, &about, &seen),
        interpreters: told(found.facts.interpreters, &about, &seen),
    })
}

fn told<T>(fact: Fact<T>, about: &str, seen: &Evidence) -> Fact<T> {
    let with = |evidence: Vec<Evidence>| std::iter::once(seen.clone()).chain(evidence).collect();
    match fact {
        Fact::Known { value, evidence } => Fact::Known {
            value,
            evidence: with(evidence),
        },
        Fact::Unknown { why, evidence } => Fact::Unknown {
            why: format!("{about}{why}"),
            evidence: with(evidence),
        },
    }
}

/// Why nothing is known of a hook whose library was not found.
fn why(init: &ForwardedInit) -> String {
    let library = match init.libraries.as_slice() {
        [library] => file_name(library).to_owned(),
        libraries => format!(
            "one of {}",
            libraries
                .iter()
                .map(|it| file_name(it))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    };
    format!(
        "it is made by {} of {library}, which was not found beside it",
        init.symbol
    )
}

/// Says of a hook that nobody found its library.
pub(super) fn not_found(facts: &mut InitFacts, why: &str) {
    facts.gil = because(why, &facts.gil);
    facts.init = because(why, &facts.init);
    facts.abi_info = because(why, &facts.abi_info);
    facts.slots = because(why, &facts.slots);
}

fn because<T>(why: &str, fact: &Fact<T>) -> Fact<T> {
    Fact::Unknown {
        why: why.to_owned(),
        evidence: fact.evidence().to_vec(),
    }
}
