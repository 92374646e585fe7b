//! Libraries to which hooks hand over: looked for among the files of the same distribution, and each read once, however
//! many modules hand over to it.

use std::collections::VecDeque;

use crate::binary::{BinaryError, hand_over};
use crate::model::facts::ModuleFacts;
use crate::model::problem::Problem;

/// Most libraries of one module that are looked for because its hook hands over to one of them.
const MOST_LIBRARIES: usize = 16;

/// What a distribution has under a library's name.
pub(super) enum Library {
    /// No file of that name; or two, of which only a loader knows which it takes.
    Missing,
    /// One that cannot be read.
    Unreadable(Problem),
    /// Its path in the distribution, and its bytes.
    Found(String, Vec<u8>),
}

/// Follows hooks into the libraries that they hand over to; says of the others that nothing is known. `open` looks for a
/// library by its name, and `broken` makes a problem of one that is no library.
pub(super) fn follow(
    modules: &mut [ModuleFacts],
    open: &mut dyn FnMut(&str) -> Library,
    broken: &dyn Fn(&str, &BinaryError) -> Problem,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut left: Vec<(&mut ModuleFacts, VecDeque<String>)> = Vec::new();
    for module in modules.iter_mut() {
        let names = hand_over::libraries(module).into_iter().take(MOST_LIBRARIES).collect();
        left.push((module, names));
    }
    while let Some(name) = left.iter().find_map(|(_, names)| names.front().cloned()) {
        let mut asking: Vec<_> = left.iter_mut().filter(|(_, names)| names.front() == Some(&name)).collect();
        asking.iter_mut().for_each(|(_, names)| drop(names.pop_front()));
        // A loader asks it before those that follow, and it may have the function.
        let is_last = match open(&name) {
            Library::Missing => !hand_over::is_system_library(&name),
            Library::Unreadable(problem) => {
                problems.push(problem);
                true
            }
            Library::Found(path, bytes) => {
                let mut modules: Vec<&mut ModuleFacts> = asking.iter_mut().map(|(module, _)| &mut **module).collect();
                let followed = hand_over::follow(&mut modules, &path, &bytes);
                problems.extend(followed.as_ref().err().map(|error| broken(&path, error)));
                followed.is_err()
            }
        };
        for (module, names) in asking {
            if is_last || hand_over::libraries(module).is_empty() {
                names.clear();
            }
        }
    }
    modules.iter_mut().for_each(hand_over::give_up);
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::read;
    use crate::model::facts::Declaration;

    fn built(name: &str) -> Vec<u8> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/binary/built");
        std::fs::read(folder.join(name)).unwrap()
    }

    #[test]
    fn a_library_of_several_modules_is_read_once() {
        let bytes = built("elf-x86_64-hands-over.so");
        let paths = ["a/sample.so", "b/sample.so", "c/sample.so"];
        let mut modules: Vec<ModuleFacts> = paths.iter().map(|path| read(path, &bytes).unwrap().unwrap()).collect();
        let mut opened = Vec::new();
        let mut open = |name: &str| {
            opened.push(name.to_owned());
            Library::Found(format!("lib/{name}"), built(name))
        };
        let problems = follow(&mut modules, &mut open, &|path, error| panic!("{path}: {error}"));
        assert_eq!((problems, opened), (vec![], vec!["elf-x86_64-maker.so".to_owned()]));
        for module in &modules {
            let hook = module.images[0].hooks.value().unwrap().first().unwrap();
            assert_eq!(hook.gil.value(), Some(&Declaration::SetGil { value: 1 }), "{}", module.path);
        }
    }
}
