//! The files of one distribution, as those that lie beside a module of it: opened by name when one turns out to be needed,
//! each once.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::examine::{BinaryError, SiblingFiles, SiblingLibrary, file_name};
use crate::model::problem::Problem;

/// Most files that are kept of those that a distribution does not list.
const MOST_UNLISTED: usize = 16;

/// What opening a file gave: its bytes, or what kept it from being read.
pub(super) type OpenedFile = Result<Vec<u8>, Problem>;

/// Who has the files of a distribution.
pub(super) trait DistributionFiles: Sync {
    /// Paths of all files that it lists.
    fn paths(&self) -> Vec<&str>;

    /// Opens one of them.
    fn open(&self, path: &str) -> OpenedFile;

    /// Opens a library of this name that it does not list, and that lies beside a listed file; its path comes first.
    fn beside(&self, name: &str) -> Option<(String, OpenedFile)>;

    /// What to say of a file that is no library.
    fn broken(&self, path: &str, error: &BinaryError) -> Problem;
}

/// The files of a distribution that were asked for so far.
pub(super) struct FilesBeside<Files> {
    files: Files,
    /// Listed files by name, filled when somebody asks; `None` where several have the name.
    listed: OnceLock<BTreeMap<String, Option<BesideFile>>>,
    /// Others, by the name that was asked for.
    unlisted: [OnceLock<(String, Option<BesideFile>)>; MOST_UNLISTED],
    problems: Mutex<BTreeMap<String, Problem>>,
}

struct BesideFile {
    path: String,
    /// `None` when it cannot be read.
    bytes: OnceLock<Option<Vec<u8>>>,
}

impl<Files: DistributionFiles> FilesBeside<Files> {
    /// Nobody has asked yet.
    pub(super) fn new(files: Files) -> FilesBeside<Files> {
        FilesBeside {
            files,
            listed: OnceLock::new(),
            unlisted: Default::default(),
            problems: Mutex::default(),
        }
    }

    /// What was wrong with files that were asked for, by path.
    pub(super) fn into_problems(self) -> impl Iterator<Item = Problem> {
        self.problems
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .into_values()
    }

    fn list(&self) -> BTreeMap<String, Option<BesideFile>> {
        let mut listed = BTreeMap::new();
        for path in self.files.paths() {
            let file = || {
                Some(BesideFile {
                    path: path.to_owned(),
                    bytes: OnceLock::new(),
                })
            };
            listed
                .entry(file_name(path).to_owned())
                .and_modify(|known| *known = None)
                .or_insert_with(file);
        }
        listed
    }

    /// A file that is not listed, looked for once.
    fn unlisted(&self, name: &str) -> Option<&BesideFile> {
        let look = || {
            let file = self.files.beside(name).map(|(path, opened)| {
                let bytes = OnceLock::from(self.noted(&path, opened));
                BesideFile { path, bytes }
            });
            (name.to_owned(), file)
        };
        // Somebody else may take the place at the same time; then the next one is ours.
        let places = self.unlisted.iter().map(|place| place.get_or_init(&look));
        places
            .into_iter()
            .find(|(known, _)| known == name)?
            .1
            .as_ref()
    }

    /// The bytes; or else what is wrong is noted.
    fn noted(&self, path: &str, opened: OpenedFile) -> Option<Vec<u8>> {
        opened
            .map_err(|problem| self.add_problem(path, problem))
            .ok()
    }

    fn add_problem(&self, path: &str, problem: Problem) {
        self.problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), problem);
    }
}

impl<Files: DistributionFiles> SiblingFiles for FilesBeside<Files> {
    fn open(&self, name: &str) -> SiblingLibrary<'_> {
        let file = match self.listed.get_or_init(|| self.list()).get(name) {
            Some(listed) => listed.as_ref(),
            None => self.unlisted(name),
        };
        let Some(file) = file else {
            return SiblingLibrary::Missing;
        };
        match file
            .bytes
            .get_or_init(|| self.noted(&file.path, self.files.open(&file.path)))
        {
            Some(bytes) => SiblingLibrary::Found {
                path: &file.path,
                bytes,
            },
            None => SiblingLibrary::Unreadable,
        }
    }

    fn is_broken(&self, path: &str, error: &BinaryError) {
        self.add_problem(path, self.files.broken(path, error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine::{ExamineDepth, SiblingLibraries, examine};
    use crate::model::facts::GilDeclaration;

    /// Fixtures under a folder `lib`, of which the first is listed, and the names of those that were opened.
    #[derive(Default)]
    struct Fixtures {
        is_unlisted: bool,
        opened: Mutex<Vec<String>>,
    }

    impl DistributionFiles for &Fixtures {
        fn paths(&self) -> Vec<&str> {
            if self.is_unlisted {
                Vec::new()
            } else {
                vec!["lib/elf-x86_64-maker.so", "lib/another.so"]
            }
        }

        fn open(&self, path: &str) -> OpenedFile {
            self.opened.lock().unwrap().push(path.to_owned());
            let folder =
                std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/binary/built");
            Ok(std::fs::read(folder.join(file_name(path))).unwrap())
        }

        fn beside(&self, name: &str) -> Option<(String, OpenedFile)> {
            self.is_unlisted.then(|| {
                (
                    format!("beside/{name}"),
                    self.open(&format!("beside/{name}")),
                )
            })
        }

        fn broken(&self, path: &str, error: &BinaryError) -> Problem {
            panic!("{path}: {error}")
        }
    }

    fn check(is_unlisted: bool, expected: &str) {
        let fixtures = Fixtures {
            is_unlisted,
            ..Fixtures::default()
        };
        let files = FilesBeside::new(&fixtures);
        let siblings = SiblingLibraries::new(&files);
        let bytes = (&fixtures).open("elf-x86_64-hands-over.so").unwrap();
        for path in ["a/sample.so", "b/sample.so", "c/sample.so"] {
            let examined = examine(ExamineDepth::Verdict, path, &bytes, &siblings)
                .unwrap()
                .unwrap();
            assert!(examined.depends_on_siblings);
            let hook = examined.facts.images[0]
                .hooks
                .value()
                .unwrap()
                .first()
                .unwrap();
            assert_eq!(
                hook.facts.gil.value(),
                Some(&GilDeclaration::SetGil { value: 1 }),
                "{path}"
            );
        }
        drop(siblings);
        assert_eq!(files.into_problems().count(), 0);
        assert_eq!(fixtures.opened.lock().unwrap()[1..], [expected]);
    }

    #[test]
    fn a_library_of_several_modules_is_opened_once() {
        check(false, "lib/elf-x86_64-maker.so");
        check(true, "beside/elf-x86_64-maker.so");
    }
}
