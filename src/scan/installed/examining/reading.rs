//! Reads installed files within limits: on disk or in a container image, whole, or as much as tells that there is no hook.

use std::fs::File;
use std::io::{self, Read, Take};
use std::path::Path;

use crate::archive::candidates::{ModuleCandidate, PREFIXES, ProbeStep};
use crate::archive::header_probe::{HeaderProbe, probe_header};
use crate::installed::{ContainerImage, InstalledFile};

use super::{FileBytes, InstalledExaminer};

impl InstalledExaminer<'_> {
    /// All bytes of a file that was passed by before.
    pub(super) fn read_whole(
        &self,
        file: &InstalledFile,
        image: Option<&ContainerImage>,
    ) -> io::Result<Vec<u8>> {
        let Some(image) = image else {
            return rest(
                file,
                self.limited(file, File::open(&file.location)?)?,
                Vec::new(),
            );
        };
        let mut read = Ok(Vec::new());
        let mut take = |_: &Path, reader: &mut dyn Read| {
            read = self
                .limited(file, reader)
                .and_then(|reader| rest(file, reader, Vec::new()));
        };
        let unread = image.read_each(std::slice::from_ref(&file.location), self.limits, &mut take);
        unread
            .into_iter()
            .next()
            .map_or(read, |(_, why)| Err(io::Error::other(why)))
    }

    pub(super) fn read(&self, file: &InstalledFile, bytes: impl Read) -> FileBytes {
        let mut reader = self.limited(file, bytes)?;
        let mut bytes = Vec::new();
        if let Some(candidate) =
            ModuleCandidate::of(&file.path).filter(|it| it.first_step(file.size) == ProbeStep::Peek)
        {
            for length in PREFIXES {
                let more = length.saturating_sub(bytes.len() as u64);
                reader.by_ref().take(more).read_to_end(&mut bytes)?;
                match probe_header(&candidate.module, &bytes) {
                    HeaderProbe::NoHook => return Ok(None),
                    HeaderProbe::Beyond => {}
                    HeaderProbe::Hook | HeaderProbe::Unclear => break,
                }
            }
        }
        rest(file, reader, bytes).map(Some)
    }

    /// A file's bytes, no more of them than the limit.
    fn limited<Reader: Read>(
        &self,
        file: &InstalledFile,
        bytes: Reader,
    ) -> io::Result<Take<Reader>> {
        let limit = self.limits.member_bytes;
        if file.size > limit {
            return Err(io::Error::other(format!(
                "has {} bytes, more than the limit of {limit}",
                file.size
            )));
        }
        Ok(bytes.take(limit))
    }
}

/// The bytes that were read and those that are left. A file that is cut short, or grows while it is read, is none that a
/// verdict can stand on.
fn rest(file: &InstalledFile, mut reader: impl Read, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    reader.read_to_end(&mut bytes)?;
    if bytes.len() as u64 != file.size {
        return Err(io::Error::other(format!(
            "has {} bytes; expected {}",
            bytes.len(),
            file.size
        )));
    }
    Ok(bytes)
}
