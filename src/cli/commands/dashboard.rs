//! `ungil dashboard`: makes a page of saved reports, with what plans say of the latest.

use ungil::report::{self, RenderError, SavedDocument};

use super::super::args::DashboardArguments;
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::{output, saved_report};

/// Name of the page in the folder.
const PAGE: &str = "index.html";

/// Runs the command.
pub(crate) fn run(typed: &DashboardArguments) -> Result<ExitOutcome, CliError> {
    let (mut reports, mut plans) = (Vec::new(), Vec::new());
    for path in &typed.files {
        match saved_report::read_either(path)? {
            SavedDocument::Report(report) => reports.push(*report),
            SavedDocument::Plan(plan) => plans.push(plan),
        }
    }
    let page = report::dashboard(reports, &plans)
        .map_err(|error| CliError::hinted(hint(&error), error))?;
    let cannot = |what: String| {
        move |error| {
            CliError::caused(what, error)
                .hint("--output names a folder, which is made where it is missing")
        }
    };
    std::fs::create_dir_all(&typed.output)
        .map_err(cannot(format!("cannot make {}", typed.output.display())))?;
    let path = typed.output.join(PAGE);
    std::fs::write(&path, page).map_err(cannot(format!("cannot write {}", path.display())))?;
    output::write(
        format!("{}\n", report::harmless(&path.display().to_string())).as_bytes(),
        None,
    )?;
    Ok(ExitOutcome::Clean)
}

fn hint(error: &RenderError) -> Option<String> {
    let text = match error {
        RenderError::Nothing => {
            "a plan says how packages get ready: name the report of `ungil scan` too"
        }
        RenderError::ForeignPlan { .. } => {
            "`ungil plan` takes the same input, --python and --platform as `ungil scan`"
        }
        RenderError::TwoPlans { .. } => "name one of them",
        _ => return None,
    };
    Some(text.to_owned())
}
