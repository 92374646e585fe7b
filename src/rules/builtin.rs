//! The rules that ungil brings along, one line each.

use super::{RuleError, RuleSet};

/// One rule: its id, its file and its page.
struct BuiltinRule {
    id: &'static str,
    rule: &'static str,
    page: &'static str,
}

macro_rules! rule {
    ($id:literal) => {
        BuiltinRule {
            id: $id,
            rule: include_str!(concat!("../../rules/", $id, ".toml")),
            page: include_str!(concat!("../../docs/rules/", $id, ".md")),
        }
    };
}

/// In the order in which a reader meets them: what is installed, whether it loads, what it does, what to know besides.
const BUILTIN: &[BuiltinRule] = &[
    rule!("nothing-installable"),
    rule!("python-excluded"),
    rule!("builds-from-source"),
    rule!("choice-unknown"),
    rule!("pure-fallback"),
    rule!("unread-part"),
    rule!("extension-not-found"),
    rule!("foreign-abi"),
    rule!("abi-info-mismatch"),
    rule!("unknown-slot"),
    rule!("no-matching-hook"),
    rule!("foreign-platform"),
    rule!("gil-enabled-on-import"),
    rule!("gil-undeclared"),
    rule!("gil-declaration-unreadable"),
    rule!("delegate-enables-gil"),
    rule!("delegate-not-loadable"),
    rule!("delegate-missing"),
    rule!("framework-declared"),
    rule!("single-phase-init"),
    rule!("odd-gil-value"),
    rule!("classifier-contradicted"),
    rule!("claim-disagrees"),
    rule!("stale-module"),
    rule!("stable-abi-violated"),
    rule!("abi3-not-enough"),
    rule!("borrowed-reference"),
    rule!("caller-must-lock"),
    rule!("legacy-thread-state"),
    rule!("allocator-domain"),
    rule!("uniqueness-test"),
    rule!("unguarded-static-data"),
    rule!("no-subinterpreter-slot"),
];

/// The rules that ungil brings along. The tests load them, so a release never returns the error.
pub fn builtin() -> Result<RuleSet, RuleError> {
    let mut rules = RuleSet::default();
    for builtin in BUILTIN {
        rules.load(&format!("rules/{}.toml", builtin.id), builtin.rule)?;
    }
    Ok(rules)
}

/// The page about a rule (Markdown), by its id.
pub fn explain(id: &str) -> Option<&'static str> {
    BUILTIN
        .iter()
        .find(|builtin| builtin.id == id)
        .map(|builtin| builtin.page)
}
