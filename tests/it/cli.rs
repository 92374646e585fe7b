//! The built binary: usage, help, colours, exit codes.

use std::process::{Command, Output, Stdio};

fn ungil() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ungil"));
    command
        .env_clear()
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> Output {
    ungil().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Every code, as the page about them has it.
fn documented_codes() -> Vec<(String, String)> {
    let page = include_str!("../../docs/exit-codes.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let (code, meaning) = (cells.next()?, cells.next()?);
        code.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| (code.to_owned(), meaning.to_owned()))
    });
    rows.collect()
}

#[test]
fn wrong_usage_is_told_on_standard_error_and_exits_with_2() {
    for (arguments, told) in [
        (&["scan"][..], "nothing to scan is named"),
        (&["plan"], "nothing to scan is named"),
        (&["plan", "a", "--format", "table"], "text"),
        (&["scan", "a", "--nonsense"], "--nonsense"),
        (&["scan", "a", "--format", "xml"], "table"),
        (&["scan", "a", "--python", "3.12t"], "3.14t"),
        (
            &["scan", "a", "--python", "3.14"],
            "did you mean --python 3.14t?",
        ),
        (
            &["scan", "--python", "/usr/bin/python3.14t"],
            "scanned by `ungil scan --interpreter /usr/bin/python3.14t`",
        ),
        (
            &["scan", "a", "--python", "3.12"],
            "did you mean --python 3.13t?",
        ),
        (&["scan", "a", "--platform", "haiku-x86_64"], "linux-x86_64"),
        (
            &["scan", "a", "--index-url", "not a url"],
            "--index-url not a url is no URL",
        ),
        (
            &["scan", "a", "--find-links", "no/such/folder"],
            "does not exist",
        ),
        (&["scan", "a", "--only-binary", "a b"], "--only-binary a b"),
        (
            &["scan", "a", "--offline", "--refresh"],
            "cannot be used with",
        ),
        (&["inspect"], "FILE"),
        (
            &["explain", "no-such-rule"],
            "there is no rule no-such-rule",
        ),
        (&["explain", "single-phase"], "is single-phase-init meant?"),
        (
            &["rules", "--disable", "no-such-rule"],
            "there is no rule `no-such-rule`",
        ),
        (
            &["rules", "--level", "gil-undeclared"],
            "expected RULE=LEVEL",
        ),
        (
            &["rules", "--level", "gil-undeclared=loud"],
            "expected off, hint, warning or decides",
        ),
        (
            &["rules", "--level", "framework-declared=decides"],
            "leads to no verdict",
        ),
        (
            &["rules", "--rules", "no/such/folder"],
            "cannot read the rule file no/such/folder",
        ),
        (&["rules", "--rules", "docs"], "no file there ends in .toml"),
        (
            &["rules", "--rules", "rules"],
            "rules/abi-info-mismatch.toml:2:6: the id `abi-info-mismatch` is taken",
        ),
        (&["scan", "a", "--rules", "clippy.toml"], "clippy.toml:"),
        (&["rules", "test"], "PATH"),
        (&["frobnicate"], "frobnicate"),
        (&[], "Usage"),
    ] {
        let output = run(arguments);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(told), "{arguments:?}: {errors}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn errors_give_no_password_away() {
    for option in ["--index-url", "--extra-index-url", "--find-links"] {
        let output = run(&["scan", "a", option, "https://me:s3cret@[bad/simple/"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            !text(&output.stderr).contains("s3cret"),
            "{}",
            text(&output.stderr)
        );
    }
}

#[test]
fn help_and_version_go_to_standard_output_and_exit_with_0() {
    for (arguments, told) in [
        (&["--help"][..], "Exit codes:"),
        (&["help", "scan"], "ungil scan requirements.txt"),
        (&["scan", "--help"], "--extra-index-url"),
        (&["plan", "--help"], "--write"),
        (&["inspect", "--help"], "ungil inspect"),
        (&["--version"], concat!("ungil ", env!("CARGO_PKG_VERSION"))),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(
            text(&output.stdout).contains(told),
            "{arguments:?}: {}",
            text(&output.stdout)
        );
        assert!(output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_and_page_agree_on_the_exit_codes() {
    let help = text(&run(&["--help"]).stdout);
    let told: Vec<(String, String)> = help
        .lines()
        .skip_while(|line| *line != "Exit codes:")
        .filter_map(|line| line.trim().split_once("  "))
        .map(|(code, meaning)| (code.to_owned(), meaning.to_owned()))
        .collect();
    assert_eq!(told, documented_codes());
    assert_eq!(told.len(), 5);
}

#[test]
fn every_format_is_offered() {
    let scan = text(&run(&["scan", "--help"]).stdout);
    for format in ungil::report::FORMATS {
        assert!(scan.contains(format.name), "{scan}");
    }
    let plan = text(&run(&["plan", "--help"]).stdout);
    for format in ungil::report::PLAN_FORMATS {
        assert!(plan.contains(format.name), "{plan}");
    }
    let inspect = text(&run(&["inspect", "--help"]).stdout);
    for format in ungil::report::INSPECTION_FORMATS {
        assert!(inspect.contains(format.name), "{inspect}");
    }
}

#[test]
fn colours_are_used_when_and_only_when_they_should() {
    for (variables, color, expected) in [
        (&[][..], "auto", false),
        (&[("CLICOLOR_FORCE", "1")], "auto", true),
        (&[("NO_COLOR", "1")], "auto", false),
        (&[("NO_COLOR", "1")], "always", true),
        (&[("CLICOLOR_FORCE", "1")], "never", false),
    ] {
        let output = ungil()
            .args(["--color", color, "scan"])
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let errors = text(&output.stderr);
        assert_eq!(
            errors.contains('\u{1b}'),
            expected,
            "{variables:?} {color}: {errors:?}"
        );
    }
}

#[test]
fn a_closed_pipe_is_quiet() {
    for arguments in [&["explain"][..], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = ungil()
            .args(arguments)
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(
            output.stderr.is_empty(),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
    }
}

/// A scan that needs no network.
const SCAN: &[&str] = &[
    "scan",
    "fixtures/archives/built/of_flit-1.2.3-py3-none-any.whl",
    "--no-index",
    "--no-deps",
    "--no-cache",
    "--python",
    "3.14t",
    "--platform",
    "linux-x86_64",
];

#[test]
fn every_format_goes_to_its_own_file_and_the_table_to_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let formats: Vec<&str> = ungil::report::FORMATS
        .iter()
        .map(|format| format.name)
        .collect();
    let outputs = formats
        .iter()
        .map(|format| format!("--output={format}={}/{format}", folder.path().display()));
    let output = ungil().args(SCAN).args(outputs).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(
        table.starts_with("CPython 3.14t") && table.contains("of-flit"),
        "{table}"
    );
    for format in &formats {
        let alone = ungil()
            .args(SCAN)
            .args(["--format", format])
            .output()
            .unwrap();
        let written = std::fs::read(folder.path().join(format)).unwrap();
        assert!(!written.is_empty() && written == alone.stdout, "{format}");
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        formats.len(),
        "nothing else is left there"
    );
}

#[test]
fn what_goes_to_standard_output_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report").display().to_string();
    let starts = |more: &[&str], start: &str| {
        let output = run(&[SCAN, more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let shown = text(&output.stdout);
        assert!(
            shown.starts_with(start) && shown.is_empty() == start.is_empty(),
            "{more:?}: {shown}"
        );
    };
    starts(&["--output", "json=-"], "{");
    starts(
        &["--format", "github", "--output", &format!("json={file}")],
        "::notice",
    );
    starts(&["--format", "json", "--output", &file], "");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with('{'));
    starts(&["--output", &file], "");
    assert!(
        std::fs::read_to_string(&file)
            .unwrap()
            .starts_with("CPython")
    );
}

#[test]
fn an_output_that_cannot_be_written_ends_the_run_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("sarif={}/none/ungil.sarif", folder.path().display());
    let directory = folder.path().display().to_string();
    for (outputs, told) in [
        (&["--output", missing.as_str()][..], "cannot write"),
        (&["--output", &directory], "cannot write"),
        (&["--output", "sarfi=x"], "there is no format sarfi"),
        (
            &["--output", "json=-", "--format", "table"],
            "cannot both go to standard output",
        ),
    ] {
        let output = run(&[SCAN, outputs].concat());
        assert_eq!(output.status.code(), Some(2), "{outputs:?}");
        assert!(
            output.stdout.is_empty() && text(&output.stderr).contains(told),
            "{}",
            text(&output.stderr)
        );
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A rule that fires on every pure wheel.
pub(crate) const PURE: &str = r#"id = "pure-wheel"
title = "A wheel for every platform"
level = "warning"
scope = "package"
when = { offer = ["pure"] }
message = "{file} fits everywhere"
unknown = "unknown: {why}"
help = "Nothing is to be done."
[[example]]
expect = "fires"
offer = "pure"
[[example]]
expect = "quiet"
offer = "wheel"
[[example]]
expect = "unknown"
offer = "unknown"
"#;

#[test]
fn rules_of_ones_own_are_listed_tested_explained_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let (path, place) = (
        folder.path().join("pure.toml"),
        folder.path().to_str().unwrap(),
    );
    std::fs::write(&path, PURE).unwrap();
    std::fs::write(folder.path().join("notes.txt"), "not a rule").unwrap();
    let wheel = "fixtures/archives/built/of_flit-1.2.3-py3-none-any.whl";
    let scan = |more: &[&str]| {
        let scan = [
            "scan",
            wheel,
            "--no-index",
            "--no-deps",
            "--no-cache",
            "--python",
            "3.14t",
            "--rules",
            place,
        ];
        let output = run(&[&scan[..], &["--platform", "linux-x86_64"], more].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout).matches("fits everywhere").count()
    };
    assert_eq!(scan(&[]), 1);
    assert_eq!(scan(&["--disable", "pure-wheel"]), 0);
    assert_eq!(scan(&["--level", "pure-wheel=hint"]), 0);
    assert_eq!(scan(&["--level", "pure-wheel=hint", "--hints"]), 1);

    let list = text(
        &run(&[
            "rules",
            "--rules",
            place,
            "--level",
            "gil-undeclared=warning",
        ])
        .stdout,
    );
    let row = |id: &str| {
        list.lines()
            .find(|line| line.contains(&format!("  {id} ")))
            .unwrap()
            .to_owned()
    };
    assert!(row("pure-wheel").starts_with("warning  -  "), "{list}");
    assert!(row("gil-undeclared").starts_with("warning  -  "), "{list}");
    assert!(row("foreign-abi").starts_with("decides  crash  "), "{list}");

    let explain = || text(&run(&["explain", "pure-wheel", "--rules", place]).stdout);
    assert!(
        explain()
            .starts_with("# pure-wheel: A wheel for every platform\n\n*warning, of a package*\n")
    );
    assert!(explain().contains("{file} fits everywhere"));
    std::fs::write(
        folder.path().join("pure.md"),
        "# pure-wheel: my own words\n",
    )
    .unwrap();
    assert!(explain().starts_with("# pure-wheel: my own words\n\n*warning"));

    let test = || {
        let output = run(&["rules", "test", place]);
        (output.status.code(), text(&output.stdout))
    };
    assert_eq!(
        test(),
        (
            Some(0),
            "ok      pure-wheel (3 examples)\n1 rule, 3 examples, 0 failed\n".to_owned()
        )
    );
    std::fs::write(&path, PURE.replace("offer = \"wheel\"", "offer = \"pure\"")).unwrap();
    let (code, told) = test();
    assert_eq!(code, Some(1));
    assert!(
        told.contains("pure.toml:12: expected `quiet`, found `fires` ( fits everywhere)"),
        "{told}"
    );
    std::fs::write(
        &path,
        PURE.replace("level = \"warning\"", "level = \"loud\""),
    )
    .unwrap();
    let (code, told) = test();
    assert_eq!(code, Some(2));
    assert!(
        told.contains("pure.toml:3:9: unknown variant `loud`, expected one of `hint`, `warning`"),
        "{told}"
    );
    assert!(
        told.ends_with("0 rules, 0 examples, 0 failed, 1 file is no rule\n"),
        "{told}"
    );
}

#[test]
fn every_rule_is_explained_with_its_tier() {
    for rule in ungil::rules::builtin().unwrap().rules() {
        let page = text(&run(&["explain", &rule.id]).stdout);
        assert!(page.starts_with(&format!("# {}: ", rule.id)), "{page}");
        assert!(
            page.lines()
                .nth(2)
                .unwrap()
                .starts_with(&format!("*{}", rule.tier())),
            "{page}"
        );
    }
}

#[test]
fn shells_and_man_get_every_command() {
    let commands = ["scan", "inspect", "rules", "explain"];
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = text(&output.stdout);
        assert!(
            commands.iter().all(|command| script.contains(command)),
            "{shell}"
        );
    }
    let output = run(&["man"]);
    assert_eq!(output.status.code(), Some(0));
    let page = text(&output.stdout);
    assert!(
        page.starts_with(".ie") && page.contains(".TH ungil 1"),
        "{page}"
    );
    for command in commands {
        assert!(
            page.contains(&format!(".SH \"UNGIL {}\"", command.to_uppercase())),
            "{command}"
        );
    }
}
