//! What can be typed for `dashboard`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::help::DASHBOARD_EXAMPLES;

/// Arguments of `dashboard`.
#[derive(Debug, Args)]
#[command(after_help = DASHBOARD_EXAMPLES)]
pub(crate) struct DashboardArguments {
    /// Reports that `ungil scan --format json` wrote; with several, the page shows what changed too. Beside them plans
    /// of `ungil plan --format json`, for the first ready versions
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// Folder for the page, `index.html`; made where it is missing
    #[arg(long, short, value_name = "FOLDER", required = true, value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub(crate) output: PathBuf,
}
