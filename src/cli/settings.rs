//! What was typed, settled: defaults filled in, values checked, files and folders made out.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use ungil::archive::limits::ArchiveLimits;
use ungil::index::IndexSettings;
use ungil::index::settings::{CacheFreshness, TransferPace};
use ungil::input::{FilesOnDisk, GroupSelection, InputContext, SelectedNames, TypedInput};
use ungil::model::name::ExtraName;
use ungil::model::request::PackageSources;
use ungil::model::target::{PLATFORMS, Python, Target};
use ungil::resolve::DependencyMode;
use ungil::scan::{self, DigestChecks, HintMode, InstalledTargets};

use super::args::{
    CacheArguments, IndexArguments, InputKind, LookArguments, SelectionArguments, TargetArguments,
};
use super::config_file::ConfigurationFile;
use super::environment::ProcessEnvironment;
use super::error_page::CliError;
use super::index_settings::{self, ConfigFile};

/// Pythons that are judged for when none is named.
const PYTHONS: [Python; 2] = [
    Python {
        minor: 14,
        free_threaded: true,
    },
    Python {
        minor: 15,
        free_threaded: true,
    },
];
/// Fewest mebibytes that archives may take.
const LEAST_MEMORY: u64 = 64;
/// Most bytes that are read from standard input.
const LONGEST_INPUT: u64 = 8 * 1024 * 1024;

/// Every combination of Python and platform, each once, in the order typed, or else in that of the configuration file.
pub(crate) fn targets(
    typed: &TargetArguments,
    configuration: &ConfigurationFile,
    environment: &ProcessEnvironment,
) -> Result<Vec<Target>, CliError> {
    let pythons =
        first_named([typed.python.clone(), configuration.pythons()?]).unwrap_or(PYTHONS.to_vec());
    let typed_platforms = if typed.all_platforms {
        PLATFORMS.to_vec()
    } else {
        typed.platform.clone()
    };
    let platforms = match first_named([typed_platforms, configuration.platforms()?]) {
        Some(platforms) => platforms,
        None => vec![environment.platform().ok_or_else(|| {
            CliError::new("this machine's platform is not one that ungil judges")
                .hint("name one with --platform")
        })?],
    };
    if let [python, ..] = pythons[..]
        && pythons.iter().all(|python| !python.free_threaded)
    {
        let failure = CliError::new(format!(
            "Python {python} is the build with the GIL: nothing can switch it back on"
        ));
        let meant = python.free_threaded_from_here();
        return Err(failure.hint(format!(
            "did you mean --python {meant}? Beside one, it stands for comparison"
        )));
    }
    let mut targets = Vec::new();
    for python in pythons {
        for platform in &platforms {
            let target = Target {
                python,
                platform: *platform,
            };
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
    }
    Ok(targets)
}

/// The first list that names anything.
fn first_named<T>(lists: [Vec<T>; 2]) -> Option<Vec<T>> {
    lists.into_iter().find(|list| !list.is_empty())
}

/// Settings of a scan, or of a plan.
pub(crate) fn look(
    typed: &LookArguments,
    configuration: &ConfigurationFile,
    environment: &ProcessEnvironment,
) -> Result<scan::ScanSettings, CliError> {
    Ok(scan::ScanSettings {
        targets: targets(&typed.target, configuration, environment)?,
        installed: InstalledTargets {
            pythons: first_named([typed.target.python.clone(), configuration.pythons()?])
                .unwrap_or_default(),
            platforms: first_named([typed.target.platform.clone(), configuration.platforms()?])
                .unwrap_or_default(),
            host: environment.platform(),
        },
        dependencies: if typed.no_deps {
            DependencyMode::Ignore
        } else {
            DependencyMode::Follow
        },
        hints: HintMode::Hide,
        limits: limits(&typed.index, configuration),
        digests: if typed.index.verify_hashes || configuration.verify_hashes() {
            DigestChecks::Always
        } else {
            DigestChecks::WhereUnstated
        },
    })
}

/// How much is read.
fn limits(typed: &IndexArguments, configuration: &ConfigurationFile) -> ArchiveLimits {
    let limits = ArchiveLimits::default();
    match typed.memory.or(configuration.memory()) {
        Some(mebibytes) => {
            let memory_bytes = mebibytes.max(LEAST_MEMORY) << 20;
            ArchiveLimits {
                memory_bytes,
                member_bytes: limits.member_bytes.max(memory_bytes / 4 * 3),
                ..limits
            }
        }
        None => limits,
    }
}

/// How long answers are waited for; `None` for what nobody says.
fn pace(typed: &IndexArguments, configuration: &ConfigurationFile) -> [Option<u64>; 3] {
    let [timeout, least_rate, longest_answer] = configuration.pace();
    [
        typed.timeout.or(timeout),
        typed.least_rate.or(least_rate),
        typed.longest_answer.or(longest_answer),
    ]
}

/// Settings of the index client. `sources` is what the command line and the input say.
pub(crate) fn index(
    typed: &LookArguments,
    configuration: &ConfigurationFile,
    environment: &ProcessEnvironment,
    sources: &PackageSources,
) -> Result<IndexSettings, CliError> {
    let host = environment.host();
    let existing = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).ok()?;
        Some(ConfigFile { path, text })
    };
    let files = index_settings::SettingsFiles {
        pip: index_settings::config_paths(&environment.variables, &host)
            .into_iter()
            .filter_map(existing)
            .collect(),
        netrc: index_settings::netrc_paths(&environment.variables, &host)
            .into_iter()
            .find_map(existing),
    };
    let mut settings = index_settings::combine(&environment.variables, &files, sources, &host)?;
    match (typed.cache.offline, typed.cache.refresh) {
        (true, _) => settings.freshness = CacheFreshness::Offline,
        (false, true) => settings.freshness = CacheFreshness::Refresh,
        (false, false) => {}
    }
    settings.cache = cache(&typed.cache, environment);
    let [timeout, least_rate, longest_answer] = pace(&typed.index, configuration);
    let seconds = |seconds: u64| Duration::from_secs(seconds.max(1));
    settings.pace = TransferPace {
        timeout: timeout.map_or(settings.pace.timeout, seconds),
        least_rate: least_rate.unwrap_or(settings.pace.least_rate),
        longest_answer: longest_answer.map_or(settings.pace.longest_answer, seconds),
    };
    Ok(settings)
}

fn cache(typed: &CacheArguments, environment: &ProcessEnvironment) -> Option<PathBuf> {
    if typed.no_cache {
        return None;
    }
    match &typed.cache_dir {
        Some(folder) => Some(environment.directory.join(folder)),
        None => environment.cache(),
    }
}

/// What is to be read; `words` are the inputs that name nothing installed.
pub(crate) fn typed(typed: &LookArguments, words: Vec<String>) -> Vec<TypedInput> {
    let words = words.into_iter().map(|word| match typed.from {
        Some(InputKind::File(adapter)) => TypedInput::From(adapter, word),
        Some(InputKind::Installed(_)) | None => TypedInput::Word(word),
    });
    let requirements = typed
        .requirement
        .iter()
        .map(|file| TypedInput::Requirements(file.display().to_string()));
    let constraints = typed
        .constraint
        .iter()
        .map(|file| TypedInput::Constraints(file.display().to_string()));
    words.chain(requirements).chain(constraints).collect()
}

/// What reading has to know of the machine.
pub(crate) fn input_context<'a>(
    typed: &LookArguments,
    environment: &ProcessEnvironment,
    files: &'a FilesOnDisk,
) -> Result<InputContext<'a>, CliError> {
    Ok(InputContext {
        current_directory: environment.directory.clone(),
        variables: environment.variables.clone(),
        files,
        standard_input: standard_input(&typed.inputs)?,
        locale_encoding: environment.encoding(),
        selection: selection(&typed.selection)?,
    })
}

fn selection(typed: &SelectionArguments) -> Result<GroupSelection, CliError> {
    Ok(GroupSelection {
        groups: if typed.all_groups {
            SelectedNames::All
        } else {
            SelectedNames::These(labels("--group", &typed.group)?)
        },
        extras: if typed.all_extras {
            SelectedNames::All
        } else {
            SelectedNames::These(labels("--extra", &typed.extra)?)
        },
    })
}

fn labels(option: &str, typed: &[String]) -> Result<BTreeSet<ExtraName>, CliError> {
    let label = |name: &String| {
        name.parse().map_err(|error| {
            CliError::caused(
                format!("{option} {name} is no name of a group or an extra"),
                error,
            )
        })
    };
    typed.iter().map(label).collect()
}

fn standard_input(words: &[String]) -> Result<Option<Vec<u8>>, CliError> {
    if !words.iter().any(|word| word == "-") {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin()
        .lock()
        .take(LONGEST_INPUT + 1)
        .read_to_end(&mut bytes);
    read.map_err(|error| CliError::caused("cannot read standard input", error))?;
    if bytes.len() as u64 > LONGEST_INPUT {
        return Err(CliError::new(format!(
            "standard input is longer than {LONGEST_INPUT} bytes"
        )));
    }
    Ok(Some(bytes))
}
