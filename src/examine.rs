//! Puts together what the data of a compiled file says and what following its code shows: the file's facts.
//!
//! `crate::binary` reads the data, `crate::evaluator` follows the hooks; `merge` settles what both say of each: where they
//! contradict each other, the fact is unknown. A hook that gives back what a function of another library makes is followed
//! there, if the library lies beside the file: that is what [`SiblingLibraries`] are for.

use crate::binary::image::{BinaryImage, ImageError, images};
use crate::binary::python;
use crate::evaluator::NoSiblings;
use crate::model::facts::{ImageFacts, InitFacts, ModuleFacts};
use crate::model::inspection::Explanation;

mod beside;
mod evaluation;
mod forwarded;
mod merge;
mod siblings;

use beside::LibrariesBeside;
use evaluation::FollowOptions;
pub use siblings::{SiblingFiles, SiblingLibraries, SiblingLibrary, file_name};

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

/// How much of a file is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExamineDepth {
    /// What a verdict needs. Code is read only where nothing else tells for which build it was compiled.
    Verdict,
    /// All code, too.
    Everything,
}

/// What was found in a compiled file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExaminedFile {
    /// Its facts.
    pub facts: ModuleFacts,
    /// Whether they would be others beside other files.
    pub depends_on_siblings: bool,
}

/// Reads a compiled file for a verdict, as if it lay alone; `None` when it is no object file.
pub fn read(path: &str, bytes: &[u8]) -> Result<Option<ModuleFacts>, BinaryError> {
    read_to(ExamineDepth::Verdict, path, bytes)
}

/// Reads a compiled file to some depth, as if it lay alone; `None` when it is no object file.
pub fn read_to(
    depth: ExamineDepth,
    path: &str,
    bytes: &[u8],
) -> Result<Option<ModuleFacts>, BinaryError> {
    Ok(examine(depth, path, bytes, &SiblingLibraries::none())?.map(|examined| examined.facts))
}

/// Reads a compiled file to some depth, with those that lie beside it; `None` when it is no object file.
pub fn examine(
    depth: ExamineDepth,
    path: &str,
    bytes: &[u8],
    siblings: &SiblingLibraries<'_>,
) -> Result<Option<ExaminedFile>, BinaryError> {
    let images = match images(bytes) {
        Ok(images) => images,
        Err(ImageError::NotAnObject) => return Ok(None),
        Err(source) => {
            return Err(BinaryError::Image {
                path: path.to_owned(),
                source,
            });
        }
    };
    let mut depends_on_siblings = false;
    let read = images.iter().map(|image| {
        let (facts, depends) = image_facts(image, path, depth, siblings);
        depends_on_siblings |= depends;
        facts
    });
    let images = read.collect();
    let facts = ModuleFacts {
        path: path.to_owned(),
        size: bytes.len() as u64,
        images,
    };
    Ok(Some(ExaminedFile {
        facts,
        depends_on_siblings,
    }))
}

/// All facts of one image, and whether they depend on siblings.
fn image_facts(
    image: &BinaryImage<'_>,
    path: &str,
    depth: ExamineDepth,
    siblings: &SiblingLibraries<'_>,
) -> (ImageFacts, bool) {
    let mut reading = python::read(image, path);
    let mut depends_on_siblings = false;
    let mut hooks = Vec::new();
    for (mut hook, read) in reading.hooks() {
        // What the data tells of the ABI says as which interpreter the hooks are followed.
        let interpreter = evaluation::interpreter(path, &reading.abi);
        let options = FollowOptions {
            interpreter,
            limits: siblings.limits(),
        };
        let mut found = evaluation::follow(image, &hook, read.create, options, &NoSiblings);
        siblings.note_effort(&found);
        let forwarded = found.forwarded.take();
        // Another function decides, which the data may know.
        found.is_complete &= forwarded.is_none();
        let beside = LibrariesBeside::new(image, path, siblings);
        let create = read.create;
        hook.facts = merge::merge(read.clone(), found);
        if hook.facts.gil.value().is_none() && forwarded.is_none() && beside.could_help() {
            depends_on_siblings = true;
            let found = evaluation::follow(image, &hook, create, options, &beside);
            siblings.note_effort(&found);
            if found.facts.gil.value().is_some() {
                // The data holds what the code finds before it has asked the library.
                let gil = found.facts.gil.clone();
                hook.facts = InitFacts {
                    gil,
                    ..merge::merge(read, found)
                };
            }
        }
        // Where the data tells, nobody else need be asked.
        if let Some(init) = forwarded.filter(|_| hook.facts.gil.value().is_none()) {
            depends_on_siblings = true;
            let module = forwarded::ForwardedHook {
                image,
                path,
                hook: &hook,
                init: &init,
            };
            match forwarded::follow(&module, &mut reading.abi, siblings) {
                Ok(facts) => hook.facts = facts,
                Err(why) => forwarded::not_found(&mut hook.facts, &why),
            }
        }
        hooks.push(hook);
    }
    if depth == ExamineDepth::Everything {
        reading.sweep();
    }
    (reading.into_facts(hooks), depends_on_siblings)
}

/// Follows the hooks that the file's name asks for, and tells how; empty for a file that cannot be read.
pub fn explain(
    facts: &ModuleFacts,
    bytes: &[u8],
    siblings: &SiblingLibraries<'_>,
) -> Vec<Explanation> {
    let Ok(images) = images(bytes) else {
        return Vec::new();
    };
    let pairs = images.iter().zip(&facts.images);
    let explain = |(image, known)| {
        evaluation::explain(
            image,
            known,
            &facts.path,
            &LibrariesBeside::new(image, &facts.path, siblings),
        )
    };
    pairs.flat_map(explain).collect()
}
