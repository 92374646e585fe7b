//! What an interpreter says of itself. It is run by whoever has leave to run it; here is the question, and what the answer
//! means.

use std::path::PathBuf;

use serde::Deserialize;

use crate::model::target::{Platform, Python};

use super::python::{StatedPython, tags};
use super::tree::FileTree;
use super::{InstalledEnvironment, InstalledError, layout};

/// A program for `python -I -c`: writes one line of JSON, the last of its output.
///
/// The standard library's folders are left out: they hold no packages. `-I` leaves out the current folder, the user's
/// packages and `PYTHONPATH`, and still reads `.pth` files, whose code runs as whenever this Python starts.
pub const QUESTION: &str = include_str!("question.py");

/// The answer.
#[derive(Deserialize)]
struct InterpreterAnswer {
    implementation: String,
    version: (u8, u8),
    free_threaded: bool,
    platform: String,
    suffixes: Vec<String>,
    paths: Vec<PathBuf>,
}

/// The environment of an interpreter, by its answer.
pub(super) fn environment(
    output: &[u8],
    shown: &str,
) -> Result<InstalledEnvironment, InstalledError> {
    let wrong = |message: String| InstalledError::Interpreter {
        place: shown.to_owned(),
        message,
    };
    let text = String::from_utf8_lossy(output);
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let answer: InterpreterAnswer = serde_json::from_str(line).map_err(|error| {
        wrong(format!(
            "its answer is not what a Python would say ({error})"
        ))
    })?;
    if answer.implementation != "cpython" {
        return Err(wrong(format!(
            "it is {}; expected CPython",
            answer.implementation
        )));
    }
    let (major, minor) = answer.version;
    let flag = if answer.free_threaded { "t" } else { "" };
    let python: Python = format!("{major}.{minor}{flag}")
        .parse()
        .map_err(|error| wrong(format!("{error}")))?;
    let told = StatedPython {
        python: Some(python),
        minor: Some(minor),
        platform: answer.platform(),
    };
    let tree = FileTree::Disk;
    let mut sites = Vec::new();
    for path in &answer.paths {
        layout::add(&tree, &mut sites, path);
    }
    Ok(InstalledEnvironment {
        sites,
        told,
        ..InstalledEnvironment::empty(shown, tree)
    })
}

impl InterpreterAnswer {
    /// The suffix of compiled files tells the C library too; where there is none, the system's name has to do.
    fn platform(&self) -> Option<Platform> {
        let told = self
            .suffixes
            .iter()
            .find_map(|suffix| tags(&format!("x{suffix}"))?.1);
        let word = match self
            .platform
            .strip_prefix("macosx-")
            .and_then(|rest| rest.split_once('-'))
        {
            Some((_, "universal2")) => return told,
            Some((_, architecture)) => format!("macos-{architecture}"),
            None => self.platform.replace("win-", "win_"),
        };
        told.or_else(|| word.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: Result<(&str, &str), &str>) {
        match (environment(answer.as_bytes(), "python"), expected) {
            (Ok(found), Ok((python, platform))) => {
                assert_eq!(found.told.python.unwrap().to_string(), python);
                assert_eq!(found.told.platform.unwrap().to_string(), platform);
            }
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, _) => panic!("{answer}: {found:?}"),
        }
    }

    #[test]
    fn an_answer_tells_python_and_platform() {
        let answer = |version: &str, free: bool, platform: &str, suffix: &str| {
            format!(
                "noise of a .pth file\n{{\"implementation\": \"cpython\", \"version\": {version}, \"free_threaded\": {free}, \
                 \"platform\": \"{platform}\", \"suffixes\": [\"{suffix}\", \".so\"], \"paths\": []}}\n"
            )
        };
        check(
            &answer(
                "[3, 14]",
                true,
                "linux-x86_64",
                ".cpython-314t-x86_64-linux-gnu.so",
            ),
            Ok(("3.14t", "linux-x86_64")),
        );
        check(
            &answer(
                "[3, 13]",
                false,
                "linux-aarch64",
                ".cpython-313-aarch64-linux-musl.so",
            ),
            Ok(("3.13", "musllinux-aarch64")),
        );
        check(
            &answer(
                "[3, 14]",
                true,
                "macosx-11.0-arm64",
                ".cpython-314t-darwin.so",
            ),
            Ok(("3.14t", "macos-arm64")),
        );
        check(
            &answer("[3, 14]", true, "win-amd64", ".cp314t-win_amd64.pyd"),
            Ok(("3.14t", "windows-amd64")),
        );
        check(&answer("[2, 7]", false, "linux-x86_64", ".so"), Err("2.7"));
        check(
            &answer("[3, 14]", true, "x", ".so").replace("cpython\"", "pypy\""),
            Err("expected CPython"),
        );
        check("Segmentation fault", Err("its answer"));
    }
}
