//! The graph of imports between files: no circles, and the layers of the evaluator.
//!
//! A file and the files below it are one unit as far as the upper one uses the lower ones, as `flags.rs` uses
//! `flags/compare.rs`: a file that declares parts may use them, and each part may use what it is a part of. Every other
//! arrow counts.

use std::collections::{BTreeMap, BTreeSet};

use super::check;
use super::source::{SourceFile, sources};

/// The layers of the evaluator: each may import itself and those before it.
const LAYERS: &[&str] = &[
    "siblings",
    "values",
    "memory",
    "cpu",
    "isa",
    "externals",
    "outcome",
    "explorer",
    "create_slot",
    "evaluator.rs",
];

/// Files by the paths of their modules, without extension.
fn modules(files: &[SourceFile]) -> BTreeSet<String> {
    files
        .iter()
        .map(|file| file.path.trim_end_matches(".rs").to_owned())
        .collect()
}

/// The files that a file imports, itself and its parts left out.
fn imports(file: &SourceFile, modules: &BTreeSet<String>) -> BTreeSet<String> {
    let own = file.path.trim_end_matches(".rs");
    let mut found = BTreeSet::new();
    for path in file.paths_used() {
        let longest = (1..=path.len())
            .rev()
            .map(|length| path[..length].join("/"))
            .find(|it| modules.contains(it));
        if let Some(target) = longest
            && target != own
            && !target
                .strip_prefix(own)
                .is_some_and(|rest| rest.starts_with('/'))
        {
            found.insert(target);
        }
    }
    found
}

fn graph(files: &[SourceFile]) -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules(files);
    let own = |file: &SourceFile| file.path.trim_end_matches(".rs").to_owned();
    files
        .iter()
        .filter(|file| !file.is_root())
        .map(|file| (own(file), imports(file, &modules)))
        .collect()
}

/// What a file leads to, over any number of arrows.
fn reachable(graph: &BTreeMap<String, BTreeSet<String>>, start: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&String> = graph.get(start).into_iter().flatten().collect();
    while let Some(file) = open.pop() {
        if found.insert(file.clone()) {
            open.extend(graph.get(file).into_iter().flatten());
        }
    }
    found
}

/// The circles: sets of files of which each leads to every other.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<BTreeSet<String>> {
    let reach: BTreeMap<&String, BTreeSet<String>> = graph
        .keys()
        .map(|file| (file, reachable(graph, file)))
        .collect();
    let inside = reach
        .iter()
        .filter(|(file, reached)| reached.contains(**file));
    inside
        .map(|(file, reached)| {
            let back = |other: &&String| {
                reach
                    .get(other)
                    .is_some_and(|theirs| theirs.contains(*file))
            };
            reached.iter().filter(back).cloned().collect()
        })
        .collect()
}

#[test]
fn files_import_each_other_in_no_circle() {
    let words =
        |circle: &BTreeSet<String>| circle.iter().cloned().collect::<Vec<_>>().join(" <-> ");
    check(
        "files import each other in a circle",
        circles(&graph(&sources())).iter().map(words),
    );
}

/// Number of the layer that a module of the evaluator belongs to.
fn layer(module: &str) -> usize {
    let name = module
        .strip_prefix("evaluator/")
        .map_or("evaluator.rs", |rest| rest.split('/').next().unwrap());
    let place = LAYERS.iter().position(|layer| *layer == name);
    place.unwrap_or_else(|| panic!("{module} is in no layer of the evaluator"))
}

#[test]
fn layers_of_the_evaluator_import_only_what_lies_below() {
    let is_ours = |file: &str| file == "evaluator" || file.starts_with("evaluator/");
    let graph = graph(&sources());
    let arrows = graph
        .iter()
        .flat_map(|(from, targets)| targets.iter().map(move |to| (from.as_str(), to.as_str())));
    let upward =
        arrows.filter(|(from, to)| is_ours(from) && is_ours(to) && layer(to) > layer(from));
    check(
        "a layer of the evaluator imports a higher one",
        upward.map(|(from, to)| format!("{from} -> {to}")),
    );
}

#[test]
fn circles_are_found() {
    let graph = |arrows: &[(&str, &str)]| -> BTreeMap<String, BTreeSet<String>> {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in arrows {
            graph
                .entry((*from).to_owned())
                .or_default()
                .insert((*to).to_owned());
        }
        graph
    };
    let set = |files: &[&str]| -> BTreeSet<String> {
        files.iter().map(|&file| file.to_owned()).collect()
    };
    assert!(circles(&graph(&[("a", "b"), ("b", "c"), ("a", "c")])).is_empty());
    let found = circles(&graph(&[
        ("a", "b"),
        ("b", "c"),
        ("c", "a"),
        ("d", "a"),
        ("e", "f"),
        ("f", "e"),
    ]));
    assert_eq!(
        found,
        BTreeSet::from([set(&["a", "b", "c"]), set(&["e", "f"])])
    );
}
