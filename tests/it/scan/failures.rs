//! What goes wrong: with one package, the rest of the scan stays as it is; with the input, nothing is scanned.

use crate::server::{Reply, Routes, Server};

use super::distributions::Wheel;
use super::fake_index::{FakeIndex, Form, MetadataFiles};
use super::sandbox::{Report, Run, Sandbox, TARGET};
use super::verdicts;

const FILE: &str = "/files/undeclared-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl";

/// What the scan of `app` says of everything but `undeclared`.
const REST: [&str; 4] = [
    "app 2.0 cp314t pure",
    "library 1.5 cp314t pure",
    "pure 1.0 cp314t pure",
    "ready 1.0 cp314t ready",
];

/// Scans `app`, one of whose files or pages is answered in this way: the rest is as ever, `undeclared` is as expected,
/// and so is its problem.
fn check(
    fake_index: &FakeIndex,
    path: &str,
    replies: [Reply; 2],
    expected: (&str, Option<&str>),
) -> Report {
    let routes: Routes = fake_index.routes().replies(path, replies.clone());
    let server = Server::start(routes);
    let run = Sandbox::new().scan(&server, &["app"]);
    let report = run.report();
    let (verdict, problem) = expected;
    let (of_it, rest): (Vec<String>, Vec<String>) = report
        .verdicts()
        .into_iter()
        .partition(|line| line.starts_with("undeclared"));
    assert_eq!(rest, REST, "{replies:?}");
    assert_eq!(of_it, [format!("undeclared {verdict}")], "{replies:?}");
    match problem {
        Some(words) => {
            assert_eq!(report.problems().len(), 1, "{:?}", report.problems());
            assert!(
                report.problems()[0].contains(words),
                "{:?}",
                report.problems()
            );
            assert!(
                !report.result("undeclared")["reason"]
                    .as_str()
                    .unwrap()
                    .is_empty()
            );
        }
        None => assert_eq!(report.problems(), [] as [String; 0]),
    }
    assert_eq!(
        run.code,
        Some(if verdict.ends_with("gil") { 1 } else { 3 }),
        "{replies:?}"
    );
    report
}

type Case = (
    FakeIndex,
    &'static str,
    [Reply; 2],
    (&'static str, Option<&'static str>),
);

/// All at once: most of the time is spent waiting before a request is repeated.
fn check_all(cases: Vec<Case>) {
    std::thread::scope(|scope| {
        for (fake_index, path, replies, expected) in &cases {
            scope.spawn(|| check(fake_index, path, replies.clone(), *expected));
        }
    });
}

const JUDGED: (&str, Option<&str>) = ("1.0 cp314t gil", None);

#[test]
fn an_index_page_that_cannot_be_read_leaves_the_rest_intact() {
    let mut cases = Vec::new();
    for form in [Form::Html, Form::Json] {
        let fake_index = verdicts::fake_index().in_form(form, MetadataFiles::Absent);
        let good = fake_index.page("undeclared");
        for (replies, expected) in [
            ([Reply::status(500), good.clone()], JUDGED),
            ([Reply::nothing(), good.clone()], JUDGED),
            ([good.clone().half(), good.clone()], JUDGED),
            (
                [Reply::status(429).with("Retry-After", "0"), good.clone()],
                JUDGED,
            ),
            (
                [Reply::status(404), Reply::status(404)],
                ("? cp314t unknown", Some("undeclared")),
            ),
            (
                [Reply::status(500), Reply::status(500)],
                ("? cp314t unknown", Some("500")),
            ),
            (
                [Reply::status(403), Reply::status(403)],
                ("? cp314t unknown", Some("403")),
            ),
            (
                [Reply::nothing(), Reply::nothing()],
                ("? cp314t unknown", Some("/simple/undeclared/")),
            ),
            (
                [good.clone().half(), good.clone().half()],
                ("? cp314t unknown", Some("/simple/undeclared/")),
            ),
            (
                [Reply::json("{\"files\": 7}"), Reply::status(500)],
                ("? cp314t unknown", Some("/simple/undeclared/")),
            ),
            (
                [Reply::json("\0\u{1}garbage"), Reply::status(500)],
                ("? cp314t unknown", Some("/simple/undeclared/")),
            ),
            (
                [Reply::bytes("image/png", "PNG"), Reply::status(500)],
                ("? cp314t unknown", Some("image/png")),
            ),
        ] {
            cases.push((fake_index.clone(), "/simple/undeclared/", replies, expected));
        }
    }
    check_all(cases);
}

#[test]
fn a_file_that_cannot_be_read_leaves_the_rest_intact() {
    let mut cases = Vec::new();
    let whole = |bytes: Vec<u8>| Reply::bytes("application/octet-stream", bytes);
    for metadata_files in [MetadataFiles::Absent, MetadataFiles::Served] {
        let fake_index = verdicts::fake_index().in_form(Form::Html, metadata_files);
        let good = fake_index.bytes(FILE.rsplit('/').next().unwrap());
        let mut spoiled = good.clone();
        spoiled.truncate(good.len() / 2);
        let unknown = |words| ("1.0 cp314t unknown", Some(words));
        for (replies, expected) in [
            ([whole(good.clone()), whole(good.clone())], JUDGED),
            (
                [whole(good.clone()).without_length(), Reply::status(500)],
                JUDGED,
            ),
            ([Reply::status(503), whole(good.clone())], JUDGED),
            ([Reply::nothing(), whole(good.clone())], JUDGED),
            ([whole(good.clone()).half(), whole(good.clone())], JUDGED),
            ([Reply::status(404), Reply::status(404)], unknown("404")),
            ([Reply::status(500), Reply::status(500)], unknown("500")),
            ([Reply::nothing(), Reply::nothing()], unknown(FILE)),
            (
                [whole(good.clone()).half(), whole(good.clone()).half()],
                unknown(FILE),
            ),
            (
                [
                    whole(b"no zip file".to_vec()),
                    whole(b"no zip file".to_vec()),
                ],
                unknown("expected sha256"),
            ),
            (
                [whole(spoiled.clone()), whole(spoiled)],
                unknown("expected sha256"),
            ),
            (
                [
                    Reply::html("<html>log in first"),
                    Reply::html("<html>log in first"),
                ],
                unknown("expected sha256"),
            ),
        ] {
            cases.push((fake_index.clone(), FILE, replies, expected));
        }
    }
    check_all(cases);
}

#[test]
fn a_metadata_file_that_cannot_be_had_is_no_loss() {
    let fake_index = verdicts::fake_index().in_form(Form::Json, MetadataFiles::Served);
    let path = format!("{FILE}.metadata");
    let text = |text: &str| Reply::bytes("text/plain", text);
    check(
        &fake_index,
        &path,
        [Reply::status(404), Reply::status(404)],
        JUDGED,
    );
    check(
        &fake_index,
        &path,
        [Reply::status(500), Reply::status(500)],
        ("1.0 cp314t unknown", Some("500")),
    );
    check(
        &fake_index,
        &path,
        [text("Name: other\n"), text("Name: other\n")],
        ("1.0 cp314t unknown", Some("expected sha256")),
    );
}

#[test]
fn no_index_at_all_ends_the_run_with_one_line() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let index = format!("http://127.0.0.1:{port}/simple/");
    for command in ["scan", "gate"] {
        let run = Sandbox::new().run(
            &[
                &[command, "a", "b", "--format", "json", "--index-url", &index],
                TARGET,
            ]
            .concat(),
        );
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(4), ""),
            "{}",
            run.stderr
        );
        let told = format!("error: 127.0.0.1:{port} does not answer: ");
        assert!(run.stderr.starts_with(&told), "{}", run.stderr);
        assert_eq!(
            run.stderr
                .lines()
                .filter(|line| line.starts_with("error"))
                .count(),
            1,
            "{}",
            run.stderr
        );
    }
}

#[test]
fn hostile_names_do_nothing_to_the_terminal() {
    let evil = Wheel::new("evil-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl")
        .module(
            "evil/\u{1b}[2Jsample.cpython-314t-x86_64-linux-gnu.so",
            "elf-x86_64-absent.so",
        )
        .requires("\u{1b}]0;title\u{7}nonsense");
    let server = Server::start(FakeIndex::with([evil]).routes());
    let index = server.url("/simple/");
    for format in ["table", "json"] {
        let arguments = [
            &["scan", "evil", "--format", format, "--index-url", &index],
            TARGET,
        ]
        .concat();
        let run = Sandbox::new().run(&arguments);
        assert!(!run.stdout.contains(['\u{1b}', '\u{7}']), "{}", run.stdout);
        assert_eq!(run.stderr, "");
    }
}

// Input

#[test]
fn input_that_cannot_be_read_says_where() {
    let (_, server) = (
        verdicts::fake_index(),
        Server::start(verdicts::fake_index().routes()),
    );
    let sandbox = Sandbox::new();
    sandbox.write("requirements.txt", "ready\npure ==1.0\n  !nonsense\n");
    sandbox.write("nested.txt", "ready\n-r deeper/one.txt\n");
    sandbox.write("deeper/one.txt", "\n\npure===\n");
    sandbox.write("missing.txt", "-r nowhere.txt\n");
    sandbox.write("option.txt", "ready\n--frobnicate\n");
    sandbox.write("bytes.txt", b"ready\npure # \xff\xfe\n");
    sandbox.write("constraint.txt", "ready\n-c nowhere.txt\n");
    sandbox.write("wheel.txt", "ready\n./none-1.0-py3-none-any.whl\n");
    sandbox.write("conflict.txt", "ready==1.0\nready>1\n");
    std::fs::create_dir(sandbox.path("folder.txt")).unwrap();
    for (argument, told) in [
        (
            "requirements.txt",
            &["requirements.txt:3:3", "!nonsense"][..],
        ),
        ("nested.txt", &["deeper/one.txt:3:5"]),
        ("missing.txt", &["missing.txt:1", "nowhere.txt"]),
        ("option.txt", &["option.txt:2:1", "--frobnicate"]),
        ("bytes.txt", &["bytes.txt:2"]),
        ("constraint.txt", &["constraint.txt:2", "nowhere.txt"]),
        ("wheel.txt", &["wheel.txt:2", "none-1.0-py3-none-any.whl"]),
        ("conflict.txt", &["ready==1.0", "ready>1"]),
        ("nowhere.txt", &["nowhere.txt"]),
        ("folder.txt", &["folder.txt"]),
        ("no==", &["no=="]),
    ] {
        let run = sandbox.scan(&server, &[argument]);
        assert_eq!(run.code, Some(2), "{argument}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{argument}");
        assert!(
            run.stderr.starts_with("error: "),
            "{argument}: {}",
            run.stderr
        );
        for words in told {
            assert!(
                run.stderr.contains(words),
                "{argument}: expected {words}, found {}",
                run.stderr
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_an_error_with_its_name() {
    use std::os::unix::fs::PermissionsExt;
    let server = Server::start(verdicts::fake_index().routes());
    let sandbox = Sandbox::new();
    sandbox.write("secret.txt", "ready\n");
    std::fs::set_permissions(
        sandbox.path("secret.txt"),
        std::fs::Permissions::from_mode(0o000),
    )
    .unwrap();
    let run = sandbox.scan(&server, &["secret.txt"]);
    // The superuser may read everything, so there the file is scanned.
    if std::fs::read(sandbox.path("secret.txt")).is_ok() {
        println!("run as the superuser: permissions do not hold, the file is read");
        assert_eq!(run.report().verdicts(), ["ready 1.0 cp314t ready"]);
    } else {
        assert_eq!(run.code, Some(2));
        assert!(
            run.stderr.contains("secret.txt") && run.stderr.contains("ermission"),
            "{}",
            run.stderr
        );
    }
}

#[test]
fn a_local_file_that_is_no_wheel_is_a_problem() {
    let server = Server::start(verdicts::fake_index().routes());
    let sandbox = Sandbox::new();
    let name = "fake-1.0-py3-none-any.whl";
    sandbox.write(name, "I am a text file.\n");
    sandbox.write("own-1.0.tar.gz", "I am a text file.\n");
    sandbox.write("broken/pyproject.toml", "[project\n");
    sandbox.write("requirements.txt", format!("ready\n./{name}\n"));
    let run = sandbox.scan(&server, &["requirements.txt"]);
    let report = run.report();
    assert_eq!(
        report.verdicts(),
        ["fake 1.0 cp314t unknown", "ready 1.0 cp314t ready"]
    );
    assert!(
        report.problems()[0].contains("is not a zip file"),
        "{:?}",
        report.problems()
    );
    assert_eq!(run.code, Some(3));
    sandbox.write("project.txt", "./broken\n");
    for (argument, told) in [
        ("./own-1.0.tar.gz", "own-1.0.tar.gz"),
        ("project.txt", "pyproject.toml"),
    ] {
        let run = sandbox.scan(&server, &["ready", argument]);
        let report = run.report();
        assert_eq!(report.verdicts(), ["ready 1.0 cp314t ready"]);
        assert_eq!(
            (run.code, report.count("problems")),
            (Some(3), 1),
            "{argument}"
        );
        assert!(
            report.problems()[0].contains(told),
            "{:?}",
            report.problems()
        );
    }
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let server = Server::start(verdicts::fake_index().routes());
    let run: Run = Sandbox::new().scan(
        &server,
        &["ready", "--output", "no/such/folder/report.json"],
    );
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(
        run.stderr.contains("no/such/folder/report.json"),
        "{}",
        run.stderr
    );
}
