//! Reports with a policy's word: a policy that is broken, with waivers of every state and changes of every kind; and
//! reports of which every text is hostile.

use ungil::model::date::Date;
use ungil::model::evidence::Evidence;
use ungil::model::finding::FindingLevel;
use ungil::model::gate::{
    Gate, GateOutcome, VerdictChange, VerdictChanges, VersionVerdict, Violation, ViolationStanding,
    Waiver, WaiverState, WaiverUse,
};
use ungil::model::place::Place;
use ungil::model::report::{PackageReport, Report};
use ungil::model::verdict::Verdict;

use super::sample;

fn waiver(package: &str, reason: &str, until: Option<&str>, line: u32) -> Waiver {
    Waiver {
        package: package.parse().unwrap(),
        versions: "<7".parse().unwrap(),
        module: None,
        rule: Some("gil-enabled-on-import".into()),
        target: Some("3.14t".into()),
        reason: reason.into(),
        until: until.map(|day| day.parse::<Date>().unwrap()),
        place: Place {
            file: "pyproject.toml".into(),
            line: Some(line),
            column: None,
        },
    }
}

fn state(version: &str, verdict: Verdict) -> Option<VersionVerdict> {
    Some(VersionVerdict {
        version: Some(version.parse().unwrap()),
        verdict,
    })
}

fn change(
    package: &str,
    before: Option<VersionVerdict>,
    after: Option<VersionVerdict>,
) -> VerdictChange {
    VerdictChange {
        package: package.parse().unwrap(),
        target: "cp314t-linux-x86_64".into(),
        before,
        after,
    }
}

/// What the deciding findings, or the verdicts without one, come to; each package has one standing.
fn violations(
    report: &Report,
    standing: impl Fn(&PackageReport) -> ViolationStanding,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (entry, package) in report.packages.iter().enumerate() {
        for result in package
            .results
            .iter()
            .filter(|result| result.verdict >= Verdict::Unknown)
        {
            let violation = Violation {
                entry,
                package: package.name.clone(),
                version: package.version.clone(),
                target: result.target,
                verdict: result.verdict,
                rule: None,
                module: None,
                message: result.reason.clone(),
                standing: standing(package),
            };
            let deciding = result
                .findings
                .iter()
                .filter(|finding| finding.level == FindingLevel::Decides);
            let found: Vec<Violation> = deciding
                .map(|finding| Violation {
                    rule: Some(finding.rule.clone()),
                    module: finding.module.clone(),
                    message: finding.message.clone(),
                    ..violation.clone()
                })
                .collect();
            violations.extend(if found.is_empty() {
                vec![violation]
            } else {
                found
            });
        }
    }
    violations
}

/// The report of every verdict under a policy: something breaks it, something is open, waived, known.
pub(crate) fn report() -> Report {
    let report = sample::report();
    let violations = violations(&report, |package| match package.name.as_ref() {
        "lxml" => ViolationStanding::Waived(0),
        "usd-core" => ViolationStanding::Known,
        "private-thing" => ViolationStanding::Open,
        _ => ViolationStanding::Breaks,
    });
    let covered = violations
        .iter()
        .filter(|violation| violation.standing == ViolationStanding::Waived(0))
        .count();
    let waivers = vec![
        WaiverUse {
            waiver: waiver(
                "lxml",
                "parsed in a process of its own",
                Some("2026-12-31"),
                40,
            ),
            state: WaiverState::Used(covered),
        },
        WaiverUse {
            waiver: waiver("contourpy", "only used by plots", Some("2026-10-31"), 46),
            state: WaiverState::Expired(2),
        },
        WaiverUse {
            waiver: waiver("numpy", "waiting for 2.4", None, 52),
            state: WaiverState::Unused,
        },
    ];
    let changes = VerdictChanges {
        worse: vec![change(
            "contourpy",
            state("1.3.2", Verdict::Ready),
            state("1.3.3", Verdict::Gil),
        )],
        better: vec![change(
            "numpy",
            state("2.4.0", Verdict::Gil),
            state("2.5.5", Verdict::Ready),
        )],
        added: vec![change("rpds-py", None, state("0.30.0", Verdict::Ready))],
        removed: vec![change("six", state("1.17.0", Verdict::Pure), None)],
        ..VerdictChanges::default()
    };
    Report {
        gate: Some(Gate {
            outcome: GateOutcome::Broken,
            violations,
            problems: Vec::new(),
            waivers,
            changes: Some(changes),
        }),
        ..report
    }
}

/// Texts each of which is dangerous to some format.
pub(crate) const HOSTILE: [&str; 12] = [
    sample::HOSTILE_PATH,
    "`code` | cell | [link](https://evil.example/x) ![image](https://evil.example/x.png)",
    "<script>alert(1)</script> <img src=x onerror=alert(1)> <!-- &lt; -->",
    "@everyone #1 GH-1 www.evil.example https://evil.example",
    "::error file=x::y",
    "%0A::set-output name=x::y ##[add-path]/tmp %25 ,title=x",
    "]]><failure message=\"x\"/> & \u{fffe}\u{ffff}\u{0}",
    "=cmd|'/c calc'!A1",
    "@SUM(1+1)*cmd",
    "+1\t=1\r\n-1,\"x\",y",
    "\\| \\\\| a\\",
    "{0} [a](0)\u{2028}\u{2066}x\u{2069}",
];

/// A report of which every text is this one, under a policy that is no better.
pub(crate) fn hostile(text: &str) -> Report {
    let mut report = sample::hostile();
    for package in &mut report.packages {
        for result in &mut package.results {
            text.clone_into(&mut result.reason);
            result.left_out = vec![text.to_owned()];
            for module in &mut result.modules {
                for part in [&mut module.path, &mut module.module, &mut module.reason] {
                    text.clone_into(part);
                }
                module.evidence = vec![Evidence::new(text).symbol(text).value(text)];
            }
            for finding in &mut result.findings {
                let parts = [
                    &mut finding.rule,
                    &mut finding.summary,
                    &mut finding.message,
                    &mut finding.help,
                ];
                for part in parts {
                    text.clone_into(part);
                }
                finding.module = Some(text.to_owned());
                finding.evidence = vec![Evidence::new(text).symbol(text).value(text)];
            }
            if let Some(artifact) = &mut result.artifact {
                text.clone_into(&mut artifact.filename);
            }
        }
        for required_by in &mut package.required_by {
            required_by.place = Place {
                file: text.to_owned(),
                line: Some(7),
                column: None,
            };
        }
    }
    for problem in &mut report.problems {
        text.clone_into(&mut problem.place);
        text.clone_into(&mut problem.message);
    }
    report
}

/// [`hostile`] under a policy whose waivers are no better.
pub(crate) fn hostile_gate(text: &str) -> Report {
    let report = hostile(text);
    let place = Place {
        file: text.to_owned(),
        line: Some(1),
        column: None,
    };
    let waiver = Waiver {
        place,
        module: Some(text.to_owned()),
        ..waiver("evil", text, Some("2026-12-31"), 1)
    };
    let mut counted = violations(&report, |_| ViolationStanding::Breaks);
    counted.extend(violations(&report, |_| ViolationStanding::Waived(0)));
    let used = |state| WaiverUse {
        waiver: waiver.clone(),
        state,
    };
    let waivers = vec![
        used(WaiverState::Used(1)),
        used(WaiverState::Expired(1)),
        used(WaiverState::Unused),
    ];
    let changed = VerdictChange {
        target: text.to_owned(),
        ..change("evil", None, state("1.0", Verdict::Gil))
    };
    let changes = VerdictChanges {
        worse: vec![changed],
        ..VerdictChanges::default()
    };
    let gate = Gate {
        outcome: GateOutcome::Broken,
        violations: counted,
        problems: Vec::new(),
        waivers,
        changes: Some(changes),
    };
    Report {
        gate: Some(gate),
        ..report
    }
}

/// Many packages, each with long texts.
pub(crate) fn large() -> Report {
    let mut report = sample::hostile();
    let template = report.packages.remove(0);
    let text = "*".repeat(3_000);
    for number in 0..2_000 {
        let mut package = PackageReport {
            name: format!("package-{number}").parse().unwrap(),
            ..template.clone()
        };
        for finding in package
            .results
            .iter_mut()
            .flat_map(|result| &mut result.findings)
        {
            text.clone_into(&mut finding.message);
            text.clone_into(&mut finding.help);
        }
        report.packages.push(package);
    }
    report.problems = vec![report.problems.remove(0); 500];
    report.summary.packages = 2_000;
    report
}
