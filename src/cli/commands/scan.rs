//! `ungil scan`: judges everything that an installer would install, or did install.

use ungil::model::report::Report;
use ungil::report::RenderOptions;
use ungil::rules::RuleSet;
use ungil::scan::{self, HintMode, ReportBuilder};

use super::super::args::{GlobalArguments, ScanArguments};
use super::super::destination::{self, OutputDestination};
use super::super::environment::ProcessEnvironment;
use super::super::error_page::CliError;
use super::super::exit::ExitOutcome;
use super::super::{output, rule_files};
use super::look::{self, ScanInputs};

/// Runs the command.
pub(crate) fn run(
    typed: &ScanArguments,
    global: &GlobalArguments,
    environment: &ProcessEnvironment,
) -> Result<ExitOutcome, CliError> {
    let outputs = ReportOutputs::from_arguments(typed, environment)?;
    let mut look = ScanInputs::open(&typed.look, global, environment)?;
    look.settings.hints = hints(typed);
    let (report, rules) = judge(look)?;
    let report = report.finish();
    outputs.write(&report, &rules, global, environment)?;
    Ok(ExitOutcome::of_report(&report))
}

/// Whether hints were asked for.
pub(super) fn hints(typed: &ScanArguments) -> HintMode {
    if typed.hints {
        HintMode::Show
    } else {
        HintMode::Hide
    }
}

/// Judges the set; gives the rules back.
pub(super) fn judge(look: ScanInputs) -> Result<(ReportBuilder, RuleSet), CliError> {
    let ScanInputs {
        configuration,
        settings,
        rules,
        inputs,
        index,
        progress,
    } = look;
    let report =
        scan::run(&settings, &inputs, index, &rules.set, &*progress).map_err(look::failed)?;
    progress.end();
    Ok((report.configuration(configuration.file()), rules.set))
}

/// Where the report is to go.
pub(super) struct ReportOutputs {
    destinations: Vec<OutputDestination>,
    generated: Option<String>,
}

impl ReportOutputs {
    /// Settles what was typed, and finds out whether it can be written.
    pub(super) fn from_arguments(
        typed: &ScanArguments,
        environment: &ProcessEnvironment,
    ) -> Result<ReportOutputs, CliError> {
        let destinations = destination::parse(typed.format, &typed.output, &environment.directory)?;
        for file in destinations
            .iter()
            .filter_map(|destination| destination.file.as_deref())
        {
            output::check(file)?;
        }
        Ok(ReportOutputs {
            destinations,
            generated: typed.timestamp.then(|| environment.timestamp()),
        })
    }

    /// Renders all and writes all.
    pub(super) fn write(
        &self,
        report: &Report,
        rules: &RuleSet,
        global: &GlobalArguments,
        environment: &ProcessEnvironment,
    ) -> Result<(), CliError> {
        let pages = rule_files::pages(rules);
        let mut written = Vec::new();
        for destination in &self.destinations {
            let options = RenderOptions {
                width: environment.width(),
                style: output::style(global, destination.file.as_deref()),
                generated: self.generated.clone(),
                rules: pages.clone(),
                folder: Some(environment.repository().to_path_buf()),
                directory: Some(environment.directory.clone()),
            };
            written.push((
                (destination.format.render)(report, &options)?,
                destination.file.as_deref(),
            ));
        }
        // Only when all of them are made is any of them written, files first: standard output may break off.
        written.sort_by_key(|(_, file)| file.is_none());
        for (bytes, file) in written {
            output::write(&bytes, file)?;
        }
        Ok(())
    }
}
