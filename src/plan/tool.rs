//! The tools that write lock files.

/// A tool that writes lock files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Uv,
    /// uv, of a script with its requirements in it.
    UvScript,
    Poetry,
    Pdm,
    Pipenv,
}

impl Tool {
    /// The tool that writes a file of this name; `None` where several do.
    pub(super) fn of(file: &str) -> Option<Tool> {
        let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
        match name {
            "uv.lock" => Some(Tool::Uv),
            "poetry.lock" => Some(Tool::Poetry),
            "pdm.lock" => Some(Tool::Pdm),
            "Pipfile.lock" => Some(Tool::Pipenv),
            name if name.ends_with(".py.lock") => Some(Tool::UvScript),
            _ => None,
        }
    }

    /// Whether it takes the newest version of what it is told to change, and cannot be told another one.
    pub(super) fn takes_newest(self) -> bool {
        match self {
            Tool::Poetry | Tool::Pdm => true,
            Tool::Uv | Tool::UvScript | Tool::Pipenv => false,
        }
    }
}
