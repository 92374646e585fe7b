//! Links in a tree of which the root is not the machine's: each is followed by itself, and none leads out.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Most links that one path may go through, as in Linux.
const MOST_LINKS: usize = 40;

/// Where a link leads; `None` for what is no link.
pub(super) type ReadLink<'a> = dyn Fn(&Path) -> io::Result<Option<PathBuf>> + 'a;

/// Follows links one by one: what is absolute starts at the root, which is no link, and `..` never leads out of it.
pub(super) fn real_below(
    root: &Path,
    path: &Path,
    read_link: &ReadLink<'_>,
) -> io::Result<PathBuf> {
    let below = path
        .strip_prefix(root)
        .map_err(|_| io::Error::other("the path leads out of the root"))?;
    let mut left: VecDeque<OsString> = names(below).collect();
    let (mut real, mut links) = (root.to_path_buf(), 0);
    while let Some(name) = left.pop_front() {
        if name == ".." {
            if real != root {
                real.pop();
            }
            continue;
        }
        let next = real.join(&name);
        let Some(target) = read_link(&next)? else {
            real = next;
            continue;
        };
        links += 1;
        if links > MOST_LINKS {
            return Err(io::Error::other(format!(
                "goes through more than {MOST_LINKS} links"
            )));
        }
        if target.has_root() {
            real = root.to_path_buf();
        }
        for name in names(&target).collect::<Vec<_>>().into_iter().rev() {
            left.push_front(name);
        }
    }
    Ok(real)
}

/// The steps of a path, without the root and without `.`.
fn names(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    })
}
