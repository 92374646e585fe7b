//! Statements, with the blocks that belong to them.

use super::expressions::PythonParser;
use super::lexer::{PythonToken, PythonTokenKind};
use super::tree::{SyntaxTree, TOKEN};

/// The tree of a file.
pub(super) fn file(text: &str, tokens: Vec<PythonToken>) -> SyntaxTree {
    let mut parser = PythonParser::new(text, tokens);
    let mut children = Vec::new();
    while parser.at < parser.tokens.len() {
        if parser.is_line_end() {
            // A block where none begins is part of what is around it.
            parser.at += 1;
        } else {
            children.push(parser.statement());
        }
    }
    let root = parser.tree.node("module", children);
    parser.tree.set_root(root);
    parser.tree
}

impl PythonParser<'_> {
    /// One statement; a line of several gives one at a time.
    fn statement(&mut self) -> usize {
        match (self.word(), self.word_at(1)) {
            ("if", _) => self.choice(),
            ("while", _) => self.loop_while(),
            ("for", _) => self.loop_for(Vec::new()),
            ("try", ":") => self.attempt(),
            ("with", _) => self.with(Vec::new()),
            ("def", _) => self.function(Vec::new()),
            ("async", "def" | "for" | "with") => {
                let before = vec![self.take(TOKEN)];
                match self.word() {
                    "def" => self.function(before),
                    "for" => self.loop_for(before),
                    _ => self.with(before),
                }
            }
            ("class", _) => self.class(),
            ("@", _) => self.decorated(),
            ("match", _) if self.is_match() => self.match_cases(),
            _ => self.simple(),
        }
    }

    /// A statement without blocks, to the end of its line or to the semicolon.
    fn simple(&mut self) -> usize {
        let id = match self.word() {
            "return" => self.with_expression("return_statement"),
            "raise" => self.with_expression("raise_statement"),
            "assert" => self.with_expression("assert_statement"),
            "break" => self.with_expression("break_statement"),
            "continue" => self.with_expression("continue_statement"),
            "import" | "from" | "global" | "nonlocal" | "del" | "pass" => {
                let children = self.flat_until(&[";"]);
                self.tree.node("other_statement", children)
            }
            _ => self.expression_statement(),
        };
        // What is left of the line belongs to no statement of any grammar.
        let mut children = vec![id];
        if !self.is_line_end() && self.word() != ";" {
            children.push(self.flat_line());
        }
        if self.word() == ";" || self.kind() == PythonTokenKind::LineEnd {
            self.at += 1;
        }
        if children.len() == 1 {
            id
        } else {
            self.tree.node("flat", children)
        }
    }

    /// `return a`, `raise a from b`, `assert a, b`
    fn with_expression(&mut self, kind: &'static str) -> usize {
        let mut children = vec![self.take(TOKEN)];
        if !self.is_line_end() && self.word() != ";" {
            children.push(self.expression());
        }
        while matches!(self.word(), "," | "from") {
            children.push(self.take(TOKEN));
            children.push(self.expression());
        }
        self.tree.node(kind, children)
    }

    fn expression_statement(&mut self) -> usize {
        let before = self.at;
        let first = self.expressions();
        let inner = match self.word() {
            "=" => self.assignment(first, None),
            ":" => {
                let mark = self.take(TOKEN);
                let declared = self.expression();
                self.assignment(first, Some([mark, declared]))
            }
            word if word.len() > 1
                && word.ends_with('=')
                && !matches!(word, "==" | "!=" | "<=" | ">=" | ":=") =>
            {
                let first = self.tree.set_field(first, "left");
                let mark = self.take(TOKEN);
                let value = self.expressions();
                let value = self.tree.set_field(value, "right");
                self.tree
                    .node("augmented_assignment", vec![first, mark, value])
            }
            _ => first,
        };
        if self.at == before && !self.is_line_end() {
            // Nothing that a statement begins with.
            return self.flat_line();
        }
        self.tree.node("expression_statement", vec![inner])
    }

    /// `a = b = c`, `a: b = c`; the last value is that of all names.
    fn assignment(&mut self, first: usize, declared: Option<[usize; 2]>) -> usize {
        let mut parts = vec![vec![first]];
        if let (Some(declared), Some(part)) = (declared, parts.last_mut()) {
            part.extend(declared);
        }
        while self.word() == "=" {
            let mark = self.take(TOKEN);
            if let Some(part) = parts.last_mut() {
                part.push(mark);
            }
            parts.push(vec![self.expressions()]);
        }
        let value = if parts.len() > 1 {
            parts.pop().unwrap_or_default().pop()
        } else {
            None
        };
        let mut right = value;
        while let Some(mut part) = parts.pop() {
            if let Some(left) = part.first() {
                self.tree.set_field(*left, "left");
            }
            part.extend(right.map(|right| self.tree.set_field(right, "right")));
            right = Some(self.tree.node("assignment", part));
        }
        right.unwrap_or(first)
    }

    /// Takes a colon and the block behind it, in this role.
    fn suite(&mut self, children: &mut Vec<usize>, field: &'static str) {
        if self.word() != ":" {
            // No block belongs to what is none of the grammar's.
            if !self.is_line_end() {
                children.push(self.flat_line());
            }
            if self.kind() == PythonTokenKind::LineEnd {
                self.at += 1;
            }
            return;
        }
        children.push(self.take(TOKEN));
        let mut statements = Vec::new();
        if self.kind() == PythonTokenKind::LineEnd {
            self.at += 1;
            if self.kind() == PythonTokenKind::BlockStart {
                self.at += 1;
                self.block_statements(&mut statements);
            }
        } else {
            // `if a: b; c`
            loop {
                statements.push(self.simple());
                let is_over = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
                let is_over = is_over.is_none_or(|token| token.kind == PythonTokenKind::LineEnd);
                if is_over || self.is_line_end() {
                    break;
                }
            }
            // `if a: b;`
            let is_open = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
            if self.kind() == PythonTokenKind::LineEnd
                && is_open.is_some_and(|it| it.kind != PythonTokenKind::LineEnd)
            {
                self.at += 1;
            }
        }
        let block = self.tree.node("block", statements);
        children.push(self.tree.set_field(block, field));
    }

    /// The statements up to the end of the block. Blocks that begin where none belongs are part of it.
    fn block_statements(&mut self, statements: &mut Vec<usize>) {
        let mut inner = 0_usize;
        while self.at < self.tokens.len() {
            match self.kind() {
                PythonTokenKind::BlockEnd if inner == 0 => {
                    self.at += 1;
                    return;
                }
                PythonTokenKind::BlockEnd => {
                    inner -= 1;
                    self.at += 1;
                }
                PythonTokenKind::BlockStart => {
                    inner += 1;
                    self.at += 1;
                }
                PythonTokenKind::LineEnd => self.at += 1,
                PythonTokenKind::Word
                | PythonTokenKind::Number
                | PythonTokenKind::Text
                | PythonTokenKind::Mark => {
                    statements.push(self.statement());
                }
            }
        }
    }

    fn choice(&mut self) -> usize {
        let mut children = vec![self.take(TOKEN)];
        self.condition(&mut children);
        self.suite(&mut children, "consequence");
        while self.word() == "elif" {
            let mut branch = vec![self.take(TOKEN)];
            self.condition(&mut branch);
            self.suite(&mut branch, "consequence");
            let branch = self.tree.node("elif_clause", branch);
            children.push(self.tree.set_field(branch, "alternative"));
        }
        self.otherwise(&mut children);
        self.tree.node("if_statement", children)
    }

    fn condition(&mut self, children: &mut Vec<usize>) {
        let condition = self.expression();
        children.push(self.tree.set_field(condition, "condition"));
    }

    fn otherwise(&mut self, children: &mut Vec<usize>) {
        if self.word() == "else" {
            let mut branch = vec![self.take(TOKEN)];
            self.suite(&mut branch, "body");
            let branch = self.tree.node("else_clause", branch);
            children.push(self.tree.set_field(branch, "alternative"));
        }
    }

    fn loop_while(&mut self) -> usize {
        let mut children = vec![self.take(TOKEN)];
        self.condition(&mut children);
        self.suite(&mut children, "body");
        self.otherwise(&mut children);
        self.tree.node("while_statement", children)
    }

    fn loop_for(&mut self, mut children: Vec<usize>) -> usize {
        children.push(self.take(TOKEN));
        let targets = self.targets();
        children.push(self.tree.set_field(targets, "left"));
        if self.word() == "in" {
            children.push(self.take(TOKEN));
            let values = self.expressions();
            children.push(self.tree.set_field(values, "right"));
        }
        self.suite(&mut children, "body");
        self.otherwise(&mut children);
        self.tree.node("for_statement", children)
    }

    fn attempt(&mut self) -> usize {
        let mut children = vec![self.take(TOKEN)];
        self.suite(&mut children, "body");
        while matches!(self.word(), "except" | "finally") {
            let kind = if self.word() == "except" {
                "except_clause"
            } else {
                "finally_clause"
            };
            let mut clause = vec![self.take(TOKEN)];
            clause.extend(self.flat_until(&[":"]));
            self.suite(&mut clause, "body");
            children.push(self.tree.node(kind, clause));
            if self.word() == "else" {
                self.otherwise(&mut children);
            }
        }
        self.tree.node("try_statement", children)
    }

    fn with(&mut self, mut children: Vec<usize>) -> usize {
        children.push(self.take(TOKEN));
        let clause = self.flat_until(&[":"]);
        children.push(self.tree.node("with_clause", clause));
        self.suite(&mut children, "body");
        self.tree.node("with_statement", children)
    }

    fn function(&mut self, mut children: Vec<usize>) -> usize {
        children.push(self.take(TOKEN));
        self.name(&mut children);
        let parameters = self.flat_until(&[":"]);
        children.push(self.tree.node("parameters", parameters));
        self.suite(&mut children, "body");
        self.tree.node("function_definition", children)
    }

    fn name(&mut self, children: &mut Vec<usize>) {
        if self.kind() == PythonTokenKind::Word {
            let name = self.take("identifier");
            children.push(self.tree.set_field(name, "name"));
        }
    }

    fn class(&mut self) -> usize {
        let mut children = vec![self.take(TOKEN)];
        self.name(&mut children);
        children.extend(self.flat_until(&["(", ":"]));
        if self.word() == "(" {
            let bases = self.arguments();
            children.push(self.tree.set_field(bases, "superclasses"));
        }
        self.suite(&mut children, "body");
        self.tree.node("class_definition", children)
    }

    fn decorated(&mut self) -> usize {
        let mut children = Vec::new();
        while self.word() == "@" {
            children.push(self.flat_line());
            while self.kind() == PythonTokenKind::LineEnd && self.at < self.tokens.len() {
                self.at += 1;
            }
        }
        let is_definition = matches!(
            (self.word(), self.word_at(1)),
            ("def" | "class", _) | ("async", "def")
        );
        if is_definition {
            children.push(self.statement());
        }
        self.tree.node("decorated_definition", children)
    }

    /// Whether the line begins a `match`, which is a name elsewhere: its first block begins with a case.
    fn is_match(&self) -> bool {
        let before = self
            .at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .map(|token| token.kind);
        let is_first = before.is_none_or(|kind| {
            matches!(
                kind,
                PythonTokenKind::LineEnd | PythonTokenKind::BlockStart | PythonTokenKind::BlockEnd
            )
        });
        if !is_first {
            return false;
        }
        let rest = self.tokens.get(self.at..).unwrap_or_default();
        let Some(end) = rest
            .iter()
            .position(|token| token.kind == PythonTokenKind::LineEnd)
        else {
            return false;
        };
        let before = end.saturating_sub(1);
        self.word_at(before) == ":"
            && rest
                .get(end + 1)
                .is_some_and(|token| token.kind == PythonTokenKind::BlockStart)
            && self.word_at(end + 2) == "case"
    }

    fn match_cases(&mut self) -> usize {
        let mut children = self.flat_until(&[":"]);
        children.push(self.take(TOKEN));
        // The end of the line, and the beginning of the block.
        self.at += 2;
        let mut cases = Vec::new();
        while self.at < self.tokens.len() && self.kind() != PythonTokenKind::BlockEnd {
            if self.is_line_end() {
                self.at += 1;
                continue;
            }
            let mut case = self.flat_until(&[":"]);
            self.suite(&mut case, "body");
            cases.push(self.tree.node("case_clause", case));
        }
        self.at += 1;
        let block = self.tree.node("block", cases);
        children.push(self.tree.set_field(block, "body"));
        self.tree.node("match_statement", children)
    }
}
