//! File names as CPython's import system takes them: which files are modules, which of several is taken, and which are for
//! another platform or build.

use serde_json::Value;

use super::distributions::{Wheel, compiled};
use super::sandbox::{Report, Run, Sandbox};

const LINUX: &str = "linux-x86_64";
const TAG: &str = "cpython-314t-x86_64-linux-gnu.so";

/// Declares nothing, so that importing it switches the GIL on.
const SILENT: &str = "elf-x86_64-absent.so";
/// Keeps the GIL off.
const READY: &str = "elf-x86_64-not-used.so";

/// A fixture of the module `sample` as one of another name with as many bytes.
fn renamed(fixture: &str, name: &str) -> Vec<u8> {
    let mut bytes = compiled(fixture);
    assert_eq!(name.len(), "sample".len());
    for start in 0..bytes.len() - name.len() {
        if bytes[start..].starts_with(b"sample") {
            bytes[start..start + name.len()].copy_from_slice(name.as_bytes());
        }
    }
    bytes
}

fn scan_file(sandbox: &Sandbox, file: &str, platform: &str) -> Run {
    let options = [
        "--format",
        "json",
        "--no-config",
        "--no-deps",
        "--no-index",
        "--python",
        "3.14t",
    ];
    sandbox.run(&[&["scan", file], &options[..], &["--platform", platform]].concat())
}

/// Scans one wheel for 3.14t.
fn scan(wheel: &Wheel, platform: &str) -> Report {
    let sandbox = Sandbox::new();
    sandbox.write(&wheel.filename, wheel.bytes());
    scan_file(&sandbox, &wheel.filename, platform).report()
}

/// A wheel with the tags of 3.14t for a platform.
fn wheel(platform: &str) -> Wheel {
    Wheel::new(&format!("a-1.0-cp314-cp314t-{platform}.whl"))
}

fn texts<'a>(values: &'a Value, key: &str) -> Vec<&'a str> {
    let each = values.as_array().into_iter().flatten();
    each.map(|value| value[key].as_str().unwrap()).collect()
}

/// `path: why`, one line for each file that was passed over.
fn passed_over(report: &Report) -> Vec<String> {
    let files = &report.result("a")["passed_over"];
    texts(files, "path")
        .iter()
        .zip(texts(files, "why"))
        .map(|(path, why)| format!("{path}: {why}"))
        .collect()
}

#[test]
fn a_module_need_not_be_called_by_an_identifier() {
    for (path, name) in [
        ("a/my-mod", "my_mod"),
        ("30fcd_", "30fcd_"),
        ("a/a b__c", "a b__c"),
        ("a-1.0.data/platlib/a/my-mod", "my_mod"),
        ("a-1.0.data/purelib/a/my-mod", "my_mod"),
        ("v1.0/my-mod", "my_mod"),
    ] {
        for suffix in [TAG, "abi3.so", "so"] {
            let path = format!("{path}.{suffix}");
            let report = scan(
                &wheel("manylinux_2_28_x86_64").member(&path, renamed(SILENT, name)),
                LINUX,
            );
            assert_eq!(report.result("a")["verdict"], "gil", "{path}");
            assert_eq!(
                texts(&report.result("a")["modules"], "path"),
                [&path],
                "{path}"
            );
        }
    }
    let report = scan(
        &wheel("manylinux_2_28_x86_64").module("a/lančmít.so", "elf-x86_64-non-ascii.so"),
        LINUX,
    );
    assert_eq!(
        texts(&report.result("a")["modules"], "module"),
        ["a.lančmít"]
    );
    assert_eq!(report.result("a")["verdict"], "ready");
    for path in ["a/sample.CP314T-WIN_AMD64.PYD", "a/sample.Pyd"] {
        let report = scan(
            &wheel("win_amd64").module(path, "pe-x86_64-not-used.pyd"),
            "windows-amd64",
        );
        assert_eq!(report.result("a")["verdict"], "ready", "{path}");
    }
}

#[test]
fn a_name_that_nothing_can_be_imported_by_is_said() {
    let wheel = wheel("manylinux_2_28_x86_64")
        .module("a/sample.v2.so", SILENT)
        .module("a/libx.3.15.so", SILENT);
    let report = scan(&wheel, LINUX);
    assert_eq!(report.result("a")["verdict"], "pure");
    assert_eq!(passed_over(&report), ["a/sample.v2.so: dotted-name"]);
    let sandbox = Sandbox::new();
    sandbox.write(&wheel.filename, wheel.bytes());
    let run = sandbox.run(&[
        "scan",
        &wheel.filename,
        "--no-deps",
        "--no-index",
        "--python",
        "3.14t",
        "--platform",
        LINUX,
    ]);
    assert!(
        run.stdout
            .contains("1 compiled file of 1 package that no import takes"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.contains("a/sample.v2.so"), "{}", run.stdout);
}

#[test]
fn modules_named_for_another_platform_are_not_found() {
    let elf = "elf-x86_64-not-used.so";
    let mach = "macho-arm64-opcodes-not-used.so";
    let pe = "pe-x86_64-not-used.pyd";
    for (tags, path, fixture, platform, verdict) in [
        (
            "manylinux_2_28_aarch64",
            "a/sample.cpython-314t-x86_64-linux-gnu.so",
            elf,
            "linux-aarch64",
            "crash",
        ),
        (
            "manylinux_2_28_x86_64",
            "a/sample.cpython-314t-aarch64-linux-gnu.so",
            elf,
            LINUX,
            "crash",
        ),
        (
            "manylinux_2_28_x86_64",
            "a/sample.cpython-314t-x86_64-linux-musl.so",
            elf,
            LINUX,
            "crash",
        ),
        (
            "musllinux_1_2_x86_64",
            "a/sample.cpython-314t-x86_64-linux-gnu.so",
            elf,
            "musllinux-x86_64",
            "crash",
        ),
        (
            "manylinux_2_28_x86_64",
            "a/sample.cpython-314t-darwin.so",
            mach,
            LINUX,
            "crash",
        ),
        (
            "macosx_11_0_arm64",
            "a/sample.cpython-314t-x86_64-linux-gnu.so",
            elf,
            "macos-arm64",
            "crash",
        ),
        (
            "manylinux_2_28_x86_64",
            "a/sample.cp314t-win_amd64.pyd",
            pe,
            LINUX,
            "crash",
        ),
        (
            "win_arm64",
            "a/sample.cp314t-win_amd64.pyd",
            pe,
            "windows-arm64",
            "crash",
        ),
        (
            "win_amd64",
            "a/sample.cp314t-win32.pyd",
            pe,
            "windows-amd64",
            "crash",
        ),
        ("win_amd64", "a/sample.so", elf, "windows-amd64", "crash"),
        // One platform by several names.
        (
            "manylinux1_x86_64.manylinux_2_28_x86_64",
            "a/sample.cpython-314t-darwin.so",
            mach,
            LINUX,
            "crash",
        ),
        (
            "macosx_11_0_universal2",
            "a/sample.cpython-314t-darwin.so",
            mach,
            "macos-arm64",
            "ready",
        ),
        // For several platforms, one of which has no module.
        (
            "manylinux_2_28_x86_64.win_amd64",
            "a/sample.cp314t-win_amd64.pyd",
            pe,
            LINUX,
            "pure",
        ),
        (
            "manylinux_2_28_x86_64.win_amd64",
            "a/sample.cpython-314t-darwin.so",
            mach,
            LINUX,
            "crash",
        ),
    ] {
        let report = scan(&wheel(tags).module(path, fixture), platform);
        assert_eq!(report.result("a")["verdict"], verdict, "{tags} {path}");
        let is_told = report.finding("a", "extension-not-found").is_some();
        assert_eq!(is_told, verdict == "crash", "{tags} {path}");
    }
    let any = Wheel::new("a-1.0-py3-none-any.whl").module("a/sample.cp314t-win_amd64.pyd", pe);
    assert_eq!(scan(&any, LINUX).result("a")["verdict"], "pure");
    // Beside a module that fits, the others are data.
    let both = wheel("manylinux_2_28_x86_64").module(&format!("a/sample.{TAG}"), READY);
    let both = both
        .module("a/sample.cp314t-win_amd64.pyd", pe)
        .module("a/data/sample.cpython-314t-darwin.so", mach);
    let report = scan(&both, LINUX);
    assert_eq!(report.result("a")["verdict"], "ready");
    assert_eq!(
        report.0["findings"].as_array().unwrap().len(),
        0,
        "{:?}",
        report.0["findings"]
    );
}

#[test]
fn a_debug_build_counts_for_nobody_but_debug_builds() {
    let release =
        wheel("win_amd64").module("a/sample.cp314t-win_amd64.pyd", "pe-x86_64-not-used.pyd");
    for debug in ["a/sample_d.cp314t-win_amd64.pyd", "a/sample_d.pyd"] {
        let report = scan(
            &release.clone().module(debug, "pe-x86_64-used.pyd"),
            "windows-amd64",
        );
        assert_eq!(report.result("a")["verdict"], "ready", "{debug}");
        assert_eq!(passed_over(&report), [format!("{debug}: debug-build")]);
    }
    let alone = wheel("win_amd64").module("a/sample_d.cp314t-win_amd64.pyd", "pe-x86_64-used.pyd");
    let report = scan(&alone, "windows-amd64");
    assert_eq!(report.result("a")["verdict"], "crash");
    assert!(report.finding("a", "extension-not-found").is_some());
    // A module that is called so.
    let named =
        wheel("win_amd64").member("a/samp_d.pyd", renamed("pe-x86_64-not-used.pyd", "samp_d"));
    assert_eq!(
        scan(&named, "windows-amd64").result("a")["verdict"],
        "ready"
    );
    // On Linux the suffix says it.
    let linux = wheel("manylinux_2_28_x86_64").module(&format!("a/sample.{TAG}"), READY);
    let report = scan(
        &linux.module("a/sample.cpython-314td-x86_64-linux-gnu.so", SILENT),
        LINUX,
    );
    assert_eq!(report.result("a")["verdict"], "ready");
    assert_eq!(
        passed_over(&report),
        ["a/sample.cpython-314td-x86_64-linux-gnu.so: debug-build"]
    );
}

#[test]
fn a_package_hides_the_module_of_its_name() {
    let module = format!("a/sample.{TAG}");
    let base = wheel("manylinux_2_28_x86_64").module(&module, SILENT);
    for package in [
        "a/sample/__init__.py",
        "a/sample/__init__.pyc",
        "a-1.0.data/platlib/a/sample/__init__.py",
    ] {
        let report = scan(&base.clone().member(package, "\n"), LINUX);
        assert_eq!(report.result("a")["verdict"], "pure", "{package}");
        assert_eq!(passed_over(&report), [format!("{module}: behind-package")]);
    }
    // A folder without one is a namespace, and comes last.
    assert_eq!(
        scan(&base.clone().member("a/sample/x.py", "\n"), LINUX).result("a")["verdict"],
        "gil"
    );
    let report = scan(
        &base.module(&format!("a/sample/__init__.{TAG}"), READY),
        LINUX,
    );
    assert_eq!(report.result("a")["verdict"], "ready");
    assert_eq!(passed_over(&report), [format!("{module}: behind-file")]);
}

#[test]
fn the_first_suffix_is_taken_whatever_is_in_the_file() {
    let tagged = format!("a/sample.{TAG}");
    let both = |tagged_fixture, plain_fixture| {
        let wheel = wheel("manylinux_2_28_x86_64").module(&tagged, tagged_fixture);
        scan(&wheel.module("a/sample.so", plain_fixture), LINUX)
    };
    let report = both(READY, SILENT);
    assert_eq!(report.result("a")["verdict"], "ready");
    assert_eq!(passed_over(&report), ["a/sample.so: behind-file"]);
    assert_eq!(both(SILENT, READY).result("a")["verdict"], "gil");
    let report = both("elf-x86_64-plain.so", READY);
    assert_eq!(
        report.result("a")["verdict"],
        "crash",
        "no other file is tried"
    );
    assert!(report.finding("a", "no-matching-hook").is_some());
    // Two folders that start packages of their own have two modules of one name.
    let two = wheel("manylinux_2_28_x86_64")
        .module("v1.0/sample.so", READY)
        .module("v2.0/sample.so", SILENT);
    assert_eq!(scan(&two, LINUX).result("a")["verdict"], "gil");
}

#[test]
fn a_library_beside_a_file_by_itself_is_found() {
    let sandbox = Sandbox::new();
    let module = format!("site-packages/a/b/sample.{TAG}");
    sandbox.write(&module, compiled("elf-x86_64-hands-over.so"));
    let verdict = || {
        let report = scan_file(&sandbox, &module, LINUX).report();
        report.result("no-package")["verdict"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let gil = || {
        let run = sandbox.run(&[
            "inspect",
            &module,
            "--format",
            "json",
            "--python",
            "3.14t",
            "--platform",
            LINUX,
        ]);
        let document = run.document(include_str!("../../../docs/inspection.schema.json"));
        document["modules"][0]["gil"].as_str().unwrap().to_owned()
    };
    assert_eq!((verdict().as_str(), gil().as_str()), ("unknown", "unknown"));
    for place in [
        "site-packages/a/b",
        "site-packages/a",
        "site-packages/a.libs",
        "site-packages/a/lib",
    ] {
        let library = format!("{place}/elf-x86_64-maker.so");
        sandbox.write(&library, compiled("elf-x86_64-maker.so"));
        assert_eq!(
            (verdict().as_str(), gil().as_str()),
            ("ready", "not-used"),
            "{place}"
        );
        std::fs::remove_file(sandbox.path(&library)).unwrap();
    }
}

#[test]
fn a_packages_own_module_by_itself_is_named_after_its_folder() {
    let sandbox = Sandbox::new();
    let module = format!("sample/__init__.{TAG}");
    sandbox.write(&module, compiled(SILENT));
    let report = scan_file(&sandbox, &module, LINUX).report();
    assert_eq!(report.result("no-package")["verdict"], "gil");
    assert_eq!(
        texts(&report.result("no-package")["modules"], "module"),
        ["sample"]
    );
    let run = sandbox.run(&[
        "inspect",
        &module,
        "--format",
        "json",
        "--python",
        "3.14t",
        "--platform",
        LINUX,
    ]);
    let document = run.document(include_str!("../../../docs/inspection.schema.json"));
    assert_eq!(document["modules"][0]["gil"], "used");
}

/// Scans a folder of installed packages.
fn scan_installed(sandbox: &Sandbox) -> Report {
    let options = [
        "--format",
        "json",
        "--offline",
        "--python",
        "3.14t",
        "--platform",
        LINUX,
    ];
    sandbox
        .run(&[&["scan", "packages"], &options[..]].concat())
        .report()
}

/// Installs a package `a` with these compiled files, from a wheel with these tags.
fn install(sandbox: &Sandbox, tags: &str, files: &[(&str, &str)]) {
    let info = "packages/a-1.0.dist-info";
    sandbox.write(
        &format!("{info}/METADATA"),
        "Metadata-Version: 2.1\nName: a\nVersion: 1.0\n",
    );
    sandbox.write(
        &format!("{info}/WHEEL"),
        format!("Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tags}\n"),
    );
    let record: Vec<String> = files
        .iter()
        .map(|(path, _)| format!("{path},,\n"))
        .collect();
    sandbox.write(&format!("{info}/RECORD"), record.concat());
    for (path, fixture) in files {
        sandbox.write(&format!("packages/{path}"), compiled(fixture));
    }
}

#[test]
fn what_is_installed_is_found_by_the_same_names() {
    let module = format!("a/sample.{TAG}");
    let tags = "cp314-cp314t-manylinux_2_28_x86_64";
    let stray = "a/sample.cpython-314t-darwin.so";
    let mach = "macho-arm64-opcodes-not-used.so";
    for (files, verdict) in [
        (&[(module.as_str(), SILENT)][..], "gil"),
        (&[(stray, mach)], "crash"),
        (&[(&module, READY), (stray, mach)], "ready"),
        (&[(&module, READY), ("a/sample.so", SILENT)], "ready"),
        (&[("v1.0/sample.so", SILENT)], "gil"),
    ] {
        let sandbox = Sandbox::new();
        install(&sandbox, tags, files);
        let report = scan_installed(&sandbox);
        assert_eq!(
            report.verdicts(),
            [format!("a 1.0 cp314t {verdict}")],
            "{files:?}"
        );
    }
    let sandbox = Sandbox::new();
    install(&sandbox, tags, &[(&module, SILENT)]);
    sandbox.write("packages/a/sample/__init__.py", "\n");
    let report = scan_installed(&sandbox);
    assert_eq!(report.verdicts(), ["a 1.0 cp314t pure"]);
    assert_eq!(passed_over(&report), [format!("{module}: behind-package")]);
}

#[test]
fn a_path_file_may_lead_into_a_folder_with_a_dot() {
    let sandbox = Sandbox::new();
    sandbox.write("packages/egg-1.0.egg/sample.so", compiled(SILENT));
    sandbox.write(
        "packages/egg-1.0.egg/EGG-INFO/PKG-INFO",
        "Metadata-Version: 1.1\nName: egg\nVersion: 1.0\n",
    );
    install(&sandbox, "py3-none-any", &[]);
    assert_eq!(scan_installed(&sandbox).verdicts(), ["a 1.0 cp314t pure"]);
    sandbox.write("packages/easy-install.pth", "./egg-1.0.egg\n");
    assert_eq!(
        scan_installed(&sandbox).verdicts(),
        ["a 1.0 cp314t pure", "no-package ? cp314t gil"]
    );
}
