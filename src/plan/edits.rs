//! Which lines of the input to edit, and which bounds to set.

use crate::model::digest::Digest;
use crate::model::name::{
    PackageName, Requirement, Version, VersionSpecifiers, of_versions, pinned, specifiers,
};
use crate::model::plan::{BoundLine, LineEdit};
use crate::model::report::Report;
use crate::model::request::{Request, Requests};

use super::revision::{InputRevision, VersionBound};

/// Lines that pin a package whose version differs between the two sets.
pub(super) fn edits(
    requests: &Requests,
    before: &Report,
    after: &Report,
    digests: &dyn Fn(&PackageName, &Version) -> Vec<Digest>,
) -> Vec<LineEdit> {
    let asking = requests.requests.iter().filter(|line| asks(before, line));
    let lines = asking
        .chain(&requests.constraints)
        .filter(|line| line.place.line.is_some());
    let mut edits: Vec<LineEdit> = lines
        .filter_map(|line| {
            let requirement = line.named()?;
            let from = pinned(requirement)?;
            has(before, &requirement.name, from).then_some(())?;
            let to = newest(after, &requirement.name).filter(|to| *to != from)?;
            let digests = (!line.hashes.is_empty()).then(|| digests(&requirement.name, to));
            let (place, name) = (line.place.clone(), requirement.name.clone());
            Some(LineEdit {
                place,
                name,
                from: from.clone(),
                to: to.clone(),
                digests,
            })
        })
        .collect();
    edits.sort_by(|left, right| left.place.cmp(&right.place));
    edits
}

/// Whether the line counts for a target: its marker may say otherwise.
fn asks(report: &Report, line: &Request) -> bool {
    let places = report
        .packages
        .iter()
        .flat_map(|package| &package.required_by)
        .map(|required| &required.place);
    places.into_iter().any(|place| *place == line.place)
}

fn has(report: &Report, name: &PackageName, version: &Version) -> bool {
    report
        .packages
        .iter()
        .any(|package| package.name == *name && package.version.as_ref() == Some(version))
}

fn newest<'a>(report: &'a Report, name: &PackageName) -> Option<&'a Version> {
    report
        .packages
        .iter()
        .filter(|package| package.name == *name)
        .filter_map(|package| package.version.as_ref())
        .max()
}

/// Bounds on packages that nothing pins: in the line that asks for the package, or in one more.
pub(super) fn bounds(
    requests: &Requests,
    before: &Report,
    after: &Report,
    revision: &InputRevision,
) -> Vec<BoundLine> {
    let line = |(name, bound): (&PackageName, &VersionBound)| {
        let mut asking = requests
            .requests
            .iter()
            .filter(|line| line.named().is_some_and(|it| it.name == *name));
        let line = asking.find(|line| asks(before, line));
        let requirement = match line.and_then(Request::named) {
            Some(requirement) => requirement.clone(),
            None => of_versions(name, None),
        };
        let bound = bound.to_string();
        let wanted = match specifiers(&requirement) {
            Some(specifiers) => format!("{specifiers},{bound}").replace(", ", ","),
            None => bound.clone(),
        };
        let wanted: Option<VersionSpecifiers> = wanted.parse().ok();
        let bounded = of_versions(name, wanted);
        let requirement = with_versions(&requirement, bounded);
        let file = after
            .packages
            .iter()
            .chain(&before.packages)
            .find(|package| package.name == *name);
        let file = file
            .and_then(|package| package.required_by.first())
            .map(|required| required.place.file.clone());
        let place = line.map(|line| line.place.clone());
        BoundLine {
            file: file.filter(|_| place.is_none()),
            place,
            name: name.clone(),
            bound,
            requirement,
        }
    };
    revision.bounds.iter().map(line).collect()
}

/// The requirement with other versions, as a line has it.
fn with_versions(requirement: &Requirement, bounded: Requirement) -> String {
    let extras = requirement.extras.clone();
    let bounded = Requirement {
        extras,
        marker: requirement.marker.clone(),
        ..bounded
    };
    bounded.to_string()
}
