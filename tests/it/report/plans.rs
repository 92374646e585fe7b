//! A plan with every course, and one whose text is hostile.

use ungil::model::digest::{Algorithm, Digest};
use ungil::model::evidence::Evidence;
use ungil::model::place::Place;
use ungil::model::plan::{
    BoundLine, CommandPlace, LineEdit, MoveReason, NamedAlternative, NewerBuild, Plan, PlanAction,
    PlanCommand, PlanStep, PlanSummary, PlannedMove, PlannedOutcome, ProbeBasis, SearchFrontier,
    TargetOutlook, VersionObstacle, VersionProbe, VersionSearch, WorsePackage,
};
use ungil::model::problem::{Problem, ProblemKind};
use ungil::model::resolution::RequiredBy;
use ungil::model::source::{Becomes, Forecast};
use ungil::model::target::Target;
use ungil::model::verdict::Verdict;

fn target(python: &str) -> Target {
    Target {
        python: python.parse().unwrap(),
        platform: "linux-x86_64".parse().unwrap(),
    }
}

fn line(number: u32) -> Place {
    Place {
        file: "requirements.txt".to_owned(),
        line: Some(number),
        column: Some(1),
    }
}

fn probe(version: &str, verdict: Verdict, seen: ProbeBasis) -> VersionProbe {
    VersionProbe {
        version: version.parse().unwrap(),
        verdict,
        reason: "declares nothing".to_owned(),
        seen,
    }
}

fn search(oldest: Option<&str>, probes: Vec<VersionProbe>) -> VersionSearch {
    let oldest = oldest.map(|version| version.parse().unwrap());
    VersionSearch {
        newest: oldest.as_ref().map(|_| "9.1".parse().unwrap()),
        border: if oldest.is_some() {
            SearchFrontier::Confirmed
        } else {
            SearchFrontier::Open
        },
        oldest,
        versions: 12,
        fitting: 5,
        other_python: 0,
        probes,
        prerelease: None,
        older: None,
        requests: 9,
    }
}

fn because(name: &str) -> Vec<MoveReason> {
    let package = ("change".parse().unwrap(), "2.1".parse().unwrap());
    let (required, wants) = (name.parse().unwrap(), ">=1.4".to_owned());
    if name == "moves" {
        vec![MoveReason {
            package,
            required,
            wants,
        }]
    } else {
        Vec::new()
    }
}

fn worse() -> Vec<WorsePackage> {
    let (name, target) = ("moves".parse().unwrap(), target("3.15t"));
    let version = |text: &str| Some(text.parse().unwrap());
    let reason = "only moves-1.4.tar.gz fits".to_owned();
    vec![WorsePackage {
        name,
        target,
        from: version("1.0"),
        before: Some(Verdict::Ready),
        to: version("1.4"),
        after: Verdict::Build,
        reason,
    }]
}

fn bounds() -> Vec<BoundLine> {
    let place = Place {
        file: "requirements.txt".into(),
        line: Some(3),
        column: Some(1),
    };
    let bound = |place: Option<Place>, name: &str| BoundLine {
        file: place.is_none().then(|| "requirements.txt".to_owned()),
        place,
        name: name.parse().unwrap(),
        bound: "<13".to_owned(),
        requirement: format!("{name}<13"),
    };
    vec![bound(Some(place), "asked"), bound(None, "required")]
}

fn outlook(
    python: &str,
    verdict: Verdict,
    search: Option<VersionSearch>,
    after: (&str, Verdict),
) -> TargetOutlook {
    let (version, then) = after;
    TargetOutlook {
        target: target(python),
        verdict,
        reason: "declares that it needs the GIL: a._b and 3 more".to_owned(),
        requires_python: None,
        search,
        after: PlannedOutcome {
            version: Some(version.parse().unwrap()),
            verdict: Some(then),
            reason: "4 modules, by the author".to_owned(),
            build: None,
        },
        newer_build: None,
    }
}

/// The same with what is foreseen of the build.
fn foreseen(
    outlook: &TargetOutlook,
    becomes: Becomes,
    reason: &str,
    requires: &[&str],
) -> TargetOutlook {
    let forecast = Forecast {
        becomes,
        reason: reason.to_owned(),
        needs: vec!["a C compiler".to_owned(), "Rust 1.83 or newer".to_owned()],
        requires: requires
            .iter()
            .map(|required| (*required).to_owned())
            .collect(),
        evidence: vec![Evidence::new("build requirement").place("pyproject.toml:3")],
    };
    TargetOutlook {
        after: PlannedOutcome {
            build: Some(forecast),
            ..outlook.after.clone()
        },
        ..outlook.clone()
    }
}

/// Packages that have to be built: of one it is known what that gives, of one that it does not help, of one nothing.
fn builds(outlooks: &[TargetOutlook]) -> Vec<PlanStep> {
    let requires = [
        "Cython>=3.1",
        "numpy>=2.3",
        "setuptools>=77",
        "a",
        "b",
        "c",
        "d",
        "e",
        "f",
    ];
    let keeps = "would keep the GIL off (2 modules declare it)";
    let on = "would switch the GIL on: _a declares nothing (src/_a.c:12), and 2 more";
    let fails =
        "would not build: PyO3 0.20.3 (Cargo.lock:7) does not build for free-threaded Python";
    let newer = |outlook: TargetOutlook| {
        let build = foreseen(&outlook, Becomes::KeepsGilOff, keeps, &requires[..2])
            .after
            .build;
        let newer = build.map(|forecast| NewerBuild {
            version: "9.1".parse().unwrap(),
            forecast,
        });
        TargetOutlook {
            newer_build: newer,
            ..outlook
        }
    };
    let each = |becomes: [Becomes; 2], reasons: [&str; 2]| -> Vec<TargetOutlook> {
        let pairs = outlooks.iter().zip(becomes.into_iter().zip(reasons));
        pairs
            .map(|(outlook, (becomes, reason))| foreseen(outlook, becomes, reason, &requires))
            .collect()
    };
    use Becomes::{Fails, KeepsGilOff, SwitchesGilOn};
    vec![
        step(
            "build",
            PlanAction::Build,
            each([KeepsGilOff, KeepsGilOff], [keeps, keeps]),
        ),
        step(
            "build-in-vain",
            PlanAction::Build,
            each([SwitchesGilOn, Fails], [on, fails]),
        ),
        step(
            "build-newer",
            PlanAction::Build,
            each([Fails, Fails], [fails, fails])
                .into_iter()
                .map(newer)
                .collect(),
        ),
        step("build-unread", PlanAction::Build, outlooks.to_vec()),
    ]
}

fn step(name: &str, course: PlanAction, outlooks: Vec<TargetOutlook>) -> PlanStep {
    PlanStep {
        name: name.parse().unwrap(),
        version: Some("1.0".parse().unwrap()),
        required_by: vec![RequiredBy {
            place: line(1),
            path: Vec::new(),
        }],
        outlooks,
        course,
        tracker: Some(format!("https://example.org/{name}/issues")),
        alternatives: Vec::new(),
    }
}

fn obstacles() -> Vec<VersionObstacle> {
    vec![
        VersionObstacle {
            place: Some(line(7)),
            package: None,
            wants: "<2".to_owned(),
        },
        VersionObstacle {
            place: Some(line(8)),
            package: Some(("strict".parse().unwrap(), "3.0".parse().unwrap())),
            wants: "==1.0".to_owned(),
        },
        VersionObstacle {
            place: None,
            package: None,
            wants: "nothing goes together".to_owned(),
        },
    ]
}

/// For a lock file, for one that does not tell its tool, and for an environment.
fn commands() -> Vec<PlanCommand> {
    use CommandPlace::{Environment, LockFile};
    let change = "change==2.1";
    let command = |place, file: &str, command: &str, packages: &[&str]| PlanCommand {
        place,
        file: file.to_owned(),
        command: command.to_owned(),
        packages: packages
            .iter()
            .map(|package| (*package).to_owned())
            .collect(),
    };
    vec![
        command(
            LockFile,
            "uv.lock",
            "uv lock --upgrade-package 'change==2.1'",
            &[change],
        ),
        command(LockFile, "pylock.toml", "", &[change]),
        command(
            Environment,
            ".venv",
            "pip install 'change==2.1' 'moves==1.4'",
            &[change, "moves==1.4"],
        ),
    ]
}

/// Every course.
pub(crate) fn plan() -> Plan {
    use Verdict::{Blocked, Build, Gil, PureFallback, Ready, Unknown};
    let names = |version| probe(version, Blocked, ProbeBasis::Names);
    let change = vec![
        outlook(
            "3.14t",
            Gil,
            Some(search(
                Some("2.1"),
                vec![probe("2.0", Gil, ProbeBasis::Bytes)],
            )),
            ("2.1", Ready),
        ),
        outlook(
            "3.15t",
            Build,
            Some(search(None, vec![names("9.1")])),
            ("2.1", Build),
        ),
    ];
    let both = |verdict| {
        let probes = vec![
            probe("1.5", verdict, ProbeBasis::Bytes),
            probe("9.1", verdict, ProbeBasis::Bytes),
        ];
        let search = search(None, probes);
        ["3.14t", "3.15t"]
            .map(|python| outlook(python, verdict, Some(search.clone()), ("1.0", verdict)))
            .to_vec()
    };
    let held = vec![outlook(
        "3.14t",
        Gil,
        Some(search(Some("2.1"), vec![names("2.0")])),
        ("1.0", Gil),
    )];
    let by = obstacles();
    let none = vec![outlook("3.14t", Gil, None, ("1.0", Gil))];
    let digest = Digest::new(Algorithm::Sha256, &"ab".repeat(32)).unwrap();
    let edit = |number: u32, name: &str, digests| LineEdit {
        place: line(number),
        name: name.parse().unwrap(),
        from: "1.0".parse().unwrap(),
        to: "2.1".parse().unwrap(),
        digests,
    };
    let moved = |name: &str, from: Option<&str>, to: Option<&str>| PlannedMove {
        name: name.parse().unwrap(),
        from: from.map(|version| version.parse().unwrap()),
        to: to.map(|version| version.parse().unwrap()),
        required_by: vec!["change".parse().unwrap()],
        because: because(name),
    };
    let instead = |rule: &str| NamedAlternative {
        rule: rule.to_owned(),
        what: "selectolax, for HTML alone".to_owned(),
    };
    let alternatives = vec![instead("house-alternatives")];
    let steps = vec![
        step(
            "change",
            PlanAction::Change {
                to: "2.1".parse().unwrap(),
            },
            change,
        ),
        step(
            "follow",
            PlanAction::Follow,
            vec![outlook("3.14t", Gil, None, ("1.0", Ready))],
        ),
        step(
            "held",
            PlanAction::HeldBack {
                to: "2.1".parse().unwrap(),
                by,
            },
            held,
        ),
        PlanStep {
            alternatives,
            ..step("isolate", PlanAction::Isolate, both(Gil))
        },
        step("elsewhere", PlanAction::Isolate, none),
        step("unclear", PlanAction::Unclear, both(Unknown)),
        step("accept", PlanAction::Accept, both(PureFallback)),
    ];
    Plan {
        excluded: Vec::new(),
        targets: vec![target("3.14t"), target("3.15t")],
        steps: [steps, builds(&both(Build))].concat(),
        moves: vec![
            moved("comes", None, Some("1.0")),
            moved("goes", Some("1.0"), None),
            moved("moves", Some("1.0"), Some("1.4")),
        ],
        worse: worse(),
        bounds: bounds(),
        edits: vec![
            edit(1, "change", Some(vec![digest])),
            edit(2, "moves", None),
        ],
        commands: commands(),
        problems: Vec::new(),
        summary: PlanSummary {
            packages: 40,
            good_before: 33,
            packages_after: 41,
            good_after: 36,
            requests: 312,
            bytes_fetched: 81_000_000,
        },
    }
}

/// Text of others wherever it can stand.
pub(crate) fn hostile() -> Plan {
    const EVIL: &str = "\u{1b}[2J\u{202e}https://me:secret@host/ \r\n";
    let mut plan = plan();
    for step in &mut plan.steps {
        step.tracker = Some(format!("https://host/{EVIL}"));
        step.alternatives
            .iter_mut()
            .for_each(|alternative| alternative.what = EVIL.to_owned());
        for outlook in &mut step.outlooks {
            outlook.reason = EVIL.to_owned();
            outlook.after.reason = EVIL.to_owned();
            let newer = outlook
                .newer_build
                .as_mut()
                .map(|newer| &mut newer.forecast);
            for forecast in outlook.after.build.iter_mut().chain(newer) {
                (forecast.reason, forecast.requires) = (EVIL.to_owned(), vec![EVIL.to_owned()]);
            }
        }
        if let PlanAction::HeldBack { by, .. } = &mut step.course {
            by.iter_mut()
                .for_each(|obstacle| obstacle.wants = EVIL.to_owned());
        }
    }
    let file = |place: &mut Place| place.file = EVIL.to_owned();
    plan.edits.iter_mut().for_each(|edit| file(&mut edit.place));
    plan.commands
        .iter_mut()
        .for_each(|command| command.file = EVIL.to_owned());
    plan.problems.push(Problem {
        kind: ProblemKind::Index,
        package: None,
        place: EVIL.to_owned(),
        message: EVIL.to_owned(),
    });
    plan
}
