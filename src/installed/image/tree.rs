//! What layers come to: the names of folders and links, and of those files that tell what is installed.
//!
//! Of a file that is of no interest nothing is kept, but it replaces what was there, as does a whiteout.
//! <https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts>

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::ops::Bound;
use std::path::{Component, Path};
use std::sync::Arc;

use crate::archive::candidates::ModuleCandidate;
use crate::archive::limits::ArchiveLimits;
use crate::archive::tarball::{TarEntry, TarEntryKind};
use crate::model::problem::{Problem, ProblemKind};

/// How a whiteout's name begins.
const WHITEOUT: &str = ".wh.";
/// A whiteout for everything that lower layers have in the folder.
const OPAQUE: &str = ".wh..wh..opq";
/// How deep names lie at most.
const DEPTH: usize = 128;
/// Files of a `.dist-info` or `.egg-info` that are read.
const DESCRIPTIONS: [&str; 8] = [
    "METADATA",
    "PKG-INFO",
    "RECORD",
    "REQUESTED",
    "WHEEL",
    "direct_url.json",
    "installed-files.txt",
    "top_level.txt",
];

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TreeItem {
    /// A folder.
    Folder,
    /// A link, and where it leads.
    Link(String),
    /// A small file, with its bytes.
    Kept(Arc<Vec<u8>>),
    /// A file whose bytes are left in their layer: the entry of that number, from 0.
    Packed {
        layer: usize,
        entry: usize,
        size: u64,
    },
}

/// What is found under a name, links not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::installed) enum FoundItem<'a> {
    Folder,
    Link(&'a str),
    /// A file, with its size in bytes.
    File(u64),
}

/// An item, and the number of the layer that brought it.
#[derive(Debug)]
struct PlacedItem {
    item: TreeItem,
    layer: usize,
}

/// Layers, one laid over the other.
#[derive(Debug, Default)]
pub(in crate::installed) struct LayerOverlay {
    /// By path without a slash at its beginning.
    items: BTreeMap<String, PlacedItem>,
    /// What the whiteouts of the layer at hand hide of lower layers: all below these paths. They are removed once the layer
    /// has ended, as the order of its entries does not matter, and so that however many whiteouts there are, each path is
    /// looked at once.
    hidden: BTreeSet<String>,
    layer: usize,
    /// How many entries of the layer at hand were met.
    met: usize,
    kept: u64,
    /// Whether something was left out as there is too much.
    is_full: bool,
    problems: Vec<(String, String)>,
}

impl LayerOverlay {
    pub(super) fn begin_layer(&mut self, number: usize) {
        self.remove_hidden();
        self.layer = number;
        self.met = 0;
    }

    /// Lays one entry over what is there.
    pub(super) fn take(&mut self, entry: &TarEntry, bytes: &mut dyn Read, limits: &ArchiveLimits) {
        if let Some(path) = key(Path::new(&entry.path)).filter(|path| !path.is_empty()) {
            match path.matches('/').count() < DEPTH {
                true => self.lay(path, entry, bytes, limits),
                false => self
                    .problems
                    .push((path, format!("lies more than {DEPTH} folders deep"))),
            }
        }
        self.met += 1;
    }

    fn lay(
        &mut self,
        path: String,
        entry: &TarEntry,
        bytes: &mut dyn Read,
        limits: &ArchiveLimits,
    ) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if name == OPAQUE {
            self.hidden.insert(folder.to_owned());
            return;
        }
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            let hidden = if folder.is_empty() {
                hidden.to_owned()
            } else {
                format!("{folder}/{hidden}")
            };
            if self.is_of_lower_layer(&hidden) {
                self.items.remove(&hidden);
            }
            self.hidden.insert(hidden);
            return;
        }
        let item = match entry.kind {
            TarEntryKind::Folder => Some(TreeItem::Folder),
            TarEntryKind::Symlink => Some(TreeItem::Link(entry.link.clone())),
            TarEntryKind::Hardlink => Some(self.same_as(&entry.link)),
            TarEntryKind::File => self.file(&path, name, folder, entry, bytes, limits),
            TarEntryKind::Other => {
                if ModuleCandidate::of(name).is_some() {
                    self.problems.push((
                        path.clone(),
                        "is a kind of file that is not read".to_owned(),
                    ));
                }
                None
            }
        };
        // A folder over a folder adds to it; everything else takes the place of what was there.
        let adds = item == Some(TreeItem::Folder) && self.is_folder(&path);
        if !adds {
            self.items.remove(&path);
            self.remove_all_below(&path);
        }
        if let Some(item) = item {
            // A name costs something, too: it stands in the tree, and in its parents.
            self.kept += (path.len() + size_of::<PlacedItem>()) as u64;
            if self.kept > limits.kept_bytes {
                if !self.is_full {
                    let message = format!(
                        "more than {} bytes of names and small files, the limit",
                        limits.kept_bytes
                    );
                    self.problems.push((path, message));
                }
                self.is_full = true;
                return;
            }
            self.items.insert(
                path,
                PlacedItem {
                    item,
                    layer: self.layer,
                },
            );
        }
    }

    /// What a second name of a file stands for.
    fn same_as(&self, target: &str) -> TreeItem {
        let target = key(Path::new(target)).unwrap_or_default();
        // Of what nothing is kept, the name leads nowhere, and whoever needs it says so.
        self.items.get(&target).map_or_else(
            || TreeItem::Link(format!("/{target}")),
            |placed| placed.item.clone(),
        )
    }

    fn file(
        &mut self,
        path: &str,
        name: &str,
        folder: &str,
        entry: &TarEntry,
        bytes: &mut dyn Read,
        limits: &ArchiveLimits,
    ) -> Option<TreeItem> {
        if ModuleCandidate::of(name).is_some() || is_loader(name) {
            return Some(TreeItem::Packed {
                layer: self.layer,
                entry: self.met,
                size: entry.size,
            });
        }
        if !is_description(name, folder) {
            return None;
        }
        let limit = limits
            .record_bytes
            .min(limits.kept_bytes.saturating_sub(self.kept));
        let mut kept = Vec::new();
        match bytes.take(limit.saturating_add(1)).read_to_end(&mut kept) {
            Ok(length) if length as u64 > limit => {
                self.problems.push((
                    path.to_owned(),
                    format!("has more than {limit} bytes, the limit"),
                ));
                None
            }
            Ok(length) => {
                self.kept += length as u64;
                Some(TreeItem::Kept(Arc::new(kept)))
            }
            Err(error) => {
                self.problems.push((path.to_owned(), error.to_string()));
                None
            }
        }
    }

    fn is_of_lower_layer(&self, path: &str) -> bool {
        self.items
            .get(path)
            .is_some_and(|placed| placed.layer != self.layer)
    }

    /// Removes what lower layers have below the paths that are hidden. What lies below another one is covered by it.
    fn remove_hidden(&mut self) {
        let hidden = std::mem::take(&mut self.hidden);
        let ends = |path: &str| {
            path.match_indices('/')
                .map(|(end, _)| end)
                .collect::<Vec<_>>()
        };
        let is_covered = |path: &String| {
            let mut above = ends(path).into_iter().filter_map(|end| path.get(..end));
            (!path.is_empty() && hidden.contains("")) || above.any(|above| hidden.contains(above))
        };
        for folder in hidden.iter().filter(|path| !is_covered(path)) {
            let lower: Vec<String> = self
                .below(folder)
                .filter(|path| self.is_of_lower_layer(path))
                .map(str::to_owned)
                .collect();
            for path in lower {
                self.items.remove(&path);
            }
        }
    }

    fn remove_all_below(&mut self, folder: &str) {
        let all: Vec<String> = self.below(folder).map(str::to_owned).collect();
        for path in all {
            self.items.remove(&path);
        }
    }

    fn below(&self, folder: &str) -> impl Iterator<Item = &str> {
        let (start, end) = match folder {
            "" => (Bound::Unbounded, Bound::Unbounded),
            // The second ends in the character after the slash.
            folder => (
                Bound::Included(format!("{folder}/")),
                Bound::Excluded(format!("{folder}0")),
            ),
        };
        self.items
            .range((start, end))
            .map(|(path, _)| path.as_str())
    }

    fn is_folder(&self, path: &str) -> bool {
        match self.items.get(path) {
            Some(placed) => placed.item == TreeItem::Folder,
            None => self.below(path).next().is_some(),
        }
    }

    /// What could not be looked at; to be asked once, when all layers are there.
    pub(super) fn end(&mut self) -> Vec<Problem> {
        self.remove_hidden();
        let problem = |(path, message)| Problem {
            kind: ProblemKind::Archive,
            package: None,
            place: format!("/{path}"),
            message,
        };
        std::mem::take(&mut self.problems)
            .into_iter()
            .map(problem)
            .collect()
    }

    /// The item of this path, links not followed.
    pub(super) fn item(&self, path: &Path) -> Option<&TreeItem> {
        self.items.get(&key(path)?).map(|placed| &placed.item)
    }

    /// What is at a path, links not followed.
    pub(in crate::installed) fn find(&self, path: &Path) -> io::Result<FoundItem<'_>> {
        let key = key(path).ok_or_else(not_found)?;
        match self.items.get(&key).map(|placed| &placed.item) {
            Some(TreeItem::Folder) => Ok(FoundItem::Folder),
            Some(TreeItem::Link(target)) => Ok(FoundItem::Link(target)),
            Some(TreeItem::Kept(bytes)) => Ok(FoundItem::File(bytes.len() as u64)),
            Some(TreeItem::Packed { size, .. }) => Ok(FoundItem::File(*size)),
            // Layers need not name the folders of their files.
            None if key.is_empty() || self.is_folder(&key) => Ok(FoundItem::Folder),
            None => Err(not_found()),
        }
    }

    /// The bytes of a small file.
    pub(in crate::installed) fn bytes(&self, path: &Path) -> io::Result<&[u8]> {
        match self.item(path) {
            Some(TreeItem::Kept(bytes)) => Ok(bytes),
            Some(_) => Err(io::Error::other("is left in its layer")),
            None => Err(not_found()),
        }
    }

    /// The names in a folder, sorted.
    pub(in crate::installed) fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let folder = key(folder).ok_or_else(not_found)?;
        let prefix = if folder.is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let mut names = BTreeSet::new();
        let mut from = Bound::Included(prefix.clone());
        // What lies deeper is passed by as a whole.
        while let Some((path, _)) = self
            .items
            .range::<String, _>((from, Bound::Unbounded))
            .next()
        {
            let Some(rest) = path.strip_prefix(&prefix) else {
                break;
            };
            let (name, is_deeper) = rest
                .split_once('/')
                .map_or((rest, false), |(name, _)| (name, true));
            names.insert(name.to_owned());
            from = match is_deeper {
                // The character after the slash.
                true => Bound::Included(format!("{prefix}{name}0")),
                false => Bound::Excluded(path.clone()),
            };
        }
        Ok(names.into_iter().collect())
    }
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

/// A path with forward slashes, without `.`, `..` and a slash at its beginning; `None` when it leads out of the image.
fn key(path: &Path) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::ParentDir => _ = parts.pop()?,
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    Some(parts.join("/"))
}

/// Whether a file says something of what is installed.
fn is_description(name: &str, folder: &str) -> bool {
    let folder = folder.rsplit('/').next().unwrap_or_default();
    match folder {
        "conda-meta" => name.ends_with(".json"),
        folder if folder.ends_with(".dist-info") || folder.ends_with(".egg-info") => {
            DESCRIPTIONS.contains(&name)
        }
        _ => {
            let is_finder = name.starts_with("__editable__") && name.ends_with(".py");
            is_finder
                || name == "pyvenv.cfg"
                || name.ends_with(".pth")
                || name.ends_with(".egg-info")
        }
    }
}

/// The program that loads others, which tells the C library.
fn is_loader(name: &str) -> bool {
    name.starts_with("ld-musl-") || name.starts_with("ld-linux-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(layers: &[&[(&str, TarEntryKind, &str)]]) -> LayerOverlay {
        let mut overlay = LayerOverlay::default();
        for (number, entries) in layers.iter().enumerate() {
            overlay.begin_layer(number);
            for (path, kind, content) in *entries {
                let link = if *kind == TarEntryKind::File {
                    ""
                } else {
                    content
                };
                let size = content.len() as u64;
                let entry = TarEntry {
                    path: (*path).into(),
                    kind: *kind,
                    link: link.into(),
                    size,
                    offset: 0,
                };
                overlay.take(&entry, &mut content.as_bytes(), &ArchiveLimits::default());
            }
        }
        assert_eq!(overlay.end(), []);
        overlay
    }

    fn names(overlay: &LayerOverlay, folder: &str) -> Vec<String> {
        overlay.names(Path::new(folder)).unwrap()
    }

    #[test]
    fn upper_layers_replace_and_hide_lower_ones() {
        use TarEntryKind::{File, Folder, Hardlink, Symlink};
        let overlay = layers(&[
            &[
                ("./a/x.so", File, "1"),
                ("a/gone.so", File, "1"),
                ("a/more/y.so", File, "1"),
                ("b/old.so", File, "1"),
                ("c/z.so", File, "1"),
                ("d/pyvenv.cfg", File, "home = /usr"),
                ("e", Symlink, "a"),
            ],
            &[
                ("a/.wh.gone.so", File, ""),
                ("b/new.so", File, "2"),
                ("b/.wh..wh..opq", File, ""),
                ("c", File, "no folder any more"),
                ("d/", Folder, ""),
                ("d/x.so", Hardlink, "a/x.so"),
                ("e", Folder, ""),
            ],
        ]);
        assert_eq!(names(&overlay, "/"), ["a", "b", "d", "e"]);
        assert_eq!(names(&overlay, "/a"), ["more", "x.so"]);
        assert_eq!(names(&overlay, "b"), ["new.so"]);
        assert_eq!(names(&overlay, "d"), ["pyvenv.cfg", "x.so"]);
        assert_eq!(overlay.find(Path::new("/e")).unwrap(), FoundItem::Folder);
        assert_eq!(
            overlay.find(Path::new("/a/more")).unwrap(),
            FoundItem::Folder
        );
        assert_eq!(
            overlay.bytes(Path::new("/d/pyvenv.cfg")).unwrap(),
            b"home = /usr"
        );
        assert_eq!(
            overlay.find(Path::new("/c")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
        assert_eq!(
            overlay.item(Path::new("/d/x.so")),
            Some(&TreeItem::Packed {
                layer: 0,
                entry: 0,
                size: 1
            })
        );
    }

    #[test]
    fn siblings_that_share_a_beginning_are_kept_apart() {
        let overlay = layers(&[&[
            ("a/x.so", TarEntryKind::File, ""),
            ("a.b/y.so", TarEntryKind::File, ""),
            ("a0/z.so", TarEntryKind::File, ""),
        ]]);
        assert_eq!(names(&overlay, ""), ["a", "a.b", "a0"]);
        assert_eq!(names(&overlay, "a"), ["x.so"]);
    }

    #[test]
    fn what_leads_out_of_the_image_is_not_in_it() {
        assert_eq!(key(Path::new("../../etc")), None);
        assert_eq!(key(Path::new("/a/./b/../c")).as_deref(), Some("a/c"));
    }
}
