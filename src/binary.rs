//! Reads one compiled file into facts: what it says of itself. It runs nothing and judges nothing.
//!
//! `image` gives one relocated view of ELF, Mach-O and PE files; everything else here is neutral of the format. `python`
//! finds the hooks and reads what the data says of each, and the evaluator follows their code. What both find is merged, and
//! where they contradict each other, the fact is unknown. `sweep` counts what all code shows.

use image::ImageError;

use crate::model::facts::{AbiInfo, Declaration, Fact, Hook, InitKind, Interpreters, ModuleFacts};
use crate::model::inspection::Explanation;

mod evaluation;
pub mod hand_over;
pub mod image;
pub mod python;
pub mod sweep;
mod toolchain;

/// Why a compiled file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BinaryError {
    /// It is an image of some format, but damaged, or beyond the limits.
    #[error("{path}: {source}")]
    Image {
        /// The file, as given.
        path: String,
        /// What is wrong with it.
        source: ImageError,
    },
}

/// Follows the hooks that the file's name asks for, and tells how; empty for a file that cannot be read.
pub fn explain(facts: &ModuleFacts, bytes: &[u8]) -> Vec<Explanation> {
    let Ok(images) = image::images(bytes) else { return Vec::new() };
    let pairs = images.iter().zip(&facts.images);
    pairs.flat_map(|(image, known)| evaluation::explain(image, known, &facts.path)).collect()
}

/// What is known of one hook: the part of [`Hook`] that its name does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HookFacts {
    /// How the module is initialised.
    init: Fact<InitKind>,
    /// What the module says of the GIL.
    gil: Fact<Declaration>,
    /// `Py_mod_abi`.
    abi_info: Fact<Option<AbiInfo>>,
    /// Slot ids in order.
    slots: Fact<Vec<u32>>,
    /// `Py_mod_multiple_interpreters`.
    interpreters: Fact<Option<Interpreters>>,
}

impl HookFacts {
    fn of(hook: &Hook) -> HookFacts {
        let hook = hook.clone();
        HookFacts {
            init: hook.init,
            gil: hook.gil,
            abi_info: hook.abi_info,
            slots: hook.slots,
            interpreters: hook.interpreters,
        }
    }
}

/// How much of a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What a verdict needs. Code is read only where nothing else tells for which build it was compiled.
    Verdict,
    /// All code, too.
    Everything,
}

/// Reads a compiled file for a verdict; `None` when it is no object file.
pub fn read(path: &str, bytes: &[u8]) -> Result<Option<ModuleFacts>, BinaryError> {
    read_to(Depth::Verdict, path, bytes)
}

/// Reads a compiled file to some depth; `None` when it is no object file.
pub fn read_to(depth: Depth, path: &str, bytes: &[u8]) -> Result<Option<ModuleFacts>, BinaryError> {
    match image::images(bytes) {
        Ok(images) => {
            let images = images.iter().map(|image| python::facts(image, path, depth)).collect();
            Ok(Some(ModuleFacts { path: path.to_owned(), size: bytes.len() as u64, images }))
        }
        Err(ImageError::NotAnObject) => Ok(None),
        Err(source) => Err(BinaryError::Image { path: path.to_owned(), source }),
    }
}
