//! Names of types stand alone: whoever searches for one finds one thing.

use std::collections::BTreeMap;

use super::check;
use super::source::sources;

/// Rooms whose types share their names with no other type of the library.
const ROOMS: &[&str] = &["evaluator", "cpython", "examine"];

#[test]
fn names_of_types_stand_alone() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in sources() {
        for name in file.types() {
            places.entry(name).or_default().push(file.path.clone());
        }
    }
    let is_ours =
        |path: &String| ROOMS.iter().any(|room| path == &format!("{room}.rs") || path.starts_with(&format!("{room}/")));
    let shared = places.iter().filter(|(_, paths)| paths.len() > 1 && paths.iter().any(is_ours));
    check("two types share a name", shared.map(|(name, paths)| format!("{name}: {}", paths.join(", "))));
}
