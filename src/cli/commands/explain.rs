//! `ungil explain`: the page about a rule, or the list of rules.

use ungil::rules::CheckedRule;

use super::super::args::ExplainArguments;
use super::super::config_file::ConfigurationFile;
use super::super::environment::ProcessEnvironment;
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::{output, rule_files};

/// Runs the command.
pub(crate) fn run(
    typed: &ExplainArguments,
    environment: &ProcessEnvironment,
) -> Result<ExitOutcome, CliError> {
    let configuration = ConfigurationFile::find(&typed.config, environment)?;
    let set = rule_files::load(&typed.rules, &configuration, environment)?.set;
    let Some(id) = &typed.rule else {
        output::write(super::rules::list(&set).as_bytes(), None)?;
        return Ok(ExitOutcome::Clean);
    };
    let rule = set.get(id).ok_or_else(|| {
        let meant = set
            .nearest(id)
            .map_or_else(String::new, |id| format!("; is {id} meant?"));
        CliError::new(format!("there is no rule {id}{meant}")).hint("`ungil rules` lists them")
    })?;
    output::write(with_tier(&rule_files::page(rule), rule).as_bytes(), None)?;
    Ok(ExitOutcome::Clean)
}

/// The page with the rule's tier below its heading.
fn with_tier(page: &str, rule: &CheckedRule) -> String {
    let (heading, rest) = page.split_once('\n').unwrap_or((page, ""));
    format!("{heading}\n\n*{}*\n{rest}", rule.tier())
}
