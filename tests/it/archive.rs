//! Archives: real ones made by real tools, hostile ones, damaged ones, and what reading them costs.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like tests")]

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ungil::archive::candidates::ModuleCandidate;
use ungil::archive::folder::DiskFolder;
use ungil::archive::limits::ArchiveLimits;
use ungil::archive::sdist::{self, SdistDepth, SdistError};
use ungil::archive::select::{SkipReason, select};
use ungil::archive::source::{LocalFile, RangeSource, SourceError};
use ungil::archive::wheel::{WheelArchive, WheelError};
use ungil::archive::{ArchiveContents, UnpackedMembers};
use ungil::model::problem::{Problem, ProblemKind};

const NAME: &str = "demo-1.0-cp313-abi3-manylinux_2_28_x86_64.whl";
const MODULE: &str = "demo/_c.abi3.so";

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/archives")
        .join(path)
}

fn hostile(name: &str) -> Vec<u8> {
    std::fs::read(fixture(&format!("hostile/{name}.whl"))).unwrap()
}

/// A file somewhere else: answers ranges, and remembers them.
struct Remote {
    bytes: Vec<u8>,
    ranges: Mutex<Vec<Range<u64>>>,
    /// Requests from this one on fail.
    fails_from: usize,
}

impl Remote {
    fn new(bytes: Vec<u8>) -> Arc<Remote> {
        Arc::new(Remote {
            bytes,
            ranges: Mutex::default(),
            fails_from: usize::MAX,
        })
    }

    fn requests(&self) -> usize {
        self.ranges.lock().unwrap().len()
    }

    fn fetched(&self) -> u64 {
        self.ranges
            .lock()
            .unwrap()
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }
}

impl RangeSource for Remote {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        let mut ranges = self.ranges.lock().unwrap();
        if ranges.len() >= self.fails_from {
            return Err(SourceError::Remote {
                kind: ProblemKind::Network,
                message: "connection reset".into(),
            });
        }
        ranges.push(range.clone());
        Ok(self.bytes[range.start as usize..range.end as usize].to_vec())
    }
}

fn open(bytes: Vec<u8>) -> Result<WheelArchive, WheelError> {
    WheelArchive::open(NAME, Box::new(Remote::new(bytes)), ArchiveLimits::default())
}

fn read_all(contents: &dyn ArchiveContents) -> Vec<UnpackedMembers> {
    let paths: Vec<&str> = contents
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    contents.read(&paths).collect()
}

#[test]
fn sound_wheels_are_read_whole() {
    let expected: Vec<u8> = b"\x7fELF\x02\x01"
        .iter()
        .copied()
        .chain((0..8).flat_map(|_| 0..=255))
        .chain(b"PyInit__c\0".repeat(20))
        .collect();
    for name in ["good", "stored", "zip64", "descriptor", "folders"] {
        for source in [
            Box::new(hostile(name)) as Box<dyn RangeSource>,
            Box::new(Remote::new(hostile(name))),
        ] {
            let wheel = WheelArchive::open(NAME, source, ArchiveLimits::default()).unwrap();
            assert_eq!(wheel.problems(), [], "{name}");
            assert_eq!(wheel.entries().len(), 5, "{name}");
            assert_eq!(wheel.dist_info().unwrap(), "demo-1.0.dist-info");
            assert_eq!(wheel.metadata().unwrap().requires_dist.len(), 1);
            assert_eq!(
                wheel.wheel_file().unwrap().generator.as_deref(),
                Some("hand (1.0)")
            );
            assert_eq!(wheel.record().unwrap().rows().len(), 5);
            for unpacked in read_all(&wheel) {
                let member = unpacked.member.unwrap();
                assert_eq!(member.path, unpacked.path);
                if member.path == MODULE {
                    assert_eq!(member.bytes, expected, "{name}");
                }
            }
            assert_eq!(wheel.read_prefix(MODULE, 1 << 20).unwrap().bytes, expected);
            assert_eq!(wheel.problems(), [], "{name}");
        }
    }
}

#[test]
fn a_hostile_member_is_a_problem_and_the_rest_goes_on() {
    let check = |name: &str, kind: ProblemKind, message: &str| {
        let wheel = open(hostile(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let outcomes = read_all(&wheel);
        let (good, bad): (Vec<_>, Vec<_>) = outcomes
            .into_iter()
            .partition(|unpacked| unpacked.member.is_ok());
        let problem = bad
            .iter()
            .map(|unpacked| unpacked.member.as_ref().unwrap_err())
            .next_back();
        let problem = problem.unwrap_or_else(|| panic!("{name}: nothing found"));
        assert!(
            problem.message.contains(message),
            "{name}: {}",
            problem.message
        );
        assert_eq!(problem.kind, kind, "{name}");
        assert!(
            problem.place.starts_with(&format!("{NAME}: ")),
            "{name}: {}",
            problem.place
        );
        assert_eq!(
            problem.package.as_ref().map(ToString::to_string).as_deref(),
            Some("demo")
        );
        assert!(
            good.iter()
                .any(|unpacked| unpacked.path.ends_with("/WHEEL")),
            "{name}: the rest is lost"
        );
        assert!(
            good.iter().all(|unpacked| unpacked.path != MODULE),
            "{name}: the module was believed"
        );
    };
    let archive = ProblemKind::Archive;
    let integrity = ProblemKind::Integrity;
    check("duplicate", archive, "2 members have this path");
    check("duplicate-path", archive, "2 members have this path");
    check(
        "local-name",
        archive,
        "its local header says path demo/_c.abi3.so, the directory demo/_d.abi3.so",
    );
    check(
        "local-method",
        archive,
        "its local header says compression method 0, the directory 8",
    );
    check(
        "local-size",
        archive,
        "its local header says size 7, the directory 2254",
    );
    check("local-crc", archive, "its local header says CRC-32 7,");
    check(
        "local-signature",
        archive,
        "its signature is 00000007, expected 04034b50",
    );
    check("local-offset", archive, "overlaps the member at offset");
    check("overlap", archive, "overlaps the member at offset 0");
    check(
        "bomb",
        archive,
        "bytes unpack to 41943040, more than 200 times as many",
    );
    check(
        "larger",
        integrity,
        "unpacks to more, the directory says 100 bytes",
    );
    check(
        "smaller",
        integrity,
        "unpacks to 2254, the directory says 1048576 bytes",
    );
    check(
        "huge",
        archive,
        "4026531840 bytes unpacked, more than the limit of 805306368",
    );
    check("crc", integrity, "the directory says 00000007");
    check("leftover", archive, "the rest is unaccounted for");
    check("damaged", archive, "cannot be unpacked");
    check(
        "record",
        integrity,
        "RECORD says sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
    check("record-size", integrity, "has 2254 bytes, RECORD says 77");
    check("encrypted", archive, "is encrypted");
    check(
        "method",
        archive,
        "compression method 93; expected 0 (stored) or 8 (deflate)",
    );
    check("absolute", archive, "unsafe path: absolute");
    check("parent", archive, "unsafe path: leads upwards");
    check("backslash", archive, "unsafe path: has a backslash");
}

#[test]
fn oddities_of_the_whole_are_problems() {
    let check = |name: &str, message: &str| {
        let wheel = open(hostile(name)).unwrap();
        assert_eq!(
            read_all(&wheel)
                .iter()
                .filter(|unpacked| unpacked.member.is_err())
                .count(),
            0,
            "{name}"
        );
        let messages: Vec<String> = wheel
            .problems()
            .into_iter()
            .map(|problem| problem.message)
            .collect();
        assert_eq!(messages.len(), 1, "{name}: {messages:?}");
        assert!(messages[0].contains(message), "{name}: {messages:?}");
    };
    check(
        "prepended",
        "10 bytes stand before the first member; expected none",
    );
    check(
        "appended",
        "4 bytes stand after the end of the zip file; expected none",
    );
    check(
        "count",
        "the zip directory lists 5 members, its end record counts 4",
    );
    check("no-record", "demo-1.0.dist-info/RECORD: no such member");
    check(
        "record-garbage",
        "demo-1.0.dist-info/RECORD: line 1: expected 3 fields",
    );
}

#[test]
fn dist_info_must_be_there_once_and_of_the_package() {
    let check = |name: &str, message: &str| {
        let wheel = open(hostile(name)).unwrap();
        let error = wheel.metadata().unwrap_err();
        assert_eq!(error.to_string(), message);
        assert_eq!(error.kind(), ProblemKind::Metadata);
    };
    check("no-dist-info", "has no .dist-info folder");
    check("empty", "has no .dist-info folder");
    check(
        "two-dist-info",
        "has several .dist-info folders: demo-1.0.dist-info, other-1.0.dist-info",
    );
    check(
        "foreign-dist-info",
        "its .dist-info folder is other-1.0.dist-info, expected one for demo",
    );
}

#[test]
fn limits_name_themselves_and_both_numbers() {
    let check = |limits: ArchiveLimits, path: &str, message: &str| {
        let wheel = WheelArchive::open(NAME, Box::new(hostile("good")), limits).unwrap();
        let member = wheel.members(&[path]).next().unwrap().member;
        let found = wheel
            .problems()
            .into_iter()
            .chain(member.err())
            .map(|problem| problem.message);
        assert!(
            found.clone().any(|found| found.contains(message)),
            "{message}: {:?}",
            found.collect::<Vec<_>>()
        );
    };
    let limits = ArchiveLimits::default();
    check(
        ArchiveLimits {
            members: 2,
            ..limits
        },
        MODULE,
        "more than 2 members, the limit",
    );
    check(
        ArchiveLimits {
            member_bytes: 99,
            ..limits
        },
        MODULE,
        "2254 bytes unpacked, more than the limit of 99",
    );
    check(
        ArchiveLimits {
            total_bytes: 2300,
            ..limits
        },
        MODULE,
        "bytes would be unpacked from this archive, more than",
    );
    check(
        ArchiveLimits {
            ratio: 2,
            ratio_floor_bytes: 9,
            ..limits
        },
        MODULE,
        "unpack to 2254, more than 2 times as many",
    );
    check(
        ArchiveLimits {
            path_bytes: 14,
            ..limits
        },
        "demo/_c.abi3.s",
        "the path has 15 bytes, more than the limit of 14",
    );
    check(
        ArchiveLimits {
            record_bytes: 99,
            ..limits
        },
        MODULE,
        "bytes unpacked, more than the limit of 99",
    );
    let small = ArchiveLimits {
        directory_bytes: 99,
        ..limits
    };
    let error = WheelArchive::open(NAME, Box::new(hostile("good")), small)
        .map(|_| ())
        .unwrap_err();
    assert!(
        error.to_string().contains("more than the limit of 99"),
        "{error}"
    );
}

#[test]
fn a_wheel_that_is_cut_short_never_gives_wrong_bytes() {
    let good = hostile("good");
    let whole: Vec<UnpackedMembers> = read_all(&open(good.clone()).unwrap());
    for length in 0..good.len() {
        let Ok(wheel) = open(good[..length].to_vec()) else {
            continue;
        };
        for unpacked in read_all(&wheel) {
            assert!(
                unpacked.member.is_err() || whole.contains(&unpacked),
                "{length}: {}",
                unpacked.path
            );
        }
    }
}

/// Numbers that look random and are the same every time.
fn numbers(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::from_fn(move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        Some(state >> 33)
    })
}

fn mutated(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut numbers = numbers(seed);
    let mut next = |below: usize| numbers.next().unwrap() as usize % below;
    for _ in 0..=next(5) {
        let position = next(bytes.len());
        bytes[position] = match next(4) {
            0 => 0,
            1 => 0xff,
            2 => bytes[position] ^ (1 << next(8)),
            _ => next(256) as u8,
        };
    }
    bytes
}

#[test]
fn mutations_never_panic_and_never_give_wrong_bytes() {
    let limits = ArchiveLimits {
        member_bytes: 1 << 20,
        ..ArchiveLimits::default()
    };
    for name in ["good", "stored", "zip64", "descriptor"] {
        let good = hostile(name);
        let whole: Vec<UnpackedMembers> = read_all(&open(good.clone()).unwrap());
        for seed in 0..2000 {
            let source = Box::new(Remote::new(mutated(&good, seed)));
            let Ok(wheel) = WheelArchive::open(NAME, source, limits) else {
                continue;
            };
            let _ = (
                wheel.metadata(),
                wheel.wheel_file(),
                wheel.read_prefix(MODULE, 999),
            );
            for unpacked in read_all(&wheel) {
                // The directory's own CRC and the path could be what was mutated; then RECORD finds it.
                let known = whole.iter().any(|other| other.path == unpacked.path);
                if known && wheel.record().is_ok() && wheel.record().unwrap().rows().len() == 5 {
                    let same = whole.contains(&unpacked) || unpacked.path.ends_with("RECORD");
                    assert!(
                        unpacked.member.is_err() || same,
                        "{name} {seed}: {}",
                        unpacked.path
                    );
                }
            }
        }
    }
    for name in ["of_setuptools-1.2.3.tar.gz", "of_zip-1.2.3.zip"] {
        let good = std::fs::read(fixture(&format!("built/{name}"))).unwrap();
        for seed in 0..2000 {
            let _ = sdist::read(
                name,
                Box::new(mutated(&good, seed)),
                SdistDepth::Everything,
                limits,
            );
        }
    }
}

/// A wheel of these members, stored.
pub(crate) fn wheel_of(members: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut output = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut output);
    let metadata = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n".to_vec();
    let described = [("METADATA", metadata), ("RECORD", Vec::new())];
    let described = described.map(|(name, bytes)| (format!("demo-1.0.dist-info/{name}"), bytes));
    for (path, bytes) in members.into_iter().chain(described) {
        let (path, bytes) = (path.as_str(), bytes.as_slice());
        let builder = archive
            .new_file(path)
            .compression_method(rawzip::CompressionMethod::STORE);
        let (mut entry, config) = builder.start().unwrap();
        let mut writer = config.wrap(&mut entry);
        std::io::Write::write_all(&mut writer, bytes).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    output
}

/// A wheel of 10 MB with members of 20,000 bytes that cannot be packed.
fn large() -> Vec<u8> {
    wheel_of((0..500).map(|number| {
        let bytes = numbers(number)
            .take(20_000)
            .map(|number| number as u8)
            .collect();
        (
            format!(
                "demo/{}/module_{number:03}.abi3.so",
                "folder_with_a_long_name".repeat(8)
            ),
            bytes,
        )
    }))
}

#[test]
fn only_what_is_asked_for_is_fetched() {
    let remote = Remote::new(large());
    let wheel = WheelArchive::open(
        NAME,
        Box::new(Arc::clone(&remote)),
        ArchiveLimits::default(),
    )
    .unwrap();
    assert_eq!(wheel.metadata().unwrap().name.to_string(), "demo");
    assert!(remote.requests() <= 3, "{:?}", remote.ranges);
    assert!(
        remote.fetched() < remote.size() / 40,
        "{} of {}",
        remote.fetched(),
        remote.size()
    );

    // Neighbours come in one request, others in their own, what lies between is left.
    let paths: Vec<&str> = wheel
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    let before = (remote.requests(), remote.fetched());
    let wanted = [paths[400], paths[11], paths[10], paths[12]];
    let read: Vec<UnpackedMembers> = wheel.members(&wanted).collect();
    let order: Vec<&str> = read.iter().map(|unpacked| unpacked.path.as_str()).collect();
    assert_eq!(order, [paths[10], paths[11], paths[12], paths[400]]);
    assert!(read.iter().all(|unpacked| unpacked.member.is_ok()));
    assert_eq!(remote.requests() - before.0, 2, "{:?}", remote.ranges);
    assert!(remote.fetched() - before.1 < 4 * 20_500);

    // A beginning costs no more than it is long.
    let before = (remote.requests(), remote.fetched());
    assert_eq!(
        wheel.read_prefix(paths[200], 1000).unwrap().bytes.len(),
        1000
    );
    assert_eq!(remote.requests() - before.0, 1);
    assert!(remote.fetched() - before.1 < 2000);
}

/// The beginning of an ELF file that exports one name, and 5 MB more. Its notes stand at `notes`.
fn library(exported: &str, notes: u64) -> Vec<u8> {
    let hash = exported.bytes().fold(5381_u32, |hash, byte| {
        hash.wrapping_mul(33).wrapping_add(byte.into())
    });
    let mut file = vec![0; 64 + 2 * 56 + 16];
    file[..6].copy_from_slice(b"\x7fELF\x02\x01");
    (file[32], file[56]) = (64, 2);
    file[64] = 1;
    file[64 + 32..64 + 40].copy_from_slice(&4096_u64.to_le_bytes());
    file[120] = 4;
    file[120 + 8..120 + 16].copy_from_slice(&notes.to_le_bytes());
    if notes < 4096 {
        [1_u32, 1, 1, 6]
            .iter()
            .for_each(|number| file.extend(number.to_le_bytes()));
        file.extend((1_u64 << (hash % 64) | 1 << ((hash >> 6) % 64)).to_le_bytes());
        [1, hash | 1]
            .iter()
            .for_each(|number| file.extend(number.to_le_bytes()));
    }
    file.extend(
        numbers(hash.into())
            .take(5_000_000)
            .map(|number| number as u8),
    );
    file
}

#[test]
fn large_libraries_stay_where_they_are_and_modules_are_found() {
    let (front, end) = (200, 1 << 20);
    let remote = Remote::new(wheel_of([
        ("demo/_a.abi3.so".into(), b"tagged".to_vec()),
        (
            "demo/code.py".into(),
            b"from . import liblate\nCDLL('libmoved.so')\n".to_vec(),
        ),
        ("demo/libhook.so".into(), library("PyInit_libhook", front)),
        (
            "demo/libslots.so".into(),
            library("PyModExport_libslots", front),
        ),
        ("demo/libother.so".into(), library("PyInit_other", front)),
        ("demo/plugin.so".into(), library("GetPluginFactory", front)),
        ("demo/libmoved.so".into(), library("", end)),
        ("demo/liblate.so".into(), library("", end)),
        ("demo/plain.so".into(), library("", end)),
        (
            "demo.libs/libfoo.so".into(),
            library("PyInit_libfoo", front),
        ),
    ]));
    let wheel = WheelArchive::open(
        NAME,
        Box::new(Arc::clone(&remote)),
        ArchiveLimits::default(),
    )
    .unwrap();
    let selection = select(&wheel);
    let modules: Vec<&str> = selection
        .modules
        .iter()
        .map(|module| module.stem.as_str())
        .collect();
    assert_eq!(modules, ["_a", "libhook", "libslots", "plain", "liblate"]);
    let left: Vec<(&str, SkipReason)> = selection
        .left
        .iter()
        .map(|left| (left.path.as_str(), left.why))
        .collect();
    let expected = [
        ("demo/libother.so", SkipReason::NoHook),
        ("demo/plugin.so", SkipReason::NoHook),
        ("demo/libmoved.so", SkipReason::NotImported),
    ];
    assert_eq!(left, expected);
    assert!(remote.fetched() < 1 << 20, "{:?}", remote.ranges);
}

#[test]
fn long_members_come_in_several_requests() {
    let remote = Remote::new(large());
    let limits = ArchiveLimits {
        request_bytes: 4096,
        gap_bytes: 0,
        ..ArchiveLimits::default()
    };
    let wheel = WheelArchive::open(NAME, Box::new(Arc::clone(&remote)), limits).unwrap();
    let path = wheel.entries()[10].path.clone();
    let member = wheel.members(&[&path]).next().unwrap().member.unwrap();
    assert_eq!(
        member.bytes,
        numbers(10)
            .take(20_000)
            .map(|number| number as u8)
            .collect::<Vec<_>>()
    );
    let ranges = remote.ranges.lock().unwrap();
    let longest = ranges
        .iter()
        .skip(2)
        .map(|range| range.end - range.start)
        .max();
    assert_eq!(longest, Some(4096), "{ranges:?}");
}

#[test]
fn a_broken_connection_is_asked_for_nothing_more() {
    let mut remote = Remote {
        bytes: large(),
        ranges: Mutex::default(),
        fails_from: 2,
    };
    let wheel = WheelArchive::open(
        NAME,
        Box::new(Remote {
            bytes: remote.bytes.clone(),
            ..remote
        }),
        ArchiveLimits::default(),
    )
    .unwrap();
    let paths: Vec<&str> = wheel
        .entries()
        .iter()
        .take(5)
        .map(|entry| entry.path.as_str())
        .collect();
    let problems: Vec<Problem> = wheel
        .members(&paths)
        .filter_map(|unpacked| unpacked.member.err())
        .collect();
    assert_eq!(problems.len(), 5);
    assert!(
        problems
            .iter()
            .all(|problem| problem.kind == ProblemKind::Network)
    );
    assert!(
        problems
            .iter()
            .all(|problem| problem.message == "connection reset")
    );
    remote = Remote {
        bytes: large(),
        ranges: Mutex::default(),
        fails_from: 0,
    };
    let error = WheelArchive::open(NAME, Box::new(remote), ArchiveLimits::default())
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.kind(), ProblemKind::Network);
}

#[test]
fn what_is_no_zip_file_says_so() {
    for bytes in [b"".to_vec(), b"not a zip file".to_vec(), vec![0; 200_000]] {
        let error = open(bytes).map(|_| ()).unwrap_err();
        assert!(
            error.to_string().starts_with("is not a zip file"),
            "{error}"
        );
    }
}

#[test]
fn wheels_of_real_tools_are_read() {
    for name in ["of_setuptools", "of_flit", "of_hatchling"] {
        let filename = format!("{name}-1.2.3-py3-none-any.whl");
        let file = LocalFile::open(&fixture(&format!("built/{filename}"))).unwrap();
        let wheel =
            WheelArchive::open(&filename, Box::new(file), ArchiveLimits::default()).unwrap();
        let metadata = wheel.metadata().unwrap();
        assert_eq!(metadata.version.to_string(), "1.2.3");
        assert_eq!(metadata.requires_dist.len(), 3, "{name}");
        assert_eq!(
            metadata
                .provides_extra
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["fast-path"]
        );
        assert_eq!(metadata.requires_python.unwrap().to_string(), ">=3.9");
        assert_eq!(metadata.classifiers.len(), 1);
        assert!(wheel.wheel_file().unwrap().generator.is_some());
        assert!(
            read_all(&wheel)
                .iter()
                .all(|unpacked| unpacked.member.is_ok())
        );
        assert_eq!(wheel.problems(), []);
        assert!(
            wheel
                .entries()
                .iter()
                .all(|entry| ModuleCandidate::of(&entry.path).is_none())
        );
    }
}

#[test]
fn sdists_of_real_tools_are_read() {
    let check = |filename: &str, dynamic: &[&str], depth: SdistDepth| {
        let bytes = std::fs::read(fixture(&format!("built/{filename}"))).unwrap();
        let sdist = sdist::read(
            filename,
            Box::new(Remote::new(bytes)),
            depth,
            ArchiveLimits::default(),
        )
        .unwrap();
        assert_eq!(sdist.metadata.version.to_string(), "1.2.3");
        assert_eq!(sdist.metadata.dynamic, dynamic, "{filename}");
        sdist
    };
    for depth in [SdistDepth::Metadata, SdistDepth::Everything] {
        for (name, dynamic) in [
            ("of_setuptools", &["license-file"][..0]),
            ("of_flit", &[]),
            ("of_hatchling", &[]),
        ] {
            let sdist = check(&format!("{name}-1.2.3.tar.gz"), dynamic, depth);
            assert_eq!(sdist.metadata.requires_dist.len(), 3);
            if depth == SdistDepth::Everything {
                assert!(
                    sdist
                        .pyproject
                        .is_some_and(|text| text.starts_with(b"[build-system]"))
                );
                assert_eq!(sdist.compiled_sources, [format!("{name}/answer.c")]);
            }
        }
        check("of_zip-1.2.3.zip", &["requires-dist"], depth);
    }
}

#[test]
fn what_is_no_sdist_says_why() {
    let check = |filename: &str, bytes: Vec<u8>, limits: ArchiveLimits, message: &str| {
        let error =
            sdist::read(filename, Box::new(bytes), SdistDepth::Metadata, limits).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    };
    let good = std::fs::read(fixture("built/of_flit-1.2.3.tar.gz")).unwrap();
    let limits = ArchiveLimits::default();
    check(
        "a-1.tar.bz2",
        good.clone(),
        limits,
        "`a-1.tar.bz2` is not a source distribution that can be read",
    );
    check("a-1.tar.gz", b"garbage".to_vec(), limits, "damaged .tar.gz");
    check(
        "a-1.tar.gz",
        good[..good.len() / 2].to_vec(),
        limits,
        "damaged .tar.gz",
    );
    check(
        "a-1.tar.gz",
        good.clone(),
        ArchiveLimits {
            sdist_bytes: 2000,
            ..limits
        },
        "in the first 2000 bytes unpacked",
    );
    check(
        "a-1.tar.gz",
        good.clone(),
        ArchiveLimits {
            metadata_bytes: 9,
            ..limits
        },
        "bytes, more than the limit of 9",
    );
    check("a-1.zip", good, limits, "is not a zip file");
    let empty = std::fs::read(fixture("hostile/no-dist-info.whl")).unwrap();
    assert_eq!(
        sdist::read("a-1.zip", Box::new(empty), SdistDepth::Metadata, limits),
        Err(SdistError::NoMetadata)
    );
}

#[test]
fn folders_and_single_files_are_read_like_wheels() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::NamedTempFile::new().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("demo/sub")).unwrap();
    std::fs::write(root.join("demo/sub/_c.abi3.so"), b"binary").unwrap();
    std::fs::write(root.join("demo/__init__.py"), b"").unwrap();
    let tree = DiskFolder::open(root, None, ArchiveLimits::default()).unwrap();
    let paths: Vec<&str> = tree
        .entries()
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(paths, ["demo/__init__.py", "demo/sub/_c.abi3.so"]);
    let read: Vec<UnpackedMembers> = tree.read(&["demo/sub/_c.abi3.so", "missing"]).collect();
    assert_eq!(read[0].member.as_ref().unwrap().bytes, b"binary");
    assert_eq!(
        read[1].member.as_ref().unwrap_err().message,
        "no such member"
    );

    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        symlink(root.join("demo/sub/_c.abi3.so"), root.join("inside.so")).unwrap();
        symlink(outside.path(), root.join("outside.so")).unwrap();
        symlink(root, root.join("loop")).unwrap();
        symlink("nowhere", root.join("dangling.so")).unwrap();
        let tree = DiskFolder::open(root, None, ArchiveLimits::default()).unwrap();
        let paths: Vec<&str> = tree
            .entries()
            .iter()
            .map(|entry| entry.path.as_str())
            .collect();
        assert_eq!(
            paths,
            ["demo/__init__.py", "demo/sub/_c.abi3.so", "inside.so"]
        );
        assert_eq!(tree.problems().len(), 3, "{:?}", tree.problems());
    }

    let file = root.join("demo/sub/_c.abi3.so");
    let single = DiskFolder::single(&file, ArchiveLimits::default()).unwrap();
    assert_eq!(single.entries()[0].path, "_c.abi3.so");
    assert_eq!(
        single
            .read(&["_c.abi3.so"])
            .next()
            .unwrap()
            .member
            .unwrap()
            .bytes,
        b"binary"
    );
    assert!(DiskFolder::single(root, ArchiveLimits::default()).is_err());
    assert!(DiskFolder::open(&root.join("missing"), None, ArchiveLimits::default()).is_err());
    assert!(LocalFile::open(root).is_err());
}
