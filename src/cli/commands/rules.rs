//! `ungil rules`: the list of rules, and a run of the examples of rule files.

use std::path::Path;

use ungil::model::finding::Level;
use ungil::report::harmless;
use ungil::rules::{Rule, RuleSet, check_examples};

use super::super::args::{RuleTestArguments, RulesArguments, RulesCommand};
use super::super::config_file::Configuration;
use super::super::environment::Environment;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::{output, rule_files};

/// Runs the command.
pub(crate) fn run(typed: &RulesArguments, environment: &Environment) -> Result<Exit, Failure> {
    match &typed.command {
        Some(RulesCommand::Test(test)) => run_test(test),
        None => {
            let configuration = Configuration::find(&typed.config, environment)?;
            let rules = rule_files::settle(&typed.rules, &configuration, environment)?.set;
            output::write(list(&rules).as_bytes(), None)?;
            Ok(Exit::Clean)
        }
    }
}

/// All rules by level, the heaviest first, with the verdict that each leads to.
pub(super) fn list(rules: &RuleSet) -> String {
    let mut sorted: Vec<&Rule> = rules.rules().iter().collect();
    sorted.sort_by_key(|rule| std::cmp::Reverse(rule.level));
    let width = sorted.iter().map(|rule| rule.id.len()).max().unwrap_or_default();
    let line = |rule: &&Rule| {
        let level = match rule.level {
            Level::Decides => "decides",
            Level::Warning => "warning",
            Level::Hint => "hint",
        };
        let verdict = rule.verdict.filter(|_| rule.level == Level::Decides).map_or("-", |verdict| verdict.word());
        format!("{level:<7}  {verdict:<13}  {:<width$}  {}\n", rule.id, harmless(&rule.title))
    };
    sorted.iter().map(line).collect()
}

fn run_test(typed: &RuleTestArguments) -> Result<Exit, Failure> {
    let mut tally = Tally::default();
    for file in rule_files::files(&typed.paths)? {
        tally.add(&file, &rule_files::read(&file)?);
    }
    output::write(tally.text().as_bytes(), None)?;
    Ok(tally.exit())
}

/// What running examples showed.
#[derive(Default)]
struct Tally {
    rules: RuleSet,
    lines: Vec<String>,
    examples: usize,
    failed: usize,
    broken: usize,
}

impl Tally {
    fn add(&mut self, file: &Path, bytes: &[u8]) {
        if let Err(error) = self.rules.load(&file.display().to_string(), bytes) {
            self.broken += 1;
            self.lines.push(format!("error   {}", harmless(&error.to_string())));
            return;
        }
        let Some(rule) = self.rules.rules().last() else { return };
        let mismatches = check_examples(rule);
        self.examples += rule.examples.len();
        self.failed += mismatches.len();
        if mismatches.is_empty() {
            self.lines.push(format!("ok      {} ({} examples)", rule.id, rule.examples.len()));
        }
        for mismatch in mismatches {
            let said: String = mismatch.said.iter().map(|message| format!(" ({})", harmless(message))).collect();
            let place = mismatch.line.map_or_else(String::new, |line| format!(":{line}"));
            let (expected, found) = (mismatch.expected.word(), mismatch.found.word());
            let file = file.display().to_string();
            self.lines.push(format!(
                "failed  {}: {}{place}: expected `{expected}`, found `{found}`{said}",
                rule.id,
                harmless(&file)
            ));
        }
    }

    fn text(&self) -> String {
        let rules = self.rules.rules().len();
        let noun = if rules == 1 { "rule" } else { "rules" };
        let broken = match self.broken {
            0 => String::new(),
            1 => ", 1 file is no rule".to_owned(),
            more => format!(", {more} files are no rules"),
        };
        let counts = format!("{rules} {noun}, {} examples, {} failed{broken}", self.examples, self.failed);
        format!("{}\n{counts}\n", self.lines.join("\n"))
    }

    fn exit(&self) -> Exit {
        match (self.broken, self.failed) {
            (0, 0) => Exit::Clean,
            (0, _) => Exit::NotReady,
            _ => Exit::Usage,
        }
    }
}
