//! Resolution over an index in memory: the versions, the files, and what is said where nothing fits.

mod locks;
mod world;

use ungil::model::target::Target;
use ungil::resolve::tags::TargetTags;

use world::{World, check, check_on, render, resolve};

/// The lists that pip's own library makes; the recipe stands beside them.
const TAGS: &str = include_str!("../../fixtures/resolve/tags.txt");

fn sections() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut sections: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in TAGS.lines() {
        match line.strip_prefix("= ") {
            Some(title) => sections.push((title, vec![])),
            None => sections.last_mut().unwrap().1.push(line),
        }
    }
    sections
}

#[test]
fn tags_come_in_the_order_of_pip() {
    let sections = sections();
    let kind = |kind: &str| -> Vec<(&str, Vec<&str>)> {
        let titled = sections
            .iter()
            .filter_map(|(title, lines)| Some((title.strip_prefix(kind)?.trim(), lines.clone())));
        titled.collect()
    };
    let (platforms, pythons) = (kind("platform"), kind("python"));
    assert_eq!((platforms.len(), pythons.len()), (9, 7));
    for (platform, platform_tags) in &platforms {
        for (python, interpreter_tags) in &pythons {
            let expected: Vec<String> = interpreter_tags
                .chunk_by(|left, right| left == right)
                .flat_map(|tag| match tag[0].strip_suffix('*') {
                    Some(interpreter) => platform_tags
                        .iter()
                        .map(|tag| format!("{interpreter}{tag}"))
                        .collect(),
                    None => vec![tag[0].to_owned()],
                })
                .collect();
            let target = Target {
                python: python.parse().unwrap(),
                platform: platform.parse().unwrap(),
            };
            assert_eq!(TargetTags::new(target).list(), expected, "{target}");
        }
    }
    for (title, expected) in kind("product") {
        let (python, platform) = title.split_once(' ').unwrap();
        let target = Target {
            python: python.parse().unwrap(),
            platform: platform.parse().unwrap(),
        };
        assert_eq!(TargetTags::new(target).list(), expected, "{target}");
    }
}

#[test]
fn the_newest_version_that_goes_together_is_chosen() {
    let table = "
        web 3.0 | pure | core>=2 & theme
        web 2.0 | pure | core>=1
        core 2.1 | pure | 
        core 2.0 | pure |
        core 1.5 | pure |
        theme 1.0 | pure | core<2
        theme 0.9 | pure | core<1.6
    ";
    check(
        table,
        "web",
        "core 2.1: py3-none-any\n web 2.0: py3-none-any",
    );
    check(
        table,
        "core\nweb>=2",
        "core 2.1: py3-none-any\n web 2.0: py3-none-any",
    );
}

#[test]
fn extras_add_requirements_and_share_the_version() {
    let table = "
        app 2.0 | pure | base & speed ; extra == 'fast' & app[fast] ; extra == 'all' & docs ; extra == 'all'
        app 1.0 | pure | base
        base 1.0 | pure |
        speed 1.0 | cp314t | app<2
        docs 1.0 | pure | app[fast]
    ";
    check(
        table,
        "app",
        "app 2.0: py3-none-any\n base 1.0: py3-none-any",
    );
    check(
        table,
        "app[fast]",
        "app 1.0: py3-none-any\n base 1.0: py3-none-any",
    );
    check(
        &table.replace("app<2", "app"),
        "app[all]",
        "app 2.0: py3-none-any\n base 1.0: py3-none-any\n docs 1.0: py3-none-any\n speed 1.0: cp314-cp314t",
    );
}

#[test]
fn the_extras_asked_for_are_named() {
    let world = World::new("app 1.0 | pure | b ; extra == 'x'\n b 1.0 | pure |");
    let resolution = resolve(&world, "3.14t", "app[x,y]").unwrap();
    let extras: Vec<String> = resolution.packages[0]
        .extras
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(extras, ["x", "y"]);
}

#[test]
fn cycles_end() {
    let table = "
        a 1.0 | pure | b
        b 1.0 | pure | c & a>=1
        c 1.0 | pure | a[x] & c
    ";
    check(
        table,
        "a",
        "a 1.0: py3-none-any\n b 1.0: py3-none-any\n c 1.0: py3-none-any",
    );
}

#[test]
fn markers_are_those_of_the_target() {
    let table = "
        a 1.0 | pure | old ; python_version < '3.12' & win ; sys_platform == 'win32' & here ; platform_machine == 'x86_64'
        here 1.0 | pure |
    ";
    check(
        table,
        "a\n ghost ; python_version < '3'",
        "a 1.0: py3-none-any\n here 1.0: py3-none-any",
    );
}

#[test]
fn constraints_bound_without_asking() {
    let table = "
        a 1.0 | pure | b
        b 2.0 | pure |
        b 1.0 | pure |
        c 1.0 | pure |
    ";
    check(
        table,
        "a\n -c b<2\n -c c==9",
        "a 1.0: py3-none-any\n b 1.0: py3-none-any",
    );
    check(
        table,
        "b\n -c b<2 ; python_version < '3'",
        "b 2.0: py3-none-any",
    );
}

/// Each as pip 26.3 and uv 0.13.9 do, run by a free-threaded Python; what neither installs is told of a final release.
#[test]
fn a_prerelease_that_does_not_fit_stands_in_for_no_final_release() {
    let only_gil = "
        tf 2.22rc0 | cp314 | early
        tf 2.21 | cp313
        tf 2.20 | cp312
        early 1.0.dev1 | pure
        lib 2.0rc1 | cp314t
        lib 1.0 | cp314
        nightly 1.0rc1 | cp314
        nightly 1.0rc2 | cp313";
    check(
        only_gil,
        "tf",
        "tf 2.21: nothing: no wheel for cp314t: tf 2.21 has wheels for cp313 only and no source distribution",
    );
    check(only_gil, "lib", "lib 2.0rc1: cp314-cp314t");
    check(
        only_gil,
        "lib<2.0rc0",
        "lib 1.0: nothing: no wheel for cp314t: lib 1.0 has wheels for cp314 only and no source distribution",
    );
    check(
        only_gil,
        "nightly",
        "nightly 1.0rc1: nothing: no wheel for cp314t: nightly 1.0rc1 has wheels for cp314 only and no source distribution",
    );
}

#[test]
fn prereleases_count_where_no_final_release_fits() {
    let table = "
        a 2.0rc1 | pure | b
        a 1.0 | pure | b
        b 2.0a1 | pure |
        b 1.0 | pure |
        early 1.0b2 | cp313 |
        early 1.0b1 | pure |
        c 2.0rc0 | cp314t |
        c 1.9 | cp313 |
        d 1.0 | pure | b>=2.0a1
        d 0.9 | pure | b
    ";
    check(table, "a", "a 1.0: py3-none-any\n b 1.0: py3-none-any");
    check(
        table,
        "a>=1.0rc1",
        "a 1.0: py3-none-any\n b 1.0: py3-none-any",
    );
    check(
        table,
        "a>1.0",
        "a 2.0rc1: py3-none-any\n b 1.0: py3-none-any",
    );
    check(
        table,
        "a\n -c b>=2.0a1",
        "a 1.0: py3-none-any\n b 2.0a1: py3-none-any",
    );
    check(
        table,
        "a\n --pre",
        "a 2.0rc1: py3-none-any\n b 2.0a1: py3-none-any",
    );
    check(table, "early", "early 1.0b1: py3-none-any");
    check(table, "c", "c 2.0rc0: cp314-cp314t");
    check(table, "d", "b 2.0a1: py3-none-any\n d 1.0: py3-none-any");
}

#[test]
fn yanked_versions_count_only_when_pinned() {
    let table = "
        a 2.0 | yanked pure |
        a 1.0 | pure |
        b 1.0 | yanked pure sha=aa sdist |
    ";
    check(table, "a", "a 1.0: py3-none-any");
    check(table, "a==2.0", "a 2.0: py3-none-any");
    check(table, "a>=1\n -c a==2.0", "a 2.0: py3-none-any");
    let error = render(resolve(&World::new(table), "3.14t", "b"));
    assert!(
        error.contains("no version of b counts (1.0 is yanked, which only `==` lets in)"),
        "{error}"
    );
}

#[test]
fn files_for_other_pythons_do_not_count() {
    let table = "
        a 3.0 | python>=3.15 pure |
        a 2.0 | python>=3.9,<3.15 pure |
        a 1.0 | pure |
        old 1.0 | python<3.13 pure |
    ";
    check(table, "a", "a 2.0: py3-none-any");
    check_on("3.15t", table, "a", "a 3.0: py3-none-any");
    check_on("3.16t", table, "a<3", "a 1.0: py3-none-any");
    check(
        table,
        "old",
        "old 1.0: nothing: old 1.0 requires Python <3.13",
    );
}

#[test]
fn a_pure_wheel_tells_what_it_stands_in_for() {
    let table = "a 1.0 | pure sdist pp311-pypy311_pp73 cp314 cp313 cp314-cp314-win_amd64 cp314-cp314t-macosx_11_0_arm64 |";
    let others = "cp314-cp314-win_amd64 cp314-cp314t-macosx_11_0_arm64";
    check(
        table,
        "a",
        &format!("a 1.0: py3-none-any, lost cp314-cp314 cp313-cp313 {others}"),
    );
    check_on("3.14", table, "a", "a 1.0: cp314-cp314");
    check("a 1.0 | pure cp314t |", "a", "a 1.0: cp314-cp314t");
    check("a 1.0 | pure |", "a", "a 1.0: py3-none-any");
}

#[test]
fn what_only_fits_as_source_is_to_be_built() {
    let table = "
        a 1.0 | sdist cp314 | b
        b 1.0 | sdist | c
        c 1.0 | dynamic sdist | ghost
        d 1.0 | damaged sdist | ghost
    ";
    check(
        table,
        "a\n d",
        "a 1.0: source
        b 1.0: source
        c 1.0: source
        d 1.0: source
        ! d-1.0.tar.gz: no METADATA
        ! c-1.0.tar.gz: leaves its dependencies to its build, which is not run; they are not looked at",
    );
    check_on(
        "3.14",
        table,
        "a",
        "
        a 1.0: cp314-cp314
        b 1.0: source
        c 1.0: source
        ! c-1.0.tar.gz: leaves its dependencies to its build, which is not run; they are not looked at",
    );
}

#[test]
fn the_wheels_of_other_targets_say_what_a_source_requires() {
    let table = "
        a 1.0 | dynamic sdist cp314 | b
        b 1.0 | pure |
    ";
    check(table, "a", "a 1.0: source\n b 1.0: py3-none-any");
}

#[test]
fn an_old_version_that_says_nothing_is_no_way_out_of_a_conflict() {
    let table = "
        a 2.0 | pure | c>=2
        a 1.0 | dynamic sdist |
        a 0.9 | pure | c
        c 2.0 | pure |
        c 1.0 | pure |
    ";
    check(
        table,
        "a\n c<2",
        "a 0.9: py3-none-any\n c 1.0: py3-none-any",
    );
    let problem = "! a-1.0.tar.gz: leaves its dependencies to its build, which is not run; they are not looked at";
    check(table, "a<2", &format!("a 1.0: source\n {problem}"));
    check(
        &table.replace("a 0.9", "b 0.9"),
        "a\n c<2",
        &format!("a 1.0: source\n c 1.0: py3-none-any\n {problem}"),
    );
}

#[test]
fn formats_can_be_forbidden() {
    let table = "
        a 2.0 | sdist |
        a 1.0 | pure sdist |
    ";
    check(table, "a", "a 2.0: source");
    check(table, "a\n --only-binary", "a 1.0: py3-none-any");
    check(table, "a<2\n --no-binary", "a 1.0: source");
    check(
        table,
        "a>=2\n --only-binary",
        "a 2.0: nothing: no wheel for cp314t on linux-x86_64: a 2.0 has no wheels and a source distribution that \
         `--only-binary` forbids",
    );
}

#[test]
fn a_location_is_not_a_matter_of_formats() {
    check(
        "a 1.0 | sdist |",
        "https://files.test/a-1.0.tar.gz\n --only-binary",
        "a 1.0: source",
    );
}

#[test]
fn stable_abi_wheels_count_where_they_can_be_loaded() {
    let only_abi3 = "a 1.0 | cp39-abi3 |";
    let why = "no wheel for cp314t: a 1.0 has wheels for cp39-abi3 only and no source distribution; `abi3` does not \
               count on a free-threaded build";
    check(only_abi3, "a", &format!("a 1.0: nothing: {why}"));
    check_on("3.14", only_abi3, "a", "a 1.0: cp39-abi3");
    let both = "a 1.0 | cp39-abi3 cp315-abi3.abi3t |";
    check_on("3.15t", both, "a", "a 1.0: cp315-abi3.abi3t");
    check_on("3.15", both, "a", "a 1.0: cp315-abi3.abi3t");
    check_on("3.14", both, "a", "a 1.0: cp39-abi3");
    check("a 1.0 | cp314-none cp314 |", "a", "a 1.0: cp314-none");
}

#[test]
fn an_older_version_that_fits_is_what_an_installer_takes() {
    let table = "
        a 2.0 | cp314 | b
        a 1.0 | pure |
        top 2.0 | pure | core==2.0
        top 1.0 | pure | core==1.0
        core 2.0 | cp314 cp313 |
        core 1.0 | sdist cp314 |
    ";
    check(table, "a", "a 1.0: py3-none-any");
    check(table, "top", "core 1.0: source\n top 1.0: py3-none-any");
}

#[test]
fn what_nothing_fits_is_let_in_so_that_the_rest_is_seen() {
    let table = "
        flow 2.21.0 | cp310 cp311 cp312 cp313 | grid & numbers>=2
        flow 2.20.0 | cp39 | 
        grid 1.0 | cp314 cp314-cp314t-win_amd64 | numbers<3
        numbers 3.0 | cp314t |
        numbers 2.0 | cp314t |
        other 1.0 | cp314t |
    ";
    check(
        table,
        "flow\n other",
        "flow 2.21.0: nothing: no wheel for cp314t: flow 2.21.0 has wheels for cp310, cp311, cp312, cp313 only and \
         no source distribution
         grid 1.0: nothing: no wheel for cp314t: grid 1.0 has wheels for cp314 only and no source distribution
         numbers 2.0: cp314-cp314t
         other 1.0: cp314-cp314t"
            .replace("only and \\\n", "only and ")
            .as_str(),
    );
    check(
        "a 1.0 | cp314-cp314t-win_amd64 cp314-cp314t-macosx_11_0_arm64 |",
        "a",
        "a 1.0: nothing: no wheel for cp314t on linux-x86_64: a 1.0 has wheels for win_amd64, macosx_11_0_arm64 only and no source distribution",
    );
}

#[test]
fn the_twin_of_the_target_decides_which_version_is_let_in() {
    let table = "
        a 3.0 | cp314-cp314-win_amd64 |
        a 2.0 | cp314 |
        a 1.0 | cp313 |
    ";
    let why = "no wheel for cp314t: a 2.0 has wheels for cp314 only and no source distribution";
    check(table, "a", &format!("a 2.0: nothing: {why}"));
}

#[test]
fn a_conflict_is_explained_with_its_places() {
    let table = "
        web 2.0 | pure | core>=2
        web 1.9 | pure | core>=2
        core 2.0 | pure |
        core 1.0 | pure |
    ";
    let error = resolve(&World::new(table), "3.14t", "web>=1.9\n core<2").unwrap_err();
    assert_eq!(
        error.to_string(),
        "no set of versions satisfies the requirements for cp314t-linux-x86_64\n\
         Because web requires core>=2 and r.txt:1 asks for web>=1.9, core>=2 is needed.\n\
         And because r.txt:2 asks for core<2, the requirements cannot be satisfied."
    );
    let ungil::resolve::ResolveError::Conflict { places, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        places.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["r.txt:1", "r.txt:2"]
    );
    let error = render(resolve(&World::new(table), "3.14t", "core==99"));
    assert!(
        error.contains("there is no core==99 (newest: 2.0)")
            && error.contains("r.txt:1 asks for core==99"),
        "{error}"
    );
}

#[test]
fn an_unfit_package_does_not_hide_a_conflict() {
    let table = "
        a 1.0 | cp314 | c<2
        c 2.0 | pure |
        c 1.0 | pure |
    ";
    let error = render(resolve(&World::new(table), "3.14t", "a\n c>=2"));
    assert!(
        error.contains("a requires c<2") && error.contains("r.txt:2 asks for c>=2"),
        "{error}"
    );
}

#[test]
fn a_location_gives_its_only_version() {
    let table = "
        a 1.0 | pure | b
        b 3.0 | pure |
        b 2.0+local.1 | pure cp314t | c
        c 1.0 | pure | b>=2
    ";
    let wheel = "https://files.test/b-2.0+local.1-cp314-cp314t-manylinux_2_28_x86_64.whl";
    let expected = "a 1.0: py3-none-any\n b 2.0+local.1: cp314-cp314t\n c 1.0: py3-none-any";
    check(table, &format!("a\n b @ {wheel}"), expected);
    check(table, &format!("a\n {wheel}"), expected);
    check(table, &format!("a\n -c b @ {wheel}"), expected);
    let error = render(resolve(
        &World::new(table),
        "3.14t",
        &format!("b @ {wheel}\n b @ https://files.test/b-3.0.whl"),
    ));
    assert_eq!(
        error,
        "r.txt:1 and r.txt:2 name different locations for `b`"
    );
}

#[test]
fn a_requirement_may_name_a_location() {
    let table = "
        a 1.0 | pure | b @ https://files.test/b-1.0-py3-none-any.whl
        b 2.0 | pure |
        b 1.0 | pure |
    ";
    check(table, "b\n a", "a 1.0: py3-none-any\n b 1.0: py3-none-any");
}

#[test]
fn a_location_that_cannot_be_read_is_a_problem() {
    let table = "
        a 1.0 | pure |
        b 1.0 | cp314 |
    ";
    check(
        table,
        "a\n c @ https://files.test/c-1.0.whl\n https://files.test/d.whl\n https://files.test/b-1.0-cp314-cp314-manylinux_2_28_x86_64.whl",
        "a 1.0: py3-none-any
        b 1.0: nothing: no wheel for cp314t: b 1.0 has wheels for cp314 only and no source distribution
        c ?: unknown: https://files.test/c-1.0.whl: status 404
        ! https://files.test/d.whl: status 404 (asked for by r.txt:3)
        ! https://files.test/c-1.0.whl: status 404",
    );
}

#[test]
fn without_dependencies_only_what_is_named_is_chosen() {
    let table = "
        a 1.0 | damaged pure | ghost
        b 1.0 | pure | a<1
    ";
    check(
        table,
        "a[x]\n b\n --no-deps",
        "a 1.0: py3-none-any\n b 1.0: py3-none-any",
    );
}

#[test]
fn an_unknown_name_does_not_end_the_run() {
    let table = "
        a 1.0 | pure | ghost & b
        b 1.0 | pure |
        late 1.0 | down |
        c 2.0 | pure | ghost
        c 1.0 | pure |
    ";
    check(
        table,
        "a\n typo\n late",
        "a 1.0: py3-none-any
        b 1.0: py3-none-any
        ghost ?: unknown: no index knows a package named `ghost`
        late ?: unknown: https://files.test/late/: status 503
        typo ?: unknown: no index knows a package named `typo`
        ! https://files.test/late/: status 503
        ! ghost: no index knows a package named `ghost`
        ! r.txt:2: no index knows a package named `typo`",
    );
    check(table, "c", "c 1.0: py3-none-any");
}

#[test]
fn metadata_that_cannot_be_read_does_not_end_the_run() {
    let table = "
        a 1.0 | pure | b & c
        b 1.0 | damaged cp314t | ghost
        c 1.0 | pure |
    ";
    check(
        table,
        "a",
        "a 1.0: py3-none-any
        b 1.0: unknown: b-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl: no METADATA
        c 1.0: py3-none-any
        ! b-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl: no METADATA",
    );
}

#[test]
fn local_versions_satisfy_their_public_version() {
    let table = "
        torch 2.9.0 | cp314t |
        torch 2.9.0+cu130 | cp314t | nvidia
        torch 2.9.0+cpu | cp314t |
        nvidia 1.0 | pure |
        vision 1.0 | pure | torch==2.9.0
    ";
    check(
        table,
        "vision\n torch==2.9.0+cpu",
        "torch 2.9.0+cpu: cp314-cp314t\n vision 1.0: py3-none-any",
    );
    check(
        table,
        "torch==2.9.0",
        "nvidia 1.0: py3-none-any\n torch 2.9.0+cu130: cp314-cp314t",
    );
    check(
        table,
        "torch<=2.9.0,!=2.9.0+cu130",
        "torch 2.9.0+cpu: cp314-cp314t",
    );
}

#[test]
fn given_digests_rule_out_other_files() {
    let table = "
        a 1.0 | sha=aa cp314t sha=bb sdist |
        b 1.0 | pure |
    ";
    check(table, "a==1.0 --hash=aa", "a 1.0: cp314-cp314t");
    check(table, "a==1.0 --hash=bb", "a 1.0: source");
    check(table, "a==1.0 --hash=aa bb", "a 1.0: cp314-cp314t");
    let contradicted = format!(
        "a 1.0: nothing: none of the 2 files of a 1.0 has one of the given digests
        ! a-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl: the index states sha256:{} for it; the requirement demands sha256:{}",
        "a".repeat(64),
        "c".repeat(64)
    );
    check(table, "a==1.0 --hash=cc", &contradicted);
    // Whether it has the digest shows when its bytes are read.
    check(table, "b==1.0 --hash=cc", "b 1.0: py3-none-any");
}

#[test]
fn each_package_knows_the_paths_to_it() {
    let table = "
        a 1.0 | pure | b & c
        b 1.0 | pure | c[x]
        c 1.0 | pure | d ; extra == 'x' & a
        d 1.0 | pure |
    ";
    let resolution = resolve(&World::new(table), "3.14t", "a\n c\n b").unwrap();
    let paths: Vec<String> = resolution
        .packages
        .iter()
        .flat_map(|package| {
            package
                .required_by
                .iter()
                .map(move |by| (&package.name, by))
        })
        .map(|(name, by)| {
            format!(
                "{name} <- {} {:?}",
                by.place,
                by.path.iter().map(ToString::to_string).collect::<Vec<_>>()
            )
        })
        .collect();
    assert_eq!(
        paths.join("\n"),
        r#"a <- r.txt:1 []
a <- r.txt:2 ["c"]
a <- r.txt:3 ["b", "c"]
b <- r.txt:3 []
b <- r.txt:1 ["a"]
b <- r.txt:2 ["c", "a"]
c <- r.txt:2 []
c <- r.txt:1 ["a"]
c <- r.txt:3 ["b"]
d <- r.txt:3 ["b", "c"]
d <- r.txt:1 ["a", "b", "c"]
d <- r.txt:2 ["c", "a", "b", "c"]"#
    );
}

#[test]
fn names_are_announced_with_the_likely_file() {
    let table = "
        a 1.0 | pure | b<2
        b 2.0 | pure |
        b 1.0 | sdist cp313 |
    ";
    let world = World::new(table);
    resolve(&world, "3.14t", "a").unwrap();
    let hinted = world.hinted.lock().unwrap();
    let file = |name: &str| vec![name.to_owned()];
    let expected = [
        ("a", file("a-1.0-py3-none-any.whl")),
        ("b", file("b-1.0-cp313-cp313-manylinux_2_28_x86_64.whl")),
    ];
    assert_eq!(
        *hinted,
        expected.map(|(name, file)| (name.to_owned(), file))
    );
}

#[test]
fn a_long_search_is_announced() {
    let versions = (1..=20).map(|number| format!("a {number}.0 | pure | b<{}", number % 20 + 1));
    let table: Vec<String> = versions
        .chain(["b 30.0 | pure |".to_owned(), "b 1.5 | pure |".to_owned()])
        .collect();
    let world = World::new(&table.join("\n"));
    let result = render(resolve(&world, "3.14t", "a\n b>=18"));
    assert!(result.starts_with("no set of versions"), "{result}");
    let hinted = world.hinted.lock().unwrap();
    let longest = hinted
        .iter()
        .filter(|(name, _)| name == "a")
        .map(|(_, files)| files.len())
        .max();
    assert!(longest >= Some(5), "{hinted:?}");
}

#[test]
fn the_same_input_gives_the_same_result() {
    let mut table = String::new();
    for number in 0..40 {
        for version in 1..6 {
            let (one, other) = ((number + 7 * version) % 40, (number * 3 + version) % 40);
            table.push_str(&format!(
                "p{number} {version}.0 | pure | p{one}>={}.0 & p{other}\n",
                version - 1
            ));
        }
    }
    let results: Vec<String> = (0..3)
        .map(|_| render(resolve(&World::new(&table), "3.14t", "p0\np1\np2")))
        .collect();
    assert!(results.iter().all(|result| *result == results[0]));
}
