//! Small modules of every generator, on every platform, with a declaration and without: `fixtures/generators`.

use std::path::{Path, PathBuf};
use std::process::Command;

use ungil::examine::read;
use ungil::model::facts::{Fact, GilDeclaration, Hook, ImageFacts};

use crate::fixtures::Fixtures;

/// Where a free-threaded CPython 3.13 for Linux on x86-64 is looked for.
const VARIABLE: &str = "UNGIL_PYTHON_FT";
/// The same, packed, beside the repository.
const PACKED: &str = "../shared/python3.13t-linux-x86_64.tar.xz";
/// Says what importing the module in the file did to the GIL.
const IMPORT: &str = "import sys, importlib.util as util
spec = util.spec_from_file_location(sys.argv[1], sys.argv[2])
spec.loader.exec_module(util.module_from_spec(spec))
print(sys._is_gil_enabled())";

const FIXTURES: Fixtures = Fixtures("generators");

/// A line of `modules.tsv`, whose head says what the columns are.
struct Row {
    file: String,
    /// Format, machine, generator, version, hook, kind of hook, declaration.
    expected: [String; 7],
    /// What the import needs besides the interpreter; `-` for nothing.
    needs: String,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(FIXTURES.folder().join("modules.tsv")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let row = |line: &str| {
        let mut cells = line.split('\t').map(str::to_owned);
        let mut next = || {
            cells
                .next()
                .unwrap_or_else(|| panic!("too few cells: {line}"))
        };
        Row {
            file: next(),
            expected: std::array::from_fn(|_| next()),
            needs: next(),
        }
    };
    lines.map(row).collect()
}

/// As it is written in a report.
fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

fn declaration(fact: &Fact<GilDeclaration>) -> String {
    match fact {
        Fact::Known {
            value: GilDeclaration::Absent,
            ..
        } => "absent".to_owned(),
        Fact::Known {
            value: GilDeclaration::NotAModule,
            ..
        } => "no module".to_owned(),
        Fact::Known {
            value: GilDeclaration::Slot { value },
            ..
        } => format!("slot {value}"),
        Fact::Known {
            value: GilDeclaration::SetGil { value },
            ..
        } => format!("call {value}"),
        Fact::Known {
            value: GilDeclaration::Delegated { to },
            ..
        } => format!("delegated to {to}"),
        Fact::Unknown { .. } => "unknown".to_owned(),
    }
}

fn hook(image: &ImageFacts) -> &Hook {
    let hooks = image.hooks.value().unwrap();
    assert_eq!(hooks.len(), 1, "{hooks:?}");
    &hooks[0]
}

fn found(image: &ImageFacts) -> [String; 7] {
    let toolchain = image.toolchain.value().unwrap();
    let hook = hook(image);
    [
        word(&image.format),
        image.architecture.clone(),
        word(&toolchain.generator),
        toolchain.version.clone().unwrap_or("-".to_owned()),
        hook.symbol.clone(),
        hook.facts.init.value().map_or("unknown".to_owned(), word),
        declaration(&hook.facts.gil),
    ]
}

/// Reads the file under a name for which the import system would call the hook.
fn check(row: &Row) -> Result<(), String> {
    let path = format!("{}.so", row.expected[4].trim_start_matches("PyInit_"));
    let facts = read(&path, &FIXTURES.built(&row.file))
        .unwrap()
        .unwrap_or_else(|| panic!("{} is no object file", row.file));
    let found = found(&facts.images[0]);
    if found == row.expected {
        return Ok(());
    }
    Err(format!(
        "{}\n  expected {:?}\n  found    {found:?}\n  {:?}\n",
        row.file,
        row.expected,
        hook(&facts.images[0]).facts.gil
    ))
}

#[test]
fn fixtures_are_what_the_recipe_built() {
    FIXTURES.check_sums();
}

#[test]
fn every_generator_is_known_and_its_declaration_read() {
    let rows = rows();
    let names = FIXTURES.names();
    let without: Vec<&String> = names
        .iter()
        .filter(|name| !rows.iter().any(|row| row.file == **name))
        .collect();
    assert!(without.is_empty(), "without a line: {without:?}");
    let failures: Vec<String> = rows.iter().filter_map(|row| check(row).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {} differ:\n{}",
        failures.len(),
        rows.len(),
        failures.concat()
    );
}

/// The interpreter that the variable names, or else the one that is packed beside the repository, unpacked.
fn interpreter(scratch: &Path) -> PathBuf {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return PathBuf::from(path);
    }
    let packed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(PACKED);
    assert!(
        packed.exists(),
        "this test needs {VARIABLE} to name a free-threaded CPython 3.13, or {PACKED}"
    );
    let status = Command::new("tar")
        .arg("-xJf")
        .arg(&packed)
        .arg("-C")
        .arg(scratch)
        .status()
        .unwrap();
    assert!(
        status.success(),
        "{} could not be unpacked",
        packed.display()
    );
    scratch.join("python3.13t/bin/python3.13t")
}

/// Whether the GIL is on after the import.
fn import(python: &Path, scratch: &Path, row: &Row) -> bool {
    let name = row.expected[4].trim_start_matches("PyInit_");
    let folder = scratch.join(&row.file);
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join(format!("{name}.cpython-313t-x86_64-linux-gnu.so"));
    std::fs::write(&path, FIXTURES.built(&row.file)).unwrap();
    let mut command = Command::new(python);
    let output = command
        .args(["-I", "-W", "ignore", "-c", IMPORT, name])
        .arg(&path)
        .env_remove("PYTHON_GIL")
        .output();
    let output = output.unwrap();
    match output.stdout.as_slice() {
        b"True\n" => true,
        b"False\n" => false,
        _ => panic!("{}: {}", row.file, String::from_utf8_lossy(&output.stderr)),
    }
}

/// What the table says is what CPython does.
#[test]
#[ignore = "needs a free-threaded CPython 3.13 for Linux on x86-64: .ci/run runs this test where there is one"]
fn the_interpreter_does_what_the_declaration_says() {
    let scratch = tempfile::tempdir().unwrap();
    let rows: Vec<Row> = rows()
        .into_iter()
        .filter(|row| row.file.starts_with("elf-x86_64-") && row.needs == "-")
        .collect();
    assert!(rows.len() > 20);
    let python = interpreter(scratch.path());
    for row in &rows {
        let keeps_off = match row.expected[6].as_str() {
            "unknown" => row.file.contains("-not-used."),
            declared => declared == "slot 1" || declared == "call 1",
        };
        assert_eq!(
            import(&python, scratch.path(), row),
            !keeps_off,
            "{}: whether the GIL is on",
            row.file
        );
    }
}
