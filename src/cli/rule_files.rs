//! Rule files on this machine, and what the command line makes of rules.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use ungil::model::rule_page::RulePage;
use ungil::rules::{self, LARGEST_FILE, Rule, RuleSet, Setting};

use super::args::RuleArguments;
use super::error_page::Failure;

/// The rules that count: those that ungil brings along, the user's own, and the settings of both.
pub(crate) fn settle(typed: &RuleArguments) -> Result<RuleSet, Failure> {
    let mut set = rules::builtin()?;
    for file in files(&typed.rules)? {
        set.load(&file.display().to_string(), read(&file)?)
            .map_err(|error| Failure::from(error).hint("`ungil rules test` checks rule files"))?;
    }
    let mut settings = Vec::new();
    for text in &typed.level {
        let Some((rule, word)) = text.split_once('=') else {
            let failure = Failure::new(format!("--level {text} names no level"));
            return Err(failure.hint("expected RULE=LEVEL, as in framework-declared=hint"));
        };
        settings.push((rule, word.parse::<Setting>()?));
    }
    settings.extend(typed.disable.iter().map(|rule| (rule.as_str(), Setting::Off)));
    set.adjust(settings).map_err(|error| Failure::from(error).hint("`ungil rules` lists them"))?;
    Ok(set)
}

/// The page that ungil brings along, the one that lies beside a user's rule, or one made from the rule.
pub(crate) fn page(rule: &Rule) -> String {
    let beside = || std::fs::read_to_string(Path::new(&rule.place.file).with_extension("md")).ok();
    rules::explain(&rule.id).map(str::to_owned).or_else(beside).unwrap_or_else(|| rules::outline(rule))
}

/// The pages of all rules, for formats that bring them along.
pub(crate) fn pages(set: &RuleSet) -> Vec<RulePage> {
    let page = |rule: &Rule| RulePage {
        id: rule.id.clone(),
        title: rule.title.clone(),
        level: rule.level,
        markdown: page(rule),
    };
    set.rules().iter().map(page).collect()
}

/// The rule files at these places, each a file or a folder of `.toml` files, by name.
pub(crate) fn files(places: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
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

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::caused(format!("cannot list {}", folder.display()), error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension() == Some(OsStr::new("toml")) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Failure::new(format!("{} holds no rule: no file there ends in .toml", folder.display())));
    }
    files.sort();
    Ok(files)
}

/// A rule file's bytes, no more than tell that it is too large.
pub(crate) fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error| Failure::caused(format!("cannot read the rule file {}", file.display()), error);
    let mut bytes = Vec::new();
    let most = LARGEST_FILE as u64 + 1;
    std::fs::File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}
