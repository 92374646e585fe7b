//! Requirements files against pip's own parser, broken ones against a table of errors, arguments, and hostile bytes.

#![expect(
    clippy::unwrap_used,
    reason = "in helpers of tests, as in tests, a panic is the report"
)]

mod bills;
mod locks;
mod projects;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pep508_rs::{MarkerEnvironment, MarkerTree, VersionOrUrl};
use serde_json::{Value, json};
use ungil::input::{
    self, FileKind, FilesOnDisk, GroupSelection, InputContext, InputError, InputFiles, TypedInput,
};
use ungil::model::place::Location;
use ungil::model::request::{FormatControl, PackageSources, Request, Requests, WantedPackage};
use url::Url;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/inputs/requirements")
}

fn expected_by_pip() -> Value {
    serde_json::from_slice(&fs::read(folder().join("expected-by-pip.json")).unwrap()).unwrap()
}

fn variables() -> BTreeMap<String, String> {
    serde_json::from_value(expected_by_pip().get("variables").unwrap().clone()).unwrap()
}

fn context<'a>(files: &'a dyn InputFiles, standard_input: &[u8]) -> InputContext<'a> {
    InputContext {
        current_directory: folder(),
        variables: variables(),
        files,
        standard_input: Some(standard_input.to_vec()),
        locale_encoding: None,
        selection: GroupSelection::default(),
    }
}

fn read(arguments: &[&str]) -> Result<Requests, InputError> {
    let words: Vec<TypedInput> = arguments
        .iter()
        .map(|argument| TypedInput::Word((*argument).to_owned()))
        .collect();
    input::read(
        &words,
        PackageSources::default(),
        &context(&FilesOnDisk, b"numpy # by hand\n-c nested/bounds.txt\n"),
    )
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name.ends_with(".txt")).collect();
    names.sort();
    names
}

fn at_path(path: &Path) -> Value {
    json!(path.strip_prefix(folder()).unwrap_or(path))
}

fn at_url(url: &Url) -> Value {
    if url.scheme() == "file" {
        at_path(&url.to_file_path().unwrap())
    } else {
        json!(url.as_str())
    }
}

fn at(location: &Location) -> Value {
    match location {
        Location::Url(url) => at_url(url),
        Location::Path(path) => at_path(path),
    }
}

/// The request in the words of `expected-by-pip.py`.
fn described(request: &Request, environments: &[MarkerEnvironment]) -> Value {
    let mut versions = Vec::new();
    let (name, extras, place, marker): (_, _, _, &MarkerTree) = match &request.wanted {
        WantedPackage::Named(requirement) => {
            let place = match &requirement.version_or_url {
                None => Value::Null,
                Some(VersionOrUrl::Url(url)) => at_url(url),
                Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
                    versions.extend(specifiers.iter().map(ToString::to_string));
                    Value::Null
                }
            };
            (
                json!(requirement.name.as_ref()),
                &requirement.extras,
                place,
                &requirement.marker,
            )
        }
        WantedPackage::Unnamed {
            location,
            extras,
            marker,
        } => (Value::Null, extras, at(location), marker),
    };
    versions.sort();
    let mut extras: Vec<&str> = extras.iter().map(AsRef::as_ref).collect();
    extras.sort_unstable();
    let mut hashes: Vec<String> = request.hashes.iter().map(ToString::to_string).collect();
    hashes.sort();
    json!({
        "file": request.place.file,
        "line": request.place.line,
        "name": name,
        "extras": extras,
        "versions": versions,
        "at": place,
        "hashes": hashes,
        "applies": environments.iter().map(|environment| marker.evaluate(environment, &[])).collect::<Vec<_>>(),
    })
}

fn control(control: &FormatControl) -> Value {
    match control {
        FormatControl::None => json!([]),
        FormatControl::All => json!([":all:"]),
        FormatControl::Names(names) => json!(names),
    }
}

fn described_all(requests: &Requests, environments: &[MarkerEnvironment]) -> Value {
    let all = |requests: &[Request]| {
        requests
            .iter()
            .map(|each| described(each, environments))
            .collect::<Vec<_>>()
    };
    let sources = &requests.sources;
    let indexes: Vec<&Url> = match sources.no_index {
        true => Vec::new(),
        false => sources
            .index_url
            .iter()
            .chain(&sources.extra_index_urls)
            .collect(),
    };
    json!({
        "requests": all(&requests.requests),
        "constraints": all(&requests.constraints),
        "indexes": indexes.iter().map(|url| url.as_str()).collect::<Vec<_>>(),
        "find_links": sources.find_links.iter().map(at).collect::<Vec<_>>(),
        "no_index": sources.no_index,
        "only_binary": control(&sources.only_binary),
        "no_binary": control(&sources.no_binary),
        "pre": sources.pre,
        "prefer_binary": sources.prefer_binary,
    })
}

#[test]
fn every_file_is_read_as_pip_reads_it() {
    let expected = expected_by_pip();
    let environments: Vec<MarkerEnvironment> =
        serde_json::from_value(expected.get("environments").unwrap().clone()).unwrap();
    let files = expected.get("files").unwrap().as_object().unwrap();
    assert_eq!(
        names_in(&folder()),
        files.keys().cloned().collect::<Vec<_>>(),
        "run expected-by-pip.py"
    );
    for (name, expected) in files {
        let mut expected = expected.clone();
        for key in ["only_binary", "no_binary"] {
            // With every package covered, further names add nothing.
            if expected[key].as_array().unwrap().contains(&json!(":all:")) {
                expected[key] = json!([":all:"]);
            }
        }
        let requests = read(&[name]).unwrap_or_else(|error| panic!("{name}: {error}"));
        let found = described_all(&requests, &environments);
        for (key, expected) in expected.as_object().unwrap() {
            assert_eq!(&found[key], expected, "{name}: {key}");
        }
    }
}

#[test]
fn what_is_broken_says_where_and_what_was_expected() {
    let expected = expected_by_pip();
    let mut table = String::new();
    for name in names_in(&folder().join("broken")) {
        let error = read(&[&format!("broken/{name}")]).expect_err(&name);
        table.push_str(&format!("{error}\n"));
        if let Some(hint) = error.hint() {
            table.push_str(&format!("    hint: {hint}\n"));
        }
        if expected["broken"][&name] == "accepted" {
            table.push_str("    (pip accepts this)\n");
        }
        assert!(error.place().line.is_some(), "{name}");
        for secret in ["s3cret", "me:secret"] {
            assert!(
                !format!("{error} {error:?} {:?}", error.hint()).contains(secret),
                "{name}: {error:?}"
            );
        }
    }
    snapshot!("input", "broken-requirements", table);
}

#[test]
fn credentials_leave_their_urls() {
    let requests = read(&["options.txt", "urls.txt", "variables.txt"]).unwrap();
    let credentials: Vec<_> = requests
        .sources
        .credentials
        .iter()
        .map(|each| {
            (
                each.url.as_str(),
                each.username.as_str(),
                each.password.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        credentials,
        [
            ("https://second.example.org/simple/", "user", Some("secret")),
            ("https://extra-two.example.org/simple", "token", None),
            (
                "https://files.example.org/a/demo-1.0.zip",
                "user",
                Some("p@ss")
            ),
            ("git+ssh://git.example.org/me/tool.git@main", "git", None),
            ("git+https://git.example.org/me/other", "token", None),
            ("https://private.example.org/simple", "me", Some("s3cret")),
        ]
    );
    let shown = format!("{requests:?}");
    for secret in ["secret", "p%40ss", "p@ss", "token", "s3cret"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

#[test]
fn columns_point_at_the_requirement() {
    let places: Vec<String> = read(&["crlf.txt", "names.txt"])
        .unwrap()
        .requests
        .iter()
        .map(|request| request.place.to_string())
        .collect();
    assert_eq!(
        places[..3],
        ["crlf.txt:1:1", "crlf.txt:2:1", "crlf.txt:6:1"]
    );
    assert_eq!(places[6], "names.txt:4:3");
}

#[test]
fn arguments_are_files_places_or_names() {
    let environments = [];
    let mut table = String::new();
    for argument in [
        "numpy==2.5.5",
        "lxml",
        "foo[bar]>=1; python_version<\"4\"",
        "demo @ https://files.example.org/demo-1.0.tar.gz",
        "demo @ ./wheels/demo-1.0.tar.gz",
        "./project",
        "project",
        ".",
        "wheels/demo-1.0-py3-none-any.whl",
        "./wheels/demo-1.0.tar.gz[extra]",
        "https://files.example.org/demo-1.0-py3-none-any.whl",
        "git+https://git.example.org/me/tool.git",
        "nested/leaf.in",
        "./nested/../nested/leaf.in",
        "-",
        "reqs.txt",
        "nested/not-there",
        "not-there-1.0-py3-none-any.whl",
        "demo @ ./not-there.whl",
        "https://user:secret@example.org/requirements.txt",
        "expected-by-pip.json",
        "project/pyproject.toml",
        "numpy=1",
        "foo bar",
        "",
        "--pre",
    ] {
        table.push_str(&format!("{argument}\n"));
        match read(&[argument]) {
            Ok(requests) => {
                for request in requests.requests.iter().chain(&requests.constraints) {
                    let found = described(request, &environments);
                    let part = |key: &str| found[key].to_string();
                    let line = ["name", "extras", "versions", "at"].map(part).join(" ");
                    table.push_str(&format!("    {}: {line}\n", request.place));
                }
            }
            Err(error) => table.push_str(&format!("    error: {error}\n")),
        }
    }
    snapshot!("input", "arguments", table);
}

#[test]
fn limits_end_the_reading_and_not_the_process() {
    let check = |content: Vec<u8>, expected: &str| {
        let files = OneChanged {
            path: folder().join("names.txt"),
            content,
        };
        let error = input::read(
            &[TypedInput::Word("names.txt".into())],
            PackageSources::default(),
            &context(&files, b""),
        )
        .unwrap_err()
        .to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(
        vec![b'#'; 9 * 1024 * 1024],
        "expected at most 8388608 bytes",
    );
    check(
        [b"a ; ".to_vec(), vec![b'('; 1000]].concat(),
        "names.txt:1:37",
    );
    check(
        [b"a".repeat(100_000)].concat(),
        "expected at most 16384 bytes",
    );
    check(
        "-c nested/leaf.in\n".repeat(1001).into_bytes(),
        "expected at most 1000 included files",
    );
}

/// The disk, with one file changed.
struct OneChanged {
    path: PathBuf,
    content: Vec<u8>,
}

impl InputFiles for OneChanged {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        FilesOnDisk.kind(path)
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        if path == self.path {
            return Ok(self.content.iter().take(limit).copied().collect());
        }
        FilesOnDisk.read(path, limit)
    }
}

/// A small generator of pseudo-random numbers: the same on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound.max(1)
    }
}

/// What the grammar is sensitive to.
const PIECES: [&[u8]; 36] = [
    b"\\",
    b"\\\n",
    b"\n",
    b"#",
    b" #",
    b"\"",
    b"'",
    b"[",
    b"]",
    b"(",
    b")",
    b"@",
    b" @ ",
    b";",
    b" ; ",
    b"=",
    b"==",
    b"<",
    b"~=",
    b"*",
    b"${",
    b"${UNGIL_TOKEN}",
    b"-r ",
    b"-e ",
    b"-",
    b"--hash=",
    b"sha256:",
    b"://",
    b"file:",
    b"%",
    b"\xff",
    b"\xc3\xa4",
    b"\0",
    b" and ",
    b"!",
    b" in ",
];

/// The bytes with a few pieces cut out, put in, or put in their place.
fn changed(seed: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut content = seed.to_vec();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(content.len() + 1);
        let end = (at + numbers.below(8)).min(content.len());
        let piece = PIECES[numbers.below(PIECES.len())].iter().copied();
        match numbers.below(3) {
            0 => drop(content.drain(at..end)),
            1 => drop(content.splice(at..at, piece)),
            _ => drop(content.splice(at..end, piece)),
        }
    }
    content
}

#[test]
fn changed_bytes_never_panic() {
    let mut seeds: Vec<(String, Vec<u8>)> = names_in(&folder())
        .into_iter()
        .chain(
            names_in(&folder().join("broken"))
                .into_iter()
                .map(|name| format!("broken/{name}")),
        )
        .map(|name| (name.clone(), fs::read(folder().join(&name)).unwrap()))
        .collect();
    seeds
        .iter_mut()
        .for_each(|(_, content)| content.truncate(600));
    let variables = variables();
    let mut numbers = Numbers(20_260_101);
    for round in 0..60 {
        for (name, seed) in &seeds {
            let content = changed(seed, &mut numbers);
            let files = OneChanged {
                path: folder().join(name),
                content,
            };
            let context = InputContext {
                current_directory: folder(),
                variables: variables.clone(),
                files: &files,
                standard_input: None,
                locale_encoding: None,
                selection: GroupSelection::default(),
            };
            if let Err(error) = input::read(
                &[TypedInput::Word(name.clone())],
                PackageSources::default(),
                &context,
            ) {
                let shown = format!("{error} {:?}", error.hint());
                assert!(!shown.contains("s3cret"), "round {round}, {name}: {shown}");
            }
        }
    }
}
