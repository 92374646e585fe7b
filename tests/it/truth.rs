//! A part of the table of truth, judged as `examples/truth` does it: small modules of every generator, and those whose
//! declaration is not what it seems (`fixtures/hooks`).

use std::path::Path;

use crate::fixtures::Fixtures;

#[path = "../../examples/truth/judge.rs"]
mod judge;

use judge::{Row, judge};

/// Modules whose declaration is not understood. The number only falls.
const MOST_UNKNOWN: usize = 4;

const FIXTURES: Fixtures = Fixtures("hooks");

/// What is compared: (rows, answers that are wrong, unknown ones).
fn compare(wanted: fn(&Row) -> bool) -> (usize, Vec<String>, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let table = std::fs::read_to_string(folder.join("truth.jsonl")).unwrap();
    let rows: Vec<Row> = table
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(wanted)
        .collect();
    let (mut wrong, mut unknown) = (Vec::new(), Vec::new());
    for row in &rows {
        let file = row.file.as_deref().unwrap();
        assert_eq!(row.wheel, None, "{file}: nothing is fetched");
        let answer = judge(row, &std::fs::read(folder.join(file)).unwrap()).unwrap();
        let line = format!(
            "{file} as {} on 3.{}t: {}, {}",
            judge::module_name(&row.member),
            judge::minor(row),
            answer.word,
            answer.why
        );
        match answer.word {
            word if word == row.truth => {
                assert!(answer.facts.is_some() || word == "not_a_module", "{file}")
            }
            "unknown" => unknown.push(line),
            _ => wrong.push(line),
        }
    }
    (rows.len(), wrong, unknown)
}

fn is_misread(row: &Row) -> bool {
    row.generator.as_deref() == Some("misread")
}

#[test]
fn hooks_that_were_misread_are_what_the_recipe_built() {
    FIXTURES.check_sums();
}

#[test]
fn hooks_that_were_misread_are_not_wrong_any_more() {
    let (rows, wrong, _) = compare(is_misread);
    assert_eq!((rows, wrong), (90, Vec::new()));
}

#[test]
fn modules_of_every_generator_get_the_answer_of_cpython() {
    let (rows, wrong, unknown) = compare(|row| !is_misread(row));
    assert_eq!((rows, wrong), (122, Vec::new()));
    assert!(unknown.len() <= MOST_UNKNOWN, "{unknown:#?}");
}
