//! Looks into one source distribution or project folder: where what holds the files meets the reader of sources.

use std::path::Path;
use std::sync::Arc;

use crate::archive::limits::ArchiveLimits;
use crate::archive::project;
use crate::archive::record::digest;
use crate::archive::sdist::{self, SdistContents, SdistError, SdistVisitor};
use crate::archive::source::RangeSource;
use crate::model::artifact::{Artifact, FileCheck};
use crate::model::digest::Algorithm;
use crate::model::facts::Fact;
use crate::model::resolution::Choice;
use crate::model::source::{Becomes, Forecast, SourceFacts};
use crate::model::target::Target;
use crate::resolve::{ResolveOptions, markers};
use crate::source::{self, SourceReader};

use super::examination::FileExamination;
use super::examinations::ExaminationIndex;

/// A reader of sources, shown the files of an archive.
#[derive(Default)]
struct SourceVisit(SourceReader);

impl SdistVisitor for SourceVisit {
    fn meet(&mut self, path: &str) -> bool {
        self.0.meet(path)
    }

    fn take(&mut self, path: &str, bytes: &[u8]) {
        self.0.take(path, bytes);
    }

    fn leave(&mut self, path: &str, why: &str) {
        self.0.leave(path, why);
    }
}

/// Looks into an sdist; what keeps it from being read is the reason why its facts are unknown.
pub(super) fn examine(
    artifact: &Artifact,
    source: Arc<dyn RangeSource>,
    algorithms: &[Algorithm],
    limits: ArchiveLimits,
) -> FileExamination {
    let size = source.size();
    let mut check = FileCheck::Unread;
    let facts = whole(&*source, limits).and_then(|bytes| {
        check = FileCheck::Digest(
            algorithms
                .iter()
                .map(|algorithm| digest(*algorithm, &bytes))
                .collect(),
        );
        let read = read(&artifact.filename, Box::new(bytes), limits);
        read.map_err(|error| format!("its sources could not be read: {error}"))
    });
    let source = match facts {
        Ok((_, facts)) => Fact::known(facts, Vec::new()),
        Err(why) => Fact::unknown(why),
    };
    FileExamination {
        source,
        size,
        check,
        ..FileExamination::default()
    }
}

/// Looks into a project folder.
pub(super) fn examine_folder(folder: &Path, limits: ArchiveLimits) -> FileExamination {
    let mut visit = SourceVisit::default();
    project::visit(folder, limits, &mut visit);
    FileExamination {
        source: Fact::known(visit.0.finish(), Vec::new()),
        ..FileExamination::default()
    }
}

/// What an sdist says of itself, and what its sources say.
pub(super) fn read(
    filename: &str,
    source: Box<dyn RangeSource>,
    limits: ArchiveLimits,
) -> Result<(SdistContents, SourceFacts), SdistError> {
    let mut visit = SourceVisit::default();
    let sdist = sdist::visit(filename, source, limits, &mut visit)?;
    let mut facts = visit.0.finish();
    facts.requires_python = sdist
        .metadata
        .requires_python
        .as_ref()
        .map(ToString::to_string)
        .or(facts.requires_python);
    Ok((sdist, facts))
}

/// The bytes of the whole file.
fn whole(source: &dyn RangeSource, limits: ArchiveLimits) -> Result<Vec<u8>, String> {
    let (size, limit) = (source.size(), limits.sdist_packed_bytes);
    if size > limit {
        return Err(format!(
            "it has {size} bytes, more than the limit of {limit} up to which sources are fetched"
        ));
    }
    source.read(0..size).map_err(|error| error.to_string())
}

/// What is foreseen of a build on a target; `None` on one with the GIL.
pub(super) fn of_facts(facts: &SourceFacts, target: Target) -> Option<Forecast> {
    let markers = markers::environment(target, ResolveOptions::default().python_patch).ok();
    source::forecast(facts, target, markers.as_ref())
}

/// What is foreseen of the build of a chosen sdist or project folder on a target.
pub(super) fn forecast(
    choice: &Choice,
    target: Target,
    examinations: &ExaminationIndex,
) -> Option<Forecast> {
    let Choice::Source { artifact } = choice else {
        return None;
    };
    match &examinations.get(&artifact.location)?.source {
        Fact::Known { value, .. } => of_facts(value, target),
        Fact::Unknown { why, .. } => target.python.free_threaded.then(|| Forecast {
            becomes: Becomes::Unknown,
            reason: format!("what it becomes is unknown: {why}"),
            needs: Vec::new(),
            requires: Vec::new(),
            evidence: Vec::new(),
        }),
    }
}
