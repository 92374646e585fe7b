//! Reads one compiled file into facts: what it says of itself. It runs nothing and judges nothing.
//!
//! `image` gives one relocated view of ELF, Mach-O and PE files; everything else here is neutral of the format. `python`
//! finds the hooks and reads what the data says of each; `sweep` counts what all code shows. What only a hook's code says is for an evaluator, which
//! [`read_with`] takes as a function; its findings and those of the data are merged, and where they contradict each
//! other, the fact is unknown.

use image::{Image, ImageError};

use crate::model::facts::{AbiInfo, Declaration, Fact, Hook, InitKind, Interpreters, ModuleFacts};

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

/// What is known of one hook: the part of [`Hook`] that its name does not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// How the module is initialised.
    pub init: Fact<InitKind>,
    /// What the module says of the GIL.
    pub gil: Fact<Declaration>,
    /// `Py_mod_abi`.
    pub abi_info: Fact<Option<AbiInfo>>,
    /// Slot ids in order.
    pub slots: Fact<Vec<u32>>,
    /// `Py_mod_multiple_interpreters`.
    pub interpreters: Fact<Option<Interpreters>>,
}

/// How much of a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What a verdict needs. Code is read only where nothing else tells for which build it was compiled.
    Verdict,
    /// All code, too.
    Everything,
}

/// Follows a hook's code; `None` when it cannot for this image, such as on an architecture that it does not know.
pub type Evaluate<'a> = dyn Fn(&Image<'_>, &Hook) -> Option<Evaluation> + 'a;

/// Reads a compiled file by its data alone; `None` when it is no object file.
pub fn read(path: &str, bytes: &[u8]) -> Result<Option<ModuleFacts>, BinaryError> {
    read_with(path, bytes, &|_, _| None)
}

/// Reads a compiled file for a verdict, and asks `evaluate` about each hook.
pub fn read_with(path: &str, bytes: &[u8], evaluate: &Evaluate<'_>) -> Result<Option<ModuleFacts>, BinaryError> {
    read_to(Depth::Verdict, path, bytes, evaluate)
}

/// Reads a compiled file to some depth, and asks `evaluate` about each hook.
pub fn read_to(
    depth: Depth,
    path: &str,
    bytes: &[u8],
    evaluate: &Evaluate<'_>,
) -> Result<Option<ModuleFacts>, BinaryError> {
    match image::images(bytes) {
        Ok(images) => {
            let images = images.iter().map(|image| python::facts(image, path, depth, evaluate)).collect();
            Ok(Some(ModuleFacts { path: path.to_owned(), size: bytes.len() as u64, images }))
        }
        Err(ImageError::NotAnObject) => Ok(None),
        Err(source) => Err(BinaryError::Image { path: path.to_owned(), source }),
    }
}
