//! What the product says of one file of the table of truth, in the table's words.
//!
//! The file is read and judged as in a scan: its facts decide for which build it was compiled, and the import rules what
//! CPython does with it. Only its name is changed where the target would not look for it, since a file that was left
//! behind in a wheel has a truth, too.

use ungil::examine;
use ungil::import;
use ungil::model::facts::ModuleFacts;
use ungil::model::outcome::{Cause, Gil, ModuleOutcome};
use ungil::model::target::Target;

/// A row of the table.
#[derive(serde::Deserialize)]
pub(crate) struct Row {
    /// The wheel's file name; without one, the member is a path below the folder.
    pub(crate) wheel: Option<String>,
    /// `linux_x86_64` and the like.
    pub(crate) platform: String,
    /// Path inside the wheel, which names the module.
    pub(crate) member: String,
    /// Where the bytes are instead, as a path below the folder.
    pub(crate) file: Option<String>,
    /// What CPython did: `gil_used`, `gil_not_used`, `gil_abi`, `not_a_module`, or `unknown`.
    pub(crate) truth: String,
    /// What generated the module.
    pub(crate) generator: Option<String>,
}

/// What the product makes of a row.
pub(crate) struct Answer {
    /// One of the words of the table.
    pub(crate) word: &'static str,
    /// What decided, or why it is unknown.
    pub(crate) why: String,
    /// What was read.
    pub(crate) facts: Option<ModuleFacts>,
}

impl Answer {
    fn plain(word: &'static str, why: impl Into<String>) -> Answer {
        Answer {
            word,
            why: why.into(),
            facts: None,
        }
    }
}

/// The target that a row speaks of.
pub(crate) fn target(row: &Row) -> Result<Target, Box<dyn std::error::Error>> {
    let platform = match row.platform.as_str() {
        "linux_x86_64" => "linux-x86_64",
        "linux_aarch64" => "linux-aarch64",
        "macos_arm64" => "macos-arm64",
        "macos_x86_64" => "macos-x86_64",
        "win_amd64" => "windows-amd64",
        "win_arm64" => "windows-arm64",
        other => return Err(format!("unknown platform {other}").into()),
    };
    Ok(Target {
        python: format!("3.{}t", minor(row)).parse()?,
        platform: platform.parse()?,
    })
}

/// The version of CPython that was asked: 13, unless the wheel's tags say 14 or newer.
pub(crate) fn minor(row: &Row) -> u8 {
    let wheel = row.wheel.as_deref().unwrap_or_default();
    let mut tags = wheel
        .split('-')
        .filter_map(|part| part.strip_prefix("cp3")?.strip_suffix('t')?.parse().ok());
    tags.next_back().unwrap_or(13)
}

/// Last component of the name of the module that a file would be.
pub(crate) fn module_name(member: &str) -> &str {
    let (folder, file) = member.rsplit_once('/').unwrap_or(("", member));
    let stem = file.split('.').next().unwrap_or(file);
    if stem == "__init__" {
        folder.rsplit('/').next().unwrap_or(folder)
    } else {
        stem
    }
}

/// Judges a file.
pub(crate) fn judge(row: &Row, bytes: &[u8]) -> Result<Answer, Box<dyn std::error::Error>> {
    let target = target(row)?;
    let mut facts = match examine::read(&row.member, bytes) {
        Ok(Some(facts)) => facts,
        Ok(None) => return Ok(Answer::plain("not_a_module", "no object file")),
        Err(error) => return Ok(Answer::plain("unknown", error.to_string())),
    };
    let mut outcome = import::outcomes(std::slice::from_ref(&facts), target).pop();
    if outcome.is_none() {
        let path = std::mem::replace(&mut facts.path, visible(&row.member, target));
        outcome = import::outcomes(std::slice::from_ref(&facts), target).pop();
        facts.path = path;
    }
    let (word, why) = match outcome {
        Some(outcome) => (word(&outcome), outcome.reason),
        None => ("not_a_module", "no hook".to_owned()),
    };
    Ok(Answer {
        word,
        why,
        facts: Some(facts),
    })
}

/// The same path with a suffix that every interpreter of the system looks for.
fn visible(member: &str, target: Target) -> String {
    let (folder, file) = member
        .rsplit_once('/')
        .map_or(("", member), |(folder, file)| (folder, file));
    let stem = file.split('.').next().unwrap_or(file);
    let suffix = if target.platform.to_string().starts_with("windows") {
        "pyd"
    } else {
        "so"
    };
    format!("{folder}/{stem}.{suffix}")
        .trim_start_matches('/')
        .to_owned()
}

fn word(outcome: &ModuleOutcome) -> &'static str {
    match (outcome.gil, outcome.cause) {
        (Gil::NotUsed, _) => "gil_not_used",
        (Gil::Used, _) => "gil_used",
        (Gil::NotLoadable, Cause::ForeignAbi | Cause::AbiInfoMismatch) => "gil_abi",
        (Gil::NotLoadable, Cause::NoMatchingHook) => "not_a_module",
        (Gil::NotLoadable | Gil::Delegated | Gil::Unknown, _) => "unknown",
    }
}
