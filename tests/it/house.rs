//! The house's rules, read off the source: who may import whom, which crate may be used where, that every file says
//! what it is for, and that the things that stand in several places stand in all of them.
//!
//! Each test fails with the offending pairs. None returns early: where a room is not built yet, the test says so by
//! comparing two things that are both missing.

mod arrows;
mod names;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use source::{SourceFile, sources};

/// Which rooms of the library a room may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    // Tools that know nothing of ours.
    ("lexical", &[]),
    ("memo", &[]),
    ("regular_file", &[]),
    // The grammar of requirements, guarded.
    ("pep508", &["model"]),
    ("input", &["model", "lexical", "pep508"]),
    ("index", &["model", "memo", "regular_file"]),
    // Which way a package went between two reports.
    ("compare", &["model"]),
    // What is the interpreter's, in one place for all.
    ("cpython", &["model"]),
    ("archive", &["model", "cpython", "pep508", "regular_file"]),
    // Records of what is installed are those of wheels, unpacked.
    ("installed", &["model", "archive", "cpython", "lexical"]),
    ("resolve", &["model"]),
    ("binary", &["model", "cpython"]),
    ("evaluator", &["model", "cpython", "binary"]),
    ("examine", &["model", "cpython", "binary", "evaluator"]),
    ("import", &["model", "cpython"]),
    ("rules", &["model", "cpython"]),
    ("verdict", &["model"]),
    ("gate", &["model", "compare"]),
    ("plan", &["model"]),
    ("report", &["model", "lexical", "compare"]),
    ("source", &["model", "cpython", "pep508"]),
    (
        "scan",
        &[
            "model",
            "pep508",
            "cpython",
            "input",
            "index",
            "archive",
            "resolve",
            "binary",
            "examine",
            "source",
            "import",
            "rules",
            "verdict",
            "plan",
            "memo",
            "installed",
        ],
    ),
    ("cli", &[]),
];

/// Where each dependency may be used; `""` is everywhere. A new dependency needs a row here.
const CONFINED: &[(&str, &[&str])] = &[
    ("anstream", &["cli"]),
    ("anstyle", &["cli", "report"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("comfy_table", &["cli", "report"]),
    ("configparser", &["cli"]),
    ("crc32fast", &["archive", "index/store.rs"]),
    ("csv", &["report/rows.rs"]),
    ("encoding_rs", &["input", "archive/metadata.rs"]),
    ("etcetera", &["cli"]),
    ("flate2", &["archive"]),
    ("goblin", &["binary/image"]),
    ("html5gum", &["index"]),
    ("http", &["index"]),
    ("http_cache_semantics", &["index"]),
    ("iced_x86", &["evaluator", "binary/sweep"]),
    ("indicatif", &["cli"]),
    ("mailparse", &["archive"]),
    ("netrc", &["cli", "index"]),
    ("object", &["binary/image"]),
    ("pep440_rs", &["model/name.rs", "input", "resolve"]),
    (
        "pep508_rs",
        &[
            "pep508.rs",
            "model/name.rs",
            "model/metadata.rs",
            "input",
            "resolve",
            "archive",
            "source/forecast.rs",
        ],
    ),
    ("pubgrub", &["resolve"]),
    ("quick_xml", &["report/junit.rs", "report/junit"]),
    ("rawzip", &["archive"]),
    ("rayon", &["scan"]),
    ("reqwest", &["index/http.rs", "index/http"]),
    ("ruzstd", &["archive"]),
    ("schemars", &["report/json", "cli/config_file"]),
    (
        "serde",
        &[
            "model",
            "input",
            "index",
            "archive",
            "installed",
            "rules",
            "report/json",
            "report/sarif",
            "report/cyclonedx",
            "report/gitlab.rs",
            "scan",
            "cli/config_file.rs",
            "cli/config_file",
        ],
    ),
    (
        "serde_json",
        &["input", "index", "installed", "report", "scan"],
    ),
    ("serde_saphyr", &["input"]),
    (
        "sha2",
        &["archive", "index", "report/alert.rs", "report/html", "scan"],
    ),
    ("tar", &["archive"]),
    ("tempfile", &["cli"]),
    ("thiserror", &[""]),
    (
        "toml",
        &[
            "input",
            "archive/project.rs",
            "source/limited.rs",
            "source/manifest.rs",
            "rules",
            "cli/config_file.rs",
            "cli/config_file",
        ],
    ),
    ("url", &[""]),
    ("walkdir", &["archive", "index", "input", "scan"]),
    ("yaxpeax_arch", &["evaluator"]),
    ("yaxpeax_arm", &["evaluator"]),
];

/// Dependencies whose crate has another name in code.
const CRATE_NAMES: &[(&str, &str)] = &[("rust-netrc", "netrc")];

/// What only `cli` may do, because the library never prints, exits, or reads the environment, the clock or the current
/// directory.
const ONLY_CLI: &[&str] = &[
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
    "std::env",
    "env::var",
    "env::current_dir",
    "process::exit",
    "SystemTime::now",
    "Instant::now",
    "io::stdout",
    "io::stderr",
    "io::stdin",
];

/// Who reads the clock all the same: whether a server answers is a matter of time.
const CLOCKS: [(&str, &str); 1] = [("index/http.rs", "Instant::now")];

/// What may end the process in the middle of a sentence.
const NEVER: &[&str] = &[
    ".unwrap()",
    ".expect(",
    "panic!(",
    "todo!(",
    "unimplemented!(",
    "unreachable!(",
    "#[allow(",
];

/// Most lines of a file, its tests not counted.
const LONGEST_FILE: usize = 500;
/// Files that may be longer, and why.
const LONGER_FILES: &[(&str, usize, &str)] = &[
    ("input/requirements_txt.rs", 517, "to be split by subject"),
    ("input/uv_lock.rs", 539, "to be split by subject"),
    ("plan/planner.rs", 559, "to be split by subject"),
    ("report/plan_text.rs", 573, "to be split by subject"),
    (
        "scan/planning/first_ready.rs",
        529,
        "to be split by subject",
    ),
];

/// The claim that no static look can make; never part of any output.
const FORBIDDEN: &[&str] = &["thread-safe", "thread safe", "threadsafe"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Names in a folder that end so, without the ending, sorted; nothing when there is no such folder.
fn names(folder: &str, ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).into_iter().flatten();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| name.strip_suffix(ending).map(str::to_owned))
        .collect()
}

fn manifest() -> toml::Table {
    read(&root().join("Cargo.toml")).parse().unwrap()
}

fn dependencies(section: &str) -> Vec<String> {
    manifest()[section]
        .as_table()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

/// Fails with all offences at once.
fn check<T: std::fmt::Display>(rule: &str, offences: impl IntoIterator<Item = T>) {
    let offences: Vec<String> = offences
        .into_iter()
        .map(|offence| offence.to_string())
        .collect();
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn rooms_import_only_what_they_may() {
    let table: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut offences = Vec::new();
    for file in sources().iter().filter(|file| !file.is_root()) {
        let Some(allowed) = table.get(file.room()) else {
            offences.push(format!(
                "{} is in a room that the table does not know",
                file.path
            ));
            continue;
        };
        for room in file.rooms_used() {
            if room != file.room() && !allowed.contains(&room.as_str()) {
                offences.push(format!("{} -> {room}", file.path));
            }
        }
    }
    check("a room imports what it may not", offences);
}

#[test]
fn only_the_command_knows_the_library_by_name() {
    let using = sources()
        .into_iter()
        .filter(|file| file.room() != "cli" && file.uses_crate("ungil"));
    check(
        "the library names itself from outside",
        using.map(|file| file.path),
    );
}

#[test]
fn crates_are_used_only_where_they_may() {
    let mut offences = Vec::new();
    for file in sources() {
        for (name, places) in CONFINED {
            if file.uses_crate(name) && !places.iter().any(|place| file.is_in(place)) {
                offences.push(format!(
                    "{} -> {name}, which is for {}",
                    file.path,
                    places.join(", ")
                ));
            }
        }
    }
    check("a crate is used outside its place", offences);
}

#[test]
fn every_dependency_has_a_place_and_a_reason() {
    let page = read(&root().join("docs/dependencies.md"));
    let mut offences = Vec::new();
    for dependency in dependencies("dependencies") {
        let renamed = CRATE_NAMES
            .iter()
            .find(|(package, _)| *package == dependency);
        let name = renamed.map_or_else(
            || dependency.replace('-', "_"),
            |(_, name)| (*name).to_owned(),
        );
        if !CONFINED.iter().any(|(known, _)| *known == name) {
            offences.push(format!("{dependency} has no row in CONFINED"));
        }
    }
    for dependency in dependencies("dependencies")
        .into_iter()
        .chain(dependencies("dev-dependencies"))
    {
        if !page
            .lines()
            .any(|line| line.starts_with(&format!("| `{dependency}` |")))
        {
            offences.push(format!("{dependency} has no row in docs/dependencies.md"));
        }
    }
    let known: Vec<String> = dependencies("dependencies")
        .into_iter()
        .chain(dependencies("dev-dependencies"))
        .collect();
    let named = page
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once("` |")?.0));
    let strays = named.filter(|named| !known.iter().any(|dependency| dependency == named));
    offences
        .extend(strays.map(|named| {
            format!("docs/dependencies.md speaks of {named}, which is no dependency")
        }));
    check("a dependency is not accounted for", offences);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut silent: Vec<String> = sources()
        .into_iter()
        .filter(|file| !file.text.starts_with("//! "))
        .map(|file| file.path)
        .collect();
    for path in source::rust_files(&root().join("tests")) {
        if !read(&path).starts_with("//! ") {
            silent.push(path.display().to_string());
        }
    }
    check("a file does not open with what it is for (`//! …`)", silent);
}

#[test]
fn only_the_command_touches_the_machine() {
    let mut offences = Vec::new();
    for file in sources().iter().filter(|file| file.room() != "cli") {
        let words = ONLY_CLI
            .iter()
            .filter(|word| file.has(word) && !CLOCKS.contains(&(file.path.as_str(), **word)));
        offences.extend(words.map(|word| format!("{}: {word}", file.path)));
    }
    check("the library does what only the command may", offences);
}

#[test]
fn nothing_outside_tests_may_panic() {
    let mut offences = Vec::new();
    for file in sources() {
        offences.extend(
            NEVER
                .iter()
                .filter(|word| file.has(word))
                .map(|word| format!("{}: {word}", file.path)),
        );
    }
    check(
        "code outside tests may panic, or silences a lint without a reason",
        offences,
    );
}

#[test]
fn files_keep_to_their_budget() {
    let mut offences = Vec::new();
    for file in sources() {
        let exempt = LONGER_FILES.iter().find(|(path, ..)| *path == file.path);
        let budget = exempt.map_or(LONGEST_FILE, |(_, lines, _)| *lines);
        if file.lines() > budget {
            offences.push(format!(
                "{} has {} lines, {budget} are allowed",
                file.path,
                file.lines()
            ));
        }
    }
    let paths: Vec<String> = sources().into_iter().map(|file| file.path).collect();
    for (path, ..) in LONGER_FILES
        .iter()
        .filter(|(path, ..)| !paths.iter().any(|known| known == path))
    {
        offences.push(format!("{path} is exempt but does not exist"));
    }
    check("a file is too long (tests not counted)", offences);
}

#[test]
fn no_output_claims_what_nobody_can_see() {
    let mut texts: Vec<(String, String)> = Vec::new();
    for file in sources() {
        texts.extend(
            file.literals
                .iter()
                .map(|literal| (file.path.clone(), literal.clone())),
        );
    }
    for (folder, ending) in [("rules", ".toml"), ("docs/rules", ".md")] {
        for name in names(folder, ending) {
            let path = format!("{folder}/{name}{ending}");
            texts.push((path.clone(), read(&root().join(path))));
        }
    }
    for ending in [".css", ".js"] {
        for name in names("src/report/html", ending) {
            let path = format!("src/report/html/{name}{ending}");
            texts.push((path.clone(), read(&root().join(path))));
        }
    }
    let found = texts.iter().filter(|(_, text)| {
        let flat = text
            .to_lowercase()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        FORBIDDEN.iter().any(|claim| flat.contains(claim))
    });
    check(
        "an output would claim more than a declaration",
        found.map(|(path, text)| format!("{path}: {text:.80}")),
    );
}

#[test]
fn no_test_returns_early() {
    let mut offences = Vec::new();
    for path in ["tests", "src", "examples"]
        .iter()
        .flat_map(|folder| source::rust_files(&root().join(folder)))
    {
        // It speaks of such tests.
        if !path.ends_with("house/source.rs") {
            let found = source::tests_that_return_early(&read(&path));
            offences.extend(
                found
                    .into_iter()
                    .map(|name| format!("{}: {name}", path.display())),
            );
        }
    }
    check(
        "a test may pass without a check: say `ignore`, with what it needs, and have .ci/run run it",
        offences,
    );
}

#[test]
fn no_test_goes_by_the_clock() {
    let files = ["tests", "src"]
        .iter()
        .flat_map(|folder| source::rust_files(&root().join(folder)));
    // This file names the word, and others measure what is no test.
    let is_clock = |path: &Path| {
        CLOCKS
            .iter()
            .any(|(file, _)| path.ends_with(Path::new("src").join(file)))
    };
    let checked = files.filter(|path| !path.ends_with("tests/it/house.rs") && !is_clock(path));
    let found = checked.filter(|path| read(path).contains(".elapsed()"));
    check(
        "a test may fail because a machine is slow: count what is done",
        found.map(|path| path.display().to_string()),
    );
}

#[test]
fn every_file_of_the_evaluator_has_tests() {
    let has_tests = |file: &SourceFile| {
        let beside = root()
            .join("src")
            .join(file.path.trim_end_matches(".rs"))
            .join("tests.rs");
        // The rows of an instruction set go through the models in the files that the test of its mnemonics reads.
        let has_rows = ["x86", "arm64"].iter().any(|set| {
            let folder = file
                .path
                .strip_prefix("evaluator/isa/")
                .filter(|rest| rest.starts_with(set));
            let tests = read(&root().join(format!("src/evaluator/isa/tests/{set}.rs")));
            folder.is_some_and(|rest| tests.contains(&format!("include_str!(\"../{rest}\")")))
        });
        file.text.contains("#[test]") || beside.exists() || has_rows || !file.has("fn ")
    };
    let files: Vec<SourceFile> = sources()
        .into_iter()
        .filter(|file| file.room() == "evaluator")
        .collect();
    let without = files
        .iter()
        .filter(|file| !has_tests(file))
        .map(|file| file.path.as_str());
    check(
        "a file of the evaluator has neither tests nor a file of them",
        without,
    );
}

#[test]
fn every_rule_stands_in_five_places() {
    let rules = names("rules", ".toml");
    assert_eq!(
        rules.is_empty(),
        !root().join("src/rules.rs").exists(),
        "rules without an engine, or the reverse"
    );
    let builtin = fs::read_to_string(root().join("src/rules/builtin.rs")).unwrap_or_default();
    let mut offences = Vec::new();
    for rule in &rules {
        let places = [
            format!("docs/rules/{rule}.md"),
            format!("fixtures/rules/{rule}"),
            format!("tests/snapshots/rules/{rule}.snap"),
        ];
        offences.extend(
            places
                .into_iter()
                .filter(|place| !root().join(place).exists()),
        );
        if !builtin.contains(&format!("/rules/{rule}.toml\""))
            && !builtin.contains(&format!("\"{rule}\""))
        {
            offences.push(format!("src/rules/builtin.rs: {rule}"));
        }
    }
    for (folder, ending) in [
        ("docs/rules", ".md"),
        ("fixtures/rules", ""),
        ("tests/snapshots/rules", ".snap"),
    ] {
        let strays = names(folder, ending)
            .into_iter()
            .filter(|name| name != "README" && !rules.contains(name));
        offences.extend(strays.map(|name| format!("{folder}/{name}{ending} belongs to no rule")));
    }
    check("a rule is not in all of its five places", offences);
}

#[test]
fn snapshots_stand_in_one_place() {
    let files = walkdir::WalkDir::new(root().join("tests"))
        .into_iter()
        .filter_map(Result::ok);
    let elsewhere = files.map(walkdir::DirEntry::into_path).filter(|path| {
        path.extension().is_some_and(|it| it == "snap")
            && !path.starts_with(root().join("tests/snapshots"))
    });
    check(
        "a snapshot stands outside of tests/snapshots",
        elsewhere.map(|path| path.display().to_string()),
    );
}

#[test]
fn every_adapter_is_exercised() {
    let adapters: Vec<SourceFile> = sources()
        .into_iter()
        .filter(|file| file.room() == "input" && file.has("impl InputAdapter for"))
        .collect();
    assert_eq!(
        adapters.is_empty(),
        !root().join("src/input.rs").exists(),
        "a room for input without adapters"
    );
    let mut tests = fs::read_to_string(root().join("tests/it/input.rs")).unwrap_or_default();
    for path in source::rust_files(&root().join("tests/it/input")) {
        tests.push_str(&read(&path));
    }
    let missing = adapters.iter().filter(|file| {
        let stem = Path::new(&file.path)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap();
        !tests.contains(stem) && !tests.contains(&stem.replace('_', "."))
    });
    check(
        "an adapter is used by no test",
        missing.map(|file| &file.path),
    );
}
