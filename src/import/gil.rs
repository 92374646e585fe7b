//! What a declaration means to an interpreter.

use crate::model::facts::{Declaration, Fact, Hook, HookKind, InitKind};
use crate::model::outcome::Cause;
use crate::model::target::Python;

/// A declaration as this interpreter takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
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
pub(super) fn meaning(hook: &Hook, python: Python) -> Meaning {
    let declaration = match &hook.facts.gil {
        Fact::Known { value, .. } => value,
        Fact::Unknown { why, .. } => {
            return Meaning::Unclear(format!("its declaration about the GIL could not be read ({why})"));
        }
    };
    let init = hook.facts.init.value();
    let (value, words) = match declaration {
        Declaration::Absent => {
            let words = "declares nothing about the GIL, which CPython takes as needing it".to_owned();
            return Meaning::Used { cause: Cause::Undeclared, words };
        }
        Declaration::NotAModule => {
            let words = "makes something other than a module, which CPython takes as needing the GIL".to_owned();
            return Meaning::Used { cause: Cause::Undeclared, words };
        }
        Declaration::Delegated { to } => return Meaning::Delegated { to: to.clone() },
        Declaration::Slot { value } if init == Some(&InitKind::SinglePhase) => {
            return Meaning::Unclear(format!("a slot Py_mod_gil = {value} in a single-phase module makes no sense"));
        }
        Declaration::Slot { value } => (*value, format!("slot Py_mod_gil is {value}")),
        Declaration::SetGil { value } if hook.kind == HookKind::Export || init.is_some_and(is_made_later) => {
            // The module does not exist yet when the hook runs, and making it overwrites the value.
            return Meaning::Unclear(format!("PyUnstable_Module_SetGIL({value}) has no effect in a module with slots"));
        }
        Declaration::SetGil { value } => (*value, format!("PyUnstable_Module_SetGIL is called with {value}")),
    };
    let not_used = if python.minor >= 15 { value == 1 } else { value != 0 };
    if not_used { Meaning::NotUsed { words } } else { Meaning::Used { cause: Cause::DeclaredUsed, words } }
}

fn is_made_later(init: &InitKind) -> bool {
    *init != InitKind::SinglePhase
}
