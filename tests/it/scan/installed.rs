//! What is installed: environments that pip, conda's tools and image tools made, and ones that lack what those write.

use std::path::{Path, PathBuf};

use ungil::archive::limits::ArchiveLimits;

use crate::server::Server;

use super::distributions::{Wheel, compiled, sdist, urlsafe_base64};
use super::fake_index::FakeIndex;
use super::sandbox::{Report, Run, Sandbox};

/// Where the environments were made.
const MADE_IN: &str = "/tmp/ungil-fixture";
const SITE: &str = "venv/lib/python3.13t/site-packages";
const SUFFIX: &str = "cpython-313t-x86_64-linux-gnu.so";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/installed")
        .join(name)
}

/// Copies a tree to the sandbox; what says where it was made says where it is now.
fn place(sandbox: &Sandbox, name: &str, to: &str) {
    let mut left = vec![PathBuf::new()];
    while let Some(below) = left.pop() {
        for entry in std::fs::read_dir(fixture(name).join(&below)).unwrap() {
            let entry = entry.unwrap();
            let path = below.join(entry.file_name());
            if entry.path().is_dir() {
                left.push(path);
                continue;
            }
            let bytes = std::fs::read(entry.path()).unwrap();
            let here = sandbox.path("").display().to_string();
            let bytes = match String::from_utf8(bytes) {
                Ok(text) => text
                    .replace(MADE_IN, here.trim_end_matches('/'))
                    .into_bytes(),
                Err(error) => error.into_bytes(),
            };
            sandbox.write(&format!("{to}/{}", path.display()), bytes);
        }
    }
}

/// A virtual environment of pip's, with the projects that it edits in place.
fn environment() -> Sandbox {
    let sandbox = Sandbox::new();
    place(&sandbox, "venv", "venv");
    place(&sandbox, "projects", "projects");
    sandbox
}

/// A compiled file for the environment's Python, as this package has it: `calm` does not need the GIL, `locked_in` does.
fn sample_of(package: &str) -> Vec<u8> {
    std::fs::read(fixture(&format!("{SITE}/{package}/sample.{SUFFIX}"))).unwrap()
}

/// Scans offline.
fn scan(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    sandbox.run(&[&["scan", "--format", "json", "--offline"], arguments].concat())
}

fn remove(sandbox: &Sandbox, name: &str) {
    let path = sandbox.path(name);
    if path.is_dir() {
        std::fs::remove_dir_all(path).unwrap()
    } else {
        std::fs::remove_file(path).unwrap()
    }
}

fn required_by(report: &Report, name: &str) -> Vec<String> {
    let paths = report.package(name)["required_by"].as_array().unwrap();
    let name = |path: &serde_json::Value| {
        let names: Vec<&str> = path["path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        names.join(" ")
    };
    paths.iter().map(name).collect()
}

const INSTALLED: [&str; 5] = [
    "by-finder 1.0 cp313t gil",
    "calm 1.0 cp313t ready",
    "in-src 1.0 cp313t gil",
    "locked-in 2.0 cp313t gil",
    "paper 3.0 cp313t pure",
];

// Environments

#[test]
fn a_virtual_environment_is_judged_by_its_files_for_its_own_python() {
    let sandbox = environment();
    for input in ["venv", "./venv", SITE] {
        let run = scan(&sandbox, &[input]);
        let report = run.report();
        assert_eq!(report.verdicts(), INSTALLED, "{input}");
        assert_eq!(report.problems(), [] as [&str; 0], "{input}");
        assert_eq!(run.code, Some(1));
        assert_eq!(required_by(&report, "locked-in"), ["calm"]);
        assert_eq!(report.result("locked-in")["artifact"]["kind"], "installed");
        assert_eq!(report.result("in-src")["artifact"]["kind"], "editable");
    }
}

#[test]
fn the_second_scan_finds_the_same() {
    let sandbox = environment();
    assert_eq!(
        scan(&sandbox, &["venv"]).stdout,
        scan(&sandbox, &["venv"]).stdout
    );
}

#[test]
fn what_is_named_for_an_import_and_not_compiled_leaves_a_package_unknown() {
    let sandbox = environment();
    sandbox.write(
        &format!("{SITE}/calm/sample.{SUFFIX}"),
        b"version https://git-lfs.github.com/spec/v1\n",
    );
    // The second time what was read is taken from the cache.
    for time in ["first", "second"] {
        let report = scan(&sandbox, &["venv"]).report();
        assert_eq!(report.result("calm")["verdict"], "unknown", "{time}");
        let problems = report.problems();
        assert!(
            problems
                .iter()
                .any(|it| it.contains("not a linked ELF, Mach-O or PE file")),
            "{time}: {problems:?}"
        );
    }
}

#[test]
fn what_is_edited_in_place_is_judged_where_it_is() {
    let sandbox = environment();
    let by_path = "projects/in_src/src/in_src/sample";
    sandbox.write(&format!("{by_path}.{SUFFIX}"), sample_of("calm"));
    let finder = "projects/by_finder/by_finder/sample";
    sandbox.write(&format!("{finder}.{SUFFIX}"), sample_of("locked_in"));
    let report = scan(&sandbox, &["venv"]).report();
    assert_eq!(report.result("in-src")["verdict"], "ready");
    assert_eq!(report.result("by-finder")["verdict"], "gil");
    // A finder that is no table of names and paths is code, and is not run.
    let table = format!("{SITE}/__editable___by_finder_1_0_finder.py");
    sandbox.write(&table, "MAPPING: dict[str, str] = find_out()\n");
    let report = scan(&sandbox, &["venv"]).report();
    assert_eq!(report.result("by-finder")["verdict"], "unknown");
}

#[test]
fn a_file_that_was_changed_is_judged_as_it_is_and_told() {
    let sandbox = environment();
    sandbox.write(
        &format!("{SITE}/calm/sample.{SUFFIX}"),
        sample_of("locked_in"),
    );
    let report = scan(&sandbox, &["venv"]).report();
    assert_eq!(report.result("calm")["verdict"], "gil");
    let problems = report.problems();
    assert!(
        problems.len() == 1 && problems[0].contains("was changed since it was installed"),
        "{problems:?}"
    );
}

#[test]
fn a_file_that_several_list_is_the_one_whose_record_it_agrees_with() {
    use sha2::{Digest, Sha256};

    let sandbox = environment();
    let (file, bytes) = (format!("calm/sample.{SUFFIX}"), sample_of("locked_in"));
    sandbox.write(&format!("{SITE}/{file}"), &bytes);
    let description = format!("{SITE}/second-1.0.dist-info");
    sandbox.write(
        &format!("{description}/METADATA"),
        "Metadata-Version: 2.1\nName: second\nVersion: 1.0\n",
    );
    let digest = urlsafe_base64(&Sha256::digest(&bytes));
    sandbox.write(
        &format!("{description}/RECORD"),
        format!("{file},sha256={digest},{}\n", bytes.len()),
    );
    let report = scan(&sandbox, &["venv"]).report();
    assert_eq!(report.result("second")["verdict"], "gil");
    // What `calm` brought is not there any more.
    assert_eq!(report.result("calm")["verdict"], "unknown");
    let problems = report.problems();
    assert!(
        problems.len() == 1 && problems[0].contains("second 1.0 was installed over it"),
        "{problems:?}"
    );
}

#[test]
fn files_that_nobody_owns_are_reported() {
    let sandbox = environment();
    sandbox.write(
        &format!("{SITE}/alone/sample.{SUFFIX}"),
        sample_of("locked_in"),
    );
    remove(&sandbox, &format!("{SITE}/locked_in-2.0.dist-info"));
    sandbox.write("extra/sample.so", sample_of("calm"));
    sandbox.write(
        &format!("{SITE}/extra.pth"),
        format!("{}\n", sandbox.path("extra").display()),
    );
    let report = scan(&sandbox, &["venv"]).report();
    let own: Vec<String> = report
        .verdicts()
        .into_iter()
        .filter(|line| line.starts_with("no-package"))
        .collect();
    assert_eq!(
        own,
        ["no-package ? cp313t gil", "no-package ? cp313t ready"]
    );
    assert_eq!(
        report.result("no-package")["modules"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn without_a_record_files_are_given_by_name_or_left_open() {
    let sandbox = environment();
    for info in ["calm-1.0", "locked_in-2.0"] {
        remove(&sandbox, &format!("{SITE}/{info}.dist-info/RECORD"));
    }
    sandbox.write(
        &format!("{SITE}/calm-1.0.dist-info/top_level.txt"),
        "calm\n",
    );
    let report = scan(&sandbox, &["venv"]).report();
    assert_eq!(report.result("calm")["verdict"], "ready");
    assert_eq!(report.result("locked-in")["verdict"], "unknown");
    assert_eq!(report.result("no-package")["verdict"], "gil");
}

#[test]
fn what_a_record_lists_and_is_not_there_is_told() {
    let sandbox = environment();
    remove(&sandbox, &format!("{SITE}/calm/sample.{SUFFIX}"));
    let run = scan(&sandbox, &["venv"]);
    assert!(
        run.report().problems()[0].contains("it is not there"),
        "{}",
        run.stdout
    );
}

#[test]
fn an_egg_info_and_debians_folder_are_read() {
    let sandbox = Sandbox::new();
    let site = "usr/lib/python3/dist-packages";
    sandbox.write(
        &format!("{site}/old-1.2.egg-info"),
        "Metadata-Version: 1.1\nName: old\nVersion: 1.2\n",
    );
    sandbox.write(
        &format!("{site}/egg-2.0.egg-info/PKG-INFO"),
        "Metadata-Version: 2.1\nName: egg\nVersion: 2.0\n",
    );
    sandbox.write(
        &format!("{site}/egg-2.0.egg-info/installed-files.txt"),
        format!("../egg/sample.{SUFFIX}\n"),
    );
    sandbox.write(
        &format!("{site}/egg/sample.{SUFFIX}"),
        sample_of("locked_in"),
    );
    let report = scan(&sandbox, &[site, "--platform", "linux-x86_64"]).report();
    assert_eq!(
        report.verdicts(),
        ["egg 2.0 cp313t gil", "old 1.2 cp313t pure"]
    );
}

#[test]
fn conda_says_whose_the_files_are_that_have_no_description() {
    let sandbox = Sandbox::new();
    place(&sandbox, "conda", "prefix");
    let run = scan(&sandbox, &["prefix"]);
    let report = run.report();
    assert_eq!(
        report.verdicts(),
        ["calm 1.0 cp313t ready", "no-metadata 2.0 cp313t gil"]
    );
    assert_eq!(report.problems(), [] as [&str; 0]);
    // A record that cannot be read hides whose a file is, not the file.
    let record = "prefix/conda-meta/no-metadata-2.0-py313t_0.json";
    sandbox.write(record, "{");
    let report = scan(&sandbox, &["prefix"]).report();
    assert_eq!(
        report.verdicts(),
        ["calm 1.0 cp313t ready", "no-package ? cp313t gil"]
    );
    assert!(
        report.problems()[0].contains("no-metadata-2.0"),
        "{:?}",
        report.problems()
    );
}

// Other Pythons

#[test]
fn an_environment_with_the_gil_decides_nothing_and_its_versions_do() {
    let sandbox = Sandbox::new();
    sandbox.write("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.12.1\n");
    let site = "venv/lib/python3.12/site-packages";
    let describe = |name: &str, requires: &str| {
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}");
        sandbox.write(&format!("{site}/{name}-1.0.dist-info/METADATA"), metadata);
        sandbox.write(&format!("{site}/{name}-1.0.dist-info/RECORD"), "");
    };
    describe("top", "Requires-Dist: below; python_version >= '3'\n");
    describe("below", "");
    let run = scan(&sandbox, &["venv"]);
    assert_eq!(run.code, Some(2));
    assert!(
        run.stderr
            .contains("venv is of Python 3.12, which has the GIL"),
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains("--python 3.14t scans"),
        "{}",
        run.stderr
    );
    let native = |name: &str, version: &str, fixture: &str| {
        let wheel = Wheel::new(&format!(
            "{name}-{version}-cp314-cp314t-manylinux_2_28_x86_64.whl"
        ));
        wheel.module(
            &format!("{name}/sample.cpython-314t-x86_64-linux-gnu.so"),
            fixture,
        )
    };
    let wheels = [
        native("top", "1.0", "elf-x86_64-not-used.so"),
        native("below", "1.0", "elf-x86_64-used.so"),
        native("below", "2.0", "elf-x86_64-not-used.so"),
    ];
    let server = Server::start(FakeIndex::with(wheels).routes());
    let report = sandbox.scan(&server, &["venv"]).report();
    assert_eq!(
        report.verdicts(),
        ["below 1.0 cp314t gil", "top 1.0 cp314t ready"]
    );
    assert_eq!(required_by(&report, "below"), ["top"]);
}

#[test]
fn one_environment_is_judged_by_its_files_and_by_its_versions_side_by_side() {
    let sandbox = environment();
    sandbox.write(
        &format!("{SITE}/alone/sample.{SUFFIX}"),
        sample_of("locked_in"),
    );
    let wheel = Wheel::new("calm-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl");
    let server = Server::start(FakeIndex::with([wheel]).routes());
    let targets = [
        "--python",
        "3.13t",
        "--python",
        "3.14t",
        "--platform",
        "linux-x86_64",
    ];
    let report = sandbox.scan_for(&server, &targets, &["venv"]).report();
    let of = |name: &str| {
        report
            .verdicts()
            .into_iter()
            .filter(|line| line.starts_with(name))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("calm"),
        ["calm 1.0 cp313t ready", "calm 1.0 cp314t pure"]
    );
    // A project that is edited in place would be built again from where it is.
    assert_eq!(
        of("in-src"),
        ["in-src 1.0 cp313t gil", "in-src 1.0 cp314t build"]
    );
    assert_eq!(of("no-package"), ["no-package ? cp313t gil"]);
    assert!(
        report
            .problems()
            .iter()
            .any(|line| line.contains("no package owns")),
        "{:?}",
        report.problems()
    );
}

#[test]
fn what_no_folder_tells_of_the_python_can_be_named() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "packages/a-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: a\nVersion: 1.0\n",
    );
    sandbox.write("packages/a-1.0.dist-info/RECORD", "a/sample.so,,\n");
    sandbox.write("packages/a/sample.so", compiled("elf-x86_64-used.so"));
    let run = scan(&sandbox, &["packages", "--platform", "linux-x86_64"]);
    assert!(
        run.stderr.contains("which Python it is for cannot be told"),
        "{}",
        run.stderr
    );
    let report = scan(
        &sandbox,
        &[
            "packages",
            "--platform",
            "linux-x86_64",
            "--python",
            "3.14t",
        ],
    )
    .report();
    assert_eq!(report.verdicts(), ["a 1.0 cp314t gil"]);
}

#[test]
fn a_module_by_itself_is_judged_under_the_name_that_it_has() {
    let sandbox = Sandbox::new();
    let tagged = format!("sample.{SUFFIX}");
    sandbox.write(&tagged, sample_of("locked_in"));
    sandbox.write("sample.so", sample_of("calm"));
    sandbox.write("other.so", sample_of("calm"));
    sandbox.write("empty.so", "");
    for (typed, verdict) in [
        (&[tagged.as_str()][..], "gil"),
        (&["sample.so", "--python", "3.13t"], "ready"),
        (&["other.so", "--python", "3.13t"], "crash"),
        (&["empty.so", "--python", "3.13t"], "unknown"),
    ] {
        let arguments = [typed, &["--platform", "linux-x86_64"]].concat();
        let report = scan(&sandbox, &arguments).report();
        assert_eq!(
            report.verdicts(),
            [format!("no-package ? cp313t {verdict}")],
            "{typed:?}"
        );
    }
    let run = scan(&sandbox, &["sample.so"]);
    assert!(
        run.stderr.contains("which Python it is for cannot be told"),
        "{}",
        run.stderr
    );
}

#[test]
fn what_a_module_hands_over_to_is_followed_in_a_library_of_the_same_distribution() {
    const NEEDED: &[u8] = b"elf-x86_64-maker.so";
    let library = "elf_x86_64_maker.so";
    let mut module = compiled("elf-x86_64-hands-over.so");
    let place = module
        .windows(NEEDED.len())
        .position(|bytes| bytes == NEEDED)
        .unwrap();
    module[place..place + NEEDED.len()].copy_from_slice(library.as_bytes());
    let sandbox = Sandbox::new();
    sandbox.write(
        "packages/a-1.0.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: a\nVersion: 1.0\n",
    );
    sandbox.write(
        "packages/a-1.0.dist-info/RECORD",
        format!("a/sample.so,,\na/lib/{library},,\n"),
    );
    sandbox.write("packages/a/sample.so", module);
    let verdicts = || {
        scan(
            &sandbox,
            &[
                "packages",
                "--platform",
                "linux-x86_64",
                "--python",
                "3.14t",
            ],
        )
        .report()
        .verdicts()
    };
    assert_eq!(
        verdicts(),
        ["a 1.0 cp314t unknown"],
        "the library is not there"
    );
    sandbox.write(
        &format!("packages/a/lib/{library}"),
        compiled("elf-x86_64-maker.so"),
    );
    assert_eq!(verdicts(), ["a 1.0 cp314t ready"]);
}

// Containers

#[test]
fn an_image_is_read_through_its_layers() {
    let sandbox = Sandbox::new();
    let layout = fixture("image");
    let run = scan(&sandbox, &[layout.to_str().unwrap()]);
    let report = run.report();
    assert_eq!(
        report.verdicts(),
        ["calm 1.0 cp313t ready", "paper 3.0 cp313t pure"]
    );
    assert_eq!((run.code, report.problems()), (Some(0), Vec::new()));
    // The same in a tar file.
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_dir_all(".", &layout).unwrap();
    sandbox.write("image.tar", tar.into_inner().unwrap());
    assert_eq!(
        scan(&sandbox, &["image.tar"]).report().verdicts(),
        report.verdicts()
    );
    // The same packed by zstd.
    let run = scan(&sandbox, &[fixture("image-zstd").to_str().unwrap()]);
    assert_eq!(run.report().verdicts(), report.verdicts());
    assert_eq!((run.code, run.report().problems()), (Some(0), Vec::new()));
}

#[test]
fn changed_bytes_of_a_zstd_layer_end_the_scan_with_a_reason() {
    let sandbox = Sandbox::new();
    let blobs = fixture("image-zstd").join("blobs/sha256");
    let files = std::fs::read_dir(blobs)
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let layer = files.max_by_key(Vec::len).unwrap();
    // The first frame ends in a checksum, where the first of those to be skipped begins.
    let end = layer
        .windows(4)
        .position(|bytes| bytes == [0x50, 0x2a, 0x4d, 0x18])
        .unwrap();
    let check = |code: i32, told: &str, change: fn(&mut Vec<u8>, usize)| {
        let mut layer = layer.clone();
        change(&mut layer, end);
        sandbox.write("app.tar", saved(&[("1/layer.tar", layer)]));
        let run = scan(&sandbox, &["app.tar"]);
        assert_eq!(run.code, Some(code), "{told}: {}", run.stderr);
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
    };
    // Without the upper layer, a module that needs the GIL is there.
    check(1, "", |_, _| ());
    check(2, "a frame has the checksum", |layer, end| {
        layer[end - 1] ^= 1
    });
    check(2, "damaged", |layer, end| layer.truncate(end - 100));
    check(2, "damaged", |layer, end| layer.truncate(end + 10));
    check(2, "damaged", |layer, end| layer[end / 2..end].fill(0xff));
    check(2, "damaged", |layer, end| layer[end..end + 4].fill(0));
}

/// An archive as `docker save` wrote it for years.
fn saved(layers: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let names: Vec<&str> = layers.iter().map(|(name, _)| *name).collect();
    let manifest =
        serde_json::json!([{"Config": "config.json", "RepoTags": ["app:latest"], "Layers": names}]);
    let config = serde_json::json!({"architecture": "amd64", "os": "linux"});
    let mut files = vec![("manifest.json", manifest.to_string().into_bytes())];
    files.push(("config.json", config.to_string().into_bytes()));
    files.extend(layers.iter().cloned());
    tar_of(&files)
}

fn tar_of(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, bytes.as_slice())
            .unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn an_archive_of_docker_is_read_and_the_systems_own_python_left_out() {
    let sandbox = Sandbox::new();
    let site = "app/.venv/lib/python3.14t/site-packages";
    let module = format!("{site}/a/sample.cpython-314t-x86_64-linux-gnu.so");
    let metadata = b"Metadata-Version: 2.1\nName: a\nVersion: 1.0\n".to_vec();
    let system = tar_of(&[
        ("lib64/ld-linux-x86-64.so.2", Vec::new()),
        (
            "usr/lib/python3.12/site-packages/b-1.0.dist-info/METADATA",
            b"Metadata-Version: 2.1\nName: b\nVersion: 1.0\n".to_vec(),
        ),
    ]);
    let below = tar_of(&[(&module, compiled("elf-x86_64-used.so"))]);
    let top = tar_of(&[
        ("app/.venv/pyvenv.cfg", b"version = 3.14.0\n".to_vec()),
        (&format!("{site}/a-1.0.dist-info/METADATA"), metadata),
        (
            &format!("{site}/a-1.0.dist-info/RECORD"),
            format!("{}\n", module.replace(&format!("{site}/"), "") + ",,").into_bytes(),
        ),
        (&module, compiled("elf-x86_64-not-used.so")),
    ]);
    sandbox.write(
        "app.tar",
        saved(&[
            ("1/layer.tar", system.clone()),
            ("2/layer.tar", below),
            ("3/layer.tar", top),
        ]),
    );
    let run = scan(&sandbox, &["app.tar"]);
    let report = run.report();
    assert_eq!(report.verdicts(), ["a 1.0 cp314t ready"]);
    assert_eq!(
        report.package("a")["required_by"][0]["place"]["file"],
        "app.tar: /app/.venv"
    );
    assert_eq!(run.code, Some(0));
    // In a container that has nothing else it is not.
    sandbox.write("base.tar", saved(&[("1/layer.tar", system)]));
    assert!(
        scan(&sandbox, &["base.tar"])
            .stderr
            .contains("Python 3.12, which has the GIL")
    );
}

#[test]
fn what_cannot_be_read_of_an_image_ends_the_scan_with_a_reason() {
    let sandbox = Sandbox::new();
    let plain = saved(&[("1/layer.tar", tar_of(&[("etc/passwd", Vec::new())]))]);
    sandbox.write("empty.tar", &plain);
    sandbox.write(
        "zstd.tar",
        saved(&[("1/layer.tar", vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0])]),
    );
    sandbox.write("cut.tar", saved(&[("1/layer.tar", vec![b'x'; 2000])]));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &plain).unwrap();
    sandbox.write("packed.tar.gz", packed.finish().unwrap());
    for (input, code, told) in [
        (
            "empty.tar",
            3,
            "no environment was found; looked for pyvenv.cfg",
        ),
        ("zstd.tar", 2, "1/layer.tar is damaged"),
        ("cut.tar", 2, "is damaged"),
        ("packed.tar.gz", 2, "is packed as a whole"),
    ] {
        let run = scan(&sandbox, &[input]);
        assert!(run.stderr.contains(told), "{input}: {}", run.stderr);
        assert_eq!(run.code, Some(code), "{input}");
    }
}

#[cfg(unix)]
#[test]
fn links_of_an_unpacked_container_lead_nowhere_else() {
    let sandbox = environment();
    sandbox.write("root/lib64/ld-linux-x86-64.so.2", "");
    std::fs::create_dir_all(sandbox.path("root/opt")).unwrap();
    std::fs::rename(sandbox.path("venv"), sandbox.path("root/opt/venv")).unwrap();
    let site = "root/opt/venv/lib/python3.13t/site-packages";
    // Outside of the container there would be such a file.
    sandbox.write("outside.so", sample_of("locked_in"));
    std::os::unix::fs::symlink(
        sandbox.path("outside.so"),
        sandbox.path(&format!("{site}/leads_out.so")),
    )
    .unwrap();
    let module = format!("{site}/calm/sample.{SUFFIX}");
    sandbox.write("root/store/calm", sample_of("locked_in"));
    remove(&sandbox, &module);
    std::os::unix::fs::symlink("/store/calm", sandbox.path(&module)).unwrap();
    let run = scan(&sandbox, &["--root", "root"]);
    let report = run.report();
    assert_eq!(report.result("calm")["verdict"], "gil");
    assert!(
        report
            .verdicts()
            .iter()
            .all(|line| !line.starts_with("no-package")),
        "{:?}",
        report.verdicts()
    );
    // What is edited in place lies outside of the container.
    assert_eq!(report.result("in-src")["verdict"], "unknown");
    assert!(
        report
            .problems()
            .iter()
            .any(|line| line.contains("leads_out.so")),
        "{:?}",
        report.problems()
    );
}

// Interpreters

#[cfg(unix)]
#[test]
fn an_interpreter_is_asked_for_its_paths() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = environment();
    let site = sandbox.path(SITE);
    let answer = format!(
        r#"{{"implementation": "cpython", "version": [3, 13], "free_threaded": true, "platform": "linux-x86_64",
        "suffixes": [".{SUFFIX}", ".so"], "paths": ["{}"]}}"#,
        site.display()
    );
    let script = |name: &str, body: &str| {
        sandbox.write(name, format!("#!/bin/sh\n{body}\n"));
        std::fs::set_permissions(sandbox.path(name), std::fs::Permissions::from_mode(0o755))
            .unwrap();
    };
    let line = answer.replace('\n', " ");
    script(
        "python",
        &format!("test \"$1 $2\" = '-I -c' && echo '{line}'"),
    );
    let report = scan(&sandbox, &["--interpreter", "./python"]).report();
    assert_eq!(report.verdicts(), INSTALLED);
    script("other", "echo hello");
    let run = scan(&sandbox, &["--interpreter", "./other"]);
    assert!(
        run.stderr
            .contains("its answer is not what a Python would say"),
        "{}",
        run.stderr
    );
    script("failing", "exit 7");
    let run = scan(&sandbox, &["--interpreter", "./failing"]);
    assert!(run.stderr.contains("is it a Python?"), "{}", run.stderr);
    let run = scan(&sandbox, &["--interpreter", "./none"]);
    assert!(run.stderr.contains("cannot run ./none"), "{}", run.stderr);
    assert_eq!(run.code, Some(2));
}

#[test]
fn what_a_python_answers_is_understood() {
    let sandbox = environment();
    let answer = String::from_utf8(std::fs::read(fixture("answer.json")).unwrap()).unwrap();
    let answer = answer.replace(
        MADE_IN,
        sandbox.path("").display().to_string().trim_end_matches('/'),
    );
    let environment = ungil::installed::of_interpreter(answer.as_bytes(), "python").unwrap();
    let inventory = ungil::installed::read(&environment, &ArchiveLimits::default());
    assert_eq!(inventory.python.unwrap().to_string(), "3.13t");
    assert_eq!(inventory.platform.unwrap().to_string(), "linux-x86_64");
    assert_eq!(inventory.distributions.len(), INSTALLED.len());
}

// Folders of wheels

#[test]
fn a_folder_of_wheels_is_judged_by_the_best_wheel_of_each_version() {
    let sandbox = Sandbox::new();
    let tag = |tag: &str| format!("a-1.0-{tag}-manylinux_2_28_x86_64.whl");
    let module = |name: String, path: &str, fixture: &str| {
        let wheel = Wheel::new(&name).module(path, fixture);
        sandbox.write(&format!("wheels/{name}"), wheel.bytes());
    };
    let free_threaded = "a/sample.cpython-314t-x86_64-linux-gnu.so";
    module(tag("cp314-cp314t"), free_threaded, "elf-x86_64-not-used.so");
    module(
        tag("cp314-cp314"),
        "a/sample.cpython-314-x86_64-linux-gnu.so",
        "elf-x86_64-used.so",
    );
    module(
        "a-2.0-cp314-cp314-manylinux_2_28_x86_64.whl".into(),
        "a/sample.so",
        "elf-x86_64-used.so",
    );
    sandbox.write(
        "wheels/b-1.0-py3-none-any.whl",
        Wheel::new("b-1.0-py3-none-any.whl").requires("c").bytes(),
    );
    sandbox.write("wheels/source-3.0.tar.gz", sdist("source", "3.0", &[]));
    sandbox.write("wheels/README.txt", "not a wheel");
    let run = scan(
        &sandbox,
        &["wheels", "--python", "3.14t", "--platform", "linux-x86_64"],
    );
    assert_eq!(
        run.report().verdicts(),
        [
            "a 1.0 cp314t ready",
            "a 2.0 cp314t blocked",
            "b 1.0 cp314t pure",
            "source 3.0 cp314t build"
        ]
    );
}

// Nothing

#[test]
fn where_nothing_is_found_is_told_what_was_looked_for() {
    let sandbox = Sandbox::new();
    sandbox.write("empty/notes.md", "nothing here");
    sandbox.write("venv/pyvenv.cfg", "version = 3.14.0\n");
    for (arguments, told) in [
        (
            &["./empty"][..],
            "no environment was found; looked for a virtual environment",
        ),
        (
            &["--root", "empty"],
            "no environment was found; looked for pyvenv.cfg",
        ),
        (
            &["--from", "wheels", "empty"],
            "no environment was found; looked for files named .whl",
        ),
    ] {
        let run = scan(&sandbox, arguments);
        assert!(run.stderr.contains(told), "{arguments:?}: {}", run.stderr);
        assert_eq!(run.code, Some(3), "{arguments:?}");
    }
    for arguments in [&["venv"][..], &["--from", "site-packages", "empty"]] {
        let run = scan(&sandbox, arguments);
        assert!(
            run.stdout.contains("holds nothing to scan"),
            "{arguments:?}: {}",
            run.stdout
        );
        assert_eq!(run.code, Some(3), "{arguments:?}");
    }
}

#[test]
fn every_kind_has_its_line_in_the_help_and_in_the_docs() {
    let help = Sandbox::new().run(&["scan", "--help"]).stdout;
    let page = include_str!("../../../docs/inputs.md");
    for kind in ungil::installed::KINDS {
        let line = help
            .lines()
            .any(|line| line.trim_start().starts_with(kind.word()));
        assert!(line && help.contains(kind.description()), "{help}");
        assert!(
            page.contains(&format!("| `{}` |", kind.word())),
            "{}",
            kind.word()
        );
    }
}
