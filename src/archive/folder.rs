//! An unpacked wheel, an installed tree or a single compiled file, behind the same interface as a wheel.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use walkdir::WalkDir;

use crate::cpython::file_name::lone_file;
use crate::model::member::{Member, MemberEntry};
use crate::model::name::PackageName;
use crate::model::problem::{Problem, ProblemKind};

use super::beside::{self, OnDisk};
use super::error::{MemberError, ProblemOwner};
use super::limits::ArchiveLimits;
use super::source::SourceError;
use super::{ArchiveContents, UnpackedMembers};

/// How deep folders are followed.
const DEPTH: usize = 64;

/// Why a folder or file cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FolderError {
    /// It is not there, or we may not look.
    #[error("{path}: {message}")]
    Unreadable {
        /// As it was named.
        path: String,
        /// What the system said.
        message: String,
    },
}

/// Files on this machine's disk.
pub struct DiskFolder {
    owner: ProblemOwner,
    root: PathBuf,
    entries: Vec<MemberEntry>,
    paths: HashMap<String, u64>,
    limits: ArchiveLimits,
    problems: Vec<Problem>,
    /// Bytes promised to callers so far.
    read: AtomicU64,
}

impl DiskFolder {
    /// Lists a folder's files, sorted by path. Links to files are listed when they stay below the root; links to
    /// folders are not followed. `package` is named in problems.
    pub fn open(
        root: &Path,
        package: Option<PackageName>,
        limits: ArchiveLimits,
    ) -> Result<DiskFolder, FolderError> {
        let root = real(root)?;
        let mut folder = DiskFolder::empty(root.clone(), package, limits);
        for item in WalkDir::new(&root).max_depth(DEPTH).sort_by_file_name() {
            if folder.entries.len() >= limits.members {
                let message = format!(
                    "more than {} files, the limit; the rest was not looked at",
                    limits.members
                );
                folder.add_problem(ProblemKind::File, message);
                break;
            }
            match item {
                Ok(item) => folder.add(item.path(), item.file_type().is_dir()),
                Err(error) => folder.add_problem(ProblemKind::File, error.to_string()),
            }
        }
        Ok(folder)
    }

    /// A single file: its own name is its path, behind its folder's where that tells the module.
    pub fn single(file: &Path, limits: ArchiveLimits) -> Result<DiskFolder, FolderError> {
        let real_file = real(file)?;
        // Of a link the own name counts, and not that of the file to which it leads.
        let folder = file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let named = file
            .file_name()
            .map(|name| real(folder).map(|folder| folder.join(name)))
            .transpose()?;
        let name = lone_file(named.as_deref().unwrap_or(file)).unwrap_or_default();
        let status = real_file
            .metadata()
            .map_err(|error| unreadable(file, &error))?;
        if !status.is_file() {
            return Err(unreadable(file, &std::io::Error::other("expected a file")));
        }
        let mut folder = DiskFolder::empty(real_file, None, limits);
        folder.push(name, status.len());
        Ok(folder)
    }

    fn empty(root: PathBuf, package: Option<PackageName>, limits: ArchiveLimits) -> DiskFolder {
        let owner = ProblemOwner {
            place: root.display().to_string(),
            package,
        };
        let (entries, paths, problems) = (Vec::new(), HashMap::new(), Vec::new());
        DiskFolder {
            owner,
            root,
            entries,
            paths,
            limits,
            problems,
            read: AtomicU64::new(0),
        }
    }

    fn push(&mut self, path: String, size: u64) {
        self.paths.insert(path.clone(), size);
        self.entries.push(MemberEntry {
            path,
            size,
            compressed_size: size,
        });
    }

    fn add_problem(&mut self, kind: ProblemKind, message: String) {
        self.problems.push(self.owner.problem(kind, message));
    }

    fn add(&mut self, path: &Path, is_folder: bool) {
        if is_folder {
            return;
        }
        let Some(relative) = path.strip_prefix(&self.root).ok().and_then(slashed) else {
            return self.add_problem(
                ProblemKind::File,
                format!("{}: the path is not UTF-8", path.display()),
            );
        };
        if relative.len() > self.limits.path_bytes {
            let message = format!(
                "a path has {} bytes, more than the limit of {}",
                relative.len(),
                self.limits.path_bytes
            );
            return self.add_problem(ProblemKind::File, message);
        }
        // Follows a link once more, so that what it leads to is known to be below the root.
        match path
            .canonicalize()
            .and_then(|target| Ok((target.metadata()?, target)))
        {
            Ok((status, target)) if status.is_file() && target.starts_with(&self.root) => {
                self.push(relative, status.len());
            }
            Ok((status, _)) if status.is_file() => {
                self.add_problem(
                    ProblemKind::File,
                    format!("{relative}: leads out of the folder; not followed"),
                );
            }
            Ok((status, _)) if status.is_dir() => {
                self.add_problem(
                    ProblemKind::File,
                    format!("{relative}: a link to a folder; not followed"),
                );
            }
            Ok(_) => {}
            Err(error) => self.add_problem(ProblemKind::File, format!("{relative}: {error}")),
        }
    }

    fn read_one(&self, path: &str) -> Result<Member, MemberError> {
        let size = *self.paths.get(path).ok_or(MemberError::Missing)?;
        let file = if self.root.is_file() {
            self.root.clone()
        } else {
            self.root.join(path)
        };
        self.read_file(path, &file, size)
    }

    fn read_file(&self, path: &str, file: &Path, size: u64) -> Result<Member, MemberError> {
        let limit = self.limits.member_bytes;
        if size > limit {
            return Err(MemberError::TooLarge { found: size, limit });
        }
        let total = self.limits.total_bytes;
        let add = |sum: u64| sum.checked_add(size).filter(|sum| *sum <= total);
        if let Err(sum) = self
            .read
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add)
        {
            return Err(MemberError::Total {
                found: sum.saturating_add(size),
                limit: total,
            });
        }
        let mut bytes = Vec::new();
        let read = File::open(file)
            .and_then(|file| file.take(size.saturating_add(1)).read_to_end(&mut bytes));
        read.map_err(|error| {
            MemberError::Source(SourceError::File {
                path: file.display().to_string(),
                message: error.to_string(),
            })
        })?;
        if bytes.len() as u64 != size {
            let found = format!("{} bytes or more", bytes.len());
            return Err(MemberError::Size {
                expected: size,
                found,
            });
        }
        Ok(Member {
            path: path.to_owned(),
            bytes,
        })
    }
}

impl ArchiveContents for DiskFolder {
    fn entries(&self) -> &[MemberEntry] {
        &self.entries
    }

    fn read<'a>(&'a self, paths: &[&str]) -> Box<dyn Iterator<Item = UnpackedMembers> + 'a> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        Box::new(paths.into_iter().map(|path| {
            let member = self
                .read_one(&path)
                .map_err(|error| self.owner.member_problem(&path, &error));
            UnpackedMembers { path, member }
        }))
    }

    fn problems(&self) -> Vec<Problem> {
        self.problems.clone()
    }

    fn beside(&self, name: &str) -> Option<UnpackedMembers> {
        let file = self
            .root
            .is_file()
            .then(|| beside::library(&OnDisk, &self.root, name))
            .flatten()?;
        let size = file.metadata().ok()?.len();
        let path = file.display().to_string();
        let member = self
            .read_file(&path, &file, size)
            .map_err(|error| self.owner.member_problem(&path, &error));
        Some(UnpackedMembers { path, member })
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> FolderError {
    FolderError::Unreadable {
        path: path.display().to_string(),
        message: error.to_string(),
    }
}

fn real(path: &Path) -> Result<PathBuf, FolderError> {
    path.canonicalize()
        .map_err(|error| unreadable(path, &error))
}

/// A relative path with forward slashes.
pub(super) fn slashed(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path
        .components()
        .map(|component| component.as_os_str().to_str())
        .collect();
    parts.map(|parts| parts.join("/"))
}
