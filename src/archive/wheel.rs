//! A wheel: a zip file with a `.dist-info` folder that describes it.
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::{Mutex, OnceLock, PoisonError};

use crate::model::member::MemberEntry;
use crate::model::metadata::{Metadata, WheelFile};
use crate::model::name::PackageName;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::wheel_name::WheelName;

use super::error::{MemberError, ProblemOwner, ZipError};
use super::limits::ArchiveLimits;
use super::metadata::{self, MetadataError};
use super::record::{RecordError, WheelRecord};
use super::source::RangeSource;
use super::zip::{MemberPrefix, ZipArchive, ZipMembers};
use super::{ArchiveContents, UnpackedMembers};

/// Why a wheel, or what it says of itself, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WheelError {
    /// The zip file cannot be read.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// There is no `.dist-info` folder.
    #[error("has no .dist-info folder")]
    NoDistInfo,
    /// There are several `.dist-info` folders.
    #[error("has several .dist-info folders: {}", found.join(", "))]
    SeveralDistInfo {
        /// All of them.
        found: Vec<String>,
    },
    /// The `.dist-info` folder is that of another package.
    #[error("its .dist-info folder is {found}, expected one for {expected}")]
    ForeignDistInfo {
        /// The package of the file name.
        expected: PackageName,
        /// The folder.
        found: String,
    },
    /// A file in the `.dist-info` folder cannot be had.
    #[error("{path}: {error}")]
    Member {
        /// The file.
        path: String,
        /// Why.
        error: MemberError,
    },
    /// `METADATA` or `WHEEL` cannot be understood.
    #[error("{path}: {error}")]
    Metadata {
        /// The file.
        path: String,
        /// Why.
        error: MetadataError,
    },
    /// `RECORD` cannot be understood.
    #[error("{path}: {error}")]
    Record {
        /// The file.
        path: String,
        /// Why.
        error: RecordError,
    },
}

impl WheelError {
    /// The kind of problem that this is.
    pub fn kind(&self) -> ProblemKind {
        match self {
            WheelError::Zip(error) => error.kind(),
            WheelError::Member {
                error: MemberError::Missing,
                ..
            } => ProblemKind::Metadata,
            WheelError::Member { error, .. } => error.kind(),
            _ => ProblemKind::Metadata,
        }
    }
}

/// A wheel whose directory has been read.
pub struct WheelArchive {
    owner: ProblemOwner,
    zip: ZipArchive,
    limits: ArchiveLimits,
    dist_info: Result<String, WheelError>,
    record: OnceLock<Result<WheelRecord, WheelError>>,
    metadata: OnceLock<Result<Vec<u8>, WheelError>>,
    problems: Mutex<Vec<Problem>>,
}

impl WheelArchive {
    /// Reads a wheel's directory. `filename` is its name without folders: it says which `.dist-info` folder is
    /// expected, and it stands in problems.
    pub fn open(
        filename: &str,
        source: Box<dyn RangeSource>,
        limits: ArchiveLimits,
    ) -> Result<WheelArchive, WheelError> {
        let package = WheelName::from_str(filename).ok().map(|name| name.name);
        let owner = ProblemOwner {
            place: filename.to_owned(),
            package,
        };
        let zip = ZipArchive::open(source, limits)?;
        let problems = zip
            .oddities()
            .iter()
            .map(|oddity| owner.problem(ProblemKind::Archive, oddity))
            .collect();
        let dist_info = find_dist_info(zip.entries(), owner.package.as_ref());
        let (record, metadata, problems) = (OnceLock::new(), OnceLock::new(), Mutex::new(problems));
        Ok(WheelArchive {
            owner,
            zip,
            limits,
            dist_info,
            record,
            metadata,
            problems,
        })
    }

    /// The name of the `.dist-info` folder.
    pub fn dist_info(&self) -> Result<&str, WheelError> {
        self.dist_info.as_deref().map_err(Clone::clone)
    }

    /// `METADATA`.
    pub fn metadata(&self) -> Result<Metadata, WheelError> {
        let path = || {
            self.dist_info()
                .map_or_else(|_| String::new(), |folder| format!("{folder}/METADATA"))
        };
        metadata::parse(self.metadata_bytes()?).map_err(|error| WheelError::Metadata {
            path: path(),
            error,
        })
    }

    /// `METADATA`, as it is; read at most once.
    pub fn metadata_bytes(&self) -> Result<&[u8], WheelError> {
        let read = || {
            self.described("METADATA", self.limits.metadata_bytes)
                .map(|(_, bytes)| bytes)
        };
        self.metadata
            .get_or_init(read)
            .as_deref()
            .map_err(Clone::clone)
    }

    /// `WHEEL`.
    pub fn wheel_file(&self) -> Result<WheelFile, WheelError> {
        let (path, bytes) = self.described("WHEEL", self.limits.metadata_bytes)?;
        metadata::parse_wheel_file(&bytes).map_err(|error| WheelError::Metadata { path, error })
    }

    /// `RECORD`; read at most once.
    pub fn record(&self) -> Result<&WheelRecord, WheelError> {
        let read = || {
            let (path, bytes) = self.described("RECORD", self.limits.record_bytes)?;
            WheelRecord::parse(&bytes).map_err(|error| WheelError::Record { path, error })
        };
        let record = self.record.get_or_init(|| {
            let record = read();
            if let Err(error) = &record {
                self.add_problem(self.owner.problem(error.kind(), error));
            }
            record
        });
        record.as_ref().map_err(Clone::clone)
    }

    /// The beginning of a member: what its first `packed` bytes in the archive unpack to. Nothing of it is verified, so
    /// it can show what is there, and never that all is well.
    pub fn read_prefix(&self, path: &str, packed: u64) -> Result<MemberPrefix, Problem> {
        self.zip
            .read_prefix(path, packed)
            .map_err(|error| self.owner.member_problem(path, &error))
    }

    /// Unpacks these members, each verified by size, CRC and its digest in `RECORD`; see [`ArchiveContents::read`].
    ///
    /// Costs one request for `RECORD` the first time, and one for each group of neighbours.
    pub fn members<'a>(&'a self, paths: &[&str]) -> WheelMembers<'a> {
        // When it cannot be read, that has been added to the problems; CRC and size are still verified.
        let record = if paths.is_empty() {
            None
        } else {
            self.record().ok()
        };
        WheelMembers {
            wheel: self,
            record,
            members: self.zip.read(paths),
        }
    }

    fn described(&self, file: &str, limit: u64) -> Result<(String, Vec<u8>), WheelError> {
        let path = format!("{}/{file}", self.dist_info()?);
        match self.zip.read_one(&path, limit) {
            Ok(bytes) => Ok((path, bytes)),
            Err(error) => Err(WheelError::Member { path, error }),
        }
    }

    fn add_problem(&self, problem: Problem) {
        self.problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(problem);
    }
}

impl ArchiveContents for WheelArchive {
    fn entries(&self) -> &[MemberEntry] {
        self.zip.entries()
    }

    fn read<'a>(&'a self, paths: &[&str]) -> Box<dyn Iterator<Item = UnpackedMembers> + 'a> {
        Box::new(self.members(paths))
    }

    fn problems(&self) -> Vec<Problem> {
        self.problems
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Members on their way out of a wheel.
pub struct WheelMembers<'a> {
    wheel: &'a WheelArchive,
    record: Option<&'a WheelRecord>,
    members: ZipMembers<'a>,
}

impl Iterator for WheelMembers<'_> {
    type Item = UnpackedMembers;

    fn next(&mut self) -> Option<UnpackedMembers> {
        let (path, outcome) = self.members.next()?;
        let checked = outcome.and_then(|member| match self.record {
            Some(record) => record.check(&path, &member.bytes).map(|()| member),
            None => Ok(member),
        });
        let member = checked.map_err(|error| self.wheel.owner.member_problem(&path, &error));
        Some(UnpackedMembers { path, member })
    }
}

/// The one top-level folder that ends in `.dist-info`, if it belongs to the package, as pip wants it.
fn find_dist_info(
    entries: &[MemberEntry],
    package: Option<&PackageName>,
) -> Result<String, WheelError> {
    let folders = entries
        .iter()
        .filter_map(|entry| entry.path.split_once('/'))
        .map(|(folder, _)| folder);
    let found: BTreeSet<&str> = folders
        .filter(|folder| folder.ends_with(".dist-info"))
        .collect();
    let mut found = found.into_iter();
    let folder = found.next().ok_or(WheelError::NoDistInfo)?.to_owned();
    if let Some(second) = found.next() {
        let found = [&*folder, second]
            .into_iter()
            .chain(found.take(6))
            .map(str::to_owned)
            .collect();
        return Err(WheelError::SeveralDistInfo { found });
    }
    match package {
        Some(expected) if !is_dist_info_of(&folder, expected) => Err(WheelError::ForeignDistInfo {
            expected: expected.clone(),
            found: folder,
        }),
        _ => Ok(folder),
    }
}

/// Whether the folder's name starts with the package's; old tools left hyphens in names, so each may be the one before
/// the version.
fn is_dist_info_of(folder: &str, package: &PackageName) -> bool {
    let stem = folder.strip_suffix(".dist-info").unwrap_or_default();
    let mut names = stem
        .match_indices('-')
        .filter_map(|(position, _)| stem.get(..position))
        .chain([stem]);
    names.any(|name| PackageName::from_str(name).is_ok_and(|name| name == *package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dist_info_folder_is_that_of_the_package() {
        let find = |paths: &[&str], package: &str| {
            let entry = |path: &&str| MemberEntry {
                path: (*path).to_owned(),
                size: 0,
                compressed_size: 0,
            };
            let entries: Vec<MemberEntry> = paths.iter().map(entry).collect();
            find_dist_info(&entries, Some(&package.parse().unwrap()))
        };
        assert_eq!(
            find(&["Foo_Bar-1.0.dist-info/METADATA"], "foo-bar").unwrap(),
            "Foo_Bar-1.0.dist-info"
        );
        assert_eq!(
            find(&["foo-bar-1.0.dist-info/METADATA", "a.py"], "foo-bar").unwrap(),
            "foo-bar-1.0.dist-info"
        );
        assert_eq!(
            find(&["x/foo-1.0.dist-info/METADATA"], "foo"),
            Err(WheelError::NoDistInfo)
        );
        assert!(matches!(
            find(&["a-1.dist-info/x", "b-1.dist-info/x"], "a"),
            Err(WheelError::SeveralDistInfo { .. })
        ));
        assert!(matches!(
            find(&["b-1.dist-info/x"], "a"),
            Err(WheelError::ForeignDistInfo { .. })
        ));
    }
}
