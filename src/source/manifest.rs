//! What manifests say: the build system in `pyproject.toml`, and PyO3's version in `Cargo.toml` and `Cargo.lock`.

use toml::{Table, Value};

use crate::model::source::{
    BuildRequirement, LimitedApiUse, LimitedApiUser, SourceCrate, SourcePlace, VersionReach,
};

use super::limited::{MACRO, use_of};

/// Crates that decide on which interpreters a build with them works.
const CRATES: [&str; 2] = ["pyo3", "pyo3-ffi"];
/// Tables of `Cargo.toml` with dependencies.
const DEPENDENCIES: [&str; 2] = ["dependencies", "build-dependencies"];

/// The largest manifest that is parsed, and the largest lock file, in bytes: real ones have some tens of kilobytes.
const LARGEST_MANIFEST: usize = 1 << 20;
const LARGEST_LOCK: usize = 4 << 20;
/// How many items of a list count, and how many packages of a lock file.
const MOST_ITEMS: usize = 500;
const MOST_CRATES: usize = 64;

/// Why a manifest is not parsed; `None` when it is.
pub(super) fn too_large(name: &str, text: &str) -> Option<String> {
    let limit = match name {
        "pyproject.toml" | "Cargo.toml" => LARGEST_MANIFEST,
        "Cargo.lock" => LARGEST_LOCK,
        _ => return None,
    };
    (text.len() > limit).then(|| {
        format!(
            "it has {} bytes, more than the limit of {limit}",
            text.len()
        )
    })
}

/// `[build-system]`, and the tool tables that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BuildSystem {
    pub(super) backend: Option<String>,
    pub(super) requires: Vec<BuildRequirement>,
    /// Last component of the module that maturin builds.
    pub(super) module: Option<String>,
    /// `backend-path`: folders of a backend that the project brings along.
    pub(super) backend_path: Vec<String>,
    /// `features` that maturin turns on, with their line.
    pub(super) features: Vec<(String, u32)>,
    /// `requires-python` of `[project]`.
    pub(super) requires_python: Option<String>,
}

/// Reads `pyproject.toml`; what is no TOML says nothing.
pub(super) fn build_system(path: &str, text: &str) -> BuildSystem {
    let table: Table = text.parse().unwrap_or_default();
    let system = table.get("build-system").and_then(Value::as_table);
    let get = |key: &str| system.and_then(|system| system.get(key));
    let requires = get("requires")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let requirement = |text: &str, of: &str| BuildRequirement {
        text: text.to_owned(),
        place: SourcePlace {
            path: path.to_owned(),
            line: line_of(of, text),
        },
    };
    let maturin = |key: &str| {
        table
            .get("tool")
            .and_then(|tool| tool.get("maturin"))
            .and_then(|it| it.get(key))
    };
    let project = |key: &str| table.get("project").and_then(|project| project.get(key));
    BuildSystem {
        backend: get("build-backend")
            .and_then(Value::as_str)
            .map(str::to_owned),
        requires: requires
            .iter()
            .filter_map(Value::as_str)
            .take(MOST_ITEMS)
            .map(|line| requirement(line, text))
            .collect(),
        module: maturin("module-name")
            .and_then(Value::as_str)
            .and_then(|name| name.rsplit('.').next())
            .map(str::to_owned),
        backend_path: texts(get("backend-path")),
        features: texts(maturin("features"))
            .into_iter()
            .map(|it| (it.clone(), line_of(text, &it)))
            .collect(),
        requires_python: project("requires-python")
            .and_then(Value::as_str)
            .map(str::to_owned),
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    items
        .iter()
        .filter_map(Value::as_str)
        .take(MOST_ITEMS)
        .map(str::to_owned)
        .collect()
}

/// The line on which a text stands first; 1 when it is written in another way there.
fn line_of(text: &str, sought: &str) -> u32 {
    (1..)
        .zip(text.lines())
        .find(|(_, line)| line.contains(sought))
        .map_or(1, |(number, _)| number)
}

/// Uses in the tables of build backends in `pyproject.toml`.
pub(super) fn limited_api(path: &str, text: &str) -> Vec<LimitedApiUse> {
    let table: Table = text.parse().unwrap_or_default();
    let tool = |name: &str| table.get("tool").and_then(|tool| tool.get(name));
    let line = |sought: &str| {
        (1..)
            .zip(text.lines())
            .find(|(_, line)| line.contains(sought))
            .map_or(1, |(line, _)| line)
    };
    let mut uses = Vec::new();
    let mut add = |user, means: &str, sought: &str| {
        uses.push(use_of(
            user,
            means,
            VersionReach::ALWAYS,
            path,
            line(sought),
        ))
    };
    let options = tool("distutils").and_then(|it| it.get("bdist_wheel").or(it.get("bdist-wheel")));
    let option = options
        .and_then(|it| it.get("py-limited-api").or(it.get("py_limited_api")))
        .and_then(Value::as_str);
    if option.is_some_and(|option| option.starts_with("cp")) {
        add(LimitedApiUser::Backend, "py-limited-api", "limited");
    }
    // <https://mesonbuild.com/meson-python/reference/pyproject-settings.html>
    let is_limited = tool("meson-python")
        .and_then(|it| it.get("limited-api"))
        .and_then(Value::as_bool);
    if is_limited == Some(true) && !text.contains("allow_limited_api=false") {
        add(LimitedApiUser::Backend, "limited-api", "limited-api");
    }
    if ["setuptools", "meson-python", "scikit-build"]
        .iter()
        .any(|name| tool(name).is_some_and(|it| holds(it, 0)))
    {
        add(LimitedApiUser::Headers, MACRO, MACRO);
    }
    uses
}

/// Whether a text in a table asks for the macro.
fn holds(value: &Value, depth: usize) -> bool {
    match value {
        Value::String(text) => text == MACRO || text.contains("-DPy_LIMITED_API"),
        Value::Array(items) if depth < 16 => items.iter().any(|item| holds(item, depth + 1)),
        Value::Table(items) if depth < 16 => items
            .iter()
            .any(|(key, item)| key == MACRO || holds(item, depth + 1)),
        _ => false,
    }
}

/// What one `Cargo.toml` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CargoManifest {
    /// PyO3, with the version that is required.
    pub(super) crates: Vec<SourceCrate>,
    /// `rust-version`.
    pub(super) rust_version: Option<String>,
    /// Name of the library.
    pub(super) library: Option<String>,
    /// Features of PyO3 that are turned on whatever the build asks for, with their line.
    pub(super) features: Vec<(String, u32)>,
    /// Features of the crate, each with those that it turns on.
    pub(super) own_features: Vec<(String, Vec<String>)>,
}

/// Reads `Cargo.toml`.
pub(super) fn cargo(path: &str, text: &str) -> CargoManifest {
    let table: Table = text.parse().unwrap_or_default();
    let workspace = table.get("workspace").and_then(Value::as_table);
    let package = table.get("package").and_then(Value::as_table);
    let (mut crates, mut features) = (Vec::new(), Vec::new());
    for tables in [Some(&table), workspace].into_iter().flatten() {
        for dependencies in DEPENDENCIES
            .iter()
            .filter_map(|key| tables.get(*key)?.as_table())
        {
            for name in CRATES {
                let Some(dependency) = dependencies.get(name) else {
                    continue;
                };
                let line = line_of(text, name);
                features.extend(
                    texts(dependency.get("features"))
                        .into_iter()
                        .map(|feature| (feature, line)),
                );
                let Some(version) = required(dependency) else {
                    continue;
                };
                let place = SourcePlace {
                    path: path.to_owned(),
                    line,
                };
                if let Some(minor) = minor_of_requirement(version) {
                    crates.push(SourceCrate {
                        name: name.to_owned(),
                        minor,
                        text: version.to_owned(),
                        place,
                    });
                }
            }
        }
    }
    let get = |key: &str| {
        package
            .and_then(|package| package.get(key))
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let own = table
        .get("features")
        .and_then(Value::as_table)
        .into_iter()
        .flatten();
    let library = table
        .get("lib")
        .and_then(|lib| lib.get("name"))
        .and_then(Value::as_str)
        .map(str::to_owned);
    CargoManifest {
        crates,
        rust_version: get("rust-version"),
        library: library.or(get("name").map(|name| name.replace('-', "_"))),
        features,
        own_features: own
            .take(MOST_ITEMS)
            .map(|(name, value)| (name.clone(), texts(Some(value))))
            .collect(),
    }
}

fn required(dependency: &Value) -> Option<&str> {
    dependency
        .as_str()
        .or(dependency.get("version").and_then(Value::as_str))
}

/// The 27 of `0.27.1`, when the requirement allows no other. <https://doc.rust-lang.org/cargo/reference/specifying-dependencies.html>
fn minor_of_requirement(text: &str) -> Option<u32> {
    let text = text.trim();
    if text.contains(',') || text.starts_with(['>', '<', '*']) {
        return None;
    }
    minor_of(text.trim_start_matches(['^', '~', '=', ' ']))
}

fn minor_of(version: &str) -> Option<u32> {
    let (major, rest) = version.split_once('.')?;
    (major == "0")
        .then(|| rest.split('.').next()?.parse().ok())
        .flatten()
}

/// Reads `Cargo.lock`: the versions that are built.
pub(super) fn lock(path: &str, text: &str) -> Vec<SourceCrate> {
    let table: Table = text.parse().unwrap_or_default();
    let packages = table
        .get("package")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let get =
        |package: &Value, key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
    let lines = CRATES.map(|name| (name, line_of(text, &format!("name = \"{name}\"")) + 1));
    let mut crates = Vec::new();
    for package in packages {
        if crates.len() == MOST_CRATES {
            break;
        }
        let (Some(name), Some(version)) = (get(package, "name"), get(package, "version")) else {
            continue;
        };
        let Some((_, line)) = lines.into_iter().find(|(of, _)| *of == name) else {
            continue;
        };
        let Some(minor) = minor_of(&version) else {
            continue;
        };
        crates.push(SourceCrate {
            name,
            minor,
            text: version,
            place: SourcePlace {
                path: path.to_owned(),
                line,
            },
        });
    }
    crates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_system_is_read() {
        let text = "[build-system]\nrequires = [\n 'maturin>=1',\n \"cffi\"\n]\nbuild-backend = 'maturin'\n[tool.maturin]\nmodule-name = 'a.b._c'\n";
        let system = build_system("pyproject.toml", text);
        assert_eq!(system.backend.as_deref(), Some("maturin"));
        let requires: Vec<(&str, u32)> = system
            .requires
            .iter()
            .map(|it| (it.text.as_str(), it.place.line))
            .collect();
        assert_eq!(requires, [("maturin>=1", 3), ("cffi", 4)]);
        assert_eq!(system.module.as_deref(), Some("_c"));
        assert_eq!(
            build_system("pyproject.toml", "x = ["),
            BuildSystem::default()
        );
    }

    #[test]
    fn versions_of_pyo3_are_read() {
        let minor = |text: &str| cargo("Cargo.toml", text).crates.first().map(|it| it.minor);
        assert_eq!(minor("[dependencies]\npyo3 = '0.27'\n"), Some(27));
        assert_eq!(
            minor("[dependencies.pyo3]\nversion = '=0.22.6'\n"),
            Some(22)
        );
        assert_eq!(
            minor("[workspace.dependencies]\npyo3 = { version = '^0.28.1' }\n"),
            Some(28)
        );
        assert_eq!(minor("[dependencies]\npyo3 = '>=0.20, <0.30'\n"), None);
        assert_eq!(minor("[dependencies]\nserde = '1'\n"), None);
        let crates = lock(
            "Cargo.lock",
            "[[package]]\nname = \"pyo3\"\nversion = \"0.22.6\"\n",
        );
        assert_eq!(
            crates.first().map(|it| (it.minor, it.place.line)),
            Some((22, 3))
        );
    }

    #[test]
    fn tables_of_backends_ask_for_the_limited_api() {
        let toml = |text: &str| limited_api("pyproject.toml", text).len();
        assert_eq!(
            toml("[tool.distutils.bdist_wheel]\npy-limited-api = 'cp39'\n"),
            1
        );
        assert_eq!(toml("[tool.meson-python]\nlimited-api = true\n"), 1);
        assert_eq!(
            toml(
                "[tool.meson-python]\nlimited-api = true\nargs.setup = ['-Dpython.allow_limited_api=false']\n"
            ),
            0
        );
        assert_eq!(toml("[tool.meson-python]\nlimited-api = false\n"), 0);
        let modules = "[[tool.setuptools.ext-modules]]\nname = 'a'\ndefine-macros = [['Py_LIMITED_API', '3']]\n";
        assert_eq!(
            (toml(modules), toml("[tool.other]\nx = 'Py_LIMITED_API'\n")),
            (1, 0)
        );
    }
}
