//! The library's source, taken apart as far as the house's rules need: code without comments, literals apart, tests cut
//! off.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One file of `src/`.
pub(super) struct SourceFile {
    /// Path below `src/`, with forward slashes.
    pub(super) path: String,
    /// Everything, as it is.
    pub(super) text: String,
    /// Contents of the string literals outside tests.
    pub(super) literals: Vec<String>,
    /// Code outside tests, without comments and with empty literals.
    code: String,
}

/// Every file of `src/`, by path. Files of tests alone are left out: `tests.rs`, `laws.rs`, and what lies in `tests/`.
pub(super) fn sources() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files: Vec<SourceFile> = rust_files(&root)
        .into_iter()
        .filter(|path| !path.ends_with("tests.rs") && !path.ends_with("laws.rs"))
        .filter(|path| {
            !path
                .strip_prefix(&root)
                .unwrap()
                .components()
                .any(|part| part.as_os_str() == "tests")
        })
        .map(|path| SourceFile::read(&root, &path))
        .collect();
    assert!(files.len() > 20, "src/ was not found");
    files
}

/// Every Rust file below a folder, sorted.
pub(super) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_map(Result::ok);
    let files = walk.map(walkdir::DirEntry::into_path);
    files
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

impl SourceFile {
    fn read(root: &Path, path: &Path) -> SourceFile {
        let text = fs::read_to_string(path).unwrap();
        let shown = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/");
        SourceFile::new(shown, text)
    }

    fn new(path: String, text: String) -> SourceFile {
        let (code, literals) = take_apart(without_tests(&text));
        SourceFile {
            path,
            text,
            literals,
            code,
        }
    }

    /// Whether it is `lib.rs` or `main.rs`, which belong to no room.
    pub(super) fn is_root(&self) -> bool {
        matches!(self.path.as_str(), "lib.rs" | "main.rs")
    }

    /// The room that the file belongs to.
    pub(super) fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Whether the file is at, or below, this path; everything is below `""`.
    pub(super) fn is_in(&self, place: &str) -> bool {
        let below = self.path.strip_prefix(place);
        below.is_some_and(|rest| {
            place.is_empty() || rest.is_empty() || rest.starts_with('/') || rest == ".rs"
        })
    }

    /// Whether the code has these characters; a word must not be the end of a longer one.
    pub(super) fn has(&self, word: &str) -> bool {
        self.code.match_indices(word).any(|(at, _)| {
            let before = self.code[..at].chars().next_back();
            !word.starts_with(char::is_alphabetic) || !before.is_some_and(is_word)
        })
    }

    /// Names of the types that the file defines; those that a trait or an implementation of one has do not count.
    pub(super) fn types(&self) -> Vec<String> {
        let name = |line: &str| {
            let indented = line.starts_with(' ');
            let line = line.trim_start();
            let visible = line.strip_prefix("pub").map_or(line, |rest| {
                let rest = if rest.starts_with('(') {
                    rest.split_once(')').map_or(rest, |(_, rest)| rest)
                } else {
                    rest
                };
                rest.trim_start()
            });
            let (keyword, rest) = visible.split_once(' ')?;
            let defines = ["struct", "enum", "trait", "union"].contains(&keyword)
                || (keyword == "type" && !indented);
            let name: String = rest
                .chars()
                .take_while(|character| is_word(*character))
                .collect();
            (defines && name.starts_with(char::is_uppercase)).then_some(name)
        };
        self.code.lines().filter_map(name).collect()
    }

    /// Lines outside tests.
    pub(super) fn lines(&self) -> usize {
        without_tests(&self.text).lines().count()
    }

    /// Rooms named in paths that start at the crate, or that climb to it with `super`.
    pub(super) fn rooms_used(&self) -> BTreeSet<String> {
        let depth = self.path.trim_end_matches(".rs").split('/').count();
        let climbed = "super::".repeat(depth);
        let mut rooms = BTreeSet::new();
        for start in ["crate::", climbed.as_str()] {
            for (at, _) in self.code.match_indices(start) {
                let before = self.code[..at].chars().next_back();
                if !before.is_some_and(|character| {
                    is_word(character) || character == ':' || character == '$'
                }) {
                    rooms.extend(first_segments(&self.code[at + start.len()..]));
                }
            }
        }
        rooms
    }

    /// Every path into the crate that the code names, from the crate's root on: those that begin with `crate`, and with
    /// `super` or `self`.
    pub(super) fn paths_used(&self) -> Vec<Vec<String>> {
        let own: Vec<String> = self
            .path
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        let mut found = Vec::new();
        for start in ["crate::", "super::", "self::"] {
            for (at, _) in self.code.match_indices(start) {
                let before = self.code[..at].chars().next_back();
                let is_visibility = self.code[..at].ends_with("(in ");
                let is_middle = before.is_some_and(|it| is_word(it) || it == ':' || it == '$');
                if !is_visibility && !is_middle {
                    let mut base = if start == "crate::" {
                        Vec::new()
                    } else {
                        own.clone()
                    };
                    let mut rest = &self.code[at..];
                    while let Some(after) = rest.strip_prefix("super::") {
                        base.pop();
                        rest = after;
                    }
                    rest = rest
                        .strip_prefix("crate::")
                        .or_else(|| rest.strip_prefix("self::"))
                        .unwrap_or(rest);
                    expand(&base, rest, &mut found);
                }
            }
        }
        found
    }

    /// Whether the code names this crate: in `use`, in a path, or in an attribute.
    pub(super) fn uses_crate(&self, name: &str) -> bool {
        let used = [format!("use {name};"), format!("use {name} as ")];
        let in_path = self
            .code
            .match_indices(&format!("{name}::"))
            .any(|(at, _)| {
                let before = &self.code[..at];
                !before.ends_with("::") && !before.chars().next_back().is_some_and(is_word)
            });
        in_path || used.iter().any(|used| self.code.contains(used.as_str()))
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Adds a path, or each path in braces, behind a base.
fn expand(base: &[String], after: &str, found: &mut Vec<Vec<String>>) {
    let after = after.trim_start();
    if let Some(braced) = after.strip_prefix('{') {
        for part in split_braced(braced) {
            expand(base, part, found);
        }
        return;
    }
    let name: String = after
        .chars()
        .take_while(|character| is_word(*character))
        .collect();
    let mut path = base.to_vec();
    if !name.is_empty() && name != "self" {
        path.push(name.clone());
    }
    match after[name.len()..].strip_prefix("::") {
        Some(rest) if !name.is_empty() => expand(&path, rest, found),
        Some(_) | None => found.push(path),
    }
}

/// The parts between braces that were opened, at commas that are in no further braces.
fn split_braced(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, character) in text.char_indices() {
        match character {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// The first names of a path, or of each path in braces.
fn first_segments(after: &str) -> Vec<String> {
    let name = |text: &str| {
        text.trim_start()
            .chars()
            .take_while(|character| is_word(*character))
            .collect::<String>()
    };
    match after.strip_prefix('{') {
        Some(braced) => split_braced(braced)
            .into_iter()
            .map(name)
            .filter(|name| !name.is_empty())
            .collect(),
        None => vec![name(after)],
    }
}

/// The text up to the tests, which stand last in a file.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod tests {")
        .map_or(text, |at| &text[..at])
}

/// Code without comments and with empty literals, and what was in the string literals.
fn take_apart(text: &str) -> (String, Vec<String>) {
    let mut code = String::new();
    let mut literals = Vec::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some((open, length, close)) = string_literal(rest, code.chars().next_back()) {
            literals.push(rest[open..open + length].to_owned());
            code.push_str("\"\"");
            open + length + close
        } else if character == '\'' {
            let length = character_literal(rest);
            code.push_str(if length > 1 { "' '" } else { "'" });
            length
        } else {
            code.push(character);
            character.len_utf8()
        };
        rest = &rest[end..];
    }
    (code, literals)
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    for (at, _) in text.char_indices() {
        if text[at..].starts_with("/*") {
            depth += 1;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            if depth == 0 {
                return at + 2;
            }
        }
    }
    text.len()
}

/// Lengths of what opens a string literal, of its content, and of what closes it.
fn string_literal(text: &str, before: Option<char>) -> Option<(usize, usize, usize)> {
    if before.is_some_and(is_word) {
        return None;
    }
    let prefix = text.len() - text.trim_start_matches(['b', 'c']).len();
    let raw = text[prefix..].starts_with('r');
    let hashes = if raw {
        text[prefix + 1..]
            .chars()
            .take_while(|character| *character == '#')
            .count()
    } else {
        0
    };
    let open = prefix + usize::from(raw) + hashes;
    if prefix > 1 || !text[open..].starts_with('"') {
        return None;
    }
    let content = &text[open + 1..];
    let close = format!("\"{}", "#".repeat(hashes));
    let length = if raw {
        content.find(&close)?
    } else {
        escaped_length(content)?
    };
    Some((open + 1, length, close.len()))
}

fn escaped_length(content: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in content.char_indices() {
        match character {
            '"' if !escaped => return Some(at),
            _ => escaped = character == '\\' && !escaped,
        }
    }
    None
}

/// Length of a character literal; 1 when the quote starts a lifetime.
fn character_literal(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => text[3..].find('\'').map_or(1, |at| at + 4),
        Some(_) => characters
            .next()
            .filter(|(_, next)| *next == '\'')
            .map_or(1, |(at, _)| at + 1),
        None => 1,
    }
}

/// Names of the tests of a file that may end before they have checked anything: they return early, or say past the harness
/// that they checked nothing.
pub(super) fn tests_that_return_early(text: &str) -> Vec<String> {
    let (code, literals) = take_apart(text);
    let mut found = Vec::new();
    for (at, _) in code.match_indices("#[test]") {
        let Some(open) = code[at..].find('{').map(|offset| at + offset) else {
            continue;
        };
        let name = code[at..open]
            .split("fn ")
            .nth(1)
            .and_then(|rest| rest.split('(').next())
            .unwrap_or_default();
        if has_early_return(body(&code[open..])) {
            found.push(name.to_owned());
        }
    }
    if literals
        .iter()
        .any(|literal| literal.contains("NOT CHECKED"))
    {
        found.push("a text that says so".to_owned());
    }
    found
}

/// From an opening brace to the one that closes it.
fn body(code: &str) -> &str {
    let mut depth = 0;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &code[..at];
        }
    }
    code
}

/// Whether nothing, or success, is returned somewhere: closures of tests give values.
fn has_early_return(body: &str) -> bool {
    body.match_indices("return").any(|(at, word)| {
        let is_part = body[..at].chars().next_back().is_some_and(is_word);
        let rest = body[at + word.len()..].trim_start();
        !is_part && (rest.starts_with(';') || rest.starts_with('}') || rest.starts_with("Ok(())"))
    })
}

fn example(text: &str) -> SourceFile {
    SourceFile::new("room/part.rs".to_owned(), text.to_owned())
}

#[test]
fn comments_and_literals_are_no_code() {
    let file = example(
        "//! crate::index\nlet a = \"crate::cli \\\" x\"; /* crate::input */ let b = r#\"serde::\"#; 'a' '\\'' &'a x",
    );
    assert!(file.rooms_used().is_empty());
    assert!(!file.uses_crate("serde"));
    assert_eq!(file.literals, ["crate::cli \\\" x", "serde::"]);
}

#[test]
fn paths_are_found_in_every_form() {
    for (text, rooms) in [
        ("use crate::model::report::Report;", &["model"][..]),
        (
            "use crate::{model, index::Index, rules::{a, b}};",
            &["index", "model", "rules"],
        ),
        ("fn a() { crate::archive::open() }", &["archive"]),
        ("use super::super::verdict::judge;", &["verdict"]),
        ("use super::verdict;", &[]),
        ("use super::super::super::too_far;", &["super"]),
    ] {
        assert_eq!(
            example(text).rooms_used().into_iter().collect::<Vec<_>>(),
            rooms,
            "{text}"
        );
    }
}

#[test]
fn paths_are_expanded() {
    for (text, paths) in [
        (
            "use crate::model::report::Report;",
            &["model/report/Report"][..],
        ),
        (
            "use crate::{a::{self, B}, c::D as E};",
            &["a", "a/B", "c/D"],
        ),
        (
            "use super::other::{X, y::Z};",
            &["room/other/X", "room/other/y/Z"],
        ),
        ("use super::super::verdict::judge;", &["verdict/judge"]),
        (
            "fn f() { self::below::g(); crate::k::<L>() }",
            &["k", "room/part/below/g"],
        ),
        ("use super::*;", &["room"]),
        ("pub(in crate::room) fn f() {}", &[]),
    ] {
        let mut found: Vec<String> = example(text)
            .paths_used()
            .iter()
            .map(|path| path.join("/"))
            .collect();
        found.sort();
        assert_eq!(found, paths, "{text}");
    }
}

#[test]
fn types_are_found_where_they_are_defined() {
    let file = example(
        "pub(super) struct A<'a>(u8);\npub enum B {}\npub type C = u8;\nimpl D for E {\n    type F = u8;\n}\nfn f() {\n    \
         struct G;\n}\n// struct H;\nlet union = 1;\n",
    );
    assert_eq!(file.types(), ["A", "B", "C", "G"]);
}

#[test]
fn crates_are_found_in_every_form() {
    for (text, uses) in [
        ("use http::Uri;", true),
        ("use http as h;", true),
        ("let a: http::Uri = b;", true),
        ("use crate::index::http::get;", false),
        ("use super::http::get;", false),
        ("let a = my_http::get();", false),
    ] {
        assert_eq!(example(text).uses_crate("http"), uses, "{text}");
    }
}

#[test]
fn tests_are_cut_off() {
    let file =
        example("//! x\nfn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() { c.unwrap() }\n}\n");
    assert!(!file.has(".unwrap()"));
    assert_eq!(file.lines(), 2);
}

#[test]
fn early_returns_are_found() {
    for (body, is_found) in [
        ("let Some(a) = b else { return; };", true),
        ("if a { return }", true),
        ("if a { return Ok(()); }", true),
        ("let a = |b| { if b { return 1; } 2 };", false),
        ("returns(); // return;\n", false),
    ] {
        let text = format!("#[test]\nfn a() {{ {body} }}\nfn b() {{ return; }}\n");
        assert_eq!(
            tests_that_return_early(&text),
            if is_found { &["a"][..] } else { &[] },
            "{body}"
        );
    }
}
