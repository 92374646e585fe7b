//! What of the command line names something installed, or wheels in a folder: told by what is at a path, not by its name.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use ungil::archive::limits::ArchiveLimits;
use ungil::input::ADAPTERS;
use ungil::installed::{
    self, InstalledEnvironment as Installed, InstalledError, KINDS, PathKind, QUESTION,
};
use ungil::scan::WheelFolder;

use super::args::{InputKind, LookArguments};
use super::environment::ProcessEnvironment;
use super::error_page::CliError;
use super::exit::ExitOutcome;

/// Most bytes of an interpreter's answer, and of what it says when it fails.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// What was typed, taken apart.
#[derive(Default)]
pub(crate) struct InstalledArguments {
    /// What is installed already.
    pub(crate) environments: Vec<Installed>,
    /// Folders of wheels.
    pub(crate) wheelhouses: Vec<WheelFolder>,
    /// Words that name something else.
    pub(crate) words: Vec<String>,
}

/// Opens the environments and folders of wheels that are named.
pub(crate) fn open_named(
    typed: &LookArguments,
    environment: &ProcessEnvironment,
) -> Result<InstalledArguments, CliError> {
    let named = [
        typed.requirement.is_empty(),
        typed.interpreter.is_empty(),
        typed.root.is_empty(),
    ];
    if typed.inputs.is_empty() && named.into_iter().all(|is_empty| is_empty) {
        return Err(CliError::new("nothing to scan is named")
            .hint("try `ungil scan requirements.txt`, or --help"));
    }
    let limits = ArchiveLimits::default();
    let (forced, is_file_forced) = match typed.from {
        None => (None, false),
        Some(InputKind::File(_)) => (None, true),
        Some(InputKind::Installed(kind)) => (Some(kind), false),
    };
    let mut settled = InstalledArguments::default();
    for word in &typed.inputs {
        let path = environment.directory.join(word);
        match forced.or_else(|| {
            if is_file_forced {
                None
            } else {
                installed::claim(&path)
            }
        }) {
            Some(PathKind::Wheels) => settled
                .wheelhouses
                .push(WheelFolder::open(&path, word).map_err(failure)?),
            Some(kind) => settled
                .environments
                .extend(installed::at(kind, &path, word, &limits).map_err(failure)?),
            None if path.is_dir()
                && !is_file_forced
                && is_meant_as_path(word)
                && is_no_project(&path) =>
            {
                let hint = "--from site-packages takes any folder for one of packages; --root searches all below it";
                return Err(failure(nothing(word)).hint(hint));
            }
            None => settled.words.push(word.clone()),
        }
    }
    for python in &typed.interpreter {
        settled
            .environments
            .push(ask(&environment.directory, python)?);
    }
    for root in &typed.root {
        let shown = root.display().to_string();
        let found = installed::below(&environment.directory.join(root), &shown, &limits)
            .map_err(failure)?;
        settled.environments.extend(found);
    }
    Ok(settled)
}

/// Whether the word could not be the name of a package.
fn is_meant_as_path(word: &str) -> bool {
    word.starts_with('.') || word.contains(['/', std::path::MAIN_SEPARATOR])
}

fn is_no_project(folder: &Path) -> bool {
    !["pyproject.toml", "setup.py", "setup.cfg", "PKG-INFO"]
        .iter()
        .any(|name| folder.join(name).exists())
}

fn nothing(word: &str) -> InstalledError {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.description()).collect();
    let files: Vec<&str> = ADAPTERS.iter().map(|adapter| adapter.kind()).collect();
    let looked_for = format!(
        "{}, a project (pyproject.toml); files such as those of {} are named themselves",
        kinds.join(", "),
        files.join(", ")
    );
    InstalledError::Nothing {
        place: word.to_owned(),
        looked_for,
    }
}

/// Where there is nothing, nothing was judged, and that is no wrong usage.
fn failure(error: InstalledError) -> CliError {
    let hint = match &error {
        InstalledError::Image { .. } => Some(
            "a packed archive is unpacked by `gunzip` or `zstd -d`; an unpacked container is scanned by --root"
                .to_owned(),
        ),
        InstalledError::Interpreter { .. } | InstalledError::Unreadable { .. } | InstalledError::Nothing { .. } => None,
    };
    let exit = if matches!(error, InstalledError::Nothing { .. }) {
        ExitOutcome::Open
    } else {
        ExitOutcome::Usage
    };
    CliError::hinted(hint, error).exiting(exit)
}

/// Runs an interpreter and asks it for its environment.
fn ask(directory: &Path, python: &Path) -> Result<Installed, CliError> {
    let shown = python.display().to_string();
    // A bare name is looked up like any command; what has a folder is relative to the current one.
    let program = if python.components().count() > 1 {
        directory.join(python)
    } else {
        python.to_path_buf()
    };
    let failed = |error: std::io::Error| CliError::caused(format!("cannot run {shown}"), error);
    let mut child = Command::new(program)
        .args(["-I", "-c", QUESTION])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(failed)?;
    let mut answer = Vec::new();
    if let Some(output) = child.stdout.take() {
        output
            .take(LONGEST_ANSWER)
            .read_to_end(&mut answer)
            .map_err(failed)?;
    }
    let status = child.wait().map_err(failed)?;
    if !status.success() {
        return Err(CliError::new(format!(
            "{shown} could not be asked for its paths: is it a Python? ({status})"
        )));
    }
    installed::of_interpreter(&answer, &shown).map_err(failure)
}
