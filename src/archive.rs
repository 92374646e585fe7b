//! Artifact -> members: lists what a wheel, an sdist or a folder holds and unpacks what is asked for, within limits.
//!
//! A remote wheel is read by ranges: its end with the directory first, then only the members that matter, neighbours
//! joined into one request. Whatever comes out has been checked: the local header against the directory, size, CRC,
//! and the digest in `RECORD`. What cannot be read is a [`Problem`] that names the member, and the rest goes on.
//!
//! - [`source`]: where the bytes come from; [`limits`]: every limit in one place
//! - [`zip`]: a zip file by ranges; [`wheel`]: a wheel on top of it; [`folder`]: an unpacked tree or one file
//! - [`candidates`]: which paths an import system could load; [`header_probe`]: whether a large library has a module hook;
//!   [`select`]: both together, what of a wheel to unpack
//! - [`beside`]: where a library of a file by itself is looked for
//! - [`tarball`]: a tar file's entries; [`blobs`]: a container image's files on top of it, `zstd`: how some are packed
//! - [`metadata`]: `METADATA`, `PKG-INFO`, `WHEEL` and `RECORD`; [`sdist`]: what a source distribution says of itself

pub mod beside;
pub mod blobs;
pub mod candidates;
pub mod description;
pub mod error;
pub mod folder;
pub mod header_probe;
pub mod limits;
pub mod metadata;
pub mod project;
pub mod record;
pub mod sdist;
pub mod select;
pub mod source;
pub mod tarball;
pub mod wheel;
pub mod zip;
mod zstd;

use crate::model::member::{Member, MemberEntry};
use crate::model::problem::Problem;

/// One answer to a request for members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackedMembers {
    /// The path that was asked for.
    pub path: String,
    /// The member, complete and checked, or why it could not be read.
    pub member: Result<Member, Problem>,
}

/// What a wheel, a folder and a single file have in common: a list of members, and bytes on request.
pub trait ArchiveContents: Send + Sync {
    /// Files, in the order of the archive's directory; folders are left out.
    fn entries(&self) -> &[MemberEntry];

    /// Unpacks these members one after the other, so that one at a time is in memory. The order is that of the
    /// archive, not that of `paths`; every path is answered once.
    fn read<'a>(&'a self, paths: &[&str]) -> Box<dyn Iterator<Item = UnpackedMembers> + 'a>;

    /// What was found wrong with the whole so far.
    fn problems(&self) -> Vec<Problem>;

    /// A library of this name that lies beside a file by itself. An archive and a folder list all that they hold.
    fn beside(&self, _name: &str) -> Option<UnpackedMembers> {
        None
    }
}
