//! The functions and variables of the C API, as data: what a call gives back, how it fails, what else it does, whether it
//! makes a module, what care it wants where several threads run, and since when it is in the stable ABI.
//!
//! The table is `functions.tsv`; its head says where each column comes from. To add a function, add its line, in
//! alphabetical order, with words that are known here: a word that is not fails a test. What the evaluator does with the
//! words is in `crate::evaluator`'s externals, where the compiler says what was forgotten.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::model::facts::{DocumentedLevel, HazardConcern, Replacement};

const TABLE: &str = include_str!("functions.tsv");

/// What a call gives back where it succeeds. Calls that fail only when memory is short are taken to succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallReturn {
    /// Nothing that matters.
    Nothing,
    /// An object or another pointer, not null.
    Object,
    /// Null.
    Null,
    /// 0.
    Status,
    /// 0 or 1.
    Truth,
    /// A number that is not negative.
    Count,
    /// Any number.
    Number,
    /// One of its arguments, counted from 0.
    Argument(usize),
    /// It does not return, or not on a path on which an import succeeds.
    Never,
}

/// How a call says that it failed, where failure is an ordinary answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It does not fail.
    Never,
    /// By null, with an exception set.
    Null,
    /// By null, without an exception.
    NullQuietly,
    /// By -1, with an exception set.
    Negative,
}

/// What a call does beside what it gives back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEffect {
    /// Nothing that matters.
    None,
    /// It sets an exception.
    Raises,
    /// No exception is set afterwards.
    ClearsException,
    /// It writes one pointer through each argument of this bit mask.
    Writes(u8),
    /// It makes a module from a definition, at once.
    CreateModule,
    /// It makes a module that nothing declares.
    NewModule,
    /// It makes a definition ready to be returned.
    InitDefinition,
    /// It says what a module does with the GIL.
    SetGil,
    /// It imports the module that the first argument names.
    ImportModule,
    /// It imports the module before the last dot of the first argument.
    ImportCapsule,
    /// It looks for a module by its definition.
    FindModule,
    /// It fills in what a static type left empty.
    ReadyType,
    /// It gives the definition of a module.
    GetDefinition,
    /// What it gives comes from where its first argument comes from.
    Derive,
    /// It moves the exception to where its three arguments point.
    FetchException,
    /// It gives the exception back and forgets it.
    TakeException,
    /// It sets the exception in its first argument, which may be null.
    RestoreException,
    /// It gives the exception that is set and leaves it set.
    PeekException,
    /// It gives a text with the interpreter's version.
    VersionText,
    /// It gives the one interpreter, the main one.
    Interpreter,
    /// It gives memory of as many bytes as this argument says.
    Allocate(usize),
    /// It gives zeroed memory of first times second argument bytes.
    AllocateZeroed,
    /// It gives memory of as many bytes as this argument says, with what was in that of the argument before.
    Reallocate(usize),
}

/// What object a call gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreatedKind {
    /// A module.
    Module,
    /// Something that somebody kept.
    Kept,
    /// Something that is no module.
    Other,
}

/// Whether a name is one of the stable ABI's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StableStatus {
    /// CPython exports no such name, as far as is known.
    Unknown,
    /// It is exported, and outside of the stable ABI.
    Unstable,
    /// It is in the stable ABI since this minor version.
    Since(u8),
}

/// What a call gives back and does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallFacts {
    /// What it gives back.
    pub returns: CallReturn,
    /// How it fails.
    pub on_error: OnError,
    /// What else it does.
    pub effect: CallEffect,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiFunction {
    /// What calling it does, where that is said.
    pub call: Option<CallFacts>,
    /// What object it gives, where that is said.
    pub creates: Option<CreatedKind>,
    /// Whether it returns a borrowed reference.
    pub lends: bool,
    /// Why it wants more thought than its level says.
    pub concern: Option<HazardConcern>,
    /// What the documentation says of calling it while other threads run; `None` also for what is atomic.
    pub level: Option<DocumentedLevel>,
    /// What to call instead.
    pub replacement: Option<Replacement>,
    /// Whether it is in the stable ABI.
    pub stable: StableStatus,
}

#[derive(Default)]
struct ApiTable {
    exact: HashMap<&'static str, ApiFunction>,
    /// Those whose name ends in `*`, without it, the longest first.
    families: Vec<(&'static str, ApiFunction)>,
}

static FUNCTIONS: LazyLock<ApiTable> = LazyLock::new(|| parse(TABLE).0);

/// What is known of a function or variable by its full name.
pub fn find(name: &str) -> Option<&'static ApiFunction> {
    FUNCTIONS.exact.get(name)
}

/// Every name that is known in full, with what is known of it.
pub fn all() -> impl Iterator<Item = (&'static str, &'static ApiFunction)> {
    FUNCTIONS
        .exact
        .iter()
        .map(|(name, function)| (*name, function))
}

/// What calling a function does, where its own line or its family's says so.
pub fn call(name: &str) -> Option<CallFacts> {
    said(name, |function| function.call)
}

/// What object a call of a function gives, where its own line or its family's says so; the same of a variable.
pub fn creates(name: &str) -> Option<CreatedKind> {
    said(name, |function| function.creates)
}

fn said<T>(name: &str, column: fn(&ApiFunction) -> Option<T>) -> Option<T> {
    let family = || {
        let families = FUNCTIONS
            .families
            .iter()
            .filter(|(head, _)| name.starts_with(head));
        families
            .into_iter()
            .find_map(|(_, function)| column(function))
    };
    find(name).and_then(column).or_else(family)
}

/// The table, and what in it is not understood.
fn parse(text: &'static str) -> (ApiTable, Vec<String>) {
    let (mut table, mut errors) = (ApiTable::default(), Vec::new());
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    for line in lines {
        let cells: Vec<&'static str> = line.split('\t').collect();
        let Some((name, function)) = row(&cells) else {
            errors.push(line.to_owned());
            continue;
        };
        match name.strip_suffix('*') {
            Some(head) => table.families.push((head, function)),
            None => {
                if table.exact.insert(name, function).is_some() {
                    errors.push(format!("{name} has two lines"));
                }
            }
        }
    }
    table
        .families
        .sort_by_key(|(head, _)| std::cmp::Reverse(head.len()));
    (table, errors)
}

fn row(cells: &[&'static str]) -> Option<(&'static str, ApiFunction)> {
    let &[
        name,
        returns,
        on_error,
        effect,
        creates,
        lends,
        concern,
        level,
        replacement,
        since,
        limited,
        stable,
    ] = cells
    else {
        return None;
    };
    let function = ApiFunction {
        call: call_facts(returns, on_error, effect)?,
        creates: optional(creates, creates_word)?,
        lends: optional(lends, |word| (word == "borrowed").then_some(()))?.is_some(),
        concern: optional(concern, concern_word)?,
        level: optional(level, level_word)?.flatten(),
        replacement: replacement_of(replacement, since, limited)?,
        stable: stability(stable)?,
    };
    Some((name, function))
}

/// The inner value is `None` where nothing is said, the outer one where the word is not known.
fn optional<T>(cell: &str, word: fn(&str) -> Option<T>) -> Option<Option<T>> {
    if cell == "-" {
        Some(None)
    } else {
        word(cell).map(Some)
    }
}

fn call_facts(returns: &str, on_error: &str, effect: &str) -> Option<Option<CallFacts>> {
    if (returns, on_error, effect) == ("-", "-", "-") {
        return Some(None);
    }
    let on_error = match on_error {
        "-" => OnError::Never,
        "null" => OnError::Null,
        "null-quietly" => OnError::NullQuietly,
        "negative" => OnError::Negative,
        _ => return None,
    };
    Some(Some(CallFacts {
        returns: returns_word(returns)?,
        on_error,
        effect: effect_word(effect)?,
    }))
}

fn returns_word(word: &str) -> Option<CallReturn> {
    Some(match word {
        "nothing" => CallReturn::Nothing,
        "object" => CallReturn::Object,
        "null" => CallReturn::Null,
        "status" => CallReturn::Status,
        "truth" => CallReturn::Truth,
        "count" => CallReturn::Count,
        "number" => CallReturn::Number,
        "never" => CallReturn::Never,
        _ => CallReturn::Argument(word.strip_prefix("argument:")?.parse().ok()?),
    })
}

fn effect_word(word: &str) -> Option<CallEffect> {
    Some(match word {
        "-" => CallEffect::None,
        "raises" => CallEffect::Raises,
        "clears-exception" => CallEffect::ClearsException,
        "create-module" => CallEffect::CreateModule,
        "new-module" => CallEffect::NewModule,
        "init-definition" => CallEffect::InitDefinition,
        "set-gil" => CallEffect::SetGil,
        "import-module" => CallEffect::ImportModule,
        "import-capsule" => CallEffect::ImportCapsule,
        "find-module" => CallEffect::FindModule,
        "ready-type" => CallEffect::ReadyType,
        "get-definition" => CallEffect::GetDefinition,
        "derive" => CallEffect::Derive,
        "fetch-exception" => CallEffect::FetchException,
        "take-exception" => CallEffect::TakeException,
        "restore-exception" => CallEffect::RestoreException,
        "peek-exception" => CallEffect::PeekException,
        "version-text" => CallEffect::VersionText,
        "interpreter" => CallEffect::Interpreter,
        "allocate-zeroed" => CallEffect::AllocateZeroed,
        _ => {
            let (word, rest) = word.split_once(':')?;
            match word {
                "allocate" => CallEffect::Allocate(rest.parse().ok()?),
                "reallocate" => CallEffect::Reallocate(rest.parse().ok()?),
                "writes" => CallEffect::Writes(rest.split(',').try_fold(0, |mask, argument| {
                    let argument = argument.parse::<u32>().ok()?;
                    Some(mask | 1_u8.checked_shl(argument)?)
                })?),
                _ => return None,
            }
        }
    })
}

fn creates_word(word: &str) -> Option<CreatedKind> {
    match word {
        "module" => Some(CreatedKind::Module),
        "kept" => Some(CreatedKind::Kept),
        "other" => Some(CreatedKind::Other),
        _ => None,
    }
}

/// What is atomic wants no care, and has no level of its own among the facts.
fn level_word(word: &str) -> Option<Option<DocumentedLevel>> {
    match word {
        "atomic" => Some(None),
        "incompatible" => Some(Some(DocumentedLevel::Incompatible)),
        "compatible" => Some(Some(DocumentedLevel::Compatible)),
        "distinct" => Some(Some(DocumentedLevel::Distinct)),
        "shared" => Some(Some(DocumentedLevel::Shared)),
        _ => None,
    }
}

fn concern_word(word: &str) -> Option<HazardConcern> {
    match word {
        "borrowed-reference" => Some(HazardConcern::BorrowedReference),
        "owned-by-argument" => Some(HazardConcern::OwnedByArgument),
        "thread-state" => Some(HazardConcern::ThreadState),
        "obsolete" => Some(HazardConcern::Obsolete),
        "object-memory" => Some(HazardConcern::ObjectMemory),
        "allocator-hook" => Some(HazardConcern::AllocatorHook),
        "reference-count" => Some(HazardConcern::ReferenceCount),
        _ => None,
    }
}

fn minor(word: &str) -> Option<u8> {
    word.parse().ok()
}

fn replacement_of(name: &str, since: &str, limited: &str) -> Option<Option<Replacement>> {
    let (since, limited_since) = (optional(since, minor)?, optional(limited, minor)?);
    if name == "-" {
        return (since.is_none() && limited_since.is_none()).then_some(None);
    }
    Some(Some(Replacement {
        name: name.to_owned(),
        since,
        limited_since,
    }))
}

fn stability(word: &str) -> Option<StableStatus> {
    match word {
        "-" => Some(StableStatus::Unknown),
        "unstable" => Some(StableStatus::Unstable),
        minor => minor.parse().ok().map(StableStatus::Since),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_known() {
        assert_eq!(parse(TABLE).1, Vec::<String>::new());
        let header = TABLE.lines().find(|line| !line.starts_with('#')).unwrap();
        let columns: Vec<&str> = header.split('\t').collect();
        assert_eq!(columns.len(), 12, "{columns:?}");
    }

    #[test]
    fn a_word_that_is_not_known_is_an_error() {
        for line in [
            "x\tobjects\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-",
            "x\tobject\tnul\t-\t-\t-\t-\t-\t-\t-\t-\t-",
            "x\tobject\t-\twrites:9\t-\t-\t-\t-\t-\t-\t-\t-",
            "x\t-\tnull\t-\t-\t-\t-\t-\t-\t-\t-\t-",
            "x\t-\t-\t-\tthing\t-\t-\t-\t-\t-\t-\t-",
            "x\t-\t-\t-\t-\tlent\t-\t-\t-\t-\t-\t-",
            "x\t-\t-\t-\t-\t-\tworry\t-\t-\t-\t-\t-",
            "x\t-\t-\t-\t-\t-\t-\tgood\t-\t-\t-\t-",
            "x\t-\t-\t-\t-\t-\t-\t-\t-\t13\t-\t-",
            "x\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\tnever",
            "x\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-",
        ] {
            let text: &'static str = Box::leak(format!("head\n{line}").into_boxed_str());
            assert_eq!(parse(text).1, [line]);
        }
    }

    #[test]
    fn lines_are_in_order_and_each_name_has_one() {
        let names = || {
            TABLE
                .lines()
                .filter(|line| !line.starts_with('#'))
                .skip(1)
                .map(|line| line.split('\t').next())
        };
        assert!(
            names()
                .zip(names().skip(1))
                .all(|(first, second)| first < second)
        );
    }

    #[test]
    fn a_family_says_what_a_line_of_its_own_does_not() {
        let returns = |name| call(name).map(|call| (call.returns, call.on_error));
        assert_eq!(
            returns("PyModule_AddObjectRef"),
            Some((CallReturn::Status, OnError::Never))
        );
        assert_eq!(
            returns("PyLong_FromLong"),
            Some((CallReturn::Object, OnError::Never))
        );
        assert_eq!(
            returns("PyLong_AsLong"),
            Some((CallReturn::Number, OnError::Never))
        );
        assert_eq!(
            returns("PyObject_GetAttr"),
            Some((CallReturn::Object, OnError::Null))
        );
        assert_eq!(returns("PyArray_API"), None);
        for (name, expected) in [
            ("PyModule_NewObject", Some(CreatedKind::Module)),
            ("PyImport_ImportModule", Some(CreatedKind::Module)),
            ("PyImport_GetModuleDict", Some(CreatedKind::Other)),
            ("_PyNamespace_New", Some(CreatedKind::Other)),
            ("PyDict_GetItemWithError", Some(CreatedKind::Kept)),
            ("PyObject_CallNoArgs", None),
        ] {
            assert_eq!(creates(name), expected, "{name}");
        }
    }

    #[test]
    fn replacements_are_no_younger_in_the_limited_api_than_the_stable_abi_says() {
        for (name, function) in all() {
            let Some(replacement) = &function.replacement else {
                continue;
            };
            if let Some(StableStatus::Since(minor)) =
                find(&replacement.name).map(|found| found.stable)
            {
                assert_eq!(
                    replacement.limited_since,
                    Some(minor),
                    "{name} -> {}",
                    replacement.name
                );
            }
        }
    }
}
