//! Arguments of `gate` and `diff`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use ungil::model::snapshot::ReportDifference;
use ungil::report::{DIFFERENCE_FORMATS, OutputFormat};

use super::help::DIFF_EXAMPLES;
use super::{OutputArguments, ScanArguments, format_help, formats};

/// Arguments of `gate`.
#[derive(Debug, Args)]
pub(crate) struct GateArguments {
    /// Those of `scan`.
    #[command(flatten)]
    pub(crate) scan: ScanArguments,
    /// The policy.
    #[command(flatten)]
    pub(crate) policy: PolicyArguments,
}

/// The policy of a gate.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy")]
pub(crate) struct PolicyArguments {
    /// What breaks the policy: a verdict, a rule, `problem`, `waiver-expired`, `waiver-unused`; may be repeated [default: gil, crash, blocked]
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub(crate) fail: Vec<String>,
    /// What leaves the gate open (exit code 3); may be repeated [default: unknown, build, problem]
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub(crate) open: Vec<String>,
    /// What passes; may be repeated [default: everything else]
    #[arg(long, value_name = "WORD", value_delimiter = ',')]
    pub(crate) pass: Vec<String>,
    /// A report of `scan` or `gate` in JSON: what it has already does not count
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) baseline: Option<PathBuf>,
    /// End with 0 whatever the gate says; errors keep their exit codes
    #[arg(long)]
    pub(crate) exit_zero: bool,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
#[command(after_help = DIFF_EXAMPLES)]
pub(crate) struct DiffArguments {
    /// The earlier report, as `--format json` writes it
    #[arg(value_name = "OLD", value_hint = ValueHint::FilePath)]
    pub(crate) before: PathBuf,
    /// The later report
    #[arg(value_name = "NEW", value_hint = ValueHint::FilePath)]
    pub(crate) after: PathBuf,
    /// Output format.
    #[arg(
        long,
        value_name = "FORMAT",
        help = format_help(DIFFERENCE_FORMATS),
        value_parser = formats(DIFFERENCE_FORMATS),
        default_value = "table",
        help_heading = "Output"
    )]
    pub(crate) format: &'static OutputFormat<ReportDifference>,
    /// Where the output goes.
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}
