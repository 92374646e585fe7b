//! A saved report as another one is compared with it.

use crate::model::gate::VersionVerdict;
use crate::model::name::{PackageName, Version};
use crate::model::snapshot::Snapshot;

use super::read_error::ReadError;
use super::saved::{SavedPackage, SavedReport};

impl SavedReport {
    /// What the report said, in the form in which it is compared.
    pub fn snapshot(&self) -> Result<Snapshot, ReadError> {
        let content = &self.content;
        let mut snapshot = Snapshot {
            targets: content.targets.clone(),
            ..Snapshot::default()
        };
        for package in &content.packages {
            let (name, version) = (self.name(&package.name)?, self.version(package)?);
            for result in &package.results {
                let state = VersionVerdict {
                    version: version.clone(),
                    verdict: result.verdict,
                };
                snapshot.add(name.clone(), result.target.clone(), state);
            }
        }
        for finding in &content.findings {
            snapshot.findings.insert((
                self.name(&finding.package)?,
                finding.target.clone(),
                finding.rule.clone(),
            ));
        }
        for problem in &content.problems {
            if let Some(package) = &problem.package {
                snapshot
                    .problems
                    .insert((self.name(package)?, problem.place.clone()));
            }
        }
        Ok(snapshot)
    }

    fn name(&self, text: &str) -> Result<PackageName, ReadError> {
        text.parse()
            .map_err(|_| self.wrong("packages".to_owned(), "the name of a package", text))
    }

    fn version(&self, package: &SavedPackage) -> Result<Option<Version>, ReadError> {
        let parsed = package.version.as_ref().map(|text| {
            text.parse()
                .map_err(|_| self.wrong(format!("packages: {}", package.name), "its version", text))
        });
        parsed.transpose()
    }

    fn wrong(&self, place: String, expected: &'static str, found: &str) -> ReadError {
        ReadError::Contradiction {
            file: self.file.clone(),
            place,
            expected,
            found: format!("`{found}`"),
        }
    }
}
