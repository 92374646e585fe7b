//! `ungil plan`: tells which versions are ready and what to change, and edits requirements files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ungil::archive::limits::ArchiveLimits;
use ungil::input;
use ungil::model::plan::{BoundLine, LineEdit, Plan};
use ungil::report::{RenderOptions, harmless};
use ungil::scan;

use super::super::args::{GlobalArguments, PlanArguments};
use super::super::environment::ProcessEnvironment;
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::output;
use super::look::{self, ScanInputs};

/// Runs the command.
pub(crate) fn run(
    typed: &PlanArguments,
    global: &GlobalArguments,
    environment: &ProcessEnvironment,
) -> Result<ExitOutcome, CliError> {
    let ScanInputs {
        mut settings,
        rules,
        inputs,
        index,
        progress,
        ..
    } = ScanInputs::open(&typed.look, global, environment)?;
    if typed.write && !inputs.environments.is_empty() {
        let failure = CliError::new("--write edits requirements files, and an environment is none");
        return Err(failure.hint("without --write the plan says what to install"));
    }
    // Many wheels of a package are looked into: fewer requests are worth more than fewer bytes.
    settings.limits = ArchiveLimits::few_requests();
    let plan =
        scan::plan(&settings, &inputs, index, &rules.set, &*progress).map_err(look::failed)?;
    progress.end();
    let written = if typed.write {
        write(&plan, environment)?
    } else {
        Vec::new()
    };
    let file = typed.output.output.as_deref();
    let options = RenderOptions {
        width: environment.width(),
        style: output::style(global, file),
        generated: typed.timestamp.then(|| environment.timestamp()),
        ..RenderOptions::default()
    };
    output::write(&(typed.format.render)(&plan, &options)?, file)?;
    if !global.quiet {
        for (file, lines) in written {
            let lines = if lines == 1 {
                "1 line".to_owned()
            } else {
                format!("{lines} lines")
            };
            output::note(&format!("wrote {}: {lines} changed", harmless(&file)));
        }
    }
    Ok(ExitOutcome::of_plan(&plan))
}

/// Edits the files; gives each with the number of its lines that changed. All of them are read and edited before the first
/// is written.
fn write(plan: &Plan, environment: &ProcessEnvironment) -> Result<Vec<(String, usize)>, CliError> {
    let mut files: BTreeMap<&str, (Vec<LineEdit>, Vec<BoundLine>)> = BTreeMap::new();
    // What came over standard input is nowhere to be edited.
    for edit in plan
        .edits
        .iter()
        .filter(|edit| edit.place.file != "standard input")
    {
        files
            .entry(&edit.place.file)
            .or_default()
            .0
            .push(edit.clone());
    }
    // What was typed as an argument, and what a lock file has, is not for this file to edit.
    let is_written = |file: &&str| {
        environment.directory.join(file).is_file()
            && !plan.commands.iter().any(|it| it.file == **file)
    };
    for bound in &plan.bounds {
        let file = bound
            .place
            .as_ref()
            .map(|place| place.file.as_str())
            .or(bound.file.as_deref());
        if let Some(file) = file.filter(is_written) {
            files.entry(file).or_default().1.push(bound.clone());
        }
    }
    let mut edited: Vec<(&str, PathBuf, Vec<u8>, usize)> = Vec::new();
    for (file, (edits, bounds)) in files {
        let path = environment.directory.join(file);
        let content = std::fs::read(&path)
            .map_err(|error| CliError::caused(format!("cannot read {file} again"), error))?;
        let content = input::edit(file, &content, &edits, &bounds).map_err(|error| {
            CliError::from(error)
                .hint("nothing was written; without --write the plan says what to edit")
        })?;
        edited.push((file, path, content, edits.len() + bounds.len()));
    }
    let mut written = Vec::new();
    for (file, path, content, lines) in edited {
        std::fs::write(&path, content)
            .map_err(|error| CliError::caused(format!("cannot write {file}"), error))?;
        written.push((file.to_owned(), lines));
    }
    Ok(written)
}
