//! Where the command is run: a folder to work in, a home and a cache of its own, and nothing of this machine's settings.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests may"
)]

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::server::Server;

/// The target of most tests.
pub(super) const TARGET: &[&str] = &["--python", "3.14t", "--platform", "linux-x86_64"];

/// A place to work at, gone when dropped.
pub(super) struct Sandbox {
    folder: tempfile::TempDir,
}

impl Sandbox {
    pub(super) fn new() -> Sandbox {
        let sandbox = Sandbox {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in ["home", "work"] {
            std::fs::create_dir(sandbox.folder.path().join(folder)).unwrap();
        }
        sandbox
    }

    /// A path in the folder to work in.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// The cache.
    pub(super) fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Writes a file, with its folders.
    pub(super) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The command, ready to be started.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ungil"));
        command
            .env_clear()
            .current_dir(self.path(""))
            .args(arguments)
            .stdin(Stdio::null());
        command
            .env("HOME", self.folder.path().join("home"))
            .env("UNGIL_CACHE_DIR", self.cache());
        command
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("PIP_RETRIES", "1")
            .env("NO_PROXY", "*");
        command
    }

    /// Runs it.
    pub(super) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// `ungil scan` with the server's index, for [`TARGET`], in JSON.
    pub(super) fn scan(&self, server: &Server, arguments: &[&str]) -> Run {
        self.scan_for(server, TARGET, arguments)
    }

    /// `ungil scan` with the server's index, in JSON.
    pub(super) fn scan_for(&self, server: &Server, targets: &[&str], arguments: &[&str]) -> Run {
        let index = server.url("/simple/");
        self.run(
            &[
                &["scan", "--format", "json", "--index-url", &index],
                targets,
                arguments,
            ]
            .concat(),
        )
    }
}

/// How the command ended.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Run {
    pub(super) fn of(command: &mut Command) -> Run {
        let output = command.output().unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The JSON report of a run that wrote nothing else; it fits the schema.
    pub(super) fn report(&self) -> Report {
        Report(self.document(include_str!("../../../docs/report.schema.json")))
    }

    /// The JSON document of a run that wrote nothing else; it fits this schema.
    pub(super) fn document(&self, schema: &str) -> Value {
        assert_eq!(
            self.stderr, "",
            "nothing is told on standard error when it is no terminal"
        );
        let document: Value = serde_json::from_str(&self.stdout).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
        document
    }
}

/// A report in JSON.
#[derive(Debug)]
pub(super) struct Report(pub(super) Value);

impl Report {
    /// `name version target verdict`, one line for each package and target.
    pub(super) fn verdicts(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for package in self.0["packages"].as_array().unwrap() {
            for result in package["results"].as_array().unwrap() {
                let version = package["version"].as_str().unwrap_or("?");
                let [name, target, verdict] =
                    [&package["name"], &result["target"], &result["verdict"]];
                let [name, target, verdict] =
                    [name, target, verdict].map(|value| value.as_str().unwrap());
                let target = target.strip_suffix("-linux-x86_64").unwrap_or(target);
                lines.push(format!("{name} {version} {target} {verdict}"));
            }
        }
        lines
    }

    /// The package of this name.
    pub(super) fn package(&self, name: &str) -> &Value {
        let packages = self.0["packages"].as_array().unwrap();
        packages
            .iter()
            .find(|package| package["name"] == name)
            .unwrap()
    }

    /// What is said of the package on the first target.
    pub(super) fn result(&self, name: &str) -> &Value {
        &self.package(name)["results"][0]
    }

    /// What a rule says of a package, the first of it.
    pub(super) fn finding(&self, package: &str, rule: &str) -> Option<&Value> {
        let mut findings = self.0["findings"].as_array().unwrap().iter();
        findings.find(|finding| finding["package"] == package && finding["rule"] == rule)
    }

    /// `kind place: message`, one line for each problem.
    pub(super) fn problems(&self) -> Vec<String> {
        let problems = self.0["problems"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        problems
            .map(|it| {
                format!(
                    "{} {}: {}",
                    text(&it["kind"]),
                    text(&it["place"]),
                    text(&it["message"])
                )
            })
            .collect()
    }

    /// A number of the summary.
    pub(super) fn count(&self, name: &str) -> u64 {
        self.0["summary"][name].as_u64().unwrap()
    }

    /// `file:line:column package package`, one line for each path that leads to the package.
    pub(super) fn paths(&self, name: &str) -> Vec<String> {
        let paths = self.package(name)["required_by"].as_array().unwrap().iter();
        let told = paths.map(|required| {
            let place = &required["place"];
            let mut line = place["file"].as_str().unwrap().to_owned();
            for number in [&place["line"], &place["column"]]
                .into_iter()
                .filter(|number| !number.is_null())
            {
                line.push_str(&format!(":{number}"));
            }
            for package in required["path"].as_array().unwrap() {
                line.push_str(&format!(" {}", package.as_str().unwrap()));
            }
            line
        });
        told.collect()
    }
}
