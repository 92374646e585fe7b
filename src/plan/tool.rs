//! The tools that write lock files.

/// A tool that writes lock files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockTool {
    Uv,
    /// uv, of a script with its requirements in it.
    UvScript,
    Poetry,
    Pdm,
    Pipenv,
}

impl LockTool {
    /// The tool that writes a file of this name; `None` where several do.
    pub(super) fn of(file: &str) -> Option<LockTool> {
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        match name {
            "uv.lock" => Some(LockTool::Uv),
            "poetry.lock" => Some(LockTool::Poetry),
            "pdm.lock" => Some(LockTool::Pdm),
            "Pipfile.lock" => Some(LockTool::Pipenv),
            name if name.ends_with(".py.lock") => Some(LockTool::UvScript),
            _ => None,
        }
    }

    /// Whether it takes the newest version of what it is told to change, and cannot be told another one.
    pub(super) fn takes_newest(self) -> bool {
        match self {
            LockTool::Poetry | LockTool::Pdm => true,
            LockTool::Uv | LockTool::UvScript | LockTool::Pipenv => false,
        }
    }
}
