//! What can be typed, typed as it is: nothing here looks at the machine.

mod dashboard;
mod gate;
mod help;
mod rules;

use std::fmt;
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;

use ungil::input::{ADAPTERS, InputAdapter};
use ungil::installed::{KINDS, PathKind};
use ungil::model::inspection::Inspection;
use ungil::model::plan::Plan;
use ungil::model::report::Report;
use ungil::model::target::{InvalidTarget, Platform, Python};
use ungil::report::{FORMATS, INSPECTION_FORMATS, OutputFormat, PLAN_FORMATS};

pub(crate) use dashboard::DashboardArguments;
pub(crate) use gate::{DiffArguments, GateArguments, PolicyArguments};
pub(super) use help::after_help;
use help::{INSPECT_EXAMPLES, gate_help, plan_help, scan_help};
pub(crate) use rules::{
    ExplainArguments, RuleArguments, RuleTestArguments, RulesArguments, RulesCommand,
};

/// Tells which Python dependencies keep the GIL off on free-threaded Python, without running any of them.
#[derive(Debug, Parser)]
#[command(
    name = "ungil",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct CliArguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: CliCommand,
    /// For every command.
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
}

/// Arguments of every command.
#[derive(Debug, Args)]
pub(crate) struct GlobalArguments {
    /// When to use colours; auto heeds NO_COLOR and CLICOLOR_FORCE
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = ColourChoice::Auto)]
    pub(crate) color: ColourChoice,
    /// Show no progress
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// When colours are used; `Auto` on a terminal unless `NO_COLOR` is set, or when `CLICOLOR_FORCE` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColourChoice {
    Auto,
    Always,
    Never,
}

impl ColourChoice {
    /// The same in the words of the stream crate.
    pub(crate) fn choice(self) -> anstream::ColorChoice {
        match self {
            ColourChoice::Auto => anstream::ColorChoice::Auto,
            ColourChoice::Always => anstream::ColorChoice::Always,
            ColourChoice::Never => anstream::ColorChoice::Never,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Judge everything that an installer would install, or did install
    Scan(Box<ScanArguments>),
    /// Judge as `scan` does, by a policy, with an exit code that continuous integration can trust
    #[command(after_help = gate_help())]
    Gate(Box<GateArguments>),
    /// Tell what changed between two reports
    Diff(DiffArguments),
    /// Tell which versions are ready, what to change, in which order, and what stays in the way
    Plan(Box<PlanArguments>),
    /// Show all that wheels, source distributions and compiled files say of themselves
    Inspect(InspectArguments),
    /// Make a page of saved reports for those who decide
    Dashboard(DashboardArguments),
    /// List the rules, or run the examples of rule files
    Rules(RulesArguments),
    /// Show the page about a rule
    Explain(ExplainArguments),
    /// Print what a shell needs to complete the command line
    Completions(CompletionsArguments),
    /// Print the manual page, for `man -l -`
    Man,
}

/// Arguments of `scan`.
#[derive(Debug, Args)]
#[command(after_help = scan_help())]
pub(crate) struct ScanArguments {
    /// What to look at, and how.
    #[command(flatten)]
    pub(crate) look: LookArguments,
    /// Report hints for maintainers too; they change no verdict
    #[arg(long, help_heading = "Rules")]
    pub(crate) hints: bool,
    /// Format of what goes to standard output, or to an --output FILE that names none; formats below [default: table]
    #[arg(long, value_name = "FORMAT", value_parser = formats(FORMATS), hide_possible_values = true, help_heading = "Output")]
    pub(crate) format: Option<&'static OutputFormat<Report>>,
    /// Write this format to this file, `-` being standard output; may be repeated. FILE alone takes the format of --format
    #[arg(long, short, value_name = "[FORMAT=]FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) output: Vec<String>,
    /// State the time in outputs that have a field for it
    #[arg(long, help_heading = "Output")]
    pub(crate) timestamp: bool,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = plan_help())]
pub(crate) struct PlanArguments {
    /// What to look at, and how.
    #[command(flatten)]
    pub(crate) look: LookArguments,
    /// Edit the requirements files: new versions, and new digests where the lines have some
    #[arg(long)]
    pub(crate) write: bool,
    /// Output format.
    #[arg(
        long,
        value_name = "FORMAT",
        help = format_help(PLAN_FORMATS),
        value_parser = formats(PLAN_FORMATS),
        default_value = "text",
        help_heading = "Output"
    )]
    pub(crate) format: &'static OutputFormat<Plan>,
    /// State the time in the output (json)
    #[arg(long, help_heading = "Output")]
    pub(crate) timestamp: bool,
    /// Where the output goes.
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// What to look at, and how: the same for every command that looks at a set of packages.
#[derive(Debug, Args)]
pub(crate) struct LookArguments {
    /// Files and folders (kinds below), wheels, or requirements such as `numpy==2.5.5`; `-` reads requirements from
    /// standard input
    #[arg(value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    pub(crate) inputs: Vec<String>,
    /// A requirements file, as pip has it
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) requirement: Vec<PathBuf>,
    /// A constraints file, as pip has it
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) constraint: Vec<PathBuf>,
    /// Scan what this Python has installed; it is run, to ask it where; may be repeated
    #[arg(long, value_name = "PYTHON", value_hint = ValueHint::ExecutablePath)]
    pub(crate) interpreter: Vec<PathBuf>,
    /// Scan every environment in this folder, the unpacked root of a container; may be repeated
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) root: Vec<PathBuf>,
    /// Read every INPUT as one of this kind, whatever its name; kinds below
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    pub(crate) from: Option<InputKind>,
    /// Scan only what is named, not what that requires
    #[arg(long)]
    pub(crate) no_deps: bool,
    /// What is scanned of projects and lock files.
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
    /// What to judge for.
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// What is made of rules.
    #[command(flatten)]
    pub(crate) rules: RuleArguments,
    /// The configuration file.
    #[command(flatten)]
    pub(crate) config: ConfigArguments,
    /// Where files come from.
    #[command(flatten)]
    pub(crate) index: IndexArguments,
    /// The cache.
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

/// What is scanned of projects and lock files, beside the project's own dependencies.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub(crate) struct SelectionArguments {
    /// Scan this dependency group too; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Vec<String>,
    /// Scan every dependency group
    #[arg(long, conflicts_with = "group")]
    pub(crate) all_groups: bool,
    /// Scan this extra of the project too; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) extra: Vec<String>,
    /// Scan every extra of the project
    #[arg(long, conflicts_with = "extra")]
    pub(crate) all_extras: bool,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
#[command(after_help = INSPECT_EXAMPLES)]
pub(crate) struct InspectArguments {
    /// Wheels, source distributions and compiled files (.whl, .tar.gz, .so, .pyd, .dylib)
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// Tell how each import hook was followed: calls, branches on unknowns, what was read at the end
    #[arg(long)]
    pub(crate) explain: bool,
    /// What to judge for.
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Output format.
    #[arg(
        long,
        value_name = "FORMAT",
        help = format_help(INSPECTION_FORMATS),
        value_parser = formats(INSPECTION_FORMATS),
        default_value = "text",
        help_heading = "Output"
    )]
    pub(crate) format: &'static OutputFormat<Inspection>,
    /// Where the output goes.
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// The configuration file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigArguments {
    /// Configuration file [default: ungil.toml, or pyproject.toml with [tool.ungil], here or in a folder above]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "no_config")]
    pub(crate) config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long)]
    pub(crate) no_config: bool,
    /// The configuration file of whoever checks this: policy, waivers, baseline, rules and indexes come from it and from the
    /// command line alone, whatever files of the project and requirements files say
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["config", "no_config"])]
    pub(crate) trusted_config: Option<PathBuf>,
}

/// What to judge for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target")]
pub(crate) struct TargetArguments {
    /// Free-threaded Python, such as 3.14t, and beside one also a Python with the GIL, such as 3.14, to compare with; may
    /// be repeated [default: 3.14t and 3.15t; for what is installed, its own]
    #[arg(long, value_name = "VERSION", value_parser = python)]
    pub(crate) python: Vec<Python>,
    /// Platform, such as linux-x86_64 or macos-arm64; may be repeated [default: this machine's]
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) platform: Vec<Platform>,
    /// Judge for every platform: Linux (glibc, musl), macOS and Windows, on x86-64 and arm64
    #[arg(long, conflicts_with = "platform")]
    pub(crate) all_platforms: bool,
}

/// Where files come from, with pip's names. Values stay text until they are settled, so that no message of the parser
/// repeats a password.
#[derive(Debug, Args)]
#[command(next_help_heading = "Index")]
pub(crate) struct IndexArguments {
    /// The main index
    #[arg(long, short, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) index_url: Option<String>,
    /// A further index; may be repeated
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) extra_index_url: Vec<String>,
    /// A folder or page with links to files; may be repeated
    #[arg(long, short, value_name = "PATH_OR_URL")]
    pub(crate) find_links: Vec<String>,
    /// Ask no index, only --find-links
    #[arg(long)]
    pub(crate) no_index: bool,
    /// Take no source distributions of these packages; `:all:` for every package
    #[arg(long, value_name = "NAMES")]
    pub(crate) only_binary: Vec<String>,
    /// Take no wheels of these packages; `:all:` for every package
    #[arg(long, value_name = "NAMES")]
    pub(crate) no_binary: Vec<String>,
    /// Accept pre-releases of every package
    #[arg(long)]
    pub(crate) pre: bool,
    /// Fetch every file of which the input pins a digest as a whole, and compare it
    #[arg(long)]
    pub(crate) verify_hashes: bool,
    /// Seconds to wait for a connection, for an answer to begin, and for each further piece of it [default: 8]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: Option<u64>,
    /// Bytes per second that an answer must bring [default: 1024]
    #[arg(long, value_name = "BYTES")]
    pub(crate) least_rate: Option<u64>,
    /// Seconds that one answer may take in all [default: 1800]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) longest_answer: Option<u64>,
    /// Mebibytes of archives that are unpacked at once, over all that are read at the same time [default: 1024]
    #[arg(long, value_name = "MEBIBYTES", value_parser = clap::value_parser!(u64).range(64..=1_048_576))]
    pub(crate) memory: Option<u64>,
}

/// The cache.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct CacheArguments {
    /// Use only what is in the cache, no network
    #[arg(long, conflicts_with = "refresh")]
    pub(crate) offline: bool,
    /// Ask again for everything in the cache
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Folder of the cache [env: UNGIL_CACHE_DIR]
    #[arg(long, value_name = "FOLDER", env = "UNGIL_CACHE_DIR", hide_env = true, value_hint = ValueHint::DirPath)]
    pub(crate) cache_dir: Option<PathBuf>,
    /// Keep nothing on disk
    #[arg(long, conflicts_with = "offline")]
    pub(crate) no_cache: bool,
}

/// Where the output goes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

fn python(word: &str) -> Result<Python, String> {
    let is_program = word.starts_with("python") || word.contains(['/', std::path::MAIN_SEPARATOR]);
    word.parse().map_err(|error: InvalidTarget| match is_program {
        true => format!("{error}; what a Python has installed is scanned by `ungil scan --interpreter {word}`"),
        false => error.to_string(),
    })
}

/// Reads the name of a format.
fn formats<Subject: 'static>(
    formats: &'static [OutputFormat<Subject>],
) -> impl TypedValueParser<Value = &'static OutputFormat<Subject>> {
    let names =
        PossibleValuesParser::new(formats.iter().map(|format| PossibleValue::new(format.name)));
    names.try_map(|word| {
        formats
            .iter()
            .find(|format| format.name == word)
            .ok_or("is no format")
    })
}

fn format_help<Subject>(formats: &[OutputFormat<Subject>]) -> String {
    let lines: Vec<String> = formats
        .iter()
        .map(|format| format!("{} {}", format.name, format.description))
        .collect();
    format!("Output format: {}", lines.join("; "))
}

/// A kind of input, as `--from` names it.
#[derive(Clone, Copy)]
pub(crate) enum InputKind {
    /// A file that an adapter reads.
    File(&'static dyn InputAdapter),
    /// Something that is installed, or lies ready to be.
    Installed(PathKind),
}

impl InputKind {
    fn all() -> impl Iterator<Item = InputKind> {
        let files = ADAPTERS.iter().map(|adapter| InputKind::File(*adapter));
        files.chain(KINDS.iter().map(|kind| InputKind::Installed(*kind)))
    }

    fn word(self) -> &'static str {
        match self {
            InputKind::File(adapter) => adapter.kind(),
            InputKind::Installed(kind) => kind.word(),
        }
    }
}

impl fmt::Debug for InputKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// Reads the word of a kind of input.
fn kinds() -> impl TypedValueParser<Value = InputKind> {
    let words =
        PossibleValuesParser::new(InputKind::all().map(|kind| PossibleValue::new(kind.word())));
    words.try_map(|word| {
        InputKind::all()
            .find(|kind| kind.word() == word)
            .ok_or("is no kind of input")
    })
}
