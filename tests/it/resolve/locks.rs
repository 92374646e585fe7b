//! Lock files over an index in memory: the set, the paths, the files that digests leave, and what is said of the rest.

use ungil::model::lock::{Lock, LockedEdge, LockedPackage, Pin};
use ungil::model::place::Place;
use ungil::model::python_bound::PythonBound;
use ungil::model::request::Requests;
use ungil::model::resolution::Resolution;
use ungil::pep508;
use ungil::resolve::ResolveOptions;

use super::world::{World, digest, render, target};

/// A lock whose lines are `name version | when it is listed | position of a dependency ; its marker`, with digests after
/// `sha=`; a version `project` is the project itself, an empty second column is a package that only edges lead to.
fn lock(table: &str) -> Lock {
    let marker = |text: &str| pep508::marker(text).unwrap();
    let lines = table.lines().map(str::trim).filter(|line| !line.is_empty());
    let packages = lines.zip(1..).map(|(line, number)| {
        let mut columns = line.split('|').map(str::trim);
        let mut words = columns.next().unwrap().split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        let listed = columns.next().filter(|text| !text.is_empty());
        let edge = |text: &str| {
            let (to, condition) = text.split_once(';').unwrap_or((text, "os_name != ''"));
            let (to, extra) = to
                .trim()
                .split_once(':')
                .map_or((to.trim(), None), |(to, extra)| (to, Some(extra)));
            let extras = extra.iter().map(|extra| extra.parse().unwrap()).collect();
            LockedEdge {
                to: to.parse().unwrap(),
                extras,
                marker: marker(condition),
                of_extra: None,
            }
        };
        LockedPackage {
            name: name.parse().unwrap(),
            pin: if version == "project" {
                Pin::Project
            } else {
                Pin::Version(version.parse().unwrap())
            },
            listed: listed.map(marker),
            hashes: words
                .map(|word| digest(word.strip_prefix("sha=").unwrap()))
                .collect(),
            dependencies: columns
                .next()
                .into_iter()
                .flat_map(|text| text.split('&'))
                .filter(|text| !text.is_empty())
                .map(edge)
                .collect(),
            place: Place {
                file: "x.lock".to_owned(),
                line: Some(number),
                column: None,
            },
        }
    });
    Lock {
        file: "x.lock".to_owned(),
        packages: packages.collect(),
        ..Lock::default()
    }
}

fn resolve(world: &str, locks: Vec<Lock>) -> Resolution {
    let requests = Requests {
        locks,
        ..Requests::default()
    };
    ungil::resolve::resolve(
        &requests,
        target("3.14t"),
        &ResolveOptions::default(),
        &World::new(world),
    )
    .unwrap()
}

fn root(to: usize) -> LockedEdge {
    LockedEdge {
        to,
        extras: vec![],
        marker: Default::default(),
        of_extra: None,
    }
}

fn check(world: &str, lock: Lock, expected: &str) {
    let found = render(Ok(resolve(world, vec![lock])));
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(found, expected.join("\n"), "\nfound:\n{found}\n");
}

const LISTED: &str = "os_name != ''";

#[test]
fn what_is_pinned_is_taken_and_nothing_else() {
    let world = "
        web 2.0 | pure | core>=2
        web 1.0 | pure | core>=2 & other
        core 2.0 | cp314t
        core 1.0 | cp314t
        other 1.0 | pure";
    check(
        world,
        lock(&format!("web 1.0|{LISTED}|1\ncore 1.0|{LISTED}")),
        "core 1.0: cp314-cp314t\nweb 1.0: py3-none-any",
    );
}

#[test]
fn only_files_with_a_locked_digest_count() {
    let world = "
        a 1.0 | sha=aa cp313
        a 1.0 | sha=bb cp314t
        b 1.0 | sha=cc cp314t
        c 1.0 | cp314t";
    check(
        world,
        lock(&format!(
            "a 1.0 sha=aa|{LISTED}\nb 1.0 sha=dd|{LISTED}\nc 1.0 sha=ee|{LISTED}\nd 1.0|{LISTED}\nc 2|{LISTED}"
        )),
        "a 1.0: nothing: no wheel for cp314t: a 1.0 has wheels for cp313 only and no source distribution (x.lock:1 allows 1 of its 2 files)
         b 1.0: nothing: no file of b 1.0 has a digest that x.lock:2 gives
         c 1.0: cp314-cp314t
         c 2: unknown: no index offers c 2, which x.lock:5 pins
         d 1.0: unknown: no such package
         ! c: no index offers c 2, which x.lock:5 pins
         ! https://files.test/d/: no such package
         ! b: no file of b 1.0 has a digest that x.lock:2 gives",
    );
}

#[test]
fn edges_and_markers_lead_to_the_set() {
    let mut lock = lock(
        "app project||1 & 2 ; sys_platform == 'win32'
         web 1.0||3
         win 1.0||
         core 1.0||1",
    );
    lock.roots = vec![root(0)];
    let resolution = resolve("", vec![lock]);
    let paths = |chosen: &ungil::model::resolution::Chosen| {
        let paths = chosen
            .required_by
            .iter()
            .map(|path| format!("{} {:?}", path.place, path.path.len()));
        format!("{}: {}", chosen.name, paths.collect::<Vec<_>>().join(", "))
    };
    let found: Vec<String> = resolution.packages.iter().map(paths).collect();
    assert_eq!(found, ["core: x.lock:4 1", "web: x.lock:2 0"]);
}

#[test]
fn packages_that_only_require_each_other_are_not_lost() {
    let resolution = resolve(
        "",
        vec![lock(&format!("a 1.0|{LISTED}|1\nb 1.0|{LISTED}|0"))],
    );
    assert_eq!(resolution.packages.len(), 2);
    assert!(
        resolution
            .packages
            .iter()
            .all(|package| !package.required_by.is_empty())
    );
}

#[test]
fn a_lock_for_other_targets_is_a_problem() {
    let made_for = |shown: &str, any_of: &[&str]| {
        let any_of = any_of.iter().map(|text| text.parse().unwrap()).collect();
        let place = Place {
            file: "x.lock".to_owned(),
            line: Some(9),
            column: None,
        };
        let bound = PythonBound {
            any_of,
            shown: shown.to_owned(),
            place,
        };
        Lock {
            requires_python: Some(bound),
            ..lock(&format!("a 1.0|{LISTED}"))
        }
    };
    let world = "a 1.0 | pure";
    check(
        world,
        made_for("^2.7 || ^3.8,<3.14", &[">=2.7,<3", ">=3.8,<3.14"]),
        "a 1.0: py3-none-any
         ! cp314t-linux-x86_64: x.lock:9 was locked for Python ^2.7 || ^3.8,<3.14, not for 3.14t and may lack what that needs",
    );
    check(
        world,
        made_for("^2.7 || ^3.8", &[">=2.7,<3", ">=3.8,<4"]),
        "a 1.0: py3-none-any",
    );
}

#[test]
fn files_that_a_lock_for_other_targets_lacks_count_and_say_so() {
    let place = Place {
        file: "uv.lock".to_owned(),
        line: Some(3),
        column: None,
    };
    let bound = |bound: &str| PythonBound {
        any_of: vec![bound.parse().unwrap()],
        shown: bound.to_owned(),
        place: place.clone(),
    };
    let world = "
        a 1.0 | sha=aa cp313
        a 1.0 | sha=bb cp314t
        b 1.0 | sha=cc pure
        c 1.0 | sha=dd cp313
        d 1.0 | sha=ee python<3.14 pure
        e 1.0 | sha=ff cp313
        e 1.0 | sha=00 sdist";
    let table = format!(
        "a 1.0 sha=aa|{LISTED}\nb 1.0 sha=cc|{LISTED}\nc 1.0 sha=dd|{LISTED}\nd 1.0 sha=ee|{LISTED}\ne 1.0 sha=ff|{LISTED}"
    );
    let made_for = |python: &str| Lock {
        file: "uv.lock".to_owned(),
        requires_python: Some(bound(python)),
        ..lock(&table)
    };
    let lacking = |lock: Lock| -> Vec<String> {
        let found = resolve(world, vec![lock]);
        let lacking = found.packages.iter().filter(|chosen| chosen.not_in_lock);
        lacking.map(|chosen| chosen.name.to_string()).collect()
    };
    assert_eq!(lacking(made_for(">=3.11,<3.14")), ["a", "e"]);
    assert_eq!(lacking(made_for(">=3.11")), [""; 0]);
    let excluded = resolve(world, vec![made_for(">=3.11,<3.14")]).excluded;
    assert_eq!(excluded.len(), 1);
    assert_eq!(
        excluded[0].change,
        "set `requires-python = \">=3.11\"` in pyproject.toml"
    );
}

#[test]
fn several_locks_are_sets_of_their_own() {
    let world = "a 1.0 | pure\na 2.0 | pure";
    let locks = ["1.0", "2.0", "2.0"].map(|version| lock(&format!("a {version}|{LISTED}")));
    assert_eq!(
        render(Ok(resolve(world, locks.to_vec()))),
        "a 1.0: py3-none-any\na 2.0: py3-none-any"
    );
}
