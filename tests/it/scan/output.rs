//! What is written where: colours, files, pipes, and nothing that is nobody's business.

use std::io::Read;
use std::process::Stdio;

use crate::server::{Reply, Routes, Server};

use super::distributions::Wheel;
use super::fake_index::FakeIndex;
use super::sandbox::{Run, Sandbox, TARGET};
use super::verdicts;

const ESCAPE: char = '\u{1b}';

fn arguments<'a>(index: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [
        &["scan", "app", "declared", "--index-url", index],
        TARGET,
        more,
    ]
    .concat()
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let server = Server::start(verdicts::fake_index().routes());
    let (sandbox, index) = (Sandbox::new(), server.url("/simple/"));
    for (more, variables, coloured) in [
        (&[][..], &[][..], false),
        (&["--color", "always"], &[], true),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
        (&["--color", "never"], &[("CLICOLOR_FORCE", "1")], false),
        (&[], &[("CLICOLOR_FORCE", "1")], true),
        (&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
        (&["--color", "always", "--format", "json"], &[], false),
    ] {
        let run = Run::of(
            sandbox
                .command(&arguments(&index, more))
                .envs(variables.iter().copied()),
        );
        assert_eq!(
            run.stdout.contains(ESCAPE),
            coloured,
            "{more:?} {variables:?}"
        );
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""), "{more:?}");
    }
}

#[test]
fn the_report_may_go_to_a_file() {
    let server = Server::start(verdicts::fake_index().routes());
    let (sandbox, index) = (Sandbox::new(), server.url("/simple/"));
    for format in ["table", "json"] {
        let shown = sandbox.run(&arguments(&index, &["--format", format]));
        sandbox.run(&arguments(&index, &["--format", format]));
        let shown_again = sandbox.run(&arguments(&index, &["--format", format]));
        let run = sandbox.run(&arguments(
            &index,
            &["--format", format, "--output", "report"],
        ));
        assert_eq!(
            (run.code, run.stdout.as_str(), run.stderr.as_str()),
            (Some(1), "", "")
        );
        let written = std::fs::read_to_string(sandbox.path("report")).unwrap();
        assert_eq!(written, shown_again.stdout);
        assert!(
            format == "table" || shown.report().0["generated"].is_null(),
            "no time unless asked for"
        );
    }
    let run = sandbox.run(&arguments(&index, &["--format", "json", "--timestamp"]));
    assert!(run.report().0["generated"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let server = Server::start(verdicts::fake_index().routes());
    let (sandbox, index) = (Sandbox::new(), server.url("/simple/"));
    for format in ["table", "json"] {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let mut command = sandbox.command(&arguments(&index, &["--format", format]));
        let mut child = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(command);
        reader.read_exact(&mut [0; 10]).unwrap();
        drop(reader);
        let mut told = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        assert_eq!(
            (child.wait().unwrap().code(), told.as_str()),
            (Some(1), ""),
            "{format}"
        );
    }
}

// Credentials

const USER: &str = "somebody";
const PASSWORD: &str = "hunter2%2Fword";
const SECRETS: [&str; 3] = ["hunter2", "somebody", "c29tZWJvZHk6aHVudGVyMi93b3Jk"];

/// Answers only to the user with the password; the others get 401.
fn guarded(fake_index: &FakeIndex) -> Routes {
    let authorization = format!("Basic {}", SECRETS[2]);
    let mut routes = Routes::new();
    for path in [
        "/simple/ready/",
        "/files/ready-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl",
    ] {
        let (page, bytes) = (
            fake_index.page("ready"),
            fake_index.bytes("ready-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl"),
        );
        let authorization = authorization.clone();
        routes = routes.route(path, move |request, _| {
            if request.header("authorization") != Some(&authorization) {
                Reply::status(401)
            } else if request.path.starts_with("/simple/") {
                page.clone()
            } else {
                crate::server::ranged(request, &bytes, "\"1\"")
            }
        });
    }
    routes
}

#[test]
fn credentials_open_doors_and_are_never_shown() {
    let server = Server::start(guarded(&verdicts::fake_index()));
    let known = server
        .url("/simple/")
        .replace("http://", &format!("http://{USER}:{PASSWORD}@"));
    let wrong = known.replace(PASSWORD, "hunter2wrong");
    for (url, verdict, code) in [
        (&known, "1.0 cp314t ready", 0),
        (&wrong, "? cp314t unknown", 3),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("requirements.txt", format!("--index-url {url}\nready\n"));
        sandbox.write("variable.txt", "--index-url ${MY_INDEX}\nready\n");
        sandbox.write("pip.conf", format!("[global]\nindex-url = {url}\n"));
        for (words, variable) in [
            (&["ready", "--index-url", url][..], ("X", "")),
            (&["ready"], ("PIP_INDEX_URL", url.as_str())),
            (
                &["ready"],
                (
                    "PIP_CONFIG_FILE",
                    sandbox.path("pip.conf").to_str().unwrap(),
                ),
            ),
            (&["requirements.txt"], ("X", "")),
            (&["variable.txt"], ("MY_INDEX", url.as_str())),
        ] {
            for format in ["json", "table"] {
                let all = [&["scan", "--format", format], TARGET, words].concat();
                let run = Run::of(sandbox.command(&all).env(variable.0, variable.1));
                assert_eq!(
                    run.code,
                    Some(code),
                    "{words:?}: {}{}",
                    run.stdout,
                    run.stderr
                );
                if format == "json" {
                    assert_eq!(
                        run.report().verdicts(),
                        [format!("ready {verdict}")],
                        "{words:?}"
                    );
                }
                check_no_secret(&run);
            }
        }
        check_nothing_kept(&sandbox);
    }
}

#[test]
fn errors_show_no_credentials() {
    let url = format!("https://{USER}:{PASSWORD}@127.0.0.1:1/simple/");
    let sandbox = Sandbox::new();
    sandbox.write("index.txt", format!("--index-url {url} --nonsense\n"));
    sandbox.write(
        "direct.txt",
        format!("ready @ {url}ready-1.0.zip nonsense\n"),
    );
    sandbox.write("include.txt", format!("-r {url}more.txt\n"));
    sandbox.write("variable.txt", "ready ${TOKEN}\n");
    for words in [
        &["index.txt"][..],
        &["direct.txt"],
        &["include.txt"],
        &["variable.txt"],
        &[url.as_str()],
        &["ready", "--find-links", &url, "--index-url", "nonsense"],
        &["ready", "--index-url", &format!("{url}\\u0000[:")],
    ] {
        let all = [&["scan", "--format", "json"], TARGET, words].concat();
        let run = Run::of(
            sandbox
                .command(&all)
                .env("TOKEN", "hunter2")
                .env("PIP_RETRIES", "0"),
        );
        check_no_secret(&run);
        assert_ne!(run.code, Some(0), "{words:?}");
    }
    check_nothing_kept(&sandbox);
}

fn check_no_secret(run: &Run) {
    for secret in SECRETS {
        assert!(!run.stdout.contains(secret), "{secret}: {}", run.stdout);
        assert!(!run.stderr.contains(secret), "{secret}: {}", run.stderr);
    }
}

/// Neither names nor contents of the cache have a secret.
fn check_nothing_kept(sandbox: &Sandbox) {
    for entry in walkdir::WalkDir::new(sandbox.cache())
        .into_iter()
        .filter_map(Result::ok)
    {
        let content = if entry.file_type().is_file() {
            std::fs::read(entry.path()).unwrap()
        } else {
            Vec::new()
        };
        let content = String::from_utf8_lossy(&content);
        for secret in SECRETS {
            assert!(
                !entry.path().to_string_lossy().contains(secret),
                "{}",
                entry.path().display()
            );
            assert!(
                !content.contains(secret),
                "{secret} in {}",
                entry.path().display()
            );
        }
    }
}

#[test]
fn the_second_host_gets_no_credentials_of_the_first() {
    let fake_index = FakeIndex::with([Wheel::new("pure-1.0-py3-none-any.whl")]);
    let files = Server::start(fake_index.routes());
    let target = files.other_url("/files/pure-1.0-py3-none-any.whl");
    let page = format!("<a href=\"{target}\">pure-1.0-py3-none-any.whl</a>");
    let index = Server::start(Routes::new().page("/simple/pure/", &page));
    let url = index
        .url("/simple/")
        .replace("http://", &format!("http://{USER}:{PASSWORD}@"));
    let run = Sandbox::new().run(
        &[
            &["scan", "pure", "--format", "json", "--index-url", &url],
            TARGET,
        ]
        .concat(),
    );
    assert_eq!(run.report().verdicts(), ["pure 1.0 cp314t pure"]);
    assert!(!files.requests().is_empty());
    assert!(
        files
            .requests()
            .iter()
            .all(|request| request.header("authorization").is_none())
    );
}
