//! Nodes by number, each with the part of the text that it stands for.

use std::ops::Range;

/// The tree of one file.
#[derive(Debug, Default)]
pub(in crate::source) struct SyntaxTree {
    nodes: Vec<NodeData>,
    root: usize,
}

#[derive(Debug)]
struct NodeData {
    kind: &'static str,
    /// What it is to its parent; empty where it has no such role.
    field: &'static str,
    range: Range<usize>,
    line: u32,
    children: Vec<usize>,
}

/// What punctuation and keywords are, which stand for nothing by themselves.
pub(super) const TOKEN: &str = "token";

/// One node of a tree.
#[derive(Clone, Copy, Debug)]
pub(in crate::source) struct SyntaxNode<'t> {
    tree: &'t SyntaxTree,
    id: usize,
}

impl SyntaxTree {
    /// Adds a token; gives its number.
    pub(super) fn leaf(&mut self, kind: &'static str, range: Range<usize>, line: u32) -> usize {
        self.nodes.push(NodeData {
            kind,
            field: "",
            range,
            line,
            children: Vec::new(),
        });
        self.nodes.len() - 1
    }

    /// Adds a node over others; gives its number. Without any it stands at the end of what was added last.
    pub(super) fn node(&mut self, kind: &'static str, children: Vec<usize>) -> usize {
        let last = self.nodes.last().map_or(0, |last| last.range.end);
        let first = children.first().and_then(|id| self.nodes.get(*id));
        let (start, line) = first.map_or((last, 1), |first| (first.range.start, first.line));
        let end = children
            .last()
            .and_then(|id| self.nodes.get(*id))
            .map_or(last, |last| last.range.end);
        self.nodes.push(NodeData {
            kind,
            field: "",
            range: start..end.max(start),
            line,
            children,
        });
        self.nodes.len() - 1
    }

    /// Says what a node is to its parent.
    pub(super) fn set_field(&mut self, id: usize, field: &'static str) -> usize {
        if let Some(node) = self.nodes.get_mut(id) {
            node.field = field;
        }
        id
    }

    /// The kind of a node by its number.
    pub(super) fn kind_of(&self, id: usize) -> &'static str {
        self.nodes.get(id).map_or(TOKEN, |node| node.kind)
    }

    /// The part of the text of a node by its number.
    pub(super) fn range_of(&self, id: usize) -> Option<Range<usize>> {
        self.nodes.get(id).map(|node| node.range.clone())
    }

    pub(super) fn set_root(&mut self, id: usize) {
        self.root = id;
    }

    /// The node that holds all others.
    pub(in crate::source) fn root_node(&self) -> SyntaxNode<'_> {
        SyntaxNode {
            tree: self,
            id: self.root,
        }
    }

    /// Every node once.
    pub(in crate::source) fn nodes(&self) -> impl Iterator<Item = SyntaxNode<'_>> {
        (0..self.nodes.len()).map(|id| SyntaxNode { tree: self, id })
    }
}

impl<'t> SyntaxNode<'t> {
    fn data(self) -> Option<&'t NodeData> {
        self.tree.nodes.get(self.id)
    }

    /// What it is, in the words of the grammar.
    pub(in crate::source) fn kind(self) -> &'static str {
        self.data().map_or(TOKEN, |data| data.kind)
    }

    /// The bytes of the file that it stands for.
    pub(in crate::source) fn byte_range(self) -> Range<usize> {
        self.data().map_or(0..0, |data| data.range.clone())
    }

    /// The line on which it begins, from 1.
    pub(in crate::source) fn line(self) -> u32 {
        self.data().map_or(1, |data| data.line)
    }

    pub(in crate::source) fn child_count(self) -> usize {
        self.data().map_or(0, |data| data.children.len())
    }

    pub(in crate::source) fn children(self) -> impl Iterator<Item = SyntaxNode<'t>> + Clone {
        let ids = self
            .data()
            .map(|data| data.children.as_slice())
            .unwrap_or_default();
        ids.iter().map(move |id| SyntaxNode {
            tree: self.tree,
            id: *id,
        })
    }

    /// Those children that are more than punctuation and keywords.
    pub(in crate::source) fn named_children(self) -> impl Iterator<Item = SyntaxNode<'t>> + Clone {
        self.children().filter(|child| child.kind() != TOKEN)
    }

    pub(in crate::source) fn named_child(self, index: usize) -> Option<SyntaxNode<'t>> {
        self.named_children().nth(index)
    }

    /// The child of this role.
    pub(in crate::source) fn child_by_field_name(self, field: &str) -> Option<SyntaxNode<'t>> {
        self.children_by_field_name(field).next()
    }

    pub(in crate::source) fn children_by_field_name(
        self,
        field: &str,
    ) -> impl Iterator<Item = SyntaxNode<'t>> {
        self.children()
            .filter(move |child| child.data().is_some_and(|data| data.field == field))
    }
}
