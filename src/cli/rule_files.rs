//! Rule files on this machine, and what the command line and the configuration file make of rules.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use ungil::model::rule_page::RulePage;
use ungil::rules::{self, CheckedRule, LARGEST_FILE, RuleSet, RuleSetting};

use super::args::RuleArguments;
use super::config_file::ConfigurationFile;
use super::environment::ProcessEnvironment;
use super::error_page::CliError;

/// Rules, settled.
pub(crate) struct SettledRules {
    /// Those that count.
    pub(crate) set: RuleSet,
    /// The ids of all, those turned off among them.
    pub(crate) ids: BTreeSet<String>,
}

/// The rules that count: those that ungil brings along, the user's own, and the settings of both. What was typed comes
/// after what the configuration file says, so it wins.
pub(crate) fn load(
    typed: &RuleArguments,
    configuration: &ConfigurationFile,
    environment: &ProcessEnvironment,
) -> Result<SettledRules, CliError> {
    let mut set = rules::builtin()?;
    let listed = environment
        .or_listed("UNGIL_RULES", &typed.rules)
        .into_iter()
        .map(PathBuf::from)
        .collect();
    let places = [configuration.rules(environment)?, listed].concat();
    let mut loaded = BTreeSet::new();
    for file in files(&places)? {
        // The same place may be named by both.
        if !loaded.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
            continue;
        }
        set.load(&file.display().to_string(), read(&file)?)
            .map_err(|error| CliError::from(error).hint("`ungil rules test` checks rule files"))?;
    }
    let ids = set.rules().iter().map(|rule| rule.id.clone()).collect();
    let own = settings(typed)?;
    let all: Vec<(&str, RuleSetting)> = configuration
        .settings()?
        .into_iter()
        .chain(own.iter().copied())
        .collect();
    set.adjust(all).map_err(|error| {
        let is_typed = error
            .id()
            .is_none_or(|id| own.iter().any(|(rule, _)| *rule == id));
        let configured = || error.id().and_then(|id| configuration.unfit(id, &error));
        let failure = if is_typed {
            None
        } else {
            configured().map(CliError::from)
        };
        failure
            .unwrap_or_else(|| error.into())
            .hint("`ungil rules` lists them")
    })?;
    Ok(SettledRules { set, ids })
}

/// The settings that were typed. Those that turn a rule off come last.
fn settings(typed: &RuleArguments) -> Result<Vec<(&str, RuleSetting)>, CliError> {
    let mut settings = Vec::new();
    for text in &typed.level {
        let Some((rule, word)) = text.split_once('=') else {
            let failure = CliError::new(format!("--level {text} names no level"));
            return Err(failure.hint("expected RULE=LEVEL, as in framework-declared=hint"));
        };
        settings.push((rule, word.parse()?));
    }
    settings.extend(
        typed
            .disable
            .iter()
            .map(|rule| (rule.as_str(), RuleSetting::Off)),
    );
    Ok(settings)
}

/// The page that ungil brings along, the one that lies beside a user's rule, or one made from the rule.
pub(crate) fn page(rule: &CheckedRule) -> String {
    let beside = || std::fs::read_to_string(Path::new(&rule.place.file).with_extension("md")).ok();
    rules::explain(&rule.id)
        .map(str::to_owned)
        .or_else(beside)
        .unwrap_or_else(|| rules::outline(rule))
}

/// The pages of all rules, for formats that bring them along.
pub(crate) fn pages(set: &RuleSet) -> Vec<RulePage> {
    let page = |rule: &CheckedRule| RulePage {
        id: rule.id.clone(),
        title: rule.title.clone(),
        level: rule.level,
        markdown: page(rule),
    };
    set.rules().iter().map(page).collect()
}

/// The rule files at these places, each a file or a folder of `.toml` files, by name.
pub(crate) fn files(places: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for place in places {
        if place.is_dir() {
            files.extend(files_in(place)?);
        } else {
            files.push(place.clone());
        }
    }
    Ok(files)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let failed = |error| CliError::caused(format!("cannot list {}", folder.display()), error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension() == Some(OsStr::new("toml")) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(CliError::new(format!(
            "{} holds no rule: no file there ends in .toml",
            folder.display()
        )));
    }
    files.sort();
    Ok(files)
}

/// A rule file's bytes, no more than tell that it is too large.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, CliError> {
    let failed = |error| {
        CliError::caused(
            format!("cannot read the rule file {}", file.display()),
            error,
        )
    };
    let mut bytes = Vec::new();
    let most = LARGEST_FILE as u64 + 1;
    std::fs::File::open(file)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(failed)?;
    Ok(bytes)
}
