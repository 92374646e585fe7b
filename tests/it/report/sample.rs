//! Reports and an inspection made by hand: every verdict, every kind of evidence, hostile text.

use ungil::model::artifact::{Artifact, ArtifactKind, FileCheck, MetadataFile};
use ungil::model::digest::{Algorithm, Digest};
use ungil::model::distribution::{
    AbiClaim, DistributionFacts, FreeThreadingLevel, NativeFile, NativeKind, TagClaim,
};
use ungil::model::evidence::Evidence;
use ungil::model::facts::{
    Abi, AbiInfo, CallSites, CodeFacts, CodeSightings, DocumentedLevel, Fact, Flavour, Generator,
    GilDeclaration, Hazard, HazardConcern, Hook, HookKind, ImageFacts, ImageFormat, ImportCalls,
    ImportOrigin, InitFacts, InitKind, Interpreters, LimitedApi, ModuleFacts, PortingKind,
    PortingSign, Refcounts, Replacement, StableAbiAudit, StableSymbol, Toolchain, WritableData,
};
use ungil::model::finding::{Certainty, Finding, FindingLevel};
use ungil::model::inspection::{InspectedArtifact, InspectedFile, InspectedOutcome, Inspection};
use ungil::model::metadata::WheelFile;
use ungil::model::outcome::{Cause, Gil, ModuleOutcome};
use ungil::model::place::{Location, Place};
use ungil::model::problem::{Problem, ProblemKind};
use ungil::model::report::{PackageReport, Report, RunSummary, TargetResult};
use ungil::model::resolution::RequiredBy;
use ungil::model::target::{PLATFORMS, Target};
use ungil::model::verdict::{DeclaredBy, Verdict};

/// A path that would clear a terminal and turn its text around.
pub(crate) const HOSTILE_PATH: &str = "evil/\u{1b}[2J\u{202e}gpj.so\u{200b}\nready\r\u{9b}31m";

fn target(python: &str, platform: &str) -> Target {
    Target {
        python: python.parse().unwrap(),
        platform: platform.parse().unwrap(),
    }
}

fn linux() -> [Target; 2] {
    [
        target("3.14t", "linux-x86_64"),
        target("3.15t", "linux-x86_64"),
    ]
}

fn artifact(filename: &str) -> Artifact {
    let kind = match filename.parse() {
        Ok(wheel) => ArtifactKind::Wheel(wheel),
        Err(_) => ArtifactKind::Sdist,
    };
    let mut parts = filename.trim_end_matches(".tar.gz").splitn(3, '-');
    let (name, version) = (parts.next().unwrap(), parts.next().unwrap());
    let url = format!("https://files.pythonhosted.org/packages/{filename}");
    Artifact {
        name: name.replace('_', "-").parse().unwrap(),
        version: version.parse().unwrap(),
        filename: filename.to_owned(),
        kind,
        location: Location::Url(url.parse().unwrap()),
        digests: Digest::new(Algorithm::Sha256, &"0123456789abcdef".repeat(4))
            .into_iter()
            .collect(),
        size: Some(8_421_376),
        requires_python: None,
        yanked: None,
        metadata_file: MetadataFile::Unannounced,
    }
}

fn result(target: Target, verdict: Verdict, reason: &str, filename: &str) -> TargetResult {
    TargetResult {
        target,
        verdict,
        reason: reason.to_owned(),
        declared_by: Vec::new(),
        artifact: (!filename.is_empty()).then(|| artifact(filename)),
        file_check: if filename.ends_with(".whl") {
            FileCheck::Ranges
        } else {
            FileCheck::Unread
        },
        not_in_lock: false,
        requires_python: None,
        build: None,
        other_build: None,
        left_out: Vec::new(),
        passed_over: Vec::new(),
        modules: Vec::new(),
        findings: Vec::new(),
    }
}

fn package(
    name: &str,
    version: Option<&str>,
    required_by: Vec<RequiredBy>,
    results: Vec<TargetResult>,
) -> PackageReport {
    PackageReport {
        name: name.parse().unwrap(),
        version: version.map(|version| version.parse().unwrap()),
        required_by,
        results,
    }
}

fn from_line(line: u32, path: &[&str]) -> RequiredBy {
    let place = Place {
        file: "requirements.txt".into(),
        line: Some(line),
        column: None,
    };
    RequiredBy {
        place,
        path: path.iter().map(|name| name.parse().unwrap()).collect(),
    }
}

fn module(path: &str, name: &str, gil: Gil, cause: Cause, reason: &str) -> ModuleOutcome {
    ModuleOutcome {
        path: path.into(),
        module: name.into(),
        gil,
        cause,
        reason: reason.into(),
        delegate: None,
        declared_by: None,
        init: Some(InitKind::MultiPhase),
        abi: Some(Abi {
            flavour: Flavour::FreeThreaded,
            versions: (Some(14), Some(14)),
        }),
        toolchain: Some(Toolchain {
            generator: Generator::Cython,
            version: Some("3.2.9".into()),
        }),
        evidence: Vec::new(),
    }
}

fn finding(
    rule: &str,
    verdict: Verdict,
    module: Option<&str>,
    message: &str,
    help: &str,
) -> Finding {
    Finding {
        rule: rule.into(),
        level: FindingLevel::Decides,
        certainty: Certainty::Holds,
        verdict: Some(verdict),
        module: module.map(str::to_owned),
        summary: rule.replace('-', " "),
        message: message.into(),
        help: help.into(),
        alternative: None,
        evidence: Vec::new(),
    }
}

fn lxml(target: Target) -> TargetResult {
    let tag = target.python.abi_tag().replace("cp", "");
    let short = format!("cp{}", tag.trim_end_matches('t'));
    let filename =
        format!("lxml-6.1.3-{short}-cp{tag}-manylinux_2_26_x86_64.manylinux_2_28_x86_64.whl");
    let mut result = result(
        target,
        Verdict::Gil,
        "declares that it needs the GIL: lxml._elementpath and 6 more",
        &filename,
    );
    for (number, name) in [
        "_elementpath",
        "builder",
        "etree",
        "html.diff",
        "objectify",
        "sax",
        "html._difflib",
    ]
    .iter()
    .enumerate()
    {
        let path = format!(
            "lxml/{}.cpython-{tag}-x86_64-linux-gnu.so",
            name.replace('.', "/")
        );
        let seen = vec![
            Evidence::new("slot Py_mod_gil")
                .value("0")
                .address(0x2a_1f40 + number as u64 * 16),
            Evidence::new("string").symbol("_cython_3_2_9"),
        ];
        let reason = "the slot Py_mod_gil says that the GIL is used";
        let mut outcome = module(
            &path,
            &format!("lxml.{name}"),
            Gil::Used,
            Cause::DeclaredUsed,
            reason,
        );
        outcome.evidence = seen.clone();
        result.modules.push(outcome);
        let message = format!("lxml.{name} declares that it needs the GIL: slot Py_mod_gil is 0");
        let help =
            "Ask lxml for a release that declares Py_MOD_GIL_NOT_USED; no released version does.";
        let found = finding(
            "gil-enabled-on-import",
            Verdict::Gil,
            Some(&path),
            &message,
            help,
        );
        result.findings.push(Finding {
            evidence: seen,
            ..found
        });
    }
    result
}

fn usd(target: Target, verdict: Verdict) -> TargetResult {
    if verdict == Verdict::Blocked {
        return result(target, verdict, "no wheel and no sdist fits", "");
    }
    let path = "pxr/Tf/_tf.so";
    let mut result = result(
        target,
        verdict,
        "was compiled for another build of CPython: pxr.Tf._tf and 27 more",
        "usd_core-26.11-cp314-none-manylinux_2_28_x86_64.whl",
    );
    let mut outcome = module(
        path,
        "pxr.Tf._tf",
        Gil::NotLoadable,
        Cause::ForeignAbi,
        "compiled for builds with the GIL",
    );
    outcome.abi = Some(Abi {
        flavour: Flavour::GilOrAbi3,
        versions: (None, None),
    });
    outcome.toolchain = Some(Toolchain {
        generator: Generator::BoostPython,
        version: None,
    });
    outcome.init = Some(InitKind::SinglePhase);
    outcome.evidence = vec![Evidence::new("imported symbol").symbol("_Py_Dealloc")];
    result.modules.push(outcome);
    let message = "The wheel installs, because its tag says nothing of the ABI, but its modules are compiled for builds \
                   with the GIL: importing them fails or crashes.";
    let found = finding(
        "foreign-abi",
        verdict,
        Some(path),
        message,
        "Do not use this release on free-threaded Python.",
    );
    result.findings.push(Finding {
        evidence: vec![Evidence::new("imported symbol").symbol("_Py_Dealloc")],
        ..found
    });
    result
}

fn numpy(target: Target) -> TargetResult {
    let tag = target.python.abi_tag();
    let short = tag.trim_end_matches('t');
    let filename =
        format!("numpy-2.5.5-{short}-{tag}-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl");
    let mut result = result(
        target,
        Verdict::Ready,
        "19 modules, by the author",
        &filename,
    );
    result.declared_by = vec![DeclaredBy::Author];
    result.left_out = vec!["numpy/_core/libhuge.so".to_owned()];
    let path = "numpy/_core/_multiarray_umath.cpython-314t-x86_64-linux-gnu.so";
    let reason = "the slot Py_mod_gil says that the GIL is not used";
    let mut outcome = module(
        path,
        "numpy._core._multiarray_umath",
        Gil::NotUsed,
        Cause::DeclaredNotUsed,
        reason,
    );
    outcome.declared_by = Some(DeclaredBy::Author);
    outcome.evidence = vec![
        Evidence::new("slot Py_mod_gil")
            .value("1")
            .address(0x9f_e3c0),
    ];
    result.modules.push(outcome);
    let message = "Every module declares that it does not need the GIL.";
    result
        .findings
        .push(finding("gil-not-used", Verdict::Ready, None, message, ""));
    result
}

/// A module that keeps the GIL off because its framework says so.
fn made_with_pyo3(target: Target, name: &str, version: &str) -> TargetResult {
    let tag = target.python.abi_tag();
    let short = tag.trim_end_matches('t');
    let filename =
        format!("{name}-{version}-{short}-{tag}-manylinux_2_17_x86_64.manylinux2014_x86_64.whl");
    let mut result = result(
        target,
        Verdict::Ready,
        "1 module, by PyO3 0.29.3's default",
        &filename,
    );
    result.declared_by = vec![DeclaredBy::Framework("PyO3 0.29.3".into())];
    let message =
        format!("{name}.{name} keeps the GIL off because PyO3 0.29.3 declares so by default");
    let help = "Look into its documentation for whether its authors support free-threading; a default is nobody's decision.";
    let found = finding(
        "framework-declared",
        Verdict::Ready,
        Some("module.so"),
        &message,
        help,
    );
    result.findings.push(Finding {
        level: FindingLevel::Warning,
        verdict: None,
        ..found
    });
    result
}

fn pydantic_core(target: Target) -> TargetResult {
    made_with_pyo3(target, "pydantic_core", "2.46.1")
}

fn rpds(target: Target) -> TargetResult {
    let mut result = made_with_pyo3(target, "rpds_py", "0.31.0");
    let message = "the initialisation of rpds is in one phase, which sub-interpreters cannot share";
    let found = finding(
        "single-phase-init",
        Verdict::Ready,
        Some("module.so"),
        message,
        "",
    );
    result.findings.push(Finding {
        level: FindingLevel::Hint,
        verdict: None,
        ..found
    });
    result
}

fn contourpy(target: Target) -> TargetResult {
    let tag = target.python.abi_tag();
    let short = tag.trim_end_matches('t');
    let filename =
        format!("contourpy-1.4.0-{short}-{tag}-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl");
    let mut result = result(
        target,
        Verdict::Unknown,
        "could not be read: contourpy._contourpy",
        &filename,
    );
    let reason = "unknown because the slots are built in the hook's code";
    let path = "contourpy/_contourpy.cpython-314t-x86_64-linux-gnu.so";
    let mut outcome = module(
        path,
        "contourpy._contourpy",
        Gil::Unknown,
        Cause::Unreadable,
        reason,
    );
    outcome.toolchain = Some(Toolchain {
        generator: Generator::Pybind11,
        version: Some("3.0.1".into()),
    });
    outcome.evidence = vec![
        Evidence::new("hook")
            .symbol("PyInit__contourpy")
            .address(0x1_4e20),
    ];
    result.modules.push(outcome);
    result
}

/// The same on both targets.
fn both(verdict: Verdict, reason: &str, filename: &str) -> Vec<TargetResult> {
    linux()
        .map(|target| result(target, verdict, reason, filename))
        .to_vec()
}

/// Packages that nothing speaks against.
fn fine_packages() -> Vec<PackageReport> {
    let of = |results: fn(Target) -> TargetResult| linux().map(results).to_vec();
    let pure = |filename| both(Verdict::Pure, "no compiled modules", filename);
    let fallback = both(
        Verdict::PureFallback,
        "without its compiled modules",
        "sqlalchemy-2.0.53-py3-none-any.whl",
    );
    let typing = pure("typing_extensions-4.15.0-py3-none-any.whl");
    vec![
        package(
            "fastapi",
            Some("0.142.0"),
            vec![from_line(2, &[])],
            pure("fastapi-0.142.0-py3-none-any.whl"),
        ),
        package("numpy", Some("2.5.5"), vec![from_line(1, &[])], of(numpy)),
        package(
            "pydantic-core",
            Some("2.46.1"),
            vec![from_line(2, &["fastapi", "pydantic"])],
            of(pydantic_core),
        ),
        package(
            "rpds-py",
            Some("0.31.0"),
            vec![from_line(10, &["jsonschema"])],
            of(rpds),
        ),
        package(
            "sqlalchemy",
            Some("2.0.53"),
            vec![from_line(4, &[])],
            fallback,
        ),
        package(
            "typing-extensions",
            Some("4.15.0"),
            vec![from_line(2, &["fastapi"])],
            typing,
        ),
    ]
}

/// Packages that somebody has to look at.
fn troubled_packages() -> Vec<PackageReport> {
    let [first, second] = linux();
    let of = |results: fn(Target) -> TargetResult| linux().map(results).to_vec();
    let ready = "msgspec-0.20.0-cp314-cp314t-manylinux2014_x86_64.manylinux_2_17_x86_64.whl";
    let msgspec = vec![
        result(first, Verdict::Ready, "1 module, by the author", ready),
        result(
            second,
            Verdict::Build,
            "only an sdist fits",
            "msgspec-0.20.0.tar.gz",
        ),
    ];
    let usd = vec![usd(first, Verdict::Crash), usd(second, Verdict::Blocked)];
    let missing = both(Verdict::Unknown, "the index does not know this name", "");
    let lxml_paths = vec![
        from_line(3, &[]),
        from_line(9, &["premailer", "cssselect"]),
        from_line(11, &["pyquery"]),
    ];
    vec![
        package(
            "contourpy",
            Some("1.4.0"),
            vec![from_line(6, &["matplotlib"])],
            of(contourpy),
        ),
        package("lxml", Some("6.1.3"), lxml_paths, of(lxml)),
        package(
            "msgspec",
            Some("0.20.0"),
            vec![from_line(12, &["litestar"])],
            msgspec,
        ),
        package("private-thing", None, vec![from_line(14, &[])], missing),
        package("usd-core", Some("26.11"), vec![from_line(13, &[])], usd),
    ]
}

/// A scan of requirements in which every verdict occurs.
pub(crate) fn report() -> Report {
    let mut packages = fine_packages();
    packages.extend(troubled_packages());
    packages.sort_by(|first, second| first.name.cmp(&second.name));
    Report {
        excluded: Vec::new(),
        targets: linux().to_vec(),
        packages,
        problems: vec![Problem {
            kind: ProblemKind::Index,
            package: Some("private-thing".parse().unwrap()),
            place: "requirements.txt:14".into(),
            message: "https://pypi.org/simple/private-thing/: 404 Not Found".into(),
        }],
        summary: RunSummary {
            packages: 11,
            files: 14,
            modules: 58,
            bytes_fetched: 4_210_334,
            bytes_total: 148_201_552,
            problems: 1,
        },
        gate: None,
        configuration: None,
    }
}

/// Packages of which one rule says the same, for the same reason and for another.
pub(crate) fn crowded() -> Report {
    let [first, second] = linux();
    let unbuilt = |target: Target, name: &str| {
        let mut result = result(
            target,
            Verdict::Build,
            "only an sdist fits",
            &format!("{name}-1.0.tar.gz"),
        );
        let message =
            format!("only {name}-1.0.tar.gz fits: what it becomes is decided where it is built");
        let found = finding(
            "builds-from-source",
            Verdict::Build,
            None,
            &message,
            "Build it on the target.",
        );
        result.findings.push(Finding {
            summary: "only an sdist fits".into(),
            ..found
        });
        result
    };
    let unread = |target: Target, name: &str, reason: &str| {
        let (path, module_name) = (format!("{name}/_a.so"), format!("{name}._a"));
        let filename = format!("{name}-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl");
        let mut result = result(
            target,
            Verdict::Unknown,
            &format!("could not be read: {module_name}"),
            &filename,
        );
        let mut outcome = module(&path, &module_name, Gil::Unknown, Cause::Unreadable, reason);
        outcome.evidence = vec![
            Evidence::new("import hook")
                .symbol("PyInit__a")
                .address(0x1200),
        ];
        let message = format!("what importing {module_name} does to the GIL is unknown: {reason}");
        let help = "Import it on the target.";
        let found = finding(
            "gil-declaration-unreadable",
            Verdict::Unknown,
            Some(&path),
            &message,
            help,
        );
        result.findings.push(Finding {
            evidence: outcome.evidence.clone(),
            ..found
        });
        result.modules.push(outcome);
        result
    };
    let called = "whether it calls PyUnstable_Module_SetGIL is decided in code";
    let filled = "its slots are filled while the program runs";
    let named = |name: &str, results| {
        package(
            name,
            Some("1.0"),
            vec![from_line(1, &["all"]), from_line(2, &[])],
            results,
        )
    };
    Report {
        excluded: Vec::new(),
        targets: linux().to_vec(),
        packages: vec![
            named(
                "grpcio",
                vec![unbuilt(first, "grpcio"), unbuilt(second, "grpcio")],
            ),
            named("h5py", vec![unbuilt(second, "h5py")]),
            named("cffi", vec![unread(first, "cffi", called)]),
            named(
                "optree",
                vec![
                    unread(first, "optree", filled),
                    unread(second, "optree", filled),
                ],
            ),
            named("pandas", vec![unread(first, "pandas", called)]),
        ],
        problems: Vec::new(),
        summary: RunSummary {
            packages: 5,
            files: 4,
            modules: 3,
            bytes_fetched: 0,
            bytes_total: 8_000_000,
            problems: 0,
        },
        gate: None,
        configuration: None,
    }
}

/// One package on two platforms, in versions that differ.
pub(crate) fn every_platform() -> Report {
    let targets: Vec<Target> = ["3.14t", "3.15t"]
        .iter()
        .flat_map(|python| PLATFORMS.map(|platform| target(python, &platform.to_string())))
        .collect();
    let unless_arm = |target: &Target| match target.platform.to_string().as_str() {
        "windows-arm64" => result(
            *target,
            Verdict::Build,
            "only an sdist fits",
            "numpy-2.5.5.tar.gz",
        ),
        _ => numpy(*target),
    };
    Report {
        targets: targets.clone(),
        packages: vec![
            package(
                "lxml",
                Some("6.1.3"),
                vec![from_line(3, &[])],
                targets.iter().map(|target| lxml(*target)).collect(),
            ),
            package(
                "numpy",
                Some("2.5.5"),
                vec![from_line(1, &[])],
                targets.iter().map(unless_arm).collect(),
            ),
        ],
        ..Report::default()
    }
}

/// Two packages on two platforms, one of them in another version on each.
pub(crate) fn two_platforms() -> Report {
    let targets = [
        target("3.14t", "linux-x86_64"),
        target("3.14t", "macos-arm64"),
    ];
    let mac = result(
        targets[1],
        Verdict::Ready,
        "19 modules, by the author",
        "numpy-2.5.5-cp314-cp314t-macosx_14_0_arm64.whl",
    );
    let old = result(
        targets[1],
        Verdict::Build,
        "only an sdist fits",
        "lxml-5.0.0.tar.gz",
    );
    Report {
        excluded: Vec::new(),
        targets: targets.to_vec(),
        packages: vec![
            package("lxml", Some("5.0.0"), vec![from_line(3, &[])], vec![old]),
            package(
                "lxml",
                Some("6.1.3"),
                vec![from_line(3, &[])],
                vec![lxml(targets[0])],
            ),
            package(
                "numpy",
                Some("2.5.5"),
                vec![from_line(1, &[])],
                vec![numpy(targets[0]), mac],
            ),
        ],
        problems: Vec::new(),
        summary: RunSummary {
            packages: 2,
            files: 4,
            modules: 45,
            bytes_fetched: 0,
            bytes_total: 61_000_000,
            problems: 0,
        },
        gate: None,
        configuration: None,
    }
}

/// A report whose every text wants to harm a terminal or give something away.
pub(crate) fn hostile() -> Report {
    let [first, _] = linux();
    let mut evil = result(
        first,
        Verdict::Gil,
        HOSTILE_PATH,
        "evil-1.0-py3-none-any.whl",
    );
    let mut outcome = module(
        HOSTILE_PATH,
        HOSTILE_PATH,
        Gil::Used,
        Cause::Undeclared,
        HOSTILE_PATH,
    );
    outcome.evidence = vec![
        Evidence::new(HOSTILE_PATH)
            .symbol(HOSTILE_PATH)
            .value(HOSTILE_PATH),
    ];
    evil.findings = vec![finding(
        HOSTILE_PATH,
        Verdict::Gil,
        Some(HOSTILE_PATH),
        HOSTILE_PATH,
        HOSTILE_PATH,
    )];
    evil.modules = vec![outcome];
    if let Some(artifact) = &mut evil.artifact {
        artifact.filename = HOSTILE_PATH.to_owned();
        artifact.location = Location::Url(
            "https://me:s3cret@example.org/x.whl?token=s3cret#s3cret"
                .parse()
                .unwrap(),
        );
    }
    let place = Place {
        file: format!("https://me:s3cret@example.org/{HOSTILE_PATH}"),
        line: None,
        column: None,
    };
    Report {
        excluded: Vec::new(),
        targets: vec![first],
        packages: vec![package(
            "evil",
            Some("1.0"),
            vec![RequiredBy {
                place,
                path: Vec::new(),
            }],
            vec![evil],
        )],
        problems: vec![Problem {
            kind: ProblemKind::Network,
            package: None,
            place: "https://me:s3cret@example.org/".into(),
            message: HOSTILE_PATH.into(),
        }],
        summary: RunSummary::default(),
        gate: None,
        configuration: None,
    }
}

fn image(architecture: &str) -> ImageFacts {
    let seen = |what: &str| vec![Evidence::new(what)];
    let hook = Hook {
        symbol: "PyInit__speedups".into(),
        kind: HookKind::Init,
        module: "_speedups".into(),
        address: 0x11a0,
        matches_file_name: true,
        facts: InitFacts {
            init: Fact::known(
                InitKind::MultiPhase,
                vec![
                    Evidence::new("call")
                        .symbol("PyModuleDef_Init")
                        .address(0x11b4),
                ],
            ),
            gil: Fact::known(
                GilDeclaration::Slot { value: 1 },
                vec![
                    Evidence::new("slot record")
                        .value("04 00 00 00")
                        .address(0x3d60),
                ],
            ),
            abi_info: Fact::known(None, Vec::new()),
            slots: Fact::known(vec![2, 3, 4], seen("slot array")),
            interpreters: Fact::known(Some(Interpreters::PerInterpreterGil), Vec::new()),
        },
    };
    let other = Hook {
        symbol: "PyModExport__speedups".into(),
        kind: HookKind::Export,
        matches_file_name: false,
        facts: InitFacts {
            init: Fact::known(InitKind::Export, Vec::new()),
            gil: Fact::unknown("the hook's code would have to be evaluated"),
            abi_info: Fact::known(
                Some(AbiInfo {
                    major: 1,
                    minor: 0,
                    flags: 7,
                    build_version: 0x030f_02f0,
                    abi_version: 0x030f_0000,
                }),
                Vec::new(),
            ),
            slots: Fact::unknown("the hook's code would have to be evaluated"),
            ..hook.facts.clone()
        },
        ..hook.clone()
    };
    ImageFacts {
        format: ImageFormat::Elf,
        architecture: architecture.into(),
        hooks: Fact::known(vec![hook, other], Vec::new()),
        python_imports: Fact::known(
            vec!["PyModuleDef_Init".into(), "_Py_DecRefShared".into()],
            Vec::new(),
        ),
        python_exports: Fact::known(Vec::new(), Vec::new()),
        libraries: Fact::known(vec!["libc.so.6".into()], Vec::new()),
        abi: Fact::known(
            Abi {
                flavour: Flavour::FreeThreaded,
                versions: (Some(14), Some(14)),
            },
            vec![Evidence::new("imported symbol").symbol("_Py_DecRefShared")],
        ),
        refcounts: Fact::known(Refcounts::InlineBiased, Vec::new()),
        toolchain: Fact::known(
            Toolchain {
                generator: Generator::CApi,
                version: None,
            },
            Vec::new(),
        ),
        limited_api: Fact::known(limited_api(), Vec::new()),
        hazards: Fact::known(hazards(), Vec::new()),
        porting: Fact::known(porting(), Vec::new()),
        writable_data: Fact::known(
            WritableData {
                initialised: 1_600,
                zeroed: 4_096,
                pointers: 31,
            },
            vec![
                Evidence::new("writable section")
                    .symbol(".data")
                    .address(0x4000),
            ],
        ),
        code: Fact::known(code(), Vec::new()),
    }
}

fn limited_api() -> LimitedApi {
    LimitedApi {
        outside: vec!["_Py_DecRefShared".into()],
        foreign: vec!["PyArray_API".into()],
        added: vec![StableSymbol {
            symbol: "PyList_GetItemRef".into(),
            since: 13,
            optional: false,
        }],
        oldest: Some(13),
        compiled_for: None,
    }
}

/// A claim that the file does not keep.
fn audit() -> StableAbiAudit {
    let LimitedApi {
        outside,
        added: too_new,
        ..
    } = limited_api();
    StableAbiAudit {
        claim: "cp39-abi3".into(),
        oldest: Some(9),
        outside,
        too_new,
    }
}

fn hazards() -> Vec<Hazard> {
    let replacement = Replacement {
        name: "PyDict_GetItemRef".into(),
        since: Some(13),
        limited_since: Some(13),
    };
    let borrowed = Hazard {
        symbol: "PyDict_GetItem".into(),
        level: Some(DocumentedLevel::Compatible),
        concern: Some(HazardConcern::BorrowedReference),
        replacement: Some(replacement),
        origin: ImportOrigin::Author,
        call_sites: Some(CallSites {
            count: 3,
            example: Some(0x1240),
            functions: vec!["escape".into()],
        }),
    };
    let shared = Hazard {
        symbol: "PyDict_SetItem".into(),
        level: Some(DocumentedLevel::Shared),
        concern: None,
        replacement: None,
        call_sites: None,
        ..borrowed.clone()
    };
    let generators = Hazard {
        symbol: "PyDict_Next".into(),
        origin: ImportOrigin::Generator,
        ..borrowed.clone()
    };
    let unclear = Hazard {
        symbol: "PyGILState_Ensure".into(),
        level: None,
        concern: Some(HazardConcern::ThreadState),
        origin: ImportOrigin::Unclear,
        ..shared.clone()
    };
    vec![borrowed, generators, shared, unclear]
}

fn code() -> CodeFacts {
    let seen = |count, example| CodeSightings {
        count,
        example: Some(example),
    };
    let sites = CallSites {
        count: 3,
        example: Some(0x1240),
        functions: vec!["escape".into()],
    };
    CodeFacts {
        bytes: 9_216,
        is_complete: true,
        non_atomic_counting: CodeSightings::default(),
        biased_counting: seen(17, 0x1108),
        sole_owner_tests: CodeSightings::default(),
        atomics: seen(1, 0x1420),
        calls: vec![ImportCalls {
            function: "PyDict_GetItem".into(),
            sites,
        }],
    }
}

fn porting() -> Vec<PortingSign> {
    let sign = |kind, symbol: &str, origin| PortingSign {
        kind,
        symbols: vec![symbol.into()],
        origin,
    };
    vec![
        sign(
            PortingKind::CriticalSection,
            "PyCriticalSection_Begin",
            ImportOrigin::Author,
        ),
        sign(
            PortingKind::Pthread,
            "pthread_mutex_lock",
            ImportOrigin::Generator,
        ),
    ]
}

fn free_threaded() -> Abi {
    Abi {
        flavour: Flavour::FreeThreaded,
        versions: (Some(14), Some(14)),
    }
}

fn distribution(path: &str) -> DistributionFacts {
    let claim = TagClaim {
        tag: "cp314-cp314t".into(),
        claim: AbiClaim::Cpython(free_threaded()),
    };
    let native = |path: &str, kind, abis| NativeFile {
        path: path.into(),
        kind,
        claim: AbiClaim::Nothing,
        abis,
    };
    DistributionFacts {
        free_threading: Fact::known(Some(FreeThreadingLevel::Beta), Vec::new()),
        requires_python: Fact::known(Some(">=3.9".into()), Vec::new()),
        generator: Fact::known(Some("setuptools (80.9.0)".into()), Vec::new()),
        name_claims: Fact::known(vec![claim.clone()], Vec::new()),
        wheel_claims: Fact::known(vec![claim], Vec::new()),
        release: Fact::default(),
        natives: Fact::known(
            vec![
                native(path, NativeKind::Module, vec![free_threaded()]),
                native("markupsafe.libs/libx.so.1", NativeKind::Unread, Vec::new()),
            ],
            Vec::new(),
        ),
    }
}

/// One wheel with one module, and a file that is not what it seems.
pub(crate) fn inspection() -> Inspection {
    let [first, second] = linux();
    let path = "markupsafe/_speedups.cpython-314t-x86_64-linux-gnu.so";
    let reason = "the slot Py_mod_gil says that the GIL is not used";
    let loaded = module(
        path,
        "markupsafe._speedups",
        Gil::NotUsed,
        Cause::DeclaredNotUsed,
        reason,
    );
    Inspection {
        targets: vec![first, second],
        artifacts: vec![InspectedArtifact {
            name: "markupsafe-3.0.3-cp314-cp314t-manylinux_2_28_x86_64.whl".into(),
            wheel: Some(WheelFile {
                generator: Some("setuptools (80.9.0)".into()),
                tags: vec!["cp314-cp314t-manylinux_2_28_x86_64".into()],
                root_is_purelib: Some(false),
            }),
            distribution: Some(distribution(path)),
            sources: None,
            files: vec![InspectedFile {
                explanations: Vec::new(),
                facts: ModuleFacts {
                    path: path.into(),
                    size: 45_320,
                    images: vec![image("x86_64")],
                },
                claim: AbiClaim::Cpython(free_threaded()),
                audits: vec![vec![audit()]],
                outcomes: vec![
                    InspectedOutcome {
                        target: first,
                        outcome: Some(loaded),
                    },
                    InspectedOutcome {
                        target: second,
                        outcome: None,
                    },
                ],
            }],
        }],
        problems: vec![Problem {
            kind: ProblemKind::Archive,
            package: None,
            place: "broken.whl".into(),
            message:
                "expected a zip archive, found no end of central directory in the last 65557 bytes"
                    .into(),
        }],
    }
}
