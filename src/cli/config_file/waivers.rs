//! The waivers of the configuration file, checked: one that names what does not exist would never be used.

use std::collections::BTreeSet;

use toml::Spanned;

use ungil::model::date::Date;
use ungil::model::gate::Waiver;
use ungil::model::target::{Platform, Python, Target};

use super::keys::WaiverKeys;
use super::{ConfigError, ConfigurationFile, nearest};

impl ConfigurationFile {
    /// All waivers, in the order in which they are written. `rules` are the ids of all rules, those turned off among them.
    pub(crate) fn waivers(&self, rules: &BTreeSet<String>) -> Result<Vec<Waiver>, ConfigError> {
        self.keys
            .waivers
            .iter()
            .map(|keys| self.waiver(keys, rules))
            .collect()
    }

    fn waiver(&self, keys: &WaiverKeys, rules: &BTreeSet<String>) -> Result<Waiver, ConfigError> {
        let wrong = |key: &'static str, word: &Spanned<String>, why: &str, expected: &str| {
            self.wrong(
                key,
                word.span(),
                format!("`{}` {why}", word.get_ref()),
                expected,
            )
        };
        let package = keys.package.get_ref().parse();
        let package = package.map_err(|_| {
            wrong(
                "package",
                &keys.package,
                "is no name of a package",
                "one such as numpy",
            )
        })?;
        let versions = keys.version.as_ref().map(|word| {
            word.get_ref().parse().map_err(|_| {
                wrong(
                    "version",
                    word,
                    "is no range of versions",
                    "one such as >=2,<3",
                )
            })
        });
        if let Some(word) = keys
            .rule
            .as_ref()
            .filter(|word| !rules.contains(word.get_ref()))
        {
            let meant = nearest(word.get_ref(), rules.iter().map(String::as_str));
            let meant = meant.map_or_else(String::new, |id| format!("; is `{id}` meant?"));
            return Err(wrong(
                "rule",
                word,
                "is no rule",
                &format!("the id of one{meant}"),
            ));
        }
        if let Some(word) = keys
            .target
            .as_ref()
            .filter(|word| !is_target(word.get_ref()))
        {
            return Err(wrong(
                "target",
                word,
                "is no target",
                "one such as cp314t-linux-x86_64, or its Python, 3.14t",
            ));
        }
        if let Some(word) = keys
            .module
            .as_ref()
            .filter(|word| word.get_ref().trim().is_empty())
        {
            return Err(wrong(
                "module",
                word,
                "is no module",
                "its dotted name, or its path in the wheel",
            ));
        }
        if keys.reason.get_ref().trim().is_empty() {
            return Err(self.wrong(
                "reason",
                keys.reason.span(),
                "nothing".into(),
                "why it was decided",
            ));
        }
        let text =
            |word: &Option<Spanned<String>>| word.as_ref().map(|word| word.get_ref().clone());
        Ok(Waiver {
            package,
            versions: versions.transpose()?.unwrap_or_default(),
            module: text(&keys.module),
            rule: text(&keys.rule),
            target: text(&keys.target),
            reason: keys.reason.get_ref().clone(),
            until: keys.until.as_ref().map(|day| self.until(day)).transpose()?,
            place: self.place(keys.package.span()),
        })
    }

    /// A day, as TOML writes days or as text.
    fn until(&self, written: &Spanned<toml::Value>) -> Result<Date, ConfigError> {
        let text = match written.get_ref() {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let wrong = |_| {
            self.wrong(
                "until",
                written.span(),
                format!("`{text}` is no day"),
                "one such as 2026-12-31",
            )
        };
        text.parse().map_err(wrong)
    }
}

/// Whether reports could name a target so, or its Python.
fn is_target(word: &str) -> bool {
    let whole = || {
        let (tag, platform) = word.split_once('-')?;
        let python = format!("3.{}", tag.strip_prefix("cp3")?)
            .parse::<Python>()
            .ok()?;
        let target = Target {
            python,
            platform: platform.parse::<Platform>().ok()?,
        };
        (target.to_string() == word).then_some(())
    };
    word.parse::<Python>().is_ok() || whole().is_some()
}
