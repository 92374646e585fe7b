//! The files of one distribution, as those that lie beside a module of it: opened by name when one turns out to be needed,
//! each once.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::examine::{BinaryError, Sibling, SiblingFiles, file_name};
use crate::model::problem::Problem;

/// What opening a file gave: its bytes, or what kept it from being read.
pub(super) type OpenedFile = Result<Vec<u8>, Problem>;

/// Makes a problem of a file at a path that is no library.
type DescribeBroken<'a> = dyn Fn(&str, &BinaryError) -> Problem + Sync + 'a;

/// The files of a distribution.
pub(super) struct FilesBeside<'a> {
    /// Paths by file name, filled when somebody asks; `None` where several files have the name.
    by_name: OnceLock<BTreeMap<&'a str, Option<BesideFile<'a>>>>,
    paths: Box<dyn Fn() -> Vec<&'a str> + Sync + 'a>,
    open: Box<dyn Fn(&str) -> OpenedFile + Sync + 'a>,
    broken: Box<DescribeBroken<'a>>,
    problems: Mutex<BTreeMap<String, Problem>>,
}

struct BesideFile<'a> {
    path: &'a str,
    bytes: OnceLock<Option<Vec<u8>>>,
}

impl<'a> FilesBeside<'a> {
    /// Files at these paths, opened so; `broken` makes a problem of one that is no library.
    pub(super) fn new(
        paths: impl Fn() -> Vec<&'a str> + Sync + 'a,
        open: impl Fn(&str) -> OpenedFile + Sync + 'a,
        broken: impl Fn(&str, &BinaryError) -> Problem + Sync + 'a,
    ) -> FilesBeside<'a> {
        FilesBeside {
            by_name: OnceLock::new(),
            paths: Box::new(paths),
            open: Box::new(open),
            broken: Box::new(broken),
            problems: Mutex::default(),
        }
    }

    /// What was wrong with files that were asked for, by path.
    pub(super) fn into_problems(self) -> impl Iterator<Item = Problem> {
        self.problems.into_inner().unwrap_or_else(PoisonError::into_inner).into_values()
    }

    fn find(&self, name: &str) -> Option<&BesideFile<'a>> {
        let by_name = self.by_name.get_or_init(|| {
            let mut by_name = BTreeMap::new();
            for path in (self.paths)() {
                let file = || Some(BesideFile { path, bytes: OnceLock::new() });
                by_name.entry(file_name(path)).and_modify(|known| *known = None).or_insert_with(file);
            }
            by_name
        });
        by_name.get(name)?.as_ref()
    }

    fn add_problem(&self, path: &str, problem: Problem) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), problem);
    }
}

impl SiblingFiles for FilesBeside<'_> {
    fn open(&self, name: &str) -> Sibling<'_> {
        let Some(file) = self.find(name) else { return Sibling::Missing };
        let opened = || (self.open)(file.path).map_err(|problem| self.add_problem(file.path, problem)).ok();
        match file.bytes.get_or_init(opened) {
            Some(bytes) => Sibling::Found { path: file.path, bytes },
            None => Sibling::Unreadable,
        }
    }

    fn is_broken(&self, path: &str, error: &BinaryError) {
        self.add_problem(path, (self.broken)(path, error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::{Depth, Siblings, examine};
    use crate::model::facts::Declaration;

    fn built(name: &str) -> Vec<u8> {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/binary/built");
        std::fs::read(folder.join(name)).unwrap()
    }

    #[test]
    fn a_library_of_several_modules_is_opened_once() {
        let bytes = built("elf-x86_64-hands-over.so");
        let opened = Mutex::new(Vec::new());
        let open = |path: &str| {
            opened.lock().unwrap().push(path.to_owned());
            Ok(built(file_name(path)))
        };
        let broken = |path: &str, error: &BinaryError| panic!("{path}: {error}");
        let files = FilesBeside::new(|| vec!["lib/elf-x86_64-maker.so", "lib/another.so"], open, broken);
        let siblings = Siblings::new(&files);
        for path in ["a/sample.so", "b/sample.so", "c/sample.so"] {
            let examined = examine(Depth::Verdict, path, &bytes, &siblings).unwrap().unwrap();
            assert!(examined.depends_on_siblings);
            let hook = examined.facts.images[0].hooks.value().unwrap().first().unwrap();
            assert_eq!(hook.facts.gil.value(), Some(&Declaration::SetGil { value: 1 }), "{path}");
        }
        drop(siblings);
        assert_eq!(files.into_problems().count(), 0);
        assert_eq!(*opened.lock().unwrap(), ["lib/elf-x86_64-maker.so"]);
    }
}
