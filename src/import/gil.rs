//! What a declaration means to an interpreter.

use crate::model::facts::{Fact, GilDeclaration, Hook, HookKind, InitKind};
use crate::model::outcome::Cause;
use crate::model::target::Python;

/// A declaration as this interpreter takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum DeclarationMeaning {
    /// The GIL stays off.
    NotUsed {
        /// The declaration in words.
        words: String,
    },
    /// The GIL is switched on.
    Used {
        /// Whether that is declared or comes of declaring nothing.
        cause: Cause,
        /// The declaration in words.
        words: String,
    },
    /// Another module decides.
    Delegated {
        /// Its dotted name.
        to: String,
    },
    /// Unknown, and why.
    Unclear(String),
}

/// Takes the hook's declaration as a free-threaded build of this version does.
///
/// Up to 3.14 anything but `Py_MOD_GIL_USED` (0) keeps the GIL off; from 3.15 on only `Py_MOD_GIL_NOT_USED` (1) does:
/// `_PyImport_CheckGILForModule` in `Python/import.c`.
pub(super) fn meaning(hook: &Hook, python: Python) -> DeclarationMeaning {
    let declaration = match &hook.facts.gil {
        Fact::Known { value, .. } => value,
        Fact::Unknown { why, .. } => {
            return DeclarationMeaning::Unclear(format!(
                "its declaration about the GIL could not be read ({why})"
            ));
        }
    };
    let init = hook.facts.init.value();
    let (value, words) = match declaration {
        GilDeclaration::Absent => {
            let words =
                "declares nothing about the GIL, which CPython takes as needing it".to_owned();
            return DeclarationMeaning::Used {
                cause: Cause::Undeclared,
                words,
            };
        }
        GilDeclaration::NotAModule => {
            let words =
                "makes something other than a module, which CPython takes as needing the GIL"
                    .to_owned();
            return DeclarationMeaning::Used {
                cause: Cause::Undeclared,
                words,
            };
        }
        GilDeclaration::Delegated { to } => {
            return DeclarationMeaning::Delegated { to: to.clone() };
        }
        GilDeclaration::Slot { value } if init == Some(&InitKind::SinglePhase) => {
            return DeclarationMeaning::Unclear(format!(
                "a slot Py_mod_gil = {value} in a single-phase module makes no sense"
            ));
        }
        GilDeclaration::Slot { value } => (*value, format!("slot Py_mod_gil is {value}")),
        GilDeclaration::SetGil { value }
            if hook.kind == HookKind::Export || init.is_some_and(is_made_later) =>
        {
            // The module does not exist yet when the hook runs, and making it overwrites the value.
            return DeclarationMeaning::Unclear(format!(
                "PyUnstable_Module_SetGIL({value}) has no effect in a module with slots"
            ));
        }
        GilDeclaration::SetGil { value } => (
            *value,
            format!("PyUnstable_Module_SetGIL is called with {value}"),
        ),
    };
    let not_used = if python.minor >= 15 {
        value == 1
    } else {
        value != 0
    };
    if not_used {
        DeclarationMeaning::NotUsed { words }
    } else {
        DeclarationMeaning::Used {
            cause: Cause::DeclaredUsed,
            words,
        }
    }
}

fn is_made_later(init: &InitKind) -> bool {
    *init != InitKind::SinglePhase
}
