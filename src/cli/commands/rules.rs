//! `ungil rules`: the list of rules, and a run of the examples of rule files.

use std::path::Path;

use ungil::model::finding::FindingLevel;
use ungil::report::harmless;
use ungil::rules::{CheckedRule, RuleSet, check_examples};

use super::super::args::{RuleTestArguments, RulesArguments, RulesCommand};
use super::super::config_file::ConfigurationFile;
use super::super::environment::ProcessEnvironment;
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::{output, rule_files};

/// Runs the command.
pub(crate) fn run(
    typed: &RulesArguments,
    environment: &ProcessEnvironment,
) -> Result<ExitOutcome, CliError> {
    match &typed.command {
        Some(RulesCommand::Test(test)) => run_test(test),
        None => {
            let configuration = ConfigurationFile::find(&typed.config, environment)?;
            let rules = rule_files::load(&typed.rules, &configuration, environment)?.set;
            output::write(list(&rules).as_bytes(), None)?;
            Ok(ExitOutcome::Clean)
        }
    }
}

/// All rules by level, the heaviest first, with the verdict that each leads to.
pub(super) fn list(rules: &RuleSet) -> String {
    let mut sorted: Vec<&CheckedRule> = rules.rules().iter().collect();
    sorted.sort_by_key(|rule| std::cmp::Reverse(rule.level));
    let width = sorted
        .iter()
        .map(|rule| rule.id.len())
        .max()
        .unwrap_or_default();
    let line = |rule: &&CheckedRule| {
        let level = match rule.level {
            FindingLevel::Decides => "decides",
            FindingLevel::Warning => "warning",
            FindingLevel::Hint => "hint",
        };
        let verdict = rule
            .verdict
            .filter(|_| rule.level == FindingLevel::Decides)
            .map_or("-", |verdict| verdict.word());
        format!(
            "{level:<7}  {verdict:<13}  {:<width$}  {}\n",
            rule.id,
            harmless(&rule.title)
        )
    };
    sorted.iter().map(line).collect()
}

fn run_test(typed: &RuleTestArguments) -> Result<ExitOutcome, CliError> {
    let mut tally = ExampleTally::default();
    for file in rule_files::files(&typed.paths)? {
        tally.add(&file, &rule_files::read(&file)?);
    }
    output::write(tally.text().as_bytes(), None)?;
    Ok(tally.exit())
}

/// What running examples showed.
#[derive(Default)]
struct ExampleTally {
    rules: RuleSet,
    lines: Vec<String>,
    examples: usize,
    failed: usize,
    broken: usize,
}

impl ExampleTally {
    fn add(&mut self, file: &Path, bytes: &[u8]) {
        if let Err(error) = self.rules.load(&file.display().to_string(), bytes) {
            self.broken += 1;
            self.lines
                .push(format!("error   {}", harmless(&error.to_string())));
            return;
        }
        let Some(rule) = self.rules.rules().last() else {
            return;
        };
        let mismatches = check_examples(rule);
        self.examples += rule.examples.len();
        self.failed += mismatches.len();
        if mismatches.is_empty() {
            self.lines.push(format!(
                "ok      {} ({} examples)",
                rule.id,
                rule.examples.len()
            ));
        }
        for mismatch in mismatches {
            let said: String = mismatch
                .said
                .iter()
                .map(|message| format!(" ({})", harmless(message)))
                .collect();
            let place = mismatch
                .line
                .map_or_else(String::new, |line| format!(":{line}"));
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
        let counts = format!(
            "{rules} {noun}, {} examples, {} failed{broken}",
            self.examples, self.failed
        );
        format!("{}\n{counts}\n", self.lines.join("\n"))
    }

    fn exit(&self) -> ExitOutcome {
        match (self.broken, self.failed) {
            (0, 0) => ExitOutcome::Clean,
            (0, _) => ExitOutcome::NotReady,
            _ => ExitOutcome::Usage,
        }
    }
}
