//! What to change so that a lock file is made for a target that it leaves out, and how to make it again: in the words of
//! the tool that wrote it, with the versions kept where the tool can. Checked with uv 0.13, Poetry 2.5, PDM 2.25 and pipenv
//! 2026.10.

use pep508_rs::pep440_rs::Operator;

use crate::model::lock::{ExcludedTarget, Lock, LockTool};
use crate::model::name::{Version, VersionSpecifier, VersionSpecifiers};
use crate::model::place::Place;
use crate::model::python_bound::PythonBound;
use crate::model::target::{Python, Target};

/// A lock whose Pythons do not have that of the target among them.
pub(super) fn of_python(lock: &Lock, bound: &PythonBound, target: Target) -> ExcludedTarget {
    let tool = LockTool::of(&lock.file);
    let wanted = widened(&bound.any_of, target.python, tool);
    let minor = target.python.minor;
    let (change, command) = match tool {
        Some(LockTool::Uv) => (
            format!("set `requires-python = \"{wanted}\"` in pyproject.toml"),
            "uv lock".to_owned(),
        ),
        Some(LockTool::UvScript) => {
            let script = file_name(&lock.file).trim_end_matches(".lock");
            (
                format!("set `# requires-python = \"{wanted}\"` in {script}"),
                format!("uv lock --script '{script}'"),
            )
        }
        Some(LockTool::Poetry) => (
            format!(
                "set `requires-python = \"{wanted}\"` in pyproject.toml, or `python` under [tool.poetry.dependencies]"
            ),
            "poetry lock".to_owned(),
        ),
        // It keeps the range that the lock is for until it is told another one, and the files of versions that it keeps.
        Some(LockTool::Pdm) => (
            format!("set `requires-python = \"{wanted}\"` in pyproject.toml"),
            format!("pdm lock --update-reuse --python '{wanted}' && pdm lock --refresh"),
        ),
        Some(LockTool::Pipenv) => (
            format!("set `python_version = \"3.{minor}\"` under [requires] in the Pipfile"),
            format!("pipenv lock --python {}", target.python),
        ),
        None => (
            format!("lock it for {} with the tool that wrote it", target.python),
            String::new(),
        ),
    };
    let (file, place) = (lock.file.clone(), bound.place.clone());
    let locked_for = format!("Python {}", bound.shown);
    ExcludedTarget {
        target,
        file,
        place,
        locked_for,
        tool,
        change,
        command,
    }
}

/// A lock whose platforms do not have that of the target among them.
pub(super) fn of_environment(lock: &Lock, target: Target) -> ExcludedTarget {
    let tool = LockTool::of(&lock.file);
    let platform = target.platform;
    let (change, command) = match tool {
        Some(LockTool::Uv) => (
            format!("let {platform} in by `environments` under [tool.uv] in pyproject.toml"),
            "uv lock".to_owned(),
        ),
        Some(LockTool::UvScript | LockTool::Poetry | LockTool::Pdm | LockTool::Pipenv) | None => {
            (format!("lock it for {platform} too"), String::new())
        }
    };
    let place = Place {
        file: lock.file.clone(),
        line: None,
        column: None,
    };
    let (file, locked_for) = (lock.file.clone(), "other environments".to_owned());
    ExcludedTarget {
        target,
        file,
        place,
        locked_for,
        tool,
        change,
        command,
    }
}

fn file_name(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}

/// The bound with the target's Python in it, and as little else as the tool lets it be.
fn widened(any_of: &[VersionSpecifiers], python: Python, tool: Option<LockTool>) -> String {
    let Some(specifiers) = any_of.last() else {
        return format!(">=3.{}", python.minor);
    };
    let wanted = Version::new([3, u64::from(python.minor)]);
    // uv asks no package to allow every Python above; Poetry and PDM do, and most packages stop somewhere.
    let ends = match tool {
        Some(LockTool::Uv | LockTool::UvScript) => false,
        Some(LockTool::Poetry | LockTool::Pdm | LockTool::Pipenv) | None => true,
    };
    let end = format!("<3.{}", u64::from(python.minor) + 1);
    let mut parts: Vec<String> = Vec::new();
    for specifier in specifiers.iter() {
        if specifier.contains(&wanted) {
            parts.push(specifier.to_string().replace(' ', ""));
            continue;
        }
        let (start, is_end) = replaced(specifier, &wanted);
        parts.extend(start);
        parts.extend((is_end && ends && !parts.contains(&end)).then(|| end.clone()));
    }
    if parts.is_empty() {
        end
    } else {
        parts.join(",")
    }
}

/// What stands in for a specifier that keeps the Python out: where it begins, and whether it has an end.
fn replaced(specifier: &VersionSpecifier, wanted: &Version) -> (Option<String>, bool) {
    let at_least = |version: &Version| Some(format!(">={version}"));
    match specifier.operator() {
        Operator::LessThan | Operator::LessThanEqual => (None, true),
        Operator::GreaterThan | Operator::GreaterThanEqual => (at_least(wanted), false),
        Operator::NotEqual | Operator::NotEqualStar => (None, false),
        Operator::Equal | Operator::EqualStar | Operator::ExactEqual | Operator::TildeEqual => {
            (at_least(std::cmp::min(specifier.version(), wanted)), true)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(file: &str, bound: &str) -> (String, String) {
        let place = Place {
            file: file.to_owned(),
            line: Some(3),
            column: None,
        };
        let bound = PythonBound {
            any_of: vec![bound.parse().unwrap()],
            shown: bound.to_owned(),
            place,
        };
        let lock = Lock {
            file: file.to_owned(),
            ..Lock::default()
        };
        let target = Target {
            python: "3.14t".parse().unwrap(),
            platform: "linux-x86_64".parse().unwrap(),
        };
        let told = of_python(&lock, &bound, target);
        (told.change, told.command)
    }

    #[test]
    fn each_tool_is_told_in_its_own_words() {
        let of = |file| told(file, ">=3.11, <3.14");
        let set = |bound: &str| format!("set `requires-python = \"{bound}\"` in pyproject.toml");
        assert_eq!(of("x/uv.lock"), (set(">=3.11"), "uv lock".to_owned()));
        let poetry = format!(
            "{}, or `python` under [tool.poetry.dependencies]",
            set(">=3.11,<3.15")
        );
        assert_eq!(of("poetry.lock"), (poetry, "poetry lock".to_owned()));
        let pdm = "pdm lock --update-reuse --python '>=3.11,<3.15' && pdm lock --refresh";
        assert_eq!(of("pdm.lock"), (set(">=3.11,<3.15"), pdm.to_owned()));
        let pipfile = "set `python_version = \"3.14\"` under [requires] in the Pipfile";
        assert_eq!(
            of("Pipfile.lock"),
            (pipfile.to_owned(), "pipenv lock --python 3.14t".to_owned())
        );
        let script = "set `# requires-python = \">=3.11\"` in a.py";
        assert_eq!(
            of("x/a.py.lock"),
            (script.to_owned(), "uv lock --script 'a.py'".to_owned())
        );
        assert_eq!(of("pylock.toml").1, "");
    }

    #[test]
    fn as_little_as_possible_is_widened() {
        let check = |bound: &str, uv: &str, poetry: &str| {
            let target: Python = "3.14t".parse().unwrap();
            let any_of: Vec<VersionSpecifiers> = vec![bound.parse().unwrap()];
            assert_eq!(widened(&any_of, target, Some(LockTool::Uv)), uv, "{bound}");
            assert_eq!(
                widened(&any_of, target, Some(LockTool::Poetry)),
                poetry,
                "{bound}"
            );
        };
        check(">=3.11, <3.13.0", ">=3.11", ">=3.11,<3.15");
        check(">=3.11,!=3.14.*,<4", ">=3.11,<4", ">=3.11,<4");
        check(">=3.15", ">=3.14", ">=3.14");
        check("==3.12.*", ">=3.12", ">=3.12,<3.15");
        check("~=3.12.0", ">=3.12.0", ">=3.12.0,<3.15");
        check("==3.15.*", ">=3.14", ">=3.14,<3.15");
        check("<3.14", "<3.15", "<3.15");
    }
}
