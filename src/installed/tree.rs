//! Paths on this machine's disk, in a container's root that lies on it, and in a container's image. In the latter two, links
//! lead only inside.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::image::{ContainerImage, FoundItem};
use super::links::real_below;

/// Where paths are followed.
#[derive(Clone, Debug)]
pub(super) enum FileTree {
    /// On the machine's disk.
    Disk,
    /// Below a folder that `/` stands for.
    Below(PathBuf),
    /// In an image, whose root is `/`.
    Image(Arc<ContainerImage>),
}

/// What a name in a folder stands for once links are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TreeNode {
    /// A file, with its size.
    File(PathBuf, u64),
    /// A folder.
    Folder(PathBuf),
    /// A device, a pipe, a socket.
    Other,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FolderEntry {
    pub(super) name: String,
    pub(super) kind: EntryKind,
}

/// What a name stands for, links not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    Folder,
    Link,
    /// Files, for the most part.
    Other,
}

impl FileTree {
    /// The folder that `/` stands for.
    pub(super) fn root(&self) -> &Path {
        match self {
            FileTree::Disk | FileTree::Image(_) => Path::new("/"),
            FileTree::Below(root) => root,
        }
    }

    /// The path, with every link in it followed.
    pub(super) fn real(&self, path: &Path) -> io::Result<PathBuf> {
        match self {
            FileTree::Disk => path.canonicalize(),
            FileTree::Below(root) => real_below(root, path, &|path| match fs::symlink_metadata(
                path,
            )?
            .is_symlink()
            {
                true => fs::read_link(path).map(Some),
                false => Ok(None),
            }),
            FileTree::Image(image) => image.real(path),
        }
    }

    /// What is at a path.
    pub(super) fn node(&self, path: &Path) -> io::Result<TreeNode> {
        let real = self.real(path)?;
        if let FileTree::Image(image) = self {
            return Ok(match image.overlay().find(&real)? {
                FoundItem::Folder => TreeNode::Folder(real),
                FoundItem::File(size) => TreeNode::File(real, size),
                FoundItem::Link(_) => TreeNode::Other,
            });
        }
        let status = fs::symlink_metadata(&real)?;
        Ok(match (status.is_file(), status.is_dir()) {
            (true, _) => TreeNode::File(real, status.len()),
            (_, true) => TreeNode::Folder(real),
            _ => TreeNode::Other,
        })
    }

    /// Whether a folder is there.
    pub(super) fn has_folder(&self, path: &Path) -> bool {
        matches!(self.node(path), Ok(TreeNode::Folder(_)))
    }

    /// Whether a file is there.
    pub(super) fn has_file(&self, path: &Path) -> bool {
        matches!(self.node(path), Ok(TreeNode::File(..)))
    }

    /// What is in a folder, by name; names that are not UTF-8 are shown as well as they can be, and found by nobody.
    pub(super) fn entries(&self, folder: &Path) -> io::Result<Vec<FolderEntry>> {
        self.entries_of_real(&self.real(folder)?)
    }

    /// What is in a folder to which no link leads: for whoever walks a whole tree, as following each path from the root anew
    /// costs its length for each of its parts.
    pub(super) fn entries_of_real(&self, folder: &Path) -> io::Result<Vec<FolderEntry>> {
        if let FileTree::Image(image) = self {
            let kind = |name: &str| match image.overlay().find(&folder.join(name)) {
                Ok(FoundItem::Folder) => EntryKind::Folder,
                Ok(FoundItem::Link(_)) => EntryKind::Link,
                Ok(FoundItem::File(_)) | Err(_) => EntryKind::Other,
            };
            let names = image.overlay().names(folder)?;
            return Ok(names
                .into_iter()
                .map(|name| FolderEntry {
                    kind: kind(&name),
                    name,
                })
                .collect());
        }
        let entry = |entry: fs::DirEntry| {
            let kind = entry.file_type()?;
            let kind = match (kind.is_dir(), kind.is_symlink()) {
                (true, _) => EntryKind::Folder,
                (_, true) => EntryKind::Link,
                _ => EntryKind::Other,
            };
            Ok(FolderEntry {
                name: entry.file_name().to_string_lossy().into_owned(),
                kind,
            })
        };
        let mut entries: Vec<FolderEntry> = fs::read_dir(folder)?
            .map(|found| found.and_then(entry))
            .collect::<io::Result<_>>()?;
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// The names in a folder, sorted.
    pub(super) fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.entries(folder)
            .map(|entries| entries.into_iter().map(|entry| entry.name).collect())
    }

    /// A whole file, when it has at most so many bytes. Of an image these are the small ones that say what is installed.
    pub(super) fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let real = self.real(path)?;
        let mut bytes = Vec::new();
        match self {
            FileTree::Image(image) => {
                image
                    .overlay()
                    .bytes(&real)?
                    .take(limit.saturating_add(1))
                    .read_to_end(&mut bytes)?;
            }
            FileTree::Disk | FileTree::Below(_) => {
                File::open(real)?
                    .take(limit.saturating_add(1))
                    .read_to_end(&mut bytes)?;
            }
        }
        if bytes.len() as u64 > limit {
            return Err(io::Error::other(format!(
                "has more than {limit} bytes, the limit"
            )));
        }
        Ok(bytes)
    }

    /// What a text in a file of the folder `base` means as a path.
    pub(super) fn path(&self, base: &Path, text: &str) -> PathBuf {
        match self {
            FileTree::Disk => base.join(text),
            FileTree::Below(_) | FileTree::Image(_) if Path::new(text).has_root() => {
                self.root().join(text.trim_start_matches(['/', '\\']))
            }
            FileTree::Below(_) | FileTree::Image(_) => base.join(text),
        }
    }
}
