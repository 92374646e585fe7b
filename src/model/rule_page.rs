//! A rule's page, for formats that bring it along.

use super::finding::FindingLevel;

/// What is told of a rule to somebody who never ran ungil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePage {
    /// The rule's id.
    pub id: String,
    /// A few words for lists.
    pub title: String,
    /// How much its findings weigh.
    pub level: FindingLevel,
    /// The page, in Markdown.
    pub markdown: String,
}
