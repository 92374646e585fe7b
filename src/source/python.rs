//! Python build files as tokens, each with the free-threaded versions of CPython for which its statement is run; and the statements that end
//! a build: `raise`, `sys.exit`, a failing `assert`.
//!
//! Nothing is run. Conditions are answered where they ask for the version and the build (`values`); what depends on anything else may run or
//! may not. A function is taken to be called, but what ends it ends the build only where the call is seen.

mod control_flow;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::model::source::VersionReach;

use super::python_syntax::{self, SyntaxNode};
use super::token::{SourceToken, TokenContext, TokenKind};
use super::values::NamedValues;
use control_flow::{StatementExit, both, perhaps};

/// How deep blocks may nest.
const DEEPEST: usize = 100;
/// How many calls of functions are followed from one to the next.
const MOST_CALLS: usize = 4;
/// How many classes and functions are told apart.
const MOST_SCOPES: usize = 1_000;
const ALL: u8 = 0b111;

/// What a Python file says.
#[derive(Debug, Default)]
pub(super) struct PythonFile<'a> {
    pub(super) tokens: Vec<SourceToken<'a>>,
    /// Classes and functions, the outer before the inner.
    pub(super) scopes: Vec<PythonScope<'a>>,
    /// Where running the file ends with an error.
    pub(super) stops: Vec<BuildStop>,
    /// The same for each function, by what its class is made from and its name.
    pub(super) functions: BTreeMap<(&'a str, &'a str), Vec<BuildStop>>,
}

/// A class or function.
#[derive(Clone, Debug)]
pub(super) struct PythonScope<'a> {
    pub(super) name: &'a str,
    /// What a class is made from, with the parentheses; `None` for a function.
    pub(super) bases: Option<&'a str>,
    /// Its tokens.
    pub(super) tokens: Range<usize>,
}

/// A statement that ends the build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BuildStop {
    pub(super) line: u32,
    /// Where it is run.
    pub(super) reach: VersionReach,
    /// Whether a condition around it asks for the free-threaded build.
    pub(super) asks_for_build: bool,
}

/// Reads a file; `None` when it is too large or its parser gives up.
pub(super) fn read(text: &str) -> Option<PythonFile<'_>> {
    let tree = python_syntax::parse(text)?;
    let mut reader = PythonReader::new(text, NamedValues::of(&tree, text));
    reader.block(tree.root_node(), VersionReach::ALWAYS);
    Some(reader.finish())
}

/// A function, with what its class is made from.
type PythonFunction<'a> = (&'a str, &'a str);

/// Whether words ask which build of CPython it is, by CPython's names or by those that projects give to the answer.
pub(super) fn asks_for_build(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    [
        "gil_disabled",
        "gil_enabled",
        "abiflags",
        "free_thread",
        "freethread",
        "nogil",
        "no_gil",
    ]
    .iter()
    .any(|it| lower.contains(it))
}

struct PythonReader<'a, 't> {
    text: &'a str,
    values: NamedValues<'a, 't>,
    found: PythonFile<'a>,
    /// Functions that are being read, with what their classes are made from.
    inside: Vec<PythonFunction<'a>>,
    /// What the class that is being read is made from.
    bases: &'a str,
    /// Calls of functions by name, in the file itself or in a function.
    calls: Vec<(Option<PythonFunction<'a>>, &'a str, VersionReach)>,
    /// Conditions around the statement that ask for the free-threaded build.
    asking: usize,
    /// Blocks of `try` whose errors something catches.
    caught: usize,
    depth: usize,
    /// Set where the environment or the command line decides.
    place: Option<TokenContext>,
}

impl<'a, 't> PythonReader<'a, 't> {
    fn new(text: &'a str, values: NamedValues<'a, 't>) -> PythonReader<'a, 't> {
        let (inside, calls) = (Vec::new(), Vec::new());
        let found = PythonFile::default();
        PythonReader {
            text,
            values,
            found,
            inside,
            bases: "",
            calls,
            asking: 0,
            caught: 0,
            depth: 0,
            place: None,
        }
    }

    /// The statements of a block, one after the other.
    fn block(&mut self, node: SyntaxNode<'t>, outer: VersionReach) -> StatementExit {
        let mut inner = VersionReach::ALWAYS;
        self.depth += 1;
        for child in node.children() {
            let reach = both(inner, outer);
            let exit = if self.depth > DEEPEST {
                self.leaves(child, perhaps(reach));
                StatementExit::default()
            } else {
                self.statement(child, reach)
            };
            inner.possible &= !exit.always;
            inner.certain &= !exit.perhaps;
        }
        self.depth -= 1;
        StatementExit {
            always: ALL & !inner.possible,
            perhaps: ALL & !inner.certain,
        }
    }

    fn statement(&mut self, node: SyntaxNode<'t>, reach: VersionReach) -> StatementExit {
        match node.kind() {
            "if_statement" => return self.choice(node, reach),
            "try_statement" => return self.attempt(node, reach),
            "function_definition" | "class_definition" => self.definition(node, reach),
            "decorated_definition" | "with_statement" => return self.parts(node, reach),
            "block" => return self.block(node, reach),
            "for_statement" | "while_statement" | "match_statement" => {
                self.parts(node, perhaps(reach));
            }
            "return_statement" | "break_statement" | "continue_statement" => {
                self.leaves(node, reach);
                return StatementExit::CERTAIN;
            }
            "raise_statement" => {
                self.leaves(node, reach);
                self.stop(node, reach);
                return StatementExit::CERTAIN;
            }
            "assert_statement" => return self.assertion(node, reach),
            "expression_statement" => {
                self.leaves(node, reach);
                if self.is_exit(node) {
                    self.stop(node, reach);
                    return StatementExit::CERTAIN;
                }
                self.note_call(node, reach);
            }
            _ => self.leaves(node, reach),
        }
        StatementExit::default()
    }

    /// A statement with blocks that run, or may run, as the statement does.
    fn parts(&mut self, node: SyntaxNode<'t>, reach: VersionReach) -> StatementExit {
        let mut exit = StatementExit::default();
        for child in node.children() {
            match child.kind() {
                "block" | "function_definition" | "class_definition" => {
                    exit = self.statement(child, reach)
                }
                "else_clause" => drop(self.parts(child, perhaps(reach))),
                _ => self.leaves(child, reach),
            }
        }
        exit
    }

    fn definition(&mut self, node: SyntaxNode<'t>, reach: VersionReach) {
        let part = |name: &str| node.child_by_field_name(name);
        let name = part("name").map_or("", |name| self.text_of(name));
        let is_class = node.kind() == "class_definition";
        let bases = is_class.then(|| part("superclasses").map_or("", |bases| self.text_of(bases)));
        let start = self.found.tokens.len();
        let scope = self.found.scopes.len();
        if scope < MOST_SCOPES {
            self.found.scopes.push(PythonScope {
                name,
                bases,
                tokens: start..start,
            });
        }
        let outer = self.bases;
        match bases {
            Some(bases) => self.bases = bases,
            None => self.inside.push((self.bases, name)),
        }
        let caught = std::mem::take(&mut self.caught);
        for child in node.children() {
            match child.kind() {
                "block" => drop(self.block(child, reach)),
                _ => self.leaves(child, reach),
            }
        }
        self.caught = caught;
        self.bases = outer;
        if !is_class {
            self.inside.pop();
        }
        let end = self.found.tokens.len();
        if let Some(scope) = self.found.scopes.get_mut(scope) {
            scope.tokens = start..end;
        }
    }

    fn stop(&mut self, node: SyntaxNode<'t>, reach: VersionReach) {
        let reach = if self.caught > 0 || self.place.is_some() {
            perhaps(reach)
        } else {
            reach
        };
        let stop = BuildStop {
            line: node.line(),
            reach,
            asks_for_build: self.asking > 0,
        };
        match self.inside.last() {
            Some(function) => self
                .found
                .functions
                .entry(*function)
                .or_default()
                .push(stop),
            None => self.found.stops.push(stop),
        }
    }

    /// `sys.exit("…")`, and with a number but 0. `sys.exit(main())` says nothing.
    fn is_exit(&self, node: SyntaxNode<'t>) -> bool {
        let Some(call) = node.named_child(0).filter(|call| call.kind() == "call") else {
            return false;
        };
        let function = call
            .child_by_field_name("function")
            .map_or("", |function| self.text_of(function));
        let argument = call
            .child_by_field_name("arguments")
            .and_then(|arguments| arguments.named_child(0));
        let is_error = argument.is_some_and(|argument| match argument.kind() {
            "string" | "concatenated_string" => true,
            "integer" => self.text_of(argument) != "0",
            _ => false,
        });
        matches!(function, "sys.exit" | "exit" | "quit" | "os._exit") && is_error
    }

    /// `check()`
    fn note_call(&mut self, node: SyntaxNode<'t>, reach: VersionReach) {
        let function = node
            .named_child(0)
            .and_then(|call| call.child_by_field_name("function"));
        if let Some(function) = function.filter(|function| function.kind() == "identifier") {
            let reach = if self.caught > 0 || self.place.is_some() {
                perhaps(reach)
            } else {
                reach
            };
            self.calls
                .push((self.inside.last().copied(), self.text_of(function), reach));
        }
    }

    fn text_of(&self, node: SyntaxNode<'t>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    /// The tokens of a statement without blocks.
    fn leaves(&mut self, node: SyntaxNode<'t>, reach: VersionReach) {
        let place = self.place.unwrap_or(TokenContext::Code);
        let mut waiting = vec![(node, reach, place)];
        while let Some((node, reach, place)) = waiting.pop() {
            let kind = node.kind();
            if kind == "comment" {
                continue;
            }
            if kind == "string" || node.child_count() == 0 {
                self.take(node, reach, place);
                continue;
            }
            let mut children: Vec<(SyntaxNode<'t>, VersionReach, TokenContext)> =
                node.children().map(|child| (child, reach, place)).collect();
            if kind == "conditional_expression" {
                self.divide(&mut children);
            }
            waiting.extend(children.into_iter().rev());
        }
    }

    /// `a if condition else b`
    fn divide(&self, children: &mut [(SyntaxNode<'t>, VersionReach, TokenContext)]) {
        let [first, _, condition, _, last] = children else {
            return;
        };
        let answer = self.values.answer(condition.0);
        let is_choice = ["environ", "getenv", "argv"]
            .iter()
            .any(|word| self.text_of(condition.0).contains(word));
        for (part, answer) in [(first, answer), (last, answer.negated())] {
            part.1 = answer.within(part.1);
            part.2 = if is_choice {
                TokenContext::Choice
            } else {
                part.2
            };
        }
    }

    fn take(&mut self, node: SyntaxNode<'t>, reach: VersionReach, place: TokenContext) {
        let text = self.text_of(node);
        let kind = match text.chars().next() {
            None => return,
            Some(_) if node.kind() == "string" => TokenKind::Text,
            Some(first) if first.is_alphanumeric() || first == '_' => TokenKind::Word,
            Some(_) => TokenKind::Mark,
        };
        self.found.tokens.push(SourceToken {
            kind,
            text,
            line: node.line(),
            reach,
            place,
        });
    }

    /// What ends a function ends whoever calls it.
    fn finish(mut self) -> PythonFile<'a> {
        let mut calls: BTreeMap<Option<PythonFunction<'_>>, Vec<(&str, VersionReach)>> =
            BTreeMap::new();
        for (by, name, reach) in &self.calls {
            calls.entry(*by).or_default().push((*name, *reach));
        }
        let mut waiting: Vec<(&str, VersionReach, usize)> = Vec::new();
        let mut seen = BTreeSet::new();
        waiting.extend(
            calls
                .get(&None)
                .into_iter()
                .flatten()
                .map(|(name, reach)| (*name, *reach, 0)),
        );
        while let Some((name, reach, depth)) = waiting.pop() {
            let is_new =
                seen.len() < MOST_SCOPES && seen.insert((name, reach.certain, reach.possible));
            if depth > MOST_CALLS || !is_new {
                continue;
            }
            let stops = self.found.functions.get(&("", name)).into_iter().flatten();
            let stops: Vec<BuildStop> = stops
                .take(MOST_CALLS)
                .map(|stop| BuildStop {
                    reach: both(stop.reach, reach),
                    ..*stop
                })
                .collect();
            self.found.stops.extend(stops);
            let inner = calls.get(&Some(("", name))).into_iter().flatten();
            waiting.extend(
                inner
                    .take(MOST_SCOPES)
                    .map(|(inner, at)| (*inner, both(*at, reach), depth + 1)),
            );
        }
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line, and for which versions it certainly and perhaps is run.
    type Expected<'a> = &'a [(u32, u8, u8)];

    fn stops(text: &str) -> Vec<(u32, u8, u8)> {
        let found = read(text).unwrap();
        found
            .stops
            .iter()
            .map(|stop| (stop.line, stop.reach.certain, stop.reach.possible))
            .collect()
    }

    #[test]
    fn what_ends_the_build_is_known_with_where_it_does() {
        let all = 0b111;
        let called = "def f():\n    g()\ndef g():\n    if sys.version_info < (3, 15):\n        raise X\nif __name__ == '__main__':\n    f()";
        let cases: [(&str, Expected<'_>); 16] = [
            ("raise RuntimeError('no')", &[(1, all, all)]),
            (
                "if sys.version_info < (3, 14):\n    raise X",
                &[(2, 0b001, 0b001)],
            ),
            (
                "if sys.version_info >= (3, 14):\n    pass\nelse:\n    raise X",
                &[(4, 0b001, 0b001)],
            ),
            ("if sys.platform == 'x':\n    raise X", &[(2, 0, all)]),
            ("try:\n    raise X\nexcept X:\n    pass", &[(2, 0, all)]),
            ("try:\n    raise X\nfinally:\n    pass", &[(2, all, all)]),
            ("def f():\n    raise X", &[]),
            ("def f():\n    raise X\nf()", &[(2, all, all)]),
            (called, &[(5, 0b011, 0b011)]),
            ("class A:\n    def f(self):\n        raise X\n", &[]),
            ("sys.exit('no')", &[(1, all, all)]),
            ("sys.exit(main())", &[]),
            ("sys.exit(0)", &[]),
            (
                "assert sys.version_info < (3, 15), 'no'",
                &[(1, 0b100, 0b100)],
            ),
            ("for a in b:\n    raise X", &[(2, 0, all)]),
            (
                "if os.environ.get('X'):\n    raise X\nraise Y",
                &[(2, 0, all), (3, 0, all)],
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(stops(text), expected, "{text}");
        }
    }

    #[test]
    fn what_follows_a_return_is_not_run() {
        let text = "def f():\n    if get_config_var('Py_GIL_DISABLED'):\n        return\n    a\nb = c if sys.version_info < (3, 15) else d\n";
        let found = read(text).unwrap();
        let reach = |word: &str| {
            found
                .tokens
                .iter()
                .find(|it| it.text == word)
                .map(|it| (it.reach.certain, it.reach.possible))
        };
        assert_eq!(
            (reach("a"), reach("b")),
            (Some((0, 0)), Some((0b111, 0b111)))
        );
        assert_eq!(
            (reach("c"), reach("d")),
            (Some((0b011, 0b011)), Some((0b100, 0b100)))
        );
        assert!(
            read("if FREE_THREADED and x:\n    raise X")
                .unwrap()
                .stops
                .iter()
                .all(|stop| stop.asks_for_build)
        );
        assert_eq!(
            found
                .scopes
                .iter()
                .map(|scope| scope.name)
                .collect::<Vec<_>>(),
            ["f"]
        );
    }

    #[test]
    fn deep_files_do_no_harm() {
        for text in [
            "if x:\n ".repeat(3_000),
            "(".repeat(50_000),
            "x if y else ".repeat(20_000),
            "try: ".repeat(5_000),
        ] {
            let _ = read(&text);
        }
        let nested: String = (0..500)
            .map(|depth| format!("{}if x:\n", " ".repeat(depth)))
            .collect();
        let _ = read(&format!("{nested}{}pass\n", " ".repeat(500)));
    }
}
