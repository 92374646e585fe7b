//! The configuration file, as the command finds and follows it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::cli::PURE;

/// A folder of its own, gone when dropped.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with(files: &[(&str, &str)]) -> Place {
        let place = Place {
            folder: tempfile::tempdir().unwrap(),
        };
        for (name, text) in files {
            let path = place.path(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the command in a folder of it.
    fn run(&self, folder: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ungil"));
        command
            .env_clear()
            .current_dir(self.path(folder))
            .stdin(Stdio::null());
        command.args(arguments).output().unwrap()
    }

    /// The lines of `ungil rules` in a folder of it that are about a rule: none or one.
    fn listed(&self, folder: &str, id: &str, arguments: &[&str]) -> Vec<String> {
        let output = self.run(folder, &[&["rules"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let lines = text(&output.stdout);
        lines
            .lines()
            .filter(|line| line.contains(&format!("  {id} ")))
            .map(str::to_owned)
            .collect()
    }

    /// The level of a rule; `off` for one that is not there.
    fn level(&self, folder: &str, id: &str, arguments: &[&str]) -> String {
        let lines = self.listed(folder, id, arguments);
        lines
            .first()
            .map_or("off", |line| line.split(' ').next().unwrap())
            .to_owned()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const OFF: &str = "disable = [\"foreign-abi\"]\n";

#[test]
fn the_nearest_file_counts() {
    let own = ("ungil.toml", OFF);
    let project = (
        "pyproject.toml",
        "[project]\nname = \"a\"\n\n[tool.ungil]\nlevel = { foreign-abi = \"warning\" }\n",
    );
    let silent = ("inner/pyproject.toml", "[tool.other]\nkey = 1\n");
    for (files, folder, arguments, expected) in [
        (&[][..], ".", &[][..], "decides"),
        (&[own], ".", &[], "off"),
        (&[project], ".", &[], "warning"),
        (&[own, project], ".", &[], "off"),
        (
            &[own, project],
            ".",
            &["--config", "pyproject.toml"],
            "warning",
        ),
        (&[own, project], ".", &["--no-config"], "decides"),
        (&[own, silent], "inner", &[], "off"),
        (&[own, ("inner/ungil.toml", "")], "inner", &[], "decides"),
        (
            &[project, ("inner/some.toml", OFF)],
            "inner",
            &["--config", "some.toml"],
            "off",
        ),
    ] {
        let place = Place::with(&[files, &[("inner/x", "")]].concat());
        assert_eq!(
            place.level(folder, "foreign-abi", arguments),
            expected,
            "{files:?} {folder} {arguments:?}"
        );
    }
}

#[test]
fn what_is_typed_wins() {
    let text =
        "disable = [\"foreign-abi\"]\n[level]\ngil-undeclared = \"hint\"\nstale-module = \"off\"\n";
    let place = Place::with(&[("ungil.toml", text)]);
    for (id, arguments, expected) in [
        ("foreign-abi", &[][..], "off"),
        (
            "foreign-abi",
            &["--level", "foreign-abi=warning"],
            "warning",
        ),
        ("gil-undeclared", &[], "hint"),
        (
            "gil-undeclared",
            &["--level", "gil-undeclared=decides"],
            "decides",
        ),
        ("gil-undeclared", &["--disable", "gil-undeclared"], "off"),
        ("stale-module", &[], "off"),
        ("stale-module", &["--level", "stale-module=hint"], "hint"),
    ] {
        assert_eq!(
            place.level(".", id, arguments),
            expected,
            "{id} {arguments:?}"
        );
    }
}

#[test]
fn rules_are_found_from_the_folder_of_the_file() {
    let files = [
        ("ungil.toml", "rules = [\"house\"]\n"),
        ("house/pure-wheel.toml", PURE),
        ("inner/x", ""),
    ];
    let place = Place::with(&files);
    for folder in [".", "inner"] {
        assert_eq!(
            place.level(folder, "pure-wheel", &[]),
            "warning",
            "{folder}"
        );
    }
    // Named twice, they are there once.
    assert_eq!(
        place
            .listed("inner", "pure-wheel", &["--rules", "../house"])
            .len(),
        1
    );
    let explained = place.run("inner", &["explain", "pure-wheel"]);
    assert!(
        text(&explained.stdout).starts_with("# pure-wheel: A wheel for every platform\n"),
        "{explained:?}"
    );
}

#[test]
fn scans_follow_it() {
    let wheel = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/archives/built/of_flit-1.2.3-py3-none-any.whl");
    let config =
        "rules = [\"house\"]\npython = [\"3.13t\", \"3.14t\"]\nplatform = [\"macos-arm64\"]\n";
    let place = Place::with(&[("ungil.toml", config), ("house/pure-wheel.toml", PURE)]);
    let scan = |more: &[&str]| {
        let scan = [
            "scan",
            wheel.to_str().unwrap(),
            "--no-index",
            "--no-deps",
            "--no-cache",
            "--format",
            "json",
        ];
        let output = place.run(".", &[&scan, more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let targets = report["targets"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it.as_str().unwrap().to_owned());
        (
            targets.collect::<Vec<_>>().join(" "),
            report["findings"].as_array().unwrap().len(),
        )
    };
    assert_eq!(
        scan(&[]),
        ("cp313t-macos-arm64 cp314t-macos-arm64".to_owned(), 2)
    );
    assert_eq!(
        scan(&["--python", "3.15t"]),
        ("cp315t-macos-arm64".to_owned(), 1)
    );
    let typed = ["--platform", "linux-x86_64", "--disable", "pure-wheel"];
    assert_eq!(
        scan(&typed),
        ("cp313t-linux-x86_64 cp314t-linux-x86_64".to_owned(), 0)
    );
    let without = [
        "--no-config",
        "--python",
        "3.14t",
        "--platform",
        "linux-x86_64",
    ];
    assert_eq!(scan(&without), ("cp314t-linux-x86_64".to_owned(), 0));
}

#[test]
fn what_is_wrong_has_file_line_and_column() {
    for (file, content, told) in [
        (
            "ungil.toml",
            "\nruls = []\n",
            "ungil.toml:2:1: unknown key `ruls`; is `rules` meant?",
        ),
        (
            "ungil.toml",
            "frobnicate = 1",
            "ungil.toml:1:1: unknown field `frobnicate`, expected one of `rules`, `disable`",
        ),
        (
            "ungil.toml",
            "rules = \"house\"",
            "ungil.toml:1:9: invalid type: string \"house\", expected a sequence",
        ),
        (
            "ungil.toml",
            "rules = [\n  \"house\"]",
            "ungil.toml:2:3: `rules`: house does not exist; expected a rule file",
        ),
        (
            "ungil.toml",
            "disable = [\"a\", \"foreign-ab\"]",
            "ungil.toml:1:12: there is no rule `a`",
        ),
        (
            "ungil.toml",
            "disable = [\"foreign-ab\"]",
            "ungil.toml:1:12: there is no rule `foreign-ab`; is `foreign-abi` meant?",
        ),
        (
            "ungil.toml",
            "level.foreign-abi = \"loud\"",
            "ungil.toml:1:21: `loud` is no level; expected off, hint",
        ),
        (
            "ungil.toml",
            "level.stale-module = \"decides\"",
            "ungil.toml:1:22: the rule `stale-module` leads to no verdict",
        ),
        (
            "ungil.toml",
            "python = [\"3.14\"]",
            "`python`: 3.14 is the build with the GIL, which nothing can switch back on",
        ),
        (
            "ungil.toml",
            "python = [\"3.13\", \"3.12\"]",
            "ungil.toml:1:11: `python`: 3.13 is the build with the GIL",
        ),
        (
            "ungil.toml",
            "python = [\"four\"]",
            "ungil.toml:1:11: `python`: `four` is none that is known",
        ),
        (
            "ungil.toml",
            "platform = [\"haiku\"]",
            "ungil.toml:1:13: `platform`: `haiku` is none that is known",
        ),
        ("ungil.toml", "rules = [", "ungil.toml:1:10: "),
        (
            "pyproject.toml",
            "[project]\n[tool.ungil]\ndisabled = []",
            "pyproject.toml:3:1: unknown key `disabled`; is `disable`",
        ),
        ("pyproject.toml", "[tool.ungil", "pyproject.toml:1:12: "),
    ] {
        let place = Place::with(&[(file, content)]);
        let scan = ["scan", "a", "--no-index", "--no-cache"];
        let output = place.run(".", &scan);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{content}: {errors}");
        assert!(errors.contains(told), "{content}: {errors}");
        assert_eq!(
            place.run(".", &["rules", "--no-config"]).status.code(),
            Some(0),
            "{content}"
        );
    }
}

#[test]
fn a_file_that_was_named_has_to_be_there_and_to_be_ours() {
    let place = Place::with(&[
        ("pyproject.toml", "[project]\n"),
        ("latin.toml", ""),
        ("ungil.toml", OFF),
    ]);
    std::fs::write(place.path("latin.toml"), b"# caf\xe9").unwrap();
    for (file, told) in [
        (
            "absent.toml",
            "cannot read the configuration file absent.toml",
        ),
        ("pyproject.toml", "pyproject.toml has no table [tool.ungil]"),
        ("latin.toml", "latin.toml:1:6: bytes that are not UTF-8"),
    ] {
        let output = place.run(".", &["rules", "--config", file]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{file}: {errors}");
        assert!(errors.contains(told), "{file}: {errors}");
    }
}
