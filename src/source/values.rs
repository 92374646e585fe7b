//! Values of Python expressions that ask for the version, the build and the implementation of the interpreter, for each free-threaded
//! version of CPython. Everything else is unknown: the environment, the platform, what a library answers.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::model::source::VersionReach;

use super::conditions::ConditionAnswer;
use super::python_syntax::{SyntaxNode, SyntaxTree};

/// The build's own word for what it is: <https://docs.python.org/3/howto/free-threading-python.html>
const GIL_DISABLED: &str = "Py_GIL_DISABLED";
/// How many nodes are looked at for one condition.
const FUEL: u32 = 100;
/// How deep expressions and names may lead.
const DEEPEST: usize = 24;
/// How many items of a tuple are looked at, with the commas between them.
const MOST_ITEMS: usize = 100;
/// How much of what a name stands for is searched for words, in bytes.
const LONGEST: usize = 2_000;

/// A value; `None` in a tuple is an item of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PythonValue {
    Nothing,
    Bool(bool),
    Int(i64),
    Text(String),
    Tuple(Vec<Option<PythonValue>>),
}

impl PythonValue {
    fn is_true(&self) -> bool {
        match self {
            PythonValue::Nothing => false,
            PythonValue::Bool(value) => *value,
            PythonValue::Int(value) => *value != 0,
            PythonValue::Text(text) => !text.is_empty(),
            PythonValue::Tuple(items) => !items.is_empty(),
        }
    }

    fn number(&self) -> Option<i64> {
        match self {
            PythonValue::Bool(value) => Some(i64::from(*value)),
            PythonValue::Int(value) => Some(*value),
            PythonValue::Nothing | PythonValue::Text(_) | PythonValue::Tuple(_) => None,
        }
    }
}

/// What names of a file stand for.
pub(super) struct NamedValues<'a, 't> {
    text: &'a str,
    /// Names that get a value once, and functions that do nothing but return one; `None` for the others.
    names: BTreeMap<&'a str, Option<SyntaxNode<'t>>>,
    fuel: Cell<u32>,
}

impl<'a, 't> NamedValues<'a, 't> {
    pub(super) fn of(tree: &'t SyntaxTree, text: &'a str) -> NamedValues<'a, 't> {
        let mut values = NamedValues {
            text,
            names: BTreeMap::new(),
            fuel: Cell::new(0),
        };
        for node in tree.nodes() {
            values.note(node);
        }
        values
    }

    fn note(&mut self, node: SyntaxNode<'t>) {
        let (name, value) = match node.kind() {
            "assignment" => (
                node.child_by_field_name("left"),
                node.child_by_field_name("right"),
            ),
            "augmented_assignment" | "for_statement" | "named_expression" => (
                node.child_by_field_name("left")
                    .or(node.child_by_field_name("name")),
                None,
            ),
            "function_definition" => (node.child_by_field_name("name"), returned(node)),
            _ => return,
        };
        let Some(name) = name
            .filter(|name| name.kind() == "identifier")
            .and_then(|name| self.text.get(name.byte_range()))
        else {
            return;
        };
        self.names
            .entry(name)
            .and_modify(|known| *known = None)
            .or_insert(value);
    }

    /// For which versions a condition holds, and for which it does not.
    pub(super) fn answer(&self, condition: SyntaxNode<'t>) -> ConditionAnswer {
        let mut answer = ConditionAnswer::UNKNOWN;
        for minor in [13, 14, 15] {
            self.fuel.set(FUEL);
            match self.value(condition, minor, 0).map(|value| value.is_true()) {
                Some(true) => answer.holds |= VersionReach::bit(minor),
                Some(false) => answer.fails |= VersionReach::bit(minor),
                None => {}
            }
        }
        answer
    }

    /// Whether a condition, or what a name in it stands for, has words that pass the test.
    pub(super) fn mentions(&self, condition: SyntaxNode<'t>, test: fn(&str) -> bool) -> bool {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let text = self.text_of(condition);
        let beginning = |text: &'a str| {
            text.get(..text.floor_char_boundary(LONGEST))
                .unwrap_or(text)
        };
        let of_name = |word: &str| self.names.get(word).copied().flatten();
        let meant =
            |word: &str| of_name(word).is_some_and(|node| test(beginning(self.text_of(node))));
        test(text)
            || text
                .split(|letter| !is_word(letter))
                .take(FUEL as usize)
                .any(meant)
    }

    fn text_of(&self, node: SyntaxNode<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn value(&self, node: SyntaxNode<'t>, minor: u8, depth: usize) -> Option<PythonValue> {
        let fuel = self.fuel.get().checked_sub(1)?;
        self.fuel.set(fuel);
        if depth > DEEPEST {
            return None;
        }
        let value = |node: SyntaxNode<'t>| self.value(node, minor, depth + 1);
        let field = |name: &str| node.child_by_field_name(name);
        match node.kind() {
            "parenthesized_expression" => value(node.named_child(0)?),
            "true" => Some(PythonValue::Bool(true)),
            "false" => Some(PythonValue::Bool(false)),
            "none" => Some(PythonValue::Nothing),
            "integer" => integer(self.text_of(node)).map(PythonValue::Int),
            "string" => plain_text(self.text_of(node)).map(PythonValue::Text),
            "tuple" | "list" => {
                if node.child_count() > MOST_ITEMS {
                    return None;
                }
                Some(PythonValue::Tuple(
                    node.named_children().map(value).collect(),
                ))
            }
            "not_operator" => Some(PythonValue::Bool(!value(field("argument")?)?.is_true())),
            "boolean_operator" => joined(
                self.text_of(field("operator")?),
                value(field("left")?),
                value(field("right")?),
            ),
            "comparison_operator" => {
                let (left, right) = (node.named_child(0)?, node.named_child(1)?);
                if node.named_children().count() != 2 {
                    return None;
                }
                let operator = self
                    .text
                    .get(left.byte_range().end..right.byte_range().start)?
                    .split_whitespace()
                    .collect::<Vec<_>>();
                compared(&value(left)?, &operator.join(" "), &value(right)?)
            }
            "conditional_expression" => {
                let is_first = value(node.named_child(1)?)?.is_true();
                value(node.named_child(if is_first { 0 } else { 2 })?)
            }
            "subscript" => self.subscript(node, minor, depth),
            "call" => self.call(node, minor, depth),
            "identifier" | "attribute" => known(self.text_of(node), minor)
                .or_else(|| self.named(self.text_of(node), minor, depth)),
            _ => None,
        }
    }

    /// What a name of the file stands for.
    fn named(&self, name: &str, minor: u8, depth: usize) -> Option<PythonValue> {
        self.value((*self.names.get(name)?)?, minor, depth + 1)
    }

    fn subscript(&self, node: SyntaxNode<'t>, minor: u8, depth: usize) -> Option<PythonValue> {
        let (whole, index) = (
            node.child_by_field_name("value")?,
            node.child_by_field_name("subscript")?,
        );
        if self.text_of(whole).ends_with("get_config_vars()")
            && self.text_of(index).contains(GIL_DISABLED)
        {
            return Some(PythonValue::Int(1));
        }
        let value = self.value(whole, minor, depth + 1)?;
        let PythonValue::Tuple(items) = value else {
            return None;
        };
        if index.kind() == "slice" {
            let end = self
                .text_of(index)
                .strip_prefix(':')
                .and_then(|end| end.trim().parse::<usize>().ok())?;
            return Some(PythonValue::Tuple(items.into_iter().take(end).collect()));
        }
        let PythonValue::Int(index) = self.value(index, minor, depth + 1)? else {
            return None;
        };
        items.into_iter().nth(usize::try_from(index).ok()?)?
    }

    fn call(&self, node: SyntaxNode<'t>, minor: u8, depth: usize) -> Option<PythonValue> {
        let function = node.child_by_field_name("function")?;
        let arguments = node.child_by_field_name("arguments")?;
        let argument = |index: usize| self.value(arguments.named_child(index)?, minor, depth + 1);
        let name = self.text_of(function);
        let text = |index: usize| match argument(index) {
            Some(PythonValue::Text(text)) => text,
            _ => String::new(),
        };
        let is_sys = arguments
            .named_child(0)
            .is_some_and(|first| self.text_of(first) == "sys");
        match name.rsplit('.').next()? {
            "get_config_var" if text(0) == GIL_DISABLED => Some(PythonValue::Int(1)),
            "get" if name.ends_with("get_config_vars().get") && text(0) == GIL_DISABLED => {
                Some(PythonValue::Int(1))
            }
            "get_config_var" if text(0) == "Py_DEBUG" => Some(PythonValue::Int(0)),
            "python_implementation" => Some(PythonValue::Text("CPython".to_owned())),
            "bool" => Some(PythonValue::Bool(argument(0)?.is_true())),
            "int" => argument(0)?.number().map(PythonValue::Int),
            "getattr" if is_sys && text(1) == "abiflags" => Some(PythonValue::Text("t".to_owned())),
            "hasattr" if is_sys => match text(1).as_str() {
                "gettotalrefcount" | "pypy_version_info" | "pypy_translation_info" => {
                    Some(PythonValue::Bool(false))
                }
                "_is_gil_enabled" => Some(PythonValue::Bool(true)),
                _ => None,
            },
            "lower" => {
                match self.value(function.child_by_field_name("object")?, minor, depth + 1)? {
                    PythonValue::Text(text) => Some(PythonValue::Text(text.to_ascii_lowercase())),
                    _ => None,
                }
            }
            // The tag of a compiled wheel's interpreter.
            "startswith" if text(0) == "cp" => Some(PythonValue::Bool(true)),
            _ if function.kind() == "identifier" => self.named(name, minor, depth),
            _ => None,
        }
    }
}

/// What a function returns that does nothing else.
fn returned<'t>(function: SyntaxNode<'t>) -> Option<SyntaxNode<'t>> {
    let body = function.child_by_field_name("body")?;
    let mut statements = body.named_children().filter(|statement| {
        let is_text = statement.kind() == "expression_statement"
            && statement
                .named_child(0)
                .is_some_and(|inner| inner.kind() == "string");
        statement.kind() != "comment" && !is_text
    });
    let first = statements.next()?;
    let is_one = statements.next().is_none() && first.kind() == "return_statement";
    if is_one { first.named_child(0) } else { None }
}

/// What the names of the standard library stand for.
fn known(name: &str, minor: u8) -> Option<PythonValue> {
    let minor = i64::from(minor);
    Some(match name {
        "sys.version_info" | "version_info" => PythonValue::Tuple(vec![
            Some(PythonValue::Int(3)),
            Some(PythonValue::Int(minor)),
            None,
        ]),
        "sys.version_info.major" => PythonValue::Int(3),
        "sys.version_info.minor" => PythonValue::Int(minor),
        "sys.abiflags" => PythonValue::Text("t".to_owned()),
        "sys.implementation.name" => PythonValue::Text("cpython".to_owned()),
        "__name__" => PythonValue::Text("__main__".to_owned()),
        "TYPE_CHECKING" | "typing.TYPE_CHECKING" => PythonValue::Bool(false),
        _ => return None,
    })
}

fn integer(text: &str) -> Option<i64> {
    let text = text.replace('_', "");
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A string without prefix and escapes.
fn plain_text(text: &str) -> Option<String> {
    let quote = text
        .chars()
        .next()
        .filter(|quote| matches!(quote, '"' | '\''))?;
    let inner = text
        .strip_prefix(quote)?
        .strip_suffix(quote)
        .filter(|inner| inner.len() <= LONGEST)?;
    (!inner.contains(['\\', quote])).then(|| inner.to_owned())
}

fn joined(
    operator: &str,
    left: Option<PythonValue>,
    right: Option<PythonValue>,
) -> Option<PythonValue> {
    let is_and = operator == "and";
    let decides = |value: &PythonValue| value.is_true() != is_and;
    match (left, right) {
        (Some(left), _) if decides(&left) => Some(left),
        (Some(_), right) => right,
        (None, Some(right)) if decides(&right) => Some(PythonValue::Bool(!is_and)),
        (None, _) => None,
    }
}

fn compared(left: &PythonValue, operator: &str, right: &PythonValue) -> Option<PythonValue> {
    let is = match operator {
        "==" | "is" => equal(left, right)?,
        "!=" | "is not" => !equal(left, right)?,
        "in" => contains(right, left)?,
        "not in" => !contains(right, left)?,
        "<" => order(left, right)?.is_lt(),
        "<=" => order(left, right)?.is_le(),
        ">" => order(left, right)?.is_gt(),
        ">=" => order(left, right)?.is_ge(),
        _ => return None,
    };
    Some(PythonValue::Bool(is))
}

fn equal(left: &PythonValue, right: &PythonValue) -> Option<bool> {
    match (left, right) {
        (PythonValue::Text(left), PythonValue::Text(right)) => Some(left == right),
        (PythonValue::Tuple(_), PythonValue::Tuple(_)) => order(left, right).map(Ordering::is_eq),
        _ => match (left.number(), right.number()) {
            (Some(left), Some(right)) => Some(left == right),
            _ => Some(left == right),
        },
    }
}

fn contains(whole: &PythonValue, part: &PythonValue) -> Option<bool> {
    match (whole, part) {
        (PythonValue::Text(whole), PythonValue::Text(part)) => Some(whole.contains(part.as_str())),
        (PythonValue::Tuple(items), part) => {
            let found: Option<Vec<bool>> = items
                .iter()
                .map(|item| equal(item.as_ref()?, part))
                .collect();
            found.map(|found| found.contains(&true))
        }
        _ => None,
    }
}

fn order(left: &PythonValue, right: &PythonValue) -> Option<Ordering> {
    let (PythonValue::Tuple(lefts), PythonValue::Tuple(rights)) = (left, right) else {
        return Some(left.number()?.cmp(&right.number()?));
    };
    for (left, right) in lefts.iter().zip(rights) {
        let (left, right) = (left.as_ref()?, right.as_ref()?);
        match order(left, right)? {
            Ordering::Equal => {}
            different => return Some(different),
        }
    }
    Some(lefts.len().cmp(&rights.len()))
}

#[cfg(test)]
mod tests {
    use super::super::python_syntax::parse;
    use super::*;

    #[test]
    fn conditions_about_the_interpreter_are_answered() {
        let (all, none) = (0b111, 0);
        let cases = [
            ("sysconfig.get_config_var('Py_GIL_DISABLED')", all, none),
            ("not get_config_var('Py_GIL_DISABLED')", none, all),
            (
                "bool(sysconfig.get_config_vars().get('Py_GIL_DISABLED', 0)) is True",
                all,
                none,
            ),
            (
                "sysconfig.get_config_vars()['Py_GIL_DISABLED'] == 1",
                all,
                none,
            ),
            ("sys.version_info < (3, 14)", 0b001, 0b110),
            ("sys.version_info[:2] == (3, 14)", 0b010, 0b101),
            ("sys.version_info >= (3, 14, 1)", 0b100, 0b001),
            (
                "sys.version_info.minor > 13 and sys.version_info[0] == 3",
                0b110,
                0b001,
            ),
            ("platform.python_implementation() == 'CPython'", all, none),
            ("sys.implementation.name != 'cpython'", none, all),
            ("'t' in getattr(sys, 'abiflags', '')", all, none),
            ("FREE and sys.version_info < (3, 15)", 0b011, 0b100),
            ("is_free()", all, none),
            ("TWICE", none, none),
            ("os.environ.get('Py_GIL_DISABLED')", none, none),
            ("os.environ.get('X') and not FREE", none, all),
            ("sys.platform == 'win32'", none, none),
            ("1 < sys.version_info.minor < 20", none, none),
            ("python.startswith('cp') and not FREE", none, all),
        ];
        let before = "FREE = bool(get_config_var('Py_GIL_DISABLED'))\nTWICE = 1\nTWICE = 0\n\
                      def is_free():\n    'Whether.'\n    return FREE\n";
        for (condition, holds, fails) in cases {
            let text = format!("{before}if {condition}:\n    pass\n");
            let tree = parse(&text).unwrap();
            let last = tree.root_node().named_child(4).unwrap();
            let values = NamedValues::of(&tree, &text);
            assert_eq!(
                values.answer(last.child_by_field_name("condition").unwrap()),
                ConditionAnswer { holds, fails },
                "{condition}"
            );
        }
    }
}
