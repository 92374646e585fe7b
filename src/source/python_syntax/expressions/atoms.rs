//! Atoms of expressions, and what may follow one: calls, subscripts, attributes.

use super::super::DEEPEST_EXPRESSION;
use super::super::lexer::PythonTokenKind;
use super::super::tree::TOKEN;
use super::PythonParser;

impl<'a> PythonParser<'a> {
    /// A value, with its attributes, calls and subscripts.
    pub(super) fn trailed(&mut self) -> usize {
        let mut left = self.atom();
        loop {
            left = match self.word() {
                "." => {
                    let object = self.tree.set_field(left, "object");
                    let mut children = vec![object, self.take(TOKEN)];
                    if self.kind() == PythonTokenKind::Word {
                        let name = self.take("identifier");
                        children.push(self.tree.set_field(name, "attribute"));
                    }
                    self.tree.node("attribute", children)
                }
                "(" => {
                    let function = self.tree.set_field(left, "function");
                    let arguments = self.arguments();
                    let arguments = self.tree.set_field(arguments, "arguments");
                    self.tree.node("call", vec![function, arguments])
                }
                "[" => self.subscript(left),
                _ => return left,
            };
        }
    }

    fn subscript(&mut self, whole: usize) -> usize {
        let whole = self.tree.set_field(whole, "value");
        let mut children = vec![whole, self.take(TOKEN)];
        let mut inner = Vec::new();
        let mut is_slice = false;
        while !self.is_line_end() && !matches!(self.word(), "]" | ")" | "}") {
            match self.word() {
                ":" => {
                    is_slice = true;
                    inner.push(self.take(TOKEN));
                }
                "," => inner.push(self.take(TOKEN)),
                _ => inner.push(self.item()),
            }
        }
        let index = match inner.as_slice() {
            [only] if !is_slice => Some(*only),
            [] => None,
            _ => Some(
                self.tree
                    .node(if is_slice { "slice" } else { "tuple" }, inner),
            ),
        };
        children.extend(index.map(|index| self.tree.set_field(index, "subscript")));
        if self.word() == "]" {
            children.push(self.take(TOKEN));
        }
        self.tree.node("subscript", children)
    }

    /// `(a, b=c, *d)`
    pub(in crate::source::python_syntax) fn arguments(&mut self) -> usize {
        let children = self.bracketed(")");
        self.tree.node("argument_list", children)
    }

    /// What stands in brackets, with these.
    fn bracketed(&mut self, end: &str) -> Vec<usize> {
        let mut children = vec![self.take(TOKEN)];
        while !self.is_line_end() && !matches!(self.word(), ")" | "]" | "}") {
            let child = match (self.word(), self.word_at(1)) {
                ("for" | "async" | "," | ":" | "if" | "in" | "=", _) => {
                    let is_targets = self.word() == "for";
                    let child = self.take(TOKEN);
                    if is_targets {
                        children.push(child);
                        self.targets()
                    } else {
                        child
                    }
                }
                (_, "=") if end == ")" && self.kind() == PythonTokenKind::Word => {
                    let name = self.take("identifier");
                    let name = self.tree.set_field(name, "name");
                    let mark = self.take(TOKEN);
                    let value = self.item();
                    let value = self.tree.set_field(value, "value");
                    self.tree.node("keyword_argument", vec![name, mark, value])
                }
                _ => self.item(),
            };
            children.push(child);
        }
        if self.word() == end {
            children.push(self.take(TOKEN));
        }
        children
    }

    /// An expression in brackets; what begins none is taken as it is.
    fn item(&mut self) -> usize {
        let before = self.at;
        let id = self.expression();
        if self.at == before && !self.is_line_end() {
            self.take(TOKEN)
        } else {
            id
        }
    }

    fn atom(&mut self) -> usize {
        match (self.kind(), self.word()) {
            (PythonTokenKind::Text, _) => {
                let mut texts = Vec::new();
                while self.kind() == PythonTokenKind::Text {
                    texts.push(self.take("string"));
                }
                match texts.as_slice() {
                    [only] => *only,
                    _ => self.tree.node("concatenated_string", texts),
                }
            }
            (PythonTokenKind::Number, word) => {
                let is_whole = !word.contains('.') && !word.ends_with(['j', 'J']);
                self.take(if is_whole { "integer" } else { "float" })
            }
            (PythonTokenKind::Word, "True") => self.take("true"),
            (PythonTokenKind::Word, "False") => self.take("false"),
            (PythonTokenKind::Word, "None") => self.take("none"),
            // Words that no expression begins with are left to whoever knows what they mean here.
            (
                PythonTokenKind::Word,
                "if" | "else" | "for" | "in" | "is" | "and" | "or" | "as" | "from",
            ) => self.tree.node("missing", Vec::new()),
            (PythonTokenKind::Word, _) => self.take("identifier"),
            (PythonTokenKind::Mark, "(" | "[" | "{") => self.display(),
            (PythonTokenKind::Mark, "...") => self.take("ellipsis"),
            _ => self.tree.node("missing", Vec::new()),
        }
    }

    /// `(a)`, `(a, b)`, `[a, b]`, `{a: b}`, comprehensions
    fn display(&mut self) -> usize {
        if self.depth >= DEEPEST_EXPRESSION {
            return self.flat_brackets();
        }
        let opening = self.word();
        let end = match opening {
            "(" => ")",
            "[" => "]",
            _ => "}",
        };
        self.depth += 1;
        let children = self.bracketed(end);
        self.depth -= 1;
        let is = |sought: &str| children.iter().any(|id| self.is_token(*id, sought));
        let named = children
            .iter()
            .filter(|id| self.tree.kind_of(**id) != TOKEN)
            .count();
        let kind = match opening {
            _ if is("for") => "comprehension",
            "(" if named == 1 && !is(",") => "parenthesized_expression",
            "(" => "tuple",
            "[" => "list",
            _ => "dictionary",
        };
        self.tree.node(kind, children)
    }

    fn flat_brackets(&mut self) -> usize {
        let mut children = Vec::new();
        let mut open = 0_usize;
        while !self.is_line_end() {
            match self.word() {
                "(" | "[" | "{" => open += 1,
                ")" | "]" | "}" => open = open.saturating_sub(1),
                _ => {}
            }
            let kind = self.leaf_kind();
            children.push(self.take(kind));
            if open == 0 {
                break;
            }
        }
        self.tree.node("flat", children)
    }
}
