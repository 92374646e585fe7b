//! `ungil dashboard`: makes a page of saved reports.

use std::io::Read;
use std::path::Path;

use ungil::report::{self, SavedReport, read_report};

use super::super::args::DashboardArguments;
use super::super::error_page::Failure;
use super::super::exit::Exit;
use super::super::output;

/// Name of the page in the folder.
const PAGE: &str = "index.html";
/// Most bytes of a report: twenty times what a scan of 1,500 packages for six targets writes.
const LARGEST: u64 = 1 << 30;

/// Runs the command.
pub(crate) fn run(typed: &DashboardArguments) -> Result<Exit, Failure> {
    let reports = typed.reports.iter().map(|path| read(path)).collect::<Result<Vec<SavedReport>, Failure>>()?;
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

fn read(path: &Path) -> Result<SavedReport, Failure> {
    let name = path.display().to_string();
    let cannot = |error| Failure::caused(format!("cannot read {name}"), error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    let length = file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if length as u64 > LARGEST {
        return Err(Failure::new(format!("{name}: expected a report of at most {LARGEST} bytes, found more")));
    }
    read_report(&name, &bytes).map_err(|error| Failure::hinted(error.hint(), error))
}
