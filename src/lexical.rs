//! Paths by their letters alone: nothing on the disk is asked.

use std::path::{Component, Path, PathBuf};

/// Takes `.` and `..` out of a path, as Python's `os.path.normpath` does.
pub(crate) fn normalised(path: &Path) -> PathBuf {
    let mut parts: Vec<Component> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) | (Component::ParentDir, Some(Component::RootDir)) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.iter().collect()
}
