//! The keys of the configuration file as they are written, and the JSON Schema of them, which editors read.
//!
//! The doc lines are the descriptions in the schema, `docs/ungil.schema.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

/// The configuration of ungil: `ungil.toml`, or the table `[tool.ungil]` of `pyproject.toml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[schemars(
    title = "ungil configuration",
    extend("$id" = "https://github.com/ungil/ungil/blob/main/docs/ungil.schema.json")
)]
pub(super) struct ConfigKeys {
    /// Rules of your own: files, or folders of `.toml` files. Relative paths start at the folder of this file.
    #[schemars(with = "Vec<String>")]
    pub(super) rules: Vec<Spanned<PathBuf>>,
    /// Rules that are left out.
    #[schemars(with = "Vec<String>")]
    pub(super) disable: Vec<Spanned<String>>,
    /// How much rules weigh, by their id.
    #[schemars(
        with = "BTreeMap<String, String>",
        extend("additionalProperties" = { "enum": ["off", "hint", "warning", "decides"] })
    )]
    pub(super) level: BTreeMap<String, Spanned<String>>,
    /// Pythons to judge for, such as `3.14t`; beside a free-threaded one also `3.14`, to compare with.
    #[schemars(with = "Vec<String>")]
    pub(super) python: Vec<Spanned<String>>,
    /// Platforms to judge for, such as `linux-x86_64`.
    #[schemars(with = "Vec<String>")]
    pub(super) platform: Vec<Spanned<String>>,
    /// What breaks the policy of `ungil gate`: verdicts, rules, `problem`, `waiver-expired`, `waiver-unused`.
    #[schemars(with = "Vec<String>")]
    pub(super) fail: Vec<Spanned<String>>,
    /// What leaves the gate open, so that it ends with exit code 3; the same words as for `fail`.
    #[schemars(with = "Vec<String>")]
    pub(super) open: Vec<Spanned<String>>,
    /// What passes; the same words as for `fail`.
    #[schemars(with = "Vec<String>")]
    pub(super) pass: Vec<Spanned<String>>,
    /// A report of `ungil scan --format json`: the gate fails only on what got worse since. A relative path starts at the
    /// folder of this file.
    #[schemars(with = "Option<String>")]
    pub(super) baseline: Option<Spanned<PathBuf>>,
    /// Decisions of `ungil gate` to go on in spite of something.
    pub(super) waivers: Vec<WaiverKeys>,
    /// The main index.
    #[schemars(with = "Option<String>")]
    pub(super) index_url: Option<Spanned<String>>,
    /// Further indexes.
    #[schemars(with = "Vec<String>")]
    pub(super) extra_index_url: Vec<Spanned<String>>,
    /// Folders and pages with links to files. Relative paths start at the folder of this file.
    #[schemars(with = "Vec<String>")]
    pub(super) find_links: Vec<Spanned<String>>,
    /// Whether no index is asked, only `find-links`.
    pub(super) no_index: bool,
    /// Packages of which no source distribution is taken; `:all:` for every package.
    #[schemars(with = "Vec<String>")]
    pub(super) only_binary: Vec<Spanned<String>>,
    /// Packages of which no wheel is taken; `:all:` for every package.
    #[schemars(with = "Vec<String>")]
    pub(super) no_binary: Vec<Spanned<String>>,
    /// Whether pre-releases of every package are accepted.
    pub(super) pre: bool,
    /// Whether every file of which the input pins a digest is fetched as a whole, and compared.
    pub(super) verify_hashes: bool,
    /// Seconds to wait for a connection, for an answer to begin, and for each further piece of it.
    #[schemars(range(min = 1, max = 3600))]
    pub(super) timeout: Option<u64>,
    /// Bytes per second that an answer must bring.
    pub(super) least_rate: Option<u64>,
    /// Seconds that one answer may take in all.
    #[schemars(range(min = 1, max = 86400))]
    pub(super) longest_answer: Option<u64>,
    /// Mebibytes of archives that are unpacked at once.
    #[schemars(range(min = 64, max = 1048576))]
    pub(super) memory: Option<u64>,
}

/// A decision to go on in spite of something. It covers what all its keys fit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WaiverKeys {
    /// The package.
    #[schemars(with = "String")]
    pub(super) package: Spanned<String>,
    /// Versions for which it holds, such as `>=2,<3`; all without it.
    #[schemars(with = "Option<String>")]
    pub(super) version: Option<Spanned<String>>,
    /// The module for which it holds, by its dotted name or its path in the wheel; all without it.
    #[schemars(with = "Option<String>")]
    pub(super) module: Option<Spanned<String>>,
    /// The rule for which it holds; all without it.
    #[schemars(with = "Option<String>")]
    pub(super) rule: Option<Spanned<String>>,
    /// The target for which it holds: `cp314t-linux-x86_64`, or its Python, `3.14t`; all without it.
    #[schemars(with = "Option<String>")]
    pub(super) target: Option<Spanned<String>>,
    /// Why it was decided; every report shows it.
    #[schemars(with = "String")]
    pub(super) reason: Spanned<String>,
    /// The last day on which it holds, such as 2026-12-31; for as long as it is written without it.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub(super) until: Option<Spanned<toml::Value>>,
}

/// `pyproject.toml`, as far as it is ours.
#[derive(Deserialize)]
pub(super) struct PyprojectFile {
    pub(super) tool: Option<ToolTables>,
}

#[derive(Deserialize)]
pub(super) struct ToolTables {
    pub(super) ungil: Option<ConfigKeys>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/ungil.schema.json");

    /// `UNGIL_UPDATE=1 cargo test --bin ungil` writes it.
    #[test]
    fn the_schema_for_editors_is_that_of_the_keys() {
        let made = serde_json::to_string_pretty(&schemars::schema_for!(ConfigKeys)).unwrap() + "\n";
        if std::env::var_os("UNGIL_UPDATE").is_some() {
            std::fs::write(FILE, &made).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(FILE).unwrap(),
            made,
            "UNGIL_UPDATE=1 writes it anew"
        );
    }

    #[test]
    fn every_key_has_its_line_on_the_page() {
        let page = include_str!("../../../docs/configuration.md");
        let unknown = toml::from_str::<ConfigKeys>("frobnicate = 1").unwrap_err();
        let keys: Vec<&str> = unknown.message().split('`').skip(3).step_by(2).collect();
        assert!(keys.len() > 15, "{keys:?}");
        for key in keys {
            assert!(page.contains(&format!("\n| `{key}` |")), "{key}");
        }
    }
}
