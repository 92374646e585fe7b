//! What the user typed becomes requests: files through adapters, wheels and folders as they are, names as PEP 508 has them.
//!
//! Each format is one adapter in one file, in the table [`ADAPTERS`]. An adapter claims a file by its name and the head
//! of its content, and reads it, keeping file, line and column of every request. Adapters do not walk folders, fetch, or
//! decide what is chosen; what they need of the machine comes in through [`InputContext`].
//!
//! Not read: requirements files at URLs (an error says so). Kept, but unknown to everything after: version control URLs
//! (`git+https://…`), whose content cannot be told without cloning; they are requests with their URL, named where the
//! input names them.

mod bill_of_materials;
mod conda;
mod conda_lock;
mod constraints_txt;
mod credentials;
mod cyclonedx;
mod document;
mod edit;
mod encoding;
mod environment_yml;
mod error;
mod files;
mod files_on_disk;
mod folder;
mod lines;
mod locking;
mod names;
mod options;
mod pdm_lock;
mod pipfile_lock;
mod pkg_info;
mod poetry_lock;
mod poetry_versions;
mod pylock_toml;
mod pyproject_toml;
mod requirements_txt;
mod selection;
mod setup_cfg;
mod spdx;
mod text;
mod uv_lock;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

pub use edit::{EditError, edit};
pub use error::InputError;
pub use files_on_disk::FilesOnDisk;
pub use selection::{GroupSelection, SelectedNames};

use crate::lexical::normalised;
use crate::model::lock::Pin;
use crate::model::place::Place;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::{PackageSources, Request, Requests};
use conda_lock::CondaLock;
use constraints_txt::ConstraintsTxt;
use cyclonedx::CycloneDx;
use environment_yml::EnvironmentYml;
use pdm_lock::PdmLock;
use pipfile_lock::PipfileLock;
use pkg_info::PkgInfo;
use poetry_lock::PoetryLock;
use pylock_toml::PylockToml;
use pyproject_toml::PyprojectToml;
use requirements_txt::RequirementsTxt;
use setup_cfg::SetupCfg;
use spdx::SpdxAdapter;
use text::InputText;
use uv_lock::UvLock;

/// Every adapter; a file is read by the first that claims it.
pub const ADAPTERS: &[&dyn InputAdapter] = &[
    &PylockToml,
    &UvLock,
    &PoetryLock,
    &PdmLock,
    &PipfileLock,
    &PyprojectToml,
    &SetupCfg,
    &PkgInfo,
    &EnvironmentYml,
    &CondaLock,
    &CycloneDx,
    &SpdxAdapter,
    &ConstraintsTxt,
    &RequirementsTxt,
];

/// Longest input file that is read, in bytes.
const LONGEST_FILE: usize = 8 * 1024 * 1024;
/// How much of a file's beginning an adapter sees when it decides whether to claim it, in bytes.
const HEAD: usize = 4096;

/// One input format.
pub trait InputAdapter: Sync {
    /// One word for the format, as `--from` takes it.
    fn kind(&self) -> &'static str;
    /// The format's name, as users know it, with the names of its files.
    fn name(&self) -> &'static str;
    /// Whether a file of this name, with content that begins in this way, is of the format.
    fn claims(&self, file_name: &str, head: &[u8]) -> bool;
    /// What the file asks for, with the sources as they are after it: its options act on what was said before, as for pip.
    fn read(
        &self,
        file: &InputFile,
        context: &InputContext,
        sources: PackageSources,
    ) -> Result<Requests, InputError>;
}

/// A file for an adapter.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// The file as the user named it.
    pub shown: String,
    /// Where it is; what it includes is relative to its folder.
    pub path: PathBuf,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// What reading needs to know of the machine.
pub struct InputContext<'a> {
    /// The folder to which paths are relative; absolute.
    pub current_directory: PathBuf,
    /// The environment's variables, for `${NAME}`.
    pub variables: BTreeMap<String, String>,
    /// The disk.
    pub files: &'a dyn InputFiles,
    /// What came over standard input, when the user typed `-`.
    pub standard_input: Option<Vec<u8>>,
    /// The encoding of the user's locale, tried where a file is not UTF-8 and names no encoding.
    pub locale_encoding: Option<String>,
    /// Groups and extras to be scanned.
    pub selection: GroupSelection,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Something with bytes in it.
    File,
    /// A folder.
    Folder,
}

/// The part of a disk that reading needs.
pub trait InputFiles {
    /// What is at the path; `None` when there is nothing.
    fn kind(&self, path: &Path) -> Option<FileKind>;
    /// The file's first bytes, at most so many. Called once for each file: it may be a pipe.
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>>;
}

/// One thing that the user typed.
#[derive(Clone)]
pub enum TypedInput {
    /// A path, a URL, a requirement, or `-` for a requirements file over standard input.
    Word(String),
    /// A file of this kind, whatever it is called (`--from`).
    From(&'static dyn InputAdapter, String),
    /// A requirements file, whatever it is called (`-r`).
    Requirements(String),
    /// A constraints file, whatever it is called (`-c`).
    Constraints(String),
}

/// Reads everything the user typed. `sources` is what the command line says; options in files act on it as for pip.
///
/// What is a file is read as one. A folder has to be typed as a path (`./numpy`): the name alone is the package, as for
/// pip. What can only be meant as a file (`reqs.txt`, `a/b`) and is none is an error.
pub fn read(
    typed: &[TypedInput],
    sources: PackageSources,
    context: &InputContext,
) -> Result<Requests, InputError> {
    let mut requests = Requests {
        sources,
        ..Requests::default()
    };
    let mut looked_at = Vec::new();
    for typed in typed {
        let (adapter, file) = match typed {
            TypedInput::Word(argument) => match read_argument(argument, context, &mut requests)? {
                Some(read) => read,
                None => continue,
            },
            TypedInput::From(adapter, path) => (*adapter, typed_file(path, context)?),
            TypedInput::Requirements(path) => (
                &RequirementsTxt as &dyn InputAdapter,
                typed_file(path, context)?,
            ),
            TypedInput::Constraints(path) => (
                &ConstraintsTxt as &dyn InputAdapter,
                typed_file(path, context)?,
            ),
        };
        let read = adapter.read(&file, context, std::mem::take(&mut requests.sources))?;
        add(read, &mut requests);
        looked_at.push((adapter, file.shown));
    }
    context.selection.check(&requests.offered)?;
    // A problem that is known already says why.
    if requests.problems.is_empty() && asks_for_nothing(&requests) {
        requests.problems.extend(
            looked_at
                .into_iter()
                .map(|(adapter, file)| nothing_in(adapter, file)),
        );
    }
    Ok(requests)
}

/// Adds what one file asks for to what was read before it.
fn add(read: Requests, to: &mut Requests) {
    let Requests {
        requests,
        constraints,
        overrides,
        environment,
        locks,
        sources,
        offered,
        pythons,
        problems,
    } = read;
    to.requests.extend(requests);
    to.constraints.extend(constraints);
    to.overrides.extend(overrides);
    to.environment = to.environment.take().or(environment);
    to.locks.extend(locks);
    to.sources = sources;
    to.offered.groups.extend(offered.groups);
    to.offered.extras.extend(offered.extras);
    to.pythons.extend(pythons);
    to.problems.extend(problems);
}

fn asks_for_nothing(requests: &Requests) -> bool {
    let mut pins = requests
        .locks
        .iter()
        .flat_map(|lock| &lock.packages)
        .map(|package| &package.pin);
    requests.requests.is_empty() && pins.all(|pin| *pin == Pin::Project)
}

/// Says what was looked for in a file in which nothing was found.
fn nothing_in(adapter: &dyn InputAdapter, file: String) -> Problem {
    let message = format!(
        "it names no package to judge; looked for {}",
        adapter.name()
    );
    Problem {
        kind: ProblemKind::File,
        package: None,
        place: file,
        message,
    }
}

fn typed_file(path: &str, context: &InputContext) -> Result<InputFile, InputError> {
    if path == "-" {
        return standard_input(context);
    }
    context.open(path, context.path(path), &InputText::typed(path).place(0))
}

/// What the user typed: a file with the adapter that reads it, or a request, which is added at once.
fn read_argument(
    argument: &str,
    context: &InputContext,
    requests: &mut Requests,
) -> Result<Option<(&'static dyn InputAdapter, InputFile)>, InputError> {
    let text = InputText::typed(argument);
    if argument == "-" {
        return Ok(Some((&RequirementsTxt, standard_input(context)?)));
    }
    if files::is_page(&text) {
        return Err(InputError::Remote {
            place: text.place(0),
            found: text.shown(),
        });
    }
    let kind = context.files.kind(&context.path(argument));
    let is_file = kind == Some(FileKind::File);
    if is_file && !files::is_archive(argument) {
        let file = context.open(argument, context.path(argument), &text.place(0))?;
        return Ok(Some((claiming(&file, &text)?, file)));
    }
    if kind == Some(FileKind::Folder) && files::claims(&text) {
        let file = folder::chosen(&text, context)?;
        return Ok(Some((claiming(&file, &text)?, file)));
    }
    if !is_file && files::looks_like_list(&text) {
        return Err(InputError::NoSuchFile {
            place: text.place(0),
            path: text.shown(),
        });
    }
    let mut request = request(&text, context, &mut requests.sources)?;
    request.place.column = None;
    requests.requests.push(request);
    Ok(None)
}

fn standard_input(context: &InputContext) -> Result<InputFile, InputError> {
    let shown = "standard input".to_owned();
    match context.standard_input.clone() {
        Some(content) => Ok(InputFile {
            shown,
            path: context.path("-"),
            content,
        }),
        None => {
            let (place, why) = (
                InputText::typed("-").place(0),
                "nothing came over it".to_owned(),
            );
            Err(InputError::Unreadable {
                place,
                path: shown,
                why,
            })
        }
    }
}

/// Reads one requirement: by where it is, or by name.
fn request(
    text: &InputText,
    context: &InputContext,
    sources: &mut PackageSources,
) -> Result<Request, InputError> {
    let (wanted, hashes) = if files::claims(text) {
        files::wanted(text, context, sources)?
    } else {
        names::wanted(text, context, sources)?
    };
    Ok(Request {
        wanted,
        hashes,
        place: text.place(0),
    })
}

/// The adapter that claims the file.
fn claiming(
    file: &InputFile,
    argument: &InputText,
) -> Result<&'static dyn InputAdapter, InputError> {
    let name = file
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let head = file.content.get(..HEAD).unwrap_or(&file.content);
    ADAPTERS
        .iter()
        .find(|adapter| adapter.claims(&name, head))
        .copied()
        .ok_or_else(|| {
            let names: Vec<&str> = ADAPTERS.iter().map(|adapter| adapter.name()).collect();
            let (place, path) = (argument.place(0), file.shown.clone());
            InputError::Unclaimed {
                place,
                path,
                expected: names.join("; "),
            }
        })
}

impl InputContext<'_> {
    /// The absolute path, without `.` and `..`.
    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        normalised(&self.current_directory.join(path))
    }

    /// Reads a whole file for an adapter.
    fn open(&self, shown: &str, path: PathBuf, place: &Place) -> Result<InputFile, InputError> {
        let place = || place.clone();
        match self.files.kind(&path) {
            None => Err(InputError::NoSuchFile {
                place: place(),
                path: shown.to_owned(),
            }),
            Some(FileKind::Folder) => {
                let why = "it is a folder".to_owned();
                Err(InputError::Unreadable {
                    place: place(),
                    path: shown.to_owned(),
                    why,
                })
            }
            Some(FileKind::File) => {
                let content = self.files.read(&path, LONGEST_FILE + 1).map_err(|error| {
                    InputError::Unreadable {
                        place: place(),
                        path: shown.to_owned(),
                        why: error.to_string(),
                    }
                })?;
                if content.len() > LONGEST_FILE {
                    let (found, limit) = (shown.to_owned(), LONGEST_FILE);
                    return Err(InputError::TooMuch {
                        place: place(),
                        found,
                        limit,
                        unit: "bytes",
                    });
                }
                Ok(InputFile {
                    shown: shown.to_owned(),
                    path,
                    content,
                })
            }
        }
    }
}
