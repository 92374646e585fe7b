//! `rules` and `verdict`: every rule on its own examples and fixtures, and what no rule may ever lead to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};
use ungil::import::{hidden, outcomes};
use ungil::model::distribution::{AbiClaim, DistributionFacts};
use ungil::model::facts::{
    Abi, AbiInfo, Fact, Flavour, GilDeclaration, Hook, HookKind, ImageFacts, InitFacts, InitKind,
    ModuleFacts, StableAbiAudit,
};
use ungil::model::finding::{Certainty, FindingLevel};
use ungil::model::outcome::Gil;
use ungil::model::source::Forecast;
use ungil::model::subject::{Delegate, InstallChoice, Subject, SubjectFile};
use ungil::model::target::Target;
use ungil::model::verdict::Verdict;
use ungil::rules::{
    PLACEHOLDERS, PREDICATES, RuleScope, RuleSet, builtin, check_examples, evaluate, explain,
    outline,
};
use ungil::verdict::judge;

use crate::facts_builder::{declaring, distribution, file, hook, image, known, target};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of `fixtures/rules/<id>/`: a subject whose modules are given as the facts of whole files. What a fixture, a file
/// of it, an image or a hook leaves out is as in a good module.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    #[serde(default = "python")]
    python: String,
    #[serde(default = "platform")]
    platform: String,
    #[serde(default = "offer")]
    offer: FixtureOffer,
    #[serde(default)]
    problems: Vec<String>,
    #[serde(default)]
    delegates: BTreeMap<String, FixtureDelegate>,
    distribution: DistributionFacts,
    /// By path.
    #[serde(default)]
    audits: BTreeMap<String, Vec<StableAbiAudit>>,
    files: Vec<ModuleFacts>,
}

fn python() -> String {
    "3.14t".to_owned()
}

fn platform() -> String {
    "linux-x86_64".to_owned()
}

fn offer() -> FixtureOffer {
    FixtureOffer::Wheel {
        filename: "example-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl".to_owned(),
    }
}

/// Reads a fixture, with what it leaves out filled in.
fn read_fixture(text: &str) -> serde_json::Result<Fixture> {
    let mut fixture: Value = serde_json::from_str(text)?;
    fill(&mut fixture, &json!({ "distribution": {} }));
    fill(
        &mut fixture["distribution"],
        &serde_json::to_value(distribution()).unwrap(),
    );
    for file in fixture["files"].as_array_mut().into_iter().flatten() {
        let stem = file["path"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap()
            .split('.')
            .next()
            .unwrap()
            .to_owned();
        let good = image(vec![hook(&stem)]);
        fill(
            file,
            &serde_json::to_value(crate::facts_builder::file("", vec![good.clone()])).unwrap(),
        );
        for image in file["images"].as_array_mut().into_iter().flatten() {
            fill(image, &serde_json::to_value(&good).unwrap());
            for hook in image["hooks"]["known"]["value"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                fill(
                    hook,
                    &serde_json::to_value(crate::facts_builder::hook(&stem)).unwrap(),
                );
            }
        }
    }
    serde_json::from_value(fixture)
}

fn fill(object: &mut Value, whole: &Value) {
    for (key, value) in whole.as_object().unwrap() {
        object
            .as_object_mut()
            .unwrap()
            .entry(key)
            .or_insert_with(|| value.clone());
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FixtureOffer {
    Wheel {
        filename: String,
    },
    Pure {
        filename: String,
    },
    PureFallback {
        filename: String,
        lost: Vec<String>,
    },
    Source {
        filename: String,
        build: Option<Forecast>,
    },
    Nothing {
        why: String,
        #[serde(rename = "requires-python")]
        requires_python: Option<String>,
    },
    Unknown {
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FixtureDelegate {
    Provided {
        package: String,
        gil: Gil,
        reason: String,
    },
    Missing,
}

fn subject(target: Target, offer: InstallChoice, files: &[ModuleFacts]) -> Subject {
    Subject {
        package: "example".into(),
        version: "1.0".into(),
        target,
        offer,
        modules: outcomes(files, target),
        hidden: hidden(files, target, &["any"]),
        problems: Vec::new(),
        delegates: BTreeMap::new(),
        distribution: distribution(),
        files: files.iter().filter_map(subject_file).collect(),
    }
}

fn subject_file(file: &ModuleFacts) -> Option<(String, SubjectFile)> {
    let image = file.images.first()?.clone();
    Some((
        file.path.clone(),
        SubjectFile {
            claim: AbiClaim::Nothing,
            image,
            audits: Vec::new(),
        },
    ))
}

impl Fixture {
    fn subject(self) -> Subject {
        let offer = match self.offer {
            FixtureOffer::Wheel { filename } => InstallChoice::Wheel { filename },
            FixtureOffer::Pure { filename } => InstallChoice::Pure {
                filename,
                elsewhere: Vec::new(),
            },
            FixtureOffer::PureFallback { filename, lost } => {
                InstallChoice::PureFallback { filename, lost }
            }
            FixtureOffer::Source { filename, build } => InstallChoice::Source { filename, build },
            FixtureOffer::Nothing {
                why,
                requires_python,
            } => InstallChoice::Nothing {
                why,
                requires_python,
            },
            FixtureOffer::Unknown { why } => InstallChoice::Unknown { why },
        };
        let delegate = |delegate| match delegate {
            FixtureDelegate::Provided {
                package,
                gil,
                reason,
            } => Delegate::Provided {
                package,
                gil,
                reason,
            },
            FixtureDelegate::Missing => Delegate::Missing,
        };
        let delegates = self
            .delegates
            .into_iter()
            .map(|(name, found)| (name, delegate(found)))
            .collect();
        let target = target(&self.python, &self.platform);
        let mut subject = subject(target, offer, &self.files);
        for (path, audits) in self.audits {
            subject.files.get_mut(&path).unwrap().audits = audits;
        }
        Subject {
            problems: self.problems,
            delegates,
            distribution: self.distribution,
            ..subject
        }
    }
}

fn fixtures(id: &str) -> Vec<(String, Subject)> {
    let folder = root().join("fixtures/rules").join(id);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let fixture = read_fixture(&text(&path))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (
            path.file_stem().unwrap().to_string_lossy().into_owned(),
            fixture.subject(),
        )
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn every_rule_does_what_its_examples_say() {
    for rule in builtin().unwrap().rules() {
        assert_eq!(check_examples(rule), [], "{}", rule.id);
    }
}

#[test]
fn every_rule_fires_on_its_fixtures() {
    let rules = builtin().unwrap();
    for rule in rules.rules() {
        let mut fired = false;
        let mut snapshot = String::new();
        for (name, subject) in fixtures(&rule.id) {
            let findings = evaluate(&rules, &subject);
            let judgement = judge(&subject, &findings);
            // Tables have room for so much.
            assert!(
                judgement.reason.chars().count() <= 80,
                "{}",
                judgement.reason
            );
            writeln!(snapshot, "== {name} ({})", subject.target).unwrap();
            writeln!(
                snapshot,
                "verdict: {}: {}",
                judgement.verdict.word(),
                judgement.reason
            )
            .unwrap();
            for finding in &findings {
                fired |= finding.rule == rule.id && finding.certainty == Certainty::Holds;
                let module = finding.module.as_deref().unwrap_or("package");
                writeln!(
                    snapshot,
                    "{} ({:?}) on {module}: {}",
                    finding.rule, finding.certainty, finding.message
                )
                .unwrap();
                writeln!(snapshot, "  help: {}", finding.help).unwrap();
                for evidence in &finding.evidence {
                    writeln!(snapshot, "  {}", serde_json::to_string(evidence).unwrap()).unwrap();
                }
            }
        }
        assert!(fired, "{} fires on none of its fixtures", rule.id);
        insta::with_settings!({
            snapshot_path => root().join("tests/snapshots/rules"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(rule.id.as_str(), snapshot) });
    }
}

/// The names of a folder's entries up to their first dot, without what starts with a dot.
fn names(folder: &str) -> BTreeSet<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .split('.')
            .next()
            .unwrap()
            .to_owned()
    };
    std::fs::read_dir(root().join(folder))
        .unwrap()
        .map(name)
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn every_rule_stands_in_its_five_places() {
    let rules = builtin().unwrap();
    let loaded: BTreeSet<String> = rules.rules().iter().map(|rule| rule.id.clone()).collect();
    for folder in [
        "rules",
        "docs/rules",
        "fixtures/rules",
        "tests/snapshots/rules",
    ] {
        assert_eq!(
            names(folder),
            loaded,
            "{folder} and src/rules/builtin.rs disagree"
        );
    }
    for rule in rules.rules() {
        let page = explain(&rule.id).unwrap();
        assert!(page.starts_with(&format!("# {}: ", rule.id)), "{}", rule.id);
        for heading in [
            "What it finds",
            "Why it matters",
            "How it is seen",
            "How to fix it",
            "When to waive it",
            "References",
        ] {
            assert!(
                page.contains(&format!("\n## {heading}\n")),
                "the page of {} has no `{heading}`",
                rule.id
            );
        }
        assert!(!page.to_lowercase().contains("thread-safe"), "{}", rule.id);
    }
    assert_eq!(explain("no-such-rule"), None);
}

#[test]
fn the_document_lists_what_rules_may_use() {
    let document = text(&root().join("docs/writing-rules.md"));
    let scope = |scope| match scope {
        None => "both",
        Some(RuleScope::Package) => "package",
        Some(RuleScope::Module) => "module",
    };
    for (name, used_in) in PREDICATES {
        assert!(
            document.contains(&format!("\n| `{name}` | {} |", scope(*used_in))),
            "{name}"
        );
    }
    for placeholder in PLACEHOLDERS {
        let row = format!(
            "\n| `{{{}}}` | {} | {} |",
            placeholder.name,
            scope(placeholder.scope),
            placeholder.meaning
        );
        assert!(document.contains(&row), "{row}");
    }
    let example = document
        .split("```toml\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let mut rules = RuleSet::default();
    rules.load("docs/writing-rules.md", example).unwrap();
    assert_eq!(check_examples(&rules.rules()[0]), []);
}

const GOOD: &str = r#"id = "some-rule"
title = "Some rule"
level = "decides"
verdict = "gil"
scope = "module"
when = { cause = ["undeclared"] }
message = "{module} does"
unknown = "unknown: {reason}"
help = "Do something."
[[example]]
expect = "fires"
module = [{ gil = "used", cause = "undeclared" }]
[[example]]
expect = "quiet"
[[example]]
expect = "unknown"
module = [{ gil = "unknown", cause = "unreadable" }]
"#;

/// Replaces a part of the good rule and expects this error.
#[track_caller]
fn check_error(part: &str, replacement: &str, expected: &str) {
    assert!(GOOD.contains(part), "{part}");
    let error = RuleSet::default()
        .load("x.toml", GOOD.replacen(part, replacement, 1))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(expected),
        "{error}\n  does not start with\n{expected}"
    );
}

#[test]
fn a_rule_that_does_not_load_says_where_and_what_was_expected() {
    RuleSet::default().load("x.toml", GOOD).unwrap();
    let table = [
        (
            "title = ",
            "titel = ",
            "x.toml:2:1: unknown field `titel`, expected one of `id`, `title`",
        ),
        (
            "scope = \"module\"",
            "scope = \"modul\"",
            "x.toml:5:9: unknown variant `modul`, expected `package` or `module`",
        ),
        (
            "cause = [",
            "because = [",
            "x.toml:6:10: unknown variant `because`, expected one of `all`, `any`, `not`, `cause`",
        ),
        (
            "\"undeclared\"]",
            "\"undecl\"]",
            "x.toml:6:19: unknown variant `undecl`, expected one of `declared-not-used`",
        ),
        (
            "help = \"Do something.\"\n",
            "",
            "x.toml:1:1: missing field `help`",
        ),
        (
            "[\"undeclared\"] }",
            "[] }",
            "x.toml:6:8: `when` has an empty list; expected at least one word or condition",
        ),
        (
            "{ cause = [\"undeclared\"] }",
            "{ problems = true }",
            "x.toml:6:8: `when` has the predicate Problems(true); expected predicates for the scope `module`",
        ),
        (
            "{ cause = [\"undeclared\"] }",
            "{ gil = [\"unknown\"] }",
            "x.toml:8:11: `unknown` is there; expected none",
        ),
        (
            "unknown = \"unknown: {reason}\"\n",
            "",
            "x.toml:6:8: `unknown` is missing; expected a message",
        ),
        (
            "{module} does",
            "{modul} does",
            "x.toml:7:11: `message` has the unknown placeholder `{modul}`; expected placeholders out of package, ",
        ),
        (
            "some-rule",
            "SomeRule",
            "x.toml:1:6: `id` is `SomeRule`; expected lower-case words",
        ),
        (
            "verdict = \"gil\"\n",
            "",
            "x.toml:1:6: `verdict` is missing; expected the verdict",
        ),
        (
            "verdict = \"gil\"",
            "verdict = \"ready\"",
            "x.toml:4:11: `verdict` is `ready`; expected a verdict that is worse",
        ),
        (
            "level = \"decides\"",
            "level = \"hint\"",
            "x.toml:4:11: `verdict` is `gil`; expected none",
        ),
        (
            "expect = \"quiet\"",
            "expect = \"quiet\"\npython = \"2.7\"",
            "x.toml:15:10: `example` has `2.7`; expected 3.13t",
        ),
        (
            "expect = \"quiet\"",
            "expect = \"fires\"",
            "x.toml:6:8: `example` is there 3 times; expected at least three, among them one each of [fires, quiet, unknown]",
        ),
        ("[[example]]", "[[example", "x.toml:10:"),
    ];
    for (part, replacement, expected) in table {
        check_error(part, replacement, expected);
    }
    let error = RuleSet::default()
        .load("x.toml", " ".repeat(70_000))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "x.toml: 70000 bytes; expected a rule file of at most 65536 bytes"
    );
    let mut twice = RuleSet::default();
    twice.load("x.toml", GOOD).unwrap();
    let error = twice.load("y.toml", GOOD).unwrap_err().to_string();
    assert_eq!(
        error,
        "y.toml:1:6: the id `some-rule` is taken by x.toml; expected an id of its own"
    );
    let error = twice
        .load("z.toml", b"id = \"a\"\ntitle = \"\xff\"")
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "z.toml:2:10: bytes that are not UTF-8; expected TOML, which is always UTF-8"
    );
}

#[test]
fn settings_change_weights_but_make_nothing_ready() {
    let on = target("3.14t", "linux-x86_64");
    let silent = declaring("_a", GilDeclaration::Absent);
    let seen = subject(
        on,
        InstallChoice::Wheel {
            filename: "example.whl".into(),
        },
        &[file("p/_a.so", vec![image(vec![silent])])],
    );
    let judged =
        |settings: &[(&str, &str)]| {
            let mut rules = builtin().unwrap();
            rules
                .adjust(
                    settings
                        .iter()
                        .map(|(id, word)| (*id, word.parse().unwrap())),
                )
                .unwrap();
            let findings = evaluate(&rules, &seen);
            let levels: Vec<FindingLevel> = findings.iter().map(|finding| finding.level).collect();
            assert!(findings.iter().all(
                |finding| finding.verdict.is_some() == (finding.level == FindingLevel::Decides)
            ));
            (levels, judge(&seen, &findings).verdict)
        };
    assert_eq!(judged(&[]), (vec![FindingLevel::Decides], Verdict::Gil));
    assert_eq!(
        judged(&[("gil-undeclared", "warning")]),
        (vec![FindingLevel::Warning], Verdict::Unknown)
    );
    assert_eq!(
        judged(&[("gil-undeclared", "hint")]),
        (vec![FindingLevel::Hint], Verdict::Unknown)
    );
    assert_eq!(
        judged(&[("gil-undeclared", "off")]),
        (vec![], Verdict::Unknown)
    );
    assert_eq!(
        judged(&[("gil-undeclared", "off"), ("gil-undeclared", "decides")]).1,
        Verdict::Gil
    );
    let error = |id, word: &str| {
        let settings = word
            .parse()
            .map(|setting| builtin().unwrap().adjust([(id, setting)]));
        settings.unwrap_or_else(Err).unwrap_err().to_string()
    };
    assert_eq!(
        error("gil-undeclared", "loud"),
        "`loud` is no level; expected off, hint, warning or decides"
    );
    assert_eq!(
        error("gil-undeclred", "off"),
        "there is no rule `gil-undeclred`; is `gil-undeclared` meant?"
    );
    assert_eq!(error("x", "off"), "there is no rule `x`");
    assert_eq!(
        error("single-phase-init", "decides"),
        "the rule `single-phase-init` leads to no verdict, so it cannot decide; expected off, hint or warning"
    );
}

#[test]
fn no_nesting_is_too_deep_to_be_refused() {
    let nested = |depth: usize| {
        let condition = format!(
            "{}cause = [\"undeclared\"]{}",
            "{ not = ".repeat(depth),
            " }".repeat(depth)
        );
        GOOD.replace(
            "{ cause = [\"undeclared\"] }",
            &condition
                .replace("not = cause = ", "not = { cause = ")
                .replace("] }", "] } }"),
        )
    };
    let dotted = GOOD.replace("when = {", &format!("when{} = {{", ".not".repeat(16_000)));
    for text in [nested(20), nested(200), nested(7_000), dotted] {
        assert!(RuleSet::default().load("x.toml", &text).is_err());
    }
}

/// Every combination of what a file may say, known or not.
fn every_module(python: &str) -> Vec<ImageFacts> {
    let mut images = Vec::new();
    for hook in every_hook() {
        for flavour in every_flavour() {
            for versions in [(None, None), (Some(13), Some(13)), (Some(15), None)] {
                let abi = match flavour {
                    Some(flavour) => known(Abi { flavour, versions }),
                    None => Fact::unknown("no symbol tells"),
                };
                images.push(ImageFacts {
                    abi,
                    ..image(vec![hook.clone()])
                });
            }
        }
    }
    assert!(images.len() > 1000, "{python}");
    images.push(ImageFacts {
        hooks: Fact::unknown("the symbol table is damaged"),
        ..image(Vec::new())
    });
    images
}

fn every_flavour() -> Vec<Option<Flavour>> {
    use Flavour::{Abi3, Abi3t, FreeThreaded, GilOrAbi3};
    vec![
        Some(Flavour::Gil),
        Some(FreeThreaded),
        Some(Abi3),
        Some(Abi3t),
        Some(GilOrAbi3),
        None,
    ]
}

fn every_hook() -> Vec<Hook> {
    let declarations = [
        Some(GilDeclaration::Slot { value: 0 }),
        Some(GilDeclaration::Slot { value: 1 }),
        Some(GilDeclaration::Slot { value: 2 }),
        Some(GilDeclaration::SetGil { value: 0 }),
        Some(GilDeclaration::SetGil { value: 1 }),
        Some(GilDeclaration::Absent),
        Some(GilDeclaration::NotAModule),
        Some(GilDeclaration::Delegated {
            to: "_cffi_backend".into(),
        }),
        None,
    ];
    let inits = [
        Some(InitKind::SinglePhase),
        Some(InitKind::MultiPhase),
        Some(InitKind::Export),
        None,
    ];
    let slots = [
        Some(vec![]),
        Some(vec![2, 4]),
        Some(vec![85, 87]),
        Some(vec![4, 87]),
        None,
    ];
    let info = |flags| AbiInfo {
        major: 1,
        minor: 0,
        flags,
        build_version: 0,
        abi_version: 0x030f_0000,
    };
    let infos = [
        Some(None),
        Some(Some(info(2))),
        Some(Some(info(4))),
        Some(Some(info(7))),
        None,
    ];
    let mut hooks = Vec::new();
    for kind in [HookKind::Init, HookKind::Export] {
        for gil in &declarations {
            for init in inits {
                for slots in &slots {
                    for abi_info in infos {
                        hooks.push(Hook {
                            kind,
                            facts: InitFacts {
                                gil: fact(gil.clone()),
                                init: fact(init),
                                slots: fact(slots.clone()),
                                abi_info: fact(abi_info),
                                ..hook("_a").facts
                            },
                            ..hook("_a")
                        });
                    }
                }
            }
        }
    }
    hooks.push(Hook {
        matches_file_name: false,
        ..hook("_a")
    });
    hooks
}

fn fact<T>(value: Option<T>) -> Fact<T> {
    value.map_or_else(|| Fact::unknown("it was not read"), known)
}

/// Whether a free-threaded target of this minor version may call the image `ready`, said once more in other words.
fn may_be_ready(image: &ImageFacts, minor: u8, delegate_is_good: bool) -> bool {
    let (Some(hooks), Some(abi)) = (image.hooks.value(), image.abi.value()) else {
        return false;
    };
    let [hook] = hooks.as_slice() else {
        return false;
    };
    let found = hook.matches_file_name && (hook.kind == HookKind::Init || minor >= 15);
    let fits = matches!(abi.flavour, Flavour::FreeThreaded | Flavour::Abi3t)
        && abi.versions.0.is_none_or(|oldest| oldest <= minor)
        && abi.versions.1.is_none_or(|newest| newest >= minor);
    let good = |value: u64| if minor >= 15 { value == 1 } else { value > 0 };
    let declared = match hook.facts.gil.value() {
        Some(GilDeclaration::Delegated { .. }) => return found && fits && delegate_is_good,
        Some(GilDeclaration::Slot { value }) => {
            good(*value) && hook.facts.init.value() != Some(&InitKind::SinglePhase)
        }
        Some(GilDeclaration::SetGil { value }) => {
            good(*value) && hook.facts.init.value() == Some(&InitKind::SinglePhase)
        }
        Some(GilDeclaration::Absent | GilDeclaration::NotAModule) | None => false,
    };
    let Some(init) = hook.facts.init.value() else {
        return false;
    };
    let accepted = *init == InitKind::SinglePhase
        || (hook
            .facts
            .slots
            .value()
            .is_some_and(|slots| minor >= 15 || slots.iter().all(|slot| *slot <= 4))
            && (minor < 15
                || hook
                    .facts
                    .abi_info
                    .value()
                    .is_some_and(|info| info.is_none_or(|info| info.flags != 2))));
    found && fits && declared && accepted
}

#[test]
fn nothing_unknown_and_nothing_that_needs_the_gil_is_ever_ready() {
    let rules = builtin().unwrap();
    let offer = || InstallChoice::Wheel {
        filename: "example.whl".into(),
    };
    let provided = |gil| Delegate::Provided {
        package: "cffi".into(),
        gil,
        reason: "because".into(),
    };
    let delegates = [
        None,
        Some(Delegate::Missing),
        Some(provided(Gil::Used)),
        Some(provided(Gil::Unknown)),
        Some(provided(Gil::NotUsed)),
    ];
    let mut ready = 0;
    for python in ["3.13t", "3.14t", "3.15t"] {
        let on = target(python, "linux-x86_64");
        for image in every_module(python) {
            let delegates: &[Option<Delegate>] = match image
                .hooks
                .value()
                .and_then(|hooks| hooks[0].facts.gil.value())
            {
                Some(GilDeclaration::Delegated { .. }) => &delegates,
                _ => &delegates[..1],
            };
            let mut seen = subject(on, offer(), &[file("p/_a.so", vec![image.clone()])]);
            for delegate in delegates {
                seen.delegates = delegate
                    .iter()
                    .map(|found| ("_cffi_backend".to_owned(), found.clone()))
                    .collect();
                let is_good = matches!(
                    delegate,
                    Some(Delegate::Provided {
                        gil: Gil::NotUsed,
                        ..
                    })
                );
                let allowed = may_be_ready(&image, on.python.minor, is_good);
                let with_rules = judge(&seen, &evaluate(&rules, &seen));
                let without_rules = judge(&seen, &[]);
                assert!(
                    !with_rules.reason.starts_with("no rule decides"),
                    "{python}: {with_rules:?} {image:?}"
                );
                for judgement in [with_rules, without_rules] {
                    assert!(
                        judgement.verdict != Verdict::Ready || allowed,
                        "{python}: {judgement:?} {image:?}"
                    );
                    assert!(
                        judgement.verdict > Verdict::Pure,
                        "{python}: {judgement:?} {image:?}"
                    );
                    ready += usize::from(judgement.verdict == Verdict::Ready);
                }
            }
        }
    }
    assert!(ready > 0);
}

#[test]
fn with_the_gil_only_loading_matters() {
    let rules = builtin().unwrap();
    let verdict = |flavour| {
        let abi = known(Abi {
            flavour,
            versions: (None, None),
        });
        let silent = declaring("_a", GilDeclaration::Absent);
        let file = file(
            "p/_a.so",
            vec![ImageFacts {
                abi,
                ..image(vec![silent])
            }],
        );
        let seen = subject(
            target("3.14", "linux-x86_64"),
            InstallChoice::Wheel {
                filename: "example.whl".into(),
            },
            &[file],
        );
        judge(&seen, &evaluate(&rules, &seen))
    };
    let judgement = verdict(Flavour::Gil);
    assert_eq!(judgement.verdict, Verdict::Ready);
    assert_eq!(judgement.reason, "1 module loads; 3.14 always has the GIL");
    assert_eq!(judgement.declared_by, []);
    assert_eq!(verdict(Flavour::FreeThreaded).verdict, Verdict::Crash);
}

#[test]
fn a_problem_or_one_bad_module_takes_ready_away() {
    let rules = builtin().unwrap();
    let on = target("3.14t", "linux-x86_64");
    let good = file("p/_a.so", vec![image(vec![hook("_a")])]);
    let silent = declaring("_b", GilDeclaration::Absent);
    let bad = file("p/_b.so", vec![image(vec![silent])]);
    let offer = || InstallChoice::Wheel {
        filename: "example.whl".into(),
    };
    let verdict = |subject: &Subject| judge(subject, &evaluate(&rules, subject));
    let ready = subject(on, offer(), std::slice::from_ref(&good));
    assert_eq!(verdict(&ready).verdict, Verdict::Ready);
    assert_eq!(verdict(&ready).reason, "1 module, by the author");
    let unread = Subject {
        problems: vec!["x.whl: y.so: truncated".into()],
        ..ready.clone()
    };
    assert_eq!(verdict(&unread).verdict, Verdict::Unknown);
    let mixed = subject(on, offer(), &[good, bad]);
    assert_eq!(verdict(&mixed).verdict, Verdict::Gil);
    let both = Subject {
        problems: unread.problems.clone(),
        ..mixed
    };
    assert_eq!(verdict(&both).verdict, Verdict::Gil);
    assert_eq!(verdict(&subject(on, offer(), &[])).verdict, Verdict::Pure);
    assert!(
        evaluate(&rules, &both)
            .iter()
            .all(|finding| finding.level == FindingLevel::Decides)
    );
}

#[test]
fn a_reason_names_the_first_module_and_counts_the_rest() {
    let rules = builtin().unwrap();
    let silent = |name: &str| {
        let silent = declaring(name, GilDeclaration::Absent);
        file(&format!("p/{name}.so"), vec![image(vec![silent])])
    };
    let needy = declaring("_d", GilDeclaration::Slot { value: 0 });
    let offer = || InstallChoice::Wheel {
        filename: "example.whl".into(),
    };
    let on = target("3.14t", "linux-x86_64");
    let reason = |files: &[ModuleFacts]| {
        let seen = subject(on, offer(), files);
        judge(&seen, &evaluate(&rules, &seen)).reason
    };
    assert_eq!(
        reason(&[silent("_a")]),
        "declares nothing about the GIL: p._a"
    );
    assert_eq!(
        reason(&[silent("_a"), silent("_b"), silent("_c")]),
        "declares nothing about the GIL: p._a and 2 more"
    );
    let needy = file("p/_d.so", vec![image(vec![needy])]);
    let mixed = "declares nothing about the GIL: p._a and 1 more; 1 for other reasons";
    assert_eq!(reason(&[silent("_a"), silent("_b"), needy]), mixed);
}

#[test]
fn what_is_pure_says_of_what_there_is_none() {
    let rules = builtin().unwrap();
    let on = target("3.14t", "linux-x86_64");
    let pure = |elsewhere: &[&str]| InstallChoice::Pure {
        filename: "example-1.0-py3-none-any.whl".into(),
        elsewhere: elsewhere
            .iter()
            .map(|&filename| filename.to_owned())
            .collect(),
    };
    for (offer, expected) in [
        (pure(&[]), "no compiled modules"),
        (
            pure(&["example-1.0-cp314-cp314-win_amd64.whl"]),
            "no compiled modules on this platform",
        ),
        (
            InstallChoice::Wheel {
                filename: "example.whl".into(),
            },
            "no compiled Python modules",
        ),
    ] {
        let seen = subject(on, offer, &[]);
        let judgement = judge(&seen, &evaluate(&rules, &seen));
        assert_eq!(
            (judgement.verdict, judgement.reason.as_str()),
            (Verdict::Pure, expected)
        );
    }
}

#[test]
fn a_doubt_is_not_repeated_where_the_verdict_is_unknown_already() {
    let rules = builtin().unwrap();
    let facts = InitFacts {
        gil: Fact::unknown("code"),
        init: Fact::unknown("code"),
        ..hook("_a").facts
    };
    let unread = Hook {
        facts,
        ..hook("_a")
    };
    let files = [file("p/_a.so", vec![image(vec![unread])])];
    let seen = subject(
        target("3.14t", "linux-x86_64"),
        InstallChoice::Wheel {
            filename: "example.whl".into(),
        },
        &files,
    );
    let found: Vec<String> = evaluate(&rules, &seen)
        .into_iter()
        .map(|finding| finding.rule)
        .collect();
    assert_eq!(found, ["gil-declaration-unreadable"]);
}

#[test]
fn a_title_stands_in_for_a_missing_summary() {
    for (title, expected) in [
        ("Some rule", "some rule: p._a"),
        ("PyO3 did it", "PyO3 did it: p._a"),
    ] {
        let mut rules = RuleSet::default();
        rules
            .load(
                "x.toml",
                GOOD.replace("title = \"Some rule\"", &format!("title = \"{title}\"")),
            )
            .unwrap();
        let silent = declaring("_a", GilDeclaration::Absent);
        let files = [file("p/_a.so", vec![image(vec![silent])])];
        let seen = subject(
            target("3.14t", "linux-x86_64"),
            InstallChoice::Wheel {
                filename: "example.whl".into(),
            },
            &files,
        );
        assert_eq!(judge(&seen, &evaluate(&rules, &seen)).reason, expected);
    }
}

#[test]
fn a_rule_about_one_package_names_what_to_use_instead() {
    let rule = r#"id = "house-alternatives"
title = "The house knows something better"
level = "warning"
scope = "package"
when = { all = [{ package = ["Ex_Ample"] }, { offer = ["source", "unknown"] }] }
message = "{package} {version} has no wheel"
help = "Take the other one."
alternative = "other, from {version} on"
[[example]]
expect = "fires"
package = "ex-ample"
offer = "source"
[[example]]
expect = "quiet"
package = "ex-ample"
[[example]]
expect = "quiet"
offer = "source"
"#;
    let mut rules = RuleSet::default();
    rules.load("x.toml", rule).unwrap();
    let rule = &rules.rules()[0];
    assert_eq!(check_examples(rule), []);
    let found = evaluate(&rules, &rule.examples[0].subject);
    assert_eq!(found[0].alternative.as_deref(), Some("other, from 1.0 on"));
    assert!(outline(rule).contains("## What to use instead\n\nother, from {version} on\n"));
    check_error(
        "cause = [\"undeclared\"]",
        "package = [\"a b\"]",
        "x.toml:6:",
    );
    check_error(
        "cause = [\"undeclared\"]",
        "package = [\"a\"]",
        "x.toml:6:8: `when` has the predicate",
    );
    check_error(
        "help = \"Do",
        "alternative = \"{nothing}\"\nhelp = \"Do",
        "x.toml:9:15: `alternative`",
    );
}
