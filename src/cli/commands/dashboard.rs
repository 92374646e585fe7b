//! `ungil dashboard`: makes a page of saved reports.

use ungil::report::{self, SavedReport};

use super::super::args::DashboardArguments;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::{output, saved_report};

/// Name of the page in the folder.
const PAGE: &str = "index.html";

/// Runs the command.
pub(crate) fn run(typed: &DashboardArguments) -> Result<Exit, Failure> {
    let reports =
        typed.reports.iter().map(|path| saved_report::read(path)).collect::<Result<Vec<SavedReport>, Failure>>()?;
    let page = report::dashboard(reports)?;
    let cannot = |what: String| {
        move |error| Failure::caused(what, error).hint("--output names a folder, which is made where it is missing")
    };
    std::fs::create_dir_all(&typed.output).map_err(cannot(format!("cannot make {}", typed.output.display())))?;
    let path = typed.output.join(PAGE);
    std::fs::write(&path, page).map_err(cannot(format!("cannot write {}", path.display())))?;
    output::write(format!("{}\n", report::harmless(&path.display().to_string())).as_bytes(), None)?;
    Ok(Exit::Clean)
}
