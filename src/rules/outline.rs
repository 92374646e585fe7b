//! What a rule says of itself, as a page: for rules that bring no page of their own.

use crate::model::finding::FindingLevel;

use super::raw::RuleScope;
use super::rule::CheckedRule;

impl CheckedRule {
    /// How much it weighs and what it looks at, in a few words.
    pub fn tier(&self) -> String {
        let level = match (self.level, self.verdict) {
            (FindingLevel::Decides, Some(verdict)) => format!("decides: {}", verdict.word()),
            (FindingLevel::Decides, None) => "decides".to_owned(),
            (FindingLevel::Warning, _) => "warning".to_owned(),
            (FindingLevel::Hint, _) => "hint".to_owned(),
        };
        let scope = match self.scope {
            RuleScope::Package => "of a package",
            RuleScope::Module => "of a module",
        };
        format!("{level}, {scope}")
    }
}

/// A page (Markdown) made from the rule alone.
pub fn outline(rule: &CheckedRule) -> String {
    let mut page = format!(
        "# {}: {}\n\n## What it finds\n\n{}\n",
        rule.id, rule.title, rule.message
    );
    if let Some(unknown) = &rule.unknown {
        page.push_str(&format!("\nWhere that is unknown: {unknown}\n"));
    }
    page.push_str(&format!("\n## How to fix it\n\n{}\n", rule.help));
    if let Some(alternative) = &rule.alternative {
        page.push_str(&format!("\n## What to use instead\n\n{alternative}\n"));
    }
    page
}
