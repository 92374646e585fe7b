//! Names of types stand alone: whoever searches for one finds one thing, and one word says too little.
//!
//! Counted are the definitions of `struct`, `enum`, `trait`, `union` and `type` in `src/`, outside of tests. Frozen formats
//! and the formats of others have the names that they have; they count in the first figure alone.

use std::collections::BTreeMap;

use super::source::sources;

/// Most definitions, in percent, whose name is defined more than once. The limits only shrink.
const AMBIGUOUS: usize = 2;
/// The same outside of frozen formats.
const AMBIGUOUS_OUTSIDE_FROZEN: usize = 2;
/// Most definitions outside of frozen formats, in percent, whose name is one word.
const ONE_WORD: usize = 6;

/// How far below its limit a figure may be, in percent.
const SLACK: usize = 2;

/// One type.
struct Definition {
    name: String,
    is_frozen: bool,
}

/// Whether a file holds a frozen format, or one of somebody else.
fn is_frozen(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap().trim_end_matches(".rs");
    let is_foreign = ["sarif", "cyclonedx", "gitlab"]
        .iter()
        .any(|format| path.contains(&format!("report/{format}")));
    name.ends_with("_v1") || name.starts_with("v1") || path.contains("/v1/") || is_foreign
}

/// The words of a name in camel case: `ElfFile` has two, `PE` and `X86` one.
fn words(name: &str) -> usize {
    let letters: Vec<char> = name.chars().collect();
    let begins = |at: &usize| {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(at + 1);
        letters[*at].is_uppercase()
            && (before.is_none_or(|it| !it.is_uppercase())
                || after.is_some_and(|it| it.is_lowercase()))
    };
    (0..letters.len()).filter(begins).count()
}

/// Definitions, in percent, that others of them share their name with; and the names, the most frequent first.
fn ambiguous(definitions: &[&Definition]) -> (usize, Vec<String>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for definition in definitions {
        *counts.entry(&definition.name).or_default() += 1;
    }
    let mut shared: Vec<(&str, usize)> =
        counts.into_iter().filter(|(_, count)| *count > 1).collect();
    shared.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let number = shared.iter().map(|(_, count)| count).sum();
    (
        percent(number, definitions.len()),
        shared
            .iter()
            .map(|(name, count)| format!("{name} ({count})"))
            .collect(),
    )
}

/// In whole percent, rounded up.
fn percent(part: usize, whole: usize) -> usize {
    (part * 100).div_ceil(whole.max(1))
}

/// Checks a figure against its limit, from both sides.
fn check(what: &str, found: usize, limit: usize, names: &[String]) {
    let names = names
        .iter()
        .take(40)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    assert!(
        found <= limit,
        "{what}: {found} %, more than the limit of {limit} %: {names}"
    );
    assert!(
        found + SLACK >= limit,
        "{what}: {found} %, far below the limit of {limit} %: lower it in {}",
        file!()
    );
}

#[test]
fn names_of_types_are_within_their_limits() {
    let of_file = |file: &super::SourceFile| {
        let is_frozen = is_frozen(&file.path);
        file.types()
            .into_iter()
            .map(move |name| Definition { name, is_frozen })
            .collect::<Vec<_>>()
    };
    let definitions: Vec<Definition> = sources().iter().flat_map(of_file).collect();
    let all: Vec<&Definition> = definitions.iter().collect();
    let ours: Vec<&Definition> = definitions.iter().filter(|it| !it.is_frozen).collect();
    let (share, names) = ambiguous(&all);
    check(
        "definitions that share their name",
        share,
        AMBIGUOUS,
        &names,
    );
    let (share, names) = ambiguous(&ours);
    check(
        "definitions outside of frozen formats that share their name",
        share,
        AMBIGUOUS_OUTSIDE_FROZEN,
        &names,
    );
    let short: Vec<String> = ours
        .iter()
        .filter(|it| words(&it.name) == 1)
        .map(|it| it.name.clone())
        .collect();
    check(
        "definitions whose name is one word",
        percent(short.len(), ours.len()),
        ONE_WORD,
        &short,
    );
}

#[test]
fn words_of_a_name_are_counted() {
    for (name, expected) in [
        ("Elf", 1),
        ("ElfFile", 2),
        ("X86", 1),
        ("PE", 1),
        ("PEImage", 2),
        ("AbiInfoMismatch", 3),
    ] {
        assert_eq!(words(name), expected, "{name}");
    }
}

#[test]
fn frozen_formats_are_known_by_their_files() {
    for (path, expected) in [
        ("report/json/gate_v1.rs", true),
        ("report/json/v1.rs", true),
        ("report/json/v1/artifact.rs", true),
        ("report/cyclonedx/v1_6.rs", true),
        ("report/gitlab.rs", true),
        ("report/json/gate.rs", false),
        ("input/cyclonedx.rs", false),
    ] {
        assert_eq!(is_frozen(path), expected, "{path}");
    }
}
