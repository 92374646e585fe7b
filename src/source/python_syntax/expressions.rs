//! Expressions: one method for each rank of operators, from the loosest on.

mod atoms;

use super::DEEPEST_EXPRESSION;
use super::lexer::{PythonToken, PythonTokenKind};
use super::tree::{SyntaxTree, TOKEN};

/// Operators between arithmetic operands, with their rank: the higher, the tighter.
const ARITHMETIC: [(&str, u8); 13] = [
    ("|", 1),
    ("^", 2),
    ("&", 3),
    ("<<", 4),
    (">>", 4),
    ("+", 5),
    ("-", 5),
    ("*", 6),
    ("@", 6),
    ("/", 6),
    ("//", 6),
    ("%", 6),
    ("**", 7),
];
const COMPARISONS: [&str; 7] = ["==", "!=", "<>", "<", "<=", ">", ">="];

/// Makes a tree of tokens. Every method moves on by a token at least, or leaves that to whoever called it.
pub(super) struct PythonParser<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<PythonToken>,
    pub(super) at: usize,
    pub(super) tree: SyntaxTree,
    /// Expressions inside each other.
    depth: usize,
}

impl<'a> PythonParser<'a> {
    pub(super) fn new(text: &'a str, tokens: Vec<PythonToken>) -> PythonParser<'a> {
        PythonParser {
            text,
            tokens,
            at: 0,
            tree: SyntaxTree::default(),
            depth: 0,
        }
    }

    pub(super) fn kind(&self) -> PythonTokenKind {
        self.tokens
            .get(self.at)
            .map_or(PythonTokenKind::BlockEnd, |token| token.kind)
    }

    /// The text of the token at hand, or of one after it; empty for ends of lines and blocks.
    pub(super) fn word_at(&self, offset: usize) -> &'a str {
        let token = self.tokens.get(self.at + offset);
        let token = token.filter(|token| token.kind != PythonTokenKind::LineEnd);
        token
            .and_then(|token| self.text.get(token.range.clone()))
            .unwrap_or_default()
    }

    pub(super) fn word(&self) -> &'a str {
        self.word_at(0)
    }

    /// Whether the line, the block or the file ends here.
    pub(super) fn is_line_end(&self) -> bool {
        let kind = self.tokens.get(self.at).map(|token| token.kind);
        !matches!(
            kind,
            Some(
                PythonTokenKind::Word
                    | PythonTokenKind::Number
                    | PythonTokenKind::Text
                    | PythonTokenKind::Mark
            )
        )
    }

    /// Takes the token at hand.
    pub(super) fn take(&mut self, kind: &'static str) -> usize {
        let (range, line) = self
            .tokens
            .get(self.at)
            .map_or((0..0, 1), |token| (token.range.clone(), token.line));
        self.at += 1;
        self.tree.leaf(kind, range, line)
    }

    /// What is left of the line as a flat node.
    pub(super) fn flat_line(&mut self) -> usize {
        let mut children = Vec::new();
        while !self.is_line_end() {
            let kind = self.leaf_kind();
            children.push(self.take(kind));
        }
        self.tree.node("flat", children)
    }

    /// Tokens up to a mark or word outside of brackets, or to the end of the line.
    pub(super) fn flat_until(&mut self, ends: &[&str]) -> Vec<usize> {
        let mut children = Vec::new();
        let mut open = 0_usize;
        while !(self.is_line_end() || open == 0 && ends.contains(&self.word())) {
            match self.word() {
                "(" | "[" | "{" => open += 1,
                ")" | "]" | "}" => open = open.saturating_sub(1),
                _ => {}
            }
            let kind = self.leaf_kind();
            children.push(self.take(kind));
        }
        children
    }

    fn leaf_kind(&self) -> &'static str {
        match self.kind() {
            PythonTokenKind::Word => "identifier",
            PythonTokenKind::Number => "integer",
            PythonTokenKind::Text => "string",
            _ => TOKEN,
        }
    }

    /// One expression, or several parted by commas.
    pub(super) fn expressions(&mut self) -> usize {
        let first = self.expression();
        if self.word() != "," {
            return first;
        }
        let mut children = vec![first];
        while self.word() == "," {
            children.push(self.take(TOKEN));
            if self.is_line_end() || matches!(self.word(), "=" | ":" | ")" | "]" | "}" | "in" | ";")
            {
                break;
            }
            children.push(self.expression());
        }
        self.tree.node("expression_list", children)
    }

    /// `a if b else c`, `lambda`, `name := value`, `*a`
    pub(super) fn expression(&mut self) -> usize {
        if self.depth >= DEEPEST_EXPRESSION {
            let children = self.flat_until(&[",", ")", "]", "}", ":", "=", ";"]);
            return self.tree.node("flat", children);
        }
        self.depth += 1;
        let id = match self.word() {
            "lambda" => {
                let mut children = self.flat_until(&[":"]);
                if self.word() == ":" {
                    children.push(self.take(TOKEN));
                    children.push(self.expression());
                }
                self.tree.node("lambda", children)
            }
            "*" | "**" => {
                let children = vec![self.take(TOKEN), self.expression()];
                self.tree.node("list_splat", children)
            }
            "yield" | "await" => self.prefixed(),
            _ => self.conditional(),
        };
        self.depth -= 1;
        id
    }

    /// `await a`, `yield from a`
    fn prefixed(&mut self) -> usize {
        let mut children = vec![self.take(TOKEN)];
        if self.word() == "from" {
            children.push(self.take(TOKEN));
        }
        if !self.is_line_end() && !matches!(self.word(), ")" | "]" | "}" | "," | ";" | "=" | ":") {
            children.push(self.expressions());
        }
        self.tree.node("yield", children)
    }

    fn conditional(&mut self) -> usize {
        let first = self.disjunction();
        match self.word() {
            ":=" => {
                let first = self.tree.set_field(first, "name");
                let mark = self.take(TOKEN);
                let value = self.expression();
                let value = self.tree.set_field(value, "value");
                self.tree.node("named_expression", vec![first, mark, value])
            }
            "if" => {
                let before = self.take(TOKEN);
                let condition = self.disjunction();
                if self.word() != "else" {
                    // The condition of a comprehension.
                    return self.tree.node("filtered", vec![first, before, condition]);
                }
                let between = self.take(TOKEN);
                let last = self.expression();
                self.tree.node(
                    "conditional_expression",
                    vec![first, before, condition, between, last],
                )
            }
            _ => first,
        }
    }

    fn disjunction(&mut self) -> usize {
        self.joined("or", PythonParser::conjunction)
    }

    fn conjunction(&mut self) -> usize {
        self.joined("and", PythonParser::negation)
    }

    fn joined(&mut self, word: &str, operand: fn(&mut PythonParser<'a>) -> usize) -> usize {
        let mut left = operand(self);
        while self.word() == word {
            left = self.tree.set_field(left, "left");
            let operator = self.take(TOKEN);
            let operator = self.tree.set_field(operator, "operator");
            let right = operand(self);
            let right = self.tree.set_field(right, "right");
            left = self
                .tree
                .node("boolean_operator", vec![left, operator, right]);
        }
        left
    }

    fn negation(&mut self) -> usize {
        let mut words = Vec::new();
        while self.word() == "not" {
            words.push(self.take(TOKEN));
        }
        let mut inner = self.comparison();
        for word in words.into_iter().rev().take(DEEPEST_EXPRESSION) {
            inner = self.tree.set_field(inner, "argument");
            inner = self.tree.node("not_operator", vec![word, inner]);
        }
        inner
    }

    fn comparison(&mut self) -> usize {
        let first = self.arithmetic(0);
        let mut children = vec![first];
        loop {
            let words = match (self.word(), self.word_at(1)) {
                ("not", "in") | ("is", "not") => 2,
                ("in" | "is", _) => 1,
                (word, _) if COMPARISONS.contains(&word) => 1,
                _ => break,
            };
            for _ in 0..words {
                children.push(self.take(TOKEN));
            }
            children.push(self.arithmetic(0));
        }
        if children.len() == 1 {
            first
        } else {
            self.tree.node("comparison_operator", children)
        }
    }

    /// What stands between comparisons; the targets of a `for`.
    pub(super) fn arithmetic(&mut self, above: u8) -> usize {
        let mut left = self.sign();
        loop {
            let word = self.word();
            let Some((_, rank)) = ARITHMETIC
                .iter()
                .find(|(operator, rank)| *operator == word && *rank > above)
            else {
                return left;
            };
            let operator = self.take(TOKEN);
            let right = if *rank == 7 {
                self.sign()
            } else {
                self.arithmetic(*rank)
            };
            left = self
                .tree
                .node("binary_operator", vec![left, operator, right]);
        }
    }

    fn sign(&mut self) -> usize {
        let mut children = Vec::new();
        while matches!(self.word(), "+" | "-" | "~") {
            children.push(self.take(TOKEN));
        }
        if self.word() == "await" {
            children.push(self.take(TOKEN));
        }
        let inner = self.trailed();
        if children.is_empty() {
            return inner;
        }
        children.push(inner);
        self.tree.node("unary_operator", children)
    }

    /// The targets of a `for`, up to its `in`.
    pub(super) fn targets(&mut self) -> usize {
        let first = self.arithmetic(0);
        let mut children = vec![first];
        while self.word() == "," {
            children.push(self.take(TOKEN));
            if self.word() == "in" {
                break;
            }
            children.push(if self.word() == "*" {
                self.expression()
            } else {
                self.arithmetic(0)
            });
        }
        if children.len() == 1 {
            first
        } else {
            self.tree.node("pattern_list", children)
        }
    }

    fn is_token(&self, id: usize, sought: &str) -> bool {
        self.tree.kind_of(id) == TOKEN
            && self
                .tree
                .range_of(id)
                .is_some_and(|it| self.text.get(it) == Some(sought))
    }
}
