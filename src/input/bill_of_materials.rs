//! What bills of materials have in common: package URLs, the packages among them that are of PyPI, and what is said of the
//! others.
//!
//! <https://github.com/package-url/purl-spec>

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::credentials::decoded;
use super::document::LinedDocument;
use super::error::InputError;
use crate::model::lock::{Lock, LockedEdge, LockedPackage, Pin};
use crate::model::name::{MarkerTree, Requirement};
use crate::model::place::Place;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::{Request, Requests, WantedPackage};

/// Most relations between packages that are followed.
const MOST_RELATIONS: usize = 200_000;

/// The packages of one bill, as far as they were read.
pub(super) struct BillPackages<'a> {
    document: &'a LinedDocument,
    lock: Lock,
    /// Positions of packages by the names that the bill itself gives them.
    positions: BTreeMap<String, usize>,
    requests: Vec<Request>,
    /// How many components are of no Python package, by their kind.
    others: BTreeMap<String, usize>,
    relations: usize,
}

/// What a package URL says: `pkg:pypi/django@5.2?x=y#z`.
struct PackageUrl {
    kind: String,
    name: String,
    version: Option<String>,
}

impl PackageUrl {
    fn parse(text: &str) -> Option<PackageUrl> {
        let rest = text.strip_prefix("pkg:")?.trim_start_matches('/');
        let rest = rest
            .split('#')
            .next()
            .unwrap_or_default()
            .split('?')
            .next()
            .unwrap_or_default();
        let (kind, rest) = rest.split_once('/')?;
        let (path, version) = match rest.rsplit_once('@') {
            Some((path, version)) => (
                path,
                Some(decoded(version)).filter(|version| !version.is_empty()),
            ),
            None => (rest, None),
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        Some(PackageUrl {
            kind: kind.to_ascii_lowercase(),
            name: decoded(name),
            version,
        })
    }
}

impl<'a> BillPackages<'a> {
    pub(super) fn new(document: &'a LinedDocument) -> BillPackages<'a> {
        let lock = Lock {
            file: document.shown().to_owned(),
            ..Lock::default()
        };
        let (positions, requests, others) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        BillPackages {
            document,
            lock,
            positions,
            requests,
            others,
            relations: 0,
        }
    }

    /// Adds a component with the name that the bill gives it, its package URL, and the part of the text that describes it.
    /// `marker` says on which targets it is there, where the writer has words for that.
    pub(super) fn add(
        &mut self,
        reference: Option<&str>,
        purl: Option<&str>,
        marker: Option<&str>,
        raw: &RawValue,
    ) -> Result<(), InputError> {
        let place = match purl.and_then(|purl| raw.get().find(purl)) {
            Some(offset) => self.document.raw_place_at(raw, offset),
            None => self.document.raw_place(raw),
        };
        let Some(text) = purl else {
            *self
                .others
                .entry("without a package URL".to_owned())
                .or_default() += 1;
            return Ok(());
        };
        let Some(purl) = PackageUrl::parse(text) else {
            return Err(self.document.expected("a package URL", text, &place));
        };
        if purl.kind != "pypi" {
            *self.others.entry(purl.kind).or_default() += 1;
            return Ok(());
        }
        let name = self.document.name(&purl.name, &place)?;
        let listed = match marker {
            Some(marker) => self.document.marker(marker, &place)?,
            None => MarkerTree::TRUE,
        };
        let Some(version) = purl.version else {
            // Nothing is pinned, so an installer is free to choose.
            let wanted = Requirement {
                name,
                extras: vec![],
                version_or_url: None,
                marker: listed,
                origin: None,
            };
            self.requests.push(Request {
                wanted: WantedPackage::Named(wanted),
                hashes: Vec::new(),
                place,
            });
            return Ok(());
        };
        let pin = Pin::Version(self.document.version(&version, &place)?);
        // Tools list a component once for each place where they found it.
        let known = self
            .lock
            .packages
            .iter()
            .position(|known| known.name == name && known.pin == pin);
        let at = known.unwrap_or(self.lock.packages.len());
        if known.is_none() {
            let (listed, hashes, dependencies) = (Some(listed), Vec::new(), Vec::new());
            self.lock.packages.push(LockedPackage {
                name,
                pin,
                listed,
                hashes,
                dependencies,
                place,
            });
        }
        for reference in reference.into_iter().chain([text]) {
            self.positions.entry(reference.to_owned()).or_insert(at);
        }
        Ok(())
    }

    /// Says that one component requires another; both by the names that the bill gives them.
    pub(super) fn relate(&mut self, from: &str, to: &str) -> Result<(), InputError> {
        self.relations += 1;
        if self.relations > MOST_RELATIONS {
            let (place, found) = (self.document.line(1), from.to_owned());
            let (limit, unit) = (MOST_RELATIONS, "relations between components");
            return Err(InputError::TooMuch {
                place,
                found,
                limit,
                unit,
            });
        }
        let (Some(from), Some(to)) = (self.positions.get(from), self.positions.get(to)) else {
            return Ok(());
        };
        if let Some(package) = self.lock.packages.get_mut(*from) {
            let edge = LockedEdge {
                to: *to,
                extras: Vec::new(),
                marker: MarkerTree::TRUE,
                of_extra: None,
            };
            package.dependencies.push(edge);
        }
        Ok(())
    }

    /// Adds what was read to the input.
    pub(super) fn finish(self, requests: &mut Requests) {
        if !self.others.is_empty() {
            let kinds: Vec<String> = self
                .others
                .iter()
                .map(|(kind, count)| format!("{count} {kind}"))
                .collect();
            let message = format!(
                "components that are not of PyPI are not judged: {}",
                kinds.join(", ")
            );
            let place: Place = self.document.line(1);
            let (kind, place) = (ProblemKind::File, place.file);
            requests.problems.push(Problem {
                kind,
                package: None,
                place,
                message,
            });
        }
        requests.requests.extend(self.requests);
        requests.locks.push(self.lock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_urls_are_taken_apart() {
        let check = |text: &str, expected: Option<(&str, &str, Option<&str>)>| {
            let found = PackageUrl::parse(text);
            let found = found.as_ref().map(|purl| {
                (
                    purl.kind.as_str(),
                    purl.name.as_str(),
                    purl.version.as_deref(),
                )
            });
            assert_eq!(found, expected, "{text}");
        };
        check("pkg:pypi/django@5.2", Some(("pypi", "django", Some("5.2"))));
        check(
            "pkg:PyPI/a.b@1.0%2Bcpu?file_name=a#x",
            Some(("pypi", "a.b", Some("1.0+cpu"))),
        );
        check(
            "pkg:npm/%40angular/core@1",
            Some(("npm", "core", Some("1"))),
        );
        check("pkg:pypi/a", Some(("pypi", "a", None)));
        check("pypi/a@1", None);
        check("pkg:pypi", None);
    }
}
