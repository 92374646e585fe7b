//! `ungil gate` and `ungil diff`: policy, misspelt waivers, unreadable baselines and exit codes.

use crate::server::{Routes, Server};

use super::sandbox::{Run, Sandbox, TARGET};
use super::verdicts;

/// `ungil gate` with the server's index.
pub(super) fn gate(sandbox: &Sandbox, server: &Server, arguments: &[&str]) -> Run {
    let index = server.url("/simple/");
    sandbox.run(&[&["gate", "--index-url", &index], arguments].concat())
}

#[test]
fn the_policy_decides_on_the_exit_code() {
    let server = Server::start(verdicts::fake_index().routes());
    let sandbox = Sandbox::new();
    for (package, policy, code) in [
        ("ready", &[][..], 0),
        ("declared", &[], 1),
        ("crashes", &[], 1),
        ("nothing", &[], 1),
        ("source", &["--no-deps"], 3),
        ("source", &["--no-deps", "--fail", "build"], 1),
        ("source", &["--no-deps", "--pass", "build"], 0),
        ("bad", &[], 3),
        ("bad", &["--pass", "unknown"], 3),
        ("bad", &["--pass", "unknown,problem"], 0),
        ("bad", &["--fail", "problem"], 1),
        ("fallback", &[], 0),
        ("fallback", &["--fail", "pure-fallback"], 1),
        ("declared", &["--pass", "gil"], 0),
        ("declared", &["--pass", "gil-enabled-on-import"], 0),
        ("declared", &["--open", "gil"], 3),
        ("declared", &["--exit-zero"], 0),
        // A hint is not looked for otherwise.
        ("ready", &["--fail", "no-subinterpreter-slot"], 1),
        ("declared", &["--exit-zero", "--fail", "gill"], 2),
    ] {
        let run = gate(&sandbox, &server, &[&[package], TARGET, policy].concat());
        assert_eq!(
            run.code,
            Some(code),
            "{package} {policy:?}: {}{}",
            run.stdout,
            run.stderr
        );
        for format in ungil::report::FORMATS {
            let again = gate(
                &sandbox,
                &server,
                &[&[package, "--format", format.name], TARGET, policy].concat(),
            );
            assert_eq!(
                again.code,
                Some(code),
                "{package} {policy:?} {}",
                format.name
            );
            if package != "declared" {
                break;
            }
        }
    }
}

#[test]
fn variables_stand_for_options_and_these_for_the_file() {
    let server = Server::start(verdicts::fake_index().routes());
    let sandbox = Sandbox::new();
    let (index, nothing) = (server.url("/simple/"), Server::start(Routes::new()));
    let empty = nothing.url("/simple/");
    sandbox.write(
        "ungil.toml",
        "python = [\"3.14t\"]\nplatform = [\"linux-x86_64\"]\npass = [\"gil\"]\n",
    );
    for (variables, arguments, code) in [
        (&[("UNGIL_INDEX_URL", index.as_str())][..], &[][..], 0),
        (
            &[
                ("UNGIL_EXTRA_INDEX_URL", index.as_str()),
                ("UNGIL_INDEX_URL", empty.as_str()),
            ],
            &[],
            0,
        ),
        (
            &[
                ("UNGIL_INDEX_URL", index.as_str()),
                ("UNGIL_FAIL", "gil,unknown"),
            ],
            &[],
            1,
        ),
        (
            &[("UNGIL_INDEX_URL", index.as_str()), ("UNGIL_FAIL", "")],
            &[],
            0,
        ),
        (
            &[("UNGIL_INDEX_URL", index.as_str()), ("UNGIL_FAIL", "gil")],
            &["--fail", "unknown"],
            0,
        ),
        (
            &[
                ("UNGIL_INDEX_URL", index.as_str()),
                ("UNGIL_FAIL", "gil"),
                ("UNGIL_EXIT_ZERO", "1"),
            ],
            &[],
            0,
        ),
        (
            &[
                ("UNGIL_INDEX_URL", index.as_str()),
                ("UNGIL_FAIL", "gil"),
                ("UNGIL_PYTHON", "3.12t"),
            ],
            &[],
            2,
        ),
        (
            &[
                ("UNGIL_INDEX_URL", index.as_str()),
                ("UNGIL_NO_INDEX", "perhaps"),
            ],
            &[],
            2,
        ),
        (&[("UNGIL_NO_INDEX", "true")], &["--no-cache"], 3),
    ] {
        let arguments = [&["gate", "declared"], arguments].concat();
        let run = Run::of(sandbox.command(&arguments).envs(variables.iter().copied()));
        assert_eq!(
            run.code,
            Some(code),
            "{variables:?} {arguments:?}: {}{}",
            run.stdout,
            run.stderr
        );
    }
    sandbox.write(
        "ungil.toml",
        format!("index-url = \"{index}\"\nfail = [\"ready\"]\nonly-binary = [\":all:\"]\n"),
    );
    let run = sandbox.run(&[&["gate", "ready"], TARGET].concat());
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    assert!(
        run.stdout
            .starts_with("CPython 3.14t on linux-x86_64\nas ungil.toml says\n"),
        "{}",
        run.stdout
    );
}

#[test]
fn what_a_policy_or_a_waiver_misspells_has_file_line_and_column() {
    let waiver =
        |keys: &str| format!("[[waivers]]\npackage = \"lxml\"\nreason = \"why\"\n{keys}\n");
    for (text, told) in [
        (
            "fail = [\"gill\"]".to_owned(),
            "ungil.toml:1:9: `fail`: `gill` is nothing that can be ruled on; expected a verdict",
        ),
        ("fail = [\"gill\"]".to_owned(), "is `gil` meant?"),
        (
            "open = [\"foreign-ab\"]".to_owned(),
            "is `foreign-abi` meant?",
        ),
        (
            "fail = [\"gil\"]\npass = [\"gil\"]".to_owned(),
            "ungil.toml:2:9: `pass`: `gil` stands in `fail` too",
        ),
        (
            "fail = [\"stale-module\"]\ndisable = [\"stale-module\"]".to_owned(),
            "the rule `stale-module` is turned off",
        ),
        (
            "fial = []".to_owned(),
            "ungil.toml:1:1: unknown key `fial`; is `fail` meant?",
        ),
        (
            "index-url = \"nonsense\"".to_owned(),
            "ungil.toml:1:13: `index-url`: nonsense is no URL",
        ),
        (
            "find-links = [\"none\"]".to_owned(),
            "ungil.toml:1:15: `find-links`: none does not exist",
        ),
        (
            "no-binary = [\"a b\"]".to_owned(),
            "ungil.toml:1:14: `no-binary`: a b names no package",
        ),
        (
            "baseline = \"none.json\"".to_owned(),
            "cannot read the report none.json",
        ),
        (
            "[[waivers]]\npackage = \"lxml\"".to_owned(),
            "ungil.toml:1:1: missing field `reason`",
        ),
        (
            waiver("pakage = \"a\""),
            "ungil.toml:4:1: unknown key `pakage`; is `package` meant?",
        ),
        (waiver("reson = \"a\""), "is `reason` meant?"),
        (
            waiver("version = \"two\""),
            "ungil.toml:4:11: `version`: `two` is no range of versions",
        ),
        (
            waiver("rule = \"gil-undeclare\""),
            "ungil.toml:4:8: `rule`: `gil-undeclare` is no rule",
        ),
        (
            waiver("rule = \"gil-undeclare\""),
            "is `gil-undeclared` meant?",
        ),
        (
            waiver("target = \"314t\""),
            "ungil.toml:4:10: `target`: `314t` is no target",
        ),
        (
            waiver("target = \"cp314t-linux\""),
            "ungil.toml:4:10: `target`: `cp314t-linux` is no target",
        ),
        (
            waiver("until = \"2026-02-30\""),
            "ungil.toml:4:9: `until`: `2026-02-30` is no day",
        ),
        (
            waiver("until = 2026"),
            "ungil.toml:4:9: `until`: `2026` is no day",
        ),
        (waiver("module = \"\""), "ungil.toml:4:10: `module`"),
        (
            "[[waivers]]\npackage = \"a b\"\nreason = \"x\"".to_owned(),
            "ungil.toml:2:11: `package`: `a b` is no name",
        ),
        (
            "[[waivers]]\npackage = \"a\"\nreason = \" \"".to_owned(),
            "ungil.toml:3:10: `reason`: nothing; expected why",
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("ungil.toml", &text);
        let run = sandbox.run(&[&["gate", "a", "--no-index", "--no-cache"], TARGET].concat());
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(2), ""),
            "{text}: {}",
            run.stderr
        );
        let errors = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(errors.contains(told), "{text}: {errors}");
    }
}

#[test]
fn a_baseline_that_cannot_be_read_ends_the_run() {
    let sandbox = Sandbox::new();
    sandbox.write("text.json", "no JSON");
    sandbox.write("other.json", "{\"schema_version\": 2}");
    for (file, told) in [
        ("absent.json", "cannot read the report absent.json"),
        ("text.json", "text.json:1:2: expected JSON"),
        (
            "other.json",
            "expected a report of schema_version 1, found schema_version 2",
        ),
    ] {
        for arguments in [
            &["gate", "a", "--no-index", "--no-cache", "--baseline", file][..],
            &["diff", file, file],
        ] {
            let run = sandbox.run(arguments);
            assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{file}");
            assert!(run.stderr.contains(told), "{file}: {}", run.stderr);
        }
    }
}

#[test]
fn other_tools_get_paths_from_the_root_of_the_repository() {
    let server = Server::start(verdicts::fake_index().routes());
    let sandbox = Sandbox::new();
    let index = server.url("/simple/");
    sandbox.write("service/requirements.txt", "-r ../base.txt\n");
    sandbox.write("base.txt", "declared\n");
    let named = |format: &str| {
        let arguments = [
            &[
                "gate",
                "requirements.txt",
                "--index-url",
                &index,
                "--format",
                format,
            ],
            TARGET,
        ]
        .concat();
        Run::of(
            sandbox
                .command(&arguments)
                .current_dir(sandbox.path("service")),
        )
        .stdout
    };
    assert!(
        named("github").starts_with("::error file=../base.txt,line=1,"),
        "{}",
        named("github")
    );
    sandbox.write(".git/HEAD", "ref: refs/heads/main\n");
    assert!(
        named("github").starts_with("::error file=base.txt,line=1,"),
        "{}",
        named("github")
    );
    assert!(
        named("gitlab").contains("\"path\": \"base.txt\""),
        "{}",
        named("gitlab")
    );
    assert!(
        named("sarif").contains("\"uri\": \"base.txt\""),
        "{}",
        named("sarif")
    );
    assert!(
        named("csv").contains(",../base.txt:1,"),
        "as typed, for people: {}",
        named("csv")
    );
}
