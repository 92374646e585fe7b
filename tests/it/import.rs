//! `import`: which files a target finds, and what it does with them.

use ungil::import::{hidden, outcomes};
use ungil::model::facts::{
    Abi, AbiInfo, Fact, Flavour, GilDeclaration, Hook, HookKind, ImageFacts, ImageFormat,
    InitFacts, InitKind, ModuleFacts,
};
use ungil::model::outcome::{Cause, Gil};
use ungil::model::target::Target;

use crate::facts_builder::{file, hook, image, known, target};

const LINUX: &str = "linux-x86_64";

/// Checks the only outcome of the only file.
#[track_caller]
fn check(target: Target, facts: ModuleFacts, gil: Gil, cause: Cause, reason: &str) {
    let outcomes = outcomes(std::slice::from_ref(&facts), target);
    assert_eq!(outcomes.len(), 1, "{facts:?}");
    let outcome = &outcomes[0];
    assert_eq!(
        (outcome.gil, outcome.cause),
        (gil, cause),
        "{target}: {}",
        outcome.reason
    );
    assert!(
        outcome.reason.contains(reason),
        "{target}: `{}` does not say `{reason}`",
        outcome.reason
    );
}

fn plain(images: Vec<ImageFacts>) -> ModuleFacts {
    file("p/_a.so", images)
}

fn with(change: impl FnOnce(&mut Hook)) -> ImageFacts {
    let mut hook = hook("_a");
    change(&mut hook);
    image(vec![hook])
}

fn flavoured(flavour: Flavour, init: InitKind) -> ImageFacts {
    let abi = known(Abi {
        flavour,
        versions: (None, None),
    });
    ImageFacts {
        abi,
        ..with(|hook| hook.facts.init = known(init))
    }
}

fn declared(value: u64) -> ImageFacts {
    with(|hook| hook.facts.gil = known(GilDeclaration::Slot { value }))
}

/// An export hook as 3.15 headers make it, with these flags in `Py_mod_abi`.
fn export(flags: Option<u16>) -> Hook {
    let info = |flags| AbiInfo {
        major: 1,
        minor: 0,
        flags,
        build_version: 0,
        abi_version: 0x030f_0000,
    };
    Hook {
        symbol: "PyModExport__a".into(),
        kind: HookKind::Export,
        facts: InitFacts {
            init: known(InitKind::Export),
            abi_info: known(flags.map(info)),
            slots: known(vec![85, 109, 87]),
            ..hook("_a").facts
        },
        ..hook("_a")
    }
}

fn paths(files: &[&str], python: &str, platform: &str) -> (Vec<String>, Vec<String>) {
    let format = if platform.starts_with("windows") {
        ImageFormat::Pe
    } else {
        ImageFormat::Elf
    };
    let facts = |path: &&str| {
        let stem = path.rsplit('/').next().unwrap().split('.').next().unwrap();
        file(
            path,
            vec![ImageFacts {
                format,
                ..image(vec![hook(stem)])
            }],
        )
    };
    let files: Vec<ModuleFacts> = files.iter().map(facts).collect();
    let target = target(python, platform);
    let tags = if format == ImageFormat::Pe {
        ["win_amd64"]
    } else {
        ["manylinux_2_28_x86_64"]
    };
    let found = outcomes(&files, target)
        .into_iter()
        .map(|outcome| outcome.path)
        .collect();
    (
        found,
        hidden(&files, target, &tags)
            .into_iter()
            .map(|hidden| hidden.path)
            .collect(),
    )
}

#[test]
fn the_first_suffix_wins_and_other_interpreters_names_are_hidden() {
    let all = [
        "p/_a.so",
        "p/_a.abi3.so",
        "p/_a.abi3t.so",
        "p/_a.cpython-314t-x86_64-linux-gnu.so",
        "p/_a.cpython-314-x86_64-linux-gnu.so",
    ];
    let stable = ["p/_a.so", "p/_a.abi3.so", "p/_a.abi3t.so"];
    let gil = ["p/_a.cpython-314-x86_64-linux-gnu.so"];
    let none: &[&str] = &[];
    let windows = [
        "p/_a.cp314t-win_amd64.pyd",
        "p/_a.pyd",
        "p/_b.cp314-win_amd64.pyd",
        "p/c.dll",
    ];
    /// Files, target, and the paths found and hidden.
    type Row<'a> = (
        &'a [&'a str],
        &'a str,
        &'a str,
        &'a [&'a str],
        &'a [&'a str],
    );
    let table: &[Row<'_>] = &[
        (&all, "3.14t", LINUX, &all[3..4], none),
        (&all, "3.14", LINUX, &all[4..5], none),
        (&all, "3.13t", LINUX, &all[1..2], none),
        (&all, "3.15t", LINUX, &all[2..3], none),
        (&stable, "3.14t", LINUX, &stable[1..2], none),
        (&stable, "3.15", LINUX, &stable[1..2], none),
        (&stable[1..2], "3.15t", LINUX, none, &stable[1..2]),
        (&gil, "3.14t", LINUX, none, &gil),
        (
            &windows,
            "3.14t",
            "windows-amd64",
            &windows[0..1],
            &windows[2..3],
        ),
        (&["p/_a.so.1", "p/libx.so.2"], "3.14t", LINUX, none, none),
        (
            &["p/__init__.so", "p.so"],
            "3.14t",
            LINUX,
            &["p/__init__.so"],
            none,
        ),
    ];
    for (files, python, platform, expected, expected_hidden) in table {
        let (found, hidden) = paths(files, python, platform);
        assert_eq!(
            (found, hidden),
            (owned(expected), owned(expected_hidden)),
            "{files:?} {python}"
        );
    }
}

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

#[test]
fn a_value_means_what_the_version_takes_it_for() {
    let table = [
        (1, "3.13t", Gil::NotUsed),
        (1, "3.15t", Gil::NotUsed),
        (2, "3.13t", Gil::NotUsed),
        (2, "3.14t", Gil::NotUsed),
        (2, "3.15t", Gil::Used),
        (0, "3.14t", Gil::Used),
        (0, "3.15t", Gil::Used),
    ];
    for (value, python, gil) in table {
        let cause = if gil == Gil::Used {
            Cause::DeclaredUsed
        } else {
            Cause::DeclaredNotUsed
        };
        check(
            target(python, LINUX),
            plain(vec![declared(value)]),
            gil,
            cause,
            &format!("Py_mod_gil is {value}"),
        );
    }
}

#[test]
fn silence_needs_the_gil_and_a_delegate_decides() {
    let silent = with(|hook| hook.facts.gil = known(GilDeclaration::Absent));
    check(
        target("3.14t", LINUX),
        plain(vec![silent.clone()]),
        Gil::Used,
        Cause::Undeclared,
        "nothing about the GIL",
    );
    let other = with(|hook| hook.facts.gil = known(GilDeclaration::NotAModule));
    let reason = "makes something other than a module";
    check(
        target("3.14t", LINUX),
        plain(vec![other]),
        Gil::Used,
        Cause::Undeclared,
        reason,
    );
    let delegated = with(|hook| {
        hook.facts.gil = known(GilDeclaration::Delegated {
            to: "_cffi_backend".into(),
        });
        hook.facts.init = Fact::unknown("another module makes it");
        hook.facts.slots = Fact::unknown("another module makes it");
    });
    let reason = "_cffi_backend makes the module";
    check(
        target("3.14t", LINUX),
        plain(vec![delegated]),
        Gil::Delegated,
        Cause::Delegated,
        reason,
    );
    // With the GIL only loading matters.
    check(
        target("3.14", LINUX),
        plain(vec![gil(silent)]),
        Gil::NotUsed,
        Cause::BuildWithGil,
        "always has the GIL",
    );
    // What could not be read says nothing of the GIL there.
    let unread = with(|hook| {
        hook.facts.gil = Fact::unknown("a limit was reached");
        hook.facts.init = Fact::unknown("a limit was reached");
        hook.facts.slots = Fact::unknown("a limit was reached");
    });
    let unread = ImageFacts {
        abi: Fact::unknown("no sign tells"),
        ..unread
    };
    check(
        target("3.14", LINUX),
        plain(vec![unread]),
        Gil::NotUsed,
        Cause::BuildWithGil,
        "always has the GIL",
    );
}

fn gil(image: ImageFacts) -> ImageFacts {
    ImageFacts {
        abi: known(Abi {
            flavour: Flavour::Gil,
            versions: (None, None),
        }),
        ..image
    }
}

#[test]
fn a_set_gil_call_only_counts_in_a_single_phase_module() {
    let set = |init| {
        with(|hook| {
            hook.facts.gil = known(GilDeclaration::SetGil { value: 1 });
            hook.facts.init = known(init);
            hook.facts.slots = known(Vec::new());
        })
    };
    let on = target("3.14t", LINUX);
    check(
        on,
        plain(vec![set(InitKind::SinglePhase)]),
        Gil::NotUsed,
        Cause::DeclaredNotUsed,
        "is called with 1",
    );
    check(
        on,
        plain(vec![set(InitKind::MultiPhase)]),
        Gil::Unknown,
        Cause::Unreadable,
        "has no effect",
    );
}

#[test]
fn another_builds_file_fails_as_the_version_does() {
    use Flavour::{Abi3, Abi3t, FreeThreaded, Gil as WithGil, GilOrAbi3};
    use InitKind::{MultiPhase, SinglePhase};
    let table = [
        (
            WithGil,
            MultiPhase,
            "3.13t",
            "raises SystemError (uninitialized object)",
        ),
        (
            WithGil,
            MultiPhase,
            "3.14t",
            "raises SystemError (uninitialized object)",
        ),
        (
            WithGil,
            MultiPhase,
            "3.15t",
            "raises SystemError (invalid PyModuleDef)",
        ),
        (WithGil, SinglePhase, "3.14t", "crashes the interpreter"),
        (Abi3, SinglePhase, "3.15t", "crashes the interpreter"),
        (GilOrAbi3, MultiPhase, "3.14t", "raises SystemError"),
        (
            FreeThreaded,
            MultiPhase,
            "3.14",
            "raises ImportError for a missing symbol, or crashes",
        ),
    ];
    for (flavour, init, python, reason) in table {
        let facts = plain(vec![flavoured(flavour, init)]);
        check(
            target(python, LINUX),
            facts,
            Gil::NotLoadable,
            Cause::ForeignAbi,
            reason,
        );
    }
    let facts = plain(vec![flavoured(Abi3t, MultiPhase)]);
    check(
        target("3.15t", LINUX),
        facts,
        Gil::NotUsed,
        Cause::DeclaredNotUsed,
        "",
    );
}

#[test]
fn another_versions_file_is_refused_only_where_that_is_certain() {
    let versions = |format| {
        let abi = known(Abi {
            flavour: Flavour::FreeThreaded,
            versions: (Some(13), Some(13)),
        });
        ImageFacts {
            abi,
            format,
            ..image(vec![hook("_a")])
        }
    };
    let elf = plain(vec![versions(ImageFormat::Elf)]);
    check(
        target("3.14t", LINUX),
        elf.clone(),
        Gil::Unknown,
        Cause::Unreadable,
        "compiled for CPython 3.13,",
    );
    check(
        target("3.13t", LINUX),
        elf,
        Gil::NotUsed,
        Cause::DeclaredNotUsed,
        "",
    );
    let pe = file("p/_a.pyd", vec![versions(ImageFormat::Pe)]);
    check(
        target("3.14t", "windows-amd64"),
        pe,
        Gil::NotLoadable,
        Cause::ForeignAbi,
        "Python DLL",
    );
}

#[test]
fn slots_and_hooks_of_3_15_are_for_3_15() {
    let both = image(vec![export(Some(4)), hook("_a")]);
    check(
        target("3.15t", LINUX),
        plain(vec![both.clone()]),
        Gil::NotUsed,
        Cause::DeclaredNotUsed,
        "is 1",
    );
    check(
        target("3.14t", LINUX),
        plain(vec![both]),
        Gil::NotUsed,
        Cause::DeclaredNotUsed,
        "is 1",
    );
    let only = plain(vec![image(vec![export(Some(4))])]);
    check(
        target("3.14t", LINUX),
        only,
        Gil::NotLoadable,
        Cause::NoMatchingHook,
        "no hook PyInit__a",
    );
    let new = plain(vec![with(|hook| hook.facts.slots = known(vec![85, 87]))]);
    check(
        target("3.14t", LINUX),
        new.clone(),
        Gil::NotLoadable,
        Cause::UnknownSlot,
        "slot 85",
    );
    check(
        target("3.15t", LINUX),
        new,
        Gil::NotUsed,
        Cause::DeclaredNotUsed,
        "",
    );
    for (flags, reason) in [
        (Some(2), "names builds with the GIL only"),
        (None, "is missing"),
    ] {
        let facts = plain(vec![image(vec![export(flags)])]);
        check(
            target("3.15t", LINUX),
            facts,
            Gil::NotLoadable,
            Cause::AbiInfoMismatch,
            reason,
        );
    }
}

#[test]
fn known_and_bad_wins_over_unknown() {
    let unread = || with(|hook| hook.facts.gil = Fact::unknown("it is computed"));
    let foreign = ImageFacts {
        abi: flavoured(Flavour::Gil, InitKind::MultiPhase).abi,
        ..unread()
    };
    check(
        target("3.14t", LINUX),
        plain(vec![foreign]),
        Gil::NotLoadable,
        Cause::ForeignAbi,
        "SystemError",
    );
    check(
        target("3.14t", LINUX),
        plain(vec![unread()]),
        Gil::Unknown,
        Cause::Unreadable,
        "it is computed",
    );
    let used = ImageFacts {
        abi: Fact::unknown("no symbol tells"),
        ..declared(0)
    };
    check(
        target("3.14t", LINUX),
        plain(vec![used]),
        Gil::Used,
        Cause::DeclaredUsed,
        "is 0",
    );
    let not_used = ImageFacts {
        abi: Fact::unknown("no symbol tells"),
        ..declared(1)
    };
    check(
        target("3.14t", LINUX),
        plain(vec![not_used]),
        Gil::Unknown,
        Cause::Unreadable,
        "no symbol tells",
    );
}

#[test]
fn every_slice_of_the_architecture_counts() {
    let slice = |architecture: &str, value| ImageFacts {
        format: ImageFormat::MachO,
        architecture: architecture.to_owned(),
        ..declared(value)
    };
    let on = target("3.14t", "macos-arm64");
    let universal = plain(vec![slice("x86_64", 0), slice("arm64", 1)]);
    check(on, universal, Gil::NotUsed, Cause::DeclaredNotUsed, "");
    check(
        on,
        plain(vec![slice("arm64", 1), slice("arm64", 0)]),
        Gil::Used,
        Cause::DeclaredUsed,
        "",
    );
    let other = plain(vec![slice("x86_64", 1)]);
    check(
        on,
        other,
        Gil::NotLoadable,
        Cause::ForeignPlatform,
        "built for Mach-O x86_64",
    );
}

#[test]
fn files_that_are_no_modules_are_left_out() {
    let library = file(
        "p/libx.so",
        vec![with(|hook| hook.matches_file_name = false)],
    );
    let without_hooks = plain(vec![image(Vec::new())]);
    let placeholder = ImageFacts {
        format: ImageFormat::Pe,
        python_imports: known(Vec::new()),
        libraries: known(vec!["KERNEL32.dll".to_owned()]),
        ..with(|hook| {
            hook.facts.init = Fact::unknown("the hook returns NULL");
            hook.facts.gil = Fact::unknown("the hook returns NULL");
        })
    };
    let pyd = file("p/_a.pyd", vec![placeholder.clone()]);
    for (facts, platform) in [
        (library, LINUX),
        (without_hooks, LINUX),
        (pyd, "windows-amd64"),
    ] {
        assert_eq!(
            outcomes(std::slice::from_ref(&facts), target("3.14t", platform)),
            Vec::new(),
            "{facts:?}"
        );
    }
    // On other systems nobody demands such a hook, so it is not known to be one.
    let elf = plain(vec![ImageFacts {
        format: ImageFormat::Elf,
        ..placeholder
    }]);
    check(
        target("3.14t", LINUX),
        elf,
        Gil::Unknown,
        Cause::Unreadable,
        "",
    );
    let renamed = file("p/_b.so", vec![with(|hook| hook.matches_file_name = false)]);
    check(
        target("3.14t", LINUX),
        renamed,
        Gil::NotLoadable,
        Cause::NoMatchingHook,
        "no hook PyInit__b",
    );
}

#[test]
fn what_could_not_be_read_is_a_module_until_proven_otherwise() {
    let unread = ImageFacts {
        hooks: Fact::unknown("the symbol table is damaged"),
        ..image(Vec::new())
    };
    check(
        target("3.14t", LINUX),
        plain(vec![unread]),
        Gil::Unknown,
        Cause::Unreadable,
        "the symbol table is damaged",
    );
    check(
        target("3.14t", LINUX),
        plain(Vec::new()),
        Gil::Unknown,
        Cause::Unreadable,
        "no image",
    );
}

#[test]
fn evidence_is_that_of_what_decided() {
    let mut evident = hook("_a");
    let seen = ungil::model::evidence::Evidence::new("slot Py_mod_gil")
        .address(0x40)
        .value("1");
    evident.facts.gil = Fact::known(GilDeclaration::Slot { value: 1 }, vec![seen.clone()]);
    let outcome = &outcomes(&[plain(vec![image(vec![evident])])], target("3.14t", LINUX))[0];
    assert_eq!(outcome.evidence[0], seen);
    assert_eq!(outcome.evidence[1].symbol.as_deref(), Some("PyInit__a"));
}
