//! `environment.yml`: the requirements of its `pip` part. Conda's own packages are named as not judged.
//!
//! <https://docs.conda.io/projects/conda/en/latest/user-guide/tasks/manage-environments.html>

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::conda::not_judged;
use super::document::LinedDocument;
use super::error::InputError;
use super::requirements_txt::RequirementsTxt;
use super::{InputAdapter, InputContext, InputFile};
use crate::model::request::{PackageSources, Requests};

/// The adapter.
pub(super) struct EnvironmentYml;

impl InputAdapter for EnvironmentYml {
    fn kind(&self) -> &'static str {
        "conda-environment"
    }

    fn name(&self) -> &'static str {
        "the pip part of a conda environment (environment.yml)"
    }

    fn claims(&self, file_name: &str, _head: &[u8]) -> bool {
        let name = file_name.to_ascii_lowercase();
        let stem = name
            .strip_suffix(".yml")
            .or_else(|| name.strip_suffix(".yaml"));
        stem.is_some_and(|stem| {
            stem.starts_with("environment")
                || stem.starts_with("conda-env")
                || stem.ends_with("environment")
        })
    }

    fn read(
        &self,
        file: &InputFile,
        context: &InputContext,
        sources: PackageSources,
    ) -> Result<Requests, InputError> {
        let mut requests = Requests {
            sources,
            ..Requests::default()
        };
        let document = LinedDocument::new(file, "environment.yml")?;
        let raw: EnvironmentYmlFile = document.yaml()?;
        let mut conda = Vec::new();
        for item in raw.dependencies.unwrap_or_default() {
            match item {
                DependencyItem::Conda(text) => conda.push(text),
                DependencyItem::Pip(lines) => {
                    for line in lines {
                        let text = document.yaml_string(&line);
                        RequirementsTxt.read_line(&text, file, context, &mut requests)?;
                    }
                }
            }
        }
        let names = conda.iter().map(|text| conda_name(text)).collect();
        requests
            .problems
            .extend(not_judged(document.shown(), names));
        Ok(requests)
    }
}

#[derive(Deserialize)]
struct EnvironmentYmlFile {
    dependencies: Option<Vec<DependencyItem>>,
}

/// What stands under `dependencies`.
enum DependencyItem {
    Conda(String),
    Pip(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for DependencyItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DependencyItem, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = DependencyItem;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a package of conda, or `pip:` with requirements")
    }

    fn visit_str<E>(self, text: &str) -> Result<DependencyItem, E> {
        Ok(DependencyItem::Conda(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DependencyItem, A::Error> {
        let mut lines = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            if key != "pip" {
                return Err(serde::de::Error::custom(format!(
                    "expected `pip`, found `{key}`"
                )));
            }
            lines.extend(
                map.next_value::<Option<Vec<Spanned<String>>>>()?
                    .unwrap_or_default(),
            );
        }
        Ok(DependencyItem::Pip(lines))
    }
}

/// The name in `conda-forge::numpy>=2 py312*`.
fn conda_name(text: &str) -> &str {
    let text = text.rsplit_once("::").map_or(text, |(_, rest)| rest).trim();
    let end =
        text.find(|c: char| matches!(c, '=' | '<' | '>' | '!' | '~' | '[') || c.is_whitespace());
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}
