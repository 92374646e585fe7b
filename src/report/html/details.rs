//! Everything that a report says of each package, as compact data that the script shows on demand.
//!
//! Texts repeat a great deal, so each stands once, and is meant by its number.
//!
//! ```text
//! { "texts": ["", "lxml.etree", …],
//!   "rows":  [[paths, result, …], …] }    one for each row of the table
//! result:  [target's number, verdict, reason, file, declarers, left out, findings, modules, notes]
//! note:    [label, text]
//! finding: [rule, level, certainty, message, help, module, evidence]
//! module:  [path, name, gil, reason, toolchain, evidence]
//! evidence: [[what, address], …]          the address as text, or no more than what
//! ```
//!
//! Words are numbers of texts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::finding::{Certainty, FindingLevel};

use super::super::RenderError;
use super::super::json::{EvidenceV1, SavedFinding, SavedModule, SavedReport, SavedTargetResult};
use super::super::sanitize::harmless;
use super::matrix::rows;
use super::note::LabelledNote;
use super::notes::notes;
use super::way_forward::WayForward;
use super::words::{declarer, path, seen_there};

/// Texts that stand once.
#[derive(Default)]
struct SharedTexts {
    numbers: BTreeMap<String, usize>,
    texts: Vec<String>,
}

impl SharedTexts {
    fn number(&mut self, text: String) -> usize {
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        let number = self.texts.len();
        self.texts.push(text.clone());
        self.numbers.insert(text, number);
        number
    }
}

/// The data.
pub(super) fn json(report: &SavedReport, forward: &WayForward<'_>) -> Result<String, RenderError> {
    let mut findings: BTreeMap<(&str, Option<&str>, &str), Vec<&SavedFinding>> = BTreeMap::new();
    for finding in &report.content.findings {
        let key = (
            finding.package.as_str(),
            finding.version.as_deref(),
            finding.target.as_str(),
        );
        findings.entry(key).or_default().push(finding);
    }
    let mut texts = SharedTexts::default();
    texts.number(String::new());
    let mut all: Vec<Value> = Vec::new();
    for package in rows(report) {
        let paths = package
            .required_by
            .iter()
            .map(|required_by| texts.text(&path(required_by, &package.name)));
        let mut row: Vec<Value> = vec![paths.collect()];
        for result in &package.results {
            let key = (
                package.name.as_str(),
                package.version.as_deref(),
                result.target.as_str(),
            );
            let target = report
                .content
                .targets
                .iter()
                .position(|target| *target == result.target);
            let mut parts = texts.result(
                target.unwrap_or(0),
                result,
                findings.get(&key).map_or(&[], Vec::as_slice),
            );
            parts.push(
                notes(package, result, forward)
                    .iter()
                    .map(|note| texts.note(note))
                    .collect(),
            );
            row.push(Value::Array(parts));
        }
        all.push(Value::Array(row));
    }
    Ok(serde_json::to_string(
        &json!({ "texts": texts.texts, "rows": all }),
    )?)
}

impl SharedTexts {
    fn text(&mut self, text: &str) -> usize {
        self.number(harmless(text))
    }

    fn evidence(&mut self, evidence: &[EvidenceV1]) -> Vec<Value> {
        let each = evidence.iter().map(|evidence| match &evidence.address {
            Some(address) => json!([self.text(&seen_there(evidence)), harmless(address)]),
            None => json!([self.text(&seen_there(evidence))]),
        });
        each.collect()
    }

    fn result(
        &mut self,
        target: usize,
        result: &SavedTargetResult,
        findings: &[&SavedFinding],
    ) -> Vec<Value> {
        let file = result
            .artifact
            .as_ref()
            .map_or("", |artifact| artifact.filename.as_str());
        let declarers: Vec<usize> = result
            .declared_by
            .iter()
            .map(|by| self.text(&declarer(by)))
            .collect();
        let left_out: Vec<usize> = result.left_out.iter().map(|path| self.text(path)).collect();
        let findings: Vec<Value> = findings
            .iter()
            .map(|finding| self.finding(finding))
            .collect();
        let modules: Vec<Value> = result
            .modules
            .iter()
            .map(|module| self.module(module))
            .collect();
        let words = [
            self.text(result.verdict.word()),
            self.text(&result.reason),
            self.text(file),
        ];
        let mut parts = vec![json!(target)];
        parts.extend(words.map(|word| json!(word)));
        parts.extend([
            json!(declarers),
            json!(left_out),
            json!(findings),
            json!(modules),
        ]);
        parts
    }

    fn note(&mut self, note: &LabelledNote) -> Value {
        json!([self.text(note.label), self.text(&note.text)])
    }

    fn finding(&mut self, finding: &SavedFinding) -> Value {
        let level = match finding.level {
            FindingLevel::Hint => "hint",
            FindingLevel::Warning => "warning",
            FindingLevel::Decides => "decides",
        };
        let certainty = match finding.certainty {
            Certainty::Holds => "",
            Certainty::Unknown => "unknown",
        };
        let words = [
            &finding.rule,
            level,
            certainty,
            &finding.message,
            &finding.help,
        ];
        let mut parts: Vec<Value> = words.iter().map(|word| json!(self.text(word))).collect();
        parts.push(json!(
            self.text(finding.module.as_deref().unwrap_or_default())
        ));
        // A module's evidence stands with the module.
        let seen = if finding.module.is_some() {
            Vec::new()
        } else {
            self.evidence(&finding.evidence)
        };
        parts.push(json!(seen));
        Value::Array(parts)
    }

    fn module(&mut self, module: &SavedModule) -> Value {
        let toolchain = module
            .toolchain
            .as_ref()
            .map_or_else(String::new, |toolchain| match &toolchain.version {
                Some(version) => format!("{} {version}", toolchain.generator),
                None => toolchain.generator.clone(),
            });
        let words = [
            &module.path,
            &module.module,
            &module.gil,
            &module.reason,
            &toolchain,
        ];
        let mut parts: Vec<Value> = words.iter().map(|word| json!(self.text(word))).collect();
        parts.push(json!(self.evidence(&module.evidence)));
        Value::Array(parts)
    }
}
