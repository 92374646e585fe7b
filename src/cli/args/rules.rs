//! What can be typed about rules.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::ConfigArguments;
use super::help::RULES_EXAMPLES;

/// Arguments of `rules`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = RULES_EXAMPLES)]
pub(crate) struct RulesArguments {
    /// What to do; nothing lists the rules
    #[command(subcommand)]
    pub(crate) command: Option<RulesCommand>,
    /// What is made of rules.
    #[command(flatten)]
    pub(crate) rules: RuleArguments,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
}

/// What can be done with rules.
#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Run the examples of rule files; exit code 1 when one fails, 2 when a file is no rule
    Test(RuleTestArguments),
}

/// Arguments of `rules test`.
#[derive(Debug, Args)]
pub(crate) struct RuleTestArguments {
    /// Rule files, or folders of them
    #[arg(value_name = "PATH", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The rule's id; without one, the rules are listed
    #[arg(value_name = "RULE")]
    pub(crate) rule: Option<String>,
    /// What is made of rules.
    #[command(flatten)]
    pub(crate) rules: RuleArguments,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
}

/// What is made of rules.
#[derive(Debug, Args)]
#[command(next_help_heading = "Rules")]
pub(crate) struct RuleArguments {
    /// Rules of your own: a file, or a folder of .toml files; may be repeated
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) rules: Vec<String>,
    /// Leave a rule out; may be repeated
    #[arg(long, value_name = "RULE")]
    pub(crate) disable: Vec<String>,
    /// Make a rule off, hint, warning or decides; may be repeated
    #[arg(long, value_name = "RULE=LEVEL")]
    pub(crate) level: Vec<String>,
}
