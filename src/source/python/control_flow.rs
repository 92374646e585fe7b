//! Where the code of a build file goes on and where it ends: branches, attempts, assertions.

use crate::model::source::VersionReach;

use super::super::conditions::ConditionAnswer;
use super::super::python_syntax::SyntaxNode;
use super::super::token::TokenContext;
use super::{ALL, PythonReader, asks_for_build};

/// For which versions a statement is not followed by the next: certainly, and perhaps.
#[derive(Clone, Copy, Default)]
pub(super) struct StatementExit {
    pub(super) always: u8,
    pub(super) perhaps: u8,
}

impl StatementExit {
    pub(super) const CERTAIN: StatementExit = StatementExit {
        always: ALL,
        perhaps: ALL,
    };
}

/// Where code is run that stands under both.
pub(super) fn both(left: VersionReach, right: VersionReach) -> VersionReach {
    VersionReach {
        certain: left.certain & right.certain,
        possible: left.possible & right.possible,
    }
}

pub(super) fn perhaps(reach: VersionReach) -> VersionReach {
    VersionReach {
        certain: 0,
        ..reach
    }
}

impl<'a, 't> PythonReader<'a, 't> {
    /// `if` with its `elif` and `else`.
    pub(super) fn choice(&mut self, node: SyntaxNode<'t>, outer: VersionReach) -> StatementExit {
        let mut rest = VersionReach::ALWAYS;
        let mut exit = StatementExit {
            always: ALL,
            perhaps: 0,
        };
        let (before, mut asked) = (self.place, 0);
        let mut branches = vec![node];
        branches.extend(node.children_by_field_name("alternative"));
        for branch in branches {
            let condition = branch.child_by_field_name("condition");
            let answer = condition.map_or(
                ConditionAnswer {
                    holds: ALL,
                    fails: 0,
                },
                |it| self.values.answer(it),
            );
            if let Some(condition) = condition {
                self.leaves(condition, both(rest, outer));
                let is_choice = ["environ", "getenv", "argv"]
                    .iter()
                    .any(|word| self.text_of(condition).contains(word));
                self.place = if is_choice {
                    Some(TokenContext::Choice)
                } else {
                    self.place
                };
            }
            let inner = answer.within(rest);
            asked += usize::from(
                condition.is_some_and(|condition| self.values.mentions(condition, asks_for_build)),
            );
            self.asking += asked;
            let block = branch
                .child_by_field_name("consequence")
                .or(branch.child_by_field_name("body"));
            let left = block.map_or(StatementExit::default(), |block| {
                self.block(block, both(inner, outer))
            });
            self.asking -= asked;
            exit.always &= left.always | !inner.possible;
            exit.perhaps |= left.perhaps & inner.possible;
            rest = answer.negated().within(rest);
        }
        self.place = before;
        exit.always &= !rest.possible;
        exit
    }

    /// `try`: what the body raises may be caught; whether it raises is only known of imports that never fail.
    pub(super) fn attempt(&mut self, node: SyntaxNode<'t>, reach: VersionReach) -> StatementExit {
        let children: Vec<SyntaxNode<'t>> = node.children().collect();
        let is_caught = children.iter().any(|child| child.kind() == "except_clause");
        let body = children.iter().find(|child| child.kind() == "block");
        let is_harmless = body.is_some_and(|body| self.only_imports(*body));
        let mut exit = StatementExit::default();
        for child in children {
            match child.kind() {
                "block" => {
                    self.caught += usize::from(is_caught);
                    let left = self.block(child, reach);
                    self.caught -= usize::from(is_caught);
                    exit.perhaps |= left.perhaps;
                    exit.always |= if is_caught { 0 } else { left.always };
                }
                "else_clause" => {
                    self.parts(child, if is_harmless { reach } else { perhaps(reach) });
                }
                "finally_clause" => drop(self.parts(child, reach)),
                _ if is_harmless => drop(self.parts(
                    child,
                    VersionReach {
                        certain: 0,
                        possible: 0,
                    },
                )),
                _ => drop(self.parts(child, perhaps(reach))),
            }
        }
        exit
    }

    /// Whether nothing is done but importing what every build with setuptools has: it brings `wheel` along.
    fn only_imports(&self, block: SyntaxNode<'t>) -> bool {
        block.named_children().all(|statement| {
            let text = self.text_of(statement);
            let name = text
                .strip_prefix("import ")
                .or(text.strip_prefix("from "))
                .unwrap_or_default();
            let root = name
                .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .next();
            !text.contains(',')
                && root.is_some_and(|root| {
                    matches!(root, "setuptools" | "wheel" | "sys" | "os" | "sysconfig")
                })
        })
    }

    pub(super) fn assertion(&mut self, node: SyntaxNode<'t>, reach: VersionReach) -> StatementExit {
        self.leaves(node, reach);
        let answer = node
            .named_child(0)
            .map_or(ConditionAnswer::UNKNOWN, |condition| {
                self.values.answer(condition)
            });
        if answer.fails != 0 {
            self.stop(
                node,
                VersionReach {
                    certain: reach.certain & answer.fails,
                    possible: reach.possible & answer.fails,
                },
            );
        }
        StatementExit {
            always: answer.fails,
            perhaps: answer.fails,
        }
    }
}
