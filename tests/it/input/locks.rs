//! Lock files against what their own tools take for a target, broken ones against a table of errors.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use ungil::input::{
    self, FilesOnDisk, GroupSelection, InputContext, InputError, SelectedNames, TypedInput,
};
use ungil::model::artifact::{Artifact, ArtifactListing};
use ungil::model::lock::Pin;
use ungil::model::metadata::Metadata;
use ungil::model::name::{MarkerTree, PackageName};
use ungil::model::place::Location;
use ungil::model::problem::ProblemKind;
use ungil::model::request::{PackageSources, Request, Requests, WantedPackage};
use ungil::model::resolution::{Chosen, Resolution};
use ungil::model::target::Target;
use ungil::resolve::{CatalogError, LocatedArtifact, PackageCatalog, PrefetchHint, ResolveOptions};

/// A set that a tool takes from a file of its own.
#[derive(Deserialize)]
struct Expected {
    file: String,
    groups: Vec<String>,
    extras: Vec<String>,
    python: String,
    platform: String,
    packages: Vec<String>,
}

pub(super) fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/inputs")
        .join(kind)
}

fn names(names: &[String]) -> SelectedNames {
    match names {
        [all] if all == "*" => SelectedNames::All,
        names => SelectedNames::These(names.iter().map(|name| name.parse().unwrap()).collect()),
    }
}

pub(super) fn selected(groups: &[String], extras: &[String]) -> GroupSelection {
    GroupSelection {
        groups: names(groups),
        extras: names(extras),
    }
}

pub(super) fn read(
    kind: &str,
    file: &str,
    selection: GroupSelection,
) -> Result<Requests, InputError> {
    let context = InputContext {
        current_directory: folder(kind),
        variables: BTreeMap::new(),
        files: &FilesOnDisk,
        standard_input: None,
        locale_encoding: None,
        selection,
    };
    input::read(
        &[TypedInput::Word(file.to_owned())],
        PackageSources::default(),
        &context,
    )
}

/// A world without packages: what is pinned shows all the same.
struct Nothing;

impl PackageCatalog for Nothing {
    fn listing(&self, name: &PackageName) -> Result<Arc<ArtifactListing>, CatalogError> {
        Err(CatalogError::Absent {
            place: name.to_string(),
        })
    }

    fn metadata(&self, artifact: &Artifact) -> Result<Arc<Metadata>, CatalogError> {
        Err(CatalogError::Absent {
            place: artifact.filename.clone(),
        })
    }

    fn located(&self, location: &Location) -> Result<Arc<LocatedArtifact>, CatalogError> {
        let (kind, place) = (ProblemKind::Network, format!("{location:?}"));
        Err(CatalogError::Unreadable {
            kind,
            place,
            message: "nothing is here".to_owned(),
        })
    }

    fn prefetch(&self, _: Vec<PrefetchHint>) {}
}

pub(super) fn resolve(requests: &Requests, python: &str, platform: &str) -> Resolution {
    let target = Target {
        python: python.parse().unwrap(),
        platform: platform.parse().unwrap(),
    };
    ungil::resolve::resolve(requests, target, &ResolveOptions::default(), &Nothing).unwrap()
}

pub(super) fn label(chosen: &Chosen) -> String {
    match &chosen.version {
        Some(version) => format!("{}=={version}", chosen.name),
        None => format!("{} @", chosen.name),
    }
}

/// Every set that the kind's tool was asked for.
fn check_sets(kind: &str) {
    let expected: Vec<Expected> =
        serde_json::from_slice(&fs::read(folder(kind).join("expected.json")).unwrap()).unwrap();
    assert!(!expected.is_empty());
    for Expected {
        file,
        groups,
        extras,
        python,
        platform,
        packages,
    } in expected
    {
        let requests =
            read(kind, &file, selected(&groups, &extras)).unwrap_or_else(|error| panic!("{error}"));
        let resolution = resolve(&requests, &python, &platform);
        let mut found: Vec<String> = resolution.packages.iter().map(label).collect();
        found.sort();
        assert_eq!(
            found, packages,
            "{kind}/{file} {groups:?} {extras:?} {python} {platform}"
        );
        let content = fs::read_to_string(folder(kind).join(&file)).unwrap();
        let lines: Vec<&str> = content.lines().collect();
        for package in &resolution.packages {
            assert!(
                !package.required_by.is_empty(),
                "{kind}/{file}: {}",
                package.name
            );
            let place = &package.required_by[0].place;
            let line = lines[place.line.unwrap() as usize - 1]
                .to_lowercase()
                .replace('_', "-");
            assert!(line.contains(package.name.as_ref()), "{place}: {line}");
        }
    }
}

/// Everything in `awkward/`: what is read of it, or why not.
fn awkward(kind: &str) -> String {
    // A case is a file, or a folder of one where the name of the file decides.
    let cases = fs::read_dir(folder(kind).join("awkward"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = |case: PathBuf| match case.is_dir() {
        true => fs::read_dir(case).unwrap().next().unwrap().unwrap().path(),
        false => case,
    };
    let shown = |path: PathBuf| {
        path.strip_prefix(folder(kind).join("awkward"))
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    let mut files: Vec<String> = cases.map(file).map(shown).collect();
    files.sort();
    let mut table = String::new();
    for file in files {
        table.push_str(&format!("{file}\n"));
        match read(kind, &format!("awkward/{file}"), GroupSelection::default()) {
            Ok(requests) => table.push_str(&described(&requests)),
            Err(error) => {
                table.push_str(&format!("    error: {error}\n"));
                assert!(error.place().line.is_some(), "{file}");
                assert!(!format!("{error:?}").contains("s3cret"), "{file}");
            }
        }
    }
    table
}

pub(super) fn described_marker(marker: &MarkerTree) -> String {
    marker
        .try_to_string()
        .map_or_else(String::new, |marker| format!(" ; {marker}"))
}

fn asked(request: &Request) -> String {
    match &request.wanted {
        WantedPackage::Named(wanted) => wanted.to_string(),
        WantedPackage::Unnamed {
            location: Location::Path(path),
            extras,
            marker,
        } => {
            let path = path.strip_prefix(folder("")).unwrap_or(path);
            format!("{} {extras:?}{}", path.display(), described_marker(marker))
        }
        WantedPackage::Unnamed {
            location: Location::Url(url),
            marker,
            ..
        } => {
            format!("{url}{}", described_marker(marker))
        }
    }
}

fn described(requests: &Requests) -> String {
    let mut table = String::new();
    for lock in &requests.locks {
        if let Some(bound) = &lock.requires_python {
            table.push_str(&format!(
                "    {}: locked for Python {}\n",
                bound.place, bound.shown
            ));
        }
        for marker in &lock.environments {
            table.push_str(&format!("    locked for{}\n", described_marker(marker)));
        }
        for package in &lock.packages {
            let pin = match &package.pin {
                Pin::Version(version) => format!("=={version}"),
                Pin::Project => " (the project)".to_owned(),
                Pin::Location(Location::Url(url)) => format!(" @ {url}"),
                Pin::Location(Location::Path(path)) => {
                    let root = folder("");
                    format!(" @ {}", path.strip_prefix(&root).unwrap_or(path).display())
                }
            };
            let hashes = package.hashes.len();
            table.push_str(&format!(
                "    {}: {}{pin}, {hashes} digests\n",
                package.place, package.name
            ));
        }
    }
    for request in &requests.requests {
        table.push_str(&format!(
            "    {}: request {}\n",
            request.place,
            asked(request)
        ));
    }
    for request in &requests.constraints {
        table.push_str(&format!(
            "    {}: constraint {}\n",
            request.place,
            asked(request)
        ));
    }
    for bound in &requests.pythons {
        table.push_str(&format!(
            "    {}: for Python {}\n",
            bound.place, bound.shown
        ));
    }
    if requests.sources.pre {
        table.push_str("    pre-releases\n");
    }
    for problem in &requests.problems {
        let package = problem
            .package
            .as_ref()
            .map_or_else(String::new, |name| format!("{name}: "));
        table.push_str(&format!(
            "    problem: {package}{}: {}\n",
            problem.place, problem.message
        ));
    }
    for url in &requests.sources.extra_index_urls {
        table.push_str(&format!("    index {url}\n"));
    }
    for place in &requests.sources.find_links {
        let Location::Path(path) = place else {
            continue;
        };
        table.push_str(&format!(
            "    links {}\n",
            path.strip_prefix(folder("")).unwrap().display()
        ));
    }
    for credentials in &requests.sources.credentials {
        table.push_str(&format!("    credentials for {}\n", credentials.url));
    }
    table
}

pub(super) fn check_awkward(kind: &str) {
    snapshot!("input", format!("awkward-{kind}"), awkward(kind));
}

#[test]
fn pylock_toml() {
    check_sets("pylock");
    check_awkward("pylock");
}

#[test]
fn uv_lock() {
    check_sets("uv");
    check_awkward("uv");
}

#[test]
fn poetry_lock() {
    check_sets("poetry");
    check_awkward("poetry");
}

#[test]
fn pdm_lock() {
    check_sets("pdm");
    check_awkward("pdm");
}

#[test]
fn pipfile_lock() {
    check_sets("pipenv");
    check_awkward("pipenv");
}

#[test]
fn public_applications() {
    let needs = "and may lack what that needs";
    for (application, file, foreign) in [
        (
            "openhands-ai",
            "poetry.lock",
            vec!["poetry.lock:13765 was locked for Python ^3.12,<3.14, not for 3.14t"],
        ),
        (
            "lnbits",
            "uv.lock",
            vec!["uv.lock:3 was locked for Python >=3.10, <3.13, not for 3.14t"],
        ),
        ("advanced-alchemy", "pdm.lock", vec![]),
    ] {
        let kind = format!("applications/{application}");
        check_sets(&kind);
        let requests = read(&kind, file, selected(&["*".to_owned()], &["*".to_owned()])).unwrap();
        assert_eq!(requests.problems, [], "{application}");
        let problems = resolve(&requests, "3.14t", "linux-x86_64").problems;
        let told: Vec<&str> = problems
            .iter()
            .filter_map(|problem| problem.message.strip_suffix(needs))
            .collect();
        assert_eq!(
            told.iter()
                .map(|message| message.trim_end())
                .collect::<Vec<_>>(),
            foreign
        );
    }
}

#[test]
fn a_group_that_no_file_has_is_an_error() {
    let error = read(
        "pylock",
        "pylock.pdm.toml",
        selected(&["tset".to_owned()], &[]),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "command line: expected a name that the input has for `--group`, found `tset`"
    );
    assert!(error.hint().unwrap().contains("test"), "{:?}", error.hint());
}
